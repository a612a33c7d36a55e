/// The rules names, labels and annotations follow, with the real server's words for what breaks them.
enum Names {
  static let subdomainProblem =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    + "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    + #"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"#
  static let labelProblem =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    + "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    + "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
  static let dnsLabel1035Problem =
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    + "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    + "'[a-z]([-a-z0-9]*[a-z0-9])?')"
  private static let namePartProblem =
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    + "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    + "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
  private static let labelValueForm =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    + "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    + "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
  private static let qualifiedNameForm =
    "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    + "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    + "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. "
    + "'example.com/MyName')"
  static let configKeyForm =
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    + "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"

  static func tooLong(_ limit: Int) -> String { "must be no more than \(limit) bytes" }
  static func tooManyCharacters(_ limit: Int) -> String { "must be no more than \(limit) characters" }

  static func isLower(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") }
  static func isUpper(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") }
  static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

  static func isLabel(_ text: some StringProtocol) -> Bool {
    let bytes = Array(text.utf8)
    guard let first = bytes.first, let last = bytes.last else { return false }
    func isAlphanumeric(_ byte: UInt8) -> Bool { isLower(byte) || isDigit(byte) }
    return isAlphanumeric(first) && isAlphanumeric(last)
      && bytes.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
  }

  static func isSubdomain(_ text: some StringProtocol) -> Bool {
    text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { isLabel($0) }
  }

  private static func isNamePart(_ text: some StringProtocol) -> Bool {
    let bytes = Array(text.utf8)
    guard let first = bytes.first, let last = bytes.last else { return false }
    func isAlphanumeric(_ byte: UInt8) -> Bool { isLower(byte) || isUpper(byte) || isDigit(byte) }
    return isAlphanumeric(first) && isAlphanumeric(last)
      && bytes.allSatisfy {
        isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".")
      }
  }

  /// What is wrong with a DNS subdomain name, nil if nothing.
  static func subdomainProblems(_ name: String) -> [String] {
    var problems: [String] = []
    if name.utf8.count > 253 { problems.append(tooManyCharacters(253)) }
    if !isSubdomain(name) { problems.append(subdomainProblem) }
    return problems
  }

  static func labelProblems(_ name: String) -> [String] {
    var problems: [String] = []
    if name.utf8.count > 63 { problems.append(tooManyCharacters(63)) }
    if !isLabel(name) {
      problems.append(name.contains(".") && isSubdomain(name) ? "must not contain dots" : labelProblem)
    }
    return problems
  }

  static func dnsLabel1035Problems(_ name: String) -> [String] {
    var problems: [String] = []
    if name.utf8.count > 63 { problems.append(tooManyCharacters(63)) }
    if !isLabel(name) || name.utf8.first.map(isDigit) == true { problems.append(dnsLabel1035Problem) }
    return problems
  }

  /// What is wrong with a label or annotation key.
  static func qualifiedNameProblem(_ name: String) -> String? {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    let namePart: Substring
    switch parts.count {
    case 1: namePart = parts[0]
    case 2:
      namePart = parts[1]
      if parts[0].isEmpty { return "prefix part must be non-empty" }
      if parts[0].utf8.count > 253 { return "prefix part \(tooManyCharacters(253))" }
      if !isSubdomain(parts[0]) { return "prefix part " + subdomainProblem }
    default: return qualifiedNameForm
    }
    if namePart.isEmpty { return "name part must be non-empty" }
    if namePart.utf8.count > 63 { return "name part \(tooManyCharacters(63))" }
    return isNamePart(namePart) ? nil : namePartProblem
  }

  static func labelValueProblem(_ value: String) -> String? {
    if value.utf8.count > 63 { return tooManyCharacters(63) }
    return value.isEmpty || isNamePart(value) ? nil : labelValueForm
  }

  /// What is wrong with a key of a ConfigMap or Secret.
  static func configKeyProblem(_ key: String) -> String? {
    if key.utf8.count > 253 { return tooManyCharacters(253) }
    let isWellFormed =
      !key.isEmpty
      && key.utf8.allSatisfy {
        isLower($0) || isUpper($0) || isDigit($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
          || $0 == UInt8(ascii: ".")
      }
    if !isWellFormed { return configKeyForm }
    if key == "." { return "must not be '.'" }
    if key == ".." { return "must not be '..'" }
    if key.hasPrefix("..") { return "must not start with '..'" }
    return nil
  }
}
