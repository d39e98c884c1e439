#!/usr/bin/env bash
# libraries.sh build    builds the pinned librdkafka and SQLite as static libraries, each where the system's is too old
# libraries.sh path     prints the PKG_CONFIG_PATH with which `swift build` finds them; empty when the system's are new enough
# libraries.sh licences FOLDER   copies the licences of the static libraries into FOLDER
# libraries.sh pins     prints name, version and folder of each library that this machine needs
# A library is built once, into CACHE/NAME-VERSION-HASH. CACHE is PAGEVIEWS_LIBRARIES, by default ~/.cache/pageviews/libraries.
# HASH covers the recipe, the source's checksums and the machine, so a change to any of them causes a new build.
# The source is the file LIBRDKAFKA_SOURCE or SQLITE_SOURCE, else the downloaded release archive. Its SHA-256 must be one of those
# below. Several processes may run this at once: a build holds a lock, works in its own folder, and renames that when it is complete.
# docs/adr/0019-pinned-librdkafka-and-sqlite.md gives the reasons, and the steps to update a version.
set -euo pipefail

cache_home=${XDG_CACHE_HOME:-}
[ -n "$cache_home" ] || cache_home=~/.cache
cache=${PAGEVIEWS_LIBRARIES:-$cache_home/pageviews/libraries}

names=(librdkafka sqlite)
# The pinned version, the oldest version of the system's that suffices, and the name for pkg-config.
declare -A version=([librdkafka]=2.15.1 [sqlite]=3.53.2)
declare -A oldest=([librdkafka]=2.6.1 [sqlite]=3.51.3)
declare -A module=([librdkafka]=rdkafka [sqlite]=sqlite3)
declare -A address=(
  [librdkafka]=https://github.com/confluentinc/librdkafka/archive/refs/tags/v2.15.1.tar.gz
  [sqlite]=https://www.sqlite.org/2026/sqlite-autoconf-3530200.tar.gz
)
# The published release archive, and the same files repacked for machines without a network.
declare -A checksums=(
  [librdkafka]="23c8575c7d1ced07246cb9cf200c11325b72201fd4134a02414ca869fbdd8ed3
    6c048d133a3ddd86a4e2a6e7c543250a5db812c9f7c8abd421111cb9ac6cceb9"
  [sqlite]="588ad51949419a56ebe81fe56193d510c559eb94c9a57748387860b5d3069316
    c2109557fad84978839760e6854acc28abc3ad1beba19e8e34c26be61f2c5c1f"
)
declare -A source_file=([librdkafka]=${LIBRDKAFKA_SOURCE:-} [sqlite]=${SQLITE_SOURCE:-})
declare -A source_name=([librdkafka]=LIBRDKAFKA_SOURCE [sqlite]=SQLITE_SOURCE)
declare -A without=(
  [librdkafka]="logging in by SCRAM to Kafka 4 and by OAUTHBEARER with OIDC fails, and leader epochs are not checked"
  [sqlite]="the WAL-reset fault can damage a state that a second program opens (fixed in 3.51.3), and everything costs more CPU"
)

# The options of Debian's build that queries can see, without URI file names, and without SECURE_DELETE, which rewrites freed
# pages. Memory statistics are off; a process that limits SQLite's memory turns them on (`Connection.setMemoryLimit`).
sqlite_options=(
  -DSQLITE_DEFAULT_MEMSTATUS=0 -DSQLITE_THREADSAFE=2 -DSQLITE_ENABLE_COLUMN_METADATA -DSQLITE_ENABLE_DBSTAT_VTAB
  -DSQLITE_ENABLE_FTS3 -DSQLITE_ENABLE_FTS3_PARENTHESIS -DSQLITE_ENABLE_FTS3_TOKENIZER -DSQLITE_ENABLE_FTS4
  -DSQLITE_ENABLE_FTS5 -DSQLITE_ENABLE_MATH_FUNCTIONS -DSQLITE_ENABLE_RTREE -DSQLITE_ENABLE_STMTVTAB
  -DSQLITE_ENABLE_PREUPDATE_HOOK -DSQLITE_ENABLE_SESSION -DSQLITE_ENABLE_UNLOCK_NOTIFY
  -DSQLITE_ENABLE_UPDATE_DELETE_LIMIT -DSQLITE_LIKE_DOESNT_MATCH_BLOBS -DSQLITE_MAX_VARIABLE_NUMBER=250000
  -DSQLITE_MAX_DEFAULT_PAGE_SIZE=32768 -DSQLITE_SOUNDEX
  -DHAVE_FDATASYNC=1 -DHAVE_GMTIME_R=1 -DHAVE_ISNAN=1 -DHAVE_LOCALTIME_R=1 -DHAVE_MALLOC_H=1 -DHAVE_MALLOC_USABLE_SIZE=1
  -DHAVE_STDINT_H=1 -DHAVE_STRCHRNUL=1 -DHAVE_USLEEP=1 -DUSE_PREAD=1
)

# build_NAME SOURCE PREFIX FINAL   makes PREFIX/{include,lib} from the unpacked SOURCE; PREFIX will be renamed to FINAL.
build_librdkafka() {
  cd "$1"
  ./configure --CFLAGS="-O3 -fPIC" --disable-debug-symbols --enable-zlib --enable-zstd --enable-ssl --enable-gssapi \
    --enable-curl --enable-lz4-ext --no-download
  make -j "$(nproc)" -C src librdkafka.a
  install -D -m 0644 -t "$2/include/librdkafka" src/rdkafka.h src/rdkafka_mock.h
  install -D -m 0644 src/librdkafka.a "$2/lib/librdkafka_pinned.a"
  install -D -m 0644 -t "$2" LICENSES.txt
  package_file "$2" "$3" rdkafka "-lrdkafka_pinned -lcurl -lsasl2 -lssl -lcrypto -lzstd -llz4 -lz -lm -ldl -lpthread -lrt"
}

build_sqlite() {
  cd "$1"
  gcc -O3 -fPIC "${sqlite_options[@]}" -c sqlite3.c -o sqlite3.o
  mkdir -p "$2/lib"
  ar rcs "$2/lib/libsqlite3_pinned.a" sqlite3.o
  install -D -m 0644 -t "$2/include" sqlite3.h sqlite3ext.h
  package_file "$2" "$3" sqlite3 "-lsqlite3_pinned -lm -ldl -lpthread"
}

# package_file PREFIX FINAL MODULE LIBRARIES   The archives have distinct names, because SwiftPM puts other packages' -L before
# ours, and a shared library of the same name there would win.
package_file() {
  mkdir -p "$1/lib/pkgconfig"
  cat >"$1/lib/pkgconfig/$3.pc" <<PC
Name: $3
Description: static, pinned for pageviews
Version: ${version[$name]}
Cflags: -I$2/include
Libs: -L$2/lib $4
PC
}

# Ignores PKG_CONFIG_PATH, because only the system's libraries count.
needed() {
  ! env -u PKG_CONFIG_PATH pkg-config --atleast-version="${oldest[$1]}" "${module[$1]}" 2>/dev/null
}

folder() {
  local machine hash
  machine=$(uname -m; grep -E '^(ID|VERSION_ID)=' /etc/os-release 2>/dev/null || true)
  hash=$({ declare -f "build_$1" package_file; echo "${sqlite_options[*]} ${checksums[$1]} $machine"; } | sha256sum)
  echo "$cache/$1-${version[$1]}-${hash:0:12}"
}

warn() {
  echo "libraries: $1" >&2
}

matches() { # matches NAME FILE
  local sum
  sum=$(sha256sum <"$2")
  [[ " "${checksums[$1]}" " =~ [[:space:]]"${sum%% *}"[[:space:]] ]]
}

# Puts the source archive at $2. Fails when it cannot be downloaded; a named file that is unreadable or wrong ends the script.
obtain() {
  local named=${source_file[$1]}
  if [ -n "$named" ]; then
    if [ ! -r "$named" ]; then
      warn "${source_name[$1]}: cannot read $named"
      exit 2
    fi
    if ! matches "$1" "$named"; then
      warn "${source_name[$1]}: $named is not $1 ${version[$1]}: its SHA-256 is not in scripts/libraries.sh"
      exit 2
    fi
    cp "$named" "$2"
    return
  fi
  echo "libraries: downloading ${address[$1]}"
  curl -fsSL --connect-timeout 5 --max-time 300 -o "$2" "${address[$1]}" || return 1
  matches "$1" "$2" || { warn "${address[$1]} has a SHA-256 that is not in scripts/libraries.sh; not used"; return 1; }
}

build() { # build NAME FINAL
  local name=$1 final=$2 log code
  mkdir -p "$cache"
  exec 9>"$cache/.lock"
  flock 9
  if [ -e "$final" ]; then return; fi
  rm -rf "$cache"/.build-*  # of a killed build; only the holder of the lock builds
  work=$(mktemp -d "$cache/.build-XXXXXX")
  trap 'rm -rf "$work"' EXIT
  if ! obtain "$name" "$work/archive"; then
    warn "no source of $name ${version[$name]}: set ${source_name[$name]}=FILE, or give this machine access to ${address[$name]}"
    warn "the system's $name is used instead: ${without[$name]}"
    rm -rf "$work"
    return
  fi
  echo "libraries: building $name ${version[$name]} (once, cached in $cache)"
  mkdir "$work/source" "$work/prefix"
  tar xzf "$work/archive" -C "$work/source" --strip-components=1
  log=$cache/$name.log
  # Not in a condition, where bash ignores `set -e`.
  set +e
  (set -e; "build_$name" "$work/source" "$work/prefix" "$final") >"$log" 2>&1
  code=$?
  set -e
  if [ "$code" -ne 0 ]; then
    tail -n 20 "$log" >&2
    warn "building $name ${version[$name]} failed; the log is $log"
    exit 1
  fi
  mv -T "$work/prefix" "$final"
  rm -rf "$work"
}

each_needed() { # each_needed COMMAND   COMMAND NAME FOLDER
  local name
  for name in "${names[@]}"; do
    if needed "$name"; then "$1" "$name" "$(folder "$name")"; fi
  done
}

build_missing() { [ -e "$2" ] || build "$1" "$2"; }
print_path() { echo "$2/lib/pkgconfig"; }
put_licences() {
  if [ -e "$2/LICENSES.txt" ]; then install -D -m 0644 "$2/LICENSES.txt" "$licences/$1-LICENSES.txt"; fi
}
print_pin() { echo "$1 ${version[$1]} $2"; }

# Adds each entry once, also when one script calls another.
path() {
  local entry result=${PKG_CONFIG_PATH:-}
  while read -r entry; do
    case ":$result:" in *":$entry:"*) ;; *) result=$entry${result:+:$result} ;; esac
  done < <(each_needed print_path)
  echo "$result"
}

# A function, so that bash reads the whole file before it runs: the file may change during a build of minutes.
main() {
  case "${1:-}" in
    build) each_needed build_missing ;;
    path) path ;;
    licences) licences=${2:?usage: libraries.sh licences FOLDER}; mkdir -p "$licences"; each_needed put_licences ;;
    pins) each_needed print_pin ;;
    *) sed -n '2,5s/^# //p' "$0" >&2; exit 2 ;;
  esac
}

main "$@"
exit
