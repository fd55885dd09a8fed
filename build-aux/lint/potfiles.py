#!/usr/bin/env python3
"""po/POTFILES lists exactly the source files that have messages. `potfiles.py --write` (./dev golden) rewrites it."""
import os
import re
import sys

import lintlib

MESSAGE = re.compile(r'\bN?_\(\s*"')


def with_messages(root):
    for path in lintlib.files(root, '.c', '.h', under='src'):
        if MESSAGE.search(lintlib.without_comments(lintlib.read(root, path))):
            yield path


def check(root):
    listed = lintlib.read(root, 'po/POTFILES').split()
    wanted = list(with_messages(root))
    for path in wanted:
        if path not in listed:
            yield f'po/POTFILES:1: {path} has messages and is not listed (./dev golden)'
    for number, path in enumerate(listed, 1):
        if path not in wanted:
            yield f'po/POTFILES:{number}: {path} has no messages (./dev golden)'
    if listed != sorted(listed):
        yield 'po/POTFILES:1: not sorted (./dev golden)'


if sys.argv[1:] == ['--write']:
    top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    with open(f'{top}/po/POTFILES', 'w', encoding='utf-8') as f:
        f.writelines(f'{path}\n' for path in sorted(with_messages(top)))
else:
    lintlib.main(check)
