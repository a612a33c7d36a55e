import KubernetesAPI

extension Scenario {
  private static func withIngress(_ ingress: JSONValue) -> JSONValue {
    var manifest = manifest()
    manifest.set(ingress, at: ["spec", "ingress"])
    return manifest
  }

  private static var sessionCluster: JSONValue {
    var manifest = manifest()
    manifest.set(.null, at: ["spec", "job"])
    return manifest
  }

  /// Ingresses come, change and go without the job.
  static let ingress: [Scenario] = [
    Scenario(
      "ingress-edit", length: 160,
      [
        (0, .apply(withIngress(["template": "{{name}}.example.com", "labels": ["a": "1"]]))),
        (
          30, .edit(["spec": ["ingress": ["template": "new.example.com/{{name}}", "labels": ["a": .null, "b": "2"]]]])
        ),
      ]),
    Scenario(
      "ingress-removed", length: 160,
      [
        (0, .apply(withIngress(["template": "{{name}}.example.com"]))), (30, .edit(["spec": ["ingress": .null]])),
      ]),
    Scenario(
      "ingress-added", length: 160,
      [(0, .apply(manifest())), (30, .edit(["spec": ["ingress": ["template": "{{NAME}}.example.com"]]]))]),
    Scenario(
      // Whether the edit comes before the end of the suspension, and is recorded with it, depends on its pods.
      "ingress-edit-suspended", length: 160, openEnds: ["  ingress"],
      [
        (0, .apply(withIngress(["template": "{{name}}.example.com"]))), (30, .edit(job(["state": "suspended"]))),
        (60, .edit(["spec": ["ingress": ["template": "new.example.com/{{name}}"]]])),
      ]),
    Scenario(
      "ingress-edit-session", length: 160,
      [
        (0, .apply(sessionCluster)), (30, .edit(["spec": ["ingress": ["template": "{{name}}.example.com"]]])),
        (60, .edit(["spec": ["ingress": ["template": "new.example.com/{{name}}"]]])),
      ]),
  ]
}
