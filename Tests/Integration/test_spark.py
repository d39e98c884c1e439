"""Spark as another writer of the tables: afterwards the numbers are right, or the export stops and names the change.

`make spark` runs these. They are not part of `make test`: Spark is large and slow to start.
"""
import pytest

from support import exports, program
from support.events import DAY_MS, SAMPLE_MS, crowded_views, event
from support.lake import COUNTS, RAW
from support.spark import Spark
from test_restore import lose

pytestmark = pytest.mark.spark

TABLE, RAW_TABLE = f'{{lake}}.pageviews.{COUNTS}', f'{{lake}}.pageviews.{RAW}'
MERGE_ON_READ = (f"ALTER TABLE {TABLE} SET TBLPROPERTIES ('write.update.mode'='merge-on-read', "
                 "'write.merge.mode'='merge-on-read', 'write.delete.mode'='merge-on-read')")
# Statements that move rows and change no value.
MOVES = {
    'update': f"UPDATE {TABLE} SET count = count WHERE postcode = 'E1'",
    'merge': f"MERGE INTO {TABLE} t USING (SELECT 'E1' AS postcode) s ON t.postcode = s.postcode "
             'WHEN MATCHED THEN UPDATE SET t.count = t.count',
}
COMPACTION = ("CALL {lake}.system.rewrite_data_files(table => 'pageviews." + COUNTS + "', "
              "options => map('rewrite-all', 'true'))")


@pytest.fixture(scope='module')
def spark(tmp_path_factory):
    spark = Spark(tmp_path_factory.mktemp('spark'))
    yield spark
    spark.stop()


@pytest.fixture
def warehouse(make_warehouse):
    return make_warehouse()


def count(topic, state, service, warehouse, *seeds):
    for seed in seeds:
        topic.produce(crowded_views(seed=seed, count=300))
        service.to_end(topic, state, *warehouse.options)


def by_spark(spark, warehouse, where=''):
    """Rows, keys and views of the counts table."""
    [row] = spark.sql(
        warehouse, f'SELECT count(*), count(DISTINCT postcode, timestamp), coalesce(sum(count), 0) FROM {TABLE} {where}')
    return [int(value) for value in row]


def check_all(spark, topic, state, warehouse):
    """Checks that Spark, duckdb, pyiceberg, the state, the oracle and `proof` agree."""
    exports.check_tables(warehouse, state, topic.read())
    counts = state.counts()
    assert by_spark(spark, warehouse) == [len(counts), len(counts), sum(counts.values())]
    raw = len(exports.expected_raw(topic.read(), set(state.late())))
    assert spark.sql(warehouse, f'SELECT count(*), count(DISTINCT kafka_offset) FROM {RAW_TABLE}') == [[str(raw)] * 2]
    proof = program.run('proof', '--state', str(state.path), *warehouse.options)
    assert proof.code == 0, proof


def run(command, state, warehouse):
    result = program.run(command, '--state', str(state.path), *warehouse.options)
    assert result.code == 0, result
    return result


@pytest.mark.parametrize('open_commit', ['', 'counts.prepared', 'counts.staged'])
def test_an_upgrade_by_spark(open_commit, spark, topic, state, service, warehouse):
    """Rows deleted by position deletes stay deleted: the first vector of a data file includes them."""
    count(topic, state, service, warehouse, 1, 2, 3)
    if open_commit:
        topic.produce(crowded_views(seed=6, count=300))
        service.try_to_end(topic, state, *warehouse.options, env={'PAGEVIEWS_FAIL_POINT': open_commit})
    assert warehouse.content_types(COUNTS)[1] > 0, 'there are no position deletes to take in'
    spark.sql(warehouse, f"ALTER TABLE {TABLE} SET TBLPROPERTIES ('format-version'='3')")
    count(topic, state, service, warehouse, 4, 5)
    check_all(spark, topic, state, warehouse)
    run('maintain', state, warehouse)
    check_all(spark, topic, state, warehouse)
    before = state.counts()
    lose(state)
    run('restore', state, warehouse)
    assert state.counts() == before
    count(topic, state, service, warehouse, 7)
    check_all(spark, topic, state, warehouse)


@pytest.mark.parametrize('version', ['2', '3'])
@pytest.mark.parametrize('how', MOVES)
def test_rows_that_spark_moved_stop_the_table(how, version, spark, topic, state, service, warehouse):
    options = (*warehouse.options, '--format-version', version)
    topic.produce([event('E1', SAMPLE_MS)] * 3 + [event('E2', SAMPLE_MS)] * 3)
    service.to_end(topic, state, *options)
    spark.sql(warehouse, MERGE_ON_READ, MOVES[how])
    assert by_spark(spark, warehouse) == [2, 2, 6], 'Spark changed a value'
    topic.produce([event('E1', SAMPLE_MS)])
    for _ in range(2):
        result = service.try_to_end(topic, state, *options)
        assert result.code == 5 and 'moved or deleted 1 row' in result.err and 'pageviews restore' in result.err, result
        assert by_spark(spark, warehouse) == [2, 2, 6]
        assert warehouse.by_pyiceberg(COUNTS) == warehouse.by_duckdb(COUNTS)
        assert len(warehouse.by_pyiceberg(COUNTS)) == 2
    lose(state)
    run('restore', state, warehouse)
    service.to_end(topic, state, *options)
    assert by_spark(spark, warehouse) == [2, 2, 7], 'the way out'


@pytest.mark.parametrize('version', ['2', '3'])
def test_a_compaction_by_spark_stops_the_table(version, spark, topic, state, service, warehouse):
    options = (*warehouse.options, '--format-version', version)
    topic.produce([event('E1', SAMPLE_MS)] * 3 + [event('E2', SAMPLE_MS)] * 3)
    service.to_end(topic, state, *options)
    spark.sql(warehouse, COMPACTION)
    topic.produce([event('E1', SAMPLE_MS)])
    result = service.try_to_end(topic, state, *options)
    assert result.code == 5 and 'another writer replaced' in result.err and 'pageviews restore' in result.err, result
    assert by_spark(spark, warehouse) == [2, 2, 6]
    lose(state)
    run('restore', state, warehouse)
    service.to_end(topic, state, *options)
    assert by_spark(spark, warehouse) == [2, 2, 7], 'the way out'


@pytest.mark.parametrize('expired', [False, True])
def test_a_rollback_by_spark_stops_the_table(expired, spark, topic, state, service, warehouse):
    for day in range(3):
        topic.produce([event('E1', SAMPLE_MS + day * DAY_MS)] * 3)
        service.to_end(topic, state, *warehouse.options)
    older, last = [snapshot.snapshot_id for snapshot in warehouse.snapshots(RAW)][-2:]
    spark.sql(warehouse, f"CALL {{lake}}.system.rollback_to_snapshot('pageviews.{RAW}', {older})")
    if expired:
        spark.sql(warehouse, f"CALL {{lake}}.system.expire_snapshots(table => 'pageviews.{RAW}', snapshot_ids => array({last}))")
    topic.produce([event('E1', SAMPLE_MS + 4 * DAY_MS)] * 3)
    result = service.try_to_end(topic, state, *warehouse.options)
    assert result.code == 5 and f'was rolled back to snapshot {older}' in result.err, result
    assert 'pageviews restore' in result.err, 'the way out'
    assert spark.sql(warehouse, f'SELECT count(*) FROM {RAW_TABLE}') == [['6']]


@pytest.mark.parametrize('version', ['2', '3'])
@pytest.mark.parametrize('field', ['month(timestamp)', 'year(timestamp)'])
def test_a_coarser_partition_spec_of_spark_gets_its_values(field, version, spark, topic, state, service, warehouse):
    options = (*warehouse.options, '--format-version', version)
    for seed in (1, 2):
        topic.produce(crowded_views(seed=seed, count=300))
        service.to_end(topic, state, *options)
    for table in (TABLE, RAW_TABLE):
        spark.sql(warehouse, f'ALTER TABLE {table} REPLACE PARTITION FIELD timestamp_day WITH {field}')
    for seed in (3, 4):
        topic.produce(crowded_views(seed=seed, count=300))
        service.to_end(topic, state, *options)
    check_all(spark, topic, state, warehouse)
    # Spark answers a filter on the source column from the partition values: wrong ones lose rows here.
    counts = state.counts()
    inside = "WHERE timestamp >= TIMESTAMP '2021-01-01 00:00:00' AND timestamp < TIMESTAMP '2021-02-15 00:00:00'"
    assert by_spark(spark, warehouse, inside) == [len(counts), len(counts), sum(counts.values())]
    run('maintain', state, warehouse)
    check_all(spark, topic, state, warehouse)
    assert by_spark(spark, warehouse, inside) == [len(counts), len(counts), sum(counts.values())]


def test_a_commit_that_was_prepared_before_the_spec_changed(spark, topic, state, service, warehouse):
    """Its position deletes belong to files of the old spec and apply only to those."""
    count(topic, state, service, warehouse, 1, 2, 3)
    topic.produce(crowded_views(seed=4, count=300))
    service.try_to_end(topic, state, *warehouse.options, env={'PAGEVIEWS_FAIL_POINT': 'counts.prepared'})
    spark.sql(warehouse, f'ALTER TABLE {TABLE} REPLACE PARTITION FIELD timestamp_day WITH month(timestamp)')
    count(topic, state, service, warehouse, 5)
    check_all(spark, topic, state, warehouse)


@pytest.mark.parametrize('field', ['hours(timestamp)', 'bucket(4, postcode)'])
def test_a_partition_spec_that_a_day_has_no_value_of_stops_the_table(field, spark, topic, state, service, warehouse):
    count(topic, state, service, warehouse, 1)
    before = warehouse.by_pyiceberg(COUNTS)
    spark.sql(warehouse, f'ALTER TABLE {TABLE} ADD PARTITION FIELD {field}')
    topic.produce(crowded_views(seed=2, count=300))
    result = service.try_to_end(topic, state, *warehouse.options)
    assert result.code == 5 and f'pageviews.{COUNTS}' in result.err and field.split('(')[0].rstrip('s') in result.err, result
    assert warehouse.by_pyiceberg(COUNTS) == before
