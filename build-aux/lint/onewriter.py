#!/usr/bin/env python3
"""The state of a job has one writer, qbjEngineStep() in engine_step.c; the parser of the record restores it.

Layers below src/conf do not know the record, so a `state` there is another one.
"""
import re

import lintlib

WRITERS = re.compile(r'^src/(qemu_blockjob/engine/engine_step|conf/virqbjjob\w*)\.c$')
BLIND = re.compile(r'^src/(util|qemu_blockjob/(core|qmp))/')
ASSIGNMENT = re.compile(r'(?:->|\.)\s*state\s*(?:[-+|&^]?=(?!=)|\+\+|--)|(?:\+\+|--)\s*\w+(?:->|\.)state\b')
ADDRESS = re.compile(r'(?<!&)&(?!&)\s*\w+(?:->|\.)state\b')


def check(root):
    for path in lintlib.files(root, '.c', '.h', under='src'):
        if WRITERS.match(path) or BLIND.match(path):
            continue
        code = lintlib.code_only(lintlib.read(root, path))
        for match in list(ASSIGNMENT.finditer(code)) + list(ADDRESS.finditer(code)):
            line = lintlib.line_of(code, match.start())
            yield f'{path}:{line}: only qbjEngineStep() writes the state of a job'


lintlib.main(check)
