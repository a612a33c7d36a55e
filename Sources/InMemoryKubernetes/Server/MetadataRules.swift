import KubernetesAPI

/// What holds for the metadata of every object.
enum MetadataRules {
  private static let standardFinalizers: Set<String> = ["kubernetes", "orphan", "foregroundDeletion"]

  static func validate(
    _ object: JSONValue, _ type: ResourceType, isCustom: Bool, nameProblems: (String) -> [String]
  ) -> [FieldError] {
    let isNamespaced = type.isNamespaced
    let metadata = object["metadata"]
    var errors: [FieldError] = []
    let generateName = metadata?["generateName"]?.stringValue ?? ""
    let name = metadata?["name"]?.stringValue ?? ""
    if !generateName.isEmpty {
      // The prefix may end in a dash that the suffix follows.
      let masked = generateName.hasSuffix("-") ? String(generateName.dropLast()) + "a" : generateName
      for problem in nameProblems(masked) {
        errors.append(.invalid("metadata.generateName", .string(generateName), problem))
      }
    }
    if name.isEmpty {
      errors.append(.required("metadata.name", "name or generateName is required"))
    } else {
      for problem in nameProblems(name) { errors.append(.invalid("metadata.name", .string(name), problem)) }
    }
    let namespace = metadata?["namespace"]?.stringValue ?? ""
    if isNamespaced {
      if namespace.isEmpty {
        errors.append(.required("metadata.namespace"))
      } else {
        for problem in Names.labelProblems(namespace) {
          errors.append(.invalid("metadata.namespace", .string(namespace), problem))
        }
      }
    } else if !namespace.isEmpty {
      errors.append(.forbidden("metadata.namespace", "not allowed on this type"))
    }
    errors += labels(metadata?["labels"], field: "metadata.labels")
    errors += annotations(metadata?["annotations"])
    errors += owners(metadata?["ownerReferences"])
    // Definitions and their objects may have finalizers without a path.
    errors += finalizers(
      metadata?["finalizers"], allowsBareNames: isCustom || type.group == "apiextensions.k8s.io")
    return errors
  }

  static func labels(_ labels: JSONValue?, field: String) -> [FieldError] {
    var errors: [FieldError] = []
    for (key, value) in labels?.objectValue?.members.sorted(by: { $0.key < $1.key }) ?? [] {
      if let problem = Names.qualifiedNameProblem(key) { errors.append(.invalid(field, .string(key), problem)) }
      if let text = value.stringValue, let problem = Names.labelValueProblem(text) {
        errors.append(.invalid(field, .string(text), problem))
      }
    }
    return errors
  }

  private static func annotations(_ annotations: JSONValue?) -> [FieldError] {
    var errors: [FieldError] = []
    var size = 0
    for (key, value) in annotations?.objectValue?.members.sorted(by: { $0.key < $1.key }) ?? [] {
      if let problem = Names.qualifiedNameProblem(key.lowercased()) {
        errors.append(.invalid("metadata.annotations", .string(key), problem))
      }
      size += key.utf8.count + (value.stringValue?.utf8.count ?? 0)
    }
    if size > 256 * 1024 { errors.append(.tooLong("metadata.annotations", 256 * 1024)) }
    return errors
  }

  private static func owners(_ owners: JSONValue?) -> [FieldError] {
    var errors: [FieldError] = []
    var controllers = 0
    for (index, owner) in (owners?.arrayValue ?? []).enumerated() {
      let path = "metadata.ownerReferences[\(index)]"
      if (owner["apiVersion"]?.stringValue ?? "").isEmpty {
        errors.append(.invalid("\(path).apiVersion", owner["apiVersion"] ?? "", "version must not be empty"))
      }
      if (owner["kind"]?.stringValue ?? "").isEmpty {
        errors.append(.invalid("\(path).kind", "", "must not be empty"))
      }
      if (owner["name"]?.stringValue ?? "").isEmpty {
        errors.append(.invalid("\(path).name", "", "must not be empty"))
      }
      if (owner["uid"]?.stringValue ?? "").isEmpty {
        errors.append(.invalid("\(path).uid", "", "must not be empty"))
      }
      if owner["controller"]?.boolValue == true { controllers += 1 }
    }
    if controllers > 1 {
      errors.append(
        .invalid(
          "metadata.ownerReferences", owners,
          "Only one reference can have Controller set to true. Found "
            + "\"true\" in references for \(controllers) owners"))
    }
    return errors
  }

  private static func finalizers(_ finalizers: JSONValue?, allowsBareNames: Bool) -> [FieldError] {
    var errors: [FieldError] = []
    for (index, finalizer) in (finalizers?.arrayValue ?? []).enumerated() {
      let name = finalizer.stringValue ?? ""
      let path = "metadata.finalizers[\(index)]"
      if let problem = Names.qualifiedNameProblem(name) {
        errors.append(.invalid(path, .string(name), problem))
      } else if !allowsBareNames && !name.contains("/") && !standardFinalizers.contains(name) {
        errors.append(
          .invalid(path, .string(name), "name is neither a standard finalizer name nor is it fully qualified"))
      }
    }
    let names = (finalizers?.arrayValue ?? []).compactMap(\.stringValue)
    if names.contains("orphan") && names.contains("foregroundDeletion") {
      errors.append(
        .invalid(
          "metadata.finalizers", finalizers,
          "finalizer orphan and foregroundDeletion cannot be both set"))
    }
    return errors
  }

  /// What an update may not change. System fields that were left out have been taken over from `old` before.
  static func validateUpdate(_ object: JSONValue, old: JSONValue) -> [FieldError] {
    var errors: [FieldError] = []
    let metadata = object["metadata"]
    let oldMetadata = old["metadata"]
    if oldMetadata?["deletionTimestamp"] != nil {
      let before = Set((oldMetadata?["finalizers"]?.arrayValue ?? []).compactMap(\.stringValue))
      let added = (metadata?["finalizers"]?.arrayValue ?? []).compactMap(\.stringValue)
        .filter { !before.contains($0) }.sorted()
      if !added.isEmpty {
        errors.append(
          .forbidden(
            "metadata.finalizers",
            "no new finalizers can be added if the object is being deleted, found new finalizers "
              + "[]string{\(added.map(goQuoted).joined(separator: ", "))}"))
      }
    }
    for field in ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"]
    where metadata?[field] != oldMetadata?[field] {
      errors.append(.invalid("metadata.\(field)", metadata?[field], "field is immutable"))
    }
    return errors
  }
}
