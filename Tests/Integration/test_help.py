"""Texts for users and scripts: the help of every command, and usage errors."""
import re

import pytest

from support import program
from support.pinned import check_pinned

COMMANDS = ['ingest', 'query', 'status', 'generate', 'proof', 'restore', 'demo', 'topic', 'repl']


def test_the_overview_names_every_command():
    result = program.run('--help')
    assert result.code == 0 and result.err == ''
    for command in COMMANDS:
        assert re.search(rf'^\s+{command}\b', result.out, re.MULTILINE), command
    check_pinned('help/pageviews.txt', result.out)


@pytest.mark.parametrize('command', COMMANDS)
def test_the_help_of_each_command(command):
    result = program.run(command, '--help')
    assert result.code == 0 and result.err == ''
    check_pinned(f'help/{command}.txt', result.out)


@pytest.mark.parametrize('command', COMMANDS)
def test_help_states_a_default_or_that_there_is_none(command):
    text = program.run(command, '--help').out
    assert re.search(r'default', text), text


def test_the_version_stands_above_those_of_the_libraries():
    result = program.run('--version')
    number = r'\d+\.\d+\.\d+'
    assert result.code == 0 and re.fullmatch(rf'{number}\nlibrdkafka {number}\nSQLite {number}\n', result.out), result.out


@pytest.mark.parametrize('name,arguments', [
    ('unknown-command', ['ingets']), ('unknown-option', ['ingest', '--topci', 'x']),
    ('missing-value', ['ingest', '--topic']), ('wrong-duration', ['ingest', '--window', 'a minute']),
    ('wrong-format', ['query', '--format', 'xml', 'SELECT 1']),
])
def test_wrong_usage_is_2_with_a_clear_text(name, arguments):
    result = program.run(*arguments)
    assert result.code == 2 and result.out == ''
    check_pinned(f'errors/usage-{name}.txt', result.err)


def test_no_command_shows_the_help():
    result = program.run()
    assert 'ingest' in result.out + result.err
