"""Finds tests in the sources by the names that scripts/guarantees.py gives them, and the faults of the simulation.

Swift is read by line, as swift-format leaves it: a type begins and ends in the first column.
"""
import ast
import functools
import pathlib
import re
from collections.abc import Iterator

SIMULATED = 'Tests/Simulation/Simulator/Dice.swift'
TYPE = re.compile(r'^(?:@\w+(?:\(.*?\))? )*(?:\w+ )*?(?:struct|class|actor|enum|extension) (\w+)')
FUNCTION = re.compile(r'\bfunc (`[^`]+`|\w+)')


def is_test(test: str, root: pathlib.Path) -> bool:
    place, _, name = test.partition('::')
    if place.endswith('.py'):
        return name in python_tests(root / 'Tests' / place, 'check' if place.startswith('Browser/') else 'test')
    target, _, suite = place.partition('.')
    return (suite, name) in swift_tests(root / 'Tests' / target)


@functools.cache
def python_tests(path: pathlib.Path, beginning: str) -> frozenset[str]:
    """`test_x` and `Class::test_x` of a file, where tests begin with "test"."""
    if not path.is_file():
        return frozenset()
    return frozenset(defined(ast.parse(path.read_text(encoding='utf-8')), '', beginning))


def defined(node: ast.Module | ast.ClassDef, prefix: str, beginning: str) -> Iterator[str]:
    for child in node.body:
        if isinstance(child, ast.ClassDef):
            yield from defined(child, f'{prefix}{child.name}::', beginning)
        elif isinstance(child, ast.FunctionDef) and child.name.startswith(beginning):
            yield prefix + child.name


@functools.cache
def swift_tests(folder: pathlib.Path) -> frozenset[tuple[str, str]]:
    """(suite, function) of each @Test; the suite is '' for a function outside a type."""
    found = set()
    for path in sorted(folder.glob('*.swift')):
        suite, awaits = '', False
        for line in path.read_text(encoding='utf-8').split('\n'):
            if declared := TYPE.match(line):
                suite = '' if line.endswith('}') else declared[1]
            elif line == '}':
                suite = ''
            awaits = awaits or line.lstrip().startswith('@Test')
            if awaits and (function := FUNCTION.search(line)):
                found.add((suite, function[1].strip('`')))
                awaits = False
    return frozenset(found)


def fault_kinds(root: pathlib.Path) -> list[str]:
    """The cases of the simulation's enumeration `Fault`."""
    text = (root / SIMULATED).read_text(encoding='utf-8')
    body = text.split('enum Fault', 1)[1].split('\n}', 1)[0]
    return re.findall(r'^    case (\w+)', body, re.MULTILINE)
