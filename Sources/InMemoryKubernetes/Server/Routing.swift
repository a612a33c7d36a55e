import KubernetesAPI

extension InMemoryAPIServer {
  /// From the request line to the function that answers.
  mutating func route(_ context: inout RequestContext) throws(APIFailure) -> APIResponse {
    switch context.request.identity {
    case .user(let user): context.user = user
    case .anonymous: context.user = .anonymous
    case .rejected: throw .unauthorized
    case .bearer(let token):
      guard let user = user(ofToken: token, audiences: [Self.audience], at: context.now) else { throw .unauthorized }
      context.user = user
    }
    if let other = try impersonated(context) { context.user = other }
    let info = RequestInfo(method: context.request.method, target: context.target)
    try authorize(context, info)
    if let text = healthText(context.target) {
      guard context.request.method == "GET" || context.request.method == "HEAD" else { throw .methodNotAllowed }
      return Self.text(text)
    }
    if let response = try discovery(context) { return response }
    guard var info else { throw .pageNotFound }
    // The collection `bindings` is another way to the `binding` of the pod that the body names.
    if info.group.isEmpty, info.plural == "bindings", info.verb == .create, info.namespace != nil, info.name == nil {
      info.name = try context.objectBody(kind: "Binding").json["metadata", "name"]?.stringValue ?? ""
      info.plural = "pods"
      info.subresource = "binding"
    }
    guard let definition = registry[info.group, info.version, info.plural] else { throw .pageNotFound }
    let request = ResourceRequest(info: info, definition: definition)
    guard definition.type.isNamespaced || info.namespace == nil else { throw .pageNotFound }
    context.format = try OutputFormat(
      accept: context.request.header("accept"), includeObject: context.target["includeObject"])
    if let subresource = info.subresource {
      guard definition.subresource(subresource) != nil else { throw .resourceNotFound }
      return try routeSubresource(request, subresource, &context)
    }
    guard definition.verbs.contains(info.verb.rawValue) else { throw .methodNotAllowed }
    // Reads are warned about a deprecated type too, not only writes.
    if definition.type == .endpoints || definition.model.isCustom {
      for warning in definition.model.warnings([:]) { context.warn(warning) }
    }
    if [.get, .list, .watch].contains(info.verb) { try restrictNode(reading: request, context) }
    switch info.verb {
    case .get: return try get(request, context)
    case .list: return try list(request, context)
    case .watch: return try openWatch(request, context)
    case .create:
      guard info.name == nil else { throw .methodNotAllowed }
      // Creation in a namespaced resource needs the namespace in the path.
      guard info.namespace != nil || !definition.type.isNamespaced else { throw .methodNotAllowed }
      if definition.verbs == ["create"] { return try review(request, &context) }
      return try create(request, &context)
    case .update:
      guard info.name != nil else { throw .methodNotAllowed }
      return try replace(request, subresource: nil, &context)
    case .patch:
      guard info.name != nil else { throw .methodNotAllowed }
      return try patch(request, subresource: nil, &context)
    case .delete: return try delete(request, &context)
    case .deleteCollection: return try deleteCollection(request, &context)
    }
  }

  private mutating func routeSubresource(
    _ request: ResourceRequest, _ subresource: String, _ context: inout RequestContext
  ) throws(APIFailure) -> APIResponse {
    if let verbs = request.definition.subresource(subresource)?.verbs, !verbs.contains(request.info.verb.rawValue) {
      throw .methodNotAllowed
    }
    switch subresource {
    case "status":
      switch request.info.verb {
      case .get: return try get(request, context)
      case .update: return try replace(request, subresource: subresource, &context)
      case .patch: return try patch(request, subresource: subresource, &context)
      default: throw .methodNotAllowed
      }
    case "scale": return try scale(request, &context)
    case "finalize": return try finalizeNamespace(request, &context)
    case "binding": return try bindPod(request, &context)
    case "eviction": return try evictPod(request, &context)
    case "token": return try requestToken(request, &context)
    case "log": return try podLog(request, context)
    case "attach", "exec", "portforward": throw try refuseStreaming(request, subresource, context)
    default: throw .methodNotAllowed
    }
  }

  private func healthText(_ target: RequestTarget) -> String? {
    switch target.segments.first {
    case "healthz", "livez", "readyz":
      target["verbose"] == nil ? "ok" : "[+]ping ok\n\(target.segments.first ?? "") check passed\n"
    default: nil
    }
  }

  static func text(_ text: String, status: Int = 200) -> APIResponse {
    APIResponse(
      status: status, headers: [("content-type", "text/plain; charset=utf-8")], content: .bytes(Array(text.utf8)))
  }

  /// An object or list in the answer.
  static func answer(_ json: JSONValue, status: Int = 200, _ format: OutputFormat) -> APIResponse {
    switch format.encoding {
    case .json: APIResponse(status: status, headers: [("content-type", "application/json")], content: .json(json))
    case .yaml:
      APIResponse(
        status: status, headers: [("content-type", "application/yaml")],
        content: .bytes(Array(yamlText(json).utf8)))
    }
  }
}
