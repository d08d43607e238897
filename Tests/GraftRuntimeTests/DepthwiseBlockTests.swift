import GraftGraph
import GraftTensor
import Testing

@testable import GraftRuntime

/// Depthwise convolutions that are computed with their neighbours, in bands of rows or slices of channels: what the
/// parts give.
@Suite struct DepthwiseBlockTests {
  /// Images so large that bands are made of them.
  private static let size = 67
  private static let channels = 36

  private func weights(_ count: Int) -> [Float] { (0..<count).map { Float($0 * 37 % 23 - 11) / 32 } }

  /// 1x1, depthwise, 1x1, as a mobile network has them; the names of the parts are "expand", "depthwise" and
  /// "project".
  private func network(
    window: Int, stride: Int, padding: String, shortcut: Bool = false, size: Int = size,
    channels: Int = channels,
    groups: Int = 1
  ) -> GraphText {
    func attributes(_ stride: Int, _ padding: String) -> [String: String] {
      [
        "T": "type: DT_FLOAT", "strides": "list { i: 1 i: \(stride) i: \(stride) i: 1 }",
        "padding": "s: \"\(padding)\"",
      ]
    }
    return GraphText().placeholder("x", [2, size, size, 8])
      .constant("f1", [1, 1, 8 / groups, channels], weights(8 / groups * channels))
      .constant("b1", [channels], weights(channels))
      .constant("f2", [window, window, channels, 1], weights(window * window * channels))
      .constant("b2", [channels], weights(channels))
      .constant("f3", [1, 1, channels / groups, 8], weights(channels / groups * 8))
      .node("c1", "Conv2D", ["x", "f1"], attributes(1, "SAME"))
      .node("a1", "BiasAdd", ["c1", "b1"], GraphText.float)
      .node("expand", "Relu6", ["a1"], GraphText.float)
      .node("c2", "DepthwiseConv2dNative", ["expand", "f2"], attributes(stride, padding))
      .node("a2", "BiasAdd", ["c2", "b2"], GraphText.float)
      .node("depthwise", "Elu", ["a2"], GraphText.float)
      .node("c3", "Conv2D", ["depthwise", "f3"], attributes(1, "VALID"))
      .node("project", shortcut ? "AddV2" : "Neg", shortcut ? ["c3", "x"] : ["c3"], GraphText.float)
  }

  private func feed(_ size: Int, channels: Int = 8) throws -> Tensor {
    let count = 2 * size * size * channels
    return try Tensor(
      shape: [2, size, size, channels], scalars: (0..<count).map { Float($0 * 31 % 101 - 50) / 25 })
  }

  private func expectSame(
    _ text: GraphText, _ fetches: [String], threads: Int, size: Int = size, channels: Int = 8
  ) throws {
    let plain = try Session(graph: text.graph(), options: .init(threads: 1, optimize: false))
    let joined = try Session(graph: text.graph(), options: .init(threads: threads))
    let x = try feed(size, channels: channels)
    let expected = try plain.run(fetches, feeding: ["x": x])
    // The first run records the layout, the second uses it.
    for _ in 0..<2 {
      for (found, expected) in zip(try joined.run(fetches, feeding: ["x": x]), expected) {
        #expect(found.shape == expected.shape)
        let pairs = zip(try found.scalars(as: Float.self), try expected.scalars(as: Float.self))
        #expect(pairs.allSatisfy { abs($0 - $1) <= 1e-5 + 1e-5 * abs($1) })
      }
    }
  }

  private func plan(
    _ text: GraphText, _ fetches: [String], size: Int = size, channels: Int = 8
  ) throws -> String {
    var graph = try text.graph().pruned(feeds: ["x"], fetches: fetches)
    try Planner.optimize(&graph)
    return try Plan(graph, feedCount: 1)
      .specialized(for: FeedShapes([try feed(size, channels: channels).shape])).description
  }

  @Test(arguments: [(3, 1), (3, 2), (5, 1), (5, 2)], ["SAME", "VALID"])
  func aBlockGivesWhatItsPartsGive(_ window: (size: Int, stride: Int), padding: String) throws {
    let text = network(window: window.size, stride: window.stride, padding: padding)
    #expect(try plan(text, ["project"]).contains("_FusedDepthwiseBlock("))
    for threads in [1, 3] { try expectSame(text, ["project"], threads: threads) }
  }

  @Test(arguments: [(3, 1), (3, 2), (5, 1), (7, 2)], [16, 36, 200])
  func smallImagesAreComputedInSlicesOfChannels(_ window: (size: Int, stride: Int), channels: Int) throws {
    let text = network(
      window: window.size, stride: window.stride, padding: "SAME", size: 19, channels: channels)
    let planned = try plan(text, ["project"], size: 19)
    #expect(planned.contains("depthwise = _FusedDepthwiseBlock(") && planned.contains("c3 = Conv2D("))
    for threads in [1, 3] { try expectSame(text, ["project"], threads: threads, size: 19) }
  }

  /// One thread goes by slices of channels, several that have rows enough by bands.
  @Test(arguments: [3, 5], [1, 2])
  func slicesAndBandsGiveTheSameBits(window: Int, stride: Int) throws {
    let text = network(window: window, stride: stride, padding: "SAME", size: 44, channels: 16)
    #expect(try plan(text, ["project"], size: 44).contains("depthwise = _FusedDepthwiseBlock("))
    let values = try [1, 2].map { threads in
      try Session(graph: text.graph(), options: .init(threads: threads))
        .run(["project"], feeding: ["x": feed(44)])[0].scalars(as: Float.self).map(\.bitPattern)
    }
    #expect(values[0] == values[1])
  }

  /// Pictures, a convolution of them, and a depthwise one with what follows.
  private func beginning(window: Int, stride: Int, padding: String, size: Int, dilation: Int = 1) -> GraphText
  {
    func attributes(_ stride: Int, _ padding: String, _ dilation: Int = 1) -> [String: String] {
      [
        "T": "type: DT_FLOAT", "strides": "list { i: 1 i: \(stride) i: \(stride) i: 1 }",
        "dilations": "list { i: 1 i: \(dilation) i: \(dilation) i: 1 }", "padding": "s: \"\(padding)\"",
      ]
    }
    let pads = padding == "EXPLICIT"
    return GraphText().placeholder("x", [2, size, size, 3])
      .constant("pads", [4, 2], [0, 0, 1, 2, 0, 3, 0, 0])
      .node("padded", "Pad", ["x", "pads"], ["T": "type: DT_FLOAT", "Tpaddings": "type: DT_INT32"])
      .constant("f1", [window, window, 3, 36], weights(window * window * 108))
      .constant("b1", [36], weights(36))
      .constant("f2", [3, 3, 36, 1], weights(324))
      .constant("f3", [1, 1, 36, 8], weights(288))
      .node(
        "c1", "Conv2D", [pads ? "padded" : "x", "f1"], attributes(stride, pads ? "VALID" : padding, dilation)
      )
      .node("a1", "BiasAdd", ["c1", "b1"], GraphText.float)
      .node("first", "Relu6", ["a1"], GraphText.float)
      .node("c2", "DepthwiseConv2dNative", ["first", "f2"], attributes(1, "SAME"))
      .node("depthwise", "Elu", ["c2"], GraphText.float)
      .node("c3", "Conv2D", ["depthwise", "f3"], attributes(1, "VALID"))
      .node("project", "Neg", ["c3"], GraphText.float)
  }

  @Test(arguments: [(3, 2), (5, 1), (1, 2)], ["SAME", "VALID", "EXPLICIT"])
  func theConvolutionOfPicturesIsAPartOfTheBlockBehindIt(
    _ window: (size: Int, stride: Int), padding: String
  ) throws {
    let size = 67 * window.stride
    let text = beginning(window: window.size, stride: window.stride, padding: padding, size: size)
    let planned = try plan(text, ["project"], size: size, channels: 3)
    #expect(planned.contains("c3 = _FusedDepthwiseBlock(") && !planned.contains("Conv2D("))
    for threads in [1, 3] {
      try expectSame(text, ["project"], threads: threads, size: size, channels: 3)
      try expectSame(text, ["depthwise"], threads: threads, size: size, channels: 3)
    }
    let values = try [1, 2, 5].map { threads in
      try Session(graph: text.graph(), options: .init(threads: threads))
        .run(["project"], feeding: ["x": feed(size, channels: 3)])[0].scalars(as: Float.self).map(
          \.bitPattern)
    }
    #expect(values[0] == values[1] && values[0] == values[2])
  }

  /// Small pictures are computed in slices of channels, of which each would need all of the convolution before it.
  @Test(arguments: [(19, 1), (134, 2)])
  func convolutionsOfSmallPicturesOrWithDilationStayApart(_ picture: (size: Int, dilation: Int)) throws {
    let text = beginning(
      window: 3, stride: 1, padding: "SAME", size: picture.size, dilation: picture.dilation)
    #expect(try plan(text, ["project"], size: picture.size, channels: 3).contains("first = _FusedConv2D("))
    try expectSame(text, ["project"], threads: 2, size: picture.size, channels: 3)
  }

  /// The kernel of blocks has no groups of channels.
  @Test(arguments: [19, 67])
  func convolutionsInGroupsStayApart(size: Int) throws {
    let text = network(window: 3, stride: 1, padding: "SAME", size: size, groups: 2)
    #expect(try !plan(text, ["project"], size: size).contains("_FusedDepthwiseBlock("))
    try expectSame(text, ["project"], threads: 2, size: size)
  }

  @Test func aShortcutIsAddedInTheBlock() throws {
    let text = network(window: 3, stride: 1, padding: "SAME", shortcut: true)
    #expect(try plan(text, ["project"]).contains("project = _FusedDepthwiseBlock("))
    try expectSame(text, ["project"], threads: 2)
  }

  @Test func whatIsFetchedStaysApart() throws {
    let text = network(window: 3, stride: 1, padding: "SAME")
    let both = try plan(text, ["depthwise", "project"])
    #expect(both.contains("depthwise = _FusedDepthwiseBlock(") && both.contains("c3 = Conv2D("))
    try expectSame(text, ["expand", "project"], threads: 1)
    try expectSame(text, ["depthwise", "project"], threads: 1)
  }

  /// The block's depthwise convolution with the mean of each channel beside it, which "scaled" reads as well.
  private func squeezed(
    window: Int, stride: Int, size: Int, channels: Int, keepsDimensions: Bool = true, axes: [Int] = [1, 2]
  ) -> GraphText {
    network(window: window, stride: stride, padding: "SAME", size: size, channels: channels)
      .constant("axes", [axes.count], axes)
      .node(
        "mean", "Mean", ["depthwise", "axes"],
        ["T": "type: DT_FLOAT", "Tidx": "type: DT_INT32", "keep_dims": "b: \(keepsDimensions)"]
      )
      .node("scaled", "Mul", ["depthwise", "mean"], GraphText.float)
  }

  /// In bands, in slices, and where the depthwise convolution stays apart from the one before it.
  @Test(arguments: [(67, 36), (19, 200), (19, 36)], [(3, 1), (5, 2)])
  func meansOfChannelsComeWithTheBlock(
    _ image: (size: Int, channels: Int), _ window: (size: Int, stride: Int)
  ) throws {
    let text = squeezed(
      window: window.size, stride: window.stride, size: image.size, channels: image.channels)
    for fetches in [["scaled"], ["scaled", "mean"], ["scaled", "expand"]] {
      #expect(try !plan(text, fetches, size: image.size).contains("Mean("))
      for threads in [1, 3] { try expectSame(text, fetches, threads: threads, size: image.size) }
    }
    let values = try [1, 2, 3].map { threads in
      try Session(graph: text.graph(), options: .init(threads: threads))
        .run(["mean"], feeding: ["x": feed(image.size)])[0].scalars(as: Float.self).map(\.bitPattern)
    }
    #expect(values[0] == values[1] && values[0] == values[2])
  }

  @Test func meansLoseTheirDimensionsWhereTheGraphSaysSo() throws {
    let text = squeezed(
      window: 3, stride: 1, size: 19, channels: 36, keepsDimensions: false, axes: [-2, 1])
    #expect(try !plan(text, ["mean", "depthwise"], size: 19).contains("Mean("))
    try expectSame(text, ["mean", "depthwise"], threads: 2, size: 19)
  }

  @Test(arguments: [[1], [0, 1, 2], [1, 2, 3], [2, 3]])
  func meansOverOtherAxesStayApart(axes: [Int]) throws {
    let text = squeezed(window: 3, stride: 1, size: 19, channels: 36, axes: axes)
    #expect(try plan(text, ["scaled"], size: 19).contains("Mean("))
    try expectSame(text, ["scaled"], threads: 2, size: 19)
  }
}
