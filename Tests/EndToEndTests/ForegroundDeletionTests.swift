import Foundation
import KubernetesAPI
import Testing

/// Argo CD deletes by a foreground cascade: Kubernetes ends the JobManager before the operator can ask it for anything.
/// The metadata of high availability stays, and what comes next under the name does not take it for its own.
@Suite(.serialized) struct ForegroundDeletionTests {
  @Test(.timeLimit(.minutes(10))) func theStateCanStillBeFound() async throws {
    let data = try DataFolder()
    try await LocalInstance.with { instance in
      let job = try await data.apply("cascade", in: "default", of: instance, spec: HighAvailabilityTests.spec)
      try await job.waitRunning()
      try await data.waitForMore(than: 30)
      let id = try await job.jobID()
      try await job.waitCheckpoint()

      try await instance.kubectl(
        "delete", "flinkdeployment", "cascade", "--cascade=foreground", "--wait=true", "--timeout=120s")
      try await job.waitGone()
      #expect(try await job.pods().isEmpty, "a foreground cascade ends after its pods")
      let atEnd = try data.partFiles()
      #expect(atEnd.repeated == [])
      let maps = try await instance.client.listAll(
        .configMaps, namespace: "default", labelSelector: "configmap-type=high-availability"
      ).items
      let pointers = maps.filter { $0.metadata.name.contains(id) }
        .flatMap { $0.json["data"]?.objectValue?.keys.map { String($0) } ?? [] }
      #expect(pointers.contains { $0.hasPrefix("checkpointID-") }, "\(maps.map(\.metadata.name))")

      // The next resource of that name begins anew, and says where the state of the one before is.
      let next = try await data.apply(
        "cascade", in: "default", of: instance,
        spec: HighAvailabilityTests.spec.merging(patch: [
          "job": ["args": data.arguments(rate: 60, output: "anew")]
        ]))
      try await next.waitRunning()
      #expect(try await next.jobID() != id)
      #expect(try await next.restoredCheckpoint() == nil)
      var said = ""
      try await eventually("an event says where the state is", within: .seconds(20)) {
        said =
          try await next.events().first { $0["reason"]?.stringValue == "ForeignHAMetadata" }?["message"]?.stringValue
          ?? ""
        return !said.isEmpty
      }
      #expect(said.contains("/\(id)/chk-"), "\(said)")
      // From there it goes on, nothing lost: the words of the event are a path.
      let path = try #require(said.firstMatch(of: /\S+\/chk-\d+/)).output
      try await next.patch(
        spec: [
          "job": [
            "initialSavepointPath": .string(String(path)), "savepointRedeployNonce": 1,
            "args": data.arguments(rate: 60),
          ]
        ])
      try await next.waitRunning()
      #expect(try await next.restoredPath()?.hasSuffix(path.trimmingPrefix(/file:\/*/)) == true)
      try await data.waitForMore(than: atEnd.sequence.count + 30)
      try await instance.kubectl("delete", "flinkdeployment", "cascade", "--wait=true", "--timeout=120s")
    }
    try data.remove()
  }
}
