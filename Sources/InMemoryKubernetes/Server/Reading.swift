import KubernetesAPI

extension InMemoryAPIServer {
  func store(_ id: StorageID) -> ResourceStore {
    // A built-in resource has been there from the beginning; a custom one has its store from its definition.
    stores[id] ?? ResourceStore(createdAt: 0, historyLength: options.historyLength)
  }

  func get(_ request: ResourceRequest, _ context: RequestContext) throws(APIFailure) -> APIResponse {
    let object = try existing(request)
    if let text = context.target["resourceVersion"], !text.isEmpty {
      let wanted = try Self.version(text)
      if wanted > version { throw tooLargeVersion(wanted, isAwaited: true) }
    }
    let shown = request.model.fromStorage(object.json)
    return Self.answer(request.view(shown, format: context.format, at: context.now), context.format)
  }

  func existing(_ request: ResourceRequest) throws(APIFailure) -> StoredObject {
    guard let object = stores[request.definition.storage]?[request.key] else {
      throw .notFound(request.type, request.name)
    }
    return object
  }

  func list(_ request: ResourceRequest, _ context: RequestContext) throws(APIFailure) -> APIResponse {
    let query = try ListQuery(context.target, request, isWatch: false)
    let page = try listPage(request, query)
    var metadata: JSONValue = [:]
    if request.model.isCustom { metadata["continue"] = .string(page.continueToken ?? "") }
    metadata["resourceVersion"] = .string(String(page.version))
    if let token = page.continueToken { metadata["continue"] = .string(token) }
    if let remaining = page.remaining { metadata["remainingItemCount"] = JSONValue(remaining) }
    let view = request.listView(page.objects, metadata: metadata, format: context.format, at: context.now)
    return Self.answer(view, context.format)
  }

  struct ListPage {
    /// In this version's form.
    var objects: [JSONValue]
    var version: UInt64
    var continueToken: String?
    var remaining: Int?
  }

  func listPage(_ request: ResourceRequest, _ query: ListQuery) throws(APIFailure) -> ListPage {
    let store = store(request.definition.storage)
    var at = version
    var start: String?
    if let token = query.continuation {
      start = token.start
      at = token.version ?? version
    } else if let wanted = query.resourceVersion {
      // An exact version is read from the store, which does not wait.
      if wanted > version { throw tooLargeVersion(wanted, isAwaited: !query.isExact) }
      if query.isExact { at = wanted }
    }
    guard
      let all = at == version
        ? store.objects(namespace: query.namespace)
        : store.objects(at: at, namespace: query.namespace)
    else {
      throw .expired(
        query.continuation == nil
          ? "The resourceVersion for the provided list is too old."
          : "The provided continue parameter is too old to display a consistent list result. You can start a new "
            + "list without the continue parameter, or use the continue token in this response to retrieve the "
            + "remainder of the results. Continuing with the provided token results in an inconsistent list - objects "
            + "that were created, modified, or deleted between the time the first chunk was returned and now may show "
            + "up in the list.")
    }
    var candidates = all[...]
    if let start {
      candidates = candidates.drop { object in
        let key = ResourceStore.key(namespace: object.metadata.namespace, name: object.metadata.name)
        return ResourceStore.precedes(key, start) || key == start
      }
    }
    var page = ListPage(objects: [], version: at)
    var last: String?
    while let object = candidates.popFirst() {
      guard query.filter.matches(object, request.model) else { continue }
      if let limit = query.limit, page.objects.count == limit {
        page.continueToken = last.map { ContinueToken(version: at, start: $0).text }
        if query.filter.isEverything { page.remaining = candidates.count + 1 }
        break
      }
      page.objects.append(request.model.fromStorage(object.json))
      last = ResourceStore.key(namespace: object.metadata.namespace, name: object.metadata.name)
    }
    return page
  }

  func tooLargeVersion(_ wanted: UInt64, isAwaited: Bool) -> APIFailure {
    var failure = APIFailure(
      code: 504, reason: "Timeout", message: "Timeout: Too large resource version: \(wanted), current: \(version)",
      retryAfterSeconds: 1,
      causes: [
        APIStatus.Cause(reason: "ResourceVersionTooLarge", message: "Too large resource version", field: "")
      ])
    if isAwaited { failure.awaitedVersion = wanted }
    return failure
  }

  static func version(_ text: String) throws(APIFailure) -> UInt64 {
    guard let version = UInt64(text) else {
      throw .badRequest(
        "invalid resource version: resourceVersion: Invalid value: \(goQuoted(text)): strconv.ParseUint: parsing "
          + "\(goQuoted(text)): invalid syntax")
    }
    return version
  }
}
