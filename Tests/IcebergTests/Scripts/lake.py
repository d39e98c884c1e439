"""lake.py   Writers and readers that are not ours, as a child process: one JSON command a line in, one JSON answer a line out.

The table of the tests: postcode string (1), timestamp timestamptz (2), count long (3). Timestamps are microseconds.
"""
import datetime
import json
import os
import pathlib
import sys
import traceback

import duckdb
import duckdb_extension_avro
import duckdb_extension_httpfs
import duckdb_extension_iceberg
import pyarrow as pa
import pyarrow.parquet as pq

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def field(name, type_, id_):
    return pa.field(name, type_, nullable=False, metadata={"PARQUET:field_id": str(id_)})


ROWS = pa.schema([field("postcode", pa.string(), 1), field("timestamp", pa.timestamp("us", tz="UTC"), 2), field("count", pa.int64(), 3)])
DELETES = pa.schema([field("file_path", pa.string(), 2147483546), field("pos", pa.int64(), 2147483545)])


def local(path):
    return path.removeprefix("file://")


def write(path, columns, schema):
    path = local(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    pq.write_table(pa.Table.from_arrays([pa.array(c, f.type) for c, f in zip(columns, schema)], schema=schema), path,
                   compression="zstd")
    return {"size": os.path.getsize(path)}


def write_data(path, rows):
    return write(path, list(zip(*rows)) if rows else [[], [], []], ROWS)


def write_deletes(path, rows):
    return write(path, list(zip(*rows)), DELETES)


def extension(module, name):
    return next(pathlib.Path(module.__file__).parent.rglob(f"{name}.duckdb_extension"))


def connect():
    con = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    con.execute("SET TimeZone = 'UTC'")
    for module, name in ((duckdb_extension_avro, "avro"), (duckdb_extension_httpfs, "httpfs"), (duckdb_extension_iceberg, "iceberg")):
        con.execute(f"LOAD '{extension(module, name)}'")
    return con


CON = connect()


def micros(value):
    return round((value - EPOCH) / datetime.timedelta(microseconds=1))


def read_duckdb(folder):
    rows = CON.execute(f"SELECT postcode, epoch_us(timestamp), count FROM iceberg_scan('{local(folder)}')").fetchall()
    return sorted(list(r) for r in rows)


def read_pyiceberg(metadata, properties={}):
    from pyiceberg.table import StaticTable
    table = StaticTable.from_metadata(metadata, properties).scan().to_arrow()
    return sorted([r["postcode"], micros(r["timestamp"]), r["count"]] for r in table.to_pylist())


def inspect(metadata):
    """What pyiceberg's reader of manifests sees."""
    from pyiceberg.table import StaticTable
    table = StaticTable.from_metadata(metadata)
    snapshot = table.current_snapshot()
    manifests = snapshot.manifests(table.io) if snapshot else []
    entries = [e for m in manifests for e in m.fetch_manifest_entry(table.io, discard_deleted=False)]
    return {
        "manifests": [[int(m.content), m.sequence_number, m.min_sequence_number, m.added_files_count, m.existing_files_count,
                       m.deleted_files_count, m.added_rows_count, m.existing_rows_count, m.deleted_rows_count] for m in manifests],
        "entries": sorted([int(e.status), int(e.data_file.content), e.sequence_number, e.data_file.record_count, e.data_file.file_path,
                    e.data_file.partition[0]] for e in entries),
        "snapshots": [s.snapshot_id for s in table.metadata.snapshots],
        "summary": {k: v for k, v in (snapshot.summary.additional_properties.items() if snapshot else [])},
    }


def metadata_json(path):
    """Table metadata as pyiceberg's models read it and write it again."""
    from pyiceberg.table.metadata import TableMetadataUtil
    return json.loads(TableMetadataUtil.parse_raw(pathlib.Path(local(path)).read_text()).model_dump_json())


def roaring(values, path):
    """A portable 64-bit bitmap of pyroaring."""
    from pyroaring import BitMap64
    pathlib.Path(path).write_bytes(BitMap64(values).serialize())
    return {}


def puffin(path):
    """The deletion vectors of a Puffin file, as pyiceberg reads them."""
    from pyiceberg.table.deletion_vector import deletion_vectors_from_puffin_file
    from pyiceberg.table.puffin import PuffinFile
    file = PuffinFile(pathlib.Path(local(path)).read_bytes())
    return {dv.referenced_data_file: dv.to_vector().to_pylist() for dv in deletion_vectors_from_puffin_file(file)}


def rest(uri, warehouse, credential, properties):
    from pyiceberg.catalog.rest import RestCatalog
    return RestCatalog("c", **{"uri": uri, "warehouse": warehouse, "credential": credential, **properties})


def rest_load(uri, warehouse, credential, properties, namespace, table):
    rows = rest(uri, warehouse, credential, properties).load_table((namespace, table)).scan().to_arrow().to_pylist()
    return sorted([r["postcode"], micros(r["timestamp"]), r["count"]] for r in rows)


def rest_duckdb(uri, warehouse, credential, properties, namespace, table):
    user, secret = credential.split(":")
    con = connect()
    con.execute(f"CREATE SECRET s (TYPE s3, KEY_ID '{user}', SECRET '{secret}', REGION 'us-east-1', URL_STYLE 'path', USE_SSL false, "
                f"ENDPOINT '{properties['s3.endpoint'].removeprefix('http://')}')")
    con.execute(f"CREATE SECRET c (TYPE iceberg, CLIENT_ID '{user}', CLIENT_SECRET '{secret}', OAUTH2_SERVER_URI '{uri}/v1/oauth/tokens')")
    con.execute(f"ATTACH '{warehouse}' AS w (TYPE iceberg, ENDPOINT '{uri}', SECRET c, ACCESS_DELEGATION_MODE 'none')")
    rows = con.execute(f"SELECT postcode, epoch_us(timestamp), count FROM w.{namespace}.{table}").fetchall()
    return sorted(list(r) for r in rows)


def rest_append(uri, warehouse, credential, properties, namespace, table, rows):
    """A commit of another writer."""
    arrays = [pa.array(c, f.type) for c, f in zip(zip(*rows), ROWS)]
    rest(uri, warehouse, credential, properties).load_table((namespace, table)).append(pa.Table.from_arrays(arrays, schema=ROWS))
    return {}


def rest_delete(uri, warehouse, credential, properties, namespace, table, condition):
    rest(uri, warehouse, credential, properties).load_table((namespace, table)).delete(condition)
    return {}


COMMANDS = {f.__name__: f for f in (write_data, write_deletes, read_duckdb, read_pyiceberg, inspect, metadata_json, roaring, puffin, rest_load, rest_duckdb, rest_append, rest_delete)}

for line in sys.stdin:
    command = json.loads(line)
    try:
        answer = {"ok": COMMANDS[command[0]](*command[1:])}
    except Exception:
        answer = {"error": traceback.format_exc()}
    print(json.dumps(answer, default=str), flush=True)
