import FlinkModel

/// Flink's clusters and its storage, as far as an operator can tell them from real ones.
///
/// Each job counts the seconds it has run, and its snapshots hold the count: state that is lost shows as a count that
/// went back.
struct SimulatedFlink: Sendable {
  enum Operation: Sendable, Hashable {
    case stopping(completesAt: Int64)
    /// A savepoint of a job that goes on.
    case saving(completesAt: Int64)
    case checkpointing(completesAt: Int64)
    case checkpointed(Int64)
    case completed(String)
    case failed(String)
  }

  struct Job: Sendable {
    let id: String
    var state: FlinkJobState
    /// Epoch milliseconds.
    var startTime: Int64
    var endTime: Int64 = -1
    var restoredCount: Int64
    let restoredPath: String?
    /// It found there what it was to begin with.
    var isRestored = false
    var runningSince: Int64?
    /// Milliseconds run before `runningSince`.
    var ran: Int64 = 0
    var checkpoints: [CheckpointRecord] = []
    var savepoints: [CheckpointRecord] = []
    var nextCheckpointAt: Int64 = 0
    var snapshotID: Int64 = 0
    var cancelsAt: Int64?

    func count(at now: Int64) -> Int64 {
      restoredCount + (ran + (runningSince.map { now - $0 } ?? 0)) / 1000
    }

    /// When something happens to it by itself.
    var due: [Int64] {
      switch state {
      case .initializing: [startTime + 700]
      case .running: [nextCheckpointAt]
      default: cancelsAt.map { [$0] } ?? []
      }
    }

    mutating func end(_ state: FlinkJobState, at now: Int64) {
      if let runningSince { ran += now - runningSince }
      runningSince = nil
      self.state = state
      endTime = now
    }
  }

  struct JobManager: Sendable {
    let cluster: String
    let podUID: String
    let startedAt: Int64
    let jobID: String?
    let arguments: [String]
    /// Completed checkpoints that are kept.
    var retained = 1
    var job: Job?
    var operations: [String: Operation] = [:]
    var cachedCheckpoints: (at: Int64, value: CheckpointStatistics?)?

    func argument(_ name: String) -> String? {
      arguments.firstIndex(of: name).flatMap { $0 + 1 < arguments.count ? arguments[$0 + 1] : nil }
    }
  }

  /// What has happened, for the oracles.
  enum Happening: Sendable, Hashable {
    case started(cluster: String, jobID: String, path: String?, count: Int64)
    /// Again by the same arguments, because a container or pod was started again.
    case restarted(cluster: String, jobID: String)
    /// A job was asked to stop under a new id while it was being stopped.
    case stoppedTwice(cluster: String)
    case savepoint(cluster: String, path: String, count: Int64)
    case checkpoint(cluster: String, path: String, count: Int64)
    /// The same job goes on from its HA metadata.
    case continued(cluster: String, jobID: String, path: String, count: Int64)
  }

  private(set) var storage: [String: Int64] = [:]
  private(set) var managers: [String: JobManager] = [:]
  private(set) var happenings: [Happening] = []
  /// By JobManager pod, where high availability is on.
  var availability: [String: SimulatedHAMetadata] = [:]
  private var startedArguments: Set<[String]> = []
  /// Stops that take their savepoint and fail then, before one succeeds.
  var failingStops = 0
  /// Savepoints that fail before one succeeds.
  var failingSavepoints = 0
  /// By JobManager pod, where the adaptive scheduler is on.
  var scalings: [String: SimulatedScaling] = [:]
  /// Running TaskManagers by cluster.
  var taskManagers: [String: Int] = [:]

  // MARK: Pods

  mutating func startManager(
    cluster: String, podUID: String, jobID: String?, arguments: [String], at now: Int64
  ) {
    guard managers[podUID] == nil else { return }
    managers[podUID] = JobManager(
      cluster: cluster, podUID: podUID, startedAt: now, jobID: jobID, arguments: arguments)
  }

  /// - Parameter checkpoints: how many are kept.
  mutating func retain(_ checkpoints: Int, podUID: String) { managers[podUID]?.retained = max(checkpoints, 1) }

  mutating func endManager(podUID: String) {
    managers[podUID] = nil
    scalings[podUID] = nil
  }

  /// The count of the running job of a cluster; nil where none runs.
  func count(of cluster: String, at now: Int64) -> Int64? {
    managers.values.first { $0.cluster == cluster }?.job?.count(at: now)
  }

  func knows(podUID: String) -> Bool { managers[podUID] != nil }

  // MARK: Time

  /// Lets everything happen that happens by itself until `now`.
  mutating func advance(to now: Int64) {
    for uid in managers.keys.sorted() {
      if var manager = managers[uid] {
        advance(&manager, to: now)
        managers[uid] = manager
      }
    }
  }

  private mutating func advance(_ manager: inout JobManager, to now: Int64) {
    let begins = manager.startedAt + 800
    if manager.job == nil, now >= begins, let id = manager.jobID {
      let recovered = availability[manager.podUID]?.recovered
      let path = recovered?.path ?? manager.argument("--fromSavepoint")
      let count = path.map { storage[$0] }
      var job = Job(
        id: id, state: .initializing, startTime: begins, restoredCount: (count ?? 0) ?? 0, restoredPath: path)
      if path != nil, count == .some(nil) { job.end(.failed, at: begins) }
      job.isRestored = (count ?? nil) != nil
      if manager.arguments.contains("--fail") { job.end(.failed, at: begins) }
      if let recovered { job.snapshotID = recovered.checkpointID }
      if let recovered {
        happenings.append(
          .continued(cluster: manager.cluster, jobID: id, path: recovered.path, count: job.restoredCount))
        manager.job = job
        return
      }
      let isFirst = startedArguments.insert([manager.cluster, id] + manager.arguments).inserted
      happenings.append(
        isFirst
          ? .started(cluster: manager.cluster, jobID: id, path: path, count: job.restoredCount)
          : .restarted(cluster: manager.cluster, jobID: id))
      manager.job = job
    }
    guard var job = manager.job else { return }
    defer { manager.job = job }
    let hasWorkers = (taskManagers[manager.cluster] ?? 0) > 0
    if job.state == .running, !hasWorkers { failOver(&job) }
    if job.state == .running,
      scalings[manager.podUID]?.rescales(workers: taskManagers[manager.cluster] ?? 0, at: now) == true
    {
      failOver(&job)
    }
    if job.state == .restarting || job.state == .initializing && now >= begins + 700, hasWorkers {
      job.state = .running
      job.runningSince = now
      job.nextCheckpointAt = now + 5_000
    }
    if job.state == .running, now >= job.nextCheckpointAt {
      job.nextCheckpointAt = now + 5_000
      job.snapshotID += 1
      let path = "file:/checkpoints/\(job.id)/chk-\(job.snapshotID)"
      storage[path] = job.count(at: now)
      happenings.append(.checkpoint(cluster: manager.cluster, path: path, count: job.count(at: now)))
      // One checkpoint is kept, if not told otherwise.
      for earlier in job.checkpoints.dropLast(manager.retained - 1) { storage[earlier.externalPath] = nil }
      job.checkpoints.append(
        CheckpointRecord(id: job.snapshotID, isSavepoint: false, externalPath: path, timestamp: now))
    }
    if let at = job.cancelsAt, now >= at, !job.state.isGloballyTerminal { job.end(.canceled, at: at) }
    for (trigger, operation) in manager.operations.sorted(by: { $0.key < $1.key }) {
      if let result = takeSnapshot(operation, trigger, &job, of: manager.cluster, at: now) {
        manager.operations[trigger] = result
      }
      guard case .stopping(let at) = operation, now >= at else { continue }
      if job.state != .running {
        manager.operations[trigger] = .failed("java.lang.IllegalStateException: the job is not running")
      } else if failingSavepoints > 0 {
        failingSavepoints -= 1
        manager.operations[trigger] = .failed("org.apache.flink.runtime.checkpoint.CheckpointException: declined")
      } else {
        job.snapshotID += 1
        let path = "file:/savepoints/savepoint-\(trigger.prefix(12))"
        let count = job.count(at: at)
        storage[path] = count
        job.savepoints.append(
          CheckpointRecord(id: job.snapshotID, isSavepoint: true, externalPath: path, timestamp: at, isStop: true))
        happenings.append(.savepoint(cluster: manager.cluster, path: path, count: count))
        if failingStops > 0 {
          failingStops -= 1
          manager.operations[trigger] = .failed(
            "org.apache.flink.runtime.scheduler.stopwithsavepoint.StopWithSavepointStoppingException: A savepoint has "
              + "been created at: \(path), but the corresponding job \(job.id) failed during stopping.")
          failOver(&job)
          continue
        }
        manager.operations[trigger] = .completed(path)
        job.end(.finished, at: at)
        // A job that has finished needs its checkpoints no more.
        for checkpoint in job.checkpoints { storage[checkpoint.externalPath] = nil }
      }
    }
  }

  mutating func put(_ path: String, count: Int64) { storage[path] = count }

  /// What a snapshot that does not stop the job has become; nil where nothing has happened.
  private mutating func takeSnapshot(
    _ operation: Operation, _ trigger: String, _ job: inout Job, of cluster: String, at now: Int64
  ) -> Operation? {
    let isSavepoint: Bool
    switch operation {
    case .saving(let at) where now >= at: isSavepoint = true
    case .checkpointing(let at) where now >= at: isSavepoint = false
    default: return nil
    }
    guard job.state == .running else { return .failed("java.lang.IllegalStateException: the job is not running") }
    if isSavepoint, failingSavepoints > 0 {
      failingSavepoints -= 1
      return .failed("org.apache.flink.runtime.checkpoint.CheckpointException: declined")
    }
    job.snapshotID += 1
    let count = job.count(at: now)
    let path =
      isSavepoint
      ? "file:/savepoints/savepoint-\(trigger.prefix(12))" : "file:/checkpoints/\(job.id)/chk-\(job.snapshotID)"
    storage[path] = count
    let record = CheckpointRecord(
      id: job.snapshotID, isSavepoint: isSavepoint, externalPath: path, timestamp: now)
    if isSavepoint {
      job.savepoints.append(record)
      happenings.append(.savepoint(cluster: cluster, path: path, count: count))
      return .completed(path)
    }
    job.checkpoints.append(record)
    return .checkpointed(job.snapshotID)
  }

  // MARK: What others do

  mutating func endJob(of cluster: String, _ state: FlinkJobState, at now: Int64) {
    for (uid, manager) in managers where manager.cluster == cluster {
      managers[uid]?.job?.end(state, at: now)
      // A job that has finished needs its checkpoints no more.
      for checkpoint in manager.job?.checkpoints ?? [] where state == .finished {
        storage[checkpoint.externalPath] = nil
      }
    }
  }

  /// A stop that the operator did not ask for.
  mutating func stopJob(of cluster: String, at now: Int64) {
    for (uid, manager) in managers where manager.cluster == cluster {
      managers[uid]?.operations["f00d00000000000000000000000000ff"] = .stopping(completesAt: now)
    }
  }

  /// The job begins again from its last checkpoint; a savepoint is not one.
  private func failOver(_ job: inout Job) {
    job.state = .restarting
    job.runningSince = nil
    job.ran = 0
    let path = job.checkpoints.last?.externalPath ?? job.restoredPath
    job.restoredCount = path.flatMap { storage[$0] } ?? 0
  }

  /// When something happens next by itself.
  func nextDue(after now: Int64) -> Int64? {
    var due: [Int64] = []
    for manager in managers.values {
      due += [manager.startedAt + 500, manager.startedAt + 800] + (manager.job?.due ?? [])
      for operation in manager.operations.values {
        switch operation {
        case .stopping(let at), .saving(let at), .checkpointing(let at): due.append(at)
        default: break
        }
      }
    }
    due += scalings.values.compactMap(\.rescalesAt)
    return due.filter { $0 > now }.min()
  }

  // MARK: REST

  private func uid(of cluster: String, at now: Int64) throws(FlinkError) -> String {
    let uids = managers.values.filter { $0.cluster == cluster && now >= $0.startedAt + 500 }.map(\.podUID).sorted()
    guard let uid = uids.first else { throw .unreachable("connection refused") }
    return uid
  }

  private func manager(of cluster: String, at now: Int64) throws(FlinkError) -> JobManager {
    guard let manager = managers[try uid(of: cluster, at: now)] else { throw .unreachable("connection refused") }
    return manager
  }

  mutating func jobs(of cluster: String, at now: Int64) throws(FlinkError) -> [JobOverview] {
    advance(to: now)
    guard let job = try manager(of: cluster, at: now).job else { return [] }
    let running = job.state == .running ? 2 : 0
    return [
      JobOverview(
        id: job.id, name: cluster, state: job.state.rawValue, startTime: job.startTime, endTime: job.endTime,
        tasks: ["total": 2, "running": running], lastModification: max(job.endTime, job.runningSince ?? job.startTime))
    ]
  }

  mutating func checkpoints(
    of cluster: String, job id: String, at now: Int64
  ) throws(FlinkError) -> CheckpointStatistics? {
    advance(to: now)
    let uid = try uid(of: cluster, at: now)
    guard var manager = managers[uid], let job = manager.job, job.id == id else {
      throw .rejected(code: 404, message: "Job \(id) not found")
    }
    // As the real one: answers may be three seconds old.
    if let cached = manager.cachedCheckpoints, now - cached.at < 3_000 { return cached.value }
    let statistics = CheckpointStatistics(
      completedCount: job.checkpoints.count, failedCount: 0, inProgressCount: 0,
      latestCompleted: job.checkpoints.last, latestSavepoint: job.savepoints.last,
      // A job that has not found its state has restored none.
      latestRestored: (job.isRestored ? job.restoredPath : nil).map {
        let id = $0.split(separator: "/").last.flatMap { $0.hasPrefix("chk-") ? Int64($0.dropFirst(4)) : nil }
        return CheckpointRecord(id: id ?? 0, isSavepoint: id == nil, externalPath: $0, timestamp: job.startTime)
      })
    manager.cachedCheckpoints = (now, statistics)
    managers[uid] = manager
    return statistics
  }

  mutating func stop(
    _ cluster: String, job id: String, trigger: String, at now: Int64
  ) throws(FlinkError) {
    advance(to: now)
    let uid = try uid(of: cluster, at: now)
    guard var manager = managers[uid], let job = manager.job, job.id == id else {
      throw .rejected(code: 404, message: "Job \(id) not found")
    }
    if manager.operations[trigger] != nil { return }
    for case .stopping in manager.operations.values { happenings.append(.stoppedTwice(cluster: cluster)) }
    manager.operations[trigger] = .stopping(completesAt: now + 1_500)
    managers[uid] = manager
  }

  /// Begins a savepoint or checkpoint of a job that goes on.
  mutating func snapshot(
    _ cluster: String, job id: String, trigger: String, isSavepoint: Bool, at now: Int64
  ) throws(FlinkError) {
    advance(to: now)
    let uid = try uid(of: cluster, at: now)
    guard var manager = managers[uid], let job = manager.job, job.id == id else {
      throw .rejected(code: 404, message: "Job \(id) not found")
    }
    if manager.operations[trigger] != nil { return }
    manager.operations[trigger] =
      isSavepoint ? .saving(completesAt: now + 1_500) : .checkpointing(completesAt: now + 800)
    managers[uid] = manager
  }

  mutating func dispose(_ cluster: String, path: String, at now: Int64) throws(FlinkError) {
    _ = try uid(of: cluster, at: now)
    storage[path] = nil
  }

  mutating func checkpointResult(
    _ cluster: String, trigger: String, at now: Int64
  ) throws(FlinkError) -> CheckpointTriggerResult {
    advance(to: now)
    switch try manager(of: cluster, at: now).operations[trigger] {
    case .checkpointing: return .inProgress
    case .checkpointed(let id): return .completed(checkpointID: id)
    case .failed(let cause): return .failed(cause: cause)
    default: throw .rejected(code: 404, message: "There is no checkpoint operation with triggerId=\(trigger)")
    }
  }

  mutating func cancel(_ cluster: String, job id: String, at now: Int64) throws(FlinkError) {
    advance(to: now)
    let uid = try uid(of: cluster, at: now)
    guard var manager = managers[uid], var job = manager.job, job.id == id else {
      throw .rejected(code: 404, message: "Job \(id) not found")
    }
    guard !job.state.isGloballyTerminal, job.state != .cancelling else { return }
    if let since = job.runningSince { job.ran += now - since }
    job.runningSince = nil
    job.state = .cancelling
    job.cancelsAt = now + 300
    manager.job = job
    managers[uid] = manager
  }

  mutating func result(
    _ cluster: String, trigger: String, at now: Int64
  ) throws(FlinkError) -> AsyncOperationResult {
    advance(to: now)
    switch try manager(of: cluster, at: now).operations[trigger] {
    case nil: throw .rejected(code: 404, message: "There is no savepoint operation with triggerId=\(trigger)")
    case .stopping, .saving: return .inProgress
    case .checkpointing, .checkpointed:
      throw .rejected(code: 404, message: "There is no savepoint operation with triggerId=\(trigger)")
    case .completed(let path): return .completed(location: path)
    case .failed(let cause): return .failed(cause: cause)
    }
  }
}
