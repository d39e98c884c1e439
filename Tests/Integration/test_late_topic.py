"""Each late event is in the late topic once, for a consumer of any isolation level, however the service ends."""
import itertools
import random
import shutil
import signal
import sqlite3
import time

import pytest
from confluent_kafka.admin import AdminClient

from support import outbox
from support.events import DAY_MS, SAMPLE_MS, event, views
from support.kafka import create_topic
from support.wait import eventually
from test_restart import Traffic

_numbers = itertools.count(1)


@pytest.fixture
def late_topic():
    return f'late-{next(_numbers)}'


def late_views(seed, count):
    """A newest event, then events of which about half are two days older."""
    chance = random.Random(seed)
    yield event('E1', SAMPLE_MS)
    for number in range(count - 1):
        age = 2 * DAY_MS if chance.random() < 0.5 else 0
        yield event(f'N{number % 7}', SAMPLE_MS + number - age, user_id=number)


def check(topic, state, name):
    """Checks that all late events are in the topic and marked in the state."""
    outbox.check(topic, topic.read(), name, state.late(), state)
    assert state.rows('SELECT count(*) AS n FROM late_events WHERE published = 0') == [{'n': 0}]


def test_a_missing_topic_is_made_and_gets_every_late_event(topic, state, service, late_topic):
    topic.produce(late_views(seed=1, count=300))
    assert outbox.partition_count(topic.address, late_topic) == 0
    service.to_end(topic, state, '--late-topic', late_topic)
    assert outbox.partition_count(topic.address, late_topic) > 0
    check(topic, state, late_topic)


def test_a_topic_that_is_there_is_used_as_it_is(topic, state, service, late_topic):
    """Also when the topic has records of other producers."""
    other = create_topic(topic.address, 1, late_topic)
    other.produce([b'not ours'] * 10)
    topic.produce(late_views(seed=2, count=300))
    service.to_end(topic, state, '--late-topic', late_topic)
    assert outbox.partition_count(topic.address, late_topic) == 1
    records = outbox.read(topic.address, late_topic)
    assert {record.origin for record in records if record.is_ours} == set(state.late())
    assert len(records) == 10 + len(state.late())


def test_unusual_bytes_are_passed_on_unchanged(topic, state, service, late_topic):
    old = SAMPLE_MS - 2 * DAY_MS
    topic.produce([
        event('E1', SAMPLE_MS), b' { "timestamp" : %d ,\n"postcode":"E\xc3\xa9", "more": [1, {"x": null}] }\r\n ' % old,
        b'{"postcode":"\\u0045 1","timestamp":"%d"}' % (old // 1000), event('x' * 64, old, webpage='y' * 100_000)])
    service.to_end(topic, state, '--late-topic', late_topic)
    assert len(state.late()) == 3
    check(topic, state, late_topic)


@pytest.mark.parametrize('point', ['late.numbered', 'late.sent'])
def test_a_kill_at_a_step_of_publishing_repeats_nothing(point, topic, state, service, late_topic):
    options = ['--late-topic', late_topic]
    topic.produce(late_views(seed=3, count=200))
    killed = {'PAGEVIEWS_FAIL_POINT': point}
    # Twice in a row, the first time with a new topic; more events arrive before each run.
    for seed in (4, 5):
        result = service.try_to_end(topic, state, *options, env=killed)
        assert result.code == -signal.SIGKILL, result.err
        topic.produce(late_views(seed, count=200))
    service.to_end(topic, state, *options)
    check(topic, state, late_topic)
    result = service.try_to_end(topic, state, *options, env=killed)
    assert result.code == 0, f'a run with nothing to publish published: {result.err}'


def test_kills_at_random_moments_repeat_nothing(make_topic, state, service, late_topic):
    topic = make_topic(2)
    options = ['--late-topic', late_topic, '--flush-interval', '10ms']
    chance = random.Random(6)
    with Traffic(topic, seed=7, chunk=100):
        for _ in range(8):
            running = service.start(topic, state, *options)
            time.sleep(chance.uniform(0.2, 1.5))  # the random moment; nothing is concluded from its length
            assert running.alive(), running.err
            running.kill()
    service.to_end(topic, state, *options)
    check(topic, state, late_topic)


def test_connections_cut_while_publishing_repeat_nothing(own_broker, state, service, late_topic):
    broker = own_broker().start()
    topic = create_topic(broker.address)
    running = service.start(topic, state, '--late-topic', late_topic, '--flush-interval', '10ms')
    with Traffic(topic, seed=8, chunk=100):
        eventually(lambda: state.consumed() > 0, 'the first events')
        for _ in range(3):
            time.sleep(0.3)  # a moment within publishing; nothing is concluded from its length
            broker.kill_proxy()
            broker.start()
    eventually(lambda: state.consumed() == topic.end(0), 'all events', seconds=40)
    eventually(lambda: state.rows('SELECT count(*) AS n FROM late_events WHERE published = 0') == [{'n': 0}],
               'all late events to be published', seconds=40)
    assert running.alive(), running.err
    assert running.stop(seconds=10)[0].code == 0
    check(topic, state, late_topic)


def test_published_tells_what_is_in_the_topic(topic, state, service, late_topic):
    topic.produce(late_views(seed=9, count=50))
    service.to_end(topic, state, '--late-topic', 'off')
    late = len(state.late())
    assert late and state.rows('SELECT sum(published) AS n FROM late_events') == [{'n': 0}]
    assert outbox.partition_count(topic.address, late_topic) == 0
    # The waiting events are published as soon as the topic exists.
    service.to_end(topic, state, '--late-topic', late_topic)
    assert state.rows('SELECT sum(published) AS n FROM late_events') == [{'n': late}]
    check(topic, state, late_topic)


def test_off_publishes_nothing(topic, state, service):
    before = outbox.partition_count(topic.address, 'pageviews-late-events')
    topic.produce(late_views(seed=10, count=50))
    service.to_end(topic, state, '--late-topic', 'off')
    assert outbox.partition_count(topic.address, 'off') == 0
    assert outbox.partition_count(topic.address, 'pageviews-late-events') == before


def test_rejected_messages_go_to_their_topic_once(topic, state, service):
    name = f'rejected-{next(_numbers)}'
    options = ['--late-topic', 'off', '--rejected-topic', name]
    topic.produce([b'{', event('E1', SAMPLE_MS), b'\xff' * 20_000, b'', b'{"postcode":7}'] * 20)
    for point in ('rejected.numbered', 'rejected.sent'):
        result = service.try_to_end(topic, state, *options, env={'PAGEVIEWS_FAIL_POINT': point})
        assert result.code == -signal.SIGKILL, result.err
    topic.produce(views(seed=11, count=500, malformed=0.1))
    service.to_end(topic, state, *options)
    outbox.check(topic, topic.read(), name, state.rejected(), state)


def test_without_a_rejected_topic_no_payload_is_kept(topic, state, service):
    topic.produce([b'{"postcode":"E1", oops', event('E1', SAMPLE_MS)])
    service.to_end(topic, state, '--late-topic', 'off')
    with sqlite3.connect(f'file:{state.path}?mode=ro', uri=True) as connection:
        assert connection.execute('SELECT payload FROM rejected').fetchall() == [(None,)]


def test_a_late_topic_that_was_made_anew_under_a_service_gets_nothing_twice(topic, state, service, late_topic, tmp_path):
    """Its offsets restart, including those from which it is read back after a crash."""
    old = event('E1', SAMPLE_MS - 2 * DAY_MS)
    create_topic(topic.address, 1, late_topic)

    def published(count):
        return lambda: state.rows('SELECT count(*) AS n FROM late_events WHERE published')[0]['n'] == count

    running = service.start(topic, state, '--late-topic', late_topic, '--flush-interval', '20ms')
    topic.produce([event('E1', SAMPLE_MS)] + [old] * 50)
    eventually(lambda: state.path.exists() and state.consumed() == 51 and published(50)(), 'the first late events')
    admin = AdminClient({'bootstrap.servers': topic.address, 'log_level': 2})
    for done in admin.delete_topics([late_topic]).values():
        done.result(20)
    create_topic(topic.address, 1, late_topic)
    topic.produce([old] * 5)
    eventually(published(55), 'the late events after it')
    running.stop()
    # A process sends the next five and ends before it can record that.
    saved = tmp_path / 'saved.db'
    shutil.copy(state.path, saved)
    topic.produce([old] * 5)
    service.to_end(topic, state, '--late-topic', late_topic)
    for suffix in ('-wal', '-shm'):
        state.path.with_name(state.path.name + suffix).unlink(missing_ok=True)
    shutil.copy(saved, state.path)
    service.to_end(topic, state, '--late-topic', late_topic)
    origins = [record.origin for record in outbox.read(topic.address, late_topic)]
    assert sorted(origins) == [(0, offset) for offset in range(51, 61)]


@pytest.mark.parametrize('option', ['--late-topic', '--rejected-topic'])
def test_what_is_published_is_never_what_is_read(option, topic, state, service):
    """Each late event would be read again, and be late again."""
    result = service.try_to_end(topic, state, option, topic.name)
    assert result.code == 2 and option in result.err and 'another topic' in result.err, result
    assert not state.path.exists()
