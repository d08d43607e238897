import Glibc
import GraftTensor

/// What a graph asks about where it runs.
package enum EnvironmentOps {
  /// The attribute in which the planner tells a node which version of GraphDef its graph has.
  package static let versionAttribute = "_graph_def_version"

  static let all: [OpDefinition] = [timestamp, graphDefVersion]

  private static let timestamp = OpDefinition(
    "Timestamp", "Seconds since 1970.", traits: [.stateful], shape: ShapeRules.scalar
  ) { _ in
    return { context in
      var time = timespec()
      clock_gettime(CLOCK_REALTIME, &time)
      let seconds = Double(time.tv_sec) + Double(time.tv_nsec / 1000) * 1e-6
      try context.allocate(0, .float64, .scalar).mutableBuffer(as: Double.self)[0] = seconds
    }
  }

  private static let graphDefVersion = OpDefinition(
    "GraphDefVersion", "The version of GraphDef that wrote the graph.", shape: ShapeRules.scalar
  ) { node in
    let version = try node.has(versionAttribute) ? node.int(versionAttribute) : 0
    return { context in try context.setOutput(0, try Tensor(Int32(clamping: version))) }
  }
}
