/// Calls of functions, conditionals, loops, and the lists of tensors that loops fill.
package enum ControlFlowOps {
  package static let all: [OpDefinition] =
    FunctionCalls.all + FunctionMapping.all + CompositeTensorOps.all + HostFunctionOps.all + Conditionals.all
    + Loops.all + TensorListOps.all
    + DataflowOps.all
}
