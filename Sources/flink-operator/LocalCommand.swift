import ArgumentParser
import Glibc
import KubernetesAPI
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

  func validate() throws {
    guard (0...65535).contains(port) else { throw ValidationError("--port \(port) is not between 0 and 65535") }
  }

  var arguments: [String] {
    var result = ["--port", "\(port)"]
    if let kubeconfig { result += ["--kubeconfig", kubeconfig] }
    if let runDir { result += ["--run-dir", runDir] }
    if let cache { result += ["--cache", cache] }
    if let crds { result += ["--crds", crds] }
    if noAgent { result.append("--no-agent") }
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

  private func clusterOptions() throws -> LocalClusterOptions {
    let environment = processEnvironment()
    return LocalClusterOptions(
      runDirectory: local.runDir.map(absolute), port: local.port, kubeconfigPath: local.kubeconfig.map(absolute),
      cacheDirectory: (local.cache ?? environment["FLINK_OPERATOR_CACHE"]).map(absolute), runsAgent: !local.noAgent,
      manifests: try InstallationFiles.localClusterManifests(crds: local.crds), environment: environment)
  }
}

private func absolute(_ path: String) -> String {
  guard !path.hasPrefix("/"), let folder = getcwd(nil, 0) else { return path }
  defer { free(folder) }
  return String(cString: folder) + "/" + path
}
