"""A state belongs to one running service, one cluster and one topic."""
import shutil

import pytest

from support.events import views
from support.kafka import Topic, create_topic
from support.state import State
from support.wait import eventually


def test_a_second_service_on_the_same_state_is_refused_and_told_who_has_it(topic, state, service):
    topic.produce(views(seed=71, count=100))
    running = service.start(topic, state)
    eventually(lambda: state.consumed() == 100, 'the events')
    second = service.try_to_end(topic, state, seconds=20)
    assert second.code == 5
    assert str(running.pid) in second.err and state.path.name in second.err, second.err
    assert running.alive()
    running.stop()
    service.to_end(topic, state)


def test_a_killed_service_leaves_no_lock_behind(topic, state, service):
    topic.produce(views(seed=72, count=100))
    running = service.start(topic, state)
    eventually(lambda: state.consumed() == 100, 'the events')
    running.kill()
    service.to_end(topic, state)


def test_the_same_state_under_another_name_is_still_one_state(topic, state, service, tmp_path):
    topic.produce(views(seed=73, count=100))
    running = service.start(topic, state)
    eventually(lambda: state.consumed() == 100, 'the events')
    link = tmp_path / 'link.db'
    link.symlink_to(state.path)
    assert service.try_to_end(topic, State(link), seconds=20).code == 5
    running.stop()


def test_a_second_service_is_refused_where_the_first_made_the_file_through_a_link(topic, state, service, tmp_path):
    topic.produce(views(seed=77, count=40, malformed=0))
    link = tmp_path / 'link.db'
    link.symlink_to(state.path)
    running = service.start(topic, State(link))
    eventually(lambda: state.consumed() == 40, 'the events')
    assert service.try_to_end(topic, state, seconds=20).code == 5
    running.stop()
    assert sum(state.counts().values()) + len(state.late()) == 40


def test_a_service_that_was_overtaken_writes_nothing_more(topic, state, service):
    """A lock under a name that no longer exists protects nothing; the state's own token does."""
    topic.produce(views(seed=78, count=40, malformed=0))
    first = service.start(topic, state)
    eventually(lambda: state.consumed() == 40, 'the events')
    state.path.with_name(f'{state.path.name}.lock').unlink()
    second = service.start(topic, state)
    eventually(lambda: 'reading topic' in second.err, 'the second service')
    topic.produce(views(seed=79, count=40, malformed=0))
    ended = first.wait(30)
    assert ended.code == 5 and ('another process' in ended.err or 'was removed' in ended.err), ended.err
    eventually(lambda: state.consumed() == 80, 'the events, once')
    second.stop()
    assert sum(state.counts().values()) + len(state.late()) == 80


def _move(state):
    state.path.rename(state.path.with_name('elsewhere.db'))


def _replace(state):
    copy = state.path.with_name('copy.db')
    shutil.copy(state.path, copy)
    copy.rename(state.path)


def _move_the_folder(state):
    state.path.parent.rename(state.path.parent.with_name('elsewhere'))


def _unlink(suffix):
    return lambda state: state.path.with_name(state.path.name + suffix).unlink()


LOSSES = {
    'removed': _unlink(''), 'moved': _move, 'replaced': _replace, 'folder moved': _move_the_folder,
    'log removed': _unlink('-wal'), 'shared memory removed': _unlink('-shm'), 'lock removed': _unlink('.lock'),
}


@pytest.mark.parametrize('loss', LOSSES)
@pytest.mark.parametrize('busy', [True, False], ids=['events come', 'nothing comes'])
def test_files_that_are_lost_under_the_service_end_it(topic, service, tmp_path, loss, busy):
    """SQLite would keep writing to an unlinked file: exit 0, and nothing left."""
    folder = tmp_path / 'state'
    folder.mkdir()
    state = State(folder / 'state.db')
    topic.produce(views(seed=80, count=40, malformed=0))
    running = service.start(topic, state)
    eventually(lambda: state.consumed() == 40, 'the events')
    LOSSES[loss](state)
    if busy:
        topic.produce(views(seed=81, count=40, malformed=0))
    ended = running.wait(20)
    assert ended.code == 5, ended.err
    assert 'was removed, moved or replaced' in ended.err and 'pageviews restore' in ended.err, ended.err


def test_a_state_of_another_topic_is_refused(make_topic, state, service):
    first, other = make_topic(), make_topic()
    for topic in (first, other):
        topic.produce(views(seed=74, count=100))
    service.to_end(first, state)
    before = state.everything()
    result = service.try_to_end(other, state)
    assert result.code == 5
    assert first.name in result.err and other.name in result.err and '--state' in result.err, result.err
    assert state.everything() == before


def test_a_state_of_another_cluster_is_refused(own_broker, topic, state, service):
    topic.produce(views(seed=75, count=100))
    service.to_end(topic, state)
    elsewhere = own_broker(cluster='elsewhere').start()
    twin = create_topic(elsewhere.address, name=topic.name)
    twin.produce(views(seed=75, count=100))
    result = service.try_to_end(twin, state)
    assert result.code == 5
    assert 'integration' in result.err and 'elsewhere' in result.err and '--state' in result.err, result.err


def test_the_window_settings_of_a_state_are_kept(topic, state, service):
    """Counts of 60 s and of 5 min windows in one table would be meaningless."""
    topic.produce(views(seed=76, count=100))
    service.to_end(topic, state)
    before = state.everything()
    result = service.try_to_end(topic, state, '--window', '5m')
    assert result.code in (2, 5) and '--window' in result.err, result.err
    assert state.everything() == before


def test_a_file_that_is_no_state_is_refused_and_left_alone(topic, state, service):
    for content in (b'not a database at all, but long enough to look at' * 20, b'SQLite format 3\0' + b'\0' * 200):
        state.path.write_bytes(content)
        result = service.try_to_end(topic, state, seconds=20)
        assert result.code not in (0, 3) and state.path.name in result.err, result.err
        assert 'Fatal error' not in result.err
        assert state.path.read_bytes() == content


def test_a_state_that_cannot_be_written_is_refused(topic, state, service, tmp_path):
    topic.produce(views(seed=77, count=100))
    missing = State(tmp_path / 'no' / 'such' / 'folder' / 'pageviews.db')
    result = service.try_to_end(topic, missing, seconds=20)
    assert result.code not in (0, 3) and 'folder' in result.err, result.err
    assert not (tmp_path / 'no').exists()


def test_a_topic_that_does_not_exist_is_named_and_waited_for(broker, state, service):
    awaited = Topic(broker.address, 'not-there-yet', 1)
    running = service.start(awaited, state)
    eventually(lambda: 'not-there-yet' in running.err, 'a message that names the topic', seconds=15)
    create_topic(broker.address, name=awaited.name)
    awaited.produce(views(seed=78, count=100))
    eventually(lambda: state.consumed() == 100, 'the events', seconds=40)
    running.stop()
