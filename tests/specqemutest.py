#!/usr/bin/env python3
"""The plans of core/ carried out on a real QEMU with real images: data, bitmaps and read-only state afterwards.

usage: specqemutest.py SPECPRINT

A chain of three or four images is built with checkpoints between (64 KiB per write, so that counts can be compared),
a commit or a pull is planned by SPECPRINT (tests/specprint.c) and run step by step in the order of the state table. No
daemon, no engine: what is wrong here is wrong in the plan. Without QEMU all is skipped.
"""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

QEMU = shutil.which('qemu-system-x86_64')
IMG = shutil.which('qemu-img')
DEVICE = '/machine/peripheral/vd0/virtio-backend'
KIB, MIB = 1024, 1024 * 1024


class Failure(Exception):
    pass


def expect(what, got, want):
    if got != want:
        raise Failure(f'{what}: {got!r}, not {want!r}')


class Guest:
    """A stopped machine with one disk; its writes are made through the device by the monitor."""

    def __init__(self, folder, options='', tail=''):
        self.folder, self.options, self.tail = folder, options, tail
        self.chain = []                 # node numbers, top first
        self.formats = {}
        self.data = bytearray(16 * MIB)
        self.process = self.monitor = None
        self.errors = []
        self.broken = None              # errors that the active image's file has, as of blkdebug

    def path(self, number):
        return f'{self.folder}/img{number}.{self.formats[number]}'

    # --- images and monitor ---
    def make(self, number, form='qcow2', below=None):
        self.formats[number] = form
        extra = ['-b', self.path(below), '-F', self.formats[below], '-u'] if below else []
        subprocess.run([IMG, 'create', '-q', '-f', form, *extra, self.path(number), '16M'], check=True)

    def nodes(self, number, backing, readonly):
        form = self.formats[number]
        storage = {'driver': 'file', 'filename': self.path(number), 'node-name': f'libvirt-{number}-storage',
                   'auto-read-only': True, 'discard': 'unmap'}
        layer = {'node-name': f'libvirt-{number}-format', 'read-only': readonly, 'driver': form,
                 'file': f'libvirt-{number}-storage'}
        if form != 'raw':
            layer['backing'] = backing
        if 'discard' in self.options:
            layer['discard'] = 'unmap'
            layer['cache'] = storage['cache'] = {'direct': False, 'no-flush': True}
        return [storage, layer]

    def start(self, chain, readonly=False):
        """Starts QEMU on images that exist, given top first."""
        self.chain = list(chain)
        arguments = []
        for index in range(len(chain) - 1, -1, -1):
            backing = f'libvirt-{chain[index + 1]}-format' if index + 1 < len(chain) else None
            storage, layer = self.nodes(chain[index], backing, index > 0 or readonly)
            if index == 0 and self.broken:
                file = dict(storage, **{'node-name': 'file'})
                arguments += ['-blockdev', json.dumps(file)]
                storage = {'driver': 'blkdebug', 'node-name': storage['node-name'], 'image': 'file',
                           'inject-error': self.broken}
            for node in (storage, layer):
                arguments += ['-blockdev', json.dumps(node)]
        top = f'libvirt-{chain[0]}-format'
        if 'copy_on_read' in self.options:
            arguments += ['-blockdev', json.dumps({'driver': 'copy-on-read', 'node-name': 'libvirt-CoR-vda',
                                                   'file': top})]
            top = 'libvirt-CoR-vda'
        ours, theirs = socket.socketpair()
        with theirs:
            # a socket, for qemu-io writes to the standard output
            self.process = subprocess.Popen(
                [QEMU, '-machine', 'pc', '-accel', 'tcg', '-m', '16', '-nodefaults', '-display', 'none', '-S',
                 '-chardev', f'socket,id=qmp,fd={theirs.fileno()}', '-mon', 'chardev=qmp,mode=control',
                 *arguments, '-device', f'virtio-blk-pci,id=vd0,drive={top}'],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
        with ours:
            self.monitor = ours.makefile('rw', encoding='utf-8')
        self.monitor.readline()
        self.ask('qmp_capabilities')

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.monitor.close()
            self.process = None

    def quit(self):
        self.ask('quit')
        self.process.wait(timeout=10)

    def raw(self, command, arguments):
        self.monitor.write(json.dumps({'execute': command, 'arguments': arguments or {}}) + '\n')
        self.monitor.flush()
        while True:
            line = self.monitor.readline()
            if not line:
                raise Failure(f'QEMU died of {command}')
            answer = json.loads(line)
            if 'return' in answer or 'error' in answer:
                return answer

    def ask(self, command, **arguments):
        answer = self.raw(command, {key.replace('_', '-'): value for key, value in arguments.items()})
        if 'error' in answer:
            raise Failure(f'{command} {json.dumps(arguments)}: {answer["error"]["desc"]}')
        return answer['return']

    # --- what a guest and its checkpoints do ---
    def write(self, offset, pattern):
        self.ask('human-monitor-command', command_line=f'qemu-io -d {DEVICE} "write -P {pattern} {offset} 64k"')
        self.data[offset:offset + 64 * KIB] = bytes([pattern]) * (64 * KIB)

    def checkpoint(self, name):
        self.ask('block-dirty-bitmap-add', node=f'libvirt-{self.chain[0]}-format', name=name, persistent=True)

    def snapshot(self, number):
        old = self.chain[0]
        self.make(number, below=old)
        for node in self.nodes(number, None, False):
            self.ask('blockdev-add', **node)
        actions = [{'type': 'block-dirty-bitmap-add',
                    'data': {'node': f'libvirt-{number}-format', 'name': name, 'persistent': True}}
                   for name in self.bitmaps(old)]
        actions.append({'type': 'blockdev-snapshot',
                        'data': {'node': f'libvirt-{old}-format', 'overlay': f'libvirt-{number}-format'}})
        self.ask('transaction', actions=actions)
        self.chain.insert(0, number)

    # --- what is looked at ---
    def find(self, number):
        for node in self.ask('query-named-block-nodes', flat=True):
            if node['node-name'] == f'libvirt-{number}-format':
                return node
        return None

    def bitmaps(self, number):
        return {b['name']: b['count'] // KIB for b in self.find(number).get('dirty-bitmaps', []) if 'name' in b}

    def root(self):
        return self.ask('qom-get', path='/machine/peripheral/vd0', property='drive')

    def job(self):
        jobs = self.ask('query-jobs')
        return jobs[0] if jobs else None

    def wait(self, status):
        for _ in range(400):
            job = self.job()
            if job['status'] == status:
                return job
            if job['status'] == 'concluded':
                raise Failure(f'the job has ended: {job.get("error")}')
            time.sleep(0.01)
        raise Failure(f'the job is not {status} but {job["status"]}')

    # --- the plan ---
    def domain(self):
        def image(at):
            if at == len(self.chain):
                return '<backingStore/>'
            number = self.chain[at]
            body = f"<source file='{self.path(number)}'{'' if at else f' index=' + chr(39) + str(number) + chr(39)}/>"
            if at == 0:
                return body + image(1)
            return (f"<backingStore type='file' index='{number}'><format type='{self.formats[number]}'/>{body}"
                    f'{image(at + 1)}</backingStore>')
        return ("<domain type='qemu' id='1'><name>g</name><uuid>11111111-2222-4333-8444-555555555555</uuid>"
                "<memory>16384</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='pc'>hvm</type></os><devices>"
                "<disk type='file' device='disk'>"
                f"<driver name='qemu' type='{self.formats[self.chain[0]]}'{self.options}/>"
                f"{image(0)}<target dev='vda' bus='virtio'/>{self.tail}</disk></devices></domain>")

    def print_plan(self, **files):
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            with open(f'{folder}/domain.xml', 'w', encoding='utf-8') as file:
                file.write(self.domain())
            for name, content in files.items():
                with open(f'{folder}/{name}.json', 'w', encoding='utf-8') as file:
                    json.dump(content, file)
            done = subprocess.run([SPECPRINT, folder], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failure(done.stderr.strip())
        return json.loads(done.stdout)

    def plan(self, flags=(), top=None, base=None):
        name = {None: None}
        request = {'disk': 'vda', 'flags': list(flags), 'top': name.get(top, f'vda[{top}]'),
                   'base': name.get(base, f'vda[{base}]')}
        return request, self.print_plan(request=request)

    def run(self, spec, phase):
        """Access and unlink steps are the host's; an optional command that fails is noted."""
        for step in spec[phase]:
            if 'execute' not in step:
                continue
            answer = self.raw(step['execute'], step.get('arguments'))
            if 'error' in answer and not step.get('optional'):
                raise Failure(f'{json.dumps(step)}: {answer["error"]["desc"]}')
            if 'error' in answer:
                self.errors.append(f'{step["execute"]}: {answer["error"]["desc"]}')

    def run_pending(self, request, spec):
        """Planned from fresh nodes each time, and twice, as after a restart in the middle."""
        for _ in range(2):
            nodes = self.ask('query-named-block-nodes', flat=True)
            spec = self.print_plan(request=request, spec=spec, nodes=nodes)
            self.run(spec, 'pending')
        return spec

    def commit_active(self, flags=('active',), base=None, writes=(), cancel=None):
        request, spec = self.plan(flags, base=base)
        self.run(spec, 'start')
        self.wait('ready')
        for offset, pattern in writes:
            self.write(offset, pattern)
        if cancel == 'ready':
            return self.end_cancelled(spec)
        self.ask('job-complete', id=spec['job'])
        self.wait('pending')
        spec = self.run_pending(request, spec)
        if cancel == 'pending':
            return self.end_cancelled(spec)
        self.ask('job-finalize', id=spec['job'])
        expect('error', self.wait('concluded').get('error'), None)
        if spec['device'] == spec['root-old']:
            expect('root', self.root(), spec['root-new'])
        self.run(spec, 'nodes')
        self.ask('job-dismiss', id=spec['job'])
        return spec

    def commit_middle(self, top, base, cancel=None):
        request, spec = self.plan(top=top, base=base)
        self.run(spec, 'start')
        self.wait('pending')
        spec = self.run_pending(request, spec)
        if cancel:
            return self.end_cancelled(spec)
        self.ask('job-finalize', id=spec['job'])
        expect('error', self.wait('concluded').get('error'), None)
        self.ask('job-dismiss', id=spec['job'])
        self.run(spec, 'nodes')
        return spec

    def pull(self, base=None, relative=False, end='finalize'):
        """@end: how it goes on from PENDING: finalize, cancel, kill (QEMU, right after finalize), error (of finalize),
        foreign (somebody else finalizes, before anything of ours is done)."""
        request = {'disk': 'vda', 'base': base and f'vda[{base}]', 'relative': relative}
        spec = self.print_plan(request=request)
        self.run(spec, 'start')
        self.wait('pending')
        if end == 'foreign':
            return self.end_foreign(request, spec)
        spec = self.run_pending(request, spec)
        if end == 'cancel':
            return self.end_cancelled(spec)
        self.ask('job-finalize', id=spec['job'])
        job = self.wait('concluded')
        if end == 'kill':
            return self.stop()
        if end == 'error':
            return self.end_error(request, spec, job)
        expect('error', job.get('error'), None)
        self.ask('job-dismiss', id=spec['job'])
        self.run(spec, 'nodes')
        return spec

    def end_foreign(self, request, spec):
        self.ask('job-finalize', id=spec['job'])
        expect('error', self.wait('concluded').get('error'), None)
        self.ask('job-dismiss', id=spec['job'])
        self.run_pending(dict(request, ended=True), spec)
        self.run(spec, 'nodes')
        return spec

    def end_error(self, request, spec, job):
        """Finalize has failed, with the new graph in force (H15)."""
        expect('error', job.get('error'), 'Input/output error')
        expect('backing node', self.below(self.chain[0]), spec.get('base'))
        self.ask('job-dismiss', id=spec['job'])
        self.ask('blockdev-reopen', **self.print_plan(request=dict(request, back=True), spec=spec))
        return spec

    def below(self, number):
        """The backing node's name in QEMU's graph."""
        graph = self.ask('x-debug-query-block-graph')
        names = {node['id']: node['name'] for node in graph['nodes']}
        return next((names[e['child']] for e in graph['edges']
                     if names.get(e['parent']) == f'libvirt-{number}-format' and e['name'] == 'backing'), None)

    def end_cancelled(self, spec):
        self.ask('block-job-cancel', device=spec['job'], force=True)
        expect('error', self.wait('concluded').get('error'), 'Operation canceled')
        if spec['type'] == 'active-commit':
            self.run(spec, 'abort')
            self.ask('job-dismiss', id=spec['job'])
        else:
            self.ask('job-dismiss', id=spec['job'])
            self.run(spec, 'abort')
        return spec

    # --- at the end ---
    def check(self, chain, readonly=()):
        """Only the nodes of @chain are left, in the right mode, and nothing went wrong on the way."""
        expect('failed optional steps', self.errors, [])
        expect('jobs', self.job(), None)
        left = [n for n in self.formats if self.find(n)]
        expect('nodes', sorted(left), sorted(chain))
        for number in chain:
            expect(f'node {number} read-only', self.find(number)['ro'], number in readonly)
        for number, below in zip(chain, chain[1:]):
            expect(f'node {number} backing', self.find(number)['image'].get('backing-filename', None), self.path(below))

    def compare(self, top):
        """The chain by its headers alone, after QEMU has ended, against all that was written."""
        self.quit()
        plain = f'{self.folder}/plain.raw'
        subprocess.run([IMG, 'convert', '-O', 'raw', self.path(top), plain], check=True)
        with open(plain, 'rb') as file:
            expect('data', file.read() == bytes(self.data), True)

    def stored(self, number):
        """name -> flags of the bitmaps in the file; nobody may have it open."""
        info = json.loads(subprocess.run([IMG, 'info', '--output=json', self.path(number)], check=True,
                                         capture_output=True, text=True).stdout)
        return {b['name']: b['flags'] for b in info['format-specific']['data'].get('bitmaps', [])}


def build(guest):
    """base{c1:64} <- s1{c1:128,c2:64} <- s2{c1:128,c2:128,c3:64}, numbers 1, 2, 3."""
    guest.make(1)
    guest.start([1])
    guest.write(0, 1)
    guest.checkpoint('c1')
    guest.write(1 * MIB, 2)
    guest.snapshot(2)
    guest.write(2 * MIB, 3)
    guest.checkpoint('c2')
    guest.write(3 * MIB, 4)
    guest.snapshot(3)
    guest.write(4 * MIB, 5)
    guest.checkpoint('c3')
    guest.write(5 * MIB, 6)
    expect('built', [guest.bitmaps(n) for n in (1, 2, 3)],
           [{'c1': 64}, {'c1': 128, 'c2': 64}, {'c1': 128, 'c2': 128, 'c3': 64}])


def fill(guest, count, form='qcow2', **start):
    """A chain of @count images without bitmaps, numbers from the bottom, one write in each."""
    guest.make(1, form)
    for number in range(2, count + 1):
        guest.make(number, below=number - 1)
    for number in range(1, count + 1):
        subprocess.run(['qemu-io', '-f', guest.formats[number], '-c', f'write -q -P {number} {number * MIB} 64k',
                        guest.path(number)], check=True, stdout=subprocess.DEVNULL)
        guest.data[number * MIB:number * MIB + 64 * KIB] = bytes([number]) * (64 * KIB)
    guest.start(list(range(count, 0, -1)), **start)


# --- cases: each gets a guest that is not started ---
def active_commit_merges_bitmaps(guest):
    build(guest)
    guest.commit_active(writes=[(6 * MIB, 7)])
    expect('bitmaps', guest.bitmaps(1), {'c1': 384, 'c2': 256, 'c3': 128})
    guest.check([1])
    guest.write(7 * MIB, 8)
    expect('recording goes on', guest.bitmaps(1), {'c1': 448, 'c2': 320, 'c3': 192})
    guest.compare(1)
    expect('stored', guest.stored(1), {'c1': ['auto'], 'c2': ['auto'], 'c3': ['auto']})


def middle_commit_merges_bitmaps(guest):
    build(guest)
    guest.commit_middle(2, 1)
    expect('bitmaps', [guest.bitmaps(1), guest.bitmaps(3)],
           [{'c1': 192, 'c2': 64}, {'c1': 128, 'c2': 128, 'c3': 64}])
    guest.check([3, 1], readonly=[1])
    guest.compare(3)
    expect('stored', guest.stored(1), {'c1': ['auto'], 'c2': ['auto']})


def active_commit_cancelled_in_ready_stores_bitmaps_clean(guest):
    build(guest)
    guest.commit_active(cancel='ready', writes=[(6 * MIB, 7)])
    guest.check([3, 2, 1], readonly=[2, 1])
    guest.stop()
    expect('stored clean although QEMU was killed', guest.stored(1), {'c1': ['auto']})


def active_commit_cancelled_in_pending_takes_new_bitmaps_off(guest):
    build(guest)
    guest.commit_active(cancel='pending')
    expect('bitmaps', sorted(guest.bitmaps(1)), ['c1'])
    guest.check([3, 2, 1], readonly=[2, 1])
    guest.write(7 * MIB, 8)
    guest.compare(3)


def middle_commit_cancelled_in_pending(guest):
    build(guest)
    guest.commit_middle(2, 1, cancel='pending')
    expect('bitmaps', sorted(guest.bitmaps(1)), ['c1'])
    guest.check([3, 2, 1], readonly=[2, 1])
    guest.write(7 * MIB, 8)
    guest.compare(3)


def commit_again_after_a_cancelled_one(guest):
    build(guest)
    guest.commit_active(cancel='pending')
    guest.commit_active()
    guest.check([1])
    guest.compare(1)


def active_commit_of_bitmaps_to_the_image_below(guest):
    build(guest)
    guest.commit_active(flags=('active', 'shallow'))
    expect('bitmaps', guest.bitmaps(2), {'c1': 256, 'c2': 192, 'c3': 64})
    guest.check([2, 1], readonly=[1])
    guest.compare(2)


def middle_commit_below_a_parent_that_is_not_active(guest):
    fill(guest, 4)
    guest.commit_middle(2, 1)
    guest.check([4, 3, 1], readonly=[3, 1])
    guest.compare(4)


def middle_commit_of_two_images(guest):
    fill(guest, 4)
    guest.commit_middle(3, 1)
    guest.check([4, 1], readonly=[1])
    guest.compare(4)


def middle_commit_cancelled_below_a_parent_that_is_not_active(guest):
    fill(guest, 4)
    guest.commit_middle(2, 1, cancel='pending')
    guest.check([4, 3, 2, 1], readonly=[3, 2, 1])
    guest.compare(4)


def raw_base(guest):
    fill(guest, 3, form='raw')
    guest.commit_active()
    guest.check([1])
    guest.compare(1)


def raw_base_under_the_middle(guest):
    fill(guest, 3, form='raw')
    guest.commit_middle(2, 1)
    guest.check([3, 1], readonly=[1])
    guest.compare(3)


def readonly_disk_active(guest):
    fill(guest, 3, readonly=True)
    guest.commit_active()
    guest.check([1], readonly=[1])
    guest.compare(1)


def readonly_disk_middle(guest):
    fill(guest, 3, readonly=True)
    guest.commit_middle(2, 1)
    guest.check([3, 1], readonly=[3, 1])
    guest.compare(3)


def copy_on_read_active(guest):
    fill(guest, 3)
    guest.commit_active(writes=[(6 * MIB, 7)])
    expect('root', guest.root(), 'libvirt-CoR-vda')
    edges = guest.ask('x-debug-query-block-graph')
    names = {node['id']: node['name'] for node in edges['nodes']}
    below = [names[edge['child']] for edge in edges['edges'] if names[edge['parent']] == 'libvirt-CoR-vda']
    expect('node below the filter', below, ['libvirt-1-format'])
    guest.check([1])
    guest.compare(1)


def copy_on_read_middle(guest):
    fill(guest, 3)
    guest.commit_middle(2, 1)
    guest.check([3, 1], readonly=[1])
    guest.compare(3)


def modes_of_the_disk_survive(guest):
    fill(guest, 4)
    guest.commit_middle(2, 1)
    guest.check([4, 3, 1], readonly=[3, 1])
    for number in (3, 1):
        expect('cache', guest.find(number)['cache'], {'writeback': True, 'direct': False, 'no-flush': True})
    guest.compare(4)


def refused_raw_base_keeps_everything(guest):
    fill(guest, 2, form='raw')
    guest.checkpoint('c1')
    request, spec = guest.plan(['active'])
    nodes = guest.ask('query-named-block-nodes', flat=True)
    try:
        guest.print_plan(request=request, spec=spec, nodes=nodes)
    except Failure as refused:
        expect('reason', 'cannot store bitmaps' in str(refused), True)
    else:
        raise Failure('a bitmap would be lost')
    guest.check([2, 1], readonly=[1])


def bitmap_of_a_grown_disk_is_refused(guest):
    build(guest)
    guest.ask('block_resize', node_name='libvirt-3-format', size=32 * MIB)
    request, spec = guest.plan(['active'])
    nodes = guest.ask('query-named-block-nodes', flat=True)
    try:
        guest.print_plan(request=request, spec=spec, nodes=nodes)
    except Failure as refused:
        expect('reason', 'would be lost' in str(refused), True)
    else:
        raise Failure('bitmaps of different sizes would be merged')


def pull_of_everything_merges_bitmaps(guest):
    build(guest)
    guest.pull()
    expect('bitmaps', guest.bitmaps(3), {'c1': 320, 'c2': 192, 'c3': 64})
    guest.check([3])
    guest.compare(3)
    expect('stored', guest.stored(3), {'c1': ['auto'], 'c2': ['auto'], 'c3': ['auto']})


def pull_down_to_a_base_merges_bitmaps(guest):
    build(guest)
    guest.pull(1)
    expect('bitmaps', [guest.bitmaps(n) for n in (1, 3)], [{'c1': 64}, {'c1': 256, 'c2': 192, 'c3': 64}])
    guest.check([3, 1], readonly=[1])
    guest.compare(3)


def pull_to_the_image_below_changes_nothing(guest):
    build(guest)
    guest.pull(2)
    expect('bitmaps', [guest.bitmaps(n) for n in (2, 3)], [{'c1': 128, 'c2': 64}, {'c1': 128, 'c2': 128, 'c3': 64}])
    guest.check([3, 2, 1], readonly=[1, 2])
    guest.compare(3)


def pull_cancelled_in_pending_keeps_the_chain(guest):
    build(guest)
    guest.pull(end='cancel')
    guest.check([3, 2, 1], readonly=[1, 2])
    guest.pull()
    guest.check([3])
    guest.compare(3)


def pull_takes_off_a_bitmap_that_would_only_look_valid(guest):
    build(guest)
    # a gap: c1 is broken from here on, and without image 2 would not look so
    guest.ask('blockdev-reopen', options=[{**guest.nodes(2, 'libvirt-1-format', False)[1]}])
    guest.ask('block-dirty-bitmap-remove', node='libvirt-2-format', name='c1')
    guest.ask('blockdev-reopen', options=[{**guest.nodes(2, 'libvirt-1-format', True)[1]}])
    guest.pull(1)
    expect('bitmaps', [guest.bitmaps(n) for n in (1, 3)], [{'c1': 64}, {'c2': 192, 'c3': 64}])
    guest.check([3, 1], readonly=[1])
    guest.compare(3)


def pull_is_flushed_before_finalize(guest):
    """An idle guest, and a QEMU that is killed as soon as the job has concluded (H1)."""
    fill(guest, 3)
    guest.pull(end='kill')
    guest.start([3])
    guest.compare(3)


def pull_to_a_base_is_flushed_before_finalize(guest):
    fill(guest, 4)
    guest.pull(2, end='kill')
    guest.start([4, 2, 1])
    guest.compare(4)


def pull_that_somebody_else_finalizes(guest):
    build(guest)
    guest.pull(1, end='foreign')
    expect('bitmaps', [guest.bitmaps(n) for n in (1, 3)], [{'c1': 64}, {'c1': 256, 'c2': 192, 'c3': 64}])
    guest.check([3, 1], readonly=[1])
    guest.stop()
    guest.start([3, 1])
    guest.compare(3)


def pull_whose_header_cannot_be_written_is_put_back(guest):
    fill(guest, 3)
    guest.stop()
    guest.broken = [{'event': 'none', 'iotype': 'write', 'sector': 0, 'once': True}]
    guest.start([3, 2, 1])
    guest.pull(1, end='error')
    expect('backing node', guest.below(3), 'libvirt-2-format')
    info = subprocess.run([IMG, 'info', '-U', '--output=json', guest.path(3)], check=True, capture_output=True)
    expect('header', json.loads(info.stdout)['backing-filename'], guest.path(2))
    guest.write(8 * MIB, 9)
    guest.pull(1)
    guest.check([3, 1], readonly=[1])
    guest.compare(3)


def pull_into_a_readonly_disk(guest):
    fill(guest, 3, readonly=True)
    guest.pull(1)
    guest.check([3, 1], readonly=[1, 3])
    guest.compare(3)


def pull_below_a_copy_on_read_filter(guest):
    fill(guest, 3)
    guest.pull()
    guest.check([3])
    guest.compare(3)


def pull_from_a_raw_base(guest):
    fill(guest, 3, form='raw')
    guest.pull()
    guest.check([3])
    guest.compare(3)


def pull_of_a_single_raw_image(guest):
    fill(guest, 1, form='raw')
    guest.pull()
    guest.check([1])


def pull_keeps_the_modes_of_the_disk(guest):
    fill(guest, 3)
    guest.pull(1)
    guest.check([3, 1], readonly=[1])
    expect('cache', guest.find(3)['cache'], {'writeback': True, 'direct': False, 'no-flush': True})
    guest.compare(3)


CASES = [
    (active_commit_merges_bitmaps, {}),
    (middle_commit_merges_bitmaps, {}),
    (active_commit_cancelled_in_ready_stores_bitmaps_clean, {}),
    (active_commit_cancelled_in_pending_takes_new_bitmaps_off, {}),
    (middle_commit_cancelled_in_pending, {}),
    (commit_again_after_a_cancelled_one, {}),
    (active_commit_of_bitmaps_to_the_image_below, {}),
    (middle_commit_below_a_parent_that_is_not_active, {}),
    (middle_commit_of_two_images, {}),
    (middle_commit_cancelled_below_a_parent_that_is_not_active, {}),
    (raw_base, {}),
    (raw_base_under_the_middle, {}),
    (readonly_disk_active, {'tail': '<readonly/>'}),
    (readonly_disk_middle, {'tail': '<readonly/>'}),
    (copy_on_read_active, {'options': " copy_on_read='on'"}),
    (copy_on_read_middle, {'options': " copy_on_read='on'"}),
    (modes_of_the_disk_survive, {'options': " cache='unsafe' discard='unmap'"}),
    (refused_raw_base_keeps_everything, {}),
    (bitmap_of_a_grown_disk_is_refused, {}),
    (pull_of_everything_merges_bitmaps, {}),
    (pull_down_to_a_base_merges_bitmaps, {}),
    (pull_to_the_image_below_changes_nothing, {}),
    (pull_cancelled_in_pending_keeps_the_chain, {}),
    (pull_takes_off_a_bitmap_that_would_only_look_valid, {}),
    (pull_is_flushed_before_finalize, {}),
    (pull_to_a_base_is_flushed_before_finalize, {}),
    (pull_that_somebody_else_finalizes, {}),
    (pull_whose_header_cannot_be_written_is_put_back, {}),
    (pull_into_a_readonly_disk, {'tail': '<readonly/>'}),
    (pull_below_a_copy_on_read_filter, {'options': " copy_on_read='on'"}),
    (pull_from_a_raw_base, {}),
    (pull_of_a_single_raw_image, {}),
    (pull_keeps_the_modes_of_the_disk, {'options': " cache='unsafe' discard='unmap'"}),
]


def run_case(case, options):
    with tempfile.TemporaryDirectory(prefix='qbj-spec-') as folder:
        guest = Guest(folder, **options)
        try:
            case(guest)
            return None
        except (Failure, subprocess.SubprocessError) as failed:
            return str(failed)
        finally:
            guest.stop()


def main():
    wanted = sys.argv[2:]
    if not QEMU or not IMG:
        print('1..0 # SKIP no qemu-system-x86_64 or qemu-img here')
        return
    cases = [(case, options) for case, options in CASES if not wanted or case.__name__ in wanted]
    print(f'1..{len(cases)}')
    for number, (case, options) in enumerate(cases, 1):
        wrong = run_case(case, options)
        print(f'{"not ok" if wrong else "ok"} {number} - {case.__name__}')
        if wrong:
            print('# ' + wrong.replace('\n', '\n# '))


SPECPRINT = os.path.abspath(sys.argv[1])
main()
