public import KubernetesAPI
import KubernetesRuntime
public import Logging

/// Looks out for the Apache operator. Two operators that follow the same resources take each other's clusters away.
public final class ApacheOperatorWatch: Sendable {
  private let store = ObjectStore(type: .deployments)
  private let reflector: Reflector
  private let watched: Set<String>?

  /// - Parameter namespaces: those that this operator works in; nil for all.
  public init(kubernetes: any KubernetesGateway, namespaces: [String]?, logger: Logger) {
    watched = namespaces.map { Set($0) }
    reflector = Reflector(
      gateway: kubernetes, type: .deployments, labelSelector: "app.kubernetes.io/name=flink-kubernetes-operator",
      store: store, logger: logger, onChange: { _ in })
  }

  /// Runs until the calling task is cancelled.
  public func run() async { await reflector.run() }

  /// Why nothing must be done, in one line; nil where this operator is alone, or may not look.
  public var obstacle: String? {
    guard store.isSynced else {
      return reflector.status.lastError?.status?.code == 403
        ? nil : "not known yet whether the Apache Flink Kubernetes Operator runs beside this one"
    }
    let other = store.objects(namespace: nil).first {
      Self.isReady($0.json) && Self.meets(Self.namespaces(of: $0.json), watched)
    }
    return other.map { deployment in
      "the Apache Flink Kubernetes Operator runs beside this one (Deployment \(deployment.key)): scale it to 0, or keep "
        + "their namespaces apart and start this one with --beside-apache-operator"
    }
  }

  /// Whether a Deployment has a pod that works.
  static func isReady(_ deployment: JSONValue) -> Bool { deployment["status", "readyReplicas"]?.intValue ?? 0 > 0 }

  /// The namespaces it is told to watch by its environment; nil for all, and where that is not said there.
  static func namespaces(of deployment: JSONValue) -> Set<String>? {
    for container in deployment["spec", "template"]?["spec"]?["containers"]?.arrayValue ?? [] {
      for variable in container["env"]?.arrayValue ?? []
      where variable["name"]?.stringValue == "FLINK_OPERATOR_WATCH_NAMESPACES" {
        let names = (variable["value"]?.stringValue ?? "").split(separator: ",").map { name in
          String(name.filter { !$0.isWhitespace })
        }
        return names.isEmpty ? nil : Set(names)
      }
    }
    return nil
  }

  static func meets(_ one: Set<String>?, _ other: Set<String>?) -> Bool {
    guard let one, let other else { return true }
    return !one.isDisjoint(with: other)
  }
}
