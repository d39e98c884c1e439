"""Faults of storage for one process: the shim of shim/faults.c, which also states the form of a plan."""
import os
import pathlib
import subprocess

SOURCE = pathlib.Path(__file__).resolve().parents[1] / 'shim' / 'faults.c'


def compile_shim(folder: pathlib.Path) -> pathlib.Path:
    """The shim as a library to preload."""
    library = folder / 'faults.so'
    subprocess.run(['gcc', '-O2', '-Wall', '-Wextra', '-Werror', '-shared', '-fPIC', '-o', library, SOURCE, '-ldl', '-pthread'],
                   check=True)
    return library


class Plan:
    """The faults of the processes that are started with this plan's environment. They may change while the processes run."""

    def __init__(self, library: pathlib.Path, folder: pathlib.Path, seed: int = 1, disk: str = '') -> None:
        """`disk` is a part of the paths of files that a power cut may harm."""
        self._path = folder / 'faults.plan'
        self._log = folder / 'faults.plan.log'
        self._versions = 0
        self.environment = {'LD_PRELOAD': str(library), 'FAULTS_PLAN': str(self._path), 'FAULTS_SEED': str(seed)}
        if disk:
            self.environment['FAULTS_DISK'] = disk
        self.clear()

    def set(self, *rules: str) -> None:
        """Replaces the rules: `OP PATH WHEN WHAT TIMES` each."""
        assert all(len(rule.split()) == 5 for rule in rules), rules
        self._versions += 1
        replacement = self._path.with_suffix(f'.{self._versions}')
        replacement.write_text(''.join(f'{rule}\n' for rule in rules))
        os.replace(replacement, self._path)

    def clear(self) -> None:
        self.set()

    @property
    def injected(self) -> list[str]:
        """The faults so far: `OP PATH WHAT` each."""
        return self._log.read_text().splitlines() if self._log.exists() else []
