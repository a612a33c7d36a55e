internal import Glibc
import KubernetesAPI
import Logging
import NIOCore

/// The pods' addresses, the names they can look up, and the addresses of Services.
actor PodNetwork {
  private struct Pod {
    let namespace: String
    let hostname: String
    let address: String
    let aliases: [String]
    let directory: String
    var written: String?
  }

  private let forwarder: ServiceForwarder
  private let logger: Logger
  private var pool: PodAddressPool
  private var table = ServiceTable()
  private var pods: [String: Pod] = [:]
  private var isUpdating = false
  private var isStale = false

  /// - Parameter servesAll: whether the addresses of all Services are this machine's, not only those of the block.
  init(addresses: AddressBlock, servesAll: Bool = false, group: any EventLoopGroup, logger: Logger) {
    pool = PodAddressPool(block: addresses)
    self.logger = logger
    let prefix = "\(addresses.network).\(addresses.number)."
    forwarder = ServiceForwarder(group: group, logger: logger) { servesAll || $0.hasPrefix(prefix) }
  }

  var usedAddresses: Int { pool.usedCount }

  func takeAddress() -> String? { pool.take() }

  /// Writes the pod's hosts file into `directory` and keeps it up to date.
  func add(_ pod: PodSpecification, address: String, directory: String) throws(VolumeError) {
    var aliases: [String] = []
    for alias in pod.hostAliases {
      let names = alias["hostnames"]?.arrayValue?.compactMap(\.stringValue).joined(separator: " ") ?? ""
      if let ip = alias["ip"]?.stringValue { aliases.append("\(ip) \(names)") }
    }
    var entry = Pod(
      namespace: pod.namespace, hostname: pod.hostname, address: address, aliases: aliases, directory: directory)
    try write(&entry)
    pods[pod.uid] = entry
  }

  /// Gives the pod's address back.
  func remove(uid: String, address: String) {
    pods[uid] = nil
    pool.giveBack(address)
  }

  func setServices(_ objects: [KubernetesObject]) async {
    table.setServices(objects)
    await update()
  }

  func setSlices(_ objects: [KubernetesObject]) async {
    table.setSlices(objects)
    await update()
  }

  func close() async { await forwarder.close() }

  private func update() async {
    for uid in pods.keys {
      guard var pod = pods[uid] else { continue }
      do throws(VolumeError) {
        try write(&pod)
        pods[uid] = pod
      } catch {
        logger.warning("cannot renew a pod's hosts file", metadata: ["error": "\(error.message)"])
      }
    }
    // One update of the listeners at a time; what comes meanwhile is in the next one.
    isStale = true
    guard !isUpdating else { return }
    isUpdating = true
    while isStale {
      isStale = false
      await forwarder.update(table.routes)
    }
    isUpdating = false
  }

  private func write(_ pod: inout Pod) throws(VolumeError) {
    // A JobManager that uploads to itself connects to `localhost`, so that is the pod too.
    let lines = ["\(pod.address) localhost \(pod.hostname)"] + pod.aliases + table.hostLines(namespace: pod.namespace)
    let text = lines.joined(separator: "\n") + "\n"
    guard text != pod.written else { return }
    try writeFile(Array(text.utf8), to: "\(pod.directory)/hosts")
    pod.written = text
  }
}

/// Puts a file in place all at once.
func writeFile(_ bytes: [UInt8], to path: String, mode: UInt32 = 0o644) throws(VolumeError) {
  let new = path + ".new"
  let descriptor = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
  guard descriptor >= 0 else { throw VolumeError(message: "cannot write \(new): \(systemError())") }
  defer { close(descriptor) }
  var rest = bytes[...]
  while !rest.isEmpty {
    let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    guard count > 0 || errno == EINTR else { throw VolumeError(message: "cannot write \(new): \(systemError())") }
    rest = rest.dropFirst(max(0, count))
  }
  guard rename(new, path) == 0 else { throw VolumeError(message: "cannot rename \(new): \(systemError())") }
}
