/// Fourier transforms and features of sound.
package enum SignalOps {
  /// The family's ops.
  package static let all: [OpDefinition] = [FourierOps.all, AudioOps.all, AudioFileOps.all].flatMap { $0 }
}
