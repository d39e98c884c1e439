"""A shell on a pseudo-terminal, with typed input. It waits for text and never sleeps."""
import fcntl
import os
import pathlib
import pty
import re
import select
import subprocess
import termios
import time

PROMPT = 'ready-for-more> '
#: Escape sequences in the output.
CONTROL = re.compile(r'\x1b\][^\x07\x1b]*(\x07|\x1b\\)|\x1b[\[(][0-9;?>=]*[A-Za-z]|\x1b[=>]|[\x00-\x07\x0e-\x1a\x1c-\x1f]')


class Shell:
    """An interactive shell with its own configuration in `home`."""

    def __init__(self, arguments: list[str], home: pathlib.Path, folder: pathlib.Path) -> None:
        self._own, theirs = pty.openpty()
        termios.tcsetwinsize(self._own, (50, 200))
        environment = {'PATH': f'{folder}:{os.environ["PATH"]}', 'HOME': str(home), 'TERM': 'dumb', 'LC_ALL': 'C.UTF-8'}
        self._process = subprocess.Popen(
            arguments, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=home, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(theirs)
        self.seen = ''

    def type(self, text: str) -> None:
        os.write(self._own, text.encode())

    def wait(self, text: str, seconds: float = 30) -> str:
        """Reads until `text` appears. Returns the output since the last wait."""
        deadline = time.monotonic() + seconds
        while text not in (plain := CONTROL.sub('', self.seen)):
            ready, _, _ = select.select([self._own], [], [], max(0, deadline - time.monotonic()))
            assert ready, f'{text!r} was not seen in {seconds} s; what was:\n{plain}'
            self.seen += os.read(self._own, 65536).decode(errors='replace')
        end = plain.index(text) + len(text)
        self.seen = plain[end:]
        return plain[:end]

    def close(self) -> None:
        self._process.kill()
        self._process.wait(10)
        os.close(self._own)
