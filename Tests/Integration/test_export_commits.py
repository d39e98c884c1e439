"""A catalog's or store's answer to a commit may differ from its effect; the exporter checks the table.

A proxy in front of the REST catalog, or of S3 for tables without a catalog, controls effect and answer independently.
"""
import pytest

from support import exports
from support.events import crowded_views
from support.faults import in_front_of
from support.lake import COUNTS, RAW

# The longest delay that a hanging commit may cause.
SHORT = ['--request-timeout', '1500ms']
REST_COMMIT = r'^POST .*/tables/(postcode_view_count|page_view)$'
S3_COMMIT = r'^PUT .*/metadata/v[0-9]+\.metadata\.json'


def export_with_fault(topic, state, service, warehouse, proxy, pattern, outcome, applied, version='2'):
    """One clean export, one in which the first commit of each table meets the fault, and another clean one."""
    options = [*warehouse.options, *SHORT, '--format-version', version]
    values = list(crowded_views(seed=71, count=900))
    for number, part in enumerate((values[:300], values[300:600], values[600:])):
        topic.produce(part)
        if number == 1:
            rules = [proxy.add(pattern.replace('(postcode_view_count|page_view)', name) if 'POST' in pattern
                               else pattern.replace('.*', f'.*{name}'), outcome, applied=applied)
                     for name in (COUNTS, RAW)]
        result = service.to_end(topic, state, *options, env=warehouse.environment)
        if number == 1:
            assert [rule.hits for rule in rules] == [1, 1]
            faulty = result
        proxy.clear()
    exports.check_tables(warehouse, state, topic.read())
    assert len(warehouse.ours(COUNTS)) == 3
    for name in (COUNTS, RAW):  # live files can be read, and files of a refused attempt are not among them
        assert warehouse.content_types(name)[2] == 0
    return faulty


@pytest.mark.parametrize('applied', [True, False], ids=['applied', 'not-applied'])
@pytest.mark.parametrize('outcome', ['ok', '409', '500', '503', 'hang', 'reset'])
def test_a_rest_catalog_that_answers_otherwise(outcome, applied, topic, state, service, make_warehouse):
    warehouse = make_warehouse('rest')
    with in_front_of(warehouse.catalog) as proxy:
        warehouse.catalog_endpoint = proxy.endpoint
        result = export_with_fault(topic, state, service, warehouse, proxy, REST_COMMIT, outcome, applied)
    said = {'409': '409', '500': 'outcome of a commit is not known', '503': 'outcome of a commit is not known',
            'hang': 'timed out', 'reset': 'connection lost', 'ok': '' if applied else 'does not show it'}[outcome]
    for name in (COUNTS, RAW):
        assert any(said in line and name in line for line in result.err.splitlines()), result.err


@pytest.mark.parametrize('applied', [True, False], ids=['applied', 'not-applied'])
@pytest.mark.parametrize('outcome', ['ok', '412 PreconditionFailed', '500', '503 SlowDown', 'hang', 'reset'])
def test_a_store_that_answers_otherwise_to_a_metadata_file(outcome, applied, topic, state, service, make_warehouse):
    warehouse = make_warehouse('s3')
    with in_front_of(warehouse.s3.endpoint) as proxy:
        warehouse.s3_endpoint = proxy.endpoint
        export_with_fault(topic, state, service, warehouse, proxy, S3_COMMIT, outcome, applied, version='3')


@pytest.mark.parametrize('outcome', ['409', '500', 'reset'])
def test_a_catalog_that_never_takes_a_commit_says_so_and_nothing_is_lost(
        outcome, topic, state, service, make_warehouse):
    warehouse = make_warehouse('rest')
    topic.produce(crowded_views(seed=72, count=300))
    with in_front_of(warehouse.catalog) as proxy:
        warehouse.catalog_endpoint = proxy.endpoint
        proxy.add(REST_COMMIT, outcome, times=None)
        result = service.try_to_end(topic, state, *warehouse.options, *SHORT, env=warehouse.environment, seconds=90)
        assert result.code == 4, result.err
        said = 'another writer was first' if outcome == '409' else 'it is not known whether a commit was applied'
        assert said in result.err and f'{warehouse.namespace}.{RAW}' in result.err, result.err
        proxy.clear()
        service.to_end(topic, state, *warehouse.options, env=warehouse.environment)
    exports.check_tables(warehouse, state, topic.read())
