/// Queues, staging areas and barriers: what hands tensors from one run to another.
package enum QueueOps {
  package static let all: [OpDefinition] =
    QueueMakingOps.all + QueueUsingOps.all + StagingOps.all + StagingMapOps.all
}
