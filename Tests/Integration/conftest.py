"""Fixtures: one broker for the whole run, a topic and a state of its own for each test, and the service."""
import pathlib
from collections.abc import Callable, Iterator

import pytest

from support import program
from support.kafka import Topic, create_topic
from support.servers import Broker
from support.service import Service
from support.state import State


def pytest_sessionstart(session: pytest.Session) -> None:
    if not program.BINARY.is_file():
        raise pytest.UsageError(f'{program.BINARY} is missing: run `make build`, or set PAGEVIEWS_BINARY')


def pytest_report_header() -> str:
    return f'binary: {program.BINARY}'


@pytest.fixture(scope='session')
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The broker that tests share; none of them may harm it."""
    broker = Broker(tmp_path_factory.mktemp('broker'))
    try:
        yield broker.start()
    finally:
        broker.stop()


@pytest.fixture
def own_broker(tmp_path: pathlib.Path) -> Iterator[Callable[..., Broker]]:
    """Makes brokers that a test may kill. They are not started yet."""
    made: list[Broker] = []

    def make(**settings: object) -> Broker:
        made.append(Broker(tmp_path / f'broker-{len(made)}', **settings))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for broker in made:
        broker.stop()


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
    """Starts `pageviews ingest`; what still runs at the end of the test is killed."""
    service = Service(tmp_path / 'logs')
    yield service
    service.kill_all()
