"""However the service ends and restarts, the counts are those of an uninterrupted run."""
import contextlib
import random
import signal
import sqlite3
import threading
import time

import pytest

from support import oracle, program
from support.events import views
from support.oracle import Stored
from support.wait import eventually

ROUNDS = 20


class Traffic:
    """Sends records at a steady rate in the background, so that the service always has work in progress."""

    def __init__(self, topic, seed, chunk=400, pause_seconds=0.02):
        self._topic, self._seed, self._chunk, self._pause_seconds = topic, seed, chunk, pause_seconds
        self._ended = threading.Event()
        self._failure = None
        self._thread = threading.Thread(target=self._send)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()
        assert self._failure is None, self._failure

    def _send(self):
        try:
            records = views(self._seed, 10_000_000)
            while not self._ended.wait(self._pause_seconds):
                self._topic.produce([next(records) for _ in range(self._chunk)])
        except Exception as failure:
            self._failure = failure


def check(topic, state):
    records = topic.read()
    if topic.partitions == 1:
        oracle.check_exact(records, Stored.of(state))
    else:
        oracle.check_possible(records, Stored.of(state))


@pytest.mark.parametrize('partitions', [1, 4])
def test_two_runs_give_what_one_gives(partitions, make_topic, state, service):
    topic = make_topic(partitions)
    records = list(views(seed=11, count=10_000))
    for part in (records[:3_000], records[3_000:3_001], records[3_001:]):
        topic.produce(part)
        service.to_end(topic, state)
    check(topic, state)


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_middle_ends_it_with_0_and_loses_nothing(number, make_topic, state, service):
    topic = make_topic(4)
    with Traffic(topic, seed=12):
        for _ in range(3):
            before = state.consumed()
            running = service.start(topic, state)
            eventually(lambda: state.consumed() > before, 'progress')
            result, _ = running.stop(number, seconds=5)
            assert result.code == 0, result.err
    service.to_end(topic, state)
    check(topic, state)


@pytest.mark.parametrize('partitions,seed', [(1, 13), (4, 14)])
def test_twenty_kills_lose_nothing_and_double_nothing(partitions, seed, make_topic, state, service):
    topic = make_topic(partitions)
    chance = random.Random(seed)
    with Traffic(topic, seed):
        for _ in range(ROUNDS // 2):
            before = state.consumed()
            running = service.start(topic, state, '--flush-interval', '20ms')
            eventually(lambda: state.consumed() > before, 'progress', every=0.01)
            time.sleep(chance.uniform(0, 0.2))  # the random moment; nothing is concluded from its length
            assert running.alive(), running.err
            running.kill()
            assert state.consumed() > before
        for _ in range(ROUNDS - ROUNDS // 2):
            running = service.start(topic, state, '--flush-interval', '10ms')
            time.sleep(chance.uniform(0, 0.15))
            assert running.alive(), running.err
            running.kill()
    service.to_end(topic, state)
    check(topic, state)


def test_kills_while_catching_up_keep_counts_and_offsets_together(topic, state, service):
    total = 250_000
    program.run('generate', '--bootstrap-servers', topic.address, '--topic', topic.name, '--rate', '0', '--count',
                str(total), '--seed', '15', '--start-time', '2021-01-26T12:00:00Z', '--span', '1h', check=True)
    chance = random.Random(15)
    between = set()
    for _ in range(ROUNDS):
        before = next_offset(state)
        if before == total:
            break
        running = service.start(topic, state, '--flush-interval', '10ms', '--kafka-config', 'fetch.message.max.bytes=20000')
        eventually(lambda: next_offset(state) > before, 'progress', every=0.002)
        time.sleep(chance.uniform(0, 0.02))
        running.kill()
        row = state.partitions()[0]
        assert row['consumed'] == row['next_offset'] == row['counted'] + row['late'] + row['rejected']
        between.add(row['consumed'])
    assert between - {total}, 'no kill came in the middle'
    service.to_end(topic, state)
    check(topic, state)


def next_offset(state):
    """Reads the file directly, which is much faster than a process; 0 while there is nothing."""
    try:
        with contextlib.closing(sqlite3.connect(f'file:{state.path}?mode=ro', uri=True)) as connection:
            found = connection.execute('SELECT next_offset FROM partitions').fetchone()
    except sqlite3.OperationalError:
        return 0
    return found[0] if found else 0
