"""Keys at the prompt."""

import os
import signal
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from case import ENDLESS, ReplTest  # noqa: E402

class Keys(ReplTest):
    """Keys."""

    def test_tab_completes_by_context(self):
        terminal = self.start("--no-pager", columns=100)
        for typed, expected in [
            ("SELECT * FROM postcode_v\t", "SELECT * FROM postcode_view_count "),
            ("SELECT lateness\t", "SELECT lateness_ms "),
            ("sel\t", "select "),
            ("SEL\t", "SELECT "),
            ("SELECT 1 FROM late_events WHERE postcode = 'SW\t", "SELECT 1 FROM late_events WHERE postcode = 'SW19'"),
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
                    terminal.wait_until(
                        lambda: line().rstrip() == wanted.rstrip() and terminal.screen.column == len(wanted), expected)
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

    def test_ctrl_c_right_after_a_key_is_never_lost(self):
        """After the signal the terminal discards its queue, so a key that `poll` has announced may be gone."""
        terminal = self.start()
        for _ in range(40):
            terminal.send("'open")
            terminal.interrupt()
        terminal.enter("SELECT 42 AS answer;")
        self.assertIn("42", terminal.screen.text())

    def test_the_end_of_the_terminal_ends_the_shell(self):
        terminal = self.start()
        os.close(terminal.master)
        end = time.monotonic() + terminal.TIMEOUT
        while not os.waitpid(terminal.pid, os.WNOHANG)[0]:
            self.assertLess(time.monotonic(), end, "the program did not end")
            time.sleep(0.01)
        terminal.master, terminal.status = os.open(os.devnull, os.O_RDONLY), 0

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
        self.state.insert("late", id=2, kafka_partition=0, kafka_offset=42, postcode="N1", event_time_us=1)
        terminal.wait_for("| 2 |")
        terminal.interrupt()

    def test_a_dumb_terminal_gets_no_escape_sequence(self):
        terminal = self.start(TERM="dumb")
        terminal.send("SELECT 42 AS answer \\watch 0.1 2\r")
        terminal.wait_until(lambda: terminal.screen.text().count("|     42 |") == 2, "two rounds")
        terminal.settle()
        self.assertNotIn(b"\x1b", terminal.seen)

    def test_ctrl_c_ends_a_long_output(self):
        terminal = self.start("--no-pager")
        numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        terminal.send(f"{numbers} SELECT i, 'x' FROM n LIMIT 10000;\r")
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

    def test_wide_characters_are_edited_whole_also_without_a_locale(self):
        for locale in ({"LANG": "C.UTF-8"}, {"LANG": ""}):
            terminal = self.start(**locale)
            # Erases two characters at the end: the quote and the wide letter before it.
            terminal.send("SELECT '東京é都'\x7f\x7f")
            terminal.enter("' AS city;")
            self.assertIn("| 東京é |", terminal.screen.text())
            terminal.send("\x04")
            self.assertEqual(terminal.exit_code(), 0)

    def test_the_users_key_bindings_hold(self):
        with open(os.path.join(self.home, ".inputrc"), "w") as file:
            file.write('$if pageviews\n"\\C-t": "SELECT 77 AS bound;"\n$endif\n')
        terminal = self.start()
        terminal.send("\x14")
        terminal.wait_for("SELECT 77 AS bound;")
        terminal.send("\r")
        terminal.wait_for("|    77 |")


if __name__ == "__main__":
    unittest.main()
