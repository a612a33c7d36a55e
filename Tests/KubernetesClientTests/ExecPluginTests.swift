import Foundation
import KubernetesAPI
import NIOHTTP1
import Testing

@testable import KubernetesClient

/// Exec plugins as programs: shell scripts that count their runs.
@Suite struct ExecPluginTests {
  /// A kubeconfig whose user has the script as plugin. The program is the shell itself: a script that was just written
  /// cannot be executed while any process, forked by another test, still has it open.
  static func configuration(
    in folder: String, server: String, script: String, arguments: String = "", exec: String = "", cluster: String = ""
  ) throws -> ClusterConfiguration {
    try write(script, to: "\(folder)/bin/script")
    try FileManager.default.createSymbolicLink(
      atPath: "\(folder)/bin/plugin", withDestinationPath: "/bin/sh")
    try write(
      """
      current-context: x
      clusters: [{name: c, cluster: {server: "\(server)"\(cluster)}}]
      users:
      - name: u
        user:
          exec:
            {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: ./bin/plugin,
            args: ["\(folder)/bin/script"\(arguments)]\(exec)}
      contexts: [{name: x, context: {cluster: c, user: u}}]
      """, to: "\(folder)/config")
    return try ClusterConfiguration.load(
      kubeconfigPath: "\(folder)/config", context: nil,
      environment: ["PATH": "/usr/bin:/bin", "FOLDER": folder, "OWN": "inherited"])
  }

  /// Prints an answer with `status` as JSON.
  static func answering(_ status: String) -> String {
    """
    echo run >> "$FOLDER/runs"
    cat <<END
    {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": \(status)}
    END
    """
  }

  static func runs(_ folder: String) throws -> Int {
    try String(contentsOfFile: "\(folder)/runs", encoding: .utf8).split(separator: "\n").count
  }

  static func error(
    _ configuration: ClusterConfiguration, limits: KubernetesClient.Limits = .init()
  ) async throws -> KubernetesError {
    try await withClient(configuration, limits: limits) { client in
      let error = await #expect(throws: KubernetesError.self) { try await client.raw(path: "/x") }
      return try #require(error)
    }
  }

  @Test func tokenFromManyCallsAtOnce() async throws {
    try await withFolder { folder in
      try await TestServer.run(handler: { $1.answer(json: ["ok": true]) }) { server in
        let configuration = try Self.configuration(
          in: folder, server: server.address, script: "sleep 0.2\n" + Self.answering(#"{"token": "t-$1-$OWN-$SET"}"#),
          arguments: ", one-two", exec: ", env: [{name: SET, value: own}]")
        try await withClient(configuration) { client in
          try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<20 { group.addTask { _ = try await client.raw(path: "/x") } }
            try await group.waitForAll()
          }
        }
        // A second client of the configuration shares what the first one got.
        try await withClient(configuration) { _ = try await $0.raw(path: "/x") }
        let headers = Set(server.requests.map { $0.headers.first(name: "authorization") ?? "" })
        #expect(headers == ["Bearer t-one-two-inherited-own"])
        #expect(try Self.runs(folder) == 1)
      }
    }
  }

  /// A rotated token is used at once when the server refuses the old one, on a client that lives on.
  @Test func anotherTokenAfter401() async throws {
    let handler: TestServer.Handler = { request, responder in
      let isGood = request.headers.first(name: "authorization") == "Bearer t2"
      if isGood || request.path == "/early" {
        responder.answer(json: ["ok": true])
      } else {
        responder.answer("no", status: 401)
      }
    }
    try await withFolder { folder in
      try await TestServer.run(handler: handler) { server in
        let script =
          #"echo run >> "$FOLDER/runs"; n=$(wc -l < "$FOLDER/runs"); "# + "\n" + #"""
            echo "{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\",
              \"status\": {\"token\": \"t$n\"}}"
            """#
        let configuration = try Self.configuration(in: folder, server: server.address, script: script)
        try await withClient(configuration) { client in
          _ = try await client.raw(path: "/early")
          let afterRefusal = try await client.raw(path: "/x")
          #expect(afterRefusal == ["ok": true])
          #expect(server.requests.count == 3)
          _ = try await client.raw(path: "/x")
          let runs = try Self.runs(folder)
          #expect(runs == 2 && server.requests.count == 4)
        }
      }
    }
  }

  @Test func whatIsRefusedAgainIsReported() async throws {
    try await withFolder { folder in
      try await TestServer.run(handler: { $1.answer("no", status: 401) }) { server in
        let configuration = try Self.configuration(
          in: folder, server: server.address, script: Self.answering(#"{"token": "same"}"#))
        let error = try await Self.error(configuration)
        #expect(error.status?.code == 401)
        #expect(server.requests.count == 1, "the same token is not tried twice")
        #expect(try Self.runs(folder) == 2)
      }
    }
  }

  @Test(.timeLimit(.minutes(1))) func anExpiredTokenIsReplaced() async throws {
    try await withFolder { folder in
      try await TestServer.run(handler: { $1.answer(json: ["ok": true]) }) { server in
        // Expired from the start, so that it does not matter how late this test gets its turns.
        let configuration = try Self.configuration(
          in: folder, server: server.address,
          script: Self.answering(#"{"token": "t", "expirationTimestamp": "2020-01-01T00:00:00Z"}"#))
        try await withClient(configuration) { client in
          _ = try await client.raw(path: "/x")
          #expect(try Self.runs(folder) == 1)
          while try Self.runs(folder) == 1 {
            _ = try await client.raw(path: "/x")
            try await Task.sleep(for: .milliseconds(20))
          }
          #expect(try Self.runs(folder) == 2)
        }
      }
    }
  }

  @Test func clientCertificate() async throws {
    let certificates = try TestCertificates.shared.get()
    try await withFolder { folder in
      try write(certificates.authority, to: "\(folder)/ca.crt")
      let tls = try certificates.serverConfiguration(asksClients: true, offersHTTP2: true)
      let handler: TestServer.Handler = { $1.answer($0.query.isEmpty ? "{}" : "") }
      try await TestServer.run(tls: tls, handler: handler) { server in
        let answer: JSONValue = [
          "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
          "status": [
            "clientCertificateData": .string(certificates.client), "clientKeyData": .string(certificates.clientKey),
          ],
        ]
        try write(answer.text, to: "\(folder)/answer")
        let configuration = try Self.configuration(
          in: folder, server: server.address, script: "cat $FOLDER/answer", cluster: ", certificate-authority: ca.crt")
        try await withClient(configuration) { client in
          _ = try await client.raw(path: "/x")
          try await client.watch(.pods, namespace: nil, options: WatchOptions()) { _ in }
        }
        let areHTTP2 = server.requests.map(\.isHTTP2)
        #expect(areHTTP2 == [true, true])
        #expect(server.requests.first?.headers.first(name: "authorization") == nil)
      }
    }
  }

  @Test func isToldOfTheCluster() async throws {
    let certificates = try TestCertificates.shared.get()
    try await withFolder { folder in
      try write(certificates.authority, to: "\(folder)/ca.crt")
      let configuration = try Self.configuration(
        in: folder, server: "https://127.0.0.1:1",
        script: #"printf %s "$KUBERNETES_EXEC_INFO" > $FOLDER/info; exit 1"#,
        exec: ", provideClusterInfo: true",
        cluster: """
          , certificate-authority: ca.crt, tls-server-name: api.test, extensions: \
          [{name: client.authentication.k8s.io/exec, extension: {audience: a}}]
          """)
      _ = try await Self.error(configuration)
      let info = try JSONValue(parsing: String(contentsOfFile: "\(folder)/info", encoding: .utf8))
      let authority = Data(certificates.authority.utf8).base64EncodedString()
      #expect(
        info == [
          "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
          "spec": [
            "interactive": false,
            "cluster": [
              "server": "https://127.0.0.1:1", "tls-server-name": "api.test",
              "certificate-authority-data": .string(authority), "config": ["audience": "a"],
            ],
          ],
        ])
    }
  }

  @Test(arguments: [
    ("echo 'first line' >&2; echo 'log in with x' >&2; exit 3", "exited with 3: first line log in with x; run it"),
    ("kill -9 $$", "was ended by signal 9"),
    ("echo hello", "wrote no ExecCredential"),
    (#"echo '{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1beta1"}'"#, "answers in client."),
    (answering("{}"), "gave neither a token nor a client certificate"),
    (answering(#"{"token": "a b"}"#), "gave a token with spaces or line breaks in it"),
    (answering(#"{"clientKeyData": "x"}"#), "gave only one of clientCertificateData and clientKeyData"),
    (answering(#"{"clientCertificateData": "x", "clientKeyData": "y"}"#), "holds no readable PEM certificate"),
    (answering(#"{"token": "t", "expirationTimestamp": "soon"}"#), "an expirationTimestamp that is no RFC 3339 time"),
    ("head -c 3000000 /dev/zero", "wrote more than 1048576 bytes"),
  ])
  func brokenPlugins(script: String, message: String) async throws {
    try await withFolder { folder in
      let error = try await Self.error(Self.configuration(in: folder, server: "http://127.0.0.1:1", script: script))
      #expect(error.isUnreachable && !error.isAmbiguous)
      #expect(error.description.contains("./bin/plugin of user \"u\""), "\(error)")
      #expect(error.description.contains(message), "\(error)")
      #expect(!error.description.contains("\n"))
    }
  }

  @Test func aMissingPluginGivesItsInstallHint() async throws {
    try await withFolder { folder in
      let configuration = try Self.configuration(
        in: folder, server: "http://127.0.0.1:1", script: "", exec: #", installHint: "get it\n from x""#)
      try FileManager.default.removeItem(atPath: "\(folder)/bin/plugin")
      let error = try await Self.error(configuration)
      #expect(error.description.hasSuffix("cannot be started: No such file or directory; get it from x"), "\(error)")
    }
  }

  /// A call waits for a plugin no longer than for the server.
  @Test func aCallDoesNotWaitForASlowPlugin() async throws {
    var limits = KubernetesClient.Limits()
    limits.callTimeout = .milliseconds(300)
    try await withFolder { folder in
      let configuration = try Self.configuration(in: folder, server: "http://127.0.0.1:1", script: "sleep 2")
      let error = try await Self.error(configuration, limits: limits)
      #expect(error.description.contains("has not answered in time"), "\(error)")
    }
  }

  @Test func pluginsInheritNothingOpen() throws {
    let descriptor = dup(0)
    defer { close(descriptor) }
    let list = PluginProcess(
      command: "sh", arguments: ["-c", "ls /proc/$$/fd"], environment: ["PATH": "/usr/bin:/bin"],
      timeLimit: .seconds(30))
    let output = try list.run()
    let numbers = String(decoding: output.bytes, as: UTF8.self).split(separator: "\n").compactMap { Int($0) }
    #expect(numbers == [0, 1, 2], "one of ours is \(descriptor)")
  }

  @Test func slowPluginsAreEndedAndTheirChildrenKeepNobodyWaiting() throws {
    let environment = ["PATH": "/usr/bin:/bin"]
    let slow = PluginProcess(
      command: "sh", arguments: ["-c", "echo why >&2; sleep 60"], environment: environment,
      timeLimit: .milliseconds(500))
    let started = ContinuousClock.now
    let failure = #expect(throws: PluginProcess.Failure.self) { try slow.run() }
    guard case .tooSlow("why\n") = failure else {
      Issue.record("\(String(describing: failure))")
      return
    }
    let parent = PluginProcess(
      command: "sh", arguments: ["-c", "sleep 20 & echo done; exit 4"], environment: environment,
      timeLimit: .seconds(30))
    let output = try parent.run()
    #expect(String(decoding: output.bytes, as: UTF8.self) == "done\n")
    #expect(output.ending == "exited with 4")
    #expect(ContinuousClock.now - started < .seconds(15))
  }
}
