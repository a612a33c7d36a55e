import FlinkModel

/// Which JobManagers may keep a connection open between calls: at most `capacity`, first come first served until one has
/// not been used for `expiry`. The others connect for each call.
///
/// A strict "least recently used" would evict each connection just before its next use once more JobManagers are polled
/// in turn than fit.
struct KeepAlivePolicy {
  let capacity: Int
  let expiry: Duration
  private var lastUse: [FlinkEndpoint: Duration] = [:]
  private var nextSweep = Duration.zero

  init(capacity: Int, expiry: Duration) {
    self.capacity = capacity
    self.expiry = expiry
  }

  /// Whether the connection to `endpoint` may stay open after this call.
  mutating func keeps(_ endpoint: FlinkEndpoint, now: Duration) -> Bool {
    if lastUse[endpoint] != nil || lastUse.count < capacity {
      lastUse[endpoint] = now
      return true
    }
    if now >= nextSweep {
      lastUse = lastUse.filter { now - $0.value < expiry }
      nextSweep = now + .seconds(1)
    }
    guard lastUse.count < capacity else { return false }
    lastUse[endpoint] = now
    return true
  }
}
