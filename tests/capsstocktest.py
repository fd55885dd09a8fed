#!/usr/bin/env python3
"""Host and domain capabilities, and CPUs of other hosts, against what the stock driver says.

usage: capsstocktest.py QBJCAPSPRINT

What differs is in one of the two tables below, with its reason. Bad arguments must give the same error.
"""
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

import stocktest

CACHE = tempfile.TemporaryDirectory(prefix='qbj-caps-cache-')
FAMILIES = ('pc', 'pc-i440fx-', 'q35', 'pc-q35-')


def ours(tool, *arguments):
    return subprocess.run([tool, *arguments], capture_output=True, text=True, check=True,
                          env={'LC_ALL': 'C', 'PATH': stocktest.PATH, 'QBJ_CAPS_FOLDER': CACHE.name}).stdout.strip()


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


# What the stock driver's domain capabilities have and ours have not: regular expressions of facts, see facts().
ONLY_STOCK = {
    r'devices/graphics/enum\[type\]/value (sdl|egl-headless|dbus)': 'displays of the host itself are not supported',
    r'devices/hostdev.*': 'not supported yet',
    r'devices/filesystem.*': 'not supported yet',
    r'devices/rng/enum\[backendModel\]/value egd': 'not supported',
    r'devices/tpm/enum\[backendModel\]/value (passthrough|external)': 'only swtpm that we start is supported',
    r'features/(genid|backup) supported=yes': 'not supported yet',
    r'(i686) os/loader/value .*': 'images of qemu.conf\'s "nvram", which we do not read; descriptors have none for it',
    r'(i686) cpu/mode\[host-passthrough\].*': 'a 32-bit guest does not have the CPU of a 64-bit host',
}
# And the other way round.
ONLY_OURS = {
    r'(i686) cpu/mode\[host-model\]/feature name=\S+ policy=require': 'features in MSRs: QEMU says that it has them',
}


def facts(root):
    """Everything that the document claims to be there, a set of lines."""
    found = set()

    def walk(element, path):
        if element.get('supported') == 'no':
            return
        words = ' '.join(f'{key}={value}' for key, value in sorted(element.attrib.items())
                         if key != 'name' or path[-1] == 'feature')
        text = (element.text or '').strip()
        if words or text or not len(element):
            found.add(' '.join(word for word in ('/'.join(path), words, text) if word))
        for child in element:
            named = child.get('name') and child.tag != 'feature'
            walk(child, path + [f'{child.tag}[{child.get("name")}]' if named else child.tag])
    for child in root:
        walk(child, [child.tag])
    return found


def unexpected(lines, table, arch):
    """Those that no row of @table speaks of; rows that begin with an architecture in brackets are for that alone."""
    for line in sorted(lines):
        for row in table:
            only = re.match(r'\((\w+)\) ', row)
            if (not only or only.group(1) == arch) and re.fullmatch(row[only.end():] if only else row, line):
                break
        else:
            yield line


def domain_lines(mine, stock):
    one, other = facts(mine), facts(stock)
    arch = mine.findtext('arch')
    for line in unexpected(one - other, ONLY_OURS, arch):
        yield f'only ours: {line}'
    for line in unexpected(other - one, ONLY_STOCK, arch):
        yield f'only stock: {line}'


ARGUMENTS = [  # emulator, architecture, machine, type
    ('-', '-', '-', '-'),
    ('-', 'x86_64', 'q35', 'qemu'),
    ('-', 'x86_64', 'pc', 'qemu'),
    ('-', 'x86_64', 'q35', 'kvm'),
    ('-', 'x86_64', 'pc-q35-7.0', '-'),
    ('-', 'x86_64', 'pc', '-'),
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


CPUS = {  # what a client hands in; the last four are added by cpu_texts()
    'haswell': "<cpu match='exact'><model fallback='forbid'>Haswell</model></cpu>",
    'penryn': '<cpu><model>Penryn</model></cpu>',
    'epyc': '<cpu><model>EPYC</model></cpu>',
    '486': '<cpu><model>486</model></cpu>',
    'invtsc': "<cpu><model>486</model><feature policy='require' name='invtsc'/></cpu>",
    'forbid': "<cpu><model>486</model><feature policy='forbid' name='sse2'/></cpu>",
    'i686': '<cpu><arch>i686</arch><model>pentium2</model></cpu>',
    'other arch': '<cpu><arch>ppc64</arch><model>POWER8</model></cpu>',
    'no such model': '<cpu><model>nope</model></cpu>',
    'no such feature': "<cpu><model>486</model><feature policy='require' name='nope'/></cpu>",
    'passthrough': "<cpu mode='host-passthrough'/>",
    'nothing': '<cpu/>',
}
BASELINES = [('host',), ('kvm',), ('qemu',), ('haswell',), ('haswell', 'penryn'), ('epyc', 'haswell'),
             ('invtsc', 'kvm'), ('486', 'invtsc'), ('no such model',), ('no such feature', '486'),
             ('passthrough',), ('nothing', '486'), ('i686', '486'), ('other arch',)]
RESULTS = {'incompatible': '0', 'identical': '1', 'superset': '2'}


def cpu_texts(root, types):
    """CPUS, this host's, and what QEMU can give with each accelerator."""
    texts = dict(CPUS)
    texts['host'] = ElementTree.tostring(
        ElementTree.fromstring(stocktest.virsh(root, 'capabilities')).find('host/cpu'), encoding='unicode')
    for virttype in types:
        caps = ElementTree.fromstring(stocktest.virsh(root, 'domcapabilities', '--virttype', virttype))
        parts = ''.join(ElementTree.tostring(part, encoding='unicode') for part in
                        caps.find("cpu/mode[@name='host-model']"))
        texts[virttype] = f"<cpu match='exact' mode='custom'>{parts}</cpu>"
    return texts


def tidy(output):
    """Without the prompts, and what stands before an error."""
    text = output.replace('virsh # ', '').strip()
    errors = [line for line in text.splitlines() if line.startswith('error: ')]
    return errors[-1] if errors else text


def verdict(text):
    """What virsh says about a comparison, as the API's number; anything else as it is."""
    found = re.search('is (incompatible|identical)|(superset)', text)
    return RESULTS[found.group(1) or found.group(2)] if found and not text.startswith('error:') else text


def without_pclmuldq(text):
    """The stock driver looks for libvirt's name of this feature among QEMU's, which has another one, and forbids it."""
    return ''.join(line for line in text.splitlines(True) if "name='pclmuldq'" not in line)


def cpu_lines(tool, root, folder, texts, virttype):
    paths = {name: os.path.join(folder, name.replace(' ', '-') + '.xml') for name in texts}
    questions, answers = [], []
    for name, path in paths.items():
        with open(path, 'w', encoding='utf-8') as file:
            file.write(texts[name])
        for letter, option in (('-', ''), ('f', '--error')):
            questions.append(f'hypervisor-cpu-compare --virttype {virttype} {option} {path}')
            answers.append((f'{name} {option}', ours(tool, 'compare', '-', '-', '-', virttype, letter, path)))
    for number, names in enumerate(BASELINES):
        if not all(name in texts for name in names):
            continue
        path = os.path.join(folder, f'baseline-{number}.xml')
        with open(path, 'w', encoding='utf-8') as file:
            file.write('\n'.join(texts[name] for name in names))
        for letters, options in (('-', ''), ('e', '--features'), ('em', '--features --migratable')):
            questions.append(f'hypervisor-cpu-baseline --virttype {virttype} {options} {path}')
            answers.append((f'{names} {options}', ours(tool, 'baseline', '-', '-', '-', virttype, letters,
                                                       *[paths[name] for name in names])))
    for (name, mine), stock in zip(answers, map(tidy, stocktest.batch(root, questions))):
        if without_pclmuldq(mine) != without_pclmuldq(verdict(stock)):
            yield f'{name}: ours {mine[:300]}'
            yield f'{name}: stock {stock[:300]}'


def cpu_cases(tool, root, folder):
    types = ['qemu'] + (['kvm'] if "type='kvm'" in stocktest.virsh(root, 'capabilities') else [])
    texts = cpu_texts(root, types)
    for virttype in types:
        yield f'CPUs for {virttype}', list(cpu_lines(tool, root, folder, texts, virttype))


def cases(tool, root, folder):
    yield 'host', list(host_lines(ElementTree.fromstring(ours(tool, 'host')),
                                  ElementTree.fromstring(stocktest.virsh(root, 'capabilities'))))
    yield from domain_cases(tool, root)
    yield from cpu_cases(tool, root, folder)


def main():
    reason = stocktest.missing()
    if reason:
        print(f'1..0 # SKIP {reason}')
        return
    with tempfile.TemporaryDirectory(prefix='qbj-caps-') as folder:
        number = 0
        for number, (name, lines) in enumerate(cases(sys.argv[1], stocktest.make_root(folder), folder), 1):
            for line in lines:
                print(f'# {line}')
            print(f'{"not ok" if lines else "ok"} {number} - {name}', flush=True)
        print(f'1..{number}')


main()
