#!/usr/bin/env python3
"""Python files compile, and shell scripts parse."""
import os
import subprocess

import lintlib


def check_python(root, path):
    try:
        compile(lintlib.read(root, path), path, 'exec')
    except SyntaxError as e:
        yield f'{path}:{e.lineno}: {e.msg}'


def check_shell(root, path, shell):
    done = subprocess.run([shell, '-n', path], cwd=root, capture_output=True, text=True)
    if done.returncode:
        yield f'{path}:1: {done.stderr.strip()}'


def check(root):
    for path in lintlib.files(root):
        # a device, a socket or a broken link in the tree is not ours to read
        if not os.path.isfile(os.path.join(root, path)):
            continue
        with open(os.path.join(root, path), 'rb') as f:
            first = f.readline()
        if path.endswith('.py') or first.startswith(b'#!/usr/bin/env python3'):
            yield from check_python(root, path)
        elif first.startswith((b'#!/usr/bin/env bash', b'#!/bin/bash')):
            yield from check_shell(root, path, 'bash')
        elif first.startswith(b'#!/bin/sh'):
            yield from check_shell(root, path, 'sh')


lintlib.main(check)
