#!/usr/bin/env python3
"""A test that a page of docs/ names, as [program: test], exists: [holes.py: order; qbjmodeltest: finds/H1-no-flush].

The test of a program in Python is a function, with or without test_, or a name in a table of cases; of one in C a
function, or the last part of a name in a table or of g_test_add_func().
"""
import glob
import os
import re

import lintlib

REFERENCE = re.compile(r'\[(\w+(?:\.py|test):\s[^\]\[]+)\]')


def sources(root, program):
    """The text of a test program, None when there is none."""
    if program.endswith('.py'):
        paths = [p for p in (f'tests/live/{program}', f'tests/{program}') if os.path.exists(os.path.join(root, p))]
    else:
        area = re.sub(r'^qbj(.*)test$', r'\1', program)
        paths = [f'tests/{program}.c'] if os.path.exists(os.path.join(root, f'tests/{program}.c')) else []
        paths += [os.path.relpath(p, root) for p in glob.glob(f'{root}/tests/{area}[_a-z]*.c')] if paths else []
    return '\n'.join(lintlib.read(root, p) for p in paths) if paths else None


def has(text, name):
    last = re.escape(name.rsplit('/', 1)[-1])
    method = re.escape(name.replace('-', '_'))
    return re.search(rf'^{last}\(|["/,]{last}[",]|def (?:test_)?{method}\(', text, re.M)


def check(root):
    known = {}
    for path in lintlib.files(root, '.rst', under='docs'):
        text = lintlib.read(root, path)
        for reference in REFERENCE.finditer(text):
            where = f'{path}:{lintlib.line_of(text, reference.start())}'
            for part in reference.group(1).split(';'):
                program, _, names = part.strip().partition(':')
                if program not in known:
                    known[program] = sources(root, program)
                if known[program] is None:
                    yield f'{where}: there is no test program {program}'
                    continue
                for name in names.split(','):
                    if not has(known[program], ' '.join(name.split())):
                        yield f'{where}: {program} has no test {name.strip()}'


lintlib.main(check)
