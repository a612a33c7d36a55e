import KubernetesAPI

/// Compares an answer with what a transcript expects of it.
struct Matcher {
  var isExact: Bool

  private static let absent: JSONValue = "${absent}"

  /// The differences; none when it matches.
  func differences(_ expected: JSONValue, _ got: JSONValue, _ bindings: inout Bindings, path: String) -> [String] {
    switch expected {
    case .string(let text): return textDifferences(text, got, &bindings, path)
    case .object(let object):
      if let wanted = object["${unordered}"]?.arrayValue {
        return setDifferences(wanted, got, &bindings, path, isComplete: true)
      }
      if let wanted = object["${contains}"]?.arrayValue {
        return setDifferences(wanted, got, &bindings, path, isComplete: false)
      }
      return memberDifferences(object, got, &bindings, path)
    case .array(let items):
      guard let gotItems = got.arrayValue else { return ["\(path): expected a list, got \(Self.short(got))"] }
      guard items.count == gotItems.count else {
        return ["\(path): expected \(items.count) elements, got \(gotItems.count): \(Self.short(got))"]
      }
      var result: [String] = []
      for (index, item) in items.enumerated() {
        result += differences(item, gotItems[index], &bindings, path: "\(path)[\(index)]")
      }
      return result
    case .null, .bool, .number:
      return expected == got ? [] : ["\(path): expected \(Self.short(expected)), got \(Self.short(got))"]
    }
  }

  private func textDifferences(
    _ text: String, _ got: JSONValue, _ bindings: inout Bindings, _ path: String
  ) -> [String] {
    let template = Template(text)
    if template.isPlain {
      return got == .string(text) ? [] : ["\(path): expected \(text), got \(Self.short(got))"]
    }
    if let gotText = got.stringValue {
      return template.mismatch(gotText, &bindings).map { ["\(path): expected \(text): \($0)"] } ?? []
    }
    if template.parts.count == 1, case .placeholder(let placeholder) = template.parts[0] {
      if placeholder.key.kind == "any" { return [] }
      if ["int", "port"].contains(placeholder.key.kind), let number = got.intValue {
        let value = String(number)
        if placeholder.key.name.isEmpty { return [] }
        if let bound = bindings.values[placeholder.key], bound != value {
          return ["\(path): expected \(bound), got \(value)"]
        }
        bindings.values[placeholder.key] = value
        return []
      }
    }
    return ["\(path): expected \(text), got \(Self.short(got))"]
  }

  private func setDifferences(
    _ wanted: [JSONValue], _ got: JSONValue, _ bindings: inout Bindings, _ path: String, isComplete: Bool
  ) -> [String] {
    guard let items = got.arrayValue else { return ["\(path): expected a list, got \(Self.short(got))"] }
    if isComplete && wanted.count != items.count {
      return ["\(path): expected \(wanted.count) elements, got \(items.count): \(Self.short(got))"]
    }
    var left = Array(items.indices)
    var result: [String] = []
    for (number, element) in wanted.enumerated() {
      var best: [String]?
      for (place, index) in left.enumerated() {
        var trial = bindings
        let problems = differences(element, items[index], &trial, path: "\(path)[\(number)~\(index)]")
        if problems.isEmpty {
          bindings = trial
          left.remove(at: place)
          best = []
          break
        }
        if problems.count < best?.count ?? .max { best = problems }
      }
      result += best ?? ["\(path): no element matches \(Self.short(element))"]
    }
    return result
  }

  private func memberDifferences(
    _ object: JSONObject, _ got: JSONValue, _ bindings: inout Bindings, _ path: String
  ) -> [String] {
    guard let members = got.objectValue else { return ["\(path): expected an object, got \(Self.short(got))"] }
    var result: [String] = []
    var used: Set<String> = []
    for (key, value) in object.members {
      var name = key
      if key.contains("${") {
        let template = Template(key)
        let match = members.keys.first { candidate in
          var trial = bindings
          return !used.contains(candidate) && template.mismatch(candidate, &trial) == nil
        }
        guard let match else {
          if value != Self.absent { result.append("\(path): no member matches \(key)") }
          continue
        }
        if value != Self.absent { _ = template.mismatch(match, &bindings) }
        name = match
      }
      guard let gotValue = members[name] else {
        if value != Self.absent { result.append("\(path).\(name): missing, expected \(Self.short(value))") }
        continue
      }
      if value == Self.absent {
        result.append("\(path).\(name): must be absent, got \(Self.short(gotValue))")
        continue
      }
      used.insert(name)
      result += differences(value, gotValue, &bindings, path: "\(path).\(name)")
    }
    if isExact {
      for name in members.keys where !used.contains(name) {
        result.append("\(path).\(name): not expected, got \(Self.short(members[name] ?? .null))")
      }
    }
    return result
  }

  static func short(_ json: JSONValue) -> String {
    let text = json.text
    return text.count <= 400 ? text : text.prefix(400) + "…"
  }
}
