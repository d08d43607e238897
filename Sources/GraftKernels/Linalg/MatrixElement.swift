import CGraftVector
import GraftTensor

/// Elements of matrices.
package protocol MatrixElement: ArithmeticElement {
  /// The complex conjugate; the number itself where there is none.
  static func conjugate(_ value: Self) -> Self
  /// Adds to `n` sums the products of `k` values, `step` elements apart, and as many rows of a matrix, `row` elements
  /// apart.
  static func addProducts(
    _ values: UnsafePointer<Self>, step: Int, k: Int, _ matrix: UnsafePointer<Self>, row: Int,
    to sums: UnsafeMutablePointer<Self>, _ n: Int)
}

extension MatrixElement {
  package static func conjugate(_ value: Self) -> Self { value }

  package static func addProducts(
    _ values: UnsafePointer<Self>, step: Int, k: Int, _ matrix: UnsafePointer<Self>, row: Int,
    to sums: UnsafeMutablePointer<Self>, _ n: Int
  ) {
    for p in 0..<k {
      let (value, line) = (values[p * step], matrix + p * row)
      for j in 0..<n { sums[j] = add(sums[j], multiply(value, line[j])) }
    }
  }
}

extension Int8: MatrixElement {}
extension Int16: MatrixElement {}
extension Int32: MatrixElement {
  package static func addProducts(
    _ values: UnsafePointer<Int32>, step: Int, k: Int, _ matrix: UnsafePointer<Int32>, row: Int,
    to sums: UnsafeMutablePointer<Int32>, _ n: Int
  ) {
    graft_i32_add_products(values, step, k, matrix, row, sums, n)
  }
}
extension Int64: MatrixElement {}
extension UInt8: MatrixElement {}
extension UInt16: MatrixElement {}
extension UInt32: MatrixElement {}
extension UInt64: MatrixElement {}
extension Float: MatrixElement {}
extension Double: MatrixElement {}
extension Complex: MatrixElement where Real: FloatElement {
  package static func conjugate(_ value: Self) -> Self { Self(value.real, -value.imaginary) }
}

/// Elements that the products and convolutions in C take; see `CGraftVectorMatrix.h`.
package protocol VectorElement: FloatElement, MatrixElement, BinaryFloatingPoint {
  /// Columns of a panel of a packed matrix.
  static var panelWidth: Int { get }

  static func pack(
    _ matrix: UnsafePointer<Self>, row: Int, column: Int, k: Int, n: Int, scale: UnsafePointer<Self>?,
    into packed: UnsafeMutablePointer<Self>)

  static func product(
    m: Int, n: Int, k: Int, _ a: UnsafePointer<Self>, row: Int, column: Int, packed: UnsafePointer<Self>,
    into c: UnsafeMutablePointer<Self>, cRow: Int, _ finish: graft_finish)

  static func productUnpacked(
    m: Int, n: Int, k: Int, _ a: UnsafePointer<Self>, row: Int, column: Int, _ b: UnsafePointer<Self>,
    bRow: Int,
    into c: UnsafeMutablePointer<Self>, cRow: Int, _ finish: graft_finish)

  static func dots(
    n: Int, k: Int, _ a: UnsafePointer<Self>, _ b: UnsafePointer<Self>, bColumn: Int,
    into c: UnsafeMutablePointer<Self>, _ finish: graft_finish)

  static func addLines(
    m: Int, n: Int, k: Int, _ lines: UnsafeBufferPointer<UnsafePointer<Self>?>, column: Int,
    _ b: UnsafePointer<Self>, bRow: Int, to c: UnsafeMutablePointer<Self>, cRow: Int)

  static func addDepthwiseLines(
    window: Int, k: Int, _ lines: UnsafeBufferPointer<UnsafePointer<Self>?>, column: Int, tap: Int,
    _ b: UnsafePointer<Self>, channels: Int, part: Range<Int>, to c: UnsafeMutablePointer<Self>)

  static func convolve(
    _ shape: graft_convolution, _ x: UnsafePointer<Self>, packed: UnsafePointer<Self>,
    zeros: UnsafePointer<Self>, into y: UnsafeMutablePointer<Self>, yRow: Int, pixels: Range<Int>,
    _ finish: graft_finish)

  static func convolveDepthwise(
    _ shape: graft_convolution, _ x: UnsafePointer<Self>, _ filter: UnsafePointer<Self>,
    zeros: UnsafePointer<Self>, into y: UnsafeMutablePointer<Self>, pixels: Range<Int>, _ finish: graft_finish
  )

  static func finishRows(
    _ c: UnsafeMutablePointer<Self>, rows: Int, n: Int, cRow: Int, _ finish: graft_finish)
}

extension Float: VectorElement {
  package static var panelWidth: Int { Int(GRAFT_PANEL_F32) }

  package static func pack(
    _ matrix: UnsafePointer<Float>, row: Int, column: Int, k: Int, n: Int, scale: UnsafePointer<Float>?,
    into packed: UnsafeMutablePointer<Float>
  ) {
    graft_matrix_pack_f32(matrix, row, column, k, n, scale, packed)
  }

  package static func product(
    m: Int, n: Int, k: Int, _ a: UnsafePointer<Float>, row: Int, column: Int, packed: UnsafePointer<Float>,
    into c: UnsafeMutablePointer<Float>, cRow: Int, _ finish: graft_finish
  ) {
    withUnsafePointer(to: finish) {
      graft_matrix_product_f32(m, n, k, a, row, column, packed, c, cRow, $0)
    }
  }

  package static func productUnpacked(
    m: Int, n: Int, k: Int, _ a: UnsafePointer<Float>, row: Int, column: Int, _ b: UnsafePointer<Float>,
    bRow: Int, into c: UnsafeMutablePointer<Float>, cRow: Int, _ finish: graft_finish
  ) {
    withUnsafePointer(to: finish) {
      graft_matrix_product_unpacked_f32(m, n, k, a, row, column, b, bRow, c, cRow, $0)
    }
  }

  package static func dots(
    n: Int, k: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, bColumn: Int,
    into c: UnsafeMutablePointer<Float>, _ finish: graft_finish
  ) {
    withUnsafePointer(to: finish) { graft_matrix_dots_f32(n, k, a, b, bColumn, c, $0) }
  }

  package static func addLines(
    m: Int, n: Int, k: Int, _ lines: UnsafeBufferPointer<UnsafePointer<Float>?>, column: Int,
    _ b: UnsafePointer<Float>, bRow: Int, to c: UnsafeMutablePointer<Float>, cRow: Int
  ) {
    graft_matrix_add_lines_f32(m, n, k, lines.baseAddress, lines.count, column, b, bRow, c, cRow)
  }

  package static func addDepthwiseLines(
    window: Int, k: Int, _ lines: UnsafeBufferPointer<UnsafePointer<Float>?>, column: Int, tap: Int,
    _ b: UnsafePointer<Float>, channels: Int, part: Range<Int>, to c: UnsafeMutablePointer<Float>
  ) {
    graft_depthwise_add_lines_f32(
      window, k, lines.baseAddress, lines.count, column, tap, b, channels, part.lowerBound, part.upperBound, c
    )
  }

  package static func convolve(
    _ shape: graft_convolution, _ x: UnsafePointer<Float>, packed: UnsafePointer<Float>,
    zeros: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, yRow: Int, pixels: Range<Int>,
    _ finish: graft_finish
  ) {
    withUnsafePointer(to: shape) { shape in
      withUnsafePointer(to: finish) {
        graft_convolve_f32(shape, x, packed, zeros, y, yRow, pixels.lowerBound, pixels.upperBound, $0)
      }
    }
  }

  package static func convolveDepthwise(
    _ shape: graft_convolution, _ x: UnsafePointer<Float>, _ filter: UnsafePointer<Float>,
    zeros: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, pixels: Range<Int>,
    _ finish: graft_finish
  ) {
    withUnsafePointer(to: shape) { shape in
      withUnsafePointer(to: finish) {
        graft_convolve_depthwise_f32(shape, x, filter, zeros, y, pixels.lowerBound, pixels.upperBound, $0)
      }
    }
  }

  package static func finishRows(
    _ c: UnsafeMutablePointer<Float>, rows: Int, n: Int, cRow: Int, _ finish: graft_finish
  ) {
    withUnsafePointer(to: finish) { graft_finish_rows_f32(c, rows, n, cRow, $0) }
  }
}

extension Double: VectorElement {
  package static var panelWidth: Int { Int(GRAFT_PANEL_F64) }

  package static func pack(
    _ matrix: UnsafePointer<Double>, row: Int, column: Int, k: Int, n: Int, scale: UnsafePointer<Double>?,
    into packed: UnsafeMutablePointer<Double>
  ) {
    graft_matrix_pack_f64(matrix, row, column, k, n, scale, packed)
  }

  package static func product(
    m: Int, n: Int, k: Int, _ a: UnsafePointer<Double>, row: Int, column: Int, packed: UnsafePointer<Double>,
    into c: UnsafeMutablePointer<Double>, cRow: Int, _ finish: graft_finish
  ) {
    withUnsafePointer(to: finish) {
      graft_matrix_product_f64(m, n, k, a, row, column, packed, c, cRow, $0)
    }
  }

  package static func productUnpacked(
    m: Int, n: Int, k: Int, _ a: UnsafePointer<Double>, row: Int, column: Int, _ b: UnsafePointer<Double>,
    bRow: Int, into c: UnsafeMutablePointer<Double>, cRow: Int, _ finish: graft_finish
  ) {
    withUnsafePointer(to: finish) {
      graft_matrix_product_unpacked_f64(m, n, k, a, row, column, b, bRow, c, cRow, $0)
    }
  }

  package static func dots(
    n: Int, k: Int, _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, bColumn: Int,
    into c: UnsafeMutablePointer<Double>, _ finish: graft_finish
  ) {
    withUnsafePointer(to: finish) { graft_matrix_dots_f64(n, k, a, b, bColumn, c, $0) }
  }

  package static func addLines(
    m: Int, n: Int, k: Int, _ lines: UnsafeBufferPointer<UnsafePointer<Double>?>, column: Int,
    _ b: UnsafePointer<Double>, bRow: Int, to c: UnsafeMutablePointer<Double>, cRow: Int
  ) {
    graft_matrix_add_lines_f64(m, n, k, lines.baseAddress, lines.count, column, b, bRow, c, cRow)
  }

  package static func addDepthwiseLines(
    window: Int, k: Int, _ lines: UnsafeBufferPointer<UnsafePointer<Double>?>, column: Int, tap: Int,
    _ b: UnsafePointer<Double>, channels: Int, part: Range<Int>, to c: UnsafeMutablePointer<Double>
  ) {
    graft_depthwise_add_lines_f64(
      window, k, lines.baseAddress, lines.count, column, tap, b, channels, part.lowerBound, part.upperBound, c
    )
  }

  package static func convolve(
    _ shape: graft_convolution, _ x: UnsafePointer<Double>, packed: UnsafePointer<Double>,
    zeros: UnsafePointer<Double>, into y: UnsafeMutablePointer<Double>, yRow: Int, pixels: Range<Int>,
    _ finish: graft_finish
  ) {
    withUnsafePointer(to: shape) { shape in
      withUnsafePointer(to: finish) {
        graft_convolve_f64(shape, x, packed, zeros, y, yRow, pixels.lowerBound, pixels.upperBound, $0)
      }
    }
  }

  package static func convolveDepthwise(
    _ shape: graft_convolution, _ x: UnsafePointer<Double>, _ filter: UnsafePointer<Double>,
    zeros: UnsafePointer<Double>, into y: UnsafeMutablePointer<Double>, pixels: Range<Int>,
    _ finish: graft_finish
  ) {
    withUnsafePointer(to: shape) { shape in
      withUnsafePointer(to: finish) {
        graft_convolve_depthwise_f64(shape, x, filter, zeros, y, pixels.lowerBound, pixels.upperBound, $0)
      }
    }
  }

  package static func finishRows(
    _ c: UnsafeMutablePointer<Double>, rows: Int, n: Int, cRow: Int, _ finish: graft_finish
  ) {
    withUnsafePointer(to: finish) { graft_finish_rows_f64(c, rows, n, cRow, $0) }
  }
}
