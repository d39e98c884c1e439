"""Reads the program's state with its `query` command, as a user would."""
import datetime
import json
import pathlib
from typing import Any

from . import program

Row = dict[str, Any]


def epoch_ms(text: str) -> int:
    """The milliseconds of a UTC time such as 2021-01-26T12:04:00Z."""
    moment = datetime.datetime.fromisoformat(text.replace('Z', '+00:00'))
    assert moment.utcoffset() == datetime.timedelta(0), text
    return round(moment.timestamp() * 1000)


class State:
    """One state file."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path

    def rows(self, sql: str, *options: str) -> list[Row]:
        result = program.run('query', '--state', str(self.path), '--format', 'json', *options, sql, check=True)
        return json.loads(result.out)

    def counts(self) -> dict[tuple[str, int], int]:
        rows = self.rows('SELECT postcode, timestamp, count FROM postcode_view_count')
        found = {(row['postcode'], epoch_ms(row['timestamp'])): row['count'] for row in rows}
        assert len(found) == len(rows), 'a postcode has two rows for one window'
        return found

    def late(self) -> dict[tuple[int, int], tuple[str, int]]:
        rows = self.rows('SELECT kafka_partition, kafka_offset, postcode, "window" FROM late_events')
        found = {(row['kafka_partition'], row['kafka_offset']): (row['postcode'], epoch_ms(row['window']))
                 for row in rows}
        assert len(found) == len(rows), 'an event is twice in late_events'
        return found

    def rejected(self) -> set[tuple[int, int]]:
        rows = self.rows('SELECT kafka_partition, kafka_offset FROM rejected_events')
        found = {(row['kafka_partition'], row['kafka_offset']) for row in rows}
        assert len(found) == len(rows), 'an event is twice in rejected_events'
        return found

    def partitions(self) -> dict[int, Row]:
        return {row['kafka_partition']: row for row in self.rows('SELECT * FROM partitions')}

    def consumed(self) -> int:
        """The number of consumed records; 0 while there is no state."""
        if not self.path.exists():
            return 0
        result = program.run('query', '--state', str(self.path), '--format', 'json',
                             'SELECT coalesce(sum(consumed), 0) AS n FROM partitions')
        return json.loads(result.out)[0]['n'] if result.code == 0 else 0

    def everything(self) -> dict[str, list[Row]]:
        """All rows, for comparisons before and after."""
        return {
            'counts': self.rows('SELECT * FROM postcode_view_count ORDER BY postcode, timestamp'),
            'late': self.rows('SELECT * FROM late_events ORDER BY kafka_partition, kafka_offset'),
            'rejected': self.rows('SELECT * FROM rejected_events ORDER BY kafka_partition, kafka_offset'),
            'partitions': self.rows('SELECT kafka_partition, next_offset, max_event_time, consumed, counted, late, '
                                    'rejected FROM partitions ORDER BY kafka_partition'),
        }
