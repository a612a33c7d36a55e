import Foundation
import Testing

@testable import LocalCluster

/// The API server's calls of webhooks over TLS; `ConformanceTests` replays what a real one sends.
@Suite struct WebhookClientTests {
  private func configuration(_ client: String, policy: String = "Fail") -> String {
    """
    apiVersion: admissionregistration.k8s.io/v1
    kind: ValidatingWebhookConfiguration
    metadata: {name: hooks}
    webhooks:
    - name: hook.example.com
      clientConfig: \(client)
      rules: [{operations: [CREATE], apiGroups: [""], apiVersions: [v1], resources: [configmaps]}]
      sideEffects: None
      failurePolicy: \(policy)
      timeoutSeconds: 1
      admissionReviewVersions: [v1]
    """
  }

  private func creating(_ client: String, policy: String = "Fail") async throws -> ClusterBed.Outcome {
    var result: ClusterBed.Outcome?
    try await ClusterBed.with { bed in
      _ = try await bed.kubectlSucceeds("apply", "-f", "-", input: configuration(client, policy: policy))
      result = try await bed.kubectl("create", "configmap", "one")
    }
    return try #require(result)
  }

  @Test(.enabled(if: ClusterBed.kubectl != nil, "needs kubectl")) func nobodyThereIsAFailure() async throws {
    let refused = try await creating("{url: \"https://127.0.0.1:1/hook\"}")
    #expect(refused.errors.contains("failed calling webhook \"hook.example.com\": failed to call webhook: Post"))
    #expect(refused.errors.contains("127.0.0.1:1: connect: "), "\(refused.errors)")
    #expect(try await creating("{url: \"https://127.0.0.1:1/hook\"}", policy: "Ignore").status == 0)
  }

  @Test(.enabled(if: ClusterBed.kubectl != nil, "needs kubectl")) func aServiceWithoutEndpointsIsAFailure() async throws
  {
    let missing = try await creating("{service: {name: hook, namespace: default}}")
    #expect(missing.errors.contains("service \"hook\" not found"), "\(missing.errors)")
  }

  /// A webhook behind a Service is called at an endpoint of it, by the Service's name: here it is the API server itself,
  /// whose certificate is for `kubernetes.default.svc`.
  @Test(.enabled(if: ClusterBed.kubectl != nil, "needs kubectl")) func aServiceIsCalledByItsName() async throws {
    try await ClusterBed.with { bed in
      let authority = Data(try bed.authorityPEM.utf8).base64EncodedString()
      let service = "service: {name: kubernetes, namespace: default, path: /healthz}"
      _ = try await bed.kubectlSucceeds(
        "apply", "-f", "-", input: configuration("{\(service), caBundle: \(authority)}"))
      let outcome = try await bed.kubectl("create", "configmap", "one")
      // Its own answer to a POST there: the connection was accepted.
      #expect(outcome.errors.contains("system:anonymous\\\" cannot post path"), "\(outcome.errors)")
      _ = try await bed.kubectlSucceeds("apply", "-f", "-", input: configuration("{\(service)}"))
      let untrusted = try await bed.kubectl("create", "configmap", "one")
      #expect(untrusted.errors.contains("certificate"), "\(untrusted.errors)")
    }
  }
}
