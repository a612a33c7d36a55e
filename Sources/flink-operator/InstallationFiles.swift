import Glibc

/// The manifests that come with the operator (`crds/`, `deploy/jobs/`), found from where it was started: beside a build
/// in a clone, or beside an installation's `bin/`.
enum InstallationFiles {
  /// The YAML files of `crds`, or of the folder named instead, and those of the jobs' service account.
  static func localClusterManifests(crds named: String?) throws(CommandFailure) -> [String] {
    let crds: String
    if let named {
      guard access(named, R_OK) == 0 else {
        throw CommandFailure("--crds: there is no folder \(named)", hint: "name the folder with flinkdeployments.yaml")
      }
      crds = named
    } else if let found = find("crds/flinkdeployments.yaml") {
      crds = found + "/crds"
    } else {
      throw CommandFailure("the folder with the CRDs was not found", hint: "name it with --crds")
    }
    var texts = try yamlFiles(in: crds)
    // In a cluster this comes with the installation; without it no pod that names the account starts.
    if let found = find("deploy/jobs/service-account.yaml") { texts += try yamlFiles(in: found + "/deploy/jobs") }
    return texts
  }

  /// The operator's namespace, account and roles.
  static func operatorManifests() throws(CommandFailure) -> [String] {
    guard let found = find("deploy/operator/role.yaml") else {
      throw CommandFailure(
        "deploy/operator/role.yaml with the operator's rights was not found",
        hint: "keep deploy/ beside crds/, above the folder of the executable or in the current folder")
    }
    var texts: [String] = []
    for file in ["namespace.yaml", "service-account.yaml", "role.yaml"] {
      texts.append(try readText("\(found)/deploy/operator/\(file)"))
    }
    return texts
  }

  /// The nearest folder, from that of the executable upwards or else the current one, that has a file.
  private static func find(_ file: String) -> String? {
    var candidates: [String] = []
    if let resolved = realpath("/proc/self/exe", nil) {
      var folder = String(cString: resolved)
      free(resolved)
      while let slash = folder.lastIndex(of: "/"), slash != folder.startIndex {
        folder = String(folder[..<slash])
        candidates.append(folder)
      }
    }
    candidates.append(".")
    return candidates.first { access($0 + "/" + file, R_OK) == 0 }
  }

  /// The files' texts, in the order of their names.
  private static func yamlFiles(in folder: String) throws(CommandFailure) -> [String] {
    guard let directory = opendir(folder) else {
      throw CommandFailure("cannot read \(folder): \(lastError())", hint: nil)
    }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      // kustomize's own file is not an object.
      if name.hasSuffix(".yaml"), name != "kustomization.yaml" { names.append(name) }
    }
    var texts: [String] = []
    for name in names.sorted() { texts.append(try readText(folder + "/" + name)) }
    return texts
  }
}

func readText(_ path: String) throws(CommandFailure) -> String { String(decoding: try readBytes(path), as: UTF8.self) }

func readBytes(_ path: String) throws(CommandFailure) -> [UInt8] {
  guard let file = fopen(path, "r") else { throw CommandFailure("cannot read \(path): \(lastError())", hint: nil) }
  defer { fclose(file) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 65536)
  while true {
    let count = fread(&buffer, 1, buffer.count, file)
    if count == 0 { break }
    bytes += buffer[..<count]
  }
  return bytes
}
