import Foundation
import KubernetesAPI
import Testing

/// The operator dies (SIGKILL) right before a call of a savepoint upgrade that changes something: each boundary once
/// with `FLINK_OPERATOR_E2E_BOUNDARIES=all` (`make e2e-kill`), a few drawn by a seed otherwise. Whatever the boundary,
/// each number of the sequence is in the output exactly once, and one upgrade is one start.
@Suite(.serialized) struct KillBoundaryTests {
  @Test(.timeLimit(.minutes(30))) func nothingIsLostAtAnyBoundary() async throws {
    let environment = ProcessInfo.processInfo.environment
    let isWhole = environment["FLINK_OPERATOR_E2E_BOUNDARIES"] == "all"
    let seed = environment["FLINK_OPERATOR_E2E_SEED"].flatMap(UInt64.init) ?? UInt64.random(in: 0..<1_000_000)
    say("FLINK_OPERATOR_E2E_SEED=\(seed)\(isWhole ? ", every boundary" : "")")
    let data = try DataFolder()
    let points = try KillPoints()
    try await LocalInstance.with(environment: points.environment) { instance in
      let job = try await data.apply("survivor", in: "default", of: instance)
      try await job.waitRunning()
      try await data.waitForMore(than: 20)

      try points.record()
      var parallelism = 2
      _ = try await job.upgrade(["job": ["parallelism": JSONValue(Int64(parallelism))]])
      let recorded = try points.disarm()
      try #require(recorded.contains { $0.call == "POST jobs/stop" }, "\(recorded)")
      try #require(recorded.contains { $0.call == "CREATE deployments/survivor" }, "\(recorded)")
      let chosen = isWhole ? recorded : sample(of: recorded, seed: seed)
      say("\(recorded.count) boundaries, dying at \(chosen.count)")

      var reached = 0
      for point in chosen {
        try await data.waitForMore(than: try data.partFiles().sequence.count + 20)
        parallelism = 3 - parallelism
        let pid = try instance.operatorPID
        try points.arm(point)
        let begin = ContinuousClock.now
        let path = try await job.upgrade(["job": ["parallelism": JSONValue(Int64(parallelism))]], isDisturbed: true)
        let isReached = !points.isArmed
        _ = try points.disarm()
        reached += isReached ? 1 : 0
        // The number of status writes while the new job starts differs from one upgrade to the next.
        let outcome = isReached ? "killed before" : "not reached:"
        say("\(outcome) \(point); upgraded in \(begin.duration(to: .now)) from \(path.suffix(20))")
        if isReached { #expect(try instance.operatorPID != pid) }
        #expect(isReached || point.call.hasSuffix("/status"), "\(point) was not reached")
      }
      #expect(reached >= (chosen.count + 1) / 2, "\(reached) of \(chosen.count) boundaries were reached")

      let atRest = try await job.endsWithAllNumbers(data, "seed \(seed)")
      say("\(reached) boundaries, \(sum(atRest))")
    }
    try points.remove()
    try data.remove()
  }

  /// The same for an upgrade by last-state, where nothing but the metadata of high availability holds the state.
  @Test(
    .timeLimit(.minutes(30)),
    .enabled(
      if: ProcessInfo.processInfo.environment["FLINK_OPERATOR_E2E_BOUNDARIES"] == "all", "make e2e-kill runs it"))
  func nothingIsLostAtAnyBoundaryOfALastStateUpgrade() async throws {
    let data = try DataFolder()
    let points = try KillPoints()
    try await LocalInstance.with(environment: points.environment) { instance in
      let job = try await data.apply("lasting", in: "default", of: instance, spec: HighAvailabilityTests.spec)
      try await job.waitRunning()
      let id = try await job.jobID()
      var parallelism = 1
      func upgrade() async throws {
        try await data.waitForMore(than: try data.partFiles().sequence.count + 20)
        let checkpoint = try await job.waitCheckpoint()
        let before = try await job.read()
        parallelism = 3 - parallelism
        try await job.patch(spec: ["job": ["parallelism": JSONValue(Int64(parallelism))]])
        let after = try await job.waitRunning()
        #expect(after.attempt == before.attempt + 1, "one upgrade is one start")
        #expect(try await job.jobID() == id)
        #expect(try await job.parallelism() == Int64(parallelism))
        #expect(try await job.restoredCheckpoint() ?? 0 >= checkpoint)
      }
      try points.record()
      try await upgrade()
      let recorded = try points.disarm()
      try #require(recorded.contains { $0.call == "CREATE deployments/lasting" }, "\(recorded)")
      say("last-state: \(recorded.count) boundaries")
      var reached = 0
      for point in recorded {
        let pid = try instance.operatorPID
        try points.arm(point)
        let begin = ContinuousClock.now
        try await upgrade()
        let isReached = !points.isArmed
        _ = try points.disarm()
        reached += isReached ? 1 : 0
        let outcome = isReached ? "killed before" : "not reached:"
        say("last-state: \(outcome) \(point); upgraded in \(begin.duration(to: .now))")
        if isReached { #expect(try instance.operatorPID != pid) }
        #expect(isReached || point.call.hasSuffix("/status"), "\(point) was not reached")
      }
      #expect(reached >= (recorded.count + 1) / 2, "\(reached) of \(recorded.count) boundaries were reached")
      let atRest = try await job.endsWithAllNumbers(data)
      say("last-state: \(reached) boundaries, \(sum(atRest))")
    }
    try points.remove()
    try data.remove()
  }

  private func sum(_ atRest: PartFiles) -> String {
    let problems = atRest.problems(from: 0)
    return "\(atRest.sequence.count) numbers, \(problems.isEmpty ? "none lost, none repeated" : "\(problems)")"
  }

  /// A line that is seen at once, also where the output is a pipe or a file: the whole run takes many minutes.
  private func say(_ line: String) {
    print("KillBoundaryTests: \(line)")
    fflush(nil)
  }

  /// The boundaries around the stop and before the next JobManager, and some more.
  private func sample(of points: [KillPoints.Point], seed: UInt64) -> [KillPoints.Point] {
    var moments = Moments(seed: seed)
    let stop = points.firstIndex { $0.call == "POST jobs/stop" } ?? 0
    let create = points.firstIndex { $0.call == "CREATE deployments/survivor" } ?? points.count - 1
    var chosen: Set<Int> = [stop, stop + 1, create]
    while chosen.count < min(5, create + 1) { chosen.insert(Int(moments.next() % UInt64(create + 1))) }
    return chosen.sorted().map { points[$0] }
  }
}
