import Foundation
import Testing

/// A Flink that the tests run on: every one that is fetched has to pass. `FLINK_OPERATOR_E2E_FLINK` names fewer, or
/// others, such as `2.3`.
struct FlinkUnderTest: Sendable, CustomTestStringConvertible {
  /// Two numbers, as in `1.20`.
  let minor: String

  var image: String { "flink:\(minor)" }
  /// As in `spec.flinkVersion`.
  var version: String { "v" + minor.replacingOccurrences(of: ".", with: "_") }
  var testDescription: String { "Flink \(minor)" }

  static let all: [FlinkUnderTest] = {
    let named = ProcessInfo.processInfo.environment["FLINK_OPERATOR_E2E_FLINK"] ?? ""
    let minors = named.split(whereSeparator: { $0 == " " || $0 == "," }).map(String.init)
    return (minors.isEmpty ? ["1.20", "2.2"] : minors).map(FlinkUnderTest.init)
  }()

  static var oldest: FlinkUnderTest { all[0] }
}
