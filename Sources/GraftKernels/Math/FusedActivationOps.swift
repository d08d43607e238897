import CGraftVector
import GraftTensor

/// Activations that graphs spell out in several ops. Planning makes them; graphs need not hold them.
extension MathOps {
  static let fusedActivations: [OpDefinition] = [
    single("_Swish", "x times its sigmoid, for each element.", graft_f32_silu),
    single("_HardSwish", "x min(max(x + 3, 0), 6) / 6 for each element.", graft_f32_hard_silu),
    single("_Mish", "x tanh(log(1 + exp(x))) for each element.", graft_f32_mish),
    single("_GeluExact", "x (1 + erf(x / sqrt 2)) / 2 for each element.", graft_f32_gelu),
    single("_GeluApproximate", "`_GeluExact`, approximated by tanh.", graft_f32_gelu_tanh),
  ]

  private static func single(
    _ name: String, _ summary: String, _ function: @escaping UnaryRows.FloatLoop
  ) -> OpDefinition {
    unary(name, summary, types: [.float32]) { _ in
      UnaryRow(
        body: { x, y, count in
          function(x.assumingMemoryBound(to: Float.self), y.assumingMemoryBound(to: Float.self), count)
        }, inputSize: 4, outputSize: 4, cost: 1_000)
    }
  }
}
