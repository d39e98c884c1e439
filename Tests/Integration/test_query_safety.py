"""`pageviews query` cannot change anything: neither the state nor any other file."""
import hashlib

import pytest

from support import program
from support.events import views
from support.kafka import create_topic
from support.service import Service
from support.state import State

STATEMENTS = [
    "INSERT INTO postcode_view_count VALUES ('X', '2021-01-26T12:04:00Z', 1, 0)",
    'DELETE FROM late_events', 'UPDATE partitions SET consumed = 0', 'DROP VIEW postcode_view_count',
    'CREATE TABLE t (a)', 'CREATE VIEW v AS SELECT 1', 'CREATE INDEX i ON sqlite_schema (name)',
    'ALTER TABLE sqlite_schema RENAME TO x', 'REINDEX', 'ANALYZE', 'VACUUM', "VACUUM INTO '{folder}/copy.db'",
    "ATTACH '{folder}/other.db' AS other", "ATTACH ':memory:' AS other", "ATTACH '{state}' AS again", 'DETACH main',
    'PRAGMA journal_mode = DELETE', 'PRAGMA wal_checkpoint(TRUNCATE)', 'PRAGMA query_only = 0',
    'PRAGMA writable_schema = 1', 'PRAGMA user_version = 7', 'PRAGMA application_id = 7', 'PRAGMA synchronous = OFF',
    "PRAGMA temp_store_directory = '{folder}'", 'PRAGMA locking_mode = EXCLUSIVE', 'PRAGMA trusted_schema = 1',
    'PRAGMA mmap_size = 1000000000', 'PRAGMA incremental_vacuum', 'PRAGMA optimize', 'BEGIN IMMEDIATE', 'BEGIN EXCLUSIVE',
    "SELECT load_extension('mod_spatialite')", "SELECT writefile('{folder}/written', 'x')",
    "SELECT readfile('/etc/passwd')", "SELECT edit('x')", "SELECT fts3_tokenizer('simple')",
    "CREATE VIRTUAL TABLE temp.t USING fts5(a)",
]


@pytest.fixture(scope='module')
def filled(broker, tmp_path_factory):
    folder = tmp_path_factory.mktemp('safety')
    topic = create_topic(broker.address)
    topic.produce(views(seed=91, count=500))
    state = State(folder / 'pageviews.db')
    Service(folder / 'logs').to_end(topic, state)
    return state


def files(state):
    """Every file beside the state with its content, without the shared memory of readers, which may change."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in state.path.parent.iterdir()
            if file.is_file() and not file.name.endswith('-shm') and file.stat().st_size}


@pytest.mark.parametrize('statement', STATEMENTS)
def test_nothing_can_be_changed(statement, filled, tmp_path):
    before = files(filled)
    sql = statement.format(folder=tmp_path, state=filled.path)
    result = program.run('query', '--state', str(filled.path), sql)
    assert result.code == 1 and result.err and result.out == '', f'{sql}: {result}'
    assert files(filled) == before
    assert list(tmp_path.iterdir()) == []


def test_a_change_hidden_behind_a_read_does_not_happen(filled, tmp_path):
    before = files(filled)
    sql = f"SELECT 1; BEGIN; PRAGMA query_only = OFF; DELETE FROM late_events; ATTACH '{tmp_path}/x.db' AS x; COMMIT"
    result = program.run('query', '--state', str(filled.path), sql)
    assert result.code == 1
    assert files(filled) == before and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('sql', [
    "SELECT printf('%.*c', 2000000000, 'x')", 'SELECT zeroblob(2000000000)', "SELECT hex(zeroblob(900000000))",
    'SELECT ' + '(' * 5000 + '1' + ')' * 5000, 'SELECT ' + '1+' * 20000 + '1',
    "SELECT 'a' LIKE '" + '%a' * 60000 + "'",
])
def test_a_greedy_statement_is_an_error_and_no_crash(sql, filled):
    result = program.run('query', '--state', str(filled.path), '--timeout', '5s', sql, seconds=30)
    assert result.code in (1, 3) and result.err, result.code


def test_harmless_reads_still_work(filled):
    for sql in ('PRAGMA journal_mode', 'PRAGMA table_info(postcode_view_count)',
                'EXPLAIN QUERY PLAN SELECT * FROM postcode_view_count',
                'SELECT name FROM sqlite_schema', 'SELECT sqlite_version()', "SELECT date('2021-01-26')",
                'WITH t AS (SELECT 1 AS a) SELECT * FROM t', 'VALUES (1), (2)'):
        result = program.run('query', '--state', str(filled.path), sql)
        assert result.code == 0, f'{sql}: {result.err}'
