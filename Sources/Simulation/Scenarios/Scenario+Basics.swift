import KubernetesAPI

extension Scenario {
  /// Starting, and changes without state.
  static let basics: [Scenario] = [
    Scenario("deploy", length: 120, [(0, .apply(manifest()))]),
    Scenario("scale-stateless", [(0, .apply(manifest())), (30, .edit(job(["parallelism": 2])))]),
    Scenario(
      "edit-soon", [(0, .apply(manifest())), (6, .edit(job(["parallelism": 2])))]),
    Scenario(
      "suspended-first", length: 140,
      [
        (0, .apply(manifest(state: "suspended"))), (20, .edit(job(["state": "running"]))),
      ]),
    Scenario(
      "suspend-resume-stateless", length: 200,
      [
        (0, .apply(manifest())), (30, .edit(job(["state": "suspended"]))), (60, .edit(job(["state": "running"]))),
      ]),
  ]
}
