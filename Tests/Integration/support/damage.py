"""Damages files as a bad disk does: a bit that turned, an end that is missing, a block of zeros."""
import pathlib
import random

BLOCK = 4096


def flip(path: pathlib.Path, chance: random.Random, among: range | None = None) -> str:
    """Turns one bit; says which."""
    content = bytearray(path.read_bytes())
    place = chance.choice(among) if among else chance.randrange(len(content))
    bit = chance.randrange(8)
    content[place] ^= 1 << bit
    path.write_bytes(content)
    return f'{path.name}: bit {bit} of byte {place} turned'


def truncate(path: pathlib.Path, chance: random.Random) -> str:
    """Cuts the end off, at any byte or at a block's end."""
    size = path.stat().st_size
    left = chance.randrange(1, size)
    if chance.random() < 0.5 and left > BLOCK:
        left -= left % BLOCK
    with path.open('r+b') as file:
        file.truncate(left)
    return f'{path.name}: {left} of {size} bytes left'


def zero(path: pathlib.Path, chance: random.Random) -> str:
    """Turns one block into zeros."""
    content = bytearray(path.read_bytes())
    start = chance.randrange(len(content)) // BLOCK * BLOCK
    end = min(len(content), start + BLOCK)
    content[start:end] = bytes(end - start)
    path.write_bytes(content)
    return f'{path.name}: bytes {start} to {end} are zeros'
