#!/usr/bin/env bash
# Prints the path of a Python that has TensorFlow 2.21, made once where it can be; nothing where it cannot.
# Tests that go to TensorFlow and back run when GRAFT_TENSORFLOW_PYTHON names it.
set -euo pipefail

if [ -n "${GRAFT_TENSORFLOW_PYTHON:-}" ]; then
  echo "$GRAFT_TENSORFLOW_PYTHON"
  exit
fi
venv="${XDG_CACHE_HOME:-$HOME/.cache}/graft/tensorflow-2.21"
if [ ! -e "$venv/complete" ]; then
  rm -rf "$venv"
  for python in python3.13 python3.12 python3.11 python3.10 python3; do
    command -v "$python" > /dev/null || continue
    if "$python" -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check \
      'tensorflow-cpu==2.21.*'; then
      touch "$venv/complete"
      break
    fi
    rm -rf "$venv"
  done >&2
fi
if [ -e "$venv/complete" ]; then
  echo "$venv/bin/python"
else
  echo "TensorFlow 2.21 is not at hand: the tests that go to it and back are left out." >&2
fi
