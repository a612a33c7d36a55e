import FlinkModel
import Lifecycle

/// What the poll of one JobManager has brought, and what comes next.
struct JobManagerPoll: Sendable {
  let polling: Polling
  var facts: JobManagerFacts
  /// Failed polls in a row.
  var failures = 0
  /// When the present run of the job began, by Flink.
  private var runStartedAt: Int64?
  /// The last change of the job's state that was seen, and when.
  var modification: (of: Int64, at: Int64)?
  /// Polls made.
  var count: UInt64 = 0
  /// Requests of the last poll.
  var requests = 0
  /// Nothing came back from the last poll, not even a refusal.
  private(set) var isSilent = false
  /// The last poll ended with its most urgent news.
  private(set) var hasMoreToAsk = false
  /// Since when this is wanted in this way, by the time that has passed.
  let wantedSince: Int64

  init(polling: Polling, now: Int64) {
    self.polling = polling
    wantedSince = now
    facts = .unknown("the JobManager has not been asked yet", since: now)
  }

  /// The same facts for a changed wish; none where it is about another incarnation.
  func following(_ next: Polling, now: Int64, guards: Guards) -> JobManagerPoll {
    guard next.attempt == polling.attempt && next.jobID == polling.jobID || !guards.holds(.factsAfterEffect) else {
      return JobManagerPoll(polling: next, now: now)
    }
    var poll = JobManagerPoll(polling: next, now: now)
    poll.facts = facts
    poll.failures = failures
    poll.runStartedAt = runStartedAt
    poll.count = count
    poll.modification = modification
    if next.savepointTriggerID != polling.savepointTriggerID, guards.holds(.factsAfterEffect) {
      poll.facts.savepoint = .unknown(why: "the savepoint has not been asked for yet", since: now)
    }
    if next.wantsParallelism, !polling.wantsParallelism {
      poll.facts.bounds = nil
      poll.facts.parallelism = nil
    }
    if next.checkpointTriggerID != polling.checkpointTriggerID {
      poll.facts.checkpoint = .unknown(why: "the checkpoint has not been asked for yet", since: now)
    }
    return poll
  }

  /// Asks the JobManager once. Facts are as old as the moment before their request, by the time that has passed.
  ///
  /// - Parameter isDirect: the endpoint is a pod's address. Where the view of the pod is old it may be another cluster's
  ///   by now, so that only one that knows the job is believed.
  mutating func ask(
    _ flink: any FlinkGateway, at endpoint: FlinkEndpoint, isDirect: Bool = false, clock: OperatorClock
  ) async {
    count += 1
    requests = 1
    hasMoreToAsk = false
    isSilent = false
    let start = clock.elapsed()
    var overview: [JobOverview]
    do throws(FlinkError) {
      overview = try await flink.jobs(at: endpoint)
    } catch {
      switch error {
      case .unreachable, .interrupted: isSilent = true
      case .rejected, .undecodable: break
      }
      return fail(error.description, now: start)
    }
    if isDirect, !overview.contains(where: { $0.id == polling.jobID }) {
      return fail("its pod does not know the job yet", now: start)
    }
    failures = 0
    if polling.pace == .fast { await refreshState(of: &overview, flink, at: endpoint) }
    let before = facts.jobs.value?.first { $0.id == polling.jobID }?.state
    facts.jobs = .seen(overview, at: start)
    let job = overview.first { $0.id == polling.jobID }
    noteRun(job, now: start)
    let hasEnded = job.flatMap { FlinkJobState(rawValue: $0.state) }?.isGloballyTerminal == true
    // A JobManager that has just started takes long for its first answers: the rest comes with the next poll, at once.
    hasMoreToAsk = polling.pace == .fast && polling.savepointTriggerID == nil && !hasEnded && job?.state != before
    if hasMoreToAsk { return }

    if facts.config.value == nil {
      requests += 1
      let start = clock.elapsed()
      do throws(FlinkError) {
        facts.config = .seen(try await flink.clusterConfig(at: endpoint), at: start)
      } catch {
        facts.config = .unknown(why: error.description, since: start)
      }
    }
    if job != nil, let trigger = polling.savepointTriggerID {
      requests += 1
      let start = clock.elapsed()
      do throws(FlinkError) {
        let result = try await flink.savepointResult(at: endpoint, job: polling.jobID, triggerID: trigger)
        if case .failed = result, facts.savepoint.value == result {
          // Known since the answer before: the time of the next try counts from there.
        } else {
          facts.savepoint = .seen(result, at: start)
        }
      } catch {
        facts.savepoint =
          error.isNotFound ? .gone(at: start) : .unknown(why: error.description, since: start)
      }
    }
    if job != nil, let trigger = polling.checkpointTriggerID {
      let start = clock.elapsed()
      do throws(FlinkError) {
        let result = try await flink.checkpointResult(at: endpoint, job: polling.jobID, triggerID: trigger)
        if case .failed = result, facts.checkpoint.value == result {
          // As above.
        } else {
          facts.checkpoint = .seen(result, at: start)
        }
      } catch {
        facts.checkpoint = error.isNotFound ? .gone(at: start) : .unknown(why: error.description, since: start)
      }
    }
    // A job that is being set up cannot be asked yet: its JobManager would log an error for every question.
    let hasBegun = job.map {
      ![FlinkJobState.initializing.rawValue, FlinkJobState.created.rawValue].contains($0.state)
    }
    if hasBegun == true, polling.wantsCheckpoints, wantsCheckpointsNow(hasEnded: hasEnded, now: start) {
      requests += 1
      let start = clock.elapsed()
      do throws(FlinkError) {
        facts.checkpoints = .seen(try await flink.checkpoints(at: endpoint, job: polling.jobID), at: start)
      } catch {
        // What was read before stays true as a list of checkpoints that were completed.
        if facts.checkpoints.value == nil { facts.checkpoints = .unknown(why: error.description, since: start) }
      }
    }
    if hasBegun == true, let window = polling.healthWindow {
      await askHealth(flink, at: endpoint, window, clock, since: start)
    }
    // A job that waits for slots is CREATED.
    if polling.wantsParallelism, hasBegun == true || job?.state == FlinkJobState.created.rawValue {
      await askParallelism(flink, at: endpoint, clock)
    }
    if let job, polling.wantsExceptions, wantsExceptionsNow(job, now: start) {
      requests += 1
      let start = clock.elapsed()
      do throws(FlinkError) {
        facts.exceptions = .seen(try await flink.exceptions(at: endpoint, job: polling.jobID), at: start)
      } catch {
        facts.exceptions = .unknown(why: error.description, since: start)
      }
    }
  }

  /// The overview is from a cache of `web.refresh-interval`: a job that starts may run already.
  private mutating func refreshState(
    of overview: inout [JobOverview], _ flink: any FlinkGateway, at endpoint: FlinkEndpoint
  ) async {
    guard let index = overview.firstIndex(where: { $0.id == polling.jobID }),
      let known = FlinkJobState(rawValue: overview[index].state), known != .running, !known.isGloballyTerminal
    else { return }
    requests += 1
    if let present = try? await flink.jobStatus(at: endpoint, job: polling.jobID),
      present == FlinkJobState.running.rawValue
    {
      overview[index].state = present
      // How many of its tasks run is not known before the next overview.
      overview[index].tasks = ["total": max(overview[index].tasks["total"] ?? 0, 1), "running": 0]
    }
  }

  private mutating func askParallelism(
    _ flink: any FlinkGateway, at endpoint: FlinkEndpoint, _ clock: OperatorClock
  ) async {
    requests += 2
    var start = clock.elapsed()
    do throws(FlinkError) {
      facts.bounds = .seen(try await flink.resourceRequirements(at: endpoint, job: polling.jobID), at: start)
    } catch {
      var since = start
      if case .unknown(_, let earlier) = facts.bounds { since = earlier }
      facts.bounds =
        error.isRefusal ? .gone(at: start) : .unknown(why: error.description, since: since)
    }
    start = clock.elapsed()
    do throws(FlinkError) {
      facts.parallelism = .seen(try await flink.parallelism(at: endpoint, job: polling.jobID), at: start)
    } catch {
      facts.parallelism = .unknown(why: error.description, since: start)
    }
  }

  private mutating func askHealth(
    _ flink: any FlinkGateway, at endpoint: FlinkEndpoint, _ window: Int64, _ clock: OperatorClock,
    since began: Int64
  ) async {
    requests += 1
    let start = clock.elapsed()
    let restarts = (try? await flink.restartCount(at: endpoint, job: polling.jobID)) ?? nil
    var health = facts.health ?? JobHealth()
    // What was not read in this poll says nothing: after an outage it would tell of a job that stands still.
    let isRead = facts.checkpoints.at.map { $0 >= began } ?? false
    let completed = isRead ? (facts.checkpoints.value ?? nil)?.completedCount : nil
    health.note(restarts: restarts, checkpoints: completed, window: window, now: start)
    facts.health = health
  }

  /// A job that goes on has no new exceptions. After a change of its state they are asked for until Flink's cache cannot
  /// hold an older answer.
  private mutating func wantsExceptionsNow(_ job: JobOverview, now: Int64) -> Bool {
    if modification?.of != job.lastModification { modification = (job.lastModification, now) }
    guard let at = facts.exceptions.at, let modification else { return true }
    return at < modification.at + 3_500 && now - at >= 1_000
  }

  /// Checkpoints are asked for where they decide something, and now and then for the ledger.
  private func wantsCheckpointsNow(hasEnded: Bool, now: Int64) -> Bool {
    let isOld = facts.checkpoints.at.map { now - $0 >= 1_000 } ?? true
    if polling.savepointTriggerID != nil {
      switch facts.savepoint {
      // The path is known: nothing else is worth the time before the next incarnation.
      case .seen(.completed, _): return false
      case .seen(.inProgress, _): return isOld
      case .seen(.failed, _), .gone, .unknown: return true
      }
    }
    if hasEnded { return true }
    if polling.pace == .fast { return isOld }
    if !hasCheckpoint { return true }
    let isStale = checkpointPause.map { pause in facts.checkpoints.at.map { now - $0 >= pause } ?? true } ?? false
    return isStale || count % 3 == 0
  }

  /// A steady poll follows the one before after no more than this, in milliseconds; nil for any time.
  ///
  /// Half the time that Flink keeps a checkpoint: the one that is known is then mostly still there.
  var checkpointPause: Int64? { polling.checkpointLifetime.map { max($0 / 2, 1_000) } }

  /// How soon the answers are wanted.
  var urgency: PollSchedule.Urgency {
    switch polling.pace {
    case .steady: .steady
    case .fast: polling.savepointTriggerID == nil ? .transition : .savepoint
    }
  }

  /// Milliseconds since the JobManager answered last; nil where it answered just now.
  func failing(now: Int64) -> Int64? {
    guard failures > 0, case .unknown(_, let since) = facts.jobs else { return nil }
    return now - since
  }

  /// A job that begins again under its id counts its checkpoints anew: what the run before has told is kept beside.
  private mutating func noteRun(_ job: JobOverview?, now: Int64) {
    guard let job else { return }
    if let before = runStartedAt, job.startTime > before, let known = facts.checkpoints.value {
      facts.earlierRun = known
      facts.checkpoints = .unknown(why: "read from the run of the job before", since: now)
    }
    if let before = runStartedAt, job.startTime > before { facts.health = nil }
    runStartedAt = job.startTime
  }

  /// What it said of the job, or why it said nothing: for the log.
  var toldState: String {
    switch facts.jobs {
    case .seen(let jobs, _):
      jobs.first { $0.id == polling.jobID }.map { "\($0.state) \($0.tasks["running"] ?? 0)/\($0.tasks["total"] ?? 0)" }
        ?? "none of \(jobs.count)"
    case .gone: "gone"
    case .unknown(let why, _): why
    }
  }

  /// A completed checkpoint is known.
  private var hasCheckpoint: Bool { (facts.checkpoints.value ?? nil)?.latestCompleted != nil }

  mutating func fail(_ why: String, now: Int64) {
    failures += 1
    var since = now
    if case .unknown(_, let earlier) = facts.jobs { since = earlier }
    facts.jobs = .unknown(why: why, since: since)
    facts.savepoint = .unknown(why: why, since: now)
    facts.checkpoint = .unknown(why: why, since: now)
  }

  /// Whether a turn would see something in `other` that it does not see here: not when, but what.
  func tellsSameAs(_ other: JobManagerPoll) -> Bool {
    func what<Value>(_ fact: Fact<Value>) -> Fact<Value> {
      switch fact {
      case .seen(let value, _): .seen(value, at: 0)
      case .gone: .gone(at: 0)
      case .unknown: .unknown(why: "", since: 0)
      }
    }
    func jobs(_ poll: JobManagerPoll) -> Fact<[JobOverview]> {
      guard case .seen(let jobs, _) = poll.facts.jobs else { return what(poll.facts.jobs) }
      // All of them are of interest in a cluster without a job of its own.
      return .seen(polling.jobID.isEmpty ? jobs : jobs.filter { $0.id == polling.jobID }, at: 0)
    }
    return jobs(self) == jobs(other) && what(facts.savepoint) == what(other.facts.savepoint)
      && what(facts.checkpoint) == what(other.facts.checkpoint)
      && facts.bounds.map(what) == other.facts.bounds.map(what)
      && facts.parallelism.map(what) == other.facts.parallelism.map(what)
      && what(facts.exceptions) == what(other.facts.exceptions) && what(facts.config) == what(other.facts.config)
      && hasCheckpoint == other.hasCheckpoint
      && (facts.checkpoints.value == nil) == (other.facts.checkpoints.value == nil)
  }
}
