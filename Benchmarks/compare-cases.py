#!/usr/bin/env python3
"""Times recorded cases beside TensorFlow, one thread each, and prints TensorFlow's time over Graft's, the least first.

    compare-cases.py GRAFT FOLDER... [--least-ops 25] [--most 40]

The cases below the folders are those that `graft verify` runs; those with one run, and ops enough, are timed. Where to
look for kinds of networks that are slower here. Needs tensorflow-cpu.
"""

import argparse
import base64
import json
import os
import statistics
import sys
import tempfile
import time

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")

import numpy as np
import tensorflow as tf
from google.protobuf import text_format

from graft_bench import figures, write_feed

v1 = tf.compat.v1
# About how long the runs of one case take together, in seconds.
BUDGET = 0.25
MOST_RUNS = 300


def cases(folders, least_ops):
    for folder in folders:
        for place, _, files in sorted(os.walk(folder)):
            for name in sorted(files):
                if not (name.startswith("case") and name.endswith(".json")):
                    continue
                path = os.path.join(place, name)
                with open(path) as file:
                    case = json.load(file)
                runs = case.get("runs", [])
                ops = sum(case.get("ops", {}).values()) + sum(case.get("function_ops", {}).values())
                if len(runs) == 1 and runs[0].get("expected") and ops >= least_ops:
                    yield path, case, runs[0]


def value(path, dtype):
    if path.endswith(".json"):
        with open(path) as file:
            stored = json.load(file)
        texts = [base64.b64decode(text) for text in stored["base64"]]
        return np.array(texts, dtype=object).reshape(stored["shape"])
    array = np.load(path)
    return array.view(tf.bfloat16.as_numpy_dtype) if dtype == "bfloat16" else array


def restored(case, folder):
    """A session with the case's graph and variables, and the signature's tensors by argument."""
    session = v1.Session(config=v1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1))
    model = os.path.join(folder, case["model"])
    if case["kind"] == "saved_model":
        meta_graph = v1.saved_model.load(session, case.get("tags") or [], model)
        signature = meta_graph.signature_def.get(case["runs"][0].get("signature", ""))
        names = {} if signature is None else {
            argument: info.name for infos in (signature.inputs, signature.outputs) for argument, info in infos.items()}
        return session, names
    if case["kind"] == "metagraph+ckpt":
        v1.train.import_meta_graph(model, clear_devices=True).restore(session, os.path.join(folder, case["checkpoint"]))
        return session, {}
    with open(model, "rb") as file:
        content = file.read()
    graph = v1.GraphDef()
    try:
        graph.ParseFromString(content)
    except Exception:
        text_format.Merge(content.decode(), graph)
    tf.import_graph_def(graph, name="")
    return session, {}


def theirs(case, run, folder):
    """TensorFlow's milliseconds, and how many runs it was timed for."""
    with tf.Graph().as_default() as graph:
        session, names = restored(case, folder)
        with session:
            dtypes = case.get("dtypes", {})
            feeds = {names.get(name, name): value(os.path.join(folder, file), dtypes.get(name) or dtypes.get(file))
                     for name, file in run["feeds"].items()}
            call = session.make_callable(
                [names.get(name, name) for name in run["fetches"]],
                feed_list=[graph.get_tensor_by_name(name) for name in feeds])
            for _ in range(3):
                call(*feeds.values())
            times, begin = [], time.perf_counter()
            while len(times) < MOST_RUNS and (time.perf_counter() - begin < BUDGET or len(times) < 5):
                start = time.perf_counter()
                call(*feeds.values())
                times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times), len(times)


def ours(graft, case, run, folder, runs, scratch):
    """Graft's milliseconds."""
    command = [graft, "bench", os.path.join(folder, case["model"]), "--threads", "1", "--runs", str(runs), "--json"]
    if case["kind"] == "saved_model":
        command += ["--tags", ",".join(case.get("tags") or [])]
    if case["kind"] == "metagraph+ckpt":
        command += ["--checkpoint", os.path.join(folder, case["checkpoint"])]
    if "signature" in run:
        command += ["--signature", run["signature"]]
    for index, (name, file) in enumerate(run["feeds"].items()):
        path = os.path.join(folder, file)
        if path.endswith(".json"):
            path = write_feed(value(path, None), os.path.join(scratch, f"feed{index}"))
        command += ["--feed", f"{name}=@{path}"]
    for name in run["fetches"]:
        command += ["--fetch", name]
    return figures(command)["median_ms"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graft")
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--least-ops", type=int, default=25, help="cases of fewer operations are left out")
    parser.add_argument("--most", type=int, default=40, help="how many are printed")
    options = parser.parse_args()
    v1.disable_eager_execution()
    rows, failed = [], 0
    with tempfile.TemporaryDirectory() as scratch:
        for path, case, run in cases(options.folders, options.least_ops):
            folder = os.path.dirname(path)
            try:
                expected, runs = theirs(case, run, folder)
                rows.append((expected, ours(options.graft, case, run, folder, runs, scratch), path))
            except Exception as error:
                failed += 1
                print(f"{path}: {str(error).splitlines()[0][:120]}", file=sys.stderr)
    rows.sort(key=lambda row: row[0] / row[1])
    for expected, found, path in rows[:options.most]:
        print(f"{expected / found:7.2f} x  {expected:9.3f} ms TensorFlow  {found:9.3f} ms Graft  {path}")
    if rows:
        print(f"{len(rows)} cases, {statistics.median(row[0] / row[1] for row in rows):.2f} x in the median; {failed} failed")


if __name__ == "__main__":
    main()
