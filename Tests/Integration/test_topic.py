"""`pageviews topic`: lists topics, shows messages, follows them; safe on a terminal and bounded in memory."""
import json
import os
import pathlib
import pty
import re
import select
import signal
import subprocess

import pytest
from confluent_kafka import Producer

from support import program
from support.events import views
from support.kafka import MockCluster, create_topic
from support.wait import eventually

HOSTILE = [b'\xff\xfe\x00bad', '\x1b]0;owned\x07\u202eevil\nline2\x9b31m'.encode(), None, b'',
           b'{"b":1,"a":["x",null]}']


def topic_of(broker, *options, **more):
    return program.run('topic', '--bootstrap-servers', broker, *options, **more)


def messages(topic, *options, check=True):
    result = topic_of(topic.address, topic.name, '--format', 'jsonl', *options)
    assert not check or result.code == 0, result.err
    return [json.loads(line) for line in result.out.splitlines()]


def places(rows):
    return [(row['kafka_partition'], row['kafka_offset']) for row in rows]


def send(topic, partition, value, key=None, at=None, headers=None):
    producer = Producer({'bootstrap.servers': topic.address, 'log_level': 2, 'message.max.bytes': 20_000_000})
    producer.produce(topic.name, value, key=key, partition=partition, headers=headers,
                     **({'timestamp': at} if at is not None else {}))
    assert producer.flush(20) == 0


@pytest.fixture
def ten(make_topic):
    """Two partitions with five messages each, in turn, one a second from 2021-01-26T12:04:00Z."""
    topic = make_topic(2)
    start = 1_611_662_640_000
    for number in range(10):
        send(topic, number % 2, str(number).encode(), at=start + number * 1000)
    return topic


def test_the_list_has_offsets_and_the_lag_of_the_state_or_the_group(make_topic, state, service):
    topic, other = make_topic(2), make_topic(1)
    topic.produce(views(1, count=20), partition=0)
    other.produce([b'x'] * 3)
    service.to_end(topic, state)
    topic.produce(views(2, count=5), partition=0)
    # The command queries every topic of the broker, and other tests have created hundreds.
    result = topic_of(topic.address, '--state', str(state.path), '--format', 'json')
    assert result.code == 0, result.err
    rows = {(row.pop('topic'), row.pop('partition')): row for row in json.loads(result.out)}
    assert rows[topic.name, 0] == {'begin': 0, 'end': 25, 'messages': 25, 'read_by': 'state',
                                   'next': 20, 'lag': 5}
    assert rows[topic.name, 1] == {'begin': 0, 'end': 0, 'messages': 0, 'read_by': 'state',
                                   'next': 0, 'lag': 0}
    assert rows[other.name, 0] == {'begin': 0, 'end': 3, 'messages': 3, 'read_by': None,
                                   'next': None, 'lag': None}
    assert not any(name.startswith('__') for name, _ in rows)


def test_the_groups_offsets_are_listed_without_a_state(tmp_path, state, service):
    cluster = MockCluster()
    topic = cluster.topic('views')
    topic.produce(views(3, count=8), partition=1)
    service.to_end(topic, state, '--group', 'readers')
    result = topic_of(topic.address, '--group', 'readers', '--format', 'json', cwd=tmp_path / '..')
    rows = {row['partition']: row for row in json.loads(result.out) if row['topic'] == 'views'}
    assert (rows[1]['read_by'], rows[1]['next'], rows[1]['lag']) == ('group', 8, 0), rows


def test_without_from_the_newest_come_in_the_order_of_their_times(ten):
    rows = messages(ten, '--limit', '3')
    assert [row['value'] for row in rows] == ['7', '8', '9']
    assert places(rows) == [(1, 3), (0, 4), (1, 4)]
    assert rows[0]['timestamp'] == '2021-01-26T12:04:07.000Z'
    assert [row['value'] for row in messages(ten)] == [str(number) for number in range(10)]
    assert messages(ten, '--from', 'end', '--limit', '3') == rows


@pytest.mark.parametrize('place,expected', [
    ('beginning', '0123456789'), ('3', '6789'), ('99', ''), ('2021-01-26T12:04:04Z', '456789'),
    ('2021-01-26T12:04:04.001Z', '56789'), ('2021-01-27', ''), ('-100000d', '0123456789'), ('-1h', ''),
])
def test_from_a_place(ten, place, expected):
    assert ''.join(row['value'] for row in messages(ten, '--from', place)) == expected


def test_a_time_is_found_where_the_broker_cannot_look_for_it():
    cluster = MockCluster()
    topic = cluster.topic('views')
    for number in range(8):
        send(topic, number % 2, str(number).encode(), at=1_611_662_640_000 + number * 1000)
    assert [row['value'] for row in messages(topic, '--from', '2021-01-26T12:04:05Z')] == list('567')
    assert messages(topic, '--from', '2021-01-27') == []


def test_from_limit_and_partition(ten):
    assert [row['value'] for row in messages(ten, '--from', 'beginning', '--limit', '4')] == list('0123')
    assert [row['value'] for row in messages(ten, '--partition', '1', '--limit', '2')] == list('79')
    assert len(messages(ten, '--limit', '0')) == 10


def test_an_offset_that_is_not_there_is_noted(ten):
    result = topic_of(ten.address, ten.name, '--from', '99')
    assert result.code == 0 and 'partition 0 has offsets 0 to 4: from 5' in result.err, result


def test_keys_headers_and_whatever_bytes(topic):
    for value in HOSTILE:
        send(topic, 0, value, key=b'k\x1b[31m', headers=[('trace', b'a'), ('trace', b'\xff'), ('none', None)])
    rows = messages(topic)
    assert [row['value'] for row in rows] == ['//4AYmFk', HOSTILE[1].decode(), None, '', HOSTILE[4].decode()]
    assert [row['binary'] for row in rows] == ['value,headers'] + ['headers'] * 4
    assert rows[0]['key'] == 'k\x1b[31m'
    assert json.loads(rows[0]['headers']) == [['trace', 'a'], ['trace', '/w=='], ['none', None]]
    text = topic_of(topic.address, topic.name, '--format', 'tsv', '--no-header').out
    assert text.split('\n')[0].split('\t')[4] == "x'fffe00626164'"


def on_a_terminal(*arguments):
    """The bytes that a terminal would get."""
    parent, child = pty.openpty()
    process = subprocess.Popen([program.BINARY, *arguments], stdin=subprocess.DEVNULL, stdout=child, stderr=child,
                               env=program.clean_environment({'NO_COLOR': '1', 'TERM': 'xterm'}))
    os.close(child)
    seen = b''
    try:
        while select.select([parent], [], [], 30)[0]:
            try:
                chunk = os.read(parent, 65536)
            except OSError:
                break
            seen += chunk
        assert process.wait(10) == 0, seen
    finally:
        process.kill()
        os.close(parent)
    return seen.decode()


@pytest.mark.parametrize('form', ['pretty', 'table', 'csv', 'tsv', 'line', 'jsonl', 'html'])
def test_nothing_commands_the_terminal(topic, form):
    for value in HOSTILE[:2]:
        send(topic, 0, value, key=b'k\x1b[31m', headers=[('h\x1b[2J', b'\x9b\x1b[2J')])
    text = on_a_terminal('topic', '--bootstrap-servers', topic.address, topic.name, '--format', form)
    assert not re.search('[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]', text), text
    assert 'owned' in text


def test_json_is_laid_out_for_people(topic):
    send(topic, 0, HOSTILE[4], key='é'.encode(), at=1_611_662_640_123)
    text = on_a_terminal('topic', '--bootstrap-servers', topic.address, topic.name).replace('\r\n', '\n')
    assert text == """partition 0, offset 0, 2021-01-26T12:04:00.123Z, key é
{
  "b": 1,
  "a": [
    "x",
    null
  ]
}
(1 message)
"""


def test_follow_shows_what_comes_until_ctrl_c(topic, tmp_path):
    topic.produce([b'before'])
    running = program.Running(tmp_path, 'topic', '--bootstrap-servers', topic.address, topic.name, '--follow',
                              '--format', 'jsonl')
    try:
        sent = iter(range(1000))

        def arrived():
            topic.produce([f'new {next(sent)}'.encode()])
            return running.out
        eventually(arrived, 'a message that came later', seconds=30)
        assert 'before' not in running.out
        result, _ = running.stop(signal.SIGINT)
        assert result.code == 3 and result.err == ''
        assert all(json.loads(line)['value'].startswith('new') for line in result.out.splitlines())
    finally:
        running.kill()


def test_follow_from_the_beginning_goes_on_without_a_gap_and_ends_at_its_limit(ten, tmp_path):
    running = program.Running(tmp_path, 'topic', '--bootstrap-servers', ten.address, ten.name, '--follow', '--from',
                              'beginning', '--limit', '13', '--format', 'jsonl')
    try:
        eventually(lambda: running.out.count('\n') == 10, 'what was there')
        ten.produce([b'10', b'11', b'12'])
        result = running.wait(30)
        assert result.code == 0
        assert sorted(int(json.loads(line)['value']) for line in result.out.splitlines()) == list(range(13))
    finally:
        running.kill()


def test_a_reader_that_has_seen_enough_ends_it(topic):
    topic.produce([b'x' * 1000] * 2000)
    shell = f'{program.BINARY} topic --bootstrap-servers {topic.address} {topic.name} --limit 0 | head -n 2; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(['bash', '-c', shell], capture_output=True, timeout=60, env=program.clean_environment())
    assert (done.returncode, done.stdout.count(b'\n'), done.stderr) == (0, 2, b'')


def test_what_is_not_there_is_said(topic):
    missing = topic_of(topic.address, topic.name + 'x')
    assert missing.code == 1 and f'there is no topic {topic.name}x' in missing.err and missing.out == ''
    assert f'did you mean {topic.name}?' in missing.err
    partition = topic_of(topic.address, topic.name, '--partition', '5')
    assert partition.code == 1 and 'no partition 5: it has 1' in partition.err
    # The request does not create it.
    assert topic.name + 'x' not in topic_of(topic.address).out


def test_without_a_broker_it_is_4():
    for name in ([], ['views']):
        result = topic_of('127.0.0.1:1', *name, '--timeout', '1s')
        assert result.code == 4 and 'cannot reach Kafka at 127.0.0.1:1' in result.err and result.err.count('\n') == 1


@pytest.mark.parametrize('arguments', [
    ['views', '--from', 'soon'], ['--follow'], ['--from', '-1h'], ['views', '--limit', '-1'],
    ['views', '--follow', '--format', 'table'], ['views', '--partition', 'x'], ['views', '--timeout', '0s'],
])
def test_wrong_usage_is_2(arguments):
    assert program.run('topic', *arguments).code == 2


def peak(*arguments):
    """Runs the program. Returns its peak memory in KiB, read while it writes, and its output."""
    with subprocess.Popen([program.BINARY, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          env=program.clean_environment()) as process:
        size = lines = largest = 0
        while chunk := process.stdout.read1(1 << 16):
            size, lines = size + len(chunk), lines + chunk.count(b'\n')
            found = re.search(r'VmHWM:\s+(\d+) kB', pathlib.Path(f'/proc/{process.pid}/status').read_text())
            largest = max(largest, int(found[1]) if found else 0)
    assert process.returncode == 0
    return largest, size, lines


def test_memory_stays_bounded(broker):
    small, large = create_topic(broker.address, 4), create_topic(broker.address, 2)
    small.produce(b'{"user_id": %d, "postcode": "SW19", "webpage": "www.website.com/a.html"}' % n for n in range(150_000))
    large.produce(b'{"pad": "' + b'x' * 3_000_000 + b'"}' for _ in range(30))
    options = ['--bootstrap-servers', broker.address, '--limit', '0', '--from', 'beginning', '--format', 'tsv']
    kib, _, lines = peak('topic', small.name, *options)
    assert lines == 150_001 and kib < 64 << 10, f'{kib} KiB'
    kib, size, _ = peak('topic', large.name, *options)
    assert size > 90_000_000 and kib < 96 << 10, f'{kib} KiB for 90 MB of large messages'
    kib, _, lines = peak('topic', large.name, '--bootstrap-servers', broker.address, '--format', 'table')
    assert kib < 96 << 10, f'{kib} KiB'
