import GraftTensor

/// The functions of a graph, by name. Their bodies are read when somebody asks for them.
package struct FunctionLibrary: Sendable {
  private var definitions: [String: FunctionDefinition] = [:]
  /// The names, in the order in which the functions were imported.
  package private(set) var names: [String] = []

  /// For functions whose gradient is given, the function that it is.
  private(set) var gradients: [String: String] = [:]

  /// Ops beyond TensorFlow's own that the graph's nodes and the functions' bodies may have, by name.
  package let extensions: [String: any OpExtension]

  /// A library with no functions in it.
  init(extensions: [String: any OpExtension] = [:]) {
    self.extensions = extensions
  }

  /// What is known of an op that a node has: one of TensorFlow's, of the graph's own, or a function.
  func signature(of op: String) -> OpSignature? {
    OpSignature.named(op) ?? extensions[op]?.signature ?? definitions[op]?.signature
  }

  /// The function of a name.
  package subscript(name: String) -> FunctionDefinition? { definitions[name] }

  /// Adds a function; the result is whether it was not there.
  mutating func insert(_ definition: FunctionDefinition) -> Bool {
    guard definitions[definition.name] == nil else { return false }
    definitions[definition.name] = definition
    names.append(definition.name)
    return true
  }

  /// Says which function is the gradient of another.
  mutating func setGradient(of function: String, to gradient: String) { gradients[function] = gradient }

  /// The body of a function that an operation calls.
  ///
  /// - Parameters:
  ///   - reference: the function, and values of its attributes.
  ///   - attributes: more values of its attributes, as the calling operation has them.
  /// - Throws: `GraftError`: `notFound` for a function that is not in the library, `invalidGraph` for a body
  ///   that contradicts itself.
  /// - Complexity: O(size of the function); nothing is kept.
  package func body(
    of reference: FunctionReference, attributes: [String: AttributeValue] = [:]
  ) throws -> FunctionBody {
    guard let definition = definitions[reference.name] else {
      throw GraftError(
        .notFound, "The graph's library has no function '\(reference.name)'.",
        remedy: Suggestions.question(Suggestions.nearest(to: reference.name, among: names))
          ?? "The library has \(names.count) functions: export the graph again, with its function library.")
    }
    let values = attributes.merging(reference.attributes) { $1 }
    return try FunctionBodyReader(definition, library: self, attributes: values).read()
  }
}
