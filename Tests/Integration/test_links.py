"""The forwarders of the tests: a fault that does not happen would make the tests behind them pass."""
import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from support.links import Link

ANSWER = bytes(range(256)) * 400


@pytest.fixture
def link() -> Iterator[Link]:
    """Forwards to a server that answers every request with ANSWER."""
    def answer(client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            while client.recv(100):
                client.sendall(ANSWER)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()

    with socket.create_server(('127.0.0.1', 0)) as server:
        threading.Thread(target=accept, daemon=True).start()
        with contextlib.closing(Link(f'127.0.0.1:{server.getsockname()[1]}')) as made:
            yield made
        server.shutdown(socket.SHUT_RDWR)


def connect(link: Link) -> socket.socket:
    return socket.create_connection(('127.0.0.1', link.port), timeout=20)


def ask(client: socket.socket) -> bytes:
    """Sends a request and returns the bytes of the answer, fewer than ANSWER if the connection ends."""
    client.sendall(b'?')
    found = b''
    while len(found) < len(ANSWER):
        data = client.recv(10_000)
        if not data:
            break
        found += data
    return found


def test_it_forwards_what_it_gets(link):
    with connect(link) as client:
        assert [ask(client), ask(client)] == [ANSWER, ANSWER]


def test_it_resets_a_connection_within_an_answer(link):
    with connect(link) as client:
        assert ask(client) == ANSWER
        link.cut(longest=6_000, seed=1)
        with pytest.raises(ConnectionResetError):
            while True:
                ask(client)
    assert link.cuts == 1
    link.restore()
    with connect(link) as client:
        assert ask(client) == ANSWER


def test_it_limits_the_speed_of_answers(link):
    link.slow(bytes_per_second=len(ANSWER))
    with connect(link) as client:
        started = time.monotonic()
        assert ask(client) == ANSWER
        # The last piece is as late as all bytes take.
        assert time.monotonic() - started >= 1


def test_while_it_is_down_it_refuses_connections_and_keeps_its_port(link):
    with connect(link) as client:
        assert ask(client) == ANSWER
        link.down()
        assert client.recv(1) == b''
    with pytest.raises(ConnectionRefusedError):
        connect(link)
    with socket.socket() as other, pytest.raises(OSError, match='in use'):
        other.bind(('127.0.0.1', link.port))
    link.up()
    with connect(link) as client:
        assert ask(client) == ANSWER
