"""Runs the operations guide's commands in its order. Where they need root, stand-ins replace system folders by folders of the test,
and systemd by shell functions that start and stop the service. Tests/Systemd runs the commands unchanged.
"""
import json
import re
import shlex

from support import guide, program, transcript
from support.kafka import create_topic

# `systemctl start` waits until the service counts, as Type=notify does. systemd-run's options end with the program's name.
STAND_INS = '''
systemctl() {
  case $1 in
    start) (set -a; . etc/secrets.env; exec pageviews ingest) 2>>ingest.log & echo $! >ingest.pid
      for _ in $(seq 100); do pageviews status --format json 2>/dev/null | grep -q '"phase" *: *"running"' && return; sleep 0.1; done
      tail ingest.log; return 1 ;;
    stop) kill $(cat ingest.pid) && while kill -0 $(cat ingest.pid) 2>/dev/null; do sleep 0.1; done; rm ingest.pid ;;
    *) return 2 ;;
  esac
}
systemd-run() { while [ "$1" != pageviews ]; do shift; done; (set -a; . etc/secrets.env; "$@"); }
chown() { :; }
set -e
trap 'kill $(cat ingest.pid 2>/dev/null) 2>/dev/null || true' EXIT
'''
FOLDERS = {'/etc/pageviews': 'etc', '/var/lib/pageviews': 'state', '/srv/backup': 'backup'}


def moved(command):
    for real, stand_in in FOLDERS.items():
        command = command.replace(real, stand_in)
    return command


def settings(folder, broker, s3, **more):
    topic, late = create_topic(broker.address, 2), create_topic(broker.address)
    known = {'bootstrap-servers': broker.address, 'topic': topic.name, 'late-topic': late.name, 'state': 'state/pageviews.db',
             'listen': 'off', 'export-interval': '200ms', **more}
    for name in ('etc', 'state', 'bin'):
        (folder / name).mkdir()
    (folder / 'bin/pageviews').symlink_to(program.BINARY)
    (folder / 'etc/pageviews.yaml').write_text(''.join(f'{name}: {json.dumps(value)}\n' for name, value in known.items()))
    secrets = {**s3.KEYS, **s3.CREDENTIAL}
    (folder / 'etc/secrets.env').write_text(''.join(f'{name}={value}\n' for name, value in secrets.items()))
    program.run('generate', '--bootstrap-servers', broker.address, '--topic', topic.name, '--count', '2000', '--rate', '0',
                check=True)
    return topic


def run(folder, *steps):
    """Runs the steps in one shell; all must succeed. Returns the output of each."""
    environment = program.clean_environment({'PATH': f'{folder}/bin:/usr/bin:/bin'})
    return ['\n'.join(lines) for lines in transcript.run([STAND_INS, *map(moved, steps)], folder, environment, seconds=60)][1:]


def consumed(count, exports=False):
    """A command that waits until `count` events are consumed, and exported with `exports`, and prints their number."""
    query = 'SELECT sum(consumed) FROM partitions' + (' WHERE (SELECT count(*) > 1 FROM exports)' if exports else '')
    query = f'pageviews query --format tsv --no-header {shlex.quote(query)}'
    return f'for _ in $(seq 200); do [ "$({query})" = {count} ] && break; sleep 0.1; done; {query}'


def test_with_a_warehouse_its_commands_do_what_it_says(broker, s3, tmp_path):
    topic = settings(
        tmp_path, broker, s3, **{'warehouse': f's3://plain/{tmp_path.name}', 's3-endpoint': s3.endpoint, 's3-path-style': True,
                                 'catalog': s3.catalog, 'catalog-warehouse': 's3://warehouse',
                                 'namespace': f'guide_{create_topic(broker.address).name.replace("-", "_")}'})
    inline = [command.replace('topic pageviews', f'topic {topic.name}').replace('--from 1000', '--from 10')
              for command in guide.inline() if re.match(r'\w+ (topic|query|backfill) .', command)]
    assert len(inline) == 3, inline
    found = run(tmp_path, guide.block('as_service()'), 'systemctl start pageviews', consumed(2000, exports=True),
                guide.block('pageviews status'), guide.block('incidents'), guide.block('pageviews backup'), *inline,
                guide.block('as_service restore'),
                'pageviews query "SELECT sum(consumed) AS consumed FROM partitions"', 'systemctl stop pageviews')
    assert found[2] == '2000' and found[3].startswith('healthy'), found
    assert 'are equal' in found[-3] and found[-2].split() == ['consumed', '2000'], found


def test_without_one_the_service_goes_back_to_a_backup(broker, s3, tmp_path):
    topic = settings(tmp_path, broker, s3)
    found = run(tmp_path, guide.block('as_service()'), 'systemctl start pageviews', consumed(2000),
                guide.block('pageviews backup'),
                f'pageviews generate --topic {topic.name} --count 500 --rate 0', consumed(2500),
                guide.block('proof --state'), consumed(2500), 'systemctl stop pageviews')
    assert [found[2], found[5], found[7]] == ['2000', '2500', '2500'], found
    assert 'are equal' in found[6], found
