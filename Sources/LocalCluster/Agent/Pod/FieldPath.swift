import KubernetesAPI

/// The downward API: a pod's fields and a container's resources as texts.
struct DownwardFields {
  let pod: PodSpecification
  let podAddress: String
  let nodeAddress: String

  /// The value of a `fieldRef.fieldPath`; nil for a path that Kubernetes does not offer.
  func value(_ path: String) -> String? {
    switch path {
    case "metadata.name": return pod.name
    case "metadata.namespace": return pod.namespace
    case "metadata.uid": return pod.uid
    case "spec.nodeName": return pod.nodeName
    case "spec.serviceAccountName": return pod.serviceAccount
    case "status.podIP", "status.podIPs": return podAddress
    case "status.hostIP", "status.hostIPs": return nodeAddress
    case "metadata.labels": return Self.lines(pod.metadata.labels)
    case "metadata.annotations": return Self.lines(pod.metadata.annotations)
    default: break
    }
    for (prefix, values) in [
      ("metadata.labels['", pod.metadata.labels), ("metadata.annotations['", pod.metadata.annotations),
    ] {
      if path.hasPrefix(prefix), path.hasSuffix("']") {
        return values[String(path.dropFirst(prefix.count).dropLast(2))] ?? ""
      }
    }
    return nil
  }

  /// The value of a `resourceFieldRef`: whole cores or bytes unless a divisor says otherwise.
  func resource(_ reference: JSONValue, in container: ContainerSpecification) -> String? {
    guard let path = reference["resource"]?.stringValue else { return nil }
    let owner = reference["containerName"]?.stringValue.flatMap(pod.container) ?? container
    let parts = path.split(separator: ".", maxSplits: 1).map(String.init)
    guard parts.count == 2 else { return nil }
    let quantity = (parts[0] == "limits" ? owner.limits : owner.requests)[parts[1]] ?? owner.limits[parts[1]]
    guard let amount = quantity.flatMap(ResourceAmount.init) else { return "0" }
    let divisor = reference["divisor"].flatMap(ResourceAmount.init)?.value ?? 1
    return String(Int64((amount.value / (divisor > 0 ? divisor : 1)).rounded(.up)))
  }

  private static func lines(_ values: [String: String]) -> String {
    values.sorted { $0.key < $1.key }.map { "\($0.key)=\"\($0.value)\"" }.joined(separator: "\n")
  }
}

/// A resource quantity as a number, exact enough for the downward API.
struct ResourceAmount {
  let value: Double

  init?(_ json: JSONValue) {
    if let number = json.doubleValue {
      value = number
      return
    }
    guard let text = json.stringValue else { return nil }
    let digits = text.prefix { $0.isNumber || $0 == "." || $0 == "-" || $0 == "+" }
    guard let number = Double(digits) else { return nil }
    let scales: [String: Double] = [
      "": 1, "m": 0.001, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 1024, "Mi": 1_048_576, "Gi": 1_073_741_824,
      "Ti": 1_099_511_627_776,
    ]
    guard let scale = scales[String(text.dropFirst(digits.count))] else { return nil }
    value = number * scale
  }
}
