"""Counts leave the state only when they are exported and their events can only be late."""
import signal

import pytest

from support import backfills, exports, oracle
from support.events import HOUR_MS, SAMPLE_MS, event, views
from support.lake import COUNTS
from support.oracle import Rules

RULES = Rules(allowed_lateness_ms=HOUR_MS)


def hours(number, per_hour=20):
    """Views of the given number of hours, in order."""
    for n in range(number * per_hour):
        yield event(f'E{n % 3}', SAMPLE_MS + n * HOUR_MS // per_hour)


def check(topic, state, warehouse, retention_ms):
    """The table has everything; the state has the recent counts."""
    counts = oracle.count(topic.read(), RULES).counts
    backfills.check_table(warehouse, counts)
    newest = max(oracle.parse(record.value).time_ms for record in topic.read()[0])
    bound = RULES.evicted_before(newest, retention_ms)
    assert state.counts() == {window: count for window, count in counts.items() if window[1] >= bound}
    meta = {row['key']: int(row['value']) for row in state.rows("SELECT * FROM meta WHERE key LIKE 'evicted%'")}
    assert meta == {'evicted_before_s': bound // 1000,
                    'evicted_events': sum(count for window, count in counts.items() if window[1] < bound)}


@pytest.mark.parametrize('retention,milliseconds', [('0s', 0), ('3h', 3 * HOUR_MS)])
def test_old_counts_leave_the_state_once_exported(retention, milliseconds, topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    options = [*warehouse.options, '--allowed-lateness', '1h', '--retention', retention]
    records = list(hours(10))
    for part in (records[:120], records[120:]):
        topic.produce(part)
        service.to_end(topic, state, *options)
        check(topic, state, warehouse, milliseconds)


def test_what_may_still_be_counted_in_stays(topic, state, service, make_warehouse):
    """With an allowed lateness of a day, a retention of zero evicts only older counts."""
    warehouse = make_warehouse()
    for seed in (301, 302):
        topic.produce(views(seed, count=500))
        service.to_end(topic, state, *warehouse.options, '--retention', '0s')
    backfills.check_table(warehouse, oracle.count(topic.read()).counts)


def test_without_a_warehouse_nothing_leaves(topic, state, service):
    topic.produce(hours(5))
    service.to_end(topic, state, '--allowed-lateness', '1h', '--retention', '0s')
    assert state.counts() == dict(oracle.count(topic.read(), RULES).counts)


def test_a_kill_on_the_way_loses_nothing(topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    options = [*warehouse.options, '--allowed-lateness', '1h', '--retention', '0s']
    records = list(hours(8))
    for number, point in enumerate(('counts.prepared', 'counts.committed', 'evicted', 'counts.settled')):
        topic.produce(records[number * 40:number * 40 + 40])
        result = service.try_to_end(topic, state, *options, env={'PAGEVIEWS_FAIL_POINT': point})
        assert result.code == -signal.SIGKILL, result.err
    service.to_end(topic, state, *options)
    check(topic, state, warehouse, 0)
    exports.check_history(warehouse, COUNTS)


def test_a_longer_lateness_that_would_count_in_evicted_windows_is_refused(topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    options = [*warehouse.options, '--retention', '0s', '--allowed-lateness']
    topic.produce(hours(5))
    service.to_end(topic, state, *options, '1h')
    result = service.try_to_end(topic, state, *options, '2h')
    assert result.code == 2 and '--allowed-lateness' in result.err, result
    service.to_end(topic, state, *options, '1h')
