#!/usr/bin/env python3
"""Tests the package and its unit under systemd, in a separate systemd-nspawn container: readiness, watchdog, restarts, stop, exit
codes, hardening, journal, and exact counts throughout. Not part of `make test`.

usage: try_systemd.py [--deb FILE] [--folder FOLDER] [--watchdog SECONDS] [--keep]

It needs root, the Debian packages debootstrap and systemd-container, a Debian mirror, a kernel with cgroup2, `make setup`, and the
package of `make deb`. The broker and S3 are those of the tests, on loopback. It takes three to four minutes, and one more for
the first Debian. A drop-in shortens the watchdog's time to 5 s; `--watchdog 60` is the unit's value.
"""
import argparse
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable

from machine import Machine, Unit, needs

from support import guide
from support.kafka import create_topic
from support.servers import S3, Broker
from support.wait import eventually

ROOT = pathlib.Path(__file__).resolve().parents[2]
STATE = '/var/lib/pageviews/pageviews.db'
SETTINGS = '/etc/pageviews/pageviews.yaml'
# Changes to the guide's commands: packages without questions, an editor that changes nothing, a log that ends.
HERE = {'apt-get install': 'apt-get install -y -qq', 'editor ': 'test -f ', 'make deb\n': '', 'make install PREFIX=/usr/local\n': '',
        'journalctl -u pageviews -f': 'journalctl -u pageviews'}
LATE = 'late-events'


def named(address: str) -> str:
    """The host's name, which a hardened service must be able to resolve."""
    return address.replace('127.0.0.1', 'localhost')


class Try:
    """The steps share one container, one broker and one S3; each begins where the one before left the service."""

    def __init__(self, machine: Machine, deb: pathlib.Path, broker: Broker, s3: S3, watchdog: int) -> None:
        self.machine, self.deb, self.broker, self.s3, self.watchdog = machine, deb, broker, s3, watchdog
        self.unit = Unit(machine)
        self.sent = 0
        self.topic = 'views'

    # Tools

    def settings(self, **changes: str) -> None:
        """Writes the settings; None removes a setting."""
        known = {'bootstrap-servers': named(self.broker.address), 'topic': self.topic, 'late-topic': LATE, 'state': STATE,
                 'export-interval': '1s', 'listen': 'off'}
        known |= {name.replace('_', '-'): value for name, value in changes.items()}
        self.machine.write(SETTINGS, ''.join(f'{name}: {json.dumps(value)}\n' for name, value in known.items() if value))

    def to_s3(self, **changes: str) -> None:
        self.settings(warehouse='s3://plain/pageviews', s3_endpoint=named(self.s3.endpoint), s3_path_style='true',
                      catalog=named(self.s3.catalog), catalog_warehouse='s3://warehouse', **changes)

    def guide(self, part: str) -> str:
        """Runs the guide's block that contains `part`, unchanged. Returns the output."""
        return self.shell(guide.block(part))

    def shell(self, commands: str) -> str:
        for documented, here in HERE.items():
            commands = commands.replace(documented, here)
        return self.machine.run('bash', '-euc', f'cd /srv\n{guide.block("as_service()")}\n{commands}')

    def send(self, count: int, rate: int = 0) -> Callable[[], None]:
        """Starts to send events. Returns a function that waits for the end."""
        process = self.machine.start('pageviews', 'generate', '--bootstrap-servers', self.broker.address, '--topic', self.topic,
                                     '--count', str(count), '--rate', str(rate), '--log-level', 'error')

        def wait() -> None:
            assert process.wait(60) == 0, 'generate failed'
            self.sent += count
        return wait

    def number(self, sql: str) -> int:
        code, printed = self.machine.try_('pageviews', 'query', '--state', STATE, '--format', 'csv', '--no-header', sql)
        return int(printed) if code == 0 else -1

    def counted(self, seconds: float = 30) -> str:
        """Checks that every event was consumed once and is counted or late, and that the proof agrees."""
        consumed = 'SELECT coalesce(sum(consumed), 0) FROM partitions'
        eventually(lambda: self.number(consumed) >= self.sent, f'{self.sent} events to be consumed', seconds=seconds)
        assert self.number(consumed) == self.sent, f'{self.number(consumed)} of {self.sent}'
        total = self.number('SELECT (SELECT sum(count) FROM postcode_view_count) + (SELECT count(*) FROM late_events)')
        assert total == self.sent, f'counts and late events are {total} of {self.sent}'
        proof = self.shell('as_service proof')
        return f'{self.sent} events sent, consumed, counted or late; proof: {proof.strip().splitlines()[-1]}'

    def restarted(self, before: int, seconds: float) -> float:
        began = time.monotonic()
        eventually(lambda: self.unit.restarts == before + 1, 'a restart', seconds=seconds, every=0.2)
        self.unit.wait('active running')
        return time.monotonic() - began

    def stays_down(self, code: int, seconds: float = 8) -> str:
        """Checks that the service ended with this code and that systemd does not restart it; RestartSec is 5 s."""
        self.unit.wait('failed failed')
        time.sleep(seconds)
        found = self.unit.show('ActiveState', 'ExecMainStatus', 'NRestarts', 'Result')
        assert (found['ActiveState'], found['ExecMainStatus'], found['NRestarts']) == ('failed', str(code), '0'), found
        return f'exit {code}, no restart in {seconds:.0f} s; {self.last_error()}'

    def last_error(self) -> str:
        lines = self.unit.log('--identifier', 'pageviews', '--priority', 'err', '--output', 'cat', '--lines', '20')
        return lines.strip().splitlines()[-1]

    def forget(self) -> None:
        """Resets the restart counter. systemctl fails if there is nothing to reset."""
        self.machine.try_('systemctl', 'reset-failed', 'pageviews')

    def start(self) -> float:
        self.forget()
        began = time.monotonic()
        self.machine.run('systemctl', 'start', 'pageviews')
        return time.monotonic() - began

    # Steps

    def installs(self) -> str:
        """the package installs on a plain Debian 12 with its dependencies, and starts no service"""
        self.machine.run('apt-get', 'update', '-qq')
        package = self.machine.root / 'srv/.build-static' / self.deb.name
        package.parent.mkdir()
        package.write_bytes(self.deb.read_bytes())
        self.shell(f'apt-get install --no-install-recommends ./.build-static/{self.deb.name}')
        assert self.unit.state == 'inactive dead'
        verified = self.machine.run('systemd-analyze', 'verify', '--man=no', '/lib/systemd/system/pageviews.service')
        rating = self.machine.run('systemd-analyze', 'security', '--no-pager', 'pageviews').strip().splitlines()[-1]
        return f'{self.machine.run("pageviews", "--version").splitlines()[0]}; verify: {verified.strip() or "nothing to say"}; {rating[2:]}'

    def starts_without_kafka(self) -> str:
        """the guide's installation, with default settings and no Kafka: active after 30 s, with a status that says so"""
        began = time.monotonic()
        self.guide('systemctl enable --now pageviews')
        seconds = time.monotonic() - began
        text = self.unit.get('StatusText')
        assert self.unit.state == 'active running' and seconds > 25, (self.unit.state, seconds)
        assert text.startswith('waiting for Kafka at localhost:9092'), text
        assert self.machine.run('stat', '-c', '%a', '/etc/pageviews/secrets.env').strip() == '600'
        self.machine.run('systemctl', 'disable', '--now', 'pageviews')
        self.machine.run('rm', '-rf', '/var/lib/pageviews')
        return f'{seconds:.0f} s, "{text}"'

    def waits_for_kafka(self) -> str:
        """Type=notify: activating while brokers are unreachable, active once it counts"""
        self.broker.reserve()
        self.broker.start()
        create_topic(self.broker.address, 4, self.topic)
        create_topic(self.broker.address, 1, LATE)
        self.broker.kill_proxy()
        self.settings(warehouse=f'file://{os.path.dirname(STATE)}/warehouse')
        self.machine.write('/etc/pageviews/secrets.env',
                           ''.join(f'{name}={value}\n' for name, value in (self.s3.KEYS | self.s3.CREDENTIAL).items()), mode=0o600)
        self.machine.run('systemctl', 'start', '--no-block', 'pageviews')
        eventually(lambda: 'waiting for Kafka' in self.unit.get('StatusText'), 'a status that says what it waits for', seconds=15)
        time.sleep(3)
        assert self.unit.state == 'activating start', self.unit.state
        text = self.unit.get('StatusText')
        self.broker.start()
        self.unit.wait('active running')
        assert self.unit.restarts == 0
        assert 'Failed to set' not in self.unit.log(), 'lines that mean nothing'
        eventually(lambda: self.unit.get('StatusText') == f'counting {self.topic}', 'the status to say that it counts')
        return f'"{text}", then "{self.unit.get("StatusText")}"'

    def is_hardened(self) -> str:
        """the process has no privileges and may write only to its state"""
        status = dict(line.split(':\t', 1) for line in self.machine.run('cat', f'/proc/{self.unit.pid}/status').splitlines()
                      if ':\t' in line)
        found = {name: status[name].strip() for name in ('NoNewPrivs', 'Seccomp', 'CapEff', 'CapBnd')}
        assert found == {'NoNewPrivs': '1', 'Seccomp': '2', 'CapEff': '0' * 16, 'CapBnd': '0' * 16}, found
        user = self.machine.run('stat', '-c', '%U', f'/proc/{self.unit.pid}').strip()
        assert user == 'pageviews', user
        inside = ('nsenter', '--target', str(self.unit.pid), '--mount', '--')
        for place in ('/usr', '/etc', '/var/log', '/srv'):
            code, printed = self.machine.try_(*inside, 'touch', f'{place}/x')
            assert code and 'Read-only' in printed, f'{place} may be written to: {printed}'
        assert not self.machine.try_(*inside, 'ls', '-A', '/home')[1].strip()
        devices = self.machine.run(*inside, 'ls', '/dev').split()
        assert 'console' not in devices and 'kmsg' not in devices, devices
        users = self.machine.run('cat', f'/proc/{self.unit.pid}/uid_map').strip().splitlines()
        assert len(users) > 1 or users[0].split()[2] == '1', users
        return ' '.join(f'{name} {value}' for name, value in found.items()) + f'; user {user}, {len(users)} ids mapped; read-only'

    def counts_to_a_folder(self) -> str:
        """it counts, and exports to a local warehouse"""
        self.send(20_000)()
        eventually(lambda: self.number('SELECT count(*) FROM exports') > 1, 'an export')
        return self.counted()

    def answers(self) -> str:
        """the guide's status, incidents and backup, run by root while the service runs"""
        status = self.guide('pageviews status')
        assert status.startswith('healthy'), status
        self.guide('FROM incidents')
        self.guide('pageviews backup')
        owners = self.machine.run('find', '/var/lib/pageviews', '!', '-user', 'pageviews').strip()
        assert not owners, f'files of others in the state\'s folder: {owners}'
        return f'{status.splitlines()[0].strip()}; the copy: {self.machine.run("ls", "/srv/backup").strip()}'

    def sees_readers(self) -> str:
        """the hardened service sees the readers of the state"""
        slow = ('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) '
                'SELECT count(*) FROM n, (SELECT count(*) FROM partitions)')
        reader = self.machine.start('pageviews', 'query', '--state', STATE, '--timeout', '5s', slow, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL)

        def seen() -> list[dict]:
            return json.loads(self.machine.try_('pageviews', 'status', '--state', STATE, '--format', 'json')[1])['wal_readers']
        found = eventually(seen, 'a reader to be seen', every=0.3)
        # Ended by its time limit.
        assert reader.wait(20) == 3
        return f'{found}'

    def stops(self) -> str:
        """systemctl stop ends with a flush and an export, quickly and without errors, while events arrive"""
        ended = self.send(3000, rate=1000)
        time.sleep(1)
        began = time.monotonic()
        self.machine.run('systemctl', 'stop', 'pageviews')
        seconds = time.monotonic() - began
        found = self.unit.show('ActiveState', 'Result', 'ExecMainStatus')
        assert found == {'ActiveState': 'inactive', 'Result': 'success', 'ExecMainStatus': '0'} and seconds < 10, (found, seconds)
        ended()
        began = self.start()
        return f'stopped in {seconds:.1f} s, started in {began:.1f} s; {self.counted()}'

    def exports_to_s3(self) -> str:
        """it exports to S3 with a REST catalog, keys from the secrets file"""
        self.machine.run('systemctl', 'stop', 'pageviews')
        self.machine.run('rm', '-rf', '/var/lib/pageviews')
        self.topic, self.sent = 'views-2', 0
        create_topic(self.broker.address, 4, self.topic)
        self.to_s3()
        self.start()
        self.send(20_000)()
        eventually(lambda: self.number('SELECT count(*) FROM exports') > 1, 'an export')
        return self.counted()

    def survives_sigkill(self) -> str:
        """systemd restarts a killed process, and the counts stay exact"""
        before = self.unit.restarts
        ended = self.send(6000, rate=1000)
        time.sleep(2)
        self.unit.kill('KILL')
        seconds = self.restarted(before, 20)
        ended()
        return f'active again after {seconds:.1f} s; {self.counted()}'

    def survives_a_stop_signal(self) -> str:
        """WatchdogSec: systemd kills and restarts a hung process (SIGSTOP), and the counts stay exact"""
        self.machine.write('/etc/systemd/system/pageviews.service.d/watchdog.conf', f'[Service]\nWatchdogSec={self.watchdog}\n')
        self.machine.run('systemctl', 'daemon-reload')
        self.machine.run('systemctl', 'restart', 'pageviews')
        ended = self.send(6000, rate=1000)
        time.sleep(self.watchdog + 2)
        before = self.unit.restarts
        assert before == 0, 'the watchdog bit while all was well'
        self.unit.kill('STOP')
        seconds = self.restarted(before, self.watchdog + 60)
        ended()
        log = self.unit.log('--output', 'cat', '--lines', '200')
        bite = next(line for line in log.splitlines() if 'Watchdog timeout' in line)
        cores = self.machine.run('find', '/var/lib/pageviews', '-name', 'core*').strip()
        assert not cores, f'core files with user ids: {cores}'
        return f'"{bite}", active again {seconds:.1f} s after the signal; {self.counted()}'

    def logs(self) -> str:
        """the journal has the log with its priorities, as text and as JSON"""
        text = self.unit.log('--output', 'cat', '--priority', 'info', '--lines', '3').strip().splitlines()[-1]
        self.to_s3(log_format='json', listen='127.0.0.1:0')
        self.machine.run('systemctl', 'restart', 'pageviews')
        def lines() -> list[dict]:
            entries = [json.loads(line) for line in self.unit.log('--output', 'json', f'_PID={self.unit.pid}').splitlines()]
            return [{**json.loads(entry['MESSAGE']), 'priority': entry['PRIORITY']} for entry in entries]
        found = eventually(lines, 'lines in the journal')
        assert all({'time', 'level', 'message'} <= set(line) for line in found), found
        assert {(line['level'], line['priority']) for line in found if line['level'] == 'info'} == {('info', '6')}, found
        return f'{text!r}; {json.dumps(found[0])}'

    def wrong_usage(self) -> str:
        """wrong settings (exit 2) cause no restart"""
        self.machine.run('systemctl', 'stop', 'pageviews')
        self.settings(flush_interval='never')
        self.forget()
        code, said = self.machine.try_('systemctl', 'start', 'pageviews')
        assert code == 1, said
        return self.stays_down(2)

    def somebody_elses_state(self) -> str:
        """a state in use, and one of another topic (exit 5), cause no restart, and the unit is never active"""
        self.to_s3()
        self.machine.run('systemd-run', '--quiet', '--collect', '--unit', 'other',
                         '-p', 'User=pageviews', '-p', 'EnvironmentFile=/etc/pageviews/secrets.env',
                         'pageviews', 'ingest', '--config', SETTINGS)
        eventually(lambda: self.machine.try_('pageviews', 'status', '--state', STATE)[0] == 0, 'another service to hold the state')
        self.machine.try_('systemctl', 'start', 'pageviews')
        in_use = self.stays_down(5)
        self.machine.run('systemctl', 'stop', 'other')
        self.topic = 'views'
        self.to_s3()
        self.forget()
        code, _ = self.machine.try_('systemctl', 'start', 'pageviews')
        assert code == 1, 'systemctl start said that it is active'
        foreign = self.stays_down(5)
        self.topic = 'views-2'
        return f'{in_use}; {foreign}'

    def is_restored(self) -> str:
        """a lost state is built from the tables by the guide's commands, and the service continues"""
        self.to_s3()
        self.start()
        self.counted()
        said = [self.guide('as_service restore')]
        self.counted()
        self.machine.run('systemctl', 'stop', 'pageviews')
        self.machine.run('rm', '-rf', '/var/lib/pageviews')
        said.append(self.guide('as_service restore'))
        self.send(5000)()
        return f'state there: {said[0].splitlines()[0]}; folder gone: {said[1].splitlines()[0]}; {self.counted()}'

    def goes_back(self) -> str:
        """a service without a warehouse returns to a backup by the guide's commands, and continues to count"""
        self.machine.run('systemctl', 'stop', 'pageviews')
        self.machine.run('rm', '-rf', '/var/lib/pageviews', '/srv/backup')
        self.settings()
        self.start()
        self.counted()
        self.guide('pageviews backup')
        self.send(2000)()
        self.counted()
        said = self.guide('proof --state')
        return f'{said.strip().splitlines()[-1]}; {self.counted()}'

    def is_upgraded(self) -> str:
        """installing the package again restarts a running service, removing it stops it and leaves the state"""
        pid = self.unit.pid
        self.machine.run('apt-get', 'install', '-y', '-qq', '--reinstall', f'/srv/.build-static/{self.deb.name}')
        self.unit.wait('active running')
        assert self.unit.pid != pid
        said = self.counted()
        self.machine.run('apt-get', 'remove', '-y', '-qq', 'pageviews')
        assert (self.machine.root / STATE.lstrip('/')).exists()
        assert self.unit.show('LoadState', 'MainPID') == {'LoadState': 'not-found', 'MainPID': '0'}
        return said

    def is_installed_without_a_package(self) -> str:
        """a purge leaves the state; `make install` and the guide's commands after it set up a service, too"""
        self.machine.run('apt-get', 'purge', '-y', '-qq', 'pageviews')
        assert (self.machine.root / STATE.lstrip('/')).exists() and not (self.machine.root / SETTINGS.lstrip('/')).exists()
        self.machine.run('userdel', 'pageviews')
        self.machine.run('rm', '-rf', '/var/lib/pageviews')
        # `make install DESTDIR=...`, without its build.
        subprocess.run([ROOT / 'scripts/package.sh', 'install', self.deb.parent / 'release/pageviews', self.machine.root, '/usr/local'],
                       check=True)
        self.guide('make install')
        self.settings()
        self.start()
        return f'{self.counted()}; {self.unit.get("FragmentPath")}'

    STEPS = (installs, starts_without_kafka, waits_for_kafka, is_hardened, counts_to_a_folder, answers, sees_readers, stops,
             exports_to_s3, survives_sigkill, survives_a_stop_signal, logs, wrong_usage, somebody_elses_state, is_restored, goes_back,
             is_upgraded, is_installed_without_a_package)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--deb', type=pathlib.Path, help='the package (default: the one in .build-static)')
    parser.add_argument('--folder', type=pathlib.Path, default=ROOT / '.run/systemd', help='the folder for Debian, the container and the servers')
    parser.add_argument('--watchdog', type=int, default=5, metavar='SECONDS')
    parser.add_argument('--keep', action='store_true', help='after a failure, keep container and servers running until Enter')
    arguments = parser.parse_args()
    deb = arguments.deb or max((ROOT / '.build-static').glob('*.deb'), default=None, key=lambda file: file.stat().st_mtime)
    missing = needs() + ([] if deb else ['the package of `make deb`'])
    if missing:
        parser.error(f'missing: {", ".join(missing)}')
    folder = arguments.folder.absolute()
    for servers in ('broker', 's3'):
        shutil.rmtree(folder / servers, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    machine, broker, s3 = Machine(folder), Broker(folder / 'broker'), S3(folder / 's3')
    try:
        machine.make()
        s3.start()
        print(f'booted in {machine.boot():.1f} s: {machine.run("systemctl", "--version").splitlines()[0]}', flush=True)
        run = Try(machine, deb, broker, s3, arguments.watchdog)
        for step in Try.STEPS:
            try:
                print(f'ok: {step.__doc__}\n    {step(run)}', flush=True)
            except BaseException as error:
                print(f'FAILED: {step.__doc__}\n{error}\n{run.unit.log("--lines", "40")}', flush=True)
                if arguments.keep:
                    print(f'nsenter {shlex.join(["-t", str(machine._leader), "-m", "-u", "-i", "-p", "-C"])} bash; Enter ends')
                    sys.stdin.readline()
                raise
    finally:
        machine.stop()
        broker.stop()
        s3.stop()
    print(f'{len(Try.STEPS)} steps passed')
    return 0


if __name__ == '__main__':
    sys.exit(main())
