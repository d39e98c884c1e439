"""Many kills in a row: at a step of every kind of write, and at random moments, while Kafka and S3 hang and fail.

A life is one state with its tables and its late and rejected topics. It is killed KILLS_PER_LIFE times, then runs to the end
undisturbed. Its result is compared with independent readers and with the oracle. `make torture KILLS=1000` runs more lives than
`make test`; PAGEVIEWS_TORTURE_SEED repeats a run.
"""
import collections
import dataclasses
import itertools
import json
import os
import pathlib
import random
import signal
import subprocess
import time

import pytest

from support import exports, outbox, program
from support.events import SAMPLE_MS, crowded_views, event, views
from support.faults import Rule, in_front_of
from support.state import State
from test_export_recovery import STEPS

KILLS_PER_LIFE = 25
LIVES = max(1, int(os.environ.get('PAGEVIEWS_KILLS', '50')) // KILLS_PER_LIFE)
SEED = int(os.environ.get('PAGEVIEWS_TORTURE_SEED', '1'))
TABLES = ('counts', 'raw')
POINTS = ['segment.closed', *(f'{table}.{step}' for table in TABLES for step in STEPS),
          *(f'{table}.rewrite.{step}' for table in TABLES for step in STEPS),
          *(f'{table}.expiry.{step}' for table in TABLES for step in ('recorded', 'committed', 'removed')),
          *(f'{outbox_name}.{step}' for outbox_name in ('late', 'rejected') for step in ('numbered', 'looked', 'sent'))]
# The longest that a run waits for its step before it is killed anyway.
WAIT_FOR_STEP = 8.0


@dataclasses.dataclass
class Figures:
    """The figures of this process's lives."""
    kills: int = 0
    at_random: int = 0
    outages: int = 0
    points: collections.Counter = dataclasses.field(default_factory=collections.Counter)

    def write(self) -> None:
        """Appends to a file of which `make torture` prints the sums."""
        path = os.environ.get('PAGEVIEWS_TORTURE_FIGURES')
        if path:
            with pathlib.Path(path).open('a') as file:
                file.write(json.dumps({'kills': self.kills, 'at_random': self.at_random, 'outages': self.outages,
                                       'points': self.points}) + '\n')


class Life:
    def __init__(self, seed: int, cluster, state: State, service, warehouse, proxy) -> None:
        self.chance = random.Random(seed)
        self.cluster, self.state, self.service, self.warehouse, self.proxy = cluster, state, service, warehouse, proxy
        self.topic = cluster.create_topic()
        self.late, self.rejected = f'{self.topic.name}-late', f'{self.topic.name}-rejected'
        self.options = [
            *warehouse.options, '--late-topic', self.late, '--rejected-topic', self.rejected, '--flush-interval', '20ms',
            '--export-interval', '100ms', '--request-timeout', '2s', '--compact-files', '3', '--keep-snapshots', '2',
            '--format-version', str(self.chance.choice([2, 3]))]
        self.figures = Figures()
        self.sent = 0

    def produce(self) -> None:
        seed, count = self.chance.randrange(1 << 30), self.chance.randrange(1, 80)
        # Event time advances, so that days and windows begin and end.
        start = SAMPLE_MS + self.sent * 20_000
        kind = self.chance.choice([views, crowded_views])
        values = [*kind(seed=seed, count=count, start_ms=start), b'{', event('E1', start - 3 * 86_400_000)]
        self.sent += self.topic.produce(values)

    def kill_once(self) -> None:
        point = self.chance.choice([*POINTS, None, None, None, None, None, None])
        env = {**self.warehouse.environment, **({'PAGEVIEWS_FAIL_POINT': point} if point else {})}
        self.produce()
        running = self.service.start(self.topic, self.state, *self.options, env=env)
        outage = self.chance.choice([None, None, None, 'kafka', 's3', 'answers'])
        if outage:
            time.sleep(self.chance.uniform(0.0, 0.6))
            self.figures.outages += 1
            self.begin_outage(outage)
        self.produce_beside(outage)
        limit = self.chance.uniform(0.05, 2.0) if point is None else WAIT_FOR_STEP
        try:
            running.process.wait(limit)
        except subprocess.TimeoutExpired:
            pass
        if outage:
            self.end_outage(outage)
        self.note(running, point)

    def produce_beside(self, outage: str | None) -> None:
        if outage != 'kafka':
            self.produce()

    def begin_outage(self, which: str) -> None:
        match which:
            case 'kafka': self.cluster.hang(1)
            case 's3': self.proxy.down()
            case 'answers':
                # Requests whose effect happens and whose answer is lost, and requests without effect.
                self.proxy.rules += [
                    Rule('^(PUT|POST|DELETE|GET) ', self.chance.choice(['reset', '503 SlowDown', '500 InternalError']),
                         applied=self.chance.random() < 0.5, times=self.chance.randint(1, 3)) for _ in range(3)]

    def end_outage(self, which: str) -> None:
        match which:
            case 'kafka': self.cluster.go_on(1)
            case 's3': self.proxy.up()
            case 'answers': self.proxy.rules.clear()

    def note(self, running, point: str | None) -> None:
        code = running.process.poll()
        if code is None:
            running.kill()
            self.figures.at_random += 1
        else:
            assert code == -signal.SIGKILL, f'ended with {code}, not killed at {point}:\n{running.err[-3000:]}'
            self.figures.points[point] += 1
        self.figures.kills += 1

    def check(self) -> None:
        self.service.to_end(self.topic, self.state, *self.options, env=self.warehouse.environment, seconds=120)
        records = self.topic.read()
        assert sum(len(partition) for partition in records) == self.sent
        exports.check_tables(self.warehouse, self.state, records)
        outbox.check(self.topic, records, self.late, self.state.late(), self.state)
        outbox.check(self.topic, records, self.rejected, self.state.rejected(), self.state)
        proof = program.run('proof', '--state', str(self.state.path), *self.warehouse.options,
                            env=self.warehouse.environment, seconds=120)
        assert proof.code == 0, proof.out + proof.err
        offsets = {partition: row['next_offset'] for partition, row in self.state.partitions().items()}
        assert offsets == {number: len(partition) for number, partition in enumerate(records)}


@pytest.fixture(scope='module')
def cluster(make_apache_kafka):
    """A separate broker, because it hangs at times."""
    return make_apache_kafka(nodes=1)


@pytest.mark.timeout(900)
@pytest.mark.parametrize('number', range(LIVES))
def test_a_life_of_kills_loses_nothing_and_doubles_nothing(number, cluster, state, service, make_warehouse):
    seed = SEED * 10_000 + number
    warehouse = make_warehouse('s3')
    with in_front_of(warehouse.s3.endpoint) as proxy:
        warehouse.s3_endpoint = proxy.endpoint
        life = Life(seed, cluster, state, service, warehouse, proxy)
        try:
            for _ in range(KILLS_PER_LIFE):
                life.kill_once()
            life.check()
        except BaseException:
            print(f'life {number}: repeat with PAGEVIEWS_TORTURE_SEED={SEED} PAGEVIEWS_KILLS={(number + 1) * KILLS_PER_LIFE} '
                  f'and -k "[{number}]"; {life.figures}')
            raise
        finally:
            cluster.go_on(1)
            life.figures.write()


def test_the_steps_are_those_of_the_program():
    """A renamed step would never be reached, and no other test would notice."""
    sources = pathlib.Path(__file__).resolve().parents[2] / 'Sources'
    text = '\n'.join(path.read_text() for path in sources.rglob('*.swift'))
    for step in {point.rpartition('.')[2] for point in POINTS}:
        assert f'.{step}")' in text, step
    assert len(list(itertools.chain(POINTS))) == len(set(POINTS))
