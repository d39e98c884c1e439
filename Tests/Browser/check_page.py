#!/usr/bin/env python3
"""Looks at the page of a running service in headless Chromium: it loads, updates by itself, has no console error, asks
nobody but its own server, fits a phone, and can be used by keyboard and screen reader. Not part of `make test`, which needs
no browser.

usage: check_page.py URL [--screenshots FOLDER] [--chromium PROGRAM] [--token TOKEN]

Debian's chromium and the package websocket-client from PyPI are needed; for example, with `pageviews demo` running:
    apt-get install chromium && .venv/bin/pip install websocket-client
    .venv/bin/python Tests/Browser/check_page.py http://127.0.0.1:8080/ --screenshots /tmp/page
"""
import argparse
import base64
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse

import websocket

PATIENCE = 20


class Browser:
    """One page of a headless Chromium, driven by its DevTools protocol."""

    def __init__(self, program: str) -> None:
        self._profile = tempfile.mkdtemp(prefix='check-page-')
        self._process = subprocess.Popen(
            [program, '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-background-networking',
             '--no-first-run', '--remote-debugging-port=0', '--remote-allow-origins=*',
             f'--user-data-dir={self._profile}', 'about:blank'],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert self._process.stderr is not None
        address = ''
        for line in self._process.stderr:
            found = re.search(r'DevTools listening on (ws://\S+)', line)
            if found:
                address = found[1]
                break
        if not address:
            raise SystemExit(f'{program} did not start')
        self._socket = websocket.create_connection(address, timeout=PATIENCE)
        self._number, self._session = 0, None
        self.events: list[dict] = []
        target = self.call('Target.createTarget', url='about:blank')['targetId']
        self._session = self.call('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        for domain in ('Page', 'Runtime', 'Log', 'Network', 'Accessibility'):
            self.call(f'{domain}.enable')

    def call(self, method: str, **parameters: object) -> dict:
        self._number += 1
        message = {'id': self._number, 'method': method, 'params': parameters}
        if self._session:
            message['sessionId'] = self._session
        self._socket.send(json.dumps(message))
        while True:
            answer = json.loads(self._socket.recv())
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

    def eventually(self, script: str, what: str) -> object:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            value = self.value(script)
            if value:
                return value
            time.sleep(0.1)
        raise AssertionError(f'not within {PATIENCE} s: {what}')

    def press(self, key: str) -> None:
        codes = {'Tab': 9, 'ArrowLeft': 37}
        for kind in ('keyDown', 'keyUp'):
            self.call('Input.dispatchKeyEvent', type=kind, key=key, code=key, windowsVirtualKeyCode=codes[key])

    def screen(self, width: int, height: int, scheme: str, mobile: bool = False) -> None:
        self.call('Emulation.setDeviceMetricsOverride', width=width, height=height, deviceScaleFactor=1, mobile=mobile)
        self.call('Emulation.setEmulatedMedia', features=[{'name': 'prefers-color-scheme', 'value': scheme}])
        time.sleep(0.5)

    def screenshot(self, path: pathlib.Path) -> None:
        picture = self.call('Page.captureScreenshot', format='png', captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(picture['data']))

    def close(self) -> None:
        self._socket.close()
        self._process.terminate()
        self._process.wait(10)
        shutil.rmtree(self._profile, ignore_errors=True)


def faults(events: list[dict]) -> list[str]:
    found = []
    for event in events:
        method, parameters = event.get('method'), event.get('params', {})
        if method == 'Runtime.exceptionThrown':
            found.append(str(parameters['exceptionDetails'].get('exception', {}).get('description')))
        elif method == 'Runtime.consoleAPICalled' and parameters['type'] in ('error', 'warning', 'assert'):
            found.append(str(parameters['args']))
        elif method == 'Log.entryAdded' and parameters['entry']['level'] in ('error', 'warning'):
            found.append(parameters['entry']['text'])
    return found


def requested(events: list[dict]) -> list[str]:
    return [event['params']['request']['url'] for event in events if event.get('method') == 'Network.requestWillBeSent']


def check(browser: Browser, url: str, token: str, folder: pathlib.Path | None) -> None:
    host = urllib.parse.urlsplit(url).netloc
    browser.screen(1280, 900, 'light')
    browser.call('Page.navigate', url=f'{url}?token={token}' if token else url)
    browser.eventually("document.getElementById('link')?.className === 'live on'", 'the page to be live')
    browser.eventually("document.querySelectorAll('#partitions tr').length", 'partitions')
    if token:
        assert 'token' not in str(browser.value('location.href')), 'the token stays in the address'
        assert not browser.value('document.cookie'), 'a script can read the cookie'
    print('loads and is live')

    before = browser.value("document.getElementById('link').textContent")
    browser.eventually(f"document.getElementById('link').textContent !== {json.dumps(before)}", 'an update by itself')
    print('updates by itself')

    for selector in ('main', 'header', 'footer', 'nav[aria-label]', 'h1', '[aria-live=polite]'):
        assert browser.value(f"!!document.querySelector('{selector}')"), f'no {selector}'
    assert browser.value("[...document.querySelectorAll('table')].every(t => t.caption)"), 'a table without caption'
    assert browser.value("[...document.querySelectorAll('main > section')].every(s => document.getElementById("
                         "s.getAttribute('aria-labelledby'))?.textContent)"), 'a section without a name'
    nodes = browser.call('Accessibility.getFullAXTree')['nodes']
    unnamed = [node for node in nodes if node.get('role', {}).get('value') in ('image', 'img', 'link', 'button', 'meter')
               and not node.get('ignored') and not node.get('name', {}).get('value')]
    assert not unnamed, f'without a name for a screen reader: {unnamed}'
    print('has landmarks, captions and names')

    browser.value('document.activeElement.blur(); window.focus()')
    browser.press('Tab')
    assert browser.value("document.activeElement.className") == 'skip', 'the first stop is not the skip link'
    assert browser.value("getComputedStyle(document.activeElement).outlineStyle") != 'none', 'the focus cannot be seen'
    browser.value("document.getElementById('chart').focus()")
    browser.press('ArrowLeft')
    assert browser.value("document.querySelectorAll('#chart .picked').length"), 'arrow keys do nothing in the chart'
    browser.value("document.getElementById('chart').blur()")
    print('works by keyboard')

    shots = [('light', 1280, 900, 'light', False), ('dark', 1280, 900, 'dark', False),
             ('narrow', 390, 844, 'light', True), ('narrow-dark', 320, 700, 'dark', True)]
    for name, width, height, scheme, mobile in shots:
        browser.screen(width, height, scheme, mobile)
        overflow = browser.value('document.scrollingElement.scrollWidth - window.innerWidth')
        assert isinstance(overflow, (int, float)) and overflow <= 0, f'{name}: {overflow} px wider than the screen'
        if folder:
            tall = browser.value('document.scrollingElement.scrollHeight')
            assert isinstance(tall, (int, float))
            browser.screen(width, int(tall), scheme, mobile)
            browser.screenshot(folder / f'{name}.png')
    print('fits wide and narrow, light and dark')

    foreign = [address for address in requested(browser.events) if urllib.parse.urlsplit(address).netloc != host
               and not address.startswith(('about:', 'data:'))]
    assert not foreign, f'requests that leave the host: {foreign}'
    print(f'{len(requested(browser.events))} requests, none leaves {host}')
    assert not faults(browser.events), f'console: {faults(browser.events)}'
    print('no console error')


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('url')
    parser.add_argument('--screenshots', type=pathlib.Path)
    parser.add_argument('--chromium', default='chromium')
    parser.add_argument('--token', default='')
    options = parser.parse_args()
    if options.screenshots:
        options.screenshots.mkdir(parents=True, exist_ok=True)
    browser = Browser(options.chromium)
    try:
        check(browser, options.url, options.token, options.screenshots)
    except AssertionError as error:
        print(f'FAILED: {error}', file=sys.stderr)
        return 1
    finally:
        browser.close()
    return 0


if __name__ == '__main__':
    sys.exit(main())
