/// Ops that read and write checkpoints, and that name their files.
package enum CheckpointOps {
  package static let all: [OpDefinition] =
    RestoreOps.all + SaveOps.all + ShardNameOps.all + [
      MatrixRemapping.definition
    ]
}
