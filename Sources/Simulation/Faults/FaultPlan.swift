/// What goes wrong in one run. Plain data: a plan that made a run fail makes it fail again.
public struct FaultPlan: Sendable, Hashable, CustomStringConvertible {
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// The operator dies before the call has an effect.
    case crashBefore = "crash-before"
    /// The operator dies after the call has had its effect.
    case crashAfter = "crash-after"
    /// The call has its effect, its answer is lost.
    case lostReply = "lost-reply"
    /// The call never arrives.
    case unreachable
    /// The server refuses with 500, without an effect.
    case serverError = "server-error"
    /// The server refuses with 429 and Retry-After, without an effect.
    case tooManyRequests = "too-many-requests"
    /// Somebody else has written in between (status and metadata of the resource only).
    case conflict
    /// After the call nothing is delivered by watches for some seconds.
    case silence
    /// After the call the watch on pods delivers nothing for a while, the others do.
    case stalePods = "stale-pods"
    /// After the call nothing is delivered by watches for some seconds, and then the operator dies.
    case silenceThenCrash = "silence-then-crash"
  }

  public struct Fault: Sendable, Hashable, CustomStringConvertible {
    /// Counts the operator's changing calls (to Kubernetes and to Flink) from 0.
    public var call: Int
    public var kind: Kind

    public init(_ kind: Kind, at call: Int) {
      self.call = call
      self.kind = kind
    }

    public var description: String { "\(kind.rawValue)@\(call)" }
  }

  public var faults: [Fault]
  /// Numbers, from 0, of the operator's reading calls (lists and gets) that fail.
  public var failedReads: Set<Int>

  public init(_ faults: [Fault] = [], failedReads: Set<Int> = []) {
    self.faults = faults
    self.failedReads = failedReads
  }

  public static let none = FaultPlan()

  /// `crash-after@12,lost-reply@15,failed-read@3`; `none` for no fault.
  public var description: String {
    let parts = faults.map(\.description) + failedReads.sorted().map { "failed-read@\($0)" }
    return parts.isEmpty ? "none" : parts.joined(separator: ",")
  }

  /// nil for a text that is not a plan's description.
  public init?(parsing text: String) {
    self.init()
    if text == "none" { return }
    for part in text.split(separator: ",") {
      let halves = part.split(separator: "@")
      guard halves.count == 2, let number = Int(halves[1]) else { return nil }
      if halves[0] == "failed-read" {
        failedReads.insert(number)
      } else {
        guard let kind = Kind(rawValue: String(halves[0])) else { return nil }
        faults.append(Fault(kind, at: number))
      }
    }
  }

  func fault(at call: Int) -> Kind? { faults.first { $0.call == call }?.kind }
}
