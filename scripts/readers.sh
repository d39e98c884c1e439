#!/usr/bin/env bash
# readers.sh FOLDER   creates the Python environments of the engines that `make readers` reads the tables with, in FOLDER. Each
#                     has its own, since two versions of chdb cannot be in one. About 2 GB from PyPI. Fails when one is
#                     unavailable, because a requested test must not be skipped.
# chdb 3.7.2 is ClickHouse 25.8, a long-term release; chdb-core 26.9.0 is ClickHouse 26.9.
set -euo pipefail
folder=${1:?usage: readers.sh FOLDER}

environment() {
  local place=$folder/$1
  shift
  # The list is written last, so an environment that an interrupted run left is made again.
  if [ "$(cat "$place/.packages" 2>/dev/null)" = "$*" ]; then return; fi
  echo "readers: installing $* (once, some minutes)"
  python3 -m venv --clear "$place"
  "$place/bin/python" -m pip install --quiet --disable-pip-version-check "$@" ||
    { echo "readers: $* could not be installed from PyPI" >&2; exit 1; }
  echo "$*" >"$place/.packages"
}

mkdir -p "$folder"
environment polars polars==2.1.0 'pyiceberg[pyarrow]==0.12.0'
environment chdb-25.8 chdb==3.7.2
environment chdb-26.9 chdb-core==26.9.0
