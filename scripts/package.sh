#!/usr/bin/env bash
# package.sh install BINARY DESTDIR PREFIX   installs the binary, manual page, shell completions, unit file and licence
# package.sh deb BINARY FOLDER               builds a Debian package of them, FOLDER/pageviews_VERSION_ARCHITECTURE.deb
# The binary contains Swift's libraries. dpkg-shlibdeps reads from it the Debian packages that it needs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source=$(dirname "$here")

put() { # put MODE FILE: standard input to FILE
  install -D -m "$1" /dev/stdin "$2"
}

install_files() {
  local binary=$1 root=$2 prefix=$3
  install -D -m 0755 -s "$binary" "$root$prefix/bin/pageviews"
  "$binary" manual | gzip -9n | put 0644 "$root$prefix/share/man/man1/pageviews.1.gz"
  "$binary" --generate-completion-script bash | put 0644 "$root$prefix/share/bash-completion/completions/pageviews"
  "$binary" --generate-completion-script zsh | put 0644 "$root$prefix/share/zsh/vendor-completions/_pageviews"
  "$binary" --generate-completion-script fish | put 0644 "$root$prefix/share/fish/vendor_completions.d/pageviews.fish"
  install -D -m 0644 "$source/LICENSE" "$root$prefix/share/doc/pageviews/LICENSE"
  install -D -m 0644 "$source/deploy/pageviews.yaml" "$root$prefix/share/doc/pageviews/pageviews.yaml"
  "$here/libraries.sh" licences "$root$prefix/share/doc/pageviews"
  sed "s|/usr/bin/pageviews|$prefix/bin/pageviews|" "$source/deploy/systemd/pageviews.service" |
    put 0644 "$root$prefix/lib/systemd/system/pageviews.service"
}

# Prints a binary's dependencies: "libc6 (>= 2.34), libcurl4 (>= 7.16.2), ...".
dependencies() {
  local work
  work=$(mktemp -d)
  mkdir "$work/debian"
  echo 'Source: pageviews' >"$work/debian/control"
  (cd "$work" && dpkg-shlibdeps -O "$1" 2>/dev/null) | sed -n 's/^shlibs:Depends=//p'
  rm -rf "$work"
}

copyright() {
  cat <<'TEXT'
pageviews is licensed under the Apache License, Version 2.0:
/usr/share/common-licenses/Apache-2.0

This binary is linked with GNU Readline, which is licensed under the GNU General Public License, version 3 or later, so the
binary as a whole is distributed under its terms: /usr/share/common-licenses/GPL-3

It contains librdkafka (licences: /usr/share/doc/pageviews/librdkafka-LICENSES.txt) and SQLite (public domain), unless the
system's were used.

It is linked with GNU libmicrohttpd (GNU Lesser General Public License, version 2.1 or later:
/usr/share/common-licenses/LGPL-2.1), OpenSSL's libcrypto (Apache License 2.0) and libyaml (Expat License); Debian's packages
libmicrohttpd12, libssl3 and libyaml-0-2 hold their copyright files.

It contains the Swift standard library and Foundation (Apache License 2.0 with Runtime Library Exception) and ICU (Unicode
License).
TEXT
}

maintainer_scripts() {
  put 0755 "$1/postinst" <<'SCRIPT'
#!/bin/sh
set -e
if [ "$1" = configure ]; then
  if ! getent passwd pageviews >/dev/null; then
    useradd --system --user-group --home-dir /var/lib/pageviews --no-create-home --shell /usr/sbin/nologin pageviews
  fi
  if [ -d /run/systemd/system ]; then
    systemctl daemon-reload || true
    # Restart a running service with the new version. A new service needs its settings first, so the user starts it.
    systemctl try-restart pageviews.service || true
  fi
fi
SCRIPT
  put 0755 "$1/prerm" <<'SCRIPT'
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then systemctl disable --now pageviews.service || true; fi
SCRIPT
  put 0755 "$1/postrm" <<'SCRIPT'
#!/bin/sh
set -e
# Keep the state, /var/lib/pageviews, even on purge: it may be the only copy.
if [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi
SCRIPT
  echo /etc/pageviews/pageviews.yaml | put 0644 "$1/conffiles"
}

deb() {
  local binary folder=$2 version architecture file
  binary=$(realpath "$1")
  root=$(mktemp -d)
  trap 'rm -rf "$root"' EXIT
  chmod 0755 "$root"
  install_files "$binary" "$root" /usr
  rm "$root/usr/share/doc/pageviews/LICENSE"
  copyright | put 0644 "$root/usr/share/doc/pageviews/copyright"
  install -D -m 0644 "$source/deploy/pageviews.yaml" "$root/etc/pageviews/pageviews.yaml"
  rm "$root/usr/share/doc/pageviews/pageviews.yaml"
  gzip -9nc "$source/CHANGELOG.md" | put 0644 "$root/usr/share/doc/pageviews/changelog.gz"
  # Debian 12 keeps units in /lib.
  mkdir "$root/lib" && mv "$root/usr/lib/systemd" "$root/lib/" && rmdir "$root/usr/lib"
  version=$("$binary" --version | sed -n 1p)
  architecture=$(dpkg --print-architecture)
  maintainer_scripts "$root/DEBIAN"
  put 0644 "$root/DEBIAN/control" <<CONTROL
Package: pageviews
Version: $version
Architecture: $architecture
Maintainer: pageviews maintainers <maintainers@pageviews.invalid>
Section: database
Priority: optional
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f1)
Depends: $(dependencies "$root/usr/bin/pageviews"), passwd
Recommends: ca-certificates
Description: count page views from Kafka and query the counts with SQL
 Counts page views per postcode and minute in SQLite, records and publishes
 late events, and exports to Apache Iceberg tables exactly once.
CONTROL
  mkdir -p "$folder"
  file=$folder/pageviews_${version}_$architecture.deb
  dpkg-deb --root-owner-group --build "$root" "$file" >/dev/null
  echo "deb: $file, $(stat -c %s "$file") bytes"
}

case "${1:-}" in
  install) install_files "${2:?}" "${3-}" "${4:?}" ;;
  deb) deb "${2:?}" "${3:?}" ;;
  *) sed -n '2,4s/^# //p' "$0" >&2; exit 2 ;;
esac
