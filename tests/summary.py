#!/usr/bin/env python3
"""Adds up test results and prints `N passed, N failed, N skipped` as the last line.

usage: summary.py NAME=FILE...

FILE is meson's testlog.json, or a file in the TAP format. Each TAP result counts as one; so does each program
that speaks no TAP. The output of what failed is shown before. Exit status 1 when anything failed or nothing passed.
"""
import json
import re
import sys
from dataclasses import dataclass, field

RESULT = re.compile(r'^(not )?ok\b(?:\s+\d+)?(?:\s*-)?\s*([^#]*)(?:#\s*(\w+))?', re.I)
PLAN = re.compile(r'^1\.\.(\d+)')
GOOD = {'OK', 'SKIP', 'EXPECTEDFAIL'}


@dataclass
class Tally:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    reports: list = field(default_factory=list)

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.reports += other.reports

    def __str__(self):
        return f'{self.passed} passed, {self.failed} failed, {self.skipped} skipped'


def read_tap(text):
    """Counts the results of one TAP stream; a stream that is not complete counts as one failure more."""
    tally, plan, bailed = Tally(), None, False
    for line in text.splitlines():
        planned = PLAN.match(line)
        if planned:
            plan = int(planned.group(1))
            if plan == 0:
                tally.skipped += 1
        bailed = bailed or line.startswith('Bail out!')
        result = RESULT.match(line)
        if not result:
            continue
        directive = (result.group(3) or '').lower()
        if directive == 'skip':
            tally.skipped += 1
        elif result.group(1) and directive != 'todo':
            tally.failed += 1
        else:
            tally.passed += 1
    seen = tally.passed + tally.failed + tally.skipped
    complete = plan == seen or (plan == 0 and seen == 1)
    if (bailed or not complete) and not tally.failed:
        tally.failed += 1
    return tally


def read_meson_test(test):
    """One entry of testlog.json. meson's own verdict covers exit status, time limit and broken TAP."""
    output = test.get('stdout') or ''
    tally = Tally()
    if any(PLAN.match(line) for line in output.splitlines()):
        tally = read_tap(output)
    elif test['result'] == 'SKIP':
        tally.skipped = 1
    elif test['result'] in GOOD:
        tally.passed = 1
    if test['result'] not in GOOD and not tally.failed:
        tally.failed = 1
    if tally.failed:
        errors = test.get('stderr') or ''
        tally.reports.append(f"--- {test['name']}: {test['result']}\n{output}{errors}")
    return tally


def read_file(path):
    try:
        with open(path, encoding='utf-8', errors='replace') as f:
            text = f.read()
    except OSError as e:
        return Tally(failed=1, reports=[f'--- no results: {e}'])
    if not path.endswith('.json'):
        tally = read_tap(text)
        if tally.failed:
            tally.reports.append(f'--- {path}\n{text}')
        return tally
    tally = Tally()
    for line in text.splitlines():
        tally.add(read_meson_test(json.loads(line)))
    return tally


def main():
    total, lines = Tally(), []
    for argument in sys.argv[1:]:
        name, path = argument.split('=', 1)
        tally = read_file(path)
        if not tally.passed and not tally.failed and not tally.skipped:
            tally.failed = 1
            tally.reports.append(f'--- {path}: no test ran')
        lines.append(f'{name}: {tally}')
        total.add(tally)
    for report in total.reports:
        print(report)
    print('\n'.join(lines))
    print(total)
    return 1 if total.failed or not total.passed else 0


if __name__ == '__main__':
    sys.exit(main())
