/// Chooses objects by their labels: all requirements must hold, and an empty selector chooses everything.
public struct LabelSelector: Sendable, Hashable {
  public struct Requirement: Sendable, Hashable {
    public enum Condition: Sendable, Hashable {
      case exists
      case doesNotExist
      /// The label is there with one of the values.
      case isIn(Set<String>)
      /// The label has none of the values; an absent label has none.
      case isNotIn(Set<String>)
      /// The label is an integer above or below a bound.
      case isAbove(Int64)
      case isBelow(Int64)
    }
    public var key: String
    public var condition: Condition

    public init(key: String, condition: Condition) {
      self.key = key
      self.condition = condition
    }

    public func matches(_ labels: [String: String]) -> Bool {
      let value = labels[key]
      return switch condition {
      case .exists: value != nil
      case .doesNotExist: value == nil
      case .isIn(let values): value.map(values.contains) ?? false
      case .isNotIn(let values): !(value.map(values.contains) ?? false)
      case .isAbove(let bound): value.flatMap { Int64($0) }.map { $0 > bound } ?? false
      case .isBelow(let bound): value.flatMap { Int64($0) }.map { $0 < bound } ?? false
      }
    }
  }

  public var requirements: [Requirement]

  public init(requirements: [Requirement] = []) { self.requirements = requirements }

  /// The selector that demands each of these labels.
  public init(matching labels: [String: String]) {
    requirements = labels.sorted { $0.key < $1.key }.map { Requirement(key: $0.key, condition: .isIn([$0.value])) }
  }

  public func matches(_ labels: [String: String]) -> Bool { requirements.allSatisfy { $0.matches(labels) } }
}

extension LabelSelector {
  /// A `metav1.LabelSelector`: `matchLabels` and `matchExpressions`.
  public init(json: JSONValue) throws(SelectorError) {
    func problem(_ text: String) -> SelectorError { SelectorError(selector: json.text, problem: text) }
    self.init()
    if let labels = json["matchLabels"], !labels.isNull {
      guard let labels = labels.objectValue else { throw problem("matchLabels is not an object") }
      for (key, value) in labels {
        guard let value = value.stringValue else { throw problem("matchLabels.\(key) is not a string") }
        requirements.append(Requirement(key: key, condition: .isIn([value])))
      }
    }
    guard let expressions = json["matchExpressions"], !expressions.isNull else { return }
    guard let expressions = expressions.arrayValue else { throw problem("matchExpressions is not an array") }
    for (index, expression) in expressions.enumerated() {
      let place = "matchExpressions[\(index)]"
      guard let key = expression["key"]?.stringValue, !key.isEmpty else { throw problem("\(place) has no key") }
      let values = (expression["values"]?.arrayValue ?? []).compactMap(\.stringValue)
      let condition: Requirement.Condition
      switch expression["operator"]?.stringValue {
      case "In": condition = .isIn(Set(values))
      case "NotIn": condition = .isNotIn(Set(values))
      case "Exists": condition = .exists
      case "DoesNotExist": condition = .doesNotExist
      default: throw problem("\(place).operator must be In, NotIn, Exists or DoesNotExist")
      }
      switch condition {
      case .isIn, .isNotIn: if values.isEmpty { throw problem("\(place) needs values") }
      default: if !values.isEmpty { throw problem("\(place) takes no values") }
      }
      requirements.append(Requirement(key: key, condition: condition))
    }
  }
}

extension LabelSelector: CustomStringConvertible {
  /// The text that `init(parsing:)` reads and request queries carry.
  public var description: String { requirements.map(\.description).joined(separator: ",") }
}

extension LabelSelector.Requirement: CustomStringConvertible {
  public var description: String {
    switch condition {
    case .exists: key
    case .doesNotExist: "!\(key)"
    case .isIn(let values): values.count == 1 ? "\(key)=\(values.joined())" : "\(key) in (\(Self.list(values)))"
    case .isNotIn(let values): values.count == 1 ? "\(key)!=\(values.joined())" : "\(key) notin (\(Self.list(values)))"
    case .isAbove(let bound): "\(key)>\(bound)"
    case .isBelow(let bound): "\(key)<\(bound)"
    }
  }

  private static func list(_ values: Set<String>) -> String { values.sorted().joined(separator: ",") }
}
