import KubernetesAPI
import KubernetesClient
import NIOHTTP1
import Synchronization
import Testing

@Suite struct CallTests {
  @Test func listsAPage() async throws {
    let page: JSONValue = [
      "kind": "PodList", "apiVersion": "v1", "metadata": ["resourceVersion": "5", "continue": "more"],
      "items": [["metadata": ["name": "a", "namespace": "n"]]],
    ]
    try await TestServer.run(handler: { $1.answer(json: page) }) { server in
      try await withClient(of: server, token: "secret") { client in
        let list = try await client.list(
          .pods, namespace: "n",
          options: ListOptions(labelSelector: "app in (a,b)", limit: 10, continueToken: "t/+"))
        #expect(list.resourceVersion == "5")
        #expect(list.continueToken == "more")
        #expect(list.items.map(\.key.description) == ["n/a"])
        #expect(list.items.first?.json["kind"] == "Pod")
      }
      let request = try #require(server.requests.first)
      #expect(request.uri == "/api/v1/namespaces/n/pods?labelSelector=app%20in%20%28a%2Cb%29&limit=10&continue=t%2F%2B")
      #expect(request.headers.first(name: "authorization") == "Bearer secret")
      #expect(request.headers.first(name: "accept") == "application/json")
    }
  }

  @Test func writesByVerbAndSubresource() async throws {
    try await TestServer.run(handler: { $1.answer(json: ["metadata": ["name": "a", "resourceVersion": "2"]]) }) {
      server in
      try await withClient(of: server) { client in
        let options = WriteOptions(fieldManager: "me", isDryRun: true, fieldValidation: "Strict")
        _ = try await client.create(.deployments, namespace: "n", ["metadata": ["name": "a"]], options: options)
        _ = try await client.replace(.deployments, namespace: "n", name: "a", subresource: "scale", ["spec": [:]])
        _ = try await client.patch(
          .flinkDeployments, namespace: "n", name: "a", subresource: "status", .merge(["status": .null]))
        _ = try await client.patch(.pods, namespace: "n", name: "a", .json([]))
        _ = try await client.patch(.pods, namespace: "n", name: "a", .strategicMerge([:]))
        _ = try await client.patch(
          .pods, namespace: "n", name: "a", subresource: nil, .apply(["kind": "Pod"], force: true),
          options: WriteOptions(fieldManager: "me"))
      }
      let seen = server.requests.map { "\($0.method) \($0.uri) \($0.headers.first(name: "content-type") ?? "")" }
      #expect(
        seen == [
          "POST /apis/apps/v1/namespaces/n/deployments?fieldManager=me&dryRun=All&fieldValidation=Strict application/json",
          "PUT /apis/apps/v1/namespaces/n/deployments/a/scale application/json",
          "PATCH /apis/flink.apache.org/v1beta1/namespaces/n/flinkdeployments/a/status application/merge-patch+json",
          "PATCH /api/v1/namespaces/n/pods/a application/json-patch+json",
          "PATCH /api/v1/namespaces/n/pods/a application/strategic-merge-patch+json",
          "PATCH /api/v1/namespaces/n/pods/a?fieldManager=me&force=true application/apply-patch+yaml",
        ])
      #expect(server.requests[2].json == ["status": .null])
    }
  }

  @Test func deletesWithPreconditions() async throws {
    let handler: TestServer.Handler = { request, responder in
      responder.answer(
        json: request.path.hasSuffix("going")
          ? ["kind": "Pod", "metadata": ["name": "going", "deletionTimestamp": "2026-01-01T00:00:00Z"]]
          : ["kind": "Status", "apiVersion": "v1", "status": "Success"])
    }
    try await TestServer.run(handler: handler) { server in
      try await withClient(of: server) { client in
        let going = try await client.delete(
          .pods, namespace: "n", name: "going",
          options: DeleteOptions(uid: "u", resourceVersion: "3", propagation: .foreground, gracePeriodSeconds: 0))
        #expect(going?.metadata.isBeingDeleted == true)
        #expect(try await client.delete(.pods, namespace: "n", name: "gone", options: DeleteOptions()) == nil)
      }
      #expect(
        server.requests.first?.json == [
          "kind": "DeleteOptions", "apiVersion": "v1", "preconditions": ["uid": "u", "resourceVersion": "3"],
          "propagationPolicy": "Foreground", "gracePeriodSeconds": 0,
        ])
    }
  }

  @Test func readsLogsAndPlainPaths() async throws {
    let handler: TestServer.Handler = { request, responder in
      responder.answer(request.path == "/version" ? #"{"major":"1"}"# : "line one\nline two\n")
    }
    try await TestServer.run(handler: handler) { server in
      try await withClient(of: server) { client in
        let log = try await client.podLog(
          namespace: "n", name: "p", options: PodLogOptions(container: "c", isPrevious: true, tailLines: 5))
        #expect(log == "line one\nline two\n")
        #expect(try await client.raw(path: "/version") == ["major": "1"])
      }
      #expect(server.requests.first?.uri == "/api/v1/namespaces/n/pods/p/log?container=c&previous=true&tailLines=5")
    }
  }

  @Test func refusalsCarryTheStatus() async throws {
    let status = APIStatus(code: 409, reason: "Conflict", message: "changed meanwhile", detailName: "a")
    let handler: TestServer.Handler = { request, responder in
      switch request.path.split(separator: "/").dropLast().last {
      case "conflict": responder.answer(json: status.json, status: 409)
      case "busy": responder.answer("slow down", status: 429, headers: ["Retry-After": "7"])
      case "proxy": responder.answer("<html>\n<b>Bad  Gateway</b></html>", status: 502)
      default: responder.answer("", status: 404)
      }
    }
    try await TestServer.run(handler: handler) { server in
      try await withClient(of: server) { client in
        func error(_ name: String) async -> KubernetesError? {
          await #expect(throws: KubernetesError.self) {
            try await client.patch(.flinkDeployments, namespace: "n", name: name, subresource: "status", .merge([:]))
          }
        }
        let conflict = try #require(await error("conflict"))
        #expect(conflict.status == status)
        #expect(conflict.isConflict && !conflict.isAmbiguous)
        #expect(
          conflict.description
            == "patch status of flinkdeployments.flink.apache.org n/conflict: changed meanwhile (409 Conflict)")
        let busy = try #require(await error("busy"))
        #expect(busy.retryAfter == .seconds(7))
        #expect(busy.status?.reason == "TooManyRequests")
        let proxy = try #require(await error("proxy"))
        #expect(proxy.status?.message == "<html> <b>Bad Gateway</b></html>")
        #expect(proxy.isAmbiguous)
        let missing = try #require(await error("missing"))
        #expect(missing.isNotFound)
        #expect(missing.status?.message == "the server answered 404 Not Found")
      }
    }
  }

  @Test(arguments: ["", "nonsense", "[]", #"{"metadata":"#])
  func unreadableAnswers(text: String) async throws {
    try await TestServer.run(handler: { $1.answer(text) }) { server in
      try await withClient(of: server) { client in
        let error = await #expect(throws: KubernetesError.self) {
          try await client.create(.pods, namespace: "n", [:], options: WriteOptions())
        }
        #expect(error?.isUndecodable == true)
        #expect(error?.isAmbiguous == true)
      }
    }
  }

  @Test func boundsTheAnswer() async throws {
    var limits = KubernetesClient.Limits()
    limits.maximumAnswerBytes = 1000
    try await TestServer.run(handler: { $1.answer("\"\(String(repeating: "x", count: 1000))\"") }) { server in
      try await withClient(of: server, limits: limits) { client in
        let error = await #expect(throws: KubernetesError.self) { try await client.raw(path: "/big") }
        #expect(error?.description == "get /big: unreadable answer: the answer is larger than 1000 bytes")
      }
    }
  }
}

@Suite struct CallFailureTests {
  @Test func theDeadlineCoversTheBody() async throws {
    var limits = KubernetesClient.Limits()
    limits.callTimeout = .seconds(1)
    let handler: TestServer.Handler = { _, responder in
      responder.head(200)
      responder.chunk("{\"items\":[")
    }
    try await TestServer.run(handler: handler) { server in
      try await withClient(of: server, limits: limits) { client in
        let read = await #expect(throws: KubernetesError.self) { try await client.raw(path: "/slow") }
        #expect(read?.description == "get /slow: no answer: no complete answer from \(server.address) within 1.0 s")
        let write = await #expect(throws: KubernetesError.self) {
          try await client.create(.pods, namespace: "n", [:], options: WriteOptions())
        }
        // On a busy machine the deadline may pass before the connection stands; then nothing was sent.
        let wasSeen = server.requests.contains { $0.method == .POST }
        #expect(write?.isAmbiguous == true || !wasSeen, "\(String(describing: write))")
      }
    }
  }

  @Test func aWriteWhoseAnswerIsLostIsAmbiguous() async throws {
    try await TestServer.run(handler: { $1.close() }) { server in
      try await withClient(of: server) { client in
        let error = await #expect(throws: KubernetesError.self) {
          try await client.create(.pods, namespace: "n", ["a": 1], options: WriteOptions())
        }
        #expect(error?.isInterrupted == true && error?.isAmbiguous == true)
      }
      #expect(server.requests.count == 1, "a write must not be sent twice")
    }
  }

  @Test func aRefusedConnectionIsNotAmbiguous() async throws {
    try await withRefusingPort { port in
      let address = "http://127.0.0.1:\(port)"
      try await withClient(ClusterConfiguration(server: address)) { client in
        let error = try #require(
          await #expect(throws: KubernetesError.self) {
            try await client.create(.pods, namespace: "n", ["a": 1], options: WriteOptions())
          })
        #expect(error.isUnreachable && !error.isAmbiguous)
        #expect(error.description.contains("cannot connect to \(address): Connection refused; check"), "\(error)")
        #expect(!error.description.contains("\n"))
        let read = await #expect(throws: KubernetesError.self) { try await client.raw(path: "/x") }
        #expect(read?.isUnreachable == true)
      }
    }
  }

  @Test func anUnknownHostIsNamed() async throws {
    try await withClient(ClusterConfiguration(server: "https://host.invalid:6443")) { client in
      let error = try #require(
        await #expect(throws: KubernetesError.self) { try await client.raw(path: "/x") })
      // A machine's resolver may take longer to say no than a call may take.
      #expect(error.isUnreachable || error.description.contains("no complete answer"), "\(error)")
      #expect(error.description.contains("host.invalid"))
    }
  }

  @Test func aReadGoesAgainWhenItsConnectionWasClosed() async throws {
    let count = Mutex(0)
    let handler: TestServer.Handler = { _, responder in
      let number = count.withLock { value in
        value += 1
        return value
      }
      if number == 2 { responder.close() } else { responder.answer(json: ["n": JSONValue(number)]) }
    }
    try await TestServer.run(handler: handler) { server in
      try await withClient(of: server) { client in
        let first = try await client.raw(path: "/a")
        #expect(first == ["n": 1])
        let second = try await client.raw(path: "/b")
        #expect(second == ["n": 3])
      }
    }
  }

  @Test func cancellingEndsACall() async throws {
    let arrived = AsyncStream.makeStream(of: Void.self)
    try await TestServer.run(handler: { _, _ in arrived.continuation.yield() }) { server in
      try await withClient(of: server) { client in
        let call = Task { () async -> KubernetesError? in
          do throws(KubernetesError) {
            _ = try await client.create(.pods, namespace: "n", [:], options: WriteOptions())
            return nil
          } catch {
            return error
          }
        }
        for await _ in arrived.stream { break }
        call.cancel()
        #expect(await call.value?.cause == .cancelled)
      }
    }
  }

  /// A rotated token is used at once when the old one is refused.
  @Test func readsTheTokenFileAgainAfter401() async throws {
    let handler: TestServer.Handler = { request, responder in
      if request.headers.first(name: "authorization") == "Bearer new" {
        responder.answer(json: ["ok": true])
      } else {
        responder.answer("no", status: 401)
      }
    }
    try await withFolder { folder in
      try write("old\n", to: "\(folder)/token")
      try await TestServer.run(handler: handler) { server in
        try write(
          """
          clusters: [{name: c, cluster: {server: "\(server.address)"}}]
          users: [{name: u, user: {tokenFile: token}}]
          contexts: [{name: x, context: {cluster: c, user: u}}]
          current-context: x
          """, to: "\(folder)/config")
        try await withClient(ClusterConfiguration.load(kubeconfigPath: "\(folder)/config", context: nil)) { client in
          let refused = await #expect(throws: KubernetesError.self) { try await client.raw(path: "/x") }
          #expect(refused?.status?.code == 401)
          #expect(server.requests.count == 1, "the same token is not tried twice")
          try write("new\n", to: "\(folder)/token")
          #expect(try await client.raw(path: "/x") == ["ok": true])
          #expect(server.requests.count == 3)
        }
      }
    }
  }
}
