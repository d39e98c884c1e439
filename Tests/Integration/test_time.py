"""Event time: units, idle partitions, the end of traffic, events from the future."""
import time

from support import oracle
from support.events import DAY_MS, HOUR_MS, MINUTE_MS, SAMPLE_MS, SECOND_MS, event
from support.wait import eventually

START_MS = SAMPLE_MS - SAMPLE_MS % MINUTE_MS
LONG_IDLE = ('--idle-timeout', '1h')


def final(state, postcode):
    """1, 0, or None while there is no such row or no state."""
    if state.consumed() == 0:
        return None
    rows = state.rows('SELECT final FROM postcode_view_count WHERE postcode = :p', '--param', f'p={postcode}')
    return rows[0]['final'] if rows else None


def now_ms():
    return round(time.time() * 1000)


def test_seconds_milliseconds_and_microseconds_are_told_apart(topic, state, service):
    seconds = SAMPLE_MS // 1000
    forms = [f'{seconds}', f'{seconds}000', f'{seconds}000000', f'{seconds}.0', f'{seconds}000.000', f'"{seconds}"',
             f'"{seconds}000"', f'"{seconds}000000"', '1.611662684e9', '1.611662684e+12', '1611662684E0', '16116626840e-1']
    topic.produce(f'{{"postcode":"E1","timestamp":{form}}}'.encode() for form in forms)
    service.to_end(topic, state)
    assert state.counts() == {('E1', START_MS): len(forms)}


# A value of `timestamp`, and the start of its window in milliseconds, or None if the record must be rejected.
LIMITS = [
    ('1', 0),
    ('99999999999', 99_999_999_960_000),          # the last second
    ('100000000000', 99_999_960_000),             # the first millisecond
    ('99999999999999', 99_999_999_960_000),       # the last millisecond
    ('100000000000000', 99_999_960_000),          # the first microsecond
    ('99999999999999999', 99_999_999_960_000),    # the last microsecond
    ('100000000000000000', None), ('0', None), ('-1', None), ('-1611662684', None), ('9223372036854775807', None),
    ('9223372036854775808', None), ('1e400', None), ('1.5', None), ('0.5', None), ('"1.0"', None), ('"-1"', None),
    ('" 1"', None), ('""', None), ('"+1"', None), ('true', None), ('[1]', None), ('NaN', None), ('1611662684.25', None),
]


def test_the_limits_of_each_unit(topic, state, service):
    topic.produce(f'{{"postcode":"P{number}","timestamp":{stamp}}}'.encode() for number, (stamp, _) in enumerate(LIMITS))
    service.to_end(topic, state)
    valid = {(f'P{number}', window_ms): 1 for number, (_, window_ms) in enumerate(LIMITS) if window_ms is not None}
    assert state.counts() == valid
    assert state.rejected() == {(0, number) for number, (_, window_ms) in enumerate(LIMITS) if window_ms is None}


def test_a_partition_without_records_does_not_hold_the_watermark_for_ever(make_topic, state, service):
    topic = make_topic(2)
    topic.produce([event('A', START_MS), event('B', START_MS + 10 * MINUTE_MS)], partition=0)
    service.to_end(topic, state, *LONG_IDLE)
    assert final(state, 'A') == 0, 'partition 1 may still have older events'
    running = service.start(topic, state, '--idle-timeout', '1s')
    topic.produce([event('B', START_MS + 10 * MINUTE_MS)], partition=0)
    eventually(lambda: final(state, 'A') == 1, 'the window to become final')
    running.stop()
    assert state.partitions()[1]['idle'] == 1


def test_a_partition_that_went_quiet_is_left_out_and_comes_back(make_topic, state, service):
    topic = make_topic(2)
    running = service.start(topic, state, '--idle-timeout', '1s', '--allowed-lateness', '1h')
    topic.produce([event('OLD', START_MS)], partition=1)
    topic.produce([event('A', START_MS), event('B', START_MS + 2 * HOUR_MS)], partition=0)

    def more_traffic_makes_it_final():
        topic.produce([event('B', START_MS + 2 * HOUR_MS)], partition=0)
        return final(state, 'A') == 1

    eventually(more_traffic_makes_it_final, 'partition 1 to be left out', every=0.2)
    # Active again, behind the watermark of the others: its events are late, and in the log.
    topic.produce([event('LATE', START_MS)], partition=1)
    eventually(lambda: state.late(), 'the late event')
    running.stop()
    assert list(state.late().values()) == [('LATE', START_MS)]


def test_the_last_windows_become_final_when_all_traffic_stops(make_topic, state, service):
    topic = make_topic(2)
    running = service.start(topic, state, '--idle-timeout', '1s', '--watermark-delay', '1s')
    topic.produce([event('LAST', START_MS)], partition=0)
    eventually(lambda: final(state, 'LAST') == 1, 'the last window to become final by the clock')
    # That rule never makes an event late.
    topic.produce([event('LAST', START_MS)], partition=1)
    eventually(lambda: state.counts() == {('LAST', START_MS): 2}, 'the event to be counted')
    running.stop()
    assert state.late() == {}


def test_an_event_from_the_future_is_counted_and_leaves_the_watermark_alone(topic, state, service):
    options = ('--allowed-lateness', '1m', *LONG_IDLE)
    now = now_ms()
    topic.produce([event('A', now - 30 * MINUTE_MS), event('FUTURE', now + 2 * DAY_MS),
                   event('HONEST', now - 30 * MINUTE_MS + SECOND_MS)])
    service.to_end(topic, state, *options)
    assert state.late() == {}
    assert {postcode for postcode, _ in state.counts()} == {'A', 'FUTURE', 'HONEST'}
    # Within the skew, an event moves the watermark.
    topic.produce([event('AHEAD', now_ms() + 4 * MINUTE_MS), event('BEHIND', now - 30 * MINUTE_MS)])
    service.to_end(topic, state, *options)
    assert [postcode for postcode, _ in state.late().values()] == ['BEHIND']


def test_the_future_skew_can_be_set(topic, state, service):
    now = now_ms()
    topic.produce([event('FUTURE', now + 2 * HOUR_MS), event('BEHIND', now - HOUR_MS)])
    service.to_end(topic, state, '--max-future-skew', '1d', '--allowed-lateness', '1m')
    assert [postcode for postcode, _ in state.late().values()] == ['BEHIND']


def test_a_late_event_is_logged_with_all_its_fields(topic, state, service):
    topic.produce([event('NEW', START_MS), event('OLD', START_MS - 2 * DAY_MS + 7, user_id=77, webpage='w/x')])
    service.to_end(topic, state)
    row, = state.rows('SELECT * FROM late_events')
    window = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime((START_MS - 2 * DAY_MS) / 1000))
    assert (row['user_id'], row['postcode'], row['webpage'], row['window']) == (77, 'OLD', 'w/x', window)
    # --exit-at-end exits only after the event is published.
    assert (row['kafka_partition'], row['kafka_offset'], row['published'], row['backfilled_at']) == (0, 1, 1, None)
    assert row['timestamp'].startswith(window[:19])
    assert row['lateness_ms'] > 0 and row['received_at'].endswith('Z')


def test_an_event_is_late_from_the_very_millisecond_on(topic, state, service):
    """With 1 h allowed and the watermark 20 s and 1 ms behind: late once the newest is 1 h 20 s past the window's end."""
    end = START_MS + MINUTE_MS
    limit = end + HOUR_MS + 20 * SECOND_MS
    topic.produce([event('NEWEST', limit - 1), event('IN TIME', end - 1), event('IN TIME', START_MS),
                   event('NEWEST', limit), event('LATE', end - 1), event('IN TIME', end)])
    service.to_end(topic, state, '--allowed-lateness', '1h')
    assert [postcode for postcode, _ in state.late().values()] == ['LATE']
    late, = state.rows('SELECT lateness_ms FROM late_events')
    assert late['lateness_ms'] == limit - 20 * SECOND_MS - 1 - (end - 1)
    assert oracle.count(topic.read(), oracle.Rules(allowed_lateness_ms=HOUR_MS)).late == state.late()
