import KubernetesAPI
import Testing

@testable import LocalCluster

@Suite struct GarbageCollectorTests {
  private func child(_ name: String, of owner: KubernetesObject, blocking: Bool = false, finalizers: JSONValue? = nil)
    -> JSONValue
  {
    var json: JSONValue = [
      "metadata": [
        "name": .string(name),
        "ownerReferences": [
          [
            "apiVersion": "v1", "kind": "ConfigMap", "name": .string(owner.metadata.name),
            "uid": .string(owner.metadata.uid), "blockOwnerDeletion": .bool(blocking),
          ]
        ],
      ]
    ]
    if let finalizers { json.set(finalizers, at: ["metadata", "finalizers"]) }
    return json
  }

  private func bed() -> ControllerBed { ControllerBed(controllers: [.garbageCollector]) }
  private let owner: JSONValue = ["metadata": ["name": "owner"]]

  @Test func collectsWhatLostItsOwner() {
    var bed = bed()
    let owner = bed.add(.configMaps, owner)
    bed.add(.leases, child("a", of: owner))
    bed.settle()
    #expect(bed.all(.leases).count == 1)
    bed.remove(.configMaps, "owner")
    bed.settle()
    #expect(bed.all(.leases).isEmpty)
  }

  /// What has been made anew, or has got another owner meanwhile, is not collected.
  @Test func collectsNothingButWhatItHasSeen() throws {
    var bed = bed()
    let owner = bed.add(.configMaps, owner)
    let child = bed.add(.leases, child("a", of: owner))
    bed.settle()
    bed.remove(.configMaps, "owner")
    let writes = bed.settle()
    guard case .delete(_, _, let options) = try #require(writes.first) else { return #expect(Bool(false), "\(writes)") }
    #expect(options.uid == child.metadata.uid)
    #expect(options.resourceVersion == child.metadata.resourceVersion)
  }

  @Test func looksBeforeItBelievesAnOwnerIsAbsent() {
    var bed = bed()
    bed.holdsEvents = true
    let owner = bed.add(.configMaps, owner)
    let dependent = bed.add(.leases, child("a", of: owner))
    // The dependent's event overtakes the owner's.
    bed.machine.apply(.leases, .added(dependent))
    bed.settle()
    #expect(bed.all(.leases).count == 1)
    bed.deliver()
    bed.settle()
    #expect(bed.all(.leases).count == 1)
  }

  @Test func anOwnerThatNeverWasHoldsNothing() {
    var bed = bed()
    let never = KubernetesObject(["metadata": ["name": "never", "uid": "no-such-uid"]])
    bed.add(.leases, child("lost", of: never))
    bed.settle()
    #expect(bed.all(.leases).isEmpty)
  }

  @Test func anOwnerOfTheSameNameButAnotherUIDIsAnother() {
    var bed = bed()
    bed.add(.configMaps, owner)
    let former = KubernetesObject(["metadata": ["name": "owner", "uid": "former-uid"]])
    bed.add(.leases, child("stale", of: former))
    bed.settle()
    #expect(bed.all(.leases).isEmpty)
  }

  @Test func foregroundWaitsForBlockingDependents() {
    var bed = bed()
    let owner = bed.add(.configMaps, owner)
    bed.add(.leases, child("held", of: owner, blocking: true, finalizers: ["example.com/hold"]))
    bed.settle()
    bed.change(
      .configMaps, "owner",
      ["metadata": ["deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["foregroundDeletion"]]])
    bed.settle()
    #expect(bed.get(.configMaps, "owner") != nil)
    #expect(bed.get(.leases, "held")?["metadata", "deletionTimestamp"] != nil)
    bed.remove(.leases, "held")
    bed.settle()
    #expect(bed.get(.configMaps, "owner") == nil)
  }

  @Test func foregroundGoesDownTheTree() {
    var bed = bed()
    let owner = bed.add(.configMaps, owner)
    let middle = bed.add(.configMaps, child("middle", of: owner, blocking: true))
    bed.add(.leases, child("leaf", of: middle, blocking: true))
    bed.settle()
    bed.change(
      .configMaps, "owner",
      ["metadata": ["deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["foregroundDeletion"]]])
    bed.settle()
    #expect(bed.all(.configMaps).isEmpty)
    #expect(bed.all(.leases).isEmpty)
  }

  @Test func orphaningSetsDependentsFree() {
    var bed = bed()
    let owner = bed.add(.configMaps, owner)
    bed.add(.leases, child("free", of: owner))
    bed.settle()
    bed.change(
      .configMaps, "owner", ["metadata": ["deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["orphan"]]])
    bed.settle()
    #expect(bed.get(.configMaps, "owner") == nil)
    #expect(bed.get(.leases, "free") != nil)
    #expect(bed.get(.leases, "free")?["metadata", "ownerReferences"] == nil)
  }

  @Test func oneOwnerOfTwoIsEnough() {
    var bed = bed()
    let first = bed.add(.configMaps, ["metadata": ["name": "first"]])
    let second = bed.add(.configMaps, ["metadata": ["name": "second"]])
    var json = child("shared", of: first)
    let owners =
      (json["metadata", "ownerReferences"]?.arrayValue ?? [])
      + (child("x", of: second)["metadata", "ownerReferences"]?.arrayValue ?? [])
    json.set(.array(owners), at: ["metadata", "ownerReferences"])
    bed.add(.leases, json)
    bed.settle()
    bed.remove(.configMaps, "first")
    bed.settle()
    #expect(bed.get(.leases, "shared")?["metadata", "ownerReferences"]?.arrayValue?.count == 1)
    bed.remove(.configMaps, "second")
    bed.settle()
    #expect(bed.get(.leases, "shared") == nil)
  }
}
