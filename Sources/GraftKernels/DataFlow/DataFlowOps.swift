/// What runs pass data through beside the graph's edges: arrays and stacks of tensors, and their kin.
package enum DataFlowOps {
  package static let all: [OpDefinition] =
    TensorArrayOps.all + TensorArrayBulkOps.all + StackOps.all + TensorMapOps.all + OptionalOps.all
    + SessionTensorOps.all + BarrierOps.all + AccumulatorOps.all
    + SparseAccumulatorOps.all
}
