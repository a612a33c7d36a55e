public import KubernetesAPI

/// `spec.job`: the job of an application cluster.
public struct JobSpec: Sendable, Hashable {
  public var jarURI: String?
  /// 0 when absent.
  public var parallelism: Int
  public var entryClass: String?
  public var args: [String]
  public var state: DesiredJobState
  public var savepointTriggerNonce: Int64?
  public var initialSavepointPath: String?
  public var checkpointTriggerNonce: Int64?
  public var upgradeMode: UpgradeMode
  public var allowNonRestoredState: Bool?
  public var savepointRedeployNonce: Int64?
  public var autoscalerResetNonce: Int64?

  public init(
    jarURI: String? = nil, parallelism: Int = 0, entryClass: String? = nil, args: [String] = [],
    state: DesiredJobState = .running, savepointTriggerNonce: Int64? = nil, initialSavepointPath: String? = nil,
    checkpointTriggerNonce: Int64? = nil, upgradeMode: UpgradeMode = .stateless, allowNonRestoredState: Bool? = nil,
    savepointRedeployNonce: Int64? = nil, autoscalerResetNonce: Int64? = nil
  ) {
    self.jarURI = jarURI
    self.parallelism = parallelism
    self.entryClass = entryClass
    self.args = args
    self.state = state
    self.savepointTriggerNonce = savepointTriggerNonce
    self.initialSavepointPath = initialSavepointPath
    self.checkpointTriggerNonce = checkpointTriggerNonce
    self.upgradeMode = upgradeMode
    self.allowNonRestoredState = allowNonRestoredState
    self.savepointRedeployNonce = savepointRedeployNonce
    self.autoscalerResetNonce = autoscalerResetNonce
  }

  init(_ reader: FieldReader) throws(InvalidField) {
    self.init(
      jarURI: try reader.string("jarURI"), parallelism: try reader.int("parallelism") ?? 0,
      entryClass: try reader.string("entryClass"), args: try reader.strings("args") ?? [],
      state: try reader.word("state", as: DesiredJobState.self) ?? .running,
      savepointTriggerNonce: try reader.integer("savepointTriggerNonce"),
      initialSavepointPath: try reader.string("initialSavepointPath"),
      checkpointTriggerNonce: try reader.integer("checkpointTriggerNonce"),
      upgradeMode: try reader.word("upgradeMode", as: UpgradeMode.self) ?? .stateless,
      allowNonRestoredState: try reader.bool("allowNonRestoredState"),
      savepointRedeployNonce: try reader.integer("savepointRedeployNonce"),
      autoscalerResetNonce: try reader.integer("autoscalerResetNonce"))
  }

  /// Every field in the Apache operator's order, absent ones as null.
  public var json: JSONValue {
    [
      "jarURI": JSONValue(optional: jarURI), "parallelism": JSONValue(parallelism),
      "entryClass": JSONValue(optional: entryClass), "args": JSONValue(args), "state": .string(state.rawValue),
      "savepointTriggerNonce": JSONValue(optional: savepointTriggerNonce),
      "initialSavepointPath": JSONValue(optional: initialSavepointPath),
      "checkpointTriggerNonce": JSONValue(optional: checkpointTriggerNonce),
      "upgradeMode": .string(upgradeMode.rawValue),
      "allowNonRestoredState": allowNonRestoredState.map(JSONValue.bool) ?? .null,
      "savepointRedeployNonce": JSONValue(optional: savepointRedeployNonce),
      "autoscalerResetNonce": JSONValue(optional: autoscalerResetNonce),
    ]
  }
}

extension JSONValue {
  init(optional string: String?) { self = string.map(JSONValue.string) ?? .null }
  init(optional integer: Int64?) { self = integer.map { JSONValue($0) } ?? .null }
  init(optional integer: Int?) { self = integer.map { JSONValue($0) } ?? .null }
  init(optional map: [String: String]?) { self = map.map { JSONValue($0) } ?? .null }
}
