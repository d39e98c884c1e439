"""A disk that is full, read-only or not ours, and a process without descriptors: told, survived, and exact afterwards."""
import contextlib
import os
import resource
import subprocess
import time

import pytest

from support import exports, program
from support.events import SAMPLE_MS, event, views
from support.health import status, wait_for, wait_healthy
from support.lake import COUNTS, Warehouse
from support.service import arguments
from support.shim import Plan, compile_shim
from support.state import State
from support.wait import eventually

HARD = resource.getrlimit(resource.RLIMIT_NOFILE)[1]


class Disk:
    """A file system of its own in a folder. Who may not mount one has the same calls refused in a folder (support/shim.py)."""

    def __init__(self, folder, size, plan):
        self.folder, self._plan = folder, plan
        self.environment = plan.environment
        folder.mkdir()
        options = ['-t', 'tmpfs', '-o', f'size={size}', 'tmpfs']
        self.is_mounted = subprocess.run(['mount', *options, folder], capture_output=True, check=False).returncode == 0

    def _remount(self, *options):
        subprocess.run(['mount', '-o', f'remount,{",".join(options)}', self.folder], check=True)

    def fill(self):
        """Takes what is left."""
        if not self.is_mounted:
            return self._plan.set(f'write {self.folder.name}/ 1 ENOSPC 0', f'open {self.folder.name}/new 1 ENOSPC 0')
        with (self.folder / 'filler').open('wb', buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(4096)):
                pass
        return None

    def give_back(self, size):
        if not self.is_mounted:
            return self._plan.clear()
        (self.folder / 'filler').unlink()
        return self._remount(f'size={size}')

    def set_read_only(self):
        if self.is_mounted:
            return self._remount('ro')
        ops = ['write', 'truncate', 'rename', 'link', 'unlink', 'mkdir', 'open']
        return self._plan.set(*(f'{op} {self.folder.name}/ 1 EROFS 0' for op in ops))

    def set_writable(self):
        return self._remount('rw') if self.is_mounted else self._plan.clear()

    def unmount(self):
        if self.is_mounted:
            subprocess.run(['umount', '-l', self.folder], check=True)


@pytest.fixture
def small_disk(tmp_path):
    """Makes a disk of a size; unmounted at the end."""
    with contextlib.ExitStack() as stack:
        def make(size: str) -> Disk:
            disk = Disk(tmp_path / 'small-disk', size, Plan(compile_shim(tmp_path), tmp_path))
            stack.callback(disk.unmount)
            return disk
        yield make


def test_a_full_disk_waits_for_room_and_loses_nothing(topic, service, small_disk, tmp_path):
    """State, spool and heartbeat are on it; the warehouse is elsewhere."""
    disk = small_disk('8m')
    state = State(disk.folder / 'pageviews.db')
    warehouse = Warehouse(f'file://{tmp_path}/warehouse-0')
    options = [*warehouse.options, '--late-topic', 'off', '--flush-interval', '20ms', '--export-interval', '200ms']
    running = service.start(topic, state, *options, env=disk.environment)
    topic.produce(views(seed=501, count=300))
    exports.wait_exported(warehouse, 300)
    disk.fill()
    # More than the log has room for, which was given back by the last checkpoint.
    sent, deadline = 300, time.monotonic() + 60
    while 'full' not in running.err:
        assert time.monotonic() < deadline and running.alive(), running.err
        # Fewer counts than a query returns rows, and none later than a day.
        sent += topic.produce([event(f'P{number}', SAMPLE_MS + number * 60_000, webpage=os.urandom(100).hex())
                               for number in (place % 1000 for place in range(sent, sent + 2000))])
    wait_for(state, 'flush')
    disk.give_back('32m')
    eventually(lambda: state.consumed() == sent, 'it to go on', 60)
    exports.wait_exported(warehouse, sent)
    wait_healthy(state, 30)
    result, _ = running.stop(seconds=20)
    assert result.code == 0, result.err
    service.to_end(topic, state, *options)
    exports.check_tables(warehouse, state, topic.read())


def test_a_disk_that_is_full_at_the_start_is_one_line(topic, service, small_disk):
    disk = small_disk('64k')
    disk.fill()
    state = State(disk.folder / 'pageviews.db')
    topic.produce(views(seed=502, count=300))
    result = service.try_to_end(topic, state, '--late-topic', 'off', env=disk.environment)
    assert result.code == 1, result
    line, = result.err.splitlines()
    assert line.startswith('pageviews: ') and str(state.path) in line and ('full' in line or 'No space' in line), line
    disk.give_back('8m')
    service.to_end(topic, state, '--late-topic', 'off')
    exports.differ(exports.counts_of(state), exports.expected_counts(topic.read(), {0: 300}), 'counts')


def test_a_disk_that_becomes_read_only_is_told_and_goes_on(topic, service, small_disk):
    """As a file system that met a fault does."""
    disk = small_disk('32m')
    state = State(disk.folder / 'pageviews.db')
    topic.produce(views(seed=503, count=300))
    service.to_end(topic, state, '--late-topic', 'off')
    before = state.everything()
    # Open files would keep it from becoming read-only, so it does between two runs.
    disk.set_read_only()
    topic.produce(views(seed=504, count=300))
    result = service.try_to_end(topic, state, '--late-topic', 'off', env=disk.environment)
    assert result.code == 1, result
    line, = result.err.splitlines()
    assert line.startswith('pageviews: ') and str(state.path) in line and 'Read-only file system' in line, line
    assert state.everything() == before, 'it can still be read'
    proof = program.run('proof', '--state', str(state.path))
    assert proof.code == 0, proof.out + proof.err
    disk.set_writable()
    service.to_end(topic, state, '--late-topic', 'off')
    exports.differ(exports.counts_of(state), exports.expected_counts(topic.read(), {0: 600}), 'counts')


@pytest.mark.parametrize('limit', [12, 20, 32, 48, 64])
def test_without_descriptors_it_says_so_or_does_its_work(limit, topic, state, service, make_warehouse, tmp_path):
    warehouse = make_warehouse()
    options = [*warehouse.options, '--late-topic', 'off', '--export-interval', '200ms']
    topic.produce(views(seed=505, count=500))
    running = program.Running(
        tmp_path / 'logs', *arguments(topic, state, *options), '--exit-at-end',
        before=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, HARD)))
    try:
        eventually(lambda: not running.alive() or 'pageviews' in running.err or 'Too many open files' in running.err
                   or not status(state)['healthy'], 'an end, or a word', 30)
        if running.alive():
            # It waits for descriptors, as it does for disk space.
            resource.prlimit(running.pid, resource.RLIMIT_NOFILE, (min(1024, HARD), HARD))
        result = running.wait(90)
    finally:
        running.kill()
    if result.code != 0:
        assert result.code in (1, 4), result
        assert result.err.splitlines()[-1].startswith('pageviews: '), result.err
    service.to_end(topic, state, *options)
    exports.check_tables(warehouse, state, topic.read())


@pytest.mark.parametrize('limit', [16, 24, 40])
def test_descriptors_that_run_out_while_it_runs_lose_nothing(limit, topic, state, service, make_warehouse):
    """It continues when they are back, or has ended with one line."""
    warehouse = make_warehouse()
    options = [*warehouse.options, '--late-topic', 'off', '--flush-interval', '20ms', '--export-interval', '200ms']
    running = service.start(topic, state, *options)
    topic.produce(views(seed=506, count=300))
    exports.wait_exported(warehouse, 300)
    resource.prlimit(running.pid, resource.RLIMIT_NOFILE, (limit, HARD))
    topic.produce(views(seed=507, count=300))
    eventually(lambda: not running.alive() or not status(state)['healthy'] or exports.ends_of(warehouse, COUNTS) == {0: 600},
               'an answer', 30)
    if running.alive():
        resource.prlimit(running.pid, resource.RLIMIT_NOFILE, (min(1024, HARD), HARD))
        exports.wait_exported(warehouse, 600)
        wait_healthy(state, 30)
        result, _ = running.stop(seconds=20)
        assert result.code == 0, result.err
    else:
        assert running.process.returncode == 1 and running.err.splitlines()[-1].startswith('pageviews: '), running.err
    service.to_end(topic, state, *options)
    exports.check_tables(warehouse, state, topic.read())
