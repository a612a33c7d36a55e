import FlinkModel
import KubernetesAPI
import Lifecycle
import Testing

/// Why pods do not come up is said in their own words: from the objects as Kubernetes writes them to error, event and
/// condition.
@Suite struct DeploymentFailureTests {
  private static let quota =
    #"pods "demo-5c9f" is forbidden: exceeded quota: small, requested: limits.memory=2Gi, used: 7Gi, limited: 8Gi"#

  struct Row: Sendable, CustomTestStringConvertible {
    let name: String
    /// Members of the pod's status; nil where there is no pod.
    var pod: JSONValue?
    var condition: JSONValue?
    let reason: String
    let words: String
    var testDescription: String { name }
  }

  static let rows: [Row] = [
    Row(
      name: "quota",
      condition: ["type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": .string(quota)],
      reason: "FailedCreate", words: "exceeded quota: small"),
    Row(
      name: "image",
      pod: [
        "containerStatuses": [
          [
            "name": "flink-main-container",
            "state": [
              "waiting": ["reason": "ImagePullBackOff", "message": "Back-off pulling image \"flink:nowhere\""]
            ],
          ]
        ]
      ], reason: "ImagePullBackOff", words: "[flink-main-container] Back-off pulling image \"flink:nowhere\""),
    Row(
      name: "crash loop",
      pod: [
        "containerStatuses": [
          [
            "name": "flink-main-container", "restartCount": 3,
            "state": [
              "waiting": ["reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container"]
            ],
            "lastState": [
              "terminated": [
                "exitCode": 1, "reason": "Error", "finishedAt": "2027-01-15T08:00:00Z",
                "message":
                  "starting\nException in thread \"main\" java.lang.RuntimeException: cannot\n\tat a.b(C.java:1)\nCaused by: java.io.IOException: no such bucket\n\tat d.e(F.java:2)",
              ]
            ],
          ]
        ]
      ], reason: "CrashLoopBackOff", words: "CrashLoop - exit code 1: Caused by: java.io.IOException: no such bucket"),
    Row(
      name: "unschedulable",
      pod: [
        "conditions": [
          [
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/3 nodes are available: 3 Insufficient memory.",
          ]
        ]
      ], reason: "Unschedulable", words: "3 Insufficient memory"),
  ]

  private static func deployment(_ operation: OperationRecord, _ component: ClusterComponent, _ condition: JSONValue?)
    -> DeploymentFacts
  {
    let name = component == .jobManager ? "demo" : "demo-taskmanager"
    return DeploymentFacts(
      KubernetesObject(
        [
          "apiVersion": "apps/v1", "kind": "Deployment",
          "metadata": [
            "name": .string(name), "namespace": "default", "uid": .string("uid-\(name)"),
            "labels": ["component": .string(component.rawValue), "app": "demo"],
            "annotations": [
              IncarnationAnnotation.operation: .string(operation.id),
              IncarnationAnnotation.attempt: .string("\(operation.attempt)"),
            ],
            "ownerReferences": [["uid": .string(World.uid)]],
          ],
          "spec": ["replicas": 1], "status": ["conditions": .array(condition.map { [$0] } ?? [])],
        ]))
  }

  private static func pod(_ component: ClusterComponent, _ status: JSONValue) -> PodFacts {
    var status = status
    status["phase"] = "Pending"
    return PodFacts(
      KubernetesObject(
        [
          "apiVersion": "v1", "kind": "Pod",
          "metadata": [
            "name": "demo-1", "namespace": "default", "uid": "pod",
            "labels": ["component": .string(component.rawValue)],
          ],
          "status": status,
        ]))
  }

  @Test(arguments: rows) func ofTheJobManagerAreErrorEventAndCondition(_ row: Row) throws {
    var world = World()
    world.adjust = { $0.readinessTimeout = 60_000 }
    _ = world.turn()
    try world.become()
    let operation = try #require(world.status.operation)
    func see(_ condition: JSONValue?, _ pod: JSONValue?) {
      world.cluster = .seen(
        ClusterFacts(
          deployments: [
            Self.deployment(operation, .jobManager, condition), Self.deployment(operation, .taskManager, nil),
          ], pods: pod.map { [Self.pod(.jobManager, $0)] } ?? []), at: World.now)
    }
    see(row.condition, row.pod)
    let decision = world.turn()
    #expect(decision.events.contains { $0.reason == row.reason && $0.message.contains(row.words) })
    #expect(StatusError.message(of: decision.status.error ?? "").contains(row.words))
    #expect(decision.status.jobManagerDeploymentStatus == .error)
    let condition = decision.status.conditions[type: ConditionType.reconciling]
    #expect(condition?.reason == row.reason && condition?.message.contains(row.words) == true)
    #expect(!world.turn(at: World.now + 1_000).events.contains { $0.reason == row.reason }, "said once")
    // After its time a person has to act.
    let late = world.turn(at: World.now + 61_000)
    #expect(late.status.conditions[type: ConditionType.stalled]?.reason == row.reason)
    #expect(late.effect == nil)
    // It comes up after all: forgiven.
    world.cluster = .seen(world.deployments(operation), at: World.now)
    world.seeJob("RUNNING", at: World.now + 62_000)
    let forgiven = world.turn(at: World.now + 62_000).status
    #expect(forgiven.error == nil)
    #expect(forgiven.conditions[type: ConditionType.ready]?.status == .true)
  }

  /// The job waits for its TaskManagers; the condition says why there are none.
  @Test(arguments: rows) func ofTaskManagersAreInTheCondition(_ row: Row) throws {
    var world = World()
    _ = world.turn()
    try world.become()
    let operation = try #require(world.status.operation)
    world.cluster = .seen(
      ClusterFacts(
        deployments: [
          Self.deployment(operation, .jobManager, nil), Self.deployment(operation, .taskManager, row.condition),
        ], pods: row.pod.map { [Self.pod(.taskManager, $0)] } ?? []), at: World.now)
    world.seeJob("RUNNING")
    world.jobManager.jobs = .seen(
      [
        JobOverview(
          id: world.status.jobStatus.jobId ?? "", name: "demo", state: "RUNNING", startTime: World.now, endTime: -1,
          tasks: ["total": 2, "running": 0])
      ], at: World.now)
    let condition = world.turn().status.conditions[type: ConditionType.reconciling]
    #expect(condition?.reason == row.reason)
    #expect(condition?.message.contains(row.words) == true, "\(condition?.message ?? "")")
  }
}
