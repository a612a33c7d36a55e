import KubernetesAPI
import Testing

@testable import InMemoryKubernetes

@Suite struct ProtobufTests {
  /// What `kubectl create configmap b --from-literal=a=b` sends.
  private let configMap: [UInt8] =
    Array("k8s\u{0}\n\u{f}\n\u{2}v1\u{12}\u{9}ConfigMap\u{12}&\n\u{1c}\n\u{1}b\u{12}\u{0}\u{1a}\u{b}conf-kpatch".utf8)
    + Array("\"\u{0}*\u{0}2\u{0}8\u{0}B\u{0}\u{12}\u{6}\n\u{1}a\u{12}\u{1}b\u{1a}\u{0}\"\u{0}".utf8)

  @Test func readsWhatKubectlSends() throws {
    #expect(
      try ProtobufReader.object(configMap) == [
        "kind": "ConfigMap", "apiVersion": "v1", "metadata": ["name": "b", "namespace": "conf-kpatch"],
        "data": ["a": "b"],
      ])
  }

  @Test(
    arguments: [
      [
        "apiVersion": "v1", "kind": "Secret",
        "metadata": [
          "name": "s", "uid": "u", "resourceVersion": "7", "creationTimestamp": "2026-01-02T03:04:05Z",
          "labels": ["a": "b", "c": ""], "finalizers": ["x/y", "z"],
          "ownerReferences": [
            ["apiVersion": "v1", "kind": "K", "name": "n", "uid": "o", "controller": true, "blockOwnerDeletion": false]
          ],
        ], "data": ["k": "AAECAw=="], "type": "Opaque", "immutable": false,
      ],
      [
        "apiVersion": "v1", "kind": "Status", "metadata": [:], "status": "Failure", "message": "no", "code": 409,
        "details": ["name": "n", "causes": [["reason": "R", "message": "m", "field": "f"]]],
      ],
      [
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": ["name": "l"],
        "spec": [
          "holderIdentity": "me", "leaseDurationSeconds": 0, "renewTime": "2026-01-02T03:04:05.678000Z",
          "acquireTime": "1969-12-31T23:59:59.500000Z",
        ],
      ],
      [
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": "d"],
        "spec": [
          "replicas": 0, "strategy": ["rollingUpdate": ["maxSurge": "25%", "maxUnavailable": 1]],
          "template": ["spec": ["containers": [["name": "c", "image": "i", "command": ["a", "b"]]]]],
        ],
      ],
      [
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": ["name": "i"],
        "spec": [
          "rules": [
            [
              "host": "h",
              "http": [
                "paths": [
                  [
                    "path": "/", "pathType": "Prefix",
                    "backend": ["service": ["name": "s", "port": ["number": 80]]],
                  ]
                ]
              ],
            ]
          ]
        ],
      ],
      [
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": ["name": "q"],
        "spec": ["hard": ["pods": "1", "memory": "1Gi"]],
      ],
      [
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": ["name": "c"],
        "spec": [
          "schedule": "* * * * *", "suspend": false,
          "jobTemplate": ["spec": ["template": ["spec": ["restartPolicy": "Never"]]]],
        ],
      ],
    ] as [JSONValue])
  func readsWhatItWrites(_ object: JSONValue) throws {
    let bytes = try #require(ProtobufWriter.object(object))
    #expect(try ProtobufReader.object(bytes) == object)
  }

  @Test func refusesWhatItDoesNotKnow() {
    #expect(ProtobufWriter.object(["apiVersion": "v1", "kind": "Pod", "metadata": [:]]) == nil)
    #expect(ProtobufWriter.object(["apiVersion": "v1", "kind": "ConfigMap", "metadata": [:], "new": 1]) == nil)
    #expect(throws: ProtobufError.self) { try ProtobufReader.object(Array("{}".utf8)) }
    // A field 99 with content in a ConfigMap.
    let unknown: [UInt8] =
      Array("k8s\u{0}\n\u{f}\n\u{2}v1\u{12}\u{9}ConfigMap\u{12}\u{4}".utf8) + [0x9A, 0x06, 0x01, 0x61]
    #expect(throws: ProtobufError(problem: "field 99 of ConfigMap is not read as protobuf here")) {
      try ProtobufReader.object(unknown)
    }
  }

  @Test func survivesNonsense() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<5000 {
      var bytes = configMap
      for _ in 0..<Int.random(in: 1...6, using: &generator) {
        bytes[Int.random(in: 4..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
      bytes.removeLast(Int.random(in: 0...8, using: &generator))
      do throws(ProtobufError) { _ = try ProtobufReader.object(bytes) } catch { #expect(!error.problem.isEmpty) }
    }
  }
}
