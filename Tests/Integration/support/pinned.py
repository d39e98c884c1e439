"""Compares texts with files beside the tests. PIN=1 in the environment rewrites the files; review the difference in git."""
import os
import pathlib

FOLDER = pathlib.Path(__file__).resolve().parents[1]


def check_pinned(name: str, text: str) -> None:
    file = FOLDER / name
    if os.environ.get('PIN') == '1':
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(text.encode())
    assert file.exists(), f'{name} is not there yet: run with PIN=1, then read it'
    assert text == file.read_bytes().decode(), f'{name} differs; if that is meant, run with PIN=1'
