import FlinkController
import FlinkModel
import InMemoryKubernetes
import KubernetesAPI
import Lifecycle
import Logging

/// One run: operators that live and die in a world that goes on.
///
/// Used by one task only: what is marked as sendable never runs beside it.
final class SimulationRun: @unchecked Sendable {
  /// The operator comes back so long after it has died, in milliseconds.
  private static let restartDelay: Int64 = 1_500
  /// Until another operator holds the lease of one that does not renew it.
  private static let takeover: Int64 = 3_000
  /// For how long a process is stopped.
  private static let stop: Int64 = 12_000

  private let world: SimulatedWorld
  private let scenario: Scenario
  private let guards: Guards
  private let logger: Logger
  private let start: Int64
  private let end: Int64
  private var nextAction = 0
  private var operators: [SimulatedOperator] = []
  private var lives = 0
  /// When the next operators begin.
  private var births: [Int64] = []
  private var frozen: Set<Int> = []
  private var settings = OperatorSettings()
  private var callsAtLastAction = 0
  private var turns = 0
  private var quietFrom: Int?
  private var stepsAtOnce = 0
  private var hasRunAway = false

  init(world: SimulatedWorld, scenario: Scenario, guards: Guards, logger: Logger) {
    self.world = world
    self.scenario = scenario
    self.guards = guards
    self.logger = logger
    start = world.now
    end = start + scenario.length * 1000
  }

  func run() async -> SimulationOutcome {
    begin()
    await advance(until: end)
    for one in operators { turns += one.turnCount }
    return world.with { state in
      // The newest checkpoint is written down every five minutes, which only long runs see.
      let written = quietFrom.map { state.calls[$0...] } ?? []
      let isLedger = end - start > 300_000 && written.count == 1 && written.first?.hasSuffix("/status") == true
      if let quietFrom, state.calls.count > quietFrom, !isLedger {
        state.violate("L1", "still writing in the last minute: \(state.calls[quietFrom...].prefix(5))")
      }
      state.checkEnd()
      return SimulationOutcome(
        calls: state.calls, contexts: state.contexts, reads: state.reads, violations: state.violations,
        end: state.endState(), turns: turns, callsSinceLastAction: state.calls.count - callsAtLastAction)
    }
  }

  private func begin() {
    let life = lives
    lives += 1
    let past = world.with { state -> InMemoryAPIServer? in
      guard state.nextLifeLooksBack else { return nil }
      state.nextLifeLooksBack = false
      // The view stays old for a while.
      state.silence["*"] = state.now + 3_000
      return state.serverBefore
    }
    operators.append(
      SimulatedOperator(
        world: world, life: life, settings: settings, guards: guards, past: past, logger: logger,
        freeze: { [weak self] fault in await self?.freeze(life, fault) }))
  }

  /// An operator stands still in the middle of a call.
  private func freeze(_ life: Int, _ fault: FaultKind) async {
    frozen.insert(life)
    if fault == .frozen { births.append(world.now + Self.takeover) }
    await advance(until: min(world.now + Self.stop, end))
    frozen.remove(life)
  }

  private func advance(until end: Int64) async {
    while world.now < end, !hasRunAway {
      if await pass() {
        stepsAtOnce += 1
        if stepsAtOnce > 2_000 {
          world.with { $0.violate("L1", "more than 2000 steps without time passing") }
          hasRunAway = true
        }
        continue
      }
      stepsAtOnce = 0
      let next = nextDue(before: end)
      world.with { $0.now = max(next, $0.now + 1) }
    }
  }

  /// Everything that is due now; whether there was something.
  private func pass() async -> Bool {
    var isBusy = false
    while nextAction < scenario.actions.count, world.now >= start + scenario.time(of: nextAction) {
      let action = scenario.actions[nextAction].action
      nextAction += 1
      world.with { Simulation.perform(action, &$0) }
      callsAtLastAction = world.with { $0.calls.count }
      if case .restartOperator(let defaults) = action { restart(defaults) }
      isBusy = true
    }
    let wrote = world.with { state in
      state.remember()
      let wrote = state.runNode()
      state.flink.advance(to: state.now)
      state.checkWorld()
      return wrote
    }
    if wrote { isBusy = true }
    while let index = births.firstIndex(where: { $0 <= world.now }) {
      births.remove(at: index)
      begin()
      isBusy = true
    }
    for one in operators where !frozen.contains(one.life) && !world.with({ $0.isDead(one.life) }) {
      if await work(one) { isBusy = true }
    }
    if bury() { isBusy = true }
    if quietFrom == nil, world.now >= end - 60_000 { quietFrom = world.with { $0.calls.count } }
    return isBusy
  }

  /// Another version of the operator, or another configuration.
  private func restart(_ defaults: [String: String]) {
    do {
      settings = try OperatorSettings(OperatorDefaults(defaults))
    } catch {
      world.with { $0.violations.append("the simulation's own settings are wrong: \(error)") }
    }
    world.with { state in for one in operators { state.deadLives.insert(one.life) } }
  }

  private func work(_ one: SimulatedOperator) async -> Bool {
    let relist: FaultKind? = world.with { state in
      guard let kind = state.relist, (state.silence["*"] ?? 0) <= state.now else { return nil }
      state.relist = nil
      // An old list stays the view for a while.
      if kind == .viewRolledBack { state.silence["*"] = state.now + 3_000 }
      return kind
    }
    if let relist { one.listAgain(relist == .viewRolledBack ? world.with { $0.serverBefore } : nil) }
    let hasNews = one.deliver()
    if hasNews { world.with { $0.coalesces = false } }
    let hasWorked = await one.step()
    return hasNews || hasWorked || relist != nil
  }

  /// Ends the operators that have died, and lets the next one come.
  private func bury() -> Bool {
    let dead: Set<Int> = world.with { state in
      for death in state.deaths where death.at <= state.now { state.deadLives.insert(death.life) }
      state.deaths.removeAll { $0.at <= state.now }
      return state.deadLives
    }
    var hasChanged = false
    if world.with({ state in
      defer { state.isSecondWanted = false }
      return state.isSecondWanted
    }) {
      begin()
      hasChanged = true
    }
    for one in operators where dead.contains(one.life) && !frozen.contains(one.life) {
      turns += one.turnCount
      one.die()
      operators.removeAll { $0.life == one.life }
      if operators.isEmpty, births.isEmpty { births.append(world.now + Self.restartDelay) }
      hasChanged = true
    }
    return hasChanged
  }

  private func nextDue(before end: Int64) -> Int64 {
    let now = world.now
    var due: [Int64] = births + [end]
    if nextAction < scenario.actions.count { due.append(start + scenario.time(of: nextAction)) }
    if self.end - 60_000 > now { due.append(self.end - 60_000) }
    for one in operators where !frozen.contains(one.life) { if let at = one.nextDue() { due.append(at) } }
    world.with { state in
      if let at = state.node.nextDue { due.append(at) }
      if let at = state.flink.nextDue(after: now) { due.append(at) }
      due += state.deaths.map(\.at)
      due += state.silence.values.filter { $0 > state.now }
    }
    return due.min() ?? end
  }
}
