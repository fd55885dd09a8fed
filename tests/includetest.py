#!/usr/bin/env python3
"""The compiler itself refuses an include that points upward: the build's own command line, another source text.

usage: includetest.py BUILD
"""
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

CORE = 'src/qemu_blockjob/core'
CASES = [
    # what a file of core/ might write, whether it may compile
    ('own layer', '#include "refusal.h"', True),
    ('a header of libvirt', '#include "virjson.h"', True),
    ('upward', '#include "qmp_client.h"', False),
    ('upward to a sibling of core', '#include "virqbjconf.h"', False),
    ('upward with the folder', '#include "qmp/qmp_client.h"', False),
    ('upward from the top of the tree', '#include "src/qemu_blockjob/qmp/qmp_client.h"', False),
    ('libvirt\'s own QEMU driver', '#include "qemu/qemu_domain.h"', False),
]


def core_command(build):
    """(folder, arguments) with which the build compiles a file of core/, source and outputs left out."""
    with open(f'{build}/compile_commands.json', encoding='utf-8') as f:
        for entry in json.load(f):
            if re.search(rf'{CORE}/[^/]+\.c$', entry['file']):
                words = shlex.split(entry['command'])
                drop = {entry['file'], '-c', '-MD', '-o', '-MF', '-MQ', entry.get('output')}
                kept = [w for w in words if w not in drop and not w.endswith(('.o', '.o.d'))]
                return entry['directory'], kept
    sys.exit('no file of core/ in compile_commands.json')


def compiles(folder, command, text):
    with tempfile.TemporaryDirectory() as temporary:
        path = f'{temporary}/try.c'
        with open(path, 'w', encoding='utf-8') as f:
            f.write(f'#include <config.h>\n#include "internal.h"\n{text}\n')
        done = subprocess.run([*command, '-fsyntax-only', path], cwd=folder, capture_output=True, text=True)
    if done.returncode and 'No such file' not in done.stderr and 'file not found' not in done.stderr:
        sys.exit(f'refused, but not because of the include:\n{done.stderr}')
    return done.returncode == 0


def main():
    folder, command = core_command(os.path.abspath(sys.argv[1]))
    failed = 0
    print(f'1..{len(CASES)}')
    for number, (name, text, wanted) in enumerate(CASES, 1):
        good = compiles(folder, command, text) == wanted
        failed += not good
        print(f'{"ok" if good else "not ok"} {number} - {"compiles" if wanted else "refused"}: {name}')
    return 1 if failed else 0


sys.exit(main())
