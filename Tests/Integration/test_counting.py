"""The program's results equal those of a naive counter for the same topic."""
import re

import pytest

from support import oracle, program
from support.events import views
from support.oracle import Stored

EVENTS = 20_000


def test_one_partition_is_counted_exactly(topic, state, service):
    topic.produce(views(seed=1, count=EVENTS))
    service.to_end(topic, state)
    records = topic.read()
    stored = Stored.of(state)
    oracle.check_exact(records, stored)
    assert stored.late and stored.rejected, 'the stream has to have both, or the test shows little'


def test_four_partitions_are_counted_once_each(make_topic, state, service):
    topic = make_topic(4)
    topic.produce(views(seed=2, count=EVENTS))
    service.to_end(topic, state)
    oracle.check_possible(topic.read(), Stored.of(state))


@pytest.mark.parametrize('codec', ['gzip', 'snappy', 'lz4', 'zstd'])
def test_generated_events_of_every_codec_are_counted(codec, make_topic, state, service):
    topic = make_topic(2)
    program.run('generate', '--bootstrap-servers', topic.address, '--topic', topic.name, '--rate', '0',
                '--count', '5000', '--seed', '3', '--kafka-config', f'compression.codec={codec}', check=True)
    service.to_end(topic, state)
    records = topic.read()
    assert sum(map(len, records)) == 5000
    oracle.check_possible(records, Stored.of(state))


def test_a_second_run_changes_nothing(topic, state, service):
    topic.produce(views(seed=4, count=5000))
    service.to_end(topic, state)
    before = state.everything()
    service.to_end(topic, state)
    assert state.everything() == before


def test_an_empty_topic_ends_at_once(make_topic, state, service):
    topic = make_topic(3)
    service.to_end(topic, state, seconds=20)
    assert Stored.of(state).counts == {}


def test_only_the_chosen_partitions_are_read(make_topic, state, service):
    topic = make_topic(4)
    topic.produce(views(seed=5, count=2000))
    service.to_end(topic, state, '--partitions', '0-1,3')
    records = topic.read()
    read = {number: row['consumed'] for number, row in state.partitions().items() if row['consumed']}
    assert read == {number: len(records[number]) for number in (0, 1, 3)}


def test_windows_and_lateness_can_be_set(topic, state, service):
    topic.produce(views(seed=6, count=5000))
    service.to_end(topic, state, '--window', '5m', '--watermark-delay', '3s', '--allowed-lateness', '1h')
    rules = oracle.Rules(window_ms=300_000, delay_ms=3_000, allowed_lateness_ms=3_600_000)
    stored = Stored.of(state)
    oracle.check_exact(topic.read(), stored, rules)
    assert stored.late


def test_every_postcode_is_kept_byte_for_byte(topic, state, service):
    postcodes = ['SW1A 1AA', ' lead', 'trail ', 'ünï', '\u65e5\u672c', '\U0001f600', 'a"b', 'a\\b', "o'k", 'x' * 64,
                 'é' * 32, 'e\u0301', '\u00e9', '\ufeffx', 'sw19', 'SW19']
    from support.events import SAMPLE_MS, event
    topic.produce(event(postcode, SAMPLE_MS) for postcode in postcodes)
    service.to_end(topic, state)
    assert sorted(postcode for postcode, _ in state.counts()) == sorted(postcodes)


def test_final_says_that_the_watermark_has_passed_the_end(topic, state, service):
    from support.events import SAMPLE_MS, event
    start = SAMPLE_MS - SAMPLE_MS % 60_000
    # The watermark is 20.001 s behind the newest event; a window is final when it has reached its end - 1 ms.
    topic.produce([event('A', start), event('B', start + 60_000), event('C', start + 139_999)])
    service.to_end(topic, state)
    assert finals(state) == {'A': 1, 'B': 0, 'C': 0}
    topic.produce([event('C', start + 140_000)])
    service.to_end(topic, state)
    assert finals(state) == {'A': 1, 'B': 1, 'C': 0}


def finals(state):
    return {row['postcode']: row['final'] for row in state.rows('SELECT postcode, final FROM postcode_view_count')}


def test_offsets_are_committed_for_lag_tools(topic, state, service):
    from confluent_kafka import Consumer, TopicPartition
    topic.produce(views(seed=7, count=1000))
    service.to_end(topic, state, '--group', 'lag-tools')
    consumer = Consumer({'bootstrap.servers': topic.address, 'group.id': 'lag-tools', 'log_level': 2})
    committed, = consumer.committed([TopicPartition(topic.name, 0)], timeout=10)
    consumer.close()
    assert committed.offset == 1000


def test_the_partitions_view_tells_position_and_lag(topic, state, service):
    topic.produce(views(seed=8, count=1000))
    service.to_end(topic, state)
    row = state.partitions()[0]
    assert (row['topic'], row['next_offset'], row['high_watermark_offset'], row['lag']) == (topic.name, 1000, 1000, 0)
    assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z', row['max_event_time'])
    assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z', row['watermark'])
