"""A link too slow for the largest fetch within the request timeout."""
import contextlib
import json

import pytest

from support.events import SAMPLE_MS, event
from support.links import Link
from support.wait import eventually

BYTES_PER_SECOND = 2_000_000
PARTITIONS = 40


@pytest.fixture
def slow(make_apache_kafka):
    with contextlib.closing(Link()) as link:
        link.slow(BYTES_PER_SECOND)
        yield make_apache_kafka(nodes=1, links=[link])


def test_a_slow_link_is_slow_and_no_more(slow, state, service):
    topic = slow.create_topic(partitions=PARTITIONS)
    big = [json.dumps({**json.loads(event('SW19', SAMPLE_MS)), 'padding': 'x' * 20_000}).encode()] * 60
    for partition in range(PARTITIONS):
        topic.produce(big, partition=partition)
    running = service.start(slow.proxied(topic), state)
    eventually(lambda: state.consumed() > 0, 'the first events', seconds=40)
    first = state.consumed()
    eventually(lambda: state.consumed() > first, 'more of them', seconds=20)
    assert 'trying again' not in running.err
