/// Ops of TensorFlow's that have no kernel here on purpose, with the reason.
package enum RefusedOps {
  /// Why an op is refused; nil for one that has a kernel, or may get one.
  package static func reason(_ op: String) -> String? {
    named[op] ?? beginnings.first { op.hasPrefix($0.beginning) }?.reason
  }

  /// Whether an op without a kernel would touch more than its inputs: files, other processes, this process or
  /// code that is no graph. Where an untrusted graph asks for one, that is said and nothing runs.
  package static func reachesOut(_ op: String) -> Bool {
    fileOps.contains(op) || reason(op).map { reaching.contains($0) } == true
  }

  private static let reaching: Set<String> = [
    network, writing, compiler, process, settings, mapping, threads, tpu,
  ]

  /// Ops that touch files, folders or databases by name.
  private static let fileOps: Set<String> = [
    "LMDBReader", "RecordInput", "MatchingFilesDataset", "Skipgram",
    "DatasetToTFRecord", "ExperimentalDatasetToTFRecord", "SaveDataset",
    "SaveDatasetV2", "LoadDataset", "SnapshotDataset", "SnapshotDatasetV2", "ListSnapshotChunksDataset",
    "SnapshotChunkDataset", "SnapshotDatasetReader", "SnapshotNestedDatasetReader", "CSVDataset",
    "CSVDatasetV2", "ExperimentalCSVDataset", "LMDBDataset", "ExperimentalLMDBDataset", "SqlDataset",
    "ExperimentalSqlDataset", "ExperimentalMatchingFilesDataset",
  ]

  private static let tpu = "is for TPUs"
  private static let network = "speaks with other processes"
  private static let writing = "writes logs and summaries for TensorBoard, which no fetch needs"
  private static let compiler = "is code that a compiler of TensorFlow's made, not an operation"
  private static let inside = "is made by TensorFlow inside of a run, and not part of saved graphs"
  private static let processor = "is made by TensorFlow for one kind of processor inside of a run"
  private static let gpu = "is for GPUs and their layout of weights"

  private static let process = "ends the process"
  private static let settings = "changes the process for all that runs in it"
  private static let mapping = "maps any file of the machine by its name"
  private static let threads = "makes threads that no limit of the session counts"
  package static let files = "reads or writes files"

  private static let named: [String: String] = [
    "Send": network, "Recv": network, "RemoteCall": network,
    "DistributedSave": network, "RegisterDataset": network, "RegisterDatasetV2": network,
    "Abort": process,
    "FileSystemSetConfiguration": settings,
    "ImportEvent": writing, "CreateSummaryDbWriter": writing, "CreateSummaryFileWriter": writing,
    "CloseSummaryWriter": writing, "FlushSummaryWriter": writing, "SummaryWriter": writing,
    "CalibrationStatisticsSaver": writing, "DumpTensor": writing,
    "MlirPassthroughOp": compiler, "CollateTPUEmbeddingMemory": tpu, "CrossReplicaSum": tpu,
    "AllToAll": tpu, "WorkerHeartbeat": tpu, "StoreMinibatchStatisticsInFdo": tpu,
    "ImmutableConst": mapping, "ThreadPoolHandle": threads, "ExperimentalThreadPoolHandle": threads,
  ]

  // The first that fits counts.
  private static let beginnings: [(beginning: String, reason: String)] = [
    ("_Mkl", processor), ("__Mkl", processor), ("_Xla", compiler), ("Xla", compiler), ("Nccl", network),
    ("_Nccl", network), ("_HostSend", network), ("_HostRecv", network), ("_Send", network),
    ("_Recv", network),
    ("_", inside), ("Collective", network), ("Rpc", network), ("DeleteRpc", network),
    ("DataServiceDataset", network), ("DTensor", network), ("CopyToMesh", network), ("Relayout", network),
    ("TPU", tpu), ("Tpu", tpu), ("ConfigureTPU", tpu), ("ConfigureDistributedTPU", tpu),
    ("ConfigureAndInitializeGlobalTPU", tpu), ("ConnectTPU", tpu), ("EnqueueTPU", tpu),
    ("DynamicEnqueueTPU", tpu), ("ExecuteTPU", tpu), ("FinalizeTPU", tpu), ("IsTPU", tpu),
    ("LoadTPU", tpu), ("LoadAllTPU", tpu), ("RetrieveTPU", tpu), ("RetrieveAllTPU", tpu),
    ("RecvTPU", tpu), ("SendTPU", tpu), ("ShutdownTPU", tpu), ("ShutdownDistributedTPU", tpu),
    ("GetTpu", tpu), ("Infeed", tpu), ("Outfeed", tpu), ("Prelinearize", tpu), ("ComputeDedupData", tpu),
    ("MergeDedupData", tpu), ("SplitDedupData", tpu),
    ("WriteAudioSummary", writing), ("WriteGraphSummary", writing), ("WriteHistogramSummary", writing),
    ("WriteImageSummary", writing), ("WriteRawProtoSummary", writing), ("WriteScalarSummary", writing),
    ("WriteSummary", writing), ("DebugIdentity", writing), ("DebugNan", writing),
    ("DebugNumeric", writing), ("CudnnRNN", gpu),
    ("Risc", "belongs to an experiment of TensorFlow's that has no kernels"),
  ]
}
