#!/usr/bin/env bash
# Installs the system libraries that Graft is built with, those that are missing, on Debian and its kin.
#
# Each is behind a package trait or small; the README says what it is for.
set -euo pipefail

packages=(libpng-dev libjpeg-dev libre2-dev libwebp-dev libzstd-dev zlib1g-dev)

if ! command -v dpkg-query >/dev/null; then
  echo "This is no Debian: see that the libraries of these Debian packages are there: ${packages[*]}" >&2
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  # Whatever provides it will do.
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "Installing: ${missing[*]}"
run=()
if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "As root, run: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  run=(sudo)
fi
# Lists that are there may be fresh enough, and then nothing need be fetched.
"${run[@]}" apt-get install -y --no-install-recommends "${missing[@]}" || {
  "${run[@]}" apt-get update
  "${run[@]}" apt-get install -y --no-install-recommends "${missing[@]}"
}
