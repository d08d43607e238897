import GraftGraph
import GraftTensor

/// Little-endian words out of bytes.
private struct WordReader {
  private let bytes: UnsafeRawBufferPointer

  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
  }

  var count: Int { bytes.count }

  @inline(__always)
  func byte(_ offset: Int) -> UInt64 { UInt64(bytes[offset]) }

  @inline(__always)
  func word(_ offset: Int) -> UInt64 {
    UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  @inline(__always)
  func half(_ offset: Int) -> UInt64 {
    UInt64(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
  }
}

@inline(__always)
private func rotated(_ value: UInt64, right count: UInt64) -> UInt64 {
  value >> count | value << (64 - count)
}

/// FarmHash's Fingerprint64: the same on every machine and in every version.
enum FarmFingerprint {
  private static let k0: UInt64 = 0xC3A5_C85C_97CB_3127
  private static let k1: UInt64 = 0xB492_B66F_BE98_F273
  private static let k2: UInt64 = 0x9AE1_6A3B_2F90_404F

  /// The fingerprint of some bytes.
  static func hash(_ bytes: [UInt8]) -> UInt64 {
    bytes.withUnsafeBytes { buffer in
      let words = WordReader(buffer)
      switch buffer.count {
      case 0...16: return upTo16(words)
      case 17...32: return upTo32(words)
      case 33...64: return upTo64(words)
      default: return long(words)
      }
    }
  }

  private static func folded(_ value: UInt64) -> UInt64 { value ^ (value >> 47) }

  private static func mixed(_ u: UInt64, _ v: UInt64, _ multiplier: UInt64) -> UInt64 {
    let a = folded((u ^ v) &* multiplier)
    return folded((v ^ a) &* multiplier) &* multiplier
  }

  private static func upTo16(_ words: WordReader) -> UInt64 {
    let count = words.count
    let multiplier = k2 &+ UInt64(count) &* 2
    if count >= 8 {
      let a = words.word(0) &+ k2
      let b = words.word(count - 8)
      let c = rotated(b, right: 37) &* multiplier &+ a
      let d = (rotated(a, right: 25) &+ b) &* multiplier
      return mixed(c, d, multiplier)
    }
    if count >= 4 {
      return mixed(UInt64(count) &+ words.half(0) << 3, words.half(count - 4), multiplier)
    }
    guard count > 0 else { return k2 }
    let y = words.byte(0) &+ words.byte(count >> 1) << 8
    let z = UInt64(count) &+ words.byte(count - 1) << 2
    return folded(y &* k2 ^ z &* k0) &* k2
  }

  private static func upTo32(_ words: WordReader) -> UInt64 {
    let count = words.count
    let multiplier = k2 &+ UInt64(count) &* 2
    let a = words.word(0) &* k1
    let b = words.word(8)
    let c = words.word(count - 8) &* multiplier
    let d = words.word(count - 16) &* k2
    let first = rotated(a &+ b, right: 43) &+ rotated(c, right: 30) &+ d
    return mixed(first, a &+ rotated(b &+ k2, right: 18) &+ c, multiplier)
  }

  private static func upTo64(_ words: WordReader) -> UInt64 {
    let count = words.count
    let multiplier = k2 &+ UInt64(count) &* 2
    let a = words.word(0) &* k2
    let b = words.word(8)
    let c = words.word(count - 8) &* multiplier
    let d = words.word(count - 16) &* k2
    let y = rotated(a &+ b, right: 43) &+ rotated(c, right: 30) &+ d
    let z = mixed(y, a &+ rotated(b &+ k2, right: 18) &+ c, multiplier)
    let e = words.word(16) &* multiplier
    let f = words.word(24)
    let g = (y &+ words.word(count - 32)) &* multiplier
    let h = (z &+ words.word(count - 24)) &* multiplier
    let first = rotated(e &+ f, right: 43) &+ rotated(g, right: 30) &+ h
    return mixed(first, e &+ rotated(f &+ a, right: 18) &+ g, multiplier)
  }

  /// Two words out of four of the text and two seeds.
  private static func weak(
    _ words: WordReader, _ offset: Int, _ seedA: UInt64, _ seedB: UInt64
  ) -> (UInt64, UInt64) {
    let z = words.word(offset + 24)
    var a = seedA &+ words.word(offset)
    var b = rotated(seedB &+ a &+ z, right: 21)
    let c = a
    a &+= words.word(offset + 8)
    a &+= words.word(offset + 16)
    b &+= rotated(a, right: 44)
    return (a &+ z, b &+ c)
  }

  private static func long(_ words: WordReader) -> UInt64 {
    let seed: UInt64 = 81
    var x = seed
    var y = seed &* k1 &+ 113
    var z = folded(y &* k2 &+ 113) &* k2
    var v: (UInt64, UInt64) = (0, 0)
    var w: (UInt64, UInt64) = (0, 0)
    x = x &* k2 &+ words.word(0)
    let end = (words.count - 1) / 64 * 64
    let last = end + (words.count - 1) % 64 - 63
    var place = 0
    repeat {
      x = rotated(x &+ y &+ v.0 &+ words.word(place + 8), right: 37) &* k1
      y = rotated(y &+ v.1 &+ words.word(place + 48), right: 42) &* k1
      x ^= w.1
      y &+= v.0 &+ words.word(place + 40)
      z = rotated(z &+ w.0, right: 33) &* k1
      v = weak(words, place, v.1 &* k1, x &+ w.0)
      w = weak(words, place + 32, z &+ w.1, y &+ words.word(place + 16))
      swap(&z, &x)
      place += 64
    } while place != end
    let multiplier = k1 &+ (z & 0xFF) << 1
    w.0 &+= UInt64((words.count - 1) % 64)
    v.0 &+= w.0
    w.0 &+= v.0
    x = rotated(x &+ y &+ v.0 &+ words.word(last + 8), right: 37) &* multiplier
    y = rotated(y &+ v.1 &+ words.word(last + 48), right: 42) &* multiplier
    x ^= w.1 &* 9
    y &+= v.0 &* 9 &+ words.word(last + 40)
    z = rotated(z &+ w.0, right: 33) &* multiplier
    v = weak(words, last, v.1 &* multiplier, x &+ w.0)
    w = weak(words, last + 32, z &+ w.1, y &+ words.word(last + 16))
    swap(&z, &x)
    let first = mixed(v.0, w.0, multiplier) &+ folded(y) &* k0 &+ z
    return mixed(first, mixed(v.1, w.1, multiplier) &+ x, multiplier)
  }
}

/// SipHash-2-4 of Aumasson and Bernstein: a hash that only who knows the key can foresee.
private struct KeyedHash: Sendable {
  let key: (UInt64, UInt64)

  func hash(_ bytes: [UInt8]) -> UInt64 {
    bytes.withUnsafeBytes { buffer in
      let words = WordReader(buffer)
      var state = (
        key.0 ^ 0x736F_6D65_7073_6575, key.1 ^ 0x646F_7261_6E64_6F6D, key.0 ^ 0x6C79_6765_6E65_7261,
        key.1 ^ 0x7465_6462_7974_6573
      )
      func round() {
        state.0 &+= state.1
        state.1 = rotated(state.1, right: 51) ^ state.0
        state.0 = rotated(state.0, right: 32)
        state.2 &+= state.3
        state.3 = rotated(state.3, right: 48) ^ state.2
        state.0 &+= state.3
        state.3 = rotated(state.3, right: 43) ^ state.0
        state.2 &+= state.1
        state.1 = rotated(state.1, right: 47) ^ state.2
        state.2 = rotated(state.2, right: 32)
      }
      func absorb(_ word: UInt64) {
        state.3 ^= word
        round()
        round()
        state.0 ^= word
      }
      let whole = words.count / 8 * 8
      for place in stride(from: 0, to: whole, by: 8) { absorb(words.word(place)) }
      var last = UInt64(words.count & 0xFF) << 56
      for place in whole..<words.count { last |= words.byte(place) << UInt64(8 * (place - whole)) }
      absorb(last)
      state.2 ^= 0xFF
      for _ in 0..<4 { round() }
      return state.0 ^ state.1 ^ state.2 ^ state.3
    }
  }
}

/// MurmurHash64A, with TensorFlow's seed.
enum MurmurHash {
  static func hash(_ bytes: [UInt8]) -> UInt64 {
    bytes.withUnsafeBytes { buffer in
      let words = WordReader(buffer)
      let multiplier: UInt64 = 0xC6A4_A793_5BD1_E995
      var hash: UInt64 = 0xDECA_FCAF_FE ^ (UInt64(words.count) &* multiplier)
      let whole = words.count / 8 * 8
      for place in stride(from: 0, to: whole, by: 8) {
        var word = words.word(place) &* multiplier
        word ^= word >> 47
        hash = (hash ^ word &* multiplier) &* multiplier
      }
      if whole < words.count {
        for place in whole..<words.count { hash ^= words.byte(place) << UInt64(8 * (place - whole)) }
        hash = hash &* multiplier
      }
      hash ^= hash >> 47
      hash = hash &* multiplier
      return hash ^ (hash >> 47)
    }
  }
}

enum StringHashOps {
  static let all: [OpDefinition] = [
    tensorToHashBucket,
    definition("StringToHashBucket", "Strings hashed into buckets; for old graphs.") { _ in
      { MurmurHash.hash($0) }
    },
    definition("StringToHashBucketFast", "Strings hashed into buckets with FarmHash.") { _ in
      { FarmFingerprint.hash($0) }
    },
    definition(
      "StringToHashBucketStrong", "Strings hashed into buckets that only who knows the key can foresee."
    ) {
      setup in
      let key = try setup.ints("key")
      guard key.count == 2 else {
        throw setup.invalid("'key' has \(key.count) numbers; two are expected.")
      }
      let hash = KeyedHash(key: (UInt64(bitPattern: Int64(key[0])), UInt64(bitPattern: Int64(key[1]))))
      return { hash.hash($0) }
    },
  ]

  private static let tensorToHashBucket = OpDefinition(
    "_TensorToHashBucketFast", "Integers as decimal text, hashed into buckets with FarmHash.",
    types: ["T": .integers], shape: ShapeRules.sameAsInput,
    prepare: { setup in
      let buckets = try bucketCount(setup)
      return { context in
        let input = try context.input(0)
        let target = try context.allocate(0, .int64, input.shape).mutableBuffer(as: Int64.self)
        func hash<T: IntegerElement>(_ type: T.Type) {
          let source = input.buffer(as: type)
          for index in target.indices {
            target[index] = Int64(
              truncatingIfNeeded: FarmFingerprint.hash(Array(String(source[index]).utf8)) % buckets)
          }
        }
        switch input.dtype {
        case .int8: hash(Int8.self)
        case .int16: hash(Int16.self)
        case .int32: hash(Int32.self)
        case .int64: hash(Int64.self)
        case .uint8: hash(UInt8.self)
        case .uint16: hash(UInt16.self)
        case .uint32: hash(UInt32.self)
        default: hash(UInt64.self)
        }
      }
    })

  private static func bucketCount(_ setup: NodeSetup) throws -> UInt64 {
    let buckets = try setup.int("num_buckets")
    guard buckets > 0 else { throw setup.invalid("'num_buckets' is \(buckets); it must be positive.") }
    return UInt64(buckets)
  }

  private static func definition(
    _ name: String, _ summary: String,
    _ prepare: @escaping @Sendable (NodeSetup) throws -> @Sendable ([UInt8]) -> UInt64
  ) -> OpDefinition {
    OpDefinition(
      name, summary, shape: ShapeRules.sameAsInput,
      prepare: { setup in
        let buckets = try bucketCount(setup)
        let hash = try prepare(setup)
        return { context in
          let source = try context.strings(0)
          let target = try context.allocate(0, .int64, context.input(0).shape).mutableBuffer(as: Int64.self)
          for index in target.indices {
            target[index] = Int64(truncatingIfNeeded: hash(source[index].bytes) % buckets)
          }
        }
      })
  }
}
