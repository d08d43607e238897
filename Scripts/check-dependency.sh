#!/usr/bin/env bash
# Checks that a package can depend on the last commit by a version. SwiftPM refuses that for a package with compiler
# flags of its own, and `Package.swift` leaves them out there.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
git clone --quiet . "$folder/graft"
git -C "$folder/graft" tag --force 1.0.0 > /dev/null
mkdir -p "$folder/user/Sources/user"
cat > "$folder/user/Package.swift" <<MANIFEST
// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "user",
  dependencies: [.package(url: "file://$folder/graft", exact: "1.0.0")],
  targets: [.target(name: "user", dependencies: [.product(name: "Graft", package: "graft")])])
MANIFEST
echo 'import Graft' > "$folder/user/Sources/user/User.swift"
swift package --package-path "$folder/user" --disable-dependency-cache show-dependencies > "$folder/log" 2>&1 || {
  cat "$folder/log"
  exit 1
}
