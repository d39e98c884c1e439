"""Runs a separate Debian 12 with systemd as process 1 in a folder, by systemd-nspawn. It shares the host's network, so that it can
reach servers on the host's loopback.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'Integration'))

from support.wait import eventually  # noqa: E402

MIRROR = 'http://deb.debian.org/debian'
# The container sees a cgroup v2 tree, whatever the host's version, with its own group in it.
BOOT = '''
mount --make-rprivate / && { umount -R /sys/fs/cgroup 2>/dev/null || true; } && mount -t cgroup2 none /sys/fs/cgroup || exit 1
mkdir -p "/sys/fs/cgroup/$2" && echo $$ >"/sys/fs/cgroup/$2/cgroup.procs" || exit 1
exec systemd-nspawn --quiet --directory "$1" --boot --register=no --keep-unit --console=pipe --link-journal=no
'''
TIDY = '''
mount --make-rprivate / && { umount -R /sys/fs/cgroup 2>/dev/null || true; } && mount -t cgroup2 none /sys/fs/cgroup || exit 1
for _ in $(seq 50); do
  [ -d "/sys/fs/cgroup/$1" ] || exit 0
  find "/sys/fs/cgroup/$1" -depth -type d -exec rmdir {} + 2>/dev/null
  sleep 0.1
done
echo "the cgroup $1 is left behind" >&2
'''


def needs() -> list[str]:
    """The requirements that are missing."""
    missing = [] if os.geteuid() == 0 else ['to be root']
    packages = {'debootstrap': 'debootstrap', 'systemd-nspawn': 'systemd-container', 'nsenter': 'util-linux'}
    return missing + [f'the Debian package {package}' for program, package in packages.items() if not shutil.which(program)]


class Machine:
    """One container; `folder` keeps Debian for the next one."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._base, self.root = folder / 'debian-12', folder / 'machine'
        self._group = f'pageviews-machine-{os.getpid()}'
        self._process: subprocess.Popen | None = None
        self._leader = 0

    def make(self) -> None:
        """Installs a minimal Debian 12 with systemd."""
        if not (self._base / 'made').exists():
            shutil.rmtree(self._base, ignore_errors=True)
            subprocess.run(['debootstrap', '--variant=minbase', '--include=systemd,systemd-sysv,dbus,ca-certificates', 'bookworm',
                            self._base, MIRROR], check=True, stdout=subprocess.DEVNULL)
            (self._base / 'made').touch()
        shutil.rmtree(self.root, ignore_errors=True)
        subprocess.run(['cp', '-a', self._base, self.root], check=True)
        # debootstrap leaves this to the installer.
        self.write('/etc/hosts', '127.0.0.1 localhost\n::1 localhost\n')

    def boot(self) -> float:
        """Waits until systemd has started everything. Returns the seconds."""
        began = time.monotonic()
        with (self.root.parent / 'console.log').open('w') as console:
            self._process = subprocess.Popen(['unshare', '--mount', 'bash', '-c', BOOT, 'boot', self.root, self._group],
                                             stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT)
        self._leader = eventually(self._child, 'the machine to have a process 1', seconds=20)
        eventually(lambda: self.try_('systemctl', 'is-system-running')[1].strip() in ('running', 'degraded'), 'systemd to be up',
                   seconds=60, every=0.2)
        return time.monotonic() - began

    def _child(self) -> int:
        assert self._process and self._process.poll() is None, (self.root.parent / 'console.log').read_text()
        for task in pathlib.Path(f'/proc/{self._process.pid}/task').iterdir():
            for pid in (task / 'children').read_text().split():
                if pathlib.Path(f'/proc/{pid}/comm').read_text().strip() in ('systemd', 'init'):
                    return int(pid)
        return 0

    def start(self, *command: str, **settings: object) -> subprocess.Popen:
        """Starts a program in the container, as root."""
        return subprocess.Popen(
            ['nsenter', '--target', str(self._leader), '--mount', '--uts', '--ipc', '--pid', '--cgroup', '--wdns=/', 'env', '-i',
             'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'LC_ALL=C.UTF-8', 'HOME=/root',
             'DEBIAN_FRONTEND=noninteractive', *command],
            stdin=subprocess.DEVNULL, text=True, **settings)  # type: ignore[call-overload]

    def try_(self, *command: str, seconds: float = 300) -> tuple[int, str]:
        """Runs a program to its end. Returns the exit code and the output."""
        process = self.start(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        printed, _ = process.communicate(timeout=seconds)
        return process.returncode, printed

    def run(self, *command: str, code: int = 0) -> str:
        """Runs a program to its end, checks its exit code, and returns the output."""
        found, printed = self.try_(*command)
        assert found == code, f'{" ".join(command)} ended with {found}, not {code}:\n{printed}'
        return printed

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        place = self.root / path.lstrip('/')
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(mode)

    def read(self, path: str) -> str:
        return (self.root / path.lstrip('/')).read_text()

    def stop(self) -> None:
        if not self._process:
            return
        if self._leader and self._process.poll() is None:
            self.try_('systemctl', 'poweroff', '--no-block')
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        subprocess.run(['unshare', '--mount', 'bash', '-c', TIDY, 'tidy', self._group], check=False)


class Unit:
    """The service in a container, as systemd reports it."""

    def __init__(self, machine: Machine, name: str = 'pageviews.service') -> None:
        self._machine, self._name = machine, name

    def show(self, *names: str) -> dict[str, str]:
        printed = self._machine.run('systemctl', 'show', self._name, '--property', ','.join(names))
        return dict(line.split('=', 1) for line in printed.splitlines() if '=' in line)

    def get(self, name: str) -> str:
        return self.show(name)[name]

    @property
    def state(self) -> str:
        """The state, for example `active running`."""
        found = self.show('ActiveState', 'SubState')
        return f'{found["ActiveState"]} {found["SubState"]}'

    @property
    def pid(self) -> int:
        """The program's pid inside the container; 0 for none."""
        return int(self.get('MainPID'))

    @property
    def restarts(self) -> int:
        return int(self.get('NRestarts'))

    def wait(self, state: str, seconds: float = 30) -> None:
        eventually(lambda: self.state == state, f'the unit to be {state}; it is {self.state}', seconds=seconds, every=0.1)

    def kill(self, signal: str) -> None:
        self._machine.run('systemctl', 'kill', '--signal', signal, '--kill-whom', 'main', self._name)

    def log(self, *options: str) -> str:
        return self._machine.run('journalctl', '--no-pager', '--unit', self._name, *options)
