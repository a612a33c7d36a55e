/// How a container of a pod ended with a failure.
public struct ContainerFailure: Sendable, Hashable {
  public var container: String
  /// Of this container; with the pod's UID it names the run that failed.
  public var restarts: Int64
  /// It has been started again since.
  public var isRunningAgain: Bool

  public init(container: String, restarts: Int64, isRunningAgain: Bool) {
    self.container = container
    self.restarts = restarts
    self.isRunningAgain = isRunningAgain
  }
}

/// What the log of a container that failed says of the cause.
///
/// Kubernetes keeps the last 2,048 bytes of a log in the pod's status, and a JobManager says more than that after the
/// error that ends it.
public struct CrashReport: Sendable, Hashable {
  /// Of which run of the container.
  public var restarts: Int64
  /// The line that names the cause; nil where none does.
  public var cause: String?
  /// Lines that say that files are not there, at most ten.
  public var missingFiles: [String]

  /// - Parameter log: the end of the log of the run that failed.
  public init(restarts: Int64, log: String) {
    self.restarts = restarts
    let lines = log.split(whereSeparator: \.isNewline)
    cause = lines.contains { LogExcerpt.namesAnError(String($0)) } ? LogExcerpt.cause(in: log) : nil
    missingFiles =
      lines.filter { line in MissingFiles.signs.contains { line.contains($0) } }.suffix(10)
      .map { String($0.prefix(2_000)) }
  }
}

/// By what Flink, and the file systems it uses, say that files are not there.
enum MissingFiles {
  static let signs = [
    "FileNotFoundException", "NoSuchFileException", "Cannot find checkpoint or savepoint", "Cannot find meta data file",
    "NoSuchKey",
  ]
}

extension Observation {
  /// What is known of the last failure of a pod's container.
  func crash(of pod: PodFacts) -> CrashReport? {
    guard let failure = pod.failure, let report = crashReports[pod.uid], report.restarts == failure.restarts else {
      return nil
    }
    return report
  }
}
