"""Other engines read the counts table while deletes are open: every row once, with the count of the state.

The engines that `make test` brings run always; those of `make readers` have their own Python environments. A line per engine
and format version says what it did: right, refuses, or WRONG.
"""
import collections
import dataclasses
import io
import json
import os
import pathlib
import subprocess
import sys

import fastavro
import pyarrow.parquet
import pytest
from support import exports, program
from support.events import DAY_MS, SAMPLE_MS, crowded_views
from support.kafka import create_topic
from support.lake import COUNTS, Warehouse, summary
from support.servers import Broker
from support.service import Service
from support.state import State

# The reserved id of `file_path` in position-delete files.
FILE_PATH = 2147483546
READING = pathlib.Path(__file__).parent / 'support' / 'reading.py'
# The environments that scripts/readers.sh makes.
ENVIRONMENTS = pathlib.Path(os.environ.get('PAGEVIEWS_READERS', program.ROOT / '.venv-readers'))


@dataclasses.dataclass(frozen=True)
class Engine:
    """An engine of reading.py. `environment` is a folder of ENVIRONMENTS; '' is the tests' own."""
    name: str
    environment: str = ''
    # By format version: what it must do.
    expected: tuple[str, str] = ('right', 'right')

    def __str__(self) -> str:
        return f'{self.name}-{self.environment}' if self.environment else self.name


QUICK = [Engine('pyiceberg'), Engine('duckdb')]
# ClickHouse has no deletion vectors.
SLOW = [Engine('polars', 'polars'), *(Engine(name, environment, ('right', 'refuses')) for environment in ('chdb-25.8', 'chdb-26.9')
                                      for name in ('clickhouse', 'clickhouse-bitmap'))]


@dataclasses.dataclass(frozen=True)
class Table:
    """A counts table with open deletes of several commits, and the state that exported it."""
    warehouse: Warehouse
    state: State
    version: int

    @property
    def metadata(self) -> str:
        return self.warehouse.path(self.warehouse.metadata_file(COUNTS))

    def entries(self) -> list[dict[str, object]]:
        """The live entries of the current snapshot, read without an Iceberg library."""
        snapshot = self.warehouse.table(COUNTS).current_snapshot()
        assert snapshot is not None
        found = []
        for manifest in fastavro.reader(io.BytesIO(self.warehouse.read(snapshot.manifest_list))):
            for entry in fastavro.reader(io.BytesIO(self.warehouse.read(manifest['manifest_path']))):
                if entry['status'] != 2:
                    found.append({**entry['data_file'], 'spec': manifest['partition_spec_id']})
        return found


@pytest.fixture(scope='module', params=[2, 3], ids=['v2', 'v3'])
def table(request: pytest.FixtureRequest, broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Table:
    folder = tmp_path_factory.mktemp('readers')
    topic, state, service = create_topic(broker.address), State(folder / 'pageviews.db'), Service(folder / 'logs')
    made = Table(Warehouse(f'file://{folder}/warehouse'), state, request.param)
    for number in range(6):
        # Two days; each commit changes rows of all earlier data files of a day.
        for start in (SAMPLE_MS - DAY_MS * 6 // 10, SAMPLE_MS):
            topic.produce(crowded_views(seed=810 + number, count=300, start_ms=start))
        service.to_end(topic, state, *made.warehouse.options, '--format-version', str(made.version), '--no-maintenance')
    return made


def bounds(file: dict[str, object], which: str) -> bytes:
    found = {pair['key']: pair['value'] for pair in file[which] or []}  # type: ignore[union-attr]
    return found[FILE_PATH]


def test_a_delete_file_names_exactly_one_data_file_and_a_data_file_has_one(table: Table) -> None:
    entries = table.entries()
    data = {entry['file_path']: entry for entry in entries if entry['content'] == 0}
    deletes = [entry for entry in entries if entry['content'] == 1]
    assert len(data) >= 10 and len(deletes) >= 8, (len(data), len(deletes))
    facts = summary(table.warehouse.snapshots(COUNTS)[-1])
    # Some engines answer a count of rows from the summary alone.
    assert int(facts['total-records']) - int(facts['total-position-deletes']) == len(table.state.counts())
    names = collections.Counter(entry['referenced_data_file'] for entry in deletes)
    assert set(names) <= set(data) and set(names.values()) == {1}, names
    for entry in deletes:
        target = data[entry['referenced_data_file']]
        assert (entry['spec'], entry['partition']) == (target['spec'], target['partition'])
        if table.version >= 3:
            assert entry['file_format'] == 'PUFFIN'
            continue
        path = str(entry['referenced_data_file'])
        assert bounds(entry, 'lower_bounds') == bounds(entry, 'upper_bounds') == path.encode()
        rows = pyarrow.parquet.read_table(table.warehouse.path(str(entry['file_path'])))
        assert set(rows['file_path'].to_pylist()) == {path}
        positions = rows['pos'].to_pylist()
        assert positions == sorted(set(positions)) and len(positions) == entry['record_count']
        # Statistics in the file itself, by which engines skip row groups.
        column = pyarrow.parquet.read_metadata(table.warehouse.path(str(entry['file_path']))).row_group(0).column(0)
        assert column.statistics is None or (column.statistics.min, column.statistics.max) == (path, path)


def outcome(table: Table, engine: Engine) -> tuple[str, str]:
    """`right`, `refuses` or `WRONG`, and the engine's words or the difference."""
    python = ENVIRONMENTS / engine.environment / 'bin' / 'python' if engine.environment else pathlib.Path(sys.executable)
    # ClickHouse reads local files only below its working directory.
    done = subprocess.run([python, READING, engine.name, table.metadata], capture_output=True, text=True, timeout=300,
                          cwd=table.state.path.parent, env=program.clean_environment(), check=False)
    if done.returncode != 0:
        return 'refuses', (done.stderr.strip() or f'exit {done.returncode}').splitlines()[-1][:200]
    rows = sorted((tuple(row) for row in json.loads(done.stdout)), key=repr)
    wanted = exports.counts_of(table.state)
    if rows == wanted:
        return 'right', f'{sum(row[2] for row in rows)} views'
    return 'WRONG', f'{sum(row[2] for row in rows)} views instead of {sum(row[2] for row in wanted)}'


def check(table: Table, engine: Engine) -> None:
    found, detail = outcome(table, engine)
    print(f'\nreader {engine} v{table.version}: {found} ({detail})')
    assert found == engine.expected[table.version - 2], detail


@pytest.mark.parametrize('engine', QUICK, ids=str)
def test_an_engine_reads_open_deletes_right(engine: Engine, table: Table) -> None:
    check(table, engine)


@pytest.mark.readers
@pytest.mark.parametrize('engine', SLOW, ids=str)
def test_an_engine_with_its_own_environment_reads_open_deletes_as_expected(engine: Engine, table: Table) -> None:
    check(table, engine)
