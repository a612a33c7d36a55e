import Foundation
import KubernetesAPI
import Testing

/// Exchanges with a real Flink, as recorded by a script: a line `### METHOD path`, then `REQ body` where there was one,
/// then one or more answers, each `200 {…}` or `first: 200 {…}`.
struct Recording {
  struct Exchange {
    let method: String
    let path: String
    let request: JSONValue?
    let answers: [(status: Int, body: String)]
  }

  let exchanges: [Exchange]

  init(version: String) throws {
    let url = try #require(
      Bundle.module.url(forResource: "recorded-\(version)", withExtension: "txt", subdirectory: "Resources"))
    var exchanges: [Exchange] = []
    for section in try String(contentsOf: url, encoding: .utf8).components(separatedBy: "\n\n") {
      let lines = section.split(separator: "\n").map(String.init)
      guard let head = lines.first?.split(separator: " "), head.count == 3 else { continue }
      var request: JSONValue?
      var answers: [(Int, String)] = []
      for line in lines.dropFirst() {
        if line.hasPrefix("REQ ") {
          request = try JSONValue(parsing: String(line.dropFirst(4)))
        } else if let brace = line.firstIndex(where: { "[{".contains($0) }),
          let status = line[..<brace].split(separator: " ").last.flatMap({ Int($0) })
        {
          answers.append((status, String(line[brace...])))
        }
      }
      exchanges.append(Exchange(method: String(head[1]), path: String(head[2]), request: request, answers: answers))
    }
    self.exchanges = exchanges
  }

  /// The bodies with status 200 recorded for paths that end so.
  func bodies(_ method: String, endingWith suffix: String) -> [String] {
    exchanges.filter { $0.method == method && $0.path.hasSuffix(suffix) }.flatMap(\.answers).map(\.body)
  }

  func requests(endingWith suffix: String) -> [JSONValue] {
    exchanges.filter { $0.method == "POST" && $0.path.hasSuffix(suffix) }.compactMap(\.request)
  }
}
