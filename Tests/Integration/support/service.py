"""Starts `pageviews ingest` for tests."""
import pathlib
from collections.abc import Mapping

from . import program
from .kafka import Topic
from .program import Result, Running
from .state import State


class Service:
    def __init__(self, logs: pathlib.Path) -> None:
        self._logs = logs
        self._started: list[Running] = []

    def start(self, topic: Topic, state: State, *options: str, env: Mapping[str, str] | None = None) -> Running:
        running = Running(self._logs, *arguments(topic, state, *options), env=env)
        self._started.append(running)
        return running

    def to_end(self, topic: Topic, state: State, *options: str, seconds: float = 60,
               env: Mapping[str, str] | None = None) -> Result:
        """Consumes the topic to its end; the exit code must be 0."""
        result = self.try_to_end(topic, state, *options, seconds=seconds, env=env)
        assert result.code == 0, f'ingest ended with {result.code}:\n{result.err}'
        return result

    def try_to_end(self, topic: Topic, state: State, *options: str, seconds: float = 60,
                   env: Mapping[str, str] | None = None) -> Result:
        return program.run(*arguments(topic, state, *options), '--exit-at-end', seconds=seconds, env=env)

    def kill_all(self) -> None:
        for running in self._started:
            running.kill()


def arguments(topic: Topic, state: State, *options: str) -> list[str]:
    """The arguments, by default without the page, whose address tests would share, and without the warehouse probe."""
    if '--listen' not in options:
        options = ('--listen', 'off', *options)
    if '--warehouse' in options and '--probe-warehouse' not in options:
        options = ('--no-probe-warehouse', *options)
    return ['ingest', '--bootstrap-servers', topic.address, '--topic', topic.name, '--state', str(state.path), *options]
