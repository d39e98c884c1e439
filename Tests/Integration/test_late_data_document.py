"""Runs the commands of documents in order against the test's broker, S3 and catalog, and compares their output.

PIN=1 writes the output into the document.
"""
import os

import pytest

from support import program, transcript


@pytest.mark.parametrize('document,section', [('docs/late-data.md', ''), ('README.md', '## Late data')])
def test_its_commands_print_what_it_says(document, section, broker, s3, tmp_path):
    path = program.ROOT / document
    text = path.read_text()
    steps = transcript.parse(text, section)
    assert steps and steps[-1].command.startswith('pageviews proof')
    # The program is the one under test.
    (tmp_path / '.run').mkdir()
    secrets = {**s3.KEYS, **s3.CREDENTIAL}
    (tmp_path / '.run' / 's3.env').write_text(''.join(f'export {name}={value}\n' for name, value in secrets.items()))
    binaries = tmp_path / '.build' / 'release'
    binaries.mkdir(parents=True)
    (binaries / 'pageviews').symlink_to(program.BINARY)
    addresses = {'127.0.0.1:9092': broker.address, 'http://127.0.0.1:8181': s3.catalog, 'http://127.0.0.1:8333': s3.endpoint}
    # Whatever listens on the page's default port, 8080, must not change what is printed.
    environment = program.clean_environment({'PAGEVIEWS_LISTEN': 'off'})
    outputs = transcript.run([addressed(step.command, addresses) for step in steps], tmp_path, environment)
    if os.environ.get('PIN'):
        path.write_text(transcript.rewritten(text, steps, outputs))
        return
    for step, output in zip(steps, outputs):
        assert transcript.comparable(output) == transcript.comparable(step.output), step.command
    assert 'checks are equal' in outputs[-1][-1]


def addressed(command, addresses):
    for documented, actual in addresses.items():
        command = command.replace(documented, actual)
    return command
