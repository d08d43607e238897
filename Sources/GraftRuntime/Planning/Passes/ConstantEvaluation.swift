import GraftKernels
import GraftTensor

/// Takes constants' values out of their attributes, once for all runs: views of the graph's file where they are
/// large, aligned or not.
enum ConstantEvaluation: PlanPass {
  static func run(_ graph: inout PlanGraph) throws {
    for index in graph.nodes.indices
    where graph.nodes[index].op == "Const" && graph.nodes[index].constants == nil {
      // What a constant waits for may fail, or decide on a branch whether it is there.
      guard graph.nodes[index].controlInputs.isEmpty else { continue }
      do {
        graph.nodes[index].constants = [try ConstantOps.value(graph.nodes[index].setup)]
      } catch let error as GraftError {
        throw error.at(.init(node: graph.nodes[index].name, op: "Const"))
      }
    }
  }
}
