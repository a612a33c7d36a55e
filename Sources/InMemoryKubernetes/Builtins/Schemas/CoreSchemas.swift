/// `v1`, but for pods.
let coreSchemas = """
  package io.k8s.api.core.v1
  ConfigMap: kind string; apiVersion string; metadata ObjectMeta; immutable *bool; data map<string>; binaryData map<bytes>
  Secret: kind string; apiVersion string; metadata ObjectMeta; immutable *bool; data map<bytes>; stringData map<string>; type string
  ServiceAccount: kind string; apiVersion string; metadata ObjectMeta; secrets [ObjectReference]@name; imagePullSecrets [LocalObjectReference]@name; automountServiceAccountToken *bool
  Namespace: kind string; apiVersion string; metadata ObjectMeta; spec NamespaceSpec; status NamespaceStatus
  NamespaceSpec: finalizers [string]
  NamespaceStatus: phase string; conditions [NamespaceCondition]@type
  NamespaceCondition: type string always; status string always; lastTransitionTime *time; reason string; message string
  Node: kind string; apiVersion string; metadata ObjectMeta; spec NodeSpec; status NodeStatus
  NodeSpec: podCIDR string; podCIDRs [string]@set; providerID string; unschedulable bool; taints [Taint]; configSource *any; externalID string
  Taint: key string always; value string; effect string always; timeAdded *time
  NodeStatus: capacity map<quantity>; allocatable map<quantity>; phase string; conditions [NodeCondition]@type; addresses [NodeAddress]@type; daemonEndpoints NodeDaemonEndpoints; nodeInfo NodeSystemInfo; images [ContainerImage]; volumesInUse [string]; volumesAttached [any]; config *any; runtimeHandlers [any]; features *any
  NodeCondition: type string always; status string always; lastHeartbeatTime time always; lastTransitionTime time always; reason string; message string
  NodeAddress: type string always; address string always
  NodeDaemonEndpoints: kubeletEndpoint DaemonEndpoint
  DaemonEndpoint: Port int32 always
  NodeSystemInfo: machineID string always; systemUUID string always; bootID string always; kernelVersion string always; osImage string always; containerRuntimeVersion string always; kubeletVersion string always; kubeProxyVersion string always; operatingSystem string always; architecture string always; swap *any
  ContainerImage: names [string] always; sizeBytes int64
  Service: kind string; apiVersion string; metadata ObjectMeta; spec ServiceSpec; status ServiceStatus
  ServiceSpec: ports [ServicePort]@port+protocol; selector map<string> atomic; clusterIP string; clusterIPs [string]; type string; externalIPs [string]; sessionAffinity string; loadBalancerIP string; loadBalancerSourceRanges [string]; externalName string; externalTrafficPolicy string; healthCheckNodePort int32; publishNotReadyAddresses bool; sessionAffinityConfig *SessionAffinityConfig; ipFamilies [string]; ipFamilyPolicy *string; allocateLoadBalancerNodePorts *bool; loadBalancerClass *string; internalTrafficPolicy *string; trafficDistribution *string
  ServicePort: name string; protocol string; appProtocol *string; port int32 always; targetPort intorstring always; nodePort int32
  SessionAffinityConfig: clientIP *ClientIPConfig
  ClientIPConfig: timeoutSeconds *int32
  ServiceStatus: loadBalancer LoadBalancerStatus; conditions [Condition]@type
  LoadBalancerStatus: ingress [any]
  Endpoints: kind string; apiVersion string; metadata ObjectMeta; subsets [EndpointSubset]
  EndpointSubset: addresses [EndpointAddress]; notReadyAddresses [EndpointAddress]; ports [EndpointPort]
  EndpointAddress: ip string always; hostname string; nodeName *string; targetRef *ObjectReference
  EndpointPort: name string; port int32 always; protocol string; appProtocol *string
  Event: kind string; apiVersion string; metadata ObjectMeta; involvedObject ObjectReference atomic; reason string; message string; source EventSource; firstTimestamp time always; lastTimestamp time always; count int32; type string; eventTime microtime always; series *EventSeries; action string; related *ObjectReference; reportingComponent string always; reportingInstance string always
  EventSource: component string; host string
  EventSeries: count int32; lastObservedTime microtime
  PersistentVolumeClaim: kind string; apiVersion string; metadata ObjectMeta; spec PersistentVolumeClaimSpec; status PersistentVolumeClaimStatus
  PersistentVolumeClaimSpec: accessModes [string]; selector *LabelSelector atomic; resources VolumeResourceRequirements; volumeName string; storageClassName *string; volumeMode *string; dataSource *TypedLocalObjectReference; dataSourceRef *TypedObjectReference; volumeAttributesClassName *string
  VolumeResourceRequirements: limits map<quantity>; requests map<quantity>
  PersistentVolumeClaimStatus: phase string; accessModes [string]; capacity map<quantity>; conditions [any]; allocatedResources map<quantity>; allocatedResourceStatuses map<string>; currentVolumeAttributesClassName *string; modifyVolumeStatus *any
  PersistentVolume: kind string; apiVersion string; metadata ObjectMeta; spec any; status any
  ResourceQuota: kind string; apiVersion string; metadata ObjectMeta; spec any; status any
  LimitRange: kind string; apiVersion string; metadata ObjectMeta; spec any
  PodTemplate: kind string; apiVersion string; metadata ObjectMeta; template PodTemplateSpec
  """
