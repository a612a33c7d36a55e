import KubernetesAPI

/// The part of `/openapi/v2` that `kubectl` reads before an apply, in the only form it accepts: a protobuf of the
/// gnostic `Document`. It says for each kind that PATCH takes the parameters by which the server validates fields
/// itself, so that no schema is needed.
enum OpenAPIv2 {
  static let contentType = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
  static let writeParameters = ["dryRun", "fieldManager", "fieldValidation"]

  static func document(_ types: [ResourceType]) -> [UInt8] {
    var paths = ProtobufMessage()
    for type in types {
      let root = type.group.isEmpty ? "/api/\(type.version)" : "/apis/\(type.group)/\(type.version)"
      let base = type.isNamespaced ? "\(root)/namespaces/{namespace}/\(type.plural)" : "\(root)/\(type.plural)"
      var item = ProtobufMessage()
      item.add(8, patchOperation(type))
      var named = ProtobufMessage()
      named.add(1, "\(base)/{name}")
      named.add(2, item)
      paths.add(2, named)
    }
    var information = ProtobufMessage()
    information.add(1, "Kubernetes")
    information.add(2, "v1.36.2")
    var document = ProtobufMessage()
    document.add(1, "2.0")
    document.add(2, information)
    document.add(8, paths)
    return document.bytes
  }

  private static func patchOperation(_ type: ResourceType) -> ProtobufMessage {
    var operation = ProtobufMessage()
    for name in writeParameters {
      var query = ProtobufMessage()
      query.add(2, "query")
      query.add(4, name)
      query.add(6, "string")
      var plain = ProtobufMessage()
      plain.add(3, query)
      var parameter = ProtobufMessage()
      parameter.add(2, plain)
      var item = ProtobufMessage()
      item.add(1, parameter)
      operation.add(8, item)
    }
    var value = ProtobufMessage()
    value.add(2, "group: \"\(type.group)\"\nkind: \(type.kind)\nversion: \(type.version)\n")
    var gvkExtension = ProtobufMessage()
    gvkExtension.add(1, "x-kubernetes-group-version-kind")
    gvkExtension.add(2, value)
    operation.add(13, gvkExtension)
    return operation
  }
}

/// Writes length-delimited fields of a protobuf message.
struct ProtobufMessage {
  private(set) var bytes: [UInt8] = []

  mutating func add(_ field: Int, _ text: String) { add(field, Array(text.utf8)) }
  mutating func add(_ field: Int, _ message: ProtobufMessage) { add(field, message.bytes) }

  private mutating func add(_ field: Int, _ content: [UInt8]) {
    addVariableLength(field << 3 | 2)
    addVariableLength(content.count)
    bytes += content
  }

  private mutating func addVariableLength(_ value: Int) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7f) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}
