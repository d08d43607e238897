import GraftGraph
import GraftKernels
import GraftTensor

/// The ops that run here, and those of TensorFlow that do not.
struct OpListing {
  /// An op without a kernel.
  struct Missing {
    let name: String
    /// Why it is refused; nil where it is only not there yet.
    let reason: String?
  }

  let ops: [OpDefinition]
  let missing: [Missing]

  init(_ registry: OpRegistry = .standard) {
    ops = registry.all
    missing = OpSignatureTable.names.filter { registry[$0] == nil && !Self.isTest($0) }
      .map { Missing(name: $0, reason: RefusedOps.reason($0)) }
  }

  /// An error that says what is known of an op that has no kernel.
  static func unknown(_ name: String) -> GraftError {
    if let reason = RefusedOps.reason(name), OpSignature.named(name) != nil {
      return GraftError(
        .unimplemented, "\(name) is refused: it \(reason).", remedy: "Fetch tensors that come before it.")
    }
    if OpSignature.named(name) != nil {
      return GraftError(
        .unimplemented, "\(name) is an op of TensorFlow's and has no kernel here yet.",
        remedy: "'graft ops --missing' lists all of these.")
    }
    return GraftError(
      .notFound, "There is no op '\(name)', here or in TensorFlow \(OpSignatureTable.tensorFlowVersion).",
      remedy: "'graft ops' lists all ops that run here.")
  }

  /// Ops that TensorFlow's own tests leave in its list: they have no documentation and no meaning.
  private static func isTest(_ name: String) -> Bool { testOps.contains(name) }

  private static let testOps = Set(
    """
    A Attr AttrBool AttrBoolList AttrDefault AttrEmptyListDefault AttrEnum AttrEnumList AttrFloat \
    AttrListDefault AttrListMin AttrListTypeDefault AttrMin AttrPartialShape AttrPartialShapeList AttrShape \
    AttrShapeList AttrTypeDefault B Binary ComplexStruct ConstructionFails CopyOp DefaultAttrs \
    DevicePlacementOp DtypeWithDefaultOp FiveFloatOutputs FloatInput FloatOutput FloatOutputStringOutput Foo1 \
    Foo2 Foo3 FuncAttr FuncListAttr GraphDefVersion InPolymorphicTwice Int64Output IntAttr IntInput \
    IntInputFloatInput IntInputIntOutput IntOutput IntOutputFloatOutput KernelLabel KernelLabelRequired \
    ListInput ListOutput MixedStruct NInPolymorphicTwice NInTwice NInTwoTypeVariables NIntsIn NIntsOut \
    NIntsOutDefault NPolymorphicIn NPolymorphicOut NPolymorphicOutDefault NPolymorphicRestrictIn \
    NPolymorphicRestrictOut Namespace>TestStringOutput None Old OpWithDefaultAttr OpWithFutureDefaultAttr \
    OutT OutTypeList OutTypeListRestrict Polymorphic PolymorphicDefaultOut PolymorphicOut RefIn \
    RefInputFloatInput RefInputFloatInputIntOutput RefInputIntInput RefOut RefOutput RefOutputFloatOutput \
    RequiresOlderGraphVersion ReservedAttr ReservedInput ResourceCreateOp ResourceInitializedOp \
    ResourceUsingOp Restrict Simple SimpleStruct SleepIdentityOp SleepOp StringListAttr StubResourceHandleOp \
    TestAttr TestStringOutput TwoFloatInputs TwoFloatInputsFloatOutput TwoFloatInputsIntOutput \
    TwoFloatOutputs TwoIntInputs TwoIntOutputs TwoRefsIn TypeList TypeListRestrict TypeListTwice Unary
    """.split(separator: " ").map(String.init))
}

// MARK: - What is known of an op

extension OpDefinition {
  /// The dtypes of each type attribute, the attribute's name before them: `T: float32, float64`.
  var dtypeTexts: [String] {
    types.sorted { $0.key < $1.key }.map { name, dtypes in
      "\(name): \(dtypes.map(\.name).joined(separator: ", "))"
    }
  }

  /// Whether the same inputs give the same outputs at every run.
  var isDeterministic: Bool { !traits.contains(.random) }

  /// What somebody who plans runs should know.
  var traitNames: [String] {
    var names = [isDeterministic ? "deterministic" : "random"]
    if traits.contains(.stateful) || OpSignature.named(name)?.isStateful == true { names.append("stateful") }
    if traits.contains(.dataflow) { names.append("control flow") }
    return names
  }
}

// MARK: - Text

extension OpListing {
  /// A line for each op; with all that is known of it, where it is asked for.
  func text(_ ops: [OpDefinition], isDetailed: Bool) -> String {
    guard isDetailed, ops.count <= 5 else {
      var table = TextTable(.left, .left)
      for op in ops { table.append(op.name, op.summary) }
      return "\(ops.count) ops\n" + table.text
    }
    return ops.map(details).joined(separator: "\n")
  }

  private func details(_ op: OpDefinition) -> String {
    var text = "\(op.name): \(op.summary)\n  \(op.traitNames.joined(separator: ", "))\n"
    guard let signature = OpSignature.named(op.name) else { return text }
    text += "  takes \(arguments(signature.inputs)), gives \(arguments(signature.outputs))\n"
    for line in op.dtypeTexts { text += "  \(line)\n" }
    for attribute in signature.attributes where op.types[attribute.name] == nil {
      let fallback = attribute.defaultValue.map { " = \($0)" } ?? ""
      text += "  \(attribute.name): \(attribute.kindName)\(fallback)\n"
    }
    return text
  }

  private func arguments(_ arguments: [OpSignature.Argument]) -> String {
    arguments.isEmpty ? "nothing" : arguments.map(\.name).joined(separator: ", ")
  }

  func text(missing ops: [Missing]) -> String {
    var table = TextTable(.left, .left)
    for op in ops { table.append(op.name, op.reason.map { "refused: it \($0)" } ?? "") }
    let refused = ops.count { $0.reason != nil }
    return "\(ops.count) ops of TensorFlow \(OpSignatureTable.tensorFlowVersion) have no kernel; "
      + "\(refused) of them are refused on purpose\n" + table.text
  }
}

// MARK: - JSON

extension OpListing {
  func json(_ ops: [OpDefinition]) -> JSONValue {
    .array(
      ops.map { op in
        .object([
          "name": .string(op.name), "summary": .string(op.summary),
          "dtypes": .object(
            op.types.sorted { $0.key < $1.key }.map {
              JSONValue.Member(name: $0.key, value: .strings($0.value.map(\.name)))
            }),
          "deterministic": .bool(op.isDeterministic),
          "stateful": .bool(op.traitNames.contains("stateful")),
        ])
      })
  }

  func json(missing ops: [Missing]) -> JSONValue {
    .array(
      ops.map {
        .object([
          "name": .string($0.name), "refused": .bool($0.reason != nil),
          "reason": $0.reason.map { .string("it \($0)") },
        ])
      })
  }
}

// MARK: - The page

extension OpListing {
  /// The page `Documentation/Ops.md`.
  var markdown: String {
    let known = ops.count { OpSignature.isKnown($0.name) }
    var text = """
      # Ops

      Written by `graft ops --markdown`; CI holds it against the registry. \(known) ops of TensorFlow \
      \(OpSignatureTable.tensorFlowVersion) have kernels, and \(ops.count - known) that planning makes. Dtypes stand behind the attribute that picks them; \
      where none are named, every dtype that TensorFlow allows is taken. Traits: ops that give other values at \
      every run are *random*, those that read or change something that outlives the run *stateful*.

      | op | what it does | dtypes | traits |
      |---|---|---|---|

      """
    for op in ops {
      let traits = op.traitNames.filter { $0 != "deterministic" }.joined(separator: ", ")
      let dtypes = op.dtypeTexts.joined(separator: "; ")
      text += "| `\(op.name)` | \(Self.cell(op.summary)) | \(Self.cell(dtypes)) | \(traits) |\n"
    }
    text += """

      ## Refused on purpose

      Graphs with these ops import, and run where no fetch needs them.

      | op | why |
      |---|---|

      """
    for op in missing {
      if let reason = op.reason { text += "| `\(op.name)` | It \(Self.cell(reason)). |\n" }
    }
    return text
  }

  private static func cell(_ text: String) -> String {
    text.replacing("|", with: "\\|").replacing("\n", with: " ")
  }
}
