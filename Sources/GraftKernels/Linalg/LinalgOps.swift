/// Products of matrices and tensors, and linear algebra.
package enum LinalgOps {
  /// The family's ops.
  package static let all: [OpDefinition] = [
    MatMulOps.all,
    BatchMatMulOps.all,
    EinsumOps.all,
    XlaDotOps.all,
    SolvingOps.all,
    DecompositionOps.all,
    BandedOps.all,
  ].flatMap { $0 }
}
