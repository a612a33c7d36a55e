internal import FoundationEssentials

/// A proxy that is asked with CONNECT for a way to the server.
struct HTTPProxy: Sendable, Hashable, CustomStringConvertible {
  var host: String
  var port: Int
  var user: String?
  var password: String?

  /// - Parameters:
  ///   - text: `http://host:port`, with user and password where it wants them.
  ///   - owner: whose setting it is, for messages.
  init(_ text: String, of owner: String, setting: String = "proxy-url") throws(ConfigurationError) {
    guard let url = URLComponents(string: text), let scheme = url.scheme?.lowercased(), let host = url.host,
      !host.isEmpty, url.port.map({ (1...65535).contains($0) }) ?? true
    else {
      throw ConfigurationError(
        problem: "\(owner): \(setting) is not an address", hint: "write it like http://host:3128")
    }
    switch scheme {
    case "http": break
    case "socks5", "socks5h", "socks":
      throw ConfigurationError(
        problem: "\(owner): \(setting) names a SOCKS proxy (\(scheme)), which is not supported",
        hint: "use an HTTP proxy, like http://host:3128")
    default:
      throw ConfigurationError(
        problem: "\(owner): \(setting) has the scheme \(scheme), which is not supported",
        hint: "use an HTTP proxy, like http://host:3128")
    }
    self.host = host.filter { $0 != "[" && $0 != "]" }
    port = url.port ?? 80
    user = url.user
    password = url.password
  }

  /// Without its secrets.
  var description: String { "http://\(host.contains(":") ? "[\(host)]" : host):\(port)" }
}
