import Foundation
import Testing

/// The tables of `make compat`.
@Suite struct TableTests {
  /// Tags name what there is, and every key that is read is known to the admission warnings.
  @Test func theyAreInOrder() throws {
    let process = Process()
    process.executableURL = repository.appendingPathComponent(".ci/compat")
    process.arguments = ["--check"]
    let errors = Pipe()
    process.standardError = errors
    try process.run()
    let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(text)")
  }
}
