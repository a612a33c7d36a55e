public import KubernetesAPI

extension Validator {
  /// Judges a FlinkStateSnapshot as far as it can be told from itself.
  ///
  /// - Throws: `InvalidField` naming the field, its value and what to write instead.
  public func validate(_ spec: FlinkStateSnapshotSpec) throws(InvalidField) {
    if (spec.savepoint != nil) == spec.isCheckpoint {
      throw InvalidField(
        field: "spec.savepoint", value: spec.savepoint == nil ? nil : "set",
        fix: "write either savepoint or checkpoint, for instance 'savepoint: {}'")
    }
    if let savepoint = spec.savepoint, savepoint.alreadyExists {
      if MemoryText.trim(savepoint.path ?? "").isEmpty {
        throw InvalidField(
          field: "spec.savepoint.path", value: savepoint.path, fix: "name the savepoint that alreadyExists speaks of")
      }
      return
    }
    guard let reference = spec.jobReference else {
      throw InvalidField(
        field: "spec.jobReference", value: nil, fix: "name the job: kind FlinkDeployment or FlinkSessionJob, and name")
    }
    if reference.kind == nil {
      throw InvalidField(
        field: "spec.jobReference.kind", value: nil, fix: "must be FlinkDeployment or FlinkSessionJob")
    }
    if MemoryText.trim(reference.name ?? "").isEmpty {
      throw InvalidField(field: "spec.jobReference.name", value: reference.name, fix: "name the resource of the job")
    }
  }

  /// Judges a FlinkBlueGreenDeployment by the FlinkDeployments it would make.
  ///
  /// - Throws: `InvalidField` naming the field, its value and what to write instead.
  public func validate(_ spec: FlinkBlueGreenDeploymentSpec, metadata: ObjectMetadata) throws(InvalidField) {
    guard let template = spec.template else {
      throw InvalidField(field: "spec.template.spec", value: nil, fix: "write the spec of a FlinkDeployment")
    }
    // The longer of the two children's names.
    var child = ObjectMetadata(name: "\(metadata.name)-green", namespace: metadata.namespace)
    do {
      try Self.checkName(child.name)
    } catch {
      throw InvalidField(
        field: "metadata.name", value: metadata.name,
        fix: "must be at most 39 lower case letters, digits and '-', and begin with a letter: its FlinkDeployments are "
          + "called \(metadata.name)-blue and -green")
    }
    child.generation = 1
    do throws(InvalidField) {
      _ = try validate(FlinkDeployment(metadata: child, spec: .success(template)))
    } catch {
      guard error.field.hasPrefix("spec.") else { throw error }
      throw error.under("spec.template")
    }
    for (key, value) in spec.configuration.sorted(by: { $0.key < $1.key })
    where key.hasPrefix("kubernetes.operator.bluegreen.") && DurationText.parse(value) == nil {
      throw InvalidField(field: "spec.configuration[\(key)]", value: value, fix: "must be a duration such as 10 min")
    }
  }
}
