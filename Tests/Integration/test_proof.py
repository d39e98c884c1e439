"""`pageviews proof` finds no difference in intact data, and finds each single change."""
import json
import pathlib
import shutil

import pytest
from confluent_kafka import Producer

from support import backfills, program, tamper
from support.events import HOUR_MS, SAMPLE_MS, event, views
from support.lake import COUNTS, RAW


def prove(state, warehouse=None, *options):
    """The exit code, the report and its checks by name."""
    where = warehouse.options if warehouse else []
    result = program.run('proof', '--state', str(state.path), *where, '--format', 'json', *options,
                         env=warehouse.environment if warehouse else None)
    assert result.code in (0, 1) and result.out, f'{result.code}: {result.err}'
    report = json.loads(result.out)
    assert report['equal'] == (result.code == 0), report
    return report


def wrong(report):
    return {check['name'] for check in report['checks'] if check['ok'] is False}


def assert_equal(report, *, unchecked=0):
    assert report['equal'], (wrong(report), report['differences'], report['findings'])
    assert sum(check['ok'] is None for check in report['checks']) == unchecked, report['checks']


@pytest.fixture(scope='module')
def exported(tmp_path_factory, broker):
    """A state and its local warehouse after two exports, for each test to copy: (folder, topic's name)."""
    from support.kafka import create_topic
    folder = tmp_path_factory.mktemp('exported')
    topic = create_topic(broker.address, 2)
    for seed in (91, 92):
        topic.produce(views(seed, count=1500))
        program.run('ingest', '--bootstrap-servers', topic.address, '--topic', topic.name, '--state',
                    str(folder / 'pageviews.db'), '--warehouse', f'file://{folder}/warehouse', '--exit-at-end',
                    '--listen', 'off', check=True)
    return folder


@pytest.fixture
def pair(exported):
    """The state and the warehouse; a test's changes are undone afterwards."""
    from support.lake import Warehouse
    from support.state import State
    saved = exported.with_name(exported.name + '-saved')
    shutil.copytree(exported, saved)
    yield State(exported / 'pageviews.db'), Warehouse(f'file://{exported}/warehouse')
    shutil.rmtree(exported)
    saved.rename(exported)


def test_all_is_equal_after_two_exports(pair):
    state, warehouse = pair
    report = prove(state, warehouse)
    assert_equal(report)
    names = {check['name'] for check in report['checks']}
    for part in ('partition 1: counted + late + rejected = consumed', 'sum of counts', 'counts recounted from raw rows'):
        assert any(part in name for name in names), names
    assert_equal(prove(state, warehouse, '--quick'))
    assert_equal(prove(state), unchecked=1)
    text = program.run('proof', '--state', str(state.path), *warehouse.options).out
    assert text.endswith('checks are equal\n'), text


@pytest.mark.parametrize('name', [COUNTS, RAW])
def test_every_retained_snapshot_is_equal(name, pair):
    state, warehouse = pair
    for snapshot in warehouse.ours(name):
        report = prove(state, warehouse, '--snapshot', str(snapshot.snapshot_id))
        assert report['equal'], (wrong(report), report['findings'], report['differences'])
        assert snapshot.snapshot_id in (report['counts_snapshot'], report['raw_snapshot'])
    result = program.run('proof', '--state', str(state.path), *warehouse.options, '--snapshot', '7')
    assert result.code == 1 and 'no snapshot 7' in result.err


# Changes of the state, and a check that must differ.
IN_THE_STATE = {
    'one count changed': (
        'UPDATE counts SET count = count + 1 WHERE (window_start, postcode) IN (SELECT window_start, postcode FROM counts LIMIT 1)',
        ['sum of counts', "rows equal to the state's unchanged counts"]),
    'one count lost': (
        'DELETE FROM counts WHERE (window_start, postcode) IN (SELECT window_start, postcode FROM counts LIMIT 1)',
        ['sum of counts']),
    'one offset skipped': (
        'UPDATE partition_progress SET next_offset = next_offset + 1 WHERE kafka_partition = 1',
        ['partition 1: consumed = offsets']),
    'one late row removed': (
        'DELETE FROM late WHERE id IN (SELECT max(id) FROM late)', ['late log', 'late as in the late log']),
    'one rejected row removed': (
        'DELETE FROM rejected WHERE id IN (SELECT max(id) FROM rejected)', ['rejected log', 'valid offsets']),
    'one exported count changed': (
        'UPDATE exported SET count = count + 1 WHERE (window_start, postcode) IN '
        '(SELECT window_start, postcode FROM exported LIMIT 1)', ['rows equal to what was exported']),
    'one row position changed': (
        'UPDATE exported SET position = position + 1000000 WHERE (window_start, postcode) IN '
        '(SELECT window_start, postcode FROM exported LIMIT 1)', ['rows where the ledger has them']),
}


@pytest.mark.parametrize('what', IN_THE_STATE)
def test_a_change_in_the_state_is_found(what, pair):
    state, warehouse = pair
    sql, parts = IN_THE_STATE[what]
    tamper.state(state, sql)
    report = prove(state, warehouse)
    for part in parts:
        assert any(part in name for name in wrong(report)), (part, wrong(report))
    if what == 'one count changed':
        difference, = report['differences']
        assert difference['local'] == difference['table'] + 1 == difference['raw'] + 1, report


def test_two_counts_changed_with_the_same_sum_are_found_and_named(pair):
    state, warehouse = pair
    keys = state.rows("SELECT postcode, timestamp, count FROM postcode_view_count WHERE count > 1 LIMIT 2")
    for key, step in zip(keys, (1, -1)):
        tamper.state(state, f"UPDATE counts SET count = count + {step} WHERE postcode = '{key['postcode']}' AND "
                            f"window_start = unixepoch('{key['timestamp']}')")
    assert_equal(prove(state, warehouse, '--quick'))
    report = prove(state, warehouse)
    named = {(found['postcode'], found['window']): found for found in report['differences']}
    assert set(named) == {(key['postcode'], key['timestamp']) for key in keys}
    for key, step in zip(keys, (1, -1)):
        found = named[key['postcode'], key['timestamp']]
        assert (found['local'], found['table'], found['raw']) == (key['count'] + step, key['count'], key['count'])


# Changes of a data file.
IN_THE_TABLE = {
    'one count changed': (COUNTS, tamper.one_count, ['sum of counts', 'rows equal to what was exported', 'recounted']),
    'counts changed with the same sum': (
        COUNTS, tamper.two_counts_with_the_same_sum, ['rows equal to what was exported', 'recounted']),
    'one row lost and one doubled': (COUNTS, tamper.another_row_instead, ['rows equal to what was exported', 'recounted']),
    'one raw row lost and one doubled': (RAW, tamper.another_row_instead, ['valid offsets', 'each once']),
    'one offset changed': (RAW, tamper.another_offset, ['valid offsets']),
    'one raw row late or not': (RAW, tamper.lateness, ['late as in the late log', 'recounted']),
    'a late row of another postcode': (RAW, tamper.postcode_of_a_late_row, ['late rows equal to the late log']),
    'a late row of another window': (RAW, tamper.moment_of_a_late_row, ['late rows equal to the late log']),
    'two counts whose sum is none': (COUNTS, tamper.value('count', 2**63 - 1, 2**63 - 2), ['files that can be read']),
    'a count below zero': (COUNTS, tamper.value('count', -1), ['files that can be read']),
    'a partition below zero': (RAW, tamper.value('kafka_partition', -1), ['files that can be read']),
    'an offset beyond all': (RAW, tamper.value('kafka_offset', 2**63 - 1, -2**63), ['files that can be read']),
    'a row fewer than the manifest says': (RAW, lambda rows: rows[1:], ['files that can be read']),
}


@pytest.mark.parametrize('what', IN_THE_TABLE)
def test_a_change_in_a_data_file_is_found(what, pair):
    state, warehouse = pair
    name, change, parts = IN_THE_TABLE[what]
    tamper.rewrite_one(warehouse, name, change)
    report = prove(state, warehouse)
    for part in parts:
        assert any(part in found for found in wrong(report)), (part, wrong(report), report['findings'])


@pytest.mark.parametrize('column', ['webpage', 'user_id', 'postcode'])
def test_a_damaged_page_is_found_in_every_column(column, pair):
    state, warehouse = pair
    path = tamper.live_files(warehouse, RAW)[0]
    tamper.damage_pages_of(path, column)
    report = prove(state, warehouse)
    assert any('files that can be read' in found for found in wrong(report)), report
    assert any(path.name in finding for finding in report['findings']), report['findings']


# Impossible numbers in a state.
IMPOSSIBLE = [
    ('partition_progress', 'next_offset', 2**63 - 1), ('partition_progress', 'first_offset', -2**63),
    ('partition_progress', 'counted', 2**63 - 1), ('partition_progress', 'max_event_time_ms', 2**63 - 1),
    ('partition_progress', 'late', "'many'"), ('progress', 'generation', 2**63 - 1), ('progress', 'watermark_ms', -2**63),
    ('windows', 'window_start', 2**63 - 1), ('export_progress', 'generation', 2**63 - 1)]


@pytest.mark.parametrize('table,column,value', IMPOSSIBLE)
def test_a_number_that_cannot_be_in_a_state_is_named_by_every_command(table, column, value, pair, topic, service):
    state, warehouse = pair
    key = {'windows': 'window_start = (SELECT max(window_start) FROM windows)', 'progress': 'id = 1',
           'export_progress': "table_kind = 'counts'"}.get(table, 'kafka_partition = 0')
    tamper.state(state, f'UPDATE {table} SET {column} = {value} WHERE {key}')
    commands = [['status'], ['proof', *warehouse.options], ['backfill', *warehouse.options], ['maintain', *warehouse.options],
                ['resolve', 'offsets-lost']]
    for command in commands:
        result = program.run(*command, '--state', str(state.path))
        assert result.code == 1 and f'{column} ' in result.err and 'is impossible' in result.err, (command, result)
    result = service.try_to_end(topic, state, *warehouse.options, seconds=30)
    assert result.code == 1 and f'in table {table} is impossible' in result.err, result.err


@pytest.mark.parametrize('name', [COUNTS, RAW])
@pytest.mark.parametrize('how', ['missing', 'truncated', 'empty'])
def test_a_data_file_that_cannot_be_read_is_named(name, how, pair):
    state, warehouse = pair
    path = tamper.live_files(warehouse, name)[0]
    if how == 'missing':
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:path.stat().st_size // 2] if how == 'truncated' else b'')
    report = prove(state, warehouse)
    assert any('files that can be read' in found for found in wrong(report))
    assert any(path.name in finding for finding in report['findings']), report['findings']


def test_a_table_of_another_state_is_refused_with_5(pair, topic, service, tmp_path):
    from support.state import State
    _, warehouse = pair
    other = State(tmp_path / 'other.db')
    topic.produce(views(93, count=10))
    service.to_end(topic, other)
    result = program.run('proof', '--state', str(other.path), *warehouse.options)
    assert result.code == 5 and 'belongs to state' in result.err, result.err


def test_it_is_equal_beside_a_running_service(make_topic, state, service, make_warehouse):
    from test_restart import Traffic
    from support.wait import eventually
    topic, warehouse = make_topic(2), make_warehouse()
    with Traffic(topic, 94, chunk=50):
        running = service.start(topic, state, *warehouse.options, '--export-interval', '300ms', '--flush-interval', '20ms')
        eventually(lambda: warehouse.has(COUNTS) and warehouse.has(RAW), 'both tables')
        for _ in range(4):
            report = prove(state, warehouse)
            assert report['equal'], (wrong(report), report['findings'], report['differences'])
        running.stop()
    assert_equal(prove(state, warehouse))


def test_postcodes_that_look_the_same_are_told_apart(topic, state, service, make_warehouse):
    """Composed and decomposed postcodes: canonically equal in Unicode, but two keys, because keys are bytes."""
    warehouse, looks = make_warehouse(), ['\u00c91', 'E\u03011']
    topic.produce([event(looks[0], SAMPLE_MS)] * 2 + [event(looks[1], SAMPLE_MS)] * 3)
    service.to_end(topic, state, *warehouse.options)
    assert_equal(prove(state, warehouse))
    for look, count in zip(looks, (3, 2)):
        tamper.state(state, f"UPDATE counts SET count = {count} WHERE postcode = '{look}'")
    found = [(one['postcode'], one['local'], one['table'], one['raw']) for one in prove(state, warehouse)['differences']]
    assert found == [(looks[1], 2, 3, 3), (looks[0], 3, 2, 2)]


def test_without_a_state_or_a_warehouse_it_says_so(tmp_path, topic, state, service):
    missing = program.run('proof', '--state', str(tmp_path / 'none.db'))
    assert missing.code == 1 and 'there is no state' in missing.err
    topic.produce(views(95, count=10))
    service.to_end(topic, state)
    text = program.run('proof', '--state', str(state.path)).out
    assert 'no --warehouse: only the state was looked at' in text
    report = program.run('proof', '--state', str(state.path), '--warehouse', f'file://{tmp_path}/warehouse')
    assert report.code == 0 and 'nothing was exported' in report.out, report


def test_what_another_program_committed_is_found_through_a_catalog(topic, state, service, make_warehouse):
    warehouse = make_warehouse('rest')
    for seed in (96, 97):
        topic.produce(views(seed, count=400))
        service.to_end(topic, state, *warehouse.options, env=warehouse.environment)
    assert_equal(prove(state, warehouse))
    day = state.rows('SELECT min(timestamp) AS first FROM postcode_view_count')[0]['first'][:10]
    files = len(list(warehouse.table(COUNTS).scan().plan_files()))
    warehouse.table(COUNTS).delete(f"timestamp >= '{day}T00:00:00+00:00' and timestamp <= '{day}T23:59:59.999999+00:00'")
    assert 0 < files - len(list(warehouse.table(COUNTS).scan().plan_files())) < files
    report = prove(state, warehouse)
    lost = {(row['postcode'], row['timestamp']): row['count'] for row in state.rows(
        f"SELECT postcode, timestamp, count FROM postcode_view_count WHERE timestamp LIKE '{day}%'")}
    assert report['differences'] and any('recounted' in name for name in wrong(report))
    for found in report['differences']:
        assert found['table'] is None and found['local'] == found['raw'] == lost[found['postcode'], found['window']]


@pytest.mark.parametrize('retention', [[], ['--retention', '0s']], ids=['kept', 'evicted'])
def test_snapshots_from_before_a_backfill_are_equal_and_held_to_their_own_sum(retention, topic, state, service, make_warehouse):
    """A later backfill, or windows that have left the state since, do not explain a difference in an older snapshot."""
    warehouse = make_warehouse()
    options = [*warehouse.options, '--allowed-lateness', '1h', '--no-maintenance', *retention]
    topic.produce(event(f'E{n % 3}', SAMPLE_MS + n * HOUR_MS // 10) for n in range(60))
    service.to_end(topic, state, *options)
    topic.produce(event(f'E{n % 3}', SAMPLE_MS + n * HOUR_MS // 10) for n in range(10))
    topic.produce([event('E1', SAMPLE_MS + 7 * HOUR_MS)])
    service.to_end(topic, state, *options)
    backfills.complete(state, warehouse, '--no-maintenance')
    service.to_end(topic, state, *options)
    snapshots = [snapshot.snapshot_id for snapshot in warehouse.ours(COUNTS)]
    assert len(snapshots) == 3
    for snapshot in snapshots:
        assert_equal(prove(state, warehouse, '--snapshot', str(snapshot)))
    oldest = next(iter(warehouse.table(COUNTS).scan(snapshot_id=snapshots[0]).plan_files())).file.file_path
    tamper.rewrite(pathlib.Path(oldest.removeprefix('file://')), tamper.one_count)
    assert any('sum of counts =' in name for name in wrong(prove(state, warehouse, '--snapshot', str(snapshots[0]))))


def test_offsets_without_a_record_are_no_difference_where_the_topic_is_said_to_have_them(topic, state, service, make_warehouse):
    """Transactions leave such gaps; the counts table ends before the last gap, because only late events follow it."""
    warehouse = make_warehouse()
    producer = Producer({'bootstrap.servers': topic.address, 'transactional.id': topic.name, 'log_level': 2})
    producer.init_transactions(20)
    for time_ms in (SAMPLE_MS, SAMPLE_MS, SAMPLE_MS - 48 * HOUR_MS):
        producer.begin_transaction()
        for _ in range(4):
            producer.produce(topic.name, event('E1', time_ms), partition=0)
        producer.commit_transaction(20)
        service.to_end(topic, state, *warehouse.options)
    report = prove(state, warehouse)
    assert any('--compacted' in (check['note'] or '') for check in report['checks']) and not report['equal'], report
    for options in ((), ('--quick',)):
        assert_equal(prove(state, warehouse, '--compacted', *options))
    for snapshot in warehouse.ours(COUNTS):
        assert_equal(prove(state, warehouse, '--compacted', '--snapshot', str(snapshot.snapshot_id)))
