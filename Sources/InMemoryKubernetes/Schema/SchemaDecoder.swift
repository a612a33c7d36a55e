import KubernetesAPI

/// Why a body does not fit a built-in type, in the words of Go's JSON decoder.
struct DecodeFailure: Error {
  var message: String
}

/// Brings a body into the form a built-in type has when it is written: fields in their order, unknown ones dropped,
/// empty ones omitted or filled, numbers and quantities in canonical text.
struct SchemaDecoder {
  let catalogue: SchemaCatalogue
  /// Paths of fields that the type does not have, in the order met.
  private(set) var unknownFields: [String] = []

  init(catalogue: SchemaCatalogue) { self.catalogue = catalogue }

  /// - Throws: `DecodeFailure` naming the struct and field of the first wrong type.
  mutating func decode(_ json: JSONValue, as structure: String) throws(DecodeFailure) -> JSONValue {
    guard let schema = catalogue[structure] else { return json }
    return try decode(json, schema: schema, path: "", goPath: "")
  }

  private mutating func decode(
    _ json: JSONValue, schema: StructureSchema, path: String, goPath: String
  ) throws(DecodeFailure) -> JSONValue {
    let source = json.objectValue ?? JSONObject()
    var values = [JSONValue?](repeating: nil, count: schema.fields.count)
    for (name, value) in source.members {
      let fieldPath = path.isEmpty ? name : "\(path).\(name)"
      guard let index = schema.fieldIndex(name) else {
        unknownFields.append(fieldPath)
        continue
      }
      let field = schema.fields[index]
      let fieldGoPath = goPath.isEmpty ? name : "\(goPath).\(name)"
      if value.isNull { continue }
      let decoded = try decode(
        value, type: field.type, path: fieldPath, goPath: fieldGoPath, owner: schema.name)
      if field.presence == .omitted && isEmpty(decoded, field.type) { continue }
      values[index] = decoded
    }
    var members: [(String, JSONValue)] = []
    members.reserveCapacity(values.count)
    for (field, value) in zip(schema.fields, values) {
      if let value {
        members.append((field.name, value))
      } else if field.presence == .always {
        members.append((field.name, emptyValue(field.type)))
      } else if field.presence == .null {
        members.append((field.name, .null))
      }
    }
    return .object(JSONObject(members))
  }

  private mutating func decode(
    _ value: JSONValue, type: FieldType, path: String, goPath: String, owner: String
  ) throws(DecodeFailure) -> JSONValue {
    func mismatch(_ goType: String) -> DecodeFailure {
      DecodeFailure(
        message:
          "json: cannot unmarshal \(Self.goKind(value)) into Go struct field \(owner).\(goPath) of type \(goType)")
    }
    switch type {
    case .any: return value
    case .string:
      guard value.stringValue != nil else { throw mismatch("string") }
      return value
    case .bool:
      guard value.boolValue != nil else { throw mismatch("bool") }
      return value
    case .int32, .int64:
      let isShort = if case .int32 = type { true } else { false }
      let goType = isShort ? "int32" : "int64"
      guard case .number(let number) = value else { throw mismatch(goType) }
      guard case .integer(let integer) = number, !isShort || Int32(exactly: integer) != nil else {
        throw DecodeFailure(
          message:
            "json: cannot unmarshal number \(value.text) into Go struct field \(owner).\(goPath) of type \(goType)")
      }
      return value
    case .bytes:
      guard let text = value.stringValue else { throw mismatch("[]uint8") }
      if let position = Base64.firstInvalidByte(text) {
        throw DecodeFailure(message: "illegal base64 data at input byte \(position)")
      }
      return value
    case .time:
      guard let text = value.stringValue else { throw mismatch("v1.Time") }
      guard let time = GoTime(text) else { throw DecodeFailure(message: GoTime.failure(text, hasMicroseconds: false)) }
      return .string(time.seconds)
    case .microTime:
      guard let text = value.stringValue else { throw mismatch("v1.MicroTime") }
      guard let time = GoTime(text) else { throw DecodeFailure(message: GoTime.failure(text, hasMicroseconds: true)) }
      return .string(time.micros)
    case .quantity:
      let text: String
      switch value {
      case .string(let string): text = string
      case .number(.integer(let integer)): text = String(integer)
      case .number(.text(let number)): text = number
      default: throw mismatch("resource.Quantity")
      }
      guard let canonical = canonicalQuantity(text) else {
        throw DecodeFailure(
          message: "quantities must match the regular expression "
            + "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
      }
      return .string(canonical)
    case .intOrString:
      switch value {
      case .string: return value
      case .number(.integer): return value
      default: throw mismatch("intstr.IntOrString")
      }
    case .map(let element):
      guard let object = value.objectValue else { throw mismatch(goMapType(element)) }
      var members: [(String, JSONValue)] = []
      for (key, item) in object.members {
        if item.isNull {
          members.append((key, zero(element)))
        } else {
          members.append(
            (key, try decode(item, type: element, path: "\(path).\(key)", goPath: goPath, owner: owner)))
        }
      }
      return .object(JSONObject(members.sorted { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) }))
    case .list(let element, _):
      guard let items = value.arrayValue else { throw mismatch("[]\(goTypeName(element))") }
      var result: [JSONValue] = []
      result.reserveCapacity(items.count)
      for (index, item) in items.enumerated() {
        if item.isNull {
          result.append(zero(element))
        } else {
          result.append(
            try decode(item, type: element, path: "\(path)[\(index)]", goPath: goPath, owner: owner))
        }
      }
      return .array(result)
    case .structure(let name):
      guard let schema = catalogue[name] else { return value }
      guard value.objectValue != nil else { throw mismatch(schema.goName) }
      return try decode(value, schema: schema, path: path, goPath: goPath)
    }
  }

  private func isEmpty(_ value: JSONValue, _ type: FieldType) -> Bool {
    switch value {
    case .null: true
    case .bool(let value): !value
    case .number(let number): number.double == 0
    case .string(let text): text.isEmpty
    case .array(let items): items.isEmpty
    case .object(let object): object.isEmpty
    }
  }

  /// The value of an element that was null.
  private func zero(_ type: FieldType) -> JSONValue {
    switch type {
    case .structure(let name):
      var decoder = SchemaDecoder(catalogue: catalogue)
      return (try? decoder.decode([:], as: name)) ?? [:]
    default: return emptyValue(type)
    }
  }

  func emptyValue(_ type: FieldType) -> JSONValue {
    switch type {
    case .string: ""
    case .bool: false
    case .int32, .int64, .intOrString: 0
    case .quantity: "0"
    case .bytes, .time, .microTime, .any, .map, .list: .null
    case .structure: zero(type)
    }
  }

  private func goTypeName(_ type: FieldType) -> String {
    switch type {
    case .string: "string"
    case .bool: "bool"
    case .int32: "int32"
    case .int64: "int64"
    case .bytes: "[]uint8"
    case .time: "v1.Time"
    case .microTime: "v1.MicroTime"
    case .quantity: "resource.Quantity"
    case .intOrString: "intstr.IntOrString"
    case .any: "runtime.RawExtension"
    case .map(let element): goMapType(element)
    case .list(let element, _): "[]\(goTypeName(element))"
    case .structure(let name): catalogue[name]?.goName ?? name
    }
  }

  private func goMapType(_ element: FieldType) -> String { "map[string]\(goTypeName(element))" }

  static func goKind(_ value: JSONValue) -> String {
    switch value {
    case .null: "null"
    case .bool: "bool"
    case .number: "number"
    case .string: "string"
    case .array: "array"
    case .object: "object"
    }
  }
}
