#!/usr/bin/env python3
"""Times training steps beside TensorFlow: forward, gradients and Adam on the variables of a SavedModel.

    training-steps.py GRAFT [--only lstm,gru] [--threads 1,2] [--rounds 3]

Each network of training_models.py is made by Keras and exported with one signature, a step on a batch of 16; each round
runs it in both, in turn, in a process of its own. The figures are the medians over the rounds. `loss` is how far the
losses of four steps, one after the other, are apart, relative to TensorFlow's. Needs tensorflow-cpu.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")

import numpy as np
import tensorflow as tf

from graft_bench import figures
from training_models import NETWORKS, export

# One engine's process: times TensorFlow's steps.
THEIRS = """
import json, sys, time
import numpy as np, tensorflow as tf
folder, feeds, threads, steps = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
tf.config.threading.set_intra_op_parallelism_threads(threads)
tf.config.threading.set_inter_op_parallelism_threads(threads)
model = tf.saved_model.load(folder)
batch = {name: tf.constant(value) for name, value in np.load(feeds).items()}
times = []
for _ in range(steps + 4):
    begin = time.perf_counter()
    model.signatures["step"](**batch)["loss"].numpy()
    times.append(1e3 * (time.perf_counter() - begin))
print(json.dumps({"median_ms": sorted(times[4:])[steps // 2]}))
"""


def losses_apart(graft, folder, feeds, scratch):
    """How far four losses are apart."""
    batch = np.load(feeds)
    model = tf.saved_model.load(folder)
    wanted = model.signatures["steps"](**{name: tf.constant(batch[name]) for name in batch.files})["loss"].numpy()
    result = os.path.join(scratch, "losses.npz")
    subprocess.run(
        [graft, "run", folder, "--signature", "steps", "--feeds", feeds, "--output", result], check=True,
        stdout=subprocess.DEVNULL)
    return float(np.max(np.abs(np.load(result)["loss"] - wanted) / np.abs(wanted)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graft")
    parser.add_argument("--only", help="names, with commas between them")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20)
    arguments = parser.parse_args()
    names = arguments.only.split(",") if arguments.only else list(NETWORKS)
    print(f"{'network':14} {'threads':>7} {'graft ms':>9} {'tf ms':>9} {'ratio':>6}  loss")
    with tempfile.TemporaryDirectory() as scratch:
        for name in names:
            folder, feeds = os.path.join(scratch, name), os.path.join(scratch, name + ".npz")
            export(name, folder, feeds)
            apart = losses_apart(arguments.graft, folder, feeds, scratch)
            for threads in arguments.threads.split(","):
                ours, theirs = [], []
                for _ in range(arguments.rounds):
                    ours.append(figures(
                        [arguments.graft, "bench", folder, "--signature", "step", "--feeds", feeds, "--threads",
                         threads, "--runs", str(arguments.steps), "--json"])["median_ms"])
                    theirs.append(figures(
                        [sys.executable, "-c", THEIRS, folder, feeds, threads, str(arguments.steps)])["median_ms"])
                ours, theirs = statistics.median(ours), statistics.median(theirs)
                print(f"{name:14} {threads:>7} {ours:9.2f} {theirs:9.2f} {theirs / ours:6.2f}  {apart:.1e}", flush=True)


if __name__ == "__main__":
    main()
