/// Ops that make, move and pick elements of tensors.
package enum ArrayOps {
  package static let all: [OpDefinition] = Array(
    [
      ConstantOps.all, IdentityOps.all, ShapeQueryOps.all, ReshapeOps.all, TransposeOps.all, ConcatOps.all,
      SplitOps.all, SliceOps.all, StridedSliceOps.all, PadOps.all, TileOps.all, BroadcastShapeOps.all,
      FillOps.all, GatherOps.all, ReverseOps.all, ScatterOps.all, SpaceDepthOps.all, SpaceBatchOps.all,
      WhereOps.all, UniqueOps.all, PermutationOps.all, MatrixDiagOps.all, BandAndDiagOps.all, PatchOps.all,
      PartitionOps.all, SparseToDenseOps.all, AssertOps.all, DataFormatOps.all, InplaceOps.all,
      FingerprintOp.all, GridOps.all, DebugOps.all, EnvironmentOps.all,
    ].joined())
}
