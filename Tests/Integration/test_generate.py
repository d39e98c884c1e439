"""`pageviews generate`: reproducible streams with a known mix of lateness."""
import json
import re
import signal
import time

import pytest

from support import program
from support.program import Running
from support.wait import eventually

FIXED = ('--start-time', '2021-01-26T12:00:00Z')
POSTCODE = re.compile(r'[A-Z]{1,2}[0-9][A-Z0-9]?( [0-9][A-Z]{2})?')


def generate(topic, *options, **settings):
    return program.run('generate', '--bootstrap-servers', topic.address, '--topic', topic.name, *options, **settings)


def events(topic):
    return [[json.loads(record.value) for record in records] for records in topic.read()]


def test_the_same_seed_gives_the_same_stream(make_topic):
    streams = []
    for seed in ('7', '7', '8'):
        topic = make_topic()
        assert generate(topic, '--rate', '0', '--count', '2000', '--seed', seed, *FIXED).code == 0
        streams.append([record.value for record in topic.read()[0]])
    assert streams[0] == streams[1]
    assert streams[0] != streams[2]
    assert len(streams[0]) == 2000


def test_events_have_the_documented_shape(topic):
    assert generate(topic, '--rate', '0', '--count', '1000', '--seed', '1', '--postcodes', '20').code == 0
    sent, = events(topic)
    for one in sent:
        assert set(one) == {'user_id', 'postcode', 'webpage', 'timestamp'}
        assert isinstance(one['user_id'], int) and isinstance(one['webpage'], str) and isinstance(one['timestamp'], int)
        assert POSTCODE.fullmatch(one['postcode']), one
    seen = [one['postcode'] for one in sent]
    assert 1 < len(set(seen)) <= 20
    assert max(map(seen.count, set(seen))) > 2 * 1000 / 20, 'the busiest postcode has far more than its share'


def test_the_default_mix_is_eighty_ten_ten(topic):
    before = time.time()
    assert generate(topic, '--rate', '0', '--count', '5000', '--seed', '2').code == 0
    sent, = events(topic)
    behind = [before - one['timestamp'] / (1000 if one['timestamp'] > 10**11 else 1) for one in sent]
    assert -60 < min(behind) and max(behind) < 2 * 86400 + 60
    # 80 % are up to 20 s late; most of the other 20 %, up to one and two days late, exceed that by far.
    within = sum(age <= 21 for age in behind) / len(behind)
    over_a_day = sum(age > 86400 + 60 for age in behind) / len(behind)
    assert 0.75 < within < 0.86 and 0.02 < over_a_day < 0.13, (within, over_a_day)


def test_a_mix_of_ones_own(topic):
    assert generate(topic, '--rate', '0', '--count', '1000', '--seed', '3', '--lateness', '100:0s').code == 0
    sent, = events(topic)
    stamps = [one['timestamp'] for one in sent]
    assert stamps == sorted(stamps)


def test_the_summary_tells_what_was_sent_per_class(topic):
    result = generate(topic, '--rate', '0', '--count', '1000', '--seed', '4')
    text = result.out + result.err
    assert '1000' in text.replace(',', ''), text
    for limit in ('20s', '1d', '2d'):
        assert limit in text, text


@pytest.mark.parametrize('unit,digits', [('s', 10), ('ms', 13), ('us', 16)])
def test_the_time_unit_can_be_chosen(unit, digits, topic):
    assert generate(topic, '--rate', '0', '--count', '50', '--time-unit', unit, *FIXED).code == 0
    assert {len(str(one['timestamp'])) for one in events(topic)[0]} == {digits}


def test_event_times_can_be_spread_over_a_span(make_topic):
    topic = make_topic(4)
    result = generate(topic, '--rate', '0', '--count', '2000', '--lateness', '100:0s', '--span', '1h', '--time-unit', 'ms',
                      *FIXED)
    assert result.code == 0, result.err
    parts = events(topic)
    stamps = [one['timestamp'] for part in parts for one in part]
    start = 1_611_662_400_000
    assert start <= min(stamps) < start + 60_000 and start + 3_540_000 < max(stamps) <= start + 3_600_000
    assert all(parts), 'every partition has its share'


def test_the_rate_is_kept_and_a_signal_ends_it_with_its_summary(topic, tmp_path):
    started = time.monotonic()
    result = generate(topic, '--rate', '100', '--count', '100')
    assert result.code == 0 and time.monotonic() - started > 0.8
    running = Running(tmp_path, 'generate', '--bootstrap-servers', topic.address, '--topic', topic.name, '--rate', '200')
    eventually(lambda: topic.end(0) > 150, 'events to arrive')
    result, _ = running.stop(signal.SIGINT)
    assert result.code == 0
    assert str(len(topic.read()[0]) - 100) in (result.out + result.err).replace(',', '')


@pytest.mark.parametrize('option,value', [
    ('--rate', '-1'), ('--rate', 'fast'), ('--count', '-1'), ('--lateness', '80'), ('--lateness', 'x:20s'),
    ('--lateness', '80:20s,10'), ('--lateness', '0:20s'), ('--postcodes', '0'), ('--seed', 'x')])
def test_wrong_usage_is_2(option, value, topic):
    result = generate(topic, *(['--count=1'] if option != '--count' else []), f'{option}={value}', seconds=20)
    assert result.code == 2 and result.err, result


def test_a_broker_that_is_away_is_4():
    result = program.run('generate', '--bootstrap-servers', '127.0.0.1:1', '--count', '1', '--rate', '0', seconds=60)
    assert result.code == 4 and '127.0.0.1:1' in result.err, result
