"""Reads the results of test suites: which tests ran once and passed.

Names: `Integration/test_x.py::test_y` of pytest, `Target.Suite::function` of Swift Testing; JSON files name their tests
themselves. A parameterised test is one test, which passed when every case of it did.
"""
import json
import pathlib
import xml.etree.ElementTree as xml
from collections.abc import Iterator

# The worst outcome of a test's cases is the test's.
OUTCOMES = ['passed', 'ran again after a failure', 'was skipped', 'failed']
PASSED, RETRIED, SKIPPED, FAILED = OUTCOMES
SILENT = {'properties', 'system-out', 'system-err'}
WORDS = {'passed': PASSED, 'skipped': SKIPPED, 'failed': FAILED}


def read_results(folder: pathlib.Path) -> dict[str, str]:
    """The outcome of each test, in the words of OUTCOMES."""
    results: dict[str, str] = {}
    for path in sorted(folder.glob('*')):
        found = junit(path) if path.suffix == '.xml' else recorded(path) if path.suffix == '.json' else ()
        for test, outcome in found:
            results[test] = max(results.get(test, PASSED), outcome, key=OUTCOMES.index)
    return results


def recorded(path: pathlib.Path) -> Iterator[tuple[str, str]]:
    for test, word in json.loads(path.read_text(encoding='utf-8')).items():
        yield test, WORDS[word]


def junit(path: pathlib.Path) -> Iterator[tuple[str, str]]:
    name_of = swift_name if path.name.startswith('swift') else pytest_name
    cases: dict[tuple[str, str], str] = {}
    for case in xml.parse(path).iter('testcase'):
        key = (case.get('classname', ''), case.get('name', ''))
        outcome = max((outcome_of(element.tag) for element in case), key=OUTCOMES.index, default=PASSED)
        # pytest-rerunfailures lists each run of a test as a case of its own, the failed ones as passed.
        if key in cases:
            outcome = max(outcome, cases[key], RETRIED, key=OUTCOMES.index)
        cases[key] = outcome
    for (class_name, name), outcome in cases.items():
        yield name_of(class_name, name), outcome


def outcome_of(tag: str) -> str:
    """The outcome that an element of a case stands for; one that is not known is no pass."""
    return PASSED if tag in SILENT else SKIPPED if tag == 'skipped' else FAILED


def pytest_name(class_name: str, name: str) -> str:
    module, _, inner = class_name.partition('.')
    return '::'.join([f'Integration/{module}.py', *([inner.replace('.', '::')] if inner else []), name.partition('[')[0]])


def swift_name(class_name: str, name: str) -> str:
    """`function(labels:)` and `` `any words`(labels:) `` without labels and backticks."""
    if name.startswith('`'):
        return f'{class_name}::{name[1:name.rindex("`")]}'
    return f'{class_name}::{name.partition("(")[0]}'
