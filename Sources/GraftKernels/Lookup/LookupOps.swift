import GraftTensor

/// Tables: values by key, in the session. Those of version 1 have references for handles, the others
/// resources.
package enum LookupOps {
  package static let all: [OpDefinition] = TableOps.all + TableAccessOps.all + TableInitializationOps.all
}

/// Finding, changing and listing a table's entries.
enum TableAccessOps {
  static let all: [OpDefinition] =
    ["", "V2"].flatMap { version in
      [
        find("LookupTableFind\(version)"), size("LookupTableSize\(version)"),
        export("LookupTableExport\(version)"),
        change("LookupTableInsert\(version)", "Adds entries, or replaces their values.") {
          try $0.insert($1, $2)
        },
        change("LookupTableImport\(version)", "Replaces all entries.") { try $0.replaceAll($1, $2) },
      ]
    } + [remove]

  private static func find(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "The values of keys; the default for those that the table has not.", traits: [.stateful],
      shape: { context in
        // Only a key that is one element has a value that is one: the common case.
        context.input(2).rank == 0 ? [context.input(1)] : [.unknown]
      }
    ) { node in
      let dtype = try node.outputType(0)
      return { context in
        let table = try context.resource(0, as: LookupTable.self)
        try table.find(try context.input(1), default: try context.input(2)) {
          try context.allocate(0, dtype, $0)
        }
      }
    }
  }

  private static func size(_ name: String) -> OpDefinition {
    OpDefinition(name, "How many entries the table has.", traits: [.stateful], shape: ShapeRules.scalar) {
      _ in
      return { context in
        let table = try context.resource(0, as: LookupTable.self)
        try context.setOutput(0, try Tensor(Int64(table.body.count)))
      }
    }
  }

  private static func export(_ name: String) -> OpDefinition {
    OpDefinition(name, "All keys, and their values.", traits: [.stateful], shape: ShapeRules.unknown) {
      node in
      let (keyType, valueType) = (try node.type("Tkeys"), try node.type("Tvalues"))
      return { context in
        let table = try context.resource(0, as: LookupTable.self)
        try table.check(keys: keyType)
        try table.check(values: valueType)
        let entries = try table.body.export()
        try context.setOutput(0, entries.keys)
        try context.setOutput(1, entries.values)
      }
    }
  }

  private static func change(
    _ name: String, _ summary: String,
    _ body: @escaping @Sendable (LookupTable, Tensor, Tensor) throws -> Void
  ) -> OpDefinition {
    OpDefinition(name, summary, traits: [.stateful], shape: { _ in [] }) { _ in
      return { context in
        try body(
          try context.resource(0, as: LookupTable.self), try context.input(1), try context.input(2))
      }
    }
  }

  private static let remove = OpDefinition(
    "LookupTableRemoveV2", "Removes the entries of keys; those that are not there are left out.",
    traits: [.stateful], shape: { _ in [] }
  ) { _ in
    return { context in
      try context.resource(0, as: LookupTable.self).remove(try context.input(1))
    }
  }
}
