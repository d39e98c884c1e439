"""Faults of warehouse, catalog and disk: counting continues, one line names the fault, and nothing is lost or duplicated."""
import contextlib
import ctypes
import os
import random
import resource
import shutil
import signal
import time

import pytest

from support import exports, program
from support.events import SAMPLE_MS, crowded_views, event
from support.faults import in_front_of
from support.health import status
from support.lake import COUNTS
from support.program import Running
from support.service import arguments
from support.wait import eventually

QUICK = ['--export-interval', '200ms', '--request-timeout', '1500ms']
# Counts are visible within two flush intervals (200 ms each); the rest is for starting `query`.
VISIBLE_SECONDS = 3


@pytest.fixture
def proxied(make_warehouse, request):
    """A warehouse on S3 behind a proxy, and the catalog behind one if there is one."""
    with contextlib.ExitStack() as stack:
        def make(kind='s3'):
            warehouse = make_warehouse(kind)
            proxy = stack.enter_context(in_front_of(warehouse.catalog if kind == 'rest' else warehouse.s3.endpoint))
            if kind == 'rest':
                warehouse.catalog_endpoint = proxy.endpoint
            else:
                warehouse.s3_endpoint = proxy.endpoint
            return warehouse, proxy
        yield make


def open_incidents(state):
    return [row['kind'] for row in state.rows('SELECT kind FROM incidents WHERE resolved_at IS NULL')]


def spool_of(state):
    return state.path.with_name(state.path.name + '.spool')


def check_counts_go_on(topic, state, before):
    """Checks that new events become visible as quickly as without the fault."""
    sent = topic.produce(crowded_views(seed=100 + before, count=50))
    eventually(lambda: state.consumed() == before + sent, 'new events to be counted', seconds=VISIBLE_SECONDS, every=0.01)
    return before + sent


# (the fault, the rule, words of the message)
FAULTS = [
    ('the server is away', None, ['cannot connect']),
    ('the server never answers', ('.*', 'hang'), ['timed out']),
    ('connections are cut', ('.*', 'reset'), ['connection lost']),
    ('503 to everything', ('.*', '503 SlowDown'), ['503 SlowDown']),
    ('429 to everything', ('.*', '429 TooManyRequests'), ['429 TooManyRequests']),
    ('500 to everything', ('.*', '500 InternalError'), ['500 InternalError']),
    ('the bucket is missing', ('.*', '404 NoSuchBucket'), ['NoSuchBucket', 'create it, or correct the location']),
    ('the bucket is read-only', ('^(PUT|POST|DELETE)', '403 AccessDenied'), ['AccessDenied', 'grant these credentials']),
    ('the keys are refused', ('.*', '403 InvalidAccessKeyId'), ['check AWS_ACCESS_KEY_ID']),
    ('the clock is wrong', ('.*', '403 RequestTimeTooSkewed'), ["correct this machine's clock", 'ahead of the server']),
]


@pytest.mark.parametrize('what,rule,words', FAULTS, ids=[fault[0] for fault in FAULTS])
def test_s3_fails_in_the_middle_and_comes_back(what, rule, words, topic, state, service, proxied):
    warehouse, proxy = proxied()
    running = service.start(topic, state, *QUICK, *warehouse.options, env=warehouse.environment)
    sent = topic.produce(crowded_views(seed=101, count=300))
    exports.wait_exported(warehouse, sent)
    if rule:
        proxy.add(*rule, times=None)
    else:
        proxy.down()
    sent = check_counts_go_on(topic, state, sent)
    eventually(lambda: any('counting continues' in line and 's3://plain/' in line and all(word in line for word in words)
                           for line in running.err.splitlines()), f'a line with {words}')
    assert 'export-failed' in open_incidents(state)
    sent = check_counts_go_on(topic, state, sent)
    assert running.alive()
    if rule:
        proxy.clear()
    else:
        proxy.up()
    exports.wait_exported(warehouse, sent)
    eventually(lambda: open_incidents(state) == [], 'the incident to be resolved')
    result, _ = running.stop(seconds=10)
    assert result.code == 0, result.err
    exports.check_tables(warehouse, state, topic.read())


@pytest.mark.parametrize('outcome', ['503 SlowDown', '429 TooManyRequests', '500 InternalError', 'reset'])
def test_storms_are_weathered_within_the_calls(outcome, topic, state, service, proxied):
    """Every kind of request fails three times before it succeeds; retries within a call need no message."""
    warehouse, proxy = proxied()
    topic.produce(crowded_views(seed=102, count=300))
    rules = [proxy.add(pattern, outcome, times=3)
             for pattern in ('^PUT .*parquet', '^PUT .*avro', r'^PUT .*metadata\.json', '^GET ', '^HEAD ')]
    service.to_end(topic, state, *warehouse.options, env=warehouse.environment)
    assert [rule.hits for rule in rules] == [3] * len(rules)
    exports.check_tables(warehouse, state, topic.read())


@pytest.mark.parametrize('outcome', [None, 'hang', '503', '401'])
def test_a_catalog_that_is_away_at_the_start_comes_later(outcome, topic, state, service, proxied):
    warehouse, proxy = proxied('rest')
    proxy.add('.*', outcome, times=None) if outcome else proxy.down()
    running = service.start(topic, state, *QUICK, *warehouse.options, env=warehouse.environment)
    sent = topic.produce(crowded_views(seed=103, count=300))
    eventually(lambda: state.consumed() == sent, 'counting to begin')
    words = [proxy.endpoint, "check the catalog's credentials" if outcome == '401' else '']
    eventually(lambda: any('counting continues' in line and all(word in line for word in words)
                           for line in running.err.splitlines()), f'a line with {words}')
    sent = check_counts_go_on(topic, state, sent)
    proxy.clear() if outcome else proxy.up()
    exports.wait_exported(warehouse, sent)
    running.stop(seconds=10)
    exports.check_tables(warehouse, state, topic.read())


def test_a_warehouse_that_is_out_of_reach_ends_exit_at_end_with_4(topic, state, service, proxied):
    warehouse, proxy = proxied()
    topic.produce(crowded_views(seed=104, count=300))
    proxy.down()
    result = service.try_to_end(topic, state, *QUICK, *warehouse.options, env=warehouse.environment)
    assert result.code == 4 and 's3://plain/' in result.err, result
    assert 'stays in the state and its spool for the next run' in result.err.splitlines()[-1]
    assert state.consumed() == 300
    proxy.up()
    service.to_end(topic, state, *warehouse.options, env=warehouse.environment)
    exports.check_tables(warehouse, state, topic.read())


def test_wrong_keys_end_exit_at_end_with_4_and_are_never_shown(topic, state, service, make_warehouse):
    for kind, advice in (('s3', 'check AWS_ACCESS_KEY_ID'), ('rest', "check the catalog's credentials")):
        warehouse = make_warehouse(kind)
        topic.produce(crowded_views(seed=105, count=100))
        wrong = {**warehouse.environment, 'AWS_SECRET_ACCESS_KEY': 'not-the-secret'}
        if kind == 'rest':
            wrong['PAGEVIEWS_CATALOG_CREDENTIAL'] = 'testkey:not-the-secret'
        result = service.try_to_end(topic, state, *QUICK, *warehouse.options, env=wrong)
        assert result.code == 4 and advice in result.err, result
        assert 'not-the-secret' not in result.err


def test_no_keys_at_all_are_asked_for(topic, state, service, make_warehouse, tmp_path):
    warehouse = make_warehouse('s3')
    topic.produce(crowded_views(seed=106, count=100))
    none = {'AWS_ACCESS_KEY_ID': '', 'AWS_SECRET_ACCESS_KEY': '', 'HOME': str(tmp_path)}
    result = service.try_to_end(topic, state, *QUICK, *warehouse.options, env=none)
    assert result.code == 4 and 'no AWS_ACCESS_KEY_ID in the environment' in result.err, result


@pytest.mark.parametrize('way', ['refused', 'hanging'])
def test_sigterm_does_not_wait_for_a_warehouse_that_is_away(way, topic, state, service, proxied):
    warehouse, proxy = proxied()
    proxy.down() if way == 'refused' else proxy.add('.*', 'hang', times=None)
    running = service.start(topic, state, '--export-interval', '200ms', *warehouse.options, env=warehouse.environment)
    sent = topic.produce(crowded_views(seed=107, count=300))
    eventually(lambda: state.consumed() == sent, 'counting')
    result, _ = running.stop(seconds=10)
    assert result.code == 0, result.err
    proxy.up() if way == 'refused' else proxy.clear()
    service.to_end(topic, state, *warehouse.options, env=warehouse.environment)
    exports.check_tables(warehouse, state, topic.read())


@pytest.mark.parametrize('location', ['s3:/plain', 'ftp://x/y', 'relative/folder', 's3://'])
def test_a_malformed_warehouse_is_wrong_usage(location, topic, state, service):
    result = service.try_to_end(topic, state, '--warehouse', location)
    assert result.code == 2 and location in result.err and len(result.err.splitlines()) <= 3, result


def test_a_wrong_catalog_warehouse_is_named(topic, state, service, make_warehouse):
    warehouse = make_warehouse('rest')
    warehouse.catalog_warehouse = 's3://nowhere'
    topic.produce(crowded_views(seed=108, count=100))
    result = service.try_to_end(topic, state, *QUICK, *warehouse.options, env=warehouse.environment)
    assert result.code in (1, 4) and warehouse.catalog in result.err, result


# Local disks

def without_override():
    """Makes a folder's permissions apply to root, too (prctl PR_CAPBSET_DROP, CAP_DAC_OVERRIDE)."""
    ctypes.CDLL(None, use_errno=True).prctl(24, 1, 0, 0, 0)


def with_small_files():
    """Limits the size of files; a write beyond it fails as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


@pytest.fixture
def start(topic, state, tmp_path):
    """Starts the service with a function called in the new process before the program."""
    started = []

    def start(*options, before):
        started.append(Running(tmp_path / 'logs', *arguments(topic, state, *options), before=before))
        return started[-1]
    yield start
    for running in started:
        running.kill()


def test_a_read_only_folder_is_named(topic, state, start, make_warehouse, tmp_path):
    warehouse = make_warehouse()
    folder = tmp_path / warehouse.location.rpartition('/')[2]
    folder.mkdir(mode=0o555)
    running = start(*QUICK, *warehouse.options, before=without_override)
    sent = topic.produce(crowded_views(seed=109, count=300))
    eventually(lambda: any('counting continues' in line and str(folder) in line and 'ermission denied' in line
                           for line in running.err.splitlines()), 'a line that names the folder')
    sent = check_counts_go_on(topic, state, sent)
    folder.chmod(0o755)
    exports.wait_exported(warehouse, sent)
    running.stop()
    exports.check_tables(warehouse, state, topic.read())


def test_a_full_disk_under_the_spool_stops_only_the_raw_half(topic, state, start, make_warehouse):
    warehouse = make_warehouse()
    running = start('--export-interval', '1s', *warehouse.options, before=with_small_files)
    pages = [event('E1', SAMPLE_MS + number, webpage=os.urandom(30_000).hex()) for number in range(60)]
    sent = topic.produce(pages)
    eventually(lambda: 'raw events cannot be written' in running.err, 'a message')
    line = next(line for line in running.err.splitlines() if 'raw events cannot be written' in line)
    assert '.db.spool/' in line and 'counting continues' in line, line
    eventually(lambda: state.consumed() == sent, 'all to be counted')
    sent = check_counts_go_on(topic, state, sent)
    resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    exports.wait_exported(warehouse, sent)
    result, _ = running.stop()
    assert result.code == 0, result.err
    exports.check_tables(warehouse, state, topic.read())


@pytest.mark.parametrize('json', ['--raw-json', '--no-raw-json'])
def test_the_end_of_the_input_is_reached_when_a_lost_segment_was_read_again(json, topic, state, start, make_warehouse):
    warehouse = make_warehouse()
    topic.produce([event('E1', SAMPLE_MS + number, webpage=os.urandom(30_000).hex()) for number in range(60)])
    running = start(*warehouse.options, json, '--exit-at-end', before=with_small_files)
    eventually(lambda: 'raw events cannot be written' in running.err, 'a message')
    time.sleep(2)  # the end of the topic is seen meanwhile, and the segment tried again; a shorter time would only make the test weaker
    assert running.alive(), running.err
    resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    result = running.wait()
    assert result.code == 0, result.err
    exports.check_tables(warehouse, state, topic.read(), lines=json == '--raw-json')


def test_late_events_are_marked_late_also_when_their_segment_had_to_be_written_again(
        topic, state, start, make_warehouse):
    from support.events import DAY_MS
    warehouse = make_warehouse()
    running = start('--export-interval', '1s', '--flush-interval', '5s', *warehouse.options, before=with_small_files)
    sent = topic.produce([event('E1', SAMPLE_MS), event('E1', SAMPLE_MS - 2 * DAY_MS)]
                         + [event('E1', SAMPLE_MS + number, webpage=os.urandom(30_000).hex()) for number in range(60)])
    eventually(lambda: 'raw events cannot be written' in running.err, 'a message')
    resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    exports.wait_exported(warehouse, sent)
    running.stop()
    exports.check_tables(warehouse, state, topic.read())


def test_a_full_spool_pauses_consuming_until_there_is_room(topic, state, service, proxied):
    warehouse, proxy = proxied()
    proxy.down()
    running = service.start(topic, state, *QUICK, '--spool-budget', '100kB', *warehouse.options, env=warehouse.environment)
    sent = 0
    while 'consuming waits' not in running.err:
        assert sent < 400, 'the budget was passed without a word'
        sent += topic.produce([event('E1', SAMPLE_MS + sent, webpage=os.urandom(2_000).hex()) for _ in range(10)])
        time.sleep(0.05)  # segments close by their age
    assert '--spool-budget' in running.err
    eventually(lambda: 'spool-full' in open_incidents(state), 'the incident')
    before = eventually(state.consumed, 'something consumed')
    sent += topic.produce(crowded_views(seed=110, count=100))
    time.sleep(1)  # nothing new may be consumed meanwhile; a shorter time would only make the test weaker
    assert state.consumed() == before < sent
    proxy.up()
    exports.wait_exported(warehouse, sent)
    eventually(lambda: open_incidents(state) == [], 'the incidents to be resolved')
    result, _ = running.stop(seconds=10)
    assert result.code == 0, result.err
    exports.check_tables(warehouse, state, topic.read())


def test_with_s3_hanging_new_events_stay_as_visible_as_ever(topic, state, service, proxied):
    warehouse, proxy = proxied()
    proxy.add('.*', 'hang', times=None)
    running = service.start(topic, state, '--export-interval', '100ms', *warehouse.options, env=warehouse.environment)
    eventually(lambda: 'counting begins' in running.err, 'the look at the tables to be given up')
    sent = 0
    for _ in range(8):
        sent = check_counts_go_on(topic, state, sent)
    assert running.alive()
    running.stop(seconds=10)
    proxy.clear()
    service.to_end(topic, state, *warehouse.options, env=warehouse.environment)
    exports.check_tables(warehouse, state, topic.read())
    assert COUNTS in program.run('query', '--state', str(state.path), 'SELECT * FROM exports').out


@pytest.mark.parametrize('closed', [True, False], ids=['closed segments', 'an open segment'])
def test_a_spool_that_is_removed_under_the_service_is_read_again(closed, topic, state, service, proxied):
    warehouse, proxy = proxied()
    interval = ['--export-interval', '200ms' if closed else '1h', '--request-timeout', '1500ms']
    running = service.start(topic, state, *interval, *warehouse.options, env=warehouse.environment)
    sent = topic.produce(crowded_views(seed=120, count=100))
    if closed:
        exports.wait_exported(warehouse, sent)
        proxy.down()
        sent = check_counts_go_on(topic, state, sent)
        eventually(lambda: state.rows('SELECT 1 FROM segment'), 'a closed segment')
    eventually(lambda: state.consumed() == sent, 'the events')
    shutil.rmtree(spool_of(state))
    sent = check_counts_go_on(topic, state, sent)
    if closed:
        proxy.up()
        exports.wait_exported(warehouse, sent)
    end_and_check(running, topic, state, service, warehouse, *interval)


def end_and_check(running, topic, state, service, warehouse, *options):
    """Stops the service, runs it once more to the end, and checks both tables."""
    result, _ = running.stop(seconds=20)
    assert result.code == 0, result.err
    service.to_end(topic, state, *options, *warehouse.options, env=warehouse.environment)
    exports.check_tables(warehouse, state, topic.read())


@pytest.mark.parametrize('seed', [1, 2])
def test_a_spool_that_is_removed_at_any_moment_is_read_again(seed, topic, state, service, proxied):
    """Segments that are open, closed or being sent, and prepared commits of both tables: everything lost is prepared again."""
    moments = random.Random(seed)
    warehouse, proxy = proxied()
    running = service.start(topic, state, *QUICK, *warehouse.options, env=warehouse.environment)
    sent = topic.produce(crowded_views(seed=120, count=100))
    exports.wait_exported(warehouse, sent)
    for is_away in (True, False, True):
        if is_away:
            proxy.down()
        sent = check_counts_go_on(topic, state, sent)
        time.sleep(moments.random() / 2)
        shutil.rmtree(spool_of(state), ignore_errors=True)
        sent = check_counts_go_on(topic, state, sent)
        time.sleep(moments.random())
        if is_away:
            proxy.up()
        exports.wait_exported(warehouse, sent)
    end_and_check(running, topic, state, service, warehouse, *QUICK)


def leave_segments(topic, state, service, warehouse, proxy):
    """A stopped service with 100 exported events and 50 in closed segments that wait."""
    running = service.start(topic, state, *QUICK, *warehouse.options, env=warehouse.environment)
    sent = topic.produce(crowded_views(seed=120, count=100))
    exports.wait_exported(warehouse, sent)
    proxy.down()
    check_counts_go_on(topic, state, sent)
    eventually(lambda: state.rows('SELECT 1 FROM segment'), 'a closed segment')
    running.stop(seconds=20)
    assert list(spool_of(state).glob('raw-*.parquet'))
    shutil.rmtree(spool_of(state))
    proxy.up()


def test_a_spool_that_is_removed_between_two_runs_is_read_again(topic, state, service, proxied):
    warehouse, proxy = proxied()
    leave_segments(topic, state, service, warehouse, proxy)
    err = service.to_end(topic, state, *QUICK, *warehouse.options, env=warehouse.environment).err
    assert 'files of raw events that waited for export are missing or truncated; the events are read again' in err, err
    exports.check_tables(warehouse, state, topic.read())


def test_a_spool_that_is_removed_when_kafka_no_longer_has_it_is_told(apache_kafka, state, service, proxied):
    topic = apache_kafka.create_topic()
    warehouse, proxy = proxied()
    leave_segments(topic, state, service, warehouse, proxy)
    apache_kafka.delete_records(topic.name, {0: 120})
    end = [*QUICK, *warehouse.options]
    running = service.start(topic, state, *end, env=warehouse.environment)
    eventually(lambda: 'no longer has offsets 100 to 119' in running.err, 'the reason to be told')
    topic.produce(crowded_views(seed=9, count=10))
    eventually(lambda: state.consumed() == 160, 'counting to go on')
    eventually(lambda: any('that waits for export is gone' in reason['text'] for reason in status(state)['reasons']),
               'the health to say so')
    running.stop(seconds=20)
    service.to_end(topic, state, *end, '--on-missing-offsets', 'skip', env=warehouse.environment)
    told = program.run('query', '--state', str(state.path), 'SELECT detail FROM incidents').out
    assert 'offsets 100 to 119 (20 in all) were no longer in Kafka and are counted, but not in the raw table' in told
    proof = program.run('proof', '--state', str(state.path), *warehouse.options, env=warehouse.environment)
    # `proof` reports what the raw table lacks.
    assert proof.code == 1 and '20 offsets were lost, as incidents tell' in proof.out, proof.out


@pytest.mark.parametrize('point', ['raw.committed', 'raw.staged'])
def test_a_spool_that_is_removed_beside_an_open_commit_doubles_nothing(point, topic, state, service, make_warehouse):
    """A commit that was applied settles without its files; one that was not is prepared again."""
    warehouse = make_warehouse()
    topic.produce(crowded_views(seed=9, count=100))
    service.to_end(topic, state, *QUICK, *warehouse.options)
    topic.produce(crowded_views(seed=10, count=100))
    killed = service.try_to_end(topic, state, *QUICK, *warehouse.options, env={'PAGEVIEWS_FAIL_POINT': point})
    assert killed.code == -signal.SIGKILL, killed.err
    shutil.rmtree(spool_of(state))
    topic.produce(crowded_views(seed=11, count=50))
    service.to_end(topic, state, *QUICK, *warehouse.options)
    exports.check_tables(warehouse, state, topic.read())
