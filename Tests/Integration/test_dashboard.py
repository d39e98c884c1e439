"""The page, the metrics, the probes and SQL over HTTP: access and limits."""
import contextlib
import http.client
import json
import signal
import socket
import threading
import time
import urllib.parse

import pytest
from prometheus_client.parser import text_string_to_metric_families

from support import program
from support.events import SAMPLE_MS, crowded_views, event
from support.faults import in_front_of
from support.kafka import create_topic
from support.service import arguments
from support.site import Site, events
from support.wait import eventually

TOKEN = 'a token that is not short'


@pytest.fixture(scope='module')
def shared(broker, tmp_path_factory):
    """One service for the tests that only read: a state with counts, late and rejected events."""
    from support.state import State
    folder = tmp_path_factory.mktemp('site')
    topic, state = create_topic(broker.address, 2), State(folder / 'pageviews.db')
    sent = topic.produce(crowded_views(seed=5, count=400))
    sent += topic.produce([event('OLD', SAMPLE_MS - 3 * 86_400_000), b'not an event'])
    running = program.Running(folder / 'logs', *arguments(topic, state, '--listen', '127.0.0.1:0'))
    site = Site(running)
    eventually(lambda: state.consumed() == sent, 'everything to be counted')
    site.topic, site.state, site.sent = topic, state, sent
    yield site
    running.kill()


@pytest.mark.parametrize('path,type_,words', [
    ('/', 'text/html; charset=utf-8', '<h1>pageviews</h1>'), ('/app.css', 'text/css; charset=utf-8', '--accent'),
    ('/app.js', 'text/javascript; charset=utf-8', 'EventSource'), ('/favicon.svg', 'image/svg+xml', '<svg'),
    ('/healthz', 'text/plain; charset=utf-8', 'alive'), ('/readyz', 'text/plain; charset=utf-8', 'ready'),
    ('/metrics', 'text/plain; version=0.0.4; charset=utf-8', 'pageviews_healthy 1'),
    ('/api/status', 'application/json', '"healthy":true')])
def test_every_address_answers_with_its_type_and_the_security_headers(shared, path, type_, words):
    answer = shared.ask(path)
    assert answer.status == 200 and answer.getheader('Content-Type') == type_ and words in answer.text
    check_headers(answer)
    head = shared.ask(path, 'HEAD')
    assert head.status == 200 and head.text == ''


def check_headers(answer):
    policy = answer.getheader('Content-Security-Policy')
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and 'unsafe' not in policy
    assert answer.getheader('X-Content-Type-Options') == 'nosniff' and answer.getheader('Referrer-Policy') == 'no-referrer'


@pytest.mark.parametrize('method,path,status', [
    ('GET', '/none', 404), ('GET', '/app.js/..', 404), ('POST', '/', 405), ('DELETE', '/metrics', 405),
    ('GET', '/api/query', 405), ('PUT', '/api/query', 405)])
def test_other_addresses_and_methods_are_refused_as_json(shared, method, path, status):
    answer = shared.ask(path, method)
    assert answer.status == status and 'error' in json.loads(answer.text)
    check_headers(answer)


def test_the_metrics_are_what_the_state_says(shared):
    eventually(lambda: 'pageviews_lag_records 0' in shared.ask('/metrics').text, 'the end offsets to be known')
    families = {family.name: family for family in text_string_to_metric_families(shared.ask('/metrics').text)}
    assert all(family.documentation and family.type in ('gauge', 'counter') for family in families.values())
    events = families['pageviews_events']
    sums = {}
    for sample in events.samples:
        assert sample.name == 'pageviews_events_total' and set(sample.labels) == {'partition', 'outcome'}
        sums[sample.labels['outcome']] = sums.get(sample.labels['outcome'], 0) + sample.value
    row = shared.state.rows('SELECT sum(counted) c, sum(late) l, sum(rejected) r FROM partitions')[0]
    assert sums == {'counted': row['c'], 'late': row['l'], 'rejected': row['r']} and sum(sums.values()) == shared.sent
    value = {name: family.samples[0].value for name, family in families.items()}
    assert value['pageviews_healthy'] == 1 and value['pageviews_lag_records'] == 0 and value['pageviews_kafka_up'] == 1
    assert 10e6 < value['process_resident_memory_bytes'] < 1e9 and value['process_cpu_seconds'] > 0
    labels = {name for family in families.values() for sample in family.samples for name in sample.labels}
    assert labels == {'partition', 'outcome', 'reason', 'version'}


def test_status_over_http_is_the_commands(shared):
    def command():
        return json.loads(program.run('status', '--state', str(shared.state.path), '--format', 'json').out)
    # The command reads the heartbeat, which the service writes once a second.
    eventually(lambda: command()['lag'] is not None, 'the end offsets to be known to the command')
    theirs = command()
    ours = json.loads(shared.ask('/api/status').text)
    assert ours.keys() == theirs.keys()
    for key in ('healthy', 'generation', 'lag', 'watermark', 'watermark_held_by', 'backlog', 'incidents', 'partitions'):
        assert ours[key] == theirs[key], key


# SQL

QUESTION = 'SELECT postcode, sum(count) AS n FROM postcode_view_count GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 3'


def test_sql_over_http_is_the_query_commands_answer(shared):
    answer = shared.sql(QUESTION)
    assert answer.status == 200 and answer.getheader('Content-Type') == 'application/json'
    assert json.loads(answer.text) == shared.state.rows(QUESTION)
    assert answer.getheader('Pageviews-Truncated') == 'false'


def test_parameters_are_bound_and_texts_stay_texts(shared):
    body = json.dumps({'sql': 'SELECT :a AS a, typeof(:a) AS t, :b + 1 AS b',
                       'params': {'a': "7' OR 1=1 --", 'b': 41}})
    assert json.loads(shared.sql(body, Content_Type='application/json').text) == [
        {'a': "7' OR 1=1 --", 't': 'text', 'b': 42}]
    text = json.dumps({'sql': 'SELECT typeof(:a) AS t', 'params': {'a': '123'}})
    assert json.loads(shared.sql(text, Content_Type='application/json').text) == [{'t': 'text'}]


@pytest.mark.parametrize('statement,words', [
    ('SELECT nonsense', 'nonsense'), ('DELETE FROM counts', 'refused'), ("ATTACH 'x' AS y", 'refused'),
    ('PRAGMA journal_mode = DELETE', 'refused'), ('SELECT 1; SELECT 2', 'one statement'), ('', 'no statement'),
    ('-- nothing', 'no statement'), ('SELECT :x', ':x')])
def test_wrong_statements_are_4xx_with_their_reason(shared, statement, words):
    answer = shared.sql(statement)
    assert answer.status == 400 and words in json.loads(answer.text)['error'], answer.text
    check_headers(answer)


def test_a_result_is_limited_in_rows_and_says_so_and_in_bytes(shared):
    numbers = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 50000) SELECT i{} FROM n'
    answer = shared.sql(numbers.format(''))
    assert answer.status == 200 and answer.getheader('Pageviews-Truncated') == 'true'
    assert len(json.loads(answer.text)) == 10_000
    answer = shared.sql(numbers.format(", hex(zeroblob(2000)) AS x"))
    assert answer.status == 422 and 'MiB' in json.loads(answer.text)['error']


def test_a_statement_that_needs_too_much_fails_alone(shared):
    answer = shared.sql('SELECT hex(zeroblob(100000000))')
    assert answer.status == 400 and 'too big' in json.loads(answer.text)['error']
    assert shared.ask('/healthz').status == 200 and shared.running.alive()


# Access

@pytest.mark.parametrize('host', ['evil.example', 'evil.example:80', '127.0.0.1.evil.example', ''])
def test_another_name_of_this_machine_is_refused(shared, host):
    answer = shared.ask('/api/status', Host=host)
    assert answer.status in (400, 403) and 'generation' not in answer.text


def test_a_page_of_another_site_gets_nothing(shared):
    answer = shared.sql('SELECT 1', Origin='https://evil.example', Content_Type='text/plain')
    assert answer.status == 403
    assert answer.getheader('Access-Control-Allow-Origin') is None


def test_another_address_than_loopback_needs_a_token(topic, state):
    for env in ({}, {'PAGEVIEWS_HTTP_TOKEN': ''}):
        result = program.run(*arguments(topic, state, '--listen', '0.0.0.0:0'), env=env)
        assert result.code == 2 and 'PAGEVIEWS_HTTP_TOKEN' in result.err and len(result.err.splitlines()) == 1
    assert not state.path.exists()


def test_the_token_opens_and_nothing_tells_it(service, topic, state):
    topic.produce([event('N1', SAMPLE_MS)])
    site = Site(service.start(topic, state, '--listen', '0.0.0.0:0', env={'PAGEVIEWS_HTTP_TOKEN': TOKEN}))
    eventually(lambda: site.ask('/readyz').status == 200, 'it to be ready')
    texts = []
    for path in ('/', '/app.js', '/metrics', '/api/status', '/api/live', '/none'):
        refused = site.ask(path)
        assert refused.status == 401 and refused.getheader('WWW-Authenticate') == 'Bearer', path
        check_headers(refused)
        assert site.ask(path, Authorization='Bearer wrong').status == 401
        texts.append(refused.text)
    assert site.sql('SELECT 1').status == 401
    assert site.ask('/healthz').text == 'alive\n' and site.ask('/readyz').text == 'ready\n'
    right = {'Authorization': f'Bearer {TOKEN}'}
    for path in ('/', '/metrics', '/api/status', '/app.js'):
        answer = site.ask(path, **right)
        assert answer.status == 200, path
        texts.append(answer.text)
    assert json.loads(site.sql('SELECT 1 AS one', **right).text) == [{'one': 1}]

    signed = site.ask('/?' + urllib.parse.urlencode({'token': TOKEN}))
    cookie = signed.getheader('Set-Cookie')
    assert signed.status == 303 and signed.getheader('Location') == '/'
    assert 'HttpOnly' in cookie and 'SameSite=Strict' in cookie and TOKEN not in cookie
    assert site.ask('/api/status', Cookie=cookie.partition(';')[0]).status == 200
    assert site.ask('/?token=wrong').status == 401
    texts += [cookie, site.running.err, program.run('status', '--state', str(state.path)).out]
    texts.append((state.path.parent / 'pageviews.db.health').read_text())
    assert not any(TOKEN in text for text in texts)


# The address

def test_a_taken_address_that_was_asked_for_ends_it_before_anything_is_made(topic, state):
    with socket.create_server(('127.0.0.1', 0)) as taken:
        address = f'127.0.0.1:{taken.getsockname()[1]}'
        result = program.run(*arguments(topic, state, '--listen', address))
    assert result.code == 2 and address in result.err and 'in use' in result.err and len(result.err.splitlines()) == 1
    assert not state.path.exists()


def test_a_taken_default_address_is_said_and_counting_goes_on(topic, state, tmp_path):
    topic.produce([event('N1', SAMPLE_MS)])
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            stack.enter_context(socket.create_server(('127.0.0.1', 8080)))
        arguments_ = [argument for argument in arguments(topic, state) if argument not in ('--listen', 'off')]
        running = program.Running(tmp_path / 'log', *arguments_)
        stack.callback(running.kill)
        eventually(lambda: 'going on without the page' in running.err, 'the warning')
        eventually(lambda: state.path.exists() and state.consumed() == 1, 'the event to be counted')
        result, _ = running.stop()
        assert result.code == 0


@pytest.mark.parametrize('address', ['nonsense', '127.0.0.1', '127.0.0.1:99999', '::1:80'])
def test_what_is_no_address_exits_2(topic, state, address):
    assert program.run(*arguments(topic, state, '--listen', address)).code == 2


# Live

def test_the_stream_brings_what_is_counted_without_being_asked(service, topic, state):
    topic.produce([event('N1', SAMPLE_MS)] * 3)
    site = Site(service.start(topic, state, '--listen', '127.0.0.1:0'))
    seen = []
    for number, document in enumerate(events(site, 20)):
        seen.append(sum(window['views'] for window in document['live']['windows']))
        if seen[-1] == 3 and 3 not in seen[:-1]:
            topic.produce([event('E1', SAMPLE_MS)] * 4)
        if seen[-1] == 7:
            break
    assert seen[-1] == 7, seen
    assert document['live']['busiest'] == [{'postcode': 'E1', 'views': 4}, {'postcode': 'N1', 'views': 3}]
    assert document['status']['healthy'] and document['status']['generation'] > 0


def test_open_pages_do_not_hold_up_the_end(service, topic, state):
    site = Site(service.start(topic, state, '--listen', '127.0.0.1:0'))
    streams = [events(site, 1000) for _ in range(3)]
    for stream in streams:
        next(stream)
    idle = socket.create_connection(('127.0.0.1', site.port))
    ended = threading.Event()

    def read_on():
        with contextlib.suppress(OSError, http.client.HTTPException):
            for _ in streams[0]:
                pass
        ended.set()

    threading.Thread(target=read_on, daemon=True).start()
    result, seconds = site.running.stop(signal.SIGTERM, seconds=8)
    assert result.code == 0 and seconds < 5, seconds
    assert ended.wait(5), 'the stream was not ended'
    idle.close()
    for stream in streams[1:]:
        stream.close()


def test_too_many_open_pages_are_told_so(shared):
    with contextlib.ExitStack() as stack:
        statuses = []
        while 503 not in statuses and len(statuses) < 40:
            connection = stack.enter_context(contextlib.closing(
                http.client.HTTPConnection('127.0.0.1', shared.port, timeout=10)))
            connection.request('GET', '/api/live')
            answer = stack.enter_context(contextlib.closing(connection.getresponse()))
            statuses.append(answer.status)
        assert statuses == [200] * 32 + [503]
    # A disconnected page frees its place.
    eventually(lambda: free_place(shared), 'a free place', seconds=10)


def free_place(site):
    connection = http.client.HTTPConnection('127.0.0.1', site.port, timeout=10)
    with contextlib.closing(connection):
        connection.request('GET', '/api/live')
        with contextlib.closing(connection.getresponse()) as answer:
            return answer.status == 200


# Faults are named within the time that the guide states

SECONDS = 10


class Watched:
    """The event stream of a page, one document per second."""

    def __init__(self, site):
        self._stream = events(site, 10_000)

    def until(self, check, what):
        started = time.monotonic()
        for document in self._stream:
            problems = {problem['code']: problem['text'] for problem in document['status']['problems']}
            if check(problems):
                return problems
            assert time.monotonic() - started < SECONDS, f'{what}: not on the page within {SECONDS} s, which says {problems}'
        raise AssertionError('the stream has ended')

    def until_named(self, names):
        """`names` maps the code of each fault to words of its text."""
        found = self.until(lambda problems: names.keys() <= problems.keys(), ', '.join(names))
        for code, words in names.items():
            assert all(word in found[code] for word in words), found[code]

    def until_healthy(self):
        self.until(lambda problems: not problems, 'healthy')

    def close(self):
        self._stream.close()


@pytest.fixture
def watched(service, own_broker, state, make_warehouse):
    """A service that reads two partitions and exports to S3; the test controls the broker and S3."""
    warehouse, broker = make_warehouse('s3'), own_broker(storage='memory').start()
    topic = create_topic(broker.address, 2)
    topic.produce([event('N1', SAMPLE_MS)] * 2)
    with in_front_of(warehouse.s3.endpoint) as proxy:
        warehouse.s3_endpoint = proxy.endpoint
        site = Site(service.start(topic, state, *warehouse.options, '--probe-warehouse', '--export-interval', '1h', '--listen',
                                  '127.0.0.1:0', env=warehouse.environment))
        with contextlib.closing(Watched(site)) as page:
            page.until(lambda problems: not problems and state.path.exists() and state.consumed() == 2, 'the start')
            yield page, topic, broker, proxy


def test_open_pages_are_told_of_every_fault_by_its_name(watched):
    page, topic, broker, proxy = watched
    topic.produce([b'{"postcode":'] * 200)
    broker.show_partitions(topic.name, 1)
    proxy.down()
    page.until_named({'rejected': ['poison', '200 rejected', 'partition'], 'partition': ['partition 1 could not be read'],
                      'warehouse': ['127.0.0.1', 'has not answered']})
    broker.show_partitions(topic.name, 2)
    proxy.up()
    page.until(lambda problems: problems.keys() == {'rejected'}, 'what is over')
    broker.kill_proxy()
    page.until_named({'kafka': [broker.address, topic.name]})


def test_open_pages_are_told_of_servers_that_say_nothing(watched):
    page, topic, broker, proxy = watched
    hanging = proxy.add('.', 'hang', times=None)
    page.until_named({'warehouse': ['has not answered']})
    assert hanging.hits
    broker.freeze_proxy()
    page.until_named({'kafka': [broker.address, topic.name]})
    proxy.clear()
    broker.thaw_proxy()
    page.until_healthy()
