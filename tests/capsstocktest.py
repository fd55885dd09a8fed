#!/usr/bin/env python3
"""Host and domain capabilities against those of the stock driver.

usage: capsstocktest.py QBJCAPSPRINT

Ours name less, for less is implemented; what they name must be what the stock driver says too. Bad arguments must
give the same error.
"""
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

import stocktest

FAMILIES = ('pc', 'pc-i440fx-', 'q35', 'pc-q35-')


def ours(tool, *arguments):
    return subprocess.run([tool, *arguments], capture_output=True, text=True, check=True,
                          env={'LC_ALL': 'C', 'PATH': stocktest.PATH}).stdout.strip()


def machines(arch):
    """Machine types of the families that this driver runs, with their attributes."""
    return {machine.text: dict(machine.attrib) for machine in arch.findall('machine')
            if machine.text in FAMILIES or machine.text.startswith(('pc-i440fx-', 'pc-q35-'))}


def host_lines(mine, stock):
    for path in ('host/uuid', 'host/cpu', 'host/topology', 'host/cache', 'host/iommu'):
        one, other = mine.find(path), stock.find(path)
        # the UUID is made up for each process where the host has none; free memory pages come and go
        if (one is None) != (other is None):
            yield f'{path}: only one has it'
        elif one is not None and path in ('host/cpu', 'host/cache', 'host/iommu'):
            if ElementTree.tostring(one).split() != ElementTree.tostring(other).split():
                yield f'{path} differs'

    guests = {arch.get('name'): arch for arch in stock.findall('guest/arch')}
    for arch in mine.findall('guest/arch'):
        name = arch.get('name')
        other = guests[name]
        for tag in ('wordsize', 'emulator'):
            if arch.findtext(tag) != other.findtext(tag):
                yield f'{name} {tag}: {arch.findtext(tag)}, stock {other.findtext(tag)}'
        if [d.get('type') for d in arch.findall('domain')] != [d.get('type') for d in other.findall('domain')]:
            yield f'{name}: other domain types'
        if name == 'x86_64' and machines(arch) != machines(other):
            yield f'{name}: other machine types'
    if 'x86_64' not in [arch.get('name') for arch in mine.findall('guest/arch')]:
        yield 'no guest of x86_64'


def enum_values(root):
    """{path of the element and name of the enum: values}"""
    found = {}

    def walk(element, path):
        for child in element:
            if child.tag == 'enum':
                found[f'{path}/{child.get("name")}'] = {value.text for value in child.findall('value')}
            else:
                walk(child, f'{path}/{child.tag}' + (f'[{child.get("name")}]' if child.get('name') else ''))
    walk(root, '')
    return found


def supported(root):
    found = {}

    def walk(element, path):
        for child in element:
            name = f'{path}/{child.tag}' + (f'[{child.get("name")}]' if child.tag == 'mode' else '')
            if child.get('supported'):
                found[name] = child.get('supported') == 'yes'
            walk(child, name)
    walk(root, '')
    return found


def domain_lines(mine, stock):
    for tag in ('path', 'domain', 'machine', 'arch'):
        if mine.findtext(tag) != stock.findtext(tag):
            yield f'{tag}: {mine.findtext(tag)}, stock {stock.findtext(tag)}'
    if mine.find('vcpu').get('max') != stock.find('vcpu').get('max'):
        yield f'vcpu max: {mine.find("vcpu").get("max")}, stock {stock.find("vcpu").get("max")}'

    theirs = enum_values(stock)
    for name, values in enum_values(mine).items():
        if not values <= theirs.get(name, set()):
            yield f'{name}: {sorted(values - theirs.get(name, set()))} is only ours'
    theirs = supported(stock)
    for name, yes in supported(mine).items():
        if yes and not theirs.get(name):
            yield f'{name} is supported only by ours'

    models = {model.text: model.attrib for model in stock.findall('cpu/mode[@name="custom"]/model')}
    own = {model.text: model.attrib for model in mine.findall('cpu/mode[@name="custom"]/model')}
    if set(models) != set(own) or not own:
        yield f'CPU models: {sorted(set(models) ^ set(own))}'
    for name in own:
        if own[name]['usable'] not in ('unknown', models[name]['usable']):
            yield f'CPU model {name}: usable {own[name]["usable"]}, stock {models[name]["usable"]}'


ARGUMENTS = [  # emulator, architecture, machine, type
    ('-', '-', '-', '-'),
    ('-', 'x86_64', 'q35', 'qemu'),
    ('-', 'x86_64', 'pc', 'qemu'),
    ('-', 'x86_64', 'q35', 'kvm'),
    ('-', 'x86_64', 'pc-q35-7.0', '-'),
    ('-', 'i686', '-', '-'),
    ('/usr/bin/qemu-system-x86_64', 'x86_64', '-', '-'),
    ('/usr/bin/qemu-system-i386', '-', '-', '-'),
    ('/usr/bin/qemu-system-i386', 'x86_64', '-', '-'),
    ('/nope', '-', '-', '-'),
    ('-', 'sparc99', '-', '-'),
    ('-', '-', 'q36', '-'),
    ('-', '-', 'none', '-'),
    ('-', '-', '-', 'xen'),
    ('-', '-', '-', 'vbax'),
]


def domain_cases(tool, root):
    for arguments in ARGUMENTS:
        options = []
        for option, value in zip(('--emulatorbin', '--arch', '--machine', '--virttype'), arguments):
            options += [option, value] if value != '-' else []
        stock = stocktest.virsh(root, 'domcapabilities', *options)
        mine = ours(tool, 'domain', *arguments)
        name = ' '.join(arguments)
        if stock.startswith('error:') or mine.startswith('error:'):
            # without KVM the stock driver names an accelerator that nobody asked for
            stock = stock.replace("the accel 'tcg' is not supported by '/usr/bin/qemu-system-x86_64' on this host",
                                  f"Emulator '/usr/bin/qemu-system-x86_64' does not support virt type '{arguments[3]}'")
            yield name, [] if stock == mine else [f'ours  {mine[:200]}', f'stock {stock[:200]}']
        else:
            yield name, list(domain_lines(ElementTree.fromstring(mine), ElementTree.fromstring(stock)))


def cases(tool, root):
    yield 'host', list(host_lines(ElementTree.fromstring(ours(tool, 'host')),
                                  ElementTree.fromstring(stocktest.virsh(root, 'capabilities'))))
    yield from domain_cases(tool, root)


def main():
    reason = stocktest.missing()
    if reason:
        print(f'1..0 # SKIP {reason}')
        return
    with tempfile.TemporaryDirectory(prefix='qbj-caps-') as folder:
        print(f'1..{len(ARGUMENTS) + 1}')
        for number, (name, lines) in enumerate(cases(sys.argv[1], stocktest.make_root(folder)), 1):
            for line in lines:
                print(f'# {line}')
            print(f'{"not ok" if lines else "ok"} {number} - {name}', flush=True)


main()
