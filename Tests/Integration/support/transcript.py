"""Runs the commands of a document again and compares their output with the document's.

usage: transcript.py DOCUMENT [--section HEADING] [--rename OLD=NEW ...] [--pin]
       from the repository's root, against the servers of `make up`

In fenced blocks a line that begins with `$ ` is a command (`> ` continues it), and the lines up to the next command are its
output. One shell runs all commands. Values that differ between runs (random ids, generations) are compared as placeholders.
--rename replaces names in commands and outputs, so that a document can be run twice; names of the same length keep the columns.
--pin writes the output into the document.
"""
import argparse
import dataclasses
import os
import pathlib
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence

MARK = '\x01'
# Values that differ between runs.
PLACEHOLDERS = [(r'\b[0-9a-f]{32}\b', 'ID'), (r'\bgeneration \d+', 'generation N')]


@dataclasses.dataclass
class Step:
    command: str
    output: list[str]
    # The lines of the output in the document: the first, and the one after the last.
    span: tuple[int, int]


def parse(text: str, section: str = '') -> list[Step]:
    """The commands of a document in order, or of the section with this heading (`## Name`). Skips
    commands that start servers, which already run.
    """
    steps: list[Step] = []
    fenced, wanted = False, not section
    for number, line in enumerate(text.split('\n')):
        if line.startswith('```'):
            fenced = not fenced
        elif section and not fenced and line.startswith('## '):
            wanted = line == section
        elif not wanted:
            continue
        elif fenced and line.startswith('$ '):
            steps.append(Step(line[2:], [], (number + 1, number + 1)))
        elif fenced and line.startswith('> ') and steps and not steps[-1].output:
            steps[-1].command += '\n' + line[2:]
            steps[-1].span = (number + 1, number + 1)
        elif fenced and steps:
            steps[-1].output.append(line)
            steps[-1].span = (steps[-1].span[0], number + 1)
    return [step for step in steps if not step.command.startswith('make ')]


def run(commands: Sequence[str], folder: pathlib.Path, environment: Mapping[str, str], seconds: float = 300) -> list[list[str]]:
    """The output of each command, with standard error, in one shell."""
    script = ''.join(f'{{ {command}\n}} 2>&1; printf "{MARK}"\n' for command in commands)
    done = subprocess.run(['bash', '-c', script], cwd=folder, env=dict(environment), capture_output=True, text=True,
                          timeout=seconds, check=False)
    found = done.stdout.split(MARK)
    assert len(found) == len(commands) + 1, f'the shell ended early: {done.stderr}\n{done.stdout[-2000:]}'
    return [text.split('\n')[:-1] for text in found[:-1]]


def comparable(lines: Sequence[str]) -> list[str]:
    """Lines with placeholders for the values that differ between runs."""
    found = []
    for line in lines:
        for pattern, placeholder in PLACEHOLDERS:
            line = re.sub(pattern, placeholder, line)
        found.append(line.rstrip())
    return found


def rewritten(text: str, steps: Sequence[Step], outputs: Sequence[Sequence[str]]) -> str:
    """The document with the new outputs."""
    lines = text.split('\n')
    for step, output in reversed(list(zip(steps, outputs))):
        lines[step.span[0]:step.span[1]] = [line.rstrip() for line in output]
    return '\n'.join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('document', type=pathlib.Path)
    parser.add_argument('--section', default='', metavar='HEADING', help='only this section, such as "## Late data"')
    parser.add_argument('--pin', action='store_true')
    parser.add_argument('--rename', action='append', default=[], metavar='OLD=NEW')
    arguments = parser.parse_args()
    text = arguments.document.read_text()
    for pair in arguments.rename:
        old, _, new = pair.partition('=')
        text = text.replace(old, new)
    steps = parse(text, arguments.section)
    outputs = run([step.command for step in steps], pathlib.Path.cwd(), os.environ)
    if arguments.pin:
        arguments.document.write_text(rewritten(text, steps, outputs))
    wrong = 0
    for step, output in zip(steps, outputs):
        if comparable(output) == comparable(step.output):
            print(f'same: {step.command}')
        else:
            wrong += 1
            print(f'DIFFERS: {step.command}', *(f'  {line}' for line in output), sep='\n')
    print(f'{len(steps)} commands, {wrong} printed other output')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
