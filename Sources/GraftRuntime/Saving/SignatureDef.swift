import GraftGraph
import GraftKernels
import GraftProto
import GraftTensor
import SwiftProtobuf

/// One way of calling a graph: its arguments and results by name.
public struct SignatureDef: Sendable {
  /// A tensor of the graph that an argument feeds or a result is.
  public struct TensorInfo: Sendable {
    /// The tensor's name in the graph.
    public let name: String
    /// The dtype; nil for one that is not known.
    public let dtype: DataType?
    /// What is known of the shape.
    public let shape: PartialShape

    /// A tensor to feed or fetch.
    public init(name: String, dtype: DataType?, shape: PartialShape = .unknown) {
      self.name = name
      self.dtype = dtype
      self.shape = shape
    }
  }

  /// The tensors to feed, by argument.
  public let inputs: [String: TensorInfo]
  /// The tensors to fetch, by result.
  public let outputs: [String: TensorInfo]
  /// What the signature is for, as `tensorflow/serving/predict`.
  public let methodName: String

  /// A way of calling a graph.
  public init(
    inputs: [String: TensorInfo], outputs: [String: TensorInfo],
    methodName: String = "tensorflow/serving/predict"
  ) {
    self.inputs = inputs
    self.outputs = outputs
    self.methodName = methodName
  }

  /// A way of calling a graph, of the names of its tensors.
  ///
  /// - Parameters:
  ///   - graph: the graph that has the tensors.
  ///   - inputs: tensors' names by argument.
  ///   - outputs: tensors' names by result.
  /// - Throws: `GraftError` (`notFound`) for a tensor that is not there, with names that look like it.
  public init(
    graph: Graph, inputs: [String: String], outputs: [String: String],
    methodName: String = "tensorflow/serving/predict"
  ) throws {
    let shapes = ShapeInference(graph: graph.snapshot, registry: .standard)
    func info(_ name: String) throws -> TensorInfo {
      let snapshot = graph.snapshot
      let edge = try snapshot.edge(named: name)
      let node = snapshot.nodes[Int(edge.node)]
      let declared =
        node.op.hasPrefix("Placeholder")
        ? placeholderShape(node, producer: snapshot.versions.producer)
        : shapes.shape(of: Endpoint(node: Int(edge.node), output: Int(edge.output)))
      return TensorInfo(
        name: "\(node.name):\(edge.output)", dtype: node.outputTypes[Int(edge.output)].dtype, shape: declared)
    }
    try self.init(
      inputs: inputs.mapValues(info), outputs: outputs.mapValues(info), methodName: methodName)
  }

  init(_ message: Tensorflow_SignatureDef) {
    inputs = message.inputs.mapValues { TensorInfo($0) }
    outputs = message.outputs.mapValues { TensorInfo($0) }
    methodName = message.methodName
  }
}

extension SignatureDef.TensorInfo {
  init(_ message: Tensorflow_TensorInfo) {
    // Sparse and composite tensors are several; their first stands for them.
    switch message.encoding {
    case .cooSparse(let sparse): name = sparse.valuesTensorName
    case .compositeTensor(let composite): name = composite.components.first?.name ?? ""
    default: name = message.name
    }
    dtype = DataType(rawValue: Int32(clamping: message.dtype.rawValue))
    shape = PartialShape(message.tensorShape)
  }
}

extension SignatureDef {
  /// The signature as files have it.
  var message: Tensorflow_SignatureDef {
    Tensorflow_SignatureDef.with {
      $0.inputs = inputs.mapValues(\.message)
      $0.outputs = outputs.mapValues(\.message)
      $0.methodName = methodName
    }
  }
}

extension SignatureDef.TensorInfo {
  /// The tensor as files have it.
  var message: Tensorflow_TensorInfo {
    Tensorflow_TensorInfo.with {
      $0.name = name
      $0.dtype = dtype.map { Tensorflow_DataType($0) } ?? .dtInvalid
      $0.tensorShape = shape.message
    }
  }
}
