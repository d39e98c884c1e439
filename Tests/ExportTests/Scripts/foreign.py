"""foreign.py FOLDER COMMAND [JSON]   Another engine (pyiceberg) for a table without a catalog, in a folder.

Commits like the file catalog: creates vN.metadata.json if it is absent. Prints one JSON value.
"""
import datetime
import json
import os
import pathlib
import sys

import pyarrow as pa
from pyiceberg.catalog.noop import NoopCatalog
from pyiceberg.table import CommitTableResponse, Table
from pyiceberg.table.metadata import TableMetadataUtil
from pyiceberg.table.update import RemoveSnapshotsUpdate, SetSnapshotRefUpdate, update_table_metadata
from pyiceberg.transforms import DayTransform, HourTransform, MonthTransform, YearTransform
from pyiceberg.types import StringType

FOLDER = pathlib.Path(sys.argv[1])
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def newest():
    return max((FOLDER / "metadata").glob("v*.metadata.json"), key=lambda file: int(file.name[1:].split(".")[0]))


def store(text):
    number = int(newest().name[1:].split(".")[0]) + 1
    descriptor = os.open(FOLDER / "metadata" / f"v{number}.metadata.json", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


class Folder(NoopCatalog):
    def load(self):
        file = newest()
        table = Table(("t",), TableMetadataUtil.parse_raw(file.read_text()), f"file://{file}", None, self)
        table.io = table._load_io() if hasattr(table, "_load_io") else __import__("pyiceberg.io", fromlist=["x"]).load_file_io({}, str(file))
        return table

    def load_table(self, identifier):
        return self.load()

    def commit_table(self, table, requirements, updates):
        base = self.load().metadata
        for requirement in requirements:
            requirement.validate(base)
        new = update_table_metadata(base, tuple(updates))
        store(new.model_dump_json(exclude_none=True))
        return CommitTableResponse(**{"metadata": new.model_dump(), "metadata-location": f"file://{newest()}"})


def edit(change):
    metadata = json.loads(newest().read_text())
    change(metadata)
    store(json.dumps(metadata))


CATALOG = Folder("folder")


def rows(snapshot=None):
    scan = CATALOG.load().scan(snapshot_id=snapshot)
    found = scan.to_arrow().to_pylist()
    return sorted([r["postcode"], round((r["timestamp"] - EPOCH) / datetime.timedelta(seconds=1)), r["count"]] for r in found)


def duckdb(_=None):
    import duckdb as module
    import duckdb_extension_avro
    import duckdb_extension_iceberg
    con = module.connect(config={"allow_unsigned_extensions": "true"})
    con.execute("SET TimeZone = 'UTC'")
    for extension, name in ((duckdb_extension_avro, "avro"), (duckdb_extension_iceberg, "iceberg")):
        con.execute(f"LOAD '{next(pathlib.Path(extension.__file__).parent.rglob(f'{name}.duckdb_extension'))}'")
    sql = f"SELECT postcode, epoch(timestamp)::BIGINT, count FROM iceberg_scan('{newest()}')"
    return sorted(list(row) for row in con.execute(sql).fetchall())


def snapshots(_=None):
    metadata = CATALOG.load().metadata
    return [[s.snapshot_id, s.parent_snapshot_id, s.summary.additional_properties.get("pageviews.commit-id")] for s in metadata.snapshots]


def is_v3():
    """Whether the table is v3. pyiceberg writes no v3, so the callers edit its metadata directly."""
    return json.loads(newest().read_text())["format-version"] == 3


def roll_back(snapshot):
    if is_v3():
        return edit(lambda m: m.update({"current-snapshot-id": snapshot, "refs": {"main": {"snapshot-id": snapshot, "type": "branch"}},
                                        "snapshot-log": m["snapshot-log"] + [{"snapshot-id": snapshot, "timestamp-ms": m["last-updated-ms"]}]}))
    table = CATALOG.load()
    CATALOG.commit_table(table, (), (SetSnapshotRefUpdate(ref_name="main", type="branch", snapshot_id=snapshot),))


def expire_others(drop_parents=False):
    """Expires all snapshots but the current one, as lake-wide maintenance does."""
    table = CATALOG.load()
    current = table.metadata.current_snapshot_id
    gone = [s.snapshot_id for s in table.metadata.snapshots if s.snapshot_id != current]
    if gone:
        CATALOG.commit_table(table, (), (RemoveSnapshotsUpdate(snapshot_ids=gone),))
    if drop_parents:
        edit(lambda m: [s.pop("parent-snapshot-id", None) for s in m["snapshots"]])


def append(values):
    schema = CATALOG.load().schema().as_arrow()
    postcodes, seconds, counts = zip(*values)
    columns = {"postcode": pa.array(postcodes, schema.field("postcode").type),
               "timestamp": pa.array([s * 1_000_000 for s in seconds], pa.timestamp("us", "UTC")), "count": pa.array(counts, pa.int64())}
    CATALOG.load().append(pa.table(columns, schema=pa.schema([schema.field(n) for n in columns])))


def delete(condition):
    CATALOG.load().delete(condition)


def partition(by):
    if is_v3():
        def change(m):
            source = m["partition-specs"][0]["fields"][0]["source-id"]
            fields = [] if by == "none" else [{"source-id": source, "field-id": 1001, "name": f"timestamp_{by}", "transform": by}]
            m["partition-specs"].append({"spec-id": 1, "fields": fields})
            m.update({"default-spec-id": 1, "last-partition-id": 1001})
        return edit(change)
    names = {"month": MonthTransform(), "year": YearTransform(), "hour": HourTransform(), "day": DayTransform()}
    with CATALOG.load().update_spec() as change:
        change.remove_field("timestamp_day")
        if by != "none":
            change.add_field("timestamp", names[by], f"timestamp_{by}")


def add_partition(column):
    with CATALOG.load().update_spec() as change:
        change.add_identity(column)


def columns(change):
    table = CATALOG.load()
    with table.update_schema(allow_incompatible_changes=True) as update:
        match change:
            case "moved": update.move_first("count")
            case "added": update.add_column("note", StringType())
            case "renamed": update.rename_column("postcode", "code")
            case "dropped": update.delete_column("count")
            case "documented": update.update_column("count", doc="views")
            case "optional": update.update_column("count", required=False)
    if change == "defaulted":
        edit(lambda m: m["schemas"][-1]["fields"].append(
            {"id": 99, "name": "kind", "type": "string", "required": False, "write-default": "x"}) or m.update({"last-column-id": 99}))


def properties(values):
    with CATALOG.load().transaction() as change:
        change.set_properties(values)


def sort_order(_=None):
    edit(lambda m: m.update({"default-sort-order-id": 7, "sort-orders": m["sort-orders"] + [
        {"order-id": 7, "fields": [{"source-id": 3, "transform": "identity", "direction": "desc", "null-order": "nulls-last"}]}]}))


def upgrade(_=None):
    edit(lambda m: m.update({"format-version": 3, "next-row-id": m.get("next-row-id", 0)}))


def partitions(_=None):
    """Spec, partition values and row timestamps of each live data file, as pyiceberg and pyarrow read them."""
    import pyarrow.parquet as pq
    found = []
    for task in CATALOG.load().scan().plan_files():
        times = pq.read_table(task.file.file_path.removeprefix("file://"), columns=["timestamp"])["timestamp"].to_pylist()
        values = [task.file.partition[i] for i in range(len(task.file.partition))]
        found.append([task.file.spec_id, values, str(min(times)), str(max(times))])
    return sorted(found, key=repr)


if __name__ == "__main__":
    answer = globals()[sys.argv[2]](*[json.loads(argument) for argument in sys.argv[3:]])
    print(json.dumps(answer, default=str))
