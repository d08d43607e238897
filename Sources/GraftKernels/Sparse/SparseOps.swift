/// Ops on sparse and ragged tensors, and on sets.
package enum SparseOps {
  package static let all: [OpDefinition] = Array(
    [
      RaggedRangeOp.all, RaggedGatherOp.all, RaggedToSparseOp.all, RaggedToTensorOp.all, RaggedVariantOps.all,
      FillEmptyRowsOps.all, SparseShapeOps.all, SparseSliceOps.all, SparseAddOps.all, SparseDenseOps.all,
      SparseMatMulOps.all, SparseReduceOps.all, SetOps.all, EditDistanceOp.all, CountOps.all, CrossOps.all,
      SparseSegmentOps.all, SparseTensorsMapOps.all, CompressedRowsOps.all, SparseCholeskyOps.all,
      FingerprintOps.all,
    ].joined())
}
