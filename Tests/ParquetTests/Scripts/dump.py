"""Prints as JSON what another reader finds in a Parquet file.

Usage: python dump.py pyarrow|duckdb FILE
"""
import json
import sys

from tables import arrow_columns


def by_pyarrow(path):
    import pyarrow.parquet as pq
    file = pq.ParquetFile(path, page_checksum_verification=True)
    groups = []
    for index in range(file.num_row_groups):
        group = file.metadata.row_group(index)
        columns = []
        for number in range(group.num_columns):
            chunk = group.column(number)
            statistics = chunk.statistics
            columns.append({
                "encodings": sorted(chunk.encodings), "compression": chunk.compression,
                "hasColumnIndex": chunk.has_column_index, "hasOffsetIndex": chunk.has_offset_index,
                "compressedSize": chunk.total_compressed_size, "uncompressedSize": chunk.total_uncompressed_size,
                "nullCount": statistics.null_count if statistics else None,
                "min": str(statistics.min_raw) if statistics and statistics.has_min_max else None,
                "max": str(statistics.max_raw) if statistics and statistics.has_min_max else None,
            })
        groups.append({"rowCount": group.num_rows, "columns": columns})
    metadata = {key.decode(): value.decode() for key, value in (file.metadata.metadata or {}).items()}
    return {"columns": arrow_columns(file.read()), "groups": groups, "metadata": metadata, "createdBy": file.metadata.created_by}


def by_duckdb(path):
    import duckdb
    connection = duckdb.connect()
    connection.sql("set timezone = 'UTC'")
    return {"columns": arrow_columns(connection.sql(f"select * from read_parquet('{path}')").to_arrow_table())}


print(json.dumps({"pyarrow": by_pyarrow, "duckdb": by_duckdb}[sys.argv[1]](sys.argv[2])))
