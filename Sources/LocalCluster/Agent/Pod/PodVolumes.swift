import FoundationEssentials
internal import Glibc
import KubernetesAPI

/// Why a volume cannot be made: the kubelet's FailedMount. The pod waits and it is tried again.
struct VolumeError: Error, Hashable {
  let message: String
}

/// The files of one volume, or the place it stands for.
enum VolumeContent: Sendable, Hashable {
  struct File: Sendable, Hashable {
    var path: String
    var bytes: [UInt8]
    var mode: UInt32
  }

  /// Files that are replaced together.
  case files([File])
  case emptyDirectory
  /// A place of the machine.
  case place(String)
}

/// Reads the objects behind a pod's volumes and says what is in them.
struct VolumeResolver: Sendable {
  let gateway: any KubernetesGateway
  let options: NodeAgentOptions

  func content(
    of volume: JSONValue, pod: PodSpecification, address: String
  ) async throws(VolumeError) -> VolumeContent {
    let name = volume["name"]?.stringValue ?? ""
    if let source = volume["configMap"] { return .files(try await files(source, isSecret: false, pod: pod)) }
    if let source = volume["secret"] { return .files(try await files(source, isSecret: true, pod: pod)) }
    if volume["emptyDir"] != nil { return .emptyDirectory }
    if let path = volume["hostPath", "path"]?.stringValue {
      return try hostPath(path, type: volume["hostPath", "type"]?.stringValue ?? "")
    }
    if let claim = volume["persistentVolumeClaim", "claimName"]?.stringValue {
      return .place("\(options.directory)/volumes/\(pod.namespace)/\(claim)")
    }
    if let source = volume["downwardAPI"] { return .files(try downward(source, pod: pod, address: address)) }
    if let source = volume["projected"] {
      var all: [VolumeContent.File] = []
      for part in source["sources"]?.arrayValue ?? [] {
        all += try await projected(part, pod: pod, address: address)
      }
      return .files(all)
    }
    let kind = volume.objectValue?.keys.first { $0 != "name" } ?? "none"
    throw VolumeError(message: "volume \"\(name)\": this node has no volumes of type \(kind)")
  }

  private func projected(
    _ part: JSONValue, pod: PodSpecification, address: String
  ) async throws(VolumeError) -> [VolumeContent.File] {
    if let source = part["configMap"] {
      // Each namespace gets this ConfigMap from a controller that may be a moment late, or missing behind another API.
      if source["name"]?.stringValue == "kube-root-ca.crt", !options.certificateAuthority.isEmpty {
        return [.init(path: "ca.crt", bytes: Array(options.certificateAuthority.utf8), mode: 0o644)]
      }
      return try await files(source, isSecret: false, pod: pod)
    }
    if let source = part["secret"] { return try await files(source, isSecret: true, pod: pod) }
    if let source = part["downwardAPI"] { return try downward(source, pod: pod, address: address) }
    if let source = part["serviceAccountToken"] {
      let token = try await self.token(source, pod: pod)
      return [.init(path: source["path"]?.stringValue ?? "token", bytes: Array(token.utf8), mode: 0o644)]
    }
    throw VolumeError(message: "projected volume: unsupported source \(part.text)")
  }

  /// A token of the pod's service account that lives no longer than the pod.
  private func token(_ source: JSONValue, pod: PodSpecification) async throws(VolumeError) -> String {
    var spec: JSONValue = [
      "expirationSeconds": JSONValue(Self.tokenLifetime(source)),
      "boundObjectRef": [
        "apiVersion": "v1", "kind": "Pod", "name": .string(pod.name), "uid": .string(pod.uid),
      ],
    ]
    if let audience = source["audience"] { spec["audiences"] = [audience] }
    do throws(KubernetesError) {
      let answer = try await gateway.createSubresource(
        .serviceAccounts, namespace: pod.namespace, name: pod.serviceAccount, subresource: "token",
        ["apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec])
      return answer["status", "token"]?.stringValue ?? ""
    } catch {
      throw VolumeError(message: "failed to fetch token: \(error.status?.message ?? error.description)")
    }
  }

  private static func tokenLifetime(_ source: JSONValue) -> Int64 { source["expirationSeconds"]?.intValue ?? 3600 }

  /// When the tokens in a volume have to be replaced, counted from their making; nil for a volume without any.
  static func tokenRenewal(_ volume: JSONValue) -> Duration? {
    let tokens = (volume["projected", "sources"]?.arrayValue ?? []).compactMap { $0["serviceAccountToken"] }
    return tokens.map(tokenLifetime).min().map { .seconds(min($0 / 5 * 4, 24 * 3600)) }
  }

  /// A volume like the one that admission adds to pods, for a pod that has none.
  static let serviceAccountVolume: JSONValue = [
    "name": "kube-api-access",
    "projected": [
      "sources": [
        ["serviceAccountToken": ["path": "token", "expirationSeconds": 3607]],
        ["configMap": ["name": "kube-root-ca.crt", "optional": true, "items": [["key": "ca.crt", "path": "ca.crt"]]]],
        ["downwardAPI": ["items": [["path": "namespace", "fieldRef": ["fieldPath": "metadata.namespace"]]]]],
      ]
    ],
  ]

  private func files(
    _ source: JSONValue, isSecret: Bool, pod: PodSpecification
  ) async throws(VolumeError) -> [VolumeContent.File] {
    let name = source["name"]?.stringValue ?? source["secretName"]?.stringValue ?? ""
    let isOptional = source["optional"]?.boolValue == true
    let object: JSONValue
    do throws(KubernetesError) {
      object = try await gateway.get(isSecret ? .secrets : .configMaps, namespace: pod.namespace, name: name).json
    } catch {
      if error.isNotFound, isOptional { return [] }
      throw VolumeError(message: error.status?.message ?? error.description)
    }
    let values = Self.values(of: object, isSecret: isSecret)
    let mode = UInt32(clamping: source["defaultMode"]?.intValue ?? 0o644)
    guard let items = source["items"]?.arrayValue else {
      return values.sorted { $0.key < $1.key }.map { .init(path: $0.key, bytes: $0.value, mode: mode) }
    }
    var result: [VolumeContent.File] = []
    for item in items {
      let key = item["key"]?.stringValue ?? ""
      guard let bytes = values[key] else {
        if isOptional { continue }
        throw VolumeError(
          message: "\(isSecret ? "secret" : "configmap") \"\(name)\" references non-existent key: \(key)")
      }
      let itemMode = item["mode"]?.intValue.map { UInt32(clamping: $0) } ?? mode
      result.append(.init(path: item["path"]?.stringValue ?? key, bytes: bytes, mode: itemMode))
    }
    return result
  }

  /// The contents of a ConfigMap or a Secret by key.
  static func values(of object: JSONValue, isSecret: Bool) -> [String: [UInt8]] {
    var values: [String: [UInt8]] = [:]
    for (key, value) in object["data"]?.objectValue ?? JSONObject() {
      guard let text = value.stringValue else { continue }
      values[key] = isSecret ? Data(base64Encoded: text).map(Array.init) ?? [] : Array(text.utf8)
    }
    for (key, value) in object["binaryData"]?.objectValue ?? JSONObject() {
      values[key] = value.stringValue.flatMap { Data(base64Encoded: $0) }.map(Array.init) ?? []
    }
    return values
  }

  private func downward(
    _ source: JSONValue, pod: PodSpecification, address: String
  ) throws(VolumeError) -> [VolumeContent.File] {
    let fields = DownwardFields(pod: pod, podAddress: address, nodeAddress: options.addresses.nodeAddress)
    var result: [VolumeContent.File] = []
    for item in source["items"]?.arrayValue ?? [] {
      var text = item["fieldRef", "fieldPath"]?.stringValue.flatMap(fields.value)
      if let reference = item["resourceFieldRef"], let container = pod.containers.first {
        text = fields.resource(reference, in: container)
      }
      guard let text else { throw VolumeError(message: "unsupported downward API item: \(item.text)") }
      result.append(.init(path: item["path"]?.stringValue ?? "", bytes: Array(text.utf8), mode: 0o644))
    }
    return result
  }

  private func hostPath(_ path: String, type: String) throws(VolumeError) -> VolumeContent {
    var isDirectory = false
    let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
    switch type {
    case "", "DirectoryOrCreate":
      if !exists { try makeDirectory(path) }
    case "FileOrCreate":
      if !exists {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw VolumeError(message: "hostPath \(path): \(systemError())") }
        close(descriptor)
      }
    case "Directory":
      if !isDirectory { throw VolumeError(message: "hostPath type check failed: \(path) is not a directory") }
    default:
      if !exists { throw VolumeError(message: "hostPath type check failed: \(path) does not exist") }
    }
    return .place(path)
  }
}

func makeDirectory(_ path: String) throws(VolumeError) {
  do {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  } catch {
    throw VolumeError(message: "cannot make the folder \(path): \(error)")
  }
}

/// A folder whose files change all at once, as the kubelet's do: `..data` is a link to the present ones and is replaced
/// by renaming, and each file is a link through it.
struct AtomicFolder {
  let path: String

  /// - Parameter version: a name that differs from the present one.
  func write(_ files: [VolumeContent.File], version: String) throws(VolumeError) {
    let data = "..\(version)"
    try makeDirectory("\(path)/\(data)")
    for file in files {
      guard !file.path.split(separator: "/").contains(".."), !file.path.hasPrefix("/") else {
        throw VolumeError(message: "a volume's path must stay in it: \(file.path)")
      }
      let full = "\(path)/\(data)/\(file.path)"
      if let slash = full.lastIndex(of: "/") { try makeDirectory(String(full[..<slash])) }
      try Self.write(file.bytes, to: full, mode: file.mode)
    }
    let link = "\(path)/..data"
    var buffer = [CChar](repeating: 0, count: 4096)
    let length = readlink(link, &buffer, buffer.count - 1)
    let old = length > 0 ? String(decoding: buffer[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self) : nil
    unlink(link + "_tmp")
    guard symlink(data, link + "_tmp") == 0, rename(link + "_tmp", link) == 0 else {
      throw VolumeError(message: "cannot link \(link): \(systemError())")
    }
    let names = Set(files.compactMap { $0.path.split(separator: "/").first.map(String.init) })
    for name in names where symlink("..data/\(name)", "\(path)/\(name)") != 0 && errno != EEXIST {
      throw VolumeError(message: "cannot link \(path)/\(name): \(systemError())")
    }
    let present = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []  // it was made just now
    for name in present where !name.hasPrefix("..") && !names.contains(name) { unlink("\(path)/\(name)") }
    if let old, old != data { removeTree("\(path)/\(old)") }
  }

  private static func write(_ bytes: [UInt8], to path: String, mode: UInt32) throws(VolumeError) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode | 0o200)
    guard descriptor >= 0 else { throw VolumeError(message: "cannot write \(path): \(systemError())") }
    defer { close(descriptor) }
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 || errno == EINTR else {
        throw VolumeError(message: "cannot write \(path): \(systemError())")
      }
      rest = rest.dropFirst(max(0, count))
    }
    fchmod(descriptor, mode)
  }
}

/// Removes a folder with all that is in it; what cannot be removed stays.
func removeTree(_ path: String) {
  try? FileManager.default.removeItem(atPath: path)  // the next start's sweep takes what is left
}
