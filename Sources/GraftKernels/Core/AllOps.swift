extension OpRegistry {
  /// Every op that Graft brings, family by family, those first that most graphs have.
  package static let standard = OpRegistry([
    { ArrayOps.all },
    { LinalgOps.all },
    { NNOps.all },
    { MathOps.all },
    { StateOps.all },
    { ControlFlowOps.all },
    { CheckpointOps.all },
    { DataFlowOps.all },
    { LookupOps.all },
    { StringOps.all },
    { ParsingOps.all },
    { RandomOps.all },
    { SparseOps.all },
    { ImageOps.all },
    { QuantizationOps.all },
    { TrainingOps.all },
    { DataOps.all },
    { IOOps.all },
    { QueueOps.all },
    { SignalOps.all },
    { SummaryOps.all },
    { BoostedTreesOps.all },
  ])
}
