import InMemoryKubernetes
import KubernetesAPI

/// Replays one scenario against a server in process. Time is virtual: waiting moves the clock.
struct Replayer {
  private var server: InMemoryAPIServer
  private var now = Timestamp(epochMilliseconds: 1_790_000_000_000)
  private var bindings = Bindings()
  private var watches: [String: OpenWatch] = [:]

  private struct OpenWatch {
    var id: WatchID?
    var pending: [WatchFrame] = []
    var isEnded = false
  }

  struct Outcome {
    var stepsPassed = 0
    /// What the first failed step was, and how it differs.
    var failure: String?
  }

  init() { server = InMemoryAPIServer(at: now) }

  static func replay(_ scenario: JSONValue) -> Outcome {
    var replayer = Replayer()
    var outcome = Outcome()
    for (index, step) in (scenario["steps"]?.arrayValue ?? []).enumerated() {
      let isCleanup = step["cleanup"]?.boolValue == true
      if outcome.failure != nil && !isCleanup { continue }
      let problems: [String]
      do throws(ReplayProblem) {
        problems = try replayer.perform(step)
      } catch {
        problems = [error.description]
      }
      if isCleanup { continue }
      if problems.isEmpty {
        outcome.stepsPassed += 1
      } else {
        let title = ["step", "method", "path", "id"].compactMap { step[$0]?.stringValue }.joined(separator: " ")
        outcome.failure = "step \(index) (\(title)):\n    " + problems.prefix(8).joined(separator: "\n    ")
      }
    }
    return outcome
  }

  private mutating func advance(milliseconds: Int64) { now = now + .milliseconds(milliseconds) }

  private mutating func perform(_ step: JSONValue) throws(ReplayProblem) -> [String] {
    advance(milliseconds: 5)
    switch step["step"]?.stringValue {
    case "request": return try request(step)
    case "watch-open": return try openWatch(step)
    case "watch-expect": return try expectEvents(step)
    case "watch-expect-none": return try expectNoEvents(step)
    case "watch-expect-end": return try expectEnd(step)
    case "watch-close":
      let id = step["id"]?.stringValue ?? ""
      if let watch = watches.removeValue(forKey: id)?.id { server.closeWatch(watch) }
      return []
    case "sleep":
      advance(milliseconds: step["ms"]?.intValue ?? 0)
      server.settle(at: now)
      return []
    case let other: throw ReplayProblem("step \(other ?? "without kind") is not supported")
    }
  }

  // MARK: - Requests

  private mutating func request(_ step: JSONValue) throws(ReplayProblem) -> [String] {
    let ends = now + .milliseconds(step["until", "timeout_ms"]?.intValue ?? 0)
    while true {
      var trial = bindings
      let response = server.handle(try outgoing(step, method: step["method"]?.stringValue ?? "GET"), at: now)
      server.settle(at: now)
      let problems = check(withoutNodes(response), step["expect"] ?? [:], &trial)
      if problems.isEmpty {
        bindings = trial
        return []
      }
      if now >= ends { return problems }
      advance(milliseconds: max(1, step["until", "interval_ms"]?.intValue ?? 100))
    }
  }

  /// What the front answers when the node of a pod cannot be asked for its log.
  private func withoutNodes(_ response: APIResponse) -> APIResponse {
    guard case .podLog(let log) = response.content else { return response }
    let status = APIStatus(code: 500, reason: "", message: "no node agent serves node \(log.nodeName)")
    return APIResponse(
      status: 500, headers: [("content-type", "application/json")], content: .json(status.json))
  }

  private func outgoing(_ step: JSONValue, method: String) throws(ReplayProblem) -> APIRequest {
    var headers = ["accept": "application/json", "user-agent": "kube-conformance/1.0"]
    var body = APIRequest.Body.empty
    switch step["body"] {
    case nil, .null: break
    case .string(let text): body = .bytes(Array(try bindings.resolve(text).utf8))
    case .some(let json):
      if let parts = json["${repeat}"]?.arrayValue, parts.count == 4 {
        let text =
          (parts[0].stringValue ?? "")
          + String(repeating: parts[1].stringValue ?? "", count: Int(parts[2].intValue ?? 0))
          + (parts[3].stringValue ?? "")
        body = .bytes(Array(text.utf8))
      } else {
        body = .bytes(try bindings.resolve(json).serialized())
      }
    }
    if body != .empty { headers["content-type"] = "application/json" }
    for (name, value) in step["headers"]?.objectValue?.members ?? [] {
      headers[name] = try value.stringValue.map { text throws(ReplayProblem) in try bindings.resolve(text) }
    }
    var identity = APIRequest.Identity.user(.administrator)
    if step["auth"]?.stringValue == "none" {
      identity = headers["authorization"]?.hasPrefix("Bearer ") == true ? .rejected : .anonymous
    }
    return APIRequest(
      method: method, target: try bindings.resolve(step["path"]?.stringValue ?? "", percentEncoded: true),
      headers: headers.map { ($0.key, $0.value) }, identity: identity, body: body)
  }

  private func check(_ response: APIResponse, _ expected: JSONValue, _ bindings: inout Bindings) -> [String] {
    let text = String(decoding: response.bodyBytes, as: UTF8.self)
    if let status = expected["status"]?.intValue, status != response.status {
      return ["expected status \(status), got \(response.status): \(text.prefix(900))"]
    }
    var problems: [String] = []
    for (name, value) in expected["headers"]?.objectValue?.members ?? [] {
      let got = response.headers.filter { $0.name == name }.map(\.value)
      let matcher = Matcher(isExact: true)
      switch value {
      case .array: problems += matcher.differences(value, JSONValue(got), &bindings, path: "header \(name)")
      case "${absent}": if !got.isEmpty { problems.append("header \(name): must be absent, got \(got)") }
      default:
        if let first = got.first {
          problems += matcher.differences(value, .string(first), &bindings, path: "header \(name)")
        } else {
          problems.append("header \(name): missing, expected \(value.text)")
        }
      }
    }
    if !problems.isEmpty { return problems }
    if let body = expected["body"] {
      guard let json = try? JSONValue(parsing: text) else { return ["the body is not JSON: \(text.prefix(400))"] }
      let matcher = Matcher(isExact: expected["match"]?.stringValue == "exact")
      problems += matcher.differences(body, json, &bindings, path: "body")
    }
    if let wanted = expected["text"]?.stringValue, let why = Template(wanted).mismatch(text, &bindings) {
      problems.append("text: \(why)")
    }
    return problems
  }

  // MARK: - Watches

  private mutating func openWatch(_ step: JSONValue) throws(ReplayProblem) -> [String] {
    let response = server.handle(try outgoing(step, method: "GET"), at: now)
    var watch = OpenWatch()
    if case .watch(let id) = response.content { watch.id = id } else { watch.isEnded = true }
    watches[step["id"]?.stringValue ?? ""] = watch
    return check(response, step["expect"] ?? ["status": 200], &bindings)
  }

  private mutating func pull(_ name: String) {
    guard var watch = watches[name], let id = watch.id, !watch.isEnded else { return }
    while true {
      let batch = server.nextEvents(id, limit: 7, at: now)
      watch.pending += batch.frames
      watch.isEnded = batch.isEnded
      if batch.frames.isEmpty || batch.isEnded { break }
    }
    watches[name] = watch
  }

  private mutating func next(_ name: String) -> WatchFrame? {
    if watches[name]?.pending.isEmpty ?? true { pull(name) }
    guard watches[name]?.pending.isEmpty == false else { return nil }
    return watches[name]?.pending.removeFirst()
  }

  private mutating func expectEvents(_ step: JSONValue) throws(ReplayProblem) -> [String] {
    let name = step["id"]?.stringValue ?? ""
    let matcher = Matcher(isExact: step["match"]?.stringValue == "exact")
    let ends = now + .milliseconds(step["timeout_ms"]?.intValue ?? 10_000)
    for (index, wanted) in (step["events"]?.arrayValue ?? []).enumerated() {
      while true {
        guard let frame = next(name) else {
          if now >= ends || watches[name]?.isEnded != false {
            return ["event \(index) did not come: \(Matcher.short(wanted))"]
          }
          advance(milliseconds: 100)
          server.settle(at: now)
          continue
        }
        if frame.type == "BOOKMARK", wanted["type"] != "BOOKMARK" { continue }
        var trial = bindings
        let problems = matcher.differences(wanted, frame.json, &trial, path: "event[\(index)]")
        if problems.isEmpty {
          bindings = trial
          break
        }
        if step["skip_until_match"]?.boolValue == true { continue }
        return problems
      }
    }
    return []
  }

  private mutating func expectNoEvents(_ step: JSONValue) throws(ReplayProblem) -> [String] {
    let name = step["id"]?.stringValue ?? ""
    advance(milliseconds: step["for_ms"]?.intValue ?? 0)
    server.settle(at: now)
    while let frame = next(name) {
      if frame.type != "BOOKMARK" { return ["unexpected event \(Matcher.short(frame.json))"] }
    }
    return watches[name]?.isEnded == true ? ["the stream ended"] : []
  }

  private mutating func expectEnd(_ step: JSONValue) throws(ReplayProblem) -> [String] {
    let name = step["id"]?.stringValue ?? ""
    let ends = now + .milliseconds(step["within_ms"]?.intValue ?? 0)
    while true {
      if let frame = next(name) {
        if frame.type == "BOOKMARK" { continue }
        return ["unexpected event \(Matcher.short(frame.json))"]
      }
      if watches[name]?.isEnded == true { return [] }
      if now >= ends { return ["the stream did not end"] }
      advance(milliseconds: 100)
    }
  }
}
