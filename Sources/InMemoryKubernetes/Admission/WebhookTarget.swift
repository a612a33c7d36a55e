import KubernetesAPI

/// Where a webhook is to be called.
struct WebhookTarget {
  struct Problem: Error {
    var why: String
  }

  var url: String
  var host: String
  var port: Int
  var address: String?
  var path: String
  var authorities: [UInt8]?

  init(_ webhook: Webhook, _ stores: [StorageID: ResourceStore]) throws(Problem) {
    let client = webhook.json["clientConfig"]
    authorities = client?["caBundle"]?.stringValue.flatMap { $0.isEmpty ? nil : Base64.decode($0) }
    let timeout = "timeout=\(webhook.timeoutSeconds)s"
    if let url = client?["url"]?.stringValue {
      guard url.hasPrefix("https://") else { throw Problem(why: "webhook URL \(goQuoted(url)) is not https") }
      let rest = url.dropFirst("https://".count)
      let authority = rest.prefix { $0 != "/" && $0 != "?" }
      var path = String(rest.dropFirst(authority.count))
      if !path.hasPrefix("/") { path = "/" + path }
      self.path = path + (path.contains("?") ? "&" : "?") + timeout
      let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
      host = String(parts[0])
      port = parts.count > 1 ? Int(parts[1]) ?? 443 : 443
      self.url = "https://\(authority)\(self.path)"
      return
    }
    let namespace = client?["service", "namespace"]?.stringValue ?? ""
    let name = client?["service", "name"]?.stringValue ?? ""
    let servicePort = client?["service", "port"]?.intValue ?? 443
    var path = client?["service", "path"]?.stringValue ?? "/"
    if !path.hasPrefix("/") { path = "/" + path }
    path += "?\(timeout)"
    let host = "\(name).\(namespace).svc"
    let url = "https://\(host):\(servicePort)\(path)"
    (self.url, self.host, self.path) = (url, host, path)
    func failed(_ why: String) -> Problem { Problem(why: "failed to call webhook: Post \(goQuoted(url)): \(why)") }
    guard let service = stores[StorageID(.services)]?[ResourceStore.key(namespace: namespace, name: name)]?.json else {
      throw failed("service \(goQuoted(name)) not found")
    }
    let ports = service["spec", "ports"]?.arrayValue ?? []
    guard let entry = ports.first(where: { $0["port"]?.intValue == servicePort }) else {
      throw failed("no service port \(servicePort) found for service \(goQuoted(name))")
    }
    guard let endpoint = Self.endpoint(of: name, in: namespace, port: entry["name"]?.stringValue ?? "", stores) else {
      throw failed("no endpoints available for service \(goQuoted(name))")
    }
    (address, port) = endpoint
  }

  /// A ready endpoint: it can be reached also where nobody serves the addresses of Services.
  private static func endpoint(
    of service: String, in namespace: String, port: String, _ stores: [StorageID: ResourceStore]
  ) -> (String?, Int)? {
    for slice in stores[StorageID(.endpointSlices)]?.objects(namespace: namespace) ?? []
    where slice.metadata.labels["kubernetes.io/service-name"] == service {
      let ports = slice.json["ports"]?.arrayValue ?? []
      guard let number = ports.first(where: { ($0["name"]?.stringValue ?? "") == port })?["port"]?.intValue else {
        continue
      }
      for endpoint in slice.json["endpoints"]?.arrayValue ?? []
      where endpoint["conditions", "ready"]?.boolValue != false {
        if let address = endpoint["addresses"]?.arrayValue?.first?.stringValue { return (address, Int(number)) }
      }
    }
    return nil
  }
}
