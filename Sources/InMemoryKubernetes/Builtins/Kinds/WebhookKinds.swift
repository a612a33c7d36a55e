import KubernetesAPI

/// ValidatingWebhookConfiguration and MutatingWebhookConfiguration.
struct WebhookConfigurationStrategy: KindStrategy {
  var isMutating = false
  var hasGeneration: Bool { true }
  var allowsUnconditionalUpdate: Bool { false }

  func applyDefaults(_ object: inout JSONValue) {
    guard let webhooks = object["webhooks"]?.arrayValue else { return }
    object["webhooks"] = .array(webhooks.map(completed))
  }

  private func completed(_ webhook: JSONValue) -> JSONValue {
    var webhook = webhook
    func fill(_ field: String, _ value: JSONValue) {
      if webhook[field] == nil { webhook[field] = value }
    }
    fill("failurePolicy", "Fail")
    fill("matchPolicy", "Equivalent")
    fill("namespaceSelector", [:])
    fill("objectSelector", [:])
    fill("timeoutSeconds", 10)
    if isMutating { fill("reinvocationPolicy", "Never") }
    if webhook["clientConfig", "service"]?.objectValue != nil, webhook["clientConfig", "service", "port"] == nil {
      webhook.set(443, at: ["clientConfig", "service", "port"])
    }
    if let rules = webhook["rules"]?.arrayValue {
      webhook["rules"] = .array(
        rules.map { rule in
          var rule = rule
          if rule["scope"] == nil { rule["scope"] = "*" }
          return rule
        })
    }
    return webhook
  }

  /// Conditions are written in CEL, which is not evaluated: without them a webhook is asked more often than it wants to be,
  /// which is said rather than a request let through unseen.
  func warnings(_ object: JSONValue) -> [String] {
    (object["webhooks"]?.arrayValue ?? []).enumerated().compactMap { index, webhook in
      guard webhook["matchConditions"]?.arrayValue?.isEmpty == false else { return nil }
      return "webhooks[\(index)].matchConditions: this server does not evaluate CEL; the webhook is asked about every "
        + "request that its rules and selectors match"
    }
  }

  func validate(_ object: JSONValue) -> [FieldError] {
    var errors: [FieldError] = []
    var names: Set<String> = []
    for (index, webhook) in (object["webhooks"]?.arrayValue ?? []).enumerated() {
      let path = "webhooks[\(index)]"
      errors += Self.problems(webhook, path)
      let name = webhook["name"]?.stringValue ?? ""
      if !name.isEmpty && !names.insert(name).inserted {
        errors.append(.duplicate("\(path).name", .string(name)))
      }
    }
    return errors
  }

  private static func problems(_ webhook: JSONValue, _ path: String) -> [FieldError] {
    var errors: [FieldError] = []
    let name = webhook["name"]?.stringValue ?? ""
    if name.isEmpty {
      errors.append(.required("\(path).name"))
    } else {
      for problem in Names.subdomainProblems(name) { errors.append(.invalid("\(path).name", .string(name), problem)) }
      if name.split(separator: ".").count < 3 {
        errors.append(
          .invalid(
            "\(path).name", .string(name), "should be a domain with at least three segments separated by dots"))
      }
    }
    let versions = (webhook["admissionReviewVersions"]?.arrayValue ?? []).compactMap(\.stringValue)
    if versions.isEmpty {
      errors.append(.required("\(path).admissionReviewVersions", "must specify one of v1, v1beta1"))
    } else if !versions.contains(where: { $0 == "v1" || $0 == "v1beta1" }) {
      errors.append(
        .invalid(
          "\(path).admissionReviewVersions", webhook["admissionReviewVersions"],
          "must include at least one of v1, v1beta1"))
    }
    for (rule, content) in (webhook["rules"]?.arrayValue ?? []).enumerated() {
      errors += problems(rule: content, "\(path).rules[\(rule)]")
    }
    func check(_ field: String, _ allowed: [String]) {
      guard let value = webhook[field]?.stringValue, !allowed.contains(value) else { return }
      errors.append(.notSupported("\(path).\(field)", .string(value), allowed))
    }
    check("failurePolicy", ["Fail", "Ignore"])
    check("matchPolicy", ["Equivalent", "Exact"])
    if (webhook["sideEffects"]?.stringValue ?? "").isEmpty {
      errors.append(.required("\(path).sideEffects", "must specify one of None, NoneOnDryRun"))
    }
    check("sideEffects", ["None", "NoneOnDryRun"])
    check("reinvocationPolicy", ["IfNeeded", "Never"])
    let timeout = webhook["timeoutSeconds"]?.intValue ?? 10
    if !(1...30).contains(timeout) {
      errors.append(
        .invalid(
          "\(path).timeoutSeconds", JSONValue(timeout), "the timeout value must be between 1 and 30 seconds"))
    }
    for field in ["namespaceSelector", "objectSelector"] {
      guard let selector = webhook[field] else { continue }
      do throws(SelectorError) { _ = try LabelSelector(json: selector) } catch {
        errors.append(.invalid("\(path).\(field)", selector, error.problem))
      }
    }
    return errors + problems(client: webhook["clientConfig"], "\(path).clientConfig")
  }

  private static func problems(rule: JSONValue, _ path: String) -> [FieldError] {
    var errors: [FieldError] = []
    for field in ["operations", "apiGroups", "apiVersions", "resources"]
    where rule[field]?.arrayValue?.isEmpty ?? true {
      errors.append(.required("\(path).\(field)"))
    }
    let known = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"]
    for (index, operation) in (rule["operations"]?.arrayValue ?? []).enumerated()
    where !known.contains(operation.stringValue ?? "") {
      errors.append(.notSupported("\(path).operations[\(index)]", operation, known))
    }
    let scopes = ["*", "Cluster", "Namespaced"]
    if let scope = rule["scope"]?.stringValue, !scopes.contains(scope) {
      errors.append(.notSupported("\(path).scope", .string(scope), scopes))
    }
    return errors
  }

  private static func problems(client: JSONValue?, _ path: String) -> [FieldError] {
    let url = client?["url"]?.stringValue
    let service = client?["service"]
    guard (url == nil) != (service == nil) else {
      return [.required(path, "exactly one of url or service is required")]
    }
    if let url {
      let form = "; desired format: https://host[:port]/path"
      guard url.hasPrefix("https://") else {
        let scheme = JSONValue.string(url.firstRange(of: "://").map { String(url[..<$0.lowerBound]) } ?? "")
        return [.invalid("\(path).url", scheme, "'https' is the only allowed URL scheme\(form)")]
      }
      guard url.dropFirst("https://".count).prefix(while: { $0 != "/" }).isEmpty == false else {
        return [.invalid("\(path).url", "", "host must be specified\(form)")]
      }
      return []
    }
    var errors: [FieldError] = []
    for (field, what) in [("name", "service name is required"), ("namespace", "service namespace is required")]
    where (service?[field]?.stringValue ?? "").isEmpty {
      errors.append(.required("\(path).service.\(field)", what))
    }
    return errors
  }
}
