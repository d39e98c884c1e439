"""`\\topic` and `\\proof` at the prompt: the commands of the shell, with the demo's broker, state and warehouse."""

import os
import re
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from case import BINARY, ReplTest  # noqa: E402
from terminal import Terminal  # noqa: E402


class WithoutAPipeline(ReplTest):
    def test_what_cannot_be_reached_is_said_and_the_shell_lives(self):
        terminal = self.start("--bootstrap-servers", "127.0.0.1:1", columns=120)
        terminal.enter("\\topic --timeout 1s")
        self.assertIn("error: cannot reach Kafka at 127.0.0.1:1", terminal.screen.text())
        terminal.enter("\\topic views --from soon")
        self.assertIn("error: --from is beginning, end, an offset", terminal.screen.text())
        terminal.enter("\\proof --quik")
        self.assertIn("error: Unknown option '--quik'", terminal.screen.text())
        terminal.enter("SELECT 'alive' AS state;")
        self.assertIn("| alive |", terminal.screen.text())

    def test_ctrl_c_ends_the_waiting_for_kafka(self):
        terminal = self.start("--bootstrap-servers", "127.0.0.1:1")
        terminal.send("\\topic --timeout 1h\r")
        terminal.wait_until(lambda: not terminal.is_editing(), "the command to run")
        terminal.interrupt()
        terminal.enter("SELECT 'alive' AS state;")
        self.assertIn("| alive |", terminal.screen.text())

    def test_a_script_ends_with_them(self):
        done = self.script("\\topic --timeout 200ms\nSELECT 1;\n", "--bootstrap-servers", "127.0.0.1:1")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"cannot reach Kafka", done.stderr)


class InTheDemo(unittest.TestCase):
    def test_they_know_the_demos_broker_state_and_warehouse(self):
        with tempfile.TemporaryDirectory(prefix="pageviews-demo-test-") as folder:
            environment = {"PATH": os.environ["PATH"], "HOME": folder, "TMPDIR": folder, "TERM": "xterm",
                           "LANG": "C.UTF-8", "NO_COLOR": "1"}
            terminal = Terminal([BINARY, "demo", "--rate", "200", "--seed", "5", "--export-interval", "1s"],
                                environment, 60, 120)
            self.addCleanup(terminal.close)
            terminal.settle()
            # The sum includes rows that the service exports while the proof runs.
            deadline, exports = time.monotonic() + 60, 0
            while exports < 2:
                self.assertLess(time.monotonic(), deadline, "two exports take a second each")
                terminal.enter("SELECT 'exports ' || count(*) AS n FROM exports WHERE state = 'committed';")
                exports = int(re.findall(r"exports (\d+)", terminal.screen.text())[-1])
            terminal.enter("\\topic")
            self.assertRegex(terminal.screen.text(), r"\| pageviews +\| +3 \| +0 \| +\d+ \| +\d+ \| state ")
            terminal.enter("\\topic pageviews 2")
            self.assertRegex(terminal.screen.text(), r'\n  "postcode": "\w+",\n')
            self.assertIn("(2 messages", terminal.screen.text())
            terminal.enter("\\proof")
            self.assertRegex(terminal.screen.text(), r"all \d+ checks are equal")
            terminal.send("\\topic pageviews --follow\r")
            terminal.wait_until(lambda: terminal.screen.text().count('"user_id"') > 5, "messages")
            terminal.interrupt()
            terminal.enter("\\watermark")
            self.assertRegex(terminal.screen.text(), r"moved last by the event of \S+ in partition \d, offset \d+")
            terminal.send("\\q\r")
            self.assertEqual(terminal.exit_code(), 0)


if __name__ == "__main__":
    unittest.main()
