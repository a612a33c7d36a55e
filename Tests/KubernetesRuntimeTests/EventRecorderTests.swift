import KubernetesAPI
import Testing

@testable import KubernetesRuntime

@Suite(.timeLimit(.minutes(2))) struct EventRecorderTests {
  let time = Timestamp(epochMilliseconds: 1_700_000_000_000)

  func event(
    _ reason: String = "Submit", message: String = "Starting deployment", key: String? = nil, isOnce: Bool = false
  ) -> EventRecord {
    EventRecord(
      subject: .init(
        apiVersion: "flink.apache.org/v1beta1", kind: "FlinkDeployment", namespace: "ns", name: "basic", uid: "u-1"),
      severity: .normal, reason: reason, message: message, messageKey: key, component: "JobManagerDeployment",
      isOnce: isOnce)
  }

  func recorder(_ gateway: ScriptedGateway, capacity: Int = 1000) -> EventRecorder {
    EventRecorder(gateway: gateway, capacity: capacity, logger: silent) { [time] in time }
  }

  func stored(count: Int64, lastTimestamp: String = "2020-01-01T00:00:00Z", message: String = "old") -> KubernetesObject
  {
    KubernetesObject([
      "metadata": ["name": "e", "namespace": "ns", "resourceVersion": "77"], "count": JSONValue(count),
      "lastTimestamp": .string(lastTimestamp), "message": .string(message),
    ])
  }

  // Known from Java's documentation and widely published collisions.
  @Test(
    arguments: [
      ("", 0), ("a", 97), ("Aa", 2112), ("BB", 2112), ("hello", 99_162_322), ("hello world", 1_794_106_052),
      ("polygenelubricants", Int32.min), ("é", 233), ("😀", 1_772_899),
    ] as [(String, Int32)])
  func hashesAsJavaDoes(text: String, hash: Int32) {
    #expect(JavaHash.of(text) == hash)
  }

  @Test func namesAreStableAndPositive() {
    let name = event().name
    #expect(name == event().name)
    #expect(name.hasPrefix("JobManagerDeployment."))
    #expect(Int32(name.dropFirst("JobManagerDeployment.".count)).map { $0 >= 0 } == true)
    #expect(event(message: "other").name != name)
    #expect(event(message: "one", key: "k").name == event(message: "two", key: "k").name)
    var other = event()
    other.subject.uid = "u-2"
    #expect(other.name != name)
    // SubmitStarting deploymentNormalFlinkDeploymentbasicu-1
    #expect(name == "JobManagerDeployment.\(Self.expectedHash)")
  }

  /// Computed with 64 bits and a remainder, as a check of the arithmetic.
  static let expectedHash: Int64 = {
    var hash: Int64 = 0
    for unit in "SubmitStarting deploymentNormalFlinkDeploymentbasicu-1".utf16 {
      hash = (hash * 31 + Int64(unit)) & 0xffff_ffff
    }
    return hash & 0x7fff_ffff
  }()

  @Test func createsTheEvent() async throws {
    let gateway = ScriptedGateway()
    let recorder = recorder(gateway)
    recorder.record(event())
    #expect(await recorder.flush() == nil)
    let body = try #require(gateway.bodies.first)
    #expect(body["involvedObject", "uid"] == "u-1")
    #expect(body["involvedObject", "apiVersion"] == "flink.apache.org/v1beta1")
    #expect(body["source", "component"] == "JobManagerDeployment")
    #expect(body["count"] == 1)
    #expect(body["type"] == "Normal")
    #expect(body["firstTimestamp"] == "2023-11-14T22:13:20Z")
    #expect(body["lastTimestamp"] == "2023-11-14T22:13:20Z")
    #expect(body["metadata", "name"]?.stringValue == event().name)
    #expect(gateway.calls == ["create \(event().name)"])
  }

  @Test func repetitionsThatWaitAreOneWrite() async {
    let gateway = ScriptedGateway()
    let recorder = recorder(gateway)
    for _ in 0..<5 { recorder.record(event()) }
    await recorder.flush()
    #expect(gateway.bodies.map { $0["count"] } == [5])
  }

  @Test func countsAnExistingEventUp() async {
    let gateway = ScriptedGateway(
      .init(creates: [rejected(409, "AlreadyExists")], gets: [.success(stored(count: 4)), .success(stored(count: 5))]))
    let recorder = recorder(gateway)
    recorder.record(event(message: "one", key: "k"))
    await recorder.flush()
    // Known by now, so no creation is tried.
    recorder.record(event(message: "two", key: "k"))
    await recorder.flush()
    let name = event(key: "k").name
    #expect(
      gateway.calls == ["create \(name)", "get \(name)", "patch \(name)", "get \(name)", "patch \(name)"])
    #expect(gateway.bodies.dropFirst().map { $0["count"] } == [5, 6])
    #expect(gateway.bodies.last?["message"] == "two")
    #expect(gateway.bodies.last?["metadata", "resourceVersion"] == "77")
    #expect(gateway.bodies.last?["firstTimestamp"] == nil)
  }

  @Test func aConflictIsTriedAgainFromAFreshRead() async {
    let gateway = ScriptedGateway(
      .init(
        creates: [rejected(409, "AlreadyExists")], gets: [.success(stored(count: 4)), .success(stored(count: 9))],
        patches: [rejected(409, "Conflict")]))
    let recorder = recorder(gateway)
    recorder.record(event())
    #expect(await recorder.flush() == nil)
    #expect(gateway.bodies.last?["count"] == 10)
  }

  @Test func anEventThatVanishedIsCreatedAgain() async {
    let gateway = ScriptedGateway(.init(creates: [nil, nil]))
    let recorder = recorder(gateway)
    recorder.record(event())
    await recorder.flush()
    recorder.record(event())
    await recorder.flush()
    let name = event().name
    #expect(gateway.calls == ["create \(name)", "get \(name)", "create \(name)"])
  }

  @Test func aOnceEventIsNotTouched() async {
    let gateway = ScriptedGateway(.init(creates: [rejected(409, "AlreadyExists")]))
    let recorder = recorder(gateway)
    recorder.record(event(isOnce: true))
    await recorder.flush()
    recorder.record(event(isOnce: true))
    await recorder.flush()
    #expect(gateway.calls == ["create \(event().name)"])
  }

  @Test(arguments: [403, 404, 422]) func refusalsAreFinal(code: Int) async {
    let gateway = ScriptedGateway(.init(creates: [rejected(code)]))
    let recorder = recorder(gateway)
    recorder.record(event())
    recorder.record(event("Other"))
    #expect(await recorder.flush() == nil)
    #expect(gateway.calls.count == 2)
    #expect(recorder.waitingCount == 0)
  }

  @Test func disturbancesKeepTheEventForLater() async {
    let gateway = ScriptedGateway(.init(creates: [rejected(503)]))
    let recorder = recorder(gateway)
    recorder.record(event())
    #expect(await recorder.flush()?.status?.code == 503)
    recorder.record(event())
    #expect(recorder.waitingCount == 1)
    #expect(await recorder.flush() == nil)
    #expect(gateway.bodies.last?["count"] == 2)
  }

  @Test func anAmbiguousCreationIsNotCountedTwice() async {
    let lost = KubernetesError(attempt: "create", cause: .interrupted("reset"))
    let gateway = ScriptedGateway(
      .init(
        creates: [lost, rejected(409, "AlreadyExists")],
        gets: [.success(stored(count: 1, lastTimestamp: "2023-11-14T22:13:20Z", message: "Starting deployment"))]))
    let recorder = recorder(gateway)
    recorder.record(event())
    #expect(await recorder.flush() == lost)
    #expect(await recorder.flush() == nil)
    #expect(!gateway.calls.contains { $0.hasPrefix("patch") })
  }

  @Test func theBacklogIsBounded() {
    var backlog = EventBacklog(capacity: 2)
    for reason in ["a", "b", "c", "d", "a"] { backlog.add(event(reason), at: time) }
    #expect(backlog.count == 2)
    #expect(backlog.takeDroppedCount() == 2)
    #expect(backlog.takeDroppedCount() == 0)
    #expect(backlog.popFirst()?.count == 2)
    #expect(backlog.popFirst()?.record.reason == "b")
    #expect(backlog.popFirst() == nil)
  }

  @Test func runWritesWhatIsRecorded() async {
    let gateway = ScriptedGateway(.init(creates: [rejected(503, retryAfter: .milliseconds(1))]))
    let recorder = recorder(gateway)
    let task = Task { await recorder.run() }
    recorder.record(event())
    #expect(await eventually { gateway.calls.count == 2 && recorder.waitingCount == 0 })
    recorder.record(event("Other"))
    #expect(await eventually { gateway.calls.count == 3 })
    task.cancel()
    await task.value
  }

  @Test func drainWritesInACancelledTask() async {
    let gateway = ScriptedGateway(.init(refusesWhenCancelled: true))
    let recorder = recorder(gateway)
    recorder.record(event())
    let task = Task {
      while !Task.isCancelled { await Task.yield() }
      let failure = await recorder.flush()
      await recorder.drain(within: .seconds(60))
      return failure
    }
    task.cancel()
    #expect(await task.value?.cause == .cancelled)
    #expect(recorder.waitingCount == 0)
    #expect(gateway.bodies.count == 1)
  }
}
