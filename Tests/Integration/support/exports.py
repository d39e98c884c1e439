"""Derives the expected contents of exported tables from the topic alone, and checks them."""
import collections
import itertools
import json
from collections.abc import Callable, Sequence

from . import oracle
from .kafka import Record, Topic
from .lake import COUNTS, RAW, Rows, Warehouse, offsets, summary
from .oracle import Rules
from .state import State
from .wait import eventually

Records = Sequence[Sequence[Record]]


def counts_of(state: State) -> Rows:
    return sorted(((postcode, start * 1000, count) for (postcode, start), count in state.counts().items()), key=repr)


def expected_counts(records: Records, ends: dict[int, int], rules: Rules = Rules()) -> Rows:
    """The counts after the records below `ends`; exact for a topic of one partition."""
    assert len(records) == 1
    expected = oracle.count([[record for record in records[0] if record.offset < ends.get(0, 0)]], rules)
    return sorted(((postcode, start * 1000, count) for (postcode, start), count in expected.counts.items()), key=repr)


def expected_raw(records: Records, late: set[tuple[int, int]], ends: dict[int, int] | None = None) -> Rows:
    """One row for each valid record, below `ends` if given."""
    rows: Rows = []
    for record in itertools.chain.from_iterable(records):
        event = oracle.parse(record.value)
        if event is None or (ends is not None and record.offset >= ends.get(record.partition, 0)):
            continue
        body = json.loads(record.value or b'')
        user, number = body.get('user_id'), oracle.whole_number(body['timestamp']) or 0
        scale = 1_000_000 if number < 10**11 else 1000 if number < 10**14 else 1
        place = (record.partition, record.offset)
        rows.append((None if user is None else oracle.whole_number(user), event.postcode, body.get('webpage'),
                     number * scale, *place, place in late))
    return sorted(rows, key=repr)


def expected_lines(records: Records) -> collections.Counter[bytes]:
    return collections.Counter(
        (record.value or b'').replace(b'\n', b' ').replace(b'\r', b' ')
        for record in itertools.chain.from_iterable(records) if oracle.parse(record.value) is not None)


def ends_of(warehouse: Warehouse, name: str) -> dict[int, int]:
    """The offsets at which a table ends, exclusive."""
    ends: dict[int, int] = {}
    for snapshot in warehouse.ours(name) if warehouse.has(name) else []:
        ends |= {partition: end for partition, (_, end) in offsets(snapshot).items()}
    return ends


def wait_exported(warehouse: Warehouse, records: int, seconds: float = 60, tables: Sequence[str] = (COUNTS, RAW)) -> None:
    """Waits until the tables cover `records` records in total."""
    for name in tables:
        eventually(lambda: sum(ends_of(warehouse, name).values()) >= records,
                   f'{name} to cover {records} records', seconds, every=0.1)


def check_tables(warehouse: Warehouse, state: State, records: Records, *, lines: bool = True,
                 counts: str = COUNTS, raw: str = RAW, evicted_before_ms: int = 0) -> None:
    """Checks that both tables and the JSON lines hold every record once, with both readers, the query command and the oracle.

    The state may lack the counts of windows that start before `evicted_before_ms`, if the topic has one partition.
    """
    local = wanted_counts = counts_of(state)
    late = set(state.late())
    if len(records) == 1:
        wanted_counts = expected_counts(records, {0: len(records[0])})
        differ(local, [row for row in wanted_counts if row[1] >= evicted_before_ms * 1000], 'the state')
        assert late == set(oracle.count(records).late)
    for read in (warehouse.by_pyiceberg, warehouse.by_duckdb):
        differ(read(counts), wanted_counts, f'{counts} by {read.__name__}')
        differ(read(raw), expected_raw(records, late), f'{raw} by {read.__name__}')
    if lines:
        found = collections.Counter(warehouse.json_lines())
        wanted = expected_lines(records)
        assert found == wanted, (f'lines missing: {list((wanted - found).items())[:3]}, '
                                 f'too many: {list((found - wanted).items())[:3]}')
    check_history(warehouse, counts)
    check_history(warehouse, raw)


def differ(found: Rows, wanted: Rows, what: str) -> None:
    """Fails with a few of the differences."""
    if found != wanted:
        a, b = collections.Counter(found), collections.Counter(wanted)
        raise AssertionError(f'{what}: {len(found)} rows, expected {len(wanted)}; missing {list((b - a).items())[:4]}; '
                             f'too many {list((a - b).items())[:4]}')


def check_history(warehouse: Warehouse, name: str) -> None:
    """Checks that each snapshot of ours begins where the one before ended, and that no commit appears twice."""
    ends: dict[int, int] = {}
    ids, generations = [], []
    for snapshot in warehouse.ours(name):
        facts = summary(snapshot)
        ids.append(facts['pageviews.commit-id'])
        generations.append(int(facts['pageviews.generation']))
        for partition, (first, end) in offsets(snapshot).items():
            assert first == ends.get(partition, first) and first <= end, f'{name}: {facts}'
            ends[partition] = end
    assert len(ids) == len(set(ids)), f'{name}: a commit is there twice: {ids}'
    assert generations == sorted(generations), f'{name}: {generations}'


def check_every_generation(warehouse: Warehouse, records: Records) -> int:
    """Checks that every snapshot of both tables, rewrites included, equals the oracle's result for the offsets
    that it covers. Returns the number of generations of the counts table.
    """
    late = set(oracle.count(records).late)
    for name in (COUNTS, RAW):
        ends: dict[int, int] = {}
        for snapshot in warehouse.snapshots(name):
            ends |= {partition: end for partition, (_, end) in offsets(snapshot).items()}
            wanted = expected_counts(records, ends) if name == COUNTS else expected_raw(records, late, ends)
            for read in (warehouse.by_pyiceberg, warehouse.by_duckdb):
                differ(read(name, snapshot.snapshot_id), wanted, f'{name} {summary(snapshot)} by {read.__name__}')
    return len(warehouse.ours(COUNTS))


def produce_in_rounds(topic: Topic, values: Sequence[bytes], size: int, after: Callable[[int], None]) -> None:
    """Sends `size` values at a time and calls `after` with the number sent so far."""
    sent = 0
    for start in range(0, len(values), size):
        sent += topic.produce(values[start:start + size])
        after(sent)
