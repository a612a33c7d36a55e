import KubernetesAPI

/// The value of the label `pod-template-hash`, which tells the pods of one template from those of another.
enum PodTemplateHash {
  static let label = "pod-template-hash"

  /// A hash of a template; `collisions` is counted up when another template has the same one.
  ///
  /// The real controller's where `GoTemplateText` knows all that the template says, and one like it elsewhere.
  static func hash(of template: JSONValue, collisions: Int64?) -> String {
    let bare = withoutLabel(template)
    var bytes = GoTemplateText.text(of: bare).map { Array($0.utf8) } ?? bare.canonicalBytes()
    if let collisions {
      bytes += (0..<8).map { UInt8(truncatingIfNeeded: collisions >> (8 * $0)) }
    }
    var hash: UInt32 = 2_166_136_261
    for byte in bytes {
      hash ^= UInt32(byte)
      hash = hash &* 16_777_619
    }
    return safeText("\(hash)")
  }

  /// The template as it was before the label was added.
  static func withoutLabel(_ template: JSONValue) -> JSONValue {
    var template = template
    var labels = template["metadata", "labels"]?.objectValue ?? JSONObject()
    labels[label] = nil
    template.set(labels.isEmpty ? nil : .object(labels), at: ["metadata", "labels"])
    template.set(nil, at: ["metadata", "creationTimestamp"])
    if template["metadata"]?.objectValue?.isEmpty == true { template["metadata"] = nil }
    return template
  }

  /// Characters that spell no words.
  private static func safeText(_ text: String) -> String {
    let alphabet = Array("bcdfghjklmnpqrstvwxz2456789")
    return String(text.utf8.map { alphabet[Int($0) % alphabet.count] })
  }
}
