#!/usr/bin/env python3
"""make.py   Writes java-list.avro and java-manifest.avro beside it with fastavro (pip install fastavro).

They have the names, the order and the extra fields that files of Iceberg's Java library have had over its versions:
`added_data_files_count` for `added_files_count`, `block_size_in_bytes`, `distinct_counts`, records in a namespace.
"""
import pathlib

import fastavro

HERE = pathlib.Path(__file__).parent
SYNC = b"fedcba9876543210"


def optional(name, type_, id_):
    return {"name": name, "type": ["null", type_], "default": None, "field-id": id_}


def entries(name, value, key_id, value_id, id_):
    record = {"type": "record", "name": f"k{key_id}_v{value_id}", "fields": [
        {"name": "key", "type": "int", "field-id": key_id}, {"name": "value", "type": value, "field-id": value_id}]}
    return optional(name, {"type": "array", "logicalType": "map", "items": record}, id_)


LIST = {"type": "record", "name": "manifest_file", "namespace": "org.example", "fields": [
    {"name": "manifest_path", "type": "string", "doc": "Location URI with FS scheme", "field-id": 500},
    {"name": "manifest_length", "type": "long", "field-id": 501},
    {"name": "partition_spec_id", "type": "int", "field-id": 502},
    {"name": "content", "type": "int", "field-id": 517},
    {"name": "sequence_number", "type": "long", "field-id": 515},
    {"name": "min_sequence_number", "type": "long", "field-id": 516},
    {"name": "added_snapshot_id", "type": "long", "field-id": 503},
    {"name": "added_data_files_count", "type": "int", "field-id": 504},
    {"name": "existing_data_files_count", "type": "int", "field-id": 505},
    {"name": "deleted_data_files_count", "type": "int", "field-id": 506},
    {"name": "added_rows_count", "type": "long", "field-id": 512},
    {"name": "existing_rows_count", "type": "long", "field-id": 513},
    {"name": "deleted_rows_count", "type": "long", "field-id": 514},
    optional("partitions", {"type": "array", "element-id": 508, "items": {"type": "record", "name": "r508", "fields": [
        {"name": "contains_null", "type": "boolean", "field-id": 509}, optional("contains_nan", "boolean", 518),
        optional("lower_bound", "bytes", 510), optional("upper_bound", "bytes", 511)]}}, 507),
]}

MANIFEST = {"type": "record", "name": "manifest_entry", "fields": [
    {"name": "status", "type": "int", "field-id": 0},
    optional("snapshot_id", "long", 1),
    optional("sequence_number", "long", 3),
    optional("file_sequence_number", "long", 4),
    {"name": "data_file", "field-id": 2, "type": {"type": "record", "name": "r2", "fields": [
        {"name": "content", "type": "int", "field-id": 134},
        {"name": "file_path", "type": "string", "field-id": 100},
        {"name": "file_format", "type": "string", "field-id": 101},
        {"name": "partition", "field-id": 102, "type": {"type": "record", "name": "r102", "fields": [
            optional("timestamp_day", {"type": "int", "logicalType": "date"}, 1000)]}},
        {"name": "record_count", "type": "long", "field-id": 103},
        {"name": "file_size_in_bytes", "type": "long", "field-id": 104},
        {"name": "block_size_in_bytes", "type": "long", "field-id": 105},
        entries("column_sizes", "long", 117, 118, 108),
        entries("value_counts", "long", 119, 120, 109),
        entries("distinct_counts", "long", 123, 124, 111),
        entries("lower_bounds", "bytes", 126, 127, 125),
        entries("upper_bounds", "bytes", 129, 130, 128),
        optional("split_offsets", {"type": "array", "items": "long", "element-id": 133}, 132),
        optional("sort_order_id", "int", 140),
    ]}},
]}


def manifest(path, content, sequence, added):
    return {"manifest_path": path, "manifest_length": 100, "partition_spec_id": 0, "content": content,
            "sequence_number": sequence, "min_sequence_number": 1, "added_snapshot_id": 10 + sequence,
            "added_data_files_count": added, "existing_data_files_count": 1, "deleted_data_files_count": 1,
            "added_rows_count": 10, "existing_rows_count": 10, "deleted_rows_count": 10,
            "partitions": [{"contains_null": True, "contains_nan": None, "lower_bound": b"\x38\x4a\0\0", "upper_bound": b"\x38\x4a\0\0"}]}


def entry(status, snapshot, sequence, path, day, **more):
    file = {"content": 0, "file_path": path, "file_format": "PARQUET", "partition": {"timestamp_day": day}, "record_count": 10,
            "file_size_in_bytes": 1000, "block_size_in_bytes": 67108864, "column_sizes": None, "value_counts": None,
            "distinct_counts": None, "lower_bounds": None, "upper_bounds": None, "split_offsets": None, "sort_order_id": None}
    return {"status": status, "snapshot_id": snapshot, "sequence_number": sequence, "file_sequence_number": sequence,
            "data_file": {**file, **more}}


def write(name, schema, records, codec):
    with open(HERE / name, "wb") as out:
        fastavro.writer(out, fastavro.parse_schema(schema), records, codec=codec, sync_marker=SYNC,
                        metadata={"format-version": "2", "content": "data"})


write("java-list.avro", LIST, [manifest("s3://b/m0.avro", 0, 4, 2), manifest("s3://b/m1.avro", 1, 5, 1)], "deflate")
write("java-manifest.avro", MANIFEST, [
    entry(1, None, None, "s3://b/a.parquet", 19000, value_counts=[{"key": 1, "value": 10}, {"key": 3, "value": 10}],
          lower_bounds=[{"key": 1, "value": b"SW1"}], split_offsets=[4], distinct_counts=[{"key": 1, "value": 3}]),
    entry(0, 11, 2, "s3://b/b.orc", None, file_format="ORC", sort_order_id=0),
    entry(2, 12, 1, "s3://b/c.parquet", 19001),
], "null")
