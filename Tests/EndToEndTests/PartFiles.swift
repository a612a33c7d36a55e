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
  var missing: [String] {
    var problems: [String] = []
    if let last = sequence.last, last + 1 != sequence.count {
      let present = Set(sequence)
      problems.append("numbers are missing: \((0...last).filter { !present.contains($0) }.prefix(10)) before \(last)")
    }
    for (key, counts) in counts where counts.last != counts.count {
      problems.append("key \(key) has \(counts.count) lines and counts to \(counts.last ?? 0)")
    }
    return problems
  }
}
