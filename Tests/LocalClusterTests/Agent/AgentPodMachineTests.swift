import KubernetesAPI
import Testing

@testable import LocalCluster

/// A pod machine with a clock that the test moves.
private struct MachineBed {
  var machine: PodMachine
  var now = Timestamp(epochMilliseconds: 1_800_000_000_000)
  var actions: [PodMachine.Action] = []

  init(_ spec: JSONValue) {
    let object = KubernetesObject([
      "metadata": ["name": "p", "namespace": "ns", "uid": "u"], "spec": spec,
    ])
    machine = PodMachine(pod: PodSpecification(object), now: now)
    send(.tick)
  }

  mutating func send(_ event: PodMachine.Event) { actions += machine.handle(event, now: now) }

  mutating func pass(_ duration: Duration) {
    now = now + duration
    send(.tick)
  }

  mutating func take() -> [PodMachine.Action] {
    defer { actions = [] }
    return actions
  }

  /// Starts what is asked to be started.
  mutating func begin() {
    send(.prepared(address: "127.1.1.1"))
    for case .start(let container, let run) in take() { send(.started(container: container, run: run)) }
  }

  mutating func exit(_ container: String, run: Int, code: Int) {
    send(.exited(container: container, run: run, ProcessExit(code: code), message: ""))
  }

  func status() -> JSONValue {
    PodStatusWriter(machine: machine, nodeAddress: "127.1.0.1").status(current: nil, now: now)
  }

  func condition(_ type: String) -> String? {
    status()["conditions"]?.arrayValue?.first { $0["type"]?.stringValue == type }?["status"]?.stringValue
  }

  func waitingReason(_ index: Int = 0) -> String? {
    status()["containerStatuses"]?.arrayValue?[index]["state", "waiting", "reason"]?.stringValue
  }
}

@Suite struct AgentPodMachineTests {
  private let plain: JSONValue = ["nodeName": "n", "containers": [["name": "c", "image": "busybox"]]]

  @Test func aPodGoesFromPendingToReady() {
    var bed = MachineBed(plain)
    #expect(bed.take() == [.prepare])
    #expect(bed.machine.phase == .pending)
    #expect(bed.waitingReason() == "ContainerCreating")
    bed.send(.prepared(address: "127.1.1.1"))
    #expect(bed.take() == [.start(container: "c", run: 0)])
    #expect(bed.condition("PodReadyToStartContainers") == "True")
    bed.send(.started(container: "c", run: 0))
    #expect(bed.machine.phase == .running)
    #expect(bed.condition("Ready") == "True")
    #expect(bed.machine.wakeAt == nil)
  }

  @Test func theFirstRestartIsAtOnceAndLaterOnesWaitTwiceAsLong() {
    var bed = MachineBed(plain)
    bed.begin()
    var waits: [Int64] = []
    for run in 0..<5 {
      bed.exit("c", run: run, code: 1)
      if bed.take().isEmpty {
        #expect(bed.waitingReason() == "CrashLoopBackOff")
        let wait = bed.machine.wakeAt.map { ($0 - bed.now).components.seconds } ?? -1
        waits.append(wait)
        bed.pass(.seconds(wait) - .milliseconds(1))
        #expect(bed.take() == [])
        bed.pass(.milliseconds(1))
        #expect(bed.take() == [.start(container: "c", run: run + 1)])
      } else {
        waits.append(0)
      }
      bed.send(.started(container: "c", run: run + 1))
    }
    #expect(waits == [0, 10, 20, 40, 80])
    #expect(bed.machine.containers[0].restartCount == 5)
    bed.pass(.seconds(600))
    bed.exit("c", run: 5, code: 1)
    #expect(bed.take() == [.start(container: "c", run: 6)], "a long run forgets the past")
  }

  @Test(arguments: [
    ("Never", 0, PodMachine.Phase.succeeded), ("Never", 1, .failed), ("OnFailure", 0, .succeeded),
    ("OnFailure", 1, .running),
    ("Always", 0, .running),
  ])
  func restartPoliciesDecideThePhase(policy: String, code: Int, phase: PodMachine.Phase) {
    var spec = plain
    spec["restartPolicy"] = .string(policy)
    var bed = MachineBed(spec)
    bed.begin()
    bed.exit("c", run: 0, code: code)
    #expect(bed.machine.phase == phase)
  }

  @Test func initContainersRunOneAfterTheOther() {
    var spec = plain
    spec["initContainers"] = [["name": "a", "image": "busybox"], ["name": "b", "image": "busybox"]]
    var bed = MachineBed(spec)
    _ = bed.take()
    #expect(bed.waitingReason() == "PodInitializing")
    bed.send(.prepared(address: "127.1.1.1"))
    #expect(bed.take() == [.start(container: "a", run: 0)])
    bed.send(.started(container: "a", run: 0))
    bed.exit("a", run: 0, code: 1)
    #expect(bed.take() == [.start(container: "a", run: 1)])
    bed.send(.started(container: "a", run: 1))
    bed.exit("a", run: 1, code: 0)
    #expect(bed.take() == [.start(container: "b", run: 0)])
    #expect(bed.condition("Initialized") == "False")
    bed.send(.started(container: "b", run: 0))
    bed.exit("b", run: 0, code: 0)
    #expect(bed.take() == [.start(container: "c", run: 0)])
    #expect(bed.condition("Initialized") == "True")
  }

  @Test func deletionTerminatesThenKillsThenRemoves() {
    var bed = MachineBed(plain)
    bed.begin()
    bed.send(.deletionRequested(grace: .seconds(30)))
    #expect(bed.take() == [.signal(container: "c", run: 0, ProcessSignal.terminate)])
    bed.pass(.seconds(29))
    #expect(bed.take() == [])
    bed.pass(.seconds(1))
    #expect(bed.take() == [.signal(container: "c", run: 0, ProcessSignal.kill)])
    bed.exit("c", run: 0, code: 137)
    #expect(bed.take() == [.remove(deletingObject: true)])
    bed.send(.tick)
    #expect(bed.take() == [])
  }

  @Test func aShorterGraceOfASecondDeleteCounts() {
    var bed = MachineBed(plain)
    bed.begin()
    bed.send(.deletionRequested(grace: .seconds(30)))
    bed.send(.deletionRequested(grace: .zero))
    #expect(
      bed.take() == [
        .signal(container: "c", run: 0, ProcessSignal.terminate), .signal(container: "c", run: 0, ProcessSignal.kill),
      ])
  }

  @Test func aPodWhoseObjectIsGoneIsKilledAtOnceAndNotDeletedAgain() {
    var bed = MachineBed(plain)
    bed.begin()
    bed.send(.vanished)
    #expect(bed.take() == [.signal(container: "c", run: 0, ProcessSignal.kill)])
    bed.exit("c", run: 0, code: 137)
    #expect(bed.take() == [.remove(deletingObject: false)])
  }

  @Test func aPodThatVanishesWhileAContainerStartsWaitsForItsPid() {
    var bed = MachineBed(plain)
    bed.send(.prepared(address: "127.1.1.1"))
    _ = bed.take()
    bed.send(.vanished)
    #expect(bed.take() == [])
    bed.send(.started(container: "c", run: 0))
    #expect(bed.take() == [.signal(container: "c", run: 0, ProcessSignal.kill)])
  }

  @Test func probesGateReadinessAndRestart() {
    var spec = plain
    spec["containers"] = [
      [
        "name": "c", "image": "busybox",
        "startupProbe": ["tcpSocket": ["port": 1], "periodSeconds": 1, "failureThreshold": 3],
        "readinessProbe": ["tcpSocket": ["port": 1], "periodSeconds": 2, "failureThreshold": 2],
        "livenessProbe": ["tcpSocket": ["port": 1], "periodSeconds": 5, "failureThreshold": 1],
      ]
    ]
    var bed = MachineBed(spec)
    bed.begin()
    bed.send(.tick)
    #expect(bed.take() == [.probe(container: "c", run: 0, .startup)])
    bed.send(.probed(container: "c", run: 0, .startup, passed: false))
    #expect(bed.take() == [])
    bed.pass(.seconds(1))
    #expect(bed.take() == [.probe(container: "c", run: 0, .startup)])
    bed.send(.probed(container: "c", run: 0, .startup, passed: true))
    #expect(bed.take() == [.probe(container: "c", run: 0, .readiness), .probe(container: "c", run: 0, .liveness)])
    #expect(bed.condition("Ready") == "False")
    bed.send(.probed(container: "c", run: 0, .readiness, passed: true))
    bed.send(.probed(container: "c", run: 0, .liveness, passed: true))
    #expect(bed.condition("Ready") == "True")
    bed.pass(.seconds(5))
    _ = bed.take()
    bed.send(.probed(container: "c", run: 0, .liveness, passed: false))
    #expect(bed.take() == [.signal(container: "c", run: 0, ProcessSignal.terminate)])
    bed.pass(.seconds(30))
    #expect(bed.take().contains(.signal(container: "c", run: 0, ProcessSignal.kill)))
    bed.exit("c", run: 0, code: 137)
    #expect(bed.take() == [.start(container: "c", run: 1)])
  }

  @Test func aMissingImageIsLookedForAgain() {
    var bed = MachineBed(plain)
    bed.send(.prepared(address: "127.1.1.1"))
    _ = bed.take()
    bed.send(.imageMissing(container: "c", run: 0, message: "none"))
    #expect(bed.waitingReason() == "ErrImagePull")
    bed.pass(.seconds(1))
    #expect(bed.waitingReason() == "ImagePullBackOff")
    #expect(bed.take() == [])
    bed.pass(.seconds(9))
    #expect(bed.take() == [.start(container: "c", run: 0)])
    bed.send(.imageMissing(container: "c", run: 0, message: "none"))
    bed.pass(.seconds(19))
    #expect(bed.take() == [])
    bed.pass(.seconds(1))
    #expect(bed.take() == [.start(container: "c", run: 0)])
    bed.send(.started(container: "c", run: 0))
    #expect(bed.machine.containers[0].restartCount == 0)
  }

  @Test func whatAnEarlierRunSaysIsIgnored() {
    var bed = MachineBed(plain)
    bed.begin()
    bed.exit("c", run: 0, code: 1)
    bed.send(.started(container: "c", run: 1))
    bed.exit("c", run: 0, code: 1)
    #expect(bed.machine.containers[0].isRunning)
  }
}
