import KubernetesAPI

/// Bodies in Kubernetes' protobuf, which `kubectl create` sends for built-in kinds. Only the kinds that it creates from
/// flags are understood; answers are JSON, which every client accepts too.
struct ProtobufBody {
  /// The type of a field.
  private enum Kind: Sendable {
    case text
    case bytes
    case boolean
    case integer
    case time
    case message(String)
    case map(isBytes: Bool)
    indirect case list(Kind)
  }

  private static let messages: [String: [Int: (name: String, kind: Kind)]] = [
    "ObjectMeta": [
      1: ("name", .text), 2: ("generateName", .text), 3: ("namespace", .text), 5: ("uid", .text),
      6: ("resourceVersion", .text), 7: ("generation", .integer), 8: ("creationTimestamp", .time),
      11: ("labels", .map(isBytes: false)), 12: ("annotations", .map(isBytes: false)), 14: ("finalizers", .list(.text)),
    ],
    "ConfigMap": [
      1: ("metadata", .message("ObjectMeta")), 2: ("data", .map(isBytes: false)),
      3: ("binaryData", .map(isBytes: true)),
      4: ("immutable", .boolean),
    ],
    "Secret": [
      1: ("metadata", .message("ObjectMeta")), 2: ("data", .map(isBytes: true)), 3: ("type", .text),
      4: ("stringData", .map(isBytes: false)), 5: ("immutable", .boolean),
    ],
    "Namespace": [
      1: ("metadata", .message("ObjectMeta")), 2: ("spec", .message("NamespaceSpec")), 3: ("status", .message("")),
    ],
    "NamespaceSpec": [1: ("finalizers", .list(.text))],
    "ServiceAccount": [
      1: ("metadata", .message("ObjectMeta")), 2: ("secrets", .list(.message("ObjectReference"))),
      3: ("imagePullSecrets", .list(.message("LocalObjectReference"))), 4: ("automountServiceAccountToken", .boolean),
    ],
    "ObjectReference": [
      1: ("kind", .text), 2: ("namespace", .text), 3: ("name", .text), 4: ("uid", .text), 5: ("apiVersion", .text),
    ],
    "LocalObjectReference": [1: ("name", .text)],
    "Role": [1: ("metadata", .message("ObjectMeta")), 2: ("rules", .list(.message("PolicyRule")))],
    "ClusterRole": [1: ("metadata", .message("ObjectMeta")), 2: ("rules", .list(.message("PolicyRule")))],
    "PolicyRule": [
      1: ("verbs", .list(.text)), 2: ("apiGroups", .list(.text)), 3: ("resources", .list(.text)),
      4: ("resourceNames", .list(.text)), 5: ("nonResourceURLs", .list(.text)),
    ],
    "RoleBinding": binding, "ClusterRoleBinding": binding,
    "Subject": [1: ("kind", .text), 2: ("apiGroup", .text), 3: ("name", .text), 4: ("namespace", .text)],
    "SelfSubjectReview": [1: ("metadata", .message("ObjectMeta"))],
    "SelfSubjectAccessReview": [
      1: ("metadata", .message("ObjectMeta")), 2: ("spec", .message("SelfSubjectAccessReviewSpec")),
    ],
    "SelfSubjectAccessReviewSpec": [
      1: ("resourceAttributes", .message("ResourceAttributes")),
      2: ("nonResourceAttributes", .message("NonResourceAttributes")),
    ],
    "ResourceAttributes": [
      1: ("namespace", .text), 2: ("verb", .text), 3: ("group", .text), 4: ("version", .text), 5: ("resource", .text),
      6: ("subresource", .text), 7: ("name", .text),
    ],
    "NonResourceAttributes": [1: ("path", .text), 2: ("verb", .text)],
    "RoleRef": [1: ("apiGroup", .text), 2: ("kind", .text), 3: ("name", .text)],
  ]
  private static let binding: [Int: (name: String, kind: Kind)] = [
    1: ("metadata", .message("ObjectMeta")), 2: ("subjects", .list(.message("Subject"))),
    3: ("roleRef", .message("RoleRef")),
  ]

  private static let magic: [UInt8] = [0x6b, 0x38, 0x73, 0x00]

  /// nil for a body that is no such message or of a kind that is not understood.
  static func json(_ bytes: [UInt8]) -> JSONValue? {
    guard bytes.starts(with: magic), let envelope = fields(bytes.dropFirst(magic.count)) else { return nil }
    var type: [Int: ArraySlice<UInt8>] = [:]
    var raw: ArraySlice<UInt8> = []
    for (number, value) in envelope {
      guard case .bytes(let content) = value else { continue }
      if number == 1 {
        for (number, value) in fields(content) ?? [] { if case .bytes(let text) = value { type[number] = text } }
      }
      if number == 2 { raw = content }
    }
    let kind = String(decoding: type[2] ?? [], as: UTF8.self)
    guard messages[kind] != nil, var object = message(raw, kind) else { return nil }
    object["kind"] = .string(kind)
    object["apiVersion"] = .string(String(decoding: type[1] ?? [], as: UTF8.self))
    return object
  }

  private enum Wire: Sendable {
    case number(UInt64)
    case bytes(ArraySlice<UInt8>)
  }

  /// The fields of a message in their order; nil when it is cut off or malformed.
  private static func fields(_ bytes: ArraySlice<UInt8>) -> [(Int, Wire)]? {
    var rest = bytes
    var result: [(Int, Wire)] = []
    func variableLength() -> UInt64? {
      var value: UInt64 = 0
      var shift: UInt64 = 0
      while let byte = rest.popFirst() {
        guard shift < 64 else { return nil }
        value |= UInt64(byte & 0x7f) << shift
        if byte & 0x80 == 0 { return value }
        shift += 7
      }
      return nil
    }
    while !rest.isEmpty {
      guard let tag = variableLength(), let number = Int(exactly: tag >> 3) else { return nil }
      switch tag & 7 {
      case 0:
        guard let value = variableLength() else { return nil }
        result.append((number, .number(value)))
      case 2:
        guard let length = variableLength().flatMap({ Int(exactly: $0) }), length <= rest.count else { return nil }
        result.append((number, .bytes(rest.prefix(length))))
        rest = rest.dropFirst(length)
      default: return nil
      }
    }
    return result
  }

  private static func message(_ bytes: ArraySlice<UInt8>, _ name: String) -> JSONValue? {
    guard let known = messages[name] else { return [:] }
    guard let fields = fields(bytes) else { return nil }
    var object: JSONValue = [:]
    for (number, wire) in fields {
      guard let field = known[number], let decoded = value(wire, field.kind) else { continue }
      switch field.kind {
      case .list: object[field.name] = .array((object[field.name]?.arrayValue ?? []) + [decoded])
      case .map:
        for (key, item) in decoded.objectValue?.members ?? [] { object.set(item, at: [field.name, key]) }
      default: object[field.name] = decoded
      }
    }
    return object
  }

  private static func value(_ wire: Wire, _ kind: Kind) -> JSONValue? {
    switch (wire, kind) {
    case (.bytes(let bytes), .text): return .string(String(decoding: bytes, as: UTF8.self))
    case (.bytes(let bytes), .bytes): return .string(Base64.encode(bytes))
    case (.number(let number), .boolean): return .bool(number != 0)
    case (.number(let number), .integer): return JSONValue(Int64(bitPattern: number))
    case (_, .list(let element)): return value(wire, element)
    case (.bytes(let bytes), .message(let name)): return message(bytes, name)
    case (.bytes(let bytes), .time):
      guard case .number(let seconds)? = fields(bytes)?.first(where: { $0.0 == 1 })?.1 else { return nil }
      let (micros, overflow) = Int64(bitPattern: seconds).multipliedReportingOverflow(by: 1_000_000)
      return overflow ? nil : .string(GoTime(epochMicroseconds: micros).seconds)
    case (.bytes(let bytes), .map(let isBytes)):
      var key = ""
      var item: JSONValue = ""
      for (number, wire) in fields(bytes) ?? [] {
        guard case .bytes(let content) = wire else { continue }
        if number == 1 { key = String(decoding: content, as: UTF8.self) }
        if number == 2 {
          item = .string(isBytes ? Base64.encode(content) : String(decoding: content, as: UTF8.self))
        }
      }
      return .object(JSONObject([(key, item)]))
    default: return nil
    }
  }
}
