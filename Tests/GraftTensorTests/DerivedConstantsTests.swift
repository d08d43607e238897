import Testing

@testable import GraftTensor

@Suite struct DerivedConstantsTests {
  private final class Made: Sendable {
    let number: Int
    init(_ number: Int) { self.number = number }
  }

  @Test func whatIsHeldIsMadeOnceForEachFormAndFactors() throws {
    let store = DerivedConstants()
    let tensor = try Tensor([Float(1), 2])
    let factors = [try Tensor([Float(3)]), try Tensor([Float(3)]), try Tensor([Float(4)])]
    var count = 0
    func get(_ form: [Int], _ factors: Tensor? = nil) -> Made {
      store.value(of: tensor, form: form, factors: factors) {
        count += 1
        return Made(count)
      }
    }
    let first = get([1])
    #expect(get([1]) === first)
    let second = get([2])
    #expect(second !== first)
    let scaled = get([1], factors[0])
    #expect(get([1], factors[1]) === scaled)
    #expect(get([1], factors[2]) !== scaled)
    withExtendedLifetime((first, second, scaled)) {}
  }

  @Test func nothingIsKeptThatNobodyHolds() throws {
    let store = DerivedConstants()
    let tensor = try Tensor([Float(1), 2])
    var number = 0
    func get() -> Int {
      number += 1
      return store.value(of: tensor, form: []) { Made(number) }.number
    }
    #expect(get() == 1)
    #expect(get() == 2)
  }
}
