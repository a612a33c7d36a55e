import KubernetesAPI

struct EventStrategy: KindStrategy {
  /// `events.k8s.io` shows the same events under other names.
  var isNewForm = false
  var createsOnUpdate: Bool { true }

  private static let renamed = [
    ("involvedObject", "regarding"), ("message", "note"), ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"), ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"), ("reportingComponent", "reportingController"),
  ]

  /// Any path segment: the Apache operator's events are named like `JobManagerDeployment.12345`.
  func nameProblems(_ name: String) -> [String] { pathSegmentProblems(name) }

  func toStorage(_ object: JSONValue) -> JSONValue {
    guard isNewForm else { return object }
    return Self.translate(object, Self.renamed.map { ($1, $0) }, to: "Event", apiVersion: "v1")
  }

  func fromStorage(_ object: JSONValue) -> JSONValue {
    guard isNewForm else { return object }
    return Self.translate(object, Self.renamed, to: "EventsV1Event", apiVersion: "events.k8s.io/v1")
  }

  private static func translate(
    _ object: JSONValue, _ names: [(String, String)], to structure: String, apiVersion: String
  ) -> JSONValue {
    var members: [(String, JSONValue)] = []
    for (key, value) in object.objectValue?.members ?? [] {
      members.append((names.first { $0.0 == key }?.1 ?? key, value))
    }
    var decoder = SchemaDecoder(catalogue: builtinCatalogue)
    var result = (try? decoder.decode(.object(JSONObject(members)), as: structure)) ?? object
    result["kind"] = "Event"
    result["apiVersion"] = .string(apiVersion)
    return result
  }

  func validate(_ object: JSONValue) -> [FieldError] {
    let field = isNewForm ? "regarding" : "involvedObject"
    let namespace = object["metadata", "namespace"]?.stringValue ?? ""
    let involved = object[field, "namespace"]?.stringValue ?? ""
    if isNewForm {
      return namespace == (involved.isEmpty ? "default" : involved)
        ? [] : [.invalid("involvedObject.namespace", .string(involved), "does not match event.namespace")]
    }
    if involved.isEmpty {
      let isAllowed = namespace == "default" || namespace == "kube-system" || namespace.isEmpty
      return isAllowed ? [] : [.invalid("involvedObject.namespace", "", "does not match event.namespace")]
    }
    return namespace == involved
      ? [] : [.invalid("involvedObject.namespace", .string(involved), "does not match event.namespace")]
  }

  func selectableField(_ object: JSONValue, _ field: String) -> String? {
    let involved = isNewForm ? "regarding" : "involvedObject"
    let parts = field.split(separator: ".").map(String.init)
    if parts.count == 2, parts[0] == involved,
      ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"].contains(parts[1])
    {
      return object[involved, parts[1]]?.stringValue ?? ""
    }
    return switch field {
    case "reason": object["reason"]?.stringValue ?? ""
    case "type": object["type"]?.stringValue ?? ""
    case "reportingComponent", "reportingController": object[field]?.stringValue ?? ""
    case "source": object["source", "component"]?.stringValue ?? ""
    default: nil
    }
  }

  var columns: [TableColumn] {
    [
      TableColumn(name: "Last Seen"), TableColumn(name: "Type"), TableColumn(name: "Reason"),
      TableColumn(name: "Object"), TableColumn(name: "Subobject", priority: 1),
      TableColumn(name: "Source", priority: 1), TableColumn(name: "Message"),
      TableColumn(name: "First Seen", priority: 1), TableColumn(name: "Count", priority: 1),
      TableColumn(name: "Name", format: "", priority: 1),
    ]
  }

  func cells(_ object: JSONValue, at now: GoTime) -> [JSONValue] {
    let event = isNewForm ? toStorage(object) : object
    func since(_ field: String) -> JSONValue {
      let text = event[field]?.stringValue ?? event["eventTime"]?.stringValue
      return .string(humanDuration(from: text.flatMap { GoTime($0) }, to: now))
    }
    let kind = event["involvedObject", "kind"]?.stringValue?.lowercased() ?? ""
    let component = event["source", "component"]?.stringValue ?? event["reportingComponent"]?.stringValue ?? ""
    let host = event["source", "host"]?.stringValue
    return [
      since("lastTimestamp"), event["type"] ?? "", event["reason"] ?? "",
      .string("\(kind)/\(event["involvedObject", "name"]?.stringValue ?? "")"),
      event["involvedObject", "fieldPath"] ?? "", .string(component + (host.map { ", \($0)" } ?? "")),
      event["message"] ?? "", since("firstTimestamp"), event["count"] ?? 1, event["metadata", "name"] ?? "",
    ]
  }
}
