internal import KubernetesAPI
internal import Synchronization

/// Passes events from the task that reads a stream to the one that handles them. It holds one batch: a slow handler
/// slows the reader down.
///
/// One task sends and one receives. The receiver calls `close` when it goes, the sender `finish`, so neither waits for
/// ever for the other.
final class WatchHandoff: Sendable {
  private struct State {
    var batch: [WatchEvent]?
    var isFinished = false
    var isClosed = false
    var sender: CheckedContinuation<Void, Never>?
    var receiver: CheckedContinuation<Void, Never>?
  }

  private let state = Mutex(State())

  /// Waits until the batch before was taken. False: the receiver has gone.
  func send(_ batch: [WatchEvent]) async -> Bool {
    while true {
      enum Step { case wait, done(CheckedContinuation<Void, Never>?), closed }
      let step = state.withLock { state -> Step in
        if state.isClosed { return .closed }
        if state.batch != nil { return .wait }
        state.batch = batch
        return .done(state.receiver.take())
      }
      switch step {
      case .closed: return false
      case .done(let receiver):
        receiver?.resume()
        return true
      case .wait:
        await withCheckedContinuation { continuation in
          let isReady = state.withLock { state in
            if state.isClosed || state.batch == nil { return true }
            state.sender = continuation
            return false
          }
          if isReady { continuation.resume() }
        }
      }
    }
  }

  /// The next batch; nil when the sender has finished.
  func next() async -> [WatchEvent]? {
    while true {
      enum Step { case wait, done([WatchEvent], CheckedContinuation<Void, Never>?), finished }
      let step = state.withLock { state -> Step in
        if let batch = state.batch.take() { return .done(batch, state.sender.take()) }
        return state.isFinished ? .finished : .wait
      }
      switch step {
      case .finished: return nil
      case .done(let batch, let sender):
        sender?.resume()
        return batch
      case .wait:
        await withCheckedContinuation { continuation in
          let isReady = state.withLock { state in
            if state.isFinished || state.batch != nil { return true }
            state.receiver = continuation
            return false
          }
          if isReady { continuation.resume() }
        }
      }
    }
  }

  func finish() {
    let receiver = state.withLock { state in
      state.isFinished = true
      return state.receiver.take()
    }
    receiver?.resume()
  }

  func close() {
    let sender = state.withLock { state in
      state.isClosed = true
      return state.sender.take()
    }
    sender?.resume()
  }
}
