import GraftTensor
import Synchronization

/// A variable of a session: a tensor that runs read and assign.
package final class Variable: SessionResource {
  package static let kind = "variable"

  /// The name by which checkpoints and messages know it.
  package let name: String
  /// The dtype of the values that it may hold.
  package let dtype: DataType
  /// The shapes that it may hold.
  package let shape: PartialShape
  private struct Contents {
    var value: Tensor?
    /// Somebody takes the value for constant: its memory is not written any more.
    var isTaken = false
  }

  private let contents = Mutex(Contents())
  private let changes = Atomic<Int>(0)
  private let epoch: VariableEpoch

  /// A variable that holds nothing yet. Its changes are counted in the epoch, too.
  package init(
    name: String, dtype: DataType, shape: PartialShape, epoch: VariableEpoch = VariableEpoch()
  ) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.epoch = epoch
  }

  /// The value, where there is one.
  package var value: Tensor? { contents.withLock { $0.value } }

  /// How often the value was changed.
  package var version: Int { changes.load(ordering: .acquiring) }

  /// The value, where there is one, and the version that it is, for somebody who takes it for constant: from
  /// now on changes go to other memory.
  package func take() -> (value: Tensor?, version: Int) {
    contents.withLock { contents in
      contents.isTaken = true
      return (contents.value, version)
    }
  }

  /// To be called by who holds the lock and has changed the contents.
  private func noteChange() {
    changes.wrappingAdd(1, ordering: .releasing)
    epoch.advance()
  }

  /// The value.
  ///
  /// - Throws: `GraftError` (`uninitialized`) when nothing was assigned yet.
  package func read() throws -> Tensor {
    guard let value else {
      throw GraftError(
        .uninitialized, "The variable '\(name)' is read before it has a value.",
        remedy: "Restore a checkpoint with a Saver, or run the operation that initialises it.")
    }
    return value
  }

  /// Gives the variable a value.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) for another dtype or a shape that it may not have.
  package func assign(_ tensor: Tensor, validatesShape: Bool = true) throws {
    guard tensor.dtype == dtype else {
      throw GraftError(
        .invalidArgument, "The variable '\(name)' holds \(dtype), and \(tensor.dtype) is assigned to it.")
    }
    guard !validatesShape || shape.accepts(tensor.shape) else {
      throw GraftError(
        .invalidArgument, "The variable '\(name)' has shape \(shape), and \(tensor.shape) is assigned to it.")
    }
    let kept = try tensor.persistent()
    contents.withLock { contents in
      contents = Contents(value: kept)
      noteChange()
    }
  }

  /// Forgets the value.
  package func reset() {
    contents.withLock { contents in
      contents = Contents()
      noteChange()
    }
  }

  /// Replaces the value by what the closure makes of it, whole: no run sees a part of it.
  ///
  /// The closure may write the tensor that it is given; nobody else sees its memory. What it throws, it
  /// throws before it writes.
  ///
  /// - Throws: `GraftError` (`uninitialized`), and what the closure throws; the value is then as it was.
  @discardableResult
  package func update(_ body: (inout Tensor) throws -> Void) throws -> Tensor {
    _ = try read()
    return try contents.withLock { contents in
      guard var value = contents.value else {
        throw GraftError(.uninitialized, "The variable '\(name)' has lost its value.")
      }
      // Taken out meanwhile, so that memory that nobody else holds is written in place.
      contents.value = nil
      defer { contents.value = value }
      if contents.isTaken { value = try value.copied() } else { try value.makeUnique() }
      contents.isTaken = false
      try body(&value)
      noteChange()
      return value
    }
  }

  /// Changes the values of several variables together, each whole. One that stands there twice has one
  /// memory.
  ///
  /// - Throws: as ``update(_:)``, whose rules hold for the closure.
  package static func update(_ variables: [Variable], _ body: ([Tensor]) throws -> Void) throws {
    // In one order everywhere, so that two runs do not wait for each other.
    var distinct: [ObjectIdentifier: Variable] = [:]
    for variable in variables { distinct[ObjectIdentifier(variable)] = variable }
    var values: [ObjectIdentifier: Tensor] = [:]
    func enter(_ rest: ArraySlice<ObjectIdentifier>) throws {
      guard let key = rest.first, let variable = distinct[key] else {
        return try body(variables.compactMap { values[ObjectIdentifier($0)] })
      }
      try variable.update { value in
        values[key] = value
        try enter(rest.dropFirst())
      }
    }
    try enter(distinct.keys.sorted()[...])
  }
}
