import GraftGraph
import GraftTensor
import Testing

@testable import GraftCommand

@Suite struct TensorFlowReleases {
  @Test func areNamedByTheProducerVersion() {
    #expect(TensorFlowRelease.name(producer: 0) == nil)
    #expect(TensorFlowRelease.name(producer: 9) == "TensorFlow before 0.9")
    #expect(TensorFlowRelease.name(producer: 134) == "TensorFlow 1.15")
    #expect(TensorFlowRelease.name(producer: 808) == "TensorFlow 2.6")
    #expect(TensorFlowRelease.name(producer: 900) == "TensorFlow between 2.7 and 2.8")
    #expect(TensorFlowRelease.name(producer: 2474) == "TensorFlow 2.21")
    #expect(TensorFlowRelease.name(producer: 9999) == "TensorFlow after 2.21")
  }
}

@Suite struct FormattingNumbers {
  @Test func groupsDigits() {
    #expect([0, 999, 1000, -1_234_567].map(\.grouped) == ["0", "999", "1,000", "-1,234,567"])
  }

  @Test func givesBytesAUnit() {
    #expect(
      [0, 999, 1000, 12_345_678, 3_000_000_000].map(\.bytesText) == [
        "0 B", "999 B", "1.0 kB", "12.3 MB", "3.0 GB",
      ])
  }

  @Test func fixesDigitsAfterThePoint() {
    #expect([1.0, 0.0005, 12.3456, -0.25].map { $0.fixed(3) } == ["1.000", "0.001", "12.346", "-0.250"])
    #expect(Double.nan.fixed(3) == "nan")
    #expect(2.5.fixed(0) == "3")
  }

  @Test func convertsDurations() {
    #expect(Duration.microseconds(1500).milliseconds == 1.5)
  }
}

@Suite struct TextTables {
  @Test func alignColumnsAndEndNoLineInSpaces() {
    var table = TextTable(.left, .right, .left)
    table.append("a", "1", "x")
    table.append("long", "100", "")
    #expect(table.text == "  a       1  x\n  long  100\n")
  }
}
