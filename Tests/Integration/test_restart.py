"""However the service ends and starts again, the counts come out as if it had never stopped."""
import random
import signal
import threading
import time

import pytest

from support import oracle
from support.events import views
from support.oracle import Stored
from support.wait import eventually

ROUNDS = 20


class Traffic:
    """Sends records at a steady pace in the background, so that the service always has something in its hands."""

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
            running = service.start(topic, state, '--flush-interval', '5ms')
            time.sleep(chance.uniform(0, 0.15))
            running.kill()
    service.to_end(topic, state)
    check(topic, state)


def test_a_kill_while_catching_up_keeps_counts_and_offsets_together(topic, state, service):
    total = topic.produce(views(seed=15, count=150_000))
    chance = random.Random(15)
    between = 0
    while state.consumed() < total and between < ROUNDS:
        running = service.start(topic, state, '--flush-interval', '5ms', '--kafka-config', 'fetch.message.max.bytes=50000')
        time.sleep(chance.uniform(0.01, 0.15))
        running.kill()
        row = state.partitions().get(0) if state.path.exists() else None
        if row:
            assert row['consumed'] == row['next_offset'] == row['counted'] + row['late'] + row['rejected']
        between += 1
    service.to_end(topic, state)
    check(topic, state)
