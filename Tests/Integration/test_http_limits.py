"""Limits for HTTP clients: connections, time for a request, time for its answer, bytes, time for a statement. A client over a limit
gets an error or is disconnected; other clients, and counting, continue."""
import concurrent.futures
import contextlib
import http.client
import json
import pathlib
import signal
import socket
import threading
import time

import pytest

from support import program
from support.events import SAMPLE_MS, event
from support.kafka import create_topic
from support.service import arguments
from support.site import Site
from support.state import State
from support.wait import eventually

ENDLESS = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n'
# The limits, shortened.
SHORT = ('--http-idle-timeout', '1500ms', '--http-body-timeout', '1s', '--http-answer-timeout', '1s', '--http-query-timeout', '2s')
CONNECTIONS, BODY_BYTES, STATEMENTS = 128, 65_536, 4


@pytest.fixture(scope='module')
def site(broker, tmp_path_factory):
    """A service with short limits."""
    folder = tmp_path_factory.mktemp('site')
    topic, state = create_topic(broker.address), State(folder / 'pageviews.db')
    topic.produce([event('N1', SAMPLE_MS)])
    running = program.Running(folder / 'logs', *arguments(topic, state, '--listen', '127.0.0.1:0', *SHORT))
    site = Site(running)
    eventually(lambda: state.consumed() == 1, 'the event to be counted')
    site.topic, site.state = topic, state
    yield site
    running.kill()


def connect(site, seconds=20):
    return contextlib.closing(socket.create_connection(('127.0.0.1', site.port), timeout=seconds))


def head(method, path, *fields):
    return '\r\n'.join([f'{method} {path} HTTP/1.1', 'Host: 127.0.0.1', *fields, '', '']).encode()


def answer_to(connection):
    """The answer to a request; the connection stays open."""
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    answer.text = answer.read().decode()
    return answer


def seconds_until_cut_off(connection, piece=b'', every=0.1, at_most=8):
    """How long the server takes to close while the client keeps sending, and its answer until then."""
    started, said = time.monotonic(), b''
    connection.settimeout(every)
    while (passed := time.monotonic() - started) < at_most:
        try:
            received = connection.recv(65_536)
            if not received:
                return passed, said
            said += received
        except TimeoutError:
            with contextlib.suppress(OSError):
                connection.sendall(piece)
        except OSError:
            return passed, said
    raise AssertionError(f'still open after {at_most} s: {said!r}')


# Connections

def test_a_connection_above_the_limit_closes_the_one_that_waits_longest(service, topic, state):
    topic.produce([event('N1', SAMPLE_MS)])
    site = Site(service.start(topic, state, '--listen', '127.0.0.1:0'))
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(connect(site)) for _ in range(CONNECTIONS)]
        for connection in held:
            connection.sendall(head('GET', '/healthz'))
            assert answer_to(connection).status == 200
        for number in range(2):
            new = stack.enter_context(connect(site))
            new.sendall(head('GET', '/healthz'))
            assert answer_to(new).status == 200
            assert held[number].recv(1) == b'', 'the one that waited longest is closed'
        # Clients with a connection are still served, and counting continues.
        held[7].sendall(head('GET', '/api/status'))
        assert json.loads(answer_to(held[7]).text)['healthy']
        topic.produce([event('N1', SAMPLE_MS)] * 10)
        eventually(lambda: state.consumed() == 11, 'events to be counted meanwhile')
        assert program.run('status', '--state', str(state.path)).code == 0
    assert site.ask('/api/status', seconds=5).status == 200


PROBE_SECONDS = 2


@pytest.mark.parametrize('count,begun,piece', [
    (500, b'', b''), (200, b'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ', b'x'),
    (200, b'POST /api/query HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 60000\r\n\r\n', b' '),
    (200, b'POST /api/query HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n', b'1\r\n \r\n')])
def test_crowds_do_not_keep_the_probes_from_answering(service, topic, state, count, begun, piece):
    site = Site(service.start(topic, state, '--listen', '127.0.0.1:0'))
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(connect(site)) for _ in range(count)]
        took = []
        for number in range(10):
            for connection in crowd:
                with contextlib.suppress(OSError):
                    connection.sendall(piece if number else begun)
            for path in ('/healthz', '/metrics'):
                started = time.monotonic()
                assert site.ask(path, seconds=PROBE_SECONDS).status == 200
                took.append(time.monotonic() - started)
        print(f'{count} clients beside {len(took)} probes: at most {max(took) * 1000:.0f} ms')
        assert max(took) < PROBE_SECONDS
        # Streams are limited, whatever their clients do.
        files = pathlib.Path(f'/proc/{site.running.pid}/fd')
        eventually(lambda: len(list(files.iterdir())) < CONNECTIONS + 100, 'the others to be closed')


def test_open_pages_do_not_keep_the_probes_from_answering(service, topic, state):
    site = Site(service.start(topic, state, '--listen', '127.0.0.1:0'))
    with contextlib.ExitStack() as stack:
        pages = [stack.enter_context(connect(site)) for _ in range(32)]
        for page in pages:
            page.sendall(head('GET', '/api/live'))
            assert page.recv(4096).startswith(b'HTTP/1.1 200 ')
        took = []
        for _ in range(20):
            for path in ('/healthz', '/metrics'):
                started = time.monotonic()
                assert site.ask(path, seconds=PROBE_SECONDS).status == 200
                took.append(time.monotonic() - started)
        print(f'32 pages beside {len(took)} probes: at most {max(took) * 1000:.0f} ms')
        assert max(took) < PROBE_SECONDS


def test_as_many_files_may_be_open_as_the_machine_allows(site):
    limits = pathlib.Path(f'/proc/{site.running.pid}/limits').read_text()
    row = next(line for line in limits.splitlines() if line.startswith('Max open files')).split()
    assert row[3] == row[4]


# Requests that are not HTTP/1.1

@pytest.mark.parametrize('request_', [
    b'GET /healthz HTTP/1.1\r\n\r\n', b'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: 127.0.0.1\r\n\r\n',
    b'GET http://evil.example/healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
    b'POST /api/query HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    b'POST /api/query HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'])
def test_requests_that_others_could_read_in_another_way_are_refused(site, request_):
    with connect(site) as connection:
        connection.sendall(request_)
        seconds, said = seconds_until_cut_off(connection)
    top, _, body = said.partition(b'\r\n\r\n')
    assert top.startswith(b'HTTP/1.1 400 ') and b'connection: close' in top.lower() and b'nosniff' in top, said
    assert json.loads(body)['error']


def test_http_1_0_is_closed_after_its_answer(site):
    with connect(site) as connection:
        connection.sendall(b'GET /healthz HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n')
        seconds, said = seconds_until_cut_off(connection)
    assert said.startswith(b'HTTP/1.1 200 ') and said.endswith(b'\r\n\r\nalive\n')


def test_clients_that_say_nothing_give_their_connections_back(service, topic, state):
    site = Site(service.start(topic, state, '--listen', '127.0.0.1:0', '--http-connections', '3', *SHORT))
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(connect(site))
        assert site.ask('/healthz', seconds=5).status == 200


# Unfinished requests

@pytest.mark.parametrize('begun,piece', [
    (b'', b''), (b'GET / HT', b''), (b'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ', b'x'), (b'GET /', b'y'),
    (b'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n', b'X: y\r\n')])
def test_a_head_that_is_never_complete_is_cut_off_however_it_trickles(site, begun, piece):
    with connect(site) as connection:
        connection.sendall(begun)
        seconds, said = seconds_until_cut_off(connection, piece)
    assert 1 < seconds < 4 and said == b''


def test_the_same_after_a_first_request(site):
    with connect(site) as connection:
        connection.sendall(head('GET', '/healthz'))
        assert answer_to(connection).status == 200
        connection.sendall(b'GET / HTTP/1.1\r\nX: ')
        seconds, said = seconds_until_cut_off(connection, b'x')
    assert 1 < seconds < 4 and said == b''


@pytest.mark.parametrize('fields,piece', [
    (['Content-Length: 60000'], b' '), (['Content-Length: 60000'], b''), (['Transfer-Encoding: chunked'], b'1\r\n \r\n')])
def test_a_body_that_is_never_complete_is_answered_408_and_cut_off(site, fields, piece):
    with connect(site) as connection:
        connection.sendall(head('POST', '/api/query', *fields))
        seconds, said = seconds_until_cut_off(connection, piece)
    top, _, body = said.partition(b'\r\n\r\n')
    assert top.startswith(b'HTTP/1.1 408 ') and b'connection: close' in top.lower() and b'nosniff' in top, said
    assert json.loads(body) == {'error': 'the body did not come in time'}
    assert 1 < seconds < 5


@pytest.mark.parametrize('method,path,status', [
    ('POST', '/healthz', 405), ('GET', '/', 200), ('PUT', '/none', 404), ('GET', '/api/query', 405)])
def test_a_body_that_nobody_reads_holds_no_connection(site, method, path, status):
    with connect(site) as connection:
        connection.sendall(head(method, path, 'Transfer-Encoding: chunked'))
        seconds, said = seconds_until_cut_off(connection, b'1\r\n \r\n')
    assert said.startswith(f'HTTP/1.1 {status} '.encode()) and b'connection: close' in said.lower()
    assert seconds < 4


def test_an_answer_that_nobody_reads_is_cut_off(site):
    wide = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 7000) SELECT hex(zeroblob(1000)) AS x FROM n'
    with connect(site) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(head('POST', '/api/query', f'Content-Length: {len(wide)}') + wide.encode())
        eventually(lambda: ours_at_the_server(site, connection) == 0, 'the server to let go', seconds=15)


def ours_at_the_server(site, connection):
    """The number of the server's established connections with this socket."""
    ours = f':{connection.getsockname()[1]:04X}'
    rows = [line.split() for line in pathlib.Path('/proc/net/tcp').read_text().splitlines()[1:]]
    return sum(row[1].endswith(f':{site.port:04X}') and row[2].endswith(ours) and row[3] == '01' for row in rows)


# Bytes

def test_a_body_up_to_the_limit_is_taken_and_one_byte_more_is_not(site):
    assert site.sql('SELECT 1'.ljust(BODY_BYTES)).status == 200
    refused = site.sql('SELECT 1'.ljust(BODY_BYTES + 1))
    assert refused.status == 413 and '64 KiB' in json.loads(refused.text)['error']
    assert refused.getheader('Connection') == 'close'


def test_a_body_without_an_end_is_refused_when_it_is_too_long(site):
    with connect(site) as connection:
        connection.sendall(head('POST', '/api/query', 'Transfer-Encoding: chunked'))
        seconds, said = seconds_until_cut_off(connection, b'1000\r\n' + b' ' * 4096 + b'\r\n', every=0.01)
    assert said.startswith(b'HTTP/1.1 413 ') and seconds < 5


# Statements

def test_an_endless_statement_is_ended_at_its_deadline_and_others_go_on(site):
    started = time.monotonic()
    answer = site.sql(ENDLESS)
    assert answer.status == 504 and answer.getheader('Content-Type') == 'application/json'
    assert 'the statement was ended after 2 s' in json.loads(answer.text)['error'], answer.text
    assert 1.5 < time.monotonic() - started < 10
    assert children(site) == 0, 'its process is gone'
    assert json.loads(site.sql('SELECT 1 AS one').text) == [{'one': 1}]


def test_many_endless_statements_starve_neither_the_pages_nor_the_counting(site):
    before = site.state.consumed()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(site.sql, ENDLESS) for _ in range(16)]
        eventually(lambda: children(site) == STATEMENTS, 'statements to be running', seconds=2)
        busy = site.sql('SELECT 1')
        assert busy.status == 429 and 'try again' in json.loads(busy.text)['error']
        sent = site.topic.produce([event('E1', SAMPLE_MS)] * 5000)
        assert site.ask('/healthz').status == 200 and site.ask('/').status == 200
        while not all(answer.done() for answer in asked):
            eventually(lambda: site.ask('/api/status', seconds=2).status == 200, 'the status', seconds=1)
            time.sleep(0.05)
        statuses = sorted(answer.result().status for answer in asked)
    assert statuses == [429] * 12 + [504] * 4
    eventually(lambda: site.state.consumed() == before + sent, 'everything sent meanwhile to be counted', seconds=1)
    assert site.sql('SELECT 1').status == 200


def test_a_running_statement_does_not_hold_up_the_end(service, topic, state):
    topic.produce([event('N1', SAMPLE_MS)])
    site = Site(service.start(topic, state, '--listen', '127.0.0.1:0'))
    eventually(lambda: state.path.exists() and state.consumed() == 1, 'the event to be counted')
    answers = []
    thread = threading.Thread(target=lambda: answers.append(site.sql(ENDLESS)))
    thread.start()
    eventually(lambda: children(site) == 1, 'the statement to be running')
    result, seconds = site.running.stop(signal.SIGTERM, seconds=8)
    thread.join(10)
    assert result.code == 0 and seconds < 5
    assert answers[0].status == 503 and 'killed before it finished' in json.loads(answers[0].text)['error']


def children(site):
    """Each statement runs in a process."""
    lists = pathlib.Path(f'/proc/{site.running.pid}/task').glob('*/children')
    return sum(len(path.read_text().split()) for path in lists)
