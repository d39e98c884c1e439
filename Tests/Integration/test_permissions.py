"""Only the owner can access files with user ids and pages."""
import pathlib
import stat

from support import program
from support.events import views
from support.wait import eventually


def modes(folder: pathlib.Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.rglob('*')}


def test_state_and_spool_are_their_owners(topic, state, service, make_warehouse):
    warehouse = make_warehouse('s3')
    topic.produce(views(seed=81, count=300))
    running = service.start(topic, state, *warehouse.options, '--export-interval', '1h', env=warehouse.environment)
    spool = state.path.with_name(state.path.name + '.spool')
    eventually(lambda: state.consumed() == 300 and list(spool.glob('*.parquet')), 'the events and an open segment')
    running.kill()
    assert stat.S_IMODE(spool.stat().st_mode) == 0o700
    assert set(modes(spool).values()) == {0o600}
    beside = {name: mode for name, mode in modes(state.path.parent).items() if name.startswith(state.path.name + '-')}
    assert len(beside) == 2 and set(beside.values()) == {0o600}, beside
    for path in (state.path, state.path.with_name(state.path.name + '.lock'), state.path.with_name(state.path.name + '.health')):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    copy = state.path.with_name('copy.db')
    program.run('backup', '--state', str(state.path), str(copy), check=True)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


def test_who_may_read_the_state_may_read_its_health(topic, state, service):
    topic.produce(views(seed=82, count=10))
    service.to_end(topic, state)
    state.path.chmod(0o640)
    state.path.with_name(state.path.name + '.health').unlink()
    running = service.start(topic, state)
    health = state.path.with_name(state.path.name + '.health')
    eventually(health.exists, 'the heartbeat')
    assert stat.S_IMODE(health.stat().st_mode) == 0o640
    running.stop(seconds=10)
