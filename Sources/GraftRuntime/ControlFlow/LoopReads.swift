import GraftKernels
import GraftTensor

/// The variables that every round of a loop reads and none changes. They are read once, before the first round, so that
/// the rounds' products have the same matrices, of shapes that are known.
struct LoopReads {
  /// A variable that is read.
  private struct Read {
    /// The feed that is the variable's handle.
    let handle: Int
    let dtype: DataType
    let name: String
    let op: String
  }

  private let reads: [Read]

  /// Gives a body feeds, from the given one on, in place of what reads variables.
  init(_ body: inout PlanGraph, firstFeed: Int, captures: Range<Int>) throws {
    let order = try body.order()
    guard order.allSatisfy({ body.nodes[$0].changesNoVariable }) else {
      reads = []
      return
    }
    var reads: [Read] = []
    for index in order {
      let node = body.nodes[index]
      // What a read waits for changes no variable either.
      guard node.op == "ReadVariableOp" || node.op == "_Dereference", node.constants == nil,
        let dtype = node.outputTypes.first, dtype != .string || node.op == "ReadVariableOp",
        let handle = node.inputs.first.flatMap({ body.nodes[$0.node].feed }),
        captures.contains(handle)
      else { continue }
      body.nodes[index] = .feed(firstFeed + reads.count, name: node.name, type: dtype)
      reads.append(Read(handle: handle, dtype: dtype, name: node.name, op: node.op))
    }
    self.reads = reads
  }

  /// How many feeds there are for what is read.
  var count: Int { reads.count }

  /// The variables' values.
  func values(_ context: KernelContext) throws -> [Tensor] {
    try reads.map { read in
      do {
        return try context.variableValue(read.handle, read.dtype)
      } catch let error as GraftError {
        throw error.at(.init(node: read.name, op: read.op))
      }
    }
  }
}

extension PlanNode {
  /// Whether it has no effect on variables, whatever they are.
  fileprivate var changesNoVariable: Bool {
    guard self.constants == nil, let traits = self.definition?.traits else { return true }
    return !traits.contains(.stateful) || ChangedVariables.readers.contains(self.op)
      || self.op.hasPrefix("TensorArray")
  }
}
