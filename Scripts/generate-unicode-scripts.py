#!/usr/bin/env python3
"""Writes Sources/GraftKernels/String/UnicodeScripts.swift: the script of every code point.

Run it with a Python that has tensorflow-cpu 2.21, which is asked for each."""

import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

TARGET = pathlib.Path(__file__).resolve().parent.parent / "Sources/GraftKernels/String/UnicodeScripts.swift"

HEADER = '''// Written by Scripts/generate-unicode-scripts.py: do not edit.

import GraftTensor

/// The script of every code point, with ICU's numbers.
enum UnicodeScripts {
  /// The script of a code point; -1 for what is none.
  static func script(_ value: Int32) -> Int32 {
    guard value >= 0, value <= 0x10FFFF else { return -1 }
    let value = UInt32(value)
    // The last run that begins at the code point or before it.
    let next = runs.partitioningIndex { $0 >> 8 > value }
    return Int32(runs[next - 1] & 0xFF)
  }

  /// Where a run of code points of one script begins, and in the low byte the script.
  private static let runs: [UInt32] = [
'''


def main():
    scripts = tf.strings.unicode_script(np.arange(0x110000, dtype=np.int32)).numpy()
    assert scripts.min() >= 0 and scripts.max() < 256
    starts = [0] + [i for i in range(1, len(scripts)) if scripts[i] != scripts[i - 1]]
    words = [f"0x{start << 8 | int(scripts[start]):X}," for start in starts]
    lines, line = [], "   "
    for word in words:
        if len(line) + 1 + len(word) > 110:
            lines.append(line)
            line = "   "
        line += " " + word
    lines.append(line)
    TARGET.write_text(HEADER + "\n".join(lines) + "\n  ]\n}\n")


if __name__ == "__main__":
    main()
