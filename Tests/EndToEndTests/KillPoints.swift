import Foundation

/// The operator's hook by which a test lets it die right before a chosen call.
struct KillPoints: Sendable {
  let folder: URL

  /// A call that changes something: the `number`-th of its kind in what was recorded.
  struct Point: Sendable, Hashable, CustomStringConvertible {
    var number: Int
    var call: String
    var description: String { "\(number) \(call)" }
  }

  init() throws {
    folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("flink-operator-e2e-kill-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  func remove() throws { try FileManager.default.removeItem(at: folder) }

  var environment: [String: String] { ["FLINK_OPERATOR_TEST_KILL_POINTS": folder.path] }

  private var plan: URL { folder.appendingPathComponent("plan") }
  private var calls: URL { folder.appendingPathComponent("calls") }

  /// Notes every changing call from now on.
  func record() throws { try write("record") }

  /// Lets the operator die before this call.
  func arm(_ point: Point) throws { try write(point.description) }

  /// Whether the operator has not come to the point it is to die at.
  var isArmed: Bool { FileManager.default.fileExists(atPath: plan.path) }

  private func write(_ text: String) throws {
    try? FileManager.default.removeItem(at: calls)
    try "\(text)\n".write(to: plan, atomically: true, encoding: .utf8)
  }

  /// The calls since the plan was made, in order; takes the plan away.
  func disarm() throws -> [Point] {
    try? FileManager.default.removeItem(at: plan)
    let text = (try? String(contentsOf: calls, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").compactMap { line in
      let words = line.trimmingPrefix("killed before ").trimmingPrefix("passed ").split(separator: " ", maxSplits: 1)
      guard words.count == 2, let number = Int(words[0]) else { return nil }
      return Point(number: number, call: String(words[1]))
    }
  }
}
