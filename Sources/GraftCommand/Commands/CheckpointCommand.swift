import ArgumentParser
import Graft
import GraftTensor

/// `graft checkpoint`: what is in a checkpoint, without a graph.
struct CheckpointCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "checkpoint",
    abstract: "Lists, shows and converts checkpoints, for which no graph is needed.",
    discussion: """
      A checkpoint is named by its prefix (model.ckpt-1000), by any of its files, by the file 'checkpoint' \
      beside it, or by its folder, of which the latest is taken. All formats are read: V2, V1, in any number of \
      files, and object-based ones of tf.train.Checkpoint and Keras.
      """,
    subcommands: [
      CheckpointListCommand.self, CheckpointShowCommand.self, CheckpointConvertCommand.self,
    ])
}

/// `graft checkpoint ls`: the tensors of a checkpoint.
struct CheckpointListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ls",
    abstract: "Lists the tensors of a checkpoint.",
    discussion: """
      A line for each tensor: key, dtype, shape, bytes in the files, in which of several data files it is, in \
      how many parts it is stored, and the variable's name where the checkpoint is object-based.
      """)

  @Argument(help: "The checkpoint.")
  var path: String

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let listing = try CheckpointListing(Checkpoint(path: path, requiringData: false))
    try Console.write(json ? listing.json.pretty + "\n" : listing.text)
  }
}

/// `graft checkpoint show`: the values of a checkpoint's tensors.
struct CheckpointShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Prints or writes the values of a checkpoint's tensors.")

  @Argument(help: "The checkpoint.")
  var path: String

  @Argument(help: ArgumentHelp("The tensors' keys, or variables' names. (default: all)", valueName: "key"))
  var keys: [String] = []

  @Flag(help: "Print JSON.")
  var json = false

  @Option(
    name: [.long, .customShort("o")],
    help: "Write the values to a file: .npz, .npy for one alone, or .json.")
  var output: String?

  func validate() throws {
    if let output { _ = try ResultFile(path: output, fetchCount: max(keys.count, 1)) }
  }

  func run() throws {
    let checkpoint = try Checkpoint(path: path)
    let names = try checkpoint.objectGraph()?.keysByVariableName ?? [:]
    let wanted = keys.isEmpty ? CheckpointListing.shownKeys(of: checkpoint) : keys
    let resolved = wanted.map { checkpoint.entry($0) == nil ? names[$0] ?? $0 : $0 }
    let file = try output.map { try ResultFile(path: $0, fetchCount: wanted.count) }
    let tensors = try ProgressBar.during("Reading") { progress in
      try checkpoint.tensors(resolved, progress: progress)
    }
    let named = zip(wanted, tensors).map { (name: $0, tensor: $1) }
    if let file {
      try file.write(named)
    } else if json {
      try Console.writeLine(ResultFile.json(named).pretty)
    } else {
      for (name, tensor) in named {
        try Console.writeLine("\(name): \(tensor.dtype) \(tensor.shape)")
        try Console.writeLine(tensor.formatted())
      }
    }
  }
}

/// `graft checkpoint convert`: a checkpoint written anew.
struct CheckpointConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Writes a checkpoint anew in format V2.",
    discussion: """
      The source may be of any format. An object-based checkpoint, as tf.train.Checkpoint and Keras write it, \
      becomes one by variables' names, which graphs restore from; objects without such a name keep their key. \
      Partitioned variables stay in their parts.
      """)

  @Argument(help: "The checkpoint.")
  var source: String

  @Argument(help: "The prefix of the new one, as folder/model.ckpt.")
  var output: String

  @Option(help: "How many data files the new one has.")
  var shards = 1

  @Flag(help: "Keep an object-based checkpoint's keys as they are, and its objects.")
  var keepKeys = false

  @Flag(help: "Join the parts of partitioned variables.")
  var join = false

  @Flag(help: "Replace a checkpoint that is there.")
  var force = false

  func validate() throws {
    guard (1...99_999).contains(shards) else {
      throw ValidationError("--shards takes a number from 1 to 99999, not \(shards).")
    }
  }

  func run() throws {
    let checkpoint = try Checkpoint(path: source)
    let conversion = try CheckpointConversion(
      checkpoint, naming: keepKeys ? .keys : .variables, joinsParts: join)
    try conversion.write(to: output, shards: shards, replacing: force)
    try Console.writeLine("\(output): \(conversion.summary)")
  }
}
