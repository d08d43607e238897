#!/usr/bin/env python3
"""Packs a selection of the grid's cases for the tests: of each op one that passes, and one that is refused.

    Scripts/make-op-grid.py GRID
    .build/release/graft verify GRID --optimize both --format tsv > REPORT
    Scripts/pack-op-grid.py GRID REPORT Tests/Fixtures/grid.zip
"""

import argparse
import base64
import json
import pathlib
import zipfile

_MOST_BYTES = 12_000


def _files(folder):
    return sorted(path for path in folder.iterdir() if path.name != "case.json")


def _line(folder):
    """A case as one line: its description, and its files in base64."""
    return json.dumps({
        "name": folder.name, "case": json.dumps(json.loads((folder / "case.json").read_text()), separators=(",", ":")),
        "files": {path.name: base64.b64encode(path.read_bytes()).decode() for path in _files(folder)}},
        separators=(",", ":"), sort_keys=True)


def _selected(folders):
    groups = {}
    for folder in folders:
        case = json.loads((folder / "case.json").read_text())
        if sum(path.stat().st_size for path in _files(folder)) <= _MOST_BYTES:
            kind = "error" if "error" in case["runs"][0] else "values"
            groups.setdefault(folder.name.rsplit("__", 1)[0], {}).setdefault(kind, []).append(folder)
    # The dtypes and kinds of a change come in turn over the ops.
    for turn, (_, kinds) in enumerate(sorted(groups.items())):
        for found in kinds.values():
            yield found[turn % len(found)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("grid", type=pathlib.Path)
    parser.add_argument("report", type=pathlib.Path)
    parser.add_argument("archive", type=pathlib.Path)
    arguments = parser.parse_args()
    rows = [line.split("\t") for line in arguments.report.read_text(errors="replace").splitlines()]
    passed = {pathlib.Path(row[1]).parent.name for row in rows if row[0] == "pass"}
    folders = sorted(path.parent for path in arguments.grid.glob("*/case.json") if path.parent.name in passed)
    lines = [_line(folder) for folder in _selected(folders)]
    with zipfile.ZipFile(arguments.archive, "w") as packed:
        # A fixed date, so that the same cases make the same bytes.
        packed.writestr(zipfile.ZipInfo("cases.jsonl", (2020, 1, 1, 0, 0, 0)), "\n".join(lines) + "\n",
                        compress_type=zipfile.ZIP_DEFLATED, compresslevel=9)
    print(f"{len(lines)} cases, {arguments.archive.stat().st_size} bytes")


if __name__ == "__main__":
    main()
