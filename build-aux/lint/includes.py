#!/usr/bin/env python3
"""Includes: <config.h> first, only headers of one's own layer and of lower ones, no paths to our own headers.

The layers and what each may use are the `X_deps` lines of src/**/meson.build. The compiler refuses most
upward includes because it does not find them; this lint also refuses those that it would find (`..`).
"""
import os
import re

import lintlib

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.M)
DEPENDS = re.compile(r'^(\w+)_deps = \[([^\]]*)\]', re.M)


def layers(root):
    """{folder: (layer name, layers that it names)}"""
    found = {}
    for path in lintlib.files(root, 'meson.build', under='src'):
        for name, used in DEPENDS.findall(lintlib.read(root, path)):
            found[os.path.dirname(path)] = (name, set(re.findall(r'(\w+)_dep\b', used)))
    return found


def reachable(name, uses):
    seen, waiting = set(), {name}
    while waiting:
        layer = waiting.pop()
        seen.add(layer)
        waiting |= uses.get(layer, set()) - seen
    return seen


def check_config(path, includes):
    """A .c file begins with <config.h>, which libvirt's headers need; a header leaves that to the .c file."""
    names = [name for _, _, name in includes]
    if path.endswith('.h') and 'config.h' in names:
        yield f'{path}:{includes[names.index("config.h")][0]}: <config.h> belongs into .c files'
    if path.endswith('.c') and names[:1] != ['config.h']:
        yield f'{path}:{includes[0][0] if includes else 1}: <config.h> comes first'


def check_layer(path, include, owner, may_use, own_headers):
    line, _, name = include
    base = os.path.basename(name)
    if name == 'hypervisor/domain_driver.h':    # libvirt's; one of ours has the same name
        return
    if '..' in name.split('/'):
        yield f'{path}:{line}: `..` in an include: name the header alone'
    elif base in own_headers and base != name:
        yield f'{path}:{line}: our own headers are included without a path'
    elif base in own_headers and own_headers[base] not in may_use:
        yield f'{path}:{line}: {owner} may not include {name} of {own_headers[base]}'


def check(root):
    folders = layers(root)
    uses = {name: used for name, used in folders.values()}
    own_headers = {}
    for path in lintlib.files(root, '.h', under='src'):
        base = os.path.basename(path)
        if base in own_headers:
            yield f'{path}:1: there is another header of this name'
        own_headers[base] = folders.get(os.path.dirname(path), ('none',))[0]
    for path in lintlib.files(root, '.c', '.h', under='src'):
        text = lintlib.without_comments(lintlib.read(root, path))
        includes = [(lintlib.line_of(text, m.start()), *m.groups()) for m in INCLUDE.finditer(text)]
        yield from check_config(path, includes)
        owner = folders.get(os.path.dirname(path), ('none',))[0]
        may_use = reachable(owner, uses)
        for include in includes:
            yield from check_layer(path, include, owner, may_use, own_headers)


lintlib.main(check)
