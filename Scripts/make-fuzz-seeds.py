#!/usr/bin/env python3
"""Makes inputs for the fuzzer out of recorded cases: graphs with what was fed to them as constants, and what ops decode.

    Scripts/make-fuzz-seeds.py ../shared/conformance CORPUS
"""

import argparse
import base64
import hashlib
import json
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np
import tensorflow as tf
from google.protobuf import descriptor_pb2, text_format
from tensorflow.core.framework import graph_pb2

_MOST_BYTES = 6_000
# Which target takes the strings that are fed to an op.
_MEDIA = ("DecodeImage", "DecodeJpeg", "DecodePng", "DecodeGif", "DecodeBmp", "DecodeWebP", "DecodeWav")
_DECODERS = ("DecodeCompressed", "ParseTensor", "DecodeJSONExample", "DecodeBase64", "DecodeCSV", "UnicodeTranscode")
_EXAMPLES = ("ParseExample", "ParseExampleV2", "ParseSingleExample", "ParseSequenceExample", "ParseSequenceExampleV2")
_DASHES = b"----"


def _put(corpus, target, data):
    if len(data) <= _MOST_BYTES:
        folder = corpus / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / hashlib.sha1(data).hexdigest()[:16]).write_bytes(data)


def _array(path):
    if path.suffix == ".json":
        text = json.loads(path.read_text())
        values = [base64.b64decode(value) for value in text["base64"]]
        return np.array(values, dtype=object).reshape(text["shape"])
    return np.load(path)


def _tensor(value, dtype):
    """With the values as bytes, for mutators to find them."""
    proto = tf.make_tensor_proto(value, dtype=dtype, shape=value.shape) if value.dtype == object else None
    if proto is None:
        proto = tf.make_tensor_proto(np.zeros([]), dtype=tf.float32)
        proto.ClearField("float_val")
        proto.dtype = dtype
        proto.tensor_shape.CopyFrom(tf.TensorShape(value.shape).as_proto())
        proto.tensor_content = np.ascontiguousarray(value).tobytes()
    return proto


def _with_constants(graph, feeds, is_folded):
    """What was fed as constants, or as defaults that no pass can fold."""
    for node in list(graph.node):
        if node.name not in feeds or node.op != "Placeholder":
            continue
        dtype = node.attr["dtype"].type
        tensor = _tensor(feeds[node.name], dtype)
        name = node.name if is_folded else node.name + "/value"
        constant = node if is_folded else graph.node.add()
        constant.Clear()
        constant.name, constant.op = name, "Const"
        constant.attr["dtype"].type = dtype
        constant.attr["value"].tensor.CopyFrom(tensor)
        if not is_folded:
            shape = node.attr["shape"]
            shape.shape.unknown_rank = True
            del shape.shape.dim[:]
            node.op = "PlaceholderWithDefault"
            node.input.append(name)
    return graph.SerializeToString()


def _case(path, corpus, turn):
    case = json.loads(path.read_text())
    model = path.parent / case.get("model", "")
    if not model.is_file() or model.suffix != ".pb" or model.stat().st_size > _MOST_BYTES or not case.get("runs"):
        return
    graph = graph_pb2.GraphDef()
    graph.ParseFromString(model.read_bytes())
    feeds = {name.split(":")[0]: _array(path.parent / file) for name, file in case["runs"][0].get("feeds", {}).items()}
    if sum(value.nbytes for value in feeds.values()) > _MOST_BYTES:
        return
    ops = case.get("ops", {})
    for value in (value for value in feeds.values() if value.dtype == object):
        for target, names in (("media", _MEDIA), ("decoders", _DECODERS), ("examples", _EXAMPLES)):
            if any(name in ops for name in names):
                for text in value.reshape(-1)[:4]:
                    _put(corpus, target, text)
    data = _with_constants(graph, feeds, turn % 2 == 0)
    _put(corpus, "run", data)


def _examples(corpus):
    features = {
        "a": tf.train.Feature(float_list=tf.train.FloatList(value=[1, 2])),
        "b": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"x", b""])),
        "c": tf.train.Feature(int64_list=tf.train.Int64List(value=[1, -2, 3, 4])),
    }
    example = tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
    lists = {name: tf.train.FeatureList(feature=[feature, feature]) for name, feature in features.items()}
    sequence = tf.train.SequenceExample(
        context=tf.train.Features(feature=features), feature_lists=tf.train.FeatureLists(feature_list=lists))
    for data in (example, sequence.SerializeToString()):
        _put(corpus, "examples", data)
    for options in (None, "GZIP", "ZLIB"):
        path = corpus / "example.tfrecord"
        with tf.io.TFRecordWriter(str(path), options) as writer:
            for _ in range(3):
                writer.write(example)
        _put(corpus, "records", path.read_bytes())
        path.unlink()


def _messages(corpus):
    text = """file { name: "m" message_type { name: "M"
      field { name: "a" number: 1 label: LABEL_REPEATED type: TYPE_INT32 %s }
      field { name: "b" number: 2 label: LABEL_OPTIONAL type: TYPE_STRING default_value: "d" }
      field { name: "c" number: 3 label: LABEL_OPTIONAL type: TYPE_DOUBLE default_value: "1.5" }
      field { name: "m" number: 4 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".M" }
      enum_type { name: "E" value { name: "X" number: 1 } } } }"""
    for packed in ("", "options { packed: true }"):
        source = text_format.Parse(text % packed, descriptor_pb2.FileDescriptorSet()).SerializeToString()
        for message in (b"\x08\x01\x08\x02\x12\x01x\x19" + bytes(8), b"\x0a\x02\x01\x02\x22\x02\x08\x05",
                        b'a: 1 a: -2 b: "x" c: 1e3 m { a: 3 }'):
            _put(corpus, "messages", source + _DASHES + message)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", type=pathlib.Path)
    parser.add_argument("corpus", type=pathlib.Path)
    arguments = parser.parse_args()
    for turn, path in enumerate(sorted(arguments.cases.rglob("case*.json"))):
        try:
            _case(path, arguments.corpus, turn)
        except (ValueError, TypeError, OSError) as error:
            print(f"{path}: {error}")
    _examples(arguments.corpus)
    _messages(arguments.corpus)


if __name__ == "__main__":
    main()
