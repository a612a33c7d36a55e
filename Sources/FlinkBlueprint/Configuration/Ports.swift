import FlinkModel

/// The ports of a cluster; Flink's "any port" cannot be offered by a service and becomes the usual one.
struct Ports {
  let rest: Int
  let restBind: Int
  let rpc: Int
  let blob: Int
  let taskManagerRPC: Int

  init(_ configuration: FlinkConfiguration) throws(InvalidField) {
    rest = try configuration.restPort
    restBind = Self.fixed(configuration, "rest.bind-port", rest)
    rpc = try configuration.int("jobmanager.rpc.port") ?? 6123
    blob = Self.fixed(configuration, "blob.server.port", 6124)
    taskManagerRPC = Self.fixed(configuration, "taskmanager.rpc.port", 6122)
  }

  /// A range (`50100-50200`) has no one port for a service either; its first is taken.
  private static func fixed(_ configuration: FlinkConfiguration, _ key: String, _ usual: Int) -> Int {
    guard let text = configuration.string(key), let port = Int(text.prefix { $0.isNumber }), port != 0 else {
      return usual
    }
    return port
  }

  func fix(in configuration: inout FlinkConfiguration) {
    configuration["jobmanager.rpc.port"] = "\(rpc)"
    configuration["blob.server.port"] = "\(blob)"
    configuration["taskmanager.rpc.port"] = "\(taskManagerRPC)"
    configuration["rest.port"] = "\(rest)"
    configuration["rest.bind-port"] = "\(restBind)"
    if configuration.isHighAvailabilityEnabled {
      configuration.setDefault("high-availability.jobmanager.port", "\(rpc)")
      if configuration["high-availability.jobmanager.port"] == "0" {
        configuration["high-availability.jobmanager.port"] = "\(rpc)"
      }
    }
  }
}
