import Glibc
import GraftKernels
import GraftTensor
import Synchronization

/// What the instructions of one run did, and how long each took.
package final class RunTrace: Sendable {
  /// One instruction's turn.
  package struct Event: Sendable {
    package let name: String
    package let op: String
    /// Nanoseconds since the trace began.
    package let start: Int
    package let duration: Int
    package let inputs: [Value]
    package let outputs: [Value]
  }

  /// A tensor's dtype and shape.
  package struct Value: Sendable {
    package let dtype: DataType
    package let shape: Shape
  }

  private let begin = ContinuousClock.now
  /// When it began, in microseconds since 1970.
  let startMicroseconds: Int64
  /// How many events a trace keeps. What a loop does after them counts as the loop's own.
  private static let capacity = 1 << 20

  private let recorded = Mutex<[Event]>([])

  /// A trace of nothing yet.
  package init() {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    startMicroseconds = Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
  }

  /// What happened, in the order in which it ended.
  package var events: [Event] { recorded.withLock { $0 } }

  /// Nanoseconds since the trace began.
  var now: Int {
    let (seconds, attoseconds) = begin.duration(to: .now).components
    return Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)
  }

  /// Notes that an instruction of a plan has ended.
  func record(_ plan: Plan, _ index: Int, _ values: UnsafeMutableBufferPointer<Tensor?>, start: Int) {
    let end = now
    let instruction = plan.instructions[index]
    record(
      plan.places[index].name, plan.places[index].op,
      inputs: plan.inputSlots[instruction.inputs].compactMap { values[Int($0)] },
      outputs: instruction.outputs.compactMap { values[$0] }, from: start, to: end)
  }

  /// Notes that a node has run, from when to when.
  func record(
    _ name: String, _ op: String, inputs: [Tensor], outputs: [Tensor], from start: Int, to end: Int
  ) {
    func value(_ tensor: Tensor) -> Value { Value(dtype: tensor.dtype, shape: tensor.shape) }
    let event = Event(
      name: name, op: op, start: start, duration: end - start, inputs: inputs.map(value),
      outputs: outputs.map(value))
    recorded.withLock { if $0.count < Self.capacity { $0.append(event) } }
  }
}

extension RunTrace.Event {
  /// Multiplications and additions that its products and convolutions take; nil for other ops.
  package var arithmetic: Int? {
    guard inputs.count >= 2, let output = outputs.first?.shape, output.rank >= 2 else { return nil }
    let (left, right) = (inputs[0].shape, inputs[1].shape)
    switch op {
    case "Conv2D", "Conv3D", "_FusedConv2D", "_FusedConv3D":
      guard right.rank >= 2, case let channels = right[right.rank - 1], channels > 0 else { return nil }
      return 2 * output.elementCount * (right.elementCount / channels)
    case "DepthwiseConv2dNative", "_FusedDepthwiseConv2dNative":
      guard right.rank == 4 else { return nil }
      return 2 * output.elementCount * right[0] * right[1]
    case "Conv2DBackpropInput", "Conv3DBackpropInputV2", "Conv2DBackpropFilter", "Conv3DBackpropFilterV2":
      guard inputs.count == 3 else { return nil }
      let (gradient, filter) = (inputs[2].shape, op.contains("Filter") ? output : inputs[1].shape)
      guard filter.rank >= 2, case let channels = filter[filter.rank - 1], channels > 0 else { return nil }
      return 2 * gradient.elementCount * (filter.elementCount / channels)
    case "MatMul", "_FusedMatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3":
      let rows = output[output.rank - 2]
      guard left.rank >= 2, rows > 0 else { return nil }
      return 2 * output.elementCount * (left[left.rank - 2] * left[left.rank - 1] / rows)
    default: return nil
    }
  }
}
