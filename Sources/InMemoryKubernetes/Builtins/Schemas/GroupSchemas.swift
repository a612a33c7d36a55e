/// Workloads and the other API groups.
let groupSchemas = """
  package io.k8s.api.apps.v1
  Deployment: kind string; apiVersion string; metadata ObjectMeta; spec DeploymentSpec; status DeploymentStatus
  DeploymentSpec: replicas *int32; selector *LabelSelector always atomic; template PodTemplateSpec; strategy DeploymentStrategy retain; minReadySeconds int32; revisionHistoryLimit *int32; paused bool; progressDeadlineSeconds *int32
  DeploymentStrategy: type string; rollingUpdate *RollingUpdateDeployment
  RollingUpdateDeployment: maxUnavailable *intorstring; maxSurge *intorstring
  DeploymentStatus: observedGeneration int64; replicas int32; updatedReplicas int32; readyReplicas int32; availableReplicas int32; unavailableReplicas int32; terminatingReplicas *int32; conditions [DeploymentCondition]@type; collisionCount *int32
  DeploymentCondition: type string always; status string always; lastUpdateTime *time; lastTransitionTime *time; reason string; message string
  ReplicaSet: kind string; apiVersion string; metadata ObjectMeta; spec ReplicaSetSpec; status ReplicaSetStatus
  ReplicaSetSpec: replicas *int32; minReadySeconds int32; selector *LabelSelector always atomic; template PodTemplateSpec
  ReplicaSetStatus: replicas int32 always; fullyLabeledReplicas int32; readyReplicas int32; availableReplicas int32; terminatingReplicas *int32; observedGeneration int64; conditions [ReplicaSetCondition]@type
  ReplicaSetCondition: type string always; status string always; lastTransitionTime *time; reason string; message string
  StatefulSet: kind string; apiVersion string; metadata ObjectMeta; spec StatefulSetSpec; status StatefulSetStatus
  StatefulSetSpec: replicas *int32; selector *LabelSelector always atomic; template PodTemplateSpec; volumeClaimTemplates [PersistentVolumeClaim]; serviceName string always; podManagementPolicy string; updateStrategy StatefulSetUpdateStrategy; revisionHistoryLimit *int32; minReadySeconds int32; persistentVolumeClaimRetentionPolicy *any; ordinals *any
  StatefulSetUpdateStrategy: type string; rollingUpdate *RollingUpdateStatefulSet
  RollingUpdateStatefulSet: partition *int32; maxUnavailable *intorstring
  StatefulSetStatus: observedGeneration int64; replicas int32 always; readyReplicas int32; currentReplicas int32; updatedReplicas int32; currentRevision string; updateRevision string; collisionCount *int32; conditions [any]; availableReplicas int32 always
  DaemonSet: kind string; apiVersion string; metadata ObjectMeta; spec DaemonSetSpec; status DaemonSetStatus
  DaemonSetSpec: selector *LabelSelector always atomic; template PodTemplateSpec; updateStrategy DaemonSetUpdateStrategy; minReadySeconds int32; revisionHistoryLimit *int32
  DaemonSetUpdateStrategy: type string; rollingUpdate *RollingUpdateDaemonSet
  RollingUpdateDaemonSet: maxUnavailable *intorstring; maxSurge *intorstring
  DaemonSetStatus: currentNumberScheduled int32 always; numberMisscheduled int32 always; desiredNumberScheduled int32 always; numberReady int32 always; observedGeneration int64; updatedNumberScheduled int32; numberAvailable int32; numberUnavailable int32; collisionCount *int32; conditions [any]
  ControllerRevision: kind string; apiVersion string; metadata ObjectMeta; data any; revision int64 always
  package io.k8s.api.batch.v1
  Job: kind string; apiVersion string; metadata ObjectMeta; spec JobSpec; status JobStatus
  JobSpec: parallelism *int32; completions *int32; activeDeadlineSeconds *int64; podFailurePolicy *any; successPolicy *any; backoffLimit *int32; backoffLimitPerIndex *int32; maxFailedIndexes *int32; selector *LabelSelector atomic; manualSelector *bool; template PodTemplateSpec; ttlSecondsAfterFinished *int32; completionMode *string; suspend *bool; podReplacementPolicy *string; managedBy *string
  JobStatus: conditions [JobCondition]; startTime *time; completionTime *time; active int32; succeeded int32; failed int32; terminating *int32; completedIndexes string; failedIndexes *string; uncountedTerminatedPods *any; ready *int32
  JobCondition: type string always; status string always; lastProbeTime *time; lastTransitionTime *time; reason string; message string
  CronJob: kind string; apiVersion string; metadata ObjectMeta; spec CronJobSpec; status CronJobStatus
  CronJobSpec: schedule string always; timeZone *string; startingDeadlineSeconds *int64; concurrencyPolicy string; suspend *bool; jobTemplate JobTemplateSpec; successfulJobsHistoryLimit *int32; failedJobsHistoryLimit *int32
  JobTemplateSpec: metadata ObjectMeta; spec JobSpec
  CronJobStatus: active [ObjectReference]; lastScheduleTime *time; lastSuccessfulTime *time
  package io.k8s.api.coordination.v1
  Lease: kind string; apiVersion string; metadata ObjectMeta; spec LeaseSpec
  LeaseSpec: holderIdentity *string; leaseDurationSeconds *int32; acquireTime *microtime; renewTime *microtime; leaseTransitions *int32; strategy *string; preferredHolder *string
  package io.k8s.api.discovery.v1
  EndpointSlice: kind string; apiVersion string; metadata ObjectMeta; addressType string always; endpoints [Endpoint] always; ports [DiscoveryEndpointPort] always
  Endpoint: addresses [string] always; conditions EndpointConditions; hostname *string; targetRef *ObjectReference; deprecatedTopology map<string>; nodeName *string; zone *string; hints *any
  EndpointConditions: ready *bool; serving *bool; terminating *bool
  DiscoveryEndpointPort: name *string; protocol *string; port *int32; appProtocol *string
  package io.k8s.api.networking.v1
  Ingress: kind string; apiVersion string; metadata ObjectMeta; spec IngressSpec; status IngressStatus
  IngressSpec: ingressClassName *string; defaultBackend *IngressBackend; tls [IngressTLS]; rules [IngressRule]
  IngressBackend: service *IngressServiceBackend; resource *TypedLocalObjectReference
  IngressServiceBackend: name string always; port ServiceBackendPort
  ServiceBackendPort: name string; number int32
  IngressTLS: hosts [string]; secretName string
  IngressRule: host string; http *HTTPIngressRuleValue
  HTTPIngressRuleValue: paths [HTTPIngressPath] always
  HTTPIngressPath: path string; pathType *string always; backend IngressBackend
  IngressStatus: loadBalancer LoadBalancerStatus
  IngressClass: kind string; apiVersion string; metadata ObjectMeta; spec any
  NetworkPolicy: kind string; apiVersion string; metadata ObjectMeta; spec any
  package io.k8s.api.rbac.v1
  Role: kind string; apiVersion string; metadata ObjectMeta; rules [PolicyRule] always
  ClusterRole: kind string; apiVersion string; metadata ObjectMeta; rules [PolicyRule] always; aggregationRule *any
  PolicyRule: verbs [string] always; apiGroups [string]; resources [string]; resourceNames [string]; nonResourceURLs [string]
  RoleBinding: kind string; apiVersion string; metadata ObjectMeta; subjects [Subject]; roleRef RoleRef atomic
  ClusterRoleBinding: kind string; apiVersion string; metadata ObjectMeta; subjects [Subject]; roleRef RoleRef atomic
  Subject: kind string always; apiGroup string; name string always; namespace string
  RoleRef: apiGroup string always; kind string always; name string always
  package io.k8s.api.autoscaling.v2
  HorizontalPodAutoscaler: kind string; apiVersion string; metadata ObjectMeta; spec HorizontalPodAutoscalerSpec; status HorizontalPodAutoscalerStatus
  HorizontalPodAutoscalerSpec: scaleTargetRef CrossVersionObjectReference atomic; minReplicas *int32; maxReplicas int32 always; targetCPUUtilizationPercentage *int32; metrics [any]; behavior *any
  CrossVersionObjectReference: kind string always; name string always; apiVersion string
  HorizontalPodAutoscalerStatus: observedGeneration *int64; lastScaleTime *time; currentReplicas int32; desiredReplicas int32 always; currentMetrics [any] always; conditions [any]
  package io.k8s.api.policy.v1
  PodDisruptionBudget: kind string; apiVersion string; metadata ObjectMeta; spec PodDisruptionBudgetSpec; status PodDisruptionBudgetStatus
  PodDisruptionBudgetSpec: minAvailable *intorstring; selector *LabelSelector atomic; maxUnavailable *intorstring; unhealthyPodEvictionPolicy *string
  PodDisruptionBudgetStatus: observedGeneration int64; disruptedPods map<time>; disruptionsAllowed int32 always; currentHealthy int32 always; desiredHealthy int32 always; expectedPods int32 always; conditions [Condition]@type
  package io.k8s.api.scheduling.v1
  PriorityClass: kind string; apiVersion string; metadata ObjectMeta; value int32 always; globalDefault bool; description string; preemptionPolicy *string
  package io.k8s.api.storage.v1
  StorageClass: kind string; apiVersion string; metadata ObjectMeta; provisioner string always; parameters map<string>; reclaimPolicy *string; mountOptions [string]; allowVolumeExpansion *bool; volumeBindingMode *string; allowedTopologies [any]
  package io.k8s.api.admissionregistration.v1
  ValidatingWebhookConfiguration: kind string; apiVersion string; metadata ObjectMeta; webhooks [ValidatingWebhook]@name
  ValidatingWebhook: name string always; clientConfig WebhookClientConfig; rules [RuleWithOperations]; failurePolicy *string; matchPolicy *string; namespaceSelector *LabelSelector atomic; objectSelector *LabelSelector atomic; sideEffects *string; timeoutSeconds *int32; admissionReviewVersions [string] always; matchConditions [any]
  MutatingWebhookConfiguration: kind string; apiVersion string; metadata ObjectMeta; webhooks [MutatingWebhook]@name
  MutatingWebhook: name string always; clientConfig WebhookClientConfig; rules [RuleWithOperations]; failurePolicy *string; matchPolicy *string; namespaceSelector *LabelSelector atomic; objectSelector *LabelSelector atomic; sideEffects *string; timeoutSeconds *int32; admissionReviewVersions [string] always; reinvocationPolicy *string; matchConditions [any]
  WebhookClientConfig: url *string; service *WebhookServiceReference; caBundle bytes
  WebhookServiceReference: namespace string always; name string always; path *string; port *int32
  RuleWithOperations: operations [string]; apiGroups [string]; apiVersions [string]; resources [string]; scope *string
  package io.k8s.api.events.v1
  EventsV1Event: kind string; apiVersion string; metadata ObjectMeta; eventTime microtime always; series *EventSeries; reportingController string; reportingInstance string; action string; reason string; regarding ObjectReference; related *ObjectReference; note string; type string; deprecatedSource EventSource; deprecatedFirstTimestamp time always; deprecatedLastTimestamp time always; deprecatedCount int32
  package io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1
  CustomResourceDefinition: kind string; apiVersion string; metadata ObjectMeta; spec CustomResourceDefinitionSpec; status CustomResourceDefinitionStatus
  CustomResourceDefinitionSpec: group string always; names CustomResourceDefinitionNames; scope string always; versions [CustomResourceDefinitionVersion] always; conversion *any; preserveUnknownFields bool
  CustomResourceDefinitionNames: plural string always; singular string; shortNames [string]; kind string always; listKind string; categories [string]
  CustomResourceDefinitionVersion: name string always; served bool always; storage bool always; deprecated bool; deprecationWarning *string; schema *CustomResourceValidation; subresources *CustomResourceSubresources; additionalPrinterColumns [CustomResourceColumnDefinition]; selectableFields [any]
  CustomResourceValidation: openAPIV3Schema *any
  CustomResourceSubresources: status *any; scale *CustomResourceSubresourceScale
  CustomResourceSubresourceScale: specReplicasPath string always; statusReplicasPath string always; labelSelectorPath *string
  CustomResourceColumnDefinition: name string always; type string always; format string; description string; priority int32; jsonPath string always
  CustomResourceDefinitionStatus: conditions [CustomResourceDefinitionCondition] always; acceptedNames CustomResourceDefinitionNames; storedVersions [string] always; observedGeneration int64
  CustomResourceDefinitionCondition: type string always; status string always; lastTransitionTime *time; reason string; message string; observedGeneration int64
  """

let builtinCatalogue = SchemaCatalogue([metaSchemas, coreSchemas, podSchemas, groupSchemas])
