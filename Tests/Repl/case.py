"""Shared by the tests of the prompt: a state, a terminal, and transcripts pinned in files.

PAGEVIEWS_BINARY names the program; PIN=1 rewrites the transcripts.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from state import State  # noqa: E402
from terminal import Terminal  # noqa: E402

BINARY = os.environ.get("PAGEVIEWS_BINARY") or os.path.join(HERE, "../../.build/release/pageviews")
START = 1611662640  # 2021-01-26T12:04:00Z
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n;"


class ReplTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="pageviews-repl-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.home = os.path.join(self.folder, "home")
        os.mkdir(self.home)
        self.state = State(self.folder, BINARY)
        self.addCleanup(self.state.db.close)
        self.state.fill(START)

    def environment(self, **more):
        return {"PATH": os.environ["PATH"], "HOME": self.home, "TERM": "xterm", "LANG": "C.UTF-8", "PAGER": "cat",
                "NO_COLOR": "1", **more}

    def start(self, *options, rows=24, columns=80, **more):
        terminal = Terminal([BINARY, "repl", "--state", "state.db", *options], self.environment(**more), rows, columns,
                            self.folder)
        self.addCleanup(terminal.close)
        terminal.settle()
        return terminal

    def script(self, text, *options):
        return subprocess.run([BINARY, "repl", "--state", "state.db", *options], input=text.encode(), cwd=self.folder,
                              env=self.environment(), capture_output=True, timeout=60)

    def read(self, name):
        with open(os.path.join(self.folder, name), newline="", encoding="utf-8") as file:
            return file.read()

    def fingerprint(self):
        digests = []
        for name in ("state.db", "state.db-wal"):
            with open(os.path.join(self.folder, name), "rb") as file:
                digests.append(hashlib.sha256(file.read()).hexdigest())
        return digests

    def expect_pinned(self, text, name):
        path = os.path.join(HERE, "transcripts", name + ".txt")
        if os.environ.get("PIN") == "1":
            with open(path, "w", encoding="utf-8") as file:
                file.write(text + "\n")
        with open(path, encoding="utf-8") as file:
            self.assertEqual(text + "\n", file.read())

    def transcript(self, name, lines, **size):
        terminal = self.start("--no-pager", **size)
        for line in lines:
            terminal.enter(*(line if isinstance(line, tuple) else (line,)))
        terminal.send("\\q\r")
        self.assertEqual(terminal.exit_code(), 0)
        self.expect_pinned(terminal.screen.text(), name)
