import KubernetesAPI

extension InMemoryAPIServer {
  /// PATCH, in whichever of its forms.
  mutating func patch(
    _ request: ResourceRequest, subresource: String?, _ context: inout RequestContext
  ) throws(APIFailure) -> APIResponse {
    let parameters = try WriteParameters(context.target, kind: "PatchOptions")
    let form = try patchForm(request, context)
    let bytes = try context.patchBytes()
    if form == .apply {
      return try apply(bytes, request, subresource: subresource, parameters, &context)
    }
    let old = try existing(request)
    let object = try patched(
      request.model.fromStorage(old.json), bytes, form, request, parameters, &context)
    try checkName(object, request)
    let written = try update(object, old: old, request, subresource: subresource, parameters, .tracked, &context)
    let shown = request.model.fromStorage(written)
    return Self.answer(request.view(shown, format: context.format, at: context.now), context.format)
  }

  func patchForm(_ request: ResourceRequest, _ context: RequestContext) throws(APIFailure) -> PatchForm {
    guard let form = PatchForm(contentType: context.contentType) else {
      throw APIFailure(
        code: 415, reason: "UnsupportedMediaType", message: "415: Unsupported Media Type", hasEmptyDetails: true)
    }
    if form == .strategic && request.model.isCustom {
      throw .unsupportedMediaType(
        accepted: [PatchForm.json, .merge, .apply].map(\.rawValue))
    }
    return form
  }

  /// The object after the patch, decoded.
  func patched(
    _ object: JSONValue, _ bytes: [UInt8], _ form: PatchForm, _ request: ResourceRequest,
    _ parameters: WriteParameters, _ context: inout RequestContext
  ) throws(APIFailure) -> JSONValue {
    let patch = try PatchForm.parse(bytes, form)
    let result: JSONValue
    switch form {
    case .merge: result = mergePatched(object, patch)
    case .json: result = try LenientJSONPatch.apply(patch, to: object)
    case .strategic:
      result = try StrategicMergePatch(catalogue: builtinCatalogue).apply(
        patch, to: object, structure: request.model.structureName ?? "")
    case .apply: result = object
    }
    let shownPatch = form == .strategic ? GoMapText.text(patch) : String(decoding: bytes, as: UTF8.self)
    func refused(_ why: String) -> APIFailure {
      .invalid(group: "", kind: "", name: "", [.invalid("patch", .string(shownPatch), why)])
    }
    let decoded: DecodedObject
    do throws(DecodeFailure) {
      decoded = try request.model.decode(result)
    } catch {
      throw refused(error.message)
    }
    let problems = decoded.unknownFields.map { "unknown field \(goQuoted($0))" }
    switch parameters.fieldValidation {
    case .ignore: break
    case .warn: for problem in problems { context.warn(problem) }
    case .strict:
      if !problems.isEmpty { throw refused("strict decoding error: \(problems.joined(separator: ", "))") }
    }
    return decoded.object
  }
}
