"""`pageviews restore`: after the loss of the state, a restored one ends with the result of an uninterrupted run."""
import concurrent.futures
import json
import pathlib
import random
import shutil
import time

import pyarrow
import pytest

from support import backfills, oracle, outbox, program, tamper
from support.events import DAY_MS, SAMPLE_MS, event, views
from support.kafka import MockCluster, create_topic
from support.lake import COUNTS, RAW, Warehouse, is_rewrite
from support.oracle import Stored
from support.service import Service
from support.state import State
from support.wait import eventually
from test_proof import assert_equal, prove

SEEDS = range(20)


def lose(state):
    """Removes the state file and the files beside it."""
    for suffix in ('', '-wal', '-shm', '.lock', '.health'):
        state.path.with_name(state.path.name + suffix).unlink(missing_ok=True)
    shutil.rmtree(state.path.with_name(state.path.name + '.spool'), ignore_errors=True)


def exported_end(warehouse, table):
    """The end (exclusive) of the offsets of partition 0 that a table has."""
    snapshots = warehouse.table(table).snapshots() if warehouse.has(table) else []
    ends = [json.loads(snapshot.summary['pageviews.offsets'])['0'][1] for snapshot in snapshots
            if 'pageviews.offsets' in snapshot.summary]
    return max(ends, default=0)


def try_restore(state, warehouse, *options):
    return program.run('restore', '--state', str(state.path), *warehouse.options, *options, env=warehouse.environment)


def restore(state, warehouse):
    result = try_restore(state, warehouse)
    assert result.code == 0, result.err
    assert 'checks of its proof are equal' in result.out
    return result


def check_whole(topic, state, warehouse):
    """Checks that the state equals the oracle's result for all records, and that the tables and the proof agree."""
    oracle.check_exact(topic.read(), Stored.of(state))
    report = prove(state, warehouse)
    assert_equal(report)
    wanted = sorted(((postcode, start * 1000, count) for (postcode, start), count in state.counts().items()), key=repr)
    assert warehouse.by_pyiceberg(COUNTS) == wanted


@pytest.mark.parametrize('version', [2, 3])
def test_a_state_that_was_exported_to_the_end_comes_back_whole(version, topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    options = [*warehouse.options, '--format-version', str(version)]
    for seed in (21, 22):
        topic.produce(views(seed, count=1500))
        service.to_end(topic, state, *options)
    before = state.everything()
    lose(state)
    restore(state, warehouse)
    after = state.everything()
    assert after['counts'] == before['counts']
    places = [[(row['kafka_partition'], row['kafka_offset']) for row in rows['late']] for rows in (before, after)]
    assert places[0] == places[1] and places[0]
    assert_equal(prove(state, warehouse))
    topic.produce(views(23, count=500))
    service.to_end(topic, state, *options)
    check_whole(topic, state, warehouse)


@pytest.mark.parametrize('seeds', [SEEDS[:10], SEEDS[10:]], ids=['0-9', '10-19'])
def test_a_state_lost_at_a_random_moment_ends_as_if_it_never_was(seeds, broker, tmp_path):
    """Runs several at a time, because most of the time is waiting."""
    with concurrent.futures.ThreadPoolExecutor(5) as workers:
        for seed, outcome in [(seed, workers.submit(lose_at_random, seed, broker, tmp_path / f'{seed}')) for seed in seeds]:
            try:
                outcome.result(120)
            except Exception as failure:
                raise AssertionError(f'seed {seed}') from failure


def lose_at_random(seed, broker, folder):
    folder.mkdir()
    topic, state, service = create_topic(broker.address), State(folder / 'pageviews.db'), Service(folder / 'logs')
    warehouse = Warehouse(f'file://{folder}/warehouse')
    chance = random.Random(seed)
    options = [*warehouse.options, '--late-topic', 'off', '--export-interval', '100ms', '--flush-interval', '10ms']
    values = list(views(1000 + seed, count=1500))
    first, cut = sorted(chance.sample(range(50, 1400), 2))
    topic.produce(values[:first])
    service.to_end(topic, state, *options)
    # The process and its state are lost while the second part is read.
    running = service.start(topic, state, *options)
    try:
        topic.produce(values[first:cut])
        time.sleep(chance.uniform(0, 0.6))  # the random moment; nothing is concluded from its length
        assert running.alive(), running.err
    finally:
        running.kill()
    lose(state)
    restore(state, warehouse)
    topic.produce(values[cut:])
    service.to_end(topic, state, *options)
    check_whole(topic, state, warehouse)


@pytest.mark.parametrize('point', ['raw.committed', 'counts.committed', 'raw.settled', 'counts.staged'])
def test_a_state_lost_between_two_commits_ends_as_if_it_never_was(point, topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    topic.produce(views(31, count=600))
    service.to_end(topic, state, *warehouse.options)
    topic.produce(views(32, count=600))
    result = service.try_to_end(topic, state, *warehouse.options, env={'PAGEVIEWS_FAIL_POINT': point})
    assert result.code == -9
    lose(state)
    restore(state, warehouse)
    topic.produce(views(33, count=300))
    service.to_end(topic, state, *warehouse.options)
    check_whole(topic, state, warehouse)


def get_ahead(topic, state, service, warehouse, *options):
    """The counts table includes the last 100 records; the raw table does not have them yet."""
    # Usually the raw segment is still open at the first export; retry if it was not.
    for seed in range(350, 360):
        running = service.start(topic, state, *warehouse.options, '--export-interval', '2s', *options)
        try:
            topic.produce(views(seed, count=100))
            eventually(lambda: exported_end(warehouse, COUNTS) == topic.end(0), 'that the counts are exported')
        finally:
            running.kill()
        if exported_end(warehouse, RAW) < exported_end(warehouse, COUNTS):
            return


def test_it_works_where_every_retained_snapshot_of_the_counts_is_ahead_of_the_raw_rows(topic, state, service, make_warehouse):
    """Counts come from the raw rows alone; what the counts table has beyond them is re-read from Kafka."""
    warehouse = make_warehouse()
    topic.produce(views(34, count=600))
    service.to_end(topic, state, *warehouse.options)
    get_ahead(topic, state, service, warehouse)
    maintain = program.run('maintain', '--state', str(state.path), *warehouse.options, '--keep-snapshots', '1')
    assert maintain.code == 0, maintain.err
    assert exported_end(warehouse, RAW) < exported_end(warehouse, COUNTS)
    assert len(warehouse.table(COUNTS).snapshots()) == 1
    lose(state)
    restored = restore(state, warehouse)
    assert 'comparing' not in restored.err, 'no snapshot was left to compare with'
    assert 'the last 100 offsets that the counts table has are read again' in restored.out
    topic.produce(views(36, count=300))
    service.to_end(topic, state, *warehouse.options)
    check_whole(topic, state, warehouse)


def test_it_works_through_a_catalog_and_after_another_program_committed(topic, state, service, make_warehouse):
    """Another program dropped a day of counts: restore takes the rows from the raw table, and the next export adds them again."""
    warehouse = make_warehouse('rest')
    for seed in (44, 45):
        topic.produce(views(seed, count=400))
        service.to_end(topic, state, *warehouse.options, env=warehouse.environment)
    day = state.rows('SELECT min(timestamp) AS first FROM postcode_view_count')[0]['first'][:10]
    warehouse.table(COUNTS).delete(f"timestamp >= '{day}T00:00:00+00:00' and timestamp <= '{day}T23:59:59.999999+00:00'")
    lose(state)
    restore(state, warehouse)
    service.to_end(topic, state, *warehouse.options, env=warehouse.environment)
    check_whole(topic, state, warehouse)


def test_several_partitions_go_on_where_they_were(make_topic, state, service, make_warehouse):
    topic, warehouse = make_topic(3), make_warehouse()
    for seed in (41, 42):
        topic.produce(views(seed, count=1500))
        service.to_end(topic, state, *warehouse.options)
        lose(state)
        restore(state, warehouse)
    topic.produce(views(43, count=900))
    service.to_end(topic, state, *warehouse.options)
    oracle.check_possible(topic.read(), Stored.of(state), from_the_start=False)
    assert_equal(prove(state, warehouse))


def test_an_existing_state_is_never_touched(topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    topic.produce(views(51, count=100))
    service.to_end(topic, state, *warehouse.options)
    before = state.path.read_bytes()
    result = try_restore(state, warehouse)
    assert result.code == 1 and f'{state.path} exists' in result.err
    assert state.path.read_bytes() == before
    running = service.start(topic, state, *warehouse.options)
    try:
        eventually_locked(state)
        result = try_restore(state, warehouse)
        assert result.code == 5 and 'pageviews ingest' in result.err, result.err
    finally:
        running.stop()


def eventually_locked(state):
    from support.wait import eventually
    lock = state.path.with_name(state.path.name + '.lock')
    eventually(lambda: 'pid' in lock.read_text(), 'the lock')


def test_nothing_to_restore_from_is_said(state, make_warehouse):
    warehouse = make_warehouse()
    result = try_restore(state, warehouse)
    assert result.code == 1 and 'no table to restore from' in result.err
    assert not state.path.exists()
    result = program.run('restore', '--state', str(state.path))
    assert result.code == 2 and '--warehouse' in result.err


@pytest.mark.parametrize('name', [COUNTS, RAW])
def test_damaged_tables_are_refused_by_name(name, topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    topic.produce(views(61, count=800))
    service.to_end(topic, state, *warehouse.options)
    lose(state)
    path = tamper.live_files(warehouse, name)[0]
    whole = path.read_bytes()
    path.unlink()
    result = try_restore(state, warehouse)
    assert result.code == 1 and path.name in result.err, result.err
    path.write_bytes(whole)
    tamper.rewrite(path, tamper.one_count if name == COUNTS else tamper.another_row_instead)
    result = try_restore(state, warehouse)
    assert result.code == 1, result.err
    assert [found.name for found in state.path.parent.glob(state.path.name + '*') if not found.name.endswith('.lock')] == []
    path.write_bytes(whole)
    restore(state, warehouse)


@pytest.mark.parametrize('column,value,words', [
    ('kafka_partition', -1, 'kafka_partition -1 cannot be'), ('kafka_partition', 7, 'its snapshots end at 0'),
    ('kafka_offset', 10**9, 'its snapshots end at'), ('kafka_offset', 2**63 - 1, 'cannot be'),
])
def test_a_raw_row_that_nobody_exported_is_refused(column, value, words, topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    topic.produce(views(seed=230, count=300))
    service.to_end(topic, state, *warehouse.options, env=warehouse.environment)
    lose(state)
    tamper.rewrite(tamper.live_files(warehouse, RAW)[0], tamper.value(column, value))
    result = try_restore(state, warehouse)
    assert result.code == 1 and words in result.err, result
    assert not state.path.exists()


def test_backfilled_windows_come_back_with_their_late_events(topic, state, service, make_warehouse):
    """A late event that was later added to its count, as by a backfill."""
    warehouse = make_warehouse()
    topic.produce(views(71, count=1200))
    service.to_end(topic, state, *warehouse.options)
    row = state.rows('SELECT kafka_offset, postcode, "window" FROM late_events LIMIT 1')[0]
    key = f"unixepoch('{row['window']}')"
    import contextlib
    import sqlite3
    with contextlib.closing(sqlite3.connect(state.path)) as connection:
        connection.execute('UPDATE progress SET generation = generation + 1')
        connection.execute(f"INSERT INTO windows VALUES ({key}, '{row['window']}', (SELECT generation FROM progress)) "
                           'ON CONFLICT DO UPDATE SET generation = excluded.generation')
        connection.execute(f"INSERT INTO counts VALUES ({key}, ?, 1, (SELECT generation FROM progress)) "
                           'ON CONFLICT DO UPDATE SET count = count + 1, generation = excluded.generation', [row['postcode']])
        connection.execute('UPDATE late SET backfilled_at_ms = 1 WHERE kafka_offset = ?', [row['kafka_offset']])
        connection.execute("INSERT INTO meta VALUES ('backfilled_events', '1')")
        connection.commit()
    service.to_end(topic, state, *warehouse.options)
    assert_equal(prove(state, warehouse))
    before = state.everything()['counts']
    lose(state)
    restore(state, warehouse)
    assert state.everything()['counts'] == before
    assert state.rows('SELECT count(*) AS n FROM late_events WHERE backfilled_at IS NOT NULL') == [{'n': 1}]
    assert json.loads(program.run('proof', '--state', str(state.path), *warehouse.options, '--format', 'json').out)['equal']


@pytest.mark.parametrize('point', [None, 'late.sent'])
def test_what_the_lost_state_published_is_not_published_again(point, topic, state, service, make_warehouse):
    """Events beyond the raw table's end are re-read, and become late and rejected rows with other numbers."""
    warehouse, (late, rejected) = make_warehouse(), (f'late-{topic.name}', f'rejected-{topic.name}')
    options = [*warehouse.options, '--late-topic', late, '--rejected-topic', rejected]
    topic.produce(views(81, count=400))
    service.to_end(topic, state, *options)
    running = service.start(topic, state, *options, '--export-interval', '1h')
    try:
        topic.produce(views(82, count=400))
        waiting = 'SELECT (SELECT count(*) FROM late WHERE published_at_ms IS NULL) + (SELECT count(*) FROM rejected ' \
                  'WHERE published_at_ms IS NULL AND payload IS NOT NULL) AS n'
        eventually(lambda: state.consumed() == 800 and state.rows(waiting) == [{'n': 0}], 'that all is published')
    finally:
        running.kill()
    assert exported_end(warehouse, RAW) == 400
    sent = [outbox.read(topic.address, name) for name in (late, rejected)]
    assert all(any(record.origin[1] >= 400 for record in records) for records in sent), 'nothing is read again'
    published = [len(records) for records in sent]
    lose(state)
    restore(state, warehouse)
    if point:
        killed = service.try_to_end(topic, state, *options, env={'PAGEVIEWS_FAIL_POINT': point})
        assert killed.code in (0, -9)
    service.to_end(topic, state, *options)
    assert [len(outbox.read(topic.address, name)) for name in (late, rejected)] == published
    topic.produce(views(83, count=400))
    service.to_end(topic, state, *options)
    outbox.check(topic, topic.read(), late, state.late(), state)
    origins = [record.origin for record in outbox.read(topic.address, rejected)]
    assert len(origins) == len(set(origins)) > published[1]
    assert state.rows("SELECT count(*) AS n FROM meta WHERE key GLOB 'restored.*'") == [{'n': 0}]
    check_whole(topic, state, warehouse)


@pytest.mark.parametrize('point', [None, 'raw.settled'])
def test_an_event_of_the_future_does_not_make_honest_ones_late(point, topic, state, service, make_warehouse):
    """A future event never moved the watermark, and does not when it is restored later, with its counts exported or not."""
    warehouse = make_warehouse()
    options = ['--window', '1s', '--watermark-delay', '0s', '--allowed-lateness', '0s', '--max-future-skew', '0s']
    start = round(time.time() * 1000)
    topic.produce([event('E1', start - 60_000)])
    service.to_end(topic, state, *warehouse.options, *options)
    ahead = round(time.time() * 1000) + 3000
    topic.produce([event('E1', ahead)])
    service.try_to_end(topic, state, *warehouse.options, *options, env={'PAGEVIEWS_FAIL_POINT': point} if point else None)
    assert exported_end(warehouse, RAW) == 2 and time.time() * 1000 < ahead, 'it has to be exported before its time'
    lose(state)
    eventually(lambda: time.time() * 1000 > ahead + 100, 'that the event is of the past')
    assert try_restore(state, warehouse, *options).code == 0
    topic.produce([event('E1', start - 50_000)])
    service.to_end(topic, state, *warehouse.options, *options)
    assert state.late() == {} and sum(state.counts().values()) == 3


def test_a_rewrite_before_reading_on_does_not_hide_that_the_table_is_ahead(topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    topic.produce(views(37, count=600))
    service.to_end(topic, state, *warehouse.options, '--no-maintenance')
    get_ahead(topic, state, service, warehouse, '--no-maintenance')
    for _ in range(2):
        lose(state)
        assert 'are read again' in restore(state, warehouse).out
        program.run('maintain', '--state', str(state.path), *warehouse.options, check=True)
        assert is_rewrite(warehouse.table(COUNTS).current_snapshot())
        assert prove(state, warehouse)['equal']
    service.to_end(topic, state, *warehouse.options)
    check_whole(topic, state, warehouse)


def test_backfilled_counts_come_back_when_the_raw_commits_of_a_quiet_partition_have_expired(
        make_topic, state, service, make_warehouse):
    topic, warehouse = make_topic(2), make_warehouse()
    options = [*warehouse.options, '--keep-snapshots', '2']
    for time_ms in (SAMPLE_MS, SAMPLE_MS - 2 * DAY_MS):
        topic.produce([event('E1', time_ms)] * 4)
        service.to_end(topic, state, *options)
    backfills.complete(state, warehouse, '--keep-snapshots', '2')
    # Late events are exported only to the raw table, so its snapshots expire and those of the counts stay.
    for day in range(3):
        topic.produce([event('E2', SAMPLE_MS - (5 + day) * DAY_MS)], partition=0)
        service.to_end(topic, state, *options)
    before = state.everything()['counts']
    assert sum(row['count'] for row in before) == 8
    lose(state)
    restore(state, warehouse)
    assert state.everything()['counts'] == before


def test_another_window_is_refused_where_no_counts_can_be_compared(topic, state, service, make_warehouse):
    """Every snapshot of the counts is ahead of the raw rows, and every start of an hour is one of a minute."""
    warehouse = make_warehouse()
    get_ahead(topic, state, service, warehouse, '--window', '1h')
    lose(state)
    result = try_restore(state, warehouse)
    assert result.code == 1 and 'was made with --window 3600s, not 60s' in result.err, result
    assert not state.path.exists()
    assert try_restore(state, warehouse, '--window', '1h').code == 0


def test_counts_that_kafka_cannot_bring_again_are_not_taken_from_the_table(state, service, make_warehouse):
    """The raw table and the records are gone: a service that cannot continue leaves the counts table unchanged."""
    cluster, warehouse = MockCluster(), make_warehouse()
    topic = cluster.topic('dropped')
    topic.produce((event('OLD', SAMPLE_MS) for _ in range(100)), partition=0)
    service.to_end(topic, state, *warehouse.options, '--late-topic', 'off')
    lose(state)
    shutil.rmtree(pathlib.Path(warehouse.location.removeprefix('file://')) / warehouse.namespace / RAW)
    assert 'the last 100 offsets that the counts table has are read again' in restore(state, warehouse).out
    topic.produce((event('NEW', SAMPLE_MS, webpage='x' * 1000) for _ in range(15_000)), partition=0)
    counts = [('OLD', (SAMPLE_MS - SAMPLE_MS % 60_000) * 1000, 100)]
    result = service.try_to_end(topic, state, *warehouse.options, '--late-topic', 'off')
    assert result.code == 1 and '--on-missing-offsets skip' in result.err, result
    assert 'counts are exported when the rest was read again' in result.err
    assert warehouse.by_duckdb(COUNTS) == counts
    # With --on-missing-offsets skip it continues.
    service.to_end(topic, state, *warehouse.options, '--late-topic', 'off', '--on-missing-offsets', 'skip')
    assert [(postcode, count > 0) for postcode, _, count in warehouse.by_duckdb(COUNTS)] == [('NEW', True), ('OLD', False)]
    del cluster


@pytest.mark.parametrize('how', ['in a file of ours', 'in a commit of its own'])
def test_a_count_without_raw_rows_is_no_count_of_zero(how, topic, state, service, make_warehouse):
    warehouse = make_warehouse('rest' if how == 'in a commit of its own' else 'local')
    topic.produce(views(63, count=800))
    service.to_end(topic, state, *warehouse.options, env=warehouse.environment)
    lose(state)
    if how == 'in a commit of its own':
        table = warehouse.rest.load_table((warehouse.namespace, COUNTS))
        row = table.scan(limit=1).to_arrow()
        place = row.schema.get_field_index('postcode')
        table.append(row.set_column(place, row.schema.field(place), pyarrow.array(['GHOST'], row.schema.field(place).type)))
    else:
        tamper.rewrite(tamper.live_files(warehouse, COUNTS)[0], tamper.value('postcode', 'GHOST'))
    result = try_restore(state, warehouse)
    assert result.code == 1 and 'rows are missing in one of them' in result.err, (result.out, result.err)
    if how == 'in a commit of its own':
        assert 'views of GHOST in the window' in result.err, result.err
    assert not state.path.exists()
