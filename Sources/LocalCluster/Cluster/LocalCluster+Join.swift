internal import Glibc
public import KubernetesAPI
import Logging

extension LocalCluster {
  /// Runs only the node, for an API server elsewhere that has no node of its own, until the task is cancelled.
  ///
  /// A real API server takes no loopback addresses for pods, so they get addresses of 10.N.0.0/16. Those and the range of
  /// the Services are made this machine's own meanwhile, which needs root.
  ///
  /// - Parameters:
  ///   - server: where pods find the API.
  ///   - certificateAuthority: PEM that pods verify the API with.
  ///   - onReady: called when the machine is prepared; the Node is registered right after.
  public func join(
    _ gateway: any KubernetesGateway, server: APIServerAddress, certificateAuthority: String,
    onReady: @escaping @Sendable (_ runDirectory: String) async -> Void
  ) async throws(LocalClusterError) {
    let (directory, claim) = try takePlace()
    defer { withExtendedLifetime(claim) { remove(directory) } }
    guard let addresses = AddressBlock(network: 10, number: claim.number) else {
      throw .agent("there is no address block 10.\(claim.number).0.0/16 for pods; take one from 1 to 254")
    }
    var routes = ["10.\(claim.number).0.0/16"]
    if let services = try await serviceRange(gateway) { routes.append(services) }
    for route in routes { try await LocalRoute.add(route) }
    defer { for route in routes { LocalRoute.remove(route) } }

    let cache = options.cacheDirectory ?? ImageCatalog.defaultCache(environment: options.environment)
    var agentOptions = NodeAgentOptions(
      nodeName: options.nodeName, directory: directory.podsPath, addresses: addresses,
      images: ImageCatalog(cache: cache), apiServer: server, certificateAuthority: certificateAuthority)
    agentOptions.servesAllServices = true
    let agent = NodeAgent(gateway: gateway, options: agentOptions, logger: logger, clock: { Self.now() })
    await onReady(directory.path)
    do { try await agent.run() } catch { throw .agent("\(error)") }
  }

  /// The range that Services get their addresses from, taken from the first one of all; nil for loopback addresses.
  private func serviceRange(_ gateway: any KubernetesGateway) async throws(LocalClusterError) -> String? {
    let address: String
    do throws(KubernetesError) {
      let service = try await gateway.get(.services, namespace: "default", name: "kubernetes")
      address = service.json["spec", "clusterIP"]?.stringValue ?? ""
    } catch {
      throw .agent("cannot read the Service default/kubernetes: \(error)")
    }
    let parts = address.split(separator: ".")
    guard parts.count == 4, parts[0] != "127" else { return nil }
    return "\(parts[0]).\(parts[1]).0.0/16"
  }
}

/// A range of addresses that this machine takes for its own.
enum LocalRoute {
  static func add(_ range: String) async throws(LocalClusterError) {
    guard run("replace", range) else {
      throw .agent(
        "cannot make \(range) addresses of this machine (ip route replace local \(range) dev lo): run as root, with "
          + "iproute2 installed")
    }
  }

  static func remove(_ range: String) { _ = run("del", range) }

  private static func run(_ verb: String, _ range: String) -> Bool {
    let words = ["ip", "route", verb, "local", range, "dev", "lo"]
    var arguments = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var pid: pid_t = 0
    guard posix_spawnp(&pid, "ip", nil, nil, &arguments, environ) == 0 else { return false }
    var status: CInt = 0
    while waitpid(pid, &status, 0) < 0 { guard errno == EINTR else { return false } }
    return status == 0
  }
}
