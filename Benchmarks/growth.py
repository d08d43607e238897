#!/usr/bin/env python3
"""Measures how the time to plan a graph, and the memory, grow with its nodes, and draws it.

    growth.py GRAFT [--nodes 1000,10000,100000,1000000] [--plot FILE.svg]

Two kinds of graphs: a chain, in which each node needs the one before, and a tree of sums. A quarter of the nodes are
constants. Needs nothing but Python; the plot needs matplotlib.
"""

import argparse
import json
import os
import struct
import subprocess
import tempfile

FLOAT = 1


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def field(number, contents):
    return varint(number << 3 | 2) + varint(len(contents)) + contents


def attribute(name, value):
    return field(5, field(1, name.encode()) + field(2, value))


def dtype(name):
    return attribute(name, varint(6 << 3) + varint(FLOAT))


def node(name, op, inputs, attributes):
    return field(1, field(1, name.encode()) + field(2, op.encode())
                 + b"".join(field(3, value.encode()) for value in inputs) + attributes)


def constant(name, number):
    tensor = varint(1 << 3) + varint(FLOAT) + field(2, b"") + field(5, struct.pack("<f", number))
    return node(name, "Const", [], dtype("dtype") + attribute("value", field(8, tensor)))


def chain(count):
    nodes, last = [node("x", "Placeholder", [], dtype("dtype"))], "x"
    for index in range(count // 4):
        nodes += [constant(f"c{index}", index % 7 / 1000), node(f"a{index}", "AddV2", [last, f"c{index}"], dtype("T")),
                  node(f"i{index}", "Identity", [f"a{index}"], dtype("T")),
                  node(f"t{index}", "Tanh", [f"i{index}"], dtype("T"))]
        last = f"t{index}"
    return b"".join(nodes + [node("y", "Identity", [last], dtype("T"))])


def tree(count):
    nodes, level = [node("x", "Placeholder", [], dtype("dtype"))], []
    for index in range(count // 3):
        nodes += [constant(f"c{index}", index), node(f"m{index}", "Mul", ["x", f"c{index}"], dtype("T"))]
        level.append(f"m{index}")
    sums = 0
    while len(level) > 1:
        pairs = list(zip(level[::2], level[1::2]))
        nodes += [node(f"s{sums + place}", "AddV2", list(pair), dtype("T")) for place, pair in enumerate(pairs)]
        level = [f"s{sums + place}" for place in range(len(pairs))] + level[len(pairs) * 2:]
        sums += len(pairs)
    return b"".join(nodes + [node("y", "Identity", level, dtype("T"))])


def measure(graft, graph):
    """Milliseconds to import and plan, those of the first run, and MB."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "graph.pb")
        with open(path, "wb") as file:
            file.write(graph)
        done = subprocess.run(
            [graft, "bench", path, "--feed", "x:0=[1,2,3]", "--fetch", "y:0", "--runs", "1", "--threads", "1", "--json"],
            capture_output=True, text=True, check=True)
    figures = json.loads(done.stdout.strip().splitlines()[-1])
    return figures["load_ms"], figures["first_run_ms"], figures["peak_rss_mb"]


def draw(results, path):
    import matplotlib
    matplotlib.use("svg")
    import matplotlib.pyplot as plot
    figure, (times, memory) = plot.subplots(1, 2, figsize=(9, 3.5))
    for kind, rows in results.items():
        counts = [count for count, _ in rows]
        times.loglog(counts, [sum(row[:2]) / 1000 for _, row in rows], "o-", label=kind)
        memory.loglog(counts, [row[2] for _, row in rows], "o-", label=kind)
    times.set(xlabel="nodes", ylabel="seconds", title="Import, plan and first run")
    memory.set(xlabel="nodes", ylabel="MB", title="Peak memory")
    for axes in (times, memory):
        axes.grid(True, which="major", alpha=0.3)
        axes.legend()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graft")
    parser.add_argument("--nodes", default="1000,10000,100000,1000000")
    parser.add_argument("--plot")
    options = parser.parse_args()
    results = {}
    # The largest come last: a process's peak begins with what the one that starts it has.
    for count in sorted(map(int, options.nodes.split(","))):
        for kind, make in (("chain", chain), ("tree", tree)):
            row = measure(options.graft, make(count))
            results.setdefault(kind, []).append((count, row))
            print(f"{kind:6} {count:8} nodes  load {row[0]:9.1f} ms  first run {row[1]:9.1f} ms  {row[2]:7.0f} MB",
                  flush=True)
    if options.plot:
        draw(results, options.plot)


if __name__ == "__main__":
    main()
