"""Compares this project's Parquet writer and reader with pyarrow on the same rows, settings and machine, in one run.

Usage: python Benchmarks/parquet/compare.py PATH-OF-parquet-benchmark [rows]
Prints CPU seconds (one thread, best of five) and the ratios ours : pyarrow. Each must write what the other reads.
"""
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROUNDS = 5
MOMENT = pa.timestamp("us", tz="UTC")


def skewed(rng, names, rows):
    """Names drawn by a Zipf-like law."""
    weights = 1 / np.arange(1, len(names) + 1)
    return rng.choice(np.array(names), rows, p=weights / weights.sum())


def raw(rows, rng):
    postcodes = [f"{number * 7919 % 90000 + 10000} {chr(65 + number % 26)}{chr(65 + number // 26 % 26)}" for number in range(2000)]
    pages = [f"https://www.example.com/section-{number % 17}/article-{number}.html" for number in range(400)]
    partition = np.repeat(rng.integers(0, 4, rows // 500 + 1), 500)[:rows]
    offset = np.zeros(rows, np.int64)
    for number in range(4):
        offset[partition == number] = 1_000_000 + np.arange((partition == number).sum())
    moments = 1_767_225_600_000_000 + np.arange(rows) * 100 + rng.integers(-2_000_000, 2_000_000, rows) // 1000 * 1000
    return pa.table({
        "user_id": pa.array(rng.integers(1, 100_000, rows), pa.int64(), mask=rng.random(rows) < 0.05),
        "postcode": skewed(rng, postcodes, rows),
        "webpage": pa.array(skewed(rng, pages, rows), mask=rng.random(rows) < 0.03),
        "timestamp": pa.array(moments).cast(MOMENT),
        "kafka_partition": partition.astype(np.int32),
        "kafka_offset": offset,
        "late": rng.random(rows) < 0.01,
    }, schema=pa.schema([
        pa.field("user_id", pa.int64()), pa.field("postcode", pa.string(), False), pa.field("webpage", pa.string()),
        pa.field("timestamp", MOMENT, False), pa.field("kafka_partition", pa.int32(), False),
        pa.field("kafka_offset", pa.int64(), False), pa.field("late", pa.bool_(), False)]))


def counts(rows, rng):
    postcodes = np.array([f"{number * 7919 % 90000 + 10000} {chr(65 + number % 26)}" for number in range(2000)])
    moments = 1_767_225_600_000_000 + np.arange(rows) // 1500 * 60_000_000
    return pa.table({
        "postcode": postcodes[rng.integers(0, 2000, rows)], "timestamp": pa.array(moments).cast(MOMENT),
        "count": rng.zipf(1.5, rows).clip(1, 100_000),
    }, schema=pa.schema([
        pa.field("postcode", pa.string(), False), pa.field("timestamp", MOMENT, False), pa.field("count", pa.int64(), False)]))


def settings(table):
    delta = [] if "count" in table.column_names else ["timestamp", "kafka_offset"]
    return {
        "compression": "zstd", "compression_level": 1, "row_group_size": 1 << 20, "store_schema": False,
        "use_dictionary": [name for name in table.column_names if name not in delta + ["late"]],
        "column_encoding": {name: "DELTA_BINARY_PACKED" for name in delta} or None,
        "write_page_index": True, "write_page_checksum": True,
    }


def best(body):
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        body()
        times.append(time.process_time() - start)
    return min(times)


def compare(name, table, program, folder):
    given, theirs, ours = (folder / f"{name}-{part}.parquet" for part in ("input", "pyarrow", "ours"))
    pq.write_table(table, given, compression="none", row_group_size=1 << 20)
    options = settings(table)

    def write():
        buffer = io.BytesIO()
        pq.write_table(table, buffer, **options)
        return buffer.getvalue()

    content = write()
    theirs.write_bytes(content)
    pa.set_cpu_count(1)
    write_time = best(write)
    read_time = best(lambda: pq.read_table(pa.BufferReader(content), use_threads=False, page_checksum_verification=True))
    result = json.loads(subprocess.run([program, given, ours, str(ROUNDS)], check=True, capture_output=True).stdout)
    assert pq.read_table(ours, page_checksum_verification=True).cast(table.schema).equals(table), "our file has other rows"
    rows = len(table)
    print(f"{name}: {rows} rows")
    for what, mine, other in (("write", result["write"], write_time), ("read", result["read"], read_time)):
        print(f"  {what:5} ours {mine:.3f} s ({mine / rows * 1e9:.0f} ns a row), pyarrow {other:.3f} s, ratio {mine / other:.2f}")
    print(f"  size  ours {result['size']}, pyarrow {len(content)}, ratio {result['size'] / len(content):.3f}")


def main():
    program = sys.argv[1]
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 2_000_000
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        compare("raw", raw(rows, rng), program, pathlib.Path(folder))
        compare("counts", counts(rows // 2, rng), program, pathlib.Path(folder))


main()
