#!/usr/bin/env python3
"""Each element of a domain together with each other one: their command lines against those of the stock driver.

usage: argvpairstest.py QBJARGSPRINT

The elements are below. qemublockjobdata/argvpairs has a folder for each pair, with the definition that this makes of
them (QBJ_REGENERATE=1 writes it) and our golden command line (qbjargstest). What differs for an element alone is in the
cases of qemublockjobdata/argv; nothing more may differ here. Only -netdev is left out: in the stock driver's text form
each interface is a plain tap device.
"""
import itertools
import os
import subprocess
import sys
import tempfile

import argvstocktest
import stocktest

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'qemublockjobdata', 'argvpairs')

DOMAIN = """<domain type='qemu'>
  <name>guest</name>
  <uuid>fe5c38fa-1dde-5685-8e3b-e1bc85faefd2</uuid>
  <memory unit='MiB'>256</memory>
  <vcpu>2</vcpu>
  <os%(os)s>
    <type arch='x86_64' machine='q35'>hvm</type>
  </os>
  <features>
    <acpi/>%(features)s
  </features>%(top)s
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>%(devices)s
    <memballoon model='%(balloon)s'/>
  </devices>
</domain>
"""


def disk(name, bus, device='disk', more='', fmt='qcow2'):
    return (f"<disk type='file' device='{device}'><driver name='qemu' type='{fmt}'{more}/>"
            f"<source file='/srv/images/{name}'/><target dev='{name}' bus='{bus}'/></disk>")


# what an element adds to the parts of DOMAIN
ELEMENTS = {
    'agent': {'devices': "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"},
    'balloon': {'balloon': 'virtio'},
    'cdrom': {'devices': disk('sda', 'sata', 'cdrom', fmt='raw')},
    'console': {'devices': "<console type='pty'><target type='virtio'/></console>"},
    'cpu': {'top': "<cpu mode='custom' match='exact' check='none'><model fallback='forbid'>Nehalem</model></cpu>"},
    'disk': {'devices': disk('vda', 'virtio', more=" cache='none' io='native'")},
    'firmware': {'os': " firmware='efi'"},
    'floppy': {'devices': disk('fda', 'fdc', 'floppy', fmt='raw')},
    'hyperv': {'features': "<hyperv><relaxed state='on'/><vapic state='on'/></hyperv>"},
    'interface': {'devices': "<interface type='user'><mac address='52:54:00:11:22:33'/><model type='virtio'/>"
                             "</interface>"},
    'iothread': {'top': "<iothreads>1</iothreads>", 'devices': disk('vdb', 'virtio', more=" iothread='1'")},
    'memfd': {'top': "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>"},
    'netdisks': {'devices': "<disk type='network'><driver name='qemu' type='raw'/><source protocol='iscsi' "
                            "name='iqn.2003-01.org.example:disks/3'><host name='storage.example.org'/></source>"
                            "<target dev='vdc' bus='virtio'/></disk>"
                            "<disk type='network'><driver name='qemu' type='raw'/><source protocol='rbd' "
                            "name='pool/image'><host name='mon.example.org' port='6321'/></source>"
                            "<target dev='vdd' bus='virtio'/></disk>"},
    'panic': {'devices': "<panic model='isa'/>"},
    'parallel': {'devices': "<parallel type='file'><source path='/srv/lp'/></parallel>"},
    'rng': {'devices': "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"},
    'scsi': {'devices': "<controller type='scsi' model='virtio-scsi'/>" + disk('sdb', 'scsi')},
    'serial': {'devices': "<serial type='pty'/>"},
    'sound': {'devices': "<sound model='ich9'/>"},
    'spice': {'devices': "<graphics type='spice' autoport='yes'/><redirdev bus='usb' type='spicevmc'/>"
                         "<channel type='spicevmc'><target type='virtio' name='com.redhat.spice.0'/></channel>"},
    'tablet': {'devices': "<input type='tablet' bus='usb'/>"},
    'tpm': {'devices': "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>"},
    'usbdisk': {'devices': disk('sdc', 'usb')},
    'vnc': {'devices': "<graphics type='vnc' autoport='yes'/><video><model type='virtio'/></video>"},
    'vsock': {'devices': "<vsock model='virtio'><cid auto='no' address='3'/></vsock>"},
    'watchdog': {'devices': "<watchdog model='i6300esb' action='reset'/>"},
}
INDENT = {'features': '\n    ', 'top': '\n  ', 'devices': '\n    '}


def definition(names):
    parts = {'os': '', 'features': '', 'top': '', 'devices': '', 'balloon': 'none'}
    for name in names:
        for part, text in ELEMENTS[name].items():
            parts[part] = text if part == 'balloon' else parts[part] + INDENT.get(part, '') + text
    return DOMAIN % parts


def check_definition(case, text):
    path = os.path.join(DATA, case, 'domain.xml')
    if os.environ.get('QBJ_REGENERATE'):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as out:
            out.write(text)
    with open(path, encoding='utf-8') as lines:
        return lines.read() == text


def without_netdev(text):
    return [option for option in argvstocktest.options(text) if not option.startswith('-netdev ')]


def run(tool, root):
    pairs = {f'{one}-and-{other}': definition([one, other]) for one, other in itertools.combinations(ELEMENTS, 2)}
    wrong = [case for case, text in pairs.items() if not check_definition(case, text)]
    stale = sorted(set(os.listdir(DATA)) - set(pairs))
    paths = [os.path.join(DATA, case, 'domain.xml') for case in pairs]
    ours = subprocess.run([tool, root, *paths], capture_output=True, text=True, check=True).stdout.split('\0')[:-1]
    stock = argvstocktest.in_text_form(root, paths)

    print(f'1..{len(pairs) + 1}')
    print(*[f'# not what the elements make: {case}' for case in wrong], *[f'# no pair: {case}' for case in stale],
          f'{"not ok" if wrong or stale else "ok"} 1 - each pair has its definition', sep='\n')
    for number, (case, path, our) in enumerate(zip(pairs, paths, ours), 2):
        expected, got = without_netdev(stock[path]), without_netdev(our)
        lines = [f'# only stock: {option}' for option in expected if option not in got]
        lines += [f'# only ours:  {option}' for option in got if option not in expected]
        good = expected == got and len(got) > 20
        print(*lines, f'{"ok" if good else "not ok"} {number} - {case}', sep='\n')


def main():
    reason = stocktest.missing()
    if reason:
        print(f'1..0 # SKIP {reason}')
        return
    with tempfile.TemporaryDirectory(prefix='qbj-argv-') as folder:
        run(sys.argv[1], stocktest.make_root(folder))


main()
