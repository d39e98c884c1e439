"""Makes a state file like the program's, with the same rows every time.

The schema comes from the program, which shows empty tables while there is no state.
"""

import json
import os
import sqlite3
import subprocess


class State:
    """A state file and a connection that writes it."""

    def __init__(self, folder, binary):
        self.path = os.path.join(folder, "state.db")
        shown = subprocess.run(
            [binary, "query", "--state", self.path, "--format", "json",
             "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type = 'view'"],
            check=True, capture_output=True).stdout
        self.db = sqlite3.connect(self.path, isolation_level=None)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA wal_autocheckpoint = 0")
        for row in json.loads(shown):
            if "sqlite_sequence" not in row["sql"]:
                self.db.execute(row["sql"])

    def insert(self, table, **values):
        """Adds a row; omitted columns that may not be NULL get 0 or an empty text."""
        for _, name, kind, not_null, default, key in self.db.execute(f"PRAGMA table_info({table})").fetchall():
            if not_null and name not in values and default is None:
                values[name] = 0 if kind == "INTEGER" else b"" if kind == "BLOB" else ""
        marks = ", ".join("?" * len(values))
        self.db.execute(f"INSERT OR REPLACE INTO {table}({', '.join(values)}) VALUES({marks})", list(values.values()))

    def fill(self, start, minutes=60, postcodes=("SW19", "N1", "EC1A", "W1A", "SE10")):
        """Counts of `minutes` windows from `start` (seconds), with a late and a rejected event and two exports."""
        self.insert("meta", key="topic", value="pageviews")
        self.insert("meta", key="watermark_delay_ms", value="20000")
        end = start + minutes * 60
        self.insert("progress", id=1, generation=9, watermark_ms=(end - 90) * 1000, final_before_s=end - 120,
                    flushed_at_ms=end * 1000)
        for partition in range(2):
            self.insert("partition_progress", kafka_partition=partition, next_offset=1000 + partition,
                        high_watermark_offset=1010, max_event_time_ms=(end - 70 * (1 - partition)) * 1000, idle=0,
                        consumed=1000 + partition, counted=998 + partition, late=1 - partition, rejected=1,
                        max_event_offset=990 + partition)
        self.db.execute("BEGIN")
        for minute in range(minutes):
            window = start + minute * 60
            text = self.db.execute("SELECT strftime('%Y-%m-%dT%H:%M:%SZ', ?, 'unixepoch')", [window]).fetchone()[0]
            self.insert("windows", window_start=window, timestamp=text, generation=1 + minute // 10)
            for place, postcode in enumerate(postcodes):
                count = 5 + (minute * 7 + place * 13) % 40 + 20 * (place == 0)
                self.insert("counts", window_start=window, postcode=postcode, count=count, generation=1 + minute // 10)
        self.insert("late", id=1, kafka_partition=0, kafka_offset=41, user_id=7, postcode="SW19", webpage="/a.html",
                    event_time_us=start * 1000000 + 5000000, window_start=start, lateness_ms=90000000,
                    received_at_ms=end * 1000, published_at_ms=end * 1000 + 200)
        self.insert("rejected", id=1, kafka_partition=1, kafka_offset=17, reason="not JSON", byte_position=3,
                    excerpt='{"p\x1b[31m', received_at_ms=end * 1000)
        for minute in range(minutes):
            self.insert("exported", window_start=start + minute * 60, postcode=postcodes[0],
                        count=25 + (minute * 7) % 40)
        for generation in (3, 6):
            self.insert("export", commit_id=str(generation), table_name="postcode_view_count",
                        generation=generation,
                        snapshot_id=1000 + generation, committed_at_ms=(start + generation * 600) * 1000, rows_added=50,
                        rows_deleted=generation, state="committed")
        self.insert("incident", at_ms=end * 1000, kind="lost offsets", detail="partition 0: 5 to 9")
        self.db.execute("COMMIT")
