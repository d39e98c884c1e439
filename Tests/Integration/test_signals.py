"""SIGTERM and SIGINT finish the current flush; the exit code is 0 and the end comes within 5 seconds."""
import os
import signal
import subprocess

import pytest

from support import oracle, program
from support.events import views
from support.faults import in_front_of
from support.kafka import create_topic
from support.oracle import Stored
from support.service import arguments
from support.wait import eventually


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_an_idle_service_ends_at_once(number, topic, state, service):
    topic.produce(views(seed=81, count=10))
    running = service.start(topic, state)
    eventually(lambda: state.consumed() == 10, 'the events')
    result, _ = running.stop(number)
    assert result.code == 0, result.err


def test_what_was_read_is_flushed_before_the_end(topic, state, service):
    """With a flush every minute, only the shutdown can have written."""
    topic.produce(views(seed=82, count=1000))
    running = service.start(topic, state, '--flush-interval', '60s', '--log-level', 'debug', '--kafka-config', 'debug=fetch')
    eventually(lambda: 'at offset 1000' in running.err, 'the records to be read')
    result, _ = running.stop()
    assert result.code == 0, result.err
    oracle.check_exact(topic.read(), Stored.of(state))


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_signal_right_after_the_start_is_heeded(number, topic, state, service):
    running = service.start(topic, state)
    eventually(lambda: running.err, 'its first word')
    result, _ = running.stop(number)
    assert result.code == 0, result.err


def test_a_closed_pipe_does_not_end_the_service(topic, state):
    topic.produce(views(seed=83, count=100))
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([program.BINARY, *arguments(topic, state, '--exit-at-end')], stderr=writing, stdout=writing,
                          env=program.clean_environment(), timeout=60, check=False)
    os.close(writing)
    assert done.returncode == 0
    assert state.consumed() == 100


def test_the_end_does_not_wait_for_servers_that_are_away(own_broker, state, service, make_warehouse):
    broker, warehouse = own_broker().start(), make_warehouse('s3')
    topic = create_topic(broker.address)
    with in_front_of(warehouse.s3.endpoint) as proxy:
        warehouse.s3_endpoint = proxy.endpoint
        running = service.start(topic, state, *warehouse.options, '--export-interval', '100ms', env=warehouse.environment)
        topic.produce(views(seed=84, count=100))
        eventually(lambda: state.consumed() == 100, 'the events')
        proxy.down()
        broker.stop()
        eventually(lambda: 'Kafka' in running.err, 'that Kafka is away')
        result, _ = running.stop()
    assert result.code == 0, result.err
