import GraftTensor
import Testing

@Suite struct DataTypeTests {
  @Test func numbersAndNamesAreTensorFlows() {
    // tf.dtypes: name, as_datatype_enum, size.
    let table: [(String, Int32, Int)] = [
      ("float32", 1, 4), ("float64", 2, 8), ("int32", 3, 4), ("uint8", 4, 1), ("int16", 5, 2), ("int8", 6, 1),
      ("complex64", 8, 8), ("int64", 9, 8), ("bool", 10, 1), ("qint8", 11, 1), ("quint8", 12, 1),
      ("qint32", 13, 4), ("bfloat16", 14, 2), ("qint16", 15, 2), ("quint16", 16, 2), ("uint16", 17, 2),
      ("complex128", 18, 16), ("float16", 19, 2), ("uint32", 22, 4), ("uint64", 23, 8),
      ("float8_e5m2", 24, 1), ("float8_e4m3fn", 25, 1), ("int4", 29, 1), ("uint4", 30, 1),
    ]
    for (name, number, size) in table {
      let dtype = DataType(name: name)
      #expect(dtype?.rawValue == number, "\(name)")
      #expect(dtype?.size == size, "\(name)")
      #expect(dtype?.name == name)
    }
    #expect(DataType(name: "string")?.rawValue == 7)
    #expect(DataType(name: "resource")?.rawValue == 20)
    #expect(DataType(name: "variant")?.rawValue == 21)
  }

  @Test func namesOfOpDefinitionsAndOfTheWireAreKnown() {
    #expect(DataType(name: "half") == .float16)
    #expect(DataType(name: "DT_DOUBLE") == .float64)
    #expect(DataType(name: "float") == .float32)
    #expect(DataType(name: "floaty") == nil)
    for dtype in DataType.allCases { #expect(DataType(name: dtype.opDefName) == dtype) }
  }

  @Test func kindsDoNotOverlap() {
    for dtype in DataType.allCases {
      let kinds = [dtype.isFloatingPoint, dtype.isComplex, dtype.isInteger, dtype.isQuantized]
      #expect(kinds.count { $0 } <= 1, "\(dtype)")
    }
  }
}

@Suite struct ShapeTests {
  @Test func countsElements() throws {
    #expect(try Shape(validating: [2, 3, 4]).elementCount == 24)
    #expect(Shape.scalar.elementCount == 1)
    #expect(try Shape(validating: [1 << 32, 0]).elementCount == 0)
  }

  /// Whatever goes over some of the dimensions comes to an end.
  @Test(arguments: [[0, Int.max, 3], [1 << 40, 1 << 40, 0], [0, (1 << 32) + 1]])
  func refusesWhatCannotBeCountedBesideAZero(sizes: [Int]) {
    let error = #expect(throws: GraftError.self) { try Shape(validating: sizes) }
    #expect(error?.code == .resourceExhausted)
  }

  @Test func emptyTensorsOfLargeSizesAreDescribed() throws {
    #expect(try Tensor(uninitialized: .float32, shape: [0, 1 << 20, 1 << 12]).description.contains("[]"))
  }

  @Test func refusesNegativeSizes() {
    let error = #expect(throws: GraftError.self) { try Shape(validating: [2, -1]) }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.contains("[2,-1]") == true)
  }

  @Test(arguments: [[1 << 62, 4], [Int.max, Int.max, Int.max], [1 << 48]])
  func refusesMoreElementsThanCanBeCounted(sizes: [Int]) {
    let error = #expect(throws: GraftError.self) { try Shape(validating: sizes) }
    #expect(error?.code == .resourceExhausted)
  }

  @Test func stridesAreRowMajor() {
    #expect(Shape([2, 3, 4]).strides == [12, 4, 1])
    #expect(Shape([]).strides == [])
  }

  @Test func printsAsTensorFlowDoes() {
    #expect(Shape([2, 3]).description == "[2,3]")
    #expect(Shape([]).description == "[]")
  }
}

@Suite struct TensorTests {
  @Test func holdsItsElements() throws {
    let tensor = try Tensor(shape: [2, 2], scalars: [1, 2, 3, 4] as [Float])
    #expect(tensor.dtype == .float32)
    #expect(tensor.byteCount == 16)
    #expect(try tensor.scalars(as: Float.self) == [1, 2, 3, 4])
    #expect(try Tensor(Int64(-5)).scalars(as: Int64.self) == [-5])
    #expect(try Tensor(["a", "bc"] as [Bytes]).strings() == ["a", "bc"])
  }

  @Test func refusesAnotherNumberOfElements() {
    let error = #expect(throws: GraftError.self) {
      try Tensor(shape: [2, 2], scalars: [1, 2, 3] as [Float])
    }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.contains("3 values") == true)
  }

  @Test func refusesToBeReadAsAnotherType() throws {
    let tensor = try Tensor([1, 2] as [Float])
    let error = #expect(throws: GraftError.self) { try tensor.scalars(as: Int32.self) }
    #expect(error?.message.contains("float32") == true)
    #expect(throws: GraftError.self) { try tensor.strings() }
  }

  @Test func quantizedElementsReadAsTheirIntegers() throws {
    let tensor = try Tensor([Int8(1), -2]).reinterpreted(as: .qint8)
    #expect(tensor.dtype == .qint8)
    #expect(try tensor.scalars(as: Int8.self) == [1, -2])
  }

  @Test func writingToOneCopyLeavesTheOther() throws {
    let first = try Tensor([1, 2, 3] as [Int32])
    var second = first
    try second.makeUnique()
    second.mutableBuffer(as: Int32.self)[0] = 9
    #expect(try first.scalars(as: Int32.self) == [1, 2, 3])
    #expect(try second.scalars(as: Int32.self) == [9, 2, 3])
  }

  @Test func theOnlyHolderIsWrittenInPlace() throws {
    var tensor = try Tensor([1, 2, 3] as [Int32])
    let before = tensor.base
    try tensor.makeUnique()
    #expect(tensor.base == before)
  }

  @Test func viewsShareMemory() throws {
    let tensor = try Tensor([1, 2, 3, 4] as [Int32])
    let view = tensor.reshaped(unchecked: [2, 2])
    #expect(view.base == tensor.base)
    #expect(view.shape == [2, 2])
  }

  @Test func copiesOfStringsOutliveTheOriginal() throws {
    var copy: Tensor?
    do {
      let original = try Tensor([Bytes("a long string that is in memory of its own"), "b"])
      copy = try original.copied()
    }
    #expect(try copy?.strings() == ["a long string that is in memory of its own", "b"])
  }

  @Test func bfloat16RoundsToEven() {
    // ml_dtypes.bfloat16(x).view('uint16')
    #expect(BFloat16(1.0).bitPattern == 0x3F80)
    #expect(BFloat16(1.00390625).bitPattern == 0x3F80)
    #expect(BFloat16(1.01171875).bitPattern == 0x3F82)
    #expect(BFloat16(3.4028235e38).bitPattern == 0x7F80)
    #expect(Float(BFloat16(.nan)).isNaN)
  }
}
