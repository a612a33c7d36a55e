import KubernetesAPI

/// Writes an object in Kubernetes' protobuf encoding.
enum ProtobufWriter {
  /// Nil for kinds and fields that are not known here, managedFields aside: then the answer stays JSON, whole.
  static func object(_ json: JSONValue) -> [UInt8]? {
    guard let kind = json["kind"]?.stringValue, let apiVersion = json["apiVersion"]?.stringValue,
      ProtobufSchema.kinds[apiVersion]?.contains(kind) == true, let raw = message(kind, json)
    else { return nil }
    let typeMeta = bytesField(1, Array(apiVersion.utf8)) + bytesField(2, Array(kind.utf8))
    return [0x6B, 0x38, 0x73, 0x00] + bytesField(1, typeMeta) + bytesField(2, raw) + bytesField(3, [])
      + bytesField(4, [])
  }

  private static func message(_ name: String, _ json: JSONValue) -> [UInt8]? {
    guard let fields = ProtobufSchema.kubernetes[name], let members = json.objectValue else { return nil }
    var bytes: [UInt8] = []
    var known: Set<String> = ["kind", "apiVersion", "managedFields"]
    for field in fields {
      if case .inline(let inner) = field.type {
        let names = (ProtobufSchema.kubernetes[inner] ?? []).map(\.name)
        known.formUnion(names)
        let part = JSONValue.object(JSONObject(members.filter { names.contains($0.key) }.map { ($0.key, $0.value) }))
        guard let encoded = message(inner, part) else { return nil }
        bytes += bytesField(field.number, encoded)
        continue
      }
      known.insert(field.name)
      guard let value = json[field.name], !value.isNull else { continue }
      switch field.type {
      case .list(let element):
        for item in value.arrayValue ?? [] {
          guard let encoded = self.field(field.number, element, item) else { return nil }
          bytes += encoded
        }
      case .map(let element):
        for (key, item) in (value.objectValue ?? [:]).sorted(by: { $0.key < $1.key }) {
          guard let encoded = self.field(2, element, item) else { return nil }
          bytes += bytesField(field.number, bytesField(1, Array(key.utf8)) + encoded)
        }
      default:
        guard let encoded = self.field(field.number, field.type, value) else { return nil }
        bytes += encoded
      }
    }
    return members.keys.allSatisfy(known.contains) ? bytes : nil
  }

  /// Nil for a value that is not of the type.
  private static func field(_ number: Int, _ type: ProtobufSchema.FieldType, _ value: JSONValue) -> [UInt8]? {
    switch type {
    case .string: return value.stringValue.map { bytesField(number, Array($0.utf8)) }
    case .bytes: return value.stringValue.flatMap { Base64.decode($0) }.map { bytesField(number, $0) }
    case .integer: return value.intValue.map { numberField(number, UInt64(bitPattern: $0)) }
    case .boolean: return value.boolValue.map { numberField(number, $0 ? 1 : 0) }
    case .time, .microTime:
      return value.stringValue.flatMap { Timestamp(rfc3339: $0) }.map { time in
        let milliseconds = time.epochMilliseconds
        let seconds = milliseconds >= 0 ? milliseconds / 1000 : (milliseconds - 999) / 1000
        return bytesField(
          number,
          numberField(1, UInt64(bitPattern: seconds))
            + numberField(2, UInt64(bitPattern: (milliseconds - seconds * 1000) * 1_000_000)))
      }
    case .integerOrString:
      if let integer = value.intValue {
        return bytesField(number, numberField(1, 0) + numberField(2, UInt64(bitPattern: integer)) + bytesField(3, []))
      }
      return value.stringValue.map { text in
        bytesField(number, numberField(1, 1) + numberField(2, 0) + bytesField(3, Array(text.utf8)))
      }
    case .quantity: return value.stringValue.map { bytesField(number, bytesField(1, Array($0.utf8))) }
    case .message(let name): return message(name, value).map { bytesField(number, $0) }
    case .list, .map, .inline: return nil
    }
  }

  private static func bytesField(_ number: Int, _ bytes: [UInt8]) -> [UInt8] {
    varint(UInt64(number) << 3 | 2) + varint(UInt64(bytes.count)) + bytes
  }

  private static func numberField(_ number: Int, _ value: UInt64) -> [UInt8] {
    varint(UInt64(number) << 3) + varint(value)
  }

  private static func varint(_ value: UInt64) -> [UInt8] {
    var rest = value
    var bytes: [UInt8] = []
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
    return bytes
  }
}
