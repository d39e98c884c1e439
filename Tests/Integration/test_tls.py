"""TLS through --kafka-config, as every librdkafka setting."""
import subprocess

import pytest

from support import oracle
from support.events import views
from support.kafka import create_topic
from support.oracle import Stored
from support.wait import eventually


@pytest.fixture
def certificate(tmp_path):
    """A self-signed certificate for 127.0.0.1, with its key in the same file."""
    pem = tmp_path / 'server.pem'
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost',
                    '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', pem, '-out', tmp_path / 'ca.pem'],
                   check=True, capture_output=True)
    pem.write_bytes(pem.read_bytes() + (tmp_path / 'ca.pem').read_bytes())
    return pem


@pytest.fixture
def topic(own_broker, certificate):
    """A topic behind TLS."""
    broker = own_broker(env={'KAFKA_TLS': str(certificate)}).start()
    client = (('security.protocol', 'ssl'), ('ssl.ca.location', str(certificate.with_name('ca.pem'))))
    return create_topic(broker.address, client=client)


def test_a_topic_behind_tls_is_counted(topic, state, service):
    topic.produce(views(seed=101, count=1000))
    service.to_end(topic, state, *(part for name, value in topic.client for part in ('--kafka-config', f'{name}={value}')))
    oracle.check_exact(topic.read(), Stored.of(state))


def test_a_certificate_that_is_not_trusted_is_said_and_nothing_is_read(topic, state, service):
    running = service.start(topic, state, '--kafka-config', 'security.protocol=ssl')
    eventually(lambda: 'certificate' in running.err.lower(), 'a message on the certificate', seconds=20)
    result, _ = running.stop()
    assert result.code == 0 and state.consumed() == 0
