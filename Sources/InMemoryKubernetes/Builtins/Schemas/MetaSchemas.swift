/// Types shared by all kinds.
let metaSchemas = """
  package io.k8s.apimachinery.pkg.apis.meta.v1
  ObjectMeta: name string; generateName string; namespace string; selfLink string; uid string; resourceVersion string; generation int64; creationTimestamp *time; deletionTimestamp *time; deletionGracePeriodSeconds *int64; labels map<string>; annotations map<string>; ownerReferences [OwnerReference]@uid; finalizers [string]@set; managedFields [any]
  OwnerReference: apiVersion string always; kind string always; name string always; uid string always; controller *bool; blockOwnerDeletion *bool
  ListMeta: selfLink string; resourceVersion string; continue string; remainingItemCount *int64
  LabelSelector: matchLabels map<string>; matchExpressions [LabelSelectorRequirement]
  LabelSelectorRequirement: key string always; operator string always; values [string]
  Condition: type string always; status string always; observedGeneration int64; lastTransitionTime time always; reason string always; message string always
  DeleteOptions: kind string; apiVersion string; gracePeriodSeconds *int64; preconditions *Preconditions; orphanDependents *bool; propagationPolicy *string; dryRun [string]; ignoreStoreReadErrorWithClusterBreakingPotential *bool
  Preconditions: uid *string; resourceVersion *string
  LocalObjectReference: name string
  ObjectReference: kind string; namespace string; name string; uid string; apiVersion string; resourceVersion string; fieldPath string
  TypedLocalObjectReference: apiGroup *string; kind string always; name string always
  TypedObjectReference: apiGroup *string; kind string always; name string always; namespace *string
  Review: kind string; apiVersion string; metadata ObjectMeta; spec any; status any
  Binding: kind string; apiVersion string; metadata ObjectMeta; target ObjectReference
  Eviction: kind string; apiVersion string; metadata ObjectMeta; deleteOptions *DeleteOptions
  Scale: kind string; apiVersion string; metadata ObjectMeta; spec ScaleSpec; status ScaleStatus
  ScaleSpec: replicas int32
  ScaleStatus: replicas int32 always; selector string
  """
