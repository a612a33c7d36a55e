import ArgumentParser

enum JobManagerAddressing: String, CaseIterable, ExpressibleByArgument {
  /// `<name>-rest.<namespace>`, resolved by the cluster's DNS.
  case serviceDNS = "service-dns"
  /// The cluster IP of the service `<name>-rest`.
  case serviceIP = "service-ip"
}
