internal import AsyncHTTPClient
internal import NIOCore
internal import Synchronization

/// Connections for watches. Over HTTP/2 an HTTPClient has one connection, on which kube-apiserver allows 100 streams;
/// a watch beyond them would wait until others end, so that the watches are spread over as many clients as they need.
final class WatchConnections: Sendable {
  /// Half of what is allowed: streams that were cancelled count until the server has heard of it.
  static let watchesPerConnection = 50

  /// A place on a connection.
  struct Place: Sendable {
    let client: HTTPClient
    fileprivate let index: Int
  }

  private struct State {
    var clients: [HTTPClient]
    var watches: [Int]
    var isShutDown = false
  }

  private let makeClient: @Sendable () -> HTTPClient
  private let state: Mutex<State>

  init(group: any EventLoopGroup, configuration: HTTPClient.Configuration) {
    makeClient = { HTTPClient(eventLoopGroup: group, configuration: configuration) }
    state = Mutex(State(clients: [makeClient()], watches: [0]))
  }

  deinit {
    // A client that was never shut down is a crash in AsyncHTTPClient; a second shutdown is only an error.
    for client in state.withLock({ $0.clients }) { client.shutdown { _ in } }
  }

  /// To be given back when the watch has ended.
  func take() -> Place {
    state.withLock { state in
      var index = state.watches.firstIndex { $0 < Self.watchesPerConnection }
      if index == nil, !state.isShutDown {
        state.clients.append(makeClient())
        state.watches.append(0)
        index = state.clients.count - 1
      }
      // After the shutdown any client says so.
      let place = index ?? 0
      state.watches[place] += 1
      return Place(client: state.clients[place], index: place)
    }
  }

  func giveBack(_ place: Place) { state.withLock { $0.watches[place.index] -= 1 } }

  /// All of them, none of which is made after this.
  func close() -> [HTTPClient] {
    state.withLock { state in
      state.isShutDown = true
      return state.clients
    }
  }
}
