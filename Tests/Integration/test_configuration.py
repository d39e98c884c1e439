"""Every setting by flag, environment or file: the flag wins, then the environment, then the file."""
import json
import stat

import pytest

from support import program
from support.events import SAMPLE_MS, event
from support.kafka import create_topic
from support.service import Service
from support.state import State


@pytest.fixture(scope='module')
def states(broker, tmp_path_factory):
    """Three states, each with its own postcode."""
    folder = tmp_path_factory.mktemp('configuration')
    made = {}
    for name in ('flag', 'environment', 'file'):
        topic = create_topic(broker.address)
        topic.produce([event(name, SAMPLE_MS)])
        made[name] = State(folder / f'{name}.db')
        Service(folder / 'logs').to_end(topic, made[name])
    return made


SQL = 'SELECT postcode FROM postcode_view_count'


def asked(*arguments, env=None):
    result = program.run('query', '--no-header', *arguments, SQL, env=env)
    assert result.code == 0, result.err
    return result.out.strip()


@pytest.mark.parametrize('suffix', ['yaml', 'yml', 'json'])
def test_the_flag_wins_then_the_environment_then_the_file(suffix, states, tmp_path):
    file = tmp_path / f'settings.{suffix}'
    path = str(states['file'].path)
    file.write_text(json.dumps({'state': path}) if suffix == 'json' else f'# local\nstate: {path}\n')
    config, env = ('--config', str(file)), {'PAGEVIEWS_STATE': str(states['environment'].path)}
    assert asked(*config) == 'file'
    assert asked(*config, env=env) == 'environment'
    assert asked(*config, '--state', str(states['flag'].path), env=env) == 'flag'
    assert asked(env={'PAGEVIEWS_CONFIG': str(file)}) == 'file'


def test_every_kind_of_setting_can_stand_in_a_file(topic, tmp_path):
    """A text option with dashes in its name, a duration, a list, a flag."""
    topic.produce([event('SW19', SAMPLE_MS), event('SW19', SAMPLE_MS - 7_200_000)])
    state = State(tmp_path / 'pageviews.db')
    file = tmp_path / 'pageviews.yaml'
    file.write_text(f'bootstrap-servers: {topic.address}\ntopic: {topic.name}\nstate: {state.path}\nexit-at-end: true\n'
                    'listen: "off"\nallowed-lateness: 1h\nkafka-config:\n  - client.id=from-a-file\n  - fetch.wait.max.ms=50\n')
    result = program.run('ingest', '--config', str(file))
    assert result.code == 0, result.err
    assert list(state.counts().values()) == [1] and len(state.late()) == 1


def test_every_kind_of_setting_can_stand_in_the_environment(topic, tmp_path):
    topic.produce([event('SW19', SAMPLE_MS), event('SW19', SAMPLE_MS - 7_200_000)])
    state = State(tmp_path / 'pageviews.db')
    result = program.run('ingest', env={
        'PAGEVIEWS_BOOTSTRAP_SERVERS': topic.address, 'PAGEVIEWS_TOPIC': topic.name, 'PAGEVIEWS_STATE': str(state.path),
        'PAGEVIEWS_EXIT_AT_END': 'true', 'PAGEVIEWS_ALLOWED_LATENESS': '1h', 'PAGEVIEWS_LISTEN': 'off'})
    assert result.code == 0, result.err
    assert list(state.counts().values()) == [1] and len(state.late()) == 1


@pytest.mark.parametrize('name,content', [
    ('missing.yaml', None), ('broken.json', '{"state": '), ('broken.yaml', 'state: [1\n'),
    ('unknown-key.yaml', 'stat: x.db\n'), ('wrong-value.yaml', 'flush-interval: soon\n')])
def test_a_file_that_cannot_be_used_is_named(name, content, tmp_path):
    file = tmp_path / name
    if content is not None:
        file.write_text(content)
    result = program.run('ingest', '--config', str(file), '--state', str(tmp_path / 'x.db'),
                         '--bootstrap-servers', '127.0.0.1:1', seconds=20)
    assert result.code == 2 and (name in result.err or 'flush-interval' in result.err), result.err


@pytest.mark.parametrize('option,value', [
    ('--flush-interval', 'soon'), ('--flush-interval', '-1s'), ('--flush-interval', '0s'), ('--window', '0s'),
    ('--window', '1'), ('--partitions', 'x'), ('--partitions', '3-1'), ('--partitions', '-1'),
    ('--on-missing-offsets', 'guess'), ('--kafka-config', 'no-equals-sign'), ('--kafka-config', 'no.such.setting=1'),
    ('--idle-timeout', '99999999999999999999d'), ('--allowed-lateness', '1y'), ('--topic', ''),
    ('--late-topic', 'a b'), ('--late-topic', 'two\nlines'), ('--rejected-topic', '..'), ('--rejected-topic', 'é'),
    ('--late-topic', 'x' * 250)])
def test_a_wrong_value_is_2_and_names_the_option(option, value, broker, state):
    result = program.run('ingest', '--bootstrap-servers', broker.address, '--state', str(state.path),
                         f'{option}={value}', '--exit-at-end', seconds=20)
    assert result.code == 2, result
    assert option in result.err or value.partition('=')[0] in result.err, result.err
    assert not state.path.exists()


def test_a_secret_in_the_kafka_settings_is_never_shown(broker, state):
    secret = 'hunter2-and-more'
    result = program.run('ingest', '--bootstrap-servers', '127.0.0.1:1', '--topic', 'x', '--state', str(state.path),
                         '--kafka-config', 'sasl.mechanism=PLAIN', '--kafka-config', 'security.protocol=sasl_plaintext',
                         '--kafka-config', 'sasl.username=u', '--kafka-config', f'sasl.password={secret}',
                         '--kafka-config', 'no.such.setting=1', seconds=20)
    assert result.code == 2 and secret not in result.err + result.out


def test_the_state_belongs_to_its_user(topic, state, service):
    topic.produce([event('SW19', SAMPLE_MS)])
    service.to_end(topic, state)
    assert not state.path.stat().st_mode & stat.S_IWOTH
