"""Every malformed record becomes one row with the error and its place; every valid one is counted."""
import random

import pytest

from support.bad_input import COUNTED, EITHER, REJECTED
from support.pinned import check_pinned


@pytest.fixture
def cases():
    return REJECTED + COUNTED + EITHER


def check_row(row, case):
    length = len(case.value or b'')
    assert row['reason'], case.name
    assert row['byte_position'] is None or 0 <= row['byte_position'] <= length, case.name
    assert row['excerpt'] is not None and row['excerpt'].isprintable(), f'{case.name}: {row["excerpt"]!r}'
    assert len(row['excerpt'].encode()) <= 512, case.name
    assert row['received_at'].endswith('Z'), case.name


def test_each_kind_of_bad_input(cases, topic, state, service):
    topic.produce(case.value for case in cases)
    service.to_end(topic, state)
    rejected = {row['kafka_offset']: row for row in state.rows('SELECT * FROM rejected_events')}
    counted = {postcode for postcode, _ in state.counts()}
    wrong = []
    for offset, case in enumerate(cases):
        if offset in rejected:
            check_row(rejected[offset], case)
        is_counted, is_rejected = case.counts_for in counted, offset in rejected
        if case in REJECTED + COUNTED and is_rejected != (case in REJECTED):
            wrong.append(f'{case.name}: counted {is_counted}, rejected {is_rejected}')
        elif is_counted == is_rejected:
            wrong.append(f'{case.name}: neither or both')
    assert not wrong, '\n'.join(wrong)
    row = state.partitions()[0]
    assert (row['consumed'], row['late']) == (len(cases), 0)
    assert row['counted'] + row['rejected'] == row['consumed'] and row['rejected'] == len(rejected)
    report = [f'{case.name}: {rejected[offset]["reason"]} at {rejected[offset]["byte_position"]}'
              for offset, case in enumerate(cases) if offset in rejected]
    check_pinned('errors/rejected.txt', '\n'.join(report) + '\n')


def test_bad_input_among_good_harms_neither(cases, make_topic, state, service):
    chance = random.Random(31)
    topic = make_topic(2)
    small = [case for case in cases if len(case.value or b'') < 1000 and case not in EITHER]
    mixed = [chance.choice(small) for _ in range(3000)]
    topic.produce(case.value for case in mixed)
    service.to_end(topic, state)
    counts = {}
    for case in mixed:
        if case.counts_for is not None:
            counts[case.counts_for] = counts.get(case.counts_for, 0) + 1
    assert {postcode: count for (postcode, _), count in state.counts().items()} == counts
    assert len(state.rejected()) == sum(case.counts_for is None for case in mixed)


def test_random_bytes_never_end_the_service(topic, state, service):
    chance = random.Random(32)
    good = b'{"user_id": 1, "postcode": "SW19", "webpage": "w\\u00e9", "timestamp": 1611662684, "x": [1.5e3, null, true]}'
    values = [chance.randbytes(chance.randint(0, 60)) for _ in range(2000)]
    for _ in range(4000):
        broken = bytearray(good)
        for _ in range(chance.randint(1, 3)):
            broken[chance.randrange(len(broken))] = chance.choice(b'{}[]",:\\0x \xff\x00e')
        values.append(bytes(broken[:chance.randint(1, len(broken))] if chance.random() < 0.3 else broken))
    topic.produce(values)
    service.to_end(topic, state)
    row = state.partitions()[0]
    assert row['consumed'] == len(values) == row['counted'] + row['late'] + row['rejected']
