"""One state writes a table. Another state, another copy of the state, and other programs are detected."""
import json
import shutil

import pyarrow as pa
import pyarrow.parquet
import pytest
from pyiceberg.table.update import RemoveSnapshotsUpdate, SetSnapshotRefUpdate

from support import exports, program
from support.events import DAY_MS, SAMPLE_MS, crowded_views, event
from support.lake import COUNTS, RAW, summary
from support.state import State
from support.wait import eventually

SCHEMA = pa.schema([pa.field('postcode', pa.string(), False), pa.field('timestamp', pa.timestamp('us', 'UTC'), False),
                    pa.field('count', pa.int64(), False)])


def copy_of(state, folder):
    folder.mkdir()
    copy = State(folder / state.path.name)
    shutil.copy(state.path, copy.path)
    return copy


def export_two_days(topic, state, service, warehouse, table):
    """The ids of both tables' snapshots."""
    for day in range(2):
        topic.produce([event('E1', SAMPLE_MS + day * DAY_MS)] * 3)
        service.to_end(topic, state, *warehouse.options, env=warehouse.environment)
    return [snapshot.snapshot_id for snapshot in warehouse.snapshots(table)][-2:]


@pytest.mark.parametrize('kind', ['local', 'rest'])
def test_a_copy_of_the_state_is_fenced(kind, topic, state, service, make_warehouse, tmp_path):
    warehouse = make_warehouse(kind)
    options, env = warehouse.options, warehouse.environment
    topic.produce(crowded_views(seed=81, count=300))
    service.to_end(topic, state, *options, env=env)
    copy = copy_of(state, tmp_path / 'copy')
    topic.produce(crowded_views(seed=82, count=300))
    service.to_end(topic, state, *options, env=env)
    # At the end of the input, and while the service runs.
    result = service.try_to_end(topic, copy, *options, env=env)
    assert result.code == 5, result.err
    assert f'{warehouse.namespace}.' in result.err and 'committed to by another copy of this state' in result.err
    running = service.start(topic, copy, *options, '--export-interval', '200ms', env=env)
    result = running.wait(30)
    assert result.code == 5 and 'another copy of this state' in result.err, result
    topic.produce(crowded_views(seed=83, count=100))
    service.to_end(topic, state, *options, env=env)
    exports.check_tables(warehouse, state, topic.read())


def test_the_original_is_fenced_when_a_copy_went_ahead(topic, state, service, make_warehouse, tmp_path):
    warehouse = make_warehouse()
    topic.produce(crowded_views(seed=84, count=300))
    service.to_end(topic, state, *warehouse.options)
    copy = copy_of(state, tmp_path / 'copy')
    topic.produce(crowded_views(seed=85, count=300))
    service.to_end(topic, copy, *warehouse.options)
    result = service.try_to_end(topic, state, *warehouse.options)
    assert result.code == 5 and 'another copy of this state' in result.err, result
    # `status` keeps reporting it until the service runs again.
    status = program.run('status', '--state', str(state.path))
    assert status.code == 1 and 'another copy of this state' in status.out, status
    exports.check_tables(warehouse, copy, topic.read())


@pytest.mark.parametrize('kind', ['local', 'rest'])
def test_another_state_is_refused(kind, topic, state, service, make_warehouse, tmp_path):
    warehouse = make_warehouse(kind)
    options, env = warehouse.options, warehouse.environment
    topic.produce(crowded_views(seed=86, count=300))
    service.to_end(topic, state, *options, env=env)
    other = State(tmp_path / 'other.db')
    result = service.try_to_end(topic, other, *options, env=env)
    assert result.code == 5 and 'belongs to state' in result.err and f'{warehouse.namespace}.' in result.err, result
    assert not list(tmp_path.glob('other.db*')), 'nothing is made beside a table of another state'
    exports.check_tables(warehouse, state, topic.read())


def test_a_table_of_another_program_is_left_alone(topic, state, service, make_warehouse, tmp_path):
    warehouse = make_warehouse('rest')
    warehouse.rest.create_namespace(warehouse.namespace)
    theirs = pa.table({'postcode': ['E1'], 'hits': [1]})
    warehouse.rest.create_table((warehouse.namespace, COUNTS), theirs.schema).append(theirs)
    topic.produce(crowded_views(seed=87, count=300))
    result = service.try_to_end(topic, state, *warehouse.options, env=warehouse.environment)
    assert result.code == 5 and f'table {warehouse.namespace}.{COUNTS} has columns' in result.err, result
    assert 'give another table name or namespace' in result.err, result
    assert not warehouse.has(RAW) and not list(tmp_path.glob(f'{state.path.name}*')), 'something was made beside it'
    assert warehouse.table(COUNTS).scan().to_arrow().to_pylist() == theirs.to_pylist()


def test_a_column_that_another_program_takes_away_stops_one_table(topic, state, service, make_warehouse):
    """While the service runs, counting and the other table continue; the next start fails."""
    warehouse = make_warehouse('rest')
    sent = topic.produce(crowded_views(seed=87, count=300))
    service.to_end(topic, state, *warehouse.options, env=warehouse.environment)
    running = service.start(topic, state, *warehouse.options, '--export-interval', '200ms', env=warehouse.environment)
    sent += topic.produce(crowded_views(seed=88, count=300))
    exports.wait_exported(warehouse, sent)
    with warehouse.table(COUNTS).update_schema(allow_incompatible_changes=True) as change:
        change.delete_column('count')
    sent += topic.produce(crowded_views(seed=89, count=300))
    eventually(lambda: f'table {warehouse.namespace}.{COUNTS} has columns' in running.err, 'the message')
    exports.wait_exported(warehouse, sent, tables=[RAW])
    eventually(lambda: state.consumed() == sent, 'counting to go on')
    assert [row['kind'] for row in state.rows('SELECT kind FROM incidents WHERE resolved_at IS NULL')] == ['export-failed']
    result, _ = running.stop()
    assert result.code == 0, result.err
    result = service.try_to_end(topic, state, *warehouse.options, env=warehouse.environment)
    assert result.code == 5 and 'column count is gone' in result.err, result


@pytest.mark.parametrize('kind', ['local', 'rest'])
def test_a_table_that_is_gone_is_missed_and_not_made_anew(kind, topic, state, service, make_warehouse, tmp_path):
    warehouse = make_warehouse(kind)
    options, env = warehouse.options, warehouse.environment
    topic.produce(crowded_views(seed=89, count=300))
    service.to_end(topic, state, *options, env=env)
    if kind == 'rest':
        warehouse.rest.drop_table((warehouse.namespace, COUNTS))
    else:
        folder = tmp_path / warehouse.location.rpartition('/')[2] / 'pageviews' / COUNTS
        folder.rename(tmp_path / 'away')
    running = service.start(topic, state, *options, '--export-interval', '200ms', env=env)
    topic.produce(crowded_views(seed=90, count=300))
    eventually(lambda: f'table {warehouse.namespace}.{COUNTS} is no longer in' in running.err, 'the message')
    topic.produce(crowded_views(seed=91, count=300))
    eventually(lambda: state.consumed() == 900, 'counting to go on')
    assert not warehouse.has(COUNTS)
    if kind == 'local':
        (tmp_path / 'away').rename(folder)
        exports.wait_exported(warehouse, 900)
        eventually(lambda: not state.rows('SELECT 1 FROM incidents WHERE resolved_at IS NULL'), 'no open incident')
    result, _ = running.stop()
    assert result.code == 0, result.err
    if kind == 'local':
        exports.check_tables(warehouse, state, topic.read())


def test_a_table_made_anew_under_us_is_not_mistaken_for_ours(topic, state, service, make_warehouse, tmp_path):
    warehouse = make_warehouse()
    topic.produce(crowded_views(seed=92, count=300))
    service.to_end(topic, state, *warehouse.options)
    folder = tmp_path / warehouse.location.rpartition('/')[2] / 'pageviews' / COUNTS / 'metadata'
    for file in folder.glob('v*.metadata.json'):
        if file.name != 'v1.metadata.json':
            file.unlink()
    (folder / 'version-hint.text').write_text('1')
    topic.produce(crowded_views(seed=93, count=300))
    result = service.try_to_end(topic, state, *warehouse.options)
    assert result.code == 5 and f'table pageviews.{COUNTS} lacks commits of this state' in result.err, result
    assert len(warehouse.snapshots(COUNTS)) == 0


def test_commits_of_another_program_between_ours_are_kept(topic, state, service, make_warehouse):
    """pyiceberg appends a row and sets a property while the service runs; both stay, and the export continues."""
    warehouse = make_warehouse('rest')
    running = service.start(topic, state, *warehouse.options, '--export-interval', '200ms', env=warehouse.environment)
    values = list(crowded_views(seed=94, count=600))
    sent = topic.produce(values[:200])
    exports.wait_exported(warehouse, sent)
    theirs = pa.table({'postcode': ['THEIRS'], 'timestamp': pa.array([SAMPLE_MS * 1000], pa.timestamp('us', 'UTC')),
                       'count': [7]}, schema=SCHEMA)
    with warehouse.files.open_output_stream(warehouse.path(f'{warehouse.location}/theirs.parquet')) as file:
        pyarrow.parquet.write_table(theirs, file)
    warehouse.table(COUNTS).add_files([f'{warehouse.location}/theirs.parquet'])
    sent += topic.produce(values[200:400])
    exports.wait_exported(warehouse, sent)
    with warehouse.table(COUNTS).transaction() as change:
        change.set_properties({'owner': 'somebody'})
    sent += topic.produce(values[400:])
    exports.wait_exported(warehouse, sent)
    result, _ = running.stop()
    assert result.code == 0, result.err
    wanted = sorted([*exports.counts_of(state), ('THEIRS', SAMPLE_MS * 1000, 7)], key=repr)
    for read in (warehouse.by_pyiceberg, warehouse.by_duckdb):
        exports.differ(read(COUNTS), wanted, read.__name__)
    assert warehouse.table(COUNTS).properties['owner'] == 'somebody'
    assert [s for s in warehouse.snapshots(COUNTS) if 'pageviews.commit-id' not in summary(s)]
    exports.check_history(warehouse, COUNTS)


def test_a_commit_that_meets_another_program_is_rebased(topic, state, service, make_warehouse, tmp_path):
    """The table changes after a commit was prepared: the commit is applied on top of the change."""
    warehouse = make_warehouse()
    topic.produce(crowded_views(seed=95, count=300))
    service.to_end(topic, state, *warehouse.options)
    topic.produce(crowded_views(seed=96, count=300))
    service.try_to_end(topic, state, *warehouse.options, env={'PAGEVIEWS_FAIL_POINT': 'counts.staged'})
    folder = tmp_path / warehouse.location.rpartition('/')[2] / 'pageviews' / COUNTS / 'metadata'
    newest = max(int(file.name[1:].split('.')[0]) for file in folder.glob('v*.metadata.json'))
    metadata = json.loads((folder / f'v{newest}.metadata.json').read_text())
    metadata['properties']['owner'] = 'somebody'
    (folder / f'v{newest + 1}.metadata.json').write_text(json.dumps(metadata))
    service.to_end(topic, state, *warehouse.options)
    assert warehouse.table(COUNTS).properties['owner'] == 'somebody'
    exports.check_tables(warehouse, state, topic.read())


def test_rows_that_another_program_removed_stop_the_export_of_that_table(topic, state, service, make_warehouse):
    warehouse = make_warehouse('rest')
    topic.produce([event('E1', SAMPLE_MS), event('E2', SAMPLE_MS)])
    service.to_end(topic, state, *warehouse.options, env=warehouse.environment)
    warehouse.table(COUNTS).delete()
    topic.produce([event('E1', SAMPLE_MS), event('E2', SAMPLE_MS)])
    result = service.try_to_end(topic, state, *warehouse.options, env=warehouse.environment)
    assert result.code == 5 and f'{warehouse.namespace}.{COUNTS}: another writer replaced' in result.err, result
    assert 'pageviews restore' in result.err, 'the way out'
    assert warehouse.by_pyiceberg(COUNTS) == [], 'no count of ours without what was there before'
    assert len(warehouse.by_pyiceberg(RAW)) == 4


@pytest.mark.parametrize('kind', [COUNTS, RAW])
def test_a_table_that_was_rolled_back_is_not_committed_to(kind, topic, state, service, make_warehouse):
    """A commit on top of the older snapshot would permanently lose what was exported since."""
    warehouse = make_warehouse('rest')
    options = {'env': warehouse.environment}
    older, last = export_two_days(topic, state, service, warehouse, kind)

    def set_current(snapshot):
        table = warehouse.table(kind)
        table.catalog.commit_table(table, (), (SetSnapshotRefUpdate(ref_name='main', type='branch', snapshot_id=snapshot),))

    set_current(older)
    topic.produce([event('E1', SAMPLE_MS + 4 * DAY_MS)] * 3)
    result = service.try_to_end(topic, state, *warehouse.options, **options)
    assert result.code == 5 and f'was rolled back to snapshot {older}' in result.err and str(last) in result.err, result
    assert 'pageviews restore' in result.err, 'the way out'
    assert warehouse.table(kind).current_snapshot().snapshot_id == older
    set_current(last)
    service.to_end(topic, state, *warehouse.options, **options)
    exports.check_tables(warehouse, state, topic.read(), lines=False)


@pytest.mark.parametrize('listed', [True, False])
def test_a_rollback_stops_the_export_and_not_the_counting(listed, topic, state, service, make_warehouse):
    """Also when another tool has expired the later snapshots; `status` names the remedy."""
    warehouse = make_warehouse('rest')
    options = {'env': warehouse.environment}
    older, last = export_two_days(topic, state, service, warehouse, COUNTS)
    running = service.start(topic, state, *warehouse.options, '--export-interval', '200ms', **options)
    # The service has checked the tables by then.
    eventually(lambda: 'reading topic' in running.err, 'the service')
    table = warehouse.table(COUNTS)
    updates = [SetSnapshotRefUpdate(ref_name='main', type='branch', snapshot_id=older)]
    updates += [] if listed else [RemoveSnapshotsUpdate(snapshot_ids=[last])]
    table.catalog.commit_table(table, (), tuple(updates))
    topic.produce([event('E1', SAMPLE_MS + 4 * DAY_MS)] * 3)
    eventually(lambda: f'was rolled back to snapshot {older}' in running.err, 'the message')
    eventually(lambda: state.consumed() == 9, 'counting to go on')
    exports.wait_exported(warehouse, 9, tables=[RAW])
    status = program.run('status', '--state', str(state.path), '--format', 'json')
    assert status.code == 1 and 'pageviews restore' in status.out, status
    running.stop()
    assert warehouse.table(COUNTS).current_snapshot().snapshot_id == older
    assert service.try_to_end(topic, state, *warehouse.options, **options).code == 5
