#!/usr/bin/env python3
"""Checks the page of a running service in headless Chromium: it loads, shows every figure, updates, has no console error, requests
only its own server, fits a phone, and works with keyboard and screen reader.

usage: check_page.py URL [--screenshots FOLDER] [--chromium PROGRAM] [--token TOKEN]
       check_page.py --demo PROGRAM ...      starts and checks a `pageviews demo`, also with malformed messages and a stop

--results FILE writes the outcome of each check for scripts/guarantees.py, as Tests/Repl/run.py does of each test.

Exit codes: 0 all checks passed, 1 a check failed.
"""
import argparse
import json
import pathlib
import sys
import urllib.parse
from collections.abc import Callable

from browser import Browser
from demo import Demo

# The time in which a fault appears on the page, as in `pageviews status`.
SECONDS = 10


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


def check(browser: Browser, url: str, token: str) -> None:
    browser.screen(1280, 900, 'light')
    browser.call('Page.navigate', url=f'{url}?token={token}' if token else url)
    browser.eventually("document.getElementById('link')?.className === 'live on'", 'the page to be live')
    browser.eventually("document.querySelectorAll('#partitions tr').length", 'partitions')
    if token:
        assert 'token' not in str(browser.value('location.href')), 'the token stays in the address'
        assert not browser.value('document.cookie'), 'a script can read the cookie'
    print('ok: loads and is live')

    before = browser.value("document.getElementById('link').textContent")
    browser.eventually(f"document.getElementById('link').textContent !== {json.dumps(before)}", 'an update by itself')
    print('ok: updates by itself')


def check_access(browser: Browser) -> None:
    for selector in ('main', 'header', 'footer', 'nav[aria-label]', 'h1', '[aria-live=polite]'):
        assert browser.value(f"!!document.querySelector('{selector}')"), f'no {selector}'
    assert browser.value("[...document.querySelectorAll('table')].every(t => t.caption)"), 'a table without caption'
    assert browser.value("[...document.querySelectorAll('main > section')].every(s => document.getElementById("
                         "s.getAttribute('aria-labelledby'))?.textContent)"), 'a section without a name'
    nodes = browser.call('Accessibility.getFullAXTree')['nodes']
    unnamed = [node for node in nodes if node.get('role', {}).get('value') in ('image', 'img', 'link', 'button', 'meter')
               and not node.get('ignored') and not node.get('name', {}).get('value')]
    assert not unnamed, f'without a name for a screen reader: {unnamed}'
    print('ok: has landmarks, captions and names')

    browser.value('document.activeElement.blur(); window.focus()')
    browser.press('Tab')
    assert browser.value("document.activeElement.className") == 'skip', 'the first stop is not the skip link'
    assert browser.value("getComputedStyle(document.activeElement).outlineStyle") != 'none', 'the focus cannot be seen'
    browser.value("document.getElementById('chart').focus()")
    browser.press('ArrowLeft')
    assert browser.value("document.querySelectorAll('#chart .picked').length"), 'arrow keys do nothing in the chart'
    browser.value("document.getElementById('chart').blur()")
    print('ok: works by keyboard')


def check_sizes(browser: Browser, folder: pathlib.Path | None) -> None:
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
    print('ok: fits wide and narrow, light and dark')


def check_quiet(browser: Browser, url: str) -> None:
    host = urllib.parse.urlsplit(url).netloc
    foreign = [address for address in requested(browser.events) if urllib.parse.urlsplit(address).netloc != host
               and not address.startswith(('about:', 'data:'))]
    assert not foreign, f'requests that leave the host: {foreign}'
    print(f'ok: {len(requested(browser.events))} requests, none leaves {host}')
    assert not faults(browser.events), f'console: {faults(browser.events)}'
    print('ok: no console error')


def check_figures(browser: Browser) -> None:
    """Checks every figure of the page of a service that counts and exports."""
    for name in ('consumed', 'late', 'rejected', 'lag', 'watermark', 'generation', 'flushed', 'backlog', 'memory', 'state-size', 'wal',
                 'since', 'topic', 'held', 'reader'):
        browser.eventually(f"!['', '–'].includes(document.getElementById('{name}').textContent)", f'the figure {name}')
    rows = {'partitions': 4, 'busiest': 1, 'windows': 1, 'exports': 1}
    for name, least in rows.items():
        browser.eventually(f"document.querySelectorAll('#{name} tr').length >= {least}", f'rows of {name}')
    browser.eventually("/^\\d{5,}$/.test(document.querySelector('#exports tr td:nth-child(3)').textContent)", 'a snapshot')
    browser.eventually("document.querySelectorAll('#chart rect.bar').length", 'bars')
    browser.eventually("!!document.querySelector('[data-spark=consumed] polyline')", 'a line of rates')
    assert browser.value("document.getElementById('problems').hidden"), 'a healthy service has problems'
    assert browser.value("document.getElementById('verdict').textContent") == 'Healthy'
    print('ok: shows every figure')


def check_faults(browser: Browser, demo: Demo) -> None:
    """Checks that the page names faults, and shows when it is no longer updated."""
    demo.send([b'{"postcode":'] * 500)
    browser.eventually("document.getElementById('reasons').textContent.includes('a burst of poison messages: 500 rejected')",
                       'the poison messages by name', SECONDS)
    assert browser.value("!document.getElementById('problems').hidden && document.getElementById('problems').offsetHeight > 0"), (
        'the reasons cannot be seen')
    assert browser.value("document.getElementById('verdict').textContent.startsWith('Unhealthy')"), 'the verdict is another'
    assert browser.value("document.title.startsWith('⚠')"), 'the title does not warn'
    print('ok: names poison messages')


def check_loss(browser: Browser, demo: Demo) -> None:
    demo.stop()
    browser.eventually("document.getElementById('link').textContent.startsWith('connection lost')", 'the loss of the service', SECONDS)
    print('ok: says when the service is gone')


def check_all(browser: Browser, demo: Demo | None, options: argparse.Namespace, outcomes: dict[str, str]) -> None:
    def run(one: Callable[..., None], *arguments: object) -> None:
        name = f'Browser/check_page.py::{one.__name__}'
        outcomes[name] = 'failed'
        one(*arguments)
        outcomes[name] = 'passed'

    url = demo.url if demo else options.url
    run(check, browser, url, options.token)
    run(check_access, browser)
    if demo:
        run(check_figures, browser)
    run(check_sizes, browser, options.screenshots)
    if demo:
        run(check_faults, browser, demo)
        if options.screenshots:
            browser.screenshot(options.screenshots / 'faults.png')
    run(check_quiet, browser, url)
    if demo:
        run(check_loss, browser, demo)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('url', nargs='?', default='')
    parser.add_argument('--demo', metavar='PROGRAM')
    parser.add_argument('--screenshots', type=pathlib.Path)
    parser.add_argument('--chromium', default='chromium')
    parser.add_argument('--token', default='')
    parser.add_argument('--results', type=pathlib.Path)
    options = parser.parse_args()
    if options.screenshots:
        options.screenshots.mkdir(parents=True, exist_ok=True)
    if bool(options.url) == bool(options.demo):
        parser.error('give a URL or --demo PROGRAM')
    demo = Demo(options.demo) if options.demo else None
    browser, outcomes = None, {}
    try:
        browser = Browser(options.chromium)
        check_all(browser, demo, options, outcomes)
    except AssertionError as error:
        print(f'FAILED: {error}', file=sys.stderr)
        return 1
    finally:
        if options.results:
            options.results.write_text(json.dumps(outcomes, indent=1))
        if browser:
            browser.close()
        if demo:
            demo.close()
    return 0


if __name__ == '__main__':
    sys.exit(main())
