/// What a session keeps from run to run.
package enum StateOps {
  package static let all: [OpDefinition] =
    ResourceVariables.all + ReferenceVariables.all + TemporaryVariables.all + VariableScatterOps.all
    + VariableSliceOps.all + MutexOps.all + DeviceOps.all
}
