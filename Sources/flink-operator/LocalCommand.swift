import ArgumentParser
import Glibc
import KubernetesAPI
import KubernetesClient
import LocalCluster
import Logging
import UnixSignals

/// What names and shapes a local cluster; shared with the process that runs it.
struct LocalOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Write an administrator's kubeconfig here when ready.", valueName: "file"))
  var kubeconfig: String?

  @Option(help: ArgumentHelp("Keep what runs in this folder; it is removed at the end.", valueName: "dir"))
  var runDir: String?

  @Option(help: ArgumentHelp("The API's port on loopback; 0 takes a free one.", valueName: "port"))
  var port = 0

  @Option(help: ArgumentHelp("Where Flink distributions are cached.", valueName: "dir"))
  var cache: String?

  @Option(help: ArgumentHelp("The folder with the CRDs to install.", valueName: "dir"))
  var crds: String?

  @Flag(help: "Run no pods: only the API and its controllers.")
  var noAgent = false

  @Option(
    help: ArgumentHelp(
      "Run only a node, for the cluster of this kubeconfig, which has none: no API, controllers or operator. Needs root.",
      valueName: "kubeconfig"))
  var join: String?

  @Option(help: ArgumentHelp("The name of the Node.", valueName: "name"))
  var nodeName = "local"

  func validate() throws {
    guard (0...65535).contains(port) else { throw ValidationError("--port \(port) is not between 0 and 65535") }
    if join != nil, noAgent || kubeconfig != nil {
      throw ValidationError("--join runs a node and nothing else: leave out --no-agent and --kubeconfig")
    }
  }

  var arguments: [String] {
    var result = ["--port", "\(port)"]
    if let kubeconfig { result += ["--kubeconfig", kubeconfig] }
    if let runDir { result += ["--run-dir", runDir] }
    if let cache { result += ["--cache", cache] }
    if let crds { result += ["--crds", crds] }
    if noAgent { result.append("--no-agent") }
    if let join { result += ["--join", join] }
    result += ["--node-name", nodeName]
    return result
  }
}

struct LocalCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "local",
    abstract: "Run a Kubernetes API and the operator on this machine, with pods as sandboxed processes.",
    discussion: """
      For trying manifests, development and tests, without Docker or a cluster. Pods that ask for a Flink image run \
      the Flink distribution of that version from the cache (deploy/local/fetch-flink puts it there). The operator \
      runs as a process of its own and is started again when it dies. Ctrl-C or SIGTERM ends everything.

      With --join it is the node of another control plane: it registers a Node and runs the pods bound to it.
      """)

  @OptionGroup var local: LocalOptions
  @Flag(help: "Do not start the operator: only the cluster.")
  var noOperator = false
  @OptionGroup var log: LogOptions

  func run() async throws {
    log.bootstrap()
    try await reportingFailures {
      try await Supervisor(command: self).run()
    }
  }
}

/// The cluster half of `local`, in a process of its own so that either half can die without the other.
struct ClusterProcessCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "cluster-process", shouldDisplay: false)

  @OptionGroup var local: LocalOptions
  @OptionGroup var log: LogOptions

  func run() async throws {
    log.bootstrap()
    try await reportingFailures {
      if let kubeconfig = local.join { return try await join(absolute(kubeconfig)) }
      let cluster = LocalCluster(options: try clusterOptions(), logger: Logger(label: "cluster"))
      try await runServices(
        [
          RunningService {
            try await cluster.run { ready in
              reportToParent(
                JSONValue.object([
                  "server": .string(ready.server), "kubeconfig": .string(ready.kubeconfigPath),
                  "operatorKubeconfig": .string(ready.operatorKubeconfigPath), "runDir": .string(ready.runDirectory),
                ]).text)
            }
          }
        ], endsWithParent: true, logger: Logger(label: "cluster"))
    }
  }

  /// Runs only the node agent, as a client of another API server.
  private func join(_ kubeconfig: String) async throws {
    let configuration = try ClusterConfiguration.load(kubeconfigPath: kubeconfig, context: nil)
    guard let server = APIServerAddress(url: configuration.server) else {
      throw CommandFailure("\(configuration.origin): server \(configuration.server) has no host", hint: nil)
    }
    let logger = Logger(label: "node")
    let client = KubernetesClient(configuration: configuration, logger: logger)
    let cluster = LocalCluster(options: try nodeOptions(), logger: logger)
    do {
      try await runServices(
        [
          RunningService {
            try await cluster.join(client, server: server, certificateAuthority: "") { runDirectory in
              reportToParent(
                JSONValue.object([
                  "server": .string(configuration.server), "kubeconfig": .string(kubeconfig),
                  "runDir": .string(runDirectory),
                ]).text)
            }
          }
        ], endsWithParent: true, logger: logger)
    } catch {
      await client.shutdown()
      throw error
    }
    await client.shutdown()
  }

  private func nodeOptions() throws -> LocalClusterOptions {
    let environment = processEnvironment()
    var options = LocalClusterOptions(
      runDirectory: local.runDir.map(absolute),
      cacheDirectory: (local.cache ?? environment["FLINK_OPERATOR_CACHE"]).map(absolute), environment: environment)
    options.nodeName = local.nodeName
    return options
  }

  private func clusterOptions() throws -> LocalClusterOptions {
    let environment = processEnvironment()
    var options = LocalClusterOptions(
      runDirectory: local.runDir.map(absolute), port: local.port, kubeconfigPath: local.kubeconfig.map(absolute),
      cacheDirectory: (local.cache ?? environment["FLINK_OPERATOR_CACHE"]).map(absolute), runsAgent: !local.noAgent,
      manifests: try InstallationFiles.localClusterManifests(crds: local.crds),
      operatorManifests: try InstallationFiles.operatorManifests(), environment: environment)
    options.nodeName = local.nodeName
    return options
  }
}

private func absolute(_ path: String) -> String {
  guard !path.hasPrefix("/"), let folder = getcwd(nil, 0) else { return path }
  defer { free(folder) }
  return String(cString: folder) + "/" + path
}
