"""The command-line contract: the output and the exit code of some 140 command lines, pinned in `contract/`.

PIN=1 in the environment rewrites the answers; every difference changes the contract and needs an entry in the
changelog. Folders, times, ports and process ids are replaced by placeholders.
"""
import os
import re
import subprocess

import pytest

from support import program
from support.pinned import check_pinned

COMMANDS = ['ingest', 'query', 'repl', 'status', 'topic', 'generate', 'backfill', 'restore', 'proof', 'maintain', 'backup',
            'resolve', 'demo', 'manual', 'settings']
#: name -> (arguments, environment, file contents by name, standard input)
LINES = {}


def line(name, *arguments, env=None, files=None, stdin=''):
    LINES[name] = (arguments, env or {}, files or {}, stdin)


line('root-none')
line('root-version', '--version')
line('root-help', '--help')
line('root-h', '-h')
line('root-help-command', 'help')
line('root-help-unknown', 'help', 'nonsense')
for command in COMMANDS:
    line(f'help-{command}', command, '--help')
    line(f'help-by-help-{command}', 'help', command)
line('version-of-command', 'ingest', '--version')
line('manual', 'manual')
line('completions-wrong-shell', '--generate-completion-script', 'tcsh')
line('completions-no-shell', '--generate-completion-script')
# Mistakes.
line('wrong-command', 'ingst')
line('wrong-command-close', 'quer', 'select 1')
line('wrong-option', 'ingest', '--topc', 'x')
line('wrong-option-far', 'ingest', '--frobnicate')
line('wrong-option-equals', 'ingest', '--topc=x')
line('wrong-short', 'query', '-Z', 'select 1')
line('wrong-short-cluster', 'query', '-fZ')
line('single-dash-long', 'ingest', '-topic', 'x')
line('missing-value-last', 'ingest', '--topic')
line('missing-value-next-option', 'ingest', '--topic', '--group', 'g')
line('empty-value', 'ingest', '--topic', '', '--state', 'x/none.db')
line('flag-with-value', 'ingest', '--exit-at-end=yes')
line('flag-twice', 'query', '--no-header', '--no-header', 'select 1')
line('option-twice', 'query', '--state', 'a.db', '--state', 'b.db', 'select 1')
line('positional-extra', 'query', 'select 1', 'select 2')
line('positional-extra-two', 'query', 'select 1', 'select 2', 'select 3')
line('positional-missing-restore', 'restore')
line('positional-missing-backup', 'backup')
line('positional-missing-resolve', 'resolve')
line('duration-unit', 'ingest', '--window', '1x')
line('duration-none', 'ingest', '--window', '1')
line('duration-negative', 'ingest', '--window', '-1s')
line('duration-negative-equals', 'ingest', '--window=-1s')
line('duration-huge', 'ingest', '--window', '99999999999999999999s')
line('duration-fraction', 'query', '--timeout', '1.5s', 'select 1')
line('size-unit', 'ingest', '--spool-budget', '1XB')
line('integer-word', 'generate', '--count', 'many')
line('integer-negative', 'generate', '--count', '-1')
line('integer-overflow', 'generate', '--count', '99999999999999999999')
line('float-word', 'generate', '--rate', 'fast')
line('choice', 'query', '--format', 'xml', 'select 1')
line('choice-level', 'ingest', '--log-level', 'loud')
line('choice-format-version', 'ingest', '--format-version', '4')
line('inverted-flag-both', 'ingest', '--raw-json', '--no-raw-json', '--window', '1x')
line('kafka-config-no-equals', 'ingest', '--kafka-config', 'security.protocol')
line('kafka-config-unknown', 'ingest', '--kafka-config', 'no.such.setting=1')
line('partitions-wrong', 'ingest', '--partitions', '3-1')
line('listen-wrong', 'ingest', '--listen', 'nowhere')
line('listen-open-no-token', 'ingest', '--listen', '0.0.0.0:0')
line('double-dash', 'query', '--', '--not-an-option')
line('double-dash-none', 'query', '--')
line('option-after-positional', 'query', 'select 1', '--state', 'none.db')
line('option-equals', 'query', '--state=none.db', 'select 1')
line('short-attached', 'query', '-fnone.sql')
line('short-separate', 'query', '-f', 'none.sql')
line('short-equals', 'query', '-f=none.sql')
line('prefix-of-option', 'query', '--form', 'csv', 'select 1')
line('upper-case-option', 'query', '--STATE', 'x', 'select 1')
line('help-after-mistake', 'ingest', '--topc', 'x', '--help')
line('help-with-positional', 'query', 'select 1', '--help')
line('utf8-value', 'query', '--state', 'zürich/ключ.db', 'select 1')
line('query-no-state', 'query', 'select 1')
line('query-nothing', 'query')
line('query-two-sources', 'query', '--file', 'a.sql', 'select 1', files={'a.sql': 'select 1;'})
line('status-no-state', 'status')
line('manual-extra', 'manual', 'more')
# Settings from environment and file.
line('env-wrong-duration', 'ingest', env={'PAGEVIEWS_WINDOW': '1x'})
line('env-flag-perhaps', 'ingest', env={'PAGEVIEWS_EXIT_AT_END': 'perhaps'})
line('env-value-like-option', 'query', 'select 1', env={'PAGEVIEWS_STATE': '--odd name.db'})
line('env-loses-to-flag', 'query', '--state', 'flag.db', 'select 1', env={'PAGEVIEWS_STATE': 'env.db'})
line('file-loses-to-env', 'query', '--config', 's.yaml', 'select 1', env={'PAGEVIEWS_STATE': 'env.db'},
     files={'s.yaml': 'state: file.db\n'})
line('file-state', 'query', '--config', 's.yaml', 'select 1', files={'s.yaml': 'state: file.db\n'})
line('file-json', 'query', '--config', 's.json', 'select 1', files={'s.json': '{"state": "json.db"}'})
line('file-by-environment', 'query', 'select 1', env={'PAGEVIEWS_CONFIG': 's.yaml'}, files={'s.yaml': 'state: file.db\n'})
line('file-none', 'query', '--config', 'none.yaml', 'select 1')
line('file-folder', 'query', '--config', '.', 'select 1')
line('file-unknown-key', 'query', '--config', 's.yaml', 'select 1', files={'s.yaml': 'stat: file.db\n'})
line('file-not-mapping', 'query', '--config', 's.yaml', 'select 1', files={'s.yaml': '- a\n- b\n'})
line('file-not-yaml', 'query', '--config', 's.yaml', 'select 1', files={'s.yaml': 'state: [unclosed\n'})
line('file-tab', 'query', '--config', 's.yaml', 'select 1', files={'s.yaml': 'state:\n\t- x\n'})
line('file-nested', 'query', '--config', 's.yaml', 'select 1', files={'s.yaml': 'kafka-config:\n  a:\n    b: c\n'})
line('file-alias', 'query', '--config', 's.yaml', 'select 1', files={'s.yaml': 'state: &a x.db\ntopic: *a\n'})
line('file-merge', 'query', '--config', 's.yaml', 'select 1', files={'s.yaml': 'a: &a {state: x.db}\n<<: *a\n'})
line('file-two-documents', 'query', '--config', 's.yaml', 'select 1', files={'s.yaml': 'state: a.db\n---\nstate: b.db\n'})
line('file-duplicate-key', 'query', '--config', 's.yaml', 'select 1', files={'s.yaml': 'state: a.db\nstate: b.db\n'})
line('file-null', 'query', '--config', 's.yaml', 'select 1', files={'s.yaml': 'state:\n'})
line('file-number', 'query', '--config', 's.yaml', 'select 1', files={'s.yaml': 'state: 010\n'})
line('file-quoted', 'query', '--config', 's.yaml', 'select 1', files={'s.yaml': 'state: "caf\\u00e9 # not a comment.db"\n'})
line('file-block', 'query', '--config', 's.yaml', 'select 1', files={'s.yaml': 'state: >-\n  folded\n  name.db\n'})
line('file-not-utf8', 'query', '--config', 's.yaml', 'select 1', files={'s.yaml': b'state: \xff\xfe.db\n'})
line('file-bom', 'query', '--config', 's.yaml', 'select 1', files={'s.yaml': b'\xef\xbb\xbfstate: bom.db\n'})
line('file-nul', 'query', '--config', 's.yaml', 'select 1', files={'s.yaml': b'state: a\x00b\n'})
line('file-crlf', 'query', '--config', 's.yaml', 'select 1', files={'s.yaml': 'state: crlf.db\r\n'})
line('file-empty', 'query', '--config', 's.yaml', 'select 1', files={'s.yaml': ''})
line('file-billion', 'query', '--config', 's.yaml', 'select 1', files={
    's.yaml': 'a: &a [x,x,x,x,x,x,x,x,x]\n' + ''.join(
        f'{n}: &{n} [{",".join(["*" + p] * 9)}]\n' for p, n in zip('abcdefgh', 'bcdefghi')) + 'state: x.db\n'})
line('file-deep', 'query', '--config', 's.yaml', 'select 1', files={'s.yaml': 'topic: ' + '[' * 20000 + ']' * 20000 + '\n'})
line('file-flag-no', 'ingest', '--config', 's.yaml', '--window', '1x', files={'s.yaml': 'exit-at-end: no\nraw-json: false\n'})
line('file-other-command', 'query', '--config', 's.yaml', 'select 1', files={'s.yaml': 'rate: 5\nstate: file.db\n'})

# Secrets, origins, and lists for options of one value.
line('settings-ingest', 'settings', 'ingest', '--config', 's.yaml', '--window', '30s', '--kafka-config', 'sasl.password=hunter2',
     env={'PAGEVIEWS_TOPIC': 'from-environment', 'PAGEVIEWS_CATALOG_TOKEN': 'hunter2'},
     files={'s.yaml': 'kafka-config: {ssl.key.password: hunter2, client.id: c}\nraw-json: false\n'})
line('settings-json', 'settings', '--format', 'json', 'resolve', 'incident', '--state', 'x.db')
line('settings-nothing', 'settings')
line('settings-unknown', 'settings', 'ingst')
line('settings-wrong', 'settings', 'ingest', '--window', '1x')
line('file-list-for-one', 'ingest', '--config', 's.yaml', files={'s.yaml': 'topic: t\npartitions: [0, 1]\n'})
line('file-wrong-value', 'ingest', '--config', 's.yaml', files={'s.yaml': 'topic: t\n\nwindow: 1x\n'})
line('file-out-of-bounds', 'ingest', '--config', 's.yaml', files={'s.yaml': 'flush-interval: 1ms\n'})
line('env-out-of-bounds', 'ingest', env={'PAGEVIEWS_WINDOW': '7s'})
line('not-a-number', 'ingest', '--compact-deletes', 'nan')
line('span-needs-count', 'generate', env={'PAGEVIEWS_SPAN': '1h'})

NOISE = [
    (re.compile(r'\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?'), 'TIME'), (re.compile(r'pid \d+'), 'pid N'),
    (re.compile(r'127\.0\.0\.1:\d+'), '127.0.0.1:PORT'),
    # The linked libraries' versions, and the warnings about old ones.
    (re.compile(r'(?m)^.*warning  (SQLite|librdkafka) .*\n'), ''), (re.compile(r'(SQLite|librdkafka) [\d.]+'), r'\1 N'),
]


def plain(data, folder):
    text = data.decode('utf-8', 'backslashreplace').replace('\r\n', '\n').replace(folder, 'FOLDER')
    for pattern, word in NOISE:
        text = pattern.sub(word, text)
    return text


def answer(name, folder):
    """The exit code and the output of a command line in an empty folder."""
    arguments, extra, files, stdin = LINES[name]
    for file, contents in files.items():
        (folder / file).write_bytes(contents if isinstance(contents, bytes) else contents.encode())
    environment = {'PATH': os.environ['PATH'], 'HOME': str(folder), 'LC_ALL': 'C.UTF-8', 'COLUMNS': '80', 'TERM': 'dumb', **extra}
    done = subprocess.run([program.BINARY, *arguments], cwd=folder, env=environment, input=stdin.encode(), capture_output=True,
                          timeout=20, check=False)
    shown = ' '.join([*(f'{k}={v}' for k, v in extra.items()), 'pageviews', *map(repr, arguments)])
    left = sorted(path.name for path in folder.iterdir() if path.name not in files)
    return (f'$ {shown}\nexit: {done.returncode}\nleft behind: {" ".join(left) or "nothing"}\n'
            f'--- stdout\n{plain(done.stdout, str(folder))}--- stderr\n{plain(done.stderr, str(folder))}')


@pytest.mark.parametrize('name', LINES)
def test_a_command_line_answers_as_it_did(name, tmp_path):
    check_pinned(f'contract/{name}.txt', answer(name, tmp_path))


def test_no_secret_is_printed(tmp_path):
    assert 'hunter2' not in answer('settings-ingest', tmp_path).partition('\n')[2]


def test_a_library_that_moves_the_environment_hides_no_arguments(tmp_path):
    """The runtime looks for the arguments next to the environment, and setenv moves the environment."""
    (tmp_path / 'moves.c').write_text(
        '#include <stdlib.h>\n__attribute__((constructor)) static void move(void) { setenv("ADDED", "1", 1); }\n')
    subprocess.run(['cc', '-shared', '-fPIC', '-o', 'moves.so', 'moves.c'], cwd=tmp_path, check=True)
    result = program.run('query', '--no-header', "select 'a b', ''", env={'LD_PRELOAD': str(tmp_path / 'moves.so')},
                         cwd=tmp_path)
    assert (result.code, result.out) == (0, 'a b\t\n'), result.err
