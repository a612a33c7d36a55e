/// Ids that the operator chooses itself, so that a repeated request finds the operation it began.
public enum Identity {
  /// The job id of an incarnation that begins a new lineage: 32 hexadecimal digits, never all zero.
  public static func jobID(uid: String, attempt: Int64) -> String { digest("\(uid)/job/\(attempt)") }

  /// The id of a savepoint request: 32 hexadecimal digits. `previous` is the id of the request before, if it failed.
  public static func triggerID(uid: String, operation: String, previous: String?) -> String {
    digest("\(uid)/savepoint/\(operation)/\(previous ?? "")")
  }

  /// 128 bits of FNV-1a: stable over processes and versions, which Swift's own hashing is not.
  private static func digest(_ text: String) -> String {
    var hash = UInt128(0x6c62_272e_07bb_0142) << 64 | UInt128(0x62b8_2175_6295_c58d)
    let prime = UInt128(0x0000_0000_0100_0000) << 64 | UInt128(0x0000_0000_0000_013b)
    for byte in text.utf8 { hash = (hash ^ UInt128(byte)) &* prime }
    let digits = String(hash == 0 ? 1 : hash, radix: 16)
    return String(repeating: "0", count: 32 - digits.count) + digits
  }
}
