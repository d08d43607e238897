import GraftGraph
import GraftProto
import GraftTensor
import SwiftProtobuf

extension MetaGraph {
  /// Imports the graph, and calls of the functions that Python calls the model's objects by: these are signatures too.
  ///
  /// TensorFlow 2 saves every function that was traced, and makes signatures of those only that it is told to. A
  /// function whose captured objects cannot be found in the graph is left out.
  ///
  /// - Parameters:
  ///   - options: a prefix, limits, whether the graph is set to infer.
  /// - Returns: the MetaGraph with names as the graph has them, and what the import had to guess.
  /// - Throws: `GraftError` as `Graph.importMetaGraph`.
  package func imported(into graph: Graph, options: ImportOptions) throws
    -> (metaGraph: MetaGraph, notes: [String])
  {
    let imported = try graph.importMetaGraph(self, options: options)
    let metaGraph = below(imported.prefix)
    do {
      return (try metaGraph.importingFunctions(into: graph, options.limits), imported.notes)
    } catch let error as GraftError {
      // The rest of the model is as good as without them.
      let note = "The functions of the model's objects cannot be called: \(error.message)"
      return (metaGraph, imported.notes + [note])
    }
  }

  private func importingFunctions(into graph: Graph, _ limits: ImportLimits) throws -> MetaGraph {
    let own = message.signatureDef.keys.filter { !$0.hasPrefix("__saved_model_") }
    let traces = SavedFunctions(message.objectGraphDef, signatures: own).traces
    guard !traces.isEmpty else { return self }
    let snapshot = graph.snapshot
    let prefix = self.prefix.isEmpty ? "" : self.prefix + "/"
    let scope = Self.freeScope(prefix + "functions", in: snapshot)
    var calls = FunctionCalls(
      CapturedTensors(message, in: snapshot, prefix: prefix, scope: scope), of: message.objectGraphDef,
      in: snapshot.functions, scope: scope)
    for trace in traces { calls.append(trace) }
    guard !calls.signatures.isEmpty else { return self }
    try graph.importGraphDef(
      bytes: try calls.graph(versions: snapshot.versions).serializedBytes(),
      options: ImportOptions(prefix: scope, inputMap: calls.captured.inputMap, limits: limits))
    var message = message
    message.signatureDef.merge(calls.signatures.mapValues(\.message)) { own, _ in own }
    return MetaGraph(message: message, document: document, graphRange: graphRange, prefix: self.prefix)
  }

  /// A scope that no operation of the graph has, of a name and perhaps a number.
  private static func freeScope(_ name: String, in snapshot: GraphSnapshot) -> String {
    let taken = Set(
      snapshot.nodes.lazy.map(\.name).filter { $0.hasPrefix(name) }
        .map { $0.dropFirst(name.count).prefix { $0 != "/" } })
    guard taken.contains("") else { return name }
    return (1...).lazy.map { "_\($0)" }.first { !taken.contains(Substring($0)) }.map { name + $0 } ?? name
  }
}

/// Calls of functions, as nodes of a graph of their own whose captured inputs are another graph's.
private struct FunctionCalls {
  private(set) var captured: CapturedTensors
  private(set) var signatures: [String: SignatureDef] = [:]
  private let saved: Tensorflow_SavedObjectGraph
  private let functions: FunctionLibrary
  private let scope: String
  private var nodes: [Tensorflow_NodeDef] = []
  private var names: Set<String> = []

  init(
    _ captured: CapturedTensors, of saved: Tensorflow_SavedObjectGraph, in functions: FunctionLibrary,
    scope: String
  ) {
    self.captured = captured
    self.saved = saved
    self.functions = functions
    self.scope = scope
  }

  /// The nodes as a graph.
  func graph(versions: GraphVersions) -> Tensorflow_GraphDef {
    .with {
      $0.node = captured.nodes + nodes
      $0.versions.producer = versions.producer
      $0.versions.minConsumer = versions.minConsumer
    }
  }

  /// Adds placeholders for a function's arguments and its call, where everything that it needs is there.
  mutating func append(_ trace: SavedFunctions.Trace) {
    guard let definition = functions[trace.function]?.signature, definition.attributes.isEmpty,
      let concrete = saved.concreteFunctions[trace.function],
      let argumentTypes = Self.dtypes(definition.inputs), let resultTypes = Self.dtypes(definition.outputs),
      concrete.boundInputs.count <= argumentTypes.count
    else { return }
    let count = argumentTypes.count - concrete.boundInputs.count
    let arguments = StructuredTensors(concrete.canonicalizedInputSignature, most: count)
    let results = StructuredTensors(concrete.outputSignature, most: resultTypes.count)
    guard arguments.isComplete, arguments.leaves.count == count, results.isComplete,
      results.leaves.count == resultTypes.count, !argumentTypes.prefix(count).contains(.resource)
    else { return }
    var inputs: [String] = []
    for object in concrete.boundInputs {
      guard let input = captured.input(for: Int(object)) else { return }
      inputs.append(input)
    }

    let name = unusedName(trace.key)
    var infos: [String: SignatureDef.TensorInfo] = [:]
    var placeholders: [String] = []
    for (index, leaf) in arguments.leaves.enumerated() {
      let argument = definition.inputs[index].name
      let dtype = argumentTypes[index]
      let placeholder = "\(name)/\(argument)"
      placeholders.append(placeholder)
      nodes.append(
        Tensorflow_NodeDef(
          placeholder, "Placeholder", [], ["dtype": .dtype(dtype), "shape": .shape(leaf.shape)]))
      // Names that authors gave may be there twice; those of the library's function are not.
      let key = leaf.name.isEmpty || infos[leaf.name] != nil ? argument : leaf.name
      infos[key] = .init(name: "\(scope)/\(placeholder):0", dtype: dtype, shape: leaf.shape)
    }
    nodes.append(
      Tensorflow_NodeDef(
        name, "StatefulPartitionedCall", placeholders + inputs,
        [
          "Tin": .dtypes(argumentTypes), "Tout": .dtypes(resultTypes),
          "f": .with { $0.func = .with { $0.name = trace.function } },
        ]))
    var outputs: [String: SignatureDef.TensorInfo] = [:]
    for (index, leaf) in results.leaves.enumerated() {
      let isNamed = leaf.path.first.map { Int($0) == nil } ?? false
      let path = (isNamed ? [] : ["output"]) + (leaf.path.isEmpty ? ["0"] : leaf.path)
      let key = path.joined(separator: "_")
      outputs[outputs[key] == nil ? key : definition.outputs[index].name] = .init(
        name: "\(scope)/\(name):\(index)", dtype: resultTypes[index], shape: leaf.shape)
    }
    signatures[trace.key] = SignatureDef(inputs: infos, outputs: outputs, methodName: "")
  }

  /// A key as a node's name: of letters, digits, dots and lines, and none of those that are there.
  private mutating func unusedName(_ key: String) -> String {
    let plain = String(key.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == ".") ? $0 : "_" })
    let name = plain.hasPrefix("_") ? "call" + plain : plain
    var unused = name
    var number = 1
    while !names.insert(unused).inserted {
      unused = "\(name)_\(number)"
      number += 1
    }
    return unused
  }

  private static func dtypes(_ arguments: [OpSignature.Argument]) -> [DataType]? {
    var dtypes: [DataType] = []
    for argument in arguments {
      guard case .fixed(let type) = argument.type, let dtype = type.dtype, argument.count == nil else {
        return nil
      }
      dtypes.append(dtype)
    }
    return dtypes
  }
}
