"""Waits for conditions; every wait has a deadline and names its condition."""
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar('T')


def eventually(check: Callable[[], T], what: str, seconds: float = 20, every: float = 0.05) -> T:
    """Calls `check` until it returns a true value, and returns that; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f'not within {seconds} s: {what} (last: {value!r})')
        time.sleep(every)
