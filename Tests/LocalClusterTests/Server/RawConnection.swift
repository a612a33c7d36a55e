import NIOCore
import NIOPosix
import NIOSSL

/// A TLS connection that sends exactly the bytes it is given.
struct RawConnection {
  private let channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>

  static func open(port: Int, authorityPEM: String) async throws -> RawConnection {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.trustRoots = .certificates(
      try NIOSSLCertificate.fromPEMBytes(Array(authorityPEM.utf8)))
    let context = try NIOSSLContext(configuration: configuration)
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connect(host: "127.0.0.1", port: port) { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            NIOSSLClientHandler(context: context, serverHostname: "localhost"))
          return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
        }
      }
    return RawConnection(channel: channel)
  }

  /// Sends `bytes` and collects the answer until `isEnough` or the server closes.
  func exchange(_ bytes: [UInt8], isEnough: @Sendable (String) -> Bool = { _ in false }) async throws -> String {
    try await channel.executeThenClose { inbound, outbound in
      try await outbound.write(ByteBuffer(bytes: bytes))
      var answer = ""
      do {
        for try await chunk in inbound {
          answer += String(decoding: chunk.readableBytesView, as: UTF8.self)
          if isEnough(answer) { break }
        }
      } catch is NIOSSLError {
        // The server closed without a farewell.
      }
      return answer
    }
  }

  /// Sends `bytes`, reads until `marker` has come, stops reading for as long as `pause` takes, and reads on to the end of
  /// a chunked answer.
  func exchange(
    _ bytes: [UInt8], pausingAfter marker: String, _ pause: @Sendable () async -> Void
  ) async throws -> String {
    try await channel.executeThenClose { inbound, outbound in
      try await outbound.write(ByteBuffer(bytes: bytes))
      var answer = ""
      var hasPaused = false
      for try await chunk in inbound {
        answer += String(decoding: chunk.readableBytesView, as: UTF8.self)
        if !hasPaused, answer.contains(marker) {
          hasPaused = true
          await pause()
        }
        if hasPaused, answer.hasSuffix("\r\n0\r\n\r\n") { break }
      }
      return answer
    }
  }
}
