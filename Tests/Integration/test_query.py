"""`pageviews query`: formats, parameters, limits, exit codes."""
import csv
import io
import json
import signal
import time

import pytest

from support import program
from support.events import MINUTE_MS, SAMPLE_MS, event
from support.kafka import create_topic
from support.pinned import check_pinned
from support.program import Running
from support.service import Service
from support.state import State
from support.wait import eventually

FORMATS = ['table', 'box', 'csv', 'tsv', 'json', 'jsonl', 'markdown', 'line', 'html']
START_MS = SAMPLE_MS - SAMPLE_MS % MINUTE_MS
# Values of every type, and values that some format must escape.
HARD = '''SELECT 1 AS i, -9223372036854775808 AS least, 1.5 AS f, 'a,b' AS comma, 'say "x"' AS quote, NULL AS missing,
          'tab' || char(9) || 'line' || char(10) || 'end' AS control, '<b>&|' AS markup, '日本é😀' AS wide,
          x'00ff10' AS bytes, '' AS empty
          UNION ALL SELECT 22, 9223372036854775807, -0.25, '', '', NULL, '', '', '', x'', 'x' '''
ENDLESS = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n'


@pytest.fixture(scope='module')
def filled(broker, tmp_path_factory):
    """A state with three postcodes over two windows."""
    folder = tmp_path_factory.mktemp('query')
    topic = create_topic(broker.address)
    topic.produce([event('SW19', START_MS)] * 3 + [event('E1 6AN', START_MS)] + [event('M1', START_MS + 2 * MINUTE_MS)] * 2)
    state = State(folder / 'pageviews.db')
    Service(folder / 'logs').to_end(topic, state)
    return state


def query(state, *arguments, **settings):
    return program.run('query', '--state', str(state.path), *arguments, **settings)


@pytest.mark.parametrize('name', FORMATS)
def test_each_format(name, filled):
    counts = query(filled, '--format', name, 'SELECT postcode, timestamp, count, final FROM postcode_view_count '
                   'ORDER BY timestamp, postcode')
    hard = query(filled, '--format', name, HARD)
    none = query(filled, '--format', name, 'SELECT postcode, count FROM postcode_view_count WHERE 0')
    assert (counts.code, hard.code, none.code) == (0, 0, 0), counts.err + hard.err + none.err
    check_pinned(f'formats/{name}.txt', f'{counts.out}---\n{hard.out}---\n{none.out}')


def test_csv_is_read_back_by_another_reader(filled):
    header, first, second = csv.reader(io.StringIO(query(filled, '--format', 'csv', HARD).out, newline=''))
    assert header[:3] == ['i', 'least', 'f']
    assert first[3:6] == ['a,b', 'say "x"', ''] and first[6] == 'tab\tline\nend'
    assert second[:3] == ['22', '9223372036854775807', '-0.25']


def test_json_is_read_back_by_another_reader(filled):
    first, second = json.loads(query(filled, '--format', 'json', HARD).out)
    assert first == {'i': 1, 'least': -2**63, 'f': 1.5, 'comma': 'a,b', 'quote': 'say "x"', 'missing': None,
                     'control': 'tab\tline\nend', 'markup': '<b>&|', 'wide': '日本é😀', 'bytes': 'AP8Q', 'empty': ''}
    assert second['least'] == 2**63 - 1
    lines = query(filled, '--format', 'jsonl', HARD).out.splitlines()
    assert [json.loads(line) for line in lines] == [first, second]
    assert json.loads(query(filled, '--format', 'json', 'SELECT 1 WHERE 0').out) == []


def test_without_a_terminal_the_format_is_tsv_with_a_header(filled):
    result = query(filled, 'SELECT postcode, count FROM postcode_view_count ORDER BY count DESC')
    assert result.out == 'postcode\tcount\nSW19\t3\nM1\t2\nE1 6AN\t1\n'


def test_header_and_null_can_be_chosen(filled):
    assert query(filled, '--no-header', '--null', 'none', "SELECT 1, NULL, ''").out == '1\tnone\t\n'
    assert query(filled, '--format', 'csv', '--no-header', '--null', '-', 'SELECT NULL').out in ('-\n', '-\r\n')


def test_parameters_are_bound_and_never_pasted(filled):
    count = 'SELECT sum(count) AS n FROM postcode_view_count WHERE postcode = :p'
    assert query(filled, '--no-header', '--param', 'p=SW19', count).out == '3\n'
    assert query(filled, '--no-header', '--null', '-', '--param', "p=x' OR 1=1 --", count).out == '-\n'
    two = query(filled, '--no-header', '--param', 'a=x=y', '--param', 'b=2', 'SELECT :a, $b + 1')
    assert two.out == 'x=y\t3\n', two.err


def test_a_parameter_that_is_missing_is_an_error(filled):
    missing = query(filled, 'SELECT :missing')
    assert missing.code in (1, 2) and 'missing' in missing.err and missing.out == ''
    assert query(filled, '--param', 'no-equals-sign', 'SELECT 1').code == 2


def test_statements_come_from_argument_file_or_standard_input(filled, tmp_path):
    script = tmp_path / 'script.sql'
    script.write_text("-- a comment; with a semicolon\nSELECT 'a;b';\n\nSELECT 2;\n")
    for result in (query(filled, '--no-header', '--file', str(script)),
                   query(filled, '--no-header', stdin=script.read_text())):
        assert (result.code, result.out) == (0, 'a;b\n2\n'), result.err


def test_several_statements_stop_at_the_first_error(filled):
    result = query(filled, '--no-header', 'SELECT 1; SELECT no_such; SELECT 3')
    assert (result.code, result.out) == (1, '1\n')
    arrays = query(filled, '--format', 'json', 'SELECT 1 AS a; SELECT 2 AS b').out
    assert [json.loads(part) for part in arrays.replace(']\n', ']\n\0').split('\0') if part] == [[{'a': 1}], [{'b': 2}]]


@pytest.mark.parametrize('arguments,stdin', [([''], ''), ([' ; -- nothing\n'], ''), ([], ''), ([], '/* nothing */')])
def test_no_statement_at_all_is_wrong_usage(arguments, stdin, filled):
    result = query(filled, *arguments, stdin=stdin)
    assert result.code == 2 and result.err and result.out == ''


@pytest.mark.parametrize('arguments', [
    ['--format', 'xml', 'SELECT 1'], ['--no-such-option', 'SELECT 1'], ['--timeout', 'soon', 'SELECT 1'],
    ['--max-rows', '-1', 'SELECT 1'], ['--file', '/no/such/file.sql'], ['SELECT 1', 'SELECT 2'],
    ['--watch', '0s', 'SELECT 1']])
def test_wrong_usage_is_2(arguments, filled):
    result = query(filled, *arguments)
    assert result.code == 2 and result.err and result.out == ''


def test_a_deadline_ends_an_endless_query_with_3(filled):
    started = time.monotonic()
    result = query(filled, '--no-header', '--timeout', '300ms', ENDLESS)
    assert result.code == 3 and result.out == ''
    assert '300' in result.err or '0.3' in result.err, result.err
    assert time.monotonic() - started < 10


def test_an_interrupt_ends_a_query_with_3(filled, tmp_path):
    running = Running(tmp_path, 'query', '--state', str(filled.path), '--timeout', '60s', f"SELECT 'begun'; {ENDLESS}")
    eventually(lambda: 'begun' in running.out, 'the first statement')
    result, _ = running.stop(signal.SIGINT)
    assert result.code == 3


def test_max_rows_cuts_and_says_so(filled):
    result = query(filled, '--no-header', '--max-rows', '2', 'SELECT value FROM json_each(\'[1,2,3]\')')
    assert result.out == '1\n2\n' and '2' in result.err, result
    exact = query(filled, '--no-header', '--max-rows', '3', 'SELECT value FROM json_each(\'[1,2,3]\')')
    assert (exact.code, exact.out, exact.err) == (0, '1\n2\n3\n', '')


def test_watch_repeats_until_it_is_interrupted(filled, tmp_path):
    running = Running(tmp_path, 'query', '--state', str(filled.path), '--watch', '100ms',
                      "SELECT 'again' AS word")
    eventually(lambda: running.out.count('again') >= 3, 'three rounds')
    result, _ = running.stop(signal.SIGINT)
    assert result.code in (0, 3) and 'Fatal' not in result.err


@pytest.mark.parametrize('name,sql', [
    ('syntax', 'SELECT postcode FORM postcode_view_count'),
    ('no-such-table', 'SELECT 1\nFROM no_such_table'),
    ('no-such-column', 'SELECT postcode,\n       views\nFROM postcode_view_count'),
    ('unfinished', 'SELECT ('),
    ('unclosed-text', "SELECT 'open"),
    ('after-wide-letters', "SELECT '日本é😀', no_such_column"),
    ('after-tab', "SELECT\t1,\tno_such_column"),
    ('second-statement', 'SELECT 1;\nSELECT no_such_column'),
    ('run-time', "SELECT abs(-9223372036854775808)"),
    ('bad-json', "SELECT json_extract('{', '$.a')"),
])
def test_errors_show_the_statement_with_a_caret(name, sql, filled):
    result = query(filled, sql)
    assert result.code == 1
    check_pinned(f'errors/query-{name}.txt', result.err)


def test_all_contract_columns_are_there(filled):
    columns = {
        'postcode_view_count': 'postcode timestamp count final',
        'late_events': 'user_id postcode webpage timestamp window lateness_ms kafka_partition kafka_offset received_at '
                       'published backfilled_at',
        'rejected_events': 'kafka_partition kafka_offset reason byte_position excerpt received_at',
        'partitions': 'topic kafka_partition next_offset high_watermark_offset lag max_event_time watermark idle consumed '
                      'counted late rejected',
        'exports': 'table_name generation snapshot_id committed_at rows_added rows_deleted state',
        'incidents': 'at kind detail resolved_at',
    }
    for view, names in columns.items():
        listed = ', '.join(f'"{name}"' for name in names.split())
        result = query(filled, f'SELECT {listed} FROM {view}')
        assert result.code == 0, result.err


def test_a_reader_that_closes_the_pipe_early_is_no_crash(filled):
    import subprocess
    many = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000) SELECT i FROM n'
    shell = f'"{program.BINARY}" query --state "{filled.path}" "{many}" | head -n 2'
    done = subprocess.run(['bash', '-c', shell], capture_output=True, text=True, timeout=60, check=True,
                          env=program.clean_environment())
    assert done.stdout == 'i\n1\n' and 'Fatal' not in done.stderr
