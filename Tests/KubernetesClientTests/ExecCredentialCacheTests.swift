import KubernetesAPI
import Testing

@testable import KubernetesClient

/// When a plugin is run, by the clock.
@Suite struct ExecCredentialCacheTests {
  static func at(_ seconds: Double) -> Timestamp { Timestamp(epochMilliseconds: Int64(seconds * 1000)) }
  static let problem = ConfigurationError(problem: "no", hint: "do")

  static func answer(_ token: String, until: Double? = nil) -> Result<ExecAnswer, ConfigurationError> {
    .success(ExecAnswer(token: token, expiresAt: until.map(at)))
  }

  /// A cache with one answer, obtained at 0.
  static func cache(_ token: String, until: Double?) -> ExecCredentialCache {
    var cache = ExecCredentialCache()
    #expect(cache.decide(now: at(0)) == .wait(startsRun: true))
    cache.finish(answer(token, until: until), now: at(0))
    return cache
  }

  @Test func oneRunForAll() {
    var cache = ExecCredentialCache()
    #expect(cache.decide(now: Self.at(0)) == .wait(startsRun: true))
    #expect(cache.decide(now: Self.at(0)) == .wait(startsRun: false))
    cache.finish(Self.answer("a"), now: Self.at(1))
    #expect(cache.decide(now: Self.at(1)) == .use(serial: 1, startsRun: false))
    #expect(cache.decide(now: Self.at(1_000_000)) == .use(serial: 1, startsRun: false), "without expiry for ever")
  }

  @Test func refreshesBeforeExpiryAndKeepsTheOldOneMeanwhile() {
    var cache = Self.cache("a", until: 900)
    #expect(cache.decide(now: Self.at(839)) == .use(serial: 1, startsRun: false))
    #expect(cache.decide(now: Self.at(841)) == .use(serial: 1, startsRun: true))
    #expect(cache.decide(now: Self.at(842)) == .use(serial: 1, startsRun: false), "one run at a time")
    cache.finish(Self.answer("b", until: 1800), now: Self.at(843))
    #expect(cache.decide(now: Self.at(901)) == .use(serial: 2, startsRun: false))
  }

  @Test func aFailedRefreshCostsNothingBeforeExpiry() {
    var cache = Self.cache("a", until: 900)
    #expect(cache.decide(now: Self.at(850)) == .use(serial: 1, startsRun: true))
    cache.finish(.failure(Self.problem), now: Self.at(851))
    #expect(cache.decide(now: Self.at(851.5)) == .use(serial: 1, startsRun: false))
    #expect(cache.decide(now: Self.at(853)) == .use(serial: 1, startsRun: true))
    cache.finish(.failure(Self.problem), now: Self.at(900.5))
    #expect(cache.decide(now: Self.at(901)) == .fail(Self.problem))
    #expect(cache.decide(now: Self.at(902)) == .wait(startsRun: true))
  }

  @Test func anExpiredOneIsWaitedFor() {
    var cache = Self.cache("a", until: 100)
    #expect(cache.decide(now: Self.at(100)) == .wait(startsRun: true))
    cache.finish(Self.answer("b", until: 50), now: Self.at(101))
    #expect(cache.decide(now: Self.at(101)) == .use(serial: 2, startsRun: false), "the server is the judge of it")
    #expect(cache.decide(now: Self.at(103)) == .wait(startsRun: true))
  }

  @Test func failuresAreHeldForASecond() {
    var cache = ExecCredentialCache()
    #expect(cache.decide(now: Self.at(0)) == .wait(startsRun: true))
    cache.finish(.failure(Self.problem), now: Self.at(1))
    #expect(cache.decide(now: Self.at(1.9)) == .fail(Self.problem))
    #expect(cache.decide(now: Self.at(2.1)) == .wait(startsRun: true))
    cache.finish(.failure(Self.problem), now: Self.at(3))
    #expect(cache.decide(now: Self.at(-100)) == .wait(startsRun: true), "a clock set back does not lengthen it")
  }

  @Test func aRefusalFetchesAnotherOnce() {
    var cache = Self.cache("a", until: nil)
    #expect(cache.decide(refused: 1, now: Self.at(5)) == .wait(startsRun: true))
    #expect(cache.decide(now: Self.at(5)) == .wait(startsRun: false), "nobody else uses the refused one")
    #expect(cache.decide(refused: 1, now: Self.at(5)) == .wait(startsRun: false))
    cache.finish(Self.answer("b"), now: Self.at(6))
    #expect(cache.decide(refused: 1, now: Self.at(6)) == .use(serial: 2, startsRun: false), "a late refusal of the old")
    #expect(cache.decide(refused: 2, now: Self.at(7)) == .refused)
    #expect(cache.decide(refused: 2, now: Self.at(17)) == .wait(startsRun: true))
    cache.finish(Self.answer("b"), now: Self.at(18))
    #expect(cache.decide(now: Self.at(18)) == .use(serial: 2, startsRun: false), "the same answer keeps its number")
  }
}
