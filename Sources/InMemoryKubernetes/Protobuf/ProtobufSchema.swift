/// The messages that `kubectl create …` and typed Go clients send in Kubernetes' protobuf encoding, with the field numbers
/// of its published `.proto` files.
///
/// One line is one message: `field number type`. `*` keeps a zero that was sent; without it zeros and empty texts, which
/// the encoder writes for every field that is not set, are left out.
struct ProtobufSchema: Sendable {
  indirect enum FieldType: Sendable {
    case string
    case integer(keepsZero: Bool)
    case boolean(keepsFalse: Bool)
    /// Base64 in JSON.
    case bytes
    case time
    case microTime
    case integerOrString
    case quantity
    /// A message whose fields JSON has in the surrounding object.
    case inline(String)
    case message(String)
    case list(FieldType)
    case map(FieldType)
  }

  struct Field: Sendable {
    let name: String
    let number: Int
    let type: FieldType
  }

  private let messages: [String: [Field]]

  subscript(message: String) -> [Field]? { messages[message] }

  static let kubernetes = ProtobufSchema(text)

  /// Kinds that are sent and answered as they are, by apiVersion.
  static let kinds: [String: Set<String>] = [
    "v1": [
      "ConfigMap", "Secret", "Namespace", "ServiceAccount", "DeleteOptions", "Status", "Service", "ResourceQuota",
    ],
    "batch/v1": ["Job", "CronJob"],
    "networking.k8s.io/v1": ["Ingress"],
    "policy/v1": ["PodDisruptionBudget", "Eviction"],
    "scheduling.k8s.io/v1": ["PriorityClass"],
    "autoscaling/v1": ["HorizontalPodAutoscaler"],
    "apps/v1": ["Deployment"],
    "rbac.authorization.k8s.io/v1": ["Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"],
    "authentication.k8s.io/v1": ["TokenRequest", "SelfSubjectReview"],
    "authorization.k8s.io/v1": [
      "SelfSubjectAccessReview", "SubjectAccessReview", "LocalSubjectAccessReview", "SelfSubjectRulesReview",
    ],
    "coordination.k8s.io/v1": ["Lease"],
  ]

  private init(_ text: String) {
    var messages: [String: [Field]] = [:]
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { continue }
      messages[String(parts[0])] = parts[1].split(separator: ";").compactMap { field in
        let words = field.split(separator: " ")
        guard words.count == 3, let number = Int(words[1]) else { return nil }
        return Field(name: String(words[0]), number: number, type: Self.type(words[2]))
      }
    }
    self.messages = messages
  }

  private static func type(_ text: Substring) -> FieldType {
    if text.hasPrefix("[") { return .list(type(text.dropFirst().dropLast())) }
    if text.hasPrefix("inline:") { return .inline(String(text.dropFirst(7))) }
    if text.hasPrefix("map<") { return .map(type(text.dropFirst(4).dropLast())) }
    switch text {
    case "string": return .string
    case "int": return .integer(keepsZero: false)
    case "*int": return .integer(keepsZero: true)
    case "bool": return .boolean(keepsFalse: false)
    case "*bool": return .boolean(keepsFalse: true)
    case "bytes": return .bytes
    case "time": return .time
    case "microTime": return .microTime
    case "intOrString": return .integerOrString
    case "quantity": return .quantity
    default: return .message(String(text))
    }
  }

  private static let text = """
    ObjectMeta: name 1 string; generateName 2 string; namespace 3 string; selfLink 4 string; uid 5 string; resourceVersion 6 string; generation 7 int; creationTimestamp 8 time; deletionTimestamp 9 time; deletionGracePeriodSeconds 10 *int; labels 11 map<string>; annotations 12 map<string>; ownerReferences 13 [OwnerReference]; finalizers 14 [string]
    OwnerReference: kind 1 string; name 3 string; uid 4 string; apiVersion 5 string; controller 6 *bool; blockOwnerDeletion 7 *bool
    ListMeta: selfLink 1 string; resourceVersion 2 string; continue 3 string; remainingItemCount 4 *int
    LabelSelector: matchLabels 1 map<string>; matchExpressions 2 [LabelSelectorRequirement]
    LabelSelectorRequirement: key 1 string; operator 2 string; values 3 [string]
    Status: metadata 1 ListMeta; status 2 string; message 3 string; reason 4 string; details 5 StatusDetails; code 6 int
    StatusDetails: name 1 string; group 2 string; kind 3 string; causes 4 [StatusCause]; retryAfterSeconds 5 int; uid 6 string
    StatusCause: reason 1 string; message 2 string; field 3 string
    DeleteOptions: gracePeriodSeconds 1 *int; preconditions 2 Preconditions; orphanDependents 3 *bool; propagationPolicy 4 string; dryRun 5 [string]
    Preconditions: uid 1 string; resourceVersion 2 string
    ConfigMap: metadata 1 ObjectMeta; data 2 map<string>; binaryData 3 map<bytes>; immutable 4 *bool
    Secret: metadata 1 ObjectMeta; data 2 map<bytes>; type 3 string; stringData 4 map<string>; immutable 5 *bool
    Namespace: metadata 1 ObjectMeta; spec 2 NamespaceSpec; status 3 NamespaceStatus
    NamespaceSpec: finalizers 1 [string]
    NamespaceStatus: phase 1 string
    ServiceAccount: metadata 1 ObjectMeta; secrets 2 [ObjectReference]; imagePullSecrets 3 [LocalObjectReference]; automountServiceAccountToken 4 *bool
    ObjectReference: kind 1 string; namespace 2 string; name 3 string; uid 4 string; apiVersion 5 string; resourceVersion 6 string; fieldPath 7 string
    LocalObjectReference: name 1 string
    Service: metadata 1 ObjectMeta; spec 2 ServiceSpec; status 3 ServiceStatus
    ServiceSpec: ports 1 [ServicePort]; selector 2 map<string>; clusterIP 3 string; type 4 string; externalIPs 5 [string]; sessionAffinity 7 string; loadBalancerIP 8 string; loadBalancerSourceRanges 9 [string]; externalName 10 string; externalTrafficPolicy 11 string; healthCheckNodePort 12 int; publishNotReadyAddresses 13 bool; ipFamilyPolicy 17 string; clusterIPs 18 [string]; ipFamilies 19 [string]; internalTrafficPolicy 22 string
    ServicePort: name 1 string; protocol 2 string; port 3 int; targetPort 4 intOrString; nodePort 5 int; appProtocol 6 string
    ServiceStatus: loadBalancer 1 LoadBalancerStatus
    LoadBalancerStatus:
    Deployment: metadata 1 ObjectMeta; spec 2 DeploymentSpec; status 3 DeploymentStatus
    DeploymentSpec: replicas 1 *int; selector 2 LabelSelector; template 3 PodTemplateSpec; strategy 4 DeploymentStrategy; minReadySeconds 5 int; revisionHistoryLimit 6 *int; paused 7 bool; progressDeadlineSeconds 9 *int
    DeploymentStrategy: type 1 string; rollingUpdate 2 RollingUpdateDeployment
    RollingUpdateDeployment: maxUnavailable 1 intOrString; maxSurge 2 intOrString
    DeploymentStatus: observedGeneration 1 int; replicas 2 int; updatedReplicas 3 int; availableReplicas 4 int; unavailableReplicas 5 int; readyReplicas 7 int; collisionCount 8 *int
    PodTemplateSpec: metadata 1 ObjectMeta; spec 2 PodSpec
    PodSpec: containers 2 [Container]; restartPolicy 3 string; terminationGracePeriodSeconds 4 *int; activeDeadlineSeconds 5 *int; dnsPolicy 6 string; nodeSelector 7 map<string>; serviceAccountName 8 string; serviceAccount 9 string; nodeName 10 string; hostNetwork 11 bool; hostPID 12 bool; hostIPC 13 bool; securityContext 14 PodSecurityContext; imagePullSecrets 15 [LocalObjectReference]; hostname 16 string; subdomain 17 string; schedulerName 19 string; initContainers 20 [Container]
    PodSecurityContext:
    Container: name 1 string; image 2 string; command 3 [string]; args 4 [string]; workingDir 5 string; ports 6 [ContainerPort]; env 7 [EnvVar]; resources 8 ResourceRequirements; terminationMessagePath 13 string; imagePullPolicy 14 string; stdin 16 bool; stdinOnce 17 bool; tty 18 bool; terminationMessagePolicy 20 string
    ContainerPort: name 1 string; hostPort 2 int; containerPort 3 int; protocol 4 string; hostIP 5 string
    EnvVar: name 1 string; value 2 string
    ResourceRequirements:
    Role: metadata 1 ObjectMeta; rules 2 [PolicyRule]
    ClusterRole: metadata 1 ObjectMeta; rules 2 [PolicyRule]; aggregationRule 3 AggregationRule
    AggregationRule: clusterRoleSelectors 1 [LabelSelector]
    PolicyRule: verbs 1 [string]; apiGroups 2 [string]; resources 3 [string]; resourceNames 4 [string]; nonResourceURLs 5 [string]
    RoleBinding: metadata 1 ObjectMeta; subjects 2 [Subject]; roleRef 3 RoleRef
    ClusterRoleBinding: metadata 1 ObjectMeta; subjects 2 [Subject]; roleRef 3 RoleRef
    Subject: kind 1 string; apiGroup 2 string; name 3 string; namespace 4 string
    RoleRef: apiGroup 1 string; kind 2 string; name 3 string
    TokenRequest: metadata 1 ObjectMeta; spec 2 TokenRequestSpec; status 3 TokenRequestStatus
    TokenRequestSpec: audiences 1 [string]; boundObjectRef 3 BoundObjectReference; expirationSeconds 4 *int
    BoundObjectReference: kind 1 string; apiVersion 2 string; name 3 string; uid 4 string
    TokenRequestStatus: token 1 string; expirationTimestamp 2 time
    SelfSubjectReview: metadata 1 ObjectMeta; status 2 SelfSubjectReviewStatus
    SelfSubjectReviewStatus: userInfo 1 UserInfo
    UserInfo: username 1 string; uid 2 string; groups 3 [string]
    SelfSubjectAccessReview: metadata 1 ObjectMeta; spec 2 SelfSubjectAccessReviewSpec; status 3 SubjectAccessReviewStatus
    SelfSubjectAccessReviewSpec: resourceAttributes 1 ResourceAttributes; nonResourceAttributes 2 NonResourceAttributes
    ResourceAttributes: namespace 1 string; verb 2 string; group 3 string; version 4 string; resource 5 string; subresource 6 string; name 7 string
    NonResourceAttributes: path 1 string; verb 2 string
    SubjectAccessReviewStatus: allowed 1 bool; reason 2 string; evaluationError 3 string; denied 4 bool
    SubjectAccessReview: metadata 1 ObjectMeta; spec 2 SubjectAccessReviewSpec; status 3 SubjectAccessReviewStatus
    LocalSubjectAccessReview: metadata 1 ObjectMeta; spec 2 SubjectAccessReviewSpec; status 3 SubjectAccessReviewStatus
    SubjectAccessReviewSpec: resourceAttributes 1 ResourceAttributes; nonResourceAttributes 2 NonResourceAttributes; user 3 string; groups 4 [string]; uid 6 string
    SelfSubjectRulesReview: metadata 1 ObjectMeta; spec 2 SelfSubjectRulesReviewSpec; status 3 SubjectRulesReviewStatus
    SelfSubjectRulesReviewSpec: namespace 1 string
    SubjectRulesReviewStatus: resourceRules 1 [ResourceRule]; nonResourceRules 2 [NonResourceRule]; incomplete 3 bool; evaluationError 4 string
    ResourceRule: verbs 1 [string]; apiGroups 2 [string]; resources 3 [string]; resourceNames 4 [string]
    NonResourceRule: verbs 1 [string]; nonResourceURLs 2 [string]
    ResourceQuota: metadata 1 ObjectMeta; spec 2 ResourceQuotaSpec; status 3 ResourceQuotaStatus
    ResourceQuotaSpec: hard 1 map<quantity>; scopes 2 [string]
    ResourceQuotaStatus: hard 1 map<quantity>; used 2 map<quantity>
    Job: metadata 1 ObjectMeta; spec 2 JobSpec; status 3 JobStatus
    JobSpec: parallelism 1 *int; completions 2 *int; activeDeadlineSeconds 3 *int; selector 4 LabelSelector; manualSelector 5 *bool; template 6 PodTemplateSpec; backoffLimit 7 *int; ttlSecondsAfterFinished 8 *int; completionMode 9 string; suspend 10 *bool; podReplacementPolicy 14 string; managedBy 15 string
    JobStatus: conditions 1 [JobCondition]; startTime 2 time; completionTime 3 time; active 4 int; succeeded 5 int; failed 6 int; completedIndexes 7 string; ready 9 *int; terminating 11 *int
    JobCondition: type 1 string; status 2 string; lastProbeTime 3 time; lastTransitionTime 4 time; reason 5 string; message 6 string
    CronJob: metadata 1 ObjectMeta; spec 2 CronJobSpec; status 3 CronJobStatus
    CronJobSpec: schedule 1 string; startingDeadlineSeconds 2 *int; concurrencyPolicy 3 string; suspend 4 *bool; jobTemplate 5 JobTemplateSpec; successfulJobsHistoryLimit 6 *int; failedJobsHistoryLimit 7 *int; timeZone 8 string
    JobTemplateSpec: metadata 1 ObjectMeta; spec 2 JobSpec
    CronJobStatus: active 1 [ObjectReference]; lastScheduleTime 4 time; lastSuccessfulTime 5 time
    Ingress: metadata 1 ObjectMeta; spec 2 IngressSpec; status 3 IngressStatus
    IngressSpec: defaultBackend 1 IngressBackend; tls 2 [IngressTLS]; rules 3 [IngressRule]; ingressClassName 4 string
    IngressBackend: resource 3 TypedLocalObjectReference; service 4 IngressServiceBackend
    TypedLocalObjectReference: apiGroup 1 string; kind 2 string; name 3 string
    IngressServiceBackend: name 1 string; port 2 ServiceBackendPort
    ServiceBackendPort: name 1 string; number 2 int
    IngressTLS: hosts 1 [string]; secretName 2 string
    IngressRule: host 1 string; ingressRuleValue 2 inline:IngressRuleValue
    IngressRuleValue: http 1 HTTPIngressRuleValue
    HTTPIngressRuleValue: paths 1 [HTTPIngressPath]
    HTTPIngressPath: path 1 string; backend 2 IngressBackend; pathType 3 string
    IngressStatus: loadBalancer 1 LoadBalancerStatus
    PodDisruptionBudget: metadata 1 ObjectMeta; spec 2 PodDisruptionBudgetSpec; status 3 PodDisruptionBudgetStatus
    PodDisruptionBudgetSpec: minAvailable 1 intOrString; selector 2 LabelSelector; maxUnavailable 3 intOrString; unhealthyPodEvictionPolicy 4 string
    PodDisruptionBudgetStatus: observedGeneration 1 int; disruptionsAllowed 3 int; currentHealthy 4 int; desiredHealthy 5 int; expectedPods 6 int
    Eviction: metadata 1 ObjectMeta; deleteOptions 2 DeleteOptions
    PriorityClass: metadata 1 ObjectMeta; value 2 int; globalDefault 3 bool; description 4 string; preemptionPolicy 5 string
    HorizontalPodAutoscaler: metadata 1 ObjectMeta; spec 2 HorizontalPodAutoscalerSpec; status 3 HorizontalPodAutoscalerStatus
    HorizontalPodAutoscalerSpec: scaleTargetRef 1 CrossVersionObjectReference; minReplicas 2 *int; maxReplicas 3 int; targetCPUUtilizationPercentage 4 *int
    CrossVersionObjectReference: kind 1 string; name 2 string; apiVersion 3 string
    HorizontalPodAutoscalerStatus: observedGeneration 1 *int; lastScaleTime 2 time; currentReplicas 3 int; desiredReplicas 4 int; currentCPUUtilizationPercentage 5 *int
    Lease: metadata 1 ObjectMeta; spec 2 LeaseSpec
    LeaseSpec: holderIdentity 1 string; leaseDurationSeconds 2 *int; acquireTime 3 microTime; renewTime 4 microTime; leaseTransitions 5 *int; strategy 6 string; preferredHolder 7 string
    """
}
