import GraftTensor

/// A set of data types, by their wire numbers. What is no type's number is not kept: no value is of such a type.
package struct TypeSet: Sendable, Equatable {
  private var bits: UInt64 = 0

  /// The types of the given numbers.
  package init(_ numbers: some Sequence<Int32>) {
    for number in numbers { insert(number) }
  }

  /// Adds the type of a number.
  mutating func insert(_ number: Int32) {
    if (0..<64).contains(number) { bits |= 1 << UInt64(number) }
  }

  /// Whether the type is one of them.
  package func contains(_ type: DataType) -> Bool { bits >> UInt64(type.rawValue) & 1 != 0 }

  /// The types, in the order of their numbers.
  package var types: [DataType] { DataType.allCases.filter(contains) }
}

extension TypeSet: ExpressibleByArrayLiteral {
  package init(arrayLiteral numbers: Int32...) { self.init(numbers) }
}
