import FlinkBlueprint
import FlinkModel
public import KubernetesAPI
import KubernetesRuntime
import Lifecycle
import Logging

extension FlinkDeploymentReconciler {
  /// Notes what is wanted of the JobManager. Whether that is something new.
  func follow(_ polling: Polling?, _ key: ObjectKey, _ uid: String) -> Bool {
    let now = clock.elapsed()
    var isNew = false
    update(key, uid: uid) { memory in
      guard let polling else {
        memory.poll = nil
        return
      }
      guard let poll = memory.poll else {
        memory.poll = JobManagerPoll(polling: polling, now: now)
        isNew = true
        return
      }
      if poll.polling != polling {
        memory.poll = poll.following(polling, now: now, guards: guards)
        isNew =
          polling.pace == .fast || polling.wantsExceptions != poll.polling.wantsExceptions
          || polling.attempt != poll.polling.attempt
      }
    }
    return isNew
  }

  /// How a poll ended.
  public struct PollResult: Sendable, Hashable {
    /// A turn would see something new.
    public var isNews: Bool
    /// Milliseconds until the next poll; nil where none is wanted.
    public var pause: Int64?
  }

  /// Asks the JobManager of one resource once.
  public func poll(_ key: ObjectKey) async -> PollResult {
    guard let object = stores.resources.get(key) else { return PollResult(isNews: false, pause: nil) }
    let uid = object.metadata.uid
    let memory = memory(key, uid: uid)
    guard let before = memory.poll else { return PollResult(isNews: false, pause: nil) }
    var poll = before
    let start = clock.elapsed()
    let starting = starting(key, memory)
    let pod = starting.flatMap { memory.podRoute.leads(to: $0, failures: poll.failures, now: start) ? $0 : nil }
    do throws(UnresolvedJobManager) {
      let endpoint = try endpoint(key, memory, pod)
      await poll.ask(flink, at: endpoint, isDirect: pod != nil, clock: clock)
    } catch {
      poll.count += 1
      poll.requests = 0
      poll.fail(error.description, now: clock.elapsed())
    }
    let result = poll
    let isCurrent = updatePoll(key, uid, result, asked: before.polling)
    let schedule = PollSchedule(settings)
    let now = clock.elapsed()
    if let starting {
      update(key, uid: uid) {
        $0.podRoute.note(
          starting, isDirect: pod != nil, hasAnswered: result.failures == 0, isSilent: result.isSilent,
          took: now - start, now: now)
      }
    }
    let urgency = poll.urgency
    var pause = schedule.pause(
      urgency, waiting: now - poll.wantedSince, failing: poll.failing(now: now), failures: poll.failures,
      seed: seed(key, poll.count))
    if urgency == .steady, poll.failures == 0, let limit = poll.checkpointPause { pause = min(pause, limit) }
    if poll.hasMoreToAsk { pause = 0 }
    let stretched = pollBudget.pause(pause, isUrgent: urgency != .steady, requests: poll.requests, now: now)
    logger.trace(
      "poll",
      metadata: [
        "key": "\(key)", "attempt": "\(poll.polling.attempt)", "requests": "\(poll.requests)",
        "by": pod == nil ? "service" : "pod", "job": "\(poll.toldState)", "next": "\(stretched) ms",
      ])
    return PollResult(isNews: isCurrent && !before.tellsSameAs(result), pause: isCurrent ? stretched : 0)
  }

  private func updatePoll(_ key: ObjectKey, _ uid: String, _ result: JobManagerPoll, asked: Polling) -> Bool {
    var isCurrent = false
    update(key, uid: uid) { memory in
      // A wish that changed meanwhile makes the answers those of another question.
      guard memory.poll?.polling == asked || !guards.holds(.factsAfterEffect) else { return }
      memory.poll = result
      isCurrent = true
    }
    return isCurrent
  }

  /// The JobManager's pod where its Service does not lead to it yet; nil where only the Service is asked.
  private func starting(_ key: ObjectKey, _ memory: Memory) -> StartingJobManager? {
    // A certificate may have to name the host, and of a session cluster no job says whose it is.
    guard let polling = memory.poll?.polling, polling.pace == .fast, !polling.jobID.isEmpty, !memory.isRESTEncrypted
    else { return nil }
    return StartingJobManager(
      among: stores.cluster(key, uid: memory.uid).pods, behind: restService(key), attempt: polling.attempt,
      of: memory.uid)
  }

  private func restService(_ key: ObjectKey) -> KubernetesObject? {
    stores.services.get(ObjectKey(namespace: key.namespace, name: Blueprint.restService(key.name)))
  }

  /// Where requests that change something go: to where the JobManager answered last.
  func endpoint(_ key: ObjectKey, _ memory: Memory) throws(UnresolvedJobManager) -> FlinkEndpoint {
    let pod = starting(key, memory).flatMap { memory.podRoute.hasAnswered($0) ? $0 : nil }
    return try endpoint(key, memory, pod)
  }

  private func endpoint(
    _ key: ObjectKey, _ memory: Memory, _ pod: StartingJobManager?
  ) throws(UnresolvedJobManager) -> FlinkEndpoint {
    if let pod { return FlinkEndpoint(host: pod.address, port: pod.port) }
    return try resolver.endpoint(
      of: RESTService(
        namespace: key.namespace, name: Blueprint.restService(key.name), port: memory.restPort,
        isEncrypted: memory.isRESTEncrypted,
        clusterIP: restService(key)?.json["spec", "clusterIP"]?.stringValue))
  }

  /// Spreads polls of many resources; equal for equal arguments.
  private func seed(_ key: ObjectKey, _ count: UInt64) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in "\(key)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return (hash ^ count) &* 0x9e37_79b9_7f4a_7c15 >> 11
  }
}
