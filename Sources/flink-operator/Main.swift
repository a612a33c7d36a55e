import ArgumentParser

@main
struct FlinkOperator: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "flink-operator",
    abstract: "A Kubernetes operator for Apache Flink.",
    discussion: """
      Reads FlinkDeployment resources (flink.apache.org/v1beta1), runs them as JobManager and TaskManager deployments, \
      and writes what happens back to their status.
      """,
    version: operatorVersion,
    subcommands: [RunCommand.self, LocalCommand.self, ClusterProcessCommand.self])
}

/// The version of this build; CHANGELOG.md says what is in it.
let operatorVersion = "0.1.0"
