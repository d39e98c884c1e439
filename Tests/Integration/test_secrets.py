"""Secrets reach only their servers: the tests search every byte that a catalog, a store, a broker and a proxy receive, and
everything that the program prints and writes.
"""
import dataclasses
import datetime
import email
import json
import re
import unittest.mock

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from support import program
from support.apache_kafka import ApacheKafka, Security
from support.events import views
from support.recorder import Answer, files_below, found, http_server, relay
from support.servers import free_port
from support.wait import eventually

KEY, SECRET, SESSION = 'AKIDOFTHEWAREHOUSE', 'aws/secret+of-the-warehouse', 'aws/session+token-of-the-warehouse=='
AWS = {'AWS_ACCESS_KEY_ID': KEY, 'AWS_SECRET_ACCESS_KEY': SECRET, 'AWS_SESSION_TOKEN': SESSION}
HTTP = 'token-of-the-page-0123456789'
TOKEN, ISSUED = 'bearer-token-of-the-catalog', 'issued-token-1'
CLIENT, CLIENT_SECRET = 'client-id', 'client/secret+of-the-catalog'
EVERY = {KEY, SECRET, SESSION, HTTP, TOKEN, CLIENT_SECRET, ISSUED}
BASE = {**AWS, 'PAGEVIEWS_HTTP_TOKEN': HTTP}
CATALOG = {'PAGEVIEWS_CATALOG_TOKEN': TOKEN, 'PAGEVIEWS_CATALOG_CREDENTIAL': f'{CLIENT}:{CLIENT_SECRET}'}

# Settings and variables, and the secrets that the catalog then gets.
WAYS = {
    'the warehouse keys alone': ({}, (), set()),
    'a token': ({'PAGEVIEWS_CATALOG_TOKEN': TOKEN}, (), {TOKEN}),
    'a credential': ({'PAGEVIEWS_CATALOG_CREDENTIAL': CATALOG['PAGEVIEWS_CATALOG_CREDENTIAL']}, (), {CLIENT_SECRET, ISSUED}),
    'both': (CATALOG, (), {TOKEN}),
    'both and oauth2': (CATALOG, ('--catalog-auth', 'oauth2'), {CLIENT_SECRET, ISSUED}),
    'both and none': (CATALOG, ('--catalog-auth', 'none'), set()),
    'both and sigv4': (CATALOG, ('--catalog-auth', 'sigv4'), {KEY, SESSION}),
}


def lures(elsewhere):
    """Catalogs that redirect to another server, each in its own way, and echo what they received."""
    hostile = {'oauth2-server-uri': f'{elsewhere}/tokens', 'rest.sigv4-enabled': 'true', 's3.endpoint': elsewhere}

    def catalog(config=None, redirect=False):
        def answer(line, head):
            if redirect and 'oauth' not in line:
                return Answer(307, headers=(('Location', f'{elsewhere}{line.split()[1]}'),))
            if '/v1/config' in line:
                return Answer(200, json.dumps({'defaults': hostile, 'overrides': config or {}}).encode())
            if '/oauth/tokens' in line:
                return Answer(200, json.dumps({'access_token': ISSUED, 'token_type': 'bearer'}).encode())
            return Answer(403, json.dumps({'error': {'message': f'you sent {head}'}}).encode())
        return answer

    return {'in its configuration': catalog(), 'by its address': catalog({'uri': elsewhere}),
            'by redirects': catalog(redirect=True)}


def ingest(address, topic, folder, options, env):
    folder.mkdir(exist_ok=True)
    return program.run('ingest', '--bootstrap-servers', address, '--topic', topic, '--state', str(folder / 'pageviews.db'),
                       '--exit-at-end', '--log-level', 'debug', '--late-topic', 'off', '--listen', 'off', *options, env=env)


def check_said(result, folder, secrets=EVERY):
    """Checks that no output or file of any command contains a secret."""
    env, state = {**BASE, **CATALOG}, str(folder / 'pageviews.db')
    asked = [program.run(*words, env=env) for words in (
        ('status', '--state', state), ('status', '--format', 'json', '--state', state),
        ('query', '--state', state, 'SELECT * FROM incidents; SELECT * FROM exports'),
        ('settings', 'ingest'), ('settings', 'ingest', '--format', 'json'))]
    for one in (result, *asked):
        assert not found(secrets, (one.out + one.err).encode()), one
    assert not found(secrets, files_below(folder))


@pytest.mark.parametrize('lure', lures(''))
@pytest.mark.parametrize('way', WAYS)
def test_a_catalog_gets_what_is_meant_for_it(way, lure, topic, tmp_path):
    more, options, meant = WAYS[way]
    topic.produce(views(seed=21, count=50))
    folder = tmp_path / 'state'
    with (http_server(lambda *_: Answer(404)) as (elsewhere, strayed),
          http_server(lambda *arguments: lures(elsewhere)[lure](*arguments)) as (catalog, received)):
        result = ingest(topic.address, topic.name, folder,
                        ['--warehouse', f'file://{tmp_path}/lake', '--catalog', catalog, *options], {**BASE, **more})
    assert result.code in (1, 4), result
    assert found(EVERY, received.data) == meant
    # Without credentials the program may follow to another server.
    if meant or lure != 'by its address':
        assert strayed.data == b''
    assert not found(EVERY, strayed.data)
    check_said(result, folder)


@pytest.mark.parametrize('way', WAYS)
def test_a_catalog_without_a_scheme_is_refused_before_anything_is_sent(way, topic, tmp_path):
    more, options, _ = WAYS[way]
    topic.produce(views(seed=21, count=50))
    with (http_server(lambda *_: Answer(404)) as (elsewhere, strayed),
          http_server(lambda *arguments: lures(elsewhere.removeprefix('http://'))['by its address'](*arguments))
          as (catalog, received)):
        result = ingest(topic.address, topic.name, tmp_path / 'state', [
            '--warehouse', f'file://{tmp_path}/lake', '--catalog', catalog.removeprefix('http://'), *options],
            {**BASE, **more})
    assert result.code == 2 and 'must look like https://host:port' in result.err, result
    assert received.data == strayed.data == b''


def test_the_token_server_alone_gets_the_credential(topic, tmp_path):
    topic.produce(views(seed=22, count=50))

    def tokens(*_):
        return Answer(200, json.dumps({'access_token': ISSUED}).encode())

    with (http_server(tokens) as (server, asked), http_server(lambda *_: Answer(403)) as (catalog, received)):
        result = ingest(topic.address, topic.name, tmp_path / 'state', [
            '--warehouse', f'file://{tmp_path}/lake', '--catalog', catalog, '--catalog-oauth-server', f'{server}/t',
            '--catalog-scope', 'PRINCIPAL_ROLE:ALL'], {**BASE, 'PAGEVIEWS_CATALOG_CREDENTIAL': f'{CLIENT}:{CLIENT_SECRET}'})
    assert found(EVERY, asked.data) == {CLIENT_SECRET}
    assert b'scope=PRINCIPAL_ROLE%3AALL' in asked.data
    assert found(EVERY, received.data) == {ISSUED}
    assert f'{catalog}/v1/config: status 403' in result.err, result.err
    check_said(result, tmp_path / 'state')


def test_a_token_server_that_says_the_secret_back_is_not_quoted(topic, tmp_path):
    topic.produce(views(seed=23, count=50))
    with http_server(lambda *_: Answer(401, f'no client {CLIENT} with {CLIENT_SECRET}'.encode())) as (catalog, _):
        result = ingest(topic.address, topic.name, tmp_path / 'state',
                        ['--warehouse', f'file://{tmp_path}/lake', '--catalog', catalog],
                        {**BASE, 'PAGEVIEWS_CATALOG_CREDENTIAL': f'{CLIENT}:{CLIENT_SECRET}'})
    assert result.code == 4 and f'no client {CLIENT} with (hidden)' in result.err, result
    check_said(result, tmp_path / 'state')


def test_signatures_are_botocores(topic, tmp_path):
    """Signing encodes the path of a table once more than it is sent; the unit separator in a namespace shows it."""
    topic.produce(views(seed=28, count=50))
    asked = []

    def catalog(line, head):
        asked.append((*line.split(), email.message_from_string(head)))
        return Answer(200, b'{"defaults":{"rest.signing-name":"glue","rest.signing-region":"eu-west-1"}}'
                      if '/v1/config' in line else b'{}')

    with http_server(catalog) as (address, _):
        ingest(topic.address, topic.name, tmp_path / 'state', [
            '--warehouse', f'file://{tmp_path}/lake', '--catalog', address, '--catalog-auth', 'sigv4',
            '--catalog-warehouse', 'arn:aws:s3/a b', '--namespace', 'a.b'], BASE)
    signed = [one for one in asked if 'Authorization' in one[2]]
    assert any('%1F' in path for _, path, _ in signed), asked
    for method, path, headers in signed:
        names = re.search('SignedHeaders=([^,]+)', headers['Authorization'])[1].split(';')
        assert {'host', 'x-amz-content-sha256', 'x-amz-date', 'x-amz-security-token'} <= set(names)
        own = {name: headers[name] for name in names if name not in ('x-amz-date', 'x-amz-security-token')}
        request = AWSRequest(method=method, url=f'{address}{path}', headers=own)
        service, region = ('execute-api', 'us-east-1') if '/v1/config' in path else ('glue', 'eu-west-1')
        time = datetime.datetime.strptime(headers['x-amz-date'], '%Y%m%dT%H%M%SZ').replace(tzinfo=datetime.UTC)
        with unittest.mock.patch('botocore.auth.get_current_datetime', return_value=time):
            SigV4Auth(Credentials(KEY, SECRET, SESSION), service, region).add_auth(request)
        assert request.headers['Authorization'] == headers['Authorization'], path


def test_a_store_gets_signatures(topic, tmp_path):
    topic.produce(views(seed=24, count=50))
    with (http_server(lambda *_: Answer(403, b'<Error><Code>SignatureDoesNotMatch</Code></Error>')) as (store, received),
          http_server(lambda *_: Answer(307, headers=(('Location', store),))) as (away, _)):
        for place in (store, away):
            folder = tmp_path / place.rpartition(':')[2]
            result = ingest(topic.address, topic.name, folder,
                            ['--warehouse', 's3://bucket/lake', '--s3-endpoint', place, '--s3-path-style'], {**BASE, **CATALOG})
            # 2: a store in another place is a wrong setting.
            assert result.code in (1, 2, 4), result
            check_said(result, folder)
            if place == store:
                first = received.data
    assert found(EVERY, first) == {KEY, SESSION}
    # The store redirected here, and the program did not follow.
    assert received.data == first


@pytest.mark.parametrize('scheme,meant', [('https', set()), ('http', {TOKEN})])
def test_a_proxy_sees_no_more_than_it_must(scheme, meant, topic, tmp_path):
    """With TLS the proxy sees only the host; without, the whole request."""
    topic.produce(views(seed=25, count=50))
    with http_server(lambda *_: Answer(403)) as (proxy, received):
        result = ingest(topic.address, topic.name, tmp_path / 'state',
                        ['--warehouse', f'file://{tmp_path}/lake', '--catalog', f'{scheme}://catalog.invalid'],
                        {**BASE, 'PAGEVIEWS_CATALOG_TOKEN': TOKEN, 'https_proxy': proxy, 'http_proxy': proxy})
    assert b'catalog.invalid' in received.data, result
    assert found(EVERY, received.data) == meant
    check_said(result, tmp_path / 'state')


def test_the_password_in_an_address_is_not_shown(topic, tmp_path):
    topic.produce(views(seed=26, count=50))
    with http_server(lambda *_: Answer(403)) as (catalog, _):
        address = catalog.replace('://', '://user:pass-word-of-the-address@')
        result = ingest(topic.address, topic.name, tmp_path / 'state',
                        ['--warehouse', f'file://{tmp_path}/lake', '--catalog', address], BASE)
    assert result.code == 4 and catalog in result.err, result
    check_said(result, tmp_path / 'state', {*EVERY, 'pass-word-of-the-address'})


@pytest.mark.parametrize('options,env,words', [
    (['--catalog-auth', 'bearer'], {}, 'PAGEVIEWS_CATALOG_TOKEN'),
    (['--catalog-auth', 'oauth2'], {}, 'PAGEVIEWS_CATALOG_CREDENTIAL'),
    ([], {'PAGEVIEWS_CATALOG_CREDENTIAL': 'no-colon-in-here'}, 'must be ID:SECRET'),
    ([], {'PAGEVIEWS_CATALOG_CREDENTIAL': 'no-secret-in-here:'}, 'must be ID:SECRET'),
    (['--catalog-auth', 'basic'], {}, '--catalog-auth'),
])
def test_a_way_without_what_it_needs_is_2(options, env, words, tmp_path):
    result = ingest('127.0.0.1:1', 'x', tmp_path / 'state',
                    ['--warehouse', f'file://{tmp_path}/lake', '--catalog', 'http://127.0.0.1:1', *options], {**BASE, **env})
    assert result.code == 2 and words in result.err and 'in-here' not in result.err, result
    assert not (tmp_path / 'state/pageviews.db').exists()


# Kafka

USER, PASSWORD = 'alice', 'password-of-the-broker'


@pytest.fixture(scope='module')
def cluster(tmp_path_factory):
    """Apache Kafka whose SASL listener advertises the port of a relay. Returns the cluster and the port."""
    folder = tmp_path_factory.mktemp('recorded-kafka')
    controller, plain, login, relayed = (free_port() for _ in range(4))
    (folder / 'ports').write_text(f'{controller} {plain} {login}\n')
    cluster = ApacheKafka(
        folder, settings={'advertised.listeners': f'PLAINTEXT://127.0.0.1:{plain},SASL_PLAINTEXT://127.0.0.1:{relayed}'},
        security=Security(listeners=('SASL_PLAINTEXT',), mechanisms=('PLAIN', 'SCRAM-SHA-512'), users=((USER, PASSWORD),)))
    try:
        yield cluster.start(), relayed, login
    finally:
        cluster.stop()


@pytest.mark.parametrize('mechanism,meant', [('SCRAM-SHA-512', set()), ('PLAIN', {PASSWORD})])
def test_a_broker_gets_its_login_alone(mechanism, meant, cluster, tmp_path):
    kafka, relayed, login = cluster
    topic = kafka.create_topic()
    topic.produce(views(seed=27, count=50))
    options = [word for setting in (
        'security.protocol=sasl_plaintext', f'sasl.mechanism={mechanism}', f'sasl.username={USER}', f'sasl.password={PASSWORD}',
        'debug=all') for word in ('--kafka-config', setting)]
    with relay(relayed, login) as received:
        result = ingest(f'127.0.0.1:{relayed}', topic.name, tmp_path / 'state',
                        [*options, '--warehouse', f'file://{tmp_path}/lake'], {**BASE, **CATALOG})
    assert result.code == 0, result
    assert topic.name.encode() in received.data
    assert found({*EVERY, PASSWORD}, received.data) == meant
    check_said(result, tmp_path / 'state', {*EVERY, PASSWORD})
    assert USER.encode() in received.data


def test_a_refused_login_does_not_quote_the_password(cluster, state, service):
    kafka, relayed, login = cluster
    topic = dataclasses.replace(kafka.create_topic(), address=f'127.0.0.1:{relayed}')
    options = [word for setting in ('security.protocol=sasl_plaintext', 'sasl.mechanism=PLAIN', f'sasl.username={USER}',
                                    'sasl.password=another-password', 'debug=all') for word in ('--kafka-config', setting)]
    with relay(relayed, login):
        running = service.start(topic, state, *options, '--log-level', 'debug')
        eventually(lambda: 'Authentication failed' in running.err, 'the login to be refused')
        said = program.run('status', '--state', str(state.path), '--format', 'json').out
        result, _ = running.stop(seconds=10)
    assert 'another-password' not in result.err + result.out + said


def test_the_settings_say_that_secrets_are_set():
    password = f'sasl.password={PASSWORD}'
    said = program.run('settings', 'ingest', '--kafka-config', password, env={**BASE, **CATALOG}, check=True).out
    rows = {line.split()[0]: line.split()[1] for line in said.splitlines() if line.strip()}
    for name in (*BASE, *CATALOG):
        assert rows[name] == 'set', said
    assert 'sasl.password=set' in said and not found({*EVERY, PASSWORD, CLIENT}, said.encode())
