"""Adds up the figures of the torture test's lives. usage: figures.py FILE SEED

Names each step and each kind of outage with its count. In a run of at least 1,000 kills each must have occurred; otherwise the
exit code is 1.
"""
import collections
import json
import pathlib
import sys

ENOUGH = 1000


def counts(lives: list[dict], name: str) -> collections.Counter[str]:
    """The sums of one counter; what never occurred has 0."""
    total: collections.Counter[str] = collections.Counter()
    for life in lives:
        total.update(dict.fromkeys(life[f'all_{name}'], 0) | life[name])
    return total


def main(path: str, seed: str) -> int:
    lives = [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]
    points, outages = counts(lives, 'points'), counts(lives, 'outages')
    total = {name: sum(life[name] for life in lives) for name in ('kills', 'at_random', 'recoveries')}
    nodes = '/'.join(sorted({str(life['nodes']) for life in lives}))
    missing = [name for name, times in [*points.items(), *outages.items()] if not times]
    print(f'torture: seed {seed}, {len(lives)} lives with {nodes} Kafka nodes each, {total["kills"]} kills: '
          f'{points.total()} at {len(+points)} of {len(points)} steps, {total["at_random"]} at random moments; '
          f'{outages.total()} outages of {len(+outages)} of {len(outages)} kinds, {total["recoveries"]} of which ended before the kill')
    for name, times in [*sorted(points.items()), *sorted(outages.items())]:
        print(f'  {times:4} {name}')
    if not missing:
        return 0
    print(f'torture: never: {", ".join(missing)}')
    return 1 if total['kills'] >= ENOUGH else 0


sys.exit(main(*sys.argv[1:]))
