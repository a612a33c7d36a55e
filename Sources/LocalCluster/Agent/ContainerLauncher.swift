import FoundationEssentials
import KubernetesAPI

/// Makes the process request for one run of a container.
struct ContainerLauncher: Sendable {
  enum Failure: Error {
    case imageMissing(String)
    case configuration(String)
    case start(String)
  }

  let environment: AgentEnvironment
  let pod: PodSpecification
  let files: PodFiles
  let address: String
  /// Where each volume of the pod is on the machine.
  let volumes: [String: String]

  /// Makes the run's folders and puts together its command line.
  func request(
    for container: ContainerSpecification, run: Int, onEvent: @escaping @Sendable (ProcessEvent) -> Void
  ) async throws(Failure) -> ProcessRequest {
    let content: Sandbox.Content
    switch environment.options.images.resolve(container.image) {
    case .missing(let message): throw .imageMissing(message)
    case .tools: content = .tools
    case .flink(let home, _): content = .flink(home: home, examples: environment.options.images.examples)
    }
    let sources = try await readSources(of: container)
    let variables: ContainerEnvironment
    do throws(ContainerConfigurationError) {
      variables = try ContainerEnvironment(
        container,
        fields: DownwardFields(
          pod: pod, podAddress: address, nodeAddress: environment.options.addresses.nodeAddress),
        base: baseEnvironment(content), sources: sources)
    } catch {
      throw .configuration(error.message)
    }
    let sandbox: Sandbox
    do throws(VolumeError) {
      sandbox = try await makeSandbox(container, run: run, content: content, variables: variables)
    } catch {
      throw .start(error.message)
    }
    return ProcessRequest(
      executable: environment.machine.bubblewrap, arguments: sandbox.arguments(machine: environment.machine),
      environment: variables.values, log: files.log(container.name, run: run), reportsChild: true, onEvent: onEvent)
  }

  private func makeSandbox(
    _ container: ContainerSpecification, run: Int, content: Sandbox.Content, variables: ContainerEnvironment
  ) async throws(VolumeError) -> Sandbox {
    let scratch = files.scratch(container.name, run: run)
    for folder in ["tmp", "log", "conf"] { try makeDirectory("\(scratch)/\(folder)") }
    try makeDirectory(files.logDirectory(container.name))
    for old in [run - 2] where old >= 0 {
      removeTree(files.log(container.name, run: old))
      removeTree(files.log(container.name, run: old) + ".old")
    }
    if run > 0 { removeTree(files.scratch(container.name, run: run - 1)) }
    if case .flink(let home, _) = content {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(home)/conf")) ?? []  // none, none copied
      for name in names {
        guard let bytes = FileManager.default.contents(atPath: "\(home)/conf/\(name)") else { continue }
        try writeFile(Array(bytes), to: "\(scratch)/conf/\(name)")
      }
    }
    let terminationLog = files.terminationLog(container.name, run: run)
    try writeFile([], to: terminationLog, mode: 0o666)
    return Sandbox(
      content: content, scratch: scratch, hostsDirectory: files.hosts, entrypoints: environment.entrypoints,
      hostname: pod.hostname, workingDirectory: container.workingDirectory ?? (content == .tools ? "/" : "/opt/flink"),
      mounts: try mounts(of: container, variables: variables),
      terminationLog: SandboxMount(source: terminationLog, path: container.terminationMessagePath, isReadOnly: false),
      javaHome: environment.machine.javaHome, command: command(of: container, content: content, variables: variables))
  }

  /// `command` and `args` as the image's entry point and command would complete them.
  private func command(
    of container: ContainerSpecification, content: Sandbox.Content, variables: ContainerEnvironment
  ) -> [String] {
    let own = container.command.map(variables.expand)
    let arguments = container.arguments.map(variables.expand)
    if !own.isEmpty { return own + arguments }
    switch content {
    case .flink: return ["/docker-entrypoint.sh"] + (arguments.isEmpty ? ["help"] : arguments)
    case .tools:
      if !arguments.isEmpty { return arguments }
      return container.image.contains("pause") ? Self.pause : ["/bin/sh"]
    }
  }

  /// Waits until it is asked to end. The first process of a container gets no signal that it does not handle, so that
  /// a plain `sleep` would live through its whole grace period.
  private static let pause = ["/bin/sh", "-c", "trap 'exit 0' TERM INT; while :; do sleep infinity & wait; done"]

  private func mounts(
    of container: ContainerSpecification, variables: ContainerEnvironment
  ) throws(VolumeError) -> [SandboxMount] {
    var result: [SandboxMount] = []
    for mount in container.mounts {
      guard var source = volumes[mount.volume] else {
        throw VolumeError(message: "volumeMount \"\(mount.volume)\" names no volume of the pod")
      }
      let subPath = variables.expand(mount.subPath)
      if !subPath.isEmpty {
        guard !subPath.split(separator: "/").contains(".."), !subPath.hasPrefix("/") else {
          throw VolumeError(message: "subPath \"\(subPath)\" must stay in its volume")
        }
        source += "/\(subPath)"
        if !FileManager.default.fileExists(atPath: source) { try makeDirectory(source) }
      }
      result.append(SandboxMount(source: source, path: mount.path, isReadOnly: mount.isReadOnly))
    }
    let token = "/var/run/secrets/kubernetes.io/serviceaccount"
    if pod.mountsServiceAccountToken, !container.mounts.contains(where: { $0.path == token }),
      let source = volumes[VolumeResolver.serviceAccountVolume["name"]?.stringValue ?? ""]
    {
      result.append(SandboxMount(source: source, path: token, isReadOnly: true))
    }
    return result
  }

  private func baseEnvironment(_ content: Sandbox.Content) -> [String: String] {
    var values = [
      "HOSTNAME": pod.hostname, "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "HOME": "/root", "LANG": "C.UTF-8", "FLINK_LOCAL_POD_IP": address,
    ]
    if let home = environment.machine.javaHome {
      values["JAVA_HOME"] = home
      values["PATH"] = "\(home)/bin:\(values["PATH"] ?? "")"
    }
    if let server = environment.options.apiServer {
      values["KUBERNETES_SERVICE_HOST"] = server.host
      values["KUBERNETES_SERVICE_PORT"] = "\(server.port)"
      values["KUBERNETES_SERVICE_PORT_HTTPS"] = "\(server.port)"
    }
    if case .flink = content {
      values["FLINK_HOME"] = "/opt/flink"
      values["HOME"] = "/opt/flink"
      values["FLINK_LOCAL_JVM_FLAGS"] = environment.options.jvmFlags
      values["PATH"] = "\(Sandbox.entrypointPath):/opt/flink/bin:\(values["PATH"] ?? "")"
    }
    return values
  }

  private func readSources(of container: ContainerSpecification) async throws(Failure) -> EnvironmentSources {
    var sources = EnvironmentSources()
    for (isSecret, name) in EnvironmentSources.references(of: container) {
      let key = EnvironmentSources.key(secret: isSecret, name: name)
      guard sources.values[key] == nil else { continue }
      do throws(KubernetesError) {
        let object = try await environment.gateway.get(
          isSecret ? .secrets : .configMaps, namespace: pod.namespace, name: name)
        sources.values[key] = VolumeResolver.values(of: object.json, isSecret: isSecret).mapValues {
          String(decoding: $0, as: UTF8.self)
        }
      } catch {
        // One that does not exist may be optional.
        guard error.isNotFound else { throw .configuration(error.description) }
      }
    }
    return sources
  }
}
