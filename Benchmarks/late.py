#!/usr/bin/env python3
"""Compares the speed of `pageviews backfill --dry-run` and `pageviews restore` with duckdb on the same raw table.

usage: late.py --binary PAGEVIEWS [--events 4000000] [--rounds 3] [--span 1h] [--version 2]

Exports generated events, some of them late, to a local warehouse. Then, one at a time: duckdb scans the raw
table's five columns and groups them by postcode, minute and lateness on one thread; `backfill --dry-run` recomputes every
window with late events; `restore` builds a new state, and proves it; SQLite copies the rows of such a state into an empty one,
the minimum that restore has to do besides reading. Prints raw rows per CPU-second, the ratio of CPU to duckdb's, and
peak memory. Seconds depend on the machine; compare the ratios, taken in the same run. It asserts nothing; the targets
are printed beside them.
"""
import argparse
import json
import pathlib
import sqlite3
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'Tests' / 'Integration'))

from bench import Cost, environment, measure, remove  # noqa: E402
from support.kafka import Topic, create_topic  # noqa: E402
from support.lake import RAW, Warehouse  # noqa: E402
from support.servers import Broker  # noqa: E402

# Only the query itself is measured: neither the start of Python nor the reading of the catalog.
DUCKDB = """
import json, resource, sys, time
import duckdb
files = json.load(open(sys.argv[1]))
database = duckdb.connect(config={'threads': 1})
def cpu():
    use = resource.getrusage(resource.RUSAGE_SELF)
    return use.ru_utime + use.ru_stime
database.execute('SET enable_progress_bar = false')
before, started = cpu(), time.monotonic()
rows, groups = database.execute('''
    SELECT sum(n), count(*) FROM (
      SELECT postcode, epoch_us(timestamp) // 60000000 AS minute, late, count(*) AS n, max(kafka_offset), max(kafka_partition)
      FROM read_parquet(?) GROUP BY ALL)''', [files]).fetchone()
print(json.dumps([cpu() - before, time.monotonic() - started, int(rows), groups]))
"""

# The same tables and indexes, without a journal, as restore writes them.
SQLITE = """
import json, resource, sqlite3, sys, time
def cpu():
    use = resource.getrusage(resource.RUSAGE_SELF)
    return use.ru_utime + use.ru_stime
database = sqlite3.connect(sys.argv[2], isolation_level=None)
database.execute('PRAGMA journal_mode = OFF')
database.execute('PRAGMA synchronous = OFF')
database.execute('PRAGMA cache_size = -32768')
database.execute('ATTACH ? AS made', [sys.argv[1]])
tables = ('counts', 'exported', 'late', 'windows')
schema = database.execute("SELECT type, tbl_name, sql FROM made.sqlite_schema WHERE sql IS NOT NULL ORDER BY type DESC").fetchall()
for kind, table, sql in schema:
    if kind == 'table' and table in tables: database.execute(sql)
before, started = cpu(), time.monotonic()
database.execute('BEGIN')
for table in tables: database.execute(f'INSERT INTO main.{table} SELECT * FROM made.{table}')
for kind, table, sql in schema:
    if kind == 'index' and table in tables: database.execute(sql)
database.execute('COMMIT')
print(json.dumps([cpu() - before, time.monotonic() - started]))
"""


def exported(arguments: argparse.Namespace, topic: Topic, folder: pathlib.Path) -> Warehouse:
    """The topic's events in the tables of a warehouse, and folder/state.db, the state that they were exported from."""
    warehouse = Warehouse(f'file://{folder}/warehouse')
    subprocess.run([arguments.binary, 'generate', '--bootstrap-servers', topic.address, '--topic', topic.name, '--rate', '0',
                    '--count', str(arguments.events), '--seed', '1', '--postcodes', '2000', '--span', arguments.span,
                    '--start-time', '2021-01-26T12:00:00Z'], check=True, env=environment(), stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    subprocess.run([arguments.binary, 'ingest', '--bootstrap-servers', topic.address, '--topic', topic.name, '--state',
                    str(folder / 'state.db'), '--exit-at-end', '--late-topic', 'off', '--no-raw-json', '--retention', '3650d',
                    '--format-version', str(arguments.version), *warehouse.options], check=True, env=environment(),
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return warehouse


def by_duckdb(listing: pathlib.Path) -> tuple[Cost, int, int]:
    done = subprocess.run([sys.executable, '-c', DUCKDB, str(listing)], check=True, capture_output=True, text=True)
    cpu, wall, rows, groups = json.loads(done.stdout)
    return Cost(cpu, wall, 0), rows, groups


def by_sqlite(state: pathlib.Path, copy: pathlib.Path) -> Cost:
    done = subprocess.run([sys.executable, '-c', SQLITE, str(state), str(copy)], check=True, capture_output=True, text=True)
    copy.unlink()
    return Cost(*json.loads(done.stdout), 0)


def report(name: str, rows: int, costs: list[Cost], yardstick: list[Cost]) -> None:
    cpu = statistics.median(cost.cpu_seconds for cost in costs)
    wall = statistics.median(cost.wall_seconds for cost in costs)
    ratio = cpu / statistics.median(cost.cpu_seconds for cost in yardstick)
    peak = max(cost.peak_mib for cost in costs)
    line = f'    {name:18} {rows / cpu / 1e6:8.2f} M rows per CPU-s  {wall:6.2f} s  {ratio:5.2f} x duckdb'
    print(line + (f'  peak {peak:.0f} MiB' if peak else ''), flush=True)


def compare(arguments: argparse.Namespace, folder: pathlib.Path, warehouse: Warehouse) -> None:
    listing = folder / 'files.json'
    files = [task.file.file_path.removeprefix('file://') for task in warehouse.table(RAW).scan().plan_files()]
    listing.write_text(json.dumps(files))
    restored = folder / 'restored.db'
    backfill = [arguments.binary, 'backfill', '--dry-run', '--state', str(folder / 'state.db'), *warehouse.options]
    restore = [arguments.binary, 'restore', '--state', str(restored), *warehouse.options]
    costs: dict[str, list[Cost]] = {'duckdb': [], 'backfill --dry-run': [], 'restore': [], 'its rows by SQLite': []}
    rows = groups = 0
    for _ in range(arguments.rounds):
        cost, rows, groups = by_duckdb(listing)
        costs['duckdb'].append(cost)
        costs['backfill --dry-run'].append(measure(backfill))
        costs['restore'].append(measure(restore))
        costs['its rows by SQLite'].append(by_sqlite(restored, folder / 'copied.db'))
        remove(restored)
    with sqlite3.connect(f'file:{folder}/state.db?mode=ro', uri=True) as state:
        late, keys = state.execute('SELECT count(*), count(DISTINCT postcode || window_start) FROM late').fetchone()
        counts, = state.execute('SELECT count(*) FROM counts').fetchone()
    print(f'bench: v{arguments.version}, {rows:,} raw rows in {len(files)} files, {groups:,} groups; {counts:,} counts; '
          f'{late:,} late rows of {keys:,} counts')
    for name, found in costs.items():
        report(name, rows, found, costs['duckdb'])
    print('    targets: 1 M rows per CPU-s and at most 2 x duckdb; below 256 MiB', flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--binary', required=True)
    parser.add_argument('--events', type=int, default=4_000_000)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--span', default='1h', help='duration of the events, in event time')
    parser.add_argument('--version', type=int, default=2)
    parser.add_argument('--folder', type=pathlib.Path, help='keep the tables here, and reuse existing ones')
    arguments = parser.parse_args()
    arguments.binary = str(pathlib.Path(arguments.binary).resolve())
    with tempfile.TemporaryDirectory(prefix='pageviews-bench-') as name:
        folder = arguments.folder or pathlib.Path(name)
        if (folder / 'state.db').exists():
            return compare(arguments, folder, Warehouse(f'file://{folder}/warehouse'))
        folder.mkdir(parents=True, exist_ok=True)
        broker = Broker(pathlib.Path(name) / 'broker').start()
        try:
            warehouse = exported(arguments, create_topic(broker.address, 4), folder)
        finally:
            broker.stop()
        compare(arguments, folder, warehouse)


if __name__ == '__main__':
    main()
