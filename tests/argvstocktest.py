#!/usr/bin/env python3
"""Our command lines against those of the stock driver, option by option, for every case in qemublockjobdata/argv.

usage: argvstocktest.py QBJARGSPRINT

Both get the same file: the stock module through domxml-to-native in embed mode, ours through qbjargsprint. The stock
driver's text form makes every network interface a plain tap device, so the cases in STARTED are started by it, paused,
and the command line is taken from its log. Those in HUGEPAGES need a mount of huge pages: root makes one in a mount
namespace of its own, without any page in it. What is meant to differ stands in qemublockjobdata/argv/differences.txt
with its reason; an entry that no case needs is a failure too.
"""
import ctypes
import fnmatch
import os
import re
import shlex
import subprocess
import sys
import tempfile

import stocktest

STARTED = ('interface-user-*',)
LOG_LINE = re.compile(r'\d{4}-\d\d-\d\d [\d:.+]+: \d+: (debug|info|warning|error) : ')
HUGEPAGES = ('hugepages*', 'numa-hugepages*')
CLONE_NEWNS = 0x20000
DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'qemublockjobdata', 'argv')


class Difference:
    def __init__(self, line):
        self.case, self.stock, self.ours, self.reason = [field.strip() for field in line.split('|')]
        self.used = False


def read_differences():
    with open(os.path.join(DATA, 'differences.txt'), encoding='utf-8') as lines:
        return [Difference(line) for line in lines if line.strip() and not line.startswith('#')]


def options(text):
    """Environment, binary, and each option together with its value, in order. The present time stands as "now"."""
    result = []
    value_of = False
    text = re.sub(r'"fd":"-?\d+"', '"fd":"N"', text)
    text = re.sub(r'base=20[2-9]\d-\d\d-\d\dT[\d:]+', 'base=now', text)
    for word in shlex.split(text):
        if value_of and not word.startswith('-'):
            result[-1] += ' ' + word
            value_of = False
        else:
            result.append(word)
            value_of = word.startswith('-')
    return result


def started(root, path):
    """The command line of a real start, in the form of domxml-to-native."""
    log = os.path.join(root, 'log', 'qemu', 'guest.log')
    if os.path.exists(log):
        os.unlink(log)
    commands = f'create --paused {path}\ndestroy guest\n'
    done = subprocess.run(['virsh', '-q', '-c', f'qemu:///embed?root={root}'], input=commands, capture_output=True,
                          text=True, env={'LC_ALL': 'C', 'PATH': stocktest.PATH, 'HOME': root}, check=False,
                          timeout=120)
    if not os.path.exists(log):
        return 'error: ' + done.stderr
    with open(log, encoding='utf-8') as lines:
        text = lines.read()
    text = text[text.index('LC_ALL='):].replace('\\\n', '').split('\n')[0]
    text = re.sub(r'domain-\d+-guest', 'domain--1-guest', text)
    socket = f'{root}/lib/qemu/domain--1-guest/monitor.sock'
    return re.sub(r'(id=charmonitor),fd=\d+', rf'\1,path={socket}', text)


def answer(output):
    """What virsh said, without the lines of the log; of an error the last line."""
    lines = [line for line in output.splitlines() if not LOG_LINE.match(line)]
    errors = [line for line in lines if line.startswith('error: ')]
    return errors[-1] if errors else '\n'.join(lines).strip()


def in_text_form(root, paths):
    """Path -> the command line that domxml-to-native shows, or "error: ..."; one process for all."""
    commands = [f'domxml-to-native --format qemu-argv --xml {path}' for path in paths]
    # one more at the end: what follows the last one is no prompt
    return dict(zip(paths, map(answer, stocktest.batch(root, commands + ['echo']))))


def is_started(case):
    return any(fnmatch.fnmatchcase(case, pattern) for pattern in STARTED)


def apply(differences, case, stock):
    """What we expect of ours, made of @stock, the output of the stock driver."""
    expected = []
    for option in stock:
        for difference in differences:
            if fnmatch.fnmatchcase(case, difference.case) and difference.stock in option:
                option = option.replace(difference.stock, difference.ours)
                difference.used = True
        expected.append(option)
    return expected


def compare(differences, case, stock, ours):
    """None when they are as they should be, else the lines that tell."""
    expected = apply(differences, case, options(stock))
    got = options(ours)
    lines = [f'# only stock: {option}' for option in expected if option not in got]
    lines += [f'# only ours:  {option}' for option in got if option not in expected]
    if not lines and expected != got:
        lines = ['# the same options in another order']
    return lines


def lacking(case, stock):
    """Why the stock driver cannot answer here, or None."""
    if stock.startswith('error:') and 'kvm' in stock.lower():
        return 'no usable KVM here'
    if stock.startswith('error:') and 'virtsecretd' in stock:
        return 'the stock driver in this mode has no secret driver'
    if stock.startswith('error:') and '/dev/net/tun' in stock:
        return 'no network devices may be made here'
    if stock.startswith('error:') and 'hugetlbfs' in stock and any(fnmatch.fnmatchcase(case, one) for one in HUGEPAGES):
        return 'no huge pages are mounted, and no mount may be made here'
    if stock.startswith('error:') and 'TSC scaling' in stock and case == 'timer-tsc-frequency':
        return 'the stock driver wants a host that can scale its TSC, also for an emulated CPU'
    return None


def run(tool, root):
    cases = sorted(name for name in os.listdir(DATA) if os.path.isdir(os.path.join(DATA, name)))
    paths = [os.path.join(DATA, name, 'domain.xml') for name in cases]
    differences = read_differences()
    done = subprocess.run([tool, root, *paths], capture_output=True, text=True, check=True)
    ours = done.stdout.split('\0')[:-1]
    assert len(ours) == len(cases) >= 60, f'{len(ours)} of {len(cases)} cases'

    stock_lines = in_text_form(root, [path for case, path in zip(cases, paths) if not is_started(case)])

    print(f'1..{len(cases) + 1}')
    for number, (case, path) in enumerate(zip(cases, paths), 1):
        stock = started(root, path) if is_started(case) else stock_lines[path]
        reason = lacking(case, stock)
        if reason:
            for difference in differences:
                difference.used = difference.used or fnmatch.fnmatchcase(case, difference.case)
            print(f'ok {number} - {case} # SKIP {reason}')
            continue
        lines = compare(differences, case, stock, ours[number - 1])
        print(*lines, f'{"not ok" if lines else "ok"} {number} - {case}', sep='\n')

    stale = [f'# no case needs: {one.case} | {one.stock} | {one.ours}' for one in differences if not one.used]
    print(*stale, f'{"not ok" if stale else "ok"} {len(cases) + 1} - no stale differences', sep='\n')


def mount_hugepages():
    """A mount that only we and our children see; what cannot be done is left."""
    libc = ctypes.CDLL(None, use_errno=True)
    folder = tempfile.mkdtemp(prefix='qbj-hugepages-')
    # MS_REC | MS_PRIVATE
    if libc.unshare(CLONE_NEWNS) == 0 and libc.mount(b'none', b'/', None, 0x4000 | 0x40000, None) == 0:
        libc.mount(b'none', folder.encode(), b'hugetlbfs', 0, None)
    return folder


def main():
    reason = stocktest.missing()
    if reason:
        print(f'1..0 # SKIP {reason}')
        return
    mount = mount_hugepages()
    try:
        with tempfile.TemporaryDirectory(prefix='qbj-argv-') as folder:
            run(sys.argv[1], stocktest.make_root(folder))
    finally:
        subprocess.run(['umount', mount], stderr=subprocess.DEVNULL, check=False)
        os.rmdir(mount)


if __name__ == '__main__':
    main()
