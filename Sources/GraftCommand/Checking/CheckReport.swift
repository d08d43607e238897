import GraftGraph
import GraftTensor

/// What `graft check` shows.
struct CheckReport {
  let check: ModelCheck

  /// How many variables and places are shown to people.
  private static let shown = 20
  private static let shownPlaces = 5

  // MARK: - Text

  var text: String {
    var text = header + "\n"
    if !check.calls.isEmpty { text += "\nRuns\n" + calls }
    if !check.variables.isEmpty { text += "\nVariables\n" + variables }
    for weight in [Finding.Weight.problem, .note] {
      let findings = check.findings.filter { $0.weight == weight }
      guard !findings.isEmpty else { continue }
      text += weight == .problem ? "\nFindings\n" : "\nNotes\n"
      for finding in findings { text += entry(finding) }
    }
    return text + "\n" + conclusion + "\n"
  }

  private var header: String {
    guard let model = check.model else { return check.path }
    let producer = Int(model.graph.snapshot.versions.producer)
    var text = "\(check.path): \(model.source.format.rawValue)"
    if let release = TensorFlowRelease.name(producer: producer) {
      text += ", written by \(release) (producer version \(producer))"
    }
    if let checkpoint = model.checkpoint { text += ", with the checkpoint \(checkpoint)" }
    return text
  }

  private var calls: String {
    var table = TextTable(.left, .left, .left)
    for call in check.calls {
      let more = call.fetches.count - Self.shownPlaces
      let fetches = call.fetches.prefix(Self.shownPlaces).joined(separator: ", ")
      let name = call.signature.map { "signature \($0)" } ?? fetches + (more > 0 ? " and \(more) more" : "")
      table.append(call.obstacle == nil ? "yes" : "no", name, call.obstacle ?? "")
    }
    return table.text
  }

  private var variables: String {
    // What is wrong comes first: it must not be among those that are not shown.
    let rows = check.variables.filter { !$0.isGood } + check.variables.filter(\.isGood)
    var table = TextTable(.left, .left, .left, .left, .left)
    for row in rows.prefix(Self.shown) {
      table.append(row.status, row.name, row.dtype.name, row.shape.description, row.stored)
    }
    let rest = rows.count - Self.shown
    return table.text + (rest > 0 ? "  and \(rest.grouped) more, which --json lists\n" : "")
  }

  private func entry(_ finding: Finding) -> String {
    var text = "  \(finding.weight == .problem ? "!" : "-") \(finding.message)\n"
    if !finding.places.isEmpty {
      let more = finding.places.count - Self.shownPlaces
      text += "      at " + finding.places.prefix(Self.shownPlaces).joined(separator: ", ")
      text += (more > 0 ? " and \(more.grouped) more" : "") + "\n"
    }
    if let advice = finding.advice { text += "      \(advice)\n" }
    if let command = finding.command { text += "      $ \(command)\n" }
    return text
  }

  private var conclusion: String {
    let problems = check.problems.count
    return problems == 0 ? "Nothing to mend: it is ready to run." : counted(problems, "finding") + "."
  }

  // MARK: - JSON

  var json: JSONValue {
    let producer = check.model.map { Int($0.graph.snapshot.versions.producer) }
    return .object([
      "model": .string(check.path),
      "kind": check.model.map { .string($0.source.format.rawValue) },
      "producer": producer.map { .integer($0) },
      "written_by": producer.flatMap { TensorFlowRelease.name(producer: $0) }.map { .string($0) },
      "checkpoint": check.model?.checkpoint.map { .string($0) },
      "clean": .bool(check.problems.isEmpty),
      "calls": .array(
        check.calls.map { call in
          .object([
            "signature": call.signature.map { .string($0) }, "fetches": .strings(call.fetches),
            "runs": .bool(call.obstacle == nil), "obstacle": call.obstacle.map { .string($0) },
          ])
        }),
      "variables": .array(
        check.variables.map { row in
          .object([
            "name": .string(row.name), "dtype": .string(row.dtype.name), "shape": .shape(row.shape),
            "status": .string(row.status), "stored": row.stored.isEmpty ? nil : .string(row.stored),
          ])
        }),
      "findings": .array(check.findings.map(json)),
    ])
  }

  private func json(_ finding: Finding) -> JSONValue {
    .object([
      "kind": .string(finding.kind.rawValue), "weight": .string(finding.weight.rawValue),
      "message": .string(finding.message), "places": .strings(finding.places),
      "advice": finding.advice.map { .string($0) }, "command": finding.command.map { .string($0) },
    ])
  }
}
