import Foundation
import KubernetesAPI
import Testing
import YAML

/// The state of a job outlives changes of its spec: each number of the sequence is in the output exactly once.
@Suite(.serialized) struct SavepointUpgradeTests {
  @Test(.timeLimit(.minutes(10))) func noNumberIsLostOrRepeatedAcrossUpgrades() async throws {
    let data = try DataFolder()
    let instance = try await LocalInstance.start()
    do {
      try await upgradeSuspendResumeDelete(instance, data)
    } catch {
      _ = try? await instance.stop()
      throw error
    }
    #expect(try await instance.stop() == 0)
    try instance.removeScratch()
    try data.remove()
  }

  private func upgradeSuspendResumeDelete(_ instance: LocalInstance, _ data: DataFolder) async throws {
    let job = try await data.apply("keeper", in: "default", of: instance)
    try await job.waitRunning()
    #expect(try await job.restoredPath() == nil)
    try await data.waitForMore(than: 50)

    // Another parallelism: the state is distributed anew.
    let scaled = try await job.upgrade(["job": ["parallelism": 2]])
    #expect(try await job.parallelism() == 2)
    try await data.waitForMore(than: try data.partFiles().sequence.count + 50)

    // Another argument, back in one task.
    let changed = try await job.upgrade(["job": ["parallelism": 1, "args": data.arguments(rate: 90)]])
    #expect(changed != scaled)
    try await data.waitForMore(than: try data.partFiles().sequence.count + 50)

    // Suspended with a savepoint, everything that was read is committed.
    try await job.patch(spec: ["job": ["state": "suspended"]])
    let suspended = try await job.waitSuspended()
    let path = try #require(suspended["status", "jobStatus", "upgradeSavepointPath"]?.stringValue)
    #expect(path != changed)
    #expect(suspended.restorePath == path)
    #expect(try data.hasSavepoint(path))
    let atRest = try data.partFiles()
    #expect(atRest.repeated == [])
    #expect(atRest.missing == [])

    try await job.patch(spec: ["job": ["state": "running"]])
    try await job.waitRunning()
    #expect(try await job.restoredPath() == path)
    try await data.waitForMore(than: atRest.sequence.count + 50)
    #expect(try data.partFiles().repeated == [])

    try await instance.kubectl("delete", "flinkdeployment", "keeper", "--wait=true", "--timeout=120s")
    try await job.waitGone()
    try await eventually("no pod is left", within: .seconds(60)) { try await job.pods().isEmpty }
    let end = try data.partFiles()
    #expect(end.repeated == [])
    #expect(end.sequence.count > atRest.sequence.count)
    #expect(try data.hasSavepoint(path), "deleting the resource leaves its savepoints")
  }

  /// The operator dies at random moments of upgrades; what it finds when it comes back is enough to go on.
  @Test(.timeLimit(.minutes(10))) func noNumberIsLostOrRepeatedWhenTheOperatorDies() async throws {
    let given = ProcessInfo.processInfo.environment["FLINK_OPERATOR_E2E_SEED"].flatMap(UInt64.init)
    let seed = given ?? UInt64.random(in: 0..<1_000_000)
    print("SavepointUpgradeTests: FLINK_OPERATOR_E2E_SEED=\(seed)")
    let data = try DataFolder()
    let instance = try await LocalInstance.start()
    do {
      var moments = Moments(seed: seed)
      let job = try await data.apply("survivor", in: "default", of: instance)
      try await job.waitRunning()
      try await data.waitForMore(than: 20)
      for round in 1...3 {
        let spec: JSONValue = ["job": ["parallelism": JSONValue(Int64(1 + round % 2))]]
        _ = try await job.upgrade(spec, isDisturbed: true) {
          // Most of an upgrade's steps are in its first second.
          for limit in [1_200, 4_000] {
            let delay = Int(moments.next() % UInt64(limit))
            try await Task.sleep(for: .milliseconds(delay))
            let pid = try instance.operatorPID
            print("SavepointUpgradeTests: upgrade \(round): kill -9 \(pid) after \(delay) ms")
            kill(pid, SIGKILL)
            try await eventually("another operator after \(pid)", within: .seconds(30)) {
              try instance.operatorPID != pid
            }
          }
        }
        try await data.waitForMore(than: try data.partFiles().sequence.count + 20)
      }
      try await job.patch(spec: ["job": ["state": "suspended"]])
      try await job.waitSuspended()
      let atRest = try data.partFiles()
      #expect(atRest.repeated == [], "seed \(seed)")
      #expect(atRest.missing == [], "seed \(seed)")
    } catch {
      _ = try? await instance.stop()
      throw error
    }
    #expect(try await instance.stop() == 0)
    try instance.removeScratch()
    try data.remove()
  }
}

/// Moments drawn from a seed (SplitMix64's steps).
struct Moments: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }
}

/// A folder of this machine in which a job keeps its checkpoints, its savepoints and its output.
struct DataFolder: Sendable {
  let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("flink-operator-e2e-data-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  func remove() throws { try FileManager.default.removeItem(at: folder) }

  func arguments(rate: Int) -> JSONValue { JSONValue(["--output", "file:///flink-data/output", "--rate", "\(rate)"]) }

  /// `examples/savepoint.yaml` under another name, with its files in this folder.
  func apply(
    _ name: String, in namespace: String, of instance: LocalInstance, flink: FlinkUnderTest = .oldest,
    spec patch: JSONValue = [:]
  ) async throws -> FlinkJob {
    let file = LocalInstance.repository.appendingPathComponent("examples/savepoint.yaml")
    var manifest = try YAML.parse(try String(contentsOf: file, encoding: .utf8))
    manifest.set(.string(name), at: ["metadata", "name"])
    let volumes: JSONValue = .array([["name": "flink-data", "hostPath": ["path": .string(folder.path)]]])
    let spec = (manifest["spec"] ?? [:]).merging(patch: [
      "image": .string(flink.image), "flinkVersion": .string(flink.version),
      "podTemplate": ["spec": ["volumes": volumes]],
      "flinkConfiguration": ["execution.checkpointing.interval": "1s"],
      "job": ["args": arguments(rate: 60)],
    ])
    manifest["spec"] = spec.merging(patch: patch)
    try await instance.kubectl("apply", "-n", namespace, "-f", "-", input: YAML.write(manifest))
    return FlinkJob(instance: instance, namespace: namespace, name: name)
  }

  func partFiles() throws -> PartFiles { try PartFiles(folder: folder.appendingPathComponent("output")) }

  /// Awaits committed output beyond a number of lines, without a hole; nothing may ever be there twice.
  func waitForMore(than lines: Int) async throws {
    var last: PartFiles?
    try await eventually(
      "more than \(lines) lines without a hole: \(last?.sequence.count ?? 0), \(last?.missing ?? [])",
      within: .seconds(60)
    ) {
      let found = try partFiles()
      last = found
      guard found.repeated.isEmpty else { throw Unexpected("\(found.repeated.prefix(10))") }
      return found.sequence.count > lines && found.missing.isEmpty
    }
  }

  /// Whether a savepoint that Flink named is in this folder, complete.
  func hasSavepoint(_ path: String) throws -> Bool {
    let inside = path.drop { $0 != "/" }.trimmingPrefix(/\/+flink-data\//)
    return FileManager.default.fileExists(atPath: folder.appendingPathComponent("\(inside)/_metadata").path)
  }
}

extension FlinkJob {
  /// Changes the spec and checks that the next incarnation started from the savepoint that status names; gives its path.
  ///
  /// - Parameter isDisturbed: the operator may die meanwhile, and events that it has not written with it.
  func upgrade(
    _ change: JSONValue, isDisturbed: Bool = false, meanwhile: () async throws -> Void = {}
  ) async throws -> String {
    let before = try await read()
    try await patch(spec: change)
    try await meanwhile()
    let object = try await waitRunning()
    let path = try #require(object["status", "jobStatus", "upgradeSavepointPath"]?.stringValue)
    #expect(path != before["status", "jobStatus", "upgradeSavepointPath"]?.stringValue)
    #expect(object.attempt == before.attempt + 1, "one upgrade is one start")
    // A checkpoint that the new incarnation has completed since is newer.
    let point = object["status", "restorePoint"]
    let isOfThisJob =
      point?["kind"]?.stringValue == "checkpoint" && point?["jobID"] == object["status", "jobStatus", "jobId"]
    #expect(object.restorePath == path || isOfThisJob, "restorePoint: \(point?.text ?? "none")")
    #expect(try await restoredPath() == path)
    if isDisturbed { return path }
    try await eventually("an event Submit names \(path)", within: .seconds(10)) {
      try await events().contains {
        $0["reason"]?.stringValue == "Submit" && $0["message"]?.stringValue?.contains(path) == true
      }
    }
    return path
  }

  /// What Flink itself says the running job was restored from.
  func restoredPath() async throws -> String? {
    try await flink("/jobs/\(try await jobID())/checkpoints")["latest", "restored", "external_path"]?.stringValue
  }

  @discardableResult
  func waitSuspended() async throws -> JSONValue {
    try await wait(for: "SUSPENDED") { object in
      object["status", "lifecycleState"]?.stringValue == "SUSPENDED"
        && object["status", "observedGeneration"]?.intValue == object["metadata", "generation"]?.intValue
        && object.condition("Ready")?["status"]?.stringValue == "True"
    }
  }
}

extension JSONValue {
  /// The number of the incarnation that status says was started last.
  var attempt: Int64 { self["status", "operation", "attempt"]?.intValue ?? 0 }

  var restorePath: String? { self["status", "restorePoint", "path"]?.stringValue }
}
