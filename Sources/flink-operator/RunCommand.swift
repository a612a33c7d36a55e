import ArgumentParser
import FlinkController
import FlinkModel
import FlinkREST
import Glibc
import KubernetesAPI
import KubernetesClient
import Logging
import Operations
import ServiceLifecycle

/// How JobManagers are reached.
enum JobManagerAddressing: String, CaseIterable, ExpressibleByArgument {
  /// `<name>-rest.<namespace>`, resolved by the cluster's DNS.
  case serviceDNS = "service-dns"
  /// The cluster IP of the service `<name>-rest`.
  case serviceIP = "service-ip"
}

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
    help: ArgumentHelp("Watch only this namespace; may be repeated. All namespaces otherwise.", valueName: "name"))
  var namespaces: [String] = []

  @Option(
    help: ArgumentHelp("Where /healthz and /readyz answer; port 0 takes a free one.", valueName: "host:port"))
  var healthAddress = "0.0.0.0:8085"

  @Option(help: "How JobManagers are reached: service-dns (in a cluster) or service-ip.")
  var jobmanagerAddress: JobManagerAddressing?

  @Flag(help: .hidden)
  var endWithParent = false

  @OptionGroup var log: LogOptions

  func validate() throws {
    _ = try Self.hostAndPort(healthAddress)
  }

  static func hostAndPort(_ text: String) throws -> (host: String, port: Int) {
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      (0...65535).contains(port)
    else { throw ValidationError("--health-address '\(text)' is not host:port, for instance 127.0.0.1:8085") }
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
    let kubernetes = try KubernetesClient(configuration: cluster, logger: Logger(label: "kubernetes"))
    let flink = FlinkRESTClient(logger: Logger(label: "flink"))
    do {
      try await preflight(kubernetes, server: cluster.server)
      try await serve(kubernetes, flink, cluster, logger)
    } catch {
      await flink.shutdown()
      await kubernetes.shutdown()
      throw error
    }
    await flink.shutdown()
    await kubernetes.shutdown()
    logger.info("stopped")
  }

  /// Says at once, in one line, what would otherwise be a stream of failing watches.
  private func preflight(_ kubernetes: KubernetesClient, server: String) async throws {
    do {
      _ = try await kubernetes.list(.flinkDeployments, namespace: namespaces.first, options: ListOptions(limit: 1))
    } catch {
      switch error.cause {
      case .rejected(let status, _) where status.code == 404:
        throw CommandFailure(
          "the API server at \(server) does not know FlinkDeployments (flink.apache.org/v1beta1)",
          hint: "install the CRDs first: kubectl apply -f crds/")
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
          "the API server at \(server) cannot be reached: \(why)",
          hint: "check the server of the kubeconfig's context and that it is up")
      default:
        throw CommandFailure("\(error)", hint: nil)
      }
    }
  }

  private func serve(
    _ kubernetes: KubernetesClient, _ flink: FlinkRESTClient, _ cluster: ClusterConfiguration, _ logger: Logger
  ) async throws {
    let health = HealthRegistry()
    let (host, port) = try Self.hostAndPort(healthAddress)
    let operations = OperationsServer(host: host, port: port, health: health, logger: Logger(label: "health"))
    let addressing = jobmanagerAddress ?? (cluster.isInCluster ? .serviceDNS : .serviceIP)
    let controller = FlinkDeploymentController(
      kubernetes: kubernetes, flink: flink, namespaces: namespaces, addressing: addressing, health: health)
    logger.info(
      "started",
      metadata: [
        "version": "\(operatorVersion)", "server": "\(cluster.server)", "pid": "\(getpid())",
        "namespaces": "\(namespaces.isEmpty ? "all" : namespaces.joined(separator: ","))",
        "jobmanagers": "\(addressing.rawValue)",
      ])
    if endWithParent { reportToParent("{\"pid\": \(getpid())}") }
    try await runServices(
      [operations, RunningService { try await controller.run() }], endsWithParent: endWithParent, logger: logger)
  }
}

func processEnvironment() -> [String: String] {
  var result: [String: String] = [:]
  var entry = environ
  while let text = entry.pointee {
    let line = String(cString: text)
    if let equals = line.firstIndex(of: "=") {
      result[String(line[..<equals])] = String(line[line.index(after: equals)...])
    }
    entry += 1
  }
  return result
}

/// Turns what a command throws into one line on standard error and exit status 1.
func reportingFailures(_ body: () async throws -> Void) async throws {
  do {
    try await body()
  } catch let failure as ExitCode {
    throw failure
  } catch {
    let line = "flink-operator: \(error)".split(separator: "\n").joined(separator: " ")
    fputs(line + "\n", stderr)
    throw ExitCode(1)
  }
}
