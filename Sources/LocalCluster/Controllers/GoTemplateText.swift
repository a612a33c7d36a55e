import KubernetesAPI

/// A PodTemplateSpec as the real Deployment controller prints it for its hash: all fields of its Go structures with their
/// types, in their order (as of Kubernetes 1.36).
///
/// Templates with volumes, probes, resources and other rarer fields are not printed.
enum GoTemplateText {
  /// Nil for a template that says something which is not known here.
  static func text(of template: JSONValue) -> String? {
    var printer = GoPrinter()
    let metadata = printer.metadata(template["metadata"] ?? [:])
    let spec = printer.podSpec(template["spec"] ?? [:])
    let known = Set(template.objectValue?.keys ?? []).isSubset(of: ["metadata", "spec"])
    guard printer.isComplete, known else { return nil }
    return "(v1.PodTemplateSpec){ObjectMeta:(v1.ObjectMeta)\(metadata) Spec:(v1.PodSpec)\(spec)}"
  }
}

private struct GoPrinter {
  /// False once something was met that is not printed.
  var isComplete = true

  /// One field of a structure: the name in Go and in JSON, and its type.
  private struct Field {
    var name: String
    var key: String
    var type: String

    /// From `Name:key:type`, or `Name:type` for a field that must not be set.
    init(_ text: Substring) {
      let parts = text.split(separator: ":").map(String.init)
      name = parts[0]
      key = parts.count > 2 ? parts[1] : ""
      type = parts[parts.count - 1]
    }
  }

  private static func fields(_ text: String) -> [Field] { text.split(separator: " ").map(Field.init) }

  private static let metadataFields = fields(
    "Name:string GenerateName:string Namespace:string SelfLink:string UID:types.UID ResourceVersion:string "
      + "Generation:int64 CreationTimestamp:v1.Time DeletionTimestamp:*v1.Time DeletionGracePeriodSeconds:*int64 "
      + "Labels:labels:map[string]string Annotations:annotations:map[string]string "
      + "OwnerReferences:[]v1.OwnerReference Finalizers:[]string ManagedFields:[]v1.ManagedFieldsEntry")

  private static let podFields = fields(
    "Volumes:[]v1.Volume InitContainers:initContainers:[]v1.Container Containers:containers:[]v1.Container "
      + "EphemeralContainers:[]v1.EphemeralContainer RestartPolicy:restartPolicy:v1.RestartPolicy "
      + "TerminationGracePeriodSeconds:terminationGracePeriodSeconds:*int64 "
      + "ActiveDeadlineSeconds:activeDeadlineSeconds:*int64 DNSPolicy:dnsPolicy:v1.DNSPolicy "
      + "NodeSelector:nodeSelector:map[string]string ServiceAccountName:serviceAccountName:string "
      + "DeprecatedServiceAccount:serviceAccount:string "
      + "AutomountServiceAccountToken:automountServiceAccountToken:*bool NodeName:nodeName:string "
      + "HostNetwork:hostNetwork:bool HostPID:hostPID:bool HostIPC:hostIPC:bool "
      + "ShareProcessNamespace:shareProcessNamespace:*bool SecurityContext:securityContext:*v1.PodSecurityContext "
      + "ImagePullSecrets:[]v1.LocalObjectReference Hostname:hostname:string Subdomain:subdomain:string "
      + "Affinity:*v1.Affinity SchedulerName:schedulerName:string Tolerations:[]v1.Toleration "
      + "HostAliases:[]v1.HostAlias PriorityClassName:priorityClassName:string Priority:priority:*int32 "
      + "DNSConfig:*v1.PodDNSConfig ReadinessGates:[]v1.PodReadinessGate RuntimeClassName:runtimeClassName:*string "
      + "EnableServiceLinks:enableServiceLinks:*bool PreemptionPolicy:preemptionPolicy:*v1.PreemptionPolicy "
      + "Overhead:v1.ResourceList TopologySpreadConstraints:[]v1.TopologySpreadConstraint "
      + "SetHostnameAsFQDN:setHostnameAsFQDN:*bool OS:*v1.PodOS HostUsers:hostUsers:*bool "
      + "SchedulingGates:[]v1.PodSchedulingGate ResourceClaims:[]v1.PodResourceClaim "
      + "Resources:*v1.ResourceRequirements HostnameOverride:hostnameOverride:*string "
      + "SchedulingGroup:*v1.PodSchedulingGroup")

  private static let securityFields = fields(
    "SELinuxOptions:*v1.SELinuxOptions WindowsOptions:*v1.WindowsSecurityContextOptions RunAsUser:runAsUser:*int64 "
      + "RunAsGroup:runAsGroup:*int64 RunAsNonRoot:runAsNonRoot:*bool SupplementalGroups:[]int64 "
      + "SupplementalGroupsPolicy:*v1.SupplementalGroupsPolicy FSGroup:fsGroup:*int64 Sysctls:[]v1.Sysctl "
      + "FSGroupChangePolicy:*v1.PodFSGroupChangePolicy SeccompProfile:*v1.SeccompProfile "
      + "AppArmorProfile:*v1.AppArmorProfile SELinuxChangePolicy:*v1.PodSELinuxChangePolicy")

  private static let containerFields = fields(
    "Name:name:string Image:image:string Command:command:[]string Args:args:[]string WorkingDir:workingDir:string "
      + "Ports:ports:[]v1.ContainerPort EnvFrom:[]v1.EnvFromSource Env:env:[]v1.EnvVar "
      + "Resources:resources:v1.ResourceRequirements ResizePolicy:[]v1.ContainerResizePolicy "
      + "RestartPolicy:*v1.ContainerRestartPolicy RestartPolicyRules:[]v1.ContainerRestartRule "
      + "VolumeMounts:[]v1.VolumeMount VolumeDevices:[]v1.VolumeDevice LivenessProbe:*v1.Probe "
      + "ReadinessProbe:*v1.Probe StartupProbe:*v1.Probe Lifecycle:*v1.Lifecycle "
      + "TerminationMessagePath:terminationMessagePath:string "
      + "TerminationMessagePolicy:terminationMessagePolicy:v1.TerminationMessagePolicy "
      + "ImagePullPolicy:imagePullPolicy:v1.PullPolicy SecurityContext:*v1.SecurityContext Stdin:stdin:bool "
      + "StdinOnce:stdinOnce:bool TTY:tty:bool")

  private static let portFields = fields(
    "Name:name:string HostPort:hostPort:int32 ContainerPort:containerPort:int32 Protocol:protocol:v1.Protocol "
      + "HostIP:hostIP:string")
  private static let variableFields = fields("Name:name:string Value:value:string ValueFrom:*v1.EnvVarSource")
  private static let resourceFields = fields(
    "Limits:v1.ResourceList Requests:v1.ResourceList Claims:[]v1.ResourceClaim")

  mutating func metadata(_ json: JSONValue) -> String { structure(json, Self.metadataFields) }
  mutating func podSpec(_ json: JSONValue) -> String { structure(json, Self.podFields) }

  private mutating func structure(_ json: JSONValue, _ fields: [Field]) -> String {
    let known = Set(fields.map(\.key))
    if json.objectValue?.keys.contains(where: { !known.contains($0) }) ?? true { isComplete = false }
    var parts: [String] = []
    for field in fields {
      parts.append("\(field.name):\(value(field.key.isEmpty ? nil : json[field.key], field.type))")
    }
    return "{\(parts.joined(separator: " "))}"
  }

  /// A value behind its type.
  private mutating func value(_ json: JSONValue?, _ type: String) -> String {
    switch type {
    case "v1.Time":
      return "(v1.Time){Time:(time.Time){wall:(uint64)0 ext:(int64)0 loc:(*time.Location)<nil>}}"
    case "v1.ResourceRequirements": return "(\(type))\(structure(json ?? [:], Self.resourceFields))"
    case "bool": return "(bool)\(json?.boolValue == true)"
    case "int32", "int64": return "(\(type))\(json?.intValue ?? 0)"
    default: break
    }
    if type == "v1.ResourceList" { return "(\(type))<nil>" }
    guard type.hasPrefix("*") || type.hasPrefix("[]") || type.hasPrefix("map") else {
      return "(\(type))\(json?.stringValue ?? "")"
    }
    guard let json else { return "(\(type))<nil>" }
    return "(\(type))\(content(json, type))"
  }

  private mutating func content(_ json: JSONValue, _ type: String) -> String {
    switch type {
    case "*v1.PodSecurityContext": return structure(json, Self.securityFields)
    case "[]v1.Container": return list(json) { $0.structure($1, Self.containerFields) }
    case "[]v1.ContainerPort": return list(json) { $0.structure($1, Self.portFields) }
    case "[]v1.EnvVar": return list(json) { $0.structure($1, Self.variableFields) }
    case "[]string": return list(json) { $1.stringValue ?? "" }
    case "map[string]string":
      let members = (json.objectValue?.members ?? []).sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      return "map[\(members.map { "\($0.key):\($0.value.stringValue ?? "")" }.joined(separator: " "))]"
    default: return json.stringValue ?? json.text
    }
  }

  private mutating func list(
    _ json: JSONValue, _ element: (inout GoPrinter, JSONValue) -> String
  ) -> String {
    var parts: [String] = []
    for item in json.arrayValue ?? [] { parts.append(element(&self, item)) }
    return "[\(parts.joined(separator: " "))]"
  }
}
