/// Where a pod's files are.
struct PodFiles: Sendable, Hashable {
  /// The pod's folder; everything is in it, so removing it removes the pod.
  let path: String

  init(agentDirectory: String, uid: String) { path = "\(agentDirectory)/pods/\(uid)" }

  var hosts: String { "\(path)/hosts" }
  func volume(_ name: String) -> String { "\(path)/volumes/\(name)" }
  func scratch(_ container: String, run: Int) -> String { "\(path)/containers/\(container)/\(run)" }
  func terminationLog(_ container: String, run: Int) -> String { "\(scratch(container, run: run))/termination-log" }
  func logDirectory(_ container: String) -> String { "\(path)/logs/\(container)" }
  func log(_ container: String, run: Int) -> String { "\(logDirectory(container))/\(run).log" }
}
