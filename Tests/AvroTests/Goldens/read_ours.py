"""read_ours.py FILE   Reads the container file of AvroFileTests with duckdb's Avro reader and checks every record."""
import pathlib
import sys

import duckdb
import duckdb_extension_avro

con = duckdb.connect()
extension = next(pathlib.Path(duckdb_extension_avro.__file__).parent.rglob("avro.duckdb_extension"))
con.execute(f"LOAD '{extension}'")
rows = con.execute("SELECT * FROM read_avro(?)", [sys.argv[1]])
names = [d[0] for d in rows.description]
rows = [dict(zip(names, r)) for r in rows.fetchall()]
assert len(rows) == 5, rows


def entries(value):
    """duckdb shows a map as a dict or a list of key and value, by version."""
    return dict(value) if isinstance(value, dict) else {e["key"]: e["value"] for e in value or []}


for i, row in enumerate(rows):
    assert row["status"] == i % 3, row
    assert row["snapshot_id"] == (None if i == 0 else -(1 << 62) + i), row
    assert row["flag"] == (i % 2 == 1), row
    assert row["ratio"] == i + 0.5 and row["exact"] == i / 3, row
    assert row["path"] == f"s3://b/\u00fc{i}.parquet", row
    assert row["raw"] == (None if i % 2 else bytes([0, 255, i])), row
    assert row["id"].bytes == bytes(range(i, i + 16)), row
    assert row["splits"] == (None if i == 1 else [4, 1 << 40][:i]), row
    assert entries(row["sizes"]) == {k: k * 10 for k in range(i)}, row
    assert entries(row["names"]) == {f"k{k}": f"v{k}" for k in range(i)}, row
    assert row["kind"] == "AB"[i % 2], row
    assert (row["partition"] or {}).get("day") == (None if i == 2 else 18000 + i) or hasattr(row["partition"]["day"], "year"), row
