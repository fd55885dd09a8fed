#!/usr/bin/env python3
"""Layout of text: no tabs, no trailing blanks, a newline at the end; libvirt's C style. Code has 120
columns at most, prose in it 110, rows of tables 130.

The C style rules are those that a line shows by itself: a space after a keyword, the brace of a function in
the first column, pointers as `char *name`.
"""
import os
import re

import lintlib

COLUMNS = {'.c': 120, '.h': 120, '.py': 120, '.sh': 120}
PROSE_COLUMNS = 110
ROW_COLUMNS = 130
PROSE = re.compile(r'\s*(/\*|\* )')
# rows of tables, and strings that would have to be cut
ROW = re.compile(r'\s*([{["]|_\("|#)')
TEXT = ('.c', '.h', '.py', '.sh', '.rst', '.md', 'meson.build', 'meson_options.txt', '.in', 'dev', 'run')
# data that is compared byte by byte
DATA = re.compile(r'^tests/.*data/')
C_RULES = [
    (re.compile(r'\b(if|for|while|switch)\('), 'a space after the keyword'),
    (re.compile(r'\)\{'), 'a space before the brace'),
    (re.compile(r'\}(else|while)\b'), 'a space after the brace'),
    (re.compile(r'^\s+else\s*$\n\s*\{', re.M), 'the brace stands behind else'),
    (re.compile(r'^\w[\w *]*\([^;=()]*\)[ \t]*\{$', re.M), 'the brace of a function is in the first column'),
    (re.compile(r'\b(?:char|void|vir\w+|qbj\w+)\* \w'), 'the * belongs to the name'),
]
# in the driver; a test's helper program may be without glib
GLIB_RULE = (re.compile(r'\b(?:sprintf|strcpy|strcat|gets|malloc|calloc|realloc|free|strdup)[ \t]*\('),
             'use glib\'s function')


def columns_allowed(suffix, line):
    if suffix in ('.c', '.h'):
        if PROSE.match(line):
            return PROSE_COLUMNS
        if ROW.match(line):
            return ROW_COLUMNS
    return COLUMNS.get(suffix)


def check_text(path, text):
    suffix = os.path.splitext(path)[1]
    for number, line in enumerate(text.split('\n'), 1):
        if '\t' in line:
            yield f'{path}:{number}: a tab'
        if line != line.rstrip():
            yield f'{path}:{number}: blanks at the end of the line'
        columns = columns_allowed(suffix, line)
        if columns and len(line) > columns:
            yield f'{path}:{number}: {len(line)} columns, {columns} allowed'
    if text and not text.endswith('\n'):
        yield f'{path}:{text.count(chr(10)) + 1}: no newline at the end of the file'
    if text.endswith('\n\n'):
        yield f'{path}:{text.count(chr(10))}: empty lines at the end of the file'


def check(root):
    for path in lintlib.files(root, *TEXT):
        if DATA.match(path):
            continue
        text = lintlib.read(root, path)
        yield from check_text(path, text)
        if path.endswith(('.c', '.h')):
            code = lintlib.code_only(text)
            for rule, message in C_RULES + [GLIB_RULE] * path.startswith('src/'):
                for match in rule.finditer(code):
                    yield f'{path}:{lintlib.line_of(code, match.start())}: {message}'


lintlib.main(check)
