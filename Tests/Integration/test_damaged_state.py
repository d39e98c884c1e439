"""A state whose file or log was damaged while no process used it: the same numbers, or a refusal that names the remedy.

SQLite's pages carry no checksum, so that a bit which turned within a number is no error to SQLite. What no start can see
`proof` finds, in the state alone or against the tables.
"""
import os
import random
import shutil

import pytest

from support import damage, oracle, program, tamper
from support.events import views
from support.kafka import create_topic
from support.lake import Warehouse
from support.oracle import Stored
from support.service import Service
from support.state import State
from support.wait import eventually

FIRST = int(os.environ.get('PAGEVIEWS_STORAGE_SEED', '1'))
SEEDS = range(FIRST, FIRST + int(os.environ.get('PAGEVIEWS_DAMAGES', '1')))
WAYS = {'bit': damage.flip, 'end': damage.truncate, 'block': damage.zero}
VIEWS = ('postcode_view_count', 'late_events', 'rejected_events', 'partitions')


class Original:
    """A state as a service left it, and the tables that it has exported to."""

    def __init__(self, folder, topic, killed):
        self.topic = topic
        self.warehouse = Warehouse(f'file://{folder}/warehouse')
        self.state = State(folder / 'original' / 'pageviews.db')
        self.state.path.parent.mkdir(parents=True)
        options = [*self.warehouse.options, '--late-topic', 'off', '--flush-interval', '10ms']
        service = Service(folder / 'logs')
        for seed in (301, 302):
            topic.produce(views(seed=seed, count=1500))
            service.to_end(topic, self.state, *options)
        if killed:
            # What came since the last checkpoint is in the log alone.
            running = service.start(topic, self.state, *options, '--export-interval', '1h')
            for number in range(10):
                topic.produce(views(seed=310 + number, count=100))
                eventually(lambda number=number: self.state.consumed() == 3100 + 100 * number, 'these events')
            running.kill()
        self.records = topic.read()

    def copy(self, folder):
        shutil.copytree(self.state.path.parent, folder)
        return State(folder / 'pageviews.db')


@pytest.fixture(scope='module')
def originals(broker, tmp_path_factory):
    return {name: Original(tmp_path_factory.mktemp(name), create_topic(broker.address), name == 'killed')
            for name in ('stopped', 'killed')}


def refused(result, state):
    """One line that names the state and says what can be done."""
    if result.code == 0:
        return False
    assert result.code == 1, result
    line = result.err.splitlines()[-1]
    assert line.startswith(('pageviews: ', 'error: ')), result
    # What is no number of a state, or of a newer one, is refused in words of its own.
    assert str(state.path) in line or 'state is damaged' in line, result
    return True


def read(state):
    """Whether every view can be read; the program says what is wrong where not."""
    asked = [program.run('query', '--state', str(state.path), f'SELECT * FROM {view}') for view in VIEWS]
    return not any([refused(result, state) for result in asked])


def is_exact(state, records):
    """Whether the state holds what its own offsets say that it has read."""
    try:
        stored = Stored.of(state)
    except (AssertionError, ValueError):
        return False  # a row is there twice, or a time is none
    if set(stored.partitions) != {0}:
        return False
    row = stored.partitions[0]
    expected = oracle.count([[record for record in records[0] if record.offset < row['next_offset']]])
    sums = [row['consumed'], row['counted'] + row['late'] + row['rejected']]
    return (stored.counts == dict(expected.counts) and stored.late == expected.late and stored.rejected == expected.rejected
            and sums == [row['next_offset']] * 2)


def prove(state, original):
    return program.run('proof', '--state', str(state.path), *original.warehouse.options, seconds=120)


@pytest.mark.parametrize('seed', SEEDS)
@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize('name,file', [('stopped', 'pageviews.db'), ('killed', 'pageviews.db'), ('killed', 'pageviews.db-wal')])
def test_a_damaged_file_gives_the_same_numbers_or_a_refusal(name, file, way, seed, originals, service, tmp_path):
    original, chance = originals[name], random.Random(f'{name} {file} {way} {seed}')
    damaged = original.copy(tmp_path / 'damaged')
    path = damaged.path.with_name(file)
    what = WAYS[way](path, chance)
    print(what)
    judge(damaged, original, service, tmp_path, what)


def judge(damaged, original, service, tmp_path, what):
    isolated = shutil.copytree(damaged.path.parent, tmp_path / 'asked')
    asked = State(isolated / 'pageviews.db')
    proof = prove(asked, original)
    verdicts = {'read': 'refused', 'proof': proof.code}
    if read(asked):
        verdicts['read'] = 'exact' if is_exact(asked, original.records) else 'WRONG'
        if verdicts['read'] == 'WRONG':
            assert proof.code == 1, (what, proof)
    copy = State(tmp_path / 'copy.db')
    backup = program.run('backup', '--state', str(asked.path), str(copy.path))
    verdicts['backup'] = 'refused' if refused(backup, asked) else 'made'
    ran = service.try_to_end(original.topic, damaged, '--late-topic', 'off')
    verdicts['ingest'] = 'refused'
    if not refused(ran, damaged) and read(damaged):
        verdicts['ingest'] = 'exact' if is_exact(damaged, original.records) else 'WRONG'
        if verdicts['ingest'] == 'WRONG':
            assert prove(damaged, original).code == 1, what
    print(verdicts)
    report(what, verdicts)


def report(what, verdicts):
    path = os.environ.get('PAGEVIEWS_DAMAGE_REPORT')
    if path:
        with open(path, 'a') as file:
            file.write(f'{verdicts} {what}\n')


HEADERS = {'the name of the format': 0, 'the size of pages': 16, 'the kind of the first page': 100}


@pytest.mark.parametrize('what', HEADERS)
def test_a_damaged_state_is_refused_and_restore_brings_it_back(what, topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    options = [*warehouse.options, '--late-topic', 'off']
    topic.produce(views(seed=321, count=1500))
    service.to_end(topic, state, *options)
    topic.produce(views(seed=322, count=300))
    damage.flip(state.path, random.Random(what), range(HEADERS[what], HEADERS[what] + 1))
    commands = [['query', 'SELECT * FROM partitions'], ['proof', *warehouse.options],
                ['backup', str(state.path.with_name('copy.db'))], ['status']]
    for command in commands:
        result = program.run(*command, '--state', str(state.path))
        assert result.code == 1 and str(state.path) in result.err and 'pageviews restore' in result.err, result
    ran = service.try_to_end(topic, state, *options)
    assert ran.code == 1 and ran.err.count('\n') == 1, ran.err
    assert str(state.path) in ran.err and 'pageviews restore' in ran.err, ran.err
    for path in state.path.parent.glob('pageviews.db*'):
        path.rename(path.with_name(f'away-{path.name}'))
    program.run('restore', '--state', str(state.path), *warehouse.options, check=True)
    service.to_end(topic, state, *options)
    oracle.check_exact(topic.read(), Stored.of(state))
    proof = program.run('proof', '--state', str(state.path), *warehouse.options)
    assert proof.code == 0, proof.out + proof.err


@pytest.mark.parametrize('change', [
    'UPDATE counts SET count = (count | 1024) - (count & 1024) WHERE ', "UPDATE counts SET postcode = 'Q' || postcode WHERE ",
    'UPDATE counts SET window_start = window_start + 8388608 WHERE ', 'UPDATE exported SET position = position + 1024 WHERE '])
def test_a_bit_within_a_row_is_found_by_proof(change, topic, state, service, make_warehouse):
    """No start can see it; see the docstring above."""
    warehouse = make_warehouse()
    topic.produce(views(seed=323, count=1000))
    service.to_end(topic, state, *warehouse.options, '--late-topic', 'off')
    one = '(window_start, postcode) = (SELECT window_start, postcode FROM counts LIMIT 1)'
    tamper.state(state, change + one)
    proof = program.run('proof', '--state', str(state.path), *warehouse.options)
    assert proof.code == 1, proof.out


def test_a_changed_timestamp_of_a_window_is_found_by_proof(topic, state, service, make_warehouse):
    """`query` prints this text; the window's start is what the counts belong to."""
    warehouse = make_warehouse()
    topic.produce(views(seed=324, count=100))
    service.to_end(topic, state, *warehouse.options, '--late-topic', 'off')
    tamper.state(state, "UPDATE windows SET timestamp = '2021-01-26T00:00:01Z' "
                        'WHERE window_start = (SELECT min(window_start) FROM windows)')
    proof = program.run('proof', '--state', str(state.path), *warehouse.options)
    assert proof.code == 1, proof.out
    assert 'with 2021-01-26T00:00:01Z' in proof.out


def test_a_state_of_no_bytes_is_counted_again_from_the_beginning(topic, state, service):
    """Nothing tells it from one that was never begun; the numbers are those of the topic all the same."""
    topic.produce(views(seed=324, count=500))
    service.to_end(topic, state, '--late-topic', 'off')
    for suffix in ('', '-wal'):
        state.path.with_name(state.path.name + suffix).write_bytes(b'')
    service.to_end(topic, state, '--late-topic', 'off')
    oracle.check_exact(topic.read(), Stored.of(state))
