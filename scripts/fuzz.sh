#!/usr/bin/env bash
# fuzz.sh run [TARGET...]    Runs each target of Tests/Fuzz (all where none is named) under libFuzzer and ends with its figures;
#                            exit 1 when a target found something. Inputs that reach something new stay in .build-fuzz.
# fuzz.sh keep [TARGET...]   Replaces Tests/Fuzz/corpus by the smallest set of its inputs and those in .build-fuzz with the same
#                            coverage.
# RUNS is the number of executions for each target, by default a million; ADDRESS=1 adds the address sanitizer, with a build in
# .build-fuzz-address; FUZZ_ARGS are handed to libFuzzer. An input that breaks a promise is named in the output: once the reader
# is right, it belongs into Tests/Fuzz/corpus/TARGET as fault-WHAT, which `make test` replays.
set -uo pipefail
cd "$(dirname "$0")/.."
mode=${1:-}
shift || true
case "$mode" in run | keep) ;; *) echo "usage: fuzz.sh run|keep [TARGET...]" >&2; exit 2 ;; esac
# As make sets it.
PKG_CONFIG_PATH=$(scripts/libraries.sh path)
export PKG_CONFIG_PATH PAGEVIEWS_FUZZ=1
build=.build-fuzz
sanitizers=(--sanitize fuzzer)
if [ -n "${ADDRESS:-}" ]; then
  build=.build-fuzz-address
  sanitizers+=(--sanitize address)
fi
# Optimised, with assertions; the readers' own types are tested, not only what other targets may see.
swift build -c release "${sanitizers[@]}" --scratch-path "$build" --no-color-diagnostics \
  --explicit-target-dependency-import-check error -Xswiftc -enable-testing -Xswiftc -assert-config -Xswiftc Debug \
  --product pageviews-fuzz || exit 1
program=$build/release/pageviews-fuzz
declare -A longest
names=()
while read -r name bytes; do
  longest[$name]=$bytes
  names+=("$name")
done < <("$program")
[ ${#names[@]} -gt 0 ] || { echo "fuzz: $program names no target" >&2; exit 1; }
[ $# -gt 0 ] && names=("$@")
found=.build-fuzz/found
mkdir -p "$found"
failed=0
# Swift's own report of a crash comes before libFuzzer's, which keeps the input. Leak detection is off:
# objects that live as long as the process are no leaks.
export SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0

# fuzz TARGET ARGUMENT...   libFuzzer with the limits of every run.
fuzz() {
  local name=$1 words=Tests/Fuzz/dictionaries/$1.dict
  shift
  [ -f "$words" ] && set -- -dict="$words" "$@"
  PAGEVIEWS_FUZZ_TARGET=$name nice -n 5 "$program" -max_len="${longest[$name]}" -timeout=5 \
    -rss_limit_mb="$([ -n "${ADDRESS:-}" ] && echo 1024 || echo 512)" -artifact_prefix="$found/$name-" -reload=0 "$@" 2>&1
}

run() {
  local name=$1 log=.build-fuzz/$1.log inputs=.build-fuzz/corpus/$1
  mkdir -p "$inputs"
  # shellcheck disable=SC2086
  fuzz "$name" -runs="${RUNS:-1000000}" -print_final_stats=1 ${FUZZ_ARGS:-} "$inputs" "Tests/Fuzz/corpus/$name" >"$log"
  local code=$? verdict=clean
  if [ "$code" != 0 ]; then
    failed=1
    verdict="FOUND: $(grep -aoE "$found/[^ ]*" "$log" | tail -n 1)"
    grep -aE '^finding:|Fatal error|ERROR:' "$log" | head -n 3
  fi
  local edges
  edges=$(grep -aoE 'cov: [0-9]+' "$log" | tail -n 1 | cut -d ' ' -f 2)
  echo "fuzz: $name: $(figure "$log" number_of_executed_units) executions, $(figure "$log" average_exec_per_sec)/s," \
    "$edges edges, $(figure "$log" peak_rss_mb) MiB at the peak, $verdict"
}

figure() { sed -n "s/^stat::$2: *//p" "$1" | tail -n 1; }

keep() {
  local name=$1 kept=Tests/Fuzz/corpus/$1 smallest
  smallest=$(mktemp -d)
  # Inputs that were faults stay whether or not they reach more than others.
  find "$kept" -type f -name 'fault-*' -exec cp {} "$smallest" \;
  if fuzz "$name" -set_cover_merge=1 "$smallest" "$kept" .build-fuzz/corpus/"$name" >".build-fuzz/$name.log"; then
    find "$kept" -type f -delete
    cp "$smallest"/* "$kept"
  else
    failed=1
  fi
  rm -rf "$smallest"
  echo "fuzz: $name: $(find "$kept" -type f | wc -l) inputs kept, $(du -bs "$kept" | cut -f 1) bytes"
}

for name in "${names[@]}"; do
  [ -n "${longest[$name]:-}" ] || { echo "fuzz: no target $name; one of ${!longest[*]}" >&2; exit 2; }
  "$mode" "$name"
done
exit "$failed"
