import GraftProto
import GraftTensor
import SwiftProtobuf

extension RunTrace {
  /// The trace as TensorFlow's `RunMetadata`, which its timeline and profiler tools read, in binary form.
  package func runMetadata() throws -> [UInt8] {
    var device = Tensorflow_DeviceStepStats()
    device.device = "/job:localhost/replica:0/task:0/device:CPU:0"
    device.nodeStats = events.map { event in
      var node = Tensorflow_NodeExecStats()
      node.nodeName = event.name
      let start = startMicroseconds * 1000 + Int64(event.start)
      let duration = Int64(event.duration)
      node.allStartMicros = start / 1000
      node.opEndRelMicros = duration / 1000
      node.allEndRelMicros = duration / 1000
      node.allStartNanos = start
      node.opEndRelNanos = duration
      node.allEndRelNanos = duration
      node.timelineLabel = "\(event.name) = \(event.op)"
      node.output = event.outputs.enumerated().map { slot, value in
        var output = Tensorflow_NodeOutput()
        output.slot = Int32(clamping: slot)
        output.tensorDescription.dtype =
          Tensorflow_DataType(rawValue: Int(value.dtype.rawValue)) ?? .dtInvalid
        output.tensorDescription.shape.dim = value.shape.dimensions.map { size in
          var dimension = Tensorflow_TensorShapeProto.Dim()
          dimension.size = Int64(size)
          return dimension
        }
        return output
      }
      return node
    }
    var metadata = Tensorflow_RunMetadata()
    metadata.stepStats.devStats = [device]
    return try metadata.serializedBytes()
  }
}
