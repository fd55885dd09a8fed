#!/usr/bin/env python3
"""The summary must not lose a failure: tests/summary.py against results that went wrong in different ways."""
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def summary(*files):
    with tempfile.TemporaryDirectory() as folder:
        arguments = []
        for name, text in files:
            path = os.path.join(folder, name)
            with open(path, 'w', encoding='utf-8') as f:
                f.write(text)
            arguments.append(f'{name}={path}')
        done = subprocess.run([sys.executable, f'{HERE}/summary.py', *arguments], capture_output=True, text=True)
        return done.stdout.splitlines()[-1], done.returncode, done.stdout


def meson(*tests):
    return ''.join(json.dumps({'name': 't', 'result': r, 'stdout': out}) + '\n' for r, out in tests)


GOOD_TAP = '1..3\nok 1 - a\nok 2 - b # SKIP no kvm\nok 3 - c\n'
CASES = [
    # name, files, expected last line, expected status
    ('every TAP result counts', [('a.json', meson(('OK', GOOD_TAP)))], '2 passed, 0 failed, 1 skipped', 0),
    ('a plan at the end', [('a.tap', 'ok 1 - a\nok 2 - b\n1..2\n')], '2 passed, 0 failed, 0 skipped', 0),
    ('a program without TAP', [('a.json', meson(('OK', 'hello')))], '1 passed, 0 failed, 0 skipped', 0),
    ('not ok', [('a.tap', '1..2\nok 1 - a\nnot ok 2 - b\n')], '1 passed, 1 failed, 0 skipped', 1),
    ('cut off after a good result', [('a.tap', '1..2\nok 1 - a\n')], '1 passed, 1 failed, 0 skipped', 1),
    ('no plan', [('a.tap', 'ok 1 - a\n')], '1 passed, 1 failed, 0 skipped', 1),
    ('bail out', [('a.tap', '1..1\nok 1 - a\nBail out! exit status 1\n')], '1 passed, 1 failed, 0 skipped', 1),
    ('crash after good results', [('a.json', meson(('ERROR', GOOD_TAP)))], '2 passed, 1 failed, 1 skipped', 1),
    ('time limit', [('a.json', meson(('TIMEOUT', '')))], '0 passed, 1 failed, 0 skipped', 1),
    ('only skipped', [('a.tap', '1..0 # SKIP not root\n')], '0 passed, 0 failed, 1 skipped', 1),
    ('an empty file', [('a.json', '')], '0 passed, 1 failed, 0 skipped', 1),
    ('several files', [('a.tap', GOOD_TAP), ('b.tap', GOOD_TAP)], '4 passed, 0 failed, 2 skipped', 0),
]


def main():
    failed = 0
    print(f'1..{len(CASES) + 2}')
    for number, (name, files, line, status) in enumerate(CASES, 1):
        got = summary(*files)
        good = got[:2] == (line, status)
        failed += not good
        print(f'{"ok" if good else "not ok"} {number} - {name}')
        if not good:
            print(f'# expected {line!r} {status}, got {got[:2]}')
    shown = 'it broke here' in summary(('a.tap', '1..1\nnot ok 1 - a\n# it broke here\n'))[2]
    print(f'{"ok" if shown else "not ok"} {len(CASES) + 1} - output of a failure is shown')
    missing = subprocess.run([sys.executable, f'{HERE}/summary.py', 'a=/nonexistent/a.tap'], capture_output=True)
    print(f'{"ok" if missing.returncode == 1 else "not ok"} {len(CASES) + 2} - a missing file is a failure')
    return 1 if failed or not shown or missing.returncode != 1 else 0


sys.exit(main())
