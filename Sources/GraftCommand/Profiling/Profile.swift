import GraftRuntime

/// Where a run's time went.
struct Profile {
  /// One operation's turns, or those of all operations of one op.
  struct Entry {
    let name: String
    let op: String
    var count = 0
    var nanoseconds = 0
    var arithmetic = 0

    /// GFLOP/s; nil where it multiplies no matrices.
    var rate: Double? { arithmetic == 0 ? nil : Double(arithmetic) / Double(max(nanoseconds, 1)) }
  }

  private let events: [RunTrace.Event]
  /// Nanoseconds that operations took by themselves, in all.
  let total: Int
  /// By operation, the longest first.
  let operations: [Entry]
  /// By op, the longest first.
  let ops: [Entry]

  /// The profile of what a trace recorded.
  init(_ events: [RunTrace.Event]) {
    self.events = events
    var own = events.map(\.duration)
    // An event ends after those within it: what they took is not its own.
    var open: [Int] = []
    for (index, event) in events.enumerated() {
      while let last = open.last, events[last].start >= event.start {
        own[index] -= events[last].duration
        open.removeLast()
      }
      open.append(index)
    }
    total = own.reduce(0, +)
    operations = Self.summed(events, own) { ($0.name, $0.op) }
    ops = Self.summed(events, own) { ("", $0.op) }
  }

  private static func summed(
    _ events: [RunTrace.Event], _ own: [Int], by key: (RunTrace.Event) -> (name: String, op: String)
  ) -> [Entry] {
    var entries: [Entry] = []
    var places: [[String]: Int] = [:]
    for (event, time) in zip(events, own) {
      let (name, op) = key(event)
      let place = places[[name, op]] ?? entries.count
      if place == entries.count {
        places[[name, op]] = place
        entries.append(Entry(name: name, op: op))
      }
      entries[place].count += 1
      entries[place].nanoseconds += time
      entries[place].arithmetic += event.arithmetic ?? 0
    }
    return entries.sorted { $0.nanoseconds > $1.nanoseconds }
  }
}

// MARK: - Text

extension Profile {
  /// Tables by op and by operation.
  ///
  /// - Parameter peak: the GFLOP/s that the run's threads could reach together.
  func text(top: Int, peak: Double) -> String {
    var byOp = TextTable(.right, .right, .right, .right, .right, .left)
    byOp.append("ms", "%", "GFLOP/s", "% of peak", "count", "op")
    for entry in ops {
      byOp.append(
        time(entry), share(entry), rate(entry), rate(entry, of: peak), "\(entry.count)", entry.op)
    }
    var text =
      "By op, \(milliseconds(total)) ms in all; the peak of float32, as measured, is \(peak.fixed(1)) GFLOP/s\n\(byOp.text)"
    guard top > 0 else { return text }
    var byOperation = TextTable(.right, .right, .right, .right, .left, .left)
    byOperation.append("ms", "%", "GFLOP/s", "% of peak", "op", "operation")
    for entry in operations.prefix(top) {
      byOperation.append(
        time(entry), share(entry), rate(entry), rate(entry, of: peak), entry.op, entry.name)
    }
    text += "\nBy operation, \(min(top, operations.count)) of \(operations.count)\n\(byOperation.text)"
    return text
  }

  private func milliseconds(_ nanoseconds: Int) -> String { (Double(nanoseconds) / 1e6).fixed(3) }

  private func time(_ entry: Entry) -> String { milliseconds(entry.nanoseconds) }

  private func share(_ entry: Entry) -> String {
    (100 * Double(entry.nanoseconds) / Double(max(total, 1))).fixed(1)
  }

  private func rate(_ entry: Entry) -> String { entry.rate.map { $0.fixed(1) } ?? "" }

  private func rate(_ entry: Entry, of peak: Double) -> String {
    entry.rate.map { (100 * $0 / peak).fixed(0) } ?? ""
  }
}

// MARK: - Trace

extension Profile {
  /// The events in the trace event format, which Chrome's tracing page and Perfetto read.
  var chromeTrace: JSONValue {
    .object([
      "displayTimeUnit": .string("ns"),
      "traceEvents": .array(
        events.map { event in
          .object([
            "ph": .string("X"), "pid": .integer(1), "tid": .integer(1), "name": .string(event.name),
            "cat": .string(event.op), "ts": .float(Double(event.start) / 1e3),
            "dur": .float(Double(event.duration) / 1e3),
            "args": .object([
              "op": .string(event.op),
              "inputs": .array(event.inputs.map { .string("\($0.dtype)\($0.shape)") }),
              "outputs": .array(event.outputs.map { .string("\($0.dtype)\($0.shape)") }),
            ]),
          ])
        }),
    ])
  }
}
