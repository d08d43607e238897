import GraftTensor

/// A function of your program that nodes call in the place of one of Python's: the inputs' values in, the outputs'
/// values out, of the node's dtypes. It may be called from several threads at once.
public typealias HostFunction = @Sendable ([Tensor]) throws -> [Tensor]
