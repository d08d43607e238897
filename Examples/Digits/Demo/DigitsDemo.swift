import Glibc
import Graft
import GraftPictures

/// Reads handwritten digits with the network in `Examples/Digits`, in the three ways in which TensorFlow hands
/// on a network, and shows them side by side.
///
/// Everything that Graft does here is done through its public interface; only the PNG files are read by a
/// part of the package that is not in the library.
@main
struct DigitsDemo {
  private let folder: String
  private let networks: [DigitsNetwork]

  static func main() {
    do {
      let folder = CommandLine.arguments.dropFirst().first ?? "Examples/Digits"
      exit(try DigitsDemo(folder: folder).run() ? 0 : 1)
    } catch {
      let message = Array("digits-demo: \(error)\n".utf8)
      _ = message.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
      exit(1)
    }
  }

  private init(folder: String) throws {
    self.folder = folder
    networks = [
      try .frozenGraph(folder + "/frozen_graph.pb"),
      try .savedModel(folder + "/saved_model"),
      try .graph(folder + "/graph.pb", checkpoint: folder + "/checkpoint/model.ckpt"),
    ]
  }

  /// Shows pictures and accuracy; the result is whether both are what TensorFlow recorded.
  private func run() throws -> Bool {
    let recorded = try Recording(contentsOf: folder + "/recorded.json")
    print("A network of TensorFlow's reads handwritten digits.\n")
    let samePictures = try classifyPictures(recorded)
    let sameAccuracy = try classifyHeldOut(recorded)
    return samePictures && sameAccuracy
  }

  /// Classifies the pictures one by one, and shows the frozen graph's answers; the result is whether all
  /// networks give TensorFlow's.
  private func classifyPictures(_ recorded: Recording) throws -> Bool {
    var cards: [PictureCard] = []
    var isSame = true
    for entry in recorded.pictures {
      let picture = try Picture(contentsOf: "\(folder)/\(entry.file)").converted(toChannels: 1)
      let image = try Tensor(
        shape: [1, picture.height, picture.width, 1], scalars: picture.samples.map { Float($0) / 255 })
      for (number, network) in networks.enumerated() {
        let probabilities = try network.probabilities(image)
        let answer = probabilities.indices.max { probabilities[$0] < probabilities[$1] } ?? 0
        isSame = isSame && answer == entry.class
        guard number == 0 else { continue }
        cards.append(
          PictureCard(
            picture: picture,
            caption: "\(answer)  \(percent(Double(probabilities[answer]), digits: 1))",
            mark: answer == entry.label ? "" : "is a \(entry.label)"))
      }
    }
    print(PictureCard.rows(cards))
    return isSame
  }

  /// Classifies all held-out digits at once, in each of the three ways.
  private func classifyHeldOut(_ recorded: Recording) throws -> Bool {
    let heldOut = try NPZ(contentsOf: folder + "/held_out.npz")
    let images = try heldOut.tensor(named: "images")
    let labels: [Int64] = try heldOut.tensor(named: "labels").scalars()
    let expected: [Float] = try heldOut.tensor(named: "probabilities").scalars()

    print("Of \(labels.count) digits that it was not trained with, it reads correctly:")
    var answers: [[Float]] = []
    var isGood = true
    for network in networks {
      let probabilities = try network.probabilities(images)
      let correct = labels.indices.count { row in
        let scores = probabilities[(row * 10)..<(row * 10 + 10)]
        return scores.indices.max { scores[$0] < scores[$1] }.map { Int64($0 - row * 10) } == labels[row]
      }
      let distance = difference(probabilities, expected)
      print(
        line(
          network.name, correct, Double(correct) / Double(labels.count),
          "differs from TensorFlow by \(distance) at most"))
      isGood = isGood && correct == recorded.correct && distance < 1e-5
      answers.append(probabilities)
    }
    print(line("TensorFlow \(recorded.tensorflow)", recorded.correct, recorded.accuracy))
    let apart = answers.map { difference($0, answers[0]) }.max() ?? 0
    print("The three give equal probabilities, within \(apart).")
    return isGood && apart < 1e-6
  }

  private func line(_ name: String, _ correct: Int, _ part: Double, _ remark: String = "") -> String {
    let padding = String(repeating: " ", count: max(20 - name.count, 1))
    let text = "  \(name)\(padding)\(correct)  (\(percent(part, digits: 2)))"
    return remark.isEmpty ? text : "\(text)  \(remark)"
  }

  /// The largest difference between numbers at the same place.
  private func difference(_ first: [Float], _ second: [Float]) -> Float {
    first.count == second.count ? zip(first, second).map { abs($0 - $1) }.max() ?? 0 : .infinity
  }

  private func percent(_ part: Double, digits: Int) -> String {
    let scale = digits == 1 ? 10.0 : 100.0
    return "\((part * 100 * scale).rounded() / scale) %"
  }
}
