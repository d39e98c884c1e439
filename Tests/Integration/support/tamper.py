"""Changes one thing in a state or a table, as a fault or another program would."""
import contextlib
import datetime
import pathlib
import re
import sqlite3

import pyarrow
import pyarrow.parquet

from .lake import Warehouse
from .state import State


def state(path: pathlib.Path | State, sql: str) -> None:
    """Changes exactly one row of a state."""
    path = path.path if isinstance(path, State) else path
    with contextlib.closing(sqlite3.connect(path)) as connection:
        changed = connection.execute(sql).rowcount
        connection.commit()
    assert changed == 1, f'{sql}: {changed} rows'


def live_files(warehouse: Warehouse, name: str) -> list[pathlib.Path]:
    """The live data files, largest first."""
    found = [pathlib.Path(re.sub('^file://', '', task.file.file_path)) for task in warehouse.table(name).scan().plan_files()]
    return sorted(found, key=lambda path: (-path.stat().st_size, path.name))


def rewrite_one(warehouse: Warehouse, name: str, change) -> None:
    """Applies `change` to the largest data file that it changes."""
    for path in live_files(warehouse, name):
        with contextlib.suppress(StopIteration):
            return rewrite(path, change)
    raise AssertionError(f'no file of {name} has a row to change')


def rewrite(path: pathlib.Path, change) -> None:
    """Replaces the rows of a data file by the result of `change`, and keeps the column ids."""
    rows = pyarrow.parquet.read_table(path)
    schema = rows.schema
    changed = change(rows.to_pylist())
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(changed, schema=schema), path, compression='zstd')


def one_count(rows: list[dict]) -> list[dict]:
    rows[0]['count'] += 1
    return rows


def two_counts_with_the_same_sum(rows: list[dict]) -> list[dict]:
    rows[0]['count'] += 1
    rows[1]['count'] -= 1
    return rows


def another_row_instead(rows: list[dict]) -> list[dict]:
    """Drops the first row and doubles the last one; the number of rows stays the same."""
    return rows[1:] + rows[-1:]


def another_offset(rows: list[dict]) -> list[dict]:
    rows[0]['kafka_offset'] += 1_000_000
    return rows


def postcode_of_a_late_row(rows: list[dict]) -> list[dict]:
    next(row for row in rows if row['late'])['postcode'] = 'ELSEWHERE'
    return rows


def moment_of_a_late_row(rows: list[dict]) -> list[dict]:
    next(row for row in rows if row['late'])['timestamp'] += datetime.timedelta(minutes=10)
    return rows


def value(column: str, *values: object):
    """The first rows with other values."""
    def change(rows: list[dict]) -> list[dict]:
        for row, other in zip(rows, values):
            row[column] = other
        return rows
    return change


def damage_pages_of(path: pathlib.Path, column: str) -> None:
    """Flips one bit in the middle of the column's first chunk."""
    chunks = pyarrow.parquet.read_metadata(path).row_group(0)
    chunk = next(chunk for chunk in map(chunks.column, range(chunks.num_columns)) if chunk.path_in_schema == column)
    bytes_ = bytearray(path.read_bytes())
    bytes_[chunk.data_page_offset + chunk.total_compressed_size // 2] ^= 16
    path.write_bytes(bytes_)


def lateness(rows: list[dict]) -> list[dict]:
    rows[0]['late'] = not rows[0]['late']
    return rows
