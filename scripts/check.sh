#!/usr/bin/env bash
# check.sh VENV   Checks the format of every language in the repository, then its own rules (rules.py, layers.py), the names of the
# tests in docs/guarantees.md, and that each planted bug still fits the code. Changes nothing.
set -uo pipefail
cd "$(dirname "$0")/.."
venv=${1:?usage: check.sh VENV}
failed=0

# Runs a named check, prints its result, and records a failure.
check() {
  local name=$1
  shift
  if "$@"; then echo "check: $name: ok"; else echo "check: $name: failed" >&2; failed=1; fi
}

swift_format() {
  git ls-files -z -- '*.swift' | xargs -0 swift format lint --strict --parallel
}

python_compiles() {
  git ls-files -z -- '*.py' | xargs -0 "$venv/bin/python" -W error -c '
import sys
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as source:
        compile(source.read(), path, "exec", dont_inherit=True)'
}

shell_parses() {
  local file good=0
  while read -r file; do
    bash -n "$file" || good=1
  done < <(git grep -lIE '^#!.*bash' -- scripts .ci)
  return "$good"
}

planted_bugs_fit() {
  local patch good=0
  for patch in Tests/Simulation/Planted/*.patch; do
    git apply --check "$patch" || good=1
  done
  return "$good"
}

check "swift format" swift_format
check "python" python_compiles
check "shell" shell_parses
check "rules of the repository" "$venv/bin/python" scripts/rules.py
check "layers" "$venv/bin/python" scripts/layers.py
check "names in the guarantees" "$venv/bin/python" scripts/guarantees.py names
check "planted bugs" planted_bugs_fit
exit "$failed"
