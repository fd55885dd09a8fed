#!/usr/bin/env python3
"""build-aux/fetch-headers.sh against an archive of our own: what is unpacked, what is left out, what is said.

apt-get and dpkg-query are replaced by small scripts; nothing here needs a network.
"""
import os
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LISTS = ('Debian|http://deb.example/debian/|bookworm|main\\n'
         'Docker|http://other.example/linux/debian|bookworm|stable\\n')
APT = '''#!/bin/sh
echo "$*" >>"$FAKE/calls"
lists=; parts=
for word in "$@"; do
    case $word in
        Dir::State::lists=*) lists=${word#*=} ;;
        Dir::Etc::sourceparts=*) parts=${word#*=} ;;
    esac
done
case "$*" in
    *indextargets*) if [ -n "$lists" ]; then printf "$FAKE_LATER_LISTS"; else printf "$FAKE_LISTS"; fi ;;
    *" source "*) [ -z "$FAKE_NO_VERSION" ] || { echo "E: Unable to find a source package"; exit 100; }
              cp "$FAKE"/archive/* . ;;
    *" update"*) [ -z "$FAKE_NO_NETWORK" ] || { echo "E: Temporary failure resolving"; exit 100; }
              [ -z "$parts" ] || cat "$parts"/* >"$FAKE/used-lists" ;;
esac
'''
DPKG = '#!/bin/sh\n[ -z "$FAKE_NOT_INSTALLED" ] || exit 1\nprintf %s "$FAKE_VERSION"\n'
TREE = ['config.h', 'src/internal.h', 'src/driver-hypervisor.h', 'src/util/virjson.h', 'src/util/virjson.c',
        'src/conf/domain_conf.h', 'src/cpu/cpu.h', 'src/hypervisor/domain_cgroup.h', 'src/security/security_manager.h',
        'src/locking/domain_lock.h', 'src/logging/log_manager.h', 'src/access/viraccessmanager.h',
        'src/storage_file/storage_source.h', 'src/rpc/virnetsocket.h', 'src/rpc/virnetserver.h',
        'src/remote/remote_protocol.x', 'src/remote/qemu_protocol.x', 'src/qemu/qemu_domain.h', 'tests/testutils.h']


class Fake:
    """A folder with the replaced programs and a source package."""

    def __init__(self, folder, patch='+++ b/src/qemu/qemu_driver.h'):
        self.folder = folder
        self.out = f'{folder}/cache/headers'
        for path in [f'bin/{name}' for name in ('apt-get', 'dpkg-query')]:
            self.write(path, APT if 'apt' in path else DPKG)
            os.chmod(f'{folder}/{path}', 0o755)
        for path in TREE:
            self.write(f'libvirt-9.0.0/{path}', f'/* {path} */\n')
        self.write('debian/patches/fix.patch', patch + '\n')
        self.write('os-release', 'ID=debian\n')
        os.mkdir(f'{folder}/archive')
        for name, content in (('libvirt_9.0.0.orig.tar.xz', 'libvirt-9.0.0'),
                              ('libvirt_9.0.0-4.debian.tar.xz', 'debian')):
            subprocess.run(['tar', '-cJf', f'archive/{name}', content], cwd=folder, check=True)

    def write(self, path, text):
        os.makedirs(os.path.dirname(f'{self.folder}/{path}'), exist_ok=True)
        with open(f'{self.folder}/{path}', 'w', encoding='utf-8') as f:
            f.write(text)

    def read(self, path):
        with open(f'{self.folder}/{path}', encoding='utf-8') as f:
            return f.read()

    def fetch(self, **variables):
        environment = {**os.environ, 'PATH': f'{self.folder}/bin:/usr/bin:/bin', 'FAKE': self.folder,
                       'FAKE_LISTS': LISTS, 'FAKE_LATER_LISTS': '', 'FAKE_VERSION': '9.0.0-4',
                       'OS_RELEASE': f'{self.folder}/os-release', **variables}
        for name in ('NO_NETWORK', 'NO_VERSION', 'NOT_INSTALLED'):
            environment.setdefault(f'FAKE_{name}', '')
        self.write('calls', '')
        done = subprocess.run([f'{TOP}/build-aux/fetch-headers.sh', self.out], env=environment,
                              capture_output=True, text=True)
        return done.returncode, done.stderr

    def unpacked(self):
        found = []
        for folder, _, names in os.walk(self.out):
            found += [os.path.relpath(f'{folder}/{name}', self.out) for name in names]
        return sorted(found)


def expect(got, wanted):
    assert got == wanted, f'expected {wanted!r}, got {got!r}'


def expect_failure(result, *texts):
    status, message = result
    expect(status, 1)
    for text in texts:
        assert text in message, f'{text!r} is not in {message!r}'


def test_only_what_is_needed(fake):
    """the headers are unpacked, and nothing else"""
    expect(fake.fetch()[0], 0)
    left_out = {'config.h', 'src/util/virjson.c', 'src/rpc/virnetserver.h', 'src/qemu/qemu_domain.h',
                'tests/testutils.h'}
    expect(fake.unpacked(), sorted(set(TREE) - left_out | {'version'}))
    expect(fake.read('cache/headers/version'), '9.0.0-4\n')


def test_own_lists_only(fake):
    """only the distribution's own package lists are asked"""
    fake.fetch()
    lines = fake.read('used-lists').splitlines()
    expect(len(lines), 1)
    assert lines[0].startswith('deb-src ') and lines[0].endswith('http://deb.example/debian/ bookworm main'), lines


def test_second_run(fake):
    """a second run with the same version asks nobody"""
    fake.fetch()
    expect(fake.fetch(), (0, ''))
    expect(fake.read('calls'), '')


def test_other_version(fake):
    """another installed version is fetched anew"""
    fake.fetch()
    expect(fake.fetch(FAKE_VERSION='9.0.0-5')[0], 0)
    expect(fake.read('cache/headers/version'), '9.0.0-5\n')


def test_damaged_cache(fake):
    """a cache without its files is fetched anew"""
    fake.fetch()
    os.unlink(f'{fake.out}/src/driver-hypervisor.h')
    expect(fake.fetch()[0], 0)
    assert os.path.exists(f'{fake.out}/src/driver-hypervisor.h')


def test_lists_fetched_first(fake):
    """a system on which `apt-get update` never ran"""
    expect(fake.fetch(FAKE_LISTS='', FAKE_LATER_LISTS=LISTS)[0], 0)


def test_no_lists(fake):
    """no package list at all"""
    expect_failure(fake.fetch(FAKE_LISTS=''), 'apt knows no package list of debian', '-Dlibvirt_headers=DIR')


def test_no_network(fake):
    """no network"""
    expect_failure(fake.fetch(FAKE_NO_NETWORK='1'), 'Temporary failure', 'is there a network', '-Dlibvirt_headers=DIR')
    expect(fake.unpacked(), [])


def test_version_gone(fake):
    """the archive has another version only"""
    expect_failure(fake.fetch(FAKE_NO_VERSION='1'), 'no source package libvirt 9.0.0-4', 'apt-get update')


def test_failure_keeps_cache(fake):
    """a failed update leaves what was there"""
    fake.fetch()
    before = fake.unpacked()
    expect_failure(fake.fetch(FAKE_VERSION='9.0.0-5', FAKE_NO_VERSION='1'))
    expect(fake.unpacked(), before)
    expect(fake.read('cache/headers/version'), '9.0.0-4\n')


def test_not_installed(fake):
    """libvirt is not installed"""
    expect_failure(fake.fetch(FAKE_NOT_INSTALLED='1'), 'libvirt0 is not installed')


def test_patched_header(fake):
    """a packaging that patches a header which we use"""
    expect_failure(fake.fetch(), 'patches src/util/virjson.h', '-Dlibvirt_headers=DIR')


PATCHES = {test_patched_header: '+++ b/src/util/virjson.h\t2023-01-01'}


def main():
    tests = [f for name, f in globals().items() if name.startswith('test_')]
    failed = 0
    print(f'1..{len(tests)}')
    for number, test in enumerate(tests, 1):
        with tempfile.TemporaryDirectory() as folder:
            fake = Fake(folder, **({'patch': PATCHES[test]} if test in PATCHES else {}))
            try:
                test(fake)
                print(f'ok {number} - {test.__doc__}')
            except (AssertionError, OSError) as e:
                failed += 1
                print(f'not ok {number} - {test.__doc__}\n# {e}')
    return 1 if failed else 0


sys.exit(main())
