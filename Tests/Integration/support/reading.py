#!/usr/bin/env python3
"""Reads the counts table with one engine and prints its rows as JSON: [[postcode, microseconds, count], ...].

usage: reading.py ENGINE METADATA     the newest metadata file of a table in a folder

A process of its own: engines live in different Python environments, so only the engine's own modules are imported.
"""
import json
import pathlib
import sys
from collections.abc import Callable, Iterable
from typing import Any

Rows = Iterable[tuple[str, int, int]]
COLUMNS = 'postcode, timestamp, count'


def micros(moment: Any) -> int:
    return round(moment.timestamp() * 1_000_000)


def pyiceberg(metadata: str) -> Rows:
    from pyiceberg.table import StaticTable
    found = StaticTable.from_metadata(metadata).scan().to_arrow().to_pylist()
    return ((row['postcode'], micros(row['timestamp']), row['count']) for row in found)


def duckdb(metadata: str) -> Rows:
    import duckdb as engine
    import duckdb_extension_avro
    import duckdb_extension_iceberg
    connection = engine.connect(config={'allow_unsigned_extensions': 'true'})
    for module, name in ((duckdb_extension_avro, 'avro'), (duckdb_extension_iceberg, 'iceberg')):
        folder = pathlib.Path(module.__file__).parent
        connection.execute(f"LOAD '{next(folder.rglob(f'{name}.duckdb_extension'))}'")
    return connection.execute(f"SELECT postcode, epoch_us(timestamp), count FROM iceberg_scan('{metadata}')").fetchall()


def polars(metadata: str) -> Rows:
    import polars as engine
    found = engine.scan_iceberg(metadata).select('postcode', engine.col('timestamp').dt.epoch('us'), 'count').collect()
    return found.iter_rows()


def clickhouse(metadata: str, settings: str = '') -> Rows:
    import chdb
    folder = pathlib.Path(metadata).parents[1]
    # toString: the JSON format writes 64-bit integers as text by default.
    answer = chdb.query(f"SELECT postcode, toUnixTimestamp64Micro(timestamp), count FROM icebergLocal('{folder}') "
                        f'{settings}', 'JSONCompact')
    rows = [(row[0], int(row[1]), int(row[2])) for row in json.loads(str(answer))['data']]
    # Answered from the snapshot's summary alone.
    count = int(str(chdb.query(f"SELECT count() FROM icebergLocal('{folder}') {settings}", 'TSV')))
    return rows if count == len(rows) else [*rows, ('count()', 0, count)]


def clickhouse_bitmap(metadata: str) -> Rows:
    """With its other implementation of position deletes."""
    return clickhouse(metadata, 'SETTINGS use_roaring_bitmap_iceberg_positional_deletes = 1')


def main() -> None:
    engines: dict[str, Callable[[str], Rows]] = {
        'pyiceberg': pyiceberg, 'duckdb': duckdb, 'polars': polars, 'clickhouse': clickhouse,
        'clickhouse-bitmap': clickhouse_bitmap}
    print(json.dumps([list(row) for row in engines[sys.argv[1]](sys.argv[2])]))


if __name__ == '__main__':
    main()
