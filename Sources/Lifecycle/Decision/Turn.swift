import FlinkModel
import KubernetesAPI

/// One decision in the making. The phases change it; nothing outside of it is touched.
struct Turn {
  let observation: Observation
  let record: Record
  let now: Int64
  let guards: Guards

  var status: FlinkDeploymentStatus
  var events: [LifecycleEvent] = []
  var effect: Effect?
  var wake = WakeUp.onChange("nothing is under way")
  var polling: Polling?
  /// nil leaves the conditions as they are.
  var standing: Standing?

  init(_ observation: Observation, _ record: Record, now: Int64, guards: Guards) {
    self.observation = observation
    self.record = record
    self.now = now
    self.guards = guards
    status = record.status
  }

  var metadata: ObjectMetadata { observation.metadata }
  var uid: String { metadata.uid }
  var generation: Int64 { metadata.generation }
  var target: Target? { if case .success(let target) = observation.target { target } else { nil } }

  /// Settings of what runs, else of what is to run.
  var settings: LifecycleSettings { observation.deployed?.settings ?? target?.settings ?? LifecycleSettings() }

  /// A cluster without a job of its own: what is said of jobs does not apply to it.
  var isSession: Bool { ((observation.deployed ?? target)?.spec).map { !$0.isApplication } ?? false }

  /// The freshest view of the cluster in this turn.
  var cluster: Fact<ClusterFacts> {
    if case .unknown = observation.quorum { observation.cluster } else { observation.quorum }
  }

  mutating func note(
    _ kind: LifecycleEvent.Kind, _ reason: String, _ component: LifecycleEvent.Component, _ message: String,
    key: String? = nil
  ) {
    events.append(LifecycleEvent(kind, reason, component, message, key: key))
  }

  /// - Parameter trace: the stack trace of the exception that the message is about.
  mutating func setError(
    _ kind: StatusError.Kind, _ message: String, reason: String? = nil, trace: String? = nil
  ) {
    var error = StatusError(kind, message: message, reason: reason)
    if let trace, !trace.isEmpty {
      error.stackTrace = trace
      error.causes = StatusError.Cause.chain(in: trace)
    }
    let labels = labels(of: message)
    if !labels.isEmpty { error.additionalMetadata["labels"] = .array(labels.map { .string($0) }) }
    status.error = error.text(limits: observation.errorLimits)
  }

  func moment(_ milliseconds: Int64) -> Timestamp { Timestamp(epochMilliseconds: milliseconds) }

  /// Stores an operation with its phase.
  mutating func enter(_ phase: Phase.Word, _ operation: OperationRecord) {
    var operation = operation
    operation.phase = phase.rawValue
    status.operation = operation
  }

  /// The effect, unless this process has done it a moment ago and its result has not been seen yet.
  ///
  /// - Parameters:
  ///   - settle: how long the result of a success may take to show, in milliseconds.
  ///   - retry: how long to wait after a failure.
  /// - Returns: why the last try failed.
  @discardableResult
  mutating func perform(_ effect: Effect, settle: Int64 = 2_000, retry: Int64 = 2_000, waitingFor reason: String)
    -> String?
  {
    var failure: String?
    var wait: Int64 = 0
    if let last = observation.lastEffect, last.identity == effect.identity {
      switch last.result {
      case .succeeded: wait = last.at + settle - now
      case .ambiguous(let why):
        failure = why
        wait = last.at + min(retry, 1_000) - now
      case .failed(let why), .refused(let why):
        failure = why
        wait = last.at + retry - now
      }
    }
    if wait > 0 {
      wake = WakeUp(after: wait, reason)
    } else {
      self.effect = effect
      wake = WakeUp(after: settle, reason)
    }
    return failure
  }

  // MARK: Report

  /// Conditions and lifecycle state from what was decided.
  mutating func report() {
    if let standing {
      status.conditions = status.conditions.updating(
        with: standing.conditions(
          generation: generation, job: status.jobStatus.state,
          session: isSession ? status.jobManagerDeploymentStatus : nil),
        now: moment(now))
    }
    if metadata.isBeingDeleted {
      status.lifecycleState = .deleting
    } else {
      status.lifecycleState = nil
      status.lifecycleState = LifecycleState(of: status)
    }
  }
}
