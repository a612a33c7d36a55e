import ArgumentParser
import Glibc

func processEnvironment() -> [String: String] {
  var result: [String: String] = [:]
  var entry = environ
  while let text = entry.pointee {
    let line = String(cString: text)
    if let equals = line.firstIndex(of: "=") {
      result[String(line[..<equals])] = String(line[line.index(after: equals)...])
    }
    entry += 1
  }
  return result
}

/// Turns what a command throws into one line on standard error and exit status 1.
func reportingFailures(_ body: () async throws -> Void) async throws {
  do {
    try await body()
  } catch let failure as ExitCode {
    throw failure
  } catch {
    let line = "flink-operator: \(error)".split(separator: "\n").joined(separator: " ")
    LogOutput.write(line + "\n")
    throw ExitCode(1)
  }
}
