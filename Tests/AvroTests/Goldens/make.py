#!/usr/bin/env python3
"""make.py   Writes the golden Avro files beside it with fastavro (pip install fastavro zstandard cramjam).
make.py check FILE   Reads FILE with fastavro and compares it with those records.

entries-CODEC.avro: 5 records with every kind of schema that Iceberg uses, fields in an order of their own.
foreign.avro: a manifest-like file with extra, missing and reordered fields, as another engine may write it.
"""
import json
import pathlib
import sys

import fastavro

HERE = pathlib.Path(__file__).parent

ENTRY = {
    "type": "record", "name": "entry", "namespace": "example.lake",
    "fields": [
        {"name": "status", "type": "int", "field-id": 0},
        {"name": "snapshot_id", "type": ["null", "long"], "default": None, "field-id": 1},
        {"name": "flag", "type": "boolean", "field-id": 2},
        {"name": "ratio", "type": "float", "field-id": 3},
        {"name": "exact", "type": "double", "field-id": 4},
        {"name": "path", "type": "string", "field-id": 5},
        {"name": "raw", "type": ["null", "bytes"], "default": None, "field-id": 6},
        {"name": "id", "type": {"type": "fixed", "name": "uuid_fixed", "size": 16, "logicalType": "uuid"}, "field-id": 7},
        {"name": "splits", "type": ["null", {"type": "array", "items": "long", "element-id": 133}], "default": None, "field-id": 8},
        {"name": "sizes", "type": {"type": "array", "logicalType": "map", "items": {
            "type": "record", "name": "k117_v118", "fields": [
                {"name": "key", "type": "int", "field-id": 117}, {"name": "value", "type": "long", "field-id": 118}]}},
         "field-id": 9},
        {"name": "names", "type": {"type": "map", "values": "string", "key-id": 10, "value-id": 11}, "field-id": 12},
        {"name": "kind", "type": {"type": "enum", "name": "kind", "symbols": ["A", "B"]}, "field-id": 13},
        {"name": "partition", "type": {"type": "record", "name": "r102", "fields": [
            {"name": "day", "type": ["null", {"type": "int", "logicalType": "date"}], "default": None, "field-id": 1000}]},
         "field-id": 102},
        {"name": "other_id", "type": "uuid_fixed", "field-id": 14},
    ],
}


def entry(i):
    return {
        "status": i % 3, "snapshot_id": None if i == 0 else -(1 << 62) + i, "flag": i % 2 == 1, "ratio": i + 0.5,
        "exact": i / 3, "path": f"s3://b/\u00fc{i}.parquet", "raw": None if i % 2 else bytes([0, 255, i]),
        "id": bytes(range(i, i + 16)), "splits": None if i == 1 else [4, 1 << 40][:i], "sizes": [{"key": k, "value": k * 10} for k in range(i)],
        "names": {f"k{k}": f"v{k}" for k in range(i)}, "kind": "AB"[i % 2], "partition": {"day": None if i == 2 else 18000 + i},
        "other_id": bytes(16),
    }


FOREIGN = {
    "type": "record", "name": "manifest_entry", "fields": [
        {"name": "engine_note", "type": ["null", {"type": "map", "values": ["null", "string", "long"]}], "default": None, "field-id": 9001},
        {"name": "data_file", "field-id": 2, "type": {"type": "record", "name": "r2", "fields": [
            {"name": "record_count", "type": "int", "field-id": 103},
            {"name": "location", "type": "string", "field-id": 100},
            {"name": "nested", "type": {"type": "array", "items": {"type": "array", "items": "float"}}, "field-id": 9002},
        ]}},
        {"name": "status", "type": "int", "field-id": 0},
        {"name": "unnumbered", "type": "float"},
    ],
}


def main():
    for codec in ("null", "deflate", "zstandard", "snappy"):
        with open(HERE / f"entries-{codec}.avro", "wb") as out:
            fastavro.writer(out, fastavro.parse_schema(json.loads(json.dumps(ENTRY))), [entry(i) for i in range(5)],
                            codec=codec, metadata={"content": "data", "note": "\u00fc"}, sync_marker=b"0123456789abcdef",
                            sync_interval=200)
    with open(HERE / "foreign.avro", "wb") as out:
        fastavro.writer(out, fastavro.parse_schema(FOREIGN), [
            {"engine_note": {"a": "b", "c": 3, "d": None}, "data_file": {"record_count": 7, "location": "x", "nested": [[1.0], []]},
             "status": 1, "unnumbered": 1.5},
            {"engine_note": None, "data_file": {"record_count": 8, "location": "y", "nested": []}, "status": 2, "unnumbered": 2.5},
        ], codec="deflate", sync_marker=b"0123456789abcdef")


def plain(value):
    if isinstance(value, bytes):
        return list(value)
    if hasattr(value, "bytes") and hasattr(value, "hex"):  # uuid.UUID
        return list(value.bytes)
    if hasattr(value, "toordinal"):
        return value.toordinal() - 719163
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return value


def check(path):
    with open(path, "rb") as source:
        found = plain(list(fastavro.reader(source)))
    wanted = plain([entry(i) for i in range(5)])
    for record in wanted:
        record["exact"] = float(record["exact"])
    if found != wanted:
        sys.exit(f"fastavro reads {json.dumps(found)[:500]}\nexpected {json.dumps(wanted)[:500]}")


if __name__ == "__main__":
    check(*sys.argv[2:]) if sys.argv[1:2] == ["check"] else main()
