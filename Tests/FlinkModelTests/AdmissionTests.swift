import FlinkModel
import KubernetesAPI
import Testing

@Suite struct AdmissionTests {
  // MARK: Warnings

  /// A valid manifest with durable directories, to be changed.
  private func stateful(_ mode: String = "savepoint", _ edit: (inout JSONValue) -> Void = { _ in }) -> FlinkDeployment {
    deployment {
      $0.set(.string(mode), at: ["spec", "job", "upgradeMode"])
      $0.set(
        [
          "taskmanager.numberOfTaskSlots": "2", "execution.checkpointing.interval": "10 s",
          "execution.checkpointing.dir": "s3://b/c", "execution.checkpointing.savepoint-dir": "s3://b/s",
        ], at: ["spec", "flinkConfiguration"])
      edit(&$0)
    }
  }

  private func warnings(from old: FlinkDeployment? = nil, to new: FlinkDeployment) -> [String] {
    AdmissionWarnings(OperatorSettings()).warnings(from: old, to: new)
  }

  @Test func aGoodManifestHasNoWarnings() {
    #expect(warnings(to: deployment()).isEmpty)
    #expect(warnings(to: stateful()).isEmpty)
    #expect(warnings(from: stateful(), to: stateful()).isEmpty)
  }

  @Test(arguments: [
    ("savepoint", "the job will restart with a savepoint (changed: job.parallelism)"),
    ("last-state", "the job will restart from its last state (changed: job.parallelism)"),
    ("stateless", "stateless: the job will restart and its state will be dropped (changed: job.parallelism)"),
  ])
  func aChangeTellsWhatBecomesOfTheState(_ mode: String, _ text: String) {
    let new = stateful(mode) { $0.set(7, at: ["spec", "job", "parallelism"]) }
    #expect(warnings(from: stateful(mode), to: new) == [text])
  }

  @Test(arguments: [
    ("savepoint", "the job will stop with a savepoint"),
    ("last-state", "the job will stop and keep its last state to resume from"),
    ("stateless", "stateless: the job will stop and its state will be dropped"),
  ])
  func suspendingTellsWhatIsKept(_ mode: String, _ text: String) {
    let suspended = stateful(mode) { $0.set("suspended", at: ["spec", "job", "state"]) }
    #expect(warnings(from: stateful(mode), to: suspended) == [text])
    let resumed = warnings(from: suspended, to: stateful(mode))
    #expect(
      resumed == [
        mode == "stateless"
          ? "stateless: the job will start without state" : "the job will resume from the state it was suspended with"
      ])
  }

  @Test func whatRestartsNothingIsNotSaidToRestart() {
    let new = stateful {
      $0.set("60 s", at: ["spec", "flinkConfiguration", "kubernetes.operator.deployment.readiness.timeout"])
    }
    #expect(warnings(from: stateful(), to: new).isEmpty)
    let nonce = stateful { $0.set(4, at: ["spec", "job", "savepointTriggerNonce"]) }
    #expect(warnings(from: stateful(), to: nonce) == ["a savepoint will be taken (savepointTriggerNonce 4)"])
  }

  @Test func theRecordTellsMoreThanTheStoredObject() throws {
    // Stored last: parallelism 7, not acted upon yet. Going back to what runs changes nothing.
    var status = FlinkDeploymentStatus()
    status.reconciliationStatus.lastReconciledSpec = ReconciledSpec(try stateful().spec.get(), firstDeployment: true)
    var back = stateful()
    back.status = status
    #expect(warnings(from: stateful { $0.set(7, at: ["spec", "job", "parallelism"]) }, to: back).isEmpty)
  }

  @Test func aNewFlinkNeedsASavepoint() throws {
    let new = stateful("last-state") {
      $0.set("v2_0", at: ["spec", "flinkVersion"])
      $0.set("flink:2.0", at: ["spec", "image"])
    }
    let text = try #require(warnings(from: stateful("last-state"), to: new).first)
    #expect(text.contains("with a savepoint, since last state does not carry over"))
  }

  @Test func aRedeployDropsThePresentState() {
    let new = stateful {
      $0.set(1, at: ["spec", "job", "savepointRedeployNonce"])
      $0.set("s3://b/old", at: ["spec", "job", "initialSavepointPath"])
    }
    #expect(
      warnings(from: stateful(), to: new)
        == ["the job will restart from s3://b/old; its present state will be dropped"])
  }

  @Test func nothingToKeepStateWithIsSaid() {
    let bare = stateful("last-state") {
      $0.set(["execution.checkpointing.dir": "file:///tmp/c"], at: ["spec", "flinkConfiguration"])
    }
    let texts = warnings(to: bare)
    #expect(texts.contains { $0.hasPrefix("no HA and no savepoint directory: an upgrade cannot keep state") })
    #expect(texts.contains { $0.hasPrefix("execution.checkpointing.interval is not set") })
    #expect(texts.contains { $0.hasPrefix("execution.checkpointing.dir file:///tmp/c lies in the container's own") })
    #expect(texts.allSatisfy { $0.count <= 256 })
    let mounted = stateful {
      $0.set("file:///data/c", at: ["spec", "flinkConfiguration", "execution.checkpointing.dir"])
      $0.set(
        ["spec": ["containers": [["name": "flink-main-container", "volumeMounts": [["mountPath": "/data/"]]]]]],
        at: ["spec", "podTemplate"])
    }
    #expect(warnings(to: mounted).isEmpty)
  }

  @Test(arguments: [
    (
      "kubernetes.operator.deployment.rollback.enable",
      "is not known and has no effect: did you mean kubernetes.operator.deployment.rollback.enabled?"
    ),
    ("kubernetes.operator.cofee", "is not known and has no effect"),
    (
      "job.autoscaler.stabilisation.interval",
      "is not known and has no effect: did you mean job.autoscaler.stabilization.interval?"
    ),
    (
      "kubernetes.operator.reconcile.interval",
      "has no effect in a resource: it is read from the operator's own configuration"
    ),
  ])
  func keysThatNobodyReadsAreNamed(_ key: String, _ text: String) {
    let new = stateful { $0.set("1 min", at: ["spec", "flinkConfiguration", key]) }
    #expect(warnings(to: new) == ["\(key) \(text)"])
    // Said once, not at each edit.
    #expect(warnings(from: new, to: new).isEmpty)
  }

  @Test func everyKeyOfTheApacheOperatorIsKnown() throws {
    let known = try JSONValue(parsing: try resource("apache-operator-configuration-keys.json"))
    let keys = try #require(known.objectValue).keys.filter { !$0.hasPrefix("autoscaler.standalone.") }
    #expect(keys.count > 120)
    for key in keys {
      let name = key.replacing("<name>", with: "n").replacing("<parameter>", with: "p").replacing(
        "<listener-name>", with: "l")
      let texts = warnings(to: stateful { $0.set("1 min", at: ["spec", "flinkConfiguration", name]) })
      #expect(!texts.contains { $0.contains("is not known") }, "\(key)")
    }
  }

  @Test func contradictionsAreNamed() {
    let old = stateful {
      $0.set("v1_18", at: ["spec", "flinkVersion"])
      $0.set("registry.example.com:5000/flink:1.20.1-java17", at: ["spec", "image"])
      $0.set(["limits": ["memory": "2Gi"]], at: ["spec", "jobManager", "resources"])
      $0.set(["spec": ["containers": [["name": "flink-main"]]]], at: ["spec", "podTemplate"])
    }
    let texts = warnings(to: old)
    #expect(texts.contains("flinkVersion v1_18 is deprecated, its support will end"))
    #expect(texts.contains("the image's tag says Flink 1.20, flinkVersion v1_18"))
    #expect(texts.contains("spec.jobManager.resource has no effect beside spec.jobManager.resources"))
    #expect(texts.contains { $0.contains("no container flink-main-container: flink-main") })
  }

  // MARK: Reviews

  private func request(
    _ operation: String, _ kind: FlinkKind = .deployment, old: JSONValue = .null, new: JSONValue,
    group: String = "flink.apache.org", subresource: String? = nil
  ) throws -> AdmissionRequest {
    try #require(
      AdmissionRequest(review: [
        "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
        "request": [
          "uid": "r", "operation": .string(operation),
          "kind": ["group": .string(group), "kind": .string(kind.rawValue)],
          "subResource": subresource.map(JSONValue.string) ?? .null, "object": new, "oldObject": old,
        ],
      ]))
  }

  private func manifest(_ edit: (inout JSONValue) -> Void = { _ in }) throws -> JSONValue {
    var json: JSONValue = ["metadata": ["name": "basic", "namespace": "default"], "spec": try spec().json]
    edit(&json)
    return json
  }

  private let reviewer = AdmissionReviewer(OperatorSettings())

  @Test func aBadSpecIsRefusedWithItsFix() throws {
    let bad = try manifest { $0.set(0, at: ["spec", "job", "parallelism"]) }
    let verdict = reviewer.validate(try request("CREATE", new: bad))
    #expect(verdict.refusal?.field == "spec.job.parallelism")
    let response = verdict.response(uid: "r")
    #expect(response["allowed"] == false && response["uid"] == "r")
    #expect(response["status"]?["message"]?.stringValue?.contains("must be at least 1") == true)
    #expect(reviewer.validate(try request("CREATE", new: try manifest())) == .accepted)
    #expect(reviewer.validate(try request("UPDATE", old: try manifest(), new: bad)).refusal != nil)
  }

  @Test func anEndIsNeverRefused() throws {
    let bad = try manifest { $0.set(0, at: ["spec", "job", "parallelism"]) }
    let worse = try manifest { $0.set(-1, at: ["spec", "job", "parallelism"]) }
    #expect(reviewer.validate(try request("DELETE", old: bad, new: .null)) == .accepted)
    // A finalizer goes, a label comes: the spec stays as bad as it is.
    let labelled = try manifest {
      $0.set(0, at: ["spec", "job", "parallelism"])
      $0.set(["a": "b"], at: ["metadata", "labels"])
    }
    #expect(reviewer.validate(try request("UPDATE", old: bad, new: labelled)) == .accepted)
    let deleted = try manifest {
      $0.set(-1, at: ["spec", "job", "parallelism"])
      $0.set("2026-01-01T00:00:00Z", at: ["metadata", "deletionTimestamp"])
    }
    #expect(reviewer.validate(try request("UPDATE", old: bad, new: deleted)) == .accepted)
    #expect(reviewer.validate(try request("UPDATE", old: bad, new: worse, subresource: "status")) == .accepted)
    #expect(reviewer.validate(try request("UPDATE", old: bad, new: worse)).refusal != nil)
  }

  @Test func whatIsNotOursIsAccepted() throws {
    let bad: JSONValue = ["metadata": ["name": "x"], "spec": 3]
    #expect(reviewer.validate(try request("CREATE", new: bad, group: "example.com")) == .accepted)
    let canary: JSONValue = ["metadata": ["name": "x", "labels": ["flink.apache.org/canary": "true"]]]
    #expect(reviewer.validate(try request("CREATE", new: canary)) == .accepted)
    #expect(reviewer.validate(try request("CREATE", new: bad)).refusal?.field == "spec")
    #expect(AdmissionRequest(review: ["kind": "AdmissionReview"]) == nil)
  }

  @Test(arguments: FlinkKind.allCases) func everyKindIsJudged(_ kind: FlinkKind) throws {
    let empty: JSONValue = ["metadata": ["name": "x", "namespace": "default"], "spec": [:]]
    #expect(reviewer.validate(try request("CREATE", kind, new: empty)).refusal != nil)
  }

  @Test func kindsWithoutAControllerAreSaidToBe() throws {
    let snapshot: JSONValue = [
      "metadata": ["name": "x"],
      "spec": ["savepoint": [:], "jobReference": ["kind": "FlinkDeployment", "name": "basic"]],
    ]
    let verdict = reviewer.validate(try request("CREATE", .stateSnapshot, new: snapshot))
    #expect(verdict.refusal == nil && verdict.warnings.count == 1)
  }

  @Test func aSessionJobKeepsItsCluster() throws {
    func job(_ name: String, acted: String?) -> JSONValue {
      let spec: JSONValue = [
        "deploymentName": .string(name), "job": ["jarURI": "https://example.com/a.jar", "parallelism": 1],
      ]
      let record = acted.map { JSONValue.string(#"{"spec":{"deploymentName":"\#($0)"}}"#) } ?? .null
      return [
        "metadata": ["name": "j", "namespace": "default"], "spec": spec,
        "status": ["reconciliationStatus": ["lastReconciledSpec": record]],
      ]
    }
    #expect(
      reviewer.validate(try request("UPDATE", .sessionJob, old: job("a", acted: nil), new: job("b", acted: nil)))
        .refusal == nil)
    let refused = reviewer.validate(
      try request("UPDATE", .sessionJob, old: job("a", acted: "a"), new: job("b", acted: "a")))
    #expect(refused.refusal?.field == "spec.deploymentName")
  }

  @Test func sessionJobsGetTheirClustersLabel() throws {
    func patch(_ labels: JSONValue?) throws -> [JSONValue] {
      var metadata: JSONObject = ["name": "j"]
      if let labels { metadata["labels"] = labels }
      let object: JSONValue = ["metadata": .object(metadata), "spec": ["deploymentName": "c"]]
      return reviewer.mutate(try request("CREATE", .sessionJob, new: object)).patch
    }
    #expect(try patch(nil) == [["op": "add", "path": "/metadata/labels", "value": ["target.session": "c"]]])
    #expect(try patch(["a": "b"]) == [["op": "add", "path": "/metadata/labels/target.session", "value": "c"]])
    #expect(try patch(["target.session": "c"]).isEmpty)
    #expect(reviewer.mutate(try request("CREATE", new: try manifest())).patch.isEmpty)
  }
}
