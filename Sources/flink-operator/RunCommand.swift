import ArgumentParser
import FlinkController
import FlinkModel
import FlinkREST
import Glibc
import KubernetesAPI
import KubernetesClient
import KubernetesRuntime
import Logging
import Operations
import ServiceLifecycle

struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Run the operator: in a cluster, or outside of one with a kubeconfig.",
    discussion: """
      Without --kubeconfig it uses $KUBECONFIG, then the service account of the pod it runs in, then ~/.kube/config. \
      It ends with status 0 on SIGTERM or SIGINT, having finished or given up the turns in flight.
      """)

  @Option(help: ArgumentHelp("The kubeconfig file of the cluster to work in.", valueName: "file"))
  var kubeconfig: String?

  @Option(help: ArgumentHelp("The context of the kubeconfig to use instead of its current one.", valueName: "name"))
  var context: String?

  @Option(
    name: .customLong("namespace"),
    help: ArgumentHelp(
      "Watch only this namespace; may be repeated. Otherwise those of $WATCH_NAMESPACES or of the configuration.",
      valueName: "name"))
  var namespaces: [String] = []

  @Option(
    help: ArgumentHelp(
      """
      Where /healthz and /readyz answer; port 0 takes a free one. Otherwise 0.0.0.0 with the port of the configuration's \
      kubernetes.operator.health.probe.port (8085), or nowhere where kubernetes.operator.health.probe.enabled is false.
      """,
      valueName: "host:port"))
  var healthAddress: String?

  @Option(
    help: ArgumentHelp(
      """
      Defaults for all resources and kubernetes.operator.* settings: a config.yaml or flink-conf.yaml, or a folder with \
      one of them. Otherwise $FLINK_CONF_DIR; $CONF_OVERRIDE_DIR lies on top. Changes are followed within seconds.
      """,
      valueName: "path"))
  var config: String?

  @Option(help: "How JobManagers are reached: service-dns (in a cluster) or service-ip.")
  var jobmanagerAddress: JobManagerAddressing?

  @Flag(
    help: """
      Work only while holding a Lease, so that operators can stand by for each other; as with \
      kubernetes.operator.leader-election.enabled in the configuration.
      """)
  var leaderElect = false

  @Option(
    help: ArgumentHelp(
      """
      The Lease for --leader-elect, in our own namespace: that of our pod, or of the kubeconfig's context. Otherwise \
      kubernetes.operator.leader-election.lease-name of the configuration, or flink-operator-lease.
      """,
      valueName: "name"))
  var leaseName: String?

  @OptionGroup var webhook: WebhookOptions

  @Flag(
    help: """
      Work although the Apache Flink Kubernetes Operator runs in the same cluster: for operators that watch namespaces \
      of their own.
      """)
  var besideApacheOperator = false

  @Flag(help: .hidden)
  var endWithParent = false

  @OptionGroup var log: LogOptions

  func validate() throws {
    if let address = healthAddress { _ = try Self.hostAndPort(address) }
    if let address = webhook.webhookAddress { _ = try Self.hostAndPort(address, option: "--webhook-address") }
  }

  static func hostAndPort(_ text: String, option: String = "--health-address") throws -> (host: String, port: Int) {
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      (0...65535).contains(port)
    else { throw ValidationError("\(option) '\(text)' is not host:port, for instance 127.0.0.1:8085") }
    return (String(text[..<colon]), port)
  }

  func run() async throws {
    log.bootstrap()
    try await reportingFailures {
      try await operate()
    }
  }

  private func operate() async throws {
    let logger = Logger(label: "operator")
    let environment = processEnvironment()
    let cluster = try ClusterConfiguration.automatic(
      kubeconfigPath: kubeconfig, context: context, environment: environment)
    let kubernetes = KubernetesClient(configuration: cluster, logger: Logger(label: "kubernetes"))
    let settings = try operatorConfiguration.settings()
    let flink = FlinkRESTClient(
      settings: FlinkRESTClient.Settings(settings), tls: try Self.flinkTLS(environment), logger: Logger(label: "flink"))
    do {
      do {
        try await preflight(kubernetes, server: cluster.server, namespace: settings.watchedNamespaces?.first)
      } catch let failure as CommandFailure where !settings.isStoppedByFailingWatch {
        logger.warning("FlinkDeployments cannot be listed yet: \(failure)")
      }
      try await serve(kubernetes, flink, cluster, settings, logger)
    } catch {
      await flink.shutdown()
      await kubernetes.shutdown()
      throw error
    }
    await flink.shutdown()
    await kubernetes.shutdown()
    logger.info("stopped")
  }

  /// By the Apache operator's variables.
  private static func flinkTLS(_ environment: [String: String]) throws -> FlinkTLS? {
    func store(_ variable: String) throws -> FlinkTLS.Store? {
      guard let path = environment[variable], !path.isEmpty else { return nil }
      return FlinkTLS.Store(path: path, bytes: try readBytes(path))
    }
    let truststore = try store("OPERATOR_TRUSTSTORE_PATH")
    let keystore = try store("OPERATOR_KEYSTORE_PATH")
    if truststore == nil, keystore == nil { return nil }
    return try FlinkTLS(
      truststore: truststore, keystore: keystore, password: environment["OPERATOR_KEYSTORE_PASSWORD"])
  }

  /// The cluster's DNS answers only inside of it.
  private var defaultAddressing: JobManagerAddressing {
    let environment = processEnvironment()
    let isOutside = kubeconfig != nil || environment["KUBECONFIG"] != nil
    return isOutside || environment["KUBERNETES_SERVICE_HOST"] == nil ? .serviceIP : .serviceDNS
  }

  private var operatorConfiguration: OperatorConfiguration {
    OperatorConfiguration(given: config, namespaces: namespaces, environment: processEnvironment())
  }

  /// Says at once, in one line, what would otherwise be a stream of failing watches.
  private func preflight(_ kubernetes: KubernetesClient, server: String, namespace: String?) async throws {
    do {
      _ = try await kubernetes.list(.flinkDeployments, namespace: namespace, options: ListOptions(limit: 1))
    } catch {
      switch error.cause {
      case .rejected(let status, _) where status.code == 404:
        throw CommandFailure(
          "the API server at \(server) does not know FlinkDeployments (flink.apache.org/v1beta1)",
          hint: "install the CRDs first: kubectl apply -k crds/")
      case .rejected(let status, _) where status.code == 401:
        throw CommandFailure(
          "the API server at \(server) does not accept our credentials: \(status.message)",
          hint: "check the user of the kubeconfig's context, or whether its token has expired")
      case .rejected(let status, _) where status.code == 403:
        throw CommandFailure(
          "listing FlinkDeployments is forbidden: \(status.message)",
          hint: "apply the roles in deploy/, or name the namespaces we may see with --namespace")
      case .unreachable(let why), .interrupted(let why):
        throw CommandFailure(
          "the API server cannot be reached: \(why)",
          hint: "the server comes from the context of the kubeconfig: 'kubectl config view' shows it")
      default:
        throw CommandFailure("\(error)", hint: nil)
      }
    }
  }

  private func serve(
    _ kubernetes: KubernetesClient, _ flink: FlinkRESTClient, _ cluster: ClusterConfiguration,
    _ settings: OperatorSettings, _ logger: Logger
  ) async throws {
    let health = HealthRegistry()
    let addressing = jobmanagerAddress ?? defaultAddressing
    let resolver: any JobManagerResolver
    switch addressing {
    case .serviceDNS: resolver = ServiceNameResolver()
    case .serviceIP: resolver = ClusterIPResolver()
    }
    let points = KillPoints(environment: processEnvironment(), logger: logger)
    let leases = leaderElect || settings.isLeaderElectionEnabled ? leaseClient(cluster, settings.leaseElection) : nil
    let election = leases.map {
      LeaseElection(
        gateway: $0, namespace: cluster.namespace, name: leaseName ?? settings.leaseName ?? "flink-operator-lease",
        settings: settings.leaseElection, logger: Logger(label: "leader-election"))
    }
    // For a process that was stopped for a while and goes on with a lease that has ended meanwhile.
    let spare = settings.leaseElection.renewDeadline * 3 / 10
    let neighbours =
      besideApacheOperator
      ? nil
      : ApacheOperatorWatch(
        kubernetes: kubernetes, namespaces: settings.watchedNamespaces,
        logger: Logger(label: "neighbours"))
    let controller = FlinkDeploymentController(
      kubernetes: points.map { KillPointKubernetes(next: kubernetes, points: $0) } ?? kubernetes,
      flink: points.map { KillPointFlink(next: flink, points: $0) } ?? flink, resolver: resolver,
      settings: settings,
      mayAct: { neighbours?.obstacle == nil && election.map { $0.remainingMargin > spare } ?? true },
      logger: Logger(label: "flinkdeployments"))
    let unmanaged = UnmanagedKindController(
      kubernetes: kubernetes, settings: settings, logger: Logger(label: "unmanaged-kinds"))
    // One that stands by is ready: a rollout waits for it before it ends the leader.
    health.register("flinkdeployments", for: .readiness) {
      if election?.isLeader == false { return .ok }
      return neighbours?.obstacle.map { .failing(reason: $0) } ?? controller.verdict
    }
    logger.info(
      "started",
      metadata: [
        "version": "\(operatorVersion)", "server": "\(cluster.server)", "pid": "\(getpid())",
        "namespaces": "\(settings.watchedNamespaces?.joined(separator: ",") ?? "all")",
        "jobmanagers": "\(addressing.rawValue)",
      ])
    if endWithParent { reportToParent("{\"pid\": \(getpid())}") }
    let work = RunningService {
      let work: @Sendable () async throws -> Void = {
        async let told: Void = unmanaged.run()
        async let watched: Void? = neighbours?.run()
        try await controller.run()
        await told
        _ = await watched
      }
      guard let election else { return try await work() }
      try await election.run(onLoss: Self.endWithoutLease, work)
    }
    let live = LiveSettings(settings)
    let reloader = ConfigurationReloader(
      configuration: operatorConfiguration, logger: Logger(label: "configuration"),
      apply: {
        live.settings = $0
        controller.apply($0)
      })
    let reload = RunningService {
      try await reloader.run()
      // Nothing to follow: the service has to last all the same.
      try await Task.sleep(for: .seconds(1_000_000_000))
    }
    var services: [any Service] = [work, reload]
    if let server = try operationsServer(health, settings) { services.insert(server, at: 0) }
    if let service = try webhook.service(kubernetes, namespace: cluster.namespace, settings: live) {
      services.append(service)
    }
    do {
      try await runServices(services, endsWithParent: endWithParent, logger: logger)
    } catch {
      await leases?.shutdown()
      throw error
    }
    await leases?.shutdown()
  }

  /// nil where neither the command line asks for one nor the configuration.
  private func operationsServer(_ health: HealthRegistry, _ settings: OperatorSettings) throws -> OperationsServer? {
    guard healthAddress != nil || settings.isHealthProbeEnabled else { return nil }
    let (host, port) = try healthAddress.map { try Self.hostAndPort($0) } ?? ("0.0.0.0", settings.healthProbePort)
    return OperationsServer(host: host, port: port, health: health, logger: Logger(label: "health"))
  }

  /// With connections and deadlines of its own: a renewal must not wait behind other calls.
  private func leaseClient(
    _ cluster: ClusterConfiguration, _ settings: LeaseElectionMachine.Settings
  ) -> KubernetesClient {
    var limits = KubernetesClient.Limits()
    limits.callTimeout = settings.callTimeout
    limits.connectTimeout = limits.callTimeout
    return KubernetesClient(configuration: cluster, limits: limits, logger: Logger(label: "kubernetes"))
  }

  /// Another may lead from now on: nothing is finished, nothing more is sent.
  private static func endWithoutLease(_ loss: LeaseLoss) {
    LogOutput.write("flink-operator: \(loss)\n")
    _exit(1)
  }
}

extension FlinkDeploymentController {
  /// Ready when every watch has its list and none is failing.
  var verdict: HealthVerdict {
    let problems = watches.compactMap(\.problem)
    if !problems.isEmpty { return .failing(reason: problems.joined(separator: "; ")) }
    return .ok
  }
}
