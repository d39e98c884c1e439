"""TCP forwarders between a client and a server, which a test slows, cuts and takes down.

A forwarder keeps its port for as long as it exists: while it is down, connections are refused and no other process can
listen there. Requests are forwarded as they are; faults concern the answers.
"""
import contextlib
import dataclasses
import random
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator

PIECE = 16_384


@dataclasses.dataclass
class Slowness:
    """A limit for the answers of all connections together, and a delay of each piece of an answer."""
    bytes_per_second: int
    delay: float = 0.0
    _lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)
    _free_at: float = 0.0

    def wait_for(self, size: int) -> None:
        with self._lock:
            self._free_at = max(self._free_at, time.monotonic()) + size / self.bytes_per_second
            until = self._free_at
        time.sleep(max(0.0, until - time.monotonic()) + self.delay)


class Link:
    """Forwards connections to `target`, which may be set later than the port is chosen."""

    def __init__(self, target: str = '') -> None:
        self.target = target
        # The number of connections reset by `cut`.
        self.cuts = 0
        self._slowness: Slowness | None = None
        self._longest_answer: int | None = None
        self._chance = random.Random(0)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._is_down = True
        self._listener = _bound()
        self.address = f'127.0.0.1:{self._listener.getsockname()[1]}'
        self.up()

    @property
    def port(self) -> int:
        return self._listener.getsockname()[1]

    def up(self) -> None:
        self._is_down = False
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def down(self) -> None:
        """Closes the open connections and refuses new ones until `up`."""
        with self._lock:
            self._is_down = True
        # On Linux a listening socket that is shut down stays bound, and may listen again.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._close_open()

    def slow(self, bytes_per_second: int, delay: float = 0.0) -> None:
        self._slowness = Slowness(bytes_per_second, delay)

    def cut(self, longest: int, seed: int) -> None:
        """Resets each connection after 1 to `longest` more bytes of answers, until `restore`."""
        self._chance = random.Random(seed)
        self._longest_answer = longest

    def restore(self) -> None:
        """Ends `slow` and `cut`."""
        self._slowness = self._longest_answer = None

    def close(self) -> None:
        self.down()
        self._listener.close()

    def _close_open(self) -> None:
        with self._lock:
            for end in self._open:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            host, port = self.target.split(':')
            with socket.create_connection((host, int(port)), timeout=10) as server, self._known(client, server):
                for end in (client, server):
                    end.settimeout(None)
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._carry(client, server)

    @contextlib.contextmanager
    def _known(self, *ends: socket.socket) -> Iterator[None]:
        with self._lock:
            # Accepted before `down`, and connected to the target after it.
            if self._is_down:
                raise ConnectionRefusedError
            self._open.update(ends)
        try:
            yield
        finally:
            with self._lock:
                self._open.difference_update(ends)

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        """Forwards until one end closes the connection or `cut` resets it."""
        left: int | None = None
        while True:
            for source in select.select([client, server], [], [])[0]:
                data = source.recv(PIECE)
                if not data:
                    return
                if source is client:
                    server.sendall(data)
                    continue
                if slowness := self._slowness:
                    slowness.wait_for(len(data))
                left = self._left(left)
                client.sendall(data[:left])
                if left is not None and len(data) >= left:
                    self._reset(client)
                    return
                left = None if left is None else left - len(data)

    def _left(self, left: int | None) -> int | None:
        """The bytes of answers that a connection has left; None when it is not to be cut."""
        if self._longest_answer is None:
            return None
        return self._chance.randint(1, self._longest_answer) if left is None else left

    def _reset(self, client: socket.socket) -> None:
        self.cuts += 1
        # With this option, close() sends a reset.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))


def _bound() -> socket.socket:
    """A socket on a port below the ephemeral range. An explicitly chosen port stays bound through `down`."""
    for port in random.sample(range(20_000, 32_000), 12_000):
        listener = socket.socket()
        try:
            listener.bind(('127.0.0.1', port))
        except OSError:
            listener.close()
            continue
        # Only now, so that the port of a process that binds with the same option is not taken: without it, `up` would fail
        # while connections of before are in TIME_WAIT.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return listener
    raise OSError('no free port from 20000 to 32000')
