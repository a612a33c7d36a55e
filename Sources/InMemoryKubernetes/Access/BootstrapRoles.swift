import KubernetesAPI

extension InMemoryAPIServer {
  /// The roles and bindings that every cluster has from the start.
  mutating func bootstrapRoles(at now: GoTime) {
    for (name, rules, subjects) in Self.clusterRoles {
      storeRole("clusterroles", "ClusterRole", name, at: now) { $0["rules"] = .array(rules.map(\.json)) }
      guard !subjects.isEmpty else { continue }
      storeRole("clusterrolebindings", "ClusterRoleBinding", name, at: now) { object in
        object["roleRef"] = [
          "apiGroup": .string(RoleBasedAuthorizer.group), "kind": "ClusterRole", "name": .string(name),
        ]
        object["subjects"] = .array(
          subjects.map { group in
            ["kind": "Group", "apiGroup": .string(RoleBasedAuthorizer.group), "name": .string(group)]
          })
      }
    }
  }

  private mutating func storeRole(
    _ plural: String, _ kind: String, _ name: String, at now: GoTime, _ fill: (inout JSONValue) -> Void
  ) {
    var object: JSONValue = [
      "kind": .string(kind), "apiVersion": .string("\(RoleBasedAuthorizer.group)/v1"),
      "metadata": [
        "name": .string(name), "uid": .string(random.uid()), "creationTimestamp": .string(now.seconds),
        "labels": ["kubernetes.io/bootstrapping": "rbac-defaults"],
        "annotations": ["rbac.authorization.kubernetes.io/autoupdate": "true"],
      ],
    ]
    fill(&object)
    store(object, in: StorageID(group: RoleBasedAuthorizer.group, plural: plural))
  }

  private static let read = ["get", "list", "watch"]
  private static let write = ["create", "delete", "deletecollection", "patch", "update"]
  private static let healthPaths = ["/healthz", "/livez", "/readyz", "/version", "/version/"]

  private static func workloads(_ verbs: [String]) -> [AccessRule] {
    [
      AccessRule(
        verbs: verbs, apiGroups: [""],
        resources: [
          "configmaps", "endpoints", "events", "persistentvolumeclaims", "pods", "replicationcontrollers",
          "replicationcontrollers/scale", "serviceaccounts", "services",
        ]),
      AccessRule(
        verbs: verbs, apiGroups: ["apps"],
        resources: [
          "controllerrevisions", "daemonsets", "deployments", "deployments/scale", "replicasets", "replicasets/scale",
          "statefulsets", "statefulsets/scale",
        ]),
      AccessRule(verbs: verbs, apiGroups: ["autoscaling"], resources: ["horizontalpodautoscalers"]),
      AccessRule(verbs: verbs, apiGroups: ["batch"], resources: ["cronjobs", "jobs"]),
      AccessRule(verbs: verbs, apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"]),
      AccessRule(verbs: verbs, apiGroups: ["networking.k8s.io"], resources: ["ingresses", "networkpolicies"]),
      AccessRule(verbs: verbs, apiGroups: ["policy"], resources: ["poddisruptionbudgets"]),
    ]
  }

  private static let viewing =
    workloads(read) + [
      AccessRule(
        verbs: read, apiGroups: [""],
        resources: ["namespaces", "pods/log", "pods/status", "limitranges", "resourcequotas"]),
      AccessRule(
        verbs: read, apiGroups: ["apps"],
        resources: ["deployments/status", "replicasets/status", "daemonsets/status", "statefulsets/status"]),
    ]
  private static let editing =
    viewing + workloads(write) + [
      AccessRule(verbs: read + write, apiGroups: [""], resources: ["secrets"]),
      AccessRule(verbs: read + write, apiGroups: ["coordination.k8s.io"], resources: ["leases"]),
      AccessRule(verbs: ["create"], apiGroups: [""], resources: ["pods/eviction", "serviceaccounts/token"]),
      AccessRule(verbs: ["impersonate"], apiGroups: [""], resources: ["serviceaccounts"]),
    ]

  /// Name, rules, and the groups it is bound to.
  private static let clusterRoles: [(String, [AccessRule], [String])] = [
    (
      "cluster-admin",
      [
        AccessRule(verbs: ["*"], apiGroups: ["*"], resources: ["*"]),
        AccessRule(verbs: ["*"], nonResourceURLs: ["*"]),
      ], ["system:masters"]
    ),
    ("view", viewing, []), ("edit", editing, []),
    (
      "admin",
      editing + [
        AccessRule(
          verbs: read + write, apiGroups: [RoleBasedAuthorizer.group], resources: ["rolebindings", "roles"]),
        AccessRule(verbs: ["create"], apiGroups: ["authorization.k8s.io"], resources: ["localsubjectaccessreviews"]),
      ], []
    ),
    (
      "system:basic-user",
      [
        AccessRule(
          verbs: ["create"], apiGroups: ["authorization.k8s.io"],
          resources: ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]),
        AccessRule(verbs: ["create"], apiGroups: ["authentication.k8s.io"], resources: ["selfsubjectreviews"]),
      ], ["system:authenticated"]
    ),
    (
      "system:discovery",
      [
        AccessRule(
          verbs: ["get"],
          nonResourceURLs: ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*"] + healthPaths)
      ], ["system:authenticated"]
    ),
    (
      "system:public-info-viewer", [AccessRule(verbs: ["get"], nonResourceURLs: healthPaths)],
      ["system:authenticated", "system:unauthenticated"]
    ),
    // What a node may see and say of itself; `NodeRestriction` keeps it to its own pods.
    (
      "system:node",
      [
        AccessRule(verbs: ["create", "get", "list", "watch"], apiGroups: [""], resources: ["nodes"]),
        AccessRule(verbs: ["patch", "update"], apiGroups: [""], resources: ["nodes", "nodes/status"]),
        AccessRule(verbs: ["create", "patch", "update"], apiGroups: [""], resources: ["events"]),
        AccessRule(verbs: ["create", "delete", "get", "list", "watch"], apiGroups: [""], resources: ["pods"]),
        AccessRule(verbs: ["patch", "update"], apiGroups: [""], resources: ["pods/status"]),
        AccessRule(verbs: ["create"], apiGroups: [""], resources: ["pods/eviction", "serviceaccounts/token"]),
        AccessRule(verbs: read, apiGroups: [""], resources: ["configmaps", "secrets", "services"]),
        AccessRule(
          verbs: ["get"], apiGroups: [""],
          resources: ["endpoints", "persistentvolumeclaims", "persistentvolumes"]),
        AccessRule(
          verbs: ["create", "delete", "get", "patch", "update"], apiGroups: ["coordination.k8s.io"],
          resources: ["leases"]),
        AccessRule(verbs: ["list", "watch"], apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"]),
      ], ["system:nodes"]
    ),
    (
      "system:auth-delegator",
      [
        AccessRule(verbs: ["create"], apiGroups: ["authentication.k8s.io"], resources: ["tokenreviews"]),
        AccessRule(verbs: ["create"], apiGroups: ["authorization.k8s.io"], resources: ["subjectaccessreviews"]),
      ], []
    ),
  ]
}
