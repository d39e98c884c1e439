"""Topics, records and in-process brokers, through a Kafka client independent of the program."""
import dataclasses
import itertools
import time
from collections.abc import Iterable

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

_numbers = itertools.count(1)


@dataclasses.dataclass(frozen=True)
class Record:
    partition: int
    offset: int
    value: bytes | None


@dataclasses.dataclass(frozen=True)
class Topic:
    address: str
    name: str
    partitions: int
    # Client settings that the topic needs, such as those of TLS.
    client: tuple[tuple[str, str], ...] = ()

    def produce(self, values: Iterable[bytes | None], partition: int | None = None, seconds: float = 30) -> int:
        """Sends the values in order, round-robin over the partitions unless one is given. Returns their number."""
        return Sender(self).send(values, partition, seconds)

    def end(self, partition: int) -> int:
        """The offset after the partition's last record."""
        consumer = Consumer({'bootstrap.servers': self.address, 'group.id': 'oracle', 'log_level': 2})
        try:
            return consumer.get_watermark_offsets(TopicPartition(self.name, partition), timeout=10)[1]
        finally:
            consumer.close()

    def read(self) -> list[list[Record]]:
        """Every record, as one list per partition in offset order."""
        consumer = Consumer({
            **dict(self.client), 'bootstrap.servers': self.address, 'group.id': 'oracle', 'log_level': 2,
            'enable.auto.commit': False,
            'enable.partition.eof': True, 'fetch.message.max.bytes': 20_000_000, 'auto.offset.reset': 'earliest'})
        found: list[list[Record]] = [[] for _ in range(self.partitions)]
        try:
            consumer.assign([TopicPartition(self.name, partition, 0) for partition in range(self.partitions)])
            ended: set[int] = set()
            deadline = time.monotonic() + 30
            while len(ended) < self.partitions:
                assert time.monotonic() < deadline, f'{self.name}: not read to its end within 30 s'
                for message in consumer.consume(10_000, 0.05):
                    error = message.error()
                    if error is None:
                        found[message.partition()].append(
                            Record(message.partition(), message.offset(), message.value()))
                    else:
                        assert error.code() == KafkaError._PARTITION_EOF, error
                        ended.add(message.partition())
        finally:
            consumer.close()
        return found


class Sender:
    """One idempotent producer for several sends.

    A new producer requests an id from a node, and a node without spare ids asks the active controller: while that one
    hangs, the producer waits 30 seconds before it tries another node. A producer with an id needs only the leaders.
    """

    def __init__(self, topic: Topic) -> None:
        self._topic = topic
        self._failed: list[KafkaError] = []
        self._producer = Producer({
            **dict(topic.client), 'bootstrap.servers': topic.address, 'enable.idempotence': True, 'linger.ms': 5,
            'log_level': 2, 'message.max.bytes': 20_000_000, 'queue.buffering.max.messages': 1_000_000})

    def send(self, values: Iterable[bytes | None], partition: int | None = None, seconds: float = 30) -> int:
        """Like Topic.produce."""
        sent = self.queue(values, partition)
        self.flush(seconds)
        return sent

    def queue(self, values: Iterable[bytes | None], partition: int | None = None) -> int:
        """Like `send`, but leaves the acknowledgements to `flush`. Returns the number of values."""
        sent = 0
        for sent, value in enumerate(values, 1):
            to = (sent - 1) % self._topic.partitions if partition is None else partition
            while True:
                try:
                    self._producer.produce(self._topic.name, value, partition=to,
                                           on_delivery=lambda e, _: e and self._failed.append(e))
                    break
                except BufferError:
                    self._producer.poll(0.1)
            self._producer.poll(0)
        return sent

    def flush(self, seconds: float = 30) -> None:
        """Waits until all values are acknowledged; fails if one is not."""
        left = self._producer.flush(seconds)
        assert not left and not self._failed, f'{left} records not sent to {self._topic.name}; {self._failed[:1]}'


def create_topic(address: str, partitions: int = 1, name: str = '', client: tuple[tuple[str, str], ...] = ()) -> Topic:
    """Creates a topic, with a unique name unless one is given."""
    topic = Topic(address, name or f'views-{next(_numbers)}', partitions, client)
    admin = AdminClient({**dict(client), 'bootstrap.servers': address, 'log_level': 2})
    for future in admin.create_topics([NewTopic(topic.name, partitions, 1)]).values():
        future.result(20)
    return topic


class MockCluster:
    """librdkafka's in-process broker inside this process; other processes can connect.

    It keeps about 5 MB of each partition and drops the oldest records, which no other broker of the tests can do.
    """

    def __init__(self) -> None:
        self._owner = Producer({
            'test.mock.num.brokers': 1, 'log_level': 2, 'bootstrap.servers': 'mock', 'allow.auto.create.topics': True})
        broker, = self._owner.list_topics(timeout=10).brokers.values()
        self.address = f'{broker.host}:{broker.port}'

    def topic(self, name: str) -> Topic:
        """The first request for a topic creates it, with 4 partitions."""
        found = self._owner.list_topics(name, timeout=10).topics[name]
        return Topic(self.address, name, len(found.partitions))
