import FlinkModel
import KubernetesAPI
import KubernetesRuntime
import Lifecycle
import Logging

extension FlinkDeploymentReconciler {
  /// What is known without asking anybody.
  func observe(_ resource: FlinkDeployment, _ memory: Memory) -> Observation {
    // What is in memory keeps its age, whatever has happened to the time of day.
    let epoch = clock.epoch()
    let now = clock.now()
    let uid = resource.metadata.uid
    let objects = stores.cluster(resource.key, uid: uid)
    let facts = ClusterFacts(
      deployments: objects.deployments.map { DeploymentFacts($0) }, pods: objects.pods.map { PodFacts($0) })
    var jobManager = memory.poll?.facts ?? .unknown("the JobManager has not been asked yet", since: clock.elapsed())
    if let effectAt = memory.jobManagerEffectAt, guards.holds(.factsAfterEffect) {
      let why = "read before the last request to the JobManager"
      jobManager.jobs = jobManager.jobs.since(effectAt, why: why)
      jobManager.checkpoints = jobManager.checkpoints.since(effectAt, why: why)
      jobManager.savepoint = jobManager.savepoint.since(effectAt, why: why)
      jobManager.checkpoint = jobManager.checkpoint.since(effectAt, why: why)
      jobManager.bounds = jobManager.bounds?.since(effectAt, why: why)
      jobManager.parallelism = jobManager.parallelism?.since(effectAt, why: why)
    }
    if let poll = memory.poll, guards.holds(.factsAfterEffect) {
      jobManager = jobManager.answering(resource.status, asked: poll.polling, since: poll.wantedSince)
    }
    if memory.poll?.polling.wantsParallelism != true {
      jobManager.bounds = nil
      jobManager.parallelism = nil
    }
    jobManager = jobManager.dated(from: epoch)
    var lastEffect = memory.lastEffect
    lastEffect?.at += epoch
    let target = target(of: resource)
    var observation = Observation(
      metadata: resource.metadata, target: target, deployed: deployed(resource, target), cluster: .seen(facts, at: now),
      quorum: .unknown(why: "not asked for", since: now), jobManager: jobManager, lastEffect: lastEffect)
    observation.errorLimits = settings.errorLimits
    observation.ingress = observeIngress(
      resource, target, restPort: self.memory(resource.key, uid: uid).restPort)
    return observation
  }

  /// The present spec with what the core needs of its configuration, or why it cannot be deployed.
  private func target(of resource: FlinkDeployment) -> Result<Target, InvalidField> {
    do throws(InvalidField) {
      let (name, namespace) = (resource.metadata.name, resource.metadata.namespace)
      let version = try? resource.spec.get().flinkVersion
      let scoped = try settings.scoped(namespace: namespace, flinkVersion: version)
      let spec = try Validator(scoped).validate(resource)
      let configuration = try scoped.deployConfiguration(for: spec, name: name, namespace: namespace)
      if configuration.usesKubernetesHA, configuration.highAvailabilityStorage?.isEmpty ?? true {
        throw InvalidField(
          field: "spec.flinkConfiguration[high-availability.storageDir]", value: nil,
          fix: "must be set to a place that all JobManagers reach, such as s3://bucket/ha: Flink keeps there what its "
            + "HA ConfigMaps point to")
      }
      return .success(
        Target(
          spec: spec, settings: try lifecycleSettings(configuration, scoped)))
    } catch {
      return .failure(error)
    }
  }

  /// What the record says is deployed, observed with the operator's keys of the present spec.
  private func deployed(_ resource: FlinkDeployment, _ target: Result<Target, InvalidField>) -> Target? {
    let reconciliation = resource.status.reconciliationStatus
    let isStarting = Record(resource.status, uid: resource.metadata.uid).isStarting
    guard let recorded = isStarting ? reconciliation.startedSpec : reconciliation.deployedSpec else { return nil }
    do throws(InvalidField) {
      let spec = try recorded.spec()
      let current = (try? target.get().spec) ?? spec
      let scoped = try settings.scoped(namespace: resource.metadata.namespace, flinkVersion: spec.flinkVersion)
      let configuration = try scoped.observeConfiguration(
        deployed: spec, current: current, name: resource.metadata.name, namespace: resource.metadata.namespace)
      let port = try configuration.restPort
      let isEncrypted = try configuration.isRESTEncrypted
      update(resource.key, uid: resource.metadata.uid) { memory in
        memory.restPort = port
        memory.isRESTEncrypted = isEncrypted
      }
      return Target(
        spec: spec, settings: try lifecycleSettings(configuration, scoped))
    } catch {
      logger.warning(
        "the recorded spec cannot be read", metadata: ["key": "\(resource.key)", "error": "\(error)"])
      return nil
    }
  }

  private func lifecycleSettings(
    _ configuration: FlinkConfiguration, _ scoped: OperatorSettings
  ) throws(InvalidField) -> LifecycleSettings {
    var lifecycle = try LifecycleSettings(configuration, operatorSettings: scoped)
    lifecycle.snapshots.limit(by: scoped)
    return lifecycle
  }

  /// Deployments and pods under the cluster's name, by quorum.
  func readCluster(_ key: ObjectKey) async -> Fact<ClusterFacts> {
    let start = clock.now()
    let selector = "app=\(key.name),\(DeploymentStores.managerSelector)"
    do throws(KubernetesError) {
      let deployments = try await kubernetes.listAll(
        .deployments, namespace: key.namespace, labelSelector: selector)
      let pods = try await kubernetes.listAll(.pods, namespace: key.namespace, labelSelector: selector)
      return .seen(
        ClusterFacts(
          deployments: deployments.items.map { DeploymentFacts($0) }, pods: pods.items.map { PodFacts($0) }),
        at: start)
    } catch {
      logger.warning("cannot list a cluster", metadata: ["key": "\(key)", "error": "\(error)"])
      return .unknown(why: error.description, since: start)
    }
  }
}

extension JobManagerFacts {
  /// The same facts, with answers about another request than the recorded one unknown: another operator may have made a
  /// request since these were asked for.
  func answering(_ status: FlinkDeploymentStatus, asked polling: Polling, since: Int64) -> JobManagerFacts {
    var copy = self
    let job = status.jobStatus
    let why = "asked about another request"
    if polling.savepointTriggerID != status.operation?.savepoint?.triggerID ?? job.savepointInfo?.triggerId {
      copy.savepoint = .unknown(why: why, since: since)
    }
    if polling.checkpointTriggerID != job.checkpointInfo?.triggerId {
      copy.checkpoint = .unknown(why: why, since: since)
    }
    return copy
  }
}
