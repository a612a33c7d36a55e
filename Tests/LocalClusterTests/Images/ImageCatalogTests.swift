import Testing

@testable import LocalCluster

@Suite struct ImageCatalogTests {
  private func resolve(_ image: String, _ versions: [String] = ["1.20.4", "1.20.10", "2.2.1"])
    -> ImageCatalog.Resolution
  {
    ImageCatalog.resolve(image, versions: versions, distributions: "/c")
  }

  @Test(arguments: [
    ("flink:1.20", "1.20.10"), ("flink:1.20.4", "1.20.4"), ("flink:1.20-java17", "1.20.10"),
    ("flink:1.20.4-scala_2.12-java17", "1.20.4"), ("apache/flink:1.20", "1.20.10"),
    ("docker.io/library/flink:2.2", "2.2.1"), ("docker.io/apache/flink:2", "2.2.1"), ("flink", "2.2.1"),
    ("flink:1.20@sha256:0000", "1.20.10"),
  ])
  func flinkImagesStandForTheNewestFetchedPatch(image: String, version: String) {
    #expect(resolve(image) == .flink(home: "/c/\(version)", version: version))
  }

  @Test func aVersionIsNoPrefixOfAnother() {
    guard case .missing = resolve("flink:1.2") else {
      Issue.record("1.2 is not 1.20")
      return
    }
  }

  @Test func aMissingImageSaysWhatThereIsAndHowToGetIt() {
    guard case .missing(let message) = resolve("flink:1.19", ["1.20.5"]) else {
      Issue.record("flink:1.19 was found")
      return
    }
    #expect(message.contains("\"flink:1.19\""))
    #expect(message.contains("flink:1.20.5"))
    #expect(message.contains("deploy/local/fetch-flink 1.19"))
    guard case .missing(let own) = resolve("registry.example:5000/my/job:1", []) else {
      Issue.record("an unknown image was found")
      return
    }
    #expect(own.contains("registry.example:5000/my/job:1"))
  }

  @Test func plainImagesStandForTheMachinesTools() {
    #expect(resolve("busybox") == .tools)
    #expect(resolve("docker.io/library/busybox:1.36") == .tools)
    #expect(resolve("registry.k8s.io/pause:3.9") == .tools)
  }
}
