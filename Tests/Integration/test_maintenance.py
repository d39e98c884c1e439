"""Maintenance changes files, never rows: both readers and the oracle agree before, during and after."""
import re
import signal
import socket
import sqlite3

import pyarrow as pa
import pyarrow.parquet
import pytest
from pyiceberg.io import load_file_io

from support import exports, program
from support.events import SAMPLE_MS, crowded_views, views
from support.lake import COUNTS, RAW
from support.wait import eventually

SCHEMA = pa.schema([pa.field('postcode', pa.string(), nullable=False),
                    pa.field('timestamp', pa.timestamp('us', 'UTC'), nullable=False),
                    pa.field('count', pa.int64(), nullable=False)])
QUICK = ['--export-interval', '100ms', '--flush-interval', '20ms']
PLACES = [('local', 2, False), pytest.param('local', 3, False, marks=pytest.mark.torture), ('s3', 2, False),
          pytest.param('rest', 2, False, marks=pytest.mark.torture), ('rest', 3, True)]


def maintain(state, warehouse, *options, env=None):
    return program.run('maintain', '--state', str(state.path), *warehouse.options, *options,
                       env={**warehouse.environment, **(env or {})})


def replaced(warehouse, name):
    """The snapshots that only rewrote files."""
    return [snapshot for snapshot in warehouse.snapshots(name) if snapshot.summary.operation.value == 'replace']


def fill(topic, state, service, warehouse, version, rounds, seed, *options, count=300):
    """Several commits of both tables, without maintenance."""
    for number in range(rounds):
        topic.produce(crowded_views(seed * 100 + number, count))
        service.to_end(topic, state, *warehouse.options, '--format-version', str(version), '--no-maintenance', *options,
                       env=warehouse.environment)


def live_files(warehouse, name):
    """Data files and delete files of the current snapshot."""
    tasks = list(warehouse.table(name).scan().plan_files())
    return {task.file.file_path for task in tasks}, {file.file_path for task in tasks for file in task.delete_files}


def named(warehouse, name):
    """The paths that the live metadata names, with the newest metadata file and the hint."""
    table = warehouse.table(name)
    io = load_file_io(warehouse.io_properties, table.metadata_location)
    found = {warehouse.metadata_file(name), *(entry.metadata_file for entry in table.metadata.metadata_log)}
    for snapshot in table.metadata.snapshots:
        found.add(snapshot.manifest_list)
        for manifest in snapshot.manifests(io):
            found.add(manifest.manifest_path)
            found |= {entry.data_file.file_path for entry in manifest.fetch_manifest_entry(io, discard_deleted=True)}
    if not warehouse.catalog:
        found.add(f'{warehouse.location}/{warehouse.namespace}/{name}/metadata/version-hint.text')
    return {warehouse.path(location) for location in found}


def stored(warehouse, name):
    """The paths of all files of the table."""
    if not warehouse.catalog:
        return set(warehouse.names(f'{warehouse.location}/{warehouse.namespace}/{name}'))
    table = warehouse.table(name)
    folders = {table.metadata.location, table.metadata.properties.get('write.data.path', table.metadata.location)}
    return {path for folder in folders for path in warehouse.names(folder)}


@pytest.mark.parametrize('kind,version,apart', PLACES)
def test_rewrites_between_exports_keep_every_generation(kind, version, apart, topic, state, service, make_warehouse):
    warehouse = make_warehouse(kind, data_path=apart)
    rounds = 20 if kind == 'local' else 8
    running = service.start(topic, state, *QUICK, *warehouse.options, '--format-version', str(version),
                            '--keep-snapshots', '1000', env=warehouse.environment)

    def compare(sent):
        exports.wait_exported(warehouse, sent)
        exports.differ(warehouse.by_duckdb(COUNTS), exports.counts_of(state), f'counts by duckdb after {sent}')

    exports.produce_in_rounds(topic, list(crowded_views(seed=70 + version, count=rounds * 40)), 40, compare)
    result, _ = running.stop()
    assert result.code == 0, result.err
    records = topic.read()
    exports.check_tables(warehouse, state, records)
    exports.check_every_generation(warehouse, records)
    for name in (COUNTS, RAW):
        assert len(replaced(warehouse, name)) >= rounds // 4, f'{name} was not maintained:\n{result.err}'
        data, _ = live_files(warehouse, name)
        assert len(data) <= 20, f'{name} has {len(data)} data files'
    assert warehouse.content_types(COUNTS)[2] == 0
    assert state.rows("SELECT * FROM incidents WHERE kind = 'maintenance-failed'") == []


@pytest.mark.parametrize('kind,version,apart', PLACES)
def test_maintain_leaves_one_file_a_day_and_later_upserts_hit_the_right_rows(
        kind, version, apart, topic, state, service, make_warehouse):
    warehouse = make_warehouse(kind, data_path=apart)
    fill(topic, state, service, warehouse, version, 5, seed=1)
    before = {name: (warehouse.by_pyiceberg(name), warehouse.by_duckdb(name)) for name in (COUNTS, RAW)}
    metadata = [warehouse.metadata_file(name) for name in (COUNTS, RAW)]
    everything = stored(warehouse, COUNTS) | stored(warehouse, RAW)

    told = maintain(state, warehouse, '--dry-run')
    assert told.code == 0, told.err
    assert re.search(rf'{COUNTS}: would merge \d+ data files', told.out), told.out
    assert [warehouse.metadata_file(name) for name in (COUNTS, RAW)] == metadata
    assert stored(warehouse, COUNTS) | stored(warehouse, RAW) == everything

    done = maintain(state, warehouse)
    assert done.code == 0, done.err
    assert done.out == told.out.replace('would merge', 'merged'), done.out
    for name in (COUNTS, RAW):
        assert (warehouse.by_pyiceberg(name), warehouse.by_duckdb(name)) == before[name], f'{name} changed'
        data, deletes = live_files(warehouse, name)
        days = {row[3 if name == RAW else 1] // 86_400_000_000 for row in before[name][0]}
        assert len(data) == len(days) and not deletes, (name, data, deletes)
    again = maintain(state, warehouse)
    assert (again.code, again.out) == (0, ''), again

    fill(topic, state, service, warehouse, version, 2, seed=2)
    assert maintain(state, warehouse).code == 0
    fill(topic, state, service, warehouse, version, 1, seed=3)
    records = topic.read()
    exports.check_tables(warehouse, state, records)
    exports.check_every_generation(warehouse, records)


STEPS = {
    **{f'{table} rewrite': [f'{table}.rewrite.{point}' for point in (
        'written', 'prepared', 'uploading', 'uploaded', 'staged', 'committed', *moved, 'settled')]
       for table, moved in (('counts', ['moved']), ('raw', []))},
    'expiry': [f'{table}.expiry.{point}' for table in ('counts', 'raw') for point in ('recorded', 'committed', 'removed')],
}


@pytest.mark.parametrize('version,steps', [
    (2, 'counts rewrite'), (3, 'raw rewrite'), (3, 'expiry'),
    *(pytest.param(version, steps, marks=pytest.mark.torture)
      for version, steps in ((3, 'counts rewrite'), (2, 'raw rewrite'), (2, 'expiry')))])
def test_a_kill_at_each_step_of_maintenance_is_harmless(version, steps, topic, state, service, make_warehouse):
    """One table with a kill at each step in turn: each run meets what the one before left behind."""
    warehouse = make_warehouse()
    few = ['--keep-snapshots', '2']
    fill(topic, state, service, warehouse, version, 2, seed=40, count=150)
    for number, point in enumerate(STEPS[steps]):
        fill(topic, state, service, warehouse, version, 2, seed=50 + 2 * number, count=100)
        killed = maintain(state, warehouse, *few, env={'PAGEVIEWS_FAIL_POINT': point})
        assert killed.code == -signal.SIGKILL, f'{point} was not reached: {killed}'
        for name in (COUNTS, RAW):
            exports.differ(warehouse.by_duckdb(name), warehouse.by_pyiceberg(name), f'{name} by both after {point}')
        exports.differ(warehouse.by_duckdb(COUNTS), exports.counts_of(state), f'counts after {point}')
        # As a concurrent proof would see it, between two of the service's transactions.
        proof = program.run('proof', '--state', str(state.path), *warehouse.options, env=warehouse.environment)
        assert proof.code == 0, f'proof after {point}: {proof.out}{proof.err}'
        # The next run begins with an export; an open rewrite must not prevent it.
        fill(topic, state, service, warehouse, version, 1, seed=51 + 2 * number, count=100)
        exports.check_tables(warehouse, state, topic.read())
        done = maintain(state, warehouse, *few)
        assert done.code == 0, f'after {point}: {done.err}'
        for name in (COUNTS, RAW):
            over = stored(warehouse, name) ^ named(warehouse, name)
            assert not over, f'after {point}: files that nothing names, or that are gone: {over}'
    fill(topic, state, service, warehouse, version, 1, seed=6, count=100)
    done = maintain(state, warehouse, *few)
    assert done.code == 0, done.err
    exports.check_tables(warehouse, state, topic.read())
    spool = state.path.with_name(state.path.name + '.spool')
    assert list(spool.iterdir()) == [], 'files stay in the spool'


@pytest.mark.parametrize('kind,version,apart', PLACES)
def test_what_nothing_names_goes_and_what_something_names_stays(kind, version, apart, topic, state, service, make_warehouse):
    warehouse = make_warehouse(kind, data_path=apart)
    keep = ['--keep-snapshots', '3', '--merge-manifests', '2']
    for number in range(12 if kind == 'local' else 6):
        topic.produce(crowded_views(800 + number, 100))
        result = service.to_end(topic, state, *warehouse.options, '--format-version', str(version), *keep,
                                env=warehouse.environment)
        assert 'maintenance' not in result.err, result.err
        for name in (COUNTS, RAW):
            missing = named(warehouse, name) - stored(warehouse, name)
            assert not missing, f'{name} names files that are gone: {missing}'
            for snapshot in warehouse.snapshots(name):
                warehouse.by_pyiceberg(name, snapshot.snapshot_id)
    assert maintain(state, warehouse, *keep).code == 0
    for name in (COUNTS, RAW):
        assert len(warehouse.snapshots(name)) <= 3
        over = {path for path in stored(warehouse, name) - named(warehouse, name)
                if not (warehouse.catalog and path.endswith('.metadata.json'))}
        assert not over, f'{name}: files that nothing names: {over}'
        assert len(warehouse.table(name).current_snapshot().manifests(
            load_file_io(warehouse.io_properties, warehouse.metadata_file(name)))) <= 4
    exports.check_tables(warehouse, state, topic.read())


def test_rows_that_were_evicted_from_the_ledger_are_only_copied(topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    fill(topic, state, service, warehouse, 2, 3, seed=9)
    with sqlite3.connect(state.path) as connection:
        connection.execute('DELETE FROM exported WHERE postcode < (SELECT max(postcode) FROM exported)')
    before = warehouse.by_pyiceberg(COUNTS)
    assert maintain(state, warehouse).code == 0
    assert warehouse.by_pyiceberg(COUNTS) == before == warehouse.by_duckdb(COUNTS)
    data, deletes = live_files(warehouse, COUNTS)
    with sqlite3.connect(state.path) as connection:
        paths = [row[0] for row in connection.execute('SELECT DISTINCT path FROM exported JOIN data_file ON id = file_id')]
    assert not deletes and set(paths) <= {f'file://{path}' if path.startswith('/') else path for path in data}


def test_rows_that_are_not_where_the_ledger_says_stop_a_rewrite_and_nothing_else(
        topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    fill(topic, state, service, warehouse, 2, 3, seed=10)
    with sqlite3.connect(state.path) as connection:
        connection.execute('UPDATE exported SET position = position + 1000000')
    before = warehouse.metadata_file(COUNTS)
    result = maintain(state, warehouse)
    assert result.code == 1 and 'are no longer in' in result.err, result
    assert warehouse.metadata_file(COUNTS) == before


def test_without_maintenance_no_file_is_touched(topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    fill(topic, state, service, warehouse, 2, 6, seed=11, count=50)
    for name in (COUNTS, RAW):
        assert replaced(warehouse, name) == []
        assert len(warehouse.snapshots(name)) == 6


def test_a_commit_of_another_program_before_the_rewrite_is_committed_stays(topic, state, service, make_warehouse):
    """Another writer adds a file without field ids after the rewrite was prepared; a later rewrite includes its rows."""
    warehouse = make_warehouse('rest')
    fill(topic, state, service, warehouse, 2, 3, seed=12)
    killed = maintain(state, warehouse, env={'PAGEVIEWS_FAIL_POINT': 'counts.rewrite.prepared'})
    assert killed.code == -signal.SIGKILL, killed
    theirs = pa.table({'postcode': ['THEIRS'], 'timestamp': pa.array([SAMPLE_MS * 1000], pa.timestamp('us', 'UTC')),
                       'count': [7]}, schema=SCHEMA)
    with warehouse.files.open_output_stream(warehouse.path(f'{warehouse.location}/theirs.parquet')) as file:
        pyarrow.parquet.write_table(theirs, file)
    warehouse.table(COUNTS).add_files([f'{warehouse.location}/theirs.parquet'])
    wanted = sorted([*exports.counts_of(state), ('THEIRS', SAMPLE_MS * 1000, 7)], key=repr)
    assert maintain(state, warehouse).code == 0
    assert len(replaced(warehouse, COUNTS)) == 2
    data, _ = live_files(warehouse, COUNTS)
    assert not [path for path in data if 'theirs' in path]
    for read in (warehouse.by_pyiceberg, warehouse.by_duckdb):
        exports.differ(read(COUNTS), wanted, read.__name__)


def test_a_rewrite_of_files_that_another_program_removed_is_given_up(topic, state, service, make_warehouse):
    warehouse = make_warehouse('rest')
    fill(topic, state, service, warehouse, 2, 3, seed=14)
    killed = maintain(state, warehouse, env={'PAGEVIEWS_FAIL_POINT': 'raw.rewrite.staged'})
    assert killed.code == -signal.SIGKILL, killed
    warehouse.table(RAW).delete()
    done = maintain(state, warehouse)
    assert done.code == 0 and 'is abandoned' in done.err, done
    assert warehouse.by_pyiceberg(RAW) == [] and replaced(warehouse, RAW) == []
    sent = topic.produce(crowded_views(1500, 100))
    service.to_end(topic, state, *warehouse.options, env=warehouse.environment)
    assert len(warehouse.by_pyiceberg(RAW)) == sent
    assert [row['state'] for row in state.rows('SELECT state FROM exports') if row['state'] == 'abandoned'] == ['abandoned']


def test_usage(topic, state, service, make_warehouse, tmp_path):
    warehouse = make_warehouse()
    assert program.run('maintain', '--state', str(state.path)).code == 2
    missing = program.run('maintain', '--state', str(tmp_path / 'none.db'), *warehouse.options)
    assert missing.code == 1 and 'none.db' in missing.err, missing
    assert not (tmp_path / 'none.db').exists()
    for option in (['--compact-files', '1'], ['--compact-deletes', '0'], ['--keep-snapshots', '0'],
                   ['--target-file-size', '1kB'], ['--merge-manifests', '1'], ['--keep-snapshots-for', 'long']):
        assert program.run('maintain', '--state', str(state.path), *warehouse.options, *option).code == 2, option
    topic.produce(views(seed=13, count=10))
    running = service.start(topic, state, *warehouse.options)
    eventually(lambda: state.consumed() == 10, 'the service to count')
    used = maintain(state, warehouse)
    assert used.code == 5 and 'in use' in used.err, used
    running.stop()
    assert maintain(state, warehouse).code == 0


def test_maintenance_of_a_warehouse_that_does_not_answer_ends_when_it_is_told_to(topic, state, service, make_warehouse, tmp_path):
    warehouse = make_warehouse('s3')
    topic.produce(crowded_views(seed=180, count=100))
    service.to_end(topic, state, *warehouse.options, env=warehouse.environment)
    with socket.create_server(('127.0.0.1', 0)) as silent:
        warehouse.s3_endpoint = f'http://127.0.0.1:{silent.getsockname()[1]}'
        running = program.Running(tmp_path, 'maintain', '--state', str(state.path), *warehouse.options, env=warehouse.environment)
        connection, _ = silent.accept()
        with connection:
            result, _ = running.stop(seconds=10)
    assert result.code == 3 and 'did not answer' in result.err, result
