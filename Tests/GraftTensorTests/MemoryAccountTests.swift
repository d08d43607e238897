import Testing

@testable import GraftTensor

/// What is charged for tensors, small ones among them, whose bytes threads keep for their next ones.
@Suite struct MemoryAccountTests {
  private func tensor(_ bytes: Int) throws -> Tensor {
    try Tensor(uninitialized: .uint8, shape: [bytes])
  }

  @Test(arguments: [1, 64, 4_000, 64 << 10, 100_000]) func whatIsLetGoOfIsNotUsed(bytes: Int) throws {
    let account = MemoryAccount(limit: 1 << 20, tensorLimit: 1 << 20)
    try account.charging {
      for _ in 0..<50 {
        let tensor = try tensor(bytes)
        #expect(account.usedBytes == bytes)
        withExtendedLifetime(tensor) {}
      }
    }
    #expect(account.usedBytes == 0)
  }

  @Test func whatIsKeptForSmallTensorsLeavesRoomForALargeOne() throws {
    let account = MemoryAccount(limit: 100_000, tensorLimit: 100_000)
    try account.charging {
      for _ in 0..<20 { _ = try tensor(3_000) }
      let large = try tensor(100_000)
      #expect(account.usedBytes == 100_000)
      let error = #expect(throws: GraftError.self) { _ = try tensor(1) }
      #expect(error?.code == .resourceExhausted && error?.message.contains("100001 bytes") == true)
      withExtendedLifetime(large) {}
    }
    #expect(account.usedBytes == 0)
  }

  @Test func smallTensorsTogetherTakeNoMoreThanTheLimit() {
    let account = MemoryAccount(limit: 10_000, tensorLimit: 10_000)
    account.charging {
      var held: [Tensor] = []
      while let next = try? tensor(100) { held.append(next) }
      #expect(held.count == 100)
      held.removeLast(50)
      while let next = try? tensor(100) { held.append(next) }
      #expect(held.count == 100)
    }
  }

  @Test func tensorsThatOutliveTheirAccountAreReleased() throws {
    var kept: Tensor?
    do {
      let account = MemoryAccount(limit: 1 << 20, tensorLimit: 1 << 20)
      kept = try account.charging { try Tensor([1, 2, 3] as [Float]) }
    }
    #expect(try kept?.scalars(as: Float.self) == [1, 2, 3])
    kept = nil
  }

  @Test(arguments: [0, 1, 63, 64, 65, 960, 961, 5_000]) func elementsOfEverySizeBeginAtACacheLine(bytes: Int)
    throws
  {
    for _ in 0..<8 {
      let tensor = try tensor(bytes)
      #expect(Int(bitPattern: tensor.base) % TensorStorage.alignment == 0)
      memset(tensor)
    }
  }

  /// Writes every byte, for whoever checks addresses.
  private func memset(_ tensor: Tensor) {
    tensor.storage.base.initializeMemory(as: UInt8.self, repeating: 7, count: tensor.byteCount)
  }
}
