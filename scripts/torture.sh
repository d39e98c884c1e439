#!/usr/bin/env bash
# torture.sh VENV KILLS SEED   Kills the service KILLS times (Tests/Integration/test_torture.py) and prints the totals, then runs
#                              the tests with the mark `torture`, which `make test` omits.
# The binary and Kafka must exist already. PAGEVIEWS_TORTURE_NODES sets the size of each cluster of Apache Kafka (3).
# Fails when a life fails, or when a run of at least 1,000 kills lacks a step or a kind of outage.
set -uo pipefail
cd "$(dirname "$0")/.."
venv=$(cd "${1:?usage: torture.sh VENV KILLS SEED}" && pwd)
figures=$(mktemp)
trap 'rm -f "$figures"' EXIT
export PAGEVIEWS_KILLS=${2:?} PAGEVIEWS_TORTURE_SEED=${3:?} PAGEVIEWS_TORTURE_FIGURES=$figures
export PAGEVIEWS_TORTURE_NODES=${PAGEVIEWS_TORTURE_NODES:-3}
# Each worker has its own cluster and S3 server.
(cd Tests/Integration && "$venv/bin/python" -m pytest -n "${PAGEVIEWS_TORTURE_WORKERS:-3}" --dist worksteal -q \
  -p no:cacheprovider test_torture.py)
code=$?
"$venv/bin/python" Tests/Integration/support/figures.py "$figures" "$PAGEVIEWS_TORTURE_SEED" || code=1
(cd Tests/Integration && "$venv/bin/python" -m pytest -n 5 --dist worksteal -q -p no:cacheprovider -m torture) || code=1
exit "$code"
