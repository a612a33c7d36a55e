import KubernetesAPI
import Logging
import NIOCore

/// What the pods of one agent share.
struct AgentEnvironment: Sendable {
  let gateway: any KubernetesGateway
  let options: NodeAgentOptions
  let machine: MachineLayout
  let spawner: ProcessSpawner
  let network: PodNetwork
  let group: any EventLoopGroup
  let logger: Logger
  let clock: @Sendable () -> Timestamp

  var entrypoints: String { "\(options.directory)/entrypoints" }
  var volumes: VolumeResolver { VolumeResolver(gateway: gateway, options: options) }
}
