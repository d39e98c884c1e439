"""The pages of a running service, and their event stream."""
import contextlib
import http.client
import json
import re
import urllib.parse

from .program import Running
from .wait import eventually


class Site:
    """A service's pages."""

    def __init__(self, running: Running) -> None:
        self.running = running
        found = eventually(lambda: re.search(r'page, metrics and SQL at http://(\S+)/', running.err), 'the pages to be served')
        self.port = urllib.parse.urlsplit(f'//{found[1]}').port

    def ask(self, path, method='GET', body=None, seconds=40, **headers):
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=seconds)
        with contextlib.closing(connection):
            connection.request(method, path, body, {name.replace('_', '-'): value for name, value in headers.items()})
            answer = connection.getresponse()
            answer.text = answer.read().decode()
            return answer

    def sql(self, statement, **headers):
        return self.ask('/api/query', 'POST', statement, **headers)


def events(site, count, headers=None):
    """The first events of the stream, and the response."""
    connection = http.client.HTTPConnection('127.0.0.1', site.port, timeout=20)
    with contextlib.closing(connection):
        connection.request('GET', '/api/live', headers=headers or {})
        answer = connection.getresponse()
        assert answer.status == 200 and answer.getheader('Content-Type') == 'text/event-stream'
        with contextlib.closing(answer):
            for line in answer:
                if line.startswith(b'data: '):
                    yield json.loads(line[6:])
                    count -= 1
                    if count == 0:
                        return
