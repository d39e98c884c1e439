"""Log lines: each has its context as fields, in both formats, and repeats of a warning are suppressed."""
import itertools
import json
import re
import time

from support.events import DAY_MS, SAMPLE_MS, event
from support.faults import in_front_of
from support.kafka import MockCluster, create_topic
from support.wait import eventually

_numbers = itertools.count(1)
LEVELS = {'debug', 'info', 'warning', 'error', 'critical'}
NUMBERS = {'partition', 'offset', 'end_offset', 'generation', 'snapshot', 'rows_added', 'rows_deleted', 'left_out', 'counted', 'late',
           'rejected', 'source_partition', 'source_offset', 'partitions', 'events', 'backlog_bytes'}
TEXTS = {'time', 'level', 'message', 'topic', 'broker', 'table', 'commit', 'outbox', 'listen', 'brokers'}


def lines(err):
    """Checks that every line is an object, and that its members have their types."""
    found = [json.loads(line) for line in err.splitlines()]
    for line in found:
        assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ', line['time']) and line['level'] in LEVELS, line
        assert line['message'] and '\n' not in line['message'], line
        for name, value in line.items():
            if name in NUMBERS:
                assert isinstance(value, int), line
            elif name in TEXTS:
                assert isinstance(value, str), line
            else:
                # By partition: a next offset, or a range with an exclusive end.
                assert name == 'offsets' and all(key.isdigit() for key in value), line
    return found


def about(found, words):
    """The lines with these words, at least one."""
    lines = [line for line in found if words in line['message']]
    assert lines, f'{words!r} is missing in {found}'
    return lines


def test_every_line_of_a_run_with_late_events_and_exports_says_what_it_is_about(topic, state, service, make_warehouse):
    late_topic = f'late-log-{next(_numbers)}'
    topic.produce([event('N1', SAMPLE_MS)] * 5 + [event('OLD', SAMPLE_MS - 3 * DAY_MS), b'not an event'])
    warehouse = make_warehouse()
    result = service.to_end(topic, state, *warehouse.options, '--log-format', 'json', '--log-level', 'debug', '--late-topic',
                            late_topic, '--listen', '127.0.0.1:0')
    found = lines(result.err)
    reading, = about(found, 'reading topic')
    assert reading['topic'] == topic.name and reading['offsets'] == {'0': 0}
    published, = about(found, 'published 1 late')
    assert published['topic'] == late_topic and published['outbox'] == 'late'
    assert published['events'] == 1 and sum(published['offsets'].values()) == 1
    exported = {line['table']: line for line in about(found, 'exported generation')}
    exports = {row['table_name']: row for row in state.rows('SELECT * FROM exports')}
    assert exported.keys() == exports.keys() and len(exports) == 2
    for table, line in exported.items():
        row = exports[table]
        assert (line['generation'], line['snapshot'], line['rows_added'], line['rows_deleted']) == (
            row['generation'], row['snapshot_id'], row['rows_added'], row['rows_deleted'])
        assert line['commit'] and line['offsets'] == {'0': [0, 7]}, line
    stopped, = about(found, 'stopped at generation')
    assert stopped['topic'] == topic.name and stopped['offsets'] == {'0': 7}
    assert (stopped['counted'], stopped['late'], stopped['rejected']) == (5, 1, 1)


def test_lost_offsets_name_partition_and_range_in_the_log_and_at_the_end(state, service):
    cluster = MockCluster()
    topic = cluster.topic('trimmed-log')
    topic.produce([event('OLD', SAMPLE_MS)] * 100, partition=0)
    service.to_end(topic, state)
    topic.produce((event('NEW', SAMPLE_MS, webpage='x' * 1000) for _ in range(15_000)), partition=0)
    first = topic.read()[0][0].offset
    place = {'topic': topic.name, 'partition': 0, 'offset': 100, 'end_offset': first}
    ended = service.try_to_end(topic, state, '--log-format', 'json')
    last = lines(ended.err)[-1]
    assert ended.code == 1 and last['level'] == 'critical' and place.items() <= last.items(), ended
    skipped = service.to_end(topic, state, '--on-missing-offsets', 'skip', '--log-format', 'json')
    line, = about(lines(skipped.err), 'were no longer in Kafka')
    assert line['level'] == 'error' and place.items() <= line.items()
    text = service.try_to_end(topic, state, '--partitions', '9')
    assert text.code != 0 and text.err.splitlines()[-1].startswith('pageviews: '), 'people read the same words as ever'
    del cluster


def test_a_line_of_text_ends_with_the_same_fields(topic, state, service):
    topic.produce([event('N1', SAMPLE_MS)])
    result = service.to_end(topic, state)
    line = next(line for line in result.err.splitlines() if 'reading topic' in line)
    assert line.endswith(f' [offsets={{"0":0}} topic={topic.name}]'), line


def test_what_fails_is_said_with_its_place_and_not_again_and_again(service, own_broker, state, make_warehouse):
    """A broker that stops, a missing partition, and refused exports, for some seconds."""
    broker = own_broker(storage='memory').start()
    topic = create_topic(broker.address, 2)
    topic.produce([event('N1', SAMPLE_MS)] * 2)
    warehouse = make_warehouse('s3')
    with in_front_of(warehouse.s3.endpoint) as proxy:
        warehouse.s3_endpoint = proxy.endpoint
        proxy.add('^PUT', '403 AccessDenied', times=1_000_000)
        running = service.start(topic, state, *warehouse.options, '--export-interval', '200ms', '--log-format', 'json',
                                env=warehouse.environment)
        eventually(lambda: 'AccessDenied' in running.err, 'the refused export to be said')
        eventually(lambda: 'partitions 0, 1' in running.err, 'both partitions to be read')
        broker.show_partitions(topic.name, 1)
        eventually(lambda: f'{topic.name} partition 1' in running.err, 'the partition to be said')
        broker.kill_proxy()
        killed = time.monotonic()
        eventually(lambda: f'Kafka at {broker.address}' in running.err, 'the broker to be said')
        eventually(lambda: time.monotonic() - killed > 6, 'some tries')
        result, _ = running.stop()
    assert result.code == 0
    found = lines(result.err)
    # The check before counting logs a warning; the refused export logs an error.
    refused = [line for line in about(found, 'AccessDenied') if line['level'] == 'error'][0]
    assert warehouse.location in refused['message'], 'the place that refuses, before any table is reached'
    partition = about(found, f'{topic.name} partition 1')[0]
    assert partition['topic'] == topic.name and partition['partition'] == 1
    away = about(found, f'Kafka at {broker.address}')
    assert all(line['topic'] == topic.name for line in away)
    complaints = [re.sub(r'\d', '', line['message']) for line in found if line['level'] in ('warning', 'error')]
    assert len(complaints) <= len(set(complaints)) + 4, 'the same again and again'
    assert len(complaints) < 20, complaints
