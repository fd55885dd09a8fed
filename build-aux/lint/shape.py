#!/usr/bin/env python3
"""Size and form: functions of at most 80 lines, files of at most 500, no goto.

Data may be long: a table is no function. build-aux/lint/long.txt lists files that may be longer, and why.
"""
import os
import re

import lintlib

FUNCTION_LINES = 80
FILE_LINES = 500
# a definition begins and ends in the first column
BODY = re.compile(r'^(\w[^;={}]*?\b(\w+)\s*\([^;{}]*\))\s*\n\{\n(.*?)^\}', re.M | re.S)


def longer(root):
    """{path: lines} from long.txt"""
    allowed = {}
    path = 'build-aux/lint/long.txt'
    if os.path.exists(os.path.join(root, path)):
        for line in lintlib.read(root, path).splitlines():
            if line.strip() and not line.startswith('#'):
                name, lines = line.split()[:2]
                allowed[name] = int(lines)
    return allowed


def check_functions(path, text):
    code = lintlib.code_only(text)
    for match in BODY.finditer(code):
        length = match.group(3).count('\n')
        if length > FUNCTION_LINES:
            line = lintlib.line_of(code, match.start())
            yield f'{path}:{line}: {match.group(2)} has {length} lines, {FUNCTION_LINES} allowed'
    for match in re.finditer(r'\bgoto\b', code):
        yield f'{path}:{lintlib.line_of(code, match.start())}: no goto: let the scope clean up (g_autoptr)'


def check(root):
    allowed = longer(root)
    for folder in ('src', 'tests'):
        for path in lintlib.files(root, '.c', '.h', under=folder):
            text = lintlib.read(root, path)
            lines = text.count('\n')
            limit = allowed.get(path, FILE_LINES)
            if lines > limit:
                yield f'{path}:{limit}: {lines} lines, {limit} allowed: which second idea has come in?'
            yield from check_functions(path, text)


lintlib.main(check)
