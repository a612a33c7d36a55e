import KubernetesAPI
import KubernetesRuntime
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(2))) struct ReflectorTests {
  /// Runs a reflector over a script until `condition` holds for the changes it reported.
  func run(
    _ gateway: ScriptedGateway, until condition: @escaping @Sendable (Reflector, [String]) -> Bool
  ) async -> (reflector: Reflector, changes: [String], progress: [String]) {
    let changes = Mutex<[String]>([])
    let progress = Mutex<[String]>([])
    var settings = ReflectorMachine.Settings()
    settings.backoff = BackoffPolicy(base: .milliseconds(2), cap: .milliseconds(10))
    settings.shortStreamBackoff = settings.backoff
    settings.pageSize = 7
    let reflector = Reflector(
      gateway: gateway, type: .configMaps, store: ObjectStore(type: .configMaps), logger: silent, settings: settings,
      onProgress: { version in progress.withLock { $0.append(version) } },
      onChange: { change in changes.withLock { $0.append(change.summary) } })
    let task = Task { await reflector.run() }
    #expect(await eventually { condition(reflector, changes.withLock { $0 }) })
    task.cancel()
    await task.value
    return (reflector, changes.withLock { $0 }, progress.withLock { $0 })
  }

  @Test func listsPagesThenWatches() async {
    let gateway = ScriptedGateway(
      .init(
        lists: [
          .success(list([object("a", version: 1)], version: 10, next: "t")),
          .success(list([object("b", version: 2)], version: 10)),
        ],
        watches: [
          [
            .event(.added(object("c", version: 11))), .event(.modified(object("a", version: 12))),
            .event(.bookmark(resourceVersion: "20", isInitialEventsEnd: false)),
            .event(.deleted(object("b", version: 21))),
          ]
        ]))
    let result = await run(gateway) { _, _ in gateway.calls.count >= 4 }
    #expect(result.changes == ["+a", "+b", "+c", "~a", "-b"])
    #expect(result.progress == ["10", "11", "12", "20", "21"])
    #expect(gateway.calls == ["list - limit 7", "list t limit 7", "watch 10", "watch 21"])
    #expect(result.reflector.store.keys.sorted() == [key("a"), key("c")])
  }

  @Test func nothingIsPublishedBeforeTheLastPage() async {
    let gateway = ScriptedGateway(
      .init(lists: [.success(list([object("a", version: 1)], version: 10, next: "t"))]))
    let result = await run(gateway) { _, _ in gateway.calls.count == 2 }
    #expect(result.changes == [])
    #expect(!result.reflector.store.isSynced)
    #expect(!result.reflector.status.isSynced)
    #expect(result.reflector.status.sinceContact == nil)
    #expect(result.reflector.status.problem?.hasPrefix("configmaps is not listed") == true)
  }

  @Test func anErrorFrameEndsAWatchThatStaysOpen() async {
    let gateway = ScriptedGateway(
      .init(
        lists: [
          .success(list([object("a", version: 1), object("b", version: 2)], version: 10)),
          .success(list([object("b", version: 2)], version: 30)),
        ],
        watches: [
          [
            .event(.error(APIStatus(code: 410, reason: "Expired", message: ""))),
            .event(.added(object("late", version: 50))), .hang,
          ]
        ]))
    let result = await run(gateway) { _, _ in gateway.calls.count >= 4 }
    #expect(result.changes == ["+a", "+b", "-a"])
    #expect(gateway.calls == ["list - limit 7", "watch 10", "list - limit 7", "watch 30"])
  }

  @Test func aDeletionMissedDuringAGapIsReported() async {
    let undecodable = KubernetesError(attempt: "watch", cause: .undecodable("x"))
    let gateway = ScriptedGateway(
      .init(
        lists: [
          .success(list([object("a", uid: "1", version: 1), object("b", version: 2)], version: 10)),
          .success(list([object("a", uid: "2", version: 25)], version: 30)),
        ],
        watches: [[.fail(undecodable)]]))
    let result = await run(gateway) { _, changes in changes.count >= 4 }
    #expect(result.changes == ["+a", "+b", "-b", "!a"])
  }

  @Test func forbiddenIsShownAndRecoversByItself() async {
    let refused = Mutex(false)
    let gateway = ScriptedGateway(
      .init(lists: [
        .failure(rejected(403, "Forbidden")), .failure(rejected(401, "Unauthorized")),
        .success(list([object("a", version: 1)], version: 2)),
      ]))
    let result = await run(gateway) { reflector, changes in
      if reflector.status.lastError?.isForbidden == true { refused.withLock { $0 = true } }
      return !changes.isEmpty
    }
    #expect(refused.withLock { $0 })
    #expect(result.changes == ["+a"])
    #expect(result.reflector.status.sinceContact.map { $0 >= .zero } == true)
    #expect(gateway.calls.filter { $0.hasPrefix("list") }.count == 3)
  }

  @Test func survivesManyShortStreams() async {
    let gateway = ScriptedGateway(
      .init(
        lists: [.success(list([], version: 10))],
        watches: (11..<31).map { [.event(.added(object("o\($0)", version: $0)))] }))
    let result = await run(gateway) { _, changes in changes.count == 20 }
    #expect(result.reflector.store.count == 20)
    #expect(gateway.calls.count { $0.hasPrefix("list") } == 1)
  }

  @Test func cancellationEndsEveryPhase() async {
    for script in [
      ScriptedGateway.Script(), .init(lists: [.failure(rejected(429, retryAfter: .seconds(3600)))]),
      .init(lists: [.success(list([], version: 1))]),
    ] {
      let gateway = ScriptedGateway(script)
      _ = await run(gateway) { _, _ in !gateway.calls.isEmpty }
    }
  }
}
