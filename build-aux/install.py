#!/usr/bin/env python3
"""Installs a build and takes it away again; the libvirt that is installed is not changed by either.

usage: install.py install   --build BUILD [--destdir DIR]     puts everything under BUILD's prefix
       install.py uninstall --prefix PREFIX [--destdir DIR]   removes what the last install put there, unless a block
                                                              job runs that only this driver can end
       install.py check     MODULE                            can the installed libvirt load it?

The driver folder holds the module and links to the other modules of the installed libvirt: LIBVIRT_DRIVER_DIR is to
name it. What was made is listed in PREFIX/share/libvirt-qemu-blockjob/manifest, which uninstall reads.
"""
import argparse
import ctypes
import glob
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
NAME = 'libvirt-qemu-blockjob'
MODULE = 'libvirt_driver_qemu.so'
SPACE = ('qbj', 'https://libvirt.org/schemas/qemu-blockjob/1.0')     # of our elements in status files


def fail(message):
    sys.exit(f'install: {message}')


def check_loads(module):
    """Ends the program unless the dynamic loader accepts the module, as libvirtd will ask it to.

    A module that cannot be loaded ends libvirtd, with all its other drivers.
    """
    try:
        library = ctypes.CDLL(os.path.abspath(module), mode=os.RTLD_NOW)
    except OSError as e:
        fail(f'the installed libvirt cannot load this module, nothing was changed: {e}\n'
             'Was libvirt upgraded since it was built? Then run `./dev build` and install again.')
    if not hasattr(library, 'qemuRegister'):
        fail(f'{module} has no qemuRegister: it is no driver module, nothing was changed')


def stock_modules():
    """{file name: path} of the installed libvirt's modules but the qemu one."""
    found = subprocess.run([f'{HERE}/stock-modules.sh'], capture_output=True, text=True)
    if found.returncode:
        fail(found.stderr.strip())
    modules = {os.path.basename(p): p for p in glob.glob(f'{found.stdout.strip()}/libvirt_driver_*.so')}
    modules.pop(MODULE, None)
    return modules


class Manifest:
    """Paths (without destdir) of the files, links and folders of one installation."""

    def __init__(self, prefix, destdir):
        self.prefix = prefix
        self.destdir = destdir
        self.path = f'{prefix}/share/{NAME}/manifest'
        self.files, self.folders = set(), set()

    def real(self, path):
        return self.destdir + path

    def read(self):
        """False when there is none. Ends the program when it names anything outside the prefix."""
        try:
            with open(self.real(self.path), encoding='utf-8') as f:
                lines = f.read().splitlines()
        except FileNotFoundError:
            return False
        for line in lines:
            kind, path = line.split(' ', 1)
            if not self.may_remove(kind, path):
                fail(f'{self.real(self.path)} is damaged, nothing was removed: {line}')
            (self.files if kind == 'file' else self.folders).add(path)
        return True

    def may_remove(self, kind, path):
        inside = path.startswith(f'{self.prefix}/') and os.path.normpath(path) == path
        above = kind == 'folder' and f'{self.prefix}/'.startswith(f'{path}/')
        return kind in ('file', 'folder') and (inside or above)

    def write(self):
        lines = [f'folder {p}' for p in sorted(self.folders)] + [f'file {p}' for p in sorted(self.files)]
        temporary = self.real(f'{self.path}.new')
        with open(temporary, 'w', encoding='utf-8') as f:
            f.write('\n'.join(lines) + '\n')
        os.replace(temporary, self.real(self.path))

    def add_file(self, path):
        """Notes a file that will be made, and the folders that do not exist yet."""
        self.files.add(path)
        folder = os.path.dirname(path)
        while folder != '/' and not os.path.isdir(self.real(folder)):
            self.folders.add(folder)
            folder = os.path.dirname(folder)

    def remove_files(self, paths):
        for path in sorted(paths):
            if os.path.lexists(self.real(path)):
                os.unlink(self.real(path))

    def remove_folders(self, paths):
        """Children first; a folder into which somebody else has put something stays."""
        for path in sorted(paths, reverse=True):
            try:
                os.rmdir(self.real(path))
            except OSError:
                pass


def introspect(build, what):
    return json.loads(subprocess.run(['meson', 'introspect', what, build], check=True, capture_output=True).stdout)


def install(build, destdir):
    options = {o['name']: o['value'] for o in introspect(build, '--buildoptions')}
    built = introspect(build, '--installed')
    module = next((s for s in built if os.path.basename(s) == MODULE), None)
    if module is None or not os.path.exists(module):
        fail(f'{build} holds no built module')
    check_loads(module)
    others = stock_modules()
    if not others:
        fail('the installed libvirt has no driver modules: install libvirt-daemon-system first')

    manifest = Manifest(options['prefix'], destdir)
    before = Manifest(options['prefix'], destdir)
    before.read()
    folder = os.path.dirname(built[module])
    for path in [*built.values(), manifest.path, *(f'{folder}/{name}' for name in others)]:
        manifest.add_file(path)
    manifest.folders |= before.folders

    before.remove_files(before.files - manifest.files)
    os.makedirs(os.path.dirname(manifest.real(manifest.path)), exist_ok=True)
    manifest.write()    # first: what an interruption leaves behind can be taken away
    subprocess.run(['meson', 'install', '-C', build, '--no-rebuild', '--quiet',
                    *(['--destdir', destdir] if destdir else [])], check=True, stdout=subprocess.DEVNULL)
    for name, path in others.items():
        manifest.remove_files([f'{folder}/{name}'])
        os.symlink(path, manifest.real(f'{folder}/{name}'))
    print(f'installed; LIBVIRT_DRIVER_DIR={folder}')


def state_folders(destdir):
    """{folder of the status files of one libvirtd: the URI to reach that}: the system's, and those of the users whom
    the caller may look at."""
    environ = os.environ
    own = environ.get('XDG_RUNTIME_DIR') or environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
    folders = {f'{destdir}/run/libvirt/qemu': 'qemu:///system'}
    for folder in [*glob.glob(f'{destdir}/run/user/*'), destdir + own]:
        folders[f'{folder}/libvirt/qemu/run'] = 'qemu:///session'
    return folders


def jobs_of(path, uri):
    """Lines that name the jobs of one running domain which the stock driver could not end."""
    with open(path, 'rb') as f:
        text = f.read()
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return [f'{path} cannot be read'] if f'<{SPACE[0]}:jobs'.encode() in text else []
    name = root.findtext('domain/name')
    disks = {job.get('name'): disk.get('dst') for job in root.iter('blockjob') for disk in job.iter('disk')}
    jobs = [job.get('name') for job in root.iter(f'{{{SPACE[1]}}}job')]
    return [f"{uri}: domain '{name}', disk '{disks.get(job, '?')}', job {job}" for job in jobs]


def check_no_jobs(destdir):
    """Ends the program when a domain has a block job that this driver has begun: the stock driver does not finish it,
    and a pivot would hold the guest's disk for ever."""
    found = []
    for folder, uri in state_folders(destdir).items():
        for path in sorted(glob.glob(f'{folder}/*.xml')):
            try:
                found += jobs_of(path, uri)
            except FileNotFoundError:
                pass            # it has just ended
            except PermissionError:
                fail(f'{path} cannot be read, nothing was removed: a block job may run there. Try as root.')
    if found:
        fail('block jobs run that the stock driver could not end, nothing was removed. End each of them first, by\n'
             '`virsh blockjob DOMAIN DISK --pivot` or `--abort`:\n' + '\n'.join(f'  {line}' for line in found))


def uninstall(prefix, destdir):
    manifest = Manifest(prefix, destdir)
    if not manifest.read():
        fail(f'nothing is installed there: {manifest.real(manifest.path)} does not exist')
    check_no_jobs(destdir)
    manifest.remove_files(manifest.files)
    manifest.remove_folders(manifest.folders)
    print('uninstalled')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest='command', required=True)
    one = commands.add_parser('install')
    one.add_argument('--build', required=True)
    two = commands.add_parser('uninstall')
    two.add_argument('--prefix', required=True)
    for command in (one, two):
        command.add_argument('--destdir', default='')
    commands.add_parser('check').add_argument('module')
    args = parser.parse_args()

    os.umask(0o022)
    if args.command == 'check':
        check_loads(args.module)
    elif args.command == 'install':
        install(args.build, args.destdir and os.path.abspath(args.destdir))
    else:
        uninstall(os.path.abspath(args.prefix), args.destdir and os.path.abspath(args.destdir))


main()
