"""scripts/guarantees.py: what makes a cell proven or missing, and what it says of names, data and documents that do not fit."""
import contextlib
import io
import json
import pathlib
import sys

import pytest

from support import program

sys.path.insert(0, str(program.ROOT / 'scripts'))
import guarantees  # noqa: E402

DATA = '''
head = "# Guarantees"
foot = "End."
[components]
state = "state file"
queries = "queries"
[invariants]
lost = "nothing lost"
goes = "continues"
[readers]
components = ["queries"]
invariants = ["lost"]
reason = "it only reads"
[tests]
kills = "Integration/test_restart.py::test_kills"
words = "StateTests.OpeningTests::a state opens"
prompt = "Repl/test_live.py::Live::test_counts"
[[group]]
title = "Process"
[[group.fault]]
name = "killed"
happens = "starts again"
simulated = "kill"
rows = [
  {on = "state", all = ["kills", "words"]},
  {on = "queries", goes = ["prompt"]},
]
'''
SOURCES = {
    'docs/guarantees.toml': DATA,
    'Tests/Integration/test_restart.py': 'def test_kills(state):\n    pass\n',
    'Tests/Repl/test_live.py': 'class Live:\n    def test_counts(self):\n        pass\n',
    'Tests/StateTests/OpeningTests.swift':
        '@Suite struct OpeningTests {\n    @Test(arguments: [1]) func `a state opens`(number: Int) throws {}\n}\n',
    'Tests/Simulation/Simulator/Dice.swift': 'package enum Fault: String {\n    case kill = "process killed"\n}\n',
}
PASSED = '<testcase classname="test_restart" name="test_kills[{0}]" time="1" />'
SWIFT = '<testcase classname="StateTests.OpeningTests" name="`a state opens`(number:)" time="1">{0}</testcase>'


def run(root: pathlib.Path, *arguments: str) -> tuple[int, str]:
    """The exit code, and all that is printed. In this process: the script does nothing but read and write files."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = guarantees.main([*arguments, '--root', str(root)])
    return code, said.getvalue()


def suites(*cases: str) -> str:
    return f'<testsuites><testsuite>{"".join(cases)}</testsuite></testsuites>'


def put(root: pathlib.Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def put_results(root: pathlib.Path, kills: str, words: str, prompt: str | None) -> None:
    put(root, {'.build/results/integration.xml': suites(kills), '.build/results/swift-swift-testing.xml': suites(words),
               '.build/results/prompt.json': json.dumps({'Repl/test_live.py::Live::test_counts': prompt} if prompt else {})})


@pytest.fixture
def root(tmp_path):
    """A repository whose document says that all is proven, and results that prove it."""
    put(tmp_path, SOURCES)
    put_results(tmp_path, PASSED.format(1) + PASSED.format(2), SWIFT.format(''), 'passed')
    assert run(tmp_path, 'write') == (0, '')
    return tmp_path


def cells(root: pathlib.Path) -> list[list[str]]:
    lines = (root / 'docs/guarantees.md').read_text().split('| fault |', 1)[1].split('\n')[2:4]
    return [[cell.strip() for cell in line.split('|')[3:-1]] for line in lines]


def test_every_named_test_passed(root):
    assert cells(root) == [['state file', '`kills`, `words`', '`kills`, `words`'], ['queries', 'n/a 1', '`prompt`']]
    text = (root / 'docs/guarantees.md').read_text()
    assert '1 faults, 2 components and 2 invariants make 4 cells: 3 proven, 0 missing, 1 n/a.' in text
    assert '- n/a 1: it only reads' in text and '| `kills` | `Integration/test_restart.py::test_kills` |' in text
    assert run(root, 'check') == (0, '')
    assert run(root, 'names') == (0, '')


FAILURE = '<testcase classname="test_restart" name="test_kills[2]"><failure message="no" /></testcase>'
SKIPPED = '<testcase classname="test_restart" name="test_kills[2]"><skipped message="no" /></testcase>'
UNKNOWN = '<testcase classname="test_restart" name="test_kills[2]"><else message="no" /></testcase>'
# What happened, the results of the three tests, the test that is named, the words about it.
OUTCOMES = {
    'a case failed': ((PASSED.format(1) + FAILURE, SWIFT.format(''), 'passed'), 'kills', 'failed'),
    'a case was skipped': ((PASSED.format(1) + SKIPPED, SWIFT.format(''), 'passed'), 'kills', 'was skipped'),
    # As pytest-rerunfailures writes it: the failed run is a case that passed, the next one too.
    'a case ran twice': ((PASSED.format(1) * 2, SWIFT.format(''), 'passed'), 'kills', 'ran again after a failure'),
    'a case has an element that is not known': ((UNKNOWN, SWIFT.format(''), 'passed'), 'kills', 'failed'),
    'nothing of it ran': (('', SWIFT.format(''), 'passed'), 'kills', 'did not run'),
    'a Swift test failed': ((PASSED.format(1), SWIFT.format('<failure message="no" />'), 'passed'), 'words', 'failed'),
    'a Swift test was skipped': ((PASSED.format(1), SWIFT.format('<skipped />'), 'passed'), 'words', 'was skipped'),
    'a Swift test did not run': ((PASSED.format(1), '', 'passed'), 'words', 'did not run'),
    'a test of the prompt failed': ((PASSED.format(1), SWIFT.format(''), 'failed'), 'prompt', 'failed'),
    'a test of the prompt was skipped': ((PASSED.format(1), SWIFT.format(''), 'skipped'), 'prompt', 'was skipped'),
    'a test of the prompt did not run': ((PASSED.format(1), SWIFT.format(''), None), 'prompt', 'did not run'),
}


@pytest.mark.parametrize('what', OUTCOMES)
def test_a_test_that_did_not_pass_makes_its_cells_missing(what, root):
    results, name, words = OUTCOMES[what]
    put_results(root, *results)
    before = (root / 'docs/guarantees.md').read_text()
    code, out = run(root, 'check')
    assert code == 1 and any(line.startswith(f'guarantees: {name}: ') and line.endswith(words) for line in out.splitlines()), out
    assert 'docs/guarantees.md is not what its data and the results give' in out
    assert (root / 'docs/guarantees.md').read_text() == before, 'check writes nothing'
    code, out = run(root, 'write')
    assert code == 1 and words in out
    missing = cells(root)
    assert missing == ([['state file', '`kills`, `words`', '`kills`, `words`'], ['queries', 'n/a 1', 'missing']]
                       if name == 'prompt' else [['state file', 'missing', 'missing'], ['queries', 'n/a 1', '`prompt`']])
    # The document is honest about the results, and `make check` still asks for the proof.
    assert run(root, 'names')[0] == 1
    assert [line for line in run(root, 'check')[1].splitlines() if 'docs/guarantees.md' in line] == []


def test_without_results_nothing_is_proven(root):
    for file in (root / '.build/results').iterdir():
        file.unlink()
    for command in ('write', 'check'):
        code, out = run(root, command)
        assert code == 1 and 'there are no results in' in out, out
    assert run(root, 'write', '--without-results') == (0, '')


# A change of the data, and what is said of it.
MISTAKES = {
    'a test that is not there': ('::test_kills"', '::test_kill"', 'kills: there is no test Integration/test_restart.py::'),
    'a Swift test of another suite': ('.OpeningTests', '.ViewTests', 'words: there is no test StateTests.ViewTests::'),
    'a file that is not there': ('Repl/test_live.py', 'Repl/test_dead.py', 'prompt: there is no test Repl/test_dead.py'),
    'a name without a test': ('goes = ["prompt"]', 'goes = ["prompt", "page"]', 'killed: no test has the name page'),
    'a test that proves nothing': ('goes = ["prompt"]', 'goes = []', 'no cell names the test prompt'),
    'an unknown component': ('on = "state"', 'on = "stat"', "killed: unknown words ['stat']"),
    'an unknown invariant': ('goes = ["prompt"]', 'gone = ["prompt"]', "killed: unknown words ['gone']"),
    'a component with two rows': ('on = "queries"', 'on = "state"', 'killed: a component has two rows'),
    'a fault of the simulation without a row': ('simulated = "kill"', '', 'no row has the fault kill of the simulation'),
    'a fault that the simulation does not have': ('"kill"', '"kilt"', 'the simulation has no fault kilt'),
    'a reason that changed': ('it only reads', 'it reads', 'docs/guarantees.md is not what its data give: make guarantees'),
}


@pytest.mark.parametrize('what', MISTAKES)
def test_a_mistake_in_the_data_is_named(what, root):
    old, new, words = MISTAKES[what]
    assert DATA.count(old) == 1
    put(root, {'docs/guarantees.toml': DATA.replace(old, new)})
    code, out = run(root, 'names')
    assert code == 1 and words in out, out


def test_an_edited_document_is_noticed(root):
    path = root / 'docs/guarantees.md'
    path.write_text(path.read_text().replace('n/a 1 |', '`kills` |'))
    assert run(root, 'names') == (1, 'guarantees: docs/guarantees.md is not what its data give: make guarantees\n')


def test_the_repository_s_names_and_document_agree():
    assert run(program.ROOT, 'names') == (0, '')
