/// The names of the operator's and the autoscaler's configuration keys, to tell misspelt ones.
public enum KnownKeys {
  /// Keys under `kubernetes.operator.` that a resource may set for itself.
  static let resource: Set<String> = [
    "checkpoint.trigger.grace-period", "checkpoint.type", "cluster.health-check.checkpoint-progress.enabled",
    "cluster.health-check.checkpoint-progress.window", "cluster.health-check.enabled",
    "cluster.health-check.restarts.threshold", "cluster.health-check.restarts.window",
    "deployment.readiness.timeout", "deployment.rollback.enabled", "exception.label.mapper",
    "jm-deployment-recovery.enabled", "jm-deployment.shutdown-ttl", "jm-deployment.startup.probe.enabled",
    "job.drain-on-savepoint-deletion", "job.restart.failed", "job.restore-unconfirmed.enabled",
    "job.savepoint-on-deletion",
    "job.upgrade.ignore-pending-savepoint", "job.upgrade.inplace-scaling.enabled",
    "job.upgrade.last-state-fallback.enabled", "job.upgrade.last-state.job-cancel.enabled",
    "job.upgrade.last-state.max.allowed.checkpoint.age", "observer.savepoint.trigger.grace-period",
    "periodic.checkpoint.interval", "periodic.savepoint.interval", "pod-template.merge-arrays-by-name",
    "savepoint.cleanup.enabled", "savepoint.dispose-on-delete", "savepoint.format.type", "savepoint.history.max.age",
    "savepoint.history.max.count", "savepoint.trigger.grace-period", "session.block-on-unmanaged-jobs",
    "session.deletion.block-on-session-jobs", "session.deletion.block-on-unmanaged-jobs", "snapshot.resource.enabled",
    "user.artifacts.http.header",
  ]

  /// Keys under `kubernetes.operator.` that are read from the operator's own configuration only.
  static let operatorOnly: Set<String> = [
    "checkpoint-ledger.flush-interval", "checkpoint-ledger.write-budget", "cluster.resource-view.refresh-interval",
    "config.cache.size", "config.cache.timeout", "dynamic.config.check.interval", "dynamic.config.enabled",
    "dynamic.namespaces.enabled", "events.exceptions.limit-per-reconciliation", "events.exceptions.stacktrace-lines",
    "exception.field.max.length", "exception.stacktrace.enabled", "exception.stacktrace.max.length",
    "exception.throwable.list.max.count", "flink.client.cancel.timeout", "flink.client.timeout",
    "health.canary.resource.timeout", "health.probe.enabled", "health.probe.port", "ingress.manage",
    "job.submission.timeout", "josdk.metrics.enabled", "jvm.metrics.enabled", "kubernetes.client.metrics.enabled",
    "kubernetes.client.metrics.http.response.code.groups.enabled",
    "kubernetes.client.metrics.slow.request.threshold", "label.selector", "leader-election.enabled",
    "leader-election.lease-duration", "leader-election.lease-name", "leader-election.renew-deadline",
    "leader-election.retry-period", "metrics.histogram.sample.size", "metrics.scope.k8soperator.resource",
    "metrics.scope.k8soperator.resourcens", "metrics.scope.k8soperator.system", "observer.flink.client.timeout",
    "observer.progress-check.interval", "observer.rest-ready.delay", "polling.budget", "polling.fast-interval",
    "polling.interval", "rate-limiter.limit", "rate-limiter.refresh-period", "reconcile.interval",
    "reconcile.parallelism", "reconciler.flink.cancel.job.timeout", "reconciler.flink.cluster.shutdown.timeout",
    "reconciler.max.parallelism", "reconciler.reschedule.interval", "resource.cleanup.timeout",
    "resource.deletion.propagation", "resource.lifecycle.metrics.enabled",
    "resource.lifecycle.namespace.histograms.enabled", "resource.metrics.enabled", "retry.initial.interval",
    "retry.interval.multiplier", "retry.max.attempts", "retry.max.interval", "savepoint.history.max.age.threshold",
    "savepoint.history.max.count.threshold", "startup.stop-on-informer-error", "termination.timeout",
    "user.artifacts.allowed-schemes", "user.artifacts.base.dir", "user.artifacts.disallow-restricted-hosts",
    "watched.namespaces",
  ]

  /// Keys under `job.autoscaler.`.
  static let autoscaler: Set<String> = [
    "backlog-processing.lag-threshold", "catch-up.duration", "enabled", "excluded.periods",
    "flink.rest-client.timeout", "history.max.age", "history.max.count", "memory.gc-pressure.threshold",
    "memory.heap-usage.threshold", "memory.tuning.enabled", "memory.tuning.maximize-managed-memory",
    "memory.tuning.overhead", "memory.tuning.scale-down-compensation.enabled", "metrics.busy-time.aggregator",
    "metrics.custom-evaluators", "metrics.window", "observed-scalability.coefficient-min",
    "observed-scalability.enabled", "observed-scalability.min-observations",
    "observed-true-processing-rate.lag-threshold", "observed-true-processing-rate.min-observations",
    "observed-true-processing-rate.switch-threshold", "quota.cpu", "quota.memory", "restart.time",
    "restart.time-tracking.enabled", "restart.time-tracking.limit", "scale-down.interval", "scale-down.max-factor",
    "scale-up.grace-period", "scale-up.max-factor", "scaling.custom-executors",
    "scaling.effectiveness.detection.enabled", "scaling.effectiveness.threshold", "scaling.enabled",
    "scaling.event.interval", "scaling.key-group.partitions.adjust.mode", "scaling.parallelism-alignment.mode",
    "stabilization.interval", "target.utilization", "target.utilization.boundary", "utilization.max",
    "utilization.min", "utilization.target", "vertex.exclude.ids", "vertex.max-parallelism", "vertex.min-parallelism",
  ]

  /// Beginnings of keys whose rest anybody chooses.
  static let operatorFamilies = ["metrics.", "plugins.", "default-configuration.", "job.autoscaler.", "bluegreen."]
  static let autoscalerFamilies = [
    "metrics.custom-evaluator.", "scaling.custom-executor.", "scaling.parallelism-alignment.mode.",
  ]

  /// What a resource's key is to the operator.
  enum Judgement: Hashable {
    /// It is known, or no business of the operator's.
    case fine
    /// It has an effect in the operator's own configuration only.
    case operatorOnly
    /// Nobody reads it; the known key that is most like it, if any is.
    case unknown(suggestion: String?)
  }

  static func judge(_ key: String) -> Judgement {
    let prefix = "kubernetes.operator."
    if key.hasPrefix(prefix) {
      let name = String(key.dropFirst(prefix.count))
      if resource.contains(name) { return .fine }
      if operatorOnly.contains(name) || name.hasPrefix("default-configuration.") { return .operatorOnly }
      if name.hasPrefix("job.autoscaler.") { return judge(name) }
      if operatorFamilies.contains(where: { name.hasPrefix($0) }) { return .fine }
      return .unknown(suggestion: nearest(name, in: resource.union(operatorOnly)).map { prefix + $0 })
    }
    let autoscalerPrefix = "job.autoscaler."
    if key.hasPrefix(autoscalerPrefix) {
      let name = String(key.dropFirst(autoscalerPrefix.count))
      if autoscaler.contains(name) || autoscalerFamilies.contains(where: { name.hasPrefix($0) }) { return .fine }
      return .unknown(suggestion: nearest(name, in: autoscaler).map { autoscalerPrefix + $0 })
    }
    return .fine
  }

  /// The name with the fewest edits, at most a quarter of the letters.
  private static func nearest(_ name: String, in names: Set<String>) -> String? {
    let letters = Array(name.utf8)
    let most = max(2, letters.count / 4)
    let ranked = names.map { (distance(letters, Array($0.utf8), most: most), $0) }.filter { $0.0 <= most }
    return ranked.min { ($0.0, $0.1) < ($1.0, $1.1) }?.1
  }

  /// Insertions, deletions and replacements from one text to the other; `most + 1` for more than `most`.
  private static func distance(_ left: [UInt8], _ right: [UInt8], most: Int) -> Int {
    if abs(left.count - right.count) > most { return most + 1 }
    var row = Array(0...right.count)
    for (i, letter) in left.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, other) in right.enumerated() {
        let replaced = diagonal + (letter == other ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
      }
    }
    return row[right.count]
  }
}
