"""Drives one page of a headless Chromium by the DevTools protocol over a pair of pipes (https://chromedevtools.github.io/),
without a port or a package.
"""
import base64
import fcntl
import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import time

# Long enough for a busy machine; a wait ends as soon as its condition holds.
TIMEOUT = 30


class Browser:
    def __init__(self, program: str) -> None:
        self._profile = tempfile.mkdtemp(prefix='check-page-')
        self._log = open(os.path.join(self._profile, 'log'), 'w+', encoding='utf-8', errors='replace')
        # Above the descriptors that the child uses.
        theirs_in, ours_out = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in os.pipe())
        ours_in, theirs_out = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in os.pipe())

        def place() -> None:
            os.dup2(theirs_in, 3)
            os.dup2(theirs_out, 4)

        self._process = subprocess.Popen(
            [program, '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-background-networking',
             '--disable-component-update', '--disable-dev-shm-usage', '--no-first-run', '--remote-debugging-pipe',
             f'--user-data-dir={self._profile}', 'about:blank'],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._log, pass_fds=(3, 4), preexec_fn=place)
        os.close(theirs_in)
        os.close(theirs_out)
        self._out, self._in = ours_out, ours_in
        self._number, self._session, self._rest = 0, None, b''
        self.events: list[dict] = []
        target = self.call('Target.createTarget', url='about:blank')['targetId']
        self._session = self.call('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        for domain in ('Page', 'Runtime', 'Log', 'Network', 'Accessibility'):
            self.call(f'{domain}.enable')

    def _receive(self, deadline: float) -> dict:
        """Reads the next message, up to its NUL."""
        while b'\0' not in self._rest:
            ready, _, _ = select.select([self._in], [], [], max(0, deadline - time.monotonic()))
            assert ready, f'the browser says nothing for {TIMEOUT} s'
            piece = os.read(self._in, 1 << 20)
            if not piece:
                self._log.seek(0)
                raise AssertionError(f'the browser ended: {self._log.read()[-2000:]}')
            self._rest += piece
        message, _, self._rest = self._rest.partition(b'\0')
        return json.loads(message)

    def call(self, method: str, **parameters: object) -> dict:
        self._number += 1
        message = {'id': self._number, 'method': method, 'params': parameters}
        if self._session:
            message['sessionId'] = self._session
        data = json.dumps(message).encode() + b'\0'
        while data:
            data = data[os.write(self._out, data):]
        deadline = time.monotonic() + TIMEOUT
        while True:
            answer = self._receive(deadline)
            if answer.get('id') == self._number:
                if 'error' in answer:
                    raise RuntimeError(f'{method}: {answer["error"]}')
                return answer['result']
            self.events.append(answer)

    def value(self, script: str) -> object:
        result = self.call('Runtime.evaluate', expression=script, returnByValue=True, awaitPromise=True)
        if 'exceptionDetails' in result:
            raise RuntimeError(f'{script}: {result["exceptionDetails"]}')
        return result['result'].get('value')

    def eventually(self, script: str, what: str, seconds: float = TIMEOUT) -> object:
        deadline = time.monotonic() + seconds
        while True:
            value = self.value(script)
            if value:
                return value
            assert time.monotonic() < deadline, f'not within {seconds} s: {what}'
            time.sleep(0.1)

    def press(self, key: str) -> None:
        codes = {'Tab': 9, 'ArrowLeft': 37}
        for kind in ('keyDown', 'keyUp'):
            self.call('Input.dispatchKeyEvent', type=kind, key=key, code=key, windowsVirtualKeyCode=codes[key])

    def screen(self, width: int, height: int, scheme: str, mobile: bool = False) -> None:
        """Takes effect after the page has drawn two frames."""
        self.call('Emulation.setDeviceMetricsOverride', width=width, height=height, deviceScaleFactor=1, mobile=mobile)
        self.call('Emulation.setEmulatedMedia', features=[{'name': 'prefers-color-scheme', 'value': scheme}])
        self.value('new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 100))))')

    def screenshot(self, path: pathlib.Path) -> None:
        picture = self.call('Page.captureScreenshot', format='png', captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(picture['data']))

    def close(self) -> None:
        os.close(self._out)
        os.close(self._in)
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
        shutil.rmtree(self._profile, ignore_errors=True)
