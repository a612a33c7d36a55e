import KubernetesAPI

/// The resources that are served without any definition, in the order of discovery.
enum BuiltinResources {
  private static let readVerbs = ["get", "patch", "update"]
  private static let status = SubresourceDefinition(name: "status", verbs: readVerbs)
  private static let scale = SubresourceDefinition(
    name: "scale", verbs: readVerbs, kind: "Scale", group: "autoscaling", version: "v1")

  static let all: [ResourceDefinition] = core + apps + others

  private static func resource(
    _ group: String, _ version: String, _ plural: String, _ kind: String, namespaced: Bool = true,
    short: [String] = [], categories: [String] = [], verbs: [String] = ResourceDefinition.allVerbs,
    singular: String? = nil, subresources: [SubresourceDefinition] = [], schema: String? = nil,
    storage: StorageID? = nil, _ strategy: any KindStrategy = PlainStrategy()
  ) -> ResourceDefinition {
    let type = ResourceType(group: group, version: version, plural: plural, kind: kind, isNamespaced: namespaced)
    return ResourceDefinition(
      type: type, singular: singular ?? kind.lowercased(), listKind: kind + "List", shortNames: short,
      categories: categories, verbs: verbs, storage: storage ?? StorageID(type), subresources: subresources,
      model: BuiltinModel(schema: schema ?? kind, strategy: strategy, apiVersion: type.apiVersion, kind: kind))
  }

  private static func coreResource(
    _ plural: String, _ kind: String, namespaced: Bool = true, short: [String] = [], categories: [String] = [],
    verbs: [String] = ResourceDefinition.allVerbs, singular: String? = nil,
    subresources: [SubresourceDefinition] = [], _ strategy: any KindStrategy = PlainStrategy()
  ) -> ResourceDefinition {
    resource(
      "", "v1", plural, kind, namespaced: namespaced, short: short, categories: categories, verbs: verbs,
      singular: singular, subresources: subresources, strategy)
  }

  private static func streaming(_ name: String, _ kind: String) -> SubresourceDefinition {
    SubresourceDefinition(name: name, verbs: ["create", "get"], kind: kind)
  }

  private static let proxyVerbs = ["create", "delete", "get", "patch", "update"]

  private static let core: [ResourceDefinition] = [
    coreResource("configmaps", "ConfigMap", short: ["cm"], ConfigMapStrategy()),
    coreResource("endpoints", "Endpoints", short: ["ep"], EndpointsStrategy()),
    coreResource("events", "Event", short: ["ev"], EventStrategy()),
    coreResource("limitranges", "LimitRange", short: ["limits"], LimitRangeStrategy()),
    coreResource(
      "namespaces", "Namespace", namespaced: false, short: ["ns"],
      verbs: ["create", "delete", "get", "list", "patch", "update", "watch"],
      subresources: [SubresourceDefinition(name: "finalize", verbs: ["update"]), status], NamespaceStrategy()),
    coreResource(
      "nodes", "Node", namespaced: false, short: ["no"],
      subresources: [
        SubresourceDefinition(name: "proxy", verbs: proxyVerbs, kind: "NodeProxyOptions"), status,
      ], NodeStrategy()),
    coreResource(
      "persistentvolumeclaims", "PersistentVolumeClaim", short: ["pvc"], subresources: [status],
      PersistentVolumeClaimStrategy()),
    coreResource(
      "persistentvolumes", "PersistentVolume", namespaced: false, short: ["pv"], subresources: [status],
      PersistentVolumeStrategy()),
    coreResource(
      "pods", "Pod", short: ["po"], categories: ["all"],
      subresources: [
        streaming("attach", "PodAttachOptions"),
        SubresourceDefinition(name: "binding", verbs: ["create"], kind: "Binding"),
        SubresourceDefinition(name: "ephemeralcontainers", verbs: readVerbs),
        SubresourceDefinition(
          name: "eviction", verbs: ["create"], kind: "Eviction", group: "policy", version: "v1"),
        streaming("exec", "PodExecOptions"), SubresourceDefinition(name: "log", verbs: ["get"]),
        streaming("portforward", "PodPortForwardOptions"),
        SubresourceDefinition(name: "proxy", verbs: proxyVerbs, kind: "PodProxyOptions"),
        SubresourceDefinition(name: "resize", verbs: readVerbs), status,
      ], PodStrategy()),
    coreResource("podtemplates", "PodTemplate", PlainStrategy(returnsDeletedObject: true)),
    coreResource(
      "resourcequotas", "ResourceQuota", short: ["quota"], subresources: [status],
      ResourceQuotaStrategy()),
    coreResource("secrets", "Secret", SecretStrategy()),
    coreResource(
      "serviceaccounts", "ServiceAccount", short: ["sa"],
      subresources: [
        SubresourceDefinition(
          name: "token", verbs: ["create"], kind: "TokenRequest", group: "authentication.k8s.io", version: "v1")
      ], ServiceAccountStrategy()),
    coreResource(
      "services", "Service", short: ["svc"], categories: ["all"],
      subresources: [
        SubresourceDefinition(name: "proxy", verbs: proxyVerbs, kind: "ServiceProxyOptions"), status,
      ], ServiceStrategy()),
  ]

  private static func workload(
    _ plural: String, _ kind: String, _ short: String, _ strategy: WorkloadStrategy.Kind, scales: Bool = true
  ) -> ResourceDefinition {
    resource(
      "apps", "v1", plural, kind, short: [short], categories: ["all"],
      subresources: scales ? [scale, status] : [status],
      WorkloadStrategy(kind: strategy))
  }

  /// Questions that are answered and not stored.
  private static func review(
    _ group: String, _ plural: String, _ kind: String, namespaced: Bool = false
  ) -> ResourceDefinition {
    resource(group, "v1", plural, kind, namespaced: namespaced, verbs: ["create"], schema: "Review")
  }

  private static let apps: [ResourceDefinition] = [
    resource("apps", "v1", "controllerrevisions", "ControllerRevision"),
    workload("daemonsets", "DaemonSet", "ds", .daemonSet, scales: false),
    workload("deployments", "Deployment", "deploy", .deployment),
    workload("replicasets", "ReplicaSet", "rs", .replicaSet),
    workload("statefulsets", "StatefulSet", "sts", .statefulSet),
  ]

  private static let eventStorage = StorageID(group: "", plural: "events")

  private static let others: [ResourceDefinition] = [
    resource(
      "events.k8s.io", "v1", "events", "Event", short: ["ev"], schema: "EventsV1Event", storage: eventStorage,
      EventStrategy(isNewForm: true)),
    review("authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview"),
    review("authentication.k8s.io", "tokenreviews", "TokenReview"),
    review("authorization.k8s.io", "localsubjectaccessreviews", "LocalSubjectAccessReview", namespaced: true),
    review("authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview"),
    review("authorization.k8s.io", "selfsubjectrulesreviews", "SelfSubjectRulesReview"),
    review("authorization.k8s.io", "subjectaccessreviews", "SubjectAccessReview"),
    resource(
      "autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", short: ["hpa"], categories: ["all"],
      subresources: [status], AutoscalerStrategy()),
    resource(
      "autoscaling", "v1", "horizontalpodautoscalers", "HorizontalPodAutoscaler", short: ["hpa"],
      categories: ["all"], subresources: [status], AutoscalerStrategy(isFirstVersion: true)),
    resource(
      "batch", "v1", "cronjobs", "CronJob", short: ["cj"], categories: ["all"], subresources: [status],
      CronJobStrategy()),
    resource("batch", "v1", "jobs", "Job", categories: ["all"], subresources: [status], JobStrategy()),
    resource("networking.k8s.io", "v1", "ingressclasses", "IngressClass", namespaced: false),
    resource(
      "networking.k8s.io", "v1", "ingresses", "Ingress", short: ["ing"], subresources: [status], IngressStrategy()),
    resource(
      "networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", short: ["netpol"],
      NetworkPolicyStrategy()),
    resource(
      "policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", short: ["pdb"], subresources: [status],
      DisruptionBudgetStrategy()),
    resource(
      "rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced: false,
      RoleBindingStrategy()),
    resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced: false, RoleStrategy()),
    resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", RoleBindingStrategy()),
    resource("rbac.authorization.k8s.io", "v1", "roles", "Role", RoleStrategy()),
    resource(
      "storage.k8s.io", "v1", "storageclasses", "StorageClass", namespaced: false, short: ["sc"],
      StorageClassStrategy()),
    resource(
      "admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration",
      namespaced: false, categories: ["api-extensions"], WebhookConfigurationStrategy(isMutating: true)),
    resource(
      "admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration",
      namespaced: false, categories: ["api-extensions"], WebhookConfigurationStrategy()),
    resource(
      "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced: false,
      short: ["crd", "crds"], categories: ["api-extensions"], subresources: [status], DefinitionStrategy()),
    resource(
      "scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", namespaced: false, short: ["pc"],
      PriorityClassStrategy()),
    resource("coordination.k8s.io", "v1", "leases", "Lease", LeaseStrategy()),
    resource(
      "discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", EndpointSliceStrategy()),
  ]
}
