"""Tests the harness on Apache Kafka, without the program: other tests depend on it."""
import pytest

from support.apache_kafka import Security, make_certificates
from support.events import views
from support.kafka import Topic
from support.wait import eventually

USER = ('alice', 'a-secret')


@pytest.fixture(scope='module')
def three(make_apache_kafka):
    return make_apache_kafka(nodes=3)


@pytest.fixture(scope='module')
def secured(make_apache_kafka, tmp_path_factory):
    certificates = make_certificates(tmp_path_factory.mktemp('certificates'))
    security = Security(
        listeners=('SASL_PLAINTEXT', 'SASL_SSL'), mechanisms=('PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'),
        users=(USER,), certificates=certificates, acls=True)
    return make_apache_kafka(security=security), certificates


def test_what_is_produced_is_read(apache_kafka):
    topic = apache_kafka.create_topic(partitions=2)
    sent = list(views(seed=1, count=1000))
    topic.produce(sent)
    found = topic.read()
    assert sorted(record.value for records in found for record in records) == sorted(sent)


def test_a_topic_deleted_and_made_again_is_another(apache_kafka):
    first = apache_kafka.create_topic(name='again')
    first.produce([b'{}'] * 5)
    apache_kafka.delete_topic('again')
    second = apache_kafka.create_topic(name='again')
    assert second.end(0) == 0


def test_records_are_deleted_up_to_an_offset(apache_kafka):
    topic = apache_kafka.create_topic()
    topic.produce([b'{}'] * 10)
    apache_kafka.delete_records(topic.name, {0: 7})
    assert [record.offset for record in topic.read()[0]] == [7, 8, 9]


def test_tools_change_a_topic(apache_kafka):
    topic = apache_kafka.create_topic()
    apache_kafka.set_topic(topic.name, max_message_bytes='1000')
    said = apache_kafka.tool('configs', '--describe', '--entity-type', 'topics', '--entity-name', topic.name)
    assert 'max.message.bytes=1000' in said


def test_a_killed_and_a_hung_node_come_back_with_their_data(three):
    topic = three.create_topic()
    topic.produce(views(seed=2, count=200))
    leader = three.leader(topic.name)
    three.kill(leader)
    eventually(lambda: three.leader(topic.name) not in (leader, -1), 'another node to lead', seconds=60)
    topic.produce(views(seed=3, count=200))
    three.restart(leader)

    hung = three.leader(topic.name)
    three.hang(hung)
    try:
        def moved() -> bool:
            others = [three.address_of_node(node) for node in three.nodes if node != hung]
            seen = three.admin(','.join(others)).list_topics(topic.name, timeout=10).topics[topic.name]
            return seen.partitions[0].leader not in (hung, -1)
        eventually(moved, 'another node to lead while one hangs', seconds=60)
    finally:
        three.go_on(hung)
    assert len(topic.read()[0]) == 400


def oauth(**more: str) -> dict[str, str]:
    return {'sasl.mechanism': 'OAUTHBEARER', 'enable.sasl.oauthbearer.unsecure.jwt': 'true',
            'sasl.oauthbearer.config': f'principal={USER[0]}', **more}


def password(mechanism: str, **more: str) -> dict[str, str]:
    return {'sasl.mechanism': mechanism, 'sasl.username': USER[0], 'sasl.password': USER[1], **more}


LOGINS = {
    'plain': password('PLAIN'), 'scram-256': password('SCRAM-SHA-256'), 'scram-512': password('SCRAM-SHA-512'), 'oauth': oauth(),
}


@pytest.mark.parametrize('listener', ['SASL_PLAINTEXT', 'SASL_SSL'])
@pytest.mark.parametrize('login', LOGINS)
def test_a_login_reads_what_it_may(secured, login, listener):
    cluster, certificates = secured
    client = {**LOGINS[login], 'security.protocol': listener, 'ssl.ca.location': str(certificates.authority)}
    topic = cluster.create_topic(listener=listener, client=tuple(client.items()))
    Topic(cluster.address, topic.name, 1).produce([b'{}'] * 3)
    cluster.allow(USER[0], ['read', 'describe'], topic=topic.name, group='oracle')
    assert len(topic.read()[0]) == 3


def test_a_right_that_is_missing_is_missed(secured):
    cluster, _ = secured
    client = {**LOGINS['plain'], 'security.protocol': 'SASL_PLAINTEXT'}
    topic = cluster.create_topic(listener='SASL_PLAINTEXT', client=tuple(client.items()))
    cluster.allow(USER[0], ['write', 'describe'], topic=topic.name)
    cluster.allow(USER[0], ['idempotent_write'], cluster=True)
    assert topic.produce([b'{}']) == 1
    cluster.forbid(USER[0], ['write'], topic=topic.name)
    with pytest.raises(AssertionError, match='1 records not sent|TOPIC_AUTHORIZATION_FAILED'):
        topic.produce([b'{}'], seconds=5)


def test_a_client_without_a_certificate_is_refused(make_apache_kafka, tmp_path):
    certificates = make_certificates(tmp_path)
    cluster = make_apache_kafka(
        security=Security(listeners=('SSL',), certificates=certificates, client_certificates=True))
    tls = {'security.protocol': 'SSL', 'ssl.ca.location': str(certificates.authority)}
    known = {**tls, 'ssl.certificate.location': str(certificates.certificate('client')),
             'ssl.key.location': str(certificates.key('client'))}
    topic = cluster.create_topic(listener='SSL', client=tuple(known.items()))
    topic.produce([b'{}'])
    assert len(topic.read()[0]) == 1
    without_login = Topic(topic.address, topic.name, 1, tuple(tls.items()))
    with pytest.raises(AssertionError, match='1 records not sent'):
        without_login.produce([b'{}'], seconds=5)
