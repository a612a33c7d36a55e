import FlinkBlueprint
import FlinkModel
import KubernetesAPI
import Testing

@Suite struct IngressTests {
  private func ingress(_ spec: IngressSpec) -> JSONValue {
    Blueprint.ingress(name: "job", namespace: "team", uid: "uid-1", spec: spec, restPort: 8081)
  }

  @Test func everyFieldIsAsRecorded() throws {
    // covers: spec.ingress.annotations, spec.ingress.className, spec.ingress.tls
    try GoldenFile.expect(
      ingress(
        IngressSpec(
          template: "{{name}}.{{namespace}}.example.com/ui", className: "nginx", annotations: ["a/b": "c"],
          labels: ["team": "x"], tls: [.init(hosts: ["job.team.example.com"], secretName: "cert"), .init()])),
      matches: "ingress")
  }

  static let templates: [(String, String?, String?)] = [
    ("{{name}}.{{namespace}}.example.com", "job.team.example.com", nil),
    ("https://flink.example.com/{{NameSpace}}/{{NAME}}(/|$)(.*)", "flink.example.com", "/team/job(/|$)(.*)"),
    ("/{{namespace}}/{{name}}", nil, "/team/job"), ("example.com:8443/x?y#z", "example.com", "/x"),
  ]

  @Test(arguments: templates)
  func templatesAreURLs(template: String, host: String?, path: String?) {
    let rule = ingress(IngressSpec(template: template))["spec", "rules"]?.arrayValue?.first
    #expect(rule?["host"]?.stringValue == host)
    #expect(rule?["http", "paths"]?.arrayValue?.first?["path"]?.stringValue == path)
  }

  @Test func whatOthersAddIsNoReasonToWrite() {
    let wanted = ingress(IngressSpec(template: "a.example.com"))
    var stored = wanted
    stored.set("nginx", at: ["spec", "ingressClassName"])
    stored.set("x", at: ["metadata", "annotations", "cert-manager.io/issuer"])
    #expect(Blueprint.isIngress(KubernetesObject(stored), madeAs: wanted))
    let other = ingress(IngressSpec(template: "b.example.com"))
    #expect(!Blueprint.isIngress(KubernetesObject(stored), madeAs: other))
  }

  @Test func anIngressOfTheApacheOperatorStays() {
    let wanted = ingress(IngressSpec(template: "a.example.com", labels: ["x": "y"]))
    var stored = wanted
    stored.set(.null, at: ["metadata", "annotations", Blueprint.ingressAnnotation])
    #expect(Blueprint.isIngress(KubernetesObject(stored), madeAs: wanted))
    #expect(!Blueprint.isIngress(KubernetesObject(stored), madeAs: ingress(IngressSpec(template: "a.example.com/b"))))
  }

  @Test func anUpdateTakesBackItsOwnAndLeavesTheRest() {
    var stored = ingress(
      IngressSpec(template: "a.example.com", className: "nginx", annotations: ["old": "1"], labels: ["gone": "1"]))
    stored.set("x", at: ["metadata", "annotations", "foreign"])
    let wanted = ingress(IngressSpec(template: "b.example.com", annotations: ["new": "2"]))
    let patch = Blueprint.ingressPatch(KubernetesObject(stored), to: wanted)
    let result = stored.merging(patch: patch)
    #expect(result["metadata", "labels"] == ["component": "ingress"])
    #expect(result["metadata", "annotations"]?["foreign"] == "x")
    #expect(result["metadata", "annotations"]?["old"] == nil)
    #expect(result["metadata", "annotations"]?["new"] == "2")
    #expect(result["spec"] == wanted["spec"])
  }
}
