"""`pageviews ingest` against Apache Kafka: counts, and every kind of login."""
import pytest

from support import oracle, program
from support.apache_kafka import Security, make_certificates
from support.events import views
from support.kafka import Topic
from support.oracle import Stored

USER, PASSWORD = 'alice', 'a-secret'
SASL = {
    'plain': {'sasl.mechanism': 'PLAIN', 'sasl.username': USER, 'sasl.password': PASSWORD},
    'scram-256': {'sasl.mechanism': 'SCRAM-SHA-256', 'sasl.username': USER, 'sasl.password': PASSWORD},
    'scram-512': {'sasl.mechanism': 'SCRAM-SHA-512', 'sasl.username': USER, 'sasl.password': PASSWORD},
    'oauth': {'sasl.mechanism': 'OAUTHBEARER', 'enable.sasl.oauthbearer.unsecure.jwt': 'true',
              'sasl.oauthbearer.config': f'principal={USER}'},
}


@pytest.fixture(scope='module')
def certificates(tmp_path_factory):
    return make_certificates(tmp_path_factory.mktemp('certificates'))


@pytest.fixture(scope='module')
def secured(make_apache_kafka, certificates):
    """SSL requires a client certificate, the SASL listeners a login."""
    return make_apache_kafka(
        settings={'listener.name.ssl.ssl.client.auth': 'required'},
        security=Security(listeners=('SSL', 'SASL_PLAINTEXT', 'SASL_SSL'),
                          mechanisms=('PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'),
                          users=((USER, PASSWORD),), certificates=certificates))


def options(client: dict[str, str]) -> list[str]:
    return [word for name, value in client.items() for word in ('--kafka-config', f'{name}={value}')]


def count(cluster, listener: str, client: dict[str, str], state, service) -> None:
    """Counts through `listener`, and compares with the records read without a login."""
    topic = cluster.create_topic()
    topic.produce(views(seed=8, count=1000))
    service.to_end(Topic(cluster.address_of(listener), topic.name, 1), state,
                   *options({'security.protocol': listener, **client}))
    oracle.check_exact(topic.read(), Stored.of(state))


def test_ten_thousand_events_are_counted_as_a_naive_counter_does(apache_kafka, state, service):
    topic = apache_kafka.create_topic()
    topic.produce(views(seed=7, count=10_000))
    service.to_end(topic, state)
    oracle.check_exact(topic.read(), Stored.of(state))


@pytest.mark.parametrize('listener', ['SASL_PLAINTEXT', 'SASL_SSL'])
@pytest.mark.parametrize('login', SASL)
def test_a_login_counts(secured, certificates, state, service, login, listener):
    tls = {'ssl.ca.location': str(certificates.authority)} if listener == 'SASL_SSL' else {}
    count(secured, listener, {**SASL[login], **tls}, state, service)


def test_a_client_certificate_counts(secured, certificates, state, service):
    count(secured, 'SSL', {'ssl.ca.location': str(certificates.authority),
                           'ssl.certificate.location': str(certificates.certificate('client')),
                           'ssl.key.location': str(certificates.key('client'))}, state, service)


def test_tls_alone_counts(make_apache_kafka, certificates, state, service):
    cluster = make_apache_kafka(security=Security(listeners=('SSL',), certificates=certificates))
    count(cluster, 'SSL', {'ssl.ca.location': str(certificates.authority)}, state, service)


def test_a_refused_login_ends_what_is_to_end_by_itself(secured, state, service):
    topic = secured.create_topic()
    topic.produce(views(seed=9, count=10))
    login = {**SASL['scram-512'], 'sasl.password': 'another', 'security.protocol': 'SASL_PLAINTEXT'}
    result = service.try_to_end(Topic(secured.address_of('SASL_PLAINTEXT'), topic.name, 1), state, *options(login), seconds=100)
    last = result.err.splitlines()[-1]
    assert result.code == 4, result.err
    assert 'uthentication' in last and 'was not reached for 60 s' in last and 'another' not in result.err, result.err
    assert state.consumed() == 0


def test_the_libraries_are_named(state):
    said = program.run('--version', check=True).out
    assert 'librdkafka' in said and 'SQLite' in said
