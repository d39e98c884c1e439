"""Outages of Kafka and S3 that the torture test begins and ends beside the kills of the service.

Kafka's nodes and S3 are processes of the test, hung with SIGSTOP and killed with SIGKILL; what lies between them and the
service are forwarders (links.py) and the fault proxy. At most one node of Kafka is away at a time, and only while all other
replicas are in sync, so that no acknowledged record is lost.
"""
import dataclasses
import random
from collections.abc import Callable, Sequence

from .apache_kafka import ApacheKafka
from .faults import FaultProxy, Rule
from .kafka import Topic
from .links import Link
from .servers import S3
from .wait import eventually

# The sizes of answers at which a link cuts a connection, and its speeds in bytes per second.
LONGEST_ANSWER, SPEEDS, DELAYS = 6_000, (5_000, 200_000), (0.0, 0.3)


@dataclasses.dataclass
class Site:
    """The servers of a life, and what lies between them and the service."""
    cluster: ApacheKafka
    s3: S3
    s3_link: Link
    s3_proxy: FaultProxy
    # The topic whose leader is away at times.
    topic: Topic
    chance: random.Random

    def await_ready(self, kind: str) -> None:
        """Waits until an outage of this kind can begin without loss."""
        if is_of_node(kind):
            self.cluster.await_in_sync()

    def begin(self, kind: str) -> Callable[[], object]:
        """Begins an outage of this kind; returns what ends it."""
        server, _, what = kind.partition(' ')
        if server == 'S3':
            return self._begin_s3(what)
        if is_of_node(kind):
            return self._begin_node(*what.split(' '))
        return self._begin_links(what, self.cluster.links)

    def _begin_node(self, role: str, how: str) -> Callable[[], object]:
        node = self._node(role)
        if how == 'killed':
            self.cluster.kill(node)
            return lambda: self.cluster.restart(node)
        self.cluster.hang(node)
        return lambda: self.cluster.go_on(node)

    def _node(self, role: str) -> int:
        if role == 'controller':
            return eventually(lambda: max(0, self.cluster.recorded_controller()), 'an active controller')
        leader = self.cluster.leader(self.topic.name)
        return leader if role == 'leader' else self.chance.choice([node for node in self.cluster.nodes if node != leader])

    def _begin_links(self, how: str, links: Sequence[Link]) -> Callable[[], object]:
        for link in links:
            match how:
                case 'unreachable': link.down()
                case 'slowed': link.slow(self.chance.randint(*SPEEDS), self.chance.uniform(*DELAYS))
                case 'cut': link.cut(LONGEST_ANSWER, self.chance.randrange(1 << 30))
                case _: raise ValueError(how)

        def end() -> None:
            for link in links:
                link.restore()
                if how == 'unreachable':
                    link.up()
        return end

    def _begin_s3(self, how: str) -> Callable[[], object]:
        match how:
            case 'hung':
                self.s3.hang()
                return self.s3.go_on
            case 'killed':
                self.s3.kill()
                return self.s3.start
            case 'answers lost':
                # Requests whose effect happens and whose answer is lost, and requests without effect.
                for _ in range(3):
                    outcome = self.chance.choice(['reset', '503 SlowDown', '500 InternalError'])
                    self.s3_proxy.add('^(PUT|POST|DELETE|GET) ', outcome, applied=self.chance.random() < 0.5,
                                      times=self.chance.randint(1, 3))
                return self.s3_proxy.clear
        return self._begin_links(how, [self.s3_link])


def is_of_node(kind: str) -> bool:
    """Whether the outage is that of one node of Kafka, which producers notice too."""
    return kind.startswith('Kafka ') and kind.endswith((' hung', ' killed'))


def kinds(nodes: int) -> list[str]:
    """The kinds of outages on a cluster of this size. A single node is never killed: the topic would have no other copy."""
    roles = ['leader', 'follower', 'controller'] if nodes > 1 else ['leader']
    hows = ['hung', 'killed'] if nodes > 1 else ['hung']
    of_links = [f'{server} {how}' for server in ('Kafka', 'S3') for how in ('unreachable', 'slowed', 'cut')]
    return [*(f'Kafka {role} {how}' for role in roles for how in hows), *of_links,
            *(f'S3 {how}' for how in ('hung', 'killed', 'answers lost'))]
