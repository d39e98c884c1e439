"""Many kills in a row: at a step of every kind of write, and at random moments, while Kafka and S3 fail.

A life is one state with its tables and its late and rejected topics. It is killed KILLS_PER_LIFE times, then runs to the end
undisturbed. Its result is compared with independent readers and with the oracle. Half of the kills have an outage beside them
(support/outages.py). `make torture KILLS=1000` runs more lives than `make test`, each on three nodes of Apache Kafka instead of
one (PAGEVIEWS_TORTURE_NODES); PAGEVIEWS_TORTURE_SEED repeats a run.
"""
import collections
import contextlib
import dataclasses
import json
import os
import pathlib
import random
import re
import signal
import subprocess
from collections.abc import Iterator, Sequence

import pytest

from support import exports, oracle, outages, outbox, program
from support.apache_kafka import ApacheKafka
from support.events import DAY_MS, SAMPLE_MS, crowded_views, event, views
from support.faults import in_front_of
from support.kafka import Record, Sender
from support.lake import Warehouse
from support.links import Link
from support.oracle import Rules
from support.outages import Site
from support.servers import S3
from support.state import State
from test_export_recovery import STEPS

KILLS_PER_LIFE = 25
LIVES = max(1, int(os.environ.get('PAGEVIEWS_KILLS', '50')) // KILLS_PER_LIFE)
SEED = int(os.environ.get('PAGEVIEWS_TORTURE_SEED', '1'))
NODES = int(os.environ.get('PAGEVIEWS_TORTURE_NODES', '1'))
TABLES = ('counts', 'raw')
POINTS = ['segment.closed', 'evicted', 'counts.deleted', *(f'{table}.{step}' for table in TABLES for step in STEPS),
          *(f'{table}.rewrite.{step}' for table in TABLES for step in STEPS), 'counts.rewrite.moved',
          *(f'{table}.expiry.{step}' for table in TABLES for step in ('recorded', 'committed', 'removed')),
          *(f'{outbox_name}.{step}' for outbox_name in ('late', 'rejected') for step in ('numbered', 'looked', 'sent'))]
KINDS = outages.kinds(NODES)
# The longest that a run waits for its step, and after an outage once more, before it is killed anyway.
WAIT_FOR_STEP = 12.0
# A dead node is missed early, so that others take over within a run of the service.
CLUSTER = {'broker.session.timeout.ms': '3000', 'broker.heartbeat.interval.ms': '500'}


@dataclasses.dataclass
class Figures:
    """The figures of a life."""
    kills: int = 0
    at_random: int = 0
    # Outages that ended while the service ran.
    recoveries: int = 0
    points: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    outages: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)

    def write(self) -> None:
        """Appends to a file of which `make torture` prints the sums, and what was never reached."""
        path = os.environ.get('PAGEVIEWS_TORTURE_FIGURES')
        if path:
            with pathlib.Path(path).open('a') as file:
                file.write(json.dumps({**vars(self), 'nodes': NODES, 'all_points': POINTS,
                                       'all_outages': KINDS}) + '\n')


def dealt(cards: Sequence[str], blanks: int, number: int) -> list[str | None]:
    """The cards of a life, from decks shuffled one after the other, so that over many lives each card is equally frequent."""
    chance = random.Random(f'{SEED} {cards}')
    dealt: list[str | None] = []
    while len(dealt) < (number + 1) * KILLS_PER_LIFE:
        deck = [*cards, *[None] * blanks]
        chance.shuffle(deck)
        dealt += deck
    return dealt[number * KILLS_PER_LIFE:(number + 1) * KILLS_PER_LIFE]


class Life:
    def __init__(self, number: int, state: State, service, warehouse: Warehouse, site: Site) -> None:
        self.number, self.chance = number, site.chance
        self.state, self.service, self.warehouse, self.site = state, service, warehouse, site
        self.topic = site.topic
        self.proxied = site.cluster.proxied(self.topic)
        self.late, self.rejected = f'{self.topic.name}-late', f'{self.topic.name}-rejected'
        self.evicts = self.chance.random() < 0.5
        self.options = [
            *warehouse.options, '--late-topic', self.late, '--rejected-topic', self.rejected, '--flush-interval', '20ms',
            '--export-interval', '100ms', '--compact-files', '3', '--keep-snapshots', '2',
            '--format-version', str(self.chance.choice([2, 3])), *(['--retention', '0s'] if self.evicts else [])]
        self.figures = Figures()
        self.sender = Sender(self.topic)
        self.sent = 0

    def run(self) -> None:
        # Gets its producer id before a node hangs.
        self.produce()
        self.sender.flush(120)
        for point, kind in zip(dealt(POINTS, 6, self.number), dealt(KINDS, len(KINDS), self.number)):
            self.kill_once(None if point == 'evicted' and not self.evicts else point, kind)
            self.sender.flush(120)
        self.check()

    def produce(self) -> None:
        """Queues records. Event time advances, so that days and windows begin and end."""
        seed, count = self.chance.randrange(1 << 30), self.chance.randrange(1, 80)
        start = SAMPLE_MS + self.sent * 20_000
        kind = self.chance.choice([views, crowded_views])
        values = [*kind(seed=seed, count=count, start_ms=start), b'{', event('E1', start - 3 * DAY_MS)]
        self.sent += self.sender.queue(values)

    def kill_once(self, point: str | None, kind: str | None) -> None:
        env = {**self.warehouse.environment, **({'PAGEVIEWS_FAIL_POINT': point} if point else {})}
        self.produce()
        if kind:
            self.site.await_ready(kind)
        running = self.service.start(self.proxied, self.state, *self.options, '--request-timeout', '2s', env=env)
        with contextlib.ExitStack() as outage:
            if kind:
                self.wait(running, self.chance.uniform(0.0, 0.6))
                outage.callback(self.site.begin(kind))
                self.figures.outages[kind] += 1
            self.produce()
            if kind and self.chance.random() < 0.6:
                # The service sees the end of the outage.
                self.wait(running, self.chance.uniform(0.2, 4.0))
                outage.close()
                self.figures.recoveries += running.alive()
            self.wait(running, self.chance.uniform(0.05, 2.0) if point is None else WAIT_FOR_STEP)
            self.note(running, point)

    def wait(self, running: program.Running, seconds: float) -> None:
        """Waits for a moment, or until the service is dead; nothing is concluded from the length."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.process.wait(seconds)

    def note(self, running: program.Running, point: str | None) -> None:
        code = running.process.poll()
        if code is None:
            running.kill()
            self.figures.at_random += 1
        else:
            assert code == -signal.SIGKILL, f'ended with {code}, not killed at {point}:\n{running.err[-3000:]}'
            assert point, f'killed by another:\n{running.err[-3000:]}'
            self.figures.points[point] += 1
        self.figures.kills += 1

    def check(self) -> None:
        self.site.cluster.await_in_sync()
        self.service.to_end(self.proxied, self.state, *self.options, env=self.warehouse.environment, seconds=300)
        records = self.topic.read()
        assert sum(len(partition) for partition in records) == self.sent
        exports.check_tables(self.warehouse, self.state, records, evicted_before_ms=self.evicted_before(records))
        outbox.check(self.topic, records, self.late, self.state.late(), self.state)
        outbox.check(self.topic, records, self.rejected, self.state.rejected(), self.state)
        proof = program.run('proof', '--state', str(self.state.path), *self.warehouse.options,
                            env=self.warehouse.environment, seconds=120)
        assert proof.code == 0, proof.out + proof.err
        offsets = {partition: row['next_offset'] for partition, row in self.state.partitions().items()}
        assert offsets == {number: len(partition) for number, partition in enumerate(records)}
        for name in (self.topic.name, self.late, self.rejected):
            assert self.site.cluster.replicas(name) == {NODES}, f'{name} is not on all nodes'

    def evicted_before(self, records: Sequence[Sequence[Record]]) -> int:
        if not self.evicts:
            return 0
        events = [found for record in records[0] if (found := oracle.parse(record.value))]
        bound = Rules().evicted_before(max(found.time_ms for found in events), 0)
        assert any(Rules().start(found) < bound for found in events), 'nothing to evict: the test shows nothing'
        return bound


@pytest.fixture(scope='module')
def kafka_links() -> Iterator[list[Link]]:
    links = [Link() for _ in range(NODES)]
    yield links
    for link in links:
        link.close()


@pytest.fixture(scope='module')
def cluster(make_apache_kafka, kafka_links) -> ApacheKafka:
    """A separate cluster, because its nodes hang and die."""
    return make_apache_kafka(nodes=NODES, settings=CLUSTER, links=kafka_links)


@pytest.fixture(scope='module')
def own_s3(tmp_path_factory) -> Iterator[S3]:
    """A separate server, because it hangs and dies."""
    server = S3(tmp_path_factory.mktemp('torture-s3'))
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.mark.timeout(1800)
@pytest.mark.parametrize('number', range(LIVES))
def test_a_life_of_kills_loses_nothing_and_doubles_nothing(number, cluster, own_s3, state, service):
    with in_front_of(own_s3.endpoint) as proxy, contextlib.closing(Link(proxy.endpoint.removeprefix('http://'))) as s3_link:
        warehouse = Warehouse(f's3://plain/life-{number}', s3=own_s3, s3_endpoint=f'http://{s3_link.address}')
        site = Site(cluster, own_s3, s3_link, proxy, cluster.create_topic(),
                    random.Random(SEED * 10_000 + number))
        life = Life(number, state, service, warehouse, site)
        try:
            life.run()
        except BaseException:
            print(f'life {number}: repeat with PAGEVIEWS_TORTURE_SEED={SEED} PAGEVIEWS_TORTURE_NODES={NODES} '
                  f'PAGEVIEWS_KILLS={(number + 1) * KILLS_PER_LIFE} and -k "[{number}]"; {life.figures}')
            raise
        finally:
            life.figures.write()


def test_the_steps_are_those_of_the_program():
    """A renamed step would never be reached, and no other test would notice; nor would one notice a new step."""
    sources = pathlib.Path(__file__).resolve().parents[2] / 'Sources'
    text = '\n'.join(path.read_text() for path in sources.rglob('*.swift'))
    # An interpolated name stands for each table or outbox. The backfill's are those of another command (test_backfill.py).
    found = {step for step in re.findall(r'\.?failPoint\("(.*)"\)', text) if not step.startswith('backfill.')}
    patterns = [re.compile(re.sub(r'\\\\\\\(.*?\\\)', '.+', re.escape(step))) for step in found]
    assert len(POINTS) == len(set(POINTS))
    for point in POINTS:
        assert any(pattern.fullmatch(point) for pattern in patterns), f'{point}: not a step of the program'
    for step, pattern in zip(found, patterns):
        assert any(pattern.fullmatch(point) for point in POINTS), f'{step}: never tried'
