import Foundation
import KubernetesAPI
import Testing
import YAML

/// The state of a job outlives changes of its spec: each number of the sequence is in the output exactly once.
@Suite(.serialized) struct SavepointUpgradeTests {
  @Test(.timeLimit(.minutes(10)), arguments: FlinkUnderTest.all)
  func noNumberIsLostOrRepeatedAcrossUpgrades(flink: FlinkUnderTest) async throws {
    let data = try DataFolder()
    try await LocalInstance.with { instance in
      let job = try await data.apply(
        "keeper", in: "default", of: instance, flink: flink,
        spec: ["flinkConfiguration": ["kubernetes.operator.job.savepoint-on-deletion": "true"]])
      try await job.waitRunning()
      #expect(try await job.restoredPath() == nil)
      try await data.waitForMore(than: 50)

      // Another parallelism and another argument: the state is distributed anew.
      let change: JSONValue = ["job": ["parallelism": 2, "args": data.arguments(rate: 90)]]
      let first = try await job.upgrade(change)
      #expect(try await job.parallelism() == 2)
      try await data.waitForMore(than: try data.partFiles().sequence.count + 50)

      let (path, atRest) = try await suspendAndResume(job, data, after: first)
      let ahead = try data.partFiles().sequence.count
      #expect(ahead > atRest.sequence.count)

      // Back to the savepoint of the suspension, by name: what came after it is counted once more, elsewhere.
      try await redeploy(job, data, from: path)
      try await data.waitForMore(than: 50, in: "again", from: atRest.sequence.count)
      #expect(try data.partFiles().repeated == [])

      try await deleteAndBeginFromItsSavepoint(job, data, flink, next: atRest.sequence.count)
    }
    try data.remove()
  }

  /// Suspended with a savepoint, everything that was read is committed.
  private func suspendAndResume(
    _ job: FlinkJob, _ data: DataFolder, after earlier: String
  ) async throws -> (path: String, atRest: PartFiles) {
    try await job.patch(spec: ["job": ["state": "suspended"]])
    let suspended = try await job.waitSuspended()
    let path = try #require(suspended["status", "jobStatus", "upgradeSavepointPath"]?.stringValue)
    #expect(path != earlier)
    #expect(suspended.restorePath == path)
    #expect(try data.hasSavepoint(path))
    let atRest = try data.partFiles()
    #expect(atRest.repeated == [])
    #expect(atRest.missing == [])

    try await job.patch(spec: ["job": ["state": "running"]])
    try await job.waitRunning()
    #expect(try await job.restoredPath() == path)
    try await data.waitForMore(than: atRest.sequence.count + 50)
    return (path, atRest)
  }

  private func redeploy(_ job: FlinkJob, _ data: DataFolder, from path: String) async throws {
    let before = try await job.read().attempt
    try await job.patch(
      spec: [
        "job": [
          "initialSavepointPath": .string(path), "savepointRedeployNonce": 1, "allowNonRestoredState": true,
          "args": data.arguments(rate: 90, output: "again"),
        ]
      ])
    let object = try await job.waitRunning()
    #expect(object.attempt == before + 1)
    #expect(try await job.restoredPath() == path)
  }

  /// A resource that is deleted leaves a savepoint by which another of its name goes on.
  private func deleteAndBeginFromItsSavepoint(
    _ job: FlinkJob, _ data: DataFolder, _ flink: FlinkUnderTest, next: Int
  ) async throws {
    let known = try data.savepoints()
    try await job.instance.kubectl("delete", "flinkdeployment", job.name, "--wait=true", "--timeout=120s")
    try await job.waitGone()
    try await eventually("no pod is left", within: .seconds(60)) { try await job.pods().isEmpty }
    let left = try data.savepoints().subtracting(known)
    #expect(left.count == 1, "savepoints of the deletion: \(left)")
    let path = try #require(left.first)
    let end = try data.partFiles(in: "again")
    #expect(end.problems(from: next) == [])

    let another = try await data.apply(
      job.name, in: job.namespace, of: job.instance, flink: flink,
      spec: [
        "job": [
          "initialSavepointPath": .string(path), "allowNonRestoredState": true,
          "args": data.arguments(rate: 90, output: "anew"),
        ]
      ])
    try await another.waitRunning()
    #expect(try await another.restoredPath()?.hasSuffix(path.trimmingPrefix(/file:\/*/)) == true)
    try await data.waitForMore(than: 50, in: "anew", from: next + end.sequence.count)
    try await job.instance.kubectl("delete", "flinkdeployment", job.name, "--wait=true", "--timeout=120s")
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
      try await job.endsWithAllNumbers(data, "seed \(seed)")
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

  /// - Parameter output: a folder; in another one a sink begins that knows nothing of the one before, which takes
  ///   `allowNonRestoredState`. Flink's file sink goes on in the folder of its state otherwise.
  func arguments(rate: Int, output: String = "output") -> JSONValue {
    JSONValue(["--output", "file:///flink-data/\(output)", "--files-uid", output, "--rate", "\(rate)"])
  }

  /// `examples/03-savepoint-upgrade.yaml` under another name, with its files in this folder.
  func apply(
    _ name: String, in namespace: String, of instance: LocalInstance, flink: FlinkUnderTest = .oldest,
    spec patch: JSONValue = [:]
  ) async throws -> FlinkJob {
    let file = LocalInstance.repository.appendingPathComponent("examples/03-savepoint-upgrade.yaml")
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

  func partFiles(in output: String = "output") throws -> PartFiles {
    try PartFiles(folder: folder.appendingPathComponent(output))
  }

  /// The paths of the complete savepoints, as the job sees them.
  func savepoints() throws -> Set<String> {
    let folder = folder.appendingPathComponent("savepoints").path
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return Set(
      names.filter { FileManager.default.fileExists(atPath: "\(folder)/\($0)/_metadata") }
        .map { "file:///flink-data/savepoints/\($0)" })
  }

  /// Awaits committed output beyond a number of lines, without a hole; nothing may ever be there twice.
  ///
  /// - Parameter first: the number with which the output begins.
  func waitForMore(than lines: Int, in output: String = "output", from first: Int = 0) async throws {
    var last: PartFiles?
    try await eventually(
      "more than \(lines) lines without a hole: \(last?.sequence.count ?? 0), \(last?.problems(from: first) ?? [])",
      within: .seconds(90)
    ) {
      let found = try partFiles(in: output)
      last = found
      guard found.repeated.isEmpty else { throw Unexpected("\(found.repeated.prefix(10))") }
      return found.sequence.count > lines && found.problems(from: first).isEmpty
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

  /// Suspended with a savepoint, everything that was read is in the output, once; gives the output.
  @discardableResult
  func endsWithAllNumbers(
    _ data: DataFolder, _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> PartFiles {
    try await patch(spec: ["job": ["upgradeMode": "savepoint", "state": "suspended"]])
    try await waitSuspended()
    let atRest = try data.partFiles()
    #expect(atRest.repeated == [], comment, sourceLocation: sourceLocation)
    #expect(atRest.missing == [], comment, sourceLocation: sourceLocation)
    return atRest
  }
}

extension JSONValue {
  /// The number of the incarnation that status says was started last.
  var attempt: Int64 { self["status", "operation", "attempt"]?.intValue ?? 0 }

  var restorePath: String? { self["status", "restorePoint", "path"]?.stringValue }
}
