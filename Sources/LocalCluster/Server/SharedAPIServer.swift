public import InMemoryKubernetes
public import KubernetesAPI
import Synchronization

/// An `InMemoryAPIServer` that many callers use at a time: requests go through a lock, and watches wait for what writes
/// bring instead of asking again and again. The HTTPS front and the gateway in process share one.
public final class SharedAPIServer: Sendable {
  /// The time now; what the server takes for its timestamps and deadlines.
  public let clock: @Sendable () -> Timestamp
  private let webhooks: any WebhookCaller
  private let state: Mutex<State>

  private struct State {
    var server: InMemoryAPIServer
    var waiters: [WatchID: Waiter] = [:]
    /// When the earliest sleeper fires.
    var nextFire: Timestamp?
  }

  private struct Waiter {
    let continuation: CheckedContinuation<Void, Never>
    let wakeAt: Timestamp
  }

  public init(
    _ server: InMemoryAPIServer, webhooks: any WebhookCaller = WebhookClient(),
    clock: @escaping @Sendable () -> Timestamp
  ) {
    self.clock = clock
    self.webhooks = webhooks
    state = Mutex(State(server: server))
  }

  /// Carries out one request, asks the webhooks that want to see it, and wakes the watches that have something to say
  /// because of it.
  public func handle(_ request: APIRequest) async -> APIResponse {
    var response = step(request, after: nil)
    while case .webhooks(let calls, let progress) = response.content {
      response = step(request, after: await ask(calls, progress))
    }
    return response
  }

  /// The calls of one step are made at the same time.
  private func ask(_ calls: [WebhookCall], _ progress: AdmissionProgress) async -> AdmissionProgress {
    var progress = progress
    await withTaskGroup(of: (Int, WebhookAnswer).self) { group in
      for (index, call) in calls.enumerated() {
        group.addTask { [webhooks] in (index, await webhooks.answer(to: call)) }
      }
      for await (index, answer) in group { progress.add(answer, to: calls[index]) }
    }
    return progress
  }

  private func step(_ request: APIRequest, after progress: AdmissionProgress?) -> APIResponse {
    let now = clock()
    let (response, woken) = state.withLock { state in
      let response = state.server.handle(request, at: now, after: progress)
      let woken = state.server.takeWokenWatches().compactMap { state.waiters.removeValue(forKey: $0) }
      return (response, woken)
    }
    for waiter in woken { waiter.continuation.resume() }
    return response
  }

  /// The next frames of a watch. Waits until there are some, the watch ends, or the task is cancelled (an empty batch).
  ///
  /// A watch has one reader.
  public func nextEvents(_ id: WatchID, limit: Int = 100) async -> WatchBatch {
    while true {
      let now = clock()
      let batch = state.withLock { $0.server.nextEvents(id, limit: limit, at: now) }
      if !batch.frames.isEmpty || batch.isEnded || Task.isCancelled { return batch }
      await wait(for: id, until: batch.wakeAt)
    }
  }

  /// The client of a watch is gone.
  public func closeWatch(_ id: WatchID) {
    let waiter = state.withLock { state in
      state.server.closeWatch(id)
      return state.waiters.removeValue(forKey: id)
    }
    waiter?.continuation.resume()
  }

  private func wait(for id: WatchID, until wakeAt: Timestamp) async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let (isPointless, firesAt): (Bool, Timestamp?) = state.withLock { state in
          // Something may have been written since the watch was asked.
          if Task.isCancelled || state.server.hasPendingEvents(id) { return (true, nil) }
          state.waiters[id] = Waiter(continuation: continuation, wakeAt: wakeAt)
          if let next = state.nextFire, next <= wakeAt { return (false, nil) }
          state.nextFire = wakeAt
          return (false, wakeAt)
        }
        if isPointless { continuation.resume() }
        if let firesAt { fire(at: firesAt) }
      }
    } onCancel: {
      state.withLock { $0.waiters.removeValue(forKey: id) }?.continuation.resume()
    }
  }

  /// Wakes, at that time, the watches that are due, and sleeps again for those that are left.
  private func fire(at time: Timestamp) {
    Task { [weak self] in
      guard let delay = self.map({ time.epochMilliseconds - $0.clock().epochMilliseconds }) else { return }
      if delay > 0 { try? await Task.sleep(for: .milliseconds(delay)) }
      self?.fire(scheduledFor: time)
    }
  }

  private func fire(scheduledFor time: Timestamp) {
    let now = clock()
    let (due, next): ([Waiter], Timestamp?) = state.withLock { state in
      let ids = state.waiters.filter { $0.value.wakeAt <= now }.map(\.key)
      let due = ids.compactMap { state.waiters.removeValue(forKey: $0) }
      guard state.nextFire == time else { return (due, nil) }
      state.nextFire = state.waiters.values.map(\.wakeAt).min()
      return (due, state.nextFire)
    }
    for waiter in due { waiter.continuation.resume() }
    if let next { fire(at: next) }
  }
}
