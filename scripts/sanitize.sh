#!/usr/bin/env bash
# sanitize.sh SANITIZER...   Runs all Swift tests under each sanitizer named (address, thread) and ends with their counts; exit
#                            1 when a test failed or a sanitizer reported anything. Each builds in .build-SANITIZER, since the
#                            flag changes every object.
# The thread sanitizer skips targets that start librdkafka or the program: librdkafka creates threads with thrd_create, which
# the sanitizer does not intercept, and they crash in its allocator.
# SWIFT_TEST_ARGS are passed to `swift test`, for example "--filter IcebergTests".
set -uo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || { echo "usage: sanitize.sh address|thread ..." >&2; exit 2; }
# The values that make sets.
PKG_CONFIG_PATH=$(scripts/libraries.sh path)
export PKG_CONFIG_PATH PAGEVIEWS_TEST_PYTHON=${PAGEVIEWS_TEST_PYTHON:-$PWD/.venv/bin/python}
flags=(--explicit-target-dependency-import-check error --no-color-diagnostics)
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
failed=0
summary=()
skip_address=()
skip_thread=(--skip '^(KafkaTests|IngestTests|GeneratorTests|TopicBrowserTests|CommandsTests)\.')

for sanitizer in "$@"; do
  case "$sanitizer" in address | thread) ;; *) echo "sanitize: no sanitizer $sanitizer; address or thread" >&2; exit 2 ;; esac
  echo "sanitize: all Swift tests under the $sanitizer sanitizer"
  began=$SECONDS
  declare -n skip="skip_$sanitizer"
  # A finding ends the process, or appears as a report in the output: both fail here. Tests run with limited parallelism,
  # because all at once would be slow enough for connections to time out. Leak detection is off.
  # shellcheck disable=SC2086
  ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=1 TSAN_OPTIONS=halt_on_error=0 \
    SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=4 \
    swift test --sanitize "$sanitizer" --scratch-path ".build-$sanitizer" "${flags[@]}" "${skip[@]}" ${SWIFT_TEST_ARGS:-} 2>&1 |
    tee "$logs/$sanitizer"
  code=${PIPESTATUS[0]}
  reports=$(grep -cE '(ERROR|WARNING): (Address|Thread)Sanitizer' "$logs/$sanitizer")
  tests=$(grep -oE 'Test run with [0-9]+ tests?.* (passed|failed) after [0-9.]+ seconds.*' "$logs/$sanitizer" | tail -n 1)
  summary+=("$sanitizer${skip[*]:+ (${skip[*]})}: ${tests:-no test ran to the end}"
    "  exit $code, $reports reports, $((SECONDS - began)) s")
  if [ "$code" != 0 ] || [ "$reports" != 0 ] || [ -z "$tests" ]; then failed=1; fi
done
echo
printf '%s\n' "${summary[@]}"
exit "$failed"
