import GraftKernels
import GraftTensor
import Synchronization

/// What kernels of a plan made of their constants, by the nodes' numbers: kept while the inputs have the same shapes.
/// Shared by overlapping runs.
final class PreparedConstants: Sendable {
  private struct Entry {
    let shapes: [Shape]
    let object: any AnyObject & Sendable
  }

  private let entries: Mutex<[Entry?]>

  init(count: Int) {
    entries = Mutex(Array(repeating: nil, count: count))
  }

  fileprivate func object(of node: Int, for inputs: [Tensor]) -> AnyObject? {
    entries.withLock { entries in
      guard let entry = entries[node], entry.shapes.elementsEqual(inputs.lazy.map(\.shape)) else {
        return nil
      }
      return entry.object
    }
  }

  fileprivate func keep(_ object: any AnyObject & Sendable, of node: Int, for inputs: [Tensor]) {
    let entry = Entry(shapes: inputs.map(\.shape), object: object)
    entries.withLock { $0[node] = entry }
  }
}

/// Allocates every value of a node's run by itself, and keeps what is made of the node's constants.
final class NodeMemory: OutputAllocator {
  private let objects: PreparedConstants
  private let number: Int
  private let node: DataflowPlan.Node
  private let inputs: [Tensor]

  init(_ plan: DataflowPlan, node number: Int, inputs: [Tensor]) {
    objects = plan.prepared
    self.number = number
    node = plan.nodes[number]
    self.inputs = inputs
  }

  func prepared(_ instruction: Int) -> AnyObject? { objects.object(of: number, for: inputs) }

  func setPrepared(_ instruction: Int, _ object: any AnyObject & Sendable) {
    objects.keep(object, of: number, for: inputs)
  }

  func isConstant(slot: Int) -> Bool {
    guard node.inputs.indices.contains(slot), case .constant = node.inputs[slot] else { return false }
    return true
  }

  func isLastUse(slot: Int, of instruction: Int) -> Bool { true }
}
