/// What goes wrong in one run. Plain data: a plan that made a run fail makes it fail again.
public struct FaultPlan: Sendable, Hashable, CustomStringConvertible {
  public typealias Kind = FaultKind

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
  /// Everything that users do after the first act comes so many tenths of a second later.
  public var shift: Int

  public init(_ faults: [Fault] = [], failedReads: Set<Int> = [], shift: Int = 0) {
    self.faults = faults
    self.failedReads = failedReads
    self.shift = shift
  }

  public static let none = FaultPlan()

  /// `crash-after@12,lost-reply@15,failed-read@3,shift@7`; `none` for no fault.
  public var description: String {
    var parts = faults.map(\.description) + failedReads.sorted().map { "failed-read@\($0)" }
    if shift != 0 { parts.append("shift@\(shift)") }
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
      } else if halves[0] == "shift" {
        shift = number
      } else {
        guard let kind = Kind(rawValue: String(halves[0])) else { return nil }
        faults.append(Fault(kind, at: number))
      }
    }
  }

  func fault(at call: Int) -> Kind? { faults.first { $0.call == call }?.kind }

  /// Whether earlier states of the API server are needed.
  var looksBack: Bool { faults.contains { $0.kind == .staleRestart || $0.kind == .viewRolledBack } }
}
