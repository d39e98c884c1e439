#!/usr/bin/env python3
"""Measures how `pageviews ingest` maintains the counts table under repeated upserts.

usage: maintenance.py --binary PAGEVIEWS [--commits 200] [--rows 200000] [--changes 1000] [--versions 2 3]

Exports 200,000 rows once, then 200 times the rows that 1,000 events changed, each time waiting for the commit, with default
maintenance. Then it compares the resulting table with the same table after `pageviews maintain`: the time of a full scan by
duckdb (best of 15, in turn), the number of data files and the size of the metadata. A second round runs without maintenance.
Milliseconds depend on the machine; compare the ratios, taken in the same run. It asserts nothing; the targets are printed
beside them.
"""
import argparse
import dataclasses
import pathlib
import random
import sqlite3
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'Tests' / 'Integration'))

from bench import environment  # noqa: E402
from support.kafka import Topic, create_topic  # noqa: E402
from support.lake import COUNTS, Warehouse  # noqa: E402
from support.servers import Broker  # noqa: E402

START_SECONDS = 1_611_662_400
POSTCODES = 2000


@dataclasses.dataclass(frozen=True)
class Run:
    """One state and its warehouse."""
    folder: pathlib.Path

    @property
    def state(self) -> pathlib.Path:
        return self.folder / 'state.db'

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(f'file://{self.folder}/warehouse')

    @property
    def table(self) -> pathlib.Path:
        return self.folder / 'warehouse' / 'pageviews' / COUNTS


def events(numbers: list[int]) -> list[bytes]:
    """One event for each row number: rows lie in the order of minutes, then postcodes."""
    return [b'{"user_id":1,"postcode":"P%d","webpage":"w","timestamp":%d}'
            % (number % POSTCODES, START_SECONDS + number // POSTCODES * 60) for number in numbers]


def exported(state: pathlib.Path) -> tuple[int, int]:
    """The end of the exported offsets, and the number of commits of the counts table."""
    try:
        with sqlite3.connect(f'file:{state}?mode=ro', uri=True, timeout=10) as connection:
            row = connection.execute(
                "SELECT offsets FROM export_progress WHERE table_kind = 'counts'").fetchone()
            commits = connection.execute(
                "SELECT count(*) FROM export WHERE table_name LIKE ? AND state = 'committed'", (f'%{COUNTS}',)).fetchone()
    except sqlite3.OperationalError:
        return 0, 0
    parts = [int(part) for part in row[0].strip('[]{}').replace('"', '').replace(':', ',').split(',')] if row else [0]
    return parts[-1], commits[0]


def wait(state: pathlib.Path, offset: int, service: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while exported(state)[0] < offset:
        if service.poll() is not None or time.monotonic() > deadline:
            raise SystemExit('bench: the service ended, or does not export')
        time.sleep(0.02)


def upsert(arguments: argparse.Namespace, topic: Topic, run: Run, *options: str) -> int:
    """Fills the table and changes it commit by commit. Returns the number of commits, with rewrites."""
    run.folder.mkdir()
    command = [arguments.binary, 'ingest', '--bootstrap-servers', topic.address, '--topic', topic.name, '--state',
               str(run.state), '--export-interval', '100ms', *run.warehouse.options, *options]
    service = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=(run.folder / 'log').open('wb'),
                               env=environment())
    chance = random.Random(1)
    try:
        sent = topic.produce(events(list(range(arguments.rows))))
        wait(run.state, sent, service)
        for _ in range(arguments.commits):
            sent += topic.produce(events([chance.randrange(arguments.rows) for _ in range(arguments.changes)]))
            wait(run.state, sent, service)
    finally:
        service.terminate()
        service.wait(30)
    return exported(run.state)[1]


def compact(arguments: argparse.Namespace, run: Run) -> None:
    """Compacts into one file without deletes; the previous snapshot can still be read."""
    subprocess.run([arguments.binary, 'maintain', '--state', str(run.state), *run.warehouse.options, '--compact-files', '2',
                    '--compact-deletes', '0.000001', '--keep-snapshots', '100000'], check=True, env=environment(),
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def scan(warehouse: Warehouse, metadata: str) -> float:
    started = time.perf_counter()
    warehouse.duckdb.execute(
        f"SELECT count(*), sum(count), max(postcode), max(timestamp) FROM iceberg_scan('{metadata}')").fetchall()
    return time.perf_counter() - started


def compare_scans(arguments: argparse.Namespace, run: Run) -> tuple[float, float]:
    """The seconds of a full scan of the table, before and after compaction."""
    warehouse = run.warehouse
    left = warehouse.path(warehouse.metadata_file(COUNTS))
    compact(arguments, run)
    tidy = warehouse.path(warehouse.metadata_file(COUNTS))
    assert left != tidy or arguments.commits == 0, 'there was nothing to compact'
    times = [(scan(warehouse, left), scan(warehouse, tidy)) for _ in range(15)]
    return min(first for first, _ in times), min(second for _, second in times)


def sizes(folder: pathlib.Path) -> tuple[int, int]:
    found = [path.stat().st_size for path in folder.rglob('*') if path.is_file()]
    return len(found), sum(found)


def measure(arguments: argparse.Namespace, address: str, folder: pathlib.Path, version: int, *options: str) -> None:
    run = Run(folder / f'v{version}{"".join(options)}')
    commits = upsert(arguments, create_topic(address, 1), run, '--format-version', str(version), *options)
    tasks = list(run.warehouse.table(COUNTS).scan().plan_files())
    deletes = {file.file_path for task in tasks for file in task.delete_files}
    (data_files, data_bytes), (metadata_files, metadata_bytes) = sizes(run.table / 'data'), sizes(run.table / 'metadata')
    live_bytes = sum(task.file.file_size_in_bytes for task in tasks)
    left, tidy = compare_scans(arguments, run)
    print(f'bench: v{version} {" ".join(options) or "with maintenance"}: {commits} commits')
    print(f'    scan by duckdb: {left * 1000:.1f} ms, compacted {tidy * 1000:.1f} ms, '
          f'ratio {left / tidy:.2f} (target: at most 1.5)')
    print(f'    data files: {len(tasks)} (target: at most 20) with {len(deletes)} delete files; {data_files} files on disk')
    print(f'    metadata: {metadata_files} files, {metadata_bytes:,} bytes; data {data_bytes:,} bytes on disk, '
          f'{live_bytes:,} live; ratio to live {metadata_bytes / live_bytes:.2f} (target: below 1)', flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--binary', required=True)
    parser.add_argument('--commits', type=int, default=200)
    parser.add_argument('--rows', type=int, default=200_000)
    parser.add_argument('--changes', type=int, default=1000)
    parser.add_argument('--versions', type=int, nargs='+', default=[2, 3])
    parser.add_argument('--only-with', action='store_true', help='skip the runs without maintenance')
    arguments = parser.parse_args()
    arguments.binary = str(pathlib.Path(arguments.binary).resolve())
    with tempfile.TemporaryDirectory(prefix='pageviews-bench-') as name:
        folder = pathlib.Path(name)
        broker = Broker(folder / 'broker').start()
        try:
            for version in arguments.versions:
                measure(arguments, broker.address, folder, version)
                if not arguments.only_with:
                    measure(arguments, broker.address, folder, version, '--no-maintenance')
        finally:
            broker.stop()


if __name__ == '__main__':
    main()
