import CGraftVector
import GraftTensor

/// Activations that graphs spell out in several ops. Planning makes them; graphs need not hold them.
extension MathOps {
  static let fusedActivations: [OpDefinition] = [
    unary("_Swish", "x times its sigmoid, for each element.", types: [.float16, .bfloat16, .float32]) {
      SteppedRows.short(Swish.self, $0) ?? UnaryRows.row(graft_f32_silu, cost: 1_000)
    },
    single("_HardSwish", "x min(max(x + 3, 0), 6) / 6 for each element.", graft_f32_hard_silu),
    single("_Mish", "x tanh(log(1 + exp(x))) for each element.", graft_f32_mish),
    single("_GeluExact", "x (1 + erf(x / sqrt 2)) / 2 for each element.", graft_f32_gelu),
    single("_GeluApproximate", "`_GeluExact`, approximated by tanh.", graft_f32_gelu_tanh),
  ]

  private static func single(
    _ name: String, _ summary: String, _ function: @escaping UnaryRows.FloatLoop
  ) -> OpDefinition {
    unary(name, summary, types: [.float32]) { _ in UnaryRows.row(function, cost: 1_000) }
  }

  enum Swish: SteppedUnary {
    static func apply<T: FloatElement>(_ x: T) -> T { T.multiply(x, Sigmoid.apply(x)) }
    static var stepped: SteppedRows.Loops<UnaryRows.FloatLoop> {
      .init(half: graft_f32_half_silu, bfloat16: graft_f32_bfloat16_silu, cost: 500)
    }
  }
}
