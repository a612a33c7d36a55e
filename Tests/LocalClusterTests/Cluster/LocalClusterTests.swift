import Foundation
import Logging
import Testing

@testable import LocalCluster

@Suite struct LocalClusterTests {
  @Test func instancesDoNotShareAddresses() async throws {
    try await ClusterBed.with { first in
      try await ClusterBed.with { second in
        #expect(first.ready.addressBlock != second.ready.addressBlock)
        #expect(first.ready.server != second.ready.server)
      }
    }
  }

  @Test func aTakenRunDirectoryIsSaidSo() async throws {
    try await ClusterBed.with { bed in
      let options = LocalClusterOptions(runDirectory: bed.ready.runDirectory, runsAgent: false)
      let second = LocalCluster(options: options, logger: Logger(label: "test"))
      let error = await #expect(throws: LocalClusterError.self) { try await second.run { _ in } }
      #expect(error?.description.contains(bed.ready.runDirectory) == true)
    }
  }

  @Test func aManifestThatIsWrongIsNamed() async throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    for (manifest, complaint) in [
      ("a: [", "not YAML"), ("{apiVersion: example.org/v1, kind: Thing, metadata: {name: a}}", "'Thing'"),
    ] {
      let options = LocalClusterOptions(
        runDirectory: folder.path + "/run", runsAgent: false, manifests: [manifest])
      let cluster = LocalCluster(options: options, logger: Logger(label: "test"))
      let error = await #expect(throws: LocalClusterError.self) { try await cluster.run { _ in } }
      #expect(error?.description.contains(complaint) == true, "\(String(describing: error))")
      #expect(!FileManager.default.fileExists(atPath: folder.path + "/run"))
    }
  }

  @Test func sweepsWhatADeadInstanceLeftBeside() async throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let dead = folder.path + "/flink-operator/local-253"
    try FileManager.default.createDirectory(atPath: dead + "/pods/uid", withIntermediateDirectories: true)
    try await ClusterBed.with {
      $0.runDirectory = nil
      $0.environment = ["XDG_RUNTIME_DIR": folder.path]
    } _: { bed in
      #expect(bed.ready.runDirectory.hasPrefix(folder.path + "/flink-operator/local-"))
      #expect(!FileManager.default.fileExists(atPath: dead))
    }
  }
}
