import GraftGraph
import GraftTensor

enum RegexOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "RegexFullMatch", "Whether all of each string matches a regular expression of RE2.",
      shape: ShapeRules.sameAsInput,
      prepare: { _ in { context in try match(context, expression(context)) } }),
    OpDefinition(
      "StaticRegexFullMatch", "RegexFullMatch with the expression as an attribute.",
      shape: ShapeRules.sameAsInput,
      prepare: { setup in
        let expression = try RegularExpression(setup.bytes("pattern"))
        return { context in try match(context, expression) }
      }),
    OpDefinition(
      "RegexReplace", "Strings with what matches a regular expression of RE2 replaced.",
      shape: ShapeRules.sameAsInput,
      prepare: { setup in
        let all = try setup.bool("replace_global")
        return { context in
          try replace(context, expression(context), context.scalarString(2, named: "rewrite"), all: all)
        }
      }),
    OpDefinition(
      "StaticRegexReplace", "RegexReplace with the expression and the rewrite as attributes.",
      shape: ShapeRules.sameAsInput,
      prepare: { setup in
        let expression = try RegularExpression(setup.bytes("pattern"))
        let rewrite = try setup.bytes("rewrite")
        let all = try setup.bool("replace_global")
        return { context in try replace(context, expression, rewrite, all: all) }
      }),
  ]

  /// The expression of input 1: compiled once where it is the same in every run.
  private static func expression(_ context: KernelContext) throws -> RegularExpression {
    func make() throws -> RegularExpression {
      try RegularExpression(context.scalarString(1, named: "pattern"))
    }
    return context.isConstant(1) ? try context.prepared(make) : try make()
  }

  private static func match(_ context: KernelContext, _ expression: RegularExpression) throws {
    let source = try context.strings(0)
    let target = try context.allocate(0, .bool, context.input(0).shape).mutableBuffer(as: Bool.self)
    for index in target.indices { target[index] = expression.matches(source[index]) }
  }

  private static func replace(
    _ context: KernelContext, _ expression: RegularExpression, _ rewrite: Bytes, all: Bool
  ) throws {
    let source = try context.strings(0)
    let result = try context.allocate(0, .string, context.input(0).shape)
    let target = result.mutableBuffer(as: Bytes.self)
    var recent = RecentTexts()
    for index in target.indices {
      // Each place may match, and all that matched may be written as often as the rewrite names it.
      let (most, overflow) = (source[index].count + 1).multipliedReportingOverflow(by: rewrite.count * 2 + 1)
      try result.storage.check(text: overflow ? .max : most)
      target[index] = try expression.replacing(in: source[index], with: rewrite, all: all, &recent)
      try result.storage.charge(text: target[index].count)
    }
  }
}
