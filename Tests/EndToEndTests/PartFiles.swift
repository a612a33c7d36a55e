import Foundation

/// What an exactly-once sink has committed: lines `seq=<number> key=<key> count=<n>` in `part-*` files. Files that are
/// still being written begin with a dot and do not count.
struct PartFiles: Sendable {
  /// The counts of each key, sorted.
  private(set) var counts: [Int: [Int]] = [:]
  private(set) var sequence: [Int] = []
  /// Lines that are not of the form, with their file.
  private(set) var unreadable: [String] = []

  init(folder: URL) throws {
    guard FileManager.default.fileExists(atPath: folder.path) else { return }
    for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
    where file.lastPathComponent.hasPrefix("part-") {
      for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
        let fields = line.split(separator: " ").compactMap { Int($0.drop { $0 != "=" }.dropFirst()) }
        guard fields.count == 3 else {
          unreadable.append("\(file.lastPathComponent): \(line)")
          continue
        }
        sequence.append(fields[0])
        counts[fields[1], default: []].append(fields[2])
      }
    }
    sequence.sort()
    for key in counts.keys { counts[key]?.sort() }
  }

  /// What happened twice, or can never become right by waiting.
  var repeated: [String] {
    var problems = unreadable
    for (first, second) in zip(sequence, sequence.dropFirst()) where first == second {
      problems.append("number \(first) occurs twice")
    }
    for (key, counts) in counts {
      for (first, second) in zip(counts, counts.dropFirst()) where first == second {
        problems.append("key \(key) was counted to \(first) twice")
      }
    }
    return problems
  }

  /// What is missing between what is there. Tasks commit one after the other, so a running job may show this for a
  /// moment; a job that was stopped with a savepoint may not.
  var missing: [String] { missing(from: 0) }

  /// The same for output that begins with the number `first`.
  func missing(from first: Int) -> [String] {
    var problems: [String] = []
    if let least = sequence.first, let last = sequence.last, least != first || last - first + 1 != sequence.count {
      let present = Set(sequence)
      let holes = (min(least, first)...last).filter { !present.contains($0) }
      problems.append("from \(least), not \(first), or numbers are missing: \(holes.prefix(10)) before \(last)")
    }
    for (key, counts) in counts {
      guard let least = counts.first, let last = counts.last else { continue }
      if last - least + 1 != counts.count || (first == 0 && least != 1) {
        problems.append("key \(key) has \(counts.count) lines and counts from \(least) to \(last)")
      }
    }
    return problems
  }

  /// Everything that is wrong with output that begins with the number `first`.
  func problems(from first: Int) -> [String] { repeated + missing(from: first) }
}
