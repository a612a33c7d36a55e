import Glibc

/// The folder with our CustomResourceDefinitions: named, or found from where we were started.
struct CRDFolder {
  let path: String

  static func find(_ named: String?) throws(CommandFailure) -> CRDFolder {
    if let named {
      guard exists(named) else {
        throw CommandFailure("--crds: there is no folder \(named)", hint: "name the folder with flinkdeployments.yaml")
      }
      return CRDFolder(path: named)
    }
    // Beside a build (.build/…/flink-operator in a clone) or an installation (bin/flink-operator, crds/).
    var candidates = ["crds"]
    if let executable = realPath("/proc/self/exe") {
      var folder = executable
      while let slash = folder.lastIndex(of: "/"), slash != folder.startIndex {
        folder = String(folder[..<slash])
        candidates.append(folder + "/crds")
      }
    }
    for candidate in candidates where exists(candidate + "/flinkdeployments.yaml") {
      return CRDFolder(path: candidate)
    }
    throw CommandFailure("the folder with the CRDs was not found", hint: "name it with --crds")
  }

  /// The YAML files, in the order of their names.
  func texts() throws(CommandFailure) -> [String] {
    guard let directory = opendir(path) else {
      throw CommandFailure("cannot read \(path): \(lastError())", hint: nil)
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
    for name in names.sorted() { texts.append(try readText(path + "/" + name)) }
    return texts
  }

  private static func exists(_ path: String) -> Bool { access(path, R_OK) == 0 }

  private static func realPath(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}

func readText(_ path: String) throws(CommandFailure) -> String {
  guard let file = fopen(path, "r") else { throw CommandFailure("cannot read \(path): \(lastError())", hint: nil) }
  defer { fclose(file) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 65536)
  while true {
    let count = fread(&buffer, 1, buffer.count, file)
    if count == 0 { break }
    bytes += buffer[..<count]
  }
  return String(decoding: bytes, as: UTF8.self)
}
