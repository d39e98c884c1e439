"""Prompts beside a running service: they see its counts, and its write-ahead log stays small.

PAGEVIEWS_SOAK_SECONDS sets the duration (15 by default; 600 before a release).
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from terminal import Terminal  # noqa: E402

BINARY = os.environ.get("PAGEVIEWS_BINARY") or os.path.join(HERE, "../../.build/release/pageviews")
SECONDS = float(os.environ.get("PAGEVIEWS_SOAK_SECONDS", "15"))
PROMPTS = 8
# The size to which the service truncates its log.
LOG_BUDGET_BYTES = 64 << 20
TOTAL = "SELECT coalesce(sum(count), 0) AS views FROM postcode_view_count;"


class BesideAService(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="pageviews-live-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        # The demo without a terminal: its table goes to a file.
        self.environment = {"PATH": os.environ["PATH"], "HOME": self.folder, "TMPDIR": self.folder, "TERM": "xterm",
                            "LANG": "C.UTF-8", "PAGER": "cat", "NO_COLOR": "1"}
        with open(os.path.join(self.folder, "err"), "wb") as err:
            self.service = subprocess.Popen([BINARY, "demo", "--rate", "2000", "--seed", "1"], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=err, env=self.environment)
        self.addCleanup(self.stop)
        self.state = self.wait_for_state()

    def stop(self):
        self.service.send_signal(signal.SIGINT)
        try:
            self.service.wait(20)
        except subprocess.TimeoutExpired:
            self.service.kill()
            self.service.wait()

    def wait_for_state(self):
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with open(os.path.join(self.folder, "err"), encoding="utf-8") as file:
                named = re.search(r"state: (\S+)", file.read())
            if named and os.path.exists(named[1]) and os.path.getsize(named[1]) > 0:
                return named[1]
            time.sleep(0.05)
        raise AssertionError("the service made no state")

    def prompt(self):
        terminal = Terminal([BINARY, "repl", "--state", self.state], self.environment)
        self.addCleanup(terminal.close)
        terminal.settle()
        return terminal

    def total(self, terminal):
        terminal.enter(TOTAL)
        numbers = re.findall(r"^\| +(\d+) \|$", terminal.screen.text(), re.MULTILINE)
        return int(numbers[-1]) if numbers else 0

    def test_eight_prompts_see_live_counts_and_the_log_stays_small(self):
        prompts = [self.prompt() for _ in range(PROMPTS)]
        first = [self.total(terminal) for terminal in prompts]
        # Half of them stay idle, half run queries repeatedly.
        for terminal in prompts[::2]:
            terminal.send("SELECT postcode, sum(count) AS n FROM postcode_view_count GROUP BY 1; \\watch 0.2\r")
        largest = 0
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            for terminal in prompts:
                terminal.pump(0.02)
            largest = max(largest, os.path.getsize(self.state + "-wal"))
        self.assertLess(largest, LOG_BUDGET_BYTES)
        for terminal in prompts[::2]:
            terminal.wait_for("every 200 ms; Ctrl-C ends")
            terminal.interrupt()
        for terminal, before in zip(prompts, first):
            self.assertGreater(self.total(terminal), before)
            self.assertNotIn("locked", terminal.screen.text())


if __name__ == "__main__":
    unittest.main()
