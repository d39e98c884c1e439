"""Writes the golden Parquet files with pyarrow and duckdb, each with a JSON file of its values beside it.

Usage: python Scripts/make_golden.py Golden      (in Tests/ParquetTests; the outcome is committed)
"""
import json
import pathlib
import random
import sys
from decimal import Decimal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tables import arrow_columns

TYPES = [
    ("flag", pa.bool_()), ("small", pa.int32()), ("large", pa.int64()), ("single", pa.float32()), ("real", pa.float64()),
    ("text", pa.string()), ("raw", pa.binary()), ("moment", pa.timestamp("us", tz="UTC")), ("day", pa.date32()),
]


def values(kind, count, rng, distinct):
    if kind == "flag":
        return [rng.random() < 0.3 for _ in range(count)]
    if kind in ("small", "day"):
        return [rng.choice([0, 1, -1, 2**31 - 1, -2**31, rng.randrange(-1000, 1000)]) if kind == "small"
                else rng.randrange(-20000, 40000) for _ in range(count)]
    if kind == "large":
        return [rng.choice([0, -1, 2**63 - 1, -2**63, rng.randrange(distinct)]) for _ in range(count)]
    if kind in ("single", "real"):
        special = [0.0, -0.0, float("inf"), float("-inf"), float("nan"), 1.5]
        return [rng.choice(special) if rng.random() < 0.2 else float(rng.randrange(distinct)) / 8 for _ in range(count)]
    if kind == "text":
        return [rng.choice(["", "ü", "postcode", "日本"]) + str(rng.randrange(distinct)) for _ in range(count)]
    if kind == "raw":
        return [rng.randbytes(rng.randrange(6)) for _ in range(count)]
    start = 1_700_000_000_000_000
    return [start + row * 1_000_000 + rng.randrange(-5_000_000, 5_000_000) for row in range(count)]


def table(count, seed, nulls=0.2, distinct=40):
    rng = random.Random(seed)
    fields, columns = [], []
    for number, (name, kind) in enumerate(TYPES):
        for optional in (False, True):
            column = values(name, count, rng, distinct)
            if optional:
                column = [None if rng.random() < nulls else value for value in column]
            fields.append(pa.field(name + ("_or_null" if optional else ""), kind, optional,
                                   {"PARQUET:field_id": str(2 * number + optional + 1)}))
            columns.append(pa.array(column, pa.int64() if name == "moment" else pa.int32() if name == "day" else kind)
                           .cast(kind))
    return pa.table(columns, pa.schema(fields))


def names(*kinds):
    return [name + suffix for name, kind in TYPES if kind in kinds for suffix in ("", "_or_null")]


INTEGERS = names(pa.int32(), pa.int64(), pa.timestamp("us", tz="UTC"), pa.date32())
NUMBERS = INTEGERS + names(pa.float32(), pa.float64())
BYTES = names(pa.string(), pa.binary())


def encodings(**choices):
    return {column: encoding for encoding, columns in choices.items() for column in columns}


def write(folder, name, data, **options):
    path = folder / f"{name}.parquet"
    pq.write_table(data, path, store_schema=False, **options)
    describe(path)


def describe(path):
    """The JSON beside a file: its values as pyarrow reads them."""
    file = pq.ParquetFile(path)
    groups = [file.metadata.row_group(index).num_rows for index in range(file.num_row_groups)]
    content = {"rowGroups": groups, "columns": arrow_columns(file.read())}
    path.with_suffix(".json").write_text(json.dumps(content, separators=(",", ":")) + "\n")


def main():
    folder = pathlib.Path(sys.argv[1])
    small = table(120, 1)
    write(folder, "v1_plain_none", small, use_dictionary=False, compression="none")
    write(folder, "v1_dictionary_none", small, compression="none")
    write(folder, "v1_dictionary_snappy", table(300, 2), compression="snappy")
    write(folder, "v1_dictionary_zstd_checksums", table(300, 3), compression="zstd", write_page_checksum=True,
          write_page_index=True, data_page_size=256)
    write(folder, "v1_delta_zstd", table(300, 4), compression="zstd", use_dictionary=False,
          column_encoding=encodings(DELTA_BINARY_PACKED=INTEGERS))
    write(folder, "v2_dictionary_snappy", table(300, 5), compression="snappy", data_page_version="2.0")
    write(folder, "v2_dictionary_zstd_groups", table(400, 6), compression="zstd", data_page_version="2.0",
          row_group_size=90, data_page_size=128)
    write(folder, "v2_delta_none", small, compression="none", use_dictionary=False, data_page_version="2.0",
          column_encoding=encodings(DELTA_BINARY_PACKED=INTEGERS, DELTA_BYTE_ARRAY=BYTES))
    write(folder, "v2_delta_lengths_none", small, compression="none", use_dictionary=False, data_page_version="2.0",
          column_encoding=encodings(DELTA_LENGTH_BYTE_ARRAY=BYTES, BYTE_STREAM_SPLIT=NUMBERS))
    write(folder, "v1_fallback_none", table(400, 7, distinct=10_000), compression="none", dictionary_pagesize_limit=200,
          data_page_size=200, write_batch_size=16)
    write(folder, "all_null", table(100, 8, nulls=1.0), compression="snappy")
    write(folder, "hardly_null", table(500, 9, nulls=0.004), compression="none")
    write(folder, "empty", table(0, 10), compression="zstd")
    nested = pa.table({
        "before": pa.array([1, 2, 3], pa.int64()), "list": pa.array([[1], [], [2, 3]]),
        "struct": pa.array([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}, None]), "after": pa.array(["a", None, "c"]),
        "decimal": pa.array([1, 2, 3]).cast(pa.decimal128(30, 2)),
    })
    write(folder, "nested_between", nested)
    write(folder, "v1_dictionary_gzip", table(300, 11), compression="gzip")
    write(folder, "v2_plain_gzip", table(300, 12), compression="gzip", use_dictionary=False, data_page_version="2.0")
    write(folder, "v1_plain_lz4", table(300, 13), compression="lz4", use_dictionary=False)
    write(folder, "v2_dictionary_lz4", table(300, 14), compression="lz4", data_page_version="2.0", data_page_size=256)
    moments = pa.array([0, 1, -1, None, 1_768_046_400_123, -62_135_596_800_000], pa.timestamp("ms", tz="UTC"))
    write(folder, "milliseconds", pa.table({"moment": moments}), compression="zstd")
    write(folder, "other_meanings", pa.table({
        "plain": pa.array([1, 2], pa.int64()), "nanos": pa.array([1, 2], pa.timestamp("ns", tz="UTC")),
        "unsigned": pa.array([1, 2**64 - 1], pa.uint64()), "unsigned_32": pa.array([1, 2**32 - 1], pa.uint32()),
        "money": pa.array([Decimal(1), Decimal(2)], pa.decimal128(18, 2)),
        "small_money": pa.array([Decimal(1), Decimal(2)], pa.decimal128(9, 2)),
        "time": pa.array([1, 2], pa.time64("us")), "time_ms": pa.array([1, 2], pa.time32("ms")),
    }), compression="none", store_decimal_as_integer=True)
    path = folder / "by_duckdb.parquet"
    duckdb.sql(f"""
        copy (select range::integer as small, range * 1000000007 as large, 'word ' || range % 7 as text, range / 3.0::double as real,
              case when range % 3 = 0 then null else range % 2 = 0 end as flag,
              make_timestamptz(1700000000000000 + range * 1000) as moment, date '2024-01-01' + range::integer as day
              from range(0, 500)) to '{path}' (format parquet, compression zstd, row_group_size 200)""")
    describe(path)


main()
