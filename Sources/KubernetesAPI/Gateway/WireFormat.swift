extension ObjectList {
  /// One page as the API server sends it. Items of built-in kinds come without `apiVersion` and `kind`: they are
  /// filled in from `type`, so that an item can stand alone.
  public init(parsing bytes: [UInt8], of type: ResourceType) throws(JSONError) {
    self = try ObjectScanner.list(bytes, of: type)
  }
}

extension WatchEvent {
  /// One line of a watch.
  public init(parsing line: [UInt8]) throws(JSONError) { self = try ObjectScanner.watchFrame(line) }
}
