"""`pageviews demo` in a terminal: shows counts, and Ctrl-C ends it with nothing left behind."""
import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time

from support import program
from support.wait import eventually

CTRL_C = b'\x03'


def take_terminal():
    """In the child: makes its standard input the terminal that sends it Ctrl-C."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """A program in a pseudo-terminal of its own session."""

    def __init__(self, *arguments, cwd, env=None):
        self._parent, child = pty.openpty()
        self.process = subprocess.Popen(
            [program.BINARY, *arguments], stdin=child, stdout=child, stderr=child, cwd=cwd, start_new_session=True,
            preexec_fn=take_terminal,
            env=program.clean_environment({'TERM': 'xterm-256color', **(env or {})}))
        os.close(child)
        self.screen = ''

    def read(self):
        """Takes in what has been printed; all of it so far."""
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
        return self.process.poll()

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
        os.close(self._parent)


def in_session(session):
    """The processes of a session that still run."""
    listed = subprocess.run(['ps', '-o', 'pid=,stat=', '-s', str(session)], capture_output=True, text=True, check=False)
    return [line for line in listed.stdout.splitlines() if ' Z' not in line]


def test_demo_shows_counts_and_ctrl_c_ends_it_cleanly(tmp_path):
    terminal = Terminal('demo', cwd=tmp_path, env={'TMPDIR': str(tmp_path)})
    try:
        eventually(lambda: re.search(r'\b[A-Z]{1,2}\d[A-Z\d]?\b.*\b[1-9]\d*\b', terminal.read()), 'a postcode with a count')
        folder = re.search(re.escape(str(tmp_path)) + r'[^\s\x1b]*', terminal.screen)
        assert folder, f'the folder is not named: {terminal.screen[:2000]}'
        terminal.type(CTRL_C)
        assert terminal.end(10) == 0, terminal.screen[-2000:]
        assert in_session(terminal.process.pid) == []
    finally:
        terminal.close()


def test_demo_works_without_a_terminal_and_ends_at_sigterm(tmp_path):
    running = program.Running(tmp_path / 'logs', 'demo', env={'TMPDIR': str(tmp_path)})
    try:
        eventually(lambda: re.search(r'\b[A-Z]{1,2}\d[A-Z\d]?\b.*\b[1-9]\d*\b', running.out), 'a postcode with a count')
        result, _ = running.stop(signal.SIGTERM, seconds=10)
        assert result.code == 0, result.err
    finally:
        running.kill()
