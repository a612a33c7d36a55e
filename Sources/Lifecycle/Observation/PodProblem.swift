public import KubernetesAPI

/// Why a pod does not come up, in its own words.
public struct PodProblem: Sendable, Hashable {
  /// Kubernetes' word: `ImagePullBackOff`, `CrashLoopBackOff`, `Unschedulable`, …
  public var reason: String
  public var message: String
  /// How a container ended, in `message` before the words of the log; nil where none has.
  public var ending: String?

  public init(reason: String, message: String, ending: String? = nil) {
    self.reason = reason
    self.message = message
    self.ending = ending
  }

  /// With the cause that the whole log names, in place of what Kubernetes has kept of it.
  func naming(_ cause: String?) -> PodProblem {
    guard let cause, let ending else { return self }
    return PodProblem(reason: reason, message: "\(ending): \(cause)", ending: ending)
  }

  private static let waitingReasons: Set<String> = [
    "CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "InvalidImageName", "RunContainerError",
    "CreateContainerConfigError", "CreateContainerError", "OOMKilled",
  ]

  /// The first problem that a pod's status tells; nil for a pod that runs, or has not had the time to.
  public init?(of pod: JSONValue) {
    let status = pod["status"]
    let containers =
      (status?["initContainerStatuses"]?.arrayValue ?? []) + (status?["containerStatuses"]?.arrayValue ?? [])
    for container in containers {
      let name = container["name"]?.stringValue ?? ""
      if let waiting = container["state", "waiting"], let reason = waiting["reason"]?.stringValue,
        Self.waitingReasons.contains(reason)
      {
        if reason == "CrashLoopBackOff", let last = container["lastState", "terminated"] {
          self.init(reason, last, "[\(name)] CrashLoop - ")
        } else {
          self.init(reason: reason, message: "[\(name)] \(waiting["message"]?.stringValue ?? reason)")
        }
        return
      }
    }
    // Ended just now and not yet backing off: the same problem, seen earlier.
    for container in containers {
      let terminated = container["state", "terminated"]
      if let terminated, terminated["exitCode"]?.intValue ?? 0 != 0, pod["metadata", "deletionTimestamp"] == nil {
        self.init(
          terminated["reason"]?.stringValue ?? "Error", terminated, "[\(container["name"]?.stringValue ?? "")] ")
        return
      }
    }
    for condition in status?["conditions"]?.arrayValue ?? [] {
      if condition["type"]?.stringValue == "PodScheduled", condition["status"]?.stringValue == "False",
        let reason = condition["reason"]?.stringValue
      {
        self.init(reason: reason, message: condition["message"]?.stringValue ?? "the pod cannot be scheduled")
        return
      }
    }
    return nil
  }

  /// Of a container that has ended.
  private init(_ reason: String, _ terminated: JSONValue, _ lead: String) {
    let code = terminated["exitCode"]?.intValue.map { "exit code \($0)" } ?? "ended"
    let word = terminated["reason"]?.stringValue.map { $0 == "Error" ? "" : ", \($0)" } ?? ""
    let ending = lead + code + word
    let text = terminated["message"]?.stringValue ?? ""
    self.init(
      reason: reason, message: text.isEmpty ? ending : "\(ending): \(LogExcerpt.cause(in: text))", ending: ending)
  }
}

/// The part of a JVM's last words that names the cause.
public enum LogExcerpt {
  /// The innermost `Caused by:` of a stack trace, or its first line; of other text the last line. At most 500
  /// characters.
  public static func cause(in text: String) -> String {
    let lines = text.split(whereSeparator: \.isNewline).map { trimmed($0) }.filter { !$0.isEmpty }
    let isFrame = { (line: String) in line.hasPrefix("at ") || line.hasPrefix("... ") }
    let line =
      lines.last { $0.hasPrefix("Caused by:") }
      ?? lines.last { !isFrame($0) && namesAnError($0) }
      ?? lines.last { !isFrame($0) } ?? ""
    return String(line.prefix(500))
  }

  static func namesAnError(_ line: String) -> Bool { line.contains("Exception") || line.contains("Error") }

  private static func trimmed(_ line: Substring) -> String {
    var line = line
    while let first = line.first, first.isWhitespace { line.removeFirst() }
    while let last = line.last, last.isWhitespace { line.removeLast() }
    return String(line)
  }
}
