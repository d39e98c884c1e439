"""The prompt without a terminal, and its errors."""

import os
import random
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from case import BINARY, ENDLESS, START, ReplTest  # noqa: E402

class Scripts(ReplTest):
    """Without a terminal."""

    def test_a_script_stops_at_its_first_error(self):
        done = self.script("SELECT 1 AS a;\nSELECT\n  nope;\nSELECT 2;\n")
        self.assertEqual((done.returncode, done.stdout), (1, b"a\n1\n"))
        self.assertEqual(done.stderr.decode(), "error: no such column: nope\nline 3:   nope\n          ^\n")

    def test_keep_going(self):
        done = self.script("SELECT nope;\n\\nope\nSELECT 2 AS b", "--keep-going")
        self.assertEqual((done.returncode, done.stdout), (1, b"b\n2\n"))

    def test_commands_and_options_in_scripts(self):
        done = self.script(".mode csv\n\\set n 5\nSELECT :n AS n, :p AS p;\n\\q\nSELECT 1;\n", "--param", "p=x y")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"n,p\r\n5,x y\r\n", b""))

    def test_c_and_file(self):
        done = self.script("", "-c", "SELECT 1 AS a", "-c", ".mode json", "-c", "SELECT 2 AS b")
        # -c joins its parts with line breaks; the first statement has no semicolon.
        self.assertEqual(done.returncode, 1)
        done = self.script("", "-c", "SELECT 1 AS a;", "-c", ".mode json", "-c", "SELECT 2 AS b")
        self.assertEqual((done.returncode, done.stdout), (0, b"a\n1\n[{\"b\":2}]\n"))
        with open(os.path.join(self.folder, "s.sql"), "w") as file:
            file.write("SELECT 3 AS c;")
        done = self.script("", "--file", "s.sql")
        self.assertEqual((done.returncode, done.stdout), (0, b"c\n3\n"))
        self.assertFalse(os.path.exists(os.path.join(self.home, ".pageviews_history")))

    def test_a_deadline_in_a_script(self):
        done = self.script(ENDLESS, "--timeout", "100ms")
        self.assertEqual(done.returncode, 3)
        self.assertIn(b"ended after 100 ms", done.stderr)

    def test_an_interrupt_in_a_script(self):
        process = subprocess.Popen(
            [BINARY, "repl", "--state", "state.db"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, cwd=self.folder, env=self.environment())
        process.stdin.write(b"SELECT 1 AS a;\n" + ENDLESS.encode() + b"\n")
        process.stdin.flush()
        self.assertEqual(process.stdout.readline(), b"a\n")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(20), 3)
        process.communicate()

    def test_all_rows_are_written(self):
        sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) SELECT i FROM n;"
        self.assertEqual(self.script(sql).stdout.count(b"\n"), 50001)
        self.assertEqual(self.script(sql, "--max-rows", "7").stdout.count(b"\n"), 8)

    def test_random_input_never_breaks_it(self):
        seed = int.from_bytes(os.urandom(4), "big")
        choose = random.Random(seed)
        parts = ["SELECT 1", ";", "'", '"', "--", "/*", "*/", "\\", "\\x", ".mode", " csv", "\\gset", "\\param", "\\f",
                 "\n", " ", "\\window", "\\chart", "é", "\x00", "\x1b", "(", ")", "\\history", ".", "\\?", "select",
                 "*", "from", "counts",
                 "\\last", "\\copy", " to ", "\\p", "\\r", "\\g", "$a", ":b", "\\begin", "\\end", "\\lag", "\\watermark"]
        text = "".join(choose.choice(parts) for _ in range(1500)).replace("\\copy", "\\coopy")
        before = self.fingerprint()
        done = self.script(text, "--keep-going", "--timeout", "2s")
        self.assertIn(done.returncode, (0, 1), f"seed {seed}: {done.stderr[-500:]}")
        self.assertEqual(before, self.fingerprint(), f"seed {seed}")


class Safety(ReplTest):
    def test_hostile_statements_leave_the_shell_alive_and_the_file_unchanged(self):
        hostile = [
            "ATTACH 'x.db' AS x;", "VACUUM INTO 'y.db';", "PRAGMA journal_mode = DELETE;",
            "PRAGMA writable_schema = 1;", "UPDATE sqlite_schema SET sql = '';", "SELECT load_extension('x');",
            "SELECT fts3_tokenizer('simple', x'00');",
            ENDLESS, "SELECT hex(zeroblob(900000000));", "SELECT printf('%2000000000d', 1);",
            "SELECT group_concat(printf('%9999d', a.count)) FROM counts a, counts b, counts c;",
            "SELECT " + "(" * 3000 + "1" + ")" * 3000 + ";", "SELECT randomblob(2000000000);",
            "CREATE TEMP TABLE t(a);", "PRAGMA wal_checkpoint(TRUNCATE);", "DROP TABLE counts;",
        ]
        before = self.fingerprint()
        terminal = self.start("--timeout", "300ms", "--memory-limit", "64MiB", rows=200)
        for statement in hostile:
            seen = terminal.screen.text().count("error: ")
            terminal.enter(statement)
            self.assertGreater(terminal.screen.text().count("error: "), seen, statement[:80])
        terminal.enter("SELECT 'alive' AS state;")
        self.assertIn("| alive |", terminal.screen.text())
        self.assertEqual(self.fingerprint(), before)
        self.assertEqual(sorted(name for name in os.listdir(self.folder) if name.endswith(".db")), ["state.db"])

    def test_an_idle_prompt_does_not_hold_the_log_and_a_snapshot_does_until_its_deadline(self):
        terminal = self.start()
        terminal.enter("SELECT * FROM postcode_view_count LIMIT 3;")
        self.assertEqual(self.state.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0], 0)
        terminal.enter("\\begin 2s", "pageviews*> ")
        self.state.db.execute("UPDATE counts SET count = count + 1")
        _, frames, written = self.state.db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        self.assertLess(written, frames)
        terminal.wait_until(
            lambda: self.state.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0,
            "the end of the snapshot")
        terminal.enter("")

    def test_live_counts(self):
        terminal = self.start()
        for more in range(3):
            terminal.enter(f"SELECT sum(count) - {more} AS views FROM postcode_view_count;")
            self.state.db.execute(
                "UPDATE counts SET count = count + 1 WHERE postcode = 'N1' AND window_start = ?", [START])
        rows = [line for line in terminal.screen.text().split("\n") if line.startswith("|  ")]
        self.assertEqual(len(rows), 3)
        self.assertEqual(len(set(rows)), 1)


if __name__ == "__main__":
    unittest.main()
