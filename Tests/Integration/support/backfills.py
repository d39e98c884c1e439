"""Runs `pageviews backfill`, and derives the expected counts from the topic alone."""
import collections
import datetime
from collections.abc import Mapping

from . import oracle, program
from .exports import differ
from .kafka import Topic
from .lake import COUNTS, Rows, Warehouse
from .oracle import Rules
from .program import Result
from .state import State, epoch_ms


def run(state: State, warehouse: Warehouse, *options: str, env: Mapping[str, str] | None = None) -> Result:
    return program.run('backfill', '--state', str(state.path), *warehouse.options, *options,
                       env={**warehouse.environment, **(env or {})})


def complete(state: State, warehouse: Warehouse, *options: str) -> Result:
    """Runs a backfill that must exit 0."""
    result = run(state, warehouse, *options)
    assert result.code == 0, f'backfill ended with {result.code}:\n{result.err}'
    return result


def whole(topic: Topic, rules: Rules = Rules()) -> collections.Counter[oracle.Window]:
    """Every valid event in its window, late or not."""
    expected = oracle.count(topic.read(), rules)
    return expected.counts + collections.Counter(expected.late.values())


def rows(counts: Mapping[oracle.Window, int]) -> Rows:
    return sorted(((postcode, start * 1000, count) for (postcode, start), count in counts.items()), key=repr)


def check_table(warehouse: Warehouse, counts: Mapping[oracle.Window, int]) -> None:
    """Checks with both readers that the table of counts holds exactly these."""
    for read in (warehouse.by_pyiceberg, warehouse.by_duckdb):
        differ(read(COUNTS), rows(counts), f'{COUNTS} by {read.__name__}')


def not_backfilled(state: State) -> set[tuple[int, int]]:
    found = state.rows('SELECT kafka_partition, kafka_offset FROM late_events WHERE backfilled_at IS NULL')
    return {(row['kafka_partition'], row['kafka_offset']) for row in found}


def printed(result: Result) -> dict[oracle.Window, tuple[int, int]]:
    """The old and the new counts that a dry run printed."""
    header, *lines = result.out.splitlines()
    assert header == 'postcode\ttimestamp\told\tnew\tdifference'
    found: dict[oracle.Window, tuple[int, int]] = {}
    for line in lines:
        postcode, timestamp, old, new, difference = line.split('\t')
        assert int(new) - int(old) == int(difference)
        assert (postcode, epoch_ms(timestamp)) not in found
        found[postcode, epoch_ms(timestamp)] = int(old), int(new)
    return found


def iso(time_ms: int) -> str:
    return datetime.datetime.fromtimestamp(time_ms / 1000, datetime.UTC).strftime('%Y-%m-%dT%H:%M:%SZ')
