#!/usr/bin/env python3
"""Runs the service under load beside readers, and fails when a bound is broken.

usage: load.py --binary PAGEVIEWS [--minutes 10] [--rate full|EVENTS_PER_SECOND] [--readers 8] [--folder DIR]

One Apache Kafka node, `pageviews generate`, `pageviews ingest` with a local warehouse and a late topic, and readers: half
of them run `pageviews query` again and again, half read with Python's SQLite and a busy timeout of 0. With a rate, the
events' clocks pass through a day during the run; a fifth of the events is up to two days late either way.

Bounds: no reader meets a lock or sees two states in one transaction; the write-ahead log stays below 64 MiB; the service
writes no lock error, ends with 0 and has consumed every record; its resident memory does not grow (the lower end of the
slope's confidence interval is at most --slope-limit); its descriptors and threads do not grow; with a rate, its lag at the
end is below 5 seconds of input. `proof` agrees. Samples go to FOLDER/samples.csv.
"""
import argparse
import csv
import dataclasses
import json
import math
import multiprocessing
import os
import pathlib
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from multiprocessing.synchronize import Event

# Before `support` is imported, which reads the variable.
BINARY = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
BINARY.add_argument('--binary')
if __name__ != '__mp_main__' and (named := BINARY.parse_known_args()[0].binary):
    os.environ['PAGEVIEWS_BINARY'] = named

from support import program  # noqa: E402
from support.apache_kafka import ApacheKafka  # noqa: E402
from support.kafka import Topic  # noqa: E402

# What docs/operations.md gives the log is 32 MB and what is written while a reader holds a snapshot; from 64 MiB on
# `status` names the reader.
WAL_BUDGET = 64 << 20
# The pause of a reader between two reads, in seconds: readers shall be there all the time, not take the processor.
READER_PAUSE = 0.1
# One row: what is consumed twice over, and the views of the newest minutes.
QUESTION = """
SELECT sum(consumed) AS consumed, sum(counted + late + rejected) AS parts, (
  SELECT sum(count) FROM postcode_view_count WHERE timestamp > strftime(
    '%Y-%m-%dT%H:%M:%SZ', (SELECT max(max_event_time) FROM partitions), '-5 minutes')) AS views
FROM partitions"""


@dataclasses.dataclass
class Reads:
    """What one reader met."""
    reads: int = 0
    locked: int = 0
    failures: list[str] = dataclasses.field(default_factory=list)

    def failed(self, text: str) -> None:
        if 'locked' in text.lower() or 'busy' in text.lower():
            self.locked += 1
        self.failures = (self.failures + [text.strip()])[:5]


def read_with_query(path: str, seed: int, ended: Event, answers: 'multiprocessing.Queue[Reads]') -> None:
    """By the program's own query command."""
    chance, found = random.Random(seed), Reads()
    while not ended.wait(chance.uniform(0, 2 * READER_PAUSE)):
        done = program.run('query', '--state', path, '--format', 'json', QUESTION)
        found.reads += 1
        if done.code != 0 or done.err:
            found.failed(done.err)
            continue
        row, = json.loads(done.out)
        if row['consumed'] != row['parts']:
            found.failed(f'the sums differ: {row}')
    answers.put(found)


def read_with_sqlite(path: str, seed: int, ended: Event, answers: 'multiprocessing.Queue[Reads]') -> None:
    """By another program's SQLite, which does not wait for a lock; twice in one transaction."""
    chance, found = random.Random(seed), Reads()
    while not ended.wait(chance.uniform(0, 2 * READER_PAUSE)):
        found.reads += 1
        try:
            connection = sqlite3.connect(f'file:{path}?mode=ro', uri=True, timeout=0)
            connection.execute('BEGIN')
            first, again = (connection.execute(QUESTION).fetchone() for _ in range(2))
            connection.close()
            if first != again or first[0] != first[1]:
                found.failed(f'one transaction saw {first}, then {again}')
        except sqlite3.Error as error:
            found.failed(str(error))
    answers.put(found)


@dataclasses.dataclass(frozen=True)
class Sample:
    """The service at one moment."""
    seconds: float
    resident_kib: int
    anonymous_kib: int
    threads: int
    descriptors: int
    wal_bytes: int
    consumed: int
    lag: int


class Watch:
    """Looks at the service once a second."""

    def __init__(self, running: program.Running, state: pathlib.Path) -> None:
        self.running, self._state = running, state
        self._wal = state.with_name(state.name + '-wal')
        self._began = time.monotonic()
        self.samples: list[Sample] = []
        self.largest_wal = 0

    def look(self) -> None:
        process = pathlib.Path(f'/proc/{self.running.pid}')
        facts = dict(line.split(':', 1) for line in (process / 'status').read_text().splitlines() if ':' in line)
        consumed, lag = self.progress()
        wal = self.wal()
        self.samples.append(Sample(
            round(time.monotonic() - self._began, 3), int(facts['VmRSS'].split()[0]), int(facts['RssAnon'].split()[0]),
            int(facts['Threads']), len(os.listdir(process / 'fd')), wal, consumed, lag))

    def wal(self) -> int:
        size = self._wal.stat().st_size if self._wal.exists() else 0
        self.largest_wal = max(self.largest_wal, size)
        return size

    def progress(self) -> tuple[int, int]:
        """Records consumed, and those that are not yet."""
        if not self._state.exists():
            return 0, 0
        connection = sqlite3.connect(f'file:{self._state}?mode=ro', uri=True, timeout=5)
        try:
            row = connection.execute('SELECT coalesce(sum(consumed), 0), coalesce(sum(lag), 0) FROM partitions').fetchone()
        except sqlite3.OperationalError as error:
            if 'no such table' not in str(error):
                raise
            return 0, 0
        finally:
            connection.close()
        return int(row[0]), int(row[1])

    def watch(self, until: Callable[[], bool]) -> None:
        """Until `until` says so; the log's size is looked at more often than the rest."""
        while not until():
            self.look()
            due = time.monotonic() + 1
            while (left := due - time.monotonic()) > 0:
                self.wal()
                time.sleep(min(0.05, left))
            if not self.running.alive():
                raise SystemExit(f'load: fail: the service ended:\n{self.running.err[-2000:]}')

    def write(self, path: pathlib.Path) -> None:
        with path.open('w', newline='') as file:
            rows = csv.writer(file)
            rows.writerow(field.name for field in dataclasses.fields(Sample))
            rows.writerows(dataclasses.astuple(sample) for sample in self.samples)


@dataclasses.dataclass(frozen=True)
class Slope:
    per_minute: float
    half_width: float

    def __str__(self) -> str:
        return f'{self.per_minute:+.1f} ± {self.half_width:.1f}'


def slope(samples: Sequence[Sample], value: Callable[[Sample], float]) -> Slope:
    """By least squares over means of blocks, with its 95 % interval.

    Memory a second later is nearly memory now, so single samples would promise too much: of 30 blocks each is long enough
    to stand for itself.
    """
    size = max(1, len(samples) // 30)
    blocks = [samples[start:start + size] for start in range(0, len(samples) - size + 1, size)]
    x = [statistics.fmean(sample.seconds / 60 for sample in block) for block in blocks]
    y = [statistics.fmean(value(sample) for sample in block) for block in blocks]
    if len(blocks) < 3:
        return Slope(math.nan, math.nan)
    fit = statistics.linear_regression(x, y)
    rest = sum((b - fit.intercept - fit.slope * a) ** 2 for a, b in zip(x, y))
    mean = statistics.fmean(x)
    error = math.sqrt(rest / (len(x) - 2) / sum((a - mean) ** 2 for a in x))
    return Slope(fit.slope, 2.05 * error)


def grown(samples: Sequence[Sample], value: Callable[[Sample], int]) -> tuple[int, int]:
    """The least of the first and of the last third: what comes and goes does not count, what stays does."""
    third = max(1, len(samples) // 3)
    return min(map(value, samples[:third])), min(map(value, samples[-third:]))


class Load:
    def __init__(self, arguments: argparse.Namespace, folder: pathlib.Path, cluster: ApacheKafka) -> None:
        self.arguments, self.folder = arguments, folder
        self.seconds = arguments.minutes * 60
        self.rate = 0 if arguments.rate == 'full' else int(arguments.rate)
        self.topic: Topic = cluster.create_topic(4)
        self.state = folder / 'pageviews.db'
        self.broken: list[str] = []
        self.tables = ['--warehouse', f'file://{folder}/warehouse'] if arguments.warehouse else []

    def generator(self) -> subprocess.Popen[bytes]:
        command = [str(program.BINARY), 'generate', '--bootstrap-servers', self.topic.address, '--topic', self.topic.name,
                   '--rate', str(self.rate), '--seed', '1', '--kafka-config', 'compression.codec=lz4']
        if self.rate:
            command += ['--count', str(int(self.rate * self.seconds)), '--span', '1d']
        return subprocess.Popen(command, env=program.clean_environment(), stdin=subprocess.DEVNULL,
                                stderr=(self.folder / 'generate.err').open('wb'))

    def service(self) -> program.Running:
        return program.Running(
            self.folder / 'logs', 'ingest', '--bootstrap-servers', self.topic.address, '--topic', self.topic.name,
            '--state', str(self.state), '--late-topic', f'{self.topic.name}-late', '--listen', 'off', *self.tables)

    def readers(self, ended: Event, answers: 'multiprocessing.Queue[Reads]') -> list[multiprocessing.Process]:
        kinds = [read_with_query if number % 2 == 0 else read_with_sqlite for number in range(self.arguments.readers)]
        readers = [multiprocessing.Process(target=kind, args=(str(self.state), seed, ended, answers))
                   for seed, kind in enumerate(kinds)]
        for reader in readers:
            reader.start()
        return readers

    def bound(self, holds: bool, text: str) -> None:
        print(f'  {"ok    " if holds else "BROKEN"} {text}', flush=True)
        if not holds:
            self.broken.append(text)

    def run(self) -> None:
        ended, answers = multiprocessing.Event(), multiprocessing.Queue()
        generator, running = self.generator(), self.service()
        readers: list[multiprocessing.Process] = []
        watch = Watch(running, self.state)
        try:
            watch.watch(lambda: bool(watch.samples) and watch.samples[-1].consumed > 0)
            readers = self.readers(ended, answers)
            deadline = time.monotonic() + self.seconds
            watch.watch(lambda: time.monotonic() >= deadline)
            ended.set()
            reads = [answers.get(timeout=120) for _ in readers]
            generator.send_signal(signal.SIGINT)
            generator.wait(120)
            # Beside the bounds: what is still there is consumed without readers.
            sent = sum(self.topic.end(partition) for partition in range(4))
            self.report(watch, reads)
            watch.watch(lambda: watch.progress()[0] >= sent)
            # What waits is exported before it ends; how long that takes is reported, and bounded only by half an hour.
            result, seconds = running.stop(seconds=1800)
        finally:
            ended.set()
            for process in (generator, running.process):
                if process.poll() is None:
                    process.kill()
            watch.write(self.folder / 'samples.csv')
        self.check_end(result, seconds, sent, watch)

    def report(self, watch: Watch, reads: Sequence[Reads]) -> None:
        warm = min(600.0, self.seconds / 5)
        samples = [sample for sample in watch.samples if sample.seconds >= warm]
        first, last = samples[0], samples[-1]
        rate = (last.consumed - first.consumed) / (last.seconds - first.seconds)
        print(f'  {len(samples)} samples after {warm:.0f} s of warm-up; {rate:,.0f} events/s; '
              f'{sum(found.reads for found in reads):,} reads by {len(reads)} readers', flush=True)
        failures = [text for found in reads for text in found.failures]
        self.bound(sum(found.locked for found in reads) == 0, f'lock errors: {sum(found.locked for found in reads)}')
        self.bound(not failures, f'other failures of readers: {failures or "none"}')
        self.bound(watch.largest_wal <= WAL_BUDGET, f'largest write-ahead log: {watch.largest_wal / 2**20:.1f} MiB of 64 MiB')
        memory, anonymous = slope(samples, lambda s: s.resident_kib), slope(samples, lambda s: s.anonymous_kib)
        largest = max(sample.resident_kib for sample in samples)
        self.bound(memory.per_minute - memory.half_width <= self.arguments.slope_limit,
                   f'resident memory: {memory} KiB/min (95 %), anonymous alone {anonymous}; {first.resident_kib:,} KiB at '
                   f'first, {last.resident_kib:,} at the end, {largest:,} at most')
        for name, value in (('descriptors', lambda s: s.descriptors), ('threads', lambda s: s.threads)):
            before, after = grown(samples, value)
            self.bound(after <= before, f'{name}: {before} in the first third, {after} in the last (the least of each); '
                                        f'{max(map(value, samples))} at most')
        lag = f'lag: {last.lag:,} at the end, {max(sample.lag for sample in samples):,} at most'
        self.bound(not self.rate or last.lag < 5 * self.rate, lag)

    def check_end(self, result: program.Result, seconds: float, sent: int, watch: Watch) -> None:
        self.bound(result.code == 0, f'the service ended with {result.code} in {seconds:.1f} s')
        locked = [line for line in result.err.splitlines() if 'locked' in line.lower()]
        self.bound(not locked, f'lock errors in its log: {locked[:3] or "none"}')
        consumed, _ = watch.progress()
        self.bound(consumed == sent, f'{consumed:,} of {sent:,} records consumed')
        if self.arguments.proof:
            proof = program.run('proof', '--state', str(self.state), *self.tables, seconds=3600)
            self.bound(proof.code == 0, f'proof ended with {proof.code}: {proof.out.strip().splitlines()[-1:]}')


def main() -> int:
    parser = argparse.ArgumentParser(
        description='Runs the service under load and fails when a bound is broken.', allow_abbrev=False)
    parser.add_argument('--binary', default=str(program.BINARY))
    parser.add_argument('--minutes', type=float, default=10)
    parser.add_argument('--rate', default='full', help='full, or events per second')
    parser.add_argument('--readers', type=int, default=8)
    parser.add_argument('--folder', type=pathlib.Path, help='kept; otherwise a temporary one')
    parser.add_argument('--slope-limit', type=float, default=64, help='KiB per minute')
    parser.add_argument('--no-warehouse', dest='warehouse', action='store_false')
    parser.add_argument('--no-proof', dest='proof', action='store_false')
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or pathlib.Path(temporary)
        cluster = ApacheKafka(folder / 'kafka', heap='512m').start()
        try:
            load = Load(arguments, folder, cluster)
            print(f'load: {arguments.minutes:g} minutes at {arguments.rate} events/s, {arguments.readers} readers', flush=True)
            load.run()
        finally:
            cluster.stop()
    print('load: pass' if not load.broken else f'load: fail: {"; ".join(load.broken)}')
    return 1 if load.broken else 0


if __name__ == '__main__':
    sys.exit(main())
