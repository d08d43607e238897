import GraftGraph
import GraftRuntime
import GraftTensor
import Testing

#if Images
  /// Small files that claim to be large pictures.
  @Suite struct PictureSizes {
    /// A file of 1,000 by 1,000 equal pixels.
    private func file(_ op: String) throws -> Bytes {
      let size = "tensor { dtype: DT_INT32 tensor_shape { dim { size: 3 } } int_val: [1000, 1000, 3] }"
      let text = GraphText().node("size", "Const", [], ["dtype": "type: DT_INT32", "value": size])
        .node(
          "grey", "Const", [],
          ["dtype": "type: DT_UINT8", "value": "tensor { dtype: DT_UINT8 tensor_shape { } int_val: 99 }"]
        )
        .node("pixels", "Fill", ["size", "grey"], ["T": "type: DT_UINT8"])
        .node("file", op, ["pixels"], op == "EncodePng" ? ["T": "type: DT_UINT8"] : [:])
      return try #require(try Session(graph: try text.graph()).run("file").scalars(as: Bytes.self).first)
    }

    @Test(arguments: ["EncodePng": "DecodePng", "EncodeJpeg": "DecodeJpeg"])
    func areNotDecodedBeyondTheLimit(op: (key: String, value: String)) throws {
      let file = try file(op.key)
      #expect(file.count < 1 << 15)
      let text = GraphText().node("x", "Placeholder", [], ["dtype": "type: DT_STRING"]).node(
        "y", op.value, ["x"])
      func run(_ limits: SessionLimits) throws -> Tensor {
        try Session(graph: try text.graph(), options: SessionOptions(threads: 1, limits: limits))
          .run("y", feeding: ["x": try Tensor(shape: [], scalars: [file])])
      }
      #expect(try run(SessionLimits()).shape == [1000, 1000, 3])
      for limits in [SessionLimits(tensorBytes: 1 << 20), SessionLimits(totalBytes: 1 << 20)] {
        let error = try #require(thrown { _ = try run(limits) })
        #expect(error.code == .resourceExhausted && error.place.node == "y")
        #expect(error.message.contains("file cannot be decoded: it is larger"), "\(error)")
        #expect(error.remedy?.contains("tensorBytes") == true)
      }
    }
  }
#endif
