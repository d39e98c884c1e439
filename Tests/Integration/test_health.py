"""Stalls on Apache Kafka: `status` names each with its cause, and names nothing that makes progress."""
import os
import subprocess
import sys
import threading
import time

import pytest
from confluent_kafka import Producer

from support.apache_kafka import Security
from support.events import DAY_MS, SAMPLE_MS, event
from support.health import always_healthy, codes, status, wait_for, wait_healthy
from support.kafka import Topic
from support.servers import free_port
from support.wait import eventually

USER, PASSWORD = 'alice', 'a-secret'
LOGIN = {'security.protocol': 'SASL_PLAINTEXT', 'sasl.mechanism': 'PLAIN', 'sasl.username': USER, 'sasl.password': PASSWORD}
SECURITY = Security(listeners=('SASL_PLAINTEXT',), mechanisms=('PLAIN',), users=((USER, PASSWORD),), acls=True)


@pytest.fixture(scope='module')
def secured(make_apache_kafka):
    return make_apache_kafka(security=SECURITY)


def options(client):
    return [word for name, value in client.items() for word in ('--kafka-config', f'{name}={value}')]


def transactional(topic, name):
    producer = Producer({'bootstrap.servers': topic.address, 'transactional.id': f'{topic.name}-{name}', 'log_level': 2,
                         'transaction.timeout.ms': 600_000})
    producer.init_transactions(30)
    return producer


def send(producer, topic, partition, count):
    for number in range(count):
        producer.produce(topic.name, event('N1', SAMPLE_MS + number), partition=partition)
    assert producer.flush(30) == 0


class SlowProducer:
    """Commits a transaction every 15 s and opens the next one at once."""

    def __init__(self, topic, partition):
        self._producer, self._topic, self._partition = transactional(topic, 'slow'), topic, partition
        self._over = threading.Event()
        self.committed = 0
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        while not self._over.is_set():
            self._producer.begin_transaction()
            send(self._producer, self._topic, self._partition, 5)
            self._over.wait(15)
            self._producer.commit_transaction(30)
            self.committed += 5

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join(60)


def test_a_slow_transaction_is_healthy_and_one_that_hangs_is_named(apache_kafka, state, service):
    topic = apache_kafka.create_topic(partitions=2)
    topic.produce([event('N1', SAMPLE_MS)] * 4)
    service.start(topic, state)
    eventually(lambda: state.consumed() == 4, 'the first events')
    wait_healthy(state)
    with SlowProducer(topic, 0) as slow:
        hanging = transactional(topic, 'hanging')
        hanging.begin_transaction()
        began = time.monotonic()
        send(hanging, topic, 1, 7)
        # At every check, whatever the slow producer has open, until the other's minute is over.
        always_healthy(state, lambda: time.monotonic() - began > 45, seconds=60)
        assert status(state)['lag'] >= 7, 'records of an open transaction wait'
        text = wait_for(state, 'transaction', seconds=40)
        assert 'partition 1' in text and 'offset 2' in text, text
        assert codes(state) == ['transaction'], status(state)['reasons']
        (reason,) = status(state)['reasons']
        assert f'--topic {topic.name} --partition 1 --start-offset 2' in reason['advice']
        hanging.abort_transaction(30)
        wait_healthy(state)
    eventually(lambda: state.consumed() == 4 + slow.committed, 'all committed events')
    assert slow.committed >= 15
    eventually(lambda: status(state)['lag'] == 0, 'no lag')


def test_an_address_that_cannot_be_reached_is_named_and_a_signal_ends_it(make_apache_kafka, state, service):
    cluster = make_apache_kafka(security=SECURITY)
    topic = cluster.create_topic(partitions=12)
    cluster.allow(USER, ['read', 'describe'], topic=topic.name)
    cluster.allow(USER, ['read'], group='pageviews')
    nowhere = f'127.0.0.1:{free_port()}'
    cluster.kill(1)
    cluster.configure({**SECURITY.properties(),
                       'advertised.listeners': f'PLAINTEXT://{cluster.address},SASL_PLAINTEXT://{nowhere}'})
    cluster.restart(1)
    outside = Topic(cluster.address_of('SASL_PLAINTEXT'), topic.name, 12)
    running = service.start(outside, state, *options(LOGIN))
    eventually(lambda: f'broker 1 at {nowhere}, which leads partitions 0, 1' in wait_for(state, 'kafka'), 'its address', 20)
    assert 'advertised.listeners' in status(state)['reasons'][0]['advice']
    assert codes(state) == ['kafka'] and status(state)['lag'] is None

    def lines():
        return [line for line in running.err.splitlines() if nowhere in line and 'advertised.listeners' in line]
    eventually(lines, 'a line that names the address')
    result, seconds = running.stop(seconds=5)
    assert len(lines()) == 1, running.err
    assert result.code == 0 and seconds < 4, result.err


def test_a_missing_right_on_the_late_topic_is_named_and_then_everything_goes_out(secured, state, service):
    topic, late = secured.create_topic(), secured.create_topic()
    secured.allow(USER, ['read', 'describe'], topic=topic.name)
    secured.allow(USER, ['read'], group='pageviews')
    topic.produce([event('N1', SAMPLE_MS)])
    running = service.start(Topic(secured.address_of('SASL_PLAINTEXT'), topic.name, 1), state, '--late-topic', late.name,
                            *options(LOGIN))
    eventually(lambda: state.consumed() == 1, 'the first event')
    wait_healthy(state)
    topic.produce([event('N1', SAMPLE_MS - 3 * DAY_MS)] * 3)
    text = wait_for(state, 'late-topic', seconds=20)
    assert late.name in text and '3 wait' in text, text
    assert codes(state) == ['late-topic'], status(state)['reasons']
    secured.allow(USER, ['read', 'write', 'describe'], topic=late.name)
    secured.allow(USER, ['write', 'describe'], transactional_id='*')
    secured.allow(USER, ['idempotent_write'], cluster=True)
    wait_healthy(state, seconds=60)
    eventually(lambda: status(state)['late_events_to_publish'] == 0, 'every late event to be published', 60)
    assert late.end(0) >= 3
    running.stop()


def test_a_wrong_password_stays_the_cause_however_long_it_is_tried(secured, state, service):
    topic = secured.create_topic()
    running = service.start(Topic(secured.address_of('SASL_PLAINTEXT'), topic.name, 1), state,
                            *options({**LOGIN, 'sasl.password': 'wrong'}))

    def lines():
        return [line for line in running.err.splitlines() if 'cannot reach Kafka' in line]
    # The same warning is written at most every ten seconds.
    eventually(lambda: len(lines()) >= 3, 'several tries', seconds=60)
    text = wait_for(state, 'kafka')
    assert 'SASL' in text and 'uthentication' in text, text
    first = next(number for number, line in enumerate(lines()) if 'SASL' in line)
    assert first <= 1 and all('SASL' in line for line in lines()[first:]), running.err
    running.stop()


def test_the_lag_is_known_while_the_spool_is_full_and_not_while_kafka_is_away(make_apache_kafka, state, service, make_warehouse):
    cluster = make_apache_kafka()
    topic = cluster.create_topic()
    warehouse = make_warehouse('s3')
    warehouse.s3_endpoint = f'http://127.0.0.1:{free_port()}'
    running = service.start(topic, state, *warehouse.options, '--spool-budget', '100kB', '--export-interval', '200ms',
                            '--request-timeout', '1500ms', env=warehouse.environment)
    sent = 0
    while 'consuming waits' not in running.err:
        assert sent < 1000, 'the budget was passed without a word'
        sent += topic.produce([event('E1', SAMPLE_MS + sent, webpage=os.urandom(2_000).hex()) for _ in range(10)])
        time.sleep(0.1)  # segments close by their age
    topic.produce([event('E1', SAMPLE_MS)] * 3000)

    def lag_is_right():
        found = status(state)
        return found['lag'] == topic.end(0) - found['partitions'][0]['next_offset'] >= 3000
    eventually(lag_is_right, 'the lag to be what waits', seconds=20)
    cluster.kill(1)
    wait_for(state, 'kafka', seconds=20)
    eventually(lambda: status(state)['lag'] is None, 'the lag not to be known')
    cluster.restart(1)
    eventually(lag_is_right, 'the lag to be known again', seconds=60)


def test_a_reader_that_never_ends_is_named_by_its_process(apache_kafka, state, service):
    topic = apache_kafka.create_topic()
    topic.produce([event('N1', SAMPLE_MS)])
    service.start(topic, state, '--flush-interval', '50ms')
    eventually(lambda: state.consumed() == 1, 'the first event')
    reader = start_reader(state.path)
    try:
        number = 0
        while status(state)['wal_bytes'] <= 65 << 20:
            topic.produce(event(f'N{(number * 7919 + n * 104_729) % 1_000_003}', SAMPLE_MS) for n in range(20_000))
            number += 20_000
            assert number < 4_000_000
        text = wait_for(state, 'reader', seconds=30)
        assert f'process {reader.pid} ' in text and 'MiB' in text, text
        assert next(reason for reason in status(state)['reasons'] if reason['code'] == 'reader')['since']
    finally:
        reader.kill()
        reader.communicate()
    topic.produce([event('N1', SAMPLE_MS)] * 20_000)
    wait_healthy(state, seconds=60)


def start_reader(path):
    """A process that leaves a transaction open."""
    code = ('import sqlite3, sys, time; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute("BEGIN"); '
            'c.execute("SELECT count(*) FROM progress").fetchall(); print("reads", flush=True); time.sleep(600)')
    process = subprocess.Popen([sys.executable, '-c', code, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == 'reads\n'
    return process


def test_events_ahead_of_the_clock_are_named_with_partition_and_skew(apache_kafka, state, service):
    topic = apache_kafka.create_topic(partitions=2)
    now = int(time.time() * 1000)
    topic.produce([event('SW19', now)] * 10, partition=0)
    topic.produce([event('SW19', now + 3_600_000)] * 100, partition=1)
    service.start(topic, state)
    eventually(lambda: state.consumed() == 110, 'all events')
    def text():
        return wait_for(state, 'future-events')
    # The state shows it at once; the heartbeat adds the distance a moment later.
    eventually(lambda: '100 since the start' in text(), 'how many there are')
    assert 'partition 1 has' in text() and ' min ahead' in text() and 'holds the watermark' in text(), text()
    found = status(state)
    assert 'too far ahead' in found['watermark_held_because'], found['watermark_held_because']
    ahead = {row['partition']: (row['future_events'], row['future_skew_ms']) for row in found['partitions']}
    assert ahead[0] == (None, None) and ahead[1][0] == 100 and 3_400_000 < ahead[1][1] <= 3_600_000, ahead
