#!/usr/bin/env python3
"""Runs the tests of the prompt, and writes each test's outcome for scripts/guarantees.py.

usage: run.py RESULTS     RESULTS becomes a JSON object: test to passed, skipped or failed
"""

import json
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


class Recorder(unittest.TextTestResult):
    """Keeps every test's worst outcome."""

    WORDS = ["passed", "skipped", "failed"]

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.outcomes = {}

    def record(self, test, word):
        module, _, rest = test.id().partition(".")
        name = f"Repl/{module}.py::{rest.replace('.', '::')}"
        self.outcomes[name] = max(self.outcomes.get(name, word), word, key=self.WORDS.index)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.record(test, "passed")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.record(test, "skipped")

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.record(test, "skipped")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.record(test, "failed")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.record(test, "failed")

    def addError(self, test, err):
        super().addError(test, err)
        self.record(test, "failed")

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.record(test, "failed")


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    result = unittest.TextTestRunner(resultclass=Recorder).run(unittest.defaultTestLoader.discover(HERE))
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump(result.outcomes, file, indent=1, sort_keys=True)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
