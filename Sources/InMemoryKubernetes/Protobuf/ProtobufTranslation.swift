import KubernetesAPI

extension RequestContext {
  static let protobuf = "application/vnd.kubernetes.protobuf"

  /// The object in a protobuf body; nil for one that cannot be read.
  var protobufBody: JSONValue? {
    guard case .bytes(let bytes) = request.body else { return nil }
    do throws(ProtobufError) { return try ProtobufReader.object(bytes) } catch { return nil }
  }
}

extension APIResponse {
  /// Answers who sends protobuf in protobuf, where everything in the answer is known. JSON every client accepts too.
  mutating func translateToProtobuf() {
    guard let json, let bytes = ProtobufWriter.object(json) else { return }
    content = .bytes(bytes)
    headers.removeAll { $0.name == "content-type" }
    headers.append(("content-type", RequestContext.protobuf))
  }
}
