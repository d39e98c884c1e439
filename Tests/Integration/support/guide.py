"""Reads the commands of the operations guide: its fenced shell blocks, and the `pageviews` commands inside its text."""
import re

from .program import ROOT

DOCUMENT = ROOT / 'docs/operations.md'


def blocks() -> list[str]:
    """The fenced blocks in order."""
    return re.findall(r'^```\n(.*?)^```$', DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)


def block(part: str) -> str:
    """The one block that contains `part`."""
    found = [block for block in blocks() if part in block]
    assert len(found) == 1, f'{len(found)} blocks of {DOCUMENT.name} have {part!r}'
    return found[0]


def inline() -> list[str]:
    """Commands in the text, without single names in backquotes."""
    text = re.sub(r'^```\n.*?^```$', '', DOCUMENT.read_text(), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r'`((?:pageviews|as_service) [^`]+)`', text)
