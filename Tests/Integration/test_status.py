"""`pageviews status`: the health of a service and its state; each fault is named within ten seconds."""
import contextlib
import json
import signal
import sqlite3
import time

import pytest

from support import program
from support.events import SAMPLE_MS, event
from support.faults import in_front_of
from support.health import KEYS, always_healthy, codes, status, wait_for, wait_healthy
from support.kafka import create_topic
from support.wait import eventually

def test_without_a_state_it_is_unhealthy_and_nothing_is_made(state):
    assert codes(state) == ['no-state'] and KEYS <= set(status(state))
    assert not list(state.path.parent.iterdir())


def test_a_service_from_its_start_to_every_kind_of_end(service, topic, state):
    sent = topic.produce([event('N1', SAMPLE_MS), event('E1', SAMPLE_MS), b'not an event'])
    running = service.start(topic, state)
    eventually(lambda: state.path.exists() and state.consumed() == sent, 'everything to be counted')
    eventually(lambda: status(state)['service']['phase'] == 'running', 'the service to be running')
    found = status(state)
    assert found['healthy'] and KEYS <= set(found) and found['backlog'] == {'segments': 0, 'bytes': 0, 'budget_bytes': None}
    eventually(lambda: status(state)['lag'] == 0, 'the partitions to have been asked for their ends')
    assert found['watermark_held_by'] == 0 and found['topic'] == topic.name
    assert found['service']['phase'] == 'running' and found['service']['pid'] == running.pid
    assert found['watermark'] == '2021-01-26T12:03:39Z' or found['watermark'].startswith('2021-01-26'), found
    screen = program.run('status', '--state', str(state.path))
    assert screen.code == 0 and screen.out.startswith('healthy\n') and topic.name in screen.out
    assert len(screen.out.splitlines()) <= 24 and max(map(len, screen.out.splitlines())) <= 160

    running.process.send_signal(signal.SIGKILL)
    running.process.wait(10)
    assert 'exited without shutting down' in wait_for(state, 'not-running', seconds=2)
    running = service.start(topic, state)
    wait_healthy(state)
    running.stop()
    assert 'was stopped' in wait_for(state, 'not-running', seconds=1)
    service.to_end(topic, state)
    taken = program.run('status', '--bootstrap-servers', 'x:1', '--topic', 'y', '--warehouse', 'file:///z', '--state',
                        str(state.path))
    assert taken.code == 0, 'the settings of ingest are taken'
    assert status(state)['healthy'], 'what ended because there was nothing left is not unhealthy'
    screen = program.run('status', '--state', str(state.path))
    assert 'not running' in screen.out and screen.code == 0


def test_a_service_that_ended_with_an_error_says_which(service, topic, state, tmp_path):
    topic.produce([event('N1', SAMPLE_MS)])
    result = service.try_to_end(topic, state, '--partitions', '7')
    assert result.code != 0
    assert 'has no partition 7' in wait_for(state, 'not-running', seconds=1)


def test_a_stopped_broker_is_named_and_forgotten_when_it_is_back(service, own_broker, state):
    broker = own_broker(storage='memory').start()
    topic = create_topic(broker.address)
    topic.produce([event('N1', SAMPLE_MS)])
    service.start(topic, state)
    eventually(lambda: state.path.exists() and state.consumed() == 1, 'the event to be counted')
    wait_healthy(state)
    broker.kill_proxy()
    assert broker.address in wait_for(state, 'kafka')
    assert codes(state) == ['kafka'], 'one cause, one reason'
    assert status(state)['lag'] is None, 'nobody can say how many records wait'
    broker.start()
    wait_healthy(state, seconds=20)


def test_kafka_that_was_never_there_and_a_missing_topic_are_named(service, own_broker, state, tmp_path):
    broker = own_broker()
    address = broker.reserve()
    running = program.Running(tmp_path / 'log', 'ingest', '--bootstrap-servers', address, '--topic', 'none', '--state',
                              str(state.path), '--listen', 'off')
    try:
        assert address in wait_for(state, 'kafka')
        broker.start()
        eventually(lambda: 'the topic does not exist' in wait_for(state, 'kafka'), 'the topic to be named', 20)
    finally:
        running.kill()


def test_s3_away_is_named_between_exports_and_forgotten_when_it_is_back(service, topic, state, make_warehouse):
    warehouse = make_warehouse('s3')
    with in_front_of(warehouse.s3.endpoint) as proxy:
        warehouse.s3_endpoint = proxy.endpoint
        service.start(topic, state, *warehouse.options, '--probe-warehouse', '--export-interval', '1h',
                      env=warehouse.environment)
        wait_healthy(state)
        proxy.down()
        assert 'warehouse has not answered' in wait_for(state, 'warehouse')
        proxy.up()
        wait_healthy(state)


def test_a_failing_export_is_named_with_what_waits(service, topic, state, make_warehouse):
    warehouse = make_warehouse('s3')
    topic.produce([event('N1', SAMPLE_MS)])
    with in_front_of(warehouse.s3.endpoint) as proxy:
        warehouse.s3_endpoint = proxy.endpoint
        proxy.add('^PUT', '403 AccessDenied', times=1_000_000)
        service.start(topic, state, *warehouse.options, '--export-interval', '300ms', '--request-timeout', '1s',
                      env=warehouse.environment)
        text = wait_for(state, 'export')
        assert 'AccessDenied' in text and 'of raw events' in text
        assert codes(state) == ['export'], 'its incident is the same thing'


def test_a_burst_of_poison_messages_is_named_with_an_example(service, topic, state):
    service.start(topic, state)
    wait_healthy(state)
    topic.produce([b'{"postcode":' for _ in range(200)])
    text = wait_for(state, 'rejected')
    assert 'poison' in text and '200 rejected' in text and 'partition 0' in text


def test_a_partition_that_cannot_be_read_is_named(service, own_broker, state):
    broker = own_broker(storage='memory').start()
    topic = create_topic(broker.address, 2)
    topic.produce([event('N1', SAMPLE_MS)], partition=0)
    topic.produce([event('N1', SAMPLE_MS)], partition=1)
    service.start(topic, state)
    eventually(lambda: state.path.exists() and state.consumed() == 2, 'both events to be counted')
    wait_healthy(state)
    # Clients no longer see partition 1, as while its topic is recreated.
    broker.show_partitions(topic.name, 1)
    assert 'partition 1' in wait_for(state, 'partition')
    assert codes(state) == ['partition']
    broker.show_partitions(topic.name, 2)
    wait_healthy(state)


def test_a_partition_that_is_away_for_a_moment_alarms_nobody(service, own_broker, state):
    broker = own_broker(storage='memory').start()
    topic = create_topic(broker.address, 2)
    topic.produce([event('N1', SAMPLE_MS)] * 2)
    running = service.start(topic, state)
    eventually(lambda: state.path.exists() and state.consumed() == 2, 'both events to be counted')
    wait_healthy(state)
    broker.show_partitions(topic.name, 1)
    # At every moment: until the service has noticed, for 1.5 s more, and well after it is back.
    always_healthy(state, lambda: f'{topic.name} partition 1: the topic no longer has it' in running.err)
    for seconds, partitions in ((1.5, 1), (4, 2)):
        broker.show_partitions(topic.name, partitions)
        until = time.monotonic() + seconds
        always_healthy(state, lambda: time.monotonic() > until)
    topic.produce([event('N1', SAMPLE_MS)], partition=1)
    eventually(lambda: state.consumed() == 3, 'the partition to be read again')


def test_an_open_incident_is_a_reason_with_its_detail(service, topic, state):
    topic.produce([event('N1', SAMPLE_MS)])
    service.to_end(topic, state)
    with contextlib.closing(sqlite3.connect(state.path)) as connection, connection:
        connection.execute("INSERT INTO incident (at_ms, kind, detail) VALUES (0, 'missing-offsets', 'offsets 5 to 9')")
    found = status(state)
    (reason,) = found['reasons']
    assert (reason['code'], reason['since']) == ('incident', '1970-01-01T00:00:00Z')
    assert reason['text'] == 'missing-offsets since 1970-01-01T00:00:00Z: offsets 5 to 9'
    assert found['problems'] == found['reasons'], 'under their former name as well'
    assert found['incidents'] == [{'at': '1970-01-01T00:00:00Z', 'kind': 'missing-offsets', 'detail': 'offsets 5 to 9'}]


def test_status_changes_nothing_and_works_where_it_may_not_write(service, topic, state):
    topic.produce([event('N1', SAMPLE_MS)])
    service.to_end(topic, state)
    folder = state.path.parent
    before = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file() and not file.name.endswith('-shm')}
    assert status(state)['healthy']
    after = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file() and not file.name.endswith('-shm')}
    assert after == before


@pytest.mark.parametrize('arguments', [['--format', 'xml'], ['--watch', '1ms'], ['surplus']])
def test_wrong_usage_exits_2(arguments):
    assert program.run('status', *arguments).code == 2


def test_log_lines_as_json(service, topic, state):
    topic.produce([event('N1', SAMPLE_MS)])
    result = service.to_end(topic, state, '--log-format', 'json')
    lines = [json.loads(line) for line in result.err.splitlines()]
    assert lines and all({'time', 'level', 'message'} <= set(line) for line in lines)
    assert any('stopped at generation' in line['message'] for line in lines)
