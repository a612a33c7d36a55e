public import FlinkModel
public import KubernetesAPI

extension Blueprint {
  /// What an Ingress was made from, and which of its labels and annotations are the operator's.
  public static let ingressAnnotation = "flink-operator.flink.apache.org/ingress"

  /// Label of the operator's Ingresses, as with the Apache operator.
  public static let ingressLabel = (name: "component", value: "ingress")

  /// The Ingress of a cluster's REST service.
  ///
  /// - Parameter restPort: of the service.
  public static func ingress(
    name: String, namespace: String, uid: String, spec: IngressSpec, restPort: Int
  ) -> JSONValue {
    let place = IngressPlace(template: spec.template ?? "", name: name, namespace: namespace)
    var path: JSONObject = [
      "pathType": "ImplementationSpecific",
      "backend": ["service": ["name": .string(restService(name)), "port": ["number": JSONValue(restPort)]]],
    ]
    if !place.path.isEmpty { path["path"] = .string(place.path) }
    var rule: JSONObject = ["http": ["paths": [.object(path)]]]
    if !place.host.isEmpty { rule["host"] = .string(place.host) }
    var ingress: JSONObject = ["rules": [.object(rule)]]
    if let className = spec.className { ingress["ingressClassName"] = .string(className) }
    if let tls = spec.tls, !tls.isEmpty {
      ingress["tls"] = .array(
        tls.map { entry in
          var json: JSONObject = [:]
          if !entry.hosts.isEmpty { json["hosts"] = JSONValue(entry.hosts) }
          if let secret = entry.secretName { json["secretName"] = .string(secret) }
          return .object(json)
        })
    }
    let labels = (spec.labels ?? [:]).merging([ingressLabel.name: ingressLabel.value]) { $1 }
    var annotations = spec.annotations ?? [:]
    annotations[ingressAnnotation] = mark(labels, annotations, .object(ingress))
    return [
      "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
      "metadata": [
        "name": .string(name), "namespace": .string(namespace), "labels": JSONValue(labels),
        "annotations": JSONValue(annotations),
        "ownerReferences": [
          OwnerReference(
            apiVersion: FlinkDeployment.apiVersion, kind: FlinkDeployment.kind, name: name, uid: uid,
            isController: true, blocksOwnerDeletion: true
          ).json
        ],
      ],
      "spec": .object(ingress),
    ]
  }

  /// Whether an Ingress that exists was made from what `wanted` is made from. What others have added or defaulted since
  /// does not count.
  public static func isIngress(_ existing: KubernetesObject, madeAs wanted: JSONValue) -> Bool {
    let mark = wanted["metadata", "annotations"]?[ingressAnnotation]?.stringValue
    if let stored = existing.metadata.annotations[ingressAnnotation] { return stored == mark }
    // Made by the Apache operator.
    let annotations = wanted["metadata", "annotations"]?.objectValue?.strings ?? [:]
    let labels = wanted["metadata", "labels"]?.objectValue?.strings ?? [:]
    return existing.json["spec"] == wanted["spec"]
      && labels.allSatisfy { existing.metadata.labels[$0.key] == $0.value }
      && annotations.allSatisfy { $0.key == ingressAnnotation || existing.metadata.annotations[$0.key] == $0.value }
  }

  /// The merge patch that makes an existing Ingress what it is to be. Labels and annotations of others stay.
  public static func ingressPatch(_ existing: KubernetesObject, to wanted: JSONValue) -> JSONValue {
    let stored = existing.metadata.annotations[ingressAnnotation].flatMap { try? JSONValue(parsing: $0) }
    func change(_ member: String) -> JSONValue {
      var change = wanted["metadata", member]?.objectValue ?? [:]
      for name in stored?[member]?.arrayValue?.compactMap(\.stringValue) ?? [] where !change.contains(name) {
        change[name] = .null
      }
      return .object(change)
    }
    var spec = wanted["spec"]?.objectValue ?? [:]
    for (name, _) in existing.json["spec"]?.objectValue ?? [:] where !spec.contains(name) { spec[name] = .null }
    return [
      "metadata": [
        "uid": .string(existing.metadata.uid), "resourceVersion": .string(existing.metadata.resourceVersion),
        "labels": change("labels"), "annotations": change("annotations"),
      ], "spec": .object(spec),
    ]
  }

  private static func mark(
    _ labels: [String: String], _ annotations: [String: String], _ spec: JSONValue
  ) -> String {
    let content: JSONValue = [
      "labels": JSONValue(labels.sortedByName), "annotations": JSONValue(annotations.sortedByName), "spec": spec,
    ]
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in content.text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    let mark: JSONValue = [
      "digest": .string(String(hash, radix: 16)), "labels": JSONValue(labels.keys.sorted()),
      "annotations": JSONValue(annotations.keys.sorted()),
    ]
    return mark.text
  }
}

extension [String: String] {
  /// Pairs in the order of the names, flat: equal dictionaries give equal lists.
  fileprivate var sortedByName: [String] { sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] } }
}

/// Host and path of an Ingress by its template, a URL with or without its scheme.
struct IngressPlace: Hashable {
  let host: String
  let path: String

  init(template: String, name: String, namespace: String) {
    var text = Self.replacing("{{name}}", in: template, with: name)
    text = Self.replacing("{{namespace}}", in: text, with: namespace)
    for scheme in ["http://", "https://"] where text.lowercased().hasPrefix(scheme) {
      text = String(text.dropFirst(scheme.count))
    }
    let authority = text.prefix { !"/?#".contains($0) }
    host = String(authority.prefix { $0 != ":" })
    path = String(text.dropFirst(authority.count).prefix { $0 != "?" && $0 != "#" })
  }

  /// Whatever the case of the variable's name.
  private static func replacing(_ variable: String, in text: String, with value: String) -> String {
    var result = ""
    var rest = text[...]
    while !rest.isEmpty {
      if rest.prefix(variable.count).lowercased() == variable {
        result += value
        rest = rest.dropFirst(variable.count)
      } else {
        result.append(rest.removeFirst())
      }
    }
    return result
  }
}
