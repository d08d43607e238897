#!/usr/bin/env python3
"""Writes a grid of cases, one op each, over dtypes, attributes and edges, with what TensorFlow answers.

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
of zero and one, ranks and sizes that do not fit.
"""

import argparse
import multiprocessing
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))


def work(lines, out, most, progress):
    # TensorFlow does not survive a fork: it is imported in each process.
    from op_grid import recorder, specs, variants

    for number, line in lines:
        spec = specs.parse(line)
        kept = 0
        for index, case in enumerate(variants.of(spec)):
            if kept == most:
                break
            progress.value = (number + 1) * 1000 + index
            if recorder.record(case, pathlib.Path(out) / f"{spec.op}__{number}_{index}"):
                kept += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--ops", help="only these, with commas between them")
    parser.add_argument("--most", type=int, default=6, help="cases of a line")
    arguments = parser.parse_args()
    only = set(arguments.ops.split(",")) if arguments.ops else None
    text = (pathlib.Path(__file__).resolve().parent / "op_grid/specs.txt").read_text()
    lines = [(number, line) for number, line in enumerate(text.splitlines()) if line and not line.startswith("#")]
    lines = [pair for pair in lines if only is None or pair[1].split(" ")[0] in only]

    # TensorFlow aborts the process on some inputs: what crashed is left out, and the rest goes on.
    todo = [lines[start : start + 100] for start in range(0, len(lines), 100)]
    context = multiprocessing.get_context("fork")
    running = []
    while todo or running:
        while todo and len(running) < (os.cpu_count() or 1):
            progress = context.Value("q", 0)
            chunk = todo.pop(0)
            process = context.Process(target=work, args=(chunk, str(arguments.out), arguments.most, progress))
            process.start()
            running.append((process, chunk, progress))
        process, chunk, progress = running.pop(0)
        process.join(0.2)
        if process.is_alive():
            running.append((process, chunk, progress))
        elif process.exitcode != 0:
            crashed = progress.value // 1000 - 1
            print(f"TensorFlow crashed: {dict(chunk).get(crashed, '?')}", file=sys.stderr)
            rest = [pair for pair in chunk if pair[0] > crashed]
            if rest:
                todo.append(rest)
    cases = sorted(arguments.out.glob("*/case.json"))
    ops = {path.parent.name.split("__")[0] if not path.parent.name.startswith("_")
           else "_" + path.parent.name[1:].split("__")[0] for path in cases}
    print(f"{len(cases)} cases of {len(ops)} ops")


if __name__ == "__main__":
    main()
