#!/usr/bin/env python3
"""What define makes of a definition: ours against the stock driver's, for every case in qemublockjobdata/define.

usage: definestocktest.py QBJDEFPRINT

The stock module runs in embed mode; ours is what stands in out.xml or error.txt (qbjdeftest keeps them true). What is
meant to differ stands in qemublockjobdata/define/differences.txt with its reason; an entry that no case needs is a
failure too. The aliases of running VMs are compared for the cases in ALIASES: the stock driver starts them paused,
qbjdefprint shows what we would give.
"""
import fnmatch
import os
import re
import subprocess
import sys
import tempfile
import uuid

import stocktest

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'qemublockjobdata', 'define')
KINDS = ('refused', 'message', 'accepted', 'result')
ALIASES = ('minimal-pc', 'serial-kinds', 'usb-ich9-pc', 'usb-several', 'input-usb', 'video-second', 'pci-bridge-on-pc',
           'disk-user-alias', 'video-none')


class Difference:
    def __init__(self, line):
        self.case, self.kind, self.reason = [field.strip() for field in line.split('|')]
        assert self.kind in KINDS, line
        self.used = False


def read_differences():
    with open(os.path.join(DATA, 'differences.txt'), encoding='utf-8') as lines:
        return [Difference(line) for line in lines if line.strip() and not line.startswith('#')]


def read(*path):
    with open(os.path.join(*path), encoding='utf-8') as text:
        return text.read()


class Answer:
    """One outcome: the inactive XML, or the message of a refusal."""

    def __init__(self, text, refused):
        self.text = text.strip()
        self.refused = refused

    def __eq__(self, other):
        return self.refused == other.refused and self.text == other.text


def our_answer(case):
    if os.path.exists(os.path.join(DATA, case, 'error.txt')):
        # without the numbers of code and domain
        return Answer(read(DATA, case, 'error.txt').split(' ', 1)[1], True)
    return Answer(read(DATA, case, 'out.xml'), False)


def uuid_of(xml):
    found = re.search(r'<uuid>(.*?)</uuid>', xml)
    return str(uuid.UUID(found.group(1))) if found else 'none'


def stock_answers(root, cases):
    commands = []
    for case in cases:
        name = uuid_of(read(DATA, case, 'in.xml'))
        commands += [f'define {os.path.join(DATA, case, "in.xml")}', f'dumpxml --inactive {name}', f'undefine {name}']
    outputs = stocktest.batch(root, commands)
    for define, dump in zip(outputs[0::3], outputs[1::3]):
        errors = re.findall(r'^error: (.*(?:\n(?!error: ).+)*)', define, re.M)
        yield Answer(errors[-1], True) if errors else Answer(dump, False)


def kind_of(stock, ours):
    if stock.refused:
        return 'message' if ours.refused else 'accepted'
    return 'refused' if ours.refused else 'result'


def explained(differences, case, kind):
    for difference in differences:
        if difference.kind == kind and fnmatch.fnmatchcase(case, difference.case):
            difference.used = True
            return True
    return False


def skip(differences, case, report):
    for difference in differences:
        difference.used = difference.used or fnmatch.fnmatchcase(case, difference.case)
    report.skip(case, 'no usable KVM here')


def compare_definitions(root, cases, differences, report):
    for case, stock in zip(cases, stock_answers(root, cases)):
        ours = our_answer(case)
        if stock.refused and stock.text.endswith("does not support virt type 'kvm'"):
            skip(differences, case, report)
        elif stock == ours or explained(differences, case, kind_of(stock, ours)):
            report.ok(case)
        else:
            report.failed(case, f'{kind_of(stock, ours)}\n--- stock\n{stock.text}\n--- ours\n{ours.text}')


def aliases_of(xml):
    return re.findall(r"<alias name='(.*?)'/>", xml)


def live_definition(case, folder):
    """The case with images and sockets that can be opened."""
    xml = read(DATA, case, 'in.xml')
    for path in set(re.findall(r'(?:file|path)="(/.*?)"', xml)):
        name = path.strip('/').replace('/', '-')
        if path.endswith('.qcow2'):
            subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', os.path.join(folder, name), '1M'], check=True,
                           env={'PATH': stocktest.PATH})
        xml = xml.replace(f'"{path}"', f'"{os.path.join(folder, name)}"')
    path = os.path.join(folder, case + '.xml')
    with open(path, 'w', encoding='utf-8') as out:
        out.write(xml)
    return path


def compare_aliases(root, folder, tool, report):
    paths = [live_definition(case, folder) for case in ALIASES]
    ours = subprocess.run([tool, *paths], capture_output=True, text=True, check=True).stdout.split('\0')[:-1]
    commands = []
    for path in paths:
        name = uuid_of(read(path))
        commands += [f'create --paused {path}', f'dumpxml {name}', f'destroy {name}']
    outputs = stocktest.batch(root, commands)
    for case, create, stock, our in zip(ALIASES, outputs[0::3], outputs[1::3], ours):
        if aliases_of(stock) and aliases_of(stock) == aliases_of(our):
            report.ok(f'aliases of {case}')
        else:
            report.failed(f'aliases of {case}', f'{create}stock: {aliases_of(stock)}\nours:  {aliases_of(our)}')


class Report:
    def __init__(self):
        self.count = 0

    def line(self, verdict, name):
        self.count += 1
        print(f'{verdict} {self.count} - {name}')

    def ok(self, name):
        self.line('ok', name)

    def skip(self, name, reason):
        self.line('ok', f'{name} # SKIP {reason}')

    def failed(self, name, why):
        print(*('# ' + line for line in why.splitlines()), sep='\n')
        self.line('not ok', name)


def run(tool, folder):
    cases = sorted(name for name in os.listdir(DATA) if os.path.isdir(os.path.join(DATA, name)))
    assert len(cases) >= 80, f'only {len(cases)} cases'
    root = stocktest.make_root(os.path.join(folder, 'root'))
    # one QEMU after the other, and their logs, without a log daemon; in a chroot, too, where a mount namespace of the
    # stock driver's making need not work
    with open(os.path.join(root, 'etc', 'qemu.conf'), 'a', encoding='utf-8') as conf:
        conf.write('security_driver = "none"\nstdio_handler = "file"\nnamespaces = [ ]\n')

    differences = read_differences()
    report = Report()
    compare_definitions(root, cases, differences, report)
    compare_aliases(root, folder, tool, report)
    stale = [f'no case needs: {one.case} | {one.kind} | {one.reason}' for one in differences if not one.used]
    if stale:
        report.failed('no stale differences', '\n'.join(stale))
    else:
        report.ok('no stale differences')
    print(f'1..{report.count}')


def main():
    reason = stocktest.missing()
    if reason:
        print(f'1..0 # SKIP {reason}')
        return
    with tempfile.TemporaryDirectory(prefix='qbj-define-') as folder:
        run(sys.argv[1], folder)


main()
