"""Late events, retention, backfill, a lost state and its restore in one scenario, on every kind of warehouse."""
import collections
import itertools
import os
import pty
import subprocess

import pytest

from support import backfills, outbox, program
from support.events import HOUR_MS, MINUTE_MS, SAMPLE_MS, event, views
from support.lake import COUNTS, RAW
from support.oracle import Rules
from test_maintenance import maintain
from test_proof import assert_equal, prove
from test_restore import lose, restore, try_restore

RULES = Rules(allowed_lateness_ms=HOUR_MS)
LATENESS = ['--allowed-lateness', '1h']
_numbers = itertools.count(1)


def hours(part):
    """Four hours of views, a fifth of them one to three hours late, and one malformed record."""
    start = SAMPLE_MS + 4 * part * HOUR_MS
    for number in range(240):
        age = HOUR_MS + (7 * number % 120) * MINUTE_MS + 5 * MINUTE_MS if number % 5 == 4 else 0
        yield event(['E1', 'N1', 'É', 'SW19 1AA'][number % 4], start + number * MINUTE_MS - age, user_id=number)
    yield b'no event'


def everything(state, warehouse):
    return state.everything(), [snapshot.snapshot_id for name in (COUNTS, RAW) for snapshot in warehouse.snapshots(name)]


@pytest.mark.parametrize('version', [2, 3])
def test_from_late_events_to_equal_sums(version, topic, state, service, make_warehouse):
    warehouse, late_topic = make_warehouse(), f'story-{next(_numbers)}'
    options = [*warehouse.options, *LATENESS, '--retention', '0s', '--late-topic', late_topic, '--format-version', str(version)]

    def ingest(part):
        topic.produce(hours(part))
        service.to_end(topic, state, *options)
        whole = backfills.whole(topic, RULES)
        assert 0 < len(state.counts()) < len(whole), 'no count has left the state'
        assert backfills.not_backfilled(state)
        return whole

    def backfill(whole):
        backfills.complete(state, warehouse)
        assert not backfills.not_backfilled(state)
        backfills.check_table(warehouse, whole)
        assert_equal(prove(state, warehouse))

    for part in range(2):
        backfill(ingest(part))
    outbox.check(topic, topic.read(), late_topic, state.late(), state)
    late = set(state.late())
    lose(state)
    assert 'checks of its proof are equal' in try_restore(state, warehouse, *LATENESS).out
    assert set(state.late()) == late and not backfills.not_backfilled(state)
    # All counts are back until the next export, which exports nothing for them.
    assert state.counts() == dict(backfills.whole(topic, RULES))
    backfill(ingest(2))
    before = everything(state, warehouse)
    for span in ([], ['--from', '2021-01-01']):
        backfills.complete(state, warehouse, *span)
        assert everything(state, warehouse) == before
    # Nothing was published again, because nothing was read again.
    sent = outbox.read(topic.address, late_topic)
    assert {record.origin for record in sent} == set(state.late()) and len(sent) == len(state.late())


@pytest.mark.parametrize('kind', ['s3', 'rest'])
def test_it_works_in_a_bucket_too(kind, topic, state, service, make_warehouse):
    warehouse = make_warehouse(kind)
    topic.produce(views(501, count=300))
    service.to_end(topic, state, *warehouse.options, env=warehouse.environment)
    late = collections.Counter(state.late()[place] for place in backfills.not_backfilled(state))
    counts = state.counts()
    dry = backfills.printed(backfills.complete(state, warehouse, '--dry-run'))
    assert dry == {window: (counts.get(window, 0), counts.get(window, 0) + number) for window, number in late.items()}
    backfills.complete(state, warehouse)
    backfills.check_table(warehouse, backfills.whole(topic))
    assert_equal(prove(state, warehouse))
    counts = state.counts()
    lose(state)
    restore(state, warehouse)
    assert state.counts() == counts and not backfills.not_backfilled(state)
    assert_equal(prove(state, warehouse))


def expire(state, warehouse):
    """Expires all snapshots except the newest of each table."""
    result = maintain(state, warehouse, '--keep-snapshots', '1')
    assert result.code == 0, result.err
    for name in (COUNTS, RAW):
        assert len(warehouse.table(name).metadata.snapshots) == 1


def test_expired_snapshots_are_not_missed(topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    options = [*warehouse.options, '--no-maintenance']
    for seed in (511, 512):
        topic.produce(views(seed, count=300))
        service.to_end(topic, state, *options)
        backfills.complete(state, warehouse, '--no-maintenance')
    expire(state, warehouse)
    assert_equal(prove(state, warehouse))
    counts = state.counts()
    lose(state)
    restore(state, warehouse)
    assert state.counts() == counts and not backfills.not_backfilled(state)
    topic.produce(views(514, count=200))
    service.to_end(topic, state, *options)
    backfills.complete(state, warehouse)
    backfills.check_table(warehouse, backfills.whole(topic))
    assert_equal(prove(state, warehouse))


def test_a_partition_without_raw_rows_begins_where_the_raw_table_ends_once_its_start_has_expired(
        make_topic, state, service, make_warehouse):
    topic, warehouse = make_topic(2), make_warehouse()
    for seed in (521, 522):
        topic.produce(views(seed, count=200, malformed=0), partition=0)
        topic.produce([b'no event'] * 3, partition=1)
        service.to_end(topic, state, *warehouse.options, '--no-maintenance')
    expire(state, warehouse)
    lose(state)
    restore(state, warehouse)
    partitions = state.partitions()
    assert [partitions[number]['next_offset'] for number in (0, 1)] == [400, 6]
    topic.produce(views(523, count=100), partition=1)
    service.to_end(topic, state, *warehouse.options)
    assert_equal(prove(state, warehouse))


def test_a_dry_run_works_beside_a_service(topic, state, service, make_warehouse):
    from support.exports import wait_exported
    warehouse = make_warehouse()
    topic.produce(views(seed=531, count=300))
    running = service.start(topic, state, *warehouse.options, '--export-interval', '100ms')
    wait_exported(warehouse, 300)
    dry = backfills.printed(backfills.complete(state, warehouse, '--dry-run'))
    late = collections.Counter(state.late().values())
    assert {window: new - old for window, (old, new) in dry.items()} == late and late
    result = backfills.run(state, warehouse)
    assert result.code == 5 and '--dry-run works beside it' in result.err, result
    assert running.stop(seconds=10)[0].code == 0
    backfills.complete(state, warehouse)
    assert {window: state.counts()[window] for window in dry} == {window: new for window, (_, new) in dry.items()}


def test_a_terminal_shows_a_bar_that_is_gone_in_the_end_and_others_get_lines(topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    topic.produce(views(seed=551, count=300))
    service.to_end(topic, state, *warehouse.options)
    arguments = ['--dry-run', '--counts-per-chunk', '3']
    lines = backfills.complete(state, warehouse, *arguments).err.splitlines()
    assert [line for line in lines if line.startswith('backfill: ')] and '\x1b' not in ''.join(lines)
    ours, theirs = pty.openpty()
    with subprocess.Popen([program.BINARY, 'backfill', '--state', state.path, *warehouse.options, *arguments],
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs,
                          env=program.clean_environment()) as running:
        os.close(theirs)
        shown = b''
        while piece := read(ours):
            shown += piece
    os.close(ours)
    assert running.returncode == 0
    bars, end = shown.decode().rsplit('\x1b[K', 1)
    assert '\r[' + '.' * 40 + '] 0 of ' in bars and '] ' not in end and end.strip() == lines[-1]


def read(terminal):
    """The output; empty when the other side is closed, which Linux reports as an error."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b''
