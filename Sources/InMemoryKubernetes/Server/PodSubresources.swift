import KubernetesAPI

extension InMemoryAPIServer {
  private static func success(_ status: Int) -> APIResponse {
    APIResponse(
      status: status, headers: [("content-type", "application/json")],
      content: .json([
        "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Success", "code": JSONValue(status),
      ]))
  }

  /// Gives a pod its node.
  mutating func bindPod(_ request: ResourceRequest, _ context: inout RequestContext) throws(APIFailure) -> APIResponse {
    let parameters = try WriteParameters(context.target, kind: "CreateOptions")
    let body = try context.objectBody(kind: "Binding")
    let old = try existing(request)
    let node = body.json["target", "name"]?.stringValue ?? ""
    if node.isEmpty {
      throw .invalid(group: "", kind: "Binding", name: request.name, [.required("target.name")])
    }
    if old.metadata.isBeingDeleted {
      throw .conflict(
        ResourceType(group: "", version: "v1", plural: "pods/binding", kind: "Binding"), request.name,
        "pod \(request.name) is being deleted, cannot be assigned to a host")
    }
    if let current = old.json["spec", "nodeName"]?.stringValue, !current.isEmpty {
      throw .conflict(
        ResourceType(group: "", version: "v1", plural: "pods/binding", kind: "Binding"), request.name,
        "pod \(request.name) is already assigned to node \(goQuoted(current))")
    }
    var object = old.json
    object.set(.string(node), at: ["spec", "nodeName"])
    var conditions = object["status", "conditions"]?.arrayValue ?? []
    conditions.removeAll { $0["type"] == "PodScheduled" }
    conditions.append([
      "type": "PodScheduled", "status": "True", "lastProbeTime": .null,
      "lastTransitionTime": .string(context.now.seconds),
    ])
    object.set(.array(conditions), at: ["status", "conditions"])
    if !parameters.isDryRun { store(object, in: request.definition.storage) }
    return Self.success(201)
  }

  /// Deletes a pod on behalf of a drain.
  mutating func evictPod(_ request: ResourceRequest, _ context: inout RequestContext) throws(APIFailure) -> APIResponse
  {
    let body = try context.objectBody(kind: "Eviction")
    _ = try existing(request)
    var parameters = DeleteParameters()
    parameters.gracePeriodSeconds = body.json["deleteOptions", "gracePeriodSeconds"]?.intValue
    parameters.uid = body.json["deleteOptions", "preconditions", "uid"]?.stringValue
    let isDry = try WriteParameters(context.target, kind: "CreateOptions").isDryRun
    parameters.isDryRun = isDry || !(body.json["deleteOptions", "dryRun"]?.arrayValue?.isEmpty ?? true)
    _ = try delete(request, parameters, at: context.now)
    return Self.success(201)
  }

  /// Checks what can be checked of a request for a log; the text itself comes from the pod's node.
  func podLog(_ request: ResourceRequest, _ context: RequestContext) throws(APIFailure) -> APIResponse {
    let pod = try existing(request)
    let target = context.target
    let names = ["initContainers", "containers", "ephemeralContainers"].flatMap {
      (pod.json["spec", $0]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue }
    }
    let tailLines = try ListQuery.integer(target["tailLines"])
    let limitBytes = try ListQuery.integer(target["limitBytes"])
    let sinceSeconds = try ListQuery.integer(target["sinceSeconds"])
    var errors: [FieldError] = []
    if let tailLines, tailLines < 0 {
      errors.append(.invalid("tailLines", JSONValue(tailLines), "must be greater than or equal to 0"))
    }
    if let limitBytes, limitBytes < 1 {
      errors.append(.invalid("limitBytes", JSONValue(limitBytes), "must be greater than 0"))
    }
    if let sinceSeconds, sinceSeconds < 1 {
      errors.append(.invalid("sinceSeconds", JSONValue(sinceSeconds), "must be greater than 0"))
    }
    if !errors.isEmpty { throw .invalid(group: "", kind: "PodLogOptions", name: request.name, errors) }
    var container = target["container"] ?? ""
    if container.isEmpty {
      let regular = (pod.json["spec", "containers"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue }
      guard regular.count == 1, names.count == 1 || regular.count == 1 && names.count > 0 else {
        throw .badRequest(
          "a container name must be specified for pod \(request.name), choose one of: "
            + "[\(regular.joined(separator: " "))]")
      }
      container = regular[0]
    } else if !names.contains(container) {
      throw .badRequest("container \(container) is not valid for pod \(request.name)")
    }
    let node = pod.json["spec", "nodeName"]?.stringValue ?? ""
    // Nothing has run yet: an empty answer.
    if node.isEmpty { return APIResponse(status: 204, content: .bytes([])) }
    return APIResponse(
      status: 200, headers: [("content-type", "text/plain")],
      content: .podLog(
        PodLogRequest(
          namespace: request.namespace, pod: request.name, podUID: pod.metadata.uid, nodeName: node,
          container: container, isFollowing: target.isTrue("follow"), isPrevious: target.isTrue("previous"),
          hasTimestamps: target.isTrue("timestamps"), tailLines: tailLines.map { Int($0) },
          limitBytes: limitBytes.map { Int($0) }, sinceSeconds: sinceSeconds.map { Int($0) },
          sinceTime: target["sinceTime"])))
  }

  /// Why a stream into a container cannot be opened; the last reason is that nobody serves it.
  func refuseStreaming(
    _ request: ResourceRequest, _ subresource: String, _ context: RequestContext
  ) throws(APIFailure) -> APIFailure {
    let pod = try existing(request)
    if subresource != "portforward" {
      let names = (pod.json["spec", "containers"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue }
      let container = context.target["container"] ?? ""
      if container.isEmpty && names.count != 1 {
        return .badRequest(
          "a container name must be specified for pod \(request.name), choose one of: "
            + "[\(names.joined(separator: " "))]")
      }
      if !container.isEmpty && !names.contains(container) {
        return .badRequest("container \(container) is not valid for pod \(request.name)")
      }
    }
    if (pod.json["spec", "nodeName"]?.stringValue ?? "").isEmpty {
      return .badRequest("pod \(request.name) does not have a host assigned")
    }
    return APIFailure(
      code: 501, reason: "NotImplemented", message: "\(subresource) is not served by this API server")
  }

  /// Takes finalizers from a namespace's spec; the last one lets it go.
  mutating func finalizeNamespace(
    _ request: ResourceRequest, _ context: inout RequestContext
  ) throws(APIFailure) -> APIResponse {
    let parameters = try WriteParameters(context.target, kind: "UpdateOptions")
    let body = try context.objectBody(kind: request.type.kind)
    let object = try decode(body, request, parameters, &context)
    try checkName(object, request)
    let old = try existing(request)
    var changed = old.json
    changed.set(object["spec", "finalizers"], at: ["spec", "finalizers"])
    let given = object["metadata", "resourceVersion"]?.stringValue ?? ""
    if !given.isEmpty && given != old.metadata.resourceVersion { throw .modified(request.type, request.name) }
    if parameters.isDryRun || changed == old.json { return Self.answer(changed, context.format) }
    if isReleased(changed) {
      remove(key: request.key, from: request.definition.storage)
      return Self.answer(changed, context.format)
    }
    return Self.answer(store(changed, in: request.definition.storage).json, context.format)
  }
}
