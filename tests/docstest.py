#!/usr/bin/env python3
"""Every page of docs/ is built and listed in the index of its folder, and no link between the pages is broken.

usage: docstest.py BUILD
"""
import glob
import os
import re
import sys
from html.parser import HTMLParser

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INDEXES = {f'{TOP}/docs/kbase/internals': 'index.html', f'{TOP}/docs/manual': 'operations.html'}


class Links(HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.targets, self.anchors = [], set()
        with open(path, encoding='utf-8') as f:
            self.feed(f.read())

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == 'href':
                self.targets.append(value)
            elif name in ('id', 'name'):
                self.anchors.add(value)


def problems_of(page, pages):
    for target in pages[page].targets:
        if re.match(r'[a-z]+:', target):
            continue
        name, _, anchor = target.partition('#')
        name = name or page
        if name.endswith('.css') and os.path.exists(os.path.join(sys.argv[1], 'docs', name)):
            continue
        if name not in pages:
            yield f'{page}: {target} does not exist'
        elif anchor and anchor not in pages[name].anchors:
            yield f'{page}: {target}: no such place'


def main():
    built = sorted(glob.glob(f'{sys.argv[1]}/docs/*.html'))
    if not built:
        print('1..0 # SKIP no pages were built (docutils)')
        return 0
    pages = {os.path.basename(p): Links(p) for p in built}
    sources = sorted((os.path.splitext(os.path.basename(p))[0], index)
                     for folder, index in INDEXES.items() for p in glob.glob(f'{folder}/*.rst'))
    failed = 0
    print(f'1..{len(sources)}')
    for number, (name, index) in enumerate(sources, 1):
        page = f'{name}.html'
        if page not in pages:
            problems = ['is not in docs/meson.build']
        else:
            problems = list(problems_of(page, pages))
            if page != index and page not in pages[index].targets:
                problems.append(f'is not in {index}')
        print(f'{"not ok" if problems else "ok"} {number} - {name}.rst')
        for problem in problems:
            print(f'# {problem}')
        failed += bool(problems)
    return 1 if failed else 0


sys.exit(main())
