import InMemoryKubernetes
import KubernetesAPI

private let mediaType = "application/vnd.kubernetes.protobuf"

extension APIRequest {
  /// Puts JSON in place of a protobuf body. Returns whether there was one; one that cannot be read stays, and the server
  /// refuses its media type.
  mutating func translateFromProtobuf() -> Bool {
    guard case .bytes(let bytes) = body,
      let index = headers.firstIndex(where: { $0.name == "content-type" }), headers[index].value == mediaType
    else { return false }
    do throws(ProtobufError) {
      body = .json(try ProtobufReader.object(bytes))
      headers[index].value = "application/json"
      return true
    } catch {
      return false
    }
  }
}

extension APIResponse {
  /// Answers who speaks protobuf in protobuf, where the kind is known.
  mutating func translateToProtobuf() {
    guard let json, let bytes = ProtobufWriter.object(json) else { return }
    content = .bytes(bytes)
    headers.removeAll { $0.name == "content-type" }
    headers.append(("content-type", mediaType))
  }
}
