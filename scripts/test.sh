#!/usr/bin/env bash
# test.sh VENV SUITE...   Builds, runs the suites named (swift, integration, prompt) and ends with their counts.
# Every suite runs even when an earlier one failed; the exit code says whether all passed.
set -uo pipefail
cd "$(dirname "$0")/.."
venv=${1:?usage: test.sh VENV swift|integration|prompt ...}
shift
python=$(cd "$venv" && pwd)/bin/python
flags=(--explicit-target-dependency-import-check error)
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
failed=0
summary=()

# Adds up the counts that Swift Testing and XCTest close with.
swift_suite() {
  echo "test: Swift tests (debug)"
  swift test "${flags[@]}" 2>&1 | tee "$logs/swift"
  local code=${PIPESTATUS[0]}
  summary+=("Swift tests: $(grep -oE 'Test run with [0-9]+ tests?.* (passed|failed) after [0-9.]+ seconds.*' "$logs/swift" |
    tail -n 1 || true) (exit $code)")
  return "$code"
}

integration_suite() {
  echo "test: release build"
  swift build -c release "${flags[@]}" --product pageviews || { summary+=("release build: failed"); return 1; }
  echo "test: integration tests against real servers, three groups side by side"
  local others
  others=$(cd Tests/Integration && ls test_*.py | grep -v -e '^test_export_' -e '^test_maintenance')
  integration_group "$logs/export" $(cd Tests/Integration && ls test_export_*.py) &
  local export=$!
  integration_group "$logs/maintenance" test_maintenance.py &
  local maintenance=$!
  # shellcheck disable=SC2086
  integration_group "$logs/service" $others &
  local service=$! code=0
  local failed_groups=()
  wait "$export" || failed_groups+=(export)
  wait "$maintenance" || failed_groups+=(maintenance)
  wait "$service" || failed_groups+=(service)
  local group
  for group in export maintenance service; do
    echo "test: integration tests, $group"
    cat "$logs/$group"
  done
  # Three groups at once load a small machine: what failed is run once more by itself, and has to pass then.
  for group in "${failed_groups[@]}"; do
    echo "test: integration tests, $group: those that failed, by themselves"
    (cd Tests/Integration && "$python" -m pytest --last-failed --last-failed-no-failures none \
      -o cache_dir="$logs/$group.cache" 2>&1) | tee "$logs/$group.again"
    [ "${PIPESTATUS[0]}" -eq 0 ] || code=1
    summary+=("Integration tests, $group, failed ones again: $(tail -n 1 "$logs/$group.again" | tr -d '=')")
  done
  for group in export maintenance service; do
    summary+=("Integration tests, $group: $(tail -n 1 "$logs/$group" | tr -d '=')")
  done
  return "$code"
}

# Runs some files of the suite, each group with a broker of its own; the names are relative to Tests/Integration.
integration_group() {
  local log=$1
  shift
  (cd Tests/Integration && "$python" -m pytest "$@" -o cache_dir="$log.cache" ${PYTEST_ARGS:-} >"$log" 2>&1)
}

# The prompt, on a pseudo-terminal.
prompt_suite() {
  echo "test: the prompt on a pseudo-terminal"
  PAGEVIEWS_BINARY=$PWD/.build/release/pageviews "$venv/bin/python" -m unittest discover -s Tests/Repl 2>&1 | tee "$logs/prompt"
  local code=${PIPESTATUS[0]}
  summary+=("Prompt tests: $(grep -E '^Ran ' "$logs/prompt") (exit $code)")
  return "$code"
}

for suite in "$@"; do
  "${suite}_suite" || failed=1
done
echo
printf '%s\n' "${summary[@]}"
exit "$failed"
