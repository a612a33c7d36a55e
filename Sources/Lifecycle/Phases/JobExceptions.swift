import FlinkModel
import KubernetesAPI

/// What goes wrong within a job, as events of the resource.
extension Turn {
  /// Exceptions older than this are not news when nothing is known of earlier reports, in milliseconds.
  private static let longestNews: Int64 = 1_800_000
  /// A job that fails again and again is reported on so often, in milliseconds.
  private static let reportPause: Int64 = 10_000

  /// The newest exceptions that were not reported yet, newest first.
  mutating func reportExceptions(_ operation: inout OperationRecord) {
    guard let entries = observation.jobManager.exceptions.value else { return }
    let since = operation.exceptionsUntil?.epochMilliseconds ?? now - Self.longestNews
    let new = entries.filter { $0.timestamp > since }.sorted { $0.timestamp > $1.timestamp }
    guard let newest = new.first else { return }
    if let last = operation.exceptionsReportedAt, now - last.epochMilliseconds < Self.reportPause {
      let rest = last.epochMilliseconds + Self.reportPause - now
      if wake.delay.map({ $0 > rest }) ?? true { wake = WakeUp(after: rest, "the time to report exceptions again") }
      return
    }
    for entry in new.prefix(max(settings.exceptionLimit, 0)) {
      events.append(
        LifecycleEvent(
          .warning, "JobException", .job, Self.text(entry, lines: settings.exceptionLines),
          annotations: Self.annotations(entry)))
    }
    operation.exceptionsUntil = moment(newest.timestamp)
    operation.exceptionsReportedAt = moment(now)
  }

  /// The first lines of the trace.
  private static func text(_ entry: JobExceptionEntry, lines count: Int) -> String {
    let lines = (entry.stackTrace.isEmpty ? entry.name : entry.stackTrace).split(whereSeparator: \.isNewline)
    let shown = lines.prefix(max(count, 1)).joined(separator: "\n")
    return lines.count > max(count, 1) ? "\(shown)\n… (\(lines.count - max(count, 1)) more lines)" : shown
  }

  private static func annotations(_ entry: JobExceptionEntry) -> [String: String] {
    var annotations = ["exception-timestamp": Timestamp(epochMilliseconds: entry.timestamp).rfc3339Milliseconds]
    annotations["task-name"] = entry.taskName
    annotations["endpoint"] = entry.endpoint
    annotations["tm-id"] = entry.taskManagerID
    for (key, value) in entry.failureLabels where isName(key) { annotations["failure-label-\(key)"] = value }
    return annotations.mapValues { value in
      String(String.UnicodeScalarView(value.unicodeScalars.filter { $0.value >= 32 && $0.value != 127 }))
    }
  }

  /// What Kubernetes takes as part of an annotation's name.
  private static func isName(_ text: String) -> Bool {
    let isEdge = { (character: Character) in character.isASCII && (character.isLetter || character.isNumber) }
    guard let first = text.first, let last = text.last, text.count <= 40, isEdge(first), isEdge(last) else {
      return false
    }
    return text.allSatisfy { isEdge($0) || "-_.".contains($0) }
  }

  /// The labels that a user gives to errors of this kind.
  func labels(of message: String) -> [String] {
    settings.exceptionLabels.sorted { $0.key < $1.key }.compactMap { pattern, label in
      guard let regex = try? Regex(pattern), message.firstMatch(of: regex) != nil else { return nil }
      return label
    }
  }
}
