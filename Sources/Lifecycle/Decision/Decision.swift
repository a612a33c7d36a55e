public import FlinkModel

/// An event to be recorded on the resource.
public struct LifecycleEvent: Sendable, Hashable {
  public enum Kind: String, Sendable, Hashable {
    case normal = "Normal"
    case warning = "Warning"
  }

  /// The Apache operator's `source.component`.
  public enum Component: String, Sendable, Hashable {
    case `operator` = "Operator"
    case jobManagerDeployment = "JobManagerDeployment"
    case job = "Job"
    case snapshot = "Snapshot"
  }

  public var kind: Kind
  public var reason: String
  public var component: Component
  public var message: String
  /// What makes two events the same one, where that is not the message.
  public var key: String?
  public var annotations: [String: String]

  public init(
    _ kind: Kind, _ reason: String, _ component: Component, _ message: String, key: String? = nil,
    annotations: [String: String] = [:]
  ) {
    self.kind = kind
    self.reason = reason
    self.component = component
    self.message = message
    self.key = key
    self.annotations = annotations
  }
}

/// When, and for what, the resource is looked at again.
public struct WakeUp: Sendable, Hashable {
  /// Milliseconds from now; nil where nothing but a change of something watched is waited for.
  public var delay: Int64?
  /// What is waited for.
  public var reason: String

  public init(after delay: Int64?, _ reason: String) {
    self.delay = delay
    self.reason = reason
  }

  /// Whatever is watched wakes the resource at any time; this is for what is not.
  public static func onChange(_ reason: String) -> WakeUp { WakeUp(after: nil, reason) }
}

/// What the poller of this resource's JobManager is to find out.
public struct Polling: Sendable, Hashable {
  public enum Pace: Sendable, Hashable { case fast, steady }

  /// Facts of another incarnation do not count.
  public var attempt: Int64
  public var jobID: String
  public var pace: Pace
  public var savepointTriggerID: String?
  public var checkpointTriggerID: String?
  public var wantsCheckpoints: Bool
  public var wantsExceptions: Bool
  /// The bounds of the job's parallelism, and the parallelism that it has.
  public var wantsParallelism = false
  /// How long Flink keeps a checkpoint that is complete, in milliseconds, where nothing but the JobManager tells which is
  /// the newest: one that is known for longer than that is of no use when the JobManager dies. nil where something does.
  public var checkpointLifetime: Int64?
  /// The time over which restarts of the job are counted, in milliseconds; nil where its health is not asked for.
  public var healthWindow: Int64?

  public init(
    attempt: Int64, jobID: String, pace: Pace, savepointTriggerID: String? = nil, wantsCheckpoints: Bool = false,
    wantsExceptions: Bool = false
  ) {
    self.attempt = attempt
    self.jobID = jobID
    self.pace = pace
    self.savepointTriggerID = savepointTriggerID
    self.wantsCheckpoints = wantsCheckpoints
    self.wantsExceptions = wantsExceptions
  }
}

/// The outcome of one look at one resource.
public struct Decision: Sendable, Hashable {
  /// Record and report: the status to be stored before anything is done.
  public var status: FlinkDeploymentStatus
  /// To be recorded once `status` is stored.
  public var events: [LifecycleEvent]
  /// At most one act, to be performed once `status` is stored.
  public var effect: Effect?
  public var wake: WakeUp
  /// nil where there is no JobManager to ask.
  public var polling: Polling?
}
