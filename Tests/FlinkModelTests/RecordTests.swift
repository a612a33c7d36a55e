import FlinkModel
import KubernetesAPI
import Testing

@Suite struct ReconciledSpecTests {
  @Test func theLayoutIsTheApacheOperators() throws {
    let record = ReconciledSpec(try spec(), firstDeployment: true)
    let json = try JSONValue(parsing: record.text)
    #expect(json.objectValue?.keys == ["spec", "resource_metadata"])
    #expect(
      json["spec"]?.objectValue?.keys == [
        "job", "restartNonce", "flinkConfiguration", "image", "imagePullPolicy", "serviceAccount", "flinkVersion",
        "ingress", "podTemplate", "jobManager", "taskManager", "logConfiguration", "mode",
      ])
    #expect(json["spec", "restartNonce"] == .null)
    #expect(json["spec", "job", "state"] == "running")
    #expect(json["spec", "jobManager", "replicas"] == 1)
    #expect(
      json["resource_metadata"] == ["apiVersion": "flink.apache.org/v1beta1", "firstDeployment": true])
  }

  @Test func theSameSpecGivesTheSameTextInAnyOrder() throws {
    let one = try spec { $0.set(["a": 1, "b": ["d": 1, "c": 2]], at: ["spec", "flinkConfiguration"]) }
    let two = try spec { $0.set(["b": ["c": 2, "d": 1], "a": 1], at: ["spec", "flinkConfiguration"]) }
    #expect(ReconciledSpec(one, firstDeployment: true) == ReconciledSpec(two, firstDeployment: true))
  }

  @Test func aRecordIsReadBackAsTheSpec() throws {
    let spec = try spec {
      $0.set(["spec": ["containers": [["name": "x"]]]], at: ["spec", "podTemplate"])
      $0.set(["template": "{{name}}.x", "tls": [["hosts": ["h"]]]], at: ["spec", "ingress"])
      $0.set(["requests": ["cpu": "1"]], at: ["spec", "jobManager", "resources"])
    }
    #expect(try ReconciledSpec(spec, firstDeployment: false).spec() == spec)
  }

  @Test func changesLeaveTheRestAsItWas() throws {
    // Odd spacing, unknown members, a fraction written 1.0: all by another writer.
    let stored =
      #"{"spec":{"job":{"state":"running","x":1.0,"upgradeMode":"stateless"},"y":[1.50]},"#
      + #""resource_metadata":{"firstDeployment":true,"metadata":{"g":2}}}"#
    let record = try #require(ReconciledSpec(stored: stored))
    #expect(record.jobState == .running)
    #expect(record.settingJob(state: .running).text == stored)
    #expect(
      record.settingJob(state: .suspended, upgradeMode: .savepoint).settingFirstDeployment(false).text
        == #"{"spec":{"job":{"state":"suspended","x":1.0,"upgradeMode":"savepoint"},"y":[1.50]},"#
        + #""resource_metadata":{"firstDeployment":false,"metadata":{"g":2},"apiVersion":"flink.apache.org/v1beta1"}}"#)
  }

  @Test func theLegacyLayoutIsRead() throws {
    let record = try #require(
      ReconciledSpec(stored: #"{"apiVersion":"flink.apache.org/v1beta1","image":"i","job":{"parallelism":2}}"#))
    #expect(try record.spec().image == "i")
    #expect(try record.spec().job?.parallelism == 2)
    #expect(record.firstDeployment == nil)
    #expect(record.jobState == .running)
    #expect(record.settingJob(state: .suspended).jobState == .suspended)
  }

  @Test func aTextThatIsNoRecordIsAnError() throws {
    let record = try #require(ReconciledSpec(stored: "{"))
    #expect(throws: InvalidField.self) { try record.spec() }
    #expect(record.settingJob(state: .suspended) == record)
    #expect(ReconciledSpec(stored: "") == nil)
  }

  @Test func triggerNoncesOfTheRecordBeforeAreKept() throws {
    let before = ReconciledSpec(
      try spec { $0.set(1, at: ["spec", "job", "savepointTriggerNonce"]) }, firstDeployment: false)
    let now = try spec { $0.set(2, at: ["spec", "job", "savepointTriggerNonce"]) }
    let record = ReconciledSpec(now, firstDeployment: false, keepingTriggerNoncesOf: before)
    #expect(try record.spec().job?.savepointTriggerNonce == 1)
  }
}

@Suite struct SpecDiffTests {
  private func diff(_ edit: (inout JSONValue) -> Void) throws -> SpecDiff {
    SpecDiff(from: try spec(), to: try spec(edit))
  }

  @Test func pathsHaveTheirTypes() throws {
    let cases: [(String, JSONValue?, SpecDiffType)] = [
      ("job/parallelism", 3, .scale), ("taskManager/replicas", 3, .scale), ("job/upgradeMode", "savepoint", .ignore),
      ("job/initialSavepointPath", "p", .ignore), ("job/allowNonRestoredState", true, .ignore),
      ("job/savepointRedeployNonce", 1, .savepointRedeploy), ("restartNonce", 1, .upgrade),
      ("job/args", ["a"], .upgrade), ("job/state", "suspended", .upgrade), ("image", "x", .upgrade),
      ("ingress", ["template": "t"], .ignore), ("podTemplate", ["metadata": ["labels": ["a": "b"]]], .upgrade),
      ("jobManager/replicas", 2, .upgrade), ("taskManager/resource/memory", "4g", .upgrade), ("job", nil, .upgrade),
      ("logConfiguration", ["log4j-console.properties": "x"], .upgrade),
    ]
    for (path, value, type) in cases {
      let diff = try diff { $0.set(value, at: ["spec"] + path.split(separator: "/").map(String.init)) }
      #expect(diff.type == type && diff.changes.count == 1, "\(path): \(diff.message)")
    }
    let native = SpecDiff(
      from: try spec { $0.set("native", at: ["spec", "mode"]) },
      to: try spec {
        $0.set("native", at: ["spec", "mode"])
        $0.set(3, at: ["spec", "job", "parallelism"])
      })
    #expect(native.type == .upgrade)
  }

  @Test func configurationIsComparedFlat() throws {
    func type(_ old: JSONValue, _ new: JSONValue) throws -> SpecDiffType? {
      let diff = SpecDiff(
        from: try spec { $0.set(old, at: ["spec", "flinkConfiguration"]) },
        to: try spec { $0.set(new, at: ["spec", "flinkConfiguration"]) })
      return diff.changes.isEmpty ? nil : diff.type
    }
    #expect(try type(["a.b": "1", "l": ["x", "y"]], ["a": ["b": 1], "l": "x;y"]) == nil)
    #expect(try type(["a": "1"], [:]) == .upgrade)
    #expect(try type([:], ["kubernetes.operator.x": "1", "job.autoscaler.enabled": true]) == .ignore)
    #expect(try type([:], ["parallelism.default": 2]) == .ignore)
    #expect(try type([:], ["pipeline.jobvertex-parallelism-overrides": "a:1"]) == .upgrade)
  }

  @Test func whatMeansTheSameIsNoDifference() throws {
    let edits: [(inout JSONValue) -> Void] = [
      { $0.set(.null, at: ["spec", "restartNonce"]) }, { $0.set("running", at: ["spec", "job", "state"]) },
      { $0.set(1, at: ["spec", "jobManager", "replicas"]) }, { $0.set([], at: ["spec", "job", "args"]) },
      { $0.set(["apiVersion": "v1", "kind": "Pod"], at: ["spec", "podTemplate"]) },
      { $0.set(["claims": .null], at: ["spec", "taskManager", "resources"]) },
      { $0.set("unknown", at: ["spec", "somethingNew"]) },
    ]
    for edit in edits { #expect(try diff(edit).changes == []) }

    // A nonce that is taken away asks for nothing.
    let removed = SpecDiff(
      from: try spec {
        $0.set(1, at: ["spec", "restartNonce"])
        $0.set(1, at: ["spec", "job", "savepointRedeployNonce"])
      }, to: try spec())
    #expect(removed.changes == [])

    func limited(_ cpu: String) throws -> FlinkDeploymentSpec {
      try spec { $0.set(["limits": ["cpu": .string(cpu)]], at: ["spec", "jobManager", "resources"]) }
    }
    #expect(SpecDiff(from: try limited("1"), to: try limited("1000m")).changes == [])
    #expect(SpecDiff(from: try limited("1"), to: try limited("1001m")).type == .upgrade)
  }

  @Test func theMessageSaysWhatChangedAndHidesSecrets() throws {
    let diff = try diff {
      $0.set(3, at: ["spec", "job", "parallelism"])
      $0.set(
        ["taskmanager.numberOfTaskSlots": "2", "s3.secret-key": "geheim"], at: ["spec", "flinkConfiguration"])
    }
    #expect(diff.message.contains("UPGRADE"))
    #expect(diff.message.contains("job.parallelism : 2 -> 3"))
    #expect(diff.message.contains("flinkConfiguration.s3.secret-key : none -> ******"))
    #expect(!diff.message.contains("geheim"))
  }
}
