"""Reads a warehouse independently of the program: tables with pyiceberg and duckdb, raw JSON as plain files."""
import collections
import dataclasses
import functools
import json
import pathlib
import re
from typing import Any

import duckdb
import duckdb_extension_avro
import duckdb_extension_httpfs
import duckdb_extension_iceberg
import pyarrow.fs
import zstandard
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.io import load_file_io
from pyiceberg.table import StaticTable, Table
from pyiceberg.table.snapshots import Operation, Snapshot

from .servers import S3

COUNTS, RAW = 'postcode_view_count', 'page_view'
Rows = list[tuple[Any, ...]]


def micros(moment: Any) -> int:
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond


@dataclasses.dataclass
class Warehouse:
    """A warehouse that the program exports to, and its independent readers."""
    location: str
    s3: S3 | None = None
    # The address of a REST catalog that has the tables; without one the warehouse alone has them.
    catalog: str = ''
    catalog_warehouse: str = 's3://warehouse'
    data_path: str = ''
    namespace: str = 'pageviews'
    # The addresses of a proxy, which the program gets instead of those of S3 and the catalog.
    s3_endpoint: str = ''
    catalog_endpoint: str = ''
    # The last metadata read of each table: metadata files never change.
    _last: dict[str, tuple[Table, str]] = dataclasses.field(default_factory=dict)

    @property
    def options(self) -> list[str]:
        options = ['--warehouse', self.location, '--namespace', self.namespace]
        if self.s3:
            options += ['--s3-endpoint', self.s3_endpoint or self.s3.endpoint, '--s3-path-style']
        if self.catalog:
            options += ['--catalog', self.catalog_endpoint or self.catalog]
            options += ['--catalog-warehouse', self.catalog_warehouse]
        if self.data_path:
            options += ['--data-path', self.data_path]
        return options

    @property
    def environment(self) -> dict[str, str]:
        if not self.s3:
            return {}
        return {**self.s3.KEYS, **(self.s3.CREDENTIAL if self.catalog else {})}

    @property
    def io_properties(self) -> dict[str, str]:
        if not self.s3:
            return {}
        return {'s3.endpoint': self.s3.endpoint, 's3.access-key-id': self.s3.KEYS['AWS_ACCESS_KEY_ID'],
                's3.secret-access-key': self.s3.KEYS['AWS_SECRET_ACCESS_KEY'], 's3.region': 'us-east-1',
                's3.force-virtual-addressing': 'false', 'py-io-impl': 'pyiceberg.io.pyarrow.PyArrowFileIO'}

    @functools.cached_property
    def files(self) -> pyarrow.fs.FileSystem:
        if not self.s3:
            return pyarrow.fs.LocalFileSystem()
        keys = self.s3.KEYS
        return pyarrow.fs.S3FileSystem(
            access_key=keys['AWS_ACCESS_KEY_ID'], secret_key=keys['AWS_SECRET_ACCESS_KEY'], region='us-east-1',
            endpoint_override=self.s3.endpoint)

    def path(self, location: str) -> str:
        """A location in the form of pyarrow's file systems."""
        return re.sub(r'^(file|s3)://', '', location)

    def names(self, folder: str) -> list[str]:
        """The paths of all files below a folder."""
        selector = pyarrow.fs.FileSelector(self.path(folder), recursive=True, allow_not_found=True)
        return sorted(info.path for info in self.files.get_file_info(selector)
                      if info.type == pyarrow.fs.FileType.File and '.storage-tmp' not in info.path)

    def read(self, path: str) -> bytes:
        with self.files.open_input_stream(self.path(path), compression=None) as file:
            return file.read()

    @functools.cached_property
    def rest(self) -> RestCatalog:
        keys = self.s3.KEYS if self.s3 else {}
        credential = ':'.join((keys.get('AWS_ACCESS_KEY_ID', ''), keys.get('AWS_SECRET_ACCESS_KEY', '')))
        return RestCatalog('test', **{'uri': self.catalog, 'warehouse': self.catalog_warehouse,
                                      'credential': credential, **self.io_properties})

    def table(self, name: str) -> Table:
        """The table as it is now, as pyiceberg loads it."""
        if self.catalog:
            return self.rest.load_table((self.namespace, name))
        location = self.metadata_file(name)
        if self._last.get(name, (None, ''))[1] != location:
            self._last[name] = (StaticTable.from_metadata(location, self.io_properties), location)
        return self._last[name][0]

    def metadata_file(self, name: str) -> str:
        """The location of the newest metadata."""
        if self.catalog:
            return self.table(name).metadata_location
        folder = f'{self.location}/{self.namespace}/{name}/metadata'
        numbers = [int(found[1]) for path in self.names(folder) if (found := re.search(r'/v(\d+)\.metadata\.json$', path))]
        return f'{folder}/v{max(numbers)}.metadata.json'

    def has(self, name: str) -> bool:
        if self.catalog:
            return self.rest.table_exists((self.namespace, name))
        return bool(self.names(f'{self.location}/{self.namespace}/{name}/metadata'))

    def snapshots(self, name: str) -> list[Snapshot]:
        """The current snapshot and its ancestors, oldest first."""
        table = self.table(name)
        by_id = {snapshot.snapshot_id: snapshot for snapshot in table.metadata.snapshots}
        found, current = [], table.current_snapshot()
        while current:
            found.append(current)
            current = by_id.get(current.parent_snapshot_id)
        return found[::-1]

    def ours(self, name: str) -> list[Snapshot]:
        """The snapshots in which this program added offsets."""
        return [snapshot for snapshot in self.snapshots(name)
                if 'pageviews.offsets' in summary(snapshot) and not is_rewrite(snapshot)]

    # Rows

    def by_pyiceberg(self, name: str, snapshot: int | None = None) -> Rows:
        found = self.table(name).scan(snapshot_id=snapshot).to_arrow()
        columns = [[micros(value) for value in column.to_pylist()] if field == 'timestamp' else column.to_pylist()
                   for field, column in zip(found.column_names, found.columns)]
        return sorted(zip(*columns), key=repr)

    def by_duckdb(self, name: str, snapshot: int | None = None) -> Rows:
        at = f', snapshot_from_id={snapshot}' if snapshot is not None else ''
        location = self.metadata_file(name)
        location = location if self.s3 else self.path(location)
        columns = ('postcode, epoch_us(timestamp), count' if name == COUNTS or name.endswith('count') else
                   'user_id, postcode, webpage, epoch_us(timestamp), kafka_partition, kafka_offset, late')
        found = self.duckdb.execute(f"SELECT {columns} FROM iceberg_scan('{location}'{at})").fetchall()
        return sorted(found, key=repr)

    @functools.cached_property
    def duckdb(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(config={'allow_unsigned_extensions': 'true'})
        connection.execute("SET TimeZone = 'UTC'")
        for module, name in ((duckdb_extension_avro, 'avro'), (duckdb_extension_httpfs, 'httpfs'),
                             (duckdb_extension_iceberg, 'iceberg')):
            folder = pathlib.Path(module.__file__).parent
            connection.execute(f"LOAD '{next(folder.rglob(f'{name}.duckdb_extension'))}'")
        if self.s3:
            keys = self.s3.KEYS
            connection.execute(
                f"CREATE SECRET s (TYPE s3, KEY_ID '{keys['AWS_ACCESS_KEY_ID']}', REGION 'us-east-1', USE_SSL false, "
                f"SECRET '{keys['AWS_SECRET_ACCESS_KEY']}', ENDPOINT '{self.s3.endpoint.removeprefix('http://')}', "
                "URL_STYLE 'path')")
        return connection

    def by_duckdb_catalog(self, name: str) -> Rows:
        """Reads a table that duckdb finds through the REST catalog."""
        keys = self.s3.KEYS if self.s3 else {}
        self.duckdb.execute(
            f"CREATE OR REPLACE SECRET c (TYPE iceberg, CLIENT_ID '{keys['AWS_ACCESS_KEY_ID']}', "
            f"CLIENT_SECRET '{keys['AWS_SECRET_ACCESS_KEY']}', OAUTH2_SERVER_URI '{self.catalog}/v1/oauth/tokens')")
        self.duckdb.execute(f"ATTACH IF NOT EXISTS '{self.catalog_warehouse}' AS lake (TYPE iceberg, SECRET c, "
                            f"ENDPOINT '{self.catalog}', ACCESS_DELEGATION_MODE 'none')")
        found = self.duckdb.execute(
            f'SELECT postcode, epoch_us(timestamp), count FROM lake.{self.namespace}.{name}').fetchall()
        return sorted(found, key=repr)

    # Files

    def content_types(self, name: str) -> collections.Counter[int]:
        """The number of live files of each content type (0 data, 1 position deletes, 2 equality deletes) in all snapshots."""
        table = self.table(name)
        io = load_file_io(self.io_properties, table.metadata_location)
        manifests = {manifest.manifest_path: manifest
                     for snapshot in table.metadata.snapshots for manifest in snapshot.manifests(io)}
        return collections.Counter(
            int(entry.data_file.content) for manifest in manifests.values()
            for entry in manifest.fetch_manifest_entry(io, discard_deleted=False))

    def json_lines(self) -> list[bytes]:
        """All raw JSON lines."""
        lines: list[bytes] = []
        for path in self.names(f'{self.location}/raw'):
            assert re.search(r'/raw/year=\d{4}/month=\d\d/day=\d\d/raw-pageviews-[^/]+\.jsonl\.zst$', path), path
            with zstandard.ZstdDecompressor().stream_reader(self.read(path), read_across_frames=True) as file:
                text = file.read()
            assert text.endswith(b'\n')
            lines += text[:-1].split(b'\n')
        return lines


def summary(snapshot: Snapshot) -> dict[str, str]:
    return dict(snapshot.summary.additional_properties) if snapshot.summary else {}


def is_rewrite(snapshot: Snapshot) -> bool:
    return snapshot.summary is not None and snapshot.summary.operation == Operation.REPLACE


def offsets(snapshot: Snapshot) -> dict[int, tuple[int, int]]:
    """The offsets a snapshot adds, by partition: first inclusive, last exclusive."""
    text = summary(snapshot)['pageviews.offsets']
    return {int(partition): (span[0], span[1]) for partition, span in json.loads(text).items()}
