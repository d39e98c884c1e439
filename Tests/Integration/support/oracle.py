"""A naive counter that derives from a topic's records what the program must have stored.

It is written from the specification, independently of the program, and favours clarity over speed: it keeps every window in
a dictionary and handles one record at a time. All times are milliseconds since the Unix epoch.
"""
import collections
import dataclasses
import json
import math
from collections.abc import Sequence

from .kafka import Record
from .state import Row, State

Window = tuple[str, int]  # postcode, start of the window


@dataclasses.dataclass(frozen=True)
class Event:
    postcode: str
    time_ms: int


@dataclasses.dataclass(frozen=True)
class Rules:
    window_ms: int = 60_000
    delay_ms: int = 20_000
    allowed_lateness_ms: int = 86_400_000

    def start(self, event: Event) -> int:
        return self.start_of(event.time_ms)

    def start_of(self, time_ms: int) -> int:
        return time_ms - time_ms % self.window_ms

    def is_late(self, event: Event, newest_ms: int | None) -> bool:
        """Whether the watermark, which trails the newest event, has passed the window's end by the allowed lateness."""
        if newest_ms is None:
            return False
        watermark = newest_ms - self.delay_ms - 1
        return self.start(event) + self.window_ms - 1 + self.allowed_lateness_ms <= watermark


    def evicted_before(self, newest_ms: int, retention_ms: int) -> int:
        """The start of the oldest window whose exported counts stay in the state."""
        return self.start_of(newest_ms - self.delay_ms - 1 - max(retention_ms, self.allowed_lateness_ms))


@dataclasses.dataclass
class Expected:
    counts: collections.Counter[Window] = dataclasses.field(default_factory=collections.Counter)
    late: dict[tuple[int, int], Window] = dataclasses.field(default_factory=dict)
    rejected: set[tuple[int, int]] = dataclasses.field(default_factory=set)


@dataclasses.dataclass(frozen=True)
class Stored:
    """The program's results, read with its query command."""
    counts: dict[Window, int]
    late: dict[tuple[int, int], Window]
    rejected: set[tuple[int, int]]
    partitions: dict[int, Row]

    @classmethod
    def of(cls, state: State) -> 'Stored':
        return cls(state.counts(), state.late(), state.rejected(), state.partitions())


def parse(value: bytes | None) -> Event | None:
    """The event in a record, or None when the record must be rejected."""
    try:
        body = json.loads((value or b'').decode())
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    postcode, time_ms = body.get('postcode'), milliseconds(body.get('timestamp'))
    if not isinstance(postcode, str) or any(0xD800 <= ord(character) <= 0xDFFF for character in postcode):
        return None
    if not 1 <= len(postcode.encode()) <= 64 or time_ms is None:
        return None
    if any(ord(character) < 32 or ord(character) == 127 for character in postcode):
        return None
    user, page = body.get('user_id'), body.get('webpage')
    if not (user is None or whole_number(user) is not None) or not (page is None or isinstance(page, str)):
        return None
    return Event(postcode, time_ms)


def whole_number(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() else None
    if isinstance(value, float):
        return int(value) if math.isfinite(value) and value.is_integer() else None
    return value if isinstance(value, int) else None


def milliseconds(value: object) -> int | None:
    """A time in seconds, milliseconds or microseconds, chosen by its magnitude."""
    number = whole_number(value)
    if number is None or number <= 0 or number >= 10**17:
        return None
    if number < 10**11:
        return number * 1000
    return number if number < 10**14 else number // 1000


def count(partitions: Sequence[Sequence[Record]], rules: Rules = Rules(), newest_allowed_ms: float = math.inf) -> Expected:
    """The expected result when each partition has its own watermark; exact for a topic of one partition.

    Events newer than `newest_allowed_ms` are counted and do not move the watermark.
    """
    expected = Expected()
    for records in partitions:
        newest: int | None = None
        for record in records:
            event = parse(record.value)
            place = (record.partition, record.offset)
            if event is None:
                expected.rejected.add(place)
                continue
            window = (event.postcode, rules.start(event))
            if rules.is_late(event, newest):
                expected.late[place] = window
            else:
                expected.counts[window] += 1
            if event.time_ms <= newest_allowed_ms:
                newest = event.time_ms if newest is None else max(newest, event.time_ms)
    return expected


def check_exact(partitions: Sequence[Sequence[Record]], stored: Stored, rules: Rules = Rules()) -> None:
    """Checks every count, late row and rejected row of a topic of one partition."""
    assert len(partitions) == 1
    expected = count(partitions, rules)
    assert stored.late == expected.late
    assert stored.rejected == expected.rejected
    assert stored.counts == dict(expected.counts)
    check_sums(partitions, stored)


def check_possible(partitions: Sequence[Sequence[Record]], stored: Stored, rules: Rules = Rules(),
                   from_the_start: bool = True) -> None:
    """Checks several partitions, whose late events depend on the order of reading.

    When all partitions were read from the start and none was idle, the watermark was never ahead of any partition's own,
    so a late event is late by its own partition's records alone.
    """
    by_itself = count(partitions, rules)
    assert stored.rejected == by_itself.rejected
    total = by_itself.counts + collections.Counter(by_itself.late.values())
    assert collections.Counter(stored.counts) + collections.Counter(stored.late.values()) == total
    early = [place for place in stored.late if place not in by_itself.late]
    assert not (early and from_the_start), f'called late though their own partition had not passed them: {early[:5]}'
    check_never_late(partitions, stored, rules)
    check_sums(partitions, stored)


def check_never_late(partitions: Sequence[Sequence[Record]], stored: Stored, rules: Rules) -> None:
    """Checks that no event within the allowed lateness of the newest event of all is late."""
    events = {(record.partition, record.offset): parse(record.value) for records in partitions for record in records}
    newest = max(event.time_ms for event in events.values() if event)
    for place in stored.late:
        event = events[place]
        assert event and rules.is_late(event, newest), f'{place} can never be late: {event}'


def check_sums(partitions: Sequence[Sequence[Record]], stored: Stored) -> None:
    """Checks for each partition that consumed = counted + late + rejected, and that everything was consumed."""
    for number, records in enumerate(partitions):
        row = stored.partitions[number]
        consumed, counted, late, rejected = (row[name] for name in ('consumed', 'counted', 'late', 'rejected'))
        assert consumed == len(records), f'partition {number}: {row}'
        assert consumed == counted + late + rejected, f'partition {number}: {row}'
        assert late == sum(1 for partition, _ in stored.late if partition == number), f'partition {number}: {row}'
        assert rejected == sum(1 for partition, _ in stored.rejected if partition == number), f'partition {number}: {row}'
        assert row['next_offset'] == (records[-1].offset + 1 if records else 0), f'partition {number}: {row}'
    assert sum(stored.counts.values()) == sum(row['counted'] for row in stored.partitions.values())
