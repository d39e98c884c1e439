"""Damaged files of the spool: their rows are read again from Kafka or from the state, and they are never exported."""
import random
import signal

import pytest

from support import damage, exports, program
from support.events import crowded_views

QUICK = ['--late-topic', 'off', '--export-interval', '200ms', '--compact-files', '2', '--keep-snapshots', '3']
WAYS = {'bit': damage.flip, 'end': damage.truncate, 'block': damage.zero, 'gone': lambda path, _: path.unlink()}


def leave_files(point, topic, state, service, options):
    """Rows in the table, and files in the spool that wait for its next commit."""
    topic.produce(crowded_views(seed=401, count=300))
    service.to_end(topic, state, *options)
    topic.produce(crowded_views(seed=402, count=300))
    for _ in range(5):
        killed = service.try_to_end(topic, state, *options, env={'PAGEVIEWS_FAIL_POINT': point})
        if killed.code == -signal.SIGKILL:
            # Files of a segment that was still open may be empty, and are worthless anyway.
            spool = state.path.with_name(state.path.name + '.spool')
            return sorted(path for path in spool.iterdir() if path.stat().st_size)
        assert killed.code == 0, killed.err
        topic.produce(crowded_views(seed=403, count=100))
    raise AssertionError(f'never killed at {point}')


@pytest.mark.parametrize('version,point,way', [
    (2, 'raw.written', 'bit'), (3, 'raw.written', 'end'), (2, 'raw.prepared', 'block'), (2, 'raw.prepared', 'end'),
    (3, 'raw.uploading', 'bit'), (2, 'raw.uploading', 'gone'), (2, 'counts.prepared', 'bit'), (3, 'counts.prepared', 'end'),
    (2, 'counts.prepared', 'gone'), (2, 'counts.rewrite.prepared', 'bit'), (3, 'raw.rewrite.prepared', 'block')])
def test_a_damaged_file_is_made_again(version, point, way, topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    options = [*warehouse.options, *QUICK, '--format-version', str(version)]
    files = leave_files(point, topic, state, service, options)
    chance = random.Random(f'{point} {way}')
    assert files, 'nothing waits: the test shows nothing'
    for path in files:
        WAYS[way](path, chance)
    result = service.try_to_end(topic, state, *options)
    if result.code != 0:
        # The damage is found when the file is sent. At the end of the input its rows are not read again.
        assert result.code == 1 and 'stays in the state and its spool for the next run' in result.err.splitlines()[-1]
        service.to_end(topic, state, *options)
    if way in ('bit', 'block'):
        assert 'that waits for export is damaged' in result.err, result.err
    spool = state.path.with_name(state.path.name + '.spool')
    assert any(path.name.startswith('damaged-') for path in spool.iterdir()) == (way != 'gone')
    exports.check_tables(warehouse, state, topic.read())
    proof = program.run('proof', '--state', str(state.path), *warehouse.options)
    assert proof.code == 0, proof.out + proof.err


def test_a_damaged_file_is_kept(topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    options = [*warehouse.options, *QUICK]
    path = next(path for path in leave_files('raw.prepared', topic, state, service, options) if path.suffix == '.parquet')
    whole = path.read_bytes()
    damage.flip(path, random.Random(1))
    damaged = path.read_bytes()
    running = service.start(topic, state, *options)
    exports.wait_exported(warehouse, 600)
    running.stop(seconds=20)
    assert path.with_name(f'damaged-{path.name}').read_bytes() == damaged != whole
