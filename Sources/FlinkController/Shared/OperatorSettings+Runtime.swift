public import FlinkModel
public import KubernetesAPI
public import KubernetesRuntime

extension OperatorSettings {
  /// How turns that failed are tried again, for ever: by `kubernetes.operator.retry.*` as far as it is set.
  public var turnBackoff: BackoffPolicy {
    var policy = BackoffPolicy.turns
    if let base = retryInitialInterval { policy.base = base }
    if let factor = retryMultiplier { policy.factor = factor }
    policy.cap = max(retryMaxInterval ?? policy.cap, policy.base)
    return policy
  }

  /// How a cluster's Deployments are deleted, by `kubernetes.operator.resource.deletion.propagation`.
  ///
  /// Where the key is not set nothing needs to be waited for: the Deployments have been scaled to zero and their pods are
  /// gone. `Orphan` counts as `Background`: it would leave a native JobManager's TaskManagers behind, for ever.
  public var clusterDeletion: PropagationPolicy { deletionPropagation == .foreground ? .foreground : .background }

  /// By `kubernetes.operator.leader-election.*`.
  public var leaseElection: LeaseElectionMachine.Settings {
    var settings = LeaseElectionMachine.Settings()
    settings.leaseDuration = leaseDuration
    settings.renewDeadline = leaseRenewDeadline
    settings.retryPeriod = leaseRetryPeriod
    return settings
  }
}
