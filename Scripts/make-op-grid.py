#!/usr/bin/env python3
"""Writes a grid of cases, most of one op, over dtypes, attributes and edges, with what TensorFlow answers.

    Scripts/make-op-grid.py OUT [--ops MatMul,Where] [--most 6]

Run it with a Python that has tensorflow-cpu 2.21, then `graft verify OUT --optimize both`. Cases are in the format of
`graft verify`; where TensorFlow refuses, the case records that an error is expected. The same version writes the same
cases on every run.

What is tried stands in op_grid/specs.txt, a line each:

    Conv2D | T:1x5x5x3 | T:3x3x3x2 @ strides=[1, 1, 1, 1] padding="SAME"

the op, then its inputs: a dtype or the name of a type attribute, and after `:` the shape of random values (`T+` of
positive ones, `T01` of those between 0 and 1, `Tint` of small integers), or after `=` the values; `&` between the
tensors of one list; `Ref` before the dtype for a variable, `Var` for a resource variable. Attributes stand behind `@`.
Each line is varied: every dtype that TensorFlow has a kernel for, every choice of an attribute, special values, sizes
of zero and one, ranks and sizes that do not fit. Lines of the same op count from 0: `Conv2D__1_3` is the fourth
variant of the second line. Graphs of several ops, as queues and loops, stand in op_grid/graphs.py.
"""

import argparse
import collections
import json
import multiprocessing
import os
import pathlib
import resource
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
# TensorFlow decides by the processor whether oneDNN's kernels or its own are taken, and the two differ in what they
# put into reserved outputs and in how averages are rounded.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))


# TensorFlow does not come back from these: what takes this long is left out.
PATIENCE = 30
# In the place of a line: the graphs of several ops.
GRAPHS = "graphs"


def work(lines, out, most, bad, progress):
    from op_grid import graphs, recorder, specs, variants

    # Where an extreme size asks for all memory, the case is left out, and the machine goes on.
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
    for number, turn, line in lines:
        whole = line == GRAPHS
        kept = 0
        for index, case in enumerate(graphs.CASES if whole else variants.of(specs.parse(line), turn)):
            if kept == most and not whole:
                break
            if case is None or (number, index) in bad:
                continue
            progress[:] = number, index
            folder = pathlib.Path(out) / f"{case.op}__{turn}_{index}"
            if bad and (folder / "case.json").exists() or recorder.record(case, folder):
                kept += 1


def chunks(only):
    """The lines of specs.txt, each with how many lines of its op were before, a hundred together."""
    text = (pathlib.Path(__file__).resolve().parent / "op_grid/specs.txt").read_text()
    seen, lines = collections.Counter(), []
    for number, line in enumerate(text.splitlines()):
        if not line or line.startswith("#"):
            continue
        op = line.split(" ")[0]
        if only is None or op in only:
            lines.append((number, seen[op], line))
        seen[op] += 1
    if only is None or GRAPHS in only:
        lines.append((len(text.splitlines()), 0, GRAPHS))
    return [lines[start : start + 100] for start in range(0, len(lines), 100)]


def record_all(todo, arguments):
    """Runs the chunks in processes: TensorFlow aborts on some inputs, and hangs on others, which are left out."""
    # Imported once: TensorFlow survives a fork as long as it has run nothing.
    from op_grid import recorder  # noqa: F401

    context = multiprocessing.get_context("fork")
    running, bad = [], set()
    while todo or running:
        while todo and len(running) < arguments.jobs:
            chunk, progress = todo.pop(0), context.Array("q", [-1, 0], lock=False)
            process = context.Process(
                target=work, args=(chunk, str(arguments.out), arguments.most, frozenset(bad), progress))
            process.start()
            running.append((process, chunk, progress, (), time.monotonic()))
        process, chunk, progress, last, since = running.pop(0)
        process.join(0.2)
        now = tuple(progress)
        if now != last:
            since = time.monotonic()
        if process.is_alive() and time.monotonic() - since < PATIENCE:
            running.append((process, chunk, progress, now, since))
            continue
        why = "hung" if process.is_alive() else "crashed"
        process.kill()
        process.join()
        if process.exitcode != 0:
            number, index = now
            line = next((line for other, _, line in chunk if other == number), "before the first case")
            print(f"TensorFlow {why} in case {index} of: {line}", file=sys.stderr)
            bad.add((number, index))
            hopeless = sum(other == number for other, _ in bad) == 3
            rest = [row for row in chunk if row[0] >= number + hopeless]
            if rest and now != (-1, 0):
                todo.insert(0, rest)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--ops", help="only these, with commas between them")
    parser.add_argument("--most", type=int, default=6, help="cases of a line")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at once")
    arguments = parser.parse_args()
    record_all(chunks(set(arguments.ops.split(",")) if arguments.ops else None), arguments)
    cases = sorted(arguments.out.glob("*/case.json"))
    ops = {op for path in cases for op in json.loads(path.read_text())["ops"]}
    print(f"{len(cases)} cases of {len(ops)} ops")


if __name__ == "__main__":
    main()
