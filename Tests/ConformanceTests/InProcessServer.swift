import InMemoryKubernetes
import KubernetesAPI

/// The API server in process. Time is virtual: waiting moves the clock.
final class InProcessServer: ReplayServer {
  private var server: InMemoryAPIServer
  private var now: Timestamp
  private var watches: [String: OpenWatch] = [:]
  /// By their ports, which nobody listens on.
  private var webhooks: [Int: ReplayWebhook] = [:]

  private struct OpenWatch {
    var id: WatchID?
    var pending: [WatchFrame] = []
    var isEnded = false
  }

  init() {
    now = Timestamp(epochMilliseconds: 1_790_000_000_000)
    server = InMemoryAPIServer(at: now)
  }

  var milliseconds: Int64 { now.epochMilliseconds }

  func wait(milliseconds: Int64) {
    now = now + .milliseconds(milliseconds)
    server.settle(at: now)
  }

  func send(_ request: ReplayRequest) -> ReplayAnswer {
    now = now + .milliseconds(5)
    var response = server.handle(apiRequest(request), at: now)
    while case .webhooks(let calls, var progress) = response.content {
      for call in calls { progress.add(answer(to: call), to: call) }
      response = server.handle(apiRequest(request), at: now, after: progress)
    }
    server.settle(at: now)
    return answer(response)
  }

  func start(_ webhook: ReplayWebhook) -> Int {
    let port = 9000 + webhooks.count
    webhooks[port] = webhook
    return port
  }

  func stop(_ webhook: ReplayWebhook) { webhooks = webhooks.filter { $0.value !== webhook } }

  private func answer(to call: WebhookCall) -> WebhookAnswer {
    guard let webhook = webhooks[call.port] else { return .failed("nobody listens on port \(call.port)") }
    let headers = ["content-type": "application/json", "accept": "application/json, */*"]
    let (status, body) = webhook.answer(call.path, headers: headers, body: call.review.serialized())
    return .answered(status: status, body: body)
  }

  func openWatch(_ name: String, _ request: ReplayRequest) -> ReplayAnswer {
    now = now + .milliseconds(5)
    let response = server.handle(apiRequest(request), at: now)
    var watch = OpenWatch()
    if case .watch(let id) = response.content { watch.id = id } else { watch.isEnded = true }
    watches[name] = watch
    return answer(response)
  }

  func nextEvent(of name: String, before end: Int64) -> JSONValue? {
    while true {
      pull(name)
      if watches[name]?.pending.isEmpty == false { return watches[name]?.pending.removeFirst().json }
      if milliseconds >= end || watches[name]?.isEnded != false { return nil }
      wait(milliseconds: min(100, end - milliseconds))
    }
  }

  func hasEnded(_ name: String) -> Bool { watches[name]?.isEnded != false }

  func closeWatch(_ name: String) {
    if let id = watches.removeValue(forKey: name)?.id { server.closeWatch(id) }
  }

  private func pull(_ name: String) {
    guard var watch = watches[name], let id = watch.id, !watch.isEnded, watch.pending.isEmpty else { return }
    while true {
      let batch = server.nextEvents(id, limit: 7, at: now)
      watch.pending += batch.frames
      watch.isEnded = batch.isEnded
      if batch.frames.isEmpty || batch.isEnded { break }
    }
    watches[name] = watch
  }

  private func apiRequest(_ request: ReplayRequest) -> APIRequest {
    var identity = APIRequest.Identity.user(.administrator)
    if !request.isAdministrator {
      let authorization = request.headers["authorization"] ?? ""
      identity = authorization.hasPrefix("Bearer ") ? .bearer(String(authorization.dropFirst(7))) : .anonymous
    }
    return APIRequest(
      method: request.method, target: request.target, headers: request.headers.map { ($0.key, $0.value) },
      identity: identity, body: request.body.map { .bytes($0) } ?? .empty)
  }

  private func answer(_ response: APIResponse) -> ReplayAnswer {
    guard case .podLog(let log) = response.content else {
      return ReplayAnswer(status: response.status, headers: response.headers, body: response.bodyBytes)
    }
    // What the front answers when the node of a pod cannot be asked for its log.
    let status = APIStatus(code: 500, reason: "", message: "no node agent serves node \(log.nodeName)")
    return ReplayAnswer(status: 500, headers: [("content-type", "application/json")], body: status.json.serialized())
  }
}
