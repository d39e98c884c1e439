"""Servers that record every byte they receive: an HTTP server whose answers a test provides, and a relay to another server.

Tests search the recorded bytes for secrets, also percent-encoded and in Base64.
"""
import base64
import contextlib
import dataclasses
import http.server
import pathlib
import socket
import threading
import urllib.parse
from collections.abc import Callable, Iterable, Iterator


@dataclasses.dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b''
    headers: tuple[tuple[str, str], ...] = ()


class Recording:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parts: list[bytes] = []

    def add(self, part: bytes) -> None:
        with self._lock:
            self._parts.append(part)

    @property
    def data(self) -> bytes:
        with self._lock:
            return b''.join(self._parts)


@contextlib.contextmanager
def http_server(answer: Callable[[str, str], Answer]) -> Iterator[tuple[str, Recording]]:
    """An HTTP server on loopback: its address and its recording. `answer` gets method and path, and the whole head."""
    recording = Recording()
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), _handler(recording, answer))
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.02}, daemon=True).start()
    try:
        yield f'http://127.0.0.1:{server.server_address[1]}', recording
    finally:
        server.shutdown()
        server.server_close()


def _handler(recording: Recording, answer: Callable[[str, str], Answer]) -> type[http.server.BaseHTTPRequestHandler]:
    class Tee:
        def __init__(self, file) -> None:  # type: ignore[no-untyped-def]
            self._file = file

        def readline(self, *limit: int) -> bytes:
            return self._kept(self._file.readline(*limit))

        def read(self, *count: int) -> bytes:
            return self._kept(self._file.read(*count))

        def close(self) -> None:
            self._file.close()

        def _kept(self, data: bytes) -> bytes:
            recording.add(data)
            return data

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'

        def setup(self) -> None:
            super().setup()
            self.rfile = Tee(self.rfile)  # type: ignore[assignment]

        def log_message(self, format: str, *_: object) -> None:
            pass

        def serve(self) -> None:
            self.rfile.read(int(self.headers.get('Content-Length') or 0))
            said = answer(f'{self.command} {self.path}', str(self.headers))
            self.send_response_only(said.status)
            for name, value in said.headers:
                self.send_header(name, value)
            self.send_header('Content-Length', str(len(said.body)))
            self.end_headers()
            if self.command != 'HEAD':
                self.wfile.write(said.body)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_CONNECT = serve

    return Handler


@contextlib.contextmanager
def relay(port: int, target: int) -> Iterator[Recording]:
    """Forwards connections from `port` to `target`, both on loopback, and records what clients send."""
    recording = Recording()
    listener = socket.create_server(('127.0.0.1', port))
    threads: list[threading.Thread] = []

    def carry(source: socket.socket, sink: socket.socket, keep: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if keep:
                    recording.add(data)
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve(client: socket.socket) -> None:
        with client, contextlib.suppress(OSError), socket.create_connection(('127.0.0.1', target)) as server:
            back = threading.Thread(target=carry, args=(server, client, False), daemon=True)
            back.start()
            carry(client, server, True)
            back.join()

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threads.append(threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True))
                threads[-1].start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield recording
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in (accepting, *threads):
            thread.join(10)


def forms(secret: str) -> set[bytes]:
    """The forms of a secret in a stream: plain, percent-encoded, Base64."""
    raw = secret.encode()
    return {raw, urllib.parse.quote(secret, safe='').encode(), urllib.parse.quote(secret, safe='/').encode(),
            base64.b64encode(raw).rstrip(b'='), base64.urlsafe_b64encode(raw).rstrip(b'=')}


def found(secrets: Iterable[str], data: bytes) -> set[str]:
    return {secret for secret in secrets if any(form in data for form in forms(secret))}


def files_below(folder: pathlib.Path) -> bytes:
    """The bytes and the names of all files."""
    paths = sorted(path for path in folder.rglob('*') if path.is_file())
    assert paths, f'nothing in {folder}'
    return b'\n'.join(str(path).encode() + b'\n' + path.read_bytes() for path in paths)
