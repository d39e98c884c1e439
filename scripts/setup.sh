#!/usr/bin/env bash
# setup.sh libraries     installs the Debian packages that are missing; asks for sudo only when not root
# setup.sh venv VENV     makes the tests' Python environment from requirements.txt
# Quick when everything is there, and safe to run again at any time.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

packages=(
  pkg-config gcc libc6-dev make git curl ca-certificates procps libsqlite3-dev librdkafka-dev libcurl4-openssl-dev
  libreadline-dev libzstd-dev libsnappy-dev zlib1g-dev libroaring-dev python3 python3-venv
)

installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

libraries() {
  if ! command -v dpkg-query >/dev/null; then
    echo "setup: this is not Debian or Ubuntu; install what these packages hold by hand: ${packages[*]}" >&2
    exit 2
  fi
  local missing=()
  for package in "${packages[@]}"; do
    installed "$package" || missing+=("$package")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    echo "setup: installing ${missing[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  fi
  if ! command -v swift >/dev/null; then
    echo "setup: Swift 6.3 is needed and not on the PATH; see https://www.swift.org/install" >&2
    exit 2
  fi
}

# A Python of 3.10 or later that can make virtual environments: the first on the PATH, else Debian's.
find_python() {
  local candidate
  for candidate in python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
    if "$candidate" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  echo "setup: no Python of 3.10 or later with venv was found; install python3-venv" >&2
  return 2
}

venv() {
  local venv=$1 stamp
  stamp="$venv/.ready-$(sha256sum <"$here/requirements.txt" | cut -c 1-16)"
  if [ -e "$stamp" ] && "$venv/bin/python" -c 'import pytest' 2>/dev/null; then
    return
  fi
  echo "setup: making the Python environment ${venv##*/} (test servers and readers; once, about a minute)"
  local python
  python=$(find_python)
  "$python" -m venv --clear "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
  touch "$stamp"
}

case "${1:-}" in
  libraries) libraries ;;
  venv) venv "${2:?usage: setup.sh venv VENV}" ;;
  *) echo "usage: setup.sh libraries | setup.sh venv VENV" >&2; exit 2 ;;
esac
