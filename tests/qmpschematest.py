#!/usr/bin/env python3
"""Every QMP command in the golden files must be one that the installed QEMU knows, with all its arguments.

usage: qmpschematest.py GOLDEN...      folders that are searched for spec.json and commands.json

QEMU is asked for its schema (query-qmp-schema), and each command is checked against it: names, types, enum values,
required members, nothing unknown. Without a QEMU all is skipped.
"""
import glob
import json
import os
import shutil
import subprocess
import sys

QEMU = 'qemu-system-x86_64'
BUILTIN = {'str': str, 'int': int, 'bool': bool, 'number': (int, float)}


class Monitor:
    """A QEMU without a machine; -qmp stdio does not end with its input, so it is ended by hand."""

    def __init__(self, binary):
        self.process = subprocess.Popen(
            [binary, '-machine', 'none', '-nodefaults', '-display', 'none', '-nographic', '-S',
             '-monitor', 'none', '-serial', 'none', '-qmp', 'stdio'],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        self.greeting = json.loads(self.process.stdout.readline())
        self.ask('qmp_capabilities')
        return self

    def __exit__(self, *unused):
        self.process.kill()
        self.process.wait()

    def ask(self, command):
        self.process.stdin.write(json.dumps({'execute': command}) + '\n')
        self.process.stdin.flush()
        while True:
            answer = json.loads(self.process.stdout.readline())
            if 'return' in answer:
                return answer['return']
            if 'error' in answer:
                raise RuntimeError(answer['error']['desc'])


class Schema:
    def __init__(self, entries):
        self.types = {entry['name']: entry for entry in entries}

    def command(self, name, arguments):
        entry = self.types.get(name)
        if not entry or entry['meta-type'] != 'command':
            yield f'{name}: no such command'
            return
        yield from self.check(arguments, entry['arg-type'], name)

    def check(self, value, type_name, where):
        entry = self.types[type_name]
        yield from getattr(self, 'check_' + entry['meta-type'])(value, entry, where)

    def check_builtin(self, value, entry, where):
        kind = entry['json-type']
        if kind == 'null':
            good = value is None
        elif kind == 'value':
            good = True
        else:
            good = isinstance(value, BUILTIN[{'string': 'str', 'boolean': 'bool'}.get(kind, kind)])
            good = good and (kind == 'boolean') == isinstance(value, bool)
        if not good:
            yield f'{where}: {value!r} is no {kind}'

    def check_enum(self, value, entry, where):
        values = [member['name'] for member in entry['members']] if 'members' in entry else entry['values']
        if value not in values:
            yield f'{where}: {value!r} is none of {", ".join(values)}'

    def check_array(self, value, entry, where):
        if not isinstance(value, list):
            yield f'{where}: no array'
            return
        for index, item in enumerate(value):
            yield from self.check(item, entry['element-type'], f'{where}[{index}]')

    def check_alternate(self, value, entry, where):
        found = []
        for member in entry['members']:
            problems = list(self.check(value, member['type'], where))
            if not problems:
                return
            found.append(problems)
        # the branch that comes closest: for an object that is the object
        yield from min(found, key=len)

    def members(self, value, entry, where):
        members = {member['name']: member for member in entry['members']}
        if 'tag' not in entry:
            return members
        tag = value.get(entry['tag'], members[entry['tag']].get('default'))
        for variant in entry['variants']:
            if variant['case'] == tag:
                members.update(self.members(value, self.types[variant['type']], where))
        return members

    def check_object(self, value, entry, where):
        if not isinstance(value, dict):
            yield f'{where}: no object'
            return
        members = self.members(value, entry, where)
        for name in value:
            if name not in members:
                yield f'{where}: {name} is unknown'
            else:
                yield from self.check(value[name], members[name]['type'], f'{where}.{name}')
        for name, member in members.items():
            if 'default' not in member and name not in value:
                yield f'{where}: {name} is missing'


def commands(value):
    """All objects with "execute" in a JSON document."""
    if isinstance(value, dict):
        if 'execute' in value:
            yield value['execute'], value.get('arguments', {})
        for member in value.values():
            yield from commands(member)
    elif isinstance(value, list):
        for item in value:
            yield from commands(item)


def self_test(schema):
    """A checker that finds nothing is no checker: each of these has one mistake."""
    good = {'node-name': 'a', 'driver': 'raw', 'file': 'b', 'read-only': True}
    mistakes = [
        ('no-such-command', {}),
        ('blockdev-add', {'driver': 'raw', 'file': 'b', 'no-such-option': 1}),
        ('blockdev-add', {'driver': 'no-such-driver'}),
        ('blockdev-add', {**good, 'read-only': 'yes'}),
        ('blockdev-add', {**good, 'file': 1}),
        ('blockdev-add', {'node-name': 'a', 'driver': 'raw'}),
        ('blockdev-reopen', {'options': good}),
        ('job-finalize', {}),
        ('block-commit', {'device': 'a', 'speed': True}),
        ('transaction', {'actions': [{'type': 'block-dirty-bitmap-add', 'data': {'node': 'a'}}]}),
    ]
    if list(schema.command('blockdev-add', good)):
        return 'a good command is refused'
    for name, arguments in mistakes:
        if not list(schema.command(name, arguments)):
            return f'{name} {json.dumps(arguments)} is accepted'
    return None


def check_file(schema, path):
    with open(path, encoding='utf-8') as file:
        found = list(commands(json.load(file)))
    if not found:
        yield 'no command in it'
    for name, arguments in found:
        # the properties of a device are those of its driver, which the schema does not have
        if name == 'device_add':
            arguments = {key: arguments[key] for key in ('driver', 'bus', 'id') if key in arguments}
        yield from schema.command(name, arguments)


def main(folders):
    paths = sorted(path for folder in folders for name in ('spec.json', 'commands.json')
                   for path in glob.glob(os.path.join(folder, '**', name), recursive=True))
    binary = shutil.which(QEMU)
    if not binary:
        print(f'1..0 # SKIP no {QEMU} here')
        return 0
    with Monitor(binary) as monitor:
        schema = Schema(monitor.ask('query-qmp-schema'))
    print(f'1..{len(paths) + 2}')
    wrong = self_test(schema)
    print('not ok 1 - the checker: ' + wrong if wrong else 'ok 1 - the checker finds mistakes')
    print(('ok' if paths else 'not ok') + ' 2 - there are golden files')
    for number, path in enumerate(paths, 3):
        problems = list(check_file(schema, path))
        name = os.path.relpath(os.path.dirname(path), os.path.commonpath(folders))
        print(f'{"not ok" if problems else "ok"} {number} - {name}')
        for problem in problems:
            print(f'# {problem}')
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
