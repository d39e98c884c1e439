#!/usr/bin/env bash
# stack.sh up VENV RUN     starts S3 with an Iceberg catalog (SeaweedFS) and a Kafka broker (tansu, kept on that S3),
#                          all on 127.0.0.1, and prints their addresses and the next commands
# stack.sh down VENV RUN   stops them; their data stays in RUN for the next `up`
# KAFKA_PORT (9092, or the last one used) is the broker's port; S3_PORT_BASE moves S3 and the catalog to that port and
# the next (8333, 8181).
# The S3 keys are generated once and kept in RUN/s3.env, readable by the user only. The catalog takes the same keys as an OAuth
# client's id and secret; RUN/s3.env has them as PAGEVIEWS_CATALOG_CREDENTIAL.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
action=${1:-}
venv=${2:?usage: stack.sh up|down VENV RUN}
run=${3:?usage: stack.sh up|down VENV RUN}

alive() {
  [ -s "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null
}

make_keys() (
  umask 077
  if [ ! -s "$run/s3.env" ]; then
    printf 'export AWS_ACCESS_KEY_ID=%s\nexport AWS_SECRET_ACCESS_KEY=%s\n' \
      "$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')" "$(od -An -N20 -tx1 /dev/urandom | tr -d ' \n')" >"$run/s3.env"
  fi
  # Files from earlier versions have no line for the catalog.
  if ! grep -q PAGEVIEWS_CATALOG_CREDENTIAL "$run/s3.env"; then
    # shellcheck disable=SC2016
    echo 'export PAGEVIEWS_CATALOG_CREDENTIAL="$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"' >>"$run/s3.env"
  fi
)

# Creates the bucket that the broker keeps its records in. An existing one answers 409.
make_bucket() {
  local status
  status=$(curl -s -o /dev/null -w '%{http_code}' -X PUT --aws-sigv4 aws:amz:us-east-1:s3 -K - \
    "$S3_ENDPOINT/$1" <<<"user = \"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY\"")
  case "$status" in
    200 | 409) ;;
    *) echo "stack: S3 answered $status to creating the bucket $1" >&2; exit 1 ;;
  esac
}

up() {
  mkdir -p "$run"
  make_keys
  # shellcheck disable=SC1091
  . "$run/s3.env"
  if ! alive "$run/s3.pid"; then
    "$here/start-s3.sh" "$venv" "$run" ${S3_PORT_BASE:+--port-base "$S3_PORT_BASE"} >"$run/s3.endpoints"
  fi
  # shellcheck disable=SC1091
  . "$run/s3.endpoints"
  make_bucket kafka
  local broker
  broker=$(AWS_ENDPOINT=$S3_ENDPOINT "$here/start-kafka.sh" "$venv" "$run" "${KAFKA_PORT:-}" s3://kafka/)
  cat <<TEXT
up: Kafka            $broker
    S3               $S3_ENDPOINT      buckets plain and warehouse; keys in ${run##*/}/s3.env
    Iceberg catalog  $CATALOG_ENDPOINT      warehouse s3://warehouse
Send events, and count and export them, each in its own terminal:
    .build/release/pageviews generate --bootstrap-servers $broker --rate 100
    . ${run##*/}/s3.env; .build/release/pageviews ingest --bootstrap-servers $broker --state ${run##*/}/pageviews.db \\
      --warehouse s3://plain/pageviews --catalog $CATALOG_ENDPOINT --catalog-warehouse s3://warehouse \\
      --s3-endpoint $S3_ENDPOINT --s3-path-style --export-interval 10s
Ask while they run:
    .build/release/pageviews query --state ${run##*/}/pageviews.db "SELECT * FROM postcode_view_count LIMIT 10"
\`make down\` ends the servers.
TEXT
}

# Stops the process in a pid file and waits for its end; kills it after 10 s.
stop() {
  local file=$run/$1.pid
  if alive "$file"; then
    local pid
    pid=$(cat "$file")
    kill "$pid"
    for _ in $(seq 100); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null || true
    echo "down: stopped $1"
  fi
  rm -f "$file"
}

case "$action" in
  up) up ;;
  down) for name in kafka-proxy kafka s3; do stop "$name"; done ;;
  *) echo "usage: stack.sh up|down VENV RUN" >&2; exit 2 ;;
esac
