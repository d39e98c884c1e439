"""Any process may read at any moment: before, while and after the service writes."""
import json
import multiprocessing
import sqlite3
import subprocess

from support import program
from support.events import views
from support.wait import eventually
from test_restart import Traffic

READERS = 8
READS_EACH = 12


def read_with_query(path, answers):
    """Sums the counts repeatedly with the program's query command."""
    for _ in range(READS_EACH):
        done = subprocess.run(
            [program.BINARY, 'query', '--state', path, '--format', 'json',
             'SELECT coalesce(sum(count), 0) AS n, count(*) AS windows FROM postcode_view_count'],
            capture_output=True, text=True, env=program.clean_environment(), timeout=60, check=False)
        answers.put((done.returncode, done.stderr, json.loads(done.stdout)[0]['n'] if done.returncode == 0 else None))


def read_with_sqlite(path, answers):
    """The same with another program's SQLite, including a long transaction."""
    for _ in range(READS_EACH):
        try:
            connection = sqlite3.connect(f'file:{path}?mode=ro', uri=True, timeout=0)
            connection.execute('BEGIN')
            first = connection.execute('SELECT sum(count) FROM postcode_view_count').fetchone()[0]
            again = connection.execute('SELECT sum(count) FROM postcode_view_count').fetchone()[0]
            connection.close()
            answers.put((0 if first == again else 1, 'a transaction saw two states', first))
        except sqlite3.Error as error:
            answers.put((1, str(error), None))


def test_eight_readers_during_ingest_are_never_locked_out(make_topic, state, service):
    topic = make_topic(4)
    context = multiprocessing.get_context('spawn')
    answers = context.Queue()
    with Traffic(topic, seed=41):
        running = service.start(topic, state, '--flush-interval', '20ms')
        eventually(lambda: state.consumed() > 0, 'the first flush')
        before = state.consumed()
        kinds = [read_with_query if number % 2 == 0 else read_with_sqlite for number in range(READERS)]
        readers = [context.Process(target=kind, args=(str(state.path), answers)) for kind in kinds]
        for reader in readers:
            reader.start()
        results = [answers.get(timeout=60) for _ in range(READERS * READS_EACH)]
        for reader in readers:
            reader.join(30)
        eventually(lambda: state.consumed() > before, 'the service to go on meanwhile')
        result, _ = running.stop()
    assert [(code, text) for code, text, _ in results if code != 0] == []
    assert result.code == 0 and 'locked' not in result.err.lower(), result.err


def test_open_windows_are_visible_while_the_service_runs(topic, state, service):
    running = service.start(topic, state)
    for round_number in range(1, 4):
        topic.produce(views(seed=round_number, count=10, malformed=0))
        eventually(lambda: state.consumed() == 10 * round_number, 'the events of this round', seconds=10)
        assert sum(state.counts().values()) + len(state.late()) == 10 * round_number
    running.stop()


def test_query_before_the_first_ingest_shows_empty_views_and_says_why(state):
    result = program.run('query', '--state', str(state.path), '--no-header', 'SELECT count(*) FROM postcode_view_count')
    assert (result.code, result.out) == (0, '0\n') and str(state.path) in result.err
    assert not state.path.exists(), 'a reader must not make the file'


def test_query_after_the_service_ended_or_died(topic, state, service):
    topic.produce(views(seed=44, count=500))
    service.to_end(topic, state)
    counts = state.counts()
    topic.produce(views(seed=45, count=500))
    running = service.start(topic, state)
    eventually(lambda: state.consumed() == 1000, 'all events')
    running.kill()
    assert state.consumed() == 1000 and state.counts() != counts


def test_a_forgotten_reader_stops_nothing_and_the_log_is_folded_in_once_it_is_gone(topic, state, service):
    topic.produce(views(seed=46, count=1000))
    running = service.start(topic, state, '--flush-interval', '20ms')
    eventually(lambda: state.consumed() == 1000, 'the first events')
    forgotten = sqlite3.connect(f'file:{state.path}?mode=ro', uri=True)
    forgotten.execute('BEGIN')
    assert forgotten.execute('SELECT sum(consumed) FROM partitions').fetchone() == (1000,)
    for round_number in range(2, 6):
        topic.produce(views(seed=45 + round_number, count=1000))
        eventually(lambda: state.consumed() == 1000 * round_number, 'the events of this round')
    assert forgotten.execute('SELECT sum(consumed) FROM partitions').fetchone() == (1000,)
    held_back = state.path.with_name(state.path.name + '-wal').stat().st_size
    forgotten.close()
    result, _ = running.stop()
    assert result.code == 0, result.err
    log = state.path.with_name(state.path.name + '-wal')
    # The log may still hold the last flush, but not what the reader held back.
    assert not log.exists() or log.stat().st_size < min(held_back, 100_000)


def test_the_state_passes_sqlites_own_check_after_a_kill(topic, state, service):
    topic.produce(views(seed=47, count=20_000))
    running = service.start(topic, state, '--flush-interval', '10ms')
    eventually(lambda: state.consumed() > 0, 'progress')
    running.kill()
    with sqlite3.connect(state.path) as connection:
        assert connection.execute('PRAGMA integrity_check').fetchall() == [('ok',)]
        assert connection.execute('PRAGMA journal_mode').fetchone() == ('wal',)
    connection.close()
