public import KubernetesAPI

/// One entry of `status.conditions`.
public struct Condition: Sendable, Hashable {
  public var type: String
  public var status: ConditionStatus
  /// CamelCase.
  public var reason: String
  public var message: String
  /// RFC 3339, when `status` last flipped.
  public var lastTransitionTime: String
  public var observedGeneration: Int64?

  public init(
    type: String, status: ConditionStatus, reason: String, message: String, lastTransitionTime: String = "",
    observedGeneration: Int64? = nil
  ) {
    self.type = type
    self.status = status
    self.reason = reason
    self.message = message
    self.lastTransitionTime = lastTransitionTime
    self.observedGeneration = observedGeneration
  }

  public init(json: JSONValue) {
    self.init(
      type: json["type"]?.stringValue ?? "", status: json.word("status") ?? .unknown,
      reason: json["reason"]?.stringValue ?? "", message: json["message"]?.stringValue ?? "",
      lastTransitionTime: json["lastTransitionTime"]?.stringValue ?? "",
      observedGeneration: json["observedGeneration"]?.intValue)
  }

  public var json: JSONValue {
    var json: JSONObject = [
      "type": .string(type), "status": .string(status.rawValue), "reason": .string(reason), "message": .string(message),
      "lastTransitionTime": .string(lastTransitionTime),
    ]
    json.set("observedGeneration", observedGeneration)
    return .object(json)
  }
}

public enum ConditionStatus: String, Sendable, Hashable, CaseIterable {
  case `true` = "True"
  case `false` = "False"
  case unknown = "Unknown"

  public init(_ value: Bool) { self = value ? .true : .false }
}

/// The condition types this operator writes.
public enum ConditionType {
  public static let ready = "Ready"
  public static let reconciling = "Reconciling"
  public static let stalled = "Stalled"
  /// The Apache operator's only one.
  public static let running = "Running"
}

extension [Condition] {
  public subscript(type type: String) -> Condition? { first { $0.type == type } }

  /// Replaces the conditions of the given types, adds those that are missing and keeps the others. A transition time
  /// changes only where the status flips.
  public func updating(with new: [Condition], now: Timestamp) -> [Condition] {
    let now = now.rfc3339Seconds
    var result = self
    for var condition in new {
      if let index = result.firstIndex(where: { $0.type == condition.type }) {
        let old = result[index]
        let isFlip = old.status != condition.status || old.lastTransitionTime.isEmpty
        condition.lastTransitionTime = isFlip ? now : old.lastTransitionTime
        result[index] = condition
      } else {
        condition.lastTransitionTime = now
        result.append(condition)
      }
    }
    return result
  }
}
