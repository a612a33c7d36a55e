import KubernetesAPI
import KubernetesRuntime
import Testing

@Suite struct ObjectStoreTests {
  let store = ObjectStore(type: .configMaps)

  @Test func isSyncedOnlyByAList() {
    #expect(!store.isSynced)
    #expect(store.resourceVersion == nil)
    store.replaceAll(list([], version: 5))
    #expect(store.isSynced)
    #expect(store.resourceVersion == "5")
  }

  @Test func keepsBytesWithoutManagedFields() throws {
    store.replaceAll(list([object("a", version: 1)], version: 1))
    let json = try #require(store.get(key("a"))).json
    #expect(json["data", "key"] == "d")
    #expect(json["metadata", "managedFields"] == nil)
    store.apply(.modified(object("a", version: 2)))
    #expect(store.get(key("a"))?.json["metadata", "managedFields"] == nil)
  }

  @Test func keepsOnlyMetadataWhereAskedTo() throws {
    let store = ObjectStore(type: .configMaps, retention: .metadataOnly)
    store.replaceAll(list([object("a", version: 1, labels: ["x": "y"])], version: 1))
    let kept = try #require(store.get(key("a")))
    #expect(kept.json["data"] == nil)
    #expect(kept.json["kind"] == "ConfigMap")
    #expect(kept.metadata.labels == ["x": "y"])
    #expect(kept.json["metadata", "managedFields"] == nil)
  }

  @Test func reportsWhatAListChanged() {
    let a1 = object("a", version: 1)
    let b1 = object("b", version: 2)
    let c1 = object("c", version: 3)
    let d1 = object("d", version: 3)
    #expect(store.replaceAll(list([c1, a1, b1, d1], version: 4)).map(\.summary) == ["+a", "+b", "+c", "+d"])
    let b2 = object("b", version: 6)
    let c2 = object("c", uid: "other", version: 7)
    let e1 = object("e", version: 8)
    let changes = store.replaceAll(list([a1, b2, c2, e1], version: 9))
    #expect(changes.map(\.summary) == ["-d", "~b", "!c", "+e"])
    #expect(changes.compactMap(\.gone?.metadata.uid) == ["uid-d", "uid-c"])
    #expect(store.get(key("d")) == nil)
    #expect(store.count == 4)
  }

  @Test func appliesEvents() {
    store.replaceAll(list([object("a", version: 1)], version: 10))
    #expect(store.apply(.added(object("b", version: 11)))?.summary == "+b")
    #expect(store.apply(.modified(object("b", version: 12, data: "new")))?.summary == "~b")
    #expect(store.get(key("b"))?.json["data", "key"] == "new")
    #expect(store.apply(.deleted(object("b", version: 13)))?.summary == "-b")
    #expect(store.get(key("b")) == nil)
    #expect(store.resourceVersion == "13")
    #expect(store.apply(.bookmark(resourceVersion: "40", isInitialEventsEnd: false)) == nil)
    #expect(store.resourceVersion == "40")
    #expect(store.apply(.error(APIStatus(code: 410, reason: "Expired", message: ""))) == nil)
    #expect(store.resourceVersion == "40")
  }

  @Test func ignoresWhatItHasSeen() {
    store.replaceAll(list([object("a", version: 9)], version: 10))
    #expect(store.apply(.modified(object("a", version: 9))) == nil)
    #expect(store.apply(.modified(object("a", version: 8, data: "old"))) == nil)
    #expect(store.apply(.added(object("gone", version: 7))) == nil)
    #expect(store.get(key("gone")) == nil)
    #expect(store.get(key("a"))?.json["data", "key"] == "d")
    store.apply(.modified(object("a", version: 12)))
    #expect(store.apply(.deleted(object("a", version: 11))) == nil)
    #expect(store.get(key("a")) != nil)
    #expect(store.apply(.bookmark(resourceVersion: "3", isInitialEventsEnd: false)) == nil)
    #expect(store.resourceVersion == "12")
  }

  @Test func identityIsTheUID() {
    store.replaceAll(list([object("a", uid: "one", version: 1)], version: 1))
    let change = store.apply(.added(object("a", uid: "two", version: 5)))
    #expect(change?.summary == "!a")
    #expect(change?.gone?.metadata.uid == "one")
    // The late end of the first one does not touch the second.
    #expect(store.apply(.deleted(object("a", uid: "one", version: 6))) == nil)
    #expect(store.get(key("a"))?.metadata.uid == "two")
    #expect(store.resourceVersion == "6")
  }

  @Test func aDeletionMayCarryTheLastStoredVersion() {
    store.replaceAll(list([object("a", version: 7)], version: 9))
    #expect(store.apply(.deleted(object("a", version: 7)))?.summary == "-a")
  }

  @Test func takesVersionsThatAreNoNumbers() {
    store.replaceAll(ObjectList(items: [], resourceVersion: "x"))
    #expect(store.apply(.bookmark(resourceVersion: "y", isInitialEventsEnd: false)) == nil)
    #expect(store.resourceVersion == "y")
  }

  @Test func findsByOwnerAndByNamespace() {
    store.replaceAll(
      list(
        [
          object("a", version: 1, owners: ["o1"]), object("b", version: 1, owners: ["o1", "o2"]),
          object("c", version: 1, namespace: "other", labels: ["app": "x"]),
          object("d", version: 1, labels: ["app": "x", "tier": "y"]),
        ], version: 2))
    #expect(store.objects(ownedBy: "o1").map(\.key.name) == ["a", "b"])
    #expect(store.objects(ownedBy: "o2").map(\.key.name) == ["b"])
    #expect(store.objects(ownedBy: "nobody").isEmpty)
    #expect(store.objects(namespace: "ns").map(\.key.name) == ["a", "b", "d"])
    #expect(store.objects(namespace: "ns", labels: ["app": "x"]).map(\.key.name) == ["d"])
    #expect(store.objects(namespace: nil, labels: ["app": "x"]).map(\.key.name) == ["d", "c"])
    store.apply(.modified(object("b", version: 3, owners: ["o2"])))
    #expect(store.objects(ownedBy: "o1").map(\.key.name) == ["a"])
    store.apply(.deleted(object("a", version: 4, owners: ["o1"])))
    #expect(store.objects(ownedBy: "o1").isEmpty)
    store.replaceAll(list([], version: 5))
    #expect(store.objects(ownedBy: "o2").isEmpty)
    #expect(store.objects(namespace: "other").isEmpty)
  }
}

extension StoreChange {
  var summary: String {
    switch self {
    case .added(let object): "+\(object.key.name)"
    case .updated(_, let new): "~\(new.key.name)"
    case .recreated(_, let new): "!\(new.key.name)"
    case .removed(let object): "-\(object.key.name)"
    }
  }
}
