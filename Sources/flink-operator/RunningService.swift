import Logging
import ServiceLifecycle
import UnixSignals

/// A piece of work that runs until it is cancelled, as a service of a group.
struct RunningService: Service {
  let body: @Sendable () async throws -> Void

  init(_ body: @escaping @Sendable () async throws -> Void) { self.body = body }

  func run() async throws {
    do {
      try await cancelWhenGracefulShutdown { try await body() }
    } catch is CancellationError {
      // The way this work ends.
    }
  }
}

/// Runs services until SIGTERM, SIGINT, the parent's death (for a child of `local`) or the end of one of them.
func runServices(_ services: [any Service], endsWithParent: Bool, logger: Logger) async throws {
  let group = ServiceGroup(
    configuration: ServiceGroupConfiguration(
      services: services.map {
        ServiceGroupConfiguration.ServiceConfiguration(
          service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
          failureTerminationBehavior: .gracefullyShutdownGroup)
      },
      gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
  if endsWithParent {
    Task {
      await parentEnded()
      await group.triggerGracefulShutdown()
    }
  }
  try await group.run()
}
