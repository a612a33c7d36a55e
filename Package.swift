// swift-tools-version:6.2
import PackageDescription

// `make check` builds with this set: every warning in our own code is then an error.
let strict = Context.environment["FLINK_OPERATOR_STRICT"] == "1"

let settings: [SwiftSetting] =
  [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  ] + (strict ? [.treatAllWarnings(as: .error)] : [])

let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let heap: Target.Dependency = .product(name: "HeapModule", package: "swift-collections")
let asyncHTTPClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTP2: Target.Dependency = .product(name: "NIOHTTP2", package: "swift-nio-http2")
let nioFoundation: Target.Dependency = .product(name: "NIOFoundationEssentialsCompat", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let hummingbirdTLS: Target.Dependency = .product(name: "HummingbirdTLS", package: "hummingbird")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let x509: Target.Dependency = .product(name: "X509", package: "swift-certificates")
let asn1: Target.Dependency = .product(name: "SwiftASN1", package: "swift-asn1")

func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(of name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource]? = nil) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: [.byName(name: name)] + dependencies, resources: resources,
    swiftSettings: settings)
}

let package = Package(
  name: "flink-operator",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "flink-operator", targets: ["flink-operator"])
  ],
  dependencies: [
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    // Comes with AsyncHTTPClient; the client reads its errors, its tests serve HTTP/2 as kube-apiserver does.
    .package(url: "https://github.com/apple/swift-nio-http2.git", from: "1.40.0"),
    // Without its traits Hummingbird links FoundationEssentials only: 45 MB less binary.
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
    .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
  ],
  targets: [
    // libyaml's event reader and writer; Yams would pull in full Foundation.
    .systemLibrary(
      name: "CLibYAML", path: "Sources/CLibYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),

    // The order below is the order imports may take; `make check` holds it.
    module("KubernetesAPI"),
    module("YAML", ["KubernetesAPI", "CLibYAML"]),
    module("KubernetesRuntime", ["KubernetesAPI", logging, heap]),
    module(
      "KubernetesClient",
      ["KubernetesAPI", "YAML", asyncHTTPClient, nioCore, nioPosix, nioHTTP1, nioHTTP2, nioSSL, logging]),
    module("FlinkModel", ["KubernetesAPI", "YAML"]),
    module(
      "FlinkREST", ["KubernetesAPI", "FlinkModel", asyncHTTPClient, nioCore, nioPosix, nioHTTP1, nioSSL, logging]),
    module("FlinkBlueprint", ["KubernetesAPI", "FlinkModel", "YAML"]),
    module("Lifecycle", ["KubernetesAPI", "FlinkModel"]),
    module(
      "FlinkController",
      ["KubernetesAPI", "KubernetesRuntime", "FlinkModel", "FlinkBlueprint", "Lifecycle", logging]),
    module(
      "Operations",
      [
        "KubernetesAPI", "FlinkModel", hummingbird, hummingbirdTLS, nioCore, nioSSL, x509, asn1, crypto, lifecycle,
        logging,
      ]),
    module("InMemoryKubernetes", ["KubernetesAPI", "YAML"]),
    module(
      "LocalCluster",
      [
        "KubernetesAPI", "KubernetesRuntime", "InMemoryKubernetes", "YAML", hummingbird, hummingbirdTLS, nioCore,
        nioPosix, nioHTTP1, nioSSL, x509, asn1, crypto, lifecycle, logging,
      ]),
    module(
      "Simulation",
      [
        "KubernetesAPI", "KubernetesRuntime", "FlinkModel", "FlinkBlueprint", "Lifecycle", "FlinkController",
        "InMemoryKubernetes", logging,
      ]),
    // Replays and sweeps of the simulation by hand; not a product.
    .executableTarget(name: "simulate", dependencies: ["Simulation", logging], swiftSettings: settings),
    .executableTarget(
      name: "flink-operator",
      dependencies: [
        "KubernetesAPI", "KubernetesRuntime", "KubernetesClient", "FlinkModel", "FlinkREST", "FlinkBlueprint",
        "Lifecycle", "FlinkController", "Operations", "InMemoryKubernetes", "LocalCluster", "YAML", argumentParser,
        lifecycle, unixSignals, logging,
      ],
      swiftSettings: settings),

    tests(of: "KubernetesAPI"),
    tests(of: "YAML", ["KubernetesAPI"]),
    tests(of: "KubernetesRuntime", ["KubernetesAPI", logging]),
    tests(
      of: "KubernetesClient",
      ["KubernetesAPI", nioCore, nioPosix, nioHTTP1, nioHTTP2, nioSSL, x509, crypto, asn1, logging]),
    tests(of: "FlinkModel", ["KubernetesAPI", "YAML"], resources: [.copy("Resources")]),
    tests(
      of: "FlinkREST", ["KubernetesAPI", "FlinkModel", nioCore, nioPosix, nioHTTP1, logging],
      resources: [.copy("Resources")]),
    tests(of: "FlinkBlueprint", ["KubernetesAPI", "FlinkModel", "YAML"], resources: [.copy("Resources")]),
    tests(of: "Lifecycle", ["KubernetesAPI", "FlinkModel"]),
    tests(of: "FlinkController", ["KubernetesAPI", "KubernetesRuntime", "FlinkModel", "Lifecycle", logging]),
    tests(
      of: "Operations",
      [
        "KubernetesAPI", "FlinkModel", "InMemoryKubernetes", "LocalCluster", asyncHTTPClient, nioCore, nioHTTP1,
        nioSSL, lifecycle, logging,
      ]),
    tests(of: "InMemoryKubernetes", ["KubernetesAPI", "YAML"]),
    tests(
      of: "LocalCluster",
      [
        "KubernetesAPI", "KubernetesRuntime", "InMemoryKubernetes", "KubernetesClient", "YAML", nioCore, nioPosix,
        nioSSL, logging,
      ]),
    tests(of: "Simulation", ["KubernetesAPI", "FlinkModel", "Lifecycle", "FlinkController", "InMemoryKubernetes"]),
    .testTarget(
      name: "ConformanceTests",
      dependencies: [
        "KubernetesAPI", "InMemoryKubernetes", "LocalCluster", "YAML", asyncHTTPClient, nioCore, nioPosix, nioHTTP1,
        nioSSL, logging,
      ],
      resources: [.copy("Transcripts")], swiftSettings: settings),
    // What users bring and install: deploy/, examples/, and the table of `make compat`.
    .testTarget(
      name: "CompatibilityTests",
      dependencies: [
        "KubernetesAPI", "FlinkModel", "Operations", "InMemoryKubernetes", "LocalCluster", "YAML", logging,
      ], swiftSettings: settings),
    .testTarget(
      name: "EndToEndTests", dependencies: ["KubernetesAPI", "KubernetesClient", "YAML"], swiftSettings: settings),
  ]
)
