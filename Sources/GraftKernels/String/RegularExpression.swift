import GraftTensor

#if RE2
  import CRE2
  import Glibc

  /// A compiled regular expression, in RE2's syntax: matching takes time linear in the text.
  ///
  /// RE2's expressions may be used by several threads at once.
  final class RegularExpression: @unchecked Sendable {
    private let regex: OpaquePointer

    /// Compiles a pattern.
    ///
    /// - Throws: `GraftError` (`invalidArgument`) with what is wrong with it.
    init(_ pattern: Bytes) throws {
      let compiled = pattern.withCharacters { cre2_new($0, $1) }
      guard let compiled else {
        throw GraftError(
          .resourceExhausted, "There is no memory for the regular expression '\(pattern.string)'.")
      }
      if let error = cre2_error(compiled) {
        let message = String(cString: error)
        cre2_delete(compiled)
        throw GraftError(
          .invalidArgument, "'\(pattern.string)' is no regular expression: \(message).",
          remedy: "The syntax is RE2's, which has no backreferences and no look-around.")
      }
      regex = compiled
    }

    deinit {
      cre2_delete(regex)
    }

    /// Whether all of a text matches.
    func matches(_ text: Bytes) -> Bool { text.withCharacters { cre2_full_match(regex, $0, $1) } }

    /// A text with its first match replaced, or all.
    func replacing(
      in text: Bytes, with rewrite: Bytes, all: Bool, _ recent: inout RecentTexts
    ) throws -> Bytes {
      var count = 0
      let result = text.withCharacters { start, length in
        rewrite.withCharacters { cre2_replace(regex, start, length, $0, $1, all, &count) }
      }
      guard let result else {
        throw GraftError(
          .resourceExhausted, "There is no memory for a text of \(text.count) bytes and its rewrite.")
      }
      defer { free(result) }
      let bytes = UnsafeRawBufferPointer(start: result, count: count)
      return recent.text(bytes.bindMemory(to: UInt8.self))
    }
  }

  extension Bytes {
    /// Calls the closure with the bytes as C's characters; with an address even where there are none.
    fileprivate func withCharacters<R>(_ body: (UnsafePointer<CChar>, Int) -> R) -> R {
      bytes.withUnsafeBytes { buffer in
        guard let base = buffer.bindMemory(to: CChar.self).baseAddress else { return body("", 0) }
        return body(base, buffer.count)
      }
    }
  }
#else
  /// Where the package is built without RE2 there are no regular expressions.
  final class RegularExpression: Sendable {
    init(_ pattern: Bytes) throws {
      throw GraftError(
        .unimplemented, "This Graft is built without regular expressions.",
        remedy: "Build it with the package trait RE2, which is on by default.")
    }

    func matches(_ text: Bytes) -> Bool { false }
    func replacing(
      in text: Bytes, with rewrite: Bytes, all: Bool, _ recent: inout RecentTexts
    ) throws -> Bytes { text }
  }
#endif
