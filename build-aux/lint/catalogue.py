#!/usr/bin/env python3
"""The message catalogue: a .pot can be made from the sources, and each translation is sound and nearly complete."""
import os
import re
import subprocess
import tempfile

import lintlib

# a translation may lag behind a little: those who add a message need not know the language
TRANSLATED_PERCENT = 90
KEYWORDS = ['--keyword=_:1,1t', '--keyword=N_:1,1t', '--flag=_:1:pass-c-format', '--flag=N_:1:pass-c-format',
            '--flag=virReportError:3:c-format', '--flag=qbjRefusalSet:3:c-format']


def run(root, *command):
    done = subprocess.run(command, cwd=root, capture_output=True, text=True,
                          env={**os.environ, 'LC_ALL': 'C.UTF-8'})
    return done.returncode, done.stderr.strip()


def check_language(root, folder, pot, language):
    path = f'po/{language}.po'
    status, errors = run(root, 'msgfmt', '--check', '--output-file=/dev/null', path)
    if status:
        yield f'{path}:1: {errors}'
        return
    merged = os.path.join(folder, f'{language}.po')
    run(root, 'msgmerge', '--quiet', '--no-fuzzy-matching', f'--output-file={merged}', path, pot)
    _, statistics = run(root, 'msgfmt', '--statistics', '--output-file=/dev/null', merged)
    translated = int((re.search(r'(\d+) translated', statistics) or [0, 0])[1])
    missing = sum(int(n) for n in re.findall(r'(\d+) (?:untranslated|fuzzy)', statistics))
    if translated * 100 < (translated + missing) * TRANSLATED_PERCENT:
        yield f'{path}:1: {missing} of {translated + missing} messages are not translated'


def check(root):
    with tempfile.TemporaryDirectory() as folder:
        pot = os.path.join(folder, 'messages.pot')
        status, errors = run(root, 'xgettext', '--files-from=po/POTFILES', '--from-code=UTF-8', '--add-comments',
                             '--language=C', *KEYWORDS, f'--output={pot}')
        if status or errors:
            yield f'po/POTFILES:1: {errors or "xgettext failed"}'
            return
        if not os.path.exists(pot):
            yield 'po/POTFILES:1: the sources have no messages'
            return
        for language in lintlib.read(root, 'po/LINGUAS').split():
            yield from check_language(root, folder, pot, language)


lintlib.main(check)
