internal import Synchronization

/// An `OwnWriteLedgerMachine` shared between tasks; its methods are documented there.
public final class OwnWriteLedger: Sendable {
  public typealias State = OwnWriteLedgerMachine.State

  private let machine = Mutex(OwnWriteLedgerMachine())

  public init() {}

  public var count: Int { machine.withLock { $0.count } }

  public func recordWrite(uid: String, resourceVersion: String) {
    machine.withLock { $0.recordWrite(uid: uid, resourceVersion: resourceVersion) }
  }

  public func recordAmbiguous(uid: String) { machine.withLock { $0.recordAmbiguous(uid: uid) } }

  public func recordDeletion(uid: String) { machine.withLock { $0.recordDeletion(uid: uid) } }

  public func settle(uid: String, resourceVersion: String) {
    machine.withLock { $0.settle(uid: uid, resourceVersion: resourceVersion) }
  }

  public func forget(uid: String) { machine.withLock { $0.forget(uid: uid) } }

  public func state(uid: String, storeVersion: String?) -> State {
    machine.withLock { $0.state(uid: uid, storeVersion: storeVersion) }
  }
}
