internal import Glibc
import KubernetesAPI
import Logging

/// The Node object of an agent and its heartbeats.
struct NodeRegistration: Sendable {
  let gateway: any KubernetesGateway
  let options: NodeAgentOptions
  let clock: @Sendable () -> Timestamp
  let logger: Logger

  private static let leaseNamespace = "kube-node-lease"

  /// Creates or renews the Node, then says at each interval that it lives, until the task is cancelled.
  func run() async {
    var isRegistered = false
    var statusAt: Timestamp?
    while !Task.isCancelled {
      let now = clock()
      do throws(KubernetesError) {
        if !isRegistered {
          try await register(now: now)
          isRegistered = true
          statusAt = now
        }
        let renewed = try await renewLease(now: now)
        // As the kubelet: the Lease is the heartbeat, the status follows every five minutes.
        if !renewed || now - (statusAt ?? now) >= .seconds(300) {
          try await writeStatus(now: now)
          statusAt = now
        }
      } catch {
        if error.isNotFound { isRegistered = false }
        logger.warning("cannot keep the Node up to date", metadata: ["error": "\(error)"])
      }
      do { try await Task.sleep(for: isRegistered ? options.heartbeatInterval : .seconds(1)) } catch { return }
    }
  }

  private var labels: JSONValue {
    var name = utsname()
    uname(&name)
    let machine = withUnsafePointer(to: &name.machine) {
      $0.withMemoryRebound(to: CChar.self, capacity: 65) { String(cString: $0) }
    }
    let architecture = machine == "x86_64" ? "amd64" : machine == "aarch64" ? "arm64" : machine
    return [
      "kubernetes.io/hostname": .string(options.nodeName), "kubernetes.io/os": "linux",
      "kubernetes.io/arch": .string(architecture), "beta.kubernetes.io/os": "linux",
      "beta.kubernetes.io/arch": .string(architecture),
    ]
  }

  private func register(now: Timestamp) async throws(KubernetesError) {
    let node: JSONValue = [
      "apiVersion": "v1", "kind": "Node",
      "metadata": ["name": .string(options.nodeName), "labels": labels], "spec": [:],
    ]
    do throws(KubernetesError) {
      _ = try await gateway.create(.nodes, namespace: nil, node)
    } catch  where error.isAlreadyExists {
      _ = try await gateway.patch(
        .nodes, namespace: nil, name: options.nodeName, .merge(["metadata": ["labels": labels]]))
    }
    try await writeStatus(now: now)
  }

  private func writeStatus(now: Timestamp) async throws(KubernetesError) {
    _ = try await gateway.patch(
      .nodes, namespace: nil, name: options.nodeName, subresource: "status", .merge(["status": status(now: now)]))
  }

  private func status(now: Timestamp) -> JSONValue {
    let time = now.rfc3339Seconds
    func condition(_ type: String, _ status: String, _ reason: String, _ message: String) -> JSONValue {
      [
        "type": .string(type), "status": .string(status), "reason": .string(reason), "message": .string(message),
        "lastHeartbeatTime": .string(time), "lastTransitionTime": .string(time),
      ]
    }
    let pages = Int64(sysconf(CInt(_SC_PHYS_PAGES))) * Int64(sysconf(CInt(_SC_PAGESIZE)))
    // Processes share the machine without limits, so the Node offers more than it has and places pods anyway.
    let resources: JSONValue = [
      "cpu": .string("\(max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN))) * 100)"),
      "memory": .string("\(pages / 1024 * 16)Ki"),
      "pods": .string("\(options.podCapacity)"), "ephemeral-storage": "1Ti",
    ]
    return [
      "capacity": resources, "allocatable": resources,
      "addresses": [
        ["type": "InternalIP", "address": .string(options.addresses.nodeAddress)],
        ["type": "Hostname", "address": .string(options.nodeName)],
      ],
      "conditions": [
        condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
      ],
      "nodeInfo": [
        "kubeletVersion": "v1.32.0", "kubeProxyVersion": "", "containerRuntimeVersion": "local://1",
        "operatingSystem": "linux", "architecture": labels["kubernetes.io/arch"] ?? "amd64",
        "osImage": "this machine", "kernelVersion": "", "machineID": "", "systemUUID": "", "bootID": "",
      ],
    ]
  }

  /// False where this API keeps no node Leases.
  private func renewLease(now: Timestamp) async throws(KubernetesError) -> Bool {
    let spec: JSONValue = [
      "holderIdentity": .string(options.nodeName), "leaseDurationSeconds": 40, "renewTime": .string(now.rfc3339Micros),
    ]
    do throws(KubernetesError) {
      _ = try await gateway.patch(
        .leases, namespace: Self.leaseNamespace, name: options.nodeName, .merge(["spec": spec]))
      return true
    } catch  where error.isNotFound {
      let lease: JSONValue = [
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": ["name": .string(options.nodeName), "namespace": .string(Self.leaseNamespace)], "spec": spec,
      ]
      do throws(KubernetesError) {
        _ = try await gateway.create(.leases, namespace: Self.leaseNamespace, lease)
        return true
      } catch  where error.isNotFound || error.isForbidden || error.isAlreadyExists {
        return error.isAlreadyExists
      }
    }
  }
}
