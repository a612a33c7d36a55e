import KubernetesAPI

/// A request as webhooks see it.
struct AdmissionAttributes {
  var operation: String
  var request: ResourceRequest
  var subresource: String?
  var name: String
  /// In the form of the request's version.
  var object: JSONValue?
  var old: JSONValue?
  var isDryRun: Bool
  var options: JSONValue

  /// Of `scale` webhooks see a Scale, whatever is scaled.
  var isScale: Bool { subresource == "scale" }
}

extension InMemoryAPIServer {
  static let webhookGroup = "admissionregistration.k8s.io"
  private static let mutating = StorageID(group: webhookGroup, plural: "mutatingwebhookconfigurations")
  private static let validating = StorageID(group: webhookGroup, plural: "validatingwebhookconfigurations")

  var hasWebhooks: Bool {
    [Self.mutating, Self.validating].contains { stores[$0].map { !$0.isEmpty } ?? false }
  }

  /// Lets the mutating webhooks change a new state of an object.
  ///
  /// - Returns: the object, decoded again when it was changed, and nil when nobody changed it.
  mutating func mutate(
    _ attributes: AdmissionAttributes, _ parameters: WriteParameters, _ context: inout RequestContext
  ) throws(APIFailure) -> JSONValue? {
    guard stores[Self.mutating]?.isEmpty == false else { return nil }
    var attributes = attributes
    let webhooks = webhooks(Self.mutating)
    var invoked: [Int] = []
    var lastChange: Int?
    for (index, webhook) in webhooks.enumerated() {
      guard let changed = try ask(webhook, attributes, parameters, isMutating: true, &context) else { continue }
      invoked.append(index)
      guard changed != attributes.object else { continue }
      lastChange = index
      attributes.object = changed
    }
    guard let lastChange else { return nil }
    // Those that want to see what others made of their change are asked once more.
    for index in invoked where index < lastChange && webhooks[index].isReinvoked {
      if let changed = try ask(webhooks[index], attributes, parameters, isMutating: true, &context) {
        attributes.object = changed
      }
    }
    return attributes.object
  }

  /// Lets the validating webhooks refuse a request. They are asked all at a time.
  mutating func validate(
    _ attributes: AdmissionAttributes, _ context: inout RequestContext
  ) throws(APIFailure) {
    guard stores[Self.validating]?.isEmpty == false else { return }
    var calls: [(Webhook, WebhookCall)] = []
    for webhook in webhooks(Self.validating) {
      guard let (call, _) = try call(to: webhook, attributes, context) else { continue }
      calls.append((webhook, call))
    }
    let answers = try answers(to: calls.map(\.1), context)
    for ((webhook, call), answer) in zip(calls, answers) {
      _ = try verdict(answer, of: webhook, to: call, &context)
    }
  }

  private func webhooks(_ storage: StorageID) -> [Webhook] {
    (stores[storage]?.objects(namespace: nil) ?? []).flatMap { configuration in
      (configuration.json["webhooks"]?.arrayValue ?? []).map { Webhook(json: $0) }
    }
  }

  /// The object as a mutating webhook leaves it; nil when it is not asked.
  private mutating func ask(
    _ webhook: Webhook, _ attributes: AdmissionAttributes, _ parameters: WriteParameters, isMutating: Bool,
    _ context: inout RequestContext
  ) throws(APIFailure) -> JSONValue? {
    guard let (call, seen) = try call(to: webhook, attributes, context) else { return nil }
    let answers = try answers(to: [call], context)
    guard let answer = answers.first, let response = try verdict(answer, of: webhook, to: call, &context) else {
      return attributes.object
    }
    guard let encoded = response["patch"]?.stringValue, !encoded.isEmpty, let object = attributes.object else {
      return attributes.object
    }
    func failed(_ why: String) -> APIFailure {
      .internalError("failed calling webhook \(goQuoted(webhook.name)): received invalid webhook response: \(why)")
    }
    guard response["patchType"] == "JSONPatch" else {
      throw failed("webhook returned response.patch but not response.patchType")
    }
    guard let bytes = Base64.decode(encoded), let patch = try? JSONValue(parsing: bytes) else {
      throw failed("response.patch is not a JSON patch in base64")
    }
    if attributes.isScale {
      do throws(JSONPatchError) { return try JSONPatch.apply(patch, to: object) } catch {
        throw .internalError("\(error)")
      }
    }
    var changed: JSONValue
    do throws(JSONPatchError) {
      changed = try JSONPatch.apply(patch, to: seen.model.fromStorage(attributes.request.model.toStorage(object)))
    } catch {
      throw .internalError("\(error)")
    }
    changed = attributes.request.model.fromStorage(seen.model.toStorage(changed))
    changed["apiVersion"] = object["apiVersion"]
    let body = ParsedBody(json: changed, duplicates: [], text: "")
    var lenient = parameters
    lenient.fieldValidation = .ignore
    changed = try decode(body, attributes.request, lenient, &context)
    attributes.request.model.applyDefaults(&changed)
    return changed
  }

  /// What to ask a webhook, and in which version of the resource; nil when it does not want to see the request.
  private mutating func call(
    to webhook: Webhook, _ attributes: AdmissionAttributes, _ context: RequestContext
  ) throws(APIFailure) -> (WebhookCall, ResourceDefinition)? {
    let definition = attributes.request.definition
    // A webhook cannot stand in the way of its own repair.
    guard definition.type.group != Self.webhookGroup else { return nil }
    let subresource = attributes.subresource ?? ""
    var candidates = [definition]
    if webhook.matchesEquivalents {
      candidates += registry.all.filter { $0.storage == definition.storage && $0.type != definition.type }
    }
    let seen = candidates.first {
      webhook.matches(operation: attributes.operation, $0.type, subresource: subresource)
    }
    guard let seen,
      webhook.selects(namespace: namespaceLabels(attributes), object: attributes.object, old: attributes.old)
    else { return nil }
    if attributes.isDryRun && webhook.hasSideEffects {
      throw .badRequest("admission webhook \(goQuoted(webhook.name)) does not support dry run")
    }
    let uid = random.uid()
    let target: WebhookTarget
    do throws(WebhookTarget.Problem) {
      target = try WebhookTarget(webhook, stores)
    } catch {
      if webhook.ignoresFailure { return nil }
      throw failedCalling(webhook, error.why)
    }
    let versions = (webhook.json["admissionReviewVersions"]?.arrayValue ?? []).compactMap(\.stringValue)
    let version = versions.first { $0 == "v1" || $0 == "v1beta1" } ?? "v1"
    let call = WebhookCall(
      webhook: webhook.name, url: target.url, host: target.host, port: target.port, address: target.address,
      path: target.path, authorities: target.authorities, timeoutSeconds: webhook.timeoutSeconds,
      apiVersion: "admission.k8s.io/\(version)", request: review(attributes, seen, context), uid: uid)
    return (call, seen)
  }

  private func namespaceLabels(_ attributes: AdmissionAttributes) -> JSONValue? {
    if attributes.request.definition.storage == StorageID(.namespaces) {
      return (attributes.object ?? attributes.old)?["metadata", "labels"] ?? [:]
    }
    guard attributes.request.type.isNamespaced else { return nil }
    let namespace = stores[StorageID(.namespaces)]?[attributes.request.namespace]
    return namespace?.json["metadata", "labels"] ?? [:]
  }

  private func review(
    _ attributes: AdmissionAttributes, _ seen: ResourceDefinition, _ context: RequestContext
  ) -> JSONValue {
    let type = attributes.request.type
    func kind(_ type: ResourceType) -> JSONValue {
      if attributes.isScale { return ["group": "autoscaling", "version": "v1", "kind": "Scale"] }
      return ["group": .string(type.group), "version": .string(type.version), "kind": .string(type.kind)]
    }
    func resource(_ type: ResourceType) -> JSONValue {
      ["group": .string(type.group), "version": .string(type.version), "resource": .string(type.plural)]
    }
    func shown(_ object: JSONValue?) -> JSONValue {
      guard let object else { return .null }
      return seen.type == type || attributes.isScale
        ? object : seen.model.fromStorage(attributes.request.model.toStorage(object))
    }
    var json: JSONValue = [
      "kind": kind(seen.type), "resource": resource(seen.type), "requestKind": kind(type),
      "requestResource": resource(type),
    ]
    if let subresource = attributes.subresource {
      json["subResource"] = .string(subresource)
      json["requestSubResource"] = .string(subresource)
    }
    if !attributes.name.isEmpty { json["name"] = .string(attributes.name) }
    let isNamespace = attributes.request.definition.storage == StorageID(.namespaces)
    let namespace = isNamespace ? attributes.name : attributes.request.namespace
    if !namespace.isEmpty { json["namespace"] = .string(namespace) }
    json["operation"] = .string(attributes.operation)
    var user: JSONValue = ["username": .string(context.user.name), "groups": JSONValue(context.user.groups)]
    if !context.user.uid.isEmpty { user["uid"] = .string(context.user.uid) }
    if !context.user.extra.isEmpty {
      user["extra"] = .object(
        JSONObject(context.user.extra.sorted { $0.key < $1.key }.map { ($0.key, JSONValue($0.value)) }))
    }
    json["userInfo"] = user
    json["object"] = shown(attributes.object)
    json["oldObject"] = shown(attributes.old)
    json["dryRun"] = .bool(attributes.isDryRun)
    json["options"] = attributes.options
    return json
  }

  /// - Throws: what ends this run of the request, where a call has not been answered yet.
  private func answers(to calls: [WebhookCall], _ context: RequestContext) throws(APIFailure) -> [WebhookAnswer] {
    let exchanges = context.admission?.exchanges ?? []
    let answers = calls.map { call in exchanges.last { $0.call.asksTheSame(as: call) }?.answer }
    let open = zip(calls, answers).filter { $0.1 == nil }.map(\.0)
    guard !open.isEmpty else { return answers.compactMap { $0 } }
    // Each call may be made again because the object was changed meanwhile, but not without end.
    guard exchanges.count < 100 else {
      throw .internalError("the object was changed again and again while admission webhooks were asked; try again")
    }
    throw .waiting(for: open)
  }

  /// What the webhook's `response` says when it allows the request, and nil when its failure is to be ignored.
  private func verdict(
    _ answer: WebhookAnswer, of webhook: Webhook, to call: WebhookCall, _ context: inout RequestContext
  ) throws(APIFailure) -> JSONValue? {
    let response: JSONValue
    do throws(WebhookReply.Problem) {
      response = try WebhookReply.response(answer, to: call)
    } catch {
      if webhook.ignoresFailure { return nil }
      throw failedCalling(webhook, error.why)
    }
    for warning in response["warnings"]?.arrayValue ?? [] {
      if let text = warning.stringValue { context.warn(text) }
    }
    if response["allowed"]?.boolValue == true { return response }
    throw WebhookReply.refusal(response["status"], by: webhook.name)
  }

  private func failedCalling(_ webhook: Webhook, _ why: String) -> APIFailure {
    .internalError("failed calling webhook \(goQuoted(webhook.name)): \(why)")
  }
}

extension APIFailure {
  /// Not a refusal: the request goes on when these calls have been answered.
  static func waiting(for calls: [WebhookCall]) -> APIFailure {
    var failure = APIFailure.internalError("admission webhooks are not called here")
    failure.webhookCalls = calls
    return failure
  }
}
