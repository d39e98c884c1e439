"""`pageviews backup`: a complete copy, whatever the service does meanwhile."""
import shutil
import sqlite3

import pytest

from support import exports, program
from support.events import crowded_views, views
from support.state import State
from support.wait import eventually


def backup(state, file):
    return program.run('backup', '--state', str(state.path), str(file))


def prove(state, *options):
    return program.run('proof', '--state', str(state.path), *options)


def test_a_copy_made_while_counting_is_whole_and_goes_on_to_the_same_counts(topic, state, service, tmp_path):
    copy = State(tmp_path / 'copy.db')
    running = service.start(topic, state, '--flush-interval', '20ms')
    sent = list(crowded_views(seed=91, count=3000))
    topic.produce(sent[:1500])
    eventually(lambda: state.consumed() > 0, 'the first events')
    topic.produce(sent[1500:])
    made = backup(state, copy.path)
    assert made.code == 0, made.err
    assert made.out.startswith(f'{copy.path}: generation ')
    eventually(lambda: state.consumed() == 3000, 'all events')
    running.stop()
    assert sqlite3.connect(copy.path).execute('PRAGMA integrity_check').fetchone() == ('ok',)
    proof = prove(copy)
    assert proof.code == 0, proof.out + proof.err
    service.to_end(topic, copy)
    exports.differ(exports.counts_of(copy), exports.counts_of(state), 'counts of the copy after it went on')


def test_a_copy_with_waiting_segments_exports_what_the_state_would_have(topic, state, service, tmp_path, make_warehouse):
    warehouse = make_warehouse()
    copy = State(tmp_path / 'copy.db')
    topic.produce(views(seed=92, count=1000))
    # A file in place of the warehouse folder: segments are written and wait.
    folder = tmp_path / 'warehouse-blocked'
    folder.write_text('')
    result = service.try_to_end(topic, state, '--warehouse', f'file://{folder}')
    assert result.code != 0
    made = backup(state, copy.path)
    assert made.code == 0, made.err
    assert made.out.endswith(' segments that wait for export\n') and ' 0 segments' not in made.out, made.out
    shutil.rmtree(f'{state.path}.spool')
    service.to_end(topic, copy, *warehouse.options)
    exports.check_tables(warehouse, copy, topic.read())
    proof = prove(copy, *warehouse.options)
    assert proof.code == 0, proof.out + proof.err


def test_a_copy_older_than_the_tables_is_not_exported_from(topic, state, service, tmp_path, make_warehouse):
    warehouse = make_warehouse()
    copy = State(tmp_path / 'copy.db')
    topic.produce(views(seed=93, count=500))
    service.to_end(topic, state, *warehouse.options)
    assert backup(state, copy.path).code == 0
    topic.produce(views(seed=94, count=500))
    service.to_end(topic, state, *warehouse.options)
    before = [snapshot.snapshot_id for snapshot in warehouse.snapshots('page_view')]
    result = service.try_to_end(topic, copy, *warehouse.options)
    assert result.code == 5, result.err
    assert 'another copy of this state' in result.err and 'pageviews restore' in result.err, result.err
    assert before == [snapshot.snapshot_id for snapshot in warehouse.snapshots('page_view')]
    exports.check_tables(warehouse, state, topic.read())


def test_nothing_is_overwritten_and_nothing_is_left_behind(topic, state, service, tmp_path):
    missing = backup(state, tmp_path / 'copy.db')
    assert (missing.code, missing.out) == (1, '')
    assert missing.err == f'pageviews: there is no state {state.path}; give the --state that `ingest` writes\n'
    topic.produce(views(seed=95, count=10))
    service.to_end(topic, state)
    there = tmp_path / 'there.db'
    there.write_text('mine')
    refused = backup(state, there)
    assert refused.code == 1 and there.read_text() == 'mine'
    assert refused.err.startswith(f'pageviews: {there} exists already'), refused.err
    nowhere = backup(state, tmp_path / 'no' / 'copy.db')
    assert nowhere.code == 1 and str(tmp_path / 'no' / 'copy.db') in nowhere.err, nowhere.err
    other = tmp_path / 'other.db'
    sqlite3.connect(other).execute('CREATE TABLE t (x)')
    foreign = backup(State(other), tmp_path / 'copy.db')
    assert foreign.code == 1 and 'another program' in foreign.err, foreign.err
    assert not [path.name for path in tmp_path.iterdir() if 'copy' in path.name]


@pytest.mark.parametrize('name', ['-', 'a b', '.hidden', 'x.db.partial'])
def test_any_name_is_the_name_of_a_file(name, topic, state, service, tmp_path):
    topic.produce(views(seed=60, count=50))
    service.to_end(topic, state)
    folder = tmp_path / 'copies'
    folder.mkdir()
    program.run('backup', '--state', str(state.path), '--', name, cwd=folder, check=True)
    assert [path.name for path in folder.iterdir()] == [name]


@pytest.mark.parametrize('name', ['', 'folder/'])
def test_what_is_no_name_of_a_file_is_refused(name, topic, state, service):
    service.to_end(topic, state)
    result = program.run('backup', '--state', str(state.path), name)
    assert result.code == 2 and 'not a file name' in result.err, result
