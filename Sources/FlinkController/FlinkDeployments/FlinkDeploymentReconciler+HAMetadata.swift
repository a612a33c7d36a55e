import FlinkModel
import KubernetesAPI
import Lifecycle
import Logging

/// Flink's names for what it keeps in ConfigMaps, the same in 1.x and 2.x but for the job's graph.
enum HAConfigMap {
  /// Also on those of standalone clusters.
  static let type = "flink-native-kubernetes"
  static let suffix = "-config-map"
  static let checkpointPrefix = "checkpointID-"
  static let graphPrefixes = ["jobGraph-", "executionPlan-"]
  /// Put before the key of a graph that is not to be started.
  static let asidePrefix = "set-aside."
  /// On a ConfigMap that was taken out of sight of JobManagers and operators; the value is the operation that did it.
  static let asideAnnotation = "flink-operator.flink.apache.org/set-aside"

  static func clusterMap(_ cluster: String) -> String { "\(cluster)-cluster\(suffix)" }

  static func selector(_ cluster: String) -> String { "app=\(cluster),type=\(type),component!=autoscaler" }

  /// What the ConfigMaps under a cluster's labels say.
  static func metadata(_ maps: [KubernetesObject], cluster: String) -> HAMetadata {
    var result = HAMetadata()
    for map in maps.sorted(by: { $0.metadata.name < $1.metadata.name }) {
      let name = map.metadata.name
      let keys = (map.json["data"]?.objectValue ?? [:]).map(\.key)
      let identity = ObjectIdentity(name: name, uid: map.metadata.uid)
      if name == clusterMap(cluster) {
        let graphs = keys.compactMap { key in
          graphPrefixes.first { key.hasPrefix($0) }.map { String(key.dropFirst($0.count)) }
        }
        result.cluster = HAMetadata.Cluster(
          map: identity, graphs: Array(Set(graphs)).sorted(), holdsOthers: keys.contains { $0.hasPrefix(asidePrefix) })
      } else if name.hasPrefix("\(cluster)-"), name.hasSuffix(suffix) {
        let jobID = String(name.dropFirst(cluster.count + 1).dropLast(suffix.count))
        let checkpoints = keys.filter { $0.hasPrefix(checkpointPrefix) }
          .compactMap { Int64($0.dropFirst(checkpointPrefix.count)) }
        result.jobs.append(
          HAMetadata.Job(
            jobID: jobID, map: identity, checkpointIDs: checkpoints.sorted(),
            isBeingDeleted: map.metadata.isBeingDeleted))
      }
    }
    return result
  }
}

extension FlinkDeploymentReconciler {
  /// The HA ConfigMaps under the cluster's name, by quorum.
  ///
  /// They are not watched: their leaders renew themselves there every few seconds, and decisions about state need a
  /// quorum LIST anyway.
  func readHAMetadata(_ key: ObjectKey) async -> Fact<HAMetadata> {
    let start = clock.now()
    do throws(KubernetesError) {
      let maps = try await kubernetes.listAll(
        .configMaps, namespace: key.namespace, labelSelector: HAConfigMap.selector(key.name))
      return .seen(HAConfigMap.metadata(maps.items, cluster: key.name), at: start)
    } catch {
      logger.warning("cannot list HA metadata", metadata: ["key": "\(key)", "error": "\(error)"])
      return .unknown(why: error.description, since: start)
    }
  }

  /// Each by the UID that was seen.
  func deleteHAMetadata(_ maps: [ObjectIdentity], _ namespace: String) async throws(EffectError) {
    for map in maps {
      do throws(KubernetesError) {
        try await kubernetes.delete(
          .configMaps, namespace: namespace, name: map.name,
          options: DeleteOptions(uid: guards.holds(.deletePrecondition) ? map.uid : nil, propagation: .background))
      } catch {
        if error.isNotFound || error.isConflict { continue }
        throw .kubernetes(error)
      }
    }
  }

  func tidyHAMetadata(_ tidying: HATidying, _ namespace: String, operation: String) async throws(EffectError) {
    do throws(KubernetesError) {
      if let cluster = tidying.cluster { try await tidy(cluster, tidying, namespace) }
      for map in tidying.mapsSetAside {
        // Without the label neither this operator nor another one takes it for a cluster's metadata; Flink goes by name.
        do throws(KubernetesError) {
          _ = try await kubernetes.patch(
            .configMaps, namespace: namespace, name: map.name,
            .merge([
              "metadata": [
                "uid": .string(map.uid), "labels": ["type": .null],
                "annotations": [HAConfigMap.asideAnnotation: .string(operation)],
              ]
            ]))
        } catch {
          if !error.isNotFound && !error.isConflict { throw error }
        }
      }
    } catch {
      throw .kubernetes(error)
    }
  }

  private func tidy(_ map: ObjectIdentity, _ tidying: HATidying, _ namespace: String) async throws(KubernetesError) {
    let existing: KubernetesObject
    do throws(KubernetesError) {
      existing = try await kubernetes.get(.configMaps, namespace: namespace, name: map.name)
    } catch {
      if error.isNotFound { return }
      throw error
    }
    guard existing.metadata.uid == map.uid else { return }
    let data = existing.json["data"]?.objectValue ?? [:]
    var change = JSONObject()
    for prefix in HAConfigMap.graphPrefixes {
      for job in tidying.droppedGraphs where data["\(prefix)\(job)"] != nil { change["\(prefix)\(job)"] = .null }
      for job in tidying.graphsSetAside {
        guard let graph = data["\(prefix)\(job)"] else { continue }
        change["\(prefix)\(job)"] = .null
        change["\(HAConfigMap.asidePrefix)\(prefix)\(job)"] = graph
      }
    }
    guard !change.isEmpty else { return }
    _ = try await kubernetes.patch(
      .configMaps, namespace: namespace, name: map.name,
      .merge([
        "metadata": [
          "uid": .string(map.uid), "resourceVersion": .string(existing.metadata.resourceVersion),
        ],
        "data": .object(change),
      ]))
  }
}
