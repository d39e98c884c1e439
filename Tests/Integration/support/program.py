"""Runs the program under test. Its environment is this process's without any PAGEVIEWS_ setting."""
import dataclasses
import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Callable, Mapping

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARY = pathlib.Path(os.environ.get('PAGEVIEWS_BINARY', ROOT / '.build/release/pageviews')).absolute()


@dataclasses.dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith('PAGEVIEWS_')}
    return {**kept, 'LC_ALL': 'C.UTF-8', 'TZ': 'UTC', 'COLUMNS': '120', **(extra or {})}


def run(*arguments: str, stdin: str | bytes | None = None, env: Mapping[str, str] | None = None,
        cwd: pathlib.Path | None = None, seconds: float = 60, check: bool = False) -> Result:
    """Runs the program to its end. Output that is not UTF-8 raises an error; with `check`, so does an exit code other than 0."""
    done = subprocess.run(
        [BINARY, *arguments], input=stdin.encode() if isinstance(stdin, str) else stdin or b'', capture_output=True,
        env=clean_environment(env), cwd=cwd, timeout=seconds, check=False)
    result = Result(done.returncode, done.stdout.decode(), done.stderr.decode())
    if check:
        assert result.code == 0, f'{arguments} ended with {result.code}:\n{result.err}'
    return result


class Running:
    """A started program; its standard error and output go to files that can be read while it runs."""

    def __init__(self, folder: pathlib.Path, *arguments: str, env: Mapping[str, str] | None = None,
                 before: Callable[[], None] | None = None) -> None:
        """`before` is called in the new process before exec."""
        folder.mkdir(parents=True, exist_ok=True)
        number = len(list(folder.glob('*.err')))
        self._out, self._err = folder / f'{number}.out', folder / f'{number}.err'
        with self._out.open('wb') as out, self._err.open('wb') as err:
            self.process = subprocess.Popen(
                [BINARY, *arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=clean_environment(env),
                preexec_fn=before)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def out(self) -> str:
        return self._out.read_text(errors='replace')

    @property
    def err(self) -> str:
        return self._err.read_text(errors='replace')

    def alive(self) -> bool:
        return self.process.poll() is None

    def wait(self, seconds: float = 60) -> Result:
        return Result(self.process.wait(seconds), self.out, self.err)

    def stop(self, number: int = signal.SIGTERM, seconds: float = 5) -> tuple[Result, float]:
        """Sends a signal. Returns the result and the seconds until the end; fails after `seconds`."""
        started = time.monotonic()
        self.process.send_signal(number)
        try:
            result = self.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f'still running {seconds} s after signal {number}:\n{self.err[-2000:]}') from None
        return result, time.monotonic() - started

    def kill(self) -> None:
        if self.alive():
            self.process.kill()
        # On a busy machine the end of a killed process may take long.
        self.process.wait(60)
