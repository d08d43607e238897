#!/usr/bin/env python3
"""Packs a selection of the fuzzer's inputs for the tests, and as its first seeds.

    Scripts/pack-fuzz-seeds.py CORPUS Tests/Fixtures/fuzz/seeds.zip
"""

import argparse
import pathlib
import zipfile

_MOST_BYTES = 2_000
# Of each target; graphs that run are of many ops.
_MOST = {"run": 300}
_MOST_ELSE = 40


def _selected(folder):
    # Names are digests: in their order, files come by chance, and the same ones each time.
    small = [path for path in sorted(folder.iterdir()) if path.is_file() and path.stat().st_size <= _MOST_BYTES]
    return small[: _MOST.get(folder.name, _MOST_ELSE)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=pathlib.Path)
    parser.add_argument("archive", type=pathlib.Path)
    arguments = parser.parse_args()
    with zipfile.ZipFile(arguments.archive, "w") as packed:
        for folder in sorted(path for path in arguments.corpus.iterdir() if path.is_dir()):
            for path in _selected(folder):
                # A fixed date, so that the same inputs make the same bytes.
                packed.writestr(zipfile.ZipInfo(f"{folder.name}/{path.name[:16]}", (2020, 1, 1, 0, 0, 0)),
                                path.read_bytes(), compress_type=zipfile.ZIP_DEFLATED, compresslevel=9)
    print(f"{len(zipfile.ZipFile(arguments.archive).namelist())} inputs, {arguments.archive.stat().st_size} bytes")


if __name__ == "__main__":
    main()
