"""A process under resource limits reports what it lacks and ends, or works and can be stopped."""
import re
import resource
import signal
import subprocess

import pytest

from support import program
from support.service import arguments


@pytest.mark.parametrize('megabytes', [100, 150, 200, 300])
def test_without_threads_it_says_so_and_ends(megabytes, topic, state):
    """Without threads the program must not hang or ignore SIGTERM."""
    limit = megabytes << 20
    process = subprocess.Popen(
        [program.BINARY, *arguments(topic, state)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env=program.clean_environment(), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
    try:
        _, err = process.communicate(timeout=20)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 1, (process.returncode, err)
    assert re.fullmatch(r'pageviews: only \d+ of 24 threads could be made: .*; raise the limits of this process .*\n', err), err
    assert not state.path.exists()


def test_with_room_for_its_threads_it_runs_and_stops(topic, state):
    limit = 3 << 30
    process = subprocess.Popen(
        [program.BINARY, *arguments(topic, state)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env=program.clean_environment(), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(3)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=10)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0, err
