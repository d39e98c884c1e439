"""The late topic on Apache Kafka: hung and killed brokers, several states on one topic, size limits, permissions."""
import itertools
import os
import random
import signal
import sqlite3
import time

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import NewTopic

from support import outbox
from support.apache_kafka import ApacheKafka, Security
from support.events import DAY_MS, SAMPLE_MS, event
from support.kafka import Sender, Topic
from support.state import State
from support.wait import eventually

# A short loop in `make test`; more by hand: PAGEVIEWS_ROUNDS=15.
ROUNDS = int(os.environ.get('PAGEVIEWS_ROUNDS', '4'))
LATE_MS = SAMPLE_MS - 2 * DAY_MS
_numbers = itertools.count(1)


def late(count: int, webpage: str = '/') -> list[bytes]:
    return [event(f'N{number % 7}', LATE_MS + number, user_id=number, webpage=webpage) for number in range(count)]


def begin(topic: Topic, state: State, service, *options: str) -> None:
    """Counts a newest event in each partition, so that all later events, two days older, are late."""
    topic.produce([event('E1', SAMPLE_MS)] * topic.partitions)
    service.to_end(topic, state, '--late-topic', 'off', *options)


def waiting(state: State) -> int:
    return state.rows('SELECT count(*) AS n FROM late_events WHERE published = 0')[0]['n']


def check(topic: Topic, state: State, name: str) -> None:
    outbox.check(topic, topic.read(), name, state.late(), state)
    assert waiting(state) == 0


def times_published(address: str, name: str) -> dict[str, list[int]]:
    """How often each origin appears in the topic, for both isolation levels."""
    found = {}
    for isolation in outbox.ISOLATION:
        origins = [record.origin for record in outbox.read(address, name, isolation)]
        found[isolation] = sorted({origins.count(origin) for origin in set(origins)})
    return found


@pytest.fixture(scope='module')
def three(make_apache_kafka) -> ApacheKafka:
    return make_apache_kafka(nodes=3)


@pytest.fixture
def name() -> str:
    return f'late-{next(_numbers)}'


def pinned(cluster: ApacheKafka, name: str) -> Topic:
    """A source on node 1 only, and a late topic that node 1 leads and nodes 2 and 3 follow."""
    topic = Topic(cluster.address, f'views-of-{name}', 2)
    new = [NewTopic(topic.name, 2, replica_assignment=[[1], [1]]),
           NewTopic(name, 2, replica_assignment=[[1, 2, 3], [1, 3, 2]], config={'min.insync.replicas': '2'})]
    # The client must live until the answers arrive.
    admin = cluster.admin()
    for made in admin.create_topics(new).values():
        made.result(60)
    return topic


def test_a_follower_hangs_or_dies_and_the_service_is_restarted_meanwhile(three, state, service, name):
    topic = pinned(three, name)
    begin(topic, state, service)
    options = ['--late-topic', name, '--flush-interval', '20ms']
    chance = random.Random(7)
    # Gets its producer id before a node hangs.
    sender = Sender(topic)
    sender.send([event('E1', SAMPLE_MS)])
    running = service.start(topic, state, *options)
    for number in range(1, ROUNDS + 1):
        victim, hangs, kills, twice = chance.choice([2, 3]), chance.random() < 0.7, chance.random() < 0.5, chance.random() < 0.4
        three.hang(victim) if hangs else three.kill(victim)
        sender.send(late(600))
        eventually(lambda: len(state.late()) == 600 * number, 'the late events to be counted', seconds=60)
        time.sleep(chance.uniform(0.1, 2))  # a moment while they are sent; nothing is concluded from its length
        for _ in range(2 if twice else 1):
            running.kill() if kills else running.stop(seconds=10)
            running = service.start(topic, state, *options)
            time.sleep(chance.uniform(0.1, 2))
        three.go_on(victim) if hangs else three.restart(victim)
        eventually(lambda: waiting(state) == 0, f'round {number}: all late events to be published', seconds=120)
        check(topic, state, name)
    running.stop(seconds=10)


def test_two_states_of_one_group_publish_each_event_once(apache_kafka, tmp_path, service, name):
    topic = apache_kafka.create_topic(partitions=2)
    states = [State(tmp_path / f'{which}.db') for which in 'ab']
    for one in states:
        begin(topic, one, service)
    running = [service.start(topic, one, '--late-topic', name, '--flush-interval', '20ms') for one in states]
    for _ in range(10):
        topic.produce(late(50))
        time.sleep(0.2)
    eventually(lambda: any(waiting(one) == 0 and len(one.late()) == 500 for one in states), 'one of them to publish all',
               seconds=60)
    assert times_published(topic.address, name) == {isolation: [1] for isolation in outbox.ISOLATION}
    assert any('this one publishes nothing any more' in one.err for one in running)
    for one in running:
        one.stop(seconds=10)
    # The next one to run takes over and publishes what is missing.
    for one in [*states, *states]:
        topic.produce(late(50))
        service.to_end(topic, one, '--late-topic', name)
        assert waiting(one) == 0
        records = outbox.read(topic.address, name)
        assert len(records) == len({record.origin for record in records}) == len(one.late())


def test_states_of_disjoint_partitions_share_a_late_topic(apache_kafka, tmp_path, service, name):
    topic = apache_kafka.create_topic(partitions=2)
    states = [State(tmp_path / f'{which}.db') for which in 'ab']
    for number, one in enumerate(states):
        begin(topic, one, service, '--partitions', str(number))
    running = [service.start(topic, one, '--late-topic', name, '--partitions', str(number))
               for number, one in enumerate(states)]
    topic.produce(late(400))
    eventually(lambda: all(len(one.late()) == 200 and waiting(one) == 0 for one in states), 'all to be published', seconds=60)
    assert len(outbox.read(topic.address, name)) == 400
    assert times_published(topic.address, name) == {isolation: [1] for isolation in outbox.ISOLATION}
    for one in running:
        one.stop(seconds=10)


def test_a_state_that_begins_again_publishes_nothing_twice(apache_kafka, tmp_path, state, service, name):
    topic = apache_kafka.create_topic()
    begin(topic, state, service)
    topic.produce(late(200))
    service.to_end(topic, state, '--late-topic', name)
    again = State(tmp_path / 'again.db')
    service.to_end(topic, again, '--late-topic', name)
    assert waiting(again) == 0
    assert len(again.late()) == len(outbox.read(topic.address, name)) == 200


def test_late_messages_keep_key_headers_and_timestamp(apache_kafka, state, service, name):
    topic = apache_kafka.create_topic()
    begin(topic, state, service)
    producer = Producer({'bootstrap.servers': topic.address, 'log_level': 2})
    headers = [('trace', b'\x00\xff'), ('none', None), ('trace', b'')]
    for key in (b'\xfe key', None, b''):
        producer.produce(topic.name, late(1)[0], key=key, headers=headers, timestamp=1_600_000_000_000)
    assert producer.flush(20) == 0
    service.to_end(topic, state, '--late-topic', name)
    found = outbox.read(topic.address, name)
    assert [record.key for record in found] == [b'\xfe key', None, b'']
    for offset, record in enumerate(found, 1):
        assert list(record.headers[:3]) == headers
        assert record.timestamp == (1, 1_600_000_000_000)
        assert (record.header('pageviews-topic'), record.origin) == (topic.name, (0, offset))


def test_events_larger_than_the_client_s_default_are_published(apache_kafka, state, service, name):
    topic = apache_kafka.create_topic(max_message_bytes='20000000')
    apache_kafka.create_topic(name=name, max_message_bytes='20000000')
    begin(topic, state, service)
    topic.produce(late(1) + late(1, os.urandom(2_000_000).hex()) + late(50) + late(1, 'x' * 1_500_000))
    service.to_end(topic, state, '--late-topic', name)
    check(topic, state, name)


@pytest.mark.parametrize('kind', ['late', 'rejected'])
def test_what_never_fits_is_an_incident_and_the_rest_is_published(kind, apache_kafka, state, service, name):
    """The target's limit is also smaller than a batch."""
    topic = apache_kafka.create_topic(max_message_bytes='20000000')
    apache_kafka.create_topic(name=name, max_message_bytes='20000')
    begin(topic, state, service)
    large = os.urandom(40_000).hex()
    options = ['--late-topic', name] if kind == 'late' else ['--late-topic', 'off', '--rejected-topic', name]
    values = late(5) + late(1, large) + late(1500) + late(1, large) + late(5)
    topic.produce(values if kind == 'late' else [b'!' + value for value in values])
    service.to_end(topic, state, *options)
    records = outbox.read(topic.address, name)
    assert sorted(record.origin[1] for record in records) == [
        offset for offset in range(1, len(values) + 1) if offset not in (6, 1507)]
    incident, = state.rows('SELECT kind, detail FROM incidents')
    assert incident['kind'] == f'{kind}-not-publishable'
    assert 'max.message.bytes is 20000' in incident['detail'] and '2 such events in all' in incident['detail']
    # They stay in the state and are not retried.
    service.to_end(topic, state, *options)
    assert len(outbox.read(topic.address, name)) == len(records)


def test_a_write_lock_of_eleven_seconds_is_waited_for(apache_kafka, state, service, name):
    topic = apache_kafka.create_topic()
    begin(topic, state, service)
    running = service.start(topic, state, '--late-topic', name, '--flush-interval', '20ms')
    topic.produce(late(100))
    eventually(lambda: waiting(state) == 0 and len(state.late()) == 100, 'the first late events', seconds=30)
    other = sqlite3.connect(state.path, isolation_level=None, timeout=20)
    other.execute('BEGIN IMMEDIATE')
    topic.produce(late(100))
    time.sleep(11)  # longer than all of SQLite's waits
    other.execute('ROLLBACK')
    other.close()
    eventually(lambda: waiting(state) == 0 and len(state.late()) == 200, 'all late events', seconds=60)
    assert running.alive(), running.err
    assert running.stop(seconds=10)[0].code == 0
    check(topic, state, name)


def test_a_signal_ends_the_wait_for_a_late_topic_that_takes_nothing(three, state, service, name):
    topic = pinned(three, name)
    three.set_topic(name, min_insync_replicas='3')
    begin(topic, state, service)
    topic.produce(late(10))
    three.kill(3)
    try:
        running = service.start(topic, state, '--late-topic', name, '--exit-at-end')
        eventually(lambda: len(state.late()) == 10, 'the end of the input', seconds=30)
        time.sleep(2)  # within the wait; nothing is concluded from its length
        result, seconds = running.stop(signal.SIGTERM, seconds=10)
        assert result.code in (0, 4) and seconds < 6, result.err
        # The number is unknown while Kafka has not answered the publisher.
        assert '10 late events wait' in result.err or 'late events may wait' in result.err, result.err
    finally:
        three.restart(3)
    service.to_end(topic, state, '--late-topic', name)
    check(topic, state, name)


def test_each_missing_right_is_named(make_apache_kafka, state, service, name):
    user = ('alice', 'a-secret')
    cluster = make_apache_kafka(security=Security(
        listeners=('SASL_PLAINTEXT',), mechanisms=('PLAIN',), users=(user,), acls=True))
    login = {'security.protocol': 'SASL_PLAINTEXT', 'sasl.mechanism': 'PLAIN', 'sasl.username': user[0],
             'sasl.password': user[1]}
    topic = cluster.create_topic(listener='SASL_PLAINTEXT', client=tuple(login.items()))
    cluster.allow(user[0], ['read', 'write', 'describe'], topic=topic.name)
    cluster.allow(user[0], ['read'], group='pageviews')
    options = [part for key, value in login.items() for part in ('--kafka-config', f'{key}={value}')]
    begin(topic, state, service, *options)
    topic.produce(late(5))
    identity = f'pageviews-late-{topic.name}-pageviews-{name}'
    running = service.start(topic, state, '--late-topic', name, *options)
    for right, words in [
        ({'topic': name, 'operations': ['describe']}, f'needs DESCRIBE on topic {name}'),
        ({'topic': name, 'operations': ['create']}, f'needs CREATE on topic {name}'),
        ({'transactional_id': identity, 'operations': ['describe', 'write']},
         f'needs DESCRIBE and WRITE on transactional id {identity}'),
        ({'topic': name, 'operations': ['write']}, f'needs WRITE on topic {name}'),
        ({'topic': name, 'operations': ['read']}, f'needs READ on topic {name}'),
    ]:
        eventually(lambda words=words: words in running.err, words, seconds=30)
        assert waiting(state) == 5
        cluster.allow(user[0], **right)
    eventually(lambda: waiting(state) == 0, 'the late events to be published', seconds=30)
    running.stop(seconds=10)
