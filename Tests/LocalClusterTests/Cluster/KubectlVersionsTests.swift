import Foundation
import Testing

@testable import LocalCluster

/// Each `kubectl` that is here, old and new: the newest of `PATH`, and Debian's, which is years older.
@Suite struct KubectlVersionsTests {
  static let debian =
    ImageCatalog.defaultCache(environment: ProcessInfo.processInfo.environment)
    + "/kubectl-debian/usr/bin/kubectl"

  static let found: [String] = {
    let debian = FileManager.default.isExecutableFile(atPath: Self.debian) ? Self.debian : nil
    return [ClusterBed.kubectl, debian].compactMap { $0 }
  }()

  @Test(.enabled(if: found.contains(debian), "needs Debian's kubectl: deploy/local/debian-kubectl"))
  func debiansIsHere() { #expect(Self.found.contains(Self.debian)) }

  @Test(arguments: found) func worksWith(_ kubectl: String) async throws {
    try await ClusterBed.with {
      $0.manifests = [KubectlTests.definition]
    } _: { bed in
      try await ClusterBed.$chosenKubectl.withValue(kubectl) { try await use(bed) }
    }
  }

  private func use(_ bed: ClusterBed) async throws {
    let version = try await bed.kubectlSucceeds("version")
    #expect(version.contains("Server Version"))
    #expect(try await bed.kubectlSucceeds("api-resources").contains("flinkthings"))

    let map = KubectlTests.configMap
    #expect(try await bed.kubectlSucceeds("apply", "-f", "-", input: map) == "configmap/a created\n")
    #expect(try await bed.kubectlSucceeds("apply", "-f", "-", input: map) == "configmap/a unchanged\n")
    let changed = map.replacingOccurrences(of: "k: v", with: "k: w")
    #expect(try await bed.kubectlSucceeds("diff", "-f", "-", input: map) == "")
    #expect(try await bed.kubectlSucceeds("apply", "-f", "-", input: changed) == "configmap/a configured\n")
    #expect(
      try await bed.kubectlSucceeds("apply", "--server-side", "--force-conflicts", "-f", "-", input: map)
        == "configmap/a serverside-applied\n")
    for (type, patch) in [
      ("strategic", #"{"data":{"s":"1"}}"#), ("merge", #"{"data":{"m":"1"}}"#),
      ("json", #"[{"op":"add","path":"/data/j","value":"1"}]"#),
    ] {
      _ = try await bed.kubectlSucceeds("patch", "configmap", "a", "--type=\(type)", "-p", patch)
    }
    let data = try await bed.kubectlSucceeds("get", "configmap", "a", "-o", "jsonpath={.data}")
    #expect(data == #"{"j":"1","k":"v","m":"1","s":"1"}"#)
    _ = try await bed.kubectlSucceeds("annotate", "configmap", "a", "note=x")
    _ = try await bed.kubectlSucceeds("label", "configmap", "a", "tier=one")
    #expect(try await bed.kubectlSucceeds("get", "configmaps", "-l", "tier=one").contains("NAME"))

    #expect(try await bed.kubectlSucceeds("create", "-f", "-", input: KubectlTests.thing).contains("created"))
    #expect(try await bed.kubectlSucceeds("get", "flinkth").contains("JOB STATUS"))
    #expect(try await bed.kubectlSucceeds("describe", "flinkth", "basic").contains("Parallelism:"))
    _ = try await bed.kubectlSucceeds("create", "deployment", "d", "--image=example.invalid/app:1")
    _ = try await bed.kubectlSucceeds("scale", "deployment/d", "--replicas=0")
    #expect(try await bed.kubectlSucceeds("get", "deployment", "d").contains("0/0"))
    for object in ["deployment/d", "flinkth/basic", "configmap/a"] {
      _ = try await bed.kubectlSucceeds("delete", object, "--timeout=20s")
    }
    #expect(try await bed.kubectl("get", "configmap", "a").errors.contains("(NotFound)"))
  }
}
