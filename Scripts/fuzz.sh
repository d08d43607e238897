#!/usr/bin/env bash
# Feeds mutated inputs to what reads bytes from outside, and stops at the first that traps or hangs.
#
#   Scripts/fuzz.sh [SECONDS] [TARGET...]
#
# Each target runs as many seconds, 60 unless told, from the fixtures of the tests as seeds. What was found lies in
# .build-fuzz/found; make a test of it.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
shift || true
export GRAFT_FUZZ=1
swift build -c release --scratch-path .build-fuzz --sanitize fuzzer --product GraftFuzz
binary=$(swift build -c release --scratch-path .build-fuzz --sanitize fuzzer --show-bin-path)/GraftFuzz
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(graph run meta savedModel checkpoint checkpointEntries sliceFile numpy records decoders)
mkdir -p .build-fuzz/found
for target in "${targets[@]}"; do
  corpus=.build-fuzz/corpus/$target
  mkdir -p "$corpus"
  case $target in
    graph | run)
      # Small graphs of all kinds, where there are recorded cases.
      seeds=$(find Tests/Fixtures/graphs Examples ../shared/conformance/opgrid \
        \( -name '*.pb' -o -name '*.pbtxt' \) -size -8k 2>/dev/null || true) ;;
    meta | savedModel) seeds=$(find Tests/Fixtures Examples -name '*.meta' -o -name 'saved_model.pb') ;;
    checkpoint) seeds=$(find Tests/Fixtures/checkpoints -name '*.index') ;;
    sliceFile) seeds=$(find Tests/Fixtures/checkpoints/v1 -type f -size -50k) ;;
    records) seeds=$(find Tests/Fixtures ../shared/conformance -name '*.tfrecord*' -size -20k 2>/dev/null || true) ;;
    numpy) seeds=$(find Tests/Fixtures/numpy -type f) ;;
    *) seeds=$(find Tests/Fixtures Examples -name '*.png' -o -name '*.jpg' -o -name '*.wav') ;;
  esac
  for seed in $seeds; do cp "$seed" "$corpus/$(sha1sum "$seed" | cut -c1-16)"; done
  echo "== $target, $seconds s"
  GRAFT_FUZZ_TARGET=$target "$binary" "$corpus" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 \
    -malloc_limit_mb=2048 -max_len=65536 -artifact_prefix=".build-fuzz/found/$target-" -print_final_stats=1
done
