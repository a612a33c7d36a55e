import FlinkModel
import KubernetesAPI
import Lifecycle
import Testing

/// What the log of a JobManager that ends at once tells.
@Suite struct CrashReportTests {
  private static let log = """
    2026-11-21 17:40:14,000 ERROR org.apache.flink.runtime.entrypoint.ClusterEntrypoint [] - Fatal error occurred.
    java.util.concurrent.CompletionException: JobInitializationException: Could not start the JobMaster.
    \tat a.B.c(B.java:1)
    Caused by: java.io.FileNotFoundException: Cannot find checkpoint or savepoint file/directory \
    'file:/cp/job/chk-7' on file system 'file'.
    \tat d.E.f(E.java:2)
    2026-11-21 17:40:14,998 INFO  org.apache.pekko.remote.RemoteActorRefProvider [] - Remoting shut down.
    """

  /// An incarnation that starts from checkpoint 7, in which the JobManager's container has failed twice.
  private func crashing(_ mode: UpgradeMode, log: String, restarts: Int64 = 2) throws -> World {
    var world = World()
    world.target = .success(World.target(mode))
    _ = world.turn()
    var facts = world.deployments(try #require(world.status.operation), available: 0)
    world.cluster = .seen(facts, at: World.now)
    world.quorum = .unknown(why: "not asked for", since: World.now)
    _ = world.turn()
    world.status.operation?.restorePlan = .path("file:///cp/job/chk-7")
    var pod = PodFacts(
      name: "demo-1", uid: "p", component: .jobManager, phase: "Running", restarts: 2,
      problem: PodProblem(
        reason: "CrashLoopBackOff", message: "[main] CrashLoop - exit code 2: shut down",
        ending: "[main] CrashLoop - exit code 2"))
    pod.failure = ContainerFailure(container: "main", restarts: 2, isRunningAgain: false)
    facts.pods = [pod]
    world.cluster = .seen(facts, at: World.now)
    world.crashReports = ["p": CrashReport(restarts: restarts, log: log)]
    return world
  }

  @Test func namesTheCauseThatTheStatusOfThePodHasLost() throws {
    var world = try crashing(.savepoint, log: "main: java.lang.IllegalStateException: no such class\nshut down")
    let decision = world.turn(at: World.now + 1_000)
    let message = "[main] CrashLoop - exit code 2: main: java.lang.IllegalStateException: no such class"
    #expect(StatusError.message(of: decision.status.error ?? "") == message)
    #expect(decision.events.contains { $0.reason == "CrashLoopBackOff" && $0.message == message })
  }

  @Test func aReportOfAnotherRunIsNotBelieved() throws {
    var world = try crashing(.savepoint, log: "java.lang.IllegalStateException: old", restarts: 1)
    let error = world.turn(at: World.now + 1_000).status.error ?? ""
    #expect(StatusError.message(of: error) == "[main] CrashLoop - exit code 2: shut down")
  }

  /// It would end again and again, and start nothing.
  @Test func aPointThatIsNotThereIsNotTriedAgain() throws {
    var world = try crashing(.savepoint, log: Self.log)
    world.status.restorePoint = RestorePointRecord(
      chosen: RestorePoint(kind: .checkpoint, path: "file:///cp/job/chk-7", provenance: .jobManager, checkpointID: 7),
      rejected: [
        RejectedRestorePoint(
          point: RestorePoint(kind: .savepoint, path: "file:///sp-1", provenance: .status),
          reason: "older than the chosen one")
      ])
    _ = world.turn(at: World.now + 1_000)
    #expect(world.status.restorePoint?.rejected.last?.reason == "failed to restore")
    // Whatever the JobManager says of its next try.
    world.crashReports = [:]
    let decision = world.turn(at: World.now + 60_000)
    #expect(decision.status.operation?.kind == .restart)
    #expect(decision.status.operation?.restorePlan == .path("file:///sp-1"))
  }

  /// A jar that is not there says nothing of the state.
  @Test func otherFilesThatAreMissingAreNoFaultOfThePoint() throws {
    let log =
      "java.io.FileNotFoundException: /opt/flink/usrlib/job.jar (No such file)\nstarting from file:/cp/job/chk-7"
    var world = try crashing(.savepoint, log: log)
    _ = world.turn(at: World.now + 1_000)
    let decision = world.turn(at: World.now + 60_000)
    #expect(decision.status.operation?.kind == .deploy)
    #expect(decision.status.restorePoint == nil)
  }
}
