"""Adds up the figures of the torture test's lives. usage: figures.py FILE SEED"""
import collections
import json
import pathlib
import sys


def main(path: str, seed: str) -> None:
    lives = [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]
    points: collections.Counter[str] = collections.Counter()
    for life in lives:
        points.update(life['points'])
    total = {name: sum(life[name] for life in lives) for name in ('kills', 'at_random', 'outages')}
    print(f'torture: seed {seed}, {len(lives)} lives, {total["kills"]} kills: {sum(points.values())} at {len(points)} steps, '
          f'{total["at_random"]} at random moments; {total["outages"]} outages beside them')
    for point, times in sorted(points.items()):
        print(f'  {times:4} {point}')


main(*sys.argv[1:])
