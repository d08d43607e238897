#!/usr/bin/env bash
# Feeds mutated inputs to what reads bytes from outside, and stops at the first that traps, hangs, or touches memory
# that is not its own.
#
#   Scripts/fuzz.sh [SECONDS] [TARGET...]
#
# Each target runs as many seconds, 60 unless told, from what it found before and from seeds: the fixtures of the
# tests, and recorded cases where there are some. What breaks lies in .build-fuzz/found: put it, made small, into
# Tests/Fixtures/fuzz/TARGET, and the tests feed it again.
#
# GRAFT_FUZZ_CONFIGURATION=debug takes a build without optimization, which is made in a third of the time and runs
# fewer inputs, and the packed seeds alone, in the same order each time: for minutes, as in CI.
# GRAFT_FUZZ_CORPUS is where inputs are kept that reach new code, .build-fuzz/corpus unless told.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
shift || true
configuration=${GRAFT_FUZZ_CONFIGURATION:-release}
folder=.build-fuzz
[ "$configuration" = release ] || folder=.build-fuzz-$configuration
corpora=${GRAFT_FUZZ_CORPUS:-$folder/corpus}
cases=../shared/conformance

export GRAFT_FUZZ=1
# The address sanitizer, and the checks of indices that a release build leaves out. Of several `-sanitize` the Swift
# compiler takes the last, so that they stand in one.
build=(-c "$configuration" --scratch-path "$folder" --sanitize fuzzer --sanitize address
  -Xswiftc -sanitize=fuzzer,address -Xswiftc -assert-config -Xswiftc Debug)
swift build "${build[@]}" --product GraftFuzz
binary=$(swift build "${build[@]}" --show-bin-path)/GraftFuzz
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
  targets=(graph run meta savedModel checkpoint checkpointEntries sliceFile checkpointState numpy records examples
    messages media decoders)
fi

# put FILE TARGET: a seed.
put() { cp "$1" "$corpora/$2/$(sha1sum "$1" | cut -c1-16)"; }

mkdir -p "$corpora" "$folder/found"
for target in "${targets[@]}"; do mkdir -p "$corpora/$target"; done
order=()
[ "$configuration" = release ] || order=(-seed=1)
python=
[ "$configuration" != release ] || python=$(Scripts/tensorflow-python.sh)
if [ -n "$python" ] && [ -d "$cases" ] && [ ! -e "$corpora/made" ]; then
  "$python" Scripts/make-fuzz-seeds.py "$cases" "$corpora" && touch "$corpora/made"
fi
unzip -qo Tests/Fixtures/fuzz/seeds.zip -d "$corpora"
for target in "${targets[@]}"; do
  case $target in
    graph | run) seeds=$(find Tests/Fixtures/graphs Examples -name '*.pb*' -size -8k) ;;
    meta) seeds=$(find Tests/Fixtures "$cases" -name '*.meta' -size -20k 2> /dev/null || true) ;;
    savedModel) seeds=$(find Tests/Fixtures "$cases" -name 'saved_model.pb' -size -20k 2> /dev/null || true) ;;
    sliceFile) seeds=$(find Tests/Fixtures/checkpoints/v1 -type f -size -50k) ;;
    checkpointState) seeds=$(find Tests/Fixtures Examples "$cases" -name checkpoint -type f 2> /dev/null || true) ;;
    checkpoint)
      seeds=
      for index in $(find Tests/Fixtures "$cases" -name '*.index' -size -20k 2> /dev/null || true); do
        data=${index%.index}.data-00000-of-00001
        [ ! -e "$data" ] || [ "$(stat -c %s "$data")" -gt 20000 ] || cat "$index" <(echo -n ----) "$data" \
          > "$corpora/$target/$(sha1sum "$index" | cut -c1-16)"
      done ;;
    numpy) seeds=$(find Tests/Fixtures/numpy -type f -size -20k) ;;
    media) seeds=$(find Tests/Fixtures Examples \( -name '*.png' -o -name '*.jpg' -o -name '*.wav' \) -size -20k) ;;
    *) seeds= ;;
  esac
  [ "$configuration" = release ] || seeds=
  for seed in $seeds; do put "$seed" "$target"; done
  for found in Tests/Fixtures/fuzz/"$target"/*; do [ ! -f "$found" ] || put "$found" "$target"; done
  echo "== $target, $seconds s"
  ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=0 GRAFT_FUZZ_TARGET=$target \
    "$binary" "$corpora/$target" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=4096 -malloc_limit_mb=2048 \
    -max_len=65536 -artifact_prefix="$folder/found/$target-" -print_final_stats=1 ${order[@]+"${order[@]}"}
done
