"""Completions in real shells: each loads its script and offers the options of the help pages."""
import re
import subprocess

import pytest

from support import program
from support.shells import PROMPT, Shell

SHELLS = ['bash', 'zsh', 'fish']
COMMANDS = ['ingest', 'query', 'repl', 'status', 'topic', 'generate', 'backfill', 'restore', 'proof', 'maintain', 'backup',
            'resolve', 'demo', 'manual', 'settings']
START = {
    'bash': ['bash', '--norc', '--noprofile', '-i'], 'zsh': ['zsh', '-f', '-i'], 'fish': ['fish', '--no-config', '-i'],
}


@pytest.fixture(scope='module')
def scripts(tmp_path_factory):
    folder = tmp_path_factory.mktemp('completions')
    (folder / 'pageviews').symlink_to(program.BINARY)
    for shell, name in zip(SHELLS, ['pageviews.bash', '_pageviews', 'pageviews.fish'], strict=True):
        (folder / name).write_text(program.run('--generate-completion-script', shell, check=True).out)
    return folder


def load(shell, scripts):
    """The lines that load the script in a shell and set a prompt to wait for."""
    if shell == 'bash':
        return [f'source {scripts}/pageviews.bash', f"PS1='{PROMPT}'"]
    if shell == 'zsh':
        return ['unsetopt zle_bracketed_paste prompt_cr prompt_sp', f'fpath=({scripts} $fpath)',
                'autoload -U compinit; compinit -u -D', f"PS1='{PROMPT}'"]
    return [f'source {scripts}/pageviews.fish', f"function fish_prompt; printf '{PROMPT}'; end"]


@pytest.mark.parametrize('shell,name', zip(SHELLS, ['pageviews.bash', '_pageviews', 'pageviews.fish'], strict=True))
def test_the_shell_parses_the_script(shell, name, scripts):
    done = subprocess.run([shell, '-n', str(scripts / name)], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stderr == ''


@pytest.mark.parametrize('typed,expected', [
    ('pageviews gene', 'pageviews generate '), ('pageviews ingest --rej', '--rejected-topic '),
    ('pageviews ingest --on-missing-offsets sk', 'skip '), ('pageviews settings inge', 'pageviews settings ingest '),
    ('pageviews settings ingest --rej', '--rejected-topic '),
])
@pytest.mark.parametrize('shell', SHELLS)
def test_a_completion_is_asked_for_at_a_terminal(shell, typed, expected, scripts, tmp_path):
    asked = Shell(START[shell], tmp_path, scripts)
    try:
        for line in load(shell, scripts):
            asked.type(line + '\n')
        # The shell echoes the line that sets the prompt, then prints the prompt.
        asked.type('echo set-$((40+2))\n' if shell != 'fish' else 'echo set-(math 40+2)\n')
        asked.wait('set-42')
        asked.wait(PROMPT)
        asked.type(typed + '\t')
        asked.wait(expected.rpartition(typed)[2] if typed in expected else expected)
    finally:
        asked.close()


def offered_by_bash(scripts, *words):
    """The completions of bash's function for the last word."""
    line = ' '.join(f"'{word}'" for word in words)
    code = (f'source {scripts}/pageviews.bash; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _pageviews; '
            'printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(['bash', '--norc', '-c', code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def offered_by_fish(scripts, tmp_path, *words):
    code = f"source {scripts}/pageviews.fish; complete -C '{' '.join(words)}'"
    done = subprocess.run(['fish', '--no-config', '-c', code], capture_output=True, text=True, check=True,
                          env={'HOME': str(tmp_path), 'PATH': '/usr/bin:/bin', 'LC_ALL': 'C.UTF-8'})
    return {line.split('\t')[0] for line in done.stdout.splitlines()}


@pytest.mark.parametrize('command', COMMANDS)
def test_the_options_of_the_help_page_are_offered(command, scripts, tmp_path):
    page = program.run(command, '--help', check=True).out
    heads = ' '.join(re.findall(r'^  (-\S+(?: --\S+)?)', page, re.MULTILINE))
    told = set(re.findall(r'--[a-z0-9][a-z0-9-]*', heads))
    assert {'--version', '--help'} <= told
    assert {word for word in offered_by_bash(scripts, 'pageviews', command, '-') if word.startswith('--')} == told
    assert offered_by_fish(scripts, tmp_path, 'pageviews', command, '--') == told


def test_what_was_given_is_not_offered_again_but_for_lists(scripts, tmp_path):
    given = ['pageviews', 'ingest', '--topic', 't', '--kafka-config', 'a=b']
    for offered in [offered_by_bash(scripts, *given, '--'), offered_by_fish(scripts, tmp_path, *given, '--')]:
        assert '--topic' not in offered and {'--kafka-config', '--state'} <= offered


@pytest.mark.parametrize('words,expected', [
    (['pageviews', 'query', '--format', ''], {'table', 'box', 'csv', 'tsv', 'json', 'jsonl', 'markdown', 'line', 'html'}),
    (['pageviews', 'query', '--format', '=', 'j'], {'json', 'jsonl'}),
    (['pageviews', 'ingest', '--topic', ''], set()), (['pageviews', 'topic', ''], set()),
    (['pageviews', 're'], {'repl', 'restore', 'resolve'}), (['pageviews', 'help', '-'], {'--version'}),
])
def test_values_and_commands_are_offered(words, expected, scripts):
    assert offered_by_bash(scripts, *words) == expected


def test_files_are_offered_where_a_file_is_wanted(scripts, tmp_path):
    for name in ['a.db', 'a.txt', 'with space.db']:
        (tmp_path / name).touch()
    (tmp_path / 'folder').mkdir()
    code = (f'cd {tmp_path}; source {scripts}/pageviews.bash; COMP_WORDS=(pageviews query "$1" ""); COMP_CWORD=3; _pageviews; '
            'printf "%s\\n" "${COMPREPLY[@]}"')
    for option, expected in [('--state', {'a.db', 'with space.db', 'folder'}),
                             ('--file', {'a.db', 'a.txt', 'with space.db', 'folder'})]:
        done = subprocess.run(['bash', '--norc', '-c', code, '-', option], capture_output=True, text=True, check=True)
        assert set(done.stdout.splitlines()) == expected
