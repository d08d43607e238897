extension Duration {
  /// How many milliseconds.
  var milliseconds: Double {
    Double(components.seconds) * 1e3 + Double(components.attoseconds) / 1e15
  }
}

extension Double {
  /// With a fixed number of digits after the point.
  func fixed(_ digits: Int) -> String {
    guard isFinite, abs(self) < 1e12 else { return "\(self)" }
    let scale = (0..<digits).reduce(Int64(1)) { scale, _ in scale * 10 }
    let scaled = Int64((abs(self) * Double(scale)).rounded())
    guard digits > 0 else { return (self < 0 ? "-" : "") + "\(scaled)" }
    let fraction = String(scaled % scale)
    let zeros = String(repeating: "0", count: digits - fraction.count)
    return (self < 0 ? "-" : "") + "\(scaled / scale).\(zeros)\(fraction)"
  }
}

extension Int {
  /// With a comma between each three digits.
  var grouped: String {
    let digits = String(magnitude)
    var text = ""
    for (position, digit) in digits.enumerated() {
      if position > 0, (digits.count - position) % 3 == 0 { text += "," }
      text.append(digit)
    }
    return (self < 0 ? "-" : "") + text
  }

  /// As a number of bytes: `512 B`, `12.3 kB`, `4.5 MB`.
  var bytesText: String {
    var value = Double(self)
    for unit in ["B", "kB", "MB", "GB"] {
      if value < 1000 { return (unit == "B" ? "\(self)" : value.fixed(1)) + " \(unit)" }
      value /= 1000
    }
    return value.fixed(1) + " TB"
  }
}

extension [Double] {
  /// The middle one by size; 0 where there is none.
  var median: Double { isEmpty ? 0 : sorted()[count / 2] }
}
