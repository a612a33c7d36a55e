import InMemoryKubernetes
import KubernetesAPI
import Testing

@Suite struct WatchTests {
  @Test func aWatchPulledStepByStepLosesNothing() {
    var test = TestServer()
    let version = test.server.resourceVersion
    let id = test.watch("\(configMaps)?watch=true&resourceVersion=\(version)")
    for index in 0..<10 { test.send("POST", configMaps, configMap("c\(index)")) }
    #expect(test.events(id, limit: 4) == (0..<4).map { "ADDED c\($0)" })
    test.send("DELETE", "\(configMaps)/c9")
    #expect(test.events(id, limit: 100) == (4..<10).map { "ADDED c\($0)" } + ["DELETED c9"])
    #expect(test.events(id).isEmpty)
  }

  @Test func aCopyOfTheServerIsAnOldViewWithItsOwnFuture() {
    var test = TestServer()
    test.send("POST", configMaps, configMap("a"))
    var frozen = test
    test.send("DELETE", "\(configMaps)/a")
    #expect(frozen.send("GET", "\(configMaps)/a").status == 200)
    #expect(test.send("GET", "\(configMaps)/a").status == 404)
  }

  @Test func writesWakeTheWatchesOfTheirResourceOnly() {
    var test = TestServer()
    let maps = test.watch("\(configMaps)?watch=true&resourceVersion=1")
    let secrets = test.watch("/api/v1/secrets?watch=true&resourceVersion=1")
    _ = test.server.takeWokenWatches()
    test.send("POST", configMaps, configMap("a"))
    #expect(test.server.takeWokenWatches() == [maps].compactMap { $0 })
    #expect(secrets.map { test.server.hasPendingEvents($0) } == false)
    #expect(maps.map { test.server.hasPendingEvents($0) } == true)
  }

  @Test func aWatcherThatIsTooSlowIsCutOffAndGetsGoneWhenItComesBack() throws {
    var test = TestServer(historyLength: 10)
    test.send("POST", configMaps, configMap("a"))
    let from = test.server.resourceVersion
    let openedId = test.watch("\(configMaps)?watch=true&resourceVersion=\(from)")
    let id = try #require(openedId)
    for index in 0..<40 { _ = test.merge("\(configMaps)/a", ["data": ["k": .string(String(index))]]) }
    let batch = test.server.nextEvents(id, at: test.now)
    #expect(batch.frames.isEmpty && batch.isEnded)
    let openedAgain = test.watch("\(configMaps)?watch=true&resourceVersion=\(from)")
    let again = try #require(openedAgain)
    let refused = test.server.nextEvents(again, at: test.now)
    #expect(refused.frames.first?.type == "ERROR")
    #expect(refused.frames.first?.object["code"] == 410)
    #expect(refused.isEnded)
  }

  @Test func bookmarksComeWithTimeAndCarryTheNewestVersion() throws {
    var test = TestServer()
    let target = "\(configMaps)?watch=true&allowWatchBookmarks=true&resourceVersion=\(test.server.resourceVersion)"
    let openedId = test.watch(target)
    let id = try #require(openedId)
    let first = test.server.nextEvents(id, at: test.now)
    #expect(first.frames.isEmpty)
    test.send("POST", "/api/v1/namespaces/default/secrets", ["metadata": ["name": "s"]])
    test.now = first.wakeAt
    let batch = test.server.nextEvents(id, at: test.now)
    #expect(batch.frames.map(\.type) == ["BOOKMARK"])
    #expect(batch.frames.first?.object["metadata", "resourceVersion"] == .string(test.server.resourceVersion))
  }

  @Test func theEndOfADefinitionEndsTheWatchesOfItsResource() throws {
    var test = TestServer()
    test.send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition(.null))
    let openedId = test.watch("/apis/example.com/v1/things?watch=true")
    let id = try #require(openedId)
    test.send("POST", "/apis/example.com/v1/namespaces/default/things", thing("a", [:]))
    test.send("DELETE", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.example.com")
    let batch = test.server.nextEvents(id, at: test.now)
    #expect(batch.frames.map(\.type) == ["ADDED", "DELETED"])
    #expect(batch.isEnded)
  }
}
