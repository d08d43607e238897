@_exported import GraftCheckpoint
@_exported import GraftGraph
@_exported import GraftRuntime
@_exported import GraftTensor
