#!/usr/bin/env python3
"""Times single ops beside TensorFlow, one thread each, and prints TensorFlow's time over Graft's.

    compare-ops.py GRAFT [--only TEXT] [--rounds 3] [--baseline FILE] [--record FILE]

Each op is called on inputs of a network's sizes, in turn by both, and the figure is the ratio of the medians over the
rounds. With --baseline the ratios that were recorded before stand beside them, and one that is less than 0.7 of that is
marked: ratios hold on other machines where times do not. Needs tensorflow-cpu.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")

import numpy as np
import tensorflow as tf

from graft_bench import figures, write_feed
from op_calls import calls

# About how long the calls of one round take together, in seconds.
BUDGET = 0.1


def frozen(function, inputs):
    """A graph of one call, with placeholders x0, x1 and so on, and the result y."""
    graph = tf.Graph()
    with graph.as_default():
        arguments = [
            tf.compat.v1.placeholder(tf.string if value.dtype == object else value.dtype, value.shape, name=f"x{index}")
            for index, value in enumerate(inputs)]
        tf.identity(function(*arguments), name="y")
    return graph


def compare(graft, graph, inputs, rounds, folder):
    """TensorFlow's and Graft's milliseconds."""
    model = os.path.join(folder, "graph.pb")
    with open(model, "wb") as file:
        file.write(graph.as_graph_def().SerializeToString())
    config = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
    theirs, ours = [], []
    with tf.compat.v1.Session(graph=graph, config=config) as session:
        call = session.make_callable("y:0", [f"x{index}:0" for index in range(len(inputs))])
        call(*inputs)
        start = time.perf_counter()
        call(*inputs)
        runs = max(3, min(200, int(BUDGET / max(time.perf_counter() - start, 1e-6))))
        command = [graft, "bench", model, "--threads", "1", "--runs", str(runs), "--json", "--fetch", "y:0", "--feed"]
        command += [f"x{index}:0=@" + write_feed(value, os.path.join(folder, f"x{index}"))
                    for index, value in enumerate(inputs)]
        for _ in range(rounds):
            times = []
            for _ in range(runs):
                start = time.perf_counter()
                call(*inputs)
                times.append(time.perf_counter() - start)
            theirs.append(1000 * statistics.median(times))
            ours.append(figures(command)["median_ms"])
    return statistics.median(theirs), statistics.median(ours)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graft")
    parser.add_argument("--only", default="", help="ops whose name has this text")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--baseline", help="ratios to compare with: name and ratio on a line, a tab between")
    parser.add_argument("--record", help="where to write the ratios")
    options = parser.parse_args()
    baseline = {}
    if options.baseline:
        with open(options.baseline) as file:
            baseline = {name: float(ratio) for name, ratio in (line.rstrip("\n").split("\t") for line in file)}
    ratios, slower = {}, []
    for name, function, inputs in calls():
        if options.only.lower() not in name.lower():
            continue
        with tempfile.TemporaryDirectory() as folder:
            theirs, ours = compare(options.graft, frozen(function, inputs), inputs, options.rounds, folder)
        ratio = ratios[name] = theirs / ours
        before = baseline.get(name)
        mark = ""
        if before is not None:
            mark = f"  {before:6.2f} before"
            if ratio < 0.7 * before:
                slower.append(name)
                mark += ", slower"
        print(f"{ratio:7.2f} x  {theirs:9.3f} ms TensorFlow  {ours:9.3f} ms Graft  {name}{mark}", flush=True)
    if options.record:
        with open(options.record, "w") as file:
            file.writelines(f"{name}\t{ratio:.2f}\n" for name, ratio in ratios.items())
    sys.exit(1 if slower else 0)


if __name__ == "__main__":
    main()
