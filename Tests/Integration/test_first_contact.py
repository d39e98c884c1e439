"""First use of a cluster: missing topics, a broker that creates topics automatically, a group that does not exist yet."""
import pytest
from confluent_kafka import Producer

from support import program
from support.events import DAY_MS, SAMPLE_MS, event
from support.kafka import Topic
from support.wait import eventually


@pytest.fixture(scope='module')
def stock(make_apache_kafka):
    """The default settings: any request for a topic creates it, with one partition."""
    return make_apache_kafka(settings={'auto.create.topics.enable': 'true', 'num.partitions': '1'})


def partitions(cluster, name: str) -> int:
    found = cluster.admin().list_topics(timeout=20).topics
    return len(found[name].partitions) if name in found else 0


@pytest.mark.parametrize('number', range(5))
def test_generate_makes_a_missing_topic_with_its_own_partitions(stock, number):
    name = f'generated-{number}'
    result = program.run('generate', '--bootstrap-servers', stock.address, '--topic', name, '--rate', '0', '--count', '100')
    assert result.code == 0, result.err
    assert partitions(stock, name) == 4
    assert sum(map(len, Topic(stock.address, name, 4).read())) == 100


def test_the_late_topic_is_made_as_it_is_told_and_the_group_is_committed(make_apache_kafka, state, service):
    """On a cluster without groups, the first commit creates the coordinator."""
    fresh = make_apache_kafka(settings={'auto.create.topics.enable': 'true', 'num.partitions': '1'})
    topic = fresh.create_topic()
    topic.produce([event('E1', SAMPLE_MS), event('E1', SAMPLE_MS), event('E1', SAMPLE_MS - 3 * DAY_MS)])
    result = service.to_end(topic, state, '--late-topic', 'late')
    assert 'Unknown partition' not in result.err and 'not committed' not in result.err, result.err
    made = partitions(fresh, 'late')
    assert made > 1 and f'created topic late with {made} partitions' in result.err, result.err
    assert fresh.committed('pageviews', topic.name) == {0: 3}


def test_reading_makes_no_topic(stock, state, service):
    running = service.start(Topic(stock.address, 'not-there', 1), state)
    try:
        eventually(lambda: 'does not exist' in running.err, 'the complaint')
    finally:
        running.stop()
    for command in (('topic', 'not-there-either'),):
        program.run(*command, '--bootstrap-servers', stock.address)
    assert not {'not-there', 'not-there-either'} & set(stock.admin().list_topics(timeout=20).topics)


@pytest.mark.parametrize('options,words', [
    (('--partitions', '7'), 'no partition 7'),
    (('--bootstrap-servers', '127.0.0.1:abc'), '127.0.0.1:abc'),
    (('--bootstrap-servers', '127.0.0.1:99999'), '127.0.0.1:99999'),
    (('--kafka-config', 'auto.offset.reset=earliest'), '--on-missing-offsets'),
])
def test_what_cannot_be_is_wrong_usage(stock, state, service, options, words):
    topic = stock.create_topic()
    result = program.run('ingest', '--bootstrap-servers', topic.address, '--topic', topic.name, '--state', str(state.path),
                         '--listen', 'off', '--exit-at-end', *options, seconds=30)
    assert result.code == 2 and words in result.err, result.err


def test_an_end_at_an_open_transaction_is_told(stock, state, service):
    topic = stock.create_topic()
    topic.produce([event('E1', SAMPLE_MS)] * 3)
    producer = Producer({'bootstrap.servers': topic.address, 'transactional.id': 'open', 'log_level': 2})
    producer.init_transactions(30)
    producer.begin_transaction()
    for _ in range(5):
        producer.produce(topic.name, event('E2', SAMPLE_MS), partition=0)
    assert producer.flush(30) == 0
    result = service.to_end(topic, state)
    assert 'ended at offset 3, where a transaction is open; up to 5 records after it were not read' in result.err, result.err
    producer.commit_transaction(30)
    result = service.to_end(topic, state)
    assert 'transaction is open' not in result.err, result.err
    assert sum(state.counts().values()) == 8


def test_the_name_userId_of_the_user_is_taken_and_a_topic_without_users_is_told(stock, state, service):
    topic = stock.create_topic()
    topic.produce([event('E1', SAMPLE_MS - 3 * DAY_MS).replace(b'user_id', b'userId'), event('E1', SAMPLE_MS),
                   event('E1', SAMPLE_MS - 3 * DAY_MS).replace(b'user_id', b'userId')])
    service.to_end(topic, state, '--late-topic', 'off')
    assert [row['user_id'] for row in state.rows('SELECT user_id FROM late_events')] == [1234]
