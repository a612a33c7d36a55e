public import KubernetesAPI

extension InMemoryAPIServer {
  /// Collects garbage and empties deleted namespaces until nothing is left to do: for clusters without controllers.
  public mutating func settle(at now: Timestamp) {
    // Bounded: what cannot be settled in so many rounds waits for the next write.
    for _ in 0..<100 {
      let hasCollected = collectGarbage(at: now)
      let hasFinalized = finalizeNamespaces(at: now)
      if !hasCollected && !hasFinalized { return }
    }
  }
}
