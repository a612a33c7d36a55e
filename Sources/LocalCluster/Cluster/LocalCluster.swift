import Glibc
import InMemoryKubernetes
import KubernetesAPI
public import Logging

/// A Kubernetes cluster on this machine: the API over HTTPS on loopback, its controllers, and a node whose pods are
/// sandboxed processes. It keeps nothing when it ends.
public final class LocalCluster: Sendable {
  let options: LocalClusterOptions
  let logger: Logger

  public init(options: LocalClusterOptions, logger: Logger) {
    self.options = options
    self.logger = logger
  }

  /// Runs until the task is cancelled; then the pods are stopped first, the API after them, and the run directory goes.
  ///
  /// - Parameter onReady: called once, when the API answers.
  /// - Throws: `LocalClusterError`, naming the cause and what to do.
  public func run(onReady: @escaping @Sendable (LocalClusterReady) async -> Void) async throws(LocalClusterError) {
    let (directory, claim) = try takePlace()
    // Given up in this order: the folder, its lock, the addresses.
    defer { withExtendedLifetime(claim) { remove(directory) } }
    try await run(in: directory, block: claim.number, onReady: onReady)
  }

  private func run(
    in directory: RunDirectory, block: UInt8, onReady: @Sendable (LocalClusterReady) async -> Void
  ) async throws(LocalClusterError) {
    let clock: @Sendable () -> Timestamp = Self.now
    let nodeAddress = "127.\(block).0.1"
    let credentials: ServingCredentials
    do throws(CredentialsError) {
      credentials = try ServingCredentials(addresses: [options.listenAddress, nodeAddress], now: clock())
    } catch {
      throw .credentials(error)
    }
    let tokens = BearerTokens()
    var generator = SystemRandomNumberGenerator()
    let serviceCIDR = options.runsAgent ? "127.\(block).128.0/17" : "10.96.0.0/16"
    let api = SharedAPIServer(
      InMemoryAPIServer(
        options: InMemoryAPIServer.Options(
          serviceCIDR: serviceCIDR, seed: generator.next(), makeToken: { BearerTokens.random() },
          knownUser: { tokens.user(of: $0) }), at: clock()),
      clock: clock)
    let agent = try makeAgent(api, credentials, directory: directory, block: block, clock: clock)
    let front: HTTPSFront
    do throws(FrontError) {
      front = try HTTPSFront(
        api: api, authenticator: tokens, credentials: credentials, logs: agent,
        awaitsControllers: options.runsControllers, logger: logger)
    } catch {
      throw .front(error)
    }

    // The front and the controllers outlive the cancellation of this task, until the pods are stopped.
    let (bound, boundPort) = AsyncThrowingStream.makeStream(of: Int.self)
    let serving = Task { [options] in
      do {
        try await front.run(host: options.listenAddress, port: options.port) { boundPort.yield($0) }
        boundPort.finish()
      } catch {
        boundPort.finish(throwing: error)
      }
    }
    defer { serving.cancel() }
    var ports = bound.makeAsyncIterator()
    let port: Int
    do {
      guard let first = try await ports.next() else { return }
      port = first
    } catch let error as FrontError {
      throw .front(error)
    } catch {
      throw .front(.cannotListen(address: options.listenAddress, why: "\(error)"))
    }

    let administrator = SharedAPIGateway(api)
    try await ClusterSeed.plantEndpoints(through: administrator, port: port, address: options.listenAddress)
    try await ClusterSeed.plant(options.manifests, in: "default", through: administrator)
    try await ClusterSeed.plant(options.operatorManifests, in: "flink-operator", through: administrator)
    let controlling = controllers(api, credentials, clock).map { manager in Task { await manager.run() } }
    defer { controlling?.cancel() }

    let server = APIServerAddress(host: options.listenAddress, port: port)
    let running = agent.map { agent in
      Task {
        do { try await agent.run(apiServer: server) } catch {
          boundPort.finish(throwing: LocalClusterError.agent("\(error)"))
        }
      }
    }
    defer { running?.cancel() }

    let ready = try writeKubeconfigs(
      directory: directory, server: "https://\(options.listenAddress):\(port)", credentials: credentials,
      tokens: tokens, block: block)
    defer { removeKubeconfig(ready) }
    await onReady(ready)
    do {
      // Ends with the cancellation of this task, or when the front fails.
      while try await ports.next() != nil {}
    } catch let error as FrontError {
      throw .front(error)
    } catch let error as LocalClusterError {
      throw error
    } catch {
      throw .front(.cannotListen(address: ready.server, why: "\(error)"))
    }
    running?.cancel()
    await running?.value
    controlling?.cancel()
    await controlling?.value
    serving.cancel()
    await serving.value
  }

  private func makeAgent(
    _ api: SharedAPIServer, _ credentials: ServingCredentials, directory: RunDirectory, block: UInt8,
    clock: @escaping @Sendable () -> Timestamp
  ) throws(LocalClusterError) -> NodeAgent? {
    guard options.runsAgent else { return nil }
    guard let addresses = AddressBlock(number: block) else {
      throw .agent("there is no address block 127.\(block).0.0/16 for pods; take one from 1 to 254")
    }
    let cache = options.cacheDirectory ?? ImageCatalog.defaultCache(environment: options.environment)
    let agentOptions = NodeAgentOptions(
      nodeName: options.nodeName, directory: directory.podsPath, addresses: addresses,
      images: ImageCatalog(cache: cache),
      certificateAuthority: credentials.authorityPEM)
    return NodeAgent(
      gateway: SharedAPIGateway(api, user: .node(agentOptions.nodeName), userAgent: "kubelet"), options: agentOptions,
      logger: logger, clock: clock)
  }

  private func controllers(
    _ api: SharedAPIServer, _ credentials: ServingCredentials, _ clock: @escaping @Sendable () -> Timestamp
  ) -> ControllerManager? {
    guard options.runsControllers else { return nil }
    return ControllerManager(
      gateway: SharedAPIGateway(api, user: .controllerManager, userAgent: "kube-controller-manager"),
      rootCertificate: credentials.authorityPEM, clock: clock, logger: logger)
  }

  // MARK: Files

  /// Takes an address block and the run directory, and sweeps what instances left that no longer live.
  func takePlace() throws(LocalClusterError) -> (RunDirectory, AddressBlockClaim) {
    for number in options.addressBlock.map({ $0...$0 }) ?? 1...254 {
      guard let claim = AddressBlockClaim(number: number) else { continue }
      let path = options.runDirectory ?? RunDirectory.defaultPath(block: number, environment: options.environment)
      do throws(RunDirectoryError) {
        let directory = try RunDirectory(path: path)
        do throws(FileError) { try directory.clear() } catch { throw RunDirectoryError.file(error) }
        try directory.prepare()
        if options.runDirectory == nil { sweepNeighbours(of: directory) }
        return (directory, claim)
      } catch {
        // A default folder that is taken belongs to an instance in another network namespace.
        if case .inUse = error, options.runDirectory == nil, options.addressBlock == nil { continue }
        throw .runDirectory(error)
      }
    }
    let blocks = options.addressBlock.map { "127.\($0).0.0/16 is" } ?? "127.1.0.0/16 to 127.254.0.0/16 are"
    throw .noAddressBlock("\(blocks) taken by local clusters that are running; stop one of them")
  }

  /// Removes the folders of dead instances beside ours.
  private func sweepNeighbours(of directory: RunDirectory) {
    for number in UInt8(1)...254 {
      let path = RunDirectory.defaultPath(block: number, environment: options.environment)
      guard path != directory.path, access(path, F_OK) == 0, let claim = AddressBlockClaim(number: number) else {
        continue
      }
      do throws(RunDirectoryError) {
        remove(try RunDirectory(path: path))
      } catch {
        logger.debug("a run directory stays", metadata: ["error": "\(error)"])
      }
      withExtendedLifetime(claim) {}
    }
  }

  func remove(_ directory: RunDirectory) {
    do throws(FileError) {
      try directory.remove()
    } catch {
      logger.warning("the run directory stays", metadata: ["error": "\(error)"])
    }
  }

  private func writeKubeconfigs(
    directory: RunDirectory, server: String, credentials: ServingCredentials, tokens: BearerTokens, block: UInt8
  ) throws(LocalClusterError) -> LocalClusterReady {
    let ready = LocalClusterReady(
      server: server, kubeconfigPath: options.kubeconfigPath ?? directory.apiPath + "/admin.kubeconfig",
      operatorKubeconfigPath: directory.apiPath + "/operator.kubeconfig", runDirectory: directory.path,
      addressBlock: block)
    do throws(FileError) {
      for (user, path, namespace) in [
        (APIUser.administrator, ready.kubeconfigPath, "default"),
        (.operator, ready.operatorKubeconfigPath, "flink-operator"),
      ] {
        try Kubeconfig(
          server: server, authorityPEM: credentials.authorityPEM, token: tokens.issue(for: user), namespace: namespace
        ).write(to: path)
      }
    } catch {
      throw .file(error)
    }
    return ready
  }

  /// The tokens in it are worth nothing any more.
  private func removeKubeconfig(_ ready: LocalClusterReady) {
    if options.kubeconfigPath != nil { unlink(ready.kubeconfigPath) }
  }

  static func now() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(epochMilliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
  }
}
