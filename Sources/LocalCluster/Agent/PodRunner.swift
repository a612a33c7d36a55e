import FoundationEssentials
import KubernetesAPI
import Logging

/// Carries out what one pod's `PodMachine` says, and writes its status.
actor PodRunner {
  enum Input: Sendable {
    case event(PodMachine.Event)
    case processEvent(container: String, run: Int, ProcessEvent)
    case object(KubernetesObject)
    case configMapChanged(String)
    /// The tokens in a volume are to be replaced.
    case tokensAged(volume: JSONValue)
  }

  nonisolated let uid: String
  nonisolated let pod: PodSpecification
  nonisolated let files: PodFiles
  private nonisolated let inputs: AsyncStream<Input>.Continuation
  private let stream: AsyncStream<Input>
  private let environment: AgentEnvironment
  private let logger: Logger
  private var machine: PodMachine
  private var object: KubernetesObject
  private var volumes: [String: String] = [:]
  private var processes: [String: (run: Int, pid: Int32)] = [:]
  private var written: JSONValue?
  private var timer: (at: Timestamp, task: Task<Void, Never>)?
  private var tokenTimers: [String: Task<Void, Never>] = [:]
  private var isRemoved = false
  private var volumeVersion = 0
  private var address: String?
  private var warnings: PodEvents

  init(_ object: KubernetesObject, environment: AgentEnvironment) {
    self.object = object
    self.environment = environment
    pod = PodSpecification(object)
    uid = object.metadata.uid
    files = PodFiles(agentDirectory: environment.options.directory, uid: object.metadata.uid)
    let options = environment.options
    machine = PodMachine(
      pod: pod,
      settings: PodMachine.Settings(
        restartFirst: options.restartBackoff.first, restartLongest: options.restartBackoff.longest,
        imageFirst: options.imageBackoff.first, imageLongest: options.imageBackoff.longest),
      now: environment.clock())
    var logger = environment.logger
    logger[metadataKey: "pod"] = "\(pod.namespace)/\(pod.name)"
    self.logger = logger
    warnings = PodEvents(pod: pod, uid: uid, node: options.nodeName)
    (stream, inputs) = AsyncStream.makeStream()
  }

  nonisolated func send(_ input: Input) { inputs.yield(input) }

  /// Runs until the pod is gone.
  func run() async {
    await handle(.event(.tick))
    for await input in stream {
      await handle(input)
      if isRemoved { break }
    }
    timer?.task.cancel()
    for task in tokenTimers.values { task.cancel() }
  }

  /// Which run's log `kubectl logs` shows, and whether that run is still going on; nil when there is none.
  func shownRun(container name: String, isPrevious: Bool) -> (run: Int, isLive: Bool)? {
    guard let container = machine.containers.first(where: { $0.name == name }) else { return nil }
    let current: (Int, Bool)? =
      switch container.phase {
      case .running: (container.run, true)
      case .terminated(let termination): (termination.run, false)
      case .waiting, .starting: container.lastTermination.map { ($0.run, false) }
      }
    guard let current else { return nil }
    if !isPrevious { return current }
    return current.0 > 0 ? (current.0 - 1, false) : nil
  }

  func isLive(container name: String, run: Int) -> Bool {
    guard !isRemoved, let container = machine.containers.first(where: { $0.name == name }) else { return false }
    return container.run == run && container.isRunning
  }

  /// Why a container has no log yet, as the kubelet says it.
  func waitingReason(container name: String) -> String {
    if case .waiting(let reason, _, _)? = machine.containers.first(where: { $0.name == name })?.phase { return reason }
    return "ContainerCreating"
  }

  // MARK: Inputs

  private func handle(_ input: Input) async {
    let now = environment.clock()
    var actions: [PodMachine.Action] = []
    switch input {
    case .event(let event): actions = machine.handle(event, now: now)
    case .processEvent(let container, let run, let event):
      actions = processEvent(container: container, run: run, event, now: now)
    case .object(let object):
      self.object = object
      if object.metadata.isBeingDeleted, !isRemoved {
        let grace = object.json["metadata", "deletionGracePeriodSeconds"]?.intValue ?? pod.terminationGracePeriod
        actions = machine.handle(.deletionRequested(grace: .seconds(grace)), now: now)
      }
    case .configMapChanged(let name): await renewVolumes(of: name)
    case .tokensAged(let volume): await renewTokens(in: volume)
    }
    await perform(actions)
    guard !isRemoved else { return }
    await writeStatus()
    schedule()
  }

  private func processEvent(
    container: String, run: Int, _ event: ProcessEvent, now: Timestamp
  ) -> [PodMachine.Action] {
    switch event {
    case .started(let pid):
      processes[container] = (run, pid)
      return machine.handle(.started(container: container, run: run), now: now)
    case .failed(let problem):
      return machine.handle(.startFailed(container: container, run: run, message: problem), now: now)
    case .exited(let exit):
      if processes[container]?.run == run { processes[container] = nil }
      let tail = LogTail.text(path: files.log(container, run: run), lines: 80, bytes: 2048)
      if exit.code == 1, let problem = tail.split(separator: "\n").last, problem.hasPrefix("bwrap: ") {
        return machine.handle(
          .startFailed(container: container, run: run, message: String(problem.dropFirst("bwrap: ".count))), now: now)
      }
      let message = terminationMessage(container: container, run: run, exit: exit, tail: tail)
      return machine.handle(.exited(container: container, run: run, exit, message: message), now: now)
    }
  }

  private func terminationMessage(container name: String, run: Int, exit: ProcessExit, tail: String) -> String {
    if let bytes = FileManager.default.contents(atPath: files.terminationLog(name, run: run)), !bytes.isEmpty {
      return String(decoding: bytes.prefix(4096), as: UTF8.self)
    }
    guard exit.code != 0, pod.container(name)?.terminationMessagePolicy == .fallbackToLogsOnError else { return "" }
    return tail
  }

  private func schedule() {
    let at = machine.wakeAt
    guard at != timer?.at else { return }
    timer?.task.cancel()
    timer = at.map { at in
      let delay = max(.zero, at - environment.clock())
      let inputs = inputs
      return (
        at,
        Task {
          do { try await Task.sleep(for: delay) } catch { return }
          inputs.yield(.event(.tick))
        }
      )
    }
  }

  // MARK: Actions

  private func perform(_ actions: [PodMachine.Action]) async {
    for action in actions {
      switch action {
      case .prepare: await prepare()
      case .start(let container, let run): await start(container, run: run)
      case .signal(let container, let run, let number):
        if let process = processes[container], process.run == run {
          environment.spawner.signal(pid: process.pid, number)
        }
      case .probe(let container, let run, let kind): probe(container, run: run, kind)
      case .remove(let deletingObject): await remove(deletingObject: deletingObject)
      }
    }
  }

  private func prepare() async {
    do throws(VolumeError) {
      if pod.usesHostNetwork { address = environment.options.addresses.nodeAddress }
      if address == nil { address = await environment.network.takeAddress() }
      guard let address else { throw VolumeError(message: "the node has no free pod address") }
      try makeDirectory(files.hosts)
      try await environment.network.add(pod, address: address, directory: files.hosts)
      var all = pod.volumes
      let hasToken = pod.allContainers.contains { container in
        container.mounts.contains { $0.path == "/var/run/secrets/kubernetes.io/serviceaccount" }
      }
      if pod.mountsServiceAccountToken, !hasToken { all.append(VolumeResolver.serviceAccountVolume) }
      for volume in all {
        do throws(VolumeError) { try await make(volume, address: address) } catch {
          let name = volume["name"]?.stringValue ?? ""
          throw VolumeError(message: "MountVolume.SetUp failed for volume \"\(name)\" : \(error.message)")
        }
      }
      inputs.yield(.event(.prepared(address: address)))
    } catch {
      logger.info("a pod's volumes are not ready", metadata: ["problem": "\(error.message)"])
      inputs.yield(.event(.preparationFailed(error.message)))
      await warn("FailedMount", error.message)
    }
  }

  /// Trouble with Events is no trouble for the pod.
  private func warn(_ reason: String, _ message: String) async {
    let event = warnings.next(reason, message, at: environment.clock())
    do throws(KubernetesError) {
      try await event.write(to: environment.gateway)
    } catch {
      logger.info("a pod's event is not written", metadata: ["error": "\(error)"])
    }
  }

  private func make(_ volume: JSONValue, address: String) async throws(VolumeError) {
    let name = volume["name"]?.stringValue ?? ""
    switch try await environment.volumes.content(of: volume, pod: pod, address: address) {
    case .place(let path):
      if !FileManager.default.fileExists(atPath: path) { try makeDirectory(path) }
      volumes[name] = path
    case .emptyDirectory:
      try makeDirectory(files.volume(name))
      volumes[name] = files.volume(name)
    case .files(let content):
      volumeVersion += 1
      try makeDirectory(files.volume(name))
      try AtomicFolder(path: files.volume(name)).write(content, version: "\(volumeVersion)")
      volumes[name] = files.volume(name)
      if let delay = VolumeResolver.tokenRenewal(volume) { watchTokens(of: volume, renewIn: delay) }
    }
  }

  private func renewVolumes(of configMap: String) async {
    guard let address, !machine.isTerminating else { return }
    for volume in pod.volumes where Self.configMaps(of: volume).contains(configMap) {
      do throws(VolumeError) { try await make(volume, address: address) } catch {
        logger.info("a pod's volume is not renewed", metadata: ["problem": "\(error.message)"])
      }
    }
  }

  private func renewTokens(in volume: JSONValue) async {
    guard let address, !machine.isTerminating else { return }
    do throws(VolumeError) {
      try await make(volume, address: address)
    } catch {
      logger.warning("a pod's token is not renewed", metadata: ["problem": "\(error.message)"])
      watchTokens(of: volume, renewIn: .seconds(10))
    }
  }

  /// Tokens are replaced well before they expire, as long as the pod is there.
  private func watchTokens(of volume: JSONValue, renewIn delay: Duration) {
    let name = volume["name"]?.stringValue ?? ""
    tokenTimers[name]?.cancel()
    tokenTimers[name] = Task { [inputs] in
      do { try await Task.sleep(for: delay) } catch { return }
      inputs.yield(.tokensAged(volume: volume))
    }
  }

  private static func configMaps(of volume: JSONValue) -> [String] {
    let projected = volume["projected", "sources"]?.arrayValue ?? []
    return ([volume] + projected).compactMap { $0["configMap", "name"]?.stringValue }
  }

  private func start(_ name: String, run: Int) async {
    guard let container = pod.container(name), let address else { return }
    let launcher = ContainerLauncher(
      environment: environment, pod: pod, files: files, address: address, volumes: volumes)
    let inputs = inputs
    do throws(ContainerLauncher.Failure) {
      let request = try await launcher.request(for: container, run: run) { event in
        inputs.yield(.processEvent(container: name, run: run, event))
      }
      environment.spawner.spawn(request)
    } catch {
      switch error {
      case .imageMissing(let message):
        inputs.yield(.event(.imageMissing(container: name, run: run, message: message)))
      case .configuration(let message):
        inputs.yield(.event(.configurationFailed(container: name, run: run, message: message)))
      case .start(let message):
        inputs.yield(.event(.startFailed(container: name, run: run, message: message)))
      }
    }
  }

  private func probe(_ name: String, run: Int, _ kind: PodMachine.ProbeKind) {
    guard let state = machine.containers.first(where: { $0.name == name }), let probe = state.probe(kind), let address
    else { return }
    let runner = ProbeRunner(group: environment.group)
    let inputs = inputs
    let pid = processes[name]?.pid
    let environment = environment
    Task {
      let passed: Bool
      switch probe.check {
      case .tcp(let host, let port):
        passed = await runner.tcp(address: host ?? address, port: port, timeout: probe.timeout)
      case .http(let host, let port, let path, let headers, let isTLS):
        passed = await runner.http(
          address: host ?? address, port: port, path: path, headers: headers, isTLS: isTLS, timeout: probe.timeout)
      case .exec(let command):
        passed = await environment.execute(command, pid: pid, timeout: probe.timeout)
      case .unsupported: passed = false
      }
      inputs.yield(.event(.probed(container: name, run: run, kind, passed: passed)))
    }
  }

  private func remove(deletingObject: Bool) async {
    if deletingObject { await writeStatus() }
    if let address {
      await environment.network.remove(uid: uid, address: pod.usesHostNetwork ? "" : address)
    }
    removeTree(files.path)
    isRemoved = true
    guard deletingObject else { return }
    var wait = Duration.milliseconds(100)
    while !Task.isCancelled {
      do throws(KubernetesError) {
        try await environment.gateway.delete(
          .pods, namespace: pod.namespace, name: pod.name, options: DeleteOptions(uid: uid, gracePeriodSeconds: 0))
        return
      } catch {
        if error.isNotFound || error.isConflict { return }
        logger.warning("cannot delete a pod that has ended", metadata: ["error": "\(error)"])
      }
      do { try await Task.sleep(for: wait) } catch { return }
      wait = min(wait * 2, .seconds(5))
    }
  }

  // MARK: Status

  private func writeStatus() async {
    let writer = PodStatusWriter(machine: machine, nodeAddress: environment.options.addresses.nodeAddress)
    let own = (written ?? object.json["status"])?["conditions"]?.arrayValue ?? []
    let others = (object.json["status", "conditions"]?.arrayValue ?? []).filter {
      !PodStatusWriter.ownConditions.contains($0["type"]?.stringValue ?? "")
    }
    let current: JSONValue = [
      "conditions": .array(
        own.filter { PodStatusWriter.ownConditions.contains($0["type"]?.stringValue ?? "") } + others)
    ]
    let status = writer.status(current: current, now: environment.clock())
    guard status != written else { return }
    var body = status
    for key in (written ?? object.json["status"] ?? [:]).objectValue?.keys ?? []
    where status[key] == nil && ["message", "initContainerStatuses"].contains(key) {
      body[key] = JSONValue.null
    }
    do throws(KubernetesError) {
      _ = try await environment.gateway.patch(
        .pods, namespace: pod.namespace, name: pod.name, subresource: "status",
        .merge(["metadata": ["uid": .string(uid)], "status": body]))
      written = status
    } catch {
      if error.isNotFound || error.isConflict { return }  // the watch will say what became of it
      logger.warning("cannot write a pod's status", metadata: ["error": "\(error)"])
      let inputs = inputs
      Task {
        do { try await Task.sleep(for: .milliseconds(500)) } catch { return }
        inputs.yield(.event(.tick))
      }
    }
  }
}
