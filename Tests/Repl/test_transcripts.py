"""The output of each command, pinned in files."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from case import ReplTest  # noqa: E402

class Transcripts(ReplTest):
    """The output of each command."""

    FEW = "SELECT * FROM postcode_view_count WHERE timestamp = '2021-01-26T12:04:00Z' ORDER BY count DESC LIMIT 3;"

    def test_formats(self):
        lines = []
        for name in ("table", "box", "line", "csv", "tsv", "json", "jsonl", "markdown", "html"):
            lines += [".mode " + name, self.FEW]
        self.transcript("formats", lines, columns=110)

    def test_schema_commands(self):
        # The state defines the views; only the prompt's own view is pinned.
        self.transcript("schema", ["\\d history", "\\d postcode_veiw_count", "\\dt", ".tables event", "\\df inst*",
                                   ".indexes late", "SHOW TABLES;", "\\summary SELECT 1.5 AS a UNION ALL SELECT NULL"])

    def test_pipeline_commands(self):
        self.transcript("pipeline", ["\\lag", "\\late", "\\rejected 5", "\\exports", "\\incidents",
                                     "\\window SW19 2021-01-26T12:04", "\\window SW19 2021-01-26T12:59:30Z",
                                     "\\window SW19",
                                     "\\late many"], columns=110)

    def test_errors(self):
        self.transcript("errors", [
            "SELECT postcod FROM postcode_view_count;", "SELECT * FROM late_event;",
            "SELECT postcode frm late_events;", "SELECT * FROM late_events WHERE postcode = SW19;",
            "DELETE FROM counts;", "ATTACH 'x' AS y;", "BEGIN;", "\\lagg",
            ".modes", ".mode tabel", "\\pset fromat csv", "\\x maybe", "SELECT :missing;",
            "\\i nothing.sql", "\\window",
            "\\f busy", "\\gset", "\\copy", "\\last", "\\chart", "\\begin 5y", "\\end", "\\o state.db", "\\watch 0"])

    def test_settings(self):
        self.transcript("settings", [
            ".show", "\\timing", "\\timing off", "\\x on", "SELECT 1 AS a, NULL AS b;", "\\x auto",
            "\\pset null -", ".headers off",
            "SELECT 1 AS a, NULL AS b;", "\\pset header on", "\\pset width 8",
            "SELECT 'a long text' AS a, '東京都庁舎です' AS b;",
            "\\last", "\\pset", "\\pset format", ".nullvalue"])

    def test_parameters(self):
        self.transcript("parameters", [
            "\\param postcode SW19", ".param set limit 2", "\\set text 'it''s'", "\\param",
            "SELECT :text AS t, @limit + 1 AS n;",
            "SELECT timestamp, count FROM postcode_view_count WHERE postcode = :postcode ORDER BY 1 LIMIT :limit;",
            "SELECT max(count) AS most, min(count) AS least FROM postcode_view_count \\gset m_", "\\param",
            "SELECT :m_most - :m_least AS span;", "\\unset text", "\\unset text", ".param clear", ".param list"])

    def test_statements(self):
        self.transcript("statements", [
            "SELECT 1 AS a; SELECT 2 AS b;", "SELECT 3 AS c \\g", "SELECT 4 AS d \\gx",
            ("SELECT 5 AS e", "      ...> "), ("\\p", "      ...> "), "\\r",
            "SELECT 6 AS f;", "\\f", "\\fs mine SELECT :n + 1 AS more", "\\f mine n=41", "\\fd mine", "\\f mine",
            "SELECT count(*) AS entries FROM history;", "\\history 3", "\\echo a 'b  c'",
            ("help me", "      ...> "), "\\r", ".print x"], columns=110)

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


if __name__ == "__main__":
    unittest.main()
