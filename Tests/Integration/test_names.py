"""Given names and times: text that cannot be read exactly is refused, never reinterpreted."""
import os
import subprocess

import pytest

from support import program
from support.events import MINUTE_MS, SAMPLE_MS, event


def ask(*arguments, env=None):
    clean = {key.encode(): value.encode() for key, value in program.clean_environment().items()}
    return subprocess.run([program.BINARY, *arguments], capture_output=True, stdin=subprocess.DEVNULL, timeout=60, check=False,
                          env={**clean, **(env or {})})


@pytest.mark.parametrize('command', [
    [b'ingest', b'--topic', b't', b'--state'], [b'query', b'SELECT 1', b'--state'], [b'status', b'--state'],
    [b'backup', b'--state', b'x.db'], [b'generate', b'--topic']])
def test_bytes_that_are_no_text_are_refused_as_an_argument(command, tmp_path):
    done = ask(*command, os.fsencode(tmp_path) + b'/s\xff.db')
    assert done.returncode == 2 and b'is not UTF-8' in done.stderr, done
    assert list(tmp_path.iterdir()) == []


def test_bytes_that_are_no_text_are_refused_as_a_variable(tmp_path):
    done = ask('query', 'SELECT 1', env={b'PAGEVIEWS_STATE': os.fsencode(tmp_path) + b'/s\xff.db'})
    assert done.returncode == 2 and b'PAGEVIEWS_STATE is not UTF-8' in done.stderr, done
    assert ask('--version', env={b'OTHER': b'\xff'}).returncode == 0


@pytest.mark.parametrize('time', [
    '20261128', '2026', '202611', '1611662684', '2026-02-30', '2026-13-01', '26-01-01', '2026-01-01T24:00', '2026-01-01T12:60',
    '2026-01-01x', 'yesterday', '2026-1-1', ''])
@pytest.mark.parametrize('option', ['--from', '--to'])
def test_a_time_that_is_none_is_refused(time, option, tmp_path):
    result = program.run('backfill', '--state', str(tmp_path / 'none.db'), '--warehouse', f'file://{tmp_path}', option, time)
    assert result.code == 2 and option in result.err, result


@pytest.mark.parametrize('time', ['2026-11-28', '2026-11-28T12:04', '2026-11-28 12:04:00', '2026-11-28T12:04:00+01:00', '2026-11'])
def test_a_time_that_is_one_is_taken(time, tmp_path):
    result = program.run('backfill', '--state', str(tmp_path / 'none.db'), '--warehouse', f'file://{tmp_path}', '--from', time)
    assert result.code == 1 and 'there is no state' in result.err, result


@pytest.mark.parametrize('command', [
    ['query', 'SELECT 1'], ['status'], ['proof'], ['resolve', 'offsets-lost'], ['backfill'], ['maintain']])
@pytest.mark.parametrize('reason', ['Not a directory', 'Too many levels of symbolic links', 'File name too long'])
def test_a_state_that_cannot_be_looked_at_is_not_a_state_that_is_missing(command, reason, tmp_path):
    (tmp_path / 'file').touch()
    (tmp_path / 'loop').symlink_to('loop')
    path = {'Not': 'file/state.db', 'Too': 'loop/state.db', 'File': 'x' * 300}[reason.split()[0]]
    result = program.run(*command, '--state', str(tmp_path / path), *(['--warehouse', f'file://{tmp_path}'] if command[0] in (
        'backfill', 'maintain') else []))
    assert result.code == 1 and reason in result.err, result


@pytest.mark.parametrize('command', [['query', 'SELECT 1'], ['status'], ['repl', '-c', 'SELECT 1']])
@pytest.mark.parametrize('kind', ['folder', 'pipe', '/dev/null', ''])
def test_what_is_no_file_is_no_state_that_is_missing(command, kind, tmp_path):
    (tmp_path / 'folder').mkdir()
    os.mkfifo(tmp_path / 'pipe')
    result = program.run(*command, '--state', str(tmp_path / kind) if kind.isalpha() else kind, cwd=tmp_path)
    words = 'state' if kind == '' else 'regular file'
    assert result.code == 1 and words in result.err + result.out, result


@pytest.mark.parametrize('minutes,asked', [
    (5, '12:03'), (5, '12:00'), (5, '12:04:59Z'), (60, '12:59'), (1440, '00:00'), (1440, '23:59')])
def test_the_window_that_holds_a_time_is_found_whatever_its_length(minutes, asked, topic, state, service):
    start = SAMPLE_MS - SAMPLE_MS % (1440 * MINUTE_MS) + (720 * MINUTE_MS if minutes < 1440 else 0)
    day = '2021-01-26'
    topic.produce([event('SW19', start + number * minutes * MINUTE_MS // 5) for number in range(5)])
    service.to_end(topic, state, '--window', f'{minutes}m')
    result = program.run('repl', '--state', str(state.path), '-c', f'\\window SW19 {day}T{asked}', check=True)
    hour = '12:00' if minutes < 1440 else '00:00'
    assert f'SW19\t{day}T{hour}:00Z\t5' in result.out, result.out


@pytest.mark.parametrize('command', [['repl', '-c', r'\i {}'], ['query', '-f', '{}']])
def test_a_pipe_that_nobody_writes_to_can_be_left(command, tmp_path):
    os.mkfifo(tmp_path / 'pipe')
    words = [word.replace('{}', str(tmp_path / 'pipe')) for word in command]
    running = program.Running(tmp_path, *words, '--state', str(tmp_path / 'none.db'))
    with pytest.raises(subprocess.TimeoutExpired):
        running.wait(1)  # it waits for a writer; a shorter time would only make the test weaker
    result, _ = running.stop()
    assert result.code == 3 and 'interrupted' in result.err, result


@pytest.mark.parametrize('how', [['repl'], ['repl', '-c', r'\i {}'], ['query', '-f', '{}'], ['query', '-f', '-']])
def test_a_byte_order_mark_is_no_part_of_a_script(how, tmp_path):
    script = tmp_path / 'script.sql'
    script.write_bytes(b'\xef\xbb\xbfSELECT 42 AS answer;\n')
    words = [word.replace('{}', str(script)) for word in how]
    assert program.run(*words, '--state', str(tmp_path / 'none.db'), stdin=script.read_bytes(), check=True).out == 'answer\n42\n'
