/// The members of a JSON object in their order. Names are unique; a repeated name keeps the last value.
public struct JSONObject: Sendable {
  public private(set) var members: [(key: String, value: JSONValue)]

  public init() { members = [] }

  public init(_ members: [(String, JSONValue)]) {
    self.members = []
    self.members.reserveCapacity(members.count)
    for (key, value) in members { self[key] = value }
  }

  /// For the parser, which has checked that no name repeats.
  init(uniqueMembers: [(key: String, value: JSONValue)]) { members = uniqueMembers }

  public var count: Int { members.count }
  public var isEmpty: Bool { members.isEmpty }
  public var keys: [String] { members.map(\.key) }
  public var values: [JSONValue] { members.map(\.value) }

  public subscript(key: String) -> JSONValue? {
    get { members.first { $0.key == key }?.value }
    set {
      if let index = members.firstIndex(where: { $0.key == key }) {
        if let newValue { members[index].value = newValue } else { members.remove(at: index) }
      } else if let newValue {
        members.append((key, newValue))
      }
    }
  }

  public func contains(_ key: String) -> Bool { members.contains { $0.key == key } }

  public func mapValues(_ transform: (JSONValue) -> JSONValue) -> JSONObject {
    JSONObject(uniqueMembers: members.map { ($0.key, transform($0.value)) })
  }

  public func filter(_ isIncluded: (String, JSONValue) -> Bool) -> JSONObject {
    JSONObject(uniqueMembers: members.filter { isIncluded($0.key, $0.value) })
  }

  /// The string members only.
  public var strings: [String: String] {
    var result: [String: String] = [:]
    for (key, value) in members { if let string = value.stringValue { result[key] = string } }
    return result
  }
}

extension JSONObject: Hashable {
  public static func == (left: JSONObject, right: JSONObject) -> Bool {
    left.count == right.count && left.members.allSatisfy { right[$0.key] == $0.value }
  }

  public func hash(into hasher: inout Hasher) {
    var sum = 0
    for (key, value) in members {
      var member = Hasher()
      member.combine(key)
      member.combine(value)
      sum = sum &+ member.finalize()
    }
    hasher.combine(sum)
  }
}

extension JSONObject: ExpressibleByDictionaryLiteral, Sequence {
  public init(dictionaryLiteral elements: (String, JSONValue)...) { self.init(elements) }
  public func makeIterator() -> IndexingIterator<[(key: String, value: JSONValue)]> { members.makeIterator() }
}
