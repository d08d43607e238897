import GraftTensor

/// Products of matrices and tensors, and linear algebra.
package enum LinalgOps {
  /// The family's ops.
  package static let all: [OpDefinition] = [
    MatMulOps.all,
    BatchMatMulOps.all,
    EinsumOps.all,
    XlaDotOps.all,
    InverseOps.all,
    SolvingOps.all,
    CholeskyOps.all,
    DecompositionOps.all,
    SingularValueOps.all,
    EigenOps.all,
    MatrixFunctionOps.all,
    BandedOps.all,
  ].flatMap { $0 }
}

extension [DataType] {
  /// What matrices that are inverted, solved with or taken apart are made of.
  static let matrixNumbers: [DataType] = [.float32, .float64] + .complexes
}
