"""Reads topics of late or rejected events with an independent consumer, and checks their contents."""
import collections
import dataclasses
import itertools
import time
from collections.abc import Collection, Sequence

from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient

from .kafka import Record, Topic
from .state import State

ISOLATION = ('read_uncommitted', 'read_committed')
Place = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Sent:
    key: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    value: bytes | None
    timestamp: tuple[int, int] = (0, 0)

    def header(self, name: str) -> str | None:
        """The last header of this name, as text."""
        values = [value for key, value in self.headers if key == name]
        return values[-1].decode() if values and values[-1] is not None else None

    @property
    def is_ours(self) -> bool:
        return self.header('pageviews-outbox') is not None

    @property
    def origin(self) -> Place:
        """The partition and offset that the event came from."""
        return int(self.header('pageviews-partition') or ''), int(self.header('pageviews-offset') or '')


def partition_count(address: str, name: str) -> int:
    """The number of partitions, 0 if the topic does not exist. Lists all topics, because a request for one can create it."""
    topics = AdminClient({'bootstrap.servers': address, 'log_level': 2}).list_topics(timeout=10).topics
    return len(topics[name].partitions) if name in topics else 0


def read(address: str, name: str, isolation: str = ISOLATION[0]) -> list[Sent]:
    """Every record of a topic; none if it does not exist."""
    count = partition_count(address, name)
    if not count:
        return []
    consumer = Consumer({
        'bootstrap.servers': address, 'group.id': 'outbox-oracle', 'fetch.message.max.bytes': 20_000_000,
        'enable.auto.commit': False, 'log_level': 2,
        'enable.partition.eof': True, 'auto.offset.reset': 'earliest', 'isolation.level': isolation})
    found: list[Sent] = []
    ended: set[int] = set()
    try:
        consumer.assign([TopicPartition(name, partition, 0) for partition in range(count)])
        deadline = time.monotonic() + 30
        while len(ended) < count:
            assert time.monotonic() < deadline, f'{name}: not read to its end within 30 s'
            for message in consumer.consume(10_000, 0.05):
                error = message.error()
                if error is None:
                    found.append(Sent(message.key(), tuple(message.headers() or ()), message.value(),
                                      message.timestamp()))
                else:
                    assert error.code() == KafkaError._PARTITION_EOF, error
                    ended.add(message.partition())
    finally:
        consumer.close()
    return found


def check(topic: Topic, records: Sequence[Sequence[Record]], name: str, places: Collection[Place], state: State) -> None:
    """Checks that the topic holds the records of `places` once each, unchanged, with their origin and a unique number."""
    by_place = {(record.partition, record.offset): record.value for record in itertools.chain.from_iterable(records)}
    assert places, 'nothing to publish: the test shows nothing'
    for isolation in ISOLATION:
        sent = read(topic.address, name, isolation)
        times = collections.Counter(record.origin for record in sent)
        doubled = [place for place, number in times.items() if number > 1]
        assert not doubled, f'{isolation}: twice in {name}: {doubled[:5]}'
        assert set(times) == set(places), (
            f'{isolation}: missing in {name}: {sorted(set(places) - set(times))[:5]}, '
            f'too many: {sorted(set(times) - set(places))[:5]}')
        for record in sent:
            assert record.value == by_place[record.origin], f'{isolation}: {record.origin} was changed'
            assert record.header('pageviews-topic') == topic.name, record
        check_numbers(sent, state)


def check_numbers(sent: Sequence[Sent], state: State) -> None:
    """Checks that each record's header names this state and a unique number."""
    state_id = state.rows("SELECT value AS id FROM meta WHERE key = 'state_id'")[0]['id']
    numbers = []
    for record in sent:
        owner, _, number = (record.header('pageviews-outbox') or '').rpartition(':')
        assert owner == state_id, record
        numbers.append(int(number))
    assert len(numbers) == len(set(numbers)), 'an outbox number was given twice'
