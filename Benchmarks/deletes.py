#!/usr/bin/env python3
"""Measures exports that change many rows of many data files.

usage: deletes.py --binary PAGEVIEWS [--files 20] [--rows 100000] [--changes 50000] [--repeats 3] [--versions 2 3] [--place local|s3]

Fills one day of the counts table with --files commits, without maintenance, then changes the counts of --changes rows, which
are spread over all data files, --repeats times, each in one commit. Prints for each of these commits the number and the bytes
of the delete files that it added, the number of live delete files after it, and its time as `pageviews status` has it.
Milliseconds depend on the machine. It asserts nothing.
"""
import argparse
import json
import pathlib
import random
import subprocess
import tempfile

import maintenance
from maintenance import COUNTS, Broker, Warehouse, create_topic, environment, events
from support.lake import summary  # noqa: E402  maintenance adds the folder of the tests' support to the path
from support.servers import S3


def export(arguments: argparse.Namespace, topic: maintenance.Topic, state: pathlib.Path, warehouse: Warehouse,
           version: int) -> float:
    """Exports everything in one commit. Returns its milliseconds."""
    with (state.parent / 'log').open('ab') as log:
        subprocess.run(
            [arguments.binary, 'ingest', '--bootstrap-servers', topic.address, '--topic', topic.name, '--state', str(state),
             '--export-interval', '1h', '--listen', 'off', '--no-maintenance', '--format-version', str(version),
             '--exit-at-end', *warehouse.options], stdout=subprocess.DEVNULL, stderr=log, check=True,
            env={**environment(), **warehouse.environment})
    done = subprocess.run([arguments.binary, 'status', '--state', str(state), '--format', 'json'], capture_output=True,
                          text=True, env=environment(), check=False)
    return next(row['milliseconds'] for row in json.loads(done.stdout)['exports'] if row['table'].endswith(COUNTS))


def measure(arguments: argparse.Namespace, topic: maintenance.Topic, folder: pathlib.Path, warehouse: Warehouse,
            version: int) -> None:
    state = folder / 'state.db'
    chance = random.Random(1)
    numbers = list(range(arguments.rows))
    print(f'bench: v{version}, {warehouse.location.split(":")[0]}: {arguments.changes} changed of {arguments.rows} rows')
    share = arguments.rows // arguments.files
    for start in range(0, arguments.rows, share):
        topic.produce(events(numbers[start:start + share]))
        export(arguments, topic, state, warehouse, version)
    for _ in range(arguments.repeats):
        topic.produce(events(sorted(chance.sample(numbers, arguments.changes))))
        milliseconds = export(arguments, topic, state, warehouse, version)
        table = warehouse.table(COUNTS)
        snapshot = table.current_snapshot()
        tasks = list(table.scan().plan_files())
        live = {file.file_path for task in tasks for file in task.delete_files}
        entries = [entry for manifest in snapshot.manifests(table.io) if manifest.content == 1
                   for entry in manifest.fetch_manifest_entry(table.io)]
        added = {entry.data_file.file_path: entry.data_file.file_size_in_bytes
                 for entry in entries if entry.sequence_number == snapshot.sequence_number}
        print(f'    {len(added)} delete files of {sum(added.values()):,} bytes added; {len(live)} live for {len(tasks)} data '
              f'files; {summary(snapshot).get("added-position-deletes")} positions; {milliseconds:.0f} ms', flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--binary', required=True)
    parser.add_argument('--files', type=int, default=20)
    parser.add_argument('--rows', type=int, default=100_000)
    parser.add_argument('--changes', type=int, default=50_000)
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument('--versions', type=int, nargs='+', default=[2, 3])
    parser.add_argument('--place', choices=['local', 's3'], default='local')
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        broker, s3 = Broker(folder / 'broker'), S3(folder / 's3') if arguments.place == 's3' else None
        try:
            broker.start()
            if s3:
                s3.start()
            for version in arguments.versions:
                place = folder / f'v{version}'
                place.mkdir()
                warehouse = Warehouse(f's3://plain/v{version}', s3=s3) if s3 else Warehouse(f'file://{place}/warehouse')
                measure(arguments, create_topic(broker.address, 1), place, warehouse, version)
        finally:
            broker.stop()
            if s3:
                s3.stop()


if __name__ == '__main__':
    main()
