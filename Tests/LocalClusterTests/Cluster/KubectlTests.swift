import Foundation
import Testing

@testable import LocalCluster

/// The real `kubectl` against the cluster over HTTPS.
@Suite(.enabled(if: ClusterBed.kubectl != nil, "kubectl is not installed")) struct KubectlTests {
  static let definition = """
    apiVersion: apiextensions.k8s.io/v1
    kind: CustomResourceDefinition
    metadata:
      name: flinkthings.flink.example.org
    spec:
      group: flink.example.org
      scope: Namespaced
      names: {kind: FlinkThing, plural: flinkthings, singular: flinkthing, shortNames: [flinkth]}
      versions:
      - name: v1beta1
        served: true
        storage: true
        subresources: {status: {}}
        additionalPrinterColumns:
        - {name: Job Status, type: string, jsonPath: .status.jobStatus.state}
        - {name: Parallelism, type: integer, jsonPath: .spec.job.parallelism, priority: 1}
        schema:
          openAPIV3Schema:
            type: object
            properties:
              spec:
                type: object
                properties:
                  flinkVersion: {type: string, enum: [v1_20, v2_2]}
                  job:
                    type: object
                    properties:
                      parallelism: {type: integer}
              status:
                type: object
                x-kubernetes-preserve-unknown-fields: true
    """

  static let thing = """
    apiVersion: flink.example.org/v1beta1
    kind: FlinkThing
    metadata: {name: basic}
    spec: {flinkVersion: v1_20, job: {parallelism: 2}}
    """

  static let configMap = """
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: a}
    data: {k: v}
    """

  static let deployment = """
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web}
    spec:
      replicas: 2
      selector: {matchLabels: {app: web}}
      template:
        metadata: {labels: {app: web}}
        spec: {containers: [{name: main, image: "example.invalid/app:1"}]}
    """

  @Test func createsChangesAndDeletesConfigMaps() async throws {
    try await ClusterBed.with { bed in
      #expect(
        try await bed.kubectlSucceeds("create", "-f", "-", input: Self.configMap) == "configmap/a created\n")
      #expect(try await bed.kubectlSucceeds("get", "configmap", "a", "-o", "jsonpath={.data.k}") == "v")
      let again = try await bed.kubectl("create", "-f", "-", input: Self.configMap)
      #expect(again.status == 1)
      #expect(again.errors.contains("configmaps \"a\" already exists"))
      _ = try await bed.kubectlSucceeds("label", "configmap", "a", "tier=one")
      #expect(
        try await bed.kubectlSucceeds("patch", "configmap", "a", "--type=merge", "-p", #"{"data":{"k":"w"}}"#)
          == "configmap/a patched\n")
      let table = try await bed.kubectlSucceeds("get", "configmaps", "-l", "tier=one")
      #expect(table.contains("NAME") && table.contains("a "))
      #expect(try await bed.kubectlSucceeds("describe", "configmap", "a").contains("w"))
      #expect(try await bed.kubectlSucceeds("delete", "configmap", "a") == "configmap \"a\" deleted\n")
      #expect(try await bed.kubectl("get", "configmap", "a").errors.contains("(NotFound)"))
    }
  }

  @Test func worksWithCustomResources() async throws {
    try await ClusterBed.with {
      $0.manifests = [Self.definition]
    } _: { bed in
      let applied = try await bed.kubectlSucceeds("apply", "-f", "-", input: Self.thing)
      #expect(applied == "flinkthing.flink.example.org/basic created\n")
      let unchanged = try await bed.kubectlSucceeds("apply", "-f", "-", input: Self.thing)
      #expect(unchanged == "flinkthing.flink.example.org/basic unchanged\n")
      let changed = try await bed.kubectlSucceeds(
        "apply", "-f", "-", input: Self.thing.replacingOccurrences(of: "parallelism: 2", with: "parallelism: 4"))
      #expect(changed == "flinkthing.flink.example.org/basic configured\n")
      let refused = try await bed.kubectl(
        "apply", "-f", "-", input: Self.thing.replacingOccurrences(of: "v1_20", with: "v0_1"))
      #expect(refused.status == 1)
      #expect(refused.errors.contains("spec.flinkVersion: Unsupported value: \"v0_1\""))

      async let waiting = bed.kubectlSucceeds(
        "wait", "--for=jsonpath={.status.jobStatus.state}=RUNNING", "flinkth/basic", "--timeout=20s")
      _ = try await bed.kubectlSucceeds(
        "patch", "flinkth", "basic", "--subresource=status", "--type=merge", "-p",
        #"{"status":{"jobStatus":{"state":"RUNNING"},"conditions":[{"type":"Ready","status":"True"}]}}"#)
      #expect(try await waiting.contains("condition met"))
      _ = try await bed.kubectlSucceeds("wait", "--for=condition=Ready", "flinkth/basic", "--timeout=20s")

      let table = try await bed.kubectlSucceeds("get", "flinkth")
      #expect(table.contains("JOB STATUS") && table.contains("RUNNING") && !table.contains("PARALLELISM"))
      #expect(try await bed.kubectlSucceeds("get", "flinkth", "-o", "wide").contains("PARALLELISM"))
      #expect(try await bed.kubectlSucceeds("describe", "flinkth", "basic").contains("Parallelism:"))
      #expect(try await bed.kubectlSucceeds("delete", "flinkth", "basic", "--timeout=20s").contains("deleted"))
    }
  }

  @Test func rollsDeploymentsOut() async throws {
    try await ClusterBed.with { bed in
      _ = try await bed.kubectlSucceeds("apply", "-f", "-", input: Self.deployment)
      _ = try await bed.kubectlSucceeds(
        "wait", "--for=jsonpath={.status.updatedReplicas}=2", "deployment/web", "--timeout=20s")
      let names = try await bed.kubectlSucceeds("get", "pods", "-l", "app=web", "-o", "name")
      let pods = names.split(separator: "\n").map { String($0.dropFirst("pod/".count)) }
      #expect(pods.count == 2)
      async let rollout = bed.kubectlSucceeds("rollout", "status", "deployment/web", "--timeout=20s")
      for pod in pods {
        _ = try await bed.kubectlSucceeds(
          "patch", "pod", pod, "--subresource=status", "--type=merge", "-p",
          #"{"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}}"#)
      }
      #expect(try await rollout.contains("successfully rolled out"))
      #expect(try await bed.kubectlSucceeds("get", "deployment", "web").contains("2/2"))
      _ = try await bed.kubectlSucceeds("scale", "deployment/web", "--replicas=1")
      _ = try await bed.kubectlSucceeds(
        "wait", "--for=jsonpath={.status.replicas}=1", "deployment/web", "--timeout=20s")
      _ = try await bed.kubectlSucceeds("delete", "deployment", "web", "--timeout=20s")
      _ = try await bed.kubectlSucceeds("wait", "--for=delete", "pod", "-l", "app=web", "--timeout=20s")
    }
  }

  /// `kubectl create` speaks protobuf.
  @Test func createsByCommand() async throws {
    try await ClusterBed.with { bed in
      for (arguments, kind) in [
        (["namespace", "team"], "namespace"), (["configmap", "a", "--from-literal=k=v"], "configmap"),
        (["secret", "generic", "s", "--from-literal=k=v"], "secret"), (["serviceaccount", "bot"], "serviceaccount"),
        (["role", "r", "--verb=get", "--resource=pods"], "role.rbac.authorization.k8s.io"),
        (["rolebinding", "b", "--role=r", "--serviceaccount=default:bot"], "rolebinding.rbac.authorization.k8s.io"),
        (["deployment", "d", "--image=example.invalid/app:1", "--replicas=2"], "deployment.apps"),
        (["service", "clusterip", "svc", "--tcp=80:8080"], "service"),
        (["ingress", "i", "--rule=host/path=svc:80"], "ingress.networking.k8s.io"),
        (["quota", "q", "--hard=pods=1,memory=1Gi"], "resourcequota"),
        (["poddisruptionbudget", "p", "--selector=a=b", "--min-available=1"], "poddisruptionbudget.policy"),
        (["priorityclass", "pc", "--value=4"], "priorityclass.scheduling.k8s.io"),
        (["cronjob", "cj", "--image=example.invalid/app:1", "--schedule=* * * * *"], "cronjob.batch"),
        (["job", "j", "--from=cronjob/cj"], "job.batch"),
      ] {
        let made = try await bed.kubectlSucceeds(["create"] + arguments)
        #expect(made.hasPrefix("\(kind)/") && made.hasSuffix(" created\n"))
      }
      #expect(try await bed.kubectlSucceeds("get", "secret", "s", "-o", "jsonpath={.data.k}") == "dg==")
      #expect(try await bed.kubectlSucceeds("get", "deployment", "d", "-o", "jsonpath={.spec.replicas}") == "2")
      let again = try await bed.kubectl("create", "configmap", "a")
      #expect(again.errors.contains("configmaps \"a\" already exists"))
    }
  }

  @Test func emptiesNamespaces() async throws {
    try await ClusterBed.with { bed in
      _ = try await bed.kubectlSucceeds(
        "create", "-f", "-", input: #"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"team"}}"#)
      _ = try await bed.kubectlSucceeds("-n", "team", "create", "-f", "-", input: Self.configMap)
      _ = try await bed.kubectlSucceeds(
        "-n", "team", "wait", "--for=jsonpath={.metadata.name}=kube-root-ca.crt", "configmap/kube-root-ca.crt",
        "--timeout=20s")
      _ = try await bed.kubectlSucceeds("delete", "namespace", "team", "--timeout=20s")
      #expect(try await bed.kubectl("get", "namespace", "team").errors.contains("(NotFound)"))
    }
  }
}
