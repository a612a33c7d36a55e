import KubernetesAPI
import YAML

/// What the local cluster adds to what every API server holds from the start.
enum ClusterSeed {
  /// Makes the endpoints of the `kubernetes` Service.
  static func plantEndpoints(
    through gateway: any KubernetesGateway, port: Int, address: String
  ) async throws(LocalClusterError) {
    try await create(
      .endpointSlices, "default",
      [
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": [
          "name": "kubernetes", "namespace": "default", "labels": ["kubernetes.io/service-name": "kubernetes"],
        ], "addressType": "IPv4",
        "endpoints": [["addresses": [.string(address)], "conditions": ["ready": true]]],
        "ports": [["name": "https", "protocol": "TCP", "port": JSONValue(port)]],
      ], gateway)
  }

  /// Makes the objects of the manifests; those that name no namespace go into the one given.
  ///
  /// - Throws: `LocalClusterError.manifest` naming the document and what is wrong with it.
  static func plant(
    _ manifests: [String], in namespace: String, through gateway: any KubernetesGateway
  ) async throws(LocalClusterError) {
    var objects: [JSONValue] = []
    for manifest in manifests {
      do throws(YAMLError) {
        objects += try YAML.parseAll(manifest).filter { !$0.isNull }
      } catch {
        throw .manifest("a manifest is not YAML: \(error)")
      }
    }
    guard !objects.isEmpty else { return }
    // Definitions first: other objects may be of the kinds they define.
    func rank(_ object: JSONValue) -> Int {
      ["CustomResourceDefinition": 0, "Namespace": 1][object["kind"]?.stringValue ?? ""] ?? 2
    }
    var types: [ResourceType] = []
    for object in objects.enumerated().sorted(by: { (rank($0.element), $0.offset) < (rank($1.element), $1.offset) })
      .map(\.element)
    {
      let apiVersion = object["apiVersion"]?.stringValue ?? ""
      let kind = object["kind"]?.stringValue ?? ""
      var type = types.first { $0.apiVersion == apiVersion && $0.kind == kind }
      if type == nil {
        do throws(KubernetesError) {
          types = try await ResourceDiscovery.types(of: gateway)
        } catch {
          throw .manifest("\(error)")
        }
        type = types.first { $0.apiVersion == apiVersion && $0.kind == kind }
      }
      guard let type else {
        throw .manifest("the API has no kind '\(kind)' in apiVersion '\(apiVersion)'")
      }
      let place = type.isNamespaced ? object["metadata", "namespace"]?.stringValue ?? namespace : nil
      try await create(type, place, object, gateway)
    }
  }

  private static func create(
    _ type: ResourceType, _ namespace: String?, _ object: JSONValue, _ gateway: any KubernetesGateway
  ) async throws(LocalClusterError) {
    do throws(KubernetesError) {
      _ = try await gateway.create(type, namespace: namespace, object)
    } catch {
      guard error.isAlreadyExists else { throw .manifest("\(error)") }
    }
  }
}
