"""Output that cannot be written: exit code 1 and one line, never a signal and never a silent loss. A closed reader ends a command
without an error."""
import os
import re
import shutil
import subprocess

import pytest

from support import program
from support.events import crowded_views

# A command line of each command, for lost output; {} are filled in. A command without an entry fails the first test.
QUESTIONS = {
    'ingest': ['--help'],
    'query': ['--state', '{state}', 'SELECT * FROM postcode_view_count'],
    'repl': ['--state', '{state}', '-c', 'SELECT * FROM postcode_view_count'],
    'status': ['--state', '{state}'],
    'topic': ['{topic}', '--bootstrap-servers', '{broker}', '--from', 'beginning'],
    'generate': ['--help'],
    'backfill': ['--state', '{copy}', '{warehouse}', '--dry-run'],
    'restore': ['--state', '{new}', '{warehouse}'],
    'proof': ['--state', '{state}', '{warehouse}'],
    'maintain': ['--state', '{copy}', '{warehouse}'],
    'backup': ['--state', '{state}', '{new}'],
    'resolve': ['--help'],
    'demo': ['--help'],
    'manual': [],
    'settings': ['ingest'],
}

def commands():
    text = program.run('--help').out.split('SUBCOMMANDS:')[1]
    return set(re.findall(r'^  ([a-z]+) ', text, re.MULTILINE))


def test_every_command_is_asked():
    assert commands() == set(QUESTIONS)


@pytest.fixture
def ask(topic, state, service, make_warehouse, tmp_path):
    warehouse = make_warehouse()
    topic.produce(crowded_views(seed=140, count=300))
    service.to_end(topic, state, *warehouse.options)
    shutil.copy(state.path, tmp_path / 'copy.db')

    def ask(command, stdout, number=0):
        names = {'{state}': [state.path], '{copy}': [tmp_path / 'copy.db'], '{topic}': [topic.name], '{broker}': [topic.address],
                 '{warehouse}': warehouse.options, '{new}': [tmp_path / f'new-{command}-{number}.db']}
        words = [str(part) for word in QUESTIONS[command] for part in names.get(word, [word])]
        environment = program.clean_environment(dict(warehouse.environment or {}))
        if stdout == 'closed':
            return subprocess.run([program.BINARY, command, *words], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                  env=environment, preexec_fn=lambda: os.close(1), timeout=60, check=False)
        if stdout == 'gone':
            reader, writer = os.pipe()
            os.close(reader)
        else:
            writer = os.open(stdout, os.O_WRONLY | os.O_CREAT)
        try:
            return subprocess.run([program.BINARY, command, *words], stdin=subprocess.DEVNULL, stdout=writer, text=True,
                                  stderr=subprocess.PIPE, env=environment, timeout=60, check=False)
        finally:
            os.close(writer)

    return ask


def test_a_full_output_is_an_error_and_a_reader_that_has_gone_is_none(ask, tmp_path):
    wrong = []
    for number, command in enumerate(sorted(QUESTIONS)):
        expected = ask(command, tmp_path / command, number)
        assert expected.returncode in (0, 1), (command, expected.stderr)
        if command == 'maintain':  # a command without output has nothing to lose
            assert (tmp_path / command).read_text() == ''
            continue
        assert (tmp_path / command).read_text() != '', command
        for stdout in ['/dev/full', 'closed', 'gone']:
            done = ask(command, stdout, f'{number}-{stdout[-4:]}')
            right = expected.returncode if stdout == 'gone' else 1
            told = stdout == 'gone' or done.stderr.count('cannot write the output') == 1
            if done.returncode != right or not told:
                wrong.append((command, stdout, done.returncode, done.stderr))
    assert not wrong


@pytest.mark.parametrize('options', [['--help'], ['--version'], ['query', '--help'], ['--generate-completion-script', 'bash']])
def test_pages_that_are_lost_are_an_error(options):
    with open('/dev/full', 'w') as full:
        done = subprocess.run([program.BINARY, *options], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1 and 'cannot write the output' in done.stderr, done


def test_a_closed_output_takes_no_other_file_s_place(topic, state, service):
    """The first file that a program opens would get the descriptor of a closed output; here that is the state."""
    topic.produce(crowded_views(seed=141, count=50))
    service.to_end(topic, state)
    before = state.path.read_bytes()
    for command in [['query', '--state', state.path, 'SELECT 1'], ['status', '--state', state.path], ['proof', '--state', state.path]]:
        done = subprocess.run([program.BINARY, *command], stderr=subprocess.PIPE, env=program.clean_environment(),
                              preexec_fn=lambda: (os.close(0), os.close(1)), check=False)
        assert done.returncode == 1, done
    assert state.path.read_bytes() == before
