"""Data files as other engines' compaction writes them: other codecs and units are read, or refused with their names."""
import pyarrow
import pyarrow.parquet
import pytest

from support import program, tamper
from support.events import views
from support.lake import COUNTS, RAW


def rewrite_all(warehouse, column=None, to=None, **options):
    """Rewrites every data file with the column cast to another type; returns the files."""
    files = [path for name in (RAW, COUNTS) for path in tamper.live_files(warehouse, name)]
    for path in files:
        rows = pyarrow.parquet.read_table(path)
        index = rows.schema.get_field_index(column) if column else -1
        if index >= 0:
            field = rows.schema.field(index)
            values = rows.column(index)
            if pyarrow.types.is_decimal(to):
                values = values.cast(pyarrow.decimal128(19, 0))
            rows = rows.set_column(index, field.with_type(to), values.cast(to))
        pyarrow.parquet.write_table(rows, path, **options)
    return files


@pytest.fixture
def exported(topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    topic.produce(views(77, count=2000))
    service.to_end(topic, state, *warehouse.options)
    return warehouse


def check_both_read(warehouse, state):
    proof = program.run('proof', '--state', str(state.path), *warehouse.options, env=warehouse.environment)
    assert proof.code == 0, proof.out + proof.err
    counts = state.rows('SELECT * FROM postcode_view_count ORDER BY 1, 2')
    again = state.path.with_name('again.db')
    restored = program.run('restore', '--state', str(again), *warehouse.options, env=warehouse.environment)
    assert restored.code == 0, restored.err
    assert type(state)(again).rows('SELECT * FROM postcode_view_count ORDER BY 1, 2') == counts != []


@pytest.mark.parametrize(('codec', 'version'), [
    ('gzip', '1.0'), ('gzip', '2.0'), ('lz4', '1.0'), ('lz4', '2.0'), ('snappy', '2.0'), ('none', '1.0')])
def test_codecs_of_other_engines_are_read(codec, version, exported, state):
    rewrite_all(exported, compression=codec, data_page_version=version)
    check_both_read(exported, state)


def test_milliseconds_are_milliseconds(exported, state):
    rewrite_all(exported, 'timestamp', pyarrow.timestamp('ms', tz='UTC'), version='2.6')
    check_both_read(exported, state)


@pytest.mark.parametrize(('column', 'to', 'words'), [
    ('timestamp', pyarrow.timestamp('ns', tz='UTC'), 'TIMESTAMP(NANOS)'), ('count', pyarrow.uint64(), 'UINT_64'),
    ('kafka_offset', pyarrow.uint64(), 'UINT_64'), ('count', pyarrow.decimal128(18, 0), 'DECIMAL'),
    ('timestamp', pyarrow.int64(), 'int64, not timestampMicros'), ('count', pyarrow.timestamp('us', tz='UTC'), 'timestampMicros'),
])
def test_what_is_not_the_tables_type_is_refused_by_file_column_and_type(column, to, words, exported, state):
    files = rewrite_all(exported, column, to, version='2.6', store_decimal_as_integer=True)
    for command in ('proof', 'restore'):
        path = state.path if command == 'proof' else state.path.with_name('again.db')
        result = program.run(command, '--state', str(path), *exported.options, env=exported.environment)
        assert result.code == 1, (result.out, result.err)
        said = result.out + result.err
        assert words in said and f'column {column}' in said and any(file.name in said for file in files), said


def test_a_codec_that_is_not_read_is_named(exported, state):
    rewrite_all(exported, compression='brotli')
    result = program.run('proof', '--state', str(state.path), *exported.options, env=exported.environment)
    assert result.code == 1 and 'brotli' in result.out + result.err, result.out + result.err
