"""Fixtures: one broker and one S3 server for the whole run; a topic, a state and the service for each test."""
import itertools
import pathlib
from collections.abc import Callable, Iterator

import pytest

from support import program
from support.apache_kafka import ApacheKafka
from support.kafka import Topic, create_topic
from support.lake import Warehouse
from support.servers import S3, Broker
from support.service import Service
from support.state import State


def pytest_sessionstart(session: pytest.Session) -> None:
    if not program.BINARY.is_file():
        raise pytest.UsageError(f'{program.BINARY} is missing: run `make build`, or set PAGEVIEWS_BINARY')


def pytest_report_header() -> str:
    return f'binary: {program.BINARY}'


@pytest.fixture(scope='session')
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The broker that tests share; a test must not stop or reconfigure it."""
    broker = Broker(tmp_path_factory.mktemp('broker'))
    try:
        yield broker.start()
    finally:
        broker.stop()


@pytest.fixture
def own_broker(tmp_path: pathlib.Path) -> Iterator[Callable[..., Broker]]:
    """Makes brokers that a test may kill, without starting them."""
    made: list[Broker] = []

    def make(**settings: object) -> Broker:
        made.append(Broker(tmp_path / f'broker-{len(made)}', **settings))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for broker in made:
        broker.stop()


@pytest.fixture(scope='session')
def apache_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka]:
    """One node of Apache Kafka that the tests of a worker share; the first test starts it, and none may stop or reconfigure it."""
    cluster = ApacheKafka(tmp_path_factory.mktemp('apache-kafka'))
    try:
        yield cluster.start()
    finally:
        cluster.stop()


@pytest.fixture(scope='module')
def make_apache_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., ApacheKafka]]:
    """Makes and starts clusters that the tests of one module share and may kill: make_apache_kafka(nodes=3)."""
    made: list[ApacheKafka] = []

    def make(**settings: object) -> ApacheKafka:
        made.append(ApacheKafka(tmp_path_factory.mktemp('apache-kafka'), **settings))  # type: ignore[arg-type]
        return made[-1].start()

    yield make
    for cluster in made:
        cluster.stop()


@pytest.fixture
def make_topic(broker: Broker) -> Callable[..., Topic]:
    return lambda partitions=1: create_topic(broker.address, partitions)


@pytest.fixture
def topic(broker: Broker) -> Topic:
    return create_topic(broker.address)


@pytest.fixture
def state(tmp_path: pathlib.Path) -> State:
    return State(tmp_path / 'pageviews.db')


@pytest.fixture
def service(tmp_path: pathlib.Path) -> Iterator[Service]:
    """Starts `pageviews ingest`; kills services that still run at the end of the test."""
    service = Service(tmp_path / 'logs')
    yield service
    service.kill_all()


@pytest.fixture(scope='session')
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """The S3 server and catalog that tests share; a test must not stop them."""
    server = S3(tmp_path_factory.mktemp('s3'))
    try:
        yield server.start()
    finally:
        server.stop()


_prefixes = itertools.count(1)


@pytest.fixture
def make_warehouse(tmp_path: pathlib.Path, request: pytest.FixtureRequest) -> Callable[..., Warehouse]:
    """Makes an empty warehouse: `local` (a folder), `s3` (tables in a plain bucket) or `rest` (a REST catalog)."""
    def make(kind: str = 'local', data_path: bool = False) -> Warehouse:
        number = next(_prefixes)
        if kind == 'local':
            return Warehouse(f'file://{tmp_path}/warehouse-{number}')
        server: S3 = request.getfixturevalue('s3')
        place = f's3://plain/warehouse-{number}'
        if kind == 's3':
            return Warehouse(place, s3=server)
        return Warehouse(place, s3=server, catalog=server.catalog, namespace=f'pageviews{number}',
                         data_path=f'{place}/data' if data_path else '')
    return make
