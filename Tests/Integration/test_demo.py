"""`pageviews demo`: the whole pipeline in a terminal, and an end that leaves no process behind."""
import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time

import pytest

from support import program
from support.wait import eventually

CTRL_C = b'\x03'


def take_terminal():
    """Runs in the child: makes standard input its controlling terminal, so that Ctrl-C reaches it."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """A program in its own session on a pseudo-terminal."""

    def __init__(self, *arguments, cwd, env=None):
        self._parent, child = pty.openpty()
        self.process = subprocess.Popen(
            [program.BINARY, *arguments], stdin=child, stdout=child, stderr=child, cwd=cwd, start_new_session=True,
            preexec_fn=take_terminal,
            env=program.clean_environment({'TERM': 'xterm-256color', **(env or {})}))
        os.close(child)
        self.screen = ''

    def read(self):
        """Reads the output. Returns all of it so far."""
        while select.select([self._parent], [], [], 0)[0]:
            try:
                chunk = os.read(self._parent, 65536)
            except OSError:
                break
            if not chunk:
                break
            self.screen += chunk.decode(errors='replace')
        return self.screen

    def type(self, keys):
        os.write(self._parent, keys)

    def end(self, seconds):
        deadline = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < deadline:
            self.read()
            time.sleep(0.02)
        self.read()
        return self.process.poll()

    def hang_up(self):
        os.close(self._parent)
        self._parent = None

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
        if self._parent is not None:
            os.close(self._parent)


def in_session(session):
    """The processes of a session that still run."""
    listed = subprocess.run(['ps', '-o', 'pid=,stat=', '-s', str(session)], capture_output=True, text=True, check=False)
    return [line for line in listed.stdout.splitlines() if ' Z' not in line]


@pytest.fixture
def terminal(tmp_path):
    """Starts `pageviews demo` in a terminal, without its page: no test may need or take a fixed port of the machine."""
    started = []

    def start(*options):
        folders = {'TMPDIR': str(tmp_path), 'HOME': str(tmp_path)}
        started.append(Terminal('demo', '--listen', 'off', *options, cwd=tmp_path, env=folders))
        return started[-1]

    yield start
    for one in started:
        one.close()


def ask_for_the_sum(terminal, number):
    """Types a query and returns its answer. The number distinguishes the answers."""
    terminal.type(f"SELECT 'answer {number}', coalesce(sum(count), 0) FROM postcode_view_count;\r".encode())
    found = eventually(lambda: re.search(rf'\| +answer {number} +\| +(\d+) \|', plain(terminal.read())), 'an answer')
    return int(found[1])


def plain(text):
    """The text without escape sequences."""
    return re.sub(r'\x1b\[[0-9;?]*[a-zA-Z]', '', text)


def test_the_prompt_of_the_demo_answers_while_events_come_in(terminal, tmp_path):
    demo = terminal('--rate', '500')
    eventually(lambda: 'pageviews> ' in demo.read(), 'the prompt')
    assert re.search(re.escape(str(tmp_path)) + r'\S*\.db', demo.screen), f'the state is not named: {demo.screen}'
    numbers = iter(range(1000))
    first = eventually(lambda: ask_for_the_sum(demo, next(numbers)), 'counts')
    eventually(lambda: ask_for_the_sum(demo, next(numbers)) > first, 'more counts')
    prompts = plain(demo.read()).count('pageviews> ')
    demo.type(b'SELECT' + CTRL_C)
    eventually(lambda: plain(demo.read()).count('pageviews> ') > prompts, 'the next prompt: Ctrl-C only clears the line')
    assert ask_for_the_sum(demo, next(numbers)) > 0
    demo.type(b'\\q\r')
    assert demo.end(10) == 0, demo.screen[-2000:]
    assert in_session(demo.process.pid) == []


COUNT = re.compile(r'\b[A-Z]{1,2}\d[A-Z\d]?\b.*\b[1-9]\d*\b')


def test_the_table_of_the_demo_shows_counts_and_ctrl_c_ends_it(terminal):
    demo = terminal('--table', '--refresh', '200ms')
    eventually(lambda: COUNT.search(demo.read()), 'a postcode with a count')
    demo.type(CTRL_C)
    assert demo.end(10) == 0, demo.screen[-2000:]
    assert in_session(demo.process.pid) == []


def test_the_demo_ends_when_its_terminal_is_closed(terminal):
    demo = terminal()
    eventually(lambda: 'pageviews> ' in demo.read(), 'the prompt')
    demo.hang_up()
    eventually(lambda: in_session(demo.process.pid) == [], 'the end of the demo', seconds=15)


def test_the_demo_at_its_prompt_ends_at_sigterm(terminal):
    demo = terminal()
    eventually(lambda: 'pageviews> ' in demo.read(), 'the prompt')
    demo.process.terminate()
    assert demo.end(10) is not None, 'still running 10 s after SIGTERM'


def test_the_demo_works_without_a_terminal_and_ends_at_sigterm(tmp_path):
    running = program.Running(tmp_path / 'logs', 'demo', '--listen', 'off', env={'TMPDIR': str(tmp_path)})
    try:
        eventually(lambda: COUNT.search(running.out), 'a postcode with a count')
        result, _ = running.stop(signal.SIGTERM, seconds=10)
        assert result.code == 0, result.err
    finally:
        running.kill()
