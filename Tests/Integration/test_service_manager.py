"""Notifications to a service manager by the protocol of sd_notify(3): datagrams to the socket in NOTIFY_SOCKET."""
import contextlib
import os
import socket
import subprocess

import pytest

from support import program
from support.wait import eventually


@contextlib.contextmanager
def listening(place):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(place)
        manager.setblocking(False)
        heard = []

        def hear():
            with contextlib.suppress(BlockingIOError):
                while True:
                    heard.extend(manager.recv(4096).decode().split('\n'))
            return heard
        yield hear


@pytest.mark.parametrize('kind', ['path', 'abstract'])
def test_it_says_ready_when_it_counts_and_goes_on_with_the_watchdog(kind, service, topic, state):
    # Not in the test's folder, because a socket's path has at most 108 bytes.
    name = f'/tmp/pageviews-{os.getpid()}-{kind}' if kind == 'path' else f'@pageviews-{os.getpid()}'
    try:
        with listening(name.replace('@', '\0')) as hear:
            running = service.start(topic, state, env={'NOTIFY_SOCKET': name})
            eventually(lambda: 'READY=1' in hear() and hear().count('WATCHDOG=1') > 2, 'ready, and a heartbeat')
            assert hear().count('READY=1') == 1 and f'STATUS=counting {topic.name}' in hear()
            result, _ = running.stop()
            assert result.code == 0
    finally:
        if kind == 'path':
            os.unlink(name)


def test_while_kafka_is_away_it_is_not_ready_and_says_what_it_waits_for(service, topic, state):
    nobody = type(topic)('127.0.0.1:1', topic.name, 1)
    with listening(f'\0pageviews-{os.getpid()}-away') as hear:
        service.start(nobody, state, env={'NOTIFY_SOCKET': f'@pageviews-{os.getpid()}-away'})
        eventually(lambda: any(line.startswith(f'STATUS=waiting for Kafka at 127.0.0.1:1, topic {topic.name}: ') for line in hear())
                   and hear().count('WATCHDOG=1') > 2, 'a status and a heartbeat')
        assert 'READY=1' not in hear()


def test_standard_error_that_is_no_journal_has_no_marks():
    result = program.run('ingest', '--window', 'never', env={'JOURNAL_STREAM': '1:2'})
    assert result.code == 2 and result.err.startswith('Error: ')


def test_standard_error_that_is_the_journal_has_priorities(tmp_path):
    with (tmp_path / 'journal').open('wb') as journal:
        facts = os.fstat(journal.fileno())
        stream = f'{facts.st_dev}:{facts.st_ino}'
        done = subprocess.run([program.BINARY, 'ingest', '--config', tmp_path / 'none'], stdin=subprocess.DEVNULL, stderr=journal,
                              env=program.clean_environment({'JOURNAL_STREAM': stream}), check=False)
    assert done.returncode == 2 and (tmp_path / 'journal').read_text().startswith('<3>pageviews: ')
