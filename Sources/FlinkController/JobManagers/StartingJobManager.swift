import FlinkBlueprint
import KubernetesAPI

/// A JobManager pod whose startup probe has not passed: its Service leads nowhere until that has, up to a second after
/// the REST interface answers, and then the job runs already. It is asked at its own address meanwhile.
struct StartingJobManager: Sendable, Hashable {
  let podUID: String
  let address: String
  let port: Int

  /// nil where there is not exactly one JobManager pod, or another one than such of this incarnation: then the Service
  /// knows better.
  ///
  /// A pod that has been ready and is so no more is none: it may be on a node that is lost.
  /// - Parameters:
  ///   - pods: under the cluster's name, whoever owns them.
  ///   - service: of the REST interface.
  ///   - attempt: number of the incarnation.
  ///   - uid: of the FlinkDeployment.
  init?(among pods: [KubernetesObject], behind service: KubernetesObject?, attempt: Int64, of uid: String) {
    let managers = pods.lazy.filter { $0.metadata.labels["component"] == "jobmanager" }
      .map { (metadata: $0.metadata, json: $0.json) }
      .filter { !["Succeeded", "Failed"].contains($0.json["status", "phase"]?.stringValue) }
    guard managers.count == 1, let (metadata, json) = managers.first, !metadata.isBeingDeleted,
      metadata.annotations[Blueprint.attemptAnnotation] == "\(attempt)",
      metadata.annotations[Blueprint.resourceUIDAnnotation] == uid,
      // In the host's network it may be somebody else who answers.
      json["spec", "hostNetwork"]?.boolValue != true,
      let address = json["status", "podIP"]?.stringValue, !address.isEmpty,
      let container = json["status", "containerStatuses"]?.arrayValue?.first(where: {
        $0["name"]?.stringValue == Blueprint.mainContainer
      }), container["state", "running"] != nil, container["started"]?.boolValue == false,
      let target = service?.json["spec", "ports"]?.arrayValue?.first(where: { $0["name"]?.stringValue == "rest" }),
      let port = target["targetPort"]?.intValue
    else { return nil }
    podUID = metadata.uid
    self.address = address
    self.port = Int(port)
  }
}

/// Whether a JobManager that starts is asked at its pod's address or by its Service, by what has come of it.
struct PodRoute: Sendable, Hashable {
  private enum Way: Sendable { case pod, service }

  private var podUID: String?
  /// Where it answered last.
  private var answered: Way?
  /// Until when pods are not asked, by the time that has passed.
  private var closedUntil = Int64.min

  /// A try that is refused costs nothing, one that nobody answers holds up the others.
  static let longestTry: Int64 = 1_000
  /// Packets that are dropped are so by a policy of the network, most likely.
  static let closure: Int64 = 3_600_000

  /// Where the pod refuses the Service is tried now and then: the view of the pod may be old.
  /// - Parameter failures: in a row.
  func leads(to pod: StartingJobManager, failures: Int, now: Int64) -> Bool {
    if now < closedUntil { return false }
    if failures == 0 { return pod.podUID != podUID || answered != .service }
    return failures % 4 != 3
  }

  /// For requests that are not to be lost.
  func hasAnswered(_ pod: StartingJobManager) -> Bool { pod.podUID == podUID && answered == .pod }

  /// - Parameters:
  ///   - hasAnswered: what was asked.
  ///   - isSilent: nothing came back, not even that it cannot tell yet.
  mutating func note(
    _ pod: StartingJobManager, isDirect: Bool, hasAnswered: Bool, isSilent: Bool, took: Int64, now: Int64
  ) {
    if pod.podUID != podUID {
      podUID = pod.podUID
      answered = nil
    }
    if hasAnswered {
      answered = isDirect ? .pod : .service
    } else if isDirect {
      answered = nil
      if isSilent, took >= Self.longestTry { closedUntil = now + Self.closure }
    }
  }
}
