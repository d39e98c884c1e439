#!/usr/bin/env bash
# planted.sh [NAME...]   Plants each bug of Tests/Simulation/Planted in the code of the last commit, one at a time, and runs the
#                        check that has to find it; exit 1 when one is not found.
# The lines of a patch before its diff say what the bug is and, as `check: COMMAND`, what finds it: `simulate SEED [KINDS]`, with
# all kinds of faults or only those, or a `swift test`. Without such a line, and when that seed finds nothing any more, the script
# searches the seeds from 1 to PLANTED_SEEDS (150). The same check has to pass without the patch. Everything happens in
# .build-planted, which stays for the next run.
set -uo pipefail
cd "$(dirname "$0")/.."
root=$PWD
PKG_CONFIG_PATH=$(scripts/libraries.sh path)
# Dictionaries have the same order in every run, so that a seed gives the same run.
export PKG_CONFIG_PATH SWIFT_DETERMINISTIC_HASHING=1
seeds=${PLANTED_SEEDS:-150}
copy=$root/.build-planted/source
sound=$root/.build-planted/simulate
log=$root/.build-planted/log
flags=(--explicit-target-dependency-import-check error --no-color-diagnostics)
steps=1500
declare -A tested=()
failed=0

# The copy has the last commit, without a patch.
clean() {
  [ -d "$copy/.git" ] || git clone --quiet --shared --no-checkout "$root" "$copy" || return 1
  git -C "$copy" fetch --quiet origin HEAD && git -C "$copy" checkout --quiet --force --detach FETCH_HEAD
}

# build ARGUMENT...   Builds in the copy.
build() { (cd "$copy" && swift build "${flags[@]}" "$@") >"$log" 2>&1; }

# simulate BINARY SEEDS FIRST   Ends at the first seed that fails.
simulate() { timeout 1800 "$1" --until-failure "$2" "$3" "$steps" >"$log" 2>&1; }

# replay BINARY SEED [KINDS]   Runs one seed, with these kinds of faults only.
replay() {
  if [ -n "${3:-}" ]; then
    timeout 1800 "$1" --replay "$2" "$3" "$steps" >"$log" 2>&1
  else
    simulate "$1" 1 "$2"
  fi
}

# test_in_copy COMMAND   Runs `swift test` in the copy. A build that fails is not a finding.
test_in_copy() {
  (
    cd "$copy" || exit 2
    export ASAN_OPTIONS=detect_leaks=0
    # shellcheck disable=SC2086
    timeout 3600 $1 "${flags[@]}"
  ) >"$log" 2>&1
}

# What the check found, on one line.
finding() {
  grep -m 1 -E '^seed [0-9]+: |AddressSanitizer: |recorded an issue|Fatal error|error: ' "$log" | cut -c 1-200 ||
    tail -n 1 "$log" | cut -c 1-200
}

# passes_unpatched COMMAND   Whether a `swift test` passes without a patch; runs it once.
passes_unpatched() {
  if [ -z "${tested[$1]:-}" ]; then
    clean && test_in_copy "$1"
    tested[$1]=$?
  fi
  return "${tested[$1]}"
}

# find_with_test NAME COMMAND
find_with_test() {
  passes_unpatched "$2" || { say "$1" "'$2' fails without the patch: $(finding)"; return 1; }
  apply "$1" || return 1
  local began=$SECONDS
  if test_in_copy "$2"; then say "$1" "NOT FOUND by '$2'"; return 1; fi
  if grep -qE 'error: (fatalError|emit-module|.*cannot find)' "$log"; then say "$1" "does not build"; return 1; fi
  echo "planted: $1: found by '$2' in $((SECONDS - began)) s: $(finding)"
}

# failing_seed   The seed that the log names; a crash names none.
failing_seed() { sed -nE 's/^seed ([0-9]+): .*/\1/p' "$log" | head -n 1; }

# find_with_seed NAME SEED [KINDS]   SEED may be empty.
find_with_seed() {
  apply "$1" || return 1
  build --product simulate || { say "$1" "does not build: $(grep -m 1 'error:' "$log")"; return 1; }
  local binary=$copy/.build/debug/simulate began=$SECONDS first=1 seed text
  if [ -n "$2" ] && ! replay "$binary" "$2" "${3:-}"; then
    text=$(finding)
    if replay "$sound" "$2" "${3:-}"; then
      echo "planted: $1: found in $((SECONDS - began)) s: $text"
      return 0
    fi
    say "$1" "seed $2 fails without the patch, too: $(finding)"
    return 1
  fi
  [ -z "$2" ] || echo "planted: $1: seed $2, which its patch names, finds nothing; searching"
  while [ "$first" -le "$seeds" ]; do
    if simulate "$binary" $((seeds - first + 1)) "$first"; then break; fi
    text=$(finding)
    seed=$(failing_seed)
    [ -n "$seed" ] || { say "$1" "the simulation ended with: $text"; return 1; }
    if simulate "$sound" 1 "$seed"; then
      echo "planted: $1: found in $((SECONDS - began)) s: $text"
      return 0
    fi
    echo "planted: $1: seed $seed fails without the patch, too; searching on"
    first=$((seed + 1))
  done
  say "$1" "NOT FOUND by seeds 1 to $seeds"
  return 1
}

say() { echo "planted: $1: $2" >&2; }

apply() {
  clean && git -C "$copy" apply "$root/Tests/Simulation/Planted/$1.patch" || { say "$1" "the patch does not apply"; return 1; }
}

names=("$@")
if [ $# = 0 ]; then
  for patch in Tests/Simulation/Planted/*.patch; do names+=("$(basename "$patch" .patch)"); done
fi
mkdir -p "$root/.build-planted"
clean || exit 2
build --product simulate || { tail -n 20 "$log" >&2; exit 2; }
cp "$copy/.build/debug/simulate" "$sound"
for name in "${names[@]}"; do
  check=$(sed -n '/^diff /q; s/^check: //p' "Tests/Simulation/Planted/$name.patch")
  case "$check" in
    'swift test '*) find_with_test "$name" "$check" ;;
    'simulate '*)
      read -r _ seed kinds <<<"$check"
      find_with_seed "$name" "$seed" "$kinds"
      ;;
    *) find_with_seed "$name" '' ;;
  esac || failed=$((failed + 1))
done
clean
echo "planted: ${#names[@]} bugs, $failed not found"
[ "$failed" = 0 ]
