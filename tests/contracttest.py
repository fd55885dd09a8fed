#!/usr/bin/env python3
"""Nothing of the contract is forgotten: each test vector, scenario and rule that qemublockjobdata/contract/ lists is
run by a test that names it, or is counted as skipped with the topic that brings it. The README there has the format.
"""
import ast
import glob
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = f'{HERE}/qemublockjobdata'
LISTS = ('vectors', 'scenarios', 'rules')


def expand(word):
    """V3-V5: V3, V4, V5"""
    found = re.fullmatch(r'(.*?)([A-Z])(\d+)-\2(\d+)', word)
    if not found:
        return [word]
    return [f'{found[1]}{found[2]}{n}' for n in range(int(found[3]), int(found[4]) + 1)]


def entries(path):
    """id -> (verb, rest) of a list. An id that is there twice, or a line that is not understood, is an error."""
    found = {}
    with open(path, encoding='utf-8') as f:
        for number, line in enumerate(f, 1):
            line = line.split('#')[0].strip()
            if not line:
                continue
            ids, colon, text = line.partition(': ')
            verb, _, rest = text.partition(' ')
            if not colon or verb not in ('runs', 'at', 'later', 'never') or (verb == 'runs') != (rest == ''):
                raise ValueError(f'{path}:{number}: not understood: {line}')
            for ident in (i for word in ids.split() for i in expand(word)):
                if ident in found:
                    raise ValueError(f'{path}:{number}: {ident} is there twice')
                found[ident] = (verb, rest)
    return found


def functions():
    """FILE:FUNCTION -> its name and its strings, of all live programs. Comments and tables at the top do not count:
    what a function says is what is run."""
    found = {}
    for path in glob.glob(f'{HERE}/live/*.py'):
        with open(path, encoding='utf-8') as f:
            tree = ast.parse(f.read())
        for node in (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)):
            words = [node.name.replace('_', ' ')]
            words += [n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
            found.setdefault(f'{os.path.basename(path)}:{node.name}', []).extend(words)
    return found


def vectors_run(code):
    """Vectors that a live program names, as V12 or in a function's name as v12_..."""
    text = '\n'.join(word for words in code.values() for word in words)
    return {f'V{n}' for n in re.findall(r'(?<![A-Za-z0-9])[vV](\d+)(?![A-Za-z0-9])', text)}


def scenarios_run():
    found = set()
    for path in glob.glob(f'{DATA}/scenarios/*.txt'):
        with open(path, encoding='utf-8') as f:
            found.update(re.findall(r'^== (\S+) ', f.read(), re.M))
    return found


def place_exists(place, code, running):
    """FILE.py:FUNCTION, FILE.c:WORDS (blanks as _), a golden case, or a scenario."""
    if place.startswith('spec/'):
        return os.path.isfile(f'{DATA}/{place}/request.json')
    name, _, what = place.partition(':')
    if name.endswith('.py'):
        return place in code
    if name.endswith('.c'):
        path = f'{HERE}/{name}'
        with open(path, encoding='utf-8') as f:
            return bool(what) and re.search(rf'\b{re.escape(what)}\b', f.read()) is not None
    return place in running['scenarios']


def problem(kind, ident, entry, code, running):
    verb, rest = entry
    if verb == 'at':
        missing = [place for place in rest.split() if not place_exists(place, code, running)]
        return f'there is no {", ".join(missing)}' if missing else None
    runs = ident in running.get(kind, set())
    if verb == 'runs':
        return None if runs else 'no test names it'
    return 'it is run: no longer put off' if runs else None


def main():
    code = functions()
    running = {'vectors': vectors_run(code), 'scenarios': scenarios_run()}
    results = []
    for kind in LISTS:
        listed = entries(f'{DATA}/contract/{kind}.txt')
        results += [(ident, entry, problem(kind, ident, entry, code, running)) for ident, entry in listed.items()]
        for ident in sorted(running.get(kind, set()) - set(listed)):
            results.append((ident, ('runs', ''), f'is not in contract/{kind}.txt'))
    print(f'1..{len(results)}')
    for number, (ident, (verb, rest), wrong) in enumerate(results, 1):
        skip = f' # SKIP {rest}' if verb in ('later', 'never') and not wrong else ''
        print(f'{"not ok" if wrong else "ok"} {number} - {ident}{skip}')
        if wrong:
            print(f'# {ident}: {wrong}')
    return int(any(wrong for _, _, wrong in results))


if __name__ == '__main__':
    sys.exit(main())
