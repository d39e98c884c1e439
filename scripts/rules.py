#!/usr/bin/env python3
"""The repository's own rules, checked over the tracked files. Prints each breach as FILE:LINE: rule; exit 1 if any.

usage: rules.py     from anywhere inside the repository
"""
import os
import pathlib
import re
import subprocess
import sys

MAX_LINES = 500
# For languages without a formatter here; swift format checks Swift.
MAX_COLUMNS = 136

# (rule, files it covers, files it exempts, forbidden pattern)
FORBIDDEN = [
    ('C modules are imported in Bindings only', r'^(Sources|Tests)/.*\.swift$', r'^(Sources/Bindings|Tests/Simulation)/',
     re.compile(r'^\s*(?:public |internal |private |fileprivate |package )?import C[A-Z]\w*\b')),
    ('no Swift package from outside', r'^Package\.swift$', None, re.compile(r'\.package\(')),
    ('no try!, as! or fatalError in Sources', r'^Sources/.*\.swift$', None,
     re.compile(r'^(?!\s*//).*(\btry!|\bas!|\bfatalError\()')),
    ('output goes through StandardStream or Output', r'^Sources/.*\.swift$', r'^Sources/Core/Log/',
     re.compile(r'^(?!\s*//).*(FileHandle\.standard(Output|Error)|\b(debugP|p)rint\()')),
    ('SQL of the state is in Core/State', r'^Sources/.*\.swift$', r'^Sources/(Core/State|Bindings/SQLite)/',
     re.compile(r'^(?!\s*//).*\b(FROM|INTO|UPDATE|JOIN|TABLE) (counts|windows|late|rejected|exported|staged|data_file|meta|'
                r'progress|partition_progress|outbox|incident|export|export_progress|segment|raw_progress|intent|orphan)\b')),
    ('statements of the state are in Core/State', r'^Sources/.*\.swift$', r'^Sources/(Core/State|Bindings/SQLite|Query)/',
     re.compile(r'^(?!\s*//).*(\.prepare\("|\bPRAGMA\b)')),
    ('no unfinished notes', r'\.(swift|py|sh|c|md|yml)$', r'^scripts/rules\.py$',
     re.compile(r'\b(TODO|FIXME|XXX)\b')),
    ('no path of one machine', r'.', r'^scripts/rules\.py$',
     re.compile(r'(?<![\w.:])/(work|farm|root|opt/swift-packages|home/\w+)/')),
    ('no test that may not run or cannot fail', r'^Tests/', None,
     re.compile(r'XCTSkip|\.disabled\(|\.enabled\(if|withKnownIssue|#expect\(true\)|XCTAssert\(true\)|'
                r'pytest\.(skip|mark\.skip|mark\.xfail|xfail)')),
    ('no sleep as proof', r'^Tests/.*\.swift$', None, re.compile(r'\b(usleep|sleep|Thread\.sleep)\s*\(\s*\d')),
    ('no trailing white space', r'\.(swift|py|sh|c|h|md|yml|json)$', r'^Tests/.*/(golden|Golden|Fixtures)/',
     re.compile(r'[ \t]+$')),
]
LONG_LINES = re.compile(r'^(scripts|Benchmarks|Tests/Integration|Tests/Browser)/[^/]*\.(py|sh|c)$|^Tests/Integration/support/')
COUNTED = re.compile(r'\.(swift|py|sh|c|h)$|(^|/)Makefile$')
NEVER_TRACKED = re.compile(r'(^|/)(\.build|\.venv|\.run|__pycache__)/|Package\.resolved$|\.db(-wal|-shm)?$')


def tracked():
    listing = subprocess.run(['git', 'ls-files', '-z'], check=True, capture_output=True, text=True).stdout
    return [name for name in listing.split('\0') if name and pathlib.Path(name).is_file()]


def text_lines(name):
    """The lines of a text file; none for a binary one."""
    raw = pathlib.Path(name).read_bytes()
    if b'\0' in raw[:8192]:
        return []
    return raw.decode('utf-8', 'replace').split('\n')


def breaches(name):
    if NEVER_TRACKED.search(name):
        yield name, 1, 'must not be tracked'
        return
    lines = text_lines(name)
    if COUNTED.search(name) and len(lines) > MAX_LINES + 1:
        yield name, len(lines) - 1, f'more than {MAX_LINES} lines'
    rules = [(rule, pattern) for rule, about, unless, pattern in FORBIDDEN
             if re.search(about, name) and not (unless and re.search(unless, name))]
    for number, line in enumerate(lines, 1):
        if LONG_LINES.search(name) and len(line) > MAX_COLUMNS and 'http' not in line:
            yield name, number, f'more than {MAX_COLUMNS} columns'
        for rule, pattern in rules:
            if pattern.search(line):
                yield name, number, rule


def main():
    top = subprocess.run(['git', 'rev-parse', '--show-toplevel'], check=True, capture_output=True, text=True)
    os.chdir(top.stdout.strip())
    found = [breach for name in tracked() for breach in breaches(name)]
    for name, number, rule in found:
        print(f'{name}:{number}: {rule}')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
