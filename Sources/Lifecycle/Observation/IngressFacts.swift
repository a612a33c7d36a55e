/// How a resource's Ingress stands to what its present spec asks for.
public enum IngressFacts: Sendable, Hashable {
  /// As asked for; also where none is.
  case asWanted
  case missing
  case outdated
  /// It is there and not asked for any more.
  case unwanted(ObjectIdentity)
  /// An Ingress of this name belongs to somebody else.
  case foreign
  /// Asked for while the operator is not to manage Ingresses.
  case unmanaged
}
