#!/usr/bin/env python3
"""Checks that ARCHITECTURE.md's table of layers, Package.swift and the imports of Sources agree. Prints each difference; exit 1 if any.

usage: layers.py     from anywhere inside the repository
"""
import json
import os
import pathlib
import re
import subprocess
import sys

IMPORT = re.compile(r'^\s*(?:@\w+ )*(?:public |internal |package |private |fileprivate )?import (?:\w+ )?(\w+)', re.MULTILINE)
ROW = re.compile(r'^\| `([\w/*]+)` \|[^|]*\| ([^|]*) \|$', re.MULTILINE)


def package_targets():
    """Each target of Sources: its folder below Sources, and the targets it may import."""
    dump = subprocess.run(['swift', 'package', 'dump-package'], check=True, capture_output=True, text=True).stdout
    targets = [target for target in json.loads(dump)['targets'] if (target.get('path') or '').startswith('Sources/')]
    return {target['name']: (target['path'].removeprefix('Sources/'), {name_of(each) for each in target['dependencies']})
            for target in targets if target['type'] != 'system'}, {
                target['name'] for target in targets if target['type'] == 'system'}


def name_of(dependency):
    return next(iter(dependency.values()))[0]


def imported(folder, known):
    """The targets of this package that a target's sources import."""
    texts = (path.read_text(encoding='utf-8') for path in pathlib.Path('Sources', folder).rglob('*.swift'))
    return {name for text in texts for name in IMPORT.findall(text)} & known


def rows():
    """The table: a folder's pattern, and the allowed imports as a set of names or as words."""
    text = pathlib.Path('ARCHITECTURE.md').read_text(encoding='utf-8')
    table = text.split('| folder |', 1)[1].split('\n\n', 1)[0]
    found = ROW.findall(table)
    if len(found) != table.count('\n') - 1:
        yield None
    yield from found


def differences():
    targets, systems = package_targets()
    known = set(targets) | systems
    for name, (folder, declared) in sorted(targets.items()):
        used = imported(folder, known) - {name}
        for missing in sorted(used - declared):
            yield f'{folder}: imports {missing}, which Package.swift does not declare'
        for unused in sorted(declared - used):
            yield f'{folder}: Package.swift declares {unused}, which nothing imports'
    told = set()
    for row in rows():
        if row is None:
            yield 'ARCHITECTURE.md: a row of the table of layers cannot be read'
            continue
        pattern, words = row
        folders = {name: place for name, (place, _) in targets.items()
                   if place == pattern or pattern.endswith('/*') and place.startswith(pattern[:-1]) and name not in told}
        if not folders:
            yield f'ARCHITECTURE.md: {pattern} is no target of Package.swift'
        told |= set(folders)
        for name, place in sorted(folders.items()):
            yield from of_row(place, words, targets[name][1], systems)
    for name in sorted(set(targets) - told):
        yield f'ARCHITECTURE.md: the table of layers does not name {targets[name][0]}'


def of_row(place, words, declared, systems):
    """Compares a row with Package.swift; C modules are "its C module"."""
    if words == 'everything below':
        return
    said = set() if words == 'nothing' else set(words.split(', '))
    allowed = (declared - systems) | ({'its C module'} if declared & systems else set())
    for missing in sorted(allowed - said):
        yield f'ARCHITECTURE.md: {place} may import {missing}, says Package.swift'
    for wrong in sorted(said - allowed):
        yield f'ARCHITECTURE.md: {place} may not import {wrong}, says Package.swift'


def main():
    top = subprocess.run(['git', 'rev-parse', '--show-toplevel'], check=True, capture_output=True, text=True)
    os.chdir(top.stdout.strip())
    found = list(differences())
    print('\n'.join(found), end='\n' if found else '')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
