"""Exported tables, read by duckdb and pyiceberg, equal the local counts and the oracle after each generation."""
import datetime
import json

import pytest

from support import exports, oracle
from support.events import crowded_views, views
from support.lake import COUNTS, RAW, is_rewrite, offsets, summary
from support.wait import eventually

QUICK = ['--export-interval', '100ms', '--flush-interval', '20ms']
# Rewrites after few commits, and no expiry, so that every generation can be read at the end.
MAINTAINED = ['--compact-files', '3', '--keep-snapshots', '1000']
# (warehouse, format version, data outside the catalog's bucket, generations, options)
PLACES = [('local', 2, False, 30, MAINTAINED), ('local', 3, False, 30, MAINTAINED), ('s3', 2, False, 5, ['--no-maintenance']),
          ('s3', 3, False, 5, MAINTAINED), ('rest', 2, False, 5, MAINTAINED), ('rest', 3, True, 5, ['--no-maintenance'])]


@pytest.mark.parametrize('kind,version,apart,rounds,options', PLACES,
                         ids=[f'{place[0]}-v{place[1]}' for place in PLACES])
def test_every_generation_equals_the_local_counts_and_the_oracle(
        kind, version, apart, rounds, options, topic, state, service, make_warehouse):
    warehouse = make_warehouse(kind, data_path=apart)
    running = service.start(topic, state, *QUICK, *warehouse.options, '--format-version', str(version), *options,
                            env=warehouse.environment)

    def compare(sent):
        exports.wait_exported(warehouse, sent)
        exports.differ(warehouse.by_duckdb(COUNTS), exports.counts_of(state), f'counts by duckdb after {sent}')

    exports.produce_in_rounds(topic, list(crowded_views(seed=31 + version, count=rounds * 40)), 40, compare)
    result, _ = running.stop()
    assert result.code == 0, result.err
    records = topic.read()
    exports.check_tables(warehouse, state, records)
    assert exports.check_every_generation(warehouse, records) >= rounds
    assert any(map(is_rewrite, warehouse.snapshots(COUNTS))) == (options is MAINTAINED)
    deletes = warehouse.content_types(COUNTS)
    assert deletes[1] > 0 and deletes[2] == 0, deletes
    assert set(warehouse.content_types(RAW)) == {0}
    assert warehouse.table(COUNTS).metadata.format_version == version
    if kind == 'rest':
        exports.differ(warehouse.by_duckdb_catalog(COUNTS), exports.counts_of(state), 'counts by duckdb from the catalog')
    if apart:
        folder = warehouse.path(warehouse.data_path)
        assert all(warehouse.path(task.file.file_path).startswith(folder)
                   for task in warehouse.table(COUNTS).scan().plan_files())


@pytest.mark.parametrize('version', [2, 3])
def test_four_partitions_are_exported_once_each(version, make_topic, state, service, make_warehouse):
    topic, warehouse = make_topic(4), make_warehouse()
    records = list(views(seed=41, count=6000))
    for part in (records[:2500], records[2500:2501], records[2501:]):
        topic.produce(part)
        service.to_end(topic, state, *warehouse.options, '--format-version', str(version))
    exports.check_tables(warehouse, state, topic.read())
    assert warehouse.content_types(COUNTS)[2] == 0


def test_a_commit_says_what_it_brought(make_topic, state, service, make_warehouse):
    topic, warehouse = make_topic(2), make_warehouse()
    for seed in (42, 43):
        topic.produce(views(seed, count=1000, malformed=0))
        service.to_end(topic, state, *warehouse.options)
    for name, rows in ((COUNTS, None), (RAW, 1000)):
        snapshots = warehouse.ours(name)
        assert [offsets(snapshot) for snapshot in snapshots] == [
            {0: (0, 500), 1: (0, 500)}, {0: (500, 1000), 1: (500, 1000)}]
        listed = [row for row in state.rows('SELECT * FROM exports') if row['table_name'].endswith(name)]
        # Every snapshot is listed, including rewrites, which add no offsets.
        everything = warehouse.snapshots(name)
        assert [row['snapshot_id'] for row in listed] == [snapshot.snapshot_id for snapshot in everything]
        brought = {snapshot.snapshot_id for snapshot in snapshots}
        listed = [row for row in listed if row['snapshot_id'] in brought]
        for row, snapshot in zip(listed, snapshots, strict=True):
            facts = summary(snapshot)
            assert row['generation'] == int(facts['pageviews.generation']), row
            assert row['state'] == 'committed' and row['table_name'] == f'pageviews.{name}', row
            assert row['rows_added'] == int(facts['added-records']), row
            assert row['rows_deleted'] == int(facts.get('added-position-deletes', 0)), row
            moment = datetime.datetime.fromisoformat(row['committed_at'].replace('Z', '+00:00')).timestamp() * 1000
            assert abs(moment - snapshot.timestamp_ms) < 60_000, row
            assert rows is None or row['rows_added'] == rows
    partitions = state.partitions()
    newest = json.loads(summary(warehouse.ours(COUNTS)[-1])['pageviews.watermarks'])
    from support.state import epoch_ms
    assert newest == {str(number): epoch_ms(row['watermark']) for number, row in partitions.items()}


def test_counts_that_did_not_change_are_not_committed(topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    topic.produce(views(seed=44, count=500))
    service.to_end(topic, state, *warehouse.options)
    before = [snapshot.snapshot_id for name in (COUNTS, RAW) for snapshot in warehouse.snapshots(name)]
    service.to_end(topic, state, *warehouse.options)
    topic.produce([b'not an event', b'{}'])  # They change the offsets and the generation, but no count.
    service.to_end(topic, state, *warehouse.options)
    assert before == [snapshot.snapshot_id for name in (COUNTS, RAW) for snapshot in warehouse.snapshots(name)]
    topic.produce(views(seed=45, count=10, malformed=0))
    service.to_end(topic, state, *warehouse.options)
    assert [offsets(snapshot)[0] for snapshot in warehouse.ours(COUNTS)] == [(0, 500), (500, 512)]
    exports.check_tables(warehouse, state, topic.read())


def test_late_events_alone_reach_the_raw_table(topic, state, service, make_warehouse):
    from support.events import DAY_MS, SAMPLE_MS, event
    warehouse = make_warehouse()
    topic.produce([event('E1', SAMPLE_MS)])
    service.to_end(topic, state, *warehouse.options)
    topic.produce([event('E1', SAMPLE_MS - 2 * DAY_MS)])
    service.to_end(topic, state, *warehouse.options)
    assert [row[-1] for row in sorted(warehouse.by_duckdb(RAW), key=lambda row: row[-2])] == [False, True]
    assert len(warehouse.snapshots(COUNTS)) == 1
    exports.check_tables(warehouse, state, topic.read())


def test_every_valid_form_of_an_event_is_exported_as_it_came(topic, state, service, make_warehouse):
    from support.bad_input import COUNTED
    warehouse = make_warehouse()
    topic.produce([case.value for case in COUNTED])
    service.to_end(topic, state, *warehouse.options)
    exports.check_tables(warehouse, state, topic.read())


def test_a_warehouse_added_later_gets_everything_from_the_beginning(topic, state, service, make_warehouse):
    topic.produce(views(seed=46, count=3000))
    service.to_end(topic, state)
    warehouse = make_warehouse()
    topic.produce(views(seed=47, count=500))
    service.to_end(topic, state, *warehouse.options)
    records = topic.read()
    exports.check_tables(warehouse, state, records)
    assert oracle.count(records).late, 'some of the late ones have to be older than the warehouse'


def test_a_run_without_the_warehouse_in_between_leaves_no_gap(topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    for seed, options in ((48, warehouse.options), (49, []), (50, warehouse.options)):
        topic.produce(views(seed, count=1000))
        service.to_end(topic, state, *options)
    exports.check_tables(warehouse, state, topic.read())


def test_names_and_what_is_kept_can_be_chosen(topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    warehouse.namespace = 'web'
    topic.produce(views(seed=51, count=500))
    service.to_end(topic, state, *warehouse.options, '--counts-table', 'view_count', '--raw-table', 'view', '--no-raw-json')
    exports.check_tables(warehouse, state, topic.read(), lines=False, counts='view_count', raw='view')
    assert warehouse.names(f'{warehouse.location}/raw') == []
    assert not warehouse.has(COUNTS)


def test_data_files_may_lie_apart_from_the_metadata(topic, state, service, make_warehouse, tmp_path):
    warehouse = make_warehouse()
    warehouse.data_path = f'file://{tmp_path}/data'
    for seed in (52, 53):
        topic.produce(views(seed, count=500))
        service.to_end(topic, state, *warehouse.options)
    exports.check_tables(warehouse, state, topic.read())
    assert warehouse.names(warehouse.data_path)
    assert not [name for name in warehouse.names(f'{warehouse.location}/pageviews') if name.endswith('.parquet')]


def test_the_service_exports_at_its_interval_and_on_sigterm(topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    running = service.start(topic, state, '--export-interval', '300ms', *warehouse.options)
    first = topic.produce(views(seed=54, count=500))
    exports.wait_exported(warehouse, first)
    running.stop()
    running = service.start(topic, state, '--export-interval', '1h', *warehouse.options)
    second = topic.produce(views(seed=55, count=500))
    eventually(lambda: state.consumed() == first + second, 'all to be counted')
    result, _ = running.stop()
    assert result.code == 0, result.err
    exports.check_tables(warehouse, state, topic.read())


def test_what_was_exported_leaves_the_spool(topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    topic.produce(views(seed=56, count=500))
    service.to_end(topic, state, *warehouse.options)
    spool = state.path.with_name(state.path.name + '.spool')
    assert list(spool.iterdir()) == []
