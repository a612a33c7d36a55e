import KubernetesAPI

/// A user who edits without a plan, while things go wrong: the end must be that of a fresh deployment of the last spec.
///
/// A walk that ends suspended must end as a job that ran and was suspended. Its record is of the spec that asked for
/// that, which edits follow that change nothing that runs: any spec since the resource was made may be the one.
public struct RandomWalk: Sendable {
  public let seed: UInt64
  public let scenario: Scenario
  public let plan: FaultPlan
  /// Plain ways to the last spec, whose ends are the right ones.
  let references: [Scenario]

  /// Equal seeds give equal walks.
  public init(seed: UInt64) {
    self.seed = seed
    var random = Random(state: seed &* 0x9e37_79b9_7f4a_7c15 &+ 1)
    var wish = Wish()
    wish.upgradeMode = random.one(of: ["stateless", "savepoint", "savepoint", "last-state"])
    wish.parallelism = random.below(3) + 1
    var time: Int64 = 0
    var actions: [(at: Int64, action: Scenario.Action)] = [(0, .apply(wish.manifest))]
    // What the present resource was asked for.
    var wishes = [wish]
    for _ in 0..<(2 + random.below(5)) {
      time += Int64(1 + random.below(random.below(2) == 0 ? 4 : 40))
      let before = wish
      switch random.below(10) {
      case 0, 1, 2: wish.parallelism = random.below(4) + 1
      case 3: wish.image = random.one(of: ["flink:1.20", "flink:1.20-new", "flink:1.20-newer"])
      case 4: wish.nonce += 1
      case 5: wish.state = wish.state == "running" ? "suspended" : "running"
      case 6:
        // A value that cannot be used, taken back.
        wish.parallelism = 0
        wishes.append(wish)
        actions.append((time, .edit(wish.edit)))
        time += Int64(1 + random.below(20))
        wish = before
      case 7:
        // An image that does not exist, taken back.
        wish.image = "flink:missing"
        wishes.append(wish)
        actions.append((time, .edit(wish.edit)))
        time += Int64(1 + random.below(20))
        wish = before
      case 8: actions.append((time, .failSavepoints(1)))
      default:
        actions.append((time, .delete))
        time += Int64(1 + random.below(10))
        actions.append((time, .apply(wish.manifest)))
        wishes = [wish]
        continue
      }
      wishes.append(wish)
      actions.append((time, .edit(wish.edit)))
    }
    scenario = Scenario("walk-\(seed)", length: time + 240, actions)
    references = Self.references(wish, after: wishes)
    let isStateless = wish.upgradeMode == "stateless"
    let kinds = FaultKind.allCases.filter {
      ![.managerRestarts, .managerLost].contains($0)
        && (isStateless ? ![.savepointFails, .stopFails].contains($0) : true)
    }
    plan = FaultPlan(
      (0..<random.below(4)).map { _ in FaultPlan.Fault(random.one(of: kinds), at: random.below(60)) })
  }

  private static func references(_ last: Wish, after wishes: [Wish]) -> [Scenario] {
    let fresh = Scenario("fresh", length: 120, [(0, .apply(last.manifest))])
    guard last.state == "suspended" else { return [fresh] }
    var seen: Set<Wish> = []
    let suspended = wishes.compactMap { wish -> Scenario? in
      var (running, wish) = (last, wish)
      running.state = "running"
      wish.state = "suspended"
      // What is invalid is never acted upon.
      guard wish.parallelism > 0, seen.insert(wish).inserted else { return nil }
      return Scenario(
        "suspended", length: 240,
        [(0, .apply(running.manifest)), (60, .edit(wish.edit)), (120, .edit(last.edit))])
    }
    // One that never ran cannot be suspended.
    return wishes.contains { $0.state == "running" } ? suspended + [fresh] : [fresh]
  }

  private struct Wish: Hashable {
    var upgradeMode = "stateless"
    var parallelism = 1
    var image = "flink:1.20"
    var state = "running"
    var nonce = 0

    var manifest: JSONValue {
      var manifest = Scenario.manifest(
        upgradeMode: upgradeMode, parallelism: parallelism, image: image, state: state,
        configuration: [
          "execution.checkpointing.interval": "5 s", "execution.checkpointing.dir": "file:///checkpoints",
          "execution.checkpointing.savepoint-dir": "file:///savepoints",
        ])
      manifest.set(JSONValue(nonce), at: ["spec", "restartNonce"])
      return manifest
    }

    var edit: JSONValue { ["spec": manifest["spec"] ?? [:]] }
  }

  /// What is wrong with the walk; nil when nothing is.
  public func check() async -> Sweep.Failure? {
    let outcome = await Simulation.run(scenario, plan)
    var problems = outcome.violations
    let end = outcome.end.essence
    var differences: [[String]] = []
    for reference in references {
      let expected = await Simulation.run(reference).end.essence
      if expected == end {
        differences = []
        break
      }
      differences.append(expected.difference(from: end))
    }
    if let least = differences.min(by: { $0.count < $1.count }) {
      problems.append("L1: the end differs from that of a plain way to the last spec")
      problems += least
    }
    return problems.isEmpty ? nil : Sweep.Failure(scenario: scenario.name, plan: plan, problems: problems)
  }

  /// The failures among the walks, by seed.
  public static func failures(seeds: Range<UInt64>, workers: Int) async -> [Sweep.Failure] {
    await withTaskGroup(of: (UInt64, Sweep.Failure?).self, returning: [Sweep.Failure].self) { group in
      var found: [UInt64: Sweep.Failure] = [:]
      var rest = seeds[...]
      for _ in 0..<max(workers, 1) {
        guard let seed = rest.popFirst() else { break }
        group.addTask { (seed, await RandomWalk(seed: seed).check()) }
      }
      while let (seed, failure) = await group.next() {
        found[seed] = failure
        if let next = rest.popFirst() { group.addTask { (next, await RandomWalk(seed: next).check()) } }
      }
      return found.keys.sorted().compactMap { found[$0] }
    }
  }

  /// SplitMix64.
  private struct Random {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var value = state
      value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
      value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
      return value ^ (value >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(max(bound, 1))) }

    mutating func one<Element>(of elements: [Element]) -> Element { elements[below(elements.count)] }
  }
}

extension EndState {
  /// Without what depends on how the end was reached: generations, and where the job's state came from.
  var essence: EndState {
    EndState(
      lines: lines.compactMap { line in
        if line.contains("  reconciled ") {
          return line.split(separator: ",").filter {
            !$0.contains("upgradeMode") && !$0.contains("initialSavepointPath")
          }
          .joined(separator: ",")
        }
        if line.contains("savepoints ") || line.contains("by upgrade mode") { return nil }
        var words = line.split(separator: " ").map(String.init)
        // How a suspended job has ended: by a savepoint, by cancellation, or not seen.
        if words.contains("SUSPENDED"), let place = words.firstIndex(of: "job"), place + 1 < words.count {
          words[place + 1] = "ended"
        }
        if words == ["Running", "False", "Canceled"] { words[2] = "Finished" }
        if let place = words.firstIndex(of: "--fromSavepoint") { words.removeSubrange(place...(place + 1)) }
        if let place = words.firstIndex(of: "generation"), place + 1 < words.count {
          let number = words[place + 1]
          words.removeSubrange(place...(place + 1))
          if words.count > place + 1, words[place] == "observed" {
            words[place + 1] = words[place + 1] == number ? "all" : "not all"
          }
        }
        return words.joined(separator: " ")
      })
  }
}
