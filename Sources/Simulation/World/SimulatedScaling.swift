import FlinkModel
import KubernetesAPI

/// The adaptive scheduler of one JobManager: it gives its job as many slots as there are within the bounds it was given,
/// and starts it again from its last checkpoint to change that.
struct SimulatedScaling: Sendable {
  static let vertices = ["source", "counter"]

  let slotsPerWorker: Int
  let maximum: Int
  var bounds: [String: ParallelismBounds]
  var present: [String: Int] = [:]
  var rescalesAt: Int64?
  var cached: (at: Int64, value: [String: Int])?

  /// nil for another scheduler.
  init?(_ configuration: [String: String]) {
    guard configuration["jobmanager.scheduler"]?.lowercased() == "adaptive" else { return nil }
    func number(_ key: String, _ fallback: Int) -> Int { configuration[key].flatMap { Int($0) } ?? fallback }
    slotsPerWorker = number("taskmanager.numberOfTaskSlots", 1)
    maximum = number("pipeline.max-parallelism", 128)
    let parallelism = number("parallelism.default", 1)
    bounds = Dictionary(
      uniqueKeysWithValues: Self.vertices.map { ($0, ParallelismBounds(lower: 1, upper: parallelism)) })
    for override in configuration["pipeline.jobvertex-parallelism-overrides"]?.split(separator: ",") ?? [] {
      let parts = override.split(separator: ":").map(String.init)
      if parts.count == 2, let upper = Int(parts[1]) { bounds[parts[0]] = ParallelismBounds(lower: 1, upper: upper) }
    }
  }

  /// Whether the job starts again with another parallelism now.
  mutating func rescales(workers: Int, at now: Int64) -> Bool {
    let wanted = bounds.mapValues { min($0.upper, max(1, workers * slotsPerWorker)) }
    guard !present.isEmpty, wanted != present else {
      if present.isEmpty { present = wanted }
      rescalesAt = nil
      return false
    }
    guard let time = rescalesAt else {
      rescalesAt = now + 1_000
      return false
    }
    guard now >= time else { return false }
    rescalesAt = nil
    present = wanted
    return true
  }

  /// TaskManagers that a job with all it is allowed would fill.
  var workersWanted: Int { ((bounds.values.map(\.upper).max() ?? 1) + slotsPerWorker - 1) / slotsPerWorker }
  /// TaskManagers that the job fills.
  var workersUsed: Int { ((present.values.max() ?? 0) + slotsPerWorker - 1) / slotsPerWorker }
}

extension SimulatedFlink {
  private func podUID(_ cluster: String, job: String, at now: Int64) throws(FlinkError) -> String {
    let found = managers.values.filter { $0.cluster == cluster && now >= $0.startedAt + 500 }.min {
      $0.podUID < $1.podUID
    }
    guard let found else { throw .unreachable("connection refused") }
    guard found.job?.id == job else { throw .rejected(code: 404, message: "Job \(job) not found") }
    return found.podUID
  }

  /// Of the job's JobManager; nil where it has another scheduler.
  func scaling(of cluster: String) -> SimulatedScaling? {
    managers.values.filter { $0.cluster == cluster }.min { $0.podUID < $1.podUID }.flatMap { scalings[$0.podUID] }
  }

  mutating func bounds(
    of cluster: String, job: String, at now: Int64
  ) throws(FlinkError) -> [String: ParallelismBounds] {
    advance(to: now)
    guard let scaling = scalings[try podUID(cluster, job: job, at: now)] else {
      throw .rejected(code: 500, message: "the scheduler does not support it")
    }
    return scaling.bounds
  }

  mutating func bound(
    _ cluster: String, job: String, _ bounds: [String: ParallelismBounds], at now: Int64
  ) throws(FlinkError) {
    advance(to: now)
    let uid = try podUID(cluster, job: job, at: now)
    guard let scaling = scalings[uid] else {
      throw .rejected(code: 500, message: "the scheduler does not support it")
    }
    guard Set(bounds.keys) == Set(scaling.bounds.keys) else {
      throw .rejected(code: 400, message: "The request is incomplete, missing job vertex")
    }
    if let largest = bounds.values.map(\.upper).max(), largest > scaling.maximum {
      throw .rejected(
        code: 400, message: "The newly requested parallelism \(largest) exceeds its maximum parallelism")
    }
    scalings[uid]?.bounds = bounds
  }

  mutating func parallelism(of cluster: String, job: String, at now: Int64) throws(FlinkError) -> [String: Int] {
    advance(to: now)
    let uid = try podUID(cluster, job: job, at: now)
    // As the real one: answers may be three seconds old.
    if let cached = scalings[uid]?.cached, now - cached.at < 3_000 { return cached.value }
    let present = scalings[uid]?.present ?? [:]
    scalings[uid]?.cached = (now, present)
    return present
  }
}

extension SimulatedWorld.State {
  /// Bounds are given as they are recorded.
  mutating func checkBounds(_ cluster: String, _ job: String, _ bounds: [String: ParallelismBounds]) {
    guard flink.managers.values.contains(where: { $0.cluster == cluster && $0.job?.id == job }) else { return }
    let recorded = resource(cluster)?["status", "operation", "scaling"]?["parallelism"]?.objectValue ?? [:]
    // Authorised once, and out of anybody's hands since: whoever leads now asks for what is wanted (L1).
    if oracle.isLate, oracle.scalings.contains(bounds.mapValues { Int64($0.upper) }) { return }
    for (vertex, value) in recorded where bounds[vertex].map({ Int64($0.upper) }) != value.intValue {
      violate("S6", "parallelism \(bounds[vertex]?.upper ?? 0) of \(vertex) is asked for, which is not recorded")
    }
    if recorded.isEmpty { violate("S6", "a parallelism is asked for without a record") }
  }

  /// A job does not lose TaskManagers that it works on.
  mutating func checkScale(_ deployment: String, to replicas: Int64) {
    guard deployment.hasSuffix("-taskmanager") else { return }
    let cluster = String(deployment.dropLast("-taskmanager".count))
    flink.advance(to: now)
    guard let used = flink.scaling(of: cluster)?.workersUsed, Int64(used) > replicas else { return }
    violate("scaling", "\(deployment) shrinks to \(replicas) while the job works on \(used)")
  }
}
