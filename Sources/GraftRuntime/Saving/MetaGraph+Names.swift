import FoundationEssentials
import GraftGraph
import GraftProto
import SwiftProtobuf

extension MetaGraph {
  /// The MetaGraph as it is after an import with a prefix: the names in its signatures, collections, assets
  /// and its saver are those of the imported operations.
  ///
  /// - Parameter prefix: the prefix, as `ImportResult` gives it, with a slash at its end or without; an empty
  ///   one changes nothing.
  /// - Complexity: O(nodes of the graph).
  public func below(_ prefix: String) -> MetaGraph {
    let prefix = prefix.hasSuffix("/") ? String(prefix.dropLast()) : prefix
    guard !prefix.isEmpty else { return self }
    let names = PrefixedNames(prefix: prefix, known: nodeNames)
    var changed = message
    let saver = message.saverDef
    if !saver.restoreOpName.isEmpty {
      changed.saverDef.filenameTensorName = names.prefixed(saver.filenameTensorName)
      changed.saverDef.saveTensorName = names.prefixed(saver.saveTensorName)
      changed.saverDef.restoreOpName = names.prefixed(saver.restoreOpName)
    }
    changed.signatureDef = message.signatureDef.mapValues { signature in
      var signature = signature
      signature.inputs = signature.inputs.mapValues(names.prefixed)
      signature.outputs = signature.outputs.mapValues(names.prefixed)
      return signature
    }
    changed.assetFileDef = message.assetFileDef.map { asset in
      var asset = asset
      asset.tensorInfo = names.prefixed(asset.tensorInfo)
      return asset
    }
    changed.collectionDef = message.collectionDef.mapValues { collection in
      var collection = collection
      switch collection.kind {
      case .nodeList(var list):
        list.value = list.value.map { names.isName(Array($0.utf8)) ? names.prefixed($0) : $0 }
        collection.kind = .nodeList(list)
      case .bytesList(var list):
        list.value = list.value.map { Data(names.prefixed(message: Array($0))) }
        collection.kind = .bytesList(list)
      case .anyList(var list):
        list.value = list.value.map { value in
          var value = value
          value.value = Data(names.prefixed(message: Array(value.value)))
          return value
        }
        collection.kind = .anyList(list)
      default: break
      }
      return collection
    }
    return MetaGraph(
      message: changed, document: document, graphRange: graphRange,
      prefix: self.prefix.isEmpty ? prefix : "\(prefix)/\(self.prefix)")
  }

  /// The names of the graph's nodes.
  private var nodeNames: Set<[UInt8]> {
    var names: Set<[UInt8]> = []
    var graph = document.reader(graphRange)
    while !graph.isAtEnd, let tag = try? graph.tag() {
      guard tag.raw == WireTag.field(1, WireTag.block) else {
        guard (try? graph.skip(tag)) != nil else { break }
        continue
      }
      guard let block = try? graph.block() else { break }
      var node = document.reader(block)
      while !node.isAtEnd, let field = try? node.tag() {
        if field.raw == WireTag.field(1, WireTag.block) {
          if let name = try? node.block() {
            names.insert(Array((prefix.isEmpty ? "" : prefix + "/").utf8) + document.array(name))
          }
          break
        }
        guard (try? node.skip(field)) != nil else { break }
      }
    }
    return names
  }
}

/// Gives names of a graph's nodes and tensors a prefix, also inside of messages.
private struct PrefixedNames {
  let prefix: String
  let known: Set<[UInt8]>

  /// `x`, `x:0` and `^x` below the prefix.
  func prefixed(_ name: String) -> String {
    guard !name.isEmpty else { return name }
    return name.hasPrefix("^") ? "^\(prefix)/\(name.dropFirst())" : "\(prefix)/\(name)"
  }

  /// The tensors of an argument or result.
  func prefixed(_ info: Tensorflow_TensorInfo) -> Tensorflow_TensorInfo {
    var info = info
    switch info.encoding {
    case .name(let name): info.name = prefixed(name)
    case .cooSparse(var sparse):
      sparse.valuesTensorName = prefixed(sparse.valuesTensorName)
      sparse.indicesTensorName = prefixed(sparse.indicesTensorName)
      sparse.denseShapeTensorName = prefixed(sparse.denseShapeTensorName)
      info.cooSparse = sparse
    case .compositeTensor(var composite):
      composite.components = composite.components.map(prefixed)
      info.compositeTensor = composite
    case nil: break
    }
    return info
  }

  /// Whether text names a node, or a tensor or control input of one.
  func isName(_ text: [UInt8]) -> Bool {
    var name = text[...]
    if name.first == UInt8(ascii: "^") { name = name.dropFirst() }
    if let colon = name.lastIndex(of: UInt8(ascii: ":")),
      name[(colon + 1)...].allSatisfy({ (0x30...0x39).contains($0) })
    {
      name = name[..<colon]
    }
    return known.contains(Array(name))
  }

  /// A serialized message of a collection, with a prefix before every text that names a node. What is no
  /// message comes back as it was.
  func prefixed(message: [UInt8], depth: Int = 0) -> [UInt8] {
    guard depth < 8, let document = try? GraphBytes(copying: message) else { return message }
    var writer = WireWriter()
    var reader = document.reader(document.all)
    do throws(WireError) {
      while !reader.isAtEnd {
        let begin = reader.position
        let tag = try reader.tag()
        guard tag.type == WireTag.block else {
          try reader.skip(tag)
          writer.raw(document.bytes(ByteRange(offset: begin, count: reader.position - begin)))
          continue
        }
        let content = document.array(try reader.block())
        let text = String(decoding: content, as: UTF8.self)
        writer.field(
          tag.number,
          bytes: isName(content) ? Array(prefixed(text).utf8) : prefixed(message: content, depth: depth + 1))
      }
    } catch {
      return message
    }
    return writer.bytes
  }
}
