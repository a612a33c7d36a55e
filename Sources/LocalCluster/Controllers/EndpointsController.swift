public import KubernetesAPI

/// Publishes the addresses of a Service's pods as EndpointSlices and as the older Endpoints.
public enum EndpointsController {
  /// Types that must be listed before a turn.
  public static let types: [ResourceType] = [.services, .pods, .endpoints, .endpointSlices]

  static let serviceNameLabel = "kubernetes.io/service-name"
  static let managedByLabel = "endpointslice.kubernetes.io/managed-by"
  static let managedByValue = "endpointslice-controller.k8s.io"
  static let endpointsManagedByLabel = "endpoints.kubernetes.io/managed-by"
  static let headlessLabel = "service.kubernetes.io/headless"
  static let triggerAnnotation = "endpoints.kubernetes.io/last-change-trigger-time"

  /// What to do about the endpoints of one Service.
  public static func reconcile(_ key: ObjectKey, in cache: ClusterCache, now: Timestamp) -> Reconciliation {
    guard let service = cache.object(.services, key), !service.metadata.isBeingDeleted else {
      return removal(of: key, in: cache)
    }
    let json = service.json
    guard let selector = json["spec", "selector"]?.objectValue?.strings, !selector.isEmpty,
      json["spec", "type"]?.stringValue != "ExternalName"
    else { return .nothing }
    let pods = cache.objects(.pods, namespace: key.namespace).filter { pod in
      selector.allSatisfy { pod.metadata.labels[$0.key] == $0.value }
    }.map(PodState.init).filter { !$0.isTerminal && $0.address != nil }
    let view = ServiceView(service: service, json: json)
    return Reconciliation(
      writes: sliceWrites(view, pods, in: cache) + endpointsWrites(view, pods, in: cache))
  }

  /// The Service that an EndpointSlice belongs to.
  public static func service(ofSlice slice: KubernetesObject) -> ObjectKey? {
    slice.metadata.labels[serviceNameLabel].map { ObjectKey(namespace: slice.metadata.namespace, name: $0) }
  }

  /// The Services that select a pod with these labels.
  public static func services(selecting labels: [String: String], namespace: String, in cache: ClusterCache)
    -> [ObjectKey]
  {
    cache.objects(.services, namespace: namespace).filter { service in
      guard let selector = service.json["spec", "selector"]?.objectValue?.strings, !selector.isEmpty else {
        return false
      }
      return selector.allSatisfy { labels[$0.key] == $0.value }
    }.map(\.key)
  }

  private static func removal(of key: ObjectKey, in cache: ClusterCache) -> Reconciliation {
    // The slices go with the Service that owns them. Endpoints have no owner.
    guard let endpoints = cache.object(.endpoints, key), !endpoints.metadata.isBeingDeleted,
      endpoints.metadata.labels[endpointsManagedByLabel] != nil
    else { return .nothing }
    return Reconciliation(writes: [.delete(.endpoints, key, DeleteOptions(uid: endpoints.metadata.uid))])
  }

  // MARK: EndpointSlices

  private static func sliceWrites(
    _ view: ServiceView, _ pods: [PodState], in cache: ClusterCache
  ) -> [ControllerWrite] {
    var groups: [(ports: JSONValue, pods: [PodState])] = []
    for pod in pods {
      let ports = view.ports(of: pod, unnamedAsEmpty: true)
      if let index = groups.firstIndex(where: { $0.ports == ports }) {
        groups[index].pods.append(pod)
      } else {
        groups.append((ports, [pod]))
      }
    }
    if groups.isEmpty { groups = [([], [])] }

    var known = cache.objects(.endpointSlices, namespace: view.key.namespace).filter {
      $0.metadata.labels[serviceNameLabel] == view.key.name && $0.metadata.labels[managedByLabel] == managedByValue
        && !$0.metadata.isBeingDeleted
    }
    var writes: [ControllerWrite] = []
    for group in groups {
      let index =
        known.firstIndex { ($0.json["ports"] ?? []) == group.ports } ?? (groups.count == 1 ? known.indices.first : nil)
      let slice = index.map { known.remove(at: $0) }
      writes += sliceWrite(view, ports: group.ports, pods: group.pods, slice: slice).map { [$0] } ?? []
    }
    writes += known.map { .delete(.endpointSlices, $0.key, DeleteOptions(uid: $0.metadata.uid)) }
    return writes
  }

  private static func sliceWrite(
    _ view: ServiceView, ports: JSONValue, pods: [PodState], slice: KubernetesObject?
  ) -> ControllerWrite? {
    let before = slice?.json["endpoints"]?.arrayValue ?? []
    let endpoints = pods.map { view.endpoint(of: $0) }
    var labels = view.labels
    labels[serviceNameLabel] = view.key.name
    labels[managedByLabel] = managedByValue
    guard let slice else {
      var metadata: JSONValue = [
        "generateName": .string("\(view.key.name)-"), "namespace": .string(view.key.namespace),
        "labels": JSONValue(labels),
        "ownerReferences": [ReplicaSetController.reference(to: view.service).json],
      ]
      if let time = triggerTime(pods, endpoints, before) {
        metadata["annotations"] = [triggerAnnotation: .string(time)]
      }
      return .create(
        .endpointSlices, namespace: view.key.namespace,
        [
          "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata, "addressType": "IPv4",
          "endpoints": .array(endpoints), "ports": ports,
        ])
    }
    var json = slice.json
    guard
      Set(before) != Set(endpoints) || before.count != endpoints.count || (json["ports"] ?? []) != ports
        || slice.metadata.labels != labels
    else { return nil }
    json.set(JSONValue(labels), at: ["metadata", "labels"])
    json.set(
      triggerTime(pods, endpoints, before).map { .string($0) }, at: ["metadata", "annotations", triggerAnnotation])
    json["endpoints"] = .array(endpoints)
    json["ports"] = ports
    return .replace(.endpointSlices, slice.key, subresource: nil, json)
  }

  /// When the change that the new endpoints reflect happened: the latest Ready transition among the pods that changed.
  private static func triggerTime(_ pods: [PodState], _ endpoints: [JSONValue], _ before: [JSONValue]) -> String? {
    zip(pods, endpoints).filter { !before.contains($1) }.compactMap { pod, _ in
      pod.readyCondition?["lastTransitionTime"]?.stringValue
    }.max()
  }

  // MARK: Endpoints

  private static func endpointsWrites(
    _ view: ServiceView, _ pods: [PodState], in cache: ClusterCache
  ) -> [ControllerWrite] {
    struct Group {
      var ports: JSONValue
      var ready: [(String, JSONValue)] = []
      var notReady: [(String, JSONValue)] = []
    }
    var groups: [Group] = []
    for pod in pods where !pod.metadata.isBeingDeleted || view.publishesNotReady {
      guard let address = pod.address else { continue }
      let ports = view.ports(of: pod, unnamedAsEmpty: false)
      let index: Int
      if let found = groups.firstIndex(where: { $0.ports == ports }) {
        index = found
      } else {
        groups.append(Group(ports: ports))
        index = groups.count - 1
      }
      let entry = (address, view.address(of: pod))
      if pod.isReady || view.publishesNotReady {
        groups[index].ready.append(entry)
      } else {
        groups[index].notReady.append(entry)
      }
    }
    let subsets = groups.map { group in
      var subset: JSONValue = [:]
      func list(_ entries: [(String, JSONValue)]) -> JSONValue {
        .array(entries.sorted { $0.0 < $1.0 }.map(\.1))
      }
      if !group.ready.isEmpty { subset["addresses"] = list(group.ready) }
      if !group.notReady.isEmpty { subset["notReadyAddresses"] = list(group.notReady) }
      if group.ports.arrayValue?.isEmpty == false { subset["ports"] = group.ports }
      return subset
    }
    var labels = view.labels
    labels[endpointsManagedByLabel] = "endpoint-controller"
    guard let current = cache.object(.endpoints, view.key) else {
      var object: JSONValue = [
        "apiVersion": "v1", "kind": "Endpoints",
        "metadata": [
          "name": .string(view.key.name), "namespace": .string(view.key.namespace), "labels": JSONValue(labels),
        ],
      ]
      if !subsets.isEmpty { object["subsets"] = .array(subsets) }
      return [.create(.endpoints, namespace: view.key.namespace, object)]
    }
    guard !current.metadata.isBeingDeleted else { return [] }
    var json = current.json
    guard (json["subsets"]?.arrayValue ?? []) != subsets || current.metadata.labels != labels else { return [] }
    json.set(JSONValue(labels), at: ["metadata", "labels"])
    json["subsets"] = subsets.isEmpty ? nil : .array(subsets)
    return [.replace(.endpoints, view.key, subresource: nil, json)]
  }
}

/// A Service as its endpoints see it.
private struct ServiceView {
  let service: KubernetesObject
  let json: JSONValue

  var key: ObjectKey { service.key }
  var isHeadless: Bool { json["spec", "clusterIP"]?.stringValue == "None" }
  var publishesNotReady: Bool { json["spec", "publishNotReadyAddresses"]?.boolValue ?? false }

  var labels: [String: String] {
    var labels = service.metadata.labels
    if isHeadless { labels[EndpointsController.headlessLabel] = "" }
    return labels
  }

  func ports(of pod: PodState, unnamedAsEmpty: Bool) -> JSONValue {
    .array(
      (json["spec", "ports"]?.arrayValue ?? []).compactMap { port in
        let transport = port["protocol"]?.stringValue ?? "TCP"
        let target = port["targetPort"] ?? port["port"] ?? .null
        guard let number = pod.port(target, transport: transport) else { return nil }
        var result: JSONValue = [:]
        let name = port["name"]?.stringValue ?? ""
        if !name.isEmpty || unnamedAsEmpty { result["name"] = .string(name) }
        result["protocol"] = .string(transport)
        result["port"] = JSONValue(number)
        if let application = port["appProtocol"] { result["appProtocol"] = application }
        return result
      })
  }

  private func target(_ pod: PodState) -> JSONValue {
    [
      "kind": "Pod", "namespace": .string(pod.metadata.namespace), "name": .string(pod.metadata.name),
      "uid": .string(pod.metadata.uid),
    ]
  }

  private func hostname(_ pod: PodState) -> JSONValue? {
    guard let hostname = pod.json["spec", "hostname"], pod.json["spec", "subdomain"]?.stringValue == key.name else {
      return nil
    }
    return hostname
  }

  func endpoint(of pod: PodState) -> JSONValue {
    let isTerminating = pod.metadata.isBeingDeleted
    var endpoint: JSONValue = [
      "addresses": [.string(pod.address ?? "")],
      "conditions": [
        "ready": .bool(publishesNotReady || (pod.isReady && !isTerminating)), "serving": .bool(pod.isReady),
        "terminating": .bool(isTerminating),
      ],
    ]
    endpoint["hostname"] = hostname(pod)
    endpoint["targetRef"] = target(pod)
    if let node = pod.nodeName { endpoint["nodeName"] = .string(node) }
    return endpoint
  }

  func address(of pod: PodState) -> JSONValue {
    var address: JSONValue = ["ip": .string(pod.address ?? "")]
    address["hostname"] = hostname(pod)
    if let node = pod.nodeName { address["nodeName"] = .string(node) }
    address["targetRef"] = target(pod)
    return address
  }
}
