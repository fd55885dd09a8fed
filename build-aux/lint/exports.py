#!/usr/bin/env python3
"""Names in the built module: qemuRegister is the only export, and no global name of ours is one of libvirt.so's.

libvirt opens modules with RTLD_GLOBAL: an exported function of ours that shares a name with one of libvirt.so's
would silently be replaced by it. Hidden visibility prevents that; this check keeps it from depending on one flag.
"""
import argparse
import glob
import os
import re
import subprocess
import sys


def names(*arguments):
    output = subprocess.run(['nm', '--defined-only', *arguments], check=True, capture_output=True, text=True).stdout
    return {m.group(2).split('@')[0] for m in re.finditer(r'^[0-9a-f]+ ([A-Z]) (\S+)$', output, re.M)}


def library_path(name):
    output = subprocess.run(['/sbin/ldconfig', '-p'], check=True, capture_output=True, text=True).stdout
    return re.search(rf'^\s*{re.escape(name)} .*=> (\S+)$', output, re.M).group(1)


def check(module, archives, library):
    exported = names('-D', module)
    if exported != {'qemuRegister'}:
        yield f'{module}: exports {", ".join(sorted(exported)) or "nothing"}; only qemuRegister may be exported'
    theirs = names('-D', library)
    if len(theirs) < 1000:
        yield f'{library}: only {len(theirs)} names: this is no libvirt.so'
    for archive in archives:
        for name in sorted(names(archive) & theirs):
            yield f'{archive}: {name} is a name of libvirt.so'


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--library', help='instead of the installed libvirt.so.0')
    parser.add_argument('build', help='build folder, or a module')
    args = parser.parse_args()
    module = args.build
    if os.path.isdir(args.build):
        module = f'{args.build}/src/libvirt_driver_qemu.so'
    archives = sorted(glob.glob(f'{os.path.dirname(module)}/**/libqbj_*.a', recursive=True))
    findings = list(check(module, archives, args.library or library_path('libvirt.so.0')))
    if not archives:
        findings.append(f'{args.build}: no libqbj_*.a: has it been built?')
    for finding in findings:
        print(finding)
    sys.exit(1 if findings else 0)


main()
