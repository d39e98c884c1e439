"""Spark with Iceberg's runtime, as another engine that writes the tables. Fails if Spark is not installed."""
import json
import os
import pathlib
import subprocess

from .lake import Warehouse
from .program import ROOT

# Created by `make spark`: a Python environment with pyspark, and Iceberg's runtime.
HOME = pathlib.Path(os.environ.get('PAGEVIEWS_SPARK', ROOT / '.venv-spark'))


class Spark:
    def __init__(self, folder: pathlib.Path) -> None:
        python, jars = HOME / 'bin/python', sorted(HOME.glob('jars/iceberg-spark-runtime-*.jar'))
        assert python.exists() and len(jars) == 1, f'there is no Spark in {HOME}: run `make spark`, or set PAGEVIEWS_SPARK'
        self._log = folder / 'spark.err'
        with self._log.open('wb') as log:
            self._process = subprocess.Popen(
                [python, pathlib.Path(__file__).with_name('spark_session.py'), jars[0]], cwd=folder,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        self._lakes: dict[str, str] = {}

    def sql(self, warehouse: Warehouse, *statements: str) -> list[list[str]]:
        """The rows of the last statement, as text. `{lake}` stands for the warehouse's catalog."""
        lake = self._lakes.setdefault(warehouse.location, f'lake{len(self._lakes) + 1}')
        rows: list[list[str]] = []
        for statement in statements:
            request = {'lake': lake, 'warehouse': warehouse.location, 'sql': statement.replace('{lake}', lake)}
            assert self._process.stdin and self._process.stdout
            try:
                self._process.stdin.write(json.dumps(request) + '\n')
                self._process.stdin.flush()
                line = self._process.stdout.readline()
            except BrokenPipeError:
                line = ''
            assert line, f'Spark ended: {self._log.read_text()[-3000:]}'
            answer = json.loads(line)
            assert 'rows' in answer, f'{statement}: {answer.get("error")}'
            rows = answer['rows']
        return rows

    def stop(self) -> None:
        """Closes the input, which ends the JVM."""
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(30)
        if self._process.stdout:
            self._process.stdout.close()
