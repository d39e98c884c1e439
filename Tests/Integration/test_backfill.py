"""After a backfill every count includes exactly its late events, whatever was late and however the work was interrupted."""
import collections
import pathlib
import random
import signal

import pytest

from support import backfills, exports, oracle
from support.events import DAY_MS, HOUR_MS, MINUTE_MS, SAMPLE_MS, event, views
from support.lake import COUNTS, RAW
from support.oracle import Rules
from support.wait import eventually

# An allowed lateness of an hour; counts leave the state as soon as their events can only be late.
EVICTING = ['--allowed-lateness', '1h', '--retention', '0s']
EVICTING_RULES = Rules(allowed_lateness_ms=HOUR_MS)
POINTS = ['backfill.read', 'backfill.written', 'counts.written', 'counts.prepared', 'counts.staged', 'counts.committed',
          'counts.settled', 'backfill.written', 'backfill.done']


def history(warehouse):
    return [snapshot.snapshot_id for name in (COUNTS, RAW) for snapshot in warehouse.ours(name)]


def check(topic, state, warehouse):
    """State and table hold every valid event; the raw table still marks the late ones."""
    whole = backfills.whole(topic)
    assert state.counts() == dict(whole)
    backfills.check_table(warehouse, whole)
    assert not backfills.not_backfilled(state)
    records = topic.read()
    exports.differ(warehouse.by_pyiceberg(RAW), exports.expected_raw(records, set(oracle.count(records).late)), RAW)
    exports.check_history(warehouse, COUNTS)
    exports.check_history(warehouse, RAW)


@pytest.mark.parametrize('version,seed', [(2, 201), (3, 202)])
def test_counts_hold_their_late_events_after_a_backfill(version, seed, topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    options = [*warehouse.options, '--format-version', str(version)]
    # Later events are added to the backfilled counts, and new late ones by another backfill.
    for part in range(2):
        topic.produce(views(seed + 10 * part, count=600, start_ms=SAMPLE_MS + part * HOUR_MS))
        service.to_end(topic, state, *options)
        expected = oracle.count(topic.read())
        assert set(expected.late.values()) - set(expected.counts), 'no late event in a window never seen before'
        assert backfills.not_backfilled(state)
        backfills.complete(state, warehouse)
        check(topic, state, warehouse)


def test_a_second_backfill_changes_nothing(topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    topic.produce(views(seed=203, count=400))
    service.to_end(topic, state, *warehouse.options)
    backfills.complete(state, warehouse)
    before = state.everything(), history(warehouse)
    for options in ([], ['--from', '2021-01-01']):
        backfills.complete(state, warehouse, *options)
        assert (state.everything(), history(warehouse)) == before


@pytest.mark.parametrize('version', [2, 3])
def test_kills_at_every_step_leave_what_one_run_leaves(version, topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    topic.produce(views(seed=204, count=500))
    service.to_end(topic, state, *warehouse.options, '--format-version', str(version))
    for point in POINTS:
        result = backfills.run(state, warehouse, '--counts-per-chunk', '5', env={'PAGEVIEWS_FAIL_POINT': point})
        assert result.code == -signal.SIGKILL, f'{point}: {result.err}'
    backfills.complete(state, warehouse)
    check(topic, state, warehouse)


def test_events_of_later_runs_are_added_whatever_was_killed(topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    for seed, point in enumerate(('raw.prepared', 'counts.committed', 'segment.closed'), 205):
        topic.produce(views(seed, count=200))
        result = service.try_to_end(topic, state, *warehouse.options, env={'PAGEVIEWS_FAIL_POINT': point})
        assert result.code == -signal.SIGKILL, result.err
        # The raw table is now behind the counts; the events that it lacks are in the late log.
        backfills.complete(state, warehouse)
        assert not backfills.not_backfilled(state)
    service.to_end(topic, state, *warehouse.options)
    check(topic, state, warehouse)


def test_a_dry_run_prints_the_differences_and_changes_nothing(topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    topic.produce(views(seed=208, count=400))
    service.to_end(topic, state, *warehouse.options)
    before = state.everything(), history(warehouse), warehouse.names(warehouse.location)
    result = backfills.complete(state, warehouse, '--dry-run')
    assert (state.everything(), history(warehouse), warehouse.names(warehouse.location)) == before
    expected = oracle.count(topic.read())
    late = collections.Counter(expected.late.values())
    assert backfills.printed(result) == {
        window: (expected.counts[window], expected.counts[window] + number) for window, number in late.items()}


def test_only_the_windows_asked_for_are_changed(topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    topic.produce(views(seed=209, count=400))
    service.to_end(topic, state, *warehouse.options)
    windows = sorted(set(start for _, start in oracle.count(topic.read()).late.values()))
    first, end = windows[len(windows) // 3], windows[2 * len(windows) // 3]
    backfills.complete(state, warehouse, '--from', backfills.iso(first + 30_000), '--to', backfills.iso(end))
    left = {start for place, (_, start) in state.late().items() if place in backfills.not_backfilled(state)}
    assert left == {start for start in windows if not first <= start < end}
    backfills.complete(state, warehouse)
    check(topic, state, warehouse)


@pytest.mark.parametrize('version', [2, 3])
def test_counts_that_left_the_state_get_their_late_events(version, topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    options = [*warehouse.options, *EVICTING, '--format-version', str(version)]
    for seed in (210, 211, 212):
        chance = random.Random(seed)
        start = SAMPLE_MS + (seed - 210) * HOUR_MS
        # Minutes of two days; the older ones have left the state, or never were in it.
        topic.produce(
            event(chance.choice(['E1', 'N1', 'É']),
                  start + number * 1000 - chance.choice([0, 0, chance.randint(50 * MINUTE_MS, 72 * MINUTE_MS)]))
            for number in range(400))
        service.to_end(topic, state, *options)
        whole = backfills.whole(topic, EVICTING_RULES)
        assert len(state.counts()) < len(whole) and backfills.not_backfilled(state)
        dry = backfills.printed(backfills.complete(state, warehouse, '--dry-run'))
        backfills.complete(state, warehouse, '--counts-per-chunk', '20')
        assert not backfills.not_backfilled(state)
        backfills.check_table(warehouse, whole)
        assert {window: new for window, (_, new) in dry.items()} == {window: whole[window] for window in dry}
    service.to_end(topic, state, *options)
    assert min(start for _, start in state.counts()) > SAMPLE_MS, 'what was backfilled leaves the state again'
    backfills.check_table(warehouse, whole)


@pytest.mark.parametrize('damage', ['missing', 'truncated'])
def test_windows_of_a_damaged_file_are_named_and_left_as_they_are(damage, topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    day = SAMPLE_MS - SAMPLE_MS % DAY_MS
    # Late events of two days, each day in its own file.
    times = {'good': day - 3 * DAY_MS + HOUR_MS, 'bad': day - 4 * DAY_MS + HOUR_MS}
    topic.produce([event('E1', SAMPLE_MS)] + [event('E1', times[name] + n * MINUTE_MS) for n in range(3) for name in times])
    service.to_end(topic, state, *warehouse.options)
    before = state.counts()
    file, = (pathlib.Path(path) for path in warehouse.names(f'{warehouse.location}/{warehouse.namespace}/{RAW}')
             if f'timestamp_day={backfills.iso(times["bad"])[:10]}' in path)
    content = file.read_bytes()
    file.unlink() if damage == 'missing' else file.write_bytes(content[:len(content) // 2])
    result = backfills.run(state, warehouse)
    assert result.code == 1, result.err
    for n in range(3):
        assert f'window {backfills.iso((times["bad"] + n * MINUTE_MS) // MINUTE_MS * MINUTE_MS)} unchanged' in result.err
    assert file.name in result.err and f'window {backfills.iso(times["good"])}' not in result.err
    assert {start for place, (_, start) in state.late().items() if place in backfills.not_backfilled(state)} == {
        times['bad'] + n * MINUTE_MS for n in range(3)}
    assert len(state.counts()) == len(before) + 3
    file.write_bytes(content)
    backfills.complete(state, warehouse)
    check(topic, state, warehouse)


def test_windows_whose_raw_rows_are_gone_are_left_as_they_are(topic, state, service, make_warehouse):
    """Another program deleted rows of the raw table: some that were counted, some that were late."""
    warehouse = make_warehouse('rest')
    old = SAMPLE_MS - 2 * DAY_MS
    parts = [[event('E1', old), event('E0', SAMPLE_MS)], [event('E1', old), event('E5', old - 2 * HOUR_MS)],
             [event('E4', old - HOUR_MS)]]
    for part in parts:
        topic.produce(part)
        service.to_end(topic, state, *warehouse.options, env=warehouse.environment)
    before = state.counts()
    # Each is the only row of its file.
    for offset in (0, 4):
        warehouse.table(RAW).delete(f'kafka_offset = {offset}')
    result = backfills.run(state, warehouse)
    assert result.code == 1, result.err
    assert 'postcode E1: the raw table has 0 of the 1 events that were counted' in result.err
    assert 'postcode E4: the raw table has 0 of the 1 late events' in result.err
    assert state.counts() == {**before, ('E5', (old - 2 * HOUR_MS) // MINUTE_MS * MINUTE_MS): 1}
    assert len(backfills.not_backfilled(state)) == 2


def test_a_service_does_it_by_itself_and_the_command_says_so(topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    topic.produce(views(seed=213, count=300))
    running = service.start(topic, state, *warehouse.options, '--export-interval', '200ms', '--backfill-every', '300ms')
    eventually(lambda: state.consumed() == 300, 'the events')
    eventually(lambda: not backfills.not_backfilled(state), 'the first backfill')
    result = backfills.run(state, warehouse)
    assert result.code == 5 and '--backfill-every' in result.err, result
    topic.produce(views(seed=214, count=300))
    eventually(lambda: state.consumed() == 600 and not backfills.not_backfilled(state), 'the next backfill')
    assert running.stop(seconds=10)[0].code == 0
    check(topic, state, warehouse)


def test_without_a_state_or_a_warehouse_it_says_what_is_missing(state, make_warehouse):
    result = backfills.run(state, make_warehouse())
    assert result.code == 1 and str(state.path) in result.err and not state.path.exists()
    result = backfills.program.run('backfill', '--state', str(state.path))
    assert result.code == 2 and '--warehouse' in result.err
