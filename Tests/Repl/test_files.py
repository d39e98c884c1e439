"""The prompt's files, their permissions, and the pager."""

import json
import os
import stat
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from case import ReplTest  # noqa: E402

class Files(ReplTest):
    """Files and their permissions."""

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

    def test_results_go_to_commands(self):
        terminal = self.start()
        terminal.enter(".mode tsv")
        terminal.enter("\\o |tr a-z A-Z > upper.txt")
        terminal.enter("SELECT 'one' AS word;")
        terminal.enter("SELECT 'two' AS word;")
        terminal.enter("\\o")
        # The prompt appears when the command has ended.
        self.assertEqual(self.read("upper.txt"), "WORD\nONE\nWORD\nTWO\n")
        terminal.enter("\\once | cat; exit 3")
        terminal.enter("SELECT 'shown' AS word;")
        self.assertIn("shown\n", terminal.screen.text())
        self.assertIn("exit code 3", terminal.screen.text())
        terminal.enter("\\o |")
        self.assertIn("| needs a command", terminal.screen.text())

    def test_a_command_that_has_seen_enough_is_no_error(self):
        numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT i FROM n;"
        done = self.script(f"\\o |head -n 2\n{numbers}\nSELECT 'after' AS a;\n")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(done.stdout, b"i\n1\na\nafter\n")

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


class Session(ReplTest):
    """Output about the session and the pipeline; parts of it depend on the clock."""

    def test_conninfo_names_the_state_and_the_limits(self):
        terminal = self.start("--timeout", "5s", "--max-rows", "7", "--memory-limit", "64MiB")
        terminal.enter("\\conninfo")
        for line in ("state    state.db", "access   read-only", "timeout  5 s", "rows     at most 7", "memory   64 MiB"):
            self.assertIn("\n" + line, terminal.screen.text())

    def test_begin_holds_the_data_and_end_lets_it_go(self):
        terminal = self.start()
        total = "SELECT sum(count) AS views FROM postcode_view_count;"
        terminal.enter("\\begin 30s", "pageviews*> ")
        terminal.enter(total, "pageviews*> ")
        self.state.db.execute("UPDATE counts SET count = count + 1")
        terminal.enter(total, "pageviews*> ")
        self.assertEqual(terminal.screen.text().count("|  8530 |"), 2)
        terminal.enter("\\end")
        terminal.enter(total)
        self.assertIn("|  8830 |", terminal.screen.text())

    def test_watermark_says_what_it_is_what_holds_it_and_what_moved_it(self):
        terminal = self.start(columns=100)
        terminal.enter("\\watermark")
        text = terminal.screen.text()
        self.assertRegex(text, r"watermark     2021-01-26T13:02:29.999Z, \d+ s behind the clock")
        self.assertIn("held back by  partition 0, whose newest event is the oldest", text)
        self.assertIn("moved last by the event of 2021-01-26T13:02:50Z in partition 0, offset 990", text)
        self.state.db.execute("UPDATE partition_progress SET idle = 1 WHERE kafka_partition = 0")
        terminal.enter("\\watermark")
        self.assertIn("held back by  partition 1, the only one that is not idle", terminal.screen.text())

    def test_without_a_state_the_tables_are_empty_until_it_comes(self):
        os.rename(self.state.path, self.state.path + ".away")
        terminal = self.start()
        self.assertEqual(terminal.screen.text().count("there is no state"), 0)
        terminal.enter("SELECT count(*) AS n FROM late_events;")
        self.assertIn("there is no state at state.db yet", terminal.screen.text())
        os.rename(self.state.path + ".away", self.state.path)
        terminal.enter("SELECT count(*) AS n FROM late_events;")
        self.assertIn("| 1 |", terminal.screen.text())

    def test_timing_and_folders(self):
        terminal = self.start()
        terminal.enter("\\timing on")
        terminal.enter("SELECT 1 AS a;")
        self.assertRegex(terminal.screen.text(), r"\(1 row, \d+ ms\)")
        terminal.enter("\\cd home")
        terminal.enter("\\! pwd")
        self.assertIn("/home\n", terminal.screen.text())
        # The state is unchanged.
        terminal.enter("SELECT count(*) AS rejected FROM rejected_events;")
        self.assertIn("|        1 |", terminal.screen.text())


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


if __name__ == "__main__":
    unittest.main()
