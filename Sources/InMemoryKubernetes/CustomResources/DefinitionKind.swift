import KubernetesAPI

/// CustomResourceDefinitions themselves.
struct DefinitionStrategy: KindStrategy {
  var hasGeneration: Bool { true }
  var allowsUnconditionalUpdate: Bool { false }
  var isolatesStatus: Bool { true }

  func applyDefaults(_ object: inout JSONValue) {
    var spec = object["spec"] ?? [:]
    let kind = spec["names", "kind"]?.stringValue ?? ""
    if (spec["names", "singular"]?.stringValue ?? "").isEmpty {
      spec.set(.string(kind.lowercased()), at: ["names", "singular"])
    }
    if (spec["names", "listKind"]?.stringValue ?? "").isEmpty, !kind.isEmpty {
      spec.set(.string(kind + "List"), at: ["names", "listKind"])
    }
    if spec["conversion"] == nil { spec["conversion"] = ["strategy": "None"] }
    object["spec"] = spec
  }

  func prepareForCreate(_ object: inout JSONValue) {
    let storage = (object["spec", "versions"]?.arrayValue ?? []).first { $0["storage"]?.boolValue == true }
    object["status"] = [
      "conditions": .null, "acceptedNames": ["plural": "", "kind": ""],
      "storedVersions": .array([storage?["name"]].compactMap { $0 }),
    ]
  }

  /// Rules in CEL are stored and shown, but nothing is checked by them.
  func warnings(_ object: JSONValue) -> [String] {
    (object["spec", "versions"]?.arrayValue ?? []).enumerated().compactMap { index, version in
      let path = "spec.versions[\(index)].schema.openAPIV3Schema"
      guard let schema = version["schema", "openAPIV3Schema"], let rule = Self.firstRule(schema, path) else {
        return nil
      }
      return "\(rule): this server does not evaluate CEL; objects are not checked by these rules"
    }
      + (object["spec", "conversion", "strategy"] == "Webhook"
        ? ["spec.conversion: this server calls no conversion webhook; versions differ in their apiVersion only"] : [])
  }

  private static func firstRule(_ schema: JSONValue, _ path: String) -> String? {
    if schema["x-kubernetes-validations"]?.arrayValue?.isEmpty == false { return "\(path).x-kubernetes-validations" }
    for (name, property) in schema["properties"]?.objectValue?.members ?? [] {
      if let found = firstRule(property, "\(path).properties[\(name)]") { return found }
    }
    for field in ["items", "additionalProperties"] {
      if let inner = schema[field], inner.objectValue != nil, let found = firstRule(inner, "\(path).\(field)") {
        return found
      }
    }
    return nil
  }

  func validate(_ object: JSONValue) -> [FieldError] {
    var errors: [FieldError] = []
    let spec = object["spec"] ?? [:]
    let group = spec["group"]?.stringValue ?? ""
    let plural = spec["names", "plural"]?.stringValue ?? ""
    let name = object["metadata", "name"]?.stringValue ?? ""
    if name != "\(plural).\(group)" {
      errors.append(.invalid("metadata.name", .string(name), "must be spec.names.plural+\".\"+spec.group"))
    }
    if group.isEmpty {
      errors.append(.required("spec.group"))
    } else if !Names.isSubdomain(group) {
      errors.append(.invalid("spec.group", .string(group), Names.subdomainProblem))
    } else if !group.contains(".") {
      errors.append(.invalid("spec.group", .string(group), "should be a domain with at least one dot"))
    }
    let scope = spec["scope"]?.stringValue ?? ""
    if scope.isEmpty {
      errors.append(.required("spec.scope"))
    } else if scope != "Cluster" && scope != "Namespaced" {
      errors.append(.notSupported("spec.scope", .string(scope), ["Cluster", "Namespaced"]))
    }
    for field in ["plural", "singular", "kind", "listKind"] {
      let text = spec["names", field]?.stringValue ?? ""
      if text.isEmpty {
        errors.append(.required("spec.names.\(field)"))
      } else {
        for problem in Names.dnsLabel1035Problems(text.lowercased()) {
          errors.append(.invalid("spec.names.\(field)", .string(text), problem))
        }
      }
    }
    let versions = spec["versions"]?.arrayValue ?? []
    let storageCount = versions.count { $0["storage"]?.boolValue == true }
    if storageCount != 1 {
      errors.append(
        .invalid("spec.versions", .array(versions), "must have exactly one version marked as storage version"))
    }
    for (index, version) in versions.enumerated() {
      let field = "spec.versions[\(index)]"
      guard let schema = version["schema", "openAPIV3Schema"], !schema.isNull else {
        errors.append(.required("\(field).schema.openAPIV3Schema", "schemas are required"))
        continue
      }
      errors += SchemaRules.validate(schema, path: "\(field).schema.openAPIV3Schema", isRoot: true)
    }
    return errors
  }

  func validateUpdate(_ object: JSONValue, old: JSONValue) -> [FieldError] {
    var errors = validate(object)
    for path in [["spec", "group"], ["spec", "names", "plural"], ["spec", "scope"], ["spec", "names", "kind"]]
    where object.value(at: path) != old.value(at: path) {
      errors.append(.invalid(path.joined(separator: "."), object.value(at: path), "field is immutable"))
    }
    return errors
  }
}

/// What makes a schema structural.
enum SchemaRules {
  private static let knownTypes = ["array", "boolean", "integer", "number", "object", "string"]

  static func validate(_ schema: JSONValue, path: String, isRoot: Bool) -> [FieldError] {
    var errors: [FieldError] = []
    let type = schema["type"]?.stringValue ?? ""
    let isFree =
      schema["x-kubernetes-int-or-string"]?.boolValue == true
      || schema["x-kubernetes-preserve-unknown-fields"]?.boolValue == true
    if type.isEmpty {
      if isRoot || !isFree {
        errors.append(
          .required(
            "\(path).type",
            isRoot
              ? "must not be empty at the root"
              : "must not be empty for "
                + "specified \(path.hasSuffix("items") ? "array items" : "object fields")"))
      }
    } else if !knownTypes.contains(type) {
      errors.append(.notSupported("\(path).type", .string(type), knownTypes))
    } else if isRoot && type != "object" {
      errors.append(.invalid("\(path).type", .string(type), "must be object at the root"))
    }
    if let pattern = schema["pattern"]?.stringValue, (try? Regex(pattern)) == nil {
      errors.append(.invalid("\(path).pattern", .string(pattern), "must be a valid regular expression"))
    }
    if schema["properties"] != nil, case .object = schema["additionalProperties"] {
      errors.append(
        .forbidden("\(path).additionalProperties", "additionalProperties and properties are mutual exclusive"))
    }
    if type == "array", schema["items"] == nil {
      errors.append(.required("\(path).items", "must be specified"))
    }
    if schema["uniqueItems"]?.boolValue == true {
      errors.append(
        .forbidden(
          "\(path).uniqueItems", "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"))
    }
    if let value = schema["default"], !value.isNull {
      errors += SchemaValidator.validate(value, StructuralSchema(schema), path: "\(path).default")
    }
    for (name, property) in schema["properties"]?.objectValue?.members ?? [] {
      errors += validate(property, path: "\(path).properties[\(name)]", isRoot: false)
    }
    if let items = schema["items"] { errors += validate(items, path: "\(path).items", isRoot: false) }
    if let additional = schema["additionalProperties"], additional.objectValue != nil {
      errors += validate(additional, path: "\(path).additionalProperties", isRoot: false)
    }
    return errors
  }
}
