"""A link too slow for the largest fetch within the request timeout."""
import json
import socket
import threading
import time

import pytest

from support.events import SAMPLE_MS, event
from support.wait import eventually

BYTES_PER_SECOND = 2_000_000
PARTITIONS = 40


class SlowLink:
    """Forwards connections to a broker and limits the bytes per second of all answers together."""

    def __init__(self, speed: int) -> None:
        self._speed, self._lock, self._free_at = speed, threading.Lock(), 0.0
        self._listener = socket.create_server(('127.0.0.1', 0))
        self.address = f'127.0.0.1:{self._listener.getsockname()[1]}'
        self.target = ''

    def start(self, target: str) -> None:
        self.target = target
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                host, port = self.target.split(':')
                broker = socket.create_connection((host, int(port)))
            except OSError:
                return
            threading.Thread(target=self._copy, args=(client, broker, False), daemon=True).start()
            threading.Thread(target=self._copy, args=(broker, client, True), daemon=True).start()

    def _copy(self, source: socket.socket, target: socket.socket, is_slow: bool) -> None:
        try:
            while data := source.recv(16_384):
                if is_slow:
                    self._wait_for(len(data))
                target.sendall(data)
        except OSError:
            pass
        finally:
            for end in (source, target):
                end.close()

    def _wait_for(self, size: int) -> None:
        with self._lock:
            self._free_at = max(self._free_at, time.monotonic()) + size / self._speed
            until = self._free_at
        time.sleep(max(0.0, until - time.monotonic()))

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def slow(make_apache_kafka):
    link = SlowLink(BYTES_PER_SECOND)
    cluster = make_apache_kafka(nodes=1)
    link.start(cluster.address)
    host_port = cluster.address
    cluster.configure({'advertised.listeners': f'PLAINTEXT://{link.address}'})
    cluster.kill(1)
    cluster.restart(1)
    assert cluster.address == host_port
    yield cluster
    link.close()


def test_a_slow_link_is_slow_and_no_more(slow, state, service):
    topic = slow.create_topic(partitions=PARTITIONS)
    big = [json.dumps({**json.loads(event('SW19', SAMPLE_MS)), 'padding': 'x' * 20_000}).encode()] * 60
    for partition in range(PARTITIONS):
        topic.produce(big, partition=partition)
    running = service.start(topic, state)
    eventually(lambda: state.consumed() > 0, 'the first events', seconds=40)
    first = state.consumed()
    eventually(lambda: state.consumed() > first, 'more of them', seconds=20)
    assert 'trying again' not in running.err
