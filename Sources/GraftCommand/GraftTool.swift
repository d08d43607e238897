import ArgumentParser
import CGraftMapping
import Glibc
import GraftTensor

/// The `graft` command: TensorFlow graphs from the shell.
@main
struct GraftTool: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "graft",
    abstract: "Runs TensorFlow graphs without TensorFlow.",
    discussion: """
      Errors are written to standard error. The exit code is 0 when all went well, 1 when it did not, and 2 \
      when the command line could not be understood.
      """,
    version: "graft 0.1.0",
    subcommands: [
      RunCommand.self, InspectCommand.self, CheckCommand.self, FreezeCommand.self, ConvertCommand.self,
      CheckpointCommand.self, VerifyCommand.self, BenchCommand.self, ProfileCommand.self, OpsCommand.self,
      VerifyWorkerCommand.self,
    ])

  /// Runs the command line and ends the process.
  static func main() {
    // A reader that has gone is an error of the write, not the end of the process: `verify` writes to
    // workers that may have crashed.
    signal(SIGPIPE, SIG_IGN)
    // So is a file that has become as large as the system allows.
    signal(SIGXFSZ, SIG_IGN)
    graft_heap_prefer_huge_pages()
    Glibc.exit(execute(Array(CommandLine.arguments.dropFirst())))
  }

  /// Runs a command line, without the program's name, and gives the exit code.
  static func execute(_ arguments: [String]) -> Int32 {
    do {
      var command = try parseAsRoot(arguments)
      try command.run()
      return 0
    } catch let error as GraftError {
      Console.writeErrorLine("graft: \(error)")
      return 1
    } catch is Console.BrokenPipe {
      return 0
    } catch let code as ExitCode {
      return code.rawValue
    } catch {
      return report(error)
    }
  }

  /// Writes what the argument parser throws: help to standard output, complaints to standard error.
  private static func report(_ error: any Error) -> Int32 {
    let code = exitCode(for: error)
    let message = fullMessage(for: error)
    guard code.isSuccess else {
      Console.writeErrorLine(message)
      return code == .validationFailure ? 2 : 1
    }
    do {
      try Console.writeLine(message)
      return 0
    } catch let error as GraftError {
      Console.writeErrorLine("graft: \(error)")
      return 1
    } catch {
      return 0
    }
  }
}
