import FlinkController
import FlinkModel
import KubernetesAPI
import Testing

@Suite struct UnmanagedNoticeTests {
  private let now = Timestamp(epochMilliseconds: 1_790_000_000_000)

  private func object(_ kind: FlinkKind, _ metadata: JSONObject = [:], conditions: [Condition] = []) -> KubernetesObject
  {
    var merged: JSONObject = ["name": "n", "namespace": "ns", "uid": "u", "resourceVersion": "7", "generation": 3]
    for (key, value) in metadata { merged[key] = value }
    return KubernetesObject([
      "apiVersion": .string(kind.type.apiVersion), "kind": .string(kind.rawValue), "metadata": .object(merged),
      "status": ["conditions": .array(conditions.map(\.json))],
    ])
  }

  @Test(arguments: FlinkKind.allCases.filter { !$0.isManaged })
  func anObjectIsToldOnce(_ kind: FlinkKind) throws {
    let notice = try #require(UnmanagedNotice(object(kind), kind: kind, now: now))
    let conditions = try #require(notice.conditions)
    #expect(conditions[type: ConditionType.ready]?.status == .false)
    #expect(conditions[type: ConditionType.stalled]?.status == .true)
    #expect(conditions.allSatisfy { $0.reason == "KindNotSupported" && $0.observedGeneration == 3 })
    #expect(notice.message.contains(kind.rawValue))
    let patch = try #require(notice.patch(uid: "u", resourceVersion: "7", generation: 3))
    #expect(patch["metadata", "resourceVersion"] == "7" && patch["metadata", "uid"] == "u")
    let told = try #require(UnmanagedNotice(object(kind, conditions: conditions), kind: kind, now: now))
    #expect(told.conditions == nil && told.patch(uid: "u", resourceVersion: "8", generation: 3) == nil)
  }

  @Test func aForeignFinalizerIsNotTakenAway() throws {
    let deleted: JSONObject = [
      "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["flinksessionjobs.flink.apache.org/finalizer"],
    ]
    let notice = try #require(UnmanagedNotice(object(.sessionJob, deleted), kind: .sessionJob, now: now))
    #expect(notice.message.contains("cancel its job") && notice.message.contains("remove the finalizer"))
    #expect(notice.patch(uid: "u", resourceVersion: "7", generation: 3)?["metadata", "finalizers"] == nil)
  }

  @Test func canariesAreLeftAlone() {
    let canary = object(.sessionJob, ["labels": ["flink.apache.org/canary": "true"]])
    #expect(UnmanagedNotice(canary, kind: .sessionJob, now: now) == nil)
  }

  @Test func conditionsOfOthersStay() throws {
    let theirs = Condition(type: "Theirs", status: .true, reason: "R", message: "m", lastTransitionTime: "t")
    let notice = try #require(
      UnmanagedNotice(object(.stateSnapshot, conditions: [theirs]), kind: .stateSnapshot, now: now))
    #expect(notice.conditions?.first == theirs)
  }
}
