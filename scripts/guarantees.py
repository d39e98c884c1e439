#!/usr/bin/env python3
"""Generates docs/guarantees.md, the matrix of invariant, fault and component, from docs/guarantees.toml and test results.

usage: guarantees.py write [--results FOLDER | --without-results]   write the document
       guarantees.py check [--results FOLDER]                       compare the document with results; exit 1 if it differs
       guarantees.py names                                          the same without results, for every named test's name

A cell of the data names tests, or gives the reason why it does not apply; an empty cell is missing. A cell is proven when
every test that it names ran once and passed. A test that failed, was skipped, ran again after a failure, or did not run
makes its cells missing. Results are JUnit files (swift*.xml of Swift Testing, other *.xml of pytest) and JSON files that
map a test to passed, skipped or failed. Without results each named test counts as passed; `names` checks that it exists.
"""
import argparse
import collections
import dataclasses
import pathlib
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from guarantees_results import read_results  # noqa: E402
from guarantees_sources import fault_kinds, is_test  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA, DOCUMENT, RESULTS = 'docs/guarantees.toml', 'docs/guarantees.md', '.build/results'
MISSING = 'missing'


@dataclasses.dataclass
class Row:
    """The cells of some components under one fault; a cell is test names, a reason, or None."""
    components: list[str]
    cells: dict[str, list[str] | str | None]


@dataclasses.dataclass
class Fault:
    name: str
    happens: str
    simulated: list[str]
    rows: list[Row]
    tests: list[str]


@dataclasses.dataclass
class Group:
    title: str
    intro: str
    faults: list[Fault]


@dataclasses.dataclass
class Matrix:
    head: str
    foot: str
    components: dict[str, str]
    invariants: dict[str, str]
    tests: dict[str, str]
    readers: dict
    groups: list[Group]

    def faults(self) -> Iterator[Fault]:
        for group in self.groups:
            yield from group.faults

    def named(self) -> Iterator[tuple[Fault, str]]:
        """Each use of a test's name."""
        for fault in self.faults():
            yield from ((fault, name) for name in fault.tests)
            for row in fault.rows:
                for cell in row.cells.values():
                    if isinstance(cell, list):
                        yield from ((fault, name) for name in cell)


class DataError(Exception):
    """The data file cannot be understood."""


# Reading the data

def load(path: pathlib.Path) -> Matrix:
    data = tomllib.loads(path.read_text(encoding='utf-8'))
    matrix = Matrix(data['head'].strip(), data['foot'].strip(), data['components'], data['invariants'], data['tests'],
                    data['readers'], [])
    for group in data['group']:
        faults = [read_fault(fault, matrix) for fault in group['fault']]
        matrix.groups.append(Group(group['title'], group.get('intro', '').strip(), faults))
    return matrix


def read_fault(data: dict, matrix: Matrix) -> Fault:
    known = {'name', 'happens', 'simulated', 'rows', 'elsewhere', 'tests'}
    if set(data) - known:
        raise DataError(f'{data.get("name")}: unknown keys {sorted(set(data) - known)}')
    fault = Fault(data['name'], data['happens'], as_list(data.get('simulated', [])), [], data.get('tests', []))
    if fault.tests:
        return fault
    for row in data.get('rows', []):
        fault.rows += read_rows(row, fault, matrix)
    listed = [component for row in fault.rows for component in row.components]
    if len(set(listed)) != len(listed):
        raise DataError(f'{fault.name}: a component has two rows')
    rest = [component for component in matrix.components if component not in listed]
    if rest and 'elsewhere' in data:
        fault.rows.append(Row(rest, dict.fromkeys(matrix.invariants, data['elsewhere'])))
    elif rest:
        fault.rows += read_rows({'on': rest}, fault, matrix)
    return fault


def read_rows(data: dict, fault: Fault, matrix: Matrix) -> Iterator[Row]:
    """A row, and one apart for its components that only read: they cannot lose or double anything."""
    components = as_list(data['on'])
    unknown = set(components) - set(matrix.components) | set(data) - set(matrix.invariants) - {'on', 'all'}
    if unknown:
        raise DataError(f'{fault.name}: unknown words {sorted(unknown)}')
    cells = {invariant: data.get(invariant, data.get('all')) for invariant in matrix.invariants}
    writing = [component for component in components if component not in matrix.readers['components']]
    reading = [component for component in components if component in matrix.readers['components']]
    if writing:
        yield Row(writing, cells)
    if reading:
        yield Row(reading, cells | dict.fromkeys(matrix.readers['invariants'], matrix.readers['reason']))


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


# The document

class Writer:
    """Writes the document; `passed` says whether a test passed."""

    def __init__(self, matrix: Matrix, passed: Callable[[str], bool]) -> None:
        self._matrix, self._passed = matrix, passed
        self._reasons: dict[str, int] = {}

    def document(self) -> str:
        sections = [self._section(group) for group in self._matrix.groups]
        return '\n\n'.join([self._matrix.head, self._summary(), *sections, self._legend(), self._matrix.foot]) + '\n'

    def _is_proven(self, cell: list[str] | str | None) -> bool:
        return isinstance(cell, list) and bool(cell) and all(self._passed(self._matrix.tests[name]) for name in cell)

    def _summary(self) -> str:
        counts: dict[tuple[str, str], collections.Counter[str]] = collections.defaultdict(collections.Counter)
        for fault in self._matrix.faults():
            for row in fault.rows:
                for invariant, cell in row.cells.items():
                    kind = 'n/a' if isinstance(cell, str) else 'proven' if self._is_proven(cell) else MISSING
                    for component in row.components:
                        counts[component, invariant][kind] += 1
        rows = [[words, *(self._sums(counts[component, invariant]) for invariant in self._matrix.invariants)]
                for component, words in self._matrix.components.items()]
        total = sum(counts.values(), collections.Counter())
        faults = sum(1 for fault in self._matrix.faults() if fault.rows)
        text = (f'{faults} faults, {len(self._matrix.components)} components and {len(self._matrix.invariants)} invariants '
                f'make {total.total()} cells: {self._sums(total)}.')
        return '\n\n'.join(['## Summary', text, table(['component', *self._matrix.invariants.values()], rows)])

    @staticmethod
    def _sums(counts: collections.Counter[str]) -> str:
        return f'{counts["proven"]} proven, {counts[MISSING]} {MISSING}, {counts["n/a"]} n/a'

    def _section(self, group: Group) -> str:
        parts = [f'## {group.title}', *([group.intro] if group.intro else [])]
        self._reasons = {}
        if all(fault.tests for fault in group.faults):
            parts.append(table(['fault', 'what happens', 'test'], [self._plain(fault) for fault in group.faults]))
        else:
            head = ['fault', 'what happens', 'component', *self._matrix.invariants.values()]
            parts.append(table(head, [cells for fault in group.faults for cells in self._rows(fault)]))
        if self._reasons:
            parts.append('\n'.join(f'- n/a {number}: {reason}' for reason, number in self._reasons.items()))
        return '\n\n'.join(parts)

    def _plain(self, fault: Fault) -> list[str]:
        tests = [f'`{name}`' if self._passed(self._matrix.tests[name]) else MISSING for name in fault.tests]
        return [fault.name, fault.happens, ', '.join(tests)]

    def _rows(self, fault: Fault) -> Iterator[list[str]]:
        first = [fault.name, fault.happens]
        for row in fault.rows:
            components = ', '.join(self._matrix.components[component] for component in row.components)
            yield [*first, components, *(self._cell(cell) for cell in row.cells.values())]
            first = ['', '']

    def _cell(self, cell: list[str] | str | None) -> str:
        if isinstance(cell, str):
            return f'n/a {self._reasons.setdefault(cell, len(self._reasons) + 1)}'
        return ', '.join(f'`{name}`' for name in cell or []) if self._is_proven(cell) else MISSING

    def _legend(self) -> str:
        rows = [[f'`{name}`', f'`{test}`'] for name, test in sorted(self._matrix.tests.items())]
        return '\n\n'.join(['## Tests', 'Paths are relative to `Tests/`; Swift tests are `target.suite::name`.',
                            table(['name', 'test'], rows)])


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    return '\n'.join(f'| {" | ".join(cells)} |' for cells in [head, ['---'] * len(head), *rows])


# Checks

def data_errors(matrix: Matrix, root: pathlib.Path) -> Iterator[str]:
    """What is wrong with the data, whatever the tests' results."""
    used = set()
    for fault, name in matrix.named():
        used.add(name)
        if name not in matrix.tests:
            yield f'{DATA}: {fault.name}: no test has the name {name}'
    for name in matrix.tests.keys() - used:
        yield f'{DATA}: no cell names the test {name}'
    for name, test in matrix.tests.items():
        if not is_test(test, root):
            yield f'{DATA}: {name}: there is no test {test}'
    simulated = [kind for fault in matrix.faults() for kind in fault.simulated]
    kinds = set(fault_kinds(root))
    for kind in sorted(kinds - set(simulated)):
        yield f'{DATA}: no row has the fault {kind} of the simulation'
    for kind in sorted(set(simulated) - kinds):
        yield f'{DATA}: the simulation has no fault {kind}'


def result_errors(matrix: Matrix, results: dict[str, str]) -> Iterator[str]:
    for name, test in sorted(matrix.tests.items()):
        outcome = results.get(test, 'did not run')
        if outcome != 'passed':
            yield f'{name}: {test}: {outcome}'


def document_error(matrix: Matrix, results: dict[str, str] | None, root: pathlib.Path) -> Iterator[str]:
    path = root / DOCUMENT
    if not path.is_file() or path.read_text(encoding='utf-8') != generate(matrix, results):
        yield f'{DOCUMENT} is not what its data{" and the results" if results is not None else ""} give: make guarantees'


def generate(matrix: Matrix, results: dict[str, str] | None) -> str:
    return Writer(matrix, lambda test: results is None or results.get(test) == 'passed').document()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('command', choices=['write', 'check', 'names'])
    parser.add_argument('--root', type=pathlib.Path, default=ROOT, help='the repository')
    parser.add_argument('--results', type=pathlib.Path, help=f'folder of the results (ROOT/{RESULTS})')
    parser.add_argument('--without-results', action='store_true', help='write: each named test counts as passed')
    options = parser.parse_args(arguments)
    try:
        return run(options.command, options.root, options.results or options.root / RESULTS, options.without_results)
    except (DataError, KeyError, OSError, ValueError) as error:
        print(f'guarantees: {type(error).__name__}: {error}', file=sys.stderr)
        return 1


def run(command: str, root: pathlib.Path, folder: pathlib.Path, without_results: bool) -> int:
    matrix = load(root / DATA)
    found = list(data_errors(matrix, root))
    results = None
    if command != 'names' and not without_results:
        if not list(folder.glob('*')):
            raise DataError(f'there are no results in {folder}: make test; or write --without-results')
        results = read_results(folder)
    if not found and command == 'write':
        (root / DOCUMENT).write_text(generate(matrix, results), encoding='utf-8')
    if results is not None:
        found += result_errors(matrix, results)
    if command != 'write':
        found += [] if found and results is None else document_error(matrix, results, root)
    for line in found:
        print(f'guarantees: {line}')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
