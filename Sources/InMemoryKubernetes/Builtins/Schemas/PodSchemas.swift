/// Pods and what they are made of.
let podSchemas = """
  package io.k8s.api.core.v1
  Pod: kind string; apiVersion string; metadata ObjectMeta; spec PodSpec; status PodStatus
  PodTemplateSpec: metadata ObjectMeta; spec PodSpec
  PodSpec: volumes [Volume]@name retain; initContainers [Container]@name; containers [Container]@name always; ephemeralContainers [EphemeralContainer]@name; restartPolicy string; terminationGracePeriodSeconds *int64; activeDeadlineSeconds *int64; dnsPolicy string; nodeSelector map<string> atomic; serviceAccountName string; serviceAccount string; automountServiceAccountToken *bool; nodeName string; hostNetwork bool; hostPID bool; hostIPC bool; shareProcessNamespace *bool; securityContext *PodSecurityContext; imagePullSecrets [LocalObjectReference]@name; hostname string; subdomain string; affinity *any; schedulerName string; tolerations [Toleration]; hostAliases [HostAlias]@ip; priorityClassName string; priority *int32; dnsConfig *PodDNSConfig; readinessGates [PodReadinessGate]; runtimeClassName *string; enableServiceLinks *bool; preemptionPolicy *string; overhead map<quantity>; topologySpreadConstraints [TopologySpreadConstraint]@topologyKey+whenUnsatisfiable; setHostnameAsFQDN *bool; os *PodOS; hostUsers *bool; schedulingGates [PodSchedulingGate]@name; resourceClaims [PodResourceClaim]@name retain; resources *ResourceRequirements; hostnameOverride *string; schedulingGroup *any
  PodResourceClaim: name string always; resourceClaimName *string; resourceClaimTemplateName *string
  PodOS: name string always
  PodSchedulingGate: name string always
  PodReadinessGate: conditionType string always
  HostAlias: ip string always; hostnames [string]
  PodDNSConfig: nameservers [string]; searches [string]; options [PodDNSConfigOption]
  PodDNSConfigOption: name string; value *string
  Toleration: key string; operator string; value string; effect string; tolerationSeconds *int64
  TopologySpreadConstraint: maxSkew int32 always; topologyKey string always; whenUnsatisfiable string always; labelSelector *LabelSelector; minDomains *int32; nodeAffinityPolicy *string; nodeTaintsPolicy *string; matchLabelKeys [string]
  PodSecurityContext: seLinuxOptions *any; windowsOptions *any; runAsUser *int64; runAsGroup *int64; runAsNonRoot *bool; supplementalGroups [int64]; supplementalGroupsPolicy *string; fsGroup *int64; sysctls [any]; fsGroupChangePolicy *string; seccompProfile *any; appArmorProfile *any; seLinuxChangePolicy *string
  SecurityContext: capabilities *Capabilities; privileged *bool; seLinuxOptions *any; windowsOptions *any; runAsUser *int64; runAsGroup *int64; runAsNonRoot *bool; readOnlyRootFilesystem *bool; allowPrivilegeEscalation *bool; procMount *string; seccompProfile *any; appArmorProfile *any
  Capabilities: add [string]; drop [string]
  Container: name string always; image string; command [string]; args [string]; workingDir string; ports [ContainerPort]@containerPort+protocol; envFrom [EnvFromSource]; env [EnvVar]@name; resources ResourceRequirements; resizePolicy [ContainerResizePolicy]; restartPolicy *string; restartPolicyRules [any]; volumeMounts [VolumeMount]@mountPath; volumeDevices [VolumeDevice]@devicePath; livenessProbe *Probe; readinessProbe *Probe; startupProbe *Probe; lifecycle *Lifecycle; terminationMessagePath string; terminationMessagePolicy string; imagePullPolicy string; securityContext *SecurityContext; stdin bool; stdinOnce bool; tty bool
  EphemeralContainer: name string always; image string; command [string]; args [string]; workingDir string; ports [ContainerPort]@containerPort+protocol; envFrom [EnvFromSource]; env [EnvVar]@name; resources ResourceRequirements; resizePolicy [ContainerResizePolicy]; restartPolicy *string; volumeMounts [VolumeMount]@mountPath; volumeDevices [VolumeDevice]@devicePath; livenessProbe *Probe; readinessProbe *Probe; startupProbe *Probe; lifecycle *Lifecycle; terminationMessagePath string; terminationMessagePolicy string; imagePullPolicy string; securityContext *SecurityContext; stdin bool; stdinOnce bool; tty bool; targetContainerName string
  ContainerPort: name string; hostPort int32; containerPort int32 always; protocol string; hostIP string
  ContainerResizePolicy: resourceName string always; restartPolicy string always
  EnvFromSource: prefix string; configMapRef *ConfigMapEnvSource; secretRef *SecretEnvSource
  ConfigMapEnvSource: name string; optional *bool
  SecretEnvSource: name string; optional *bool
  EnvVar: name string always; value string; valueFrom *EnvVarSource
  EnvVarSource: fieldRef *ObjectFieldSelector atomic; resourceFieldRef *ResourceFieldSelector atomic; configMapKeyRef *ConfigMapKeySelector atomic; secretKeyRef *SecretKeySelector atomic; fileKeyRef *any
  ObjectFieldSelector: apiVersion string; fieldPath string always
  ResourceFieldSelector: containerName string; resource string always; divisor quantity always
  ConfigMapKeySelector: name string; key string always; optional *bool
  SecretKeySelector: name string; key string always; optional *bool
  ResourceRequirements: limits map<quantity>; requests map<quantity>; claims [any]
  VolumeMount: name string always; readOnly bool; recursiveReadOnly *string; mountPath string always; subPath string; mountPropagation *string; subPathExpr string
  VolumeDevice: name string always; devicePath string always
  Probe: exec *ExecAction; httpGet *HTTPGetAction; tcpSocket *TCPSocketAction; grpc *GRPCAction; initialDelaySeconds int32; timeoutSeconds int32; periodSeconds int32; successThreshold int32; failureThreshold int32; terminationGracePeriodSeconds *int64
  ExecAction: command [string]
  HTTPGetAction: path string; port intorstring always; host string; scheme string; httpHeaders [HTTPHeader]
  HTTPHeader: name string always; value string always
  TCPSocketAction: port intorstring always; host string
  GRPCAction: port int32 always; service *string
  Lifecycle: postStart *LifecycleHandler; preStop *LifecycleHandler; stopSignal *string
  LifecycleHandler: exec *ExecAction; httpGet *HTTPGetAction; tcpSocket *TCPSocketAction; sleep *SleepAction
  SleepAction: seconds int64 always
  Volume: name string always; hostPath *HostPathVolumeSource; emptyDir *EmptyDirVolumeSource; gcePersistentDisk *any; awsElasticBlockStore *any; gitRepo *any; secret *SecretVolumeSource; nfs *NFSVolumeSource; iscsi *any; glusterfs *any; persistentVolumeClaim *PersistentVolumeClaimVolumeSource; rbd *any; flexVolume *any; cinder *any; cephfs *any; flocker *any; downwardAPI *DownwardAPIVolumeSource; fc *any; azureFile *any; configMap *ConfigMapVolumeSource; vsphereVolume *any; quobyte *any; azureDisk *any; photonPersistentDisk *any; projected *ProjectedVolumeSource; portworxVolume *any; scaleIO *any; storageos *any; csi *any; ephemeral *any; image *any
  HostPathVolumeSource: path string always; type *string
  EmptyDirVolumeSource: medium string; sizeLimit *quantity
  SecretVolumeSource: secretName string; items [KeyToPath]; defaultMode *int32; optional *bool
  ConfigMapVolumeSource: name string; items [KeyToPath]; defaultMode *int32; optional *bool
  KeyToPath: key string always; path string always; mode *int32
  NFSVolumeSource: server string always; path string always; readOnly bool
  PersistentVolumeClaimVolumeSource: claimName string always; readOnly bool
  DownwardAPIVolumeSource: items [DownwardAPIVolumeFile]; defaultMode *int32
  DownwardAPIVolumeFile: path string always; fieldRef *ObjectFieldSelector atomic; resourceFieldRef *ResourceFieldSelector atomic; mode *int32
  ProjectedVolumeSource: sources [VolumeProjection] always; defaultMode *int32
  VolumeProjection: secret *SecretProjection; downwardAPI *DownwardAPIProjection; configMap *ConfigMapProjection; serviceAccountToken *ServiceAccountTokenProjection; clusterTrustBundle *any; podCertificate *any
  SecretProjection: name string; items [KeyToPath]; optional *bool
  ConfigMapProjection: name string; items [KeyToPath]; optional *bool
  DownwardAPIProjection: items [DownwardAPIVolumeFile]
  ServiceAccountTokenProjection: audience string; expirationSeconds *int64; path string always
  PodStatus: observedGeneration int64; phase string; conditions [PodCondition]@type; message string; reason string; nominatedNodeName string; hostIP string; hostIPs [HostIP]@ip; podIP string; podIPs [PodIP]@ip; startTime *time; initContainerStatuses [ContainerStatus]; containerStatuses [ContainerStatus]; qosClass string; ephemeralContainerStatuses [ContainerStatus]; resize string; resourceClaimStatuses [any]; extendedResourceClaimStatus *any; allocatedResources map<quantity>; resources *ResourceRequirements
  HostIP: ip string always
  PodIP: ip string always
  PodCondition: type string always; observedGeneration int64; status string always; lastProbeTime time always; lastTransitionTime time always; reason string; message string
  ContainerStatus: name string always; state ContainerState; lastState ContainerState; ready bool always; restartCount int32 always; image string always; imageID string always; containerID string; started *bool; allocatedResources map<quantity>; resources *ResourceRequirements; volumeMounts [any]; user *any; allocatedResourcesStatus [any]; stopSignal *string
  ContainerState: waiting *ContainerStateWaiting; running *ContainerStateRunning; terminated *ContainerStateTerminated
  ContainerStateWaiting: reason string; message string
  ContainerStateRunning: startedAt *time
  ContainerStateTerminated: exitCode int32 always; signal int32; reason string; message string; startedAt time always; finishedAt time always; containerID string
  """
