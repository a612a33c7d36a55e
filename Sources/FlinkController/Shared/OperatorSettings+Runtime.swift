public import FlinkModel
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

  /// By `kubernetes.operator.leader-election.*`.
  public var leaseElection: LeaseElectionMachine.Settings {
    var settings = LeaseElectionMachine.Settings()
    settings.leaseDuration = leaseDuration
    settings.renewDeadline = leaseRenewDeadline
    settings.retryPeriod = leaseRetryPeriod
    return settings
  }
}
