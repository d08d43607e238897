extension OpRegistry {
  /// Every op that Graft brings, family by family.
  package static let standard = OpRegistry([
    ArrayOps.all,
    BoostedTreesOps.all,
    CheckpointOps.all,
    ControlFlowOps.all,
    DataFlowOps.all,
    DataOps.all,
    IOOps.all,
    ImageOps.all,
    LinalgOps.all,
    LookupOps.all,
    MathOps.all,
    NNOps.all,
    ParsingOps.all,
    QuantizationOps.all,
    QueueOps.all,
    RandomOps.all,
    SignalOps.all,
    SparseOps.all,
    StateOps.all,
    StringOps.all,
    SummaryOps.all,
    TrainingOps.all,
  ])
}
