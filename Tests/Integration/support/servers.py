"""Brokers and S3 for tests, started by the repository's own scripts on free loopback ports."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping

from .program import ROOT
from .wait import eventually

# The Python environment of the tests also has the servers.
VENV = pathlib.Path(sys.prefix)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def script(name: str, *arguments: str, env: Mapping[str, str] | None = None, seconds: float = 60) -> str:
    """Runs scripts/NAME and returns what it printed."""
    done = subprocess.run([ROOT / 'scripts' / name, *arguments], env={**os.environ, **(env or {})}, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False)
    assert done.returncode == 0, f'{name} ended with {done.returncode}: {done.stderr}'
    return done.stdout.strip()


def end_recorded(pid_file: pathlib.Path, number: int) -> None:
    """Ends the process in a start script's pid file and waits for its end. Does nothing if none runs."""
    if not pid_file.exists():
        return
    pid = int(pid_file.read_text())
    pid_file.unlink()
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
    eventually(lambda: not is_running(pid), f'{pid_file.name} {pid} to end', seconds=60)


def is_running(pid: int) -> bool:
    """Whether a process runs; False for a zombie, which may have no parent to reap it."""
    try:
        return pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except FileNotFoundError:
        return False


class Broker:
    """A broker behind the correcting proxy. Both keep their ports across restarts."""

    def __init__(self, folder: pathlib.Path, storage: str = 'memory', cluster: str = 'integration',
                 env: Mapping[str, str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._storage = folder, storage
        self._visible = folder / 'visible.json'
        self._visible.write_text('{}')
        self._env = {'CLUSTER_ID': cluster, 'KAFKA_VISIBLE': str(self._visible), **(env or {})}
        self.address = ''

    def start(self) -> 'Broker':
        """Starts whichever of broker and proxy is not running, and waits until both listen."""
        self.address = script('start-kafka.sh', str(VENV), str(self._folder), '0', self._storage, env=self._env)
        return self

    def reserve(self) -> str:
        """Chooses the ports without starting anything; returns the address that start() will serve."""
        outer, inner = free_port(), free_port()
        (self._folder / 'kafka.ports').write_text(f'{outer} {inner}\n')
        return f'127.0.0.1:{outer}'

    def show_partitions(self, topic: str, number: int) -> None:
        """Clients see only the first `number` partitions of the topic from now on."""
        visible = json.loads(self._visible.read_text())
        replacement = self._visible.with_suffix('.new')
        replacement.write_text(json.dumps({**visible, topic: number}))
        replacement.replace(self._visible)

    def kill_proxy(self) -> None:
        end_recorded(self._folder / 'kafka-proxy.pid', signal.SIGKILL)

    def freeze_proxy(self) -> None:
        """Stops the proxy (SIGSTOP): connections stay open, and requests get no answer."""
        os.kill(int((self._folder / 'kafka-proxy.pid').read_text()), signal.SIGSTOP)

    def thaw_proxy(self) -> None:
        pid_file = self._folder / 'kafka-proxy.pid'
        if pid_file.exists() and is_running(int(pid_file.read_text())):
            os.kill(int(pid_file.read_text()), signal.SIGCONT)

    def kill_broker(self) -> None:
        end_recorded(self._folder / 'kafka.pid', signal.SIGKILL)

    def stop(self) -> None:
        self.thaw_proxy()
        end_recorded(self._folder / 'kafka-proxy.pid', signal.SIGTERM)
        end_recorded(self._folder / 'kafka.pid', signal.SIGKILL)


class S3:
    """An S3 server and an Iceberg REST catalog (SeaweedFS). It keeps its ports and its data across restarts."""

    KEYS = {'AWS_ACCESS_KEY_ID': 'testkey', 'AWS_SECRET_ACCESS_KEY': 'testsecret'}
    # The catalog takes the same keys as the id and the secret of an OAuth client.
    CREDENTIAL = {'PAGEVIEWS_CATALOG_CREDENTIAL': 'testkey:testsecret'}

    def __init__(self, folder: pathlib.Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.endpoint = self.catalog = ''

    def start(self) -> 'S3':
        base = self.endpoint.rpartition(':')[2] or 'auto'
        said = script('start-s3.sh', str(VENV), str(self._folder), '--port-base', base, '--owner', str(os.getpid()),
                      env=self.KEYS, seconds=120)
        found = dict(line.split('=', 1) for line in said.splitlines())
        self.endpoint, self.catalog = found['S3_ENDPOINT'], found['CATALOG_ENDPOINT']
        return self

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that another program needs to reach it."""
        return {**self.KEYS, 'AWS_ENDPOINT': self.endpoint}

    def kill(self) -> None:
        """Kills the server (SIGKILL), also when it hangs; `start` starts it again on the same ports and data."""
        end_recorded(self._folder / 's3.pid', signal.SIGKILL)

    def hang(self) -> None:
        """Stops the server (SIGSTOP): connections stay open, and requests get no answer."""
        os.kill(int((self._folder / 's3.pid').read_text()), signal.SIGSTOP)

    def go_on(self) -> None:
        pid_file = self._folder / 's3.pid'
        if pid_file.exists() and is_running(int(pid_file.read_text())):
            os.kill(int(pid_file.read_text()), signal.SIGCONT)

    def stop(self) -> None:
        """Kills the server: its data is not needed, and a graceful end takes many seconds."""
        self.kill()
