"""The prompt as a person meets it, on a pseudo-terminal, with transcripts pinned in files.

Run: python -m unittest discover Tests/Repl   (PAGEVIEWS_BINARY names the program; PAGEVIEWS_PIN=1 rewrites transcripts)
"""

import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from state import State  # noqa: E402
from terminal import Terminal  # noqa: E402

BINARY = os.environ.get("PAGEVIEWS_BINARY") or os.path.join(HERE, "../../.build/debug/pageviews")
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
        if os.environ.get("PAGEVIEWS_PIN") == "1":
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


class Transcripts(ReplTest):
    """What each command shows."""

    FEW = "SELECT * FROM postcode_view_count WHERE timestamp = '2021-01-26T12:04:00Z' ORDER BY count DESC LIMIT 3;"

    def test_formats(self):
        lines = []
        for name in ("table", "box", "line", "csv", "tsv", "json", "jsonl", "markdown", "html"):
            lines += [".mode " + name, self.FEW]
        self.transcript("formats", lines, columns=110)

    def test_schema_commands(self):
        self.transcript("schema", ["\\d postcode_view_count", "\\d postcode_veiw_count", ".tables event", "\\df inst",
                                   ".indexes", ".schema incidents"], columns=110)

    def test_pipeline_commands(self):
        self.transcript("pipeline", ["\\lag", "\\late", "\\rejected 5", "\\exports", "\\incidents",
                                     "\\window SW19 2021-01-26T12:04", "\\window SW19 2021-01-26T12:59:30Z", "\\window SW19",
                                     "\\late many", "\\proof", "\\topic"], columns=110)

    def test_errors(self):
        self.transcript("errors", [
            "SELECT postcod FROM postcode_view_count;", "SELECT * FROM late_event;", "SELECT postcode frm late_events;",
            "SELECT * FROM late_events WHERE postcode = SW19;", "DELETE FROM counts;", "ATTACH 'x' AS y;", "BEGIN;", "\\lagg",
            ".modes", ".mode tabel", "\\pset fromat csv", "\\x maybe", "SELECT :missing;", "\\i nothing.sql", "\\window",
            "\\f busy", "\\gset", "\\copy", "\\last", "\\chart", "\\begin 5y", "\\end", "\\o state.db", "\\watch 0"])

    def test_settings(self):
        self.transcript("settings", [
            ".show", "\\timing", "\\timing off", "\\x on", "SELECT 1 AS a, NULL AS b;", "\\x auto", "\\pset null -", ".headers off",
            "SELECT 1 AS a, NULL AS b;", "\\pset header on", "\\pset width 8", "SELECT 'a long text' AS a, '東京都庁舎です' AS b;",
            "\\last", "\\pset", "\\pset format", ".nullvalue"])

    def test_parameters(self):
        self.transcript("parameters", [
            "\\param postcode SW19", ".param set limit 2", "\\set text 'it''s'", "\\param", "SELECT :text AS t, @limit + 1 AS n;",
            "SELECT timestamp, count FROM postcode_view_count WHERE postcode = :postcode ORDER BY 1 LIMIT :limit;",
            "SELECT max(count) AS most, min(count) AS least FROM postcode_view_count \\gset m_", "\\param",
            "SELECT :m_most - :m_least AS span;", "\\unset text", "\\unset text", ".param clear", ".param list"])

    def test_statements(self):
        self.transcript("statements", [
            "SELECT 1 AS a; SELECT 2 AS b;", "SELECT 3 AS c \\g", "SELECT 4 AS d \\gx", ("SELECT 5 AS e", "      ...> "), ("\\p", "      ...> "), "\\r",
            "SELECT 6 AS f;", "\\f", "\\fs mine SELECT :n + 1 AS more", "\\f mine n=41", "\\fd mine", "\\f mine",
            "SELECT count(*) AS entries FROM history;", "\\history 3", "\\echo a 'b  c'", ("help me", "      ...> "), "\\r", ".print x"], columns=110)

    def test_charts(self):
        self.transcript("charts", [
            "SELECT postcode, sum(count) AS views FROM postcode_view_count GROUP BY 1 ORDER BY 2 DESC;", "\\chart",
            "SELECT timestamp, sum(count) AS views FROM postcode_view_count GROUP BY 1 \\chart line",
            "\\chart bar timestamp nothing", "SELECT 'x' AS a;", "\\chart"], columns=70)

    def test_help(self):
        self.transcript("help", ["\\?", "\\? watch", ".help mode", "\\? wtach"], columns=120)

    def test_wide_characters(self):
        self.transcript("wide", [
            "SELECT '東京' AS city, 1 AS n UNION ALL SELECT 'e\u0301te\u0301', 22 UNION ALL SELECT '👍', 333;",
            "SELECT char(27) || '[31mred' || char(7) AS evil;", "\\chart"])


class Keys(ReplTest):
    """What the keyboard does."""

    def test_tab_completes_by_context(self):
        terminal = self.start("--no-pager", columns=100)
        for typed, expected in [
            ("SELECT * FROM postcode_v\t", "SELECT * FROM postcode_view_count "),
            ("SELECT lateness\t", "SELECT lateness_ms "),
            ("sel\t", "select "),
            ("SEL\t", "SELECT "),
            ("SELECT count(*) FROM late_events WHERE postcode = 'SW\t", "SELECT count(*) FROM late_events WHERE postcode = 'SW19'"),
            ("SELECT 1 FROM late_events WHERE postcode = ec\t", "SELECT 1 FROM late_events WHERE postcode = 'EC1A' "),
            ("SELECT json_group_ar\t", "SELECT json_group_array("),
            ("SELECT l.lateness\t", "SELECT l.lateness_ms"),
            ("\\waterm\t", "\\watermark "),
            (".tab\t", ".tables "),
            ("\\d rejected_\t", "\\d rejected_events "),
            ("\\window EC\t", "\\window EC1A "),
            ("\\i hom\t", "\\i home/"),
            (".mode mark\t", ".mode markdown "),
            ("\\f busi\t", "\\f busiest "),
            ("SELECT 1 \\watc\t", "SELECT 1 \\watch "),
        ]:
            with self.subTest(typed):
                terminal.send(typed)
                line = lambda: "".join(terminal.screen.lines[terminal.screen.row])  # noqa: E731
                wanted = "pageviews> " + expected
                try:
                    terminal.wait_until(lambda: line().rstrip() == wanted.rstrip() and terminal.screen.column == len(wanted),
                                        f"{expected!r}")
                finally:
                    terminal.interrupt()

    def test_tab_lists_what_is_possible(self):
        terminal = self.start("--no-pager")
        terminal.send("SELECT * FROM \t\t")
        terminal.wait_for("rejected_events")
        terminal.wait_for("postcode_view_count")

    def test_ctrl_c_clears_a_line_and_never_ends_the_shell(self):
        terminal = self.start()
        for _ in range(5):
            terminal.enter("SELECT 1,", "      ...> ")
            terminal.send("'open")
            terminal.interrupt()
        terminal.enter("SELECT 42 AS answer;")
        self.assertIn("42", terminal.screen.text())
        terminal.send("\x04")
        self.assertEqual(terminal.exit_code(), 0)

    def test_ctrl_c_ends_the_running_statement_only(self):
        terminal = self.start()
        terminal.send(ENDLESS + "\r")
        terminal.wait_until(lambda: not terminal.is_editing(), "the statement to run")
        terminal.interrupt()
        self.assertIn("interrupted", terminal.screen.text())
        terminal.enter("SELECT 'alive' AS state;")
        self.assertIn("| alive |", terminal.screen.text())

    def test_ctrl_c_ends_watch(self):
        terminal = self.start()
        terminal.send("SELECT count(*) AS n FROM late_events; \\watch 0.1\r")
        terminal.wait_for("every 100 ms; Ctrl-C ends")
        self.state.insert("late", id=2, kafka_partition=0, kafka_offset=42, postcode="N1", event_time_us=1, lateness_ms=1)
        terminal.wait_for("| 2 |")
        terminal.interrupt()

    def test_ctrl_c_ends_a_long_output(self):
        terminal = self.start("--no-pager")
        terminal.send("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, 'x' FROM n LIMIT 10000;\r")
        terminal.wait_for("|   100 | x")
        terminal.interrupt()
        terminal.enter("SELECT 'alive' AS state;")
        self.assertIn("| alive |", terminal.screen.text())

    def test_termination_ends_the_shell_and_leaves_the_terminal_as_it_was(self):
        terminal = self.start()
        os.kill(terminal.pid, signal.SIGTERM)
        self.assertEqual(terminal.exit_code(), 3)
        self.assertFalse(terminal.is_editing())

    def test_ctrl_r_searches_the_history(self):
        terminal = self.start()
        terminal.enter("SELECT 'needle' AS found;")
        terminal.enter("SELECT 2;")
        terminal.send("\x12needle")
        terminal.wait_for("(reverse-i-search)`needle': SELECT 'needle' AS found;")
        terminal.enter("")
        self.assertEqual(terminal.screen.text().count("| needle |"), 2)

    def test_ctrl_c_during_a_search_clears_it(self):
        terminal = self.start()
        terminal.enter("SELECT 1;")
        terminal.send("\x12SEL")
        terminal.wait_for("reverse-i-search")
        terminal.interrupt()
        terminal.enter("SELECT 7 AS n;")
        self.assertIn("| 7 |", terminal.screen.text())

    def test_a_statement_of_several_lines_comes_back_whole(self):
        terminal = self.start()
        terminal.enter("SELECT 1", "      ...> ")
        terminal.enter("+ 41 AS sum;")
        terminal.enter("\x10")
        self.assertEqual(terminal.screen.text().count("|  42 |"), 2)

    def test_resize(self):
        terminal = self.start("--no-pager", columns=100)
        wide = "SELECT " + ", ".join(f"{i} AS column_{i}" for i in range(7)) + ";"
        terminal.enter(wide)
        self.assertIn("| column_0 | column_1", terminal.screen.text())
        terminal.resize(20, 60)
        terminal.enter(wide)
        self.assertIn("column_6 = 6", terminal.screen.text())

    def test_a_hundred_columns_on_eighty(self):
        terminal = self.start("--no-pager")
        terminal.enter("SELECT " + ", ".join(f"{i} AS c{i}" for i in range(100)) + ";")
        self.assertIn("c99 = 99", terminal.screen.text())
        self.assertTrue(all(len(line) <= 80 for line in terminal.screen.text().split("\n")))

    def paste(self, terminal, bracketed):
        lines = ["SELECT count(*) AS lines, sum(v) AS total FROM (SELECT 0 AS v"]
        lines += [f"UNION ALL SELECT {i} -- line; {i}" for i in range(1, 60)] + [");"]
        text = "".join(line + "\n" for line in lines)
        text += "".join(f"SELECT {i} AS n;\n" for i in range(939))
        terminal.send(f"\x1b[200~{text}\x1b[201~\r" if bracketed else text.replace("\n", "\r"))
        terminal.wait_for("|    60 |  1770 |")
        terminal.wait_for("| 938 |")
        terminal.settle()
        self.assertNotIn("error", terminal.screen.text())

    def test_a_thousand_lines_pasted(self):
        self.paste(self.start("--no-pager"), bracketed=True)

    def test_a_thousand_lines_typed_at_once(self):
        self.paste(self.start("--no-pager"), bracketed=False)

    def test_the_users_key_bindings_hold(self):
        with open(os.path.join(self.home, ".inputrc"), "w") as file:
            file.write('$if pageviews\n"\\C-t": "SELECT 77 AS bound;"\n$endif\n')
        terminal = self.start()
        terminal.send("\x14")
        terminal.wait_for("SELECT 77 AS bound;")
        terminal.send("\r")
        terminal.wait_for("|    77 |")


class Files(ReplTest):
    """What is kept, and who may read it."""

    def test_history_is_kept_for_the_user_alone(self):
        terminal = self.start()
        terminal.enter("SELECT 'first session' AS a;")
        terminal.send("\\q\r")
        self.assertEqual(terminal.exit_code(), 0)
        path = os.path.join(self.home, ".pageviews_history")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        os.chmod(path, 0o644)
        again = self.start()
        again.enter("SELECT statement FROM history WHERE statement LIKE '%first%' AND number = 1;")
        self.assertIn("| SELECT 'first session' AS a; |", again.screen.text())
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)

    def test_results_go_to_files(self):
        terminal = self.start()
        terminal.enter("\\copy postcode_view_count to counts.csv")
        terminal.enter("\\copy (SELECT postcode FROM late_events) to 'late events.json'")
        terminal.enter("\\o out.txt")
        terminal.enter(".mode csv")
        terminal.enter("SELECT 1 AS a;")
        terminal.enter("\\o")
        terminal.enter(".once once.txt")
        terminal.enter("SELECT 2 AS b;")
        terminal.enter("SELECT 3 AS c;")
        self.assertEqual(self.read("counts.csv").count("\r\n"), 301)
        self.assertEqual(json.loads(self.read("late events.json")), [{"postcode": "SW19"}])
        self.assertEqual(self.read("out.txt"), "a\r\n1\r\n")
        self.assertEqual(self.read("once.txt"), "b\r\n2\r\n")
        self.assertIn("copied 300 rows to counts.csv", terminal.screen.text())

    def test_the_editor_changes_the_statement(self):
        editor = os.path.join(self.folder, "editor")
        with open(editor, "w") as file:
            file.write("#!/bin/sh\nsed -i s/one/two/ \"$1\"\n")
        os.chmod(editor, 0o755)
        terminal = self.start(EDITOR=editor)
        terminal.enter("SELECT 'one' AS word;")
        terminal.enter("\\e")
        self.assertIn("| two  |", terminal.screen.text())

    def test_a_file_is_run_and_may_read_others(self):
        with open(os.path.join(self.folder, "inner.sql"), "w") as file:
            file.write("SELECT 'inner' AS f")
        with open(os.path.join(self.folder, "outer.sql"), "w") as file:
            file.write("\\i inner.sql\nSELECT 'outer' AS f;\n")
        with open(os.path.join(self.folder, "loop.sql"), "w") as file:
            file.write("\\i loop.sql\n")
        terminal = self.start()
        terminal.enter("\\i outer.sql")
        terminal.enter("\\i loop.sql")
        self.assertIn("| outer |", terminal.screen.text())
        self.assertIn("too deep", terminal.screen.text())

    def test_the_startup_file(self):
        with open(os.path.join(self.home, ".pageviewsrc"), "w") as file:
            file.write(".mode box\n\\pset null nothing\n")
        terminal = self.start()
        terminal.enter("SELECT NULL AS x;")
        self.assertIn("│ nothing │", terminal.screen.text())

    def test_commands_of_the_shell(self):
        terminal = self.start()
        terminal.enter("\\! echo from the shell; exit 3")
        self.assertIn("\nfrom the shell\nexit code 3\n", terminal.screen.text())


class Pager(ReplTest):
    def start_with_pager(self):
        pager = os.path.join(self.folder, "pager")
        with open(pager, "w") as file:
            file.write("#!/bin/sh\necho PAGED; cat > paged.txt\n")
        os.chmod(pager, 0o755)
        return self.start(PAGER=pager)

    def test_only_what_does_not_fit_is_paged(self):
        terminal = self.start_with_pager()
        terminal.enter("SELECT * FROM postcode_view_count LIMIT 10;")
        terminal.enter("SELECT nothing;")
        terminal.enter("SELECT 'fits' AS a;")
        self.assertNotIn("PAGED", terminal.screen.text())
        terminal.enter("SELECT * FROM postcode_view_count LIMIT 30;")
        self.assertEqual(terminal.screen.text().count("PAGED"), 1)
        with open(os.path.join(self.folder, "paged.txt")) as file:
            self.assertEqual(len(file.read().split("\n")), 36)
        terminal.enter("\\x off")
        terminal.enter("SELECT " + ", ".join(f"'value' AS a_long_name_{i}" for i in range(9)) + ";")
        self.assertEqual(terminal.screen.text().count("PAGED"), 2)

    def test_never_in_watch_and_never_for_errors(self):
        terminal = self.start_with_pager()
        terminal.enter("SELECT * FROM postcode_view_count \\watch 0.1 2")
        terminal.enter("SELECT nope, '" + "x" * 3000 + "';")
        self.assertNotIn("PAGED", terminal.screen.text())
        self.assertIn("no such column: nope", terminal.screen.text())


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
        process = subprocess.Popen([BINARY, "repl", "--state", "state.db"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
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
        parts = ["SELECT 1", ";", "'", '"', "--", "/*", "*/", "\\", "\\x", ".mode", " csv", "\\gset", "\\param", "\\f", "\n", " ",
                 "\\window", "\\chart", "é", "\x00", "\x1b", "(", ")", "\\history", ".", "\\?", "select", "*", "from", "counts",
                 "\\last", "\\copy", " to ", "\\p", "\\r", "\\g", "$a", ":b", "\\begin", "\\end", "\\lag", "\\watermark"]
        text = "".join(choose.choice(parts) for _ in range(1500)).replace("\\copy", "\\coopy")
        before = self.fingerprint()
        done = self.script(text, "--keep-going", "--timeout", "2s")
        self.assertIn(done.returncode, (0, 1), f"seed {seed}: {done.stderr[-500:]}")
        self.assertEqual(before, self.fingerprint(), f"seed {seed}")


class Safety(ReplTest):
    def test_hostile_statements_leave_the_shell_alive_and_the_file_unchanged(self):
        hostile = [
            "ATTACH 'x.db' AS x;", "VACUUM INTO 'y.db';", "PRAGMA journal_mode = DELETE;", "PRAGMA writable_schema = 1;",
            "UPDATE sqlite_schema SET sql = '';", "SELECT load_extension('x');", "SELECT fts3_tokenizer('simple', x'00');",
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
        self.assertNotEqual(self.state.db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1:],
                            self.state.db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[2:] * 2)
        terminal.wait_until(
            lambda: self.state.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0, "the end of the snapshot")
        terminal.enter("")

    def test_live_counts(self):
        terminal = self.start()
        for more in range(3):
            terminal.enter(f"SELECT sum(count) - {more} AS views FROM postcode_view_count;")
            self.state.db.execute("UPDATE counts SET count = count + 1 WHERE postcode = 'N1' AND window_start = ?", [START])
        rows = [line for line in terminal.screen.text().split("\n") if line.startswith("|  ")]
        self.assertEqual(len(rows), 3)
        self.assertEqual(len(set(rows)), 1)


if __name__ == "__main__":
    unittest.main()
