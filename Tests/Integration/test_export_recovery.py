"""However the exporter ends, the next run recovers: nothing is lost, nothing is duplicated."""
import random
import signal
import time

import pytest

from support import exports
from support.events import views
from support.lake import COUNTS
from test_restart import Traffic

STEPS = ['written', 'prepared', 'uploading', 'uploaded', 'staged', 'committed', 'settled']
# The raw table's steps are the same in both versions.
POINTS = [(2, 'segment.closed'), *((2, f'raw.{step}') for step in STEPS), (3, 'raw.committed'), (2, 'counts.deleted'),
          (3, 'counts.deleted'),
          *((version, f'counts.{step}') for version in (2, 3) for step in STEPS),
          # test_maintenance.py kills at these steps too.
          *(pytest.param(version, point, marks=pytest.mark.torture) for version, point in (
              *((2, f'counts.rewrite.{step}') for step in STEPS), (3, 'counts.rewrite.committed'), (2, 'raw.rewrite.committed'),
              *((2, f'counts.expiry.{step}') for step in ('recorded', 'committed', 'removed'))))]


@pytest.mark.parametrize('version,point', POINTS)
def test_a_kill_at_a_step_is_made_good_by_the_next_run(version, point, topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    options = [*warehouse.options, '--format-version', str(version)]
    if 'rewrite' in point or 'expiry' in point:
        options += ['--compact-files', '2', '--keep-snapshots', '1']
    for seed, env in ((61, None), (62, {'PAGEVIEWS_FAIL_POINT': point})):
        topic.produce(views(seed, count=400))
        result = service.try_to_end(topic, state, *options, env=env)
        assert result.code == (-signal.SIGKILL if env else 0), result.err
    # Once with a new table, once with rows to delete; more events arrive before the recovering run.
    topic.produce(views(seed=63, count=100))
    service.to_end(topic, state, *options)
    exports.check_tables(warehouse, state, topic.read())
    assert warehouse.content_types(COUNTS)[2] == 0
    spool = state.path.with_name(state.path.name + '.spool')
    assert list(spool.iterdir()) == [], 'files stay in the spool'


@pytest.mark.parametrize('point', ['raw.staged', 'raw.committed', 'counts.staged', 'counts.committed'])
def test_a_kill_in_the_very_first_commit_is_made_good(point, topic, state, service, make_warehouse):
    warehouse = make_warehouse()
    topic.produce(views(seed=64, count=400))
    for _ in range(2):
        result = service.try_to_end(topic, state, *warehouse.options, env={'PAGEVIEWS_FAIL_POINT': point})
    assert result.code == (0 if point.endswith('committed') else -signal.SIGKILL), result.err
    service.to_end(topic, state, *warehouse.options)
    exports.check_tables(warehouse, state, topic.read())


@pytest.mark.parametrize('version,partitions,seed', [(2, 1, 65), (3, 3, 66)])
def test_random_kills_lose_nothing_and_double_nothing(
        version, partitions, seed, make_topic, state, service, make_warehouse):
    topic, warehouse = make_topic(partitions), make_warehouse()
    options = [*warehouse.options, '--format-version', str(version), '--export-interval', '200ms',
               '--compact-files', '3', '--keep-snapshots', '5']
    chance = random.Random(seed)
    with Traffic(topic, seed, chunk=50):
        for _ in range(12):
            running = service.start(topic, state, *options, '--flush-interval', '20ms')
            time.sleep(chance.uniform(0.1, 1.0))  # the random moment; nothing is concluded from its length
            assert running.alive(), running.err
            running.kill()
    service.to_end(topic, state, *options)
    exports.check_tables(warehouse, state, topic.read())
