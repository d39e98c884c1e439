#!/usr/bin/env bash
# storage.sh VENV SEEDS SEED   Fails the disk under the service, cuts its power and damages its files, with SEEDS seeds of each
# kind from SEED on (test_storage_faults.py, test_damaged_state.py), and ends with one line. The binary is there already.
set -uo pipefail
cd "$(dirname "$0")/.."
venv=$(cd "${1:?usage: storage.sh VENV SEEDS SEED}" && pwd)
verdicts=$(mktemp)
trap 'rm -f "$verdicts"' EXIT
export PAGEVIEWS_STORAGE_SEEDS=${2:?} PAGEVIEWS_STORAGE_SEED=${3:?} PAGEVIEWS_DAMAGES=$2 PAGEVIEWS_DAMAGE_REPORT=$verdicts
(cd Tests/Integration && "$venv/bin/python" -m pytest -n 3 --dist worksteal -q -p no:cacheprovider \
  test_storage_faults.py test_damaged_state.py test_damaged_spool.py test_full_disk.py)
code=$?
count() { grep -c "$1" "$verdicts"; }
echo "storage: seeds $3 to $(($3 + $2 - 1)); $(wc -l <"$verdicts") damaged states: $(count "'read': 'exact'") read as before," \
  "$(count "'read': 'refused'") refused, $(count "'read': 'WRONG'") read wrongly and found by proof;" \
  "$([ "$code" = 0 ] && echo pass || echo fail)"
exit "$code"
