public import KubernetesAPI

/// Runs the pods of a Job until as many have succeeded as it asks for, or too many have failed.
public enum JobController {
  public static let jobs = ResourceType(group: "batch", version: "v1", plural: "jobs", kind: "Job")
  /// Types that must be listed before a turn.
  public static let types: [ResourceType] = [jobs, .pods]

  /// Holds a pod that has ended until it has been counted.
  static let finalizer = "batch.kubernetes.io/job-tracking"
  /// The pause after the first failure; it doubles with each.
  private static let firstPause: Int64 = 10_000
  private static let longestPause: Int64 = 600_000

  /// What to do about one Job.
  public static func reconcile(_ key: ObjectKey, in cache: ClusterCache, now: Timestamp) -> Reconciliation {
    let all = cache.objects(.pods, namespace: key.namespace)
    guard let job = cache.object(jobs, key) else {
      return Reconciliation(writes: releases(all.filter { isOrphan($0, of: key, uid: nil) }.map(PodState.init)))
    }
    let orphans = releases(all.filter { isOrphan($0, of: key, uid: job.metadata.uid) }.map(PodState.init))
    guard orphans.isEmpty else { return Reconciliation(writes: orphans) }
    let pods = all.filter { $0.controllerReference?.uid == job.metadata.uid }.map(PodState.init)
    let view = JobView(job, job.json)
    if job.metadata.isBeingDeleted { return Reconciliation(writes: releases(pods.filter { !$0.isActive })) }
    if let end = view.endedAt { return afterEnd(view, pods, end, now: now) }

    // What has ended is counted once: named in the status first, then released, then added to the numbers.
    let uids = Dictionary(pods.map { ($0.metadata.uid, $0) }) { first, _ in first }
    var uncounted = view.uncounted
    let released = uncounted.filter { uids[$0.uid]?.metadata.finalizers.contains(finalizer) != true }
    uncounted.removeAll { released.contains($0) }
    // A pod that somebody has deleted counts as failed.
    let held = pods.filter { !$0.isActive && $0.metadata.finalizers.contains(finalizer) }
    for pod in held where !uncounted.contains(where: { $0.uid == pod.metadata.uid }) {
      uncounted.append(JobView.Ended(uid: pod.metadata.uid, hasSucceeded: pod.phase == "Succeeded"))
    }
    let counted = (
      succeeded: view.count("succeeded") + Int64(released.count(where: \.hasSucceeded)),
      failed: view.count("failed") + Int64(released.count { !$0.hasSucceeded })
    )
    let succeeded = counted.succeeded + Int64(uncounted.count(where: \.hasSucceeded))
    let failed = counted.failed + Int64(uncounted.count { !$0.hasSucceeded })
    let active = pods.filter(\.isActive)
    var status = view.status
    if !view.isSuspended && view.startTime == nil { status["startTime"] = .string(now.rfc3339Seconds) }
    set(&status, "succeeded", counted.succeeded)
    set(&status, "failed", counted.failed)
    var result = Reconciliation()

    if let ending = view.ending(succeeded: succeeded, failed: failed, active: active.count, now: now) {
      result.writes = active.map { .delete(.pods, $0.object.key, DeleteOptions(uid: $0.metadata.uid)) }
      let isFirst = ending.target.map { !view.has($0) } ?? false
      if isFirst, let target = ending.target { view.add(target, ending, to: &status, now: now) }
      if active.isEmpty && uncounted.isEmpty {
        view.add(ending.type, ending, to: &status, now: now)
        if ending.type == "Complete" { status["completionTime"] = .string(now.rfc3339Seconds) }
      }
    } else if view.isSuspended {
      result.writes = removals(active)
      view.setSuspended(true, in: &status, now: now)
      status["startTime"] = nil
    } else {
      if view.has("Suspended") {
        view.setSuspended(false, in: &status, now: now)
        status["startTime"] = .string(now.rfc3339Seconds)
      }
      let missing = Int(view.wantedActive(succeeded: succeeded)) - active.count
      let resume = pause(after: pods, failed: failed)
      if missing > 0, let resume, resume > now {
        result.wakeAt = resume
      } else if missing > 0 {
        let pod = view.newPod(finalizer: finalizer)
        result.writes = (0..<missing).map { _ in .create(.pods, namespace: key.namespace, pod) }
      } else if missing < 0 {
        result.writes = removals(Array(active.suffix(-missing)))
      }
      if let deadline = view.deadline { result.wakeAt = [result.wakeAt, deadline].compactMap { $0 }.min() }
    }
    let expected = result.writes.reduce(active.count) { count, write in
      switch write {
      case .create: count + 1
      case .delete: count - 1
      default: count
      }
    }
    set(&status, "active", Int64(max(0, expected)))
    status["ready"] = JSONValue(min(expected, active.count(where: \.isReady)))
    status["terminating"] = JSONValue(pods.count { $0.metadata.isBeingDeleted && !$0.isTerminal })
    status["uncountedTerminatedPods"] = JobView.json(of: uncounted)
    if status != view.status {
      var changed = view.json
      changed["status"] = status
      result.writes.append(.replace(jobs, key, subresource: "status", changed))
    }
    result.writes += releases(held)
    return result
  }

  private static func set(_ status: inout JSONValue, _ field: String, _ count: Int64) {
    status[field] = count == 0 ? nil : JSONValue(count)
  }

  /// Deletes pods that are not to be counted.
  private static func removals(_ pods: [PodState]) -> [ControllerWrite] {
    releases(pods) + pods.map { .delete(.pods, $0.object.key, DeleteOptions(uid: $0.metadata.uid)) }
  }

  /// Whether a pod is still held although its Job is gone, or has been taken from it.
  ///
  /// - Parameter uid: of the Job that is there under the name now.
  private static func isOrphan(_ pod: KubernetesObject, of key: ObjectKey, uid: String?) -> Bool {
    guard pod.metadata.finalizers.contains(finalizer) else { return false }
    guard let owner = pod.controllerReference else {
      return pod.metadata.labels["batch.kubernetes.io/job-name"] == key.name
    }
    return owner.kind == "Job" && owner.name == key.name && owner.uid != uid
  }

  private static func releases(_ pods: [PodState]) -> [ControllerWrite] {
    pods.filter { $0.metadata.finalizers.contains(finalizer) }.map { pod in
      let kept = pod.metadata.finalizers.filter { $0 != finalizer }
      return .mergePatch(
        .pods, pod.object.key, subresource: nil,
        pod.object.patch(["metadata": ["finalizers": kept.isEmpty ? .null : JSONValue(kept)]]))
    }
  }

  /// When the next pod may be made after failures; nil when at once.
  private static func pause(after pods: [PodState], failed: Int64) -> Timestamp? {
    guard failed > 0 else { return nil }
    let ends = pods.filter { $0.phase == "Failed" }.compactMap { pod in
      (pod.json["status", "containerStatuses"]?.arrayValue ?? []).compactMap {
        $0["state", "terminated", "finishedAt"]?.stringValue.flatMap { Timestamp(rfc3339: $0) }
      }.max()
    }
    guard let last = ends.max() else { return nil }
    let pause = min(longestPause, firstPause << min(failed - 1, 8))
    return Timestamp(epochMilliseconds: last.epochMilliseconds + pause)
  }

  private static func afterEnd(
    _ view: JobView, _ pods: [PodState], _ end: Timestamp, now: Timestamp
  ) -> Reconciliation {
    var result = Reconciliation(writes: releases(pods.filter { !$0.isActive }))
    guard let seconds = view.json["spec", "ttlSecondsAfterFinished"]?.intValue else { return result }
    let due = Timestamp(epochMilliseconds: end.epochMilliseconds + seconds * 1000)
    if due <= now {
      result.writes.append(
        .delete(jobs, view.job.key, DeleteOptions(uid: view.job.metadata.uid, propagation: .foreground)))
    } else {
      result.wakeAt = due
    }
    return result
  }
}

/// A Job as its controller sees it.
private struct JobView {
  struct Ending {
    var type: String
    /// The condition that says so before the last pod is gone.
    var target: String?
    var reason: String
    var message: String
  }

  /// A pod that has ended and is not in the numbers yet.
  struct Ended: Hashable {
    var uid: String
    var hasSucceeded: Bool
  }

  let job: KubernetesObject
  let json: JSONValue
  let status: JSONValue

  init(_ job: KubernetesObject, _ json: JSONValue) {
    self.job = job
    self.json = json
    status = json["status"] ?? [:]
  }

  var isSuspended: Bool { json["spec", "suspend"]?.boolValue ?? false }
  var startTime: Timestamp? { status["startTime"]?.stringValue.flatMap { Timestamp(rfc3339: $0) } }

  func count(_ field: String) -> Int64 { status[field]?.intValue ?? 0 }

  var uncounted: [Ended] {
    func list(_ field: String, _ hasSucceeded: Bool) -> [Ended] {
      (status["uncountedTerminatedPods", field]?.arrayValue ?? []).compactMap(\.stringValue)
        .map { Ended(uid: $0, hasSucceeded: hasSucceeded) }
    }
    return list("succeeded", true) + list("failed", false)
  }

  static func json(of uncounted: [Ended]) -> JSONValue {
    var json: JSONValue = [:]
    for (field, hasSucceeded) in [("succeeded", true), ("failed", false)] {
      let uids = uncounted.filter { $0.hasSucceeded == hasSucceeded }.map(\.uid)
      if !uids.isEmpty { json[field] = JSONValue(uids) }
    }
    return json
  }

  func has(_ type: String) -> Bool { condition(type)?["status"] == "True" }

  private func condition(_ type: String) -> JSONValue? {
    status["conditions"]?.arrayValue?.first { $0["type"]?.stringValue == type }
  }

  /// When the Job has completed or failed.
  var endedAt: Timestamp? {
    guard let condition = ["Complete", "Failed"].lazy.compactMap({ has($0) ? condition($0) : nil }).first else {
      return nil
    }
    return condition["lastTransitionTime"]?.stringValue.flatMap { Timestamp(rfc3339: $0) }
      ?? Timestamp(epochMilliseconds: 0)
  }

  var deadline: Timestamp? {
    guard let seconds = json["spec", "activeDeadlineSeconds"]?.intValue, let start = startTime else { return nil }
    return Timestamp(epochMilliseconds: start.epochMilliseconds + seconds * 1000)
  }

  /// How many pods are to run now.
  func wantedActive(succeeded: Int64) -> Int64 {
    let parallel = json["spec", "parallelism"]?.intValue ?? 1
    guard let completions = json["spec", "completions"]?.intValue else { return succeeded > 0 ? 0 : parallel }
    return max(0, min(parallel, completions - succeeded))
  }

  /// How the Job ends; nil while it goes on.
  func ending(succeeded: Int64, failed: Int64, active: Int, now: Timestamp) -> Ending? {
    if failed > json["spec", "backoffLimit"]?.intValue ?? 6 {
      return Ending(
        type: "Failed", target: "FailureTarget", reason: "BackoffLimitExceeded",
        message: "Job has reached the specified backoff limit")
    }
    if !isSuspended, let deadline, deadline <= now {
      return Ending(
        type: "Failed", target: "FailureTarget", reason: "DeadlineExceeded",
        message: "Job was active longer than specified deadline")
    }
    let completions = json["spec", "completions"]?.intValue
    let isDone = completions.map { succeeded >= $0 } ?? (succeeded > 0 && active == 0)
    guard isDone else { return nil }
    return Ending(
      type: "Complete", target: "SuccessCriteriaMet", reason: "CompletionsReached",
      message: "Reached expected number of succeeded pods")
  }

  func add(_ type: String, _ ending: Ending, to status: inout JSONValue, now: Timestamp) {
    put(type, "True", ending.reason, ending.message, in: &status, now: now)
  }

  func setSuspended(_ isSuspended: Bool, in status: inout JSONValue, now: Timestamp) {
    guard has("Suspended") != isSuspended else { return }
    put(
      "Suspended", isSuspended ? "True" : "False", isSuspended ? "JobSuspended" : "JobResumed",
      isSuspended ? "Job suspended" : "Job resumed", in: &status, now: now)
  }

  private func put(
    _ type: String, _ value: String, _ reason: String, _ message: String, in status: inout JSONValue, now: Timestamp
  ) {
    var conditions = status["conditions"]?.arrayValue ?? []
    conditions.removeAll { $0["type"]?.stringValue == type }
    let time = JSONValue.string(now.rfc3339Seconds)
    conditions.append([
      "type": .string(type), "status": .string(value), "lastProbeTime": time, "lastTransitionTime": time,
      "reason": .string(reason), "message": .string(message),
    ])
    status["conditions"] = .array(conditions)
  }

  func newPod(finalizer: String) -> JSONValue {
    let template = json["spec", "template"]
    var metadata: JSONValue = ["generateName": .string("\(job.metadata.name)-")]
    for field in ["labels", "annotations"] {
      if let value = template?["metadata", field] { metadata[field] = value }
    }
    metadata["finalizers"] = .array((template?["metadata", "finalizers"]?.arrayValue ?? []) + [.string(finalizer)])
    metadata["ownerReferences"] = [ReplicaSetController.reference(to: job).json]
    return ["apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template?["spec"] ?? [:]]
  }
}
