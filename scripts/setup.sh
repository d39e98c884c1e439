#!/usr/bin/env bash
# setup.sh libraries     installs the Debian packages that are missing (asks for sudo only when not root), and builds librdkafka
#                        and SQLite where Debian's are too old (libraries.sh)
# setup.sh kafka         installs Java and downloads Apache Kafka's jars, for the tests' brokers; KAFKA_JARS can name the jars
# setup.sh shells        installs the shells whose completions are tested
# setup.sh venv VENV     creates the tests' Python environment from requirements.txt
# setup.sh browser VENV  installs Chromium for the page's tests; if that fails, VENV/no-browser has the reason
# Fast when nothing is missing, and safe to run again at any time.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

packages=(
  pkg-config gcc libc6-dev make git curl ca-certificates procps libsqlite3-dev librdkafka-dev libcurl4-openssl-dev
  libreadline-dev libzstd-dev libsnappy-dev zlib1g-dev libroaring-dev libyaml-dev libmicrohttpd-dev
  python3 python3-venv
  g++ libssl-dev liblz4-dev libsasl2-dev
)

installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

libraries() {
  if ! command -v dpkg-query >/dev/null; then
    echo "setup: this is not Debian or Ubuntu; install the contents of these packages by hand: ${packages[*]}" >&2
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
  "$here/libraries.sh" build
}

kafka() {
  if ! command -v java >/dev/null; then
    echo "setup: installing openjdk-17-jre-headless (for the tests' brokers)"
    install_package openjdk-17-jre-headless >/dev/null
  fi
  "$here/apache-kafka.sh" jars >/dev/null
}

shells() {
  local shell
  for shell in zsh fish; do
    if ! command -v "$shell" >/dev/null; then
      echo "setup: installing $shell (its completions are tested)"
      install_package "$shell" >/dev/null
    fi
  done
}

# Only one suite needs it. Without it setup continues, and the suite's line in the summary says that it did not run.
browser() {
  local why="$1/no-browser" words
  rm -f "$why"
  command -v chromium >/dev/null && return
  if ! command -v dpkg-query >/dev/null; then
    echo "this is not Debian or Ubuntu, and there is no chromium on the PATH" >"$why"
  else
    echo "setup: installing chromium"
    if ! words=$(install_package chromium 2>&1); then
      echo "installing the package chromium failed: $(tail -n 1 <<<"$words")" >"$why"
    elif ! command -v chromium >/dev/null; then
      echo "the package chromium contains no program of that name" >"$why"
    fi
  fi
  [ ! -e "$why" ] || echo "setup: no browser to test the page with: $(cat "$why")" >&2
}

# A machine that cannot reach the packages must not wait long.
install_package() {
  as_root timeout 60 env DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
    as_root timeout 300 env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1"
}

# Finds a Python of 3.10 or later with venv: the first on the PATH, else Debian's.
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
  echo "setup: creating the Python environment ${venv##*/} (test servers and readers; once, about a minute)"
  local python
  python=$(find_python)
  "$python" -m venv --clear "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
  touch "$stamp"
}

case "${1:-}" in
  libraries) libraries ;;
  venv) venv "${2:?usage: setup.sh venv VENV}" ;;
  browser) browser "${2:?usage: setup.sh browser VENV}" ;;
  kafka) kafka ;;
  shells) shells ;;
  *) echo "usage: setup.sh libraries | venv VENV | browser VENV | kafka | shells" >&2; exit 2 ;;
esac
