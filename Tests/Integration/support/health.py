"""`pageviews status --format json`, as scripts read it."""
import json
import time

from . import program
from .wait import eventually

# The time in which the guide says that a fault shows.
SECONDS = 10
KEYS = {'healthy', 'reasons', 'generation', 'lag', 'watermark', 'watermark_held_by', 'backlog', 'last_export_at', 'incidents'}


def status(state):
    """The JSON document; checks that the exit code agrees."""
    result = program.run('status', '--state', str(state.path), '--format', 'json')
    document = json.loads(result.out)
    assert result.code == (0 if document['healthy'] else 1), result
    assert result.err == '' and document['healthy'] == (document['reasons'] == []), result
    return document


def codes(state):
    return [reason['code'] for reason in status(state)['reasons']]


def wait_for(state, code, seconds=SECONDS):
    """Waits for the reason with this code and returns its sentence; checks that it has advice."""
    def found():
        reasons = [reason for reason in status(state)['reasons'] if reason['code'] == code]
        assert all(reason['advice'] and reason.keys() == {'code', 'text', 'since', 'advice'} for reason in reasons)
        return [reason['text'] for reason in reasons]
    return eventually(found, f'status to say {code}', seconds, every=0.2)[0]


def wait_healthy(state, seconds=SECONDS):
    eventually(lambda: status(state)['healthy'], 'status to be healthy', seconds, every=0.2)


def always_healthy(state, is_over, seconds=SECONDS):
    """Checks the health repeatedly until `is_over`."""
    started = time.monotonic()
    while not is_over():
        found = status(state)
        assert found['healthy'], found['reasons']
        assert time.monotonic() - started < seconds
        time.sleep(0.1)
