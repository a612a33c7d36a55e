internal import AsyncHTTPClient
internal import KubernetesAPI
internal import NIOCore
internal import NIOHTTP1

/// Reads one watch: opens it, cuts frames, decodes them and passes them on.
struct WatchReader: Sendable {
  let transport: HTTPTransport
  let request: APIRequest
  let idleTimeout: Duration
  let maximumFrameBytes: Int
  let handoff: WatchHandoff

  /// Nil when the server ended the stream as it should.
  func run() async -> KubernetesError? {
    let place = transport.watches.take()
    defer { transport.watches.giveBack(place) }
    let response: HTTPClientResponse
    do throws(KubernetesError) {
      response = try await transport.open(request, at: place)
    } catch {
      return error
    }
    // A task of its own, which silence can cancel.
    let timer = IdleTimer(timeout: idleTimeout, on: transport.eventLoop)
    let reading = Task { response.status == .ok ? await frames(response, timer) : await rejection(response) }
    timer.start { reading.cancel() }
    defer { timer.stop() }
    let error = await withTaskCancellationHandler {
      await reading.value
    } onCancel: {
      reading.cancel()
    }
    return timer.isFired ? failure(.interrupted("nothing came for \(idleTimeout), not even a bookmark")) : error
  }

  private func frames(_ response: HTTPClientResponse, _ timer: IdleTimer) async -> KubernetesError? {
    var framer = LineFramer(limit: maximumFrameBytes)
    do {
      for try await chunk in response.body {
        timer.touch()
        let (events, problem) = Self.events(try framer.feed(chunk))
        if !events.isEmpty {
          timer.pause()
          guard await handoff.send(events) else { return failure(.cancelled) }
          timer.touch()
        }
        if let problem { return failure(.undecodable(problem)) }
        if case .error = events.last { return nil }
      }
    } catch let error as LineFramer.TooLong {
      return failure(.undecodable("a frame is larger than \(error.limit) bytes"))
    } catch {
      return failure(Task.isCancelled ? .cancelled : interruption(error))
    }
    if Task.isCancelled { return failure(.cancelled) }
    return framer.isWithinLine ? failure(.interrupted("the stream ended within a frame")) : nil
  }

  /// The events of some lines up to the first that cannot be read, or that is the last by its nature.
  private static func events(_ lines: [[UInt8]]) -> ([WatchEvent], problem: String?) {
    var events: [WatchEvent] = []
    for line in lines {
      do throws(JSONError) {
        let event = try WatchEvent(parsing: line)
        events.append(event)
        if case .error = event { return (events, nil) }
      } catch {
        return (events, "watch frame of \(line.count) bytes: \(error)")
      }
    }
    return (events, nil)
  }

  private func rejection(_ response: HTTPClientResponse) async -> KubernetesError {
    do {
      let body = try await response.body.collect(upTo: 1 << 20)
      let answer = Answer(
        status: Int(response.status.code), headers: response.headers, body: Array(body.readableBytesView))
      return failure(answer.rejection)
    } catch {
      if Task.isCancelled { return failure(.cancelled) }
      // The status says enough when its body is lost.
      return failure(Answer(status: Int(response.status.code), headers: response.headers, body: []).rejection)
    }
  }

  private func interruption(_ error: any Error) -> KubernetesError.Cause {
    let cause = TransportFailure(error: error, server: transport.server)
      .cause(mark: nil, isExpired: false, deadline: idleTimeout)
    // The stream was open: whatever broke it, it was reached.
    if case .unreachable(let text) = cause { return .interrupted(text) }
    return cause
  }

  private func failure(_ cause: KubernetesError.Cause) -> KubernetesError {
    KubernetesError(attempt: request.attempt, cause: cause)
  }
}
