"""Another log under the same name, on Apache Kafka: recreated topics, truncated logs, deleted records."""
import pathlib
import shutil
from collections.abc import Iterator

import pytest

from support import program
from support.events import SAMPLE_MS, event
from support.kafka import Sender, Topic
from support.state import State
from support.wait import eventually

SKIP = ('--on-missing-offsets', 'skip')


def events(postcode: str, count: int) -> Iterator[bytes]:
    return (event(postcode, SAMPLE_MS + number) for number in range(count))


def fill(topic: Topic, postcode: str, count: int, **settings) -> None:
    topic.produce(events(postcode, count), **settings)


def copy(state: State, name: str) -> State:
    """A copy of the state, for another continuation."""
    twin = State(state.path.with_name(name))
    shutil.copy(state.path, twin.path)
    return twin


def totals(state: State) -> dict[str, int]:
    found: dict[str, int] = {}
    for (postcode, _), count in state.counts().items():
        found[postcode] = found.get(postcode, 0) + count
    return found


def make_again(cluster, topic: Topic) -> Topic:
    cluster.delete_topic(topic.name)
    return cluster.create_topic(topic.partitions, topic.name)


def test_a_topic_made_again_with_more_records_is_another_topic(apache_kafka, state, service):
    topic = apache_kafka.create_topic(2)
    fill(topic, 'OLD', 1000)
    service.to_end(topic, state)
    other = copy(state, 'skipping.db')
    before = state.everything()
    topic = make_again(apache_kafka, topic)
    fill(topic, 'NEW', 3000)

    result = service.try_to_end(topic, state)
    assert result.code == 5, result.err
    for part in (topic.name, 'created again', 'offsets 0 to 499', 'new --state', ' '.join(SKIP)):
        assert part in result.err, f'{part!r} is missing in: {result.err}'
    after = state.everything()
    assert (after['counts'], after['late']) == (before['counts'], before['late'])

    service.to_end(topic, other, *SKIP)
    assert totals(other) == {'OLD': 1000, 'NEW': 2000}
    incidents = other.rows("SELECT detail FROM incidents WHERE kind = 'log-replaced' ORDER BY detail")
    assert len(incidents) == 2, incidents
    for partition, row in enumerate(incidents):
        assert f'partition {partition}:' in row['detail'] and 'offsets 0 to 499 (500 in all)' in row['detail'], row
    # From now on the state belongs to the new topic.
    fill(topic, 'NEW', 100)
    service.to_end(topic, other)
    assert totals(other) == {'OLD': 1000, 'NEW': 2100}
    assert len(other.rows('SELECT * FROM incidents')) == 2


def test_a_restored_state_knows_which_topic_its_offsets_are_of(apache_kafka, state, service, make_warehouse):
    warehouse = make_warehouse()
    topic = apache_kafka.create_topic()
    fill(topic, 'OLD', 500)
    service.to_end(topic, state, *warehouse.options, env=warehouse.environment)
    restored = State(state.path.with_name('restored.db'))
    program.run('restore', '--state', str(restored.path), *warehouse.options, env=warehouse.environment, check=True)
    other = copy(restored, 'other.db')
    fill(topic, 'OLD', 100)
    service.to_end(topic, restored, *warehouse.options, env=warehouse.environment)
    assert totals(restored) == {'OLD': 600}

    topic = make_again(apache_kafka, topic)
    fill(topic, 'NEW', 1500)
    result = service.try_to_end(topic, other)
    assert result.code == 5 and 'created again' in result.err, result.err
    assert totals(other) == {'OLD': 500}


@pytest.mark.parametrize('length', [100, 600])
def test_events_that_only_the_counts_table_has_are_not_waited_for_in_another_topic(
        apache_kafka, state, service, make_warehouse, length):
    warehouse = make_warehouse()
    topic = apache_kafka.create_topic()
    fill(topic, 'OLD', 500)
    service.to_end(topic, state, *warehouse.options, env=warehouse.environment)
    # Without raw rows the restored state would count all of them again from Kafka.
    shutil.rmtree(pathlib.Path(warehouse.location.removeprefix('file://')) / warehouse.namespace / 'page_view')
    restored = State(state.path.with_name('restored.db'))
    program.run('restore', '--state', str(restored.path), *warehouse.options, env=warehouse.environment, check=True)
    topic = make_again(apache_kafka, topic)
    fill(topic, 'NEW', length)

    result = service.try_to_end(topic, restored)
    assert result.code == 5 and 'created again' in result.err, result.err
    assert 'offsets 0 to 499 of the present log were not read' in result.err, result.err
    running = service.start(topic, restored, *SKIP)
    eventually(lambda: restored.rows("SELECT * FROM incidents WHERE kind = 'log-replaced'"), 'the incident')
    fill(topic, 'NEW', 500)
    eventually(lambda: totals(restored).get('NEW') == length, 'the records from offset 500 on')
    running.stop()
    incident, = restored.rows('SELECT * FROM incidents')
    assert 'the lost state had counted offsets 0 to 499 of the earlier log' in incident['detail'], incident
    assert totals(restored) == {'OLD': 0, 'NEW': length}


def test_a_topic_made_again_that_is_shorter_waits_until_it_is_as_long(apache_kafka, state, service):
    topic = apache_kafka.create_topic()
    fill(topic, 'OLD', 1000)
    service.to_end(topic, state)
    topic = make_again(apache_kafka, topic)
    fill(topic, 'NEW', 10)
    assert service.try_to_end(topic, copy(state, 'stopping.db')).code == 5
    running = service.start(topic, state, *SKIP)
    eventually(lambda: state.rows("SELECT * FROM incidents WHERE kind = 'log-replaced'"), 'the incident')
    fill(topic, 'NEW', 1000)
    eventually(lambda: totals(state) == {'OLD': 1000, 'NEW': 10}, 'the records from offset 1000 on')
    running.stop()
    incident, = state.rows('SELECT * FROM incidents')
    assert 'offsets 0 to 999 (1000 in all)' in incident['detail'], incident


def test_a_topic_made_again_under_a_running_service_ends_it(apache_kafka, state, service):
    topic = apache_kafka.create_topic()
    fill(topic, 'OLD', 100)
    running = service.start(topic, state)
    eventually(lambda: state.consumed() == 100, 'the events')
    fill(make_again(apache_kafka, topic), 'NEW', 1000)
    ended = running.wait(60)
    assert ended.code == 5 and topic.name in ended.err, ended.err


def test_a_restart_looks_at_its_last_record_and_counts_it_once(apache_kafka, state, service):
    topic = apache_kafka.create_topic(3)
    for round_number in range(1, 4):
        fill(topic, 'E1', 100)
        service.to_end(topic, state)
        assert totals(state) == {'E1': 100 * round_number}
    assert state.rows('SELECT * FROM incidents') == []


def test_deleted_records_are_a_lost_range(apache_kafka, state, service):
    topic = apache_kafka.create_topic()
    fill(topic, 'E1', 100)
    service.to_end(topic, state)
    fill(topic, 'E2', 100)
    apache_kafka.delete_records(topic.name, {0: 150})
    result = service.try_to_end(topic, state)
    assert result.code == 1 and 'offsets 100 to 149' in result.err, result.err
    service.to_end(topic, state, *SKIP)
    assert totals(state) == {'E1': 100, 'E2': 50}
    incident, = state.rows('SELECT * FROM incidents')
    assert incident['kind'] == 'missing-offsets' and 'offsets 100 to 149 (50 in all)' in incident['detail'], incident


def test_a_last_record_that_was_deleted_is_nothing_to_speak_of(apache_kafka, state, service):
    topic = apache_kafka.create_topic()
    fill(topic, 'E1', 100)
    service.to_end(topic, state)
    apache_kafka.delete_records(topic.name, {0: 100})
    fill(topic, 'E2', 10)
    result = service.to_end(topic, state)
    assert 'another' not in result.err and 'not the one' not in result.err, result.err
    assert totals(state) == {'E1': 100, 'E2': 10}


@pytest.fixture(scope='module')
def three(make_apache_kafka):
    return make_apache_kafka(nodes=3)


def test_a_topic_made_again_under_a_service_that_skips_loses_nothing_else(apache_kafka, state, service):
    """The service fetches far ahead; records fetched at the old position are not the next ones of the new log."""
    topic = apache_kafka.create_topic()
    fill(topic, 'OLD', 1000)
    running = service.start(topic, state, *SKIP)
    eventually(lambda: state.consumed() == 1000, 'the events')
    for round_number in range(1, 4):
        topic = make_again(apache_kafka, topic)
        before = state.consumed()
        fill(topic, f'NEW{round_number}', before + 30_000)
        eventually(lambda: state.consumed() >= before + 30_000, 'the new log to be read', seconds=90)
        assert totals(state)[f'NEW{round_number}'] == 30_000, state.rows('SELECT * FROM incidents')
    running.stop()


def placed(cluster, name: str, assignment: str, **settings: str) -> Topic:
    """A topic with given replicas: `2:3` is one partition led by node 2 and followed by node 3."""
    config = [part for key, value in settings.items() for part in ('--config', f'{key.replace("_", ".")}={value}')]
    cluster.tool('topics', '--create', '--topic', name, '--replica-assignment', assignment, *config)
    return Topic(cluster.address, name, len(assignment.split(',')))


def test_an_unclean_election_that_cut_the_log_is_found_with_the_exact_range(three, state, service):
    topic = placed(three, 'cut', '2:3', min_insync_replicas='1', unclean_leader_election_enable='true')
    try:
        fill(topic, 'OLD', 500)
        three.kill(3)
        fill(topic, 'OLD', 500, seconds=60)
        # The follower leaves the in-sync set first; until then the end is unknown.
        eventually(lambda: topic.end(0) == 1000, 'the end of the log', seconds=60)
        service.to_end(topic, state)
        assert totals(state) == {'OLD': 1000}
        three.kill(2)
        three.restart(3)
        eventually(lambda: three.leader(topic.name) == 3, 'the unclean election', seconds=90)
        fill(topic, 'NEW', 700, seconds=60)
        other = copy(state, 'skipping.db')

        result = service.try_to_end(topic, state)
        assert result.code == 5, result.err
        for part in (topic.name, 'truncated at offset 500', 'offsets 500 to 999', 'new --state', ' '.join(SKIP)):
            assert part in result.err, f'{part!r} is missing in: {result.err}'
        assert totals(state) == {'OLD': 1000}

        service.to_end(topic, other, *SKIP)
        assert totals(other) == {'OLD': 1000, 'NEW': 200}
        incident, = other.rows('SELECT * FROM incidents')
        assert incident['kind'] == 'log-replaced' and 'offsets 500 to 999 (500 in all)' in incident['detail'], incident
    finally:
        three.start()


def test_a_hung_leader_of_one_partition_does_not_hold_up_the_others(three, state, service):
    """The hung node is also the active controller, the worst case of the three."""
    topic = placed(three, 'hung', '1,2,3')
    hung = three.active_controller()
    others = [node - 1 for node in three.nodes if node != hung]
    # One producer for all: a new one would wait for the controller.
    sender = Sender(topic)
    sender.send(events('E1', 30))
    running = service.start(topic, state)
    eventually(lambda: state.consumed() == 30, 'the events')
    three.hang(hung)
    try:
        for sent in range(1, 13):
            for partition in others:
                sender.send(events('E2', 10), partition)
            eventually(lambda sent=sent: totals(state) == {'E1': 30, 'E2': 20 * sent}, f'{20 * sent} events', seconds=5)
    finally:
        three.go_on(hung)
    sender.send(events('E3', 10), hung - 1)
    eventually(lambda: totals(state).get('E3') == 10, 'the partition of the node that hung', seconds=60)
    running.stop()
