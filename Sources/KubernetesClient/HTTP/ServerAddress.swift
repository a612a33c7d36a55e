internal import FoundationEssentials

/// How requests address the server. With `tls-server-name` they carry that name, so that it is sent and verified in
/// TLS, and the name is resolved to the real host.
struct ServerAddress {
  var base: String
  var hostHeader: String?
  var dnsOverride: [String: String] = [:]

  init(_ configuration: ClusterConfiguration) {
    base = configuration.server
    guard let name = configuration.tlsServerName, var url = URLComponents(string: configuration.server),
      let host = url.host
    else { return }
    let bareHost = host.filter { $0 != "[" && $0 != "]" }
    let port = url.port.map { ":\($0)" } ?? ""
    hostHeader = (bareHost.contains(":") ? "[\(bareHost)]" : bareHost) + port
    dnsOverride = [name: bareHost]
    url.host = name
    base = url.string ?? configuration.server
  }
}
