import KubernetesAPI

extension InMemoryAPIServer {
  mutating func openWatch(_ request: ResourceRequest, _ context: RequestContext) throws(APIFailure) -> APIResponse {
    guard request.definition.verbs.contains("watch") else { throw .methodNotAllowed }
    let query = try ListQuery(context.target, request, isWatch: true)
    let storage = request.definition.storage
    if stores[storage] == nil { stores[storage] = store(storage) }
    let store = store(storage)
    let seconds = query.timeoutSeconds.flatMap { $0 > 0 ? $0 : nil } ?? Int64(1800 + random.next() % 1800)
    var watch = Watch(
      request: request, format: context.format, filter: query.filter, cursor: store.nextSequence, minimumVersion: 0,
      allowsBookmarks: query.allowsBookmarks,
      nextBookmark: GoTime(epochMicroseconds: context.now.epochMicroseconds + Watch.bookmarkInterval),
      endsAt: GoTime(
        epochMicroseconds: context.now.epochMicroseconds + min(seconds, 1_000_000_000) * 1_000_000))
    let startsWithState =
      query.sendsInitialEvents == true || (query.sendsInitialEvents == nil && query.resourceVersion == nil)
    if query.sendsInitialEvents == true, let from = query.resourceVersion, from > version {
      watch.failure = tooLargeVersion(from, isAwaited: false).json
    } else if startsWithState {
      watch.initial = store.objects(namespace: query.namespace).filter { query.filter.matches($0, request.model) }
        .map { request.model.fromStorage($0.json) }
      watch.owesInitialEnd = query.sendsInitialEvents == true && query.allowsBookmarks
    } else if let from = query.resourceVersion {
      watch.minimumVersion = from
      if let cursor = store.sequence(after: from) {
        watch.cursor = cursor
      } else {
        watch.failure =
          APIFailure.expired("too old resource version: \(from) (\(store.compactedThrough))").json
      }
    }
    let id = WatchID(number: nextWatchNumber)
    nextWatchNumber += 1
    watches[id] = watch
    watchesByStorage[storage, default: []].insert(id)
    wokenWatches.insert(id)
    return APIResponse(status: 200, headers: [("content-type", "application/json")], content: .watch(id))
  }

  mutating func pullWatch(_ id: WatchID, limit: Int, at now: GoTime) -> WatchBatch {
    guard var watch = watches[id] else {
      return WatchBatch(frames: [], isEnded: true, wakeAt: Timestamp(now))
    }
    var frames: [WatchFrame] = []
    if let failure = watch.failure {
      dropWatch(id)
      return WatchBatch(frames: [WatchFrame(type: "ERROR", object: failure)], isEnded: true, wakeAt: Timestamp(now))
    }
    while frames.count < limit, watch.initialPosition < watch.initial.count {
      frames.append(frame("ADDED", watch.initial[watch.initialPosition], &watch, at: now))
      watch.initialPosition += 1
    }
    if watch.initialPosition == watch.initial.count, !watch.initial.isEmpty {
      watch.initial = []
      watch.initialPosition = 0
    }
    if watch.initial.isEmpty, watch.owesInitialEnd, frames.count < limit {
      watch.owesInitialEnd = false
      frames.append(bookmark(&watch, isInitialEnd: true, at: now))
    }
    var isEnded = false
    if let farewell = watch.farewell {
      if watch.initial.isEmpty && !watch.owesInitialEnd {
        // The resource is gone: what happened to it until then is still told.
        for entry in farewell where entry.version > watch.minimumVersion {
          if let (type, object) = Self.event(entry, watch) { frames.append(frame(type, object, &watch, at: now)) }
        }
        isEnded = true
      }
    } else if watch.initial.isEmpty && !watch.owesInitialEnd, let store = stores[watch.request.definition.storage] {
      if watch.cursor < store.firstSequence {
        // Too slow for the history: the client starts again.
        isEnded = true
      }
      while !isEnded, frames.count < limit, let entry = store.entry(at: watch.cursor) {
        watch.cursor += 1
        guard entry.version > watch.minimumVersion else { continue }
        if let (type, object) = Self.event(entry, watch) { frames.append(frame(type, object, &watch, at: now)) }
      }
      let isDrained = watch.cursor >= store.nextSequence
      if isDrained && now.epochMicroseconds >= watch.endsAt.epochMicroseconds { isEnded = true }
      if !isEnded, isDrained, watch.allowsBookmarks,
        now.epochMicroseconds >= watch.nextBookmark.epochMicroseconds, frames.count < limit
      {
        frames.append(bookmark(&watch, isInitialEnd: false, at: now))
      }
    } else if stores[watch.request.definition.storage] == nil {
      isEnded = true
    }
    if isEnded {
      dropWatch(id)
    } else {
      watches[id] = watch
      if frames.count == limit { wokenWatches.insert(id) }
    }
    let wake =
      watch.allowsBookmarks
      ? min(watch.nextBookmark.epochMicroseconds, watch.endsAt.epochMicroseconds) : watch.endsAt.epochMicroseconds
    return WatchBatch(
      frames: frames, isEnded: isEnded, wakeAt: Timestamp(GoTime(epochMicroseconds: wake)))
  }

  func isWatchBehind(_ id: WatchID) -> Bool {
    guard let watch = watches[id] else { return false }
    if watch.failure != nil || watch.owesInitialEnd || !watch.initial.isEmpty || watch.farewell != nil { return true }
    guard let store = stores[watch.request.definition.storage] else { return true }
    if watch.cursor < store.firstSequence { return true }
    var sequence = watch.cursor
    while let entry = store.entry(at: sequence) {
      if entry.version > watch.minimumVersion && Self.event(entry, watch) != nil { return true }
      sequence += 1
    }
    return false
  }

  /// Ends the watches that a condition names, after what they have not told yet.
  mutating func closeWatches(of storage: StorageID, where isClosed: (Watch) -> Bool) {
    for id in watchesByStorage[storage] ?? [] {
      guard let watch = watches[id], watch.farewell == nil, isClosed(watch) else { continue }
      let store = store(storage)
      // One that has fallen behind the history is told nothing more.
      let isBehind = watch.cursor < store.firstSequence
      let left = isBehind ? 0..<0 : watch.cursor..<max(watch.cursor, store.nextSequence)
      watches[id]?.farewell = left.compactMap { store.entry(at: $0) }
    }
    wakeWatches(of: storage)
  }

  mutating func dropWatch(_ id: WatchID) {
    guard let watch = watches.removeValue(forKey: id) else { return }
    watchesByStorage[watch.request.definition.storage]?.remove(id)
    wokenWatches.remove(id)
  }

  /// Wakes the watches of a resource after a write to it.
  mutating func wakeWatches(of storage: StorageID) {
    guard let ids = watchesByStorage[storage] else { return }
    wokenWatches.formUnion(ids)
  }

  /// What an entry of the log is to a watch: an object that comes to match is ADDED, one that ceases is DELETED.
  private static func event(_ entry: LogEntry, _ watch: Watch) -> (String, JSONValue)? {
    let model = watch.request.model
    let matches = entry.change != .deleted && watch.filter.matches(entry.object, model)
    let matched = entry.previous.map { watch.filter.matches($0, model) } ?? false
    let type: String
    switch (matched, matches) {
    case (false, true): type = "ADDED"
    case (true, true): type = "MODIFIED"
    case (true, false): type = "DELETED"
    case (false, false): return nil
    }
    // An object that leaves the selection is shown as it was in it, with the version of its leaving.
    if type == "DELETED", entry.change != .deleted, let previous = entry.previous {
      return (type, model.fromStorage(StoredObject(json: previous.json, version: entry.version).json))
    }
    return (type, model.fromStorage(entry.object.json))
  }

  private func frame(_ type: String, _ object: JSONValue, _ watch: inout Watch, at now: GoTime) -> WatchFrame {
    let shown: JSONValue
    switch watch.format.view {
    case .object: shown = object
    case .metadata: shown = ResourceRequest.metadataOnly(object)
    case .table(let apiVersion):
      shown = watch.request.table(
        [object], apiVersion: apiVersion,
        metadata: ["resourceVersion": object["metadata", "resourceVersion"] ?? ""], format: watch.format,
        showsColumns: !watch.hasSentColumns, at: now)
      watch.hasSentColumns = true
    }
    return WatchFrame(type: type, object: shown)
  }

  private func bookmark(_ watch: inout Watch, isInitialEnd: Bool, at now: GoTime) -> WatchFrame {
    watch.nextBookmark = GoTime(epochMicroseconds: now.epochMicroseconds + Watch.bookmarkInterval)
    var object: JSONValue = [
      "kind": .string(watch.request.type.kind), "apiVersion": .string(watch.request.type.apiVersion),
      "metadata": ["resourceVersion": .string(String(version))],
    ]
    if isInitialEnd { object.set(["k8s.io/initial-events-end": "true"], at: ["metadata", "annotations"]) }
    if !watch.request.model.isCustom { object = watch.request.model.normalized(object) }
    if watch.format.view == .metadata { object = ResourceRequest.metadataOnly(object) }
    return WatchFrame(type: "BOOKMARK", object: object)
  }
}

extension Timestamp {
  init(_ time: GoTime) { self.init(epochMilliseconds: time.epochMicroseconds / 1000) }
}
