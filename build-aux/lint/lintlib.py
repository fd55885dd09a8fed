"""What the lint scripts share: the project's files, C text without comments, how findings are told.

A lint script has a function check(root) that yields findings, 'path:line: text'. It exits with 1 when there is
one. `--root DIR` lets it look at another tree: tests/linttest.py gives it small bad ones.
"""
import argparse
import os
import re
import sys

SKIPPED_FOLDERS = {'.git', '.cache', '__pycache__'}


def files(root, *suffixes, under=''):
    """Paths relative to root, sorted; build folders are left out."""
    for folder, subfolders, names in os.walk(os.path.join(root, under)):
        subfolders[:] = sorted(n for n in subfolders if n not in SKIPPED_FOLDERS and
                               not (n.startswith('build') and n != 'build-aux'))
        for name in sorted(names):
            if not suffixes or name.endswith(suffixes):
                yield os.path.relpath(os.path.join(folder, name), root)


def read(root, path):
    with open(os.path.join(root, path), encoding='utf-8', newline='') as f:
        return f.read()


def blank(match):
    return re.sub(r'[^\n]', ' ', match.group(0))


def code_only(text):
    """C text with comments and the insides of string literals blanked; lines keep their numbers."""
    def replace(match):
        if match.group(0)[0] == '/':
            return blank(match)
        return match.group(0)[0] + ' ' * (len(match.group(0)) - 2) + match.group(0)[-1]
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', replace, text, flags=re.S)


def without_comments(text):
    """C text with comments blanked and strings kept."""
    return re.sub(r'("(?:\\.|[^"\\\n])*")|/\*.*?\*/|//[^\n]*',
                  lambda m: m.group(0) if m.group(1) else blank(m), text, flags=re.S)


def line_of(text, offset):
    return text.count('\n', 0, offset) + 1


def main(check):
    parser = argparse.ArgumentParser(description=sys.modules['__main__'].__doc__)
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument('--root', default=os.path.dirname(os.path.dirname(here)))
    findings = list(check(parser.parse_args().root))
    for finding in findings:
        print(finding)
    sys.exit(1 if findings else 0)
