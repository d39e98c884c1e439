"""Apache Kafka on loopback: clusters of one or three nodes that a test may kill, hang and restart, and Kafka's own tools.

Tests create and read topics with confluent-kafka (support/kafka.py), never with the program under test.
"""
import contextlib
import dataclasses
import itertools
import json
import os
import pathlib
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import (AclBinding, AclBindingFilter, AclOperation, AclPermissionType, AdminClient, NewTopic,
                                   ResourcePatternType, ResourceType)

from .kafka import Topic
from .links import Link
from .program import ROOT
from .servers import end_recorded, is_running, script
from .wait import eventually

_numbers = itertools.count(1)
Client = tuple[tuple[str, str], ...]


@dataclasses.dataclass(frozen=True)
class Certificates:
    """PEM files of a certificate authority, the brokers and one client, in one folder (written by make_certificates)."""
    folder: pathlib.Path

    @property
    def authority(self) -> pathlib.Path:
        return self.folder / 'ca.pem'

    def certificate(self, name: str) -> pathlib.Path:
        return self.folder / f'{name}.pem'

    def key(self, name: str) -> pathlib.Path:
        return self.folder / f'{name}.key'

    def bundle(self, name: str) -> pathlib.Path:
        """Key and certificate in one file, as Kafka's PEM stores need it."""
        return self.folder / f'{name}.bundle.pem'


def make_certificates(folder: pathlib.Path) -> Certificates:
    """Creates an authority, a certificate for 127.0.0.1 (`broker`) and one for `client`, valid for a day."""
    folder.mkdir(parents=True, exist_ok=True)

    def openssl(*arguments: str) -> None:
        subprocess.run(['openssl', *arguments], cwd=folder, check=True, capture_output=True, timeout=30)

    new = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1']
    openssl('req', '-x509', *new, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=test authority')
    for name in ('broker', 'client'):
        openssl('req', '-x509', *new, '-keyout', f'{name}.key', '-out', f'{name}.pem', '-subj', f'/CN={name}',
                '-CA', 'ca.pem', '-CAkey', 'ca.key', '-addext', 'basicConstraints=critical,CA:FALSE',
                '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost')
        made = Certificates(folder)
        made.bundle(name).write_text(made.key(name).read_text() + made.certificate(name).read_text())
    return Certificates(folder)


@dataclasses.dataclass(frozen=True)
class Security:
    """The authentication and authorization of a cluster.

    `listeners` are in addition to PLAINTEXT, which always exists and which the tests use. `users` are the names and
    passwords for PLAIN and SCRAM. `acls` turns Kafka's authorizer on: clients of PLAINTEXT may do everything, others what the
    access lists allow.
    """
    listeners: tuple[str, ...] = ()
    mechanisms: tuple[str, ...] = ()
    users: tuple[tuple[str, str], ...] = ()
    certificates: Certificates | None = None
    client_certificates: bool = False
    acls: bool = False

    def properties(self) -> dict[str, str]:
        made: dict[str, str] = {}
        if self.mechanisms:
            made['sasl.enabled.mechanisms'] = ','.join(self.mechanisms)
        for listener, mechanism in itertools.product(self.listeners, self.mechanisms):
            if listener.startswith('SASL_'):
                name = f'listener.name.{listener.lower()}.{mechanism.lower()}'
                made[f'{name}.sasl.jaas.config'] = self._login(mechanism)
        if self.certificates:
            made |= {
                'ssl.keystore.type': 'PEM', 'ssl.keystore.location': str(self.certificates.bundle('broker')),
                'ssl.truststore.type': 'PEM', 'ssl.truststore.location': str(self.certificates.authority),
                'ssl.client.auth': 'required' if self.client_certificates else 'none'}
        if self.acls:
            made |= {'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
                     'super.users': 'User:ANONYMOUS'}
        return made

    def _login(self, mechanism: str) -> str:
        if mechanism == 'OAUTHBEARER':
            return 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;'
        if mechanism == 'PLAIN':
            users = ' '.join(f'user_{name}="{password}"' for name, password in self.users)
            return f'org.apache.kafka.common.security.plain.PlainLoginModule required {users};'
        return 'org.apache.kafka.common.security.scram.ScramLoginModule required;'


class ApacheKafka:
    """A cluster. Nodes are numbered from 1 and keep their ports and data across restarts."""

    def __init__(self, folder: pathlib.Path, nodes: int = 1, settings: Mapping[str, str] | None = None,
                 security: Security = Security(), heap: str = '256m', links: Sequence[Link] = ()) -> None:
        """`settings` are properties of every node; they override those of the start script.

        `links`, one per node, forward to the listener PROXIED, whose clients stay behind them.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self.nodes, self._heap, self._security = folder, range(1, nodes + 1), heap, security
        self.links = links
        self._extra = folder / 'extra.properties'
        self.configure({**security.properties(), **(settings or {})})
        self._addresses: dict[str, str] = {}

    def configure(self, settings: Mapping[str, str]) -> None:
        """Replaces the extra properties; nodes read them at their next start."""
        self._extra.write_text(''.join(f'{name}={value}\n' for name, value in settings.items()))

    def start(self) -> 'ApacheKafka':
        """Starts the nodes that are not running, and waits until all are ready."""
        self._run_script()
        return self

    def _run_script(self, *options: str) -> None:
        if self._security.listeners:
            options += ('--listeners', ','.join(self._security.listeners))
        if any(name.startswith('SCRAM') for name in self._security.mechanisms):
            options += ('--scram', ','.join(f'{name}={password}' for name, password in self._security.users))
        if self.links:
            options += ('--behind', ','.join(str(link.port) for link in self.links))
        said = script('apache-kafka.sh', 'start', str(self._folder), '--nodes', str(len(self.nodes)), '--extra',
                      str(self._extra), '--owner', str(os.getpid()), *options, env={'KAFKA_HEAP': self._heap}, seconds=600)
        self._addresses = dict(line.split('=', 1) for line in said.splitlines())
        for node, link in enumerate(self.links, 1):
            link.target = self.address_of_node(node, 'PROXIED')

    @property
    def address(self) -> str:
        """The addresses of all nodes, without authentication."""
        return self.address_of('PLAINTEXT')

    def address_of(self, listener: str) -> str:
        return self._addresses[listener]

    def address_of_node(self, node: int, listener: str = 'PLAINTEXT') -> str:
        return self.address_of(listener).split(',')[node - 1]

    # Nodes.

    def _pid_file(self, node: int) -> pathlib.Path:
        return self._folder / str(node) / 'pid'

    def pid(self, node: int) -> int:
        return int(self._pid_file(node).read_text())

    def runs(self, node: int) -> bool:
        return self._pid_file(node).exists() and is_running(self.pid(node))

    def log(self, node: int) -> str:
        return (self._folder / str(node) / 'log').read_text(errors='replace')

    def kill(self, node: int) -> None:
        """Kills the node (SIGKILL), also when it hangs; returns when it has ended."""
        end_recorded(self._pid_file(node), signal.SIGKILL)

    def hang(self, node: int) -> None:
        """Stops the node (SIGSTOP): connections stay open, and requests get no answer."""
        os.kill(self.pid(node), signal.SIGSTOP)

    def go_on(self, node: int) -> None:
        if self.runs(node):
            os.kill(self.pid(node), signal.SIGCONT)

    def restart(self, node: int) -> None:
        """Starts a killed node; returns when it is ready."""
        self._run_script('--only', str(node))

    def stop(self) -> None:
        for node in self.nodes:
            self.kill(node)

    # Topics, without authentication.

    def admin(self, address: str = '') -> AdminClient:
        """A client of all nodes, or of those at `address`, such as the ones that do not hang."""
        return AdminClient({'bootstrap.servers': address or self.address, 'log_level': 2})

    def create_topic(self, partitions: int = 1, name: str = '', listener: str = 'PLAINTEXT', client: Client = (),
                     **settings: str) -> Topic:
        """Creates a topic on all nodes, with a unique name unless one is given. `settings` are the topic's, with _ for a dot.

        The topic's address and `client` are those of `listener`, so that Topic.produce and Topic.read log in there.
        """
        name = name or f'kafka-views-{next(_numbers)}'
        config = {setting.replace('_', '.'): value for setting, value in settings.items()}
        new = NewTopic(name, partitions, len(self.nodes), config=config)
        admin = self.admin()
        for future in admin.create_topics([new]).values():
            future.result(60)
        self._await_topic(name, partitions)
        return Topic(self.address_of(listener), name, partitions, client)

    def proxied(self, topic: Topic) -> Topic:
        """The topic as clients behind the links reach it."""
        return dataclasses.replace(topic, address=','.join(link.address for link in self.links))

    def _await_topic(self, name: str, partitions: int) -> None:
        """The controller answers before every node knows the topic."""
        def known(node: int) -> bool:
            found = self.admin(self.address_of_node(node)).list_topics(name, timeout=10).topics[name].partitions
            return len(found) == partitions and all(one_partition.leader > 0 for one_partition in found.values())
        for node in self.nodes:
            if self.runs(node):
                eventually(lambda node=node: known(node), f'node {node} to know {name}', seconds=60)

    def delete_topic(self, name: str) -> None:
        """Deletes a topic; returns when one of the same name can be created."""
        admin = self.admin()
        for future in admin.delete_topics([name]).values():
            future.result(60)
        eventually(lambda: name not in admin.list_topics(timeout=10).topics, f'{name} to be gone', seconds=60)

    def leader(self, topic: str, partition: int = 0) -> int:
        """The leading node's number; -1 when there is none."""
        return self.admin().list_topics(topic, timeout=20).topics[topic].partitions[partition].leader

    def replicas(self, topic: str) -> set[int]:
        """The numbers of replicas that the topic's partitions have."""
        found = self.admin().list_topics(topic, timeout=20).topics[topic].partitions
        return {len(partition.replicas) for partition in found.values()}

    def active_controller(self) -> int:
        """The number of the active controller, from Kafka's quorum tool."""
        said = self.tool('org.apache.kafka.tools.MetadataQuorumCommand', 'describe', '--status')
        row = next(line for line in said.splitlines() if line.startswith('LeaderId:'))
        return int(row.split()[1])

    def recorded_controller(self) -> int:
        """The active controller as the nodes' own files record it: found without a JVM, but it may just have changed."""
        files = [self._folder / str(node) / 'data/__cluster_metadata-0/quorum-state' for node in self.nodes]
        quorums = [json.loads(file.read_text()) for file in files]
        return max((quorum['leaderEpoch'], quorum['leaderId']) for quorum in quorums)[1]

    def await_in_sync(self, seconds: float = 180) -> None:
        """Waits until every partition has all of its replicas in sync, so that any one node may be killed."""
        admin = self.admin()

        def in_sync() -> bool:
            with contextlib.suppress(KafkaException):
                found = admin.list_topics(timeout=20)
                partitions = [one for topic in found.topics.values() for one in topic.partitions.values()]
                return set(found.brokers) == set(self.nodes) and all(
                    one.leader > 0 and len(one.isrs) == len(one.replicas) for one in partitions)
            return False
        eventually(in_sync, 'all replicas to be in sync', seconds)

    def committed(self, group: str, topic: str) -> dict[int, int]:
        """The group's committed offsets, by partition."""
        said = self.tool('groups', '--describe', '--group', group, '--offsets')
        rows = (line.split() for line in said.splitlines())
        return {int(row[2]): int(row[3]) for row in rows if len(row) > 3 and row[1] == topic and row[3].isdigit()}

    # Kafka's tools.

    def tool(self, name: str, *arguments: str, stdin: str = '', server: bool = True, seconds: float = 120) -> str:
        """Runs one of Kafka's tools and returns its output: topics, configs, acls, groups, consumer, producer, elect, ..."""
        option = ['--bootstrap-server', self.address] if server else []
        done = subprocess.run([ROOT / 'scripts/apache-kafka.sh', 'tool', name, *option, *arguments], input=stdin, text=True,
                              capture_output=True, timeout=seconds, check=False)
        assert done.returncode == 0, f'{name} ended with {done.returncode}: {done.stderr[-2000:]}{done.stdout[-2000:]}'
        return done.stdout

    def set_topic(self, topic: str, **settings: str) -> None:
        """Changes a topic's settings; _ stands for a dot."""
        pairs = ','.join(f'{name.replace("_", ".")}={value}' for name, value in settings.items())
        self.tool('configs', '--alter', '--entity-type', 'topics', '--entity-name', topic, '--add-config', pairs)

    def allow(self, user: str, operations: Iterable[str], topic: str = '', group: str = '', transactional_id: str = '',
              cluster: bool = False) -> None:
        """Adds to the access lists: allow('alice', ['read', 'describe'], topic='views', group='pageviews')."""
        self._change_rights(user, operations, topic, group, transactional_id, cluster, add=True)

    def forbid(self, user: str, operations: Iterable[str], topic: str = '', group: str = '', transactional_id: str = '',
               cluster: bool = False) -> None:
        """Revokes rights that `allow` granted."""
        self._change_rights(user, operations, topic, group, transactional_id, cluster, add=False)

    def _change_rights(self, user: str, operations: Iterable[str], topic: str, group: str, transactional_id: str,
                       cluster: bool, add: bool) -> None:
        resources = [(ResourceType.TOPIC, topic), (ResourceType.GROUP, group),
                     (ResourceType.TRANSACTIONAL_ID, transactional_id),
                     (ResourceType.BROKER, 'kafka-cluster' if cluster else '')]
        rights = [AclBinding(kind, name, ResourcePatternType.LITERAL, f'User:{user}', '*', AclOperation[operation.upper()],
                             AclPermissionType.ALLOW)
                  for kind, name in resources if name for operation in operations]
        admin = self.admin()
        for future in (admin.create_acls(rights) if add else admin.delete_acls([_filter(right) for right in rights])).values():
            future.result(60)

    def delete_records(self, topic: str, before: Mapping[int, int]) -> None:
        """Deletes each partition's records before the offset."""
        wanted = [TopicPartition(topic, partition, offset) for partition, offset in before.items()]
        admin = self.admin()
        for future in admin.delete_records(wanted).values():
            future.result(60)


def _filter(right: AclBinding) -> AclBindingFilter:
    return AclBindingFilter(right.restype, right.name, right.resource_pattern_type, right.principal, right.host,
                            right.operation, right.permission_type)
