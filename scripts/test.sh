#!/usr/bin/env bash
# test.sh VENV SUITE...   Builds, runs the suites named (swift, integration, prompt, page) and ends with their counts.
# Every suite runs, even when an earlier one failed. The exit code is 0 only when all passed. Each suite leaves its results in
# .build/results; after all four, guarantees.py holds docs/guarantees.md to them.
set -uo pipefail
cd "$(dirname "$0")/.."
venv=${1:?usage: test.sh VENV swift|integration|prompt|page ...}
shift
python=$(cd "$venv" && pwd)/bin/python
# The value that make sets, so that both build the same objects.
PKG_CONFIG_PATH=$(scripts/libraries.sh path)
export PKG_CONFIG_PATH
flags=(--explicit-target-dependency-import-check error --no-color-diagnostics)
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
results=$PWD/.build/results
mkdir -p "$results"
failed=0
summary=()

# Adds up the closing counts of Swift Testing and XCTest.
swift_suite() {
  echo "test: Swift tests (debug)"
  rm -f "$results"/swift*
  # Swift Testing writes swift-swift-testing.xml beside XCTest's swift.xml.
  swift test "${flags[@]}" --xunit-output "$results/swift.xml" 2>&1 | tee "$logs/swift"
  local code=${PIPESTATUS[0]}
  summary+=("Swift tests: $(grep -oE 'Test run with [0-9]+ tests?.* (passed|failed) after [0-9.]+ seconds.*' "$logs/swift" |
    tail -n 1 || true) (exit $code)")
  return "$code"
}

integration_suite() {
  rm -f "$results"/integration*
  echo "test: release build"
  swift build -c release "${flags[@]}" --product pageviews ||
    { summary+=("release build: failed"); return 1; }
  echo "test: integration tests against real servers"
  # The tests wait more than they compute: six workers, each with its own servers, keep two cores busy.
  (cd Tests/Integration && "$python" -m pytest -n 6 --dist worksteal -q -p no:cacheprovider \
    --junitxml="$results/integration.xml" ${PYTEST_ARGS:-} 2>&1) | tee "$logs/integration"
  # No retries: a test that fails once shows a fault of the test or of the program.
  local code=${PIPESTATUS[0]}
  summary+=("Integration tests: $(tail -n 1 "$logs/integration" | tr -d '=')")
  return "$code"
}

# Tests the prompt on a pseudo-terminal.
prompt_suite() {
  echo "test: the prompt on a pseudo-terminal"
  rm -f "$results"/prompt*
  PAGEVIEWS_BINARY=$PWD/.build/release/pageviews "$venv/bin/python" Tests/Repl/run.py "$results/prompt.json" 2>&1 |
    tee "$logs/prompt"
  local code=${PIPESTATUS[0]}
  summary+=("Prompt tests: $(grep -E '^Ran ' "$logs/prompt") (exit $code)")
  return "$code"
}

# Tests the page in a browser. Without a browser the summary says that the page was not checked; that is no failure.
page_suite() {
  echo "test: the page in headless Chromium"
  rm -f "$results"/page*
  if ! command -v chromium >/dev/null; then
    summary+=("Page in a browser: NOT CHECKED: $(
      cat "$venv/no-browser" 2>/dev/null || echo 'there is no chromium; `make browser` installs it'
    )")
    return 0
  fi
  "$venv/bin/python" Tests/Browser/check_page.py --demo .build/release/pageviews --results "$results/page.json" 2>&1 |
    tee "$logs/page"
  local code=${PIPESTATUS[0]}
  summary+=("Page in a browser: $(grep -c '^ok: ' "$logs/page") checks passed (exit $code)")
  return "$code"
}

# Only a run of every test can say which guarantees are proven.
guarantees() {
  local suite
  for suite in swift integration prompt page; do
    case " $* " in *" $suite "*) ;; *) return 0 ;; esac
  done
  if [ -n "${PYTEST_ARGS:-}" ]; then
    summary+=("Guarantees: not compared, because PYTEST_ARGS may leave out tests")
    return 0
  fi
  "$venv/bin/python" scripts/guarantees.py check
  local code=$?
  summary+=("Guarantees: docs/guarantees.md $([ $code = 0 ] && echo equals || echo 'does not equal') the results (exit $code)")
  return "$code"
}

for suite in "$@"; do
  "${suite}_suite" || failed=1
done
guarantees "$@" || failed=1
echo
printf '%s\n' "${summary[@]}"
exit "$failed"
