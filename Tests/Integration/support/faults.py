"""An HTTP proxy that injects faults. A rule decides independently whether the server sees a request, and what answer the client
gets.
"""
import contextlib
import dataclasses
import http.client
import http.server
import re
import socket
import struct
import threading
import urllib.parse
from collections.abc import Iterator

# Seconds a request may hang before the proxy gives up on its client.
TIMEOUT = 60


@dataclasses.dataclass
class Rule:
    """The fault for requests whose `METHOD path` matches."""
    pattern: str
    # ok (the server's own answer, or an empty 200), a status, reset, hang, or one of S3's error codes: 403 AccessDenied.
    outcome: str
    # Whether the server sees the request.
    applied: bool = False
    # The number of requests that it applies to; None for all.
    times: int | None = 1
    # A header that the request must have.
    header: str = ''
    hits: int = 0

    def takes(self, line: str, headers: http.client.HTTPMessage) -> bool:
        fits = bool(re.search(self.pattern, line)) and (not self.header or self.header in headers)
        return fits and (self.times is None or self.hits < self.times)


class FaultProxy:
    """Listens on its own port, and keeps the port while it is down."""

    def __init__(self, target: str) -> None:
        self.target = urllib.parse.urlsplit(target).netloc
        self.rules: list[Rule] = []
        # Every request line received, with the status of its answer (0: none).
        self.seen: list[tuple[str, int]] = []
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._server: http.server.ThreadingHTTPServer | None = None
        self._port = 0
        self.up()

    @property
    def endpoint(self) -> str:
        return f'http://127.0.0.1:{self._port}'

    def up(self) -> None:
        self._released.clear()
        self._server = _Server(('127.0.0.1', self._port), _handler(self))
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={'poll_interval': 0.02}, daemon=True).start()

    def down(self) -> None:
        """Refuses connections until `up`."""
        if self._server:
            self._released.set()
            self._server.shutdown()
            self._server.server_close()
            self._server.cut()
            self._server = None

    def add(self, pattern: str, outcome: str, **more: object) -> Rule:
        rule = Rule(pattern, outcome, **more)  # type: ignore[arg-type]
        with self._lock:
            self.rules.append(rule)
        return rule

    def clear(self) -> None:
        """Removes all rules and closes the connections that hang."""
        with self._lock:
            self.rules = []
        self._released.set()
        self._released = threading.Event()

    def rule(self, line: str, headers: http.client.HTTPMessage) -> Rule | None:
        with self._lock:
            for rule in self.rules:
                if rule.takes(line, headers):
                    rule.hits += 1
                    return rule
        return None

    def note(self, line: str, status: int) -> None:
        with self._lock:
            self.seen.append((line, status))

    def wait_released(self) -> None:
        self._released.wait(TIMEOUT)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, *arguments: object) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(*arguments)  # type: ignore[arg-type]

    def process_request(self, request, client_address):  # type: ignore[no-untyped-def]
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):  # type: ignore[no-untyped-def]
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request, client_address) -> None:  # type: ignore[no-untyped-def]
        """Ignores clients that disconnect: tests cause that on purpose."""

    def cut(self) -> None:
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def _handler(proxy: FaultProxy) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'
        # Head and body are sent separately; Nagle's algorithm would delay the body by 40 ms.
        disable_nagle_algorithm = True

        def log_message(self, format: str, *_: object) -> None:
            pass

        def serve(self) -> None:
            body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
            line = f'{self.command} {self.path}'
            rule = proxy.rule(line, self.headers)
            answer = self.forward(body) if rule is None or rule.applied else None
            if rule is None or (rule.outcome == 'ok' and rule.applied):
                assert answer is not None
                status, headers, content = answer
                self.reply(status, content, headers)
            elif rule.outcome == 'reset':
                proxy.note(line, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
                self.close_connection = True
                self.connection.close()
            elif rule.outcome == 'hang':
                proxy.note(line, 0)
                proxy.wait_released()
                self.close_connection = True
            elif rule.outcome == 'ok':
                self.reply(200, b'{}', [('Content-Type', 'application/json'), ('ETag', '"none"')])
            else:
                self.fault(rule.outcome)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = serve

        def forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            upstream = http.client.HTTPConnection(proxy.target, timeout=TIMEOUT)
            try:
                upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    if name.lower() not in ('connection', 'expect'):
                        upstream.putheader(name, value)
                upstream.endheaders(body or None)
                response = upstream.getresponse()
                return response.status, response.getheaders(), response.read()
            finally:
                upstream.close()

        def fault(self, outcome: str) -> None:
            """A status, alone or with S3's code: `503 SlowDown`."""
            status, _, code = outcome.partition(' ')
            if code:
                body = f'<Error><Code>{code}</Code><Message>as the test asked</Message></Error>'.encode()
                headers = [('Content-Type', 'application/xml'), ('Date', 'Tue, 26 Jan 2021 12:00:00 GMT')]
            else:
                body = b'{"error":{"message":"as the test asked","type":"Test","code":%s}}' % status.encode()
                headers = [('Content-Type', 'application/json')]
            self.reply(int(status), b'' if self.command == 'HEAD' else body, headers)

        def reply(self, status: int, content: bytes, headers: list[tuple[str, str]]) -> None:
            proxy.note(f'{self.command} {self.path}', status)
            self.send_response_only(status)
            length = False
            for name, value in headers:
                if name.lower() in ('connection', 'transfer-encoding'):
                    continue
                length = length or name.lower() == 'content-length'
                self.send_header(name, value)
            if not length and status not in (204, 304):
                self.send_header('Content-Length', str(len(content)))
            self.end_headers()
            if self.command != 'HEAD':
                self.wfile.write(content)

    return Handler


@contextlib.contextmanager
def in_front_of(target: str) -> Iterator[FaultProxy]:
    proxy = FaultProxy(target)
    try:
        yield proxy
    finally:
        proxy.down()
