import KubernetesAPI

/// Replays one scenario against a server.
struct Replayer {
  private let server: any ReplayServer
  private var bindings = Bindings()
  private var webhooks: [String: ReplayWebhook] = [:]

  struct Outcome {
    var stepsPassed = 0
    /// What the first failed step was, and how it differs.
    var failure: String?
  }

  static func replay(_ scenario: JSONValue, against server: any ReplayServer) async -> Outcome {
    var replayer = Replayer(server: server)
    var outcome = Outcome()
    for (index, step) in (scenario["steps"]?.arrayValue ?? []).enumerated() {
      let isCleanup = step["cleanup"]?.boolValue == true
      if outcome.failure != nil && !isCleanup { continue }
      let problems: [String]
      do throws(ReplayProblem) {
        problems = try await replayer.perform(step)
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

  private init(server: any ReplayServer) { self.server = server }

  private mutating func perform(_ step: JSONValue) async throws(ReplayProblem) -> [String] {
    let id = step["id"]?.stringValue ?? ""
    switch step["step"]?.stringValue {
    case "request": return try await request(step)
    case "watch-open":
      let answer = try await server.openWatch(id, try outgoing(step, method: "GET"))
      return check(answer, step["expect"] ?? ["status": 200], &bindings)
    case "watch-expect": return await expectEvents(step)
    case "watch-expect-none": return await expectNoEvents(step)
    case "watch-expect-end": return await expectEnd(step)
    case "watch-close":
      await server.closeWatch(id)
      return []
    case "webhook-start":
      let webhook = ReplayWebhook(step)
      webhooks[id] = webhook
      bindings.values[Bindings.Key(kind: "port", name: id)] = "\(try await server.start(webhook))"
      return []
    case "webhook-expect": return expectCalls(step)
    case "webhook-stop":
      if let webhook = webhooks.removeValue(forKey: id) { await server.stop(webhook) }
      return []
    case "sleep":
      await server.wait(milliseconds: step["ms"]?.intValue ?? 0)
      return []
    case let other: throw ReplayProblem("step \(other ?? "without kind") is not supported")
    }
  }

  // MARK: - Requests

  private mutating func request(_ step: JSONValue) async throws(ReplayProblem) -> [String] {
    let ends = server.milliseconds + (step["until", "timeout_ms"]?.intValue ?? 0)
    while true {
      var trial = bindings
      let answer = try await server.send(try outgoing(step, method: step["method"]?.stringValue ?? "GET"))
      let problems = check(answer, step["expect"] ?? [:], &trial)
      if problems.isEmpty {
        bindings = trial
        return []
      }
      if server.milliseconds >= ends { return problems }
      await server.wait(milliseconds: max(1, step["until", "interval_ms"]?.intValue ?? 100))
    }
  }

  private func outgoing(_ step: JSONValue, method: String) throws(ReplayProblem) -> ReplayRequest {
    var headers = ["accept": "application/json", "user-agent": "kube-conformance/1.0"]
    var body: [UInt8]?
    switch step["body"] {
    case nil, .null: break
    case .string(let text): body = Array(try bindings.resolve(text).utf8)
    case .some(let json):
      if let parts = json["${repeat}"]?.arrayValue, parts.count == 4 {
        let text =
          (parts[0].stringValue ?? "")
          + String(repeating: parts[1].stringValue ?? "", count: Int(parts[2].intValue ?? 0))
          + (parts[3].stringValue ?? "")
        body = Array(text.utf8)
      } else {
        body = try bindings.resolve(json).serialized()
      }
    }
    if body != nil { headers["content-type"] = "application/json" }
    for (name, value) in step["headers"]?.objectValue?.members ?? [] {
      headers[name] = try value.stringValue.map { text throws(ReplayProblem) in try bindings.resolve(text) }
    }
    return ReplayRequest(
      method: method, target: try bindings.resolve(step["path"]?.stringValue ?? "", percentEncoded: true),
      headers: headers, isAdministrator: step["auth"]?.stringValue != "none", body: body)
  }

  private func check(_ response: ReplayAnswer, _ expected: JSONValue, _ bindings: inout Bindings) -> [String] {
    let text = String(decoding: response.body, as: UTF8.self)
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

  private mutating func expectCalls(_ step: JSONValue) -> [String] {
    let calls = webhooks[step["id"]?.stringValue ?? ""]?.takeCalls(to: step["path"]?.stringValue ?? "") ?? []
    let matcher = Matcher(isExact: step["match"]?.stringValue == "exact")
    return matcher.differences(step["calls"] ?? [], .array(calls), &bindings, path: "calls")
  }

  // MARK: - Watches

  private mutating func expectEvents(_ step: JSONValue) async -> [String] {
    let name = step["id"]?.stringValue ?? ""
    let matcher = Matcher(isExact: step["match"]?.stringValue == "exact")
    let ends = server.milliseconds + (step["timeout_ms"]?.intValue ?? 10_000)
    for (index, wanted) in (step["events"]?.arrayValue ?? []).enumerated() {
      while true {
        guard let event = await server.nextEvent(of: name, before: ends) else {
          return ["event \(index) did not come: \(Matcher.short(wanted))"]
        }
        if event["type"] == "BOOKMARK", wanted["type"] != "BOOKMARK" { continue }
        var trial = bindings
        let problems = matcher.differences(wanted, event, &trial, path: "event[\(index)]")
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

  private mutating func expectNoEvents(_ step: JSONValue) async -> [String] {
    let name = step["id"]?.stringValue ?? ""
    let ends = server.milliseconds + (step["for_ms"]?.intValue ?? 0)
    while let event = await server.nextEvent(of: name, before: ends) {
      if event["type"] != "BOOKMARK" { return ["unexpected event \(Matcher.short(event))"] }
    }
    return await server.hasEnded(name) ? ["the stream ended"] : []
  }

  private mutating func expectEnd(_ step: JSONValue) async -> [String] {
    let name = step["id"]?.stringValue ?? ""
    let ends = server.milliseconds + (step["within_ms"]?.intValue ?? 0)
    while let event = await server.nextEvent(of: name, before: ends) {
      if event["type"] != "BOOKMARK" { return ["unexpected event \(Matcher.short(event))"] }
    }
    return await server.hasEnded(name) ? [] : ["the stream did not end"]
  }
}
