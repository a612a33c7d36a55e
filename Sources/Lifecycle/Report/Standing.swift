import FlinkModel
import KubernetesAPI

/// Where a resource stands, for people and for `kubectl wait`.
struct Standing {
  var ready: ConditionStatus
  var isReconciling: Bool
  var isStalled: Bool
  var reason: String
  var message: String

  /// Nothing has happened yet.
  static func beginning(_ reason: String, _ message: String) -> Standing {
    Standing(ready: .unknown, isReconciling: true, isStalled: false, reason: reason, message: message)
  }

  static func ready(_ reason: String, _ message: String) -> Standing {
    Standing(ready: .true, isReconciling: false, isStalled: false, reason: reason, message: message)
  }

  /// The operator, Kubernetes or Flink is at work.
  static func progressing(_ reason: String, _ message: String) -> Standing {
    Standing(ready: .false, isReconciling: true, isStalled: false, reason: reason, message: message)
  }

  /// A person has to act; the message says how.
  static func stalled(_ reason: String, _ message: String) -> Standing {
    Standing(ready: .false, isReconciling: false, isStalled: true, reason: reason, message: message)
  }

  /// Progress as long as there is time, a stall from then on.
  static func until(_ deadline: Timestamp?, now: Int64, _ reason: String, _ message: String) -> Standing {
    if let deadline, now >= deadline.epochMilliseconds {
      .stalled(reason, message)
    } else {
      .progressing(reason, message)
    }
  }

  /// - Parameter session: the state of a session cluster's JobManager; nil for an application.
  func conditions(
    generation: Int64, job: FlinkJobState?, session: JobManagerDeploymentStatus? = nil
  ) -> [Condition] {
    func condition(_ type: String, _ status: ConditionStatus, _ reason: String, _ message: String) -> Condition {
      Condition(
        type: type, status: status, reason: reason, message: String(message.prefix(1024)),
        observedGeneration: generation)
    }
    let state = job ?? .reconciling
    let running =
      if let session {
        condition(
          ConditionType.running, ConditionStatus(session == .ready), session.conditionReason,
          "the JobManager is \(session.rawValue)")
      } else {
        condition(
          ConditionType.running, ConditionStatus(state == .running), Self.capitalised(state.rawValue),
          "the job's state is \(state.rawValue)")
      }
    return [
      running,
      condition(ConditionType.ready, ready, reason, message),
      condition(
        ConditionType.reconciling, ConditionStatus(isReconciling), isReconciling ? reason : "Settled",
        isReconciling ? message : ""),
      condition(
        ConditionType.stalled, ConditionStatus(isStalled), isStalled ? reason : "NotStalled",
        isStalled ? message : ""),
    ]
  }

  private static func capitalised(_ word: String) -> String {
    word.prefix(1).uppercased() + word.dropFirst().lowercased()
  }
}

extension JobManagerDeploymentStatus {
  /// The Apache operator's reason of the condition `Running` of a session cluster.
  fileprivate var conditionReason: String {
    switch self {
    case .ready: "JobManagerReady"
    case .deployedNotReady: "DeployedNotReady"
    case .deploying: "JobManagerIsDeploying"
    case .missing: "JobManagerDeploymentMissing"
    case .error: "Error"
    }
  }
}
