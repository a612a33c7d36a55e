import FlinkModel
public import KubernetesAPI
public import KubernetesRuntime
internal import Synchronization

/// The views that turns of FlinkDeployments are taken on.
public final class DeploymentStores: Sendable {
  public let resources: ObjectStore
  public let deployments: ObjectStore
  public let pods: ObjectStore
  public let services: ObjectStore
  /// Nothing but themselves depends on it, so decisions do not wait for its list.
  public let ingresses: ObjectStore
  private let podsByCluster = Mutex<[ObjectKey: Set<ObjectKey>]>([:])

  public init(retention: ObjectStore.Retention = .wholeObjects) {
    resources = ObjectStore(type: .flinkDeployments, retention: retention)
    deployments = ObjectStore(type: .deployments, retention: retention)
    pods = ObjectStore(type: .pods, retention: retention)
    services = ObjectStore(type: .services, retention: retention)
    ingresses = ObjectStore(type: .ingresses, retention: retention)
  }

  /// What Flink's clusters are found by.
  static let clusterSelector = "type in (flink-standalone-kubernetes,flink-native-kubernetes)"
  static let managerSelector = "component in (jobmanager,taskmanager),\(clusterSelector)"

  /// The stores with the selectors of their lists and watches.
  public var all: [(store: ObjectStore, labelSelector: String?)] {
    [
      (resources, nil), (deployments, Self.managerSelector), (pods, Self.managerSelector),
      (services, Self.clusterSelector), (ingresses, "component=ingress"),
    ]
  }

  public var isSynced: Bool { all.allSatisfy { $0.store === ingresses || $0.store.isSynced } }

  /// What has to be looked at after a change in one of the stores.
  public struct Affected: Sendable, Hashable {
    public var turn: ObjectKey?
    public var priority: WorkPriority
    /// The JobManager has news: ask it now.
    public var poll: ObjectKey?
  }

  /// To be called after each change of a store, in order.
  public func note(_ change: StoreChange, in type: ResourceType) -> Affected {
    let object = change.latest
    let namespace = object.metadata.namespace
    let cluster = object.metadata.labels["app"].map { ObjectKey(namespace: namespace, name: $0) }
    switch type {
    case .flinkDeployments:
      let isEdit: Bool
      switch change {
      case .added: isEdit = false
      case .updated(let old, let new):
        isEdit =
          old.metadata.generation != new.metadata.generation
          || old.metadata.isBeingDeleted != new.metadata.isBeingDeleted
      case .recreated, .removed: isEdit = true
      }
      return Affected(turn: change.key, priority: isEdit ? .userIntent : .transition, poll: nil)
    case .deployments:
      let owner = object.metadata.ownerReferences.first { $0.kind == FlinkDeployment.kind }
      return Affected(
        turn: owner.map { ObjectKey(namespace: namespace, name: $0.name) } ?? cluster, priority: .transition, poll: nil)
    case .ingresses:
      let owner = object.metadata.ownerReferences.first { $0.kind == FlinkDeployment.kind }
      return Affected(
        turn: owner.map { ObjectKey(namespace: namespace, name: $0.name) }, priority: .steady, poll: nil)
    case .pods:
      guard let cluster else { return Affected(turn: nil, priority: .transition, poll: nil) }
      podsByCluster.withLock { index in
        if case .removed = change {
          index[cluster]?.remove(object.key)
          if index[cluster]?.isEmpty == true { index[cluster] = nil }
        } else {
          index[cluster, default: []].insert(object.key)
        }
      }
      let isJobManager = object.metadata.labels["component"] == "jobmanager"
      return Affected(turn: cluster, priority: .transition, poll: isJobManager ? cluster : nil)
    default:
      return Affected(turn: nil, priority: .steady, poll: cluster)
    }
  }

  /// Deployments and pods under the name of one cluster, whoever owns them.
  func cluster(_ key: ObjectKey, uid: String) -> (deployments: [KubernetesObject], pods: [KubernetesObject]) {
    var deployments = deployments.objects(ownedBy: uid)
    for name in [key.name, "\(key.name)-taskmanager"] {
      if let object = self.deployments.get(ObjectKey(namespace: key.namespace, name: name)),
        !deployments.contains(where: { $0.key == object.key })
      {
        deployments.append(object)
      }
    }
    let pods = (podsByCluster.withLock { $0[key] } ?? []).sorted().compactMap { self.pods.get($0) }
    return (deployments, pods)
  }
}
