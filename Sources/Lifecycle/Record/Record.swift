public import FlinkModel

/// Where a resource stands, by what is stored in its status.
public enum Phase: Sendable, Hashable {
  /// Nothing has been authorised yet.
  case new
  /// Deployed by somebody else (the Apache operator, or a status restored from a backup): a record of specs, but no
  /// operation of ours.
  case unowned
  /// Incarnation `operation.attempt` may be created.
  case starting(OperationRecord)
  /// Incarnation `operation.attempt` was created.
  case running(OperationRecord)
  /// The job is asked to stop with a savepoint, or to be cancelled, before its incarnation goes.
  case stopping(OperationRecord)
  /// The Deployments and pods of incarnation `operation.attempt` and of those before have to go.
  case draining(OperationRecord)
  /// Nothing runs, as asked.
  case suspended(OperationRecord)

  /// As stored in `status.operation.phase`.
  public enum Word: String, Sendable, Hashable, CaseIterable {
    case starting, running, stopping, draining, suspended
  }

  /// For logs.
  public var name: String {
    switch self {
    case .new: "new"
    case .unowned: "unowned"
    case .starting: Word.starting.rawValue
    case .running: Word.running.rawValue
    case .stopping: Word.stopping.rawValue
    case .draining: Word.draining.rawValue
    case .suspended: Word.suspended.rawValue
    }
  }

  public var operation: OperationRecord? {
    switch self {
    case .new, .unowned: nil
    case .starting(let operation), .running(let operation), .stopping(let operation), .draining(let operation),
      .suspended(let operation):
      operation
    }
  }
}

/// The durable memory of one resource: its status, and the phase that follows from it.
public struct Record: Sendable, Hashable {
  public let status: FlinkDeploymentStatus
  public let phase: Phase

  /// - Parameter uid: of the resource. An operation stored for another UID (a status restored from a backup) does not
  ///   count; the paths beside it stay.
  public init(_ status: FlinkDeploymentStatus, uid: String, guards: Guards = .all) {
    self.status = status
    guard let operation = status.operation, operation.uid == uid || !guards.holds(.recordUID),
      let word = operation.phase.flatMap(Phase.Word.init(rawValue:))
    else {
      phase = status.reconciliationStatus.lastReconciledSpec == nil ? .new : .unowned
      return
    }
    phase =
      switch word {
      case .starting: .starting(operation)
      case .running: .running(operation)
      case .stopping: .stopping(operation)
      case .draining: .draining(operation)
      case .suspended: .suspended(operation)
      }
  }

  /// An incarnation is authorised that is not known to exist yet.
  public var isStarting: Bool { if case .starting = phase { true } else { false } }

  /// The generation that was last acted upon.
  public var actedGeneration: Int64? { phase.operation?.generation ?? status.observedGeneration }
}
