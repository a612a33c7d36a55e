import Foundation
import Testing

@testable import LocalCluster

/// Pods that only need the machine's own tools, on a whole local cluster with the real `kubectl`.
@Suite(.serialized, .enabled(if: ClusterBed.kubectl != nil, "needs kubectl"))
struct AgentPodTests {
  private func pod(_ name: String, _ rest: String, command: String) -> String {
    """
    apiVersion: v1
    kind: Pod
    metadata: {name: \(name), labels: {app: \(name)}}
    spec:
      terminationGracePeriodSeconds: 2
    \(rest.isEmpty ? "" : rest.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n"))
      containers:
      - name: main
        image: busybox
        command: ["/bin/bash", "-c"]
        args:
        - |
    \(command.split(separator: "\n").map { "      " + $0 }.joined(separator: "\n"))
    """
  }

  @Test func aPodRunsLogsAndEnds() async throws {
    try await ClusterBed.with({ $0.runsAgent = true }) { bed in
      let script = "trap 'echo stopping; exit 7' TERM; echo hello from $HOSTNAME; while :; do sleep 0.1; done"
      _ = try await bed.kubectlSucceeds("apply", "-f", "-", input: pod("talker", "", command: script))
      _ = try await bed.kubectlSucceeds("wait", "--for=condition=Ready", "pod/talker", "--timeout=20s")
      let logs = try await bed.kubectlSucceeds("logs", "talker")
      #expect(logs == "hello from talker\n")
      let address = try await bed.kubectlSucceeds("get", "pod", "talker", "-o", "jsonpath={.status.podIP}")
      #expect(address.hasPrefix("127.\(bed.ready.addressBlock).1."))
      _ = try await bed.kubectlSucceeds("delete", "pod", "talker", "--timeout=20s")
      // The folder goes when the agent has seen the pod go.
      try await bed.eventually(seconds: 20) {
        try FileManager.default.contentsOfDirectory(atPath: bed.ready.runDirectory + "/pods/pods").isEmpty
      }
    }
  }

  @Test func aFailureIsToldWithItsCodeAndItsLastWords() async throws {
    try await ClusterBed.with({ $0.runsAgent = true }) { bed in
      var manifest = pod("failing", "restartPolicy: Never", command: "echo the reason >&2; exit 3")
      manifest += "\n    terminationMessagePolicy: FallbackToLogsOnError\n"
      _ = try await bed.kubectlSucceeds("apply", "-f", "-", input: manifest)
      _ = try await bed.kubectlSucceeds("wait", "--for=jsonpath={.status.phase}=Failed", "pod/failing", "--timeout=20s")
      let ended = try await bed.kubectlSucceeds(
        "get", "pod", "failing", "-o",
        "jsonpath={.status.containerStatuses[0].state.terminated['exitCode','reason','message']}")
      #expect(ended == "3 Error the reason\n")
    }
  }

  @Test func aPodInheritsNoDescriptorOfTheCluster() async throws {
    try await ClusterBed.with({ $0.runsAgent = true }) { bed in
      let manifest = pod("bare", "restartPolicy: Never", command: "cd /proc/self/fd; echo *")
      _ = try await bed.kubectlSucceeds("apply", "-f", "-", input: manifest)
      _ = try await bed.kubectlSucceeds("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/bare", "--timeout=20s")
      // 3 is the shell's own, for reading the folder.
      #expect(try await bed.kubectlSucceeds("logs", "bare") == "0 1 2 3\n")
    }
  }

  @Test func aMissingImageIsNamed() async throws {
    try await ClusterBed.with({ $0.runsAgent = true }) { bed in
      let manifest = pod("imageless", "", command: "true").replacing("image: busybox", with: "image: flink:9.9")
      _ = try await bed.kubectlSucceeds("apply", "-f", "-", input: manifest)
      let path = "jsonpath={.status.containerStatuses[0].state.waiting.reason}"
      _ = try await bed.kubectlSucceeds(
        "wait", "--for=\(path.replacing("{", with: "{"))=ErrImagePull", "pod/imageless", "--timeout=20s")
      let message = try await bed.kubectlSucceeds(
        "get", "pod", "imageless", "-o", "jsonpath={.status.containerStatuses[0].state.waiting.message}")
      #expect(message.contains("flink:9.9"))
      #expect(message.contains("fetch-flink 9.9"))
      _ = try await bed.kubectlSucceeds(
        "wait", "--for=\(path)=ImagePullBackOff", "pod/imageless", "--timeout=20s")
    }
  }

  @Test func aVolumeThatCannotBeMountedIsToldByAnEvent() async throws {
    try await ClusterBed.with({ $0.runsAgent = true }) { bed in
      let manifest = pod("mountless", "volumes: [{name: keys, secret: {secretName: keys}}]", command: "sleep 60")
      _ = try await bed.kubectlSucceeds("apply", "-f", "-", input: manifest)
      let uid = try await bed.kubectlSucceeds("get", "pod", "mountless", "-o", "jsonpath={.metadata.uid}")
      let arguments = ["get", "events", "--field-selector", "involvedObject.uid=\(uid),reason=FailedMount", "-o"]
      var text = ""
      while text.isEmpty {
        text = try await bed.kubectlSucceeds(arguments + ["jsonpath={range .items[*]}{.type} {.message}{end}"])
      }
      #expect(text.hasPrefix("Warning "))
      #expect(text.contains("MountVolume.SetUp failed for volume \"keys\" : "))
      #expect(text.contains("\"keys\" not found"))
      #expect(
        try await bed.kubectlSucceeds(
          "get", "pod", "mountless", "-o", "jsonpath={.status.containerStatuses[0].state.waiting.reason}")
          == "ContainerCreating")
      // Once it is there the pod goes on.
      _ = try await bed.kubectlSucceeds("create", "secret", "generic", "keys", "--from-literal=a=b")
      _ = try await bed.kubectlSucceeds("wait", "--for=condition=Ready", "pod/mountless", "--timeout=30s")
    }
  }

  @Test func volumesEnvironmentAndInitContainersReachTheContainer() async throws {
    try await ClusterBed.with({ $0.runsAgent = true }) { bed in
      let rest = """
        volumes:
        - name: settings
          configMap: {name: settings, items: [{key: a, path: deep/a.txt}]}
        - name: shared
          emptyDir: {}
        initContainers:
        - name: first
          image: busybox
          command: ["/bin/sh", "-c", "echo from init > /shared/init; sleep 0.2"]
          volumeMounts: [{name: shared, mountPath: /shared}]
        """
      var manifest = pod(
        "reader", rest,
        command: """
          cat /shared/init /settings/deep/a.txt; echo "$GREETING at $ADDRESS"; cat /etc/hosts | head -1
          test -s /var/run/secrets/kubernetes.io/serviceaccount/token && echo token
          cat /var/run/secrets/kubernetes.io/serviceaccount/namespace; echo
          until grep -q new /settings/deep/a.txt; do sleep 0.1; done; cat /settings/deep/a.txt; sleep 100
          """)
      manifest += """

            env:
            - {name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
            - {name: ADDRESS, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
            - {name: GREETING, value: "$(NAME) $$(NAME) $(NOBODY)"}
            volumeMounts:
            - {name: shared, mountPath: /shared}
            - {name: settings, mountPath: /settings}
        """
      let settings = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: \"old\\n\"}\n"
      _ = try await bed.kubectlSucceeds("apply", "-f", "-", input: settings + "---\n" + manifest)
      _ = try await bed.kubectlSucceeds("wait", "--for=condition=Ready", "pod/reader", "--timeout=20s")
      let address = try await bed.kubectlSucceeds("get", "pod", "reader", "-o", "jsonpath={.status.podIP}")
      let expected = """
        from init
        old
        reader $(NAME) $(NOBODY) at \(address)
        \(address) localhost reader
        token
        default

        """
      try await bed.eventually { try await bed.kubectlSucceeds("logs", "reader") == expected }
      _ = try await bed.kubectlSucceeds("patch", "configmap", "settings", "-p", #"{"data":{"a":"new\n"}}"#)
      try await bed.eventually { try await bed.kubectlSucceeds("logs", "reader", "--tail=1") == "new\n" }
    }
  }

  @Test func servicesAreForwardedAndNamed() async throws {
    try await ClusterBed.with({ $0.runsAgent = true }) { bed in
      let server = """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web}
        spec:
          selector: {matchLabels: {app: web}}
          template:
            metadata: {labels: {app: web}}
            spec:
              containers:
              - name: web
                image: busybox
                command: ["/usr/bin/perl", "-MIO::Socket::INET", "-e"]
                args:
                - |
                  my $s = IO::Socket::INET->new(Listen => 5, LocalAddr => "$ENV{IP}:8080", ReuseAddr => 1) or die $!;
                  while (my $c = $s->accept) { my $l = <$c>; print $c "HTTP/1.0 200 OK\\r\\n\\r\\npod $ENV{IP}\\n"; close $c }
                env: [{name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]
                ports: [{name: http, containerPort: 8080}]
                readinessProbe: {httpGet: {port: http, path: /}, periodSeconds: 1}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: web}
        spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: direct}
        spec: {clusterIP: None, selector: {app: web}, ports: [{port: 8080}]}
        """
      let client = pod(
        "client", "",
        command: """
          until exec 3<>/dev/tcp/web.default/80 && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && grep pod <&3; do sleep 0.2; done
          until grep direct.default.svc.cluster.local /etc/hosts; do sleep 0.1; done; sleep 100
          """)
      _ = try await bed.kubectlSucceeds("apply", "-f", "-", input: server + "\n---\n" + client)
      _ = try await bed.kubectlSucceeds("wait", "--for=condition=Available", "deployment/web", "--timeout=30s")
      let address = try await bed.kubectlSucceeds(
        "get", "pod", "-l", "app=web", "-o", "jsonpath={.items[0].status.podIP}")
      try await bed.eventually {
        let logs = try await bed.kubectlSucceeds("logs", "client")
        return logs.contains("pod \(address)\n")
          && logs.contains("\(address) direct direct.default direct.default.svc ")
      }
    }
  }
}

extension ClusterBed {
  /// Asks until the answer is yes; fails after `seconds`.
  func eventually(
    seconds: Double = 20, _ question: () async throws -> Bool, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let end = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < end {
      if try await question() { return }
      try await Task.sleep(for: .milliseconds(100))
    }
    Issue.record("not within \(seconds) s", sourceLocation: sourceLocation)
  }
}
