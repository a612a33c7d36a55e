internal import Glibc
public import InMemoryKubernetes
public import KubernetesAPI
import KubernetesRuntime
public import Logging
import NIOPosix
import Synchronization

/// Runs the pods of one node as sandboxed processes of this machine: what the kubelet and kube-proxy are to a real node.
///
/// An ordinary client of the API. When this process ends, however it ends, no sandbox outlives it.
public final class NodeAgent: PodLogSource {
  private let gateway: any KubernetesGateway
  private let options: NodeAgentOptions
  private let logger: Logger
  private let clock: @Sendable () -> Timestamp
  private let runners = Mutex<[String: Entry]>([:])

  private struct Entry {
    let runner: PodRunner
    let task: Task<Void, Never>
  }

  /// - Parameter clock: the time now, for status and deadlines.
  public init(
    gateway: any KubernetesGateway, options: NodeAgentOptions, logger: Logger,
    clock: @escaping @Sendable () -> Timestamp = NodeAgent.systemClock
  ) {
    self.gateway = gateway
    self.options = options
    self.logger = logger
    self.clock = clock
  }

  public static let systemClock: @Sendable () -> Timestamp = {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(epochMilliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
  }

  /// How many pods are here, ended ones that are not deleted yet included.
  public var podCount: Int { runners.withLock { $0.count } }

  /// Runs until the task is cancelled, then ends every pod at once and removes its files.
  ///
  /// - Parameter apiServer: where pods find the API, in place of what the options say.
  /// - Throws: `NodeAgentError` when this machine cannot run sandboxes or the folder cannot be used.
  public func run(apiServer: APIServerAddress? = nil) async throws {
    var options = options
    options.apiServer = apiServer ?? options.apiServer
    let machine = try MachineLayout.detect(environment: systemEnvironment())
    let spawner: ProcessSpawner
    do throws(SpawnerError) { spawner = try ProcessSpawner() } catch { throw NodeAgentError(error.description) }
    defer { spawner.shutdown() }
    try prepareDirectory()
    try await checkSandbox(machine, spawner)

    let group = MultiThreadedEventLoopGroup.singleton
    let network = PodNetwork(
      addresses: options.addresses, servesAll: options.servesAllServices, group: group, logger: logger)
    let environment = AgentEnvironment(
      gateway: gateway, options: options, machine: machine, spawner: spawner, network: network, group: group,
      logger: logger, clock: clock)
    let registration = NodeRegistration(gateway: gateway, options: options, clock: clock, logger: logger)

    await withDiscardingTaskGroup { group in
      group.addTask { await self.followPods(environment) }
      group.addTask { await self.followServices(network) }
      group.addTask { await self.followSlices(network) }
      group.addTask { await self.followConfigMaps() }
      group.addTask { await registration.run() }
    }
    await stopPods()
    await network.close()
  }

  // MARK: Start

  private func prepareDirectory() throws(NodeAgentError) {
    do throws(VolumeError) {
      removeTree("\(options.directory)/pods")
      try makeDirectory("\(options.directory)/pods")
      try makeDirectory("\(options.directory)/entrypoints")
      for file in EntrypointScript.files {
        let path = "\(options.directory)/entrypoints/\(file.name)"
        try writeFile(Array(file.text.utf8), to: path, mode: 0o755)
        chmod(path, 0o755)
      }
    } catch {
      throw NodeAgentError("the node agent's folder \(options.directory) cannot be used: \(error.message)")
    }
  }

  /// Starts an empty sandbox, so that a machine that forbids them is told about at once and not by every pod.
  private func checkSandbox(_ machine: MachineLayout, _ spawner: ProcessSpawner) async throws(NodeAgentError) {
    let log = "\(options.directory)/sandbox-check.log"
    let event = await withCheckedContinuation { (continuation: CheckedContinuation<ProcessEvent, Never>) in
      spawner.spawn(
        ProcessRequest(
          executable: machine.bubblewrap,
          arguments: [
            "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--unshare-pid", "--unshare-ipc",
            "--unshare-uts",
            "--as-pid-1", "--die-with-parent", "--json-status-fd", "3", "--", "/bin/true",
          ],
          environment: [:], log: log, reportsChild: true,
          onEvent: { event in
            if case .started = event { return }
            continuation.resume(returning: event)
          }))
    }
    defer { unlink(log) }
    guard event != .exited(ProcessExit(code: 0)) else { return }
    let output = LogTail.text(path: log, lines: 5, bytes: 500).split(separator: "\n").joined(separator: "; ")
    throw NodeAgentError(
      "this machine forbids sandboxes (\(output.isEmpty ? "\(event)" : output)): run as root, or allow unprivileged user "
        + "namespaces: sysctl -w kernel.unprivileged_userns_clone=1 (Debian), "
        + "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu 24.04), "
        + "docker run --privileged (in a container)")
  }

  private func systemEnvironment() -> [String: String] {
    var result: [String: String] = [:]
    for name in ["PATH", "JAVA_HOME"] {
      if let value = getenv(name) { result[name] = String(cString: value) }
    }
    return result
  }

  // MARK: What the API says

  private func followPods(_ environment: AgentEnvironment) async {
    let reflector = Reflector(
      gateway: gateway, type: .pods, fieldSelector: "spec.nodeName=\(options.nodeName)",
      store: ObjectStore(type: .pods),
      logger: logger
    ) { change in
      switch change {
      case .added(let pod): self.place(pod, environment)
      case .updated(_, let pod), .recreated(_, let pod): self.place(pod, environment)
      case .removed(let pod): self.runner(uid: pod.metadata.uid)?.send(.event(.vanished))
      }
    }
    await reflector.run()
  }

  /// Hands a pod's object to its runner, a new one for a new UID. The runner of another UID under the same name ends.
  private func place(_ object: KubernetesObject, _ environment: AgentEnvironment) {
    let uid = object.metadata.uid
    if let runner = runner(uid: uid) { return runner.send(.object(object)) }
    let others = runners.withLock { runners in
      runners.values.map(\.runner).filter { runner in
        runner.pod.name == object.metadata.name && runner.pod.namespace == object.metadata.namespace
          && runner.uid != uid
      }
    }
    for other in others { other.send(.event(.vanished)) }
    let phase = object.json["status", "phase"]?.stringValue ?? "Pending"
    guard phase != "Succeeded", phase != "Failed" || object.metadata.isBeingDeleted else { return }
    let runner = PodRunner(object, environment: environment)
    if object.metadata.isBeingDeleted { runner.send(.object(object)) }
    runners.withLock { runners in
      let task = Task {
        // A pod whose name another pod had waits until nothing of that one runs any more.
        for other in others { await self.finish(of: other.uid) }
        await runner.run()
        self.runners.withLock { $0[uid] = nil }
      }
      runners[uid] = Entry(runner: runner, task: task)
    }
  }

  private func runner(uid: String) -> PodRunner? { runners.withLock { $0[uid]?.runner } }

  private func finish(of uid: String) async { await runners.withLock { $0[uid]?.task }?.value }

  private func followServices(_ network: PodNetwork) async {
    let store = ObjectStore(type: .services)
    await follow(.services, store) { await network.setServices(store.all()) }
  }

  private func followSlices(_ network: PodNetwork) async {
    let store = ObjectStore(type: .endpointSlices)
    await follow(.endpointSlices, store) { await network.setSlices(store.all()) }
  }

  /// Calls `body` after changes; changes that come while it works are one.
  private func follow(_ type: ResourceType, _ store: ObjectStore, body: @escaping @Sendable () async -> Void) async {
    let (rings, ring) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    let reflector = Reflector(gateway: gateway, type: type, store: store, logger: logger) { _ in ring.yield() }
    await withDiscardingTaskGroup { group in
      group.addTask {
        await reflector.run()
        ring.finish()
      }
      for await _ in rings { await body() }
    }
  }

  private func followConfigMaps() async {
    let store = ObjectStore(type: .configMaps, retention: .metadataOnly)
    let reflector = Reflector(gateway: gateway, type: .configMaps, store: store, logger: logger) { change in
      guard case .updated(let old, let new) = change, old.metadata.resourceVersion != new.metadata.resourceVersion
      else {
        return
      }
      let runners = self.runners.withLock { $0.values.map(\.runner) }
      for runner in runners
      where runner.pod.namespace == new.metadata.namespace && runner.pod.mounts(configMap: new.metadata.name) {
        runner.send(.configMapChanged(new.metadata.name))
      }
    }
    await reflector.run()
  }

  private func stopPods() async {
    let entries = runners.withLock { Array($0.values) }
    for entry in entries { entry.runner.send(.event(.vanished)) }
    for entry in entries { await entry.task.value }
    removeTree("\(options.directory)/pods")
  }

  // MARK: Logs

  public func openLog(_ request: PodLogRequest) async throws(PodLogError) -> any PodLogReader {
    guard let runner = runner(uid: request.podUID) else {
      throw PodLogError.notAvailable("pod \"\(request.pod)\" has no files on node \"\(options.nodeName)\" any more")
    }
    guard let shown = await runner.shownRun(container: request.container, isPrevious: request.isPrevious) else {
      if request.isPrevious {
        throw PodLogError.notAvailable(
          "previous terminated container \"\(request.container)\" in pod \"\(request.pod)\" not found")
      }
      let reason = await runner.waitingReason(container: request.container)
      throw PodLogError.notAvailable(
        "container \"\(request.container)\" in pod \"\(request.pod)\" is waiting to start: \(reason)")
    }
    return ContainerLogReader(
      path: runner.files.log(request.container, run: shown.run), request: request, now: clock()
    ) { await runner.isLive(container: request.container, run: shown.run) }
  }
}

extension PodSpecification {
  /// Whether one of the pod's volumes shows a ConfigMap.
  func mounts(configMap name: String) -> Bool {
    volumes.contains { volume in
      volume["configMap", "name"]?.stringValue == name
        || (volume["projected", "sources"]?.arrayValue ?? []).contains { $0["configMap", "name"]?.stringValue == name }
    }
  }
}
