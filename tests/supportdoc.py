#!/usr/bin/env python3
"""Writes docs/support.rst from the driver's own tables, or fails when that page is out of date: QBJ_REGENERATE=1
rewrites it.

usage: supportdoc.py HEADERS       HEADERS: folder of libvirt's private headers
"""
import glob
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGE = f'{TOP}/docs/support.rst'
SOURCE = f'{TOP}/src/qemu_blockjob'
HEAD = '''.. This file is written by tests/supportdoc.py from api/api_table.c and vm/vm_support_table_*.c: change those.

=================
What is supported
=================

.. contents::

A call that is not supported is answered with "this function is not supported by the connection driver". One that
is may refuse by name what it cannot do yet; where that is all, it is said. Whatever of a domain's XML has no row
here is refused by name.

'''


# calls that are there to say what forbids the operation, and then that there is none yet
REFUSED = re.compile('domainMigrate')


def public_name(callback):
    """domainGetInfo -> virDomainGetInfo, connectDomainXMLToNative -> virConnectDomainXMLToNative"""
    return 'vir' + callback[0].upper() + callback[1:]


def calls(headers):
    """[(callback, yes, no or refused)] in libvirt's order"""
    with open(os.path.join(headers, 'src', 'driver-hypervisor.h'), encoding='utf-8') as f:
        table = re.search(r'struct _virHypervisorDriver \{(.*?)\n\};', f.read(), re.S).group(1)
    with open(f'{SOURCE}/api/api_table.c', encoding='utf-8') as f:
        ours = set(re.findall(r'^    \.(\w+) = qbj\w+,', f.read(), re.M))
    known = re.findall(r'^\s*virDrv\w+ (\w+);', table, re.M)
    unknown = ours - set(known) - {'stateInitialize', 'stateCleanup', 'stateReload', 'stateStop', 'hypervisorDriver',
                                   'stateShutdownPrepare', 'stateShutdownWait', 'uriSchemes'}
    if unknown or len(known) < 200 or len(ours) < 100:
        raise ValueError('tables not understood: %d, %d, %s' % (len(known), len(ours), sorted(unknown)))
    return [(name, 'no' if name not in ours else 'refused by name' if REFUSED.match(name) else 'yes')
            for name in known]


def rows():
    """[(file, [(path, values)])] of the tables of elements"""
    found = []
    for path in sorted(glob.glob(f'{SOURCE}/vm/vm_support_table_*.c')):
        with open(path, encoding='utf-8') as f:
            text = f.read()
        table = re.search(r'Rows\[\] = \{(.*?)^\};', text, re.M | re.S).group(1)
        one = [(name, values, base) for name, values, base in
               re.findall(r'\{ "([^"]*)"(?:,\s*"([^"]*)")?(?:[^{}]*?\.base = "([^"]*)")?[^{}]*\}', table)]
        if not one:
            raise ValueError(path + ': no rows')
        found.append((re.search(r'table_(\w+)\.c', path).group(1), one))
    return found


def heading(text, line):
    return '%s\n%s\n\n' % (text, line * len(text))


def table(widths, lines):
    text = '.. list-table::\n   :header-rows: 1\n   :widths: %s\n\n' % widths
    for cells in lines:
        for n, cell in enumerate(cells):
            text += '   %s -%s\n' % ('*' if n == 0 else ' ', ' ' + cell if cell else '')
    return text + '\n'


def page(headers):
    both = calls(headers)
    text = HEAD + heading('Calls', '-')
    text += '%d of the %d calls that libvirt knows for a hypervisor.\n\n' % (sum(s == 'yes' for _, s in both),
                                                                             len(both))
    text += table('70 30', [('call', 'supported')] + [(public_name(n), s) for n, s in both])
    text += heading('Elements of the domain XML', '-')
    text += 'A path is relative to ``<domain>``; ``:`` chooses one kind of an element, ``@`` is an attribute.\n'
    text += 'Paths that begin with ``%`` are groups that other rows take over.\n\n'
    for name, lines in rows():
        text += heading(name.capitalize(), '~')
        text += table('50 30 20', [('path', 'values', 'takes over')] +
                      [('``%s``' % (p or '(the domain)'), v, '``%s``' % b if b else '') for p, v, b in lines])
    return text.rstrip('\n') + '\n'


def main():
    text = page(sys.argv[1])
    if os.environ.get('QBJ_REGENERATE') == '1':
        with open(PAGE, 'w', encoding='utf-8') as f:
            f.write(text)
    old = open(PAGE, encoding='utf-8').read() if os.path.exists(PAGE) else ''
    print('1..1')
    print('%sok 1 - docs/support.rst is what the tables say' % ('' if old == text else 'not '))
    if old != text:
        ours, theirs = set(text.splitlines()), set(old.splitlines())
        for line in sorted(ours ^ theirs)[:10]:
            print('# %s %s' % ('+' if line in ours else '-', line))
        print('# QBJ_REGENERATE=1 rewrites it (./dev golden)')
    return 0 if old == text else 1


if __name__ == '__main__':
    sys.exit(main())
