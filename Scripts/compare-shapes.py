#!/usr/bin/env python3
"""Compares the shapes that Graft infers before any run with TensorFlow's.

    Scripts/compare-shapes.py --graft .build/release/graft GRAPHS...

Run it with a Python that has tensorflow-cpu 2.21. GRAPHS are GraphDefs, or folders that are searched for `graph.pb` and
`frozen_graph.pb`. Printed are the tensors of which the two say different things, and how often Graft knows as much as
TensorFlow, less, or more. Exit code 1 if they contradict each other anywhere.
"""

import argparse
import collections
import json
import os
import pathlib
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import tensorflow as tf
from google.protobuf import text_format


def read(path):
    definition, data = tf.compat.v1.GraphDef(), path.read_bytes()
    try:
        definition.ParseFromString(data)
    except Exception:
        text_format.Parse(data.decode(), definition)
    for node in definition.node:
        # What an exporter noted is not inference.
        node.attr.pop("_output_shapes", None)
    return definition


def verdict(ours, theirs):
    """`same`, `less`, `more`, or `contradiction`."""
    if theirs is None:
        return "same" if ours is None else "more"
    if ours is None:
        return "less"
    if len(ours) != len(theirs):
        return "contradiction"
    pairs = [(a, b) for a, b in zip(ours, theirs) if a != b]
    if any(a is not None and b is not None for a, b in pairs):
        return "contradiction"
    if any(a is None for a, _ in pairs):
        return "less"
    return "more" if pairs else "same"


# Of these TensorFlow's inference says what its kernels do not do: factors that nobody asked for are scalars, the bounds
# of n regions are n + 1 numbers, patches of volumes have five dimensions, a count of NaN has one.
WRONG_IN_TENSORFLOW = {
    "Svd", "SelfAdjointEigV2", "Eig", "FractionalMaxPool", "FractionalAvgPool", "ExtractVolumePatches", "DebugNanCount"}


def is_handle(output):
    """Whether a tensor refers to a queue or its like: nobody computes with the shape of that."""
    return output.dtype == tf.resource or output.dtype.base_dtype == tf.string and output.dtype._is_ref_dtype \
        and not output.op.type.startswith(("Variable", "Ref", "Assign"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--graft", required=True)
    parser.add_argument("--less", action="store_true", help="print also the tensors of which less is known")
    parser.add_argument("graphs", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    paths = []
    for path in arguments.graphs:
        names = ("graph.pb", "frozen_graph.pb")
        paths += [path] if path.is_file() else sorted(p for name in names for p in path.rglob(name))
    counts, less = collections.Counter(), collections.Counter()
    for path in paths:
        try:
            with tf.Graph().as_default() as graph:
                tf.import_graph_def(read(path), name="")
        except Exception:
            continue
        command = [arguments.graft, "inspect", str(path), "--tensors", "--json"]
        found = subprocess.run(command, capture_output=True, text=True)
        if found.returncode != 0:
            continue
        ours = {row["tensor"]: row for row in json.loads(found.stdout)}
        for operation in graph.get_operations():
            for output in operation.outputs:
                if output.name not in ours or is_handle(output):
                    continue
                row = ours[output.name]
                shape = row["shape"]
                shape = None if shape is None else [None if size in (None, -1) else size for size in shape]
                theirs = None if output.shape.rank is None else output.shape.as_list()
                said = verdict(shape, theirs)
                if said == "contradiction" and operation.type in WRONG_IN_TENSORFLOW:
                    continue
                counts[said] += 1
                if said == "less":
                    less[operation.type] += 1
                if said == "contradiction" or said == "less" and arguments.less:
                    print(f"{path}: {output.name} ({operation.type}): {shape}, TensorFlow says {theirs}")
    print(", ".join(f"{name}: {counts[name]}" for name in ("same", "more", "less", "contradiction")))
    print("Less is known of: " + ", ".join(f"{op} {count}" for op, count in less.most_common(60)))
    sys.exit(1 if counts["contradiction"] else 0)


if __name__ == "__main__":
    main()
