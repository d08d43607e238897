import GraftTensor

/// An einsum's equation: which dimension of its operands is which of its result.
///
/// A label is any character but `,`, `-`, `>` and `.`; TensorFlow takes blanks for labels too. The dimensions of an
/// ellipsis get labels of their own, the last of them the same in both operands.
package struct EinsumEquation: Sendable {
  /// A dimension's name: a character's number, or a negative one for a dimension of an ellipsis.
  package typealias Label = Int

  private let text: String
  private let operands: [Subscripts]
  private let result: Subscripts

  /// What stands for one tensor.
  private struct Subscripts: Sendable {
    /// Labels before the ellipsis and after it.
    var before: [Label] = []
    var after: [Label] = []
    var hasEllipsis = false

    init(_ text: some StringProtocol, in equation: String) throws {
      var rest = text.unicodeScalars[...]
      while let next = rest.first {
        if next == "." {
          guard rest.starts(with: "...".unicodeScalars), !hasEllipsis else {
            throw GraftError(
              .invalidArgument,
              "The subscripts '\(text)' of the einsum '\(equation)' hold a dot that is no ellipsis.")
          }
          hasEllipsis = true
          rest = rest.dropFirst(3)
          continue
        }
        if hasEllipsis { after.append(Int(next.value)) } else { before.append(Int(next.value)) }
        rest.removeFirst()
      }
    }

    /// The labels of a tensor whose ellipsis stands for so many dimensions.
    func labels(ellipsis count: Int) -> [Label] {
      before + (hasEllipsis ? (0..<count).map { $0 - count } : []) + after
    }
  }

  /// Reads an equation such as `...ij,...jk->...ik`.
  package init(_ text: String) throws {
    self.text = text
    let sides = Self.split(text, at: "->")
    guard sides.count == 2 else {
      throw GraftError(
        .invalidArgument, "The einsum '\(text)' needs exactly one '->'.", remedy: "As in 'ij,jk->ik'.")
    }
    operands = try sides[0].split(separator: ",", omittingEmptySubsequences: false)
      .map { try Subscripts($0, in: text) }
    result = try Subscripts(sides[1], in: text)
    guard (1...2).contains(operands.count) else {
      throw GraftError(
        .invalidArgument, "The einsum '\(text)' is of \(operands.count) tensors; one or two are computed.")
    }
    guard !sides[1].contains(",") else {
      throw GraftError(.invalidArgument, "The einsum '\(text)' has more than one result.")
    }
    let known = Set(operands.flatMap { $0.before + $0.after })
    for label in result.before + result.after where !known.contains(label) {
      throw GraftError(
        .invalidArgument,
        "The result of the einsum '\(text)' has a label that no operand has: '\(Self.name(label))'.")
    }
    if operands.contains(where: { $0.hasEllipsis }) == false, result.hasEllipsis {
      throw GraftError(
        .invalidArgument, "The result of the einsum '\(text)' has an ellipsis that no operand has.")
    }
  }

  private static func split(_ text: String, at separator: String) -> [String] {
    var parts: [String] = [""]
    var rest = text[...]
    while let next = rest.first {
      if rest.hasPrefix(separator) {
        parts.append("")
        rest = rest.dropFirst(separator.count)
      } else {
        parts[parts.count - 1].append(next)
        rest.removeFirst()
      }
    }
    return parts
  }

  private static func name(_ label: Label) -> String {
    label < 0 ? "..." : UnicodeScalar(UInt32(label)).map { String(Character($0)) } ?? "?"
  }

  /// How many tensors there are on the left.
  var operandCount: Int { operands.count }

  /// The labels of operands and result for tensors of the given ranks.
  package func labels(ranks: [Int]) throws -> (operands: [[Label]], result: [Label]) {
    guard ranks.count == operands.count else {
      throw GraftError(
        .invalidArgument,
        "The einsum '\(text)' is of \(operands.count) tensors, and \(ranks.count) are there.")
    }
    var all: [[Label]] = []
    var longest = 0
    for (index, (operand, rank)) in zip(operands, ranks).enumerated() {
      let named = operand.before.count + operand.after.count
      guard operand.hasEllipsis ? rank >= named : rank == named else {
        throw GraftError(
          .invalidArgument,
          "The einsum '\(text)' names \(named) dimensions of a tensor that has \(rank).",
          at: .init(input: index))
      }
      longest = max(longest, operand.hasEllipsis ? rank - named : 0)
      all.append(operand.labels(ellipsis: rank - named))
    }
    guard longest == 0 || result.hasEllipsis else {
      throw GraftError(
        .invalidArgument,
        "The einsum '\(text)' has an ellipsis for \(longest) dimensions and none in its result.")
    }
    return (all, result.labels(ellipsis: longest))
  }

  /// The size of each label, ellipses broadcast.
  ///
  /// - Throws: `GraftError` where a label stands for two sizes.
  func sizes(_ operands: [[Label]], _ shapes: [Shape]) throws -> [Label: Int] {
    var sizes: [Label: Int] = [:]
    for (index, (labels, shape)) in zip(operands, shapes).enumerated() {
      for (axis, label) in labels.enumerated() {
        let size = shape[axis]
        guard let known = sizes[label], known != size else {
          sizes[label] = size
          continue
        }
        guard label < 0, known == 1 || size == 1 else {
          throw GraftError(
            .invalidArgument,
            "In the einsum '\(text)' the label '\(Self.name(label))' stands for \(known) and, in a tensor of shape \(shape), for \(size).",
            at: .init(input: index))
        }
        sizes[label] = known == 1 ? size : known
      }
    }
    return sizes
  }
}
