"""What a topic of late or rejected events holds, read by a consumer that is not the program's, and what it must hold."""
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
    headers: tuple[tuple[str, bytes], ...]
    value: bytes | None

    @property
    def origin(self) -> Place:
        """The partition and offset that the event came from."""
        partition, offset = (self.key or b'').decode().split('/')
        return int(partition), int(offset)


def partition_count(address: str, name: str) -> int:
    """0 where the topic does not exist. All topics are asked for, so that asking does not create it."""
    topics = AdminClient({'bootstrap.servers': address, 'log_level': 2}).list_topics(timeout=10).topics
    return len(topics[name].partitions) if name in topics else 0


def read(address: str, name: str, isolation: str = ISOLATION[0]) -> list[Sent]:
    """Every record of a topic; none where it does not exist."""
    count = partition_count(address, name)
    if not count:
        return []
    consumer = Consumer({
        'bootstrap.servers': address, 'group.id': 'outbox-oracle', 'enable.auto.commit': False, 'log_level': 2,
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
                    found.append(Sent(message.key(), tuple(message.headers() or ()), message.value()))
                else:
                    assert error.code() == KafkaError._PARTITION_EOF, error
                    ended.add(message.partition())
    finally:
        consumer.close()
    return found


def check(topic: Topic, records: Sequence[Sequence[Record]], name: str, places: Collection[Place], state: State) -> None:
    """The topic holds the records of `places`, each once, unchanged, with their origin and a number of their own."""
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
        check_numbers(sent, state)


def check_numbers(sent: Sequence[Sent], state: State) -> None:
    """Each record's one header names this state and a number that no other record has."""
    state_id = state.rows("SELECT value AS id FROM meta WHERE key = 'state_id'")[0]['id']
    numbers = []
    for record in sent:
        (name, value), = record.headers
        owner, _, number = value.decode().rpartition(':')
        assert (name, owner) == ('pageviews-outbox', state_id), record
        numbers.append(int(number))
    assert len(numbers) == len(set(numbers)), 'an outbox number was given twice'
