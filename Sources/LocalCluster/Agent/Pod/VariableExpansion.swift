/// `$(NAME)` in a container's command, args and env values, by Kubernetes' rules: a name that is not defined stays as
/// it is written, and `$$` stands for `$`.
enum VariableExpansion {
  static func expand(_ text: String, _ value: (String) -> String?) -> String {
    guard text.contains("$") else { return text }
    var result = ""
    var rest = Substring(text)
    while let dollar = rest.firstIndex(of: "$") {
      result += rest[..<dollar]
      rest = rest[rest.index(after: dollar)...]
      if rest.first == "$" {
        result += "$"
        rest = rest.dropFirst()
      } else if rest.first == "(" {
        let body = rest.dropFirst()
        guard let end = body.firstIndex(of: ")") else {
          result += "$("
          rest = body
          continue
        }
        let name = String(body[..<end])
        result += value(name) ?? "$(\(name))"
        rest = body[body.index(after: end)...]
      } else {
        result += "$"
      }
    }
    return result + rest
  }
}
