import FlinkModel
import Foundation
import KubernetesAPI
import Testing
import YAML

/// A file or overlay of examples/, in the order of their numbers.
struct Example: Sendable, CustomTestStringConvertible {
  /// As after `examples/`.
  let name: String

  var testDescription: String { name }

  static let all: [Example] = {
    let folder = repository.appendingPathComponent("examples").path
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.sorted().compactMap { name in
      guard name.first?.isNumber == true else { return nil }
      if name.hasSuffix(".yaml") { return Example(name: name) }
      return name.hasSuffix("-overlay") ? Example(name: "\(name)/staging") : nil
    }
  }()

  var isOverlay: Bool { !name.hasSuffix(".yaml") }

  func text() throws -> String { try repositoryFile("examples/\(name)\(isOverlay ? "/kustomization.yaml" : "")") }

  func objects() throws -> [JSONValue] {
    isOverlay ? try kustomized("examples/\(name)") : try YAML.parseAll(try text())
  }
}

@Suite struct ExampleTests {
  @Test func thereAreAsManyAsPromised() {
    let topics = [
      "basic", "checkpoint-ha", "savepoint-upgrade", "reactive", "session-cluster", "pod-template", "ingress",
      "custom-logging", "python", "sql", "kustomize-overlay",
    ]
    #expect(Example.all.count == topics.count)
    for (example, topic) in zip(Example.all, topics) { #expect(example.name.contains(topic)) }
  }

  @Test(arguments: Example.all) func itIsStoredAndFoundValid(_ example: Example) throws {
    var server = try Server.withDefinitions()
    let reviewer = AdmissionReviewer(OperatorSettings())
    for object in try example.objects() {
      // Strictly: a field that the definitions do not know is an error.
      #expect(try server.apply(object) == nil)
      guard let kind = FlinkKind(rawValue: object["kind"]?.stringValue ?? "") else { continue }
      let request = try #require(
        AdmissionRequest(review: [
          "request": [
            "uid": "1", "operation": "CREATE", "object": object,
            "kind": ["group": "flink.apache.org", "kind": .string(kind.rawValue)],
          ]
        ]))
      let verdict = reviewer.validate(request)
      #expect(verdict.refusal == nil, "\(verdict.refusal.map { "\($0)" } ?? "")")
      #expect(verdict.warnings.isEmpty == kind.isManaged, "\(verdict.warnings)")
    }
    Report.add("example", example.name, "applied", "ExampleTests.itIsStoredAndFoundValid")
  }

  @Test(arguments: Example.all) func itsHeadSaysHowToUseItAndWhatToExpect(_ example: Example) throws {
    let head = try example.text().split(separator: "\n").prefix { $0.hasPrefix("#") }
    let option = example.isOverlay ? "-k" : "-f"
    #expect(head.contains { $0.contains("kubectl apply \(option) examples/\(example.name)") })
    #expect(head.contains { $0.hasPrefix("# Expect: ") })
  }
}
