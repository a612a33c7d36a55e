import Foundation
import Testing

/// The checker sees what it is there to see.
struct PartFilesTests {
  @Test func aWholeSequenceOverSeveralFilesIsRight() throws {
    let found = try partFiles(["part-a-0": [0, 2, 3], "part-b-0": [1]], inProgress: [4])
    #expect(found.sequence == [0, 1, 2, 3])
    #expect(found.repeated == [])
    #expect(found.missing == [])
  }

  @Test func aNumberThatOccursTwiceIsSeen() throws {
    #expect(try partFiles(["part-a-0": [0, 1, 2], "part-b-0": [2, 3]]).repeated.isEmpty == false)
  }

  @Test func aNumberThatIsMissingIsSeen() throws {
    #expect(try partFiles(["part-a-0": [0, 1, 3, 4]]).missing.isEmpty == false)
  }

  @Test func outputThatGoesOnElsewhereIsJudgedFromItsFirstNumber() throws {
    let found = try partFiles(["part-a-0": [4, 5, 6]])
    #expect(found.problems(from: 4) == [])
    #expect(found.problems(from: 3) != [])
    #expect(found.problems(from: 5) != [])
    #expect(try partFiles(["part-a-0": [4, 6]]).problems(from: 4) != [])
  }

  @Test func aCountThatBeganAgainIsSeen() throws {
    let found = try partFiles(["part-a-0": [0, 1, 2, 3]], more: "seq=4 key=0 count=1\n")
    #expect(found.repeated.isEmpty == false)
  }

  @Test func aLineThatWasCutIsSeen() throws {
    #expect(try partFiles(["part-a-0": [0, 1]], more: "seq=2 ke").repeated.isEmpty == false)
  }

  /// Numbers as the example job writes them with two keys.
  private func partFiles(
    _ files: [String: [Int]], inProgress: [Int] = [], more: String = ""
  ) throws -> PartFiles {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("part-files-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    func write(_ numbers: [Int], _ name: String, _ end: String = "") throws {
      let lines = numbers.map { "seq=\($0) key=\($0 % 2) count=\($0 / 2 + 1)\n" }.joined() + end
      try lines.write(to: folder.appendingPathComponent(name), atomically: true, encoding: .utf8)
    }
    for (name, numbers) in files { try write(numbers, name) }
    try write(inProgress, ".part-a-1.inprogress")
    if !more.isEmpty { try write([], "part-z-0", more) }
    return try PartFiles(folder: folder)
  }
}
