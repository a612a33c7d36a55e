extension FaultKind.Context {
  /// The write of the record, or the effect that the call is part of: an effect is one intent, carried out by one call or
  /// several.
  public var intent: String {
    let words = name.split(separator: " ")
    guard words.count > 2 else { return effect }
    let object = words[2]
    switch words[1].split(separator: ".").first ?? "" {
    case "flinkdeployments": return object.hasSuffix("/status") ? "store status" : "set finalizer"
    case "configmaps": return object.hasPrefix("flink-config-") ? "create incarnation" : "tidy HA metadata"
    case "services": return "create incarnation"
    case "deployments":
      switch words[0] {
      case "create": return "create incarnation"
      case "delete": return "delete cluster"
      default: return object.hasSuffix("/scale") ? "scale TaskManagers" : "scale down"
      }
    case "ingresses": return "set ingress"
    default: return effect
    }
  }
}
