#!/usr/bin/env python3
"""Compares `pageviews ingest --exit-at-end` with minimal C programs (baseline.c) on the same topic, in turn.

usage: bench.py --binary PAGEVIEWS [--events 2000000] [--rounds 5] [--only cpu|memory]

Prints CPU-seconds per million events, ratios of medians, throughput and peak memory. Seconds depend on the machine;
compare the ratios, which are taken in the same run. It asserts nothing. ARCHITECTURE.md states the targets.
"""
import argparse
import dataclasses
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'Tests' / 'Integration'))

from support.kafka import Topic, create_topic  # noqa: E402
from support.servers import Broker  # noqa: E402

START_SECONDS = 1_611_662_400
BASELINES = ('fetch', 'count', 'store')


@dataclasses.dataclass(frozen=True)
class Cost:
    cpu_seconds: float
    wall_seconds: float
    peak_mib: float


def measure(command: list[str]) -> Cost:
    """Runs a program to its end. Returns its use of processor and memory."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as complaint:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=complaint, env=environment())
        peak = 0.0
        while True:
            peak = max(peak, high_water_mib(process.pid))
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            time.sleep(0.01)
        wall = time.monotonic() - started
        if status != 0:
            complaint.seek(0)
            raise SystemExit(f'bench: {command[0]} failed: {complaint.read().decode(errors="replace")[-2000:]}')
    return Cost(usage.ru_utime + usage.ru_stime, wall, peak)


def high_water_mib(pid: int) -> float:
    """The peak memory of a running process. (ru_maxrss would include this program's before the exec.)"""
    for line in pathlib.Path(f'/proc/{pid}/status').read_text().splitlines():
        if line.startswith('VmHWM'):
            return int(line.split()[1]) / 1024
    return 0.0


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith('PAGEVIEWS_')}


def compile_baseline(folder: pathlib.Path) -> str:
    flags = subprocess.run(['pkg-config', '--cflags', '--libs', 'rdkafka', 'sqlite3'], check=True, capture_output=True,
                           text=True).stdout.split()
    binary = folder / 'baseline'
    subprocess.run(['gcc', '-O2', '-Wall', '-Wextra', str(HERE / 'baseline.c'), '-o', str(binary), *flags], check=True)
    return str(binary)


def ingest(binary: str, topic: Topic, state: pathlib.Path) -> list[str]:
    return [binary, 'ingest', '--bootstrap-servers', topic.address, '--topic', topic.name, '--state', str(state),
            '--exit-at-end']


def generated(binary: str, address: str, events: int, codec: str) -> Topic:
    """`events` on 4 partitions: one hour of event time, 2,000 postcodes."""
    topic = create_topic(address, 4)
    subprocess.run([binary, 'generate', '--bootstrap-servers', address, '--topic', topic.name, '--rate', '0',
                    '--count', str(events), '--seed', '1', '--postcodes', '2000', '--lateness', '100:20s', '--span', '1h',
                    '--start-time', '2021-01-26T12:00:00Z', '--kafka-config', f'compression.codec={codec}'],
                   check=True, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return topic


def distinct(address: str, events: int, minutes: int) -> Topic:
    """`events` spread evenly over 2,000 postcodes and `minutes` minutes, oldest first."""
    topic = create_topic(address, 4)
    per_minute = events // minutes
    topic.produce(
        b'{"user_id":1234,"postcode":"P%d","webpage":"www.website.com/index.html","timestamp":%d}'
        % (number % 2000, START_SECONDS + number // per_minute * 60) for number in range(events))
    return topic


def compare_cpu(arguments: argparse.Namespace, baseline: str, topic: Topic, folder: pathlib.Path) -> None:
    costs: dict[str, list[Cost]] = {name: [] for name in (*BASELINES, 'ingest')}
    for number in range(arguments.rounds):
        for name in costs:
            state = folder / f'{name}-{topic.name}-{number}.db'
            command = (ingest(arguments.binary, topic, state) if name == 'ingest'
                       else [baseline, name, topic.address, topic.name, *([str(state)] if name == 'store' else [])])
            costs[name].append(measure(command))
            remove(state)
    report_cpu(arguments.events, costs)


def report_cpu(events: int, costs: dict[str, list[Cost]]) -> None:
    millions = events / 1e6
    cpu = {name: statistics.median(cost.cpu_seconds for cost in found) / millions for name, found in costs.items()}
    rate = {name: millions / statistics.median(cost.wall_seconds for cost in found) for name, found in costs.items()}
    print('    program   CPU-s per million   (least - most)   million/s   peak MiB')
    for name, found in costs.items():
        each = sorted(cost.cpu_seconds / millions for cost in found)
        peak = statistics.median(cost.peak_mib for cost in found)
        print(f'    {name:8} {cpu[name]:18.3f}   {each[0]:6.3f} - {each[-1]:.3f} {rate[name]:11.2f} {peak:10.1f}')
    print(f'    CPU: ingest / store = {cpu["ingest"] / cpu["store"]:.2f} (target: at most 1.5)')
    print(f'    throughput: ingest / fetch = {rate["ingest"] / rate["fetch"]:.2f} (target: at least 0.7)')


def remove(state: pathlib.Path) -> None:
    for file in state.parent.glob(state.name + '*'):
        file.unlink()


def compare_memory(arguments: argparse.Namespace, address: str, folder: pathlib.Path) -> None:
    """Ingests the same half a million events into a small and a large state, after creating those states."""
    print('    distinct rows   peak MiB making them   peak MiB adding the same 500,000 events')
    peaks = []
    for rows, minutes in ((10_000, 5), (arguments.events, arguments.events // 2000)):
        topic = distinct(address, arguments.events, minutes)
        state = folder / f'memory-{rows}.db'
        making = measure(ingest(arguments.binary, topic, state)).peak_mib
        found = []
        for _ in range(3):
            topic.produce(same_events(500_000))
            found.append(measure(ingest(arguments.binary, topic, state)).peak_mib)
        remove(state)
        peaks.append(statistics.median(found))
        print(f'    {rows:13,} {making:22.1f} {peaks[-1]:22.1f}')
    print(f'    ratio {peaks[1] / peaks[0]:.2f} (target: at most 1.20)')


def same_events(count: int) -> Iterator[bytes]:
    """Events of 5 minutes, one day after those of distinct(), on 2,000 postcodes."""
    for number in range(count):
        yield (b'{"user_id":1234,"postcode":"P%d","webpage":"www.website.com/index.html","timestamp":%d}'
               % (number % 2000, START_SECONDS + 86_400 + number * 300 // count))


def peak_at_rate(arguments: argparse.Namespace, address: str, folder: pathlib.Path, rate: int = 10_000) -> None:
    """The service's peak memory while events arrive at a steady rate for 20 seconds."""
    topic = create_topic(address, 4)
    state = folder / 'rate.db'
    command = [argument for argument in ingest(arguments.binary, topic, state) if argument != '--exit-at-end']
    service = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment())
    try:
        subprocess.run([arguments.binary, 'generate', '--bootstrap-servers', address, '--topic', topic.name,
                        '--rate', str(rate), '--count', str(20 * rate)], check=True, env=environment(),
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        peak = high_water_mib(service.pid)
    finally:
        service.terminate()
        service.wait(10)
    print(f'    {rate:,} events/s: peak {peak:.1f} MiB (target: under 64)')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--binary', required=True)
    parser.add_argument('--events', type=int, default=2_000_000)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--only', choices=['cpu', 'memory'])
    arguments = parser.parse_args()
    arguments.binary = str(pathlib.Path(arguments.binary).resolve())
    with tempfile.TemporaryDirectory(prefix='pageviews-bench-') as name:
        folder = pathlib.Path(name)
        broker = Broker(folder / 'broker').start()
        try:
            if arguments.only != 'memory':
                baseline = compile_baseline(folder)
                for codec in ('none', 'lz4'):
                    print(f'bench: {arguments.events:,} events, 4 partitions, 1 h, 2,000 postcodes, codec {codec}')
                    compare_cpu(arguments, baseline, generated(arguments.binary, broker.address, arguments.events, codec),
                                folder)
            if arguments.only != 'cpu':
                print('bench: memory')
                peak_at_rate(arguments, broker.address, folder)
                compare_memory(arguments, broker.address, folder)
        finally:
            broker.stop()


if __name__ == '__main__':
    main()
