"""An unreachable, disconnected or killed broker: the service reports it, waits, and continues at its offset."""
import os

import pytest

from support import oracle
from support.events import views
from support.kafka import Topic, create_topic
from support.oracle import Stored
from support.servers import S3
from support.wait import eventually


def test_a_broker_that_is_away_at_start_is_waited_for(own_broker, state, service):
    broker = own_broker()
    address = broker.reserve()
    waited = Topic(address, 'awaited', 1)
    running = service.start(waited, state)
    eventually(lambda: address in running.err, 'a message that names the broker', seconds=15)
    assert running.alive(), running.err
    assert broker.start().address == address
    create_topic(address, name=waited.name)
    waited.produce(views(seed=51, count=500))
    eventually(lambda: state.consumed() == 500, 'the events', seconds=40)
    running.stop()
    oracle.check_exact(waited.read(), Stored.of(state))


def test_connections_cut_in_the_middle_lose_nothing(own_broker, state, service):
    broker = own_broker().start()
    topic = create_topic(broker.address, 2)
    running = service.start(topic, state)
    for round_number in range(1, 4):
        topic.produce(views(seed=51 + round_number, count=1000))
        broker.kill_proxy()
        broker.start()
        eventually(lambda: state.consumed() == 1000 * round_number, 'the events of this round', seconds=40)
        assert running.alive(), running.err
    result, _ = running.stop()
    assert result.code == 0
    oracle.check_possible(topic.read(), Stored.of(state))


def test_a_broker_killed_and_restarted_loses_nothing(own_broker, s3, state, service):
    broker = own_broker(storage='s3://plain/', env=s3.environment).start()
    topic = create_topic(broker.address, 2)
    topic.produce(views(seed=56, count=3000))
    running = service.start(topic, state)
    eventually(lambda: state.consumed() > 0, 'the first events')
    broker.kill_broker()
    assert running.alive(), running.err
    broker.start()
    topic.produce(views(seed=57, count=3000))
    eventually(lambda: state.consumed() == 6000, 'all events', seconds=60)
    result, _ = running.stop()
    assert result.code == 0
    oracle.check_possible(topic.read(), Stored.of(state))


def test_a_signal_ends_it_while_the_broker_is_away(own_broker, state, service):
    running = service.start(Topic(own_broker().reserve(), 'views-1', 1), state)
    eventually(lambda: running.err, 'a message', seconds=15)
    result, _ = running.stop()
    assert result.code == 0, result.err


@pytest.fixture
def s3(tmp_path):
    server = S3(tmp_path / 's3')
    try:
        yield server.start()
    finally:
        server.stop()


def test_one_fault_is_reported_and_not_repeated_without_end(own_broker, state, service):
    broker = own_broker().start()
    topic = create_topic(broker.address)
    topic.produce(views(seed=58, count=10))
    running = service.start(topic, state)
    eventually(lambda: state.consumed() == 10, 'the events')
    before = len(running.err.splitlines())
    broker.kill_proxy()
    eventually(lambda: len(running.err.splitlines()) > before, 'a message', seconds=15)
    broker.start()
    topic.produce(views(seed=59, count=10))
    eventually(lambda: state.consumed() == 20, 'the events after it', seconds=40)
    assert len(running.err.splitlines()) - before < 40, running.err
    running.stop()
    assert os.path.getsize(state.path) < 5_000_000
