#!/usr/bin/env bash
# apache-kafka.sh start RUN [--nodes N] [--listeners NAME,...] [--extra FILE] [--only N] [--owner PID]
#                 [--scram NAME=PASSWORD,...] [--behind PORT,...]
#                                                              starts Apache Kafka on loopback and waits until it is ready
# apache-kafka.sh stop RUN                                     kills its nodes (SIGKILL)
# apache-kafka.sh tool NAME ARGUMENTS...                       runs one of Kafka's tools: topics, configs, acls, ... or a class
# apache-kafka.sh jars                                         prints the folder of jars; downloads them when there is none
#
# One or three nodes (KRaft), broker and controller in one process each. RUN/N holds node N's data, log, pid and
# server.properties. RUN/ports holds its ports, chosen once below the ephemeral range, so that no outgoing connection can take
# the port of a killed node. `start` starts only nodes that are not running, on their existing data; --only starts one node.
#   --listeners  listeners in addition to PLAINTEXT: SSL, SASL_PLAINTEXT or SASL_SSL, each with a port on every node
#   --extra      properties for every node; they override the others
#   --behind     ports of forwarders, one per node: adds the listener PROXIED, whose clients are told these ports
#   --scram      users for SCRAM-SHA-256 and SCRAM-SHA-512, created when the data is formatted
#   --owner      kill the nodes when this process ends
# Prints one line per listener, NAME=127.0.0.1:PORT,... with all nodes.
# KAFKA_JARS names a folder with the jars. Without it the jars of scripts/apache-kafka/jars.txt are downloaded once from Maven Central.
# KAFKA_HEAP sets each node's heap (256m). Needs Java 17: apt-get install openjdk-17-jre-headless.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
settings=$here/apache-kafka
release=4.3.0
central=https://repo1.maven.org/maven2
cluster=cGFnZXZpZXdzLXRlc3RzLQ

usage() { sed -n '2,/^set/{/^set/!s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
fail() { echo "apache-kafka: $*" >&2; exit 1; }

jars() {
  if [ -n "${KAFKA_JARS:-}" ]; then
    [ -e "$KAFKA_JARS/kafka_2.13-$release.jar" ] || fail "KAFKA_JARS: there is no kafka_2.13-$release.jar in $KAFKA_JARS"
    echo "$KAFKA_JARS"
    return
  fi
  local cache_home=${XDG_CACHE_HOME:-} folder work
  [ -n "$cache_home" ] || cache_home=~/.cache
  folder=$cache_home/pageviews/apache-kafka-$release
  if [ ! -e "$folder" ]; then
    mkdir -p "$cache_home/pageviews"
    work=$(mktemp -d "$folder.XXXXXX")
    if ! download "$work"; then
      rm -rf "$work"
      fail "cannot download Kafka's jars from $central; set KAFKA_JARS to a folder with them"
    fi
    # Another process may have finished first, with the same jars.
    mv -T "$work" "$folder" 2>/dev/null || rm -rf "$work"
  fi
  echo "$folder"
}

download() { # download FOLDER
  local sum group artifact version file
  echo "apache-kafka: downloading Apache Kafka $release (once)" >&2
  while IFS=' :' read -r sum group artifact version; do
    [ "$sum" != '#' ] || continue
    file=$artifact-$version.jar
    curl -fsSL --connect-timeout 5 --max-time 300 -o "$1/$file" \
      "$central/${group//.//}/$artifact/$version/$file" || return 1
    [ "$(sha256sum <"$1/$file" | cut -c 1-64)" = "$sum" ] || { echo "apache-kafka: the SHA-256 of $file does not match" >&2; return 1; }
  done <"$settings/jars.txt"
}

java() {
  type -P java >/dev/null || fail "there is no Java: apt-get install openjdk-17-jre-headless"
  exec env java "$@"
}

# Flags of every JVM: short-lived, with little memory, on two shared cores.
flags=(-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dlog4j2.configurationFile="$settings/log4j2.properties")

tool() {
  local name=${1:?NAME} class jars
  shift
  case $name in
    acls) class=org.apache.kafka.tools.AclCommand ;;
    configs) class=kafka.admin.ConfigCommand ;;
    consumer) class=org.apache.kafka.tools.ConsoleConsumer ;;
    delete-records) class=org.apache.kafka.tools.DeleteRecordsCommand ;;
    elect) class=org.apache.kafka.tools.LeaderElectionCommand ;;
    groups) class=org.apache.kafka.tools.consumer.group.ConsumerGroupCommand ;;
    offsets) class=org.apache.kafka.tools.GetOffsetShell ;;
    producer) class=org.apache.kafka.tools.ConsoleProducer ;;
    reassign) class=org.apache.kafka.tools.reassign.ReassignPartitionsCommand ;;
    topics) class=org.apache.kafka.tools.TopicCommand ;;
    transactions) class=org.apache.kafka.tools.TransactionsCommand ;;
    *) class=$name ;;
  esac
  jars=$(jars)
  java -Xmx128m "${flags[@]}" -Dpageviews.level=ERROR -Dpageviews.kafka.level=ERROR -cp "$jars/*" "$class" "$@"
}

# Prints N free ports below the ephemeral range.
free_ports() {
  python3 - "$1" <<'PYTHON'
import random, socket, sys
found = []
for port in random.sample(range(20000, 32000), 12000):
    probe = socket.socket()
    try:
        probe.bind(('127.0.0.1', port))
    except OSError:
        continue
    found.append(probe)
    if len(found) == int(sys.argv[1]):
        break
print(*[probe.getsockname()[1] for probe in found])
PYTHON
}

# Sets ports: for each node the controller's, then one per listener.
choose_ports() {
  [ -s "$run/ports" ] || free_ports $((nodes * (1 + ${#names[@]}))) >"$run/ports"
  read -r -a ports <"$run/ports"
  [ "${#ports[@]}" -eq $((nodes * (1 + ${#names[@]}))) ] || fail "$run was started with other nodes or listeners"
}

port_of() { echo "${ports[$((($1 - 1) * (1 + ${#names[@]}) + $2))]}"; } # port_of NODE 0 (controller) or LISTENER

# server.properties of node $1.
properties() {
  local node=$1 n listeners='' voters='' in_sync=$((nodes > 1 ? 2 : 1))
  for n in $(seq "$nodes"); do voters+=${voters:+,}$n@127.0.0.1:$(port_of "$n" 0); done
  for n in "${!names[@]}"; do listeners+=${names[n]}://127.0.0.1:$(port_of "$node" $((n + 1))),; done
  local protocols=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT
  protocols+=,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL
  cat <<PROPERTIES
process.roles=broker,controller
node.id=$node
controller.quorum.voters=$voters
controller.listener.names=CONTROLLER
listener.security.protocol.map=$protocols
listeners=${listeners}CONTROLLER://127.0.0.1:$(port_of "$node" 0)
inter.broker.listener.name=PLAINTEXT
log.dirs=$run/$node/data
default.replication.factor=$nodes
min.insync.replicas=$in_sync
offsets.topic.replication.factor=$nodes
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=$nodes
transaction.state.log.num.partitions=4
transaction.state.log.min.isr=$in_sync
share.coordinator.state.topic.replication.factor=$nodes
share.coordinator.state.topic.min.isr=$in_sync
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.cleaner.dedupe.buffer.size=8388608
num.network.threads=2
num.io.threads=4
PROPERTIES
  if [ -n "$behind" ]; then
    listeners=$(sed "s|PROXIED://[^,]*|PROXIED://127.0.0.1:$(cut -d , -f "$node" <<<"$behind")|" <<<"${listeners%,}")
    echo "advertised.listeners=$listeners"
  fi
  [ -z "$extra" ] || cat "$extra"
}

runs() { # runs NODE
  [ -s "$run/$1/pid" ] && tr '\0' ' ' <"/proc/$(cat "$run/$1/pid")/cmdline" 2>/dev/null | grep -q "$run/$1/server.properties"
}

# A background process must not keep its caller's files and connections open.
close_inherited() {
  local fd
  for fd in /proc/$BASHPID/fd/*; do
    fd=${fd##*/}
    [ "$fd" -le 2 ] || eval "exec $fd>&-"
  done
}

format_node() { # format_node NODE
  local users=() user
  for user in ${scram//,/ }; do
    users+=(--add-scram "SCRAM-SHA-256=[name=${user%%=*},password=${user#*=}]"
      --add-scram "SCRAM-SHA-512=[name=${user%%=*},password=${user#*=}]")
  done
  (java -Xmx128m "${flags[@]}" -cp "$jars/*" kafka.tools.StorageTool format -t "$cluster" \
    -c "$run/$1/server.properties" ${users[@]+"${users[@]}"}) >"$run/$1/format.log" 2>&1 ||
    { cat "$run/$1/format.log" >&2; return 1; }
}

start_node() { # start_node NODE
  # Before the new process exists, so that `await` never reads the log of the one before.
  : >"$run/$1/log"
  [ -e "$run/$1/data/meta.properties" ] || format_node "$1"
  (
    close_inherited
    exec setsid env java -Xms64m -Xmx"${KAFKA_HEAP:-256m}" "${flags[@]}" -cp "$jars/*" kafka.Kafka "$run/$1/server.properties"
  ) >"$run/$1/log" 2>&1 </dev/null &
  echo $! >"$run/$1/pid"
}

watch() { # watch OWNER PID   kills the node when its owner ends
  (
    close_inherited
    while kill -0 "$1" 2>/dev/null && kill -0 "$2" 2>/dev/null; do sleep 1; done
    kill -KILL "$2" 2>/dev/null
  ) </dev/null >/dev/null 2>&1 &
}

await() { # await NODE
  local _
  for _ in $(seq 3000); do
    # Not `runs`: until its exec the new process has this script's command line.
    kill -0 "$(cat "$run/$1/pid")" 2>/dev/null || break
    if grep -q 'Kafka Server started' "$run/$1/log"; then return; fi
    sleep 0.1
  done
  echo "apache-kafka: node $1 did not start; the last lines of $run/$1/log:" >&2
  tail -n 20 "$run/$1/log" >&2
  exit 1
}

start() {
  local nodes=1 extra='' behind='' only='' owner='' scram='' names=(PLAINTEXT) node n line chosen
  mkdir -p "${1:?RUN}"
  run=$(cd "$1" && pwd)
  shift
  while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || usage
    case $1 in
      --nodes) nodes=$2 ;;
      --listeners) IFS=, read -r -a chosen <<<"$2"; names+=(${chosen[@]+"${chosen[@]}"}) ;;
      --extra) extra=$2 ;;
      --behind) behind=$2; names+=(PROXIED) ;;
      --only) only=$2 ;;
      --owner) owner=$2 ;;
      --scram) scram=$2 ;;
      *) usage ;;
    esac
    shift 2
  done
  jars=$(jars)
  type -P java >/dev/null || fail "there is no Java: apt-get install openjdk-17-jre-headless"
  choose_ports
  local waiting=()
  for node in ${only:-$(seq "$nodes")}; do
    mkdir -p "$run/$node"
    properties "$node" >"$run/$node/server.properties"
    runs "$node" || start_node "$node"
    [ -z "$owner" ] || watch "$owner" "$(cat "$run/$node/pid")"
  done
  for node in ${only:-$(seq "$nodes")}; do await "$node"; done
  for n in "${!names[@]}"; do
    line=
    for node in $(seq "$nodes"); do line+=${line:+,}127.0.0.1:$(port_of "$node" $((n + 1))); done
    echo "${names[n]}=$line"
  done
}

stop() {
  local folder
  run=$(cd "${1:?RUN}" && pwd)
  for folder in "$run"/[0-9]*/; do
    folder=$(basename "$folder")
    if runs "$folder"; then kill -KILL "$(cat "$run/$folder/pid")"; fi
  done
}

command=${1:-}
[ $# -eq 0 ] || shift
case $command in
  start) [ $# -ge 1 ] || usage; start "$@" ;;
  stop) [ $# -eq 1 ] || usage; stop "$1" ;;
  tool) [ $# -ge 1 ] || usage; tool "$@" ;;
  jars) jars ;;
  *) usage ;;
esac
