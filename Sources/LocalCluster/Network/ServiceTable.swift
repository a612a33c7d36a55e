import KubernetesAPI

/// Where a Service listens, and where what comes in goes.
struct ServiceRoute: Sendable, Hashable {
  struct Socket: Sendable, Hashable {
    var address: String
    var port: Int
  }

  var listen: Socket
  /// Ready pods, in a stable order.
  var targets: [Socket]
}

/// The Services and EndpointSlices of the cluster, and what follows from them for names and routes.
struct ServiceTable: Sendable {
  private var services: [ObjectKey: JSONValue] = [:]
  private var slices: [ObjectKey: KubernetesObject] = [:]

  init() {}

  mutating func setServices(_ objects: [KubernetesObject]) {
    services = Dictionary(objects.map { ($0.key, $0.json) }, uniquingKeysWith: { $1 })
  }

  mutating func setSlices(_ objects: [KubernetesObject]) {
    slices = Dictionary(objects.map { ($0.key, $0) }, uniquingKeysWith: { $1 })
  }

  private func slices(of service: ObjectKey) -> [JSONValue] {
    slices.values.filter {
      $0.metadata.namespace == service.namespace
        && $0.metadata.labels["kubernetes.io/service-name"] == service.name
    }.sorted { $0.key < $1.key }.map(\.json)
  }

  private static func addresses(_ slice: JSONValue, ready: Bool) -> [String] {
    (slice["endpoints"]?.arrayValue ?? []).filter { endpoint in
      !ready || endpoint["conditions", "ready"]?.boolValue ?? true
    }.flatMap { $0["addresses"]?.arrayValue?.compactMap(\.stringValue) ?? [] }
  }

  /// The TCP routes of Services with an address of their own, in a stable order.
  var routes: [ServiceRoute] {
    var result: [ServiceRoute] = []
    for (key, service) in services.sorted(by: { $0.key < $1.key }) {
      guard let address = Self.clusterAddress(service) else { continue }
      let slices = slices(of: key)
      for port in service["spec", "ports"]?.arrayValue ?? [] {
        guard (port["protocol"]?.stringValue ?? "TCP") == "TCP", let number = port["port"]?.intValue else { continue }
        let name = port["name"]?.stringValue ?? ""
        var targets: [ServiceRoute.Socket] = []
        for slice in slices {
          let match = slice["ports"]?.arrayValue?.first { ($0["name"]?.stringValue ?? "") == name }
          guard let target = match?["port"]?.intValue else { continue }
          targets += Self.addresses(slice, ready: true).map { .init(address: $0, port: Int(target)) }
        }
        result.append(
          ServiceRoute(
            listen: .init(address: address, port: Int(number)), targets: targets.sorted { $0.address < $1.address }))
      }
    }
    return result
  }

  /// The lines of a hosts file for a pod of `namespace`.
  ///
  /// A headless Service's name stands for its ready pods. While none is ready it stands for those that are not, so that
  /// a TaskManager that is up first keeps trying a JobManager's address instead of a name nobody knows.
  func hostLines(namespace: String) -> [String] {
    services.sorted { $0.key < $1.key }.flatMap { key, service in
      var names =
        "\(key.name).\(key.namespace) \(key.name).\(key.namespace).svc \(key.name).\(key.namespace).svc.cluster.local"
      if key.namespace == namespace { names = "\(key.name) " + names }
      return addresses(of: key, service).map { "\($0) \(names)" }
    }
  }

  private func addresses(of key: ObjectKey, _ service: JSONValue) -> [String] {
    if let address = Self.clusterAddress(service) { return [address] }
    guard service["spec", "clusterIP"]?.stringValue == "None" else { return [] }
    let slices = slices(of: key)
    let ready = slices.flatMap { Self.addresses($0, ready: true) }
    let found = ready.isEmpty ? slices.flatMap { Self.addresses($0, ready: false) } : ready
    return Set(found).sorted()
  }

  private static func clusterAddress(_ service: JSONValue) -> String? {
    guard let address = service["spec", "clusterIP"]?.stringValue, address != "None", !address.isEmpty else {
      return nil
    }
    return address
  }
}
