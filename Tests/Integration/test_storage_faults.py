"""Storage that fails under the service: calls that are refused, cut short or lose what they took, and power cuts.

A life is one state with its tables and its late topic. In each round other calls fail, on other files; then the service
continues without help, or has ended with one line and is started again. At the end it is compared with what independent readers
and the oracle make of the source topic. `make storage SEEDS=100` asks for more lives than `make test`;
PAGEVIEWS_STORAGE_SEED is the first one's.
"""
import itertools
import os
import random
import signal
import time

import pytest

from support import exports, outbox, program
from support.events import SAMPLE_MS, crowded_views, event, views
from support.health import codes, status, wait_for, wait_healthy
from support.shim import Plan, compile_shim
from support.wait import eventually

ROUNDS = 4
LIVES = int(os.environ.get('PAGEVIEWS_STORAGE_SEEDS', '3'))
FIRST = int(os.environ.get('PAGEVIEWS_STORAGE_SEED', '1'))
QUICK = ['--flush-interval', '20ms', '--export-interval', '100ms', '--compact-files', '3', '--keep-snapshots', '2']
# What may fail, where, and how.
PLACES = ['.db-wal', '.db', '.db.spool/', '/warehouse-', '.db.lock', '.db.health', '.db-shm']
REFUSALS = {
    'write': ['EIO', 'ENOSPC', 'EDQUOT', 'short', 'torn'], 'read': ['EIO'], 'sync': ['EIO', 'ENOSPC'], 'truncate': ['EIO'],
    'open': ['EIO', 'EMFILE', 'EACCES', 'EROFS'], 'rename': ['EIO', 'ENOSPC', 'EROFS'], 'link': ['EIO', 'ENOSPC'],
    'unlink': ['EIO', 'EROFS'], 'mkdir': ['ENOSPC', 'EROFS']}
_numbers = itertools.count(1)


@pytest.fixture(scope='session')
def shim(tmp_path_factory):
    return compile_shim(tmp_path_factory.mktemp('shim'))


@pytest.fixture
def plan(shim, tmp_path):
    return Plan(shim, tmp_path)


class Life:
    def __init__(self, seed, topic, state, service, warehouse, plan):
        self.chance = random.Random(seed)
        self.topic, self.state, self.service, self.warehouse, self.plan = topic, state, service, warehouse, plan
        self.late = f'{topic.name}-late'
        self.options = [*warehouse.options, '--late-topic', self.late, *QUICK, '--format-version',
                        str(self.chance.choice([2, 3]))]
        self.sent = 0

    def produce(self):
        kind, count = self.chance.choice([views, crowded_views]), self.chance.randrange(20, 200)
        # Later each time, so that windows end and days change.
        start = SAMPLE_MS + self.sent * 20_000
        values = [*kind(seed=self.chance.randrange(1 << 30), count=count, start_ms=start),
                  b'{', event('E1', start - 3 * 86_400_000)]
        self.sent += self.topic.produce(values)

    def start(self):
        return self.service.start(self.topic, self.state, *self.options, env=self.plan.environment)

    def refusal(self):
        op = self.chance.choice([*REFUSALS, 'write', 'write', 'sync'])
        when = self.chance.choice(['p0.02', 'p0.2', str(self.chance.randrange(1, 40))])
        times = self.chance.choice([1, 1, 5, 0])
        return f'{op} {self.chance.choice(PLACES)} {when} {self.chance.choice(REFUSALS[op])} {times}'

    def refuse(self):
        """A round of calls that fail."""
        rules = [self.refusal() for _ in range(self.chance.randint(1, 3))]
        self.produce()
        if self.chance.random() < 0.5:
            self.plan.set(*rules)
            running = self.start()
        else:
            running = self.start()
            self.wait_a_moment(running)
            self.plan.set(*rules)
        self.produce()
        self.wait_a_moment(running)
        self.plan.clear()
        if running.alive() and self.chance.random() < 0.5:
            eventually(lambda: not running.alive() or self.state.consumed() == self.sent, f'it to go on after {rules}', 30)
        if running.alive() and self.chance.random() < 0.5:
            running.process.send_signal(signal.SIGTERM)
            running.wait(30)
            # What it could not write any more, or could not export, is another's at the next start.
            assert running.process.returncode in (0, 1, 4), (rules, running.err)
        elif running.alive():
            running.kill()
            return
        self.check_end(running, rules)

    def check_end(self, running, rules):
        """One line, and a code that is documented."""
        code, lines = running.process.returncode, running.err.splitlines()
        assert code in (0, 1, 4), (rules, code, lines[-20:])
        if code != 0:
            assert lines[-1].startswith('pageviews: '), (rules, lines[-20:])

    def cut_power(self):
        """A round that ends with the power."""
        self.produce()
        place = self.chance.choice(['.db-wal', '.db', '.db', '.db.spool/', '/warehouse-'])
        self.plan.set(f'{self.chance.choice(["write", "write", "sync"])} {place} {self.chance.randrange(1, 120)} cut 1')
        running = self.start()
        deadline = time.monotonic() + 4
        while running.alive() and time.monotonic() < deadline:
            self.produce()
            time.sleep(self.chance.uniform(0, 0.2))
        if running.alive():
            running.kill()
        assert running.process.returncode == -signal.SIGKILL, running.err
        self.plan.clear()

    def wait_a_moment(self, running):
        """Ends early with the service; nothing is concluded from the length."""
        deadline = time.monotonic() + self.chance.uniform(0, 1.2)
        while running.alive() and time.monotonic() < deadline:
            time.sleep(0.02)

    def check(self):
        self.service.to_end(self.topic, self.state, *self.options, seconds=120)
        records = self.topic.read()
        assert sum(len(partition) for partition in records) == self.sent
        exports.check_tables(self.warehouse, self.state, records)
        outbox.check(self.topic, records, self.late, self.state.late(), self.state)
        prove(self.state, self.warehouse)
        offsets = {partition: row['next_offset'] for partition, row in self.state.partitions().items()}
        assert offsets == {number: len(partition) for number, partition in enumerate(records)}


def prove(state, warehouse=None):
    proof = program.run('proof', '--state', str(state.path), *(warehouse.options if warehouse else []), seconds=120)
    assert proof.code == 0, proof.out + proof.err


@pytest.mark.timeout(600)
@pytest.mark.parametrize('seed', range(FIRST, FIRST + LIVES))
def test_a_life_of_failing_calls_loses_nothing_and_doubles_nothing(seed, topic, state, service, make_warehouse, shim, tmp_path):
    life = Life(seed, topic, state, service, make_warehouse(), Plan(shim, tmp_path, seed))
    try:
        # Rules may name calls that a round does not make: a life goes on until one of its calls has failed.
        for number in range(5 * ROUNDS):
            if number >= ROUNDS and life.plan.injected:
                break
            life.refuse()
        assert life.plan.injected, 'no call failed'
        life.check()
    except BaseException:
        print(f'repeat with PAGEVIEWS_STORAGE_SEED={seed} PAGEVIEWS_STORAGE_SEEDS=1; faults: {life.plan.injected[-30:]}')
        raise


@pytest.mark.timeout(600)
@pytest.mark.parametrize('seed', range(FIRST, FIRST + LIVES))
def test_a_life_of_power_cuts_loses_nothing_and_doubles_nothing(seed, topic, state, service, make_warehouse, shim, tmp_path):
    """Of a disk that keeps, of what was not synced, any part."""
    life = Life(seed, topic, state, service, make_warehouse(), Plan(shim, tmp_path, seed, disk=f'{tmp_path}/'))
    try:
        for _ in range(ROUNDS):
            life.cut_power()
        assert any(line.endswith(' cut') for line in life.plan.injected), 'the power never failed'
        life.check()
    except BaseException:
        print(f'repeat with PAGEVIEWS_STORAGE_SEED={seed} PAGEVIEWS_STORAGE_SEEDS=1; faults: {life.plan.injected[-30:]}')
        raise


@pytest.mark.parametrize('rule,words', [
    ('write .db-wal 1 ENOSPC 0', 'the disk is full'), ('write .db-wal 1 EDQUOT 0', 'disk I/O error'),
    ('write .db-wal 1 EIO 0', 'disk I/O error'), ('write .db-wal 1 torn 0', 'disk I/O error')])
def test_a_state_that_cannot_be_written_is_told_and_goes_on(rule, words, topic, state, service, plan):
    running = service.start(topic, state, '--late-topic', 'off', '--flush-interval', '20ms', env=plan.environment)
    topic.produce(views(seed=201, count=500))
    eventually(lambda: state.consumed() == 500, 'the first events')
    before = state.everything()
    plan.set(rule)
    topic.produce(views(seed=202, count=500))
    said = wait_for(state, 'flush')
    assert words in said, said
    assert plan.injected and running.alive()
    assert state.everything() == before, 'readers see the last flush'
    plan.clear()
    eventually(lambda: state.consumed() == 1000, 'it to go on')
    wait_healthy(state)
    result, _ = running.stop()
    assert result.code == 0, result.err
    service.to_end(topic, state, '--late-topic', 'off')
    exports.differ(exports.counts_of(state), exports.expected_counts(topic.read(), {0: 1000}), 'counts')
    prove(state)


@pytest.mark.parametrize('what', ['ENOSPC', 'EIO'])
def test_told_to_stop_while_the_state_cannot_be_written_it_says_what_is_not_lost(what, topic, state, service, plan):
    running = service.start(topic, state, '--late-topic', 'off', '--flush-interval', '20ms', env=plan.environment)
    topic.produce(views(seed=203, count=300))
    eventually(lambda: state.consumed() == 300, 'the first events')
    plan.set(f'write .db-wal 1 {what} 0')
    topic.produce(views(seed=204, count=300))
    wait_for(state, 'flush')
    result, _ = running.stop(seconds=15)
    assert result.code == 1, result
    assert 'could not be written' in result.err.splitlines()[-1] and 'nothing is lost' in result.err.splitlines()[-1]
    plan.clear()
    service.to_end(topic, state, '--late-topic', 'off')
    exports.differ(exports.counts_of(state), exports.expected_counts(topic.read(), {0: 600}), 'counts')


@pytest.mark.parametrize('rule', [
    'sync .db-wal 1 EIO 0', 'sync .db-wal 1 EIO 2', 'read .db 1 EIO 0', 'truncate .db-wal 1 EIO 0', 'open .db-wal 1 EMFILE 0',
    'write .db 1 short 0', 'read .db-wal 2 EIO 1'])
def test_a_fault_of_the_state_from_the_start_on_is_one_line_or_passes(rule, topic, state, service, plan):
    topic.produce(views(seed=205, count=300))
    # Killed, it leaves a log, which the next start reads.
    first = service.start(topic, state, '--late-topic', 'off', '--flush-interval', '20ms')
    eventually(lambda: state.path.exists() and state.consumed() == 300, 'the first events')
    first.kill()
    topic.produce(views(seed=206, count=300))
    plan.set(rule)
    running = service.start(topic, state, '--late-topic', 'off', '--flush-interval', '20ms', env=plan.environment)
    eventually(lambda: not running.alive() or state.consumed() == 600 or 'flush' in codes(state), 'an end or an answer', 30)
    if running.alive() and not plan.injected:
        # The call comes at the end.
        running.stop(seconds=10)
    assert plan.injected, 'no call failed'
    plan.clear()
    if running.alive():
        eventually(lambda: state.consumed() == 600, 'it to go on')
        running.stop(seconds=10)
    elif running.process.returncode != 0:
        assert running.process.returncode == 1, running.err
        last = running.err.splitlines()[-1]
        assert last.startswith('pageviews: ') and str(state.path) in last, running.err
    service.to_end(topic, state, '--late-topic', 'off')
    exports.differ(exports.counts_of(state), exports.expected_counts(topic.read(), {0: 600}), 'counts')
    prove(state)


@pytest.mark.parametrize('rule', ['write .spool/ 1 ENOSPC 0', 'sync .spool/ 1 EIO 0', 'open .spool/ 1 EMFILE 0'])
def test_a_spool_that_cannot_be_written_is_told_and_read_again(rule, topic, state, service, make_warehouse, plan):
    warehouse = make_warehouse()
    options = [*warehouse.options, '--late-topic', 'off', *QUICK]
    running = service.start(topic, state, *options, env=plan.environment)
    topic.produce(views(seed=207, count=300))
    exports.wait_exported(warehouse, 300)
    plan.set(rule)
    topic.produce(views(seed=208, count=300))
    eventually(lambda: state.consumed() == 600, 'counting to go on')
    eventually(lambda: not status(state)['healthy'], 'status to be unhealthy', 30)
    assert plan.injected and running.alive()
    plan.clear()
    exports.wait_exported(warehouse, 600)
    wait_healthy(state, 30)
    result, _ = running.stop(seconds=20)
    assert result.code == 0, result.err
    service.to_end(topic, state, *options)
    exports.check_tables(warehouse, state, topic.read())


@pytest.mark.parametrize('rule', [
    'write /warehouse- 1 ENOSPC 0', 'sync /warehouse- 1 EIO 0', 'rename /warehouse- 1 EIO 0', 'link /warehouse- 1 ENOSPC 0',
    'mkdir /warehouse- 1 EROFS 0', 'open /warehouse- 1 EROFS 0', 'write /warehouse- 1 short 0'])
def test_a_warehouse_that_refuses_is_told_and_gets_everything_later(rule, topic, state, service, make_warehouse, plan):
    warehouse = make_warehouse()
    options = [*warehouse.options, '--late-topic', 'off', *QUICK]
    running = service.start(topic, state, *options, env=plan.environment)
    plan.set(rule)
    topic.produce(views(seed=209, count=400))
    if 'short' in rule:
        # What is written in parts is written in full.
        exports.wait_exported(warehouse, 400)
    else:
        eventually(lambda: state.consumed() == 400, 'counting to go on')
        wait_for(state, 'export', 30)
    assert plan.injected and running.alive()
    plan.clear()
    exports.wait_exported(warehouse, 400)
    wait_healthy(state, 30)
    running.stop(seconds=20)
    service.to_end(topic, state, *options)
    exports.check_tables(warehouse, state, topic.read())


@pytest.mark.parametrize('rule', ['write .health 1 ENOSPC 0', 'open .health 1 EROFS 0', 'write .lock 1 EIO 0',
                                  'truncate .lock 1 EIO 0', 'truncate .health 1 EIO 0'])
def test_what_only_informs_people_may_fail(rule, topic, state, service, plan):
    topic.produce(views(seed=210, count=300))
    plan.set(rule)
    service.to_end(topic, state, '--late-topic', 'off', env=plan.environment)
    assert plan.injected
    exports.differ(exports.counts_of(state), exports.expected_counts(topic.read(), {0: 300}), 'counts')


@pytest.mark.parametrize('what', ['EROFS', 'EACCES', 'EMFILE', 'EIO'])
@pytest.mark.parametrize('place', ['.db.lock', '.db'])
def test_a_state_that_cannot_be_opened_is_one_line(place, what, topic, state, service, plan):
    topic.produce(views(seed=211, count=100))
    service.to_end(topic, state, '--late-topic', 'off')
    before = state.everything()
    plan.set(f'open {place} 1 {what} 0')
    result = service.try_to_end(topic, state, '--late-topic', 'off', env=plan.environment)
    assert result.code == 1, result
    line, = result.err.splitlines()
    assert line.startswith('pageviews: ') and str(state.path) in line, line
    assert state.everything() == before
