#!/usr/bin/env python3
"""The state of a job has one writer, qbjEngineStep() in engine_step.c; the parser of the record restores it.

Layers below src/conf do not know the record, so a `state` there is another one.
"""
import re

import lintlib

WRITERS = re.compile(r'^src/(qemu_blockjob/engine/engine_step|conf/virqbjjob\w*)\.c$')
BLIND = re.compile(r'^src/(util|qemu_blockjob/(core|qmp))/')
WRITE = r'(?:[-+|&^]?=(?!=)|\+\+|--)'
ASSIGNMENT = re.compile(rf'(\w+)(?:->|\.)state\s*{WRITE}\s*(\w*)|(?:\+\+|--)\s*(\w+)(?:->|\.)state\b')
ADDRESS = re.compile(r'(?<!&)&(?!&)\s*(\w+)(?:->|\.)state\b')
RECORD = re.compile(r'\bvirQbjJob\s*\*+\s*(?:const\s+)?(\w+)')


def check(root):
    for path in lintlib.files(root, '.c', '.h', under='src'):
        if WRITERS.match(path) or BLIND.match(path):
            continue
        code = lintlib.code_only(lintlib.read(root, path))
        # other things have a state, too: virDomainInfo, for one
        records = {'job'} | set(RECORD.findall(code))
        for match in list(ASSIGNMENT.finditer(code)) + list(ADDRESS.finditer(code)):
            words = {word for word in match.groups() if word}
            if words & records or any(word.startswith('QBJ_STATE_') for word in words):
                line = lintlib.line_of(code, match.start())
                yield f'{path}:{line}: only qbjEngineStep() writes the state of a job'


lintlib.main(check)
