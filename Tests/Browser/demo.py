"""Runs a `pageviews demo` with its page in a separate folder."""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from confluent_kafka import Producer

TIMEOUT = 30


class Demo:
    def __init__(self, program: str) -> None:
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix='check-page-demo-'))
        with socket.create_server(('127.0.0.1', 0)) as free:
            self._port = free.getsockname()[1]
        self._words = self._folder / 'words'
        environment = {name: value for name, value in os.environ.items() if not name.startswith('PAGEVIEWS_')}
        with self._words.open('wb') as words:
            self._process = subprocess.Popen(
                [pathlib.Path(program).absolute(), 'demo', '--table', '--rate', '60', '--seed', '5', '--postcodes', '40',
                 '--export-interval', '1s', '--listen', f'127.0.0.1:{self._port}'],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=words, env={**environment, 'TMPDIR': str(self._folder)})
        try:
            self._await_page()
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        return f'http://127.0.0.1:{self._port}/'

    def _await_page(self) -> None:
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                socket.create_connection(('127.0.0.1', self._port), timeout=1).close()
                return
            except OSError:
                words = self._words.read_text(errors='replace')
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f'pageviews demo does not serve its page: {words}') from None
                time.sleep(0.05)

    def send(self, values: list[bytes]) -> None:
        """Sends messages to the topic, in addition to the demo's."""
        broker = re.search(r'broker \((\S+)\)', self._words.read_text())
        assert broker, 'the demo does not say its broker'
        producer = Producer({'bootstrap.servers': broker[1], 'log_level': 2})
        for value in values:
            producer.produce('pageviews', value)
        assert producer.flush(TIMEOUT) == 0, 'messages were not sent'

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(TIMEOUT)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
