"""read_ours.py FILE   Reads the container file of AvroFileTests with duckdb's Avro reader and checks every record."""
import pathlib
import sys
import tempfile

import duckdb
import duckdb_extension_avro
import zstandard


def uvarint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return (value >> 1) ^ -(value & 1), at


def varint(number):
    number = number << 1
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def unpacked(path):
    """The file, or a copy whose zstandard blocks are plain: duckdb's Avro reader knows only null and deflate."""
    data = pathlib.Path(path).read_bytes()
    old, new = b"\x14avro.codec\x12zstandard", b"\x14avro.codec\x08null"
    if old not in data:
        return path
    at = data.index(b"0123456789abcdef") + 16
    out = data[:at].replace(old, new)
    while at < len(data):
        count, at = uvarint(data, at)
        length, at = uvarint(data, at)
        content = zstandard.ZstdDecompressor().decompress(data[at:at + length])
        out += varint(count) + varint(len(content)) + content + data[at + length:at + length + 16]
        at += length + 16
    copy = tempfile.NamedTemporaryFile(suffix=".avro", delete=False, dir=pathlib.Path(path).parent)
    copy.write(out)
    copy.close()
    return copy.name


con = duckdb.connect()
extension = next(pathlib.Path(duckdb_extension_avro.__file__).parent.rglob("avro.duckdb_extension"))
con.execute(f"LOAD '{extension}'")
rows = con.execute("SELECT * FROM read_avro(?)", [unpacked(sys.argv[1])])
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
