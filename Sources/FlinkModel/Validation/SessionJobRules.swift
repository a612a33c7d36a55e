public import KubernetesAPI

extension Validator {
  /// Judges a FlinkSessionJob.
  ///
  /// - Parameters:
  ///   - previous: the spec acted upon last, nil before the first time.
  ///   - cluster: the FlinkDeployment it names, nil where it is not known.
  /// - Throws: `InvalidField` naming the field, its value and what to write instead.
  public func validate(
    _ spec: FlinkSessionJobSpec, metadata: ObjectMetadata, previous: FlinkSessionJobSpec?, cluster: FlinkDeployment?
  ) throws(InvalidField) {
    let field = "spec.deploymentName"
    guard let deploymentName = spec.deploymentName else {
      throw InvalidField(field: field, value: nil, fix: "name the FlinkDeployment of the session cluster to run in")
    }
    try Self.checkName(deploymentName, field: field)
    guard let job = spec.job else {
      throw InvalidField(
        field: "spec.job", value: nil, fix: "describe the job to submit, at least jarURI and parallelism")
    }
    if let previous, let old = previous.deploymentName, old != deploymentName {
      throw InvalidField(
        field: field, value: deploymentName, fix: "cannot change from \(old), make a new resource for another cluster")
    }
    if let jar = job.jarURI { try checkArtifact(jar, field: "spec.job.jarURI") }
    guard let cluster, let clusterSpec = try? cluster.spec.get() else { return }
    if clusterSpec.isApplication {
      throw InvalidField(
        field: field, value: deploymentName,
        fix: "is an application cluster, which takes no further jobs: name a FlinkDeployment without spec.job")
    }
    var configuration = settings.userConfiguration(for: clusterSpec, namespace: metadata.namespace)
    configuration.overlay(FlattenedConfiguration.flatten(spec.flinkConfiguration))
    if job.parallelism < 1 {
      throw InvalidField(field: "spec.job.parallelism", value: "\(job.parallelism)", fix: "must be at least 1")
    }
    try checkState(job, configuration)
    try AutoscalerRules.check(configuration, reconcileInterval: settings.reconcileInterval)
  }

  /// Where the operator may fetch jars from. That a host's name does not resolve to an inner address is seen when it is
  /// fetched; here only what is written is judged.
  private func checkArtifact(_ uri: String, field: String) throws(InvalidField) {
    let schemes = settings.artifactSchemes.joined(separator: ", ")
    guard let colon = uri.firstIndex(of: ":"), colon != uri.startIndex, !uri.contains(where: \.isWhitespace) else {
      throw InvalidField(field: field, value: uri, fix: "must be a URI with one of the schemes \(schemes)")
    }
    let scheme = uri[..<colon].lowercased()
    if !settings.artifactSchemes.contains(scheme) {
      throw InvalidField(
        field: field, value: uri,
        fix: "its scheme must be one of \(schemes), which kubernetes.operator.user.artifacts.allowed-schemes lists")
    }
    guard settings.areRestrictedArtifactHostsRefused, scheme == "http" || scheme == "https" else { return }
    let rest = uri[uri.index(after: colon)...]
    let authority = rest.hasPrefix("//") ? rest.dropFirst(2).prefix { !"/?#".contains($0) } : ""
    let host = Self.host(String(authority.split(separator: "@").last ?? ""))
    if host.isEmpty { throw InvalidField(field: field, value: uri, fix: "must name a host") }
    if RestrictedHost.matches(host) {
      throw InvalidField(
        field: field, value: uri,
        fix: "must not name a host of an inner network, unless "
          + "kubernetes.operator.user.artifacts.disallow-restricted-hosts is false")
    }
  }

  private static func host(_ authority: String) -> String {
    if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
      return String(authority[authority.index(after: authority.startIndex)..<end])
    }
    return String(authority.prefix { $0 != ":" })
  }
}

/// Hosts that are not of the public network, as far as the name tells.
enum RestrictedHost {
  static func matches(_ host: String) -> Bool {
    let host = host.lowercased()
    if host == "localhost" || host.hasSuffix(".localhost") { return true }
    if host.contains(":") {
      if host == "::" || host == "::1" || host.hasPrefix("fe8") || host.hasPrefix("fe9") || host.hasPrefix("fea")
        || host.hasPrefix("feb") || host.hasPrefix("fec") || host.hasPrefix("fc") || host.hasPrefix("fd")
        || host.hasPrefix("ff")
      {
        return true
      }
      // An IPv4 address in IPv6's form.
      guard host.hasPrefix("::ffff:"), let last = host.split(separator: ":").last else { return false }
      return last.contains(".") && matches(String(last))
    }
    let octets = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
    guard octets.count == 4, !octets.contains(nil) else { return false }
    switch (octets[0] ?? 0, octets[1] ?? 0) {
    case (127, _), (10, _), (0, _), (192, 168), (169, 254), (172, 16...31), (224..., _): return true
    default: return false
    }
  }
}
