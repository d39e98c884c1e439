#!/usr/bin/env bash
# torture.sh VENV KILLS SEED   Kills the service KILLS times (Tests/Integration/test_torture.py) and prints the totals.
# The binary and Kafka must exist already.
set -uo pipefail
cd "$(dirname "$0")/.."
venv=$(cd "${1:?usage: torture.sh VENV KILLS SEED}" && pwd)
figures=$(mktemp)
trap 'rm -f "$figures"' EXIT
export PAGEVIEWS_KILLS=${2:?} PAGEVIEWS_TORTURE_SEED=${3:?} PAGEVIEWS_TORTURE_FIGURES=$figures
(cd Tests/Integration && "$venv/bin/python" -m pytest -n 3 --dist worksteal -q -p no:cacheprovider test_torture.py)
code=$?
"$venv/bin/python" Tests/Integration/support/figures.py "$figures" "$PAGEVIEWS_TORTURE_SEED"
exit "$code"
