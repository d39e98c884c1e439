"""Page-view events for tests, generated from a seed, with every class of lateness."""
import json
import random
from collections.abc import Iterator

# 2021-01-26T12:04:44Z, the time of the sample event in the documentation.
SAMPLE_MS = 1_611_662_684_000
SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS = 1_000, 60_000, 3_600_000, 86_400_000

POSTCODES = ['SW19', 'E1', 'M1', 'BS8', 'EH1 1AA', 'CF10', 'BT1', 'LS1', 'B1', 'G1', 'N1C', 'YO1']
# Skewed like real traffic, the heaviest first.
WEIGHTS = [1 / (rank + 1) for rank in range(len(POSTCODES))]
# Lateness behind the newest event: (share, from, to) in milliseconds. The last class is always too late
# with the default settings, the one before it straddles the limit.
LATENESS = [(0.7, 0, 20 * SECOND_MS), (0.1, 20 * SECOND_MS, HOUR_MS), (0.1, 0, DAY_MS),
            (0.05, DAY_MS - 2 * MINUTE_MS, DAY_MS + 2 * MINUTE_MS), (0.05, DAY_MS + 2 * MINUTE_MS, 2 * DAY_MS)]
MALFORMED = [b'', b'{', b'null', b'[]', b'{"postcode":"","timestamp":1611662684}', b'{"postcode":"E1"}',
             b'{"timestamp":1611662684}', b'{"postcode":"E1","timestamp":-5}', b'\xff\xfe', b'{"postcode":7,"timestamp":1}']


def event(postcode: str, time_ms: int, user_id: object = 1234, webpage: object = 'www.website.com/index.html') -> bytes:
    """One event with its time in milliseconds."""
    return json.dumps({'user_id': user_id, 'postcode': postcode, 'webpage': webpage, 'timestamp': time_ms},
                      separators=(',', ':')).encode()


def views(seed: int, count: int, start_ms: int = SAMPLE_MS, step_ms: int = 200, malformed: float = 0.01) -> Iterator[bytes]:
    """`count` records, whose newest event time advances by `step_ms` each; a share of them is malformed.

    The same arguments always give the same records.
    """
    chance = random.Random(seed)
    shares = [share for share, _, _ in LATENESS]
    for number in range(count):
        if chance.random() < malformed:
            yield chance.choice(MALFORMED)
            continue
        _, low, high = chance.choices(LATENESS, shares)[0]
        time_ms = start_ms + number * step_ms - chance.randint(low, high)
        postcode = chance.choices(POSTCODES, WEIGHTS)[0]
        yield event(postcode, time_ms, user_id=chance.randint(1, 9_999), webpage=f'www.website.com/{number % 50}.html')


def crowded_views(seed: int, count: int, start_ms: int = SAMPLE_MS) -> Iterator[bytes]:
    """Views of a few recurring windows, so that most counts change often; a few are far too late."""
    chance = random.Random(seed)
    for number in range(count):
        late = 2 * DAY_MS if chance.random() < 0.03 else 0
        time_ms = start_ms + number * SECOND_MS - chance.randint(0, 10 * MINUTE_MS) - late
        yield event(chance.choices(POSTCODES, WEIGHTS)[0], time_ms, user_id=chance.randint(1, 99))
