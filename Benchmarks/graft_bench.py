"""What the benchmarks have in common: how graft is called and fed."""

import base64
import json
import subprocess

import numpy as np


def figures(command):
    """What a command printed as its last line of JSON, a bench's figures for one."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return json.loads(done.stdout.strip().splitlines()[-1])


def write_feed(value, path):
    """Writes an array, or strings, as a file that can be fed; gives its path."""
    if value.dtype != object:
        np.save(path + ".npy", value)
        return path + ".npy"
    encoded = np.vectorize(lambda text: {"b64": base64.b64encode(text).decode()}, otypes=[object])(value)
    with open(path + ".json", "w") as file:
        json.dump(encoded.tolist(), file)
    return path + ".json"
