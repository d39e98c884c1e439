"""The pinned librdkafka and SQLite: how they are obtained, and the features that the program needs of them."""
import os
import subprocess

from support import program
from support.program import ROOT


def libraries(*arguments, **env):
    return subprocess.run([ROOT / 'scripts/libraries.sh', *arguments], env={**os.environ, **env}, text=True,
                          capture_output=True, timeout=60, check=False)


def needed() -> list[str]:
    """The libraries that this machine needs; none if the system's are new enough."""
    return [line.split()[0] for line in libraries('pins').stdout.splitlines()]


def test_a_source_with_another_checksum_is_refused(tmp_path):
    other = tmp_path / 'other.tar.gz'
    other.write_bytes(b'not the archive')
    for name in needed():
        variable = f'{name.upper()}_SOURCE'
        sources = {'LIBRDKAFKA_SOURCE': '', 'SQLITE_SOURCE': '', variable: str(other)}
        said = libraries('build', PAGEVIEWS_LIBRARIES=str(tmp_path / name), CURL_HOME=str(tmp_path), **sources,
                         https_proxy='http://127.0.0.1:9')
        assert said.returncode == 2, said.stderr
        assert f'{variable}: {other} is not {name}' in said.stderr


def test_without_a_source_the_systems_are_used_and_it_is_said(tmp_path):
    said = libraries('build', PAGEVIEWS_LIBRARIES=str(tmp_path), LIBRDKAFKA_SOURCE='', SQLITE_SOURCE='',
                     https_proxy='http://127.0.0.1:9')
    assert said.returncode == 0, said.stderr
    for name in needed():
        assert f"the system's {name} is used instead" in said.stderr


def test_the_path_names_a_library_once():
    once = libraries('path', PKG_CONFIG_PATH='/elsewhere').stdout.strip()
    assert once.endswith('/elsewhere')
    assert libraries('path', PKG_CONFIG_PATH=once).stdout.strip() == once


def test_a_query_keeps_to_its_memory(state, topic, service):
    """All arguments exist before the function is called: 32 MB in values of less than 1 MB."""
    service.to_end(topic, state)
    sql = f"SELECT length(min({', '.join(['hex(randomblob(400000))'] * 40)}))"
    said = program.run('query', '--state', str(state.path), '--memory-limit', '16MiB', sql)
    assert said.code != 0 and 'memory' in said.err, said
    enough = program.run('query', '--state', str(state.path), '--memory-limit', '64MiB', '--no-header', sql, check=True)
    assert enough.out == '800000\n'
