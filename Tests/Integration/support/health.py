"""`pageviews status --format json`, as scripts read it."""
import json
import time

from . import program
from .wait import eventually

# The promise of the guide.
SECONDS = 10
KEYS = {'healthy', 'reasons', 'generation', 'lag', 'watermark', 'watermark_held_by', 'backlog', 'last_export_at', 'incidents'}


def status(state):
    """The JSON document; the exit code has to say the same."""
    result = program.run('status', '--state', str(state.path), '--format', 'json')
    document = json.loads(result.out)
    assert result.code == (0 if document['healthy'] else 1), result
    assert result.err == '' and document['healthy'] == (document['reasons'] == []), result
    return document


def codes(state):
    return [reason['code'] for reason in status(state)['reasons']]


def wait_for(state, code, seconds=SECONDS):
    """The sentence of the reason with this code, once it is there; what to do about it stands beside it."""
    def found():
        reasons = [reason for reason in status(state)['reasons'] if reason['code'] == code]
        assert all(reason['advice'] and reason.keys() == {'code', 'text', 'since', 'advice'} for reason in reasons)
        return [reason['text'] for reason in reasons]
    return eventually(found, f'status to say {code}', seconds, every=0.2)[0]


def wait_healthy(state, seconds=SECONDS):
    eventually(lambda: status(state)['healthy'], 'status to be healthy', seconds, every=0.2)


def always_healthy(state, is_over, seconds=SECONDS):
    """Looks again and again until it is over."""
    started = time.monotonic()
    while not is_over():
        found = status(state)
        assert found['healthy'], found['reasons']
        assert time.monotonic() - started < seconds
        time.sleep(0.1)
