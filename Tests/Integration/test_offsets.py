"""Offsets that Kafka no longer has, and new partitions."""
import pytest

from support import oracle, program
from support.events import SAMPLE_MS, event, views
from support.kafka import MockCluster, Topic, create_topic
from support.oracle import Stored
from support.wait import eventually

PAGE = 'x' * 1000


@pytest.fixture
def trimmed(state, service):
    """A topic whose broker dropped the records from offset 100 on before the service returned."""
    cluster = MockCluster()
    topic = cluster.topic('trimmed')
    topic.produce((event('OLD', SAMPLE_MS) for _ in range(100)), partition=0)
    service.to_end(topic, state)
    assert state.counts() == {('OLD', SAMPLE_MS - SAMPLE_MS % 60_000): 100}
    topic.produce((event('NEW', SAMPLE_MS, webpage=PAGE) for _ in range(15_000)), partition=0)
    first = topic.read()[0][0].offset
    assert first > 100, 'the broker has dropped nothing'
    yield topic, first
    del cluster


def test_a_lost_range_stops_the_service_with_a_clear_message(trimmed, state, service):
    topic, first = trimmed
    before = state.everything()
    result = service.try_to_end(topic, state)
    assert result.code not in (0, 3), result.err
    for part in (topic.name, '100', str(first), '--on-missing-offsets skip'):
        assert part in result.err, f'{part!r} is missing in: {result.err}'
    after = state.everything()
    assert after['counts'] == before['counts'] and after['late'] == before['late']


def test_a_lost_range_is_recorded_when_told_to_go_on(trimmed, state, service):
    topic, first = trimmed
    service.to_end(topic, state, '--on-missing-offsets', 'skip')
    left = 15_100 - first
    assert {postcode: count for (postcode, _), count in state.counts().items()} == {'OLD': 100, 'NEW': left}
    row = state.partitions()[0]
    assert (row['next_offset'], row['consumed'], row['counted']) == (15_100, 100 + left, 100 + left)
    incident, = state.rows('SELECT * FROM incidents')
    assert incident['kind'] and incident['at'].endswith('Z')
    for part in (topic.name, '100', str(first - 1), str(first - 100)):
        assert part in incident['detail'], incident
    # It is reported once, not at every start.
    service.to_end(topic, state, '--on-missing-offsets', 'skip')
    assert len(state.rows('SELECT * FROM incidents')) == 1


def test_an_incident_is_open_until_somebody_resolves_it(trimmed, state, service):
    topic, _ = trimmed
    def resolve(kind):
        return program.run('resolve', kind, '--state', str(state.path))

    running = service.start(topic, state, '--on-missing-offsets', 'skip')
    eventually(lambda: state.consumed() > 100, 'the records after the lost ones')
    assert resolve('missing-offsets').code == 5  # in use
    running.stop()
    assert [row['resolved_at'] for row in state.rows('SELECT * FROM incidents')] == [None]
    assert resolve('spool-full').code == 1
    done = resolve('missing-offsets')
    assert (done.code, done.out) == (0, '1 resolved\n'), done.err
    assert all(row['resolved_at'] for row in state.rows('SELECT * FROM incidents'))
    assert resolve('missing-offsets').code == 1


def test_new_partitions_are_picked_up_while_running(broker, state, service):
    topic = create_topic(broker.address, 4)
    broker.show_partitions(topic.name, 2)
    narrow = Topic(topic.address, topic.name, 2)
    running = service.start(narrow, state, '--kafka-config', 'topic.metadata.refresh.interval.ms=1000')
    narrow.produce(views(seed=61, count=1000))
    eventually(lambda: state.consumed() == 1000, 'the events of the first two partitions')
    assert set(state.partitions()) == {0, 1}
    broker.show_partitions(topic.name, 4)
    topic.produce(views(seed=62, count=1000))
    eventually(lambda: state.consumed() == 2000, 'the events of all four partitions', seconds=60)
    running.stop()
    oracle.check_possible(topic.read(), Stored.of(state), from_the_start=False)


def test_new_partitions_are_found_at_a_restart(broker, state, service):
    topic = create_topic(broker.address, 3)
    broker.show_partitions(topic.name, 1)
    narrow = Topic(topic.address, topic.name, 1)
    narrow.produce(views(seed=63, count=500))
    service.to_end(narrow, state)
    broker.show_partitions(topic.name, 3)
    topic.produce(views(seed=64, count=500))
    service.to_end(topic, state)
    oracle.check_possible(topic.read(), Stored.of(state), from_the_start=False)
