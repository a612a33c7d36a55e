/// The admission webhook: its certificate and its server.
public struct Webhook: Sendable {
  private let keeper: WebhookCertificateKeeper
  private let server: WebhookServer

  public init(keeper: WebhookCertificateKeeper, server: WebhookServer) {
    self.keeper = keeper
    self.server = server
  }

  /// Serves from the first certificate on until the calling task is cancelled.
  ///
  /// - Throws: `WebhookError` when the address cannot be listened on.
  public func run(onListening: @escaping @Sendable (_ port: Int) async -> Void = { _ in }) async throws {
    let (ready, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await keeper.run { signal.yield() } }
      group.addTask {
        for await _ in ready {
          try await server.run(onListening: onListening)
          return
        }
      }
      try await group.next()
      group.cancelAll()
    }
  }
}
