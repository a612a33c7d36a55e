extension HealthReport {
  /// A line for each check, as the API server's own probes write it, and the sum.
  func text(title: String) -> String {
    var lines = checks.map { check in
      switch check.verdict {
      case .ok: "[+]\(check.name) ok"
      case .failing(let reason): "[-]\(check.name) failed: \(reason)"
      }
    }
    lines.append("\(title) check \(isHealthy ? "passed" : "failed")")
    return lines.joined(separator: "\n") + "\n"
  }

  /// `{"healthy":false,"checks":[{"name":"…","ok":false,"reason":"…"}]}`
  func json() -> String {
    let items = checks.map { check in
      switch check.verdict {
      case .ok: #"{"name":\#(Self.quoted(check.name)),"ok":true}"#
      case .failing(let reason):
        #"{"name":\#(Self.quoted(check.name)),"ok":false,"reason":\#(Self.quoted(reason))}"#
      }
    }
    return #"{"healthy":\#(isHealthy),"checks":[\#(items.joined(separator: ","))]}"# + "\n"
  }

  /// In the text format of Prometheus.
  func metrics() -> String {
    var text = "# HELP flink_operator_ready Whether the check passes.\n# TYPE flink_operator_ready gauge\n"
    for check in checks {
      // Prometheus' label values know the escapes \\, \" and \n, which JSON writes the same way.
      text += "flink_operator_ready{check=\(Self.quoted(check.name))} \(check.verdict == .ok ? 1 : 0)\n"
    }
    return text
  }

  private static func quoted(_ text: String) -> String {
    let digits = Array("0123456789abcdef")
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case _ where scalar.value < 0x20:
        result += "\\u00\(digits[Int(scalar.value >> 4)])\(digits[Int(scalar.value & 15)])"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
