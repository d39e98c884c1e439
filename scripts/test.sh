#!/usr/bin/env bash
# test.sh VENV SUITE...   Builds, runs the suites named (swift, integration) and ends with their counts.
# Every suite runs even when an earlier one failed; the exit code says whether all passed.
set -uo pipefail
cd "$(dirname "$0")/.."
venv=${1:?usage: test.sh VENV swift|integration|prompt ...}
shift
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
  echo "test: integration tests against real servers"
  "$venv/bin/python" -m pytest Tests/Integration 2>&1 | tee "$logs/integration"
  local code=${PIPESTATUS[0]}
  summary+=("Integration tests: $(tail -n 1 "$logs/integration" | tr -d '=') (exit $code)")
  return "$code"
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
