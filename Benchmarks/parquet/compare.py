"""Compares this project's Parquet writer and reader with pyarrow on the same rows, settings and machine, in one run.

Usage: python Benchmarks/parquet/compare.py PATH-OF-parquet-benchmark [rows]
Prints CPU seconds (one thread, the best of several rounds, in turn) and the ratios ours : pyarrow. Each must read what the other writes.
"""
import io
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import pyarrow as pa
import pyarrow.parquet as pq

ROUNDS = 7
MOMENT = pa.timestamp("us", tz="UTC")


def skewed(rng, names, rows):
    """Names drawn by a Zipf-like law."""
    return rng.choices(names, [1 / rank for rank in range(1, len(names) + 1)], k=rows)


def some(rng, values, share):
    """The values, with a share of them missing."""
    return [None if rng.random() < share else value for value in values]


def raw(rows, rng):
    postcodes = [f"{number * 7919 % 90000 + 10000} {chr(65 + number % 26)}{chr(65 + number // 26 % 26)}" for number in range(2000)]
    pages = [f"https://www.example.com/section-{number % 17}/article-{number}.html" for number in range(400)]
    next_offset = [1_000_000] * 4
    partitions, offsets = [], []
    while len(partitions) < rows:
        partition = rng.randrange(4)
        for _ in range(min(500, rows - len(partitions))):
            partitions.append(partition)
            offsets.append(next_offset[partition])
            next_offset[partition] += 1
    moments = [1_767_225_600_000_000 + row * 100 + rng.randrange(-2000, 2000) * 1000 for row in range(rows)]
    return pa.table([
        pa.array(some(rng, [rng.randrange(1, 100_000) for _ in range(rows)], 0.05), pa.int64()),
        pa.array(skewed(rng, postcodes, rows)), pa.array(some(rng, skewed(rng, pages, rows), 0.03)),
        pa.array(moments, pa.int64()).cast(MOMENT), pa.array(partitions, pa.int32()), pa.array(offsets, pa.int64()),
        pa.array([rng.random() < 0.01 for _ in range(rows)]),
    ], schema=pa.schema([
        pa.field("user_id", pa.int64()), pa.field("postcode", pa.string(), False), pa.field("webpage", pa.string()),
        pa.field("timestamp", MOMENT, False), pa.field("kafka_partition", pa.int32(), False),
        pa.field("kafka_offset", pa.int64(), False), pa.field("late", pa.bool_(), False)]))


def counts(rows, rng):
    postcodes = [f"{number * 7919 % 90000 + 10000} {chr(65 + number % 26)}" for number in range(2000)]
    moments = [1_767_225_600_000_000 + row // 1500 * 60_000_000 for row in range(rows)]
    return pa.table([
        pa.array(rng.choices(postcodes, k=rows)), pa.array(moments, pa.int64()).cast(MOMENT),
        pa.array([min(100_000, int(rng.paretovariate(0.8))) for _ in range(rows)], pa.int64()),
    ], schema=pa.schema([
        pa.field("postcode", pa.string(), False), pa.field("timestamp", MOMENT, False), pa.field("count", pa.int64(), False)]))


def settings(table):
    delta = [] if "count" in table.column_names else ["timestamp", "kafka_offset"]
    return {
        "compression": "zstd", "compression_level": 1, "row_group_size": 1 << 20, "store_schema": False,
        "use_dictionary": [name for name in table.column_names if name not in delta + ["late"]],
        "column_encoding": {name: "DELTA_BINARY_PACKED" for name in delta} or None,
        "write_page_index": True, "write_page_checksum": True,
    }


def cpu_seconds(body):
    start = time.process_time()
    body()
    return time.process_time() - start


def compare(name, table, program, folder):
    given, ours = folder / f"{name}-input.parquet", folder / f"{name}-ours.parquet"
    pq.write_table(table, given, compression="none", row_group_size=1 << 20)
    options = settings(table)
    content = []

    def write():
        buffer = io.BytesIO()
        pq.write_table(table, buffer, **options)
        content[:] = [buffer.getvalue()]

    def read():
        pq.read_table(pa.BufferReader(content[0]), use_threads=False, page_checksum_verification=True)

    pa.set_cpu_count(1)
    theirs, mine = [], []
    # In turn, so that other load on the machine affects both alike.
    for _ in range(ROUNDS):
        theirs.append({"write": cpu_seconds(write), "read": cpu_seconds(read)})
        answer = subprocess.run([program, given, ours, "2"], check=True, capture_output=True).stdout
        mine.append(json.loads(answer))
    assert pq.read_table(ours, page_checksum_verification=True).cast(table.schema).equals(table), "our file has other rows"
    rows = len(table)
    print(f"{name}: {rows} rows")
    for what in ("write", "read"):
        our_time, their_time = (min(round[what] for round in rounds) for rounds in (mine, theirs))
        print(f"  {what:5} ours {our_time:.3f} s ({our_time / rows * 1e9:.0f} ns a row), pyarrow {their_time:.3f} s, "
              f"ratio {our_time / their_time:.2f}")
    size = mine[0]["size"]
    print(f"  size  ours {size}, pyarrow {len(content[0])}, ratio {size / len(content[0]):.3f}")


def main():
    program = sys.argv[1]
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 2_000_000
    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        compare("raw", raw(rows, rng), program, pathlib.Path(folder))
        compare("counts", counts(rows // 2, rng), program, pathlib.Path(folder))


main()
