public import InMemoryKubernetes
public import KubernetesAPI
import Synchronization

/// An `InMemoryAPIServer` that many callers use at a time: requests go through a lock, and watches wait for what writes
/// bring instead of asking again and again. The HTTPS front and the gateway in process share one.
public final class SharedAPIServer: Sendable {
  /// The time now; what the server takes for its timestamps and deadlines.
  public let clock: @Sendable () -> Timestamp
  private let webhooks: any WebhookCaller
  private let patience: Duration
  private let state: Mutex<State>

  private struct State {
    var server: InMemoryAPIServer
    var waiters: [WatchID: Waiter] = [:]
    /// When the earliest sleeper fires.
    var nextFire: Timestamp?
    var conditionWaiters: [UInt64: ConditionWaiter] = [:]
    var nextWaiterNumber: UInt64 = 0
  }

  /// What a request waits for that other requests bring about.
  private enum Condition: Sendable {
    case version(UInt64)
    case followup(Followup)

    func holds(_ server: InMemoryAPIServer) -> Bool {
      switch self {
      case .version(let version): server.hasReached(version)
      case .followup(let followup): server.has(followup)
      }
    }
  }

  private struct ConditionWaiter {
    let continuation: CheckedContinuation<Bool, Never>
    let condition: Condition
  }

  private struct Waiter {
    let continuation: CheckedContinuation<Void, Never>
    let wakeAt: Timestamp
  }

  public init(
    _ server: InMemoryAPIServer, webhooks: any WebhookCaller = WebhookClient(),
    patience: Duration = InMemoryAPIServer.versionPatience, clock: @escaping @Sendable () -> Timestamp
  ) {
    self.patience = patience
    self.clock = clock
    self.webhooks = webhooks
    state = Mutex(State(server: server))
  }

  /// Carries out one request, asks the webhooks that want to see it, and wakes the watches that have something to say
  /// because of it.
  public func handle(_ request: APIRequest) async -> APIResponse {
    var response = step(request, after: nil)
    if let version = response.awaitedVersion, await reach(.version(version), within: patience) {
      response = step(request, after: nil)
    }
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
    let (response, woken, served) = state.withLock { state in
      let response = state.server.handle(request, at: now, after: progress)
      let woken = state.server.takeWokenWatches().compactMap { state.waiters.removeValue(forKey: $0) }
      let numbers = state.conditionWaiters.filter { $0.value.condition.holds(state.server) }.map(\.key)
      return (response, woken, numbers.compactMap { state.conditionWaiters.removeValue(forKey: $0) })
    }
    for waiter in woken { waiter.continuation.resume() }
    for waiter in served { waiter.continuation.resume(returning: true) }
    return response
  }

  /// As `handle`, and answers the creation of a namespace or a service when the controllers have seen it, within reason.
  public func handleWithControllers(
    _ request: APIRequest, within limit: Duration = .milliseconds(500)
  ) async -> APIResponse {
    let response = await handle(request)
    if let followup = Followup(to: request, response) {
      _ = await reach(.followup(followup), within: limit)
    }
    return response
  }

  /// Waits until something holds. Returns whether it does.
  private func reach(_ condition: Condition, within limit: Duration) async -> Bool {
    let number = state.withLock { state in
      state.nextWaiterNumber += 1
      return state.nextWaiterNumber
    }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isThere: Bool? = state.withLock { state in
          if condition.holds(state.server) { return true }
          if Task.isCancelled { return false }
          state.conditionWaiters[number] = ConditionWaiter(continuation: continuation, condition: condition)
          return nil
        }
        if let isThere { return continuation.resume(returning: isThere) }
        Task { [weak self] in
          do { try await Task.sleep(for: limit) } catch { return }
          self?.giveUp(number)
        }
      }
    } onCancel: {
      giveUp(number)
    }
  }

  private func giveUp(_ number: UInt64) {
    state.withLock { $0.conditionWaiters.removeValue(forKey: number) }?.continuation.resume(returning: false)
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
