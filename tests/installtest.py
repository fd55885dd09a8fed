#!/usr/bin/env python3
"""build-aux/install.py with a small project of its own: what is put where, what is taken away, what is refused.

`installtest.py DEV` also installs and removes this project by `./dev install` and `./dev uninstall`.
"""
import glob
import os
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INSTALL = f'{TOP}/build-aux/install.py'
LIB = 'lib/x86/libvirt-qemu-blockjob'
MODULE = 'libvirt_driver_qemu.so'
GOOD = 'int qemuRegister(void);\nint qemuRegister(void) { return 0; }\n'
STOCK_JOB = ("<blockjobs active='yes'><blockjob name='commit-vda-n' type='commit'><disk dst='vda'/></blockjob>"
             "</blockjobs>")
OUR_JOB = STOCK_JOB + ("<qbj:jobs xmlns:qbj='https://libvirt.org/schemas/qemu-blockjob/1.0'>"
                       "<qbj:job name='commit-vda-n' state='ready'/></qbj:jobs>")
PROJECT = '''project('fake', 'c', default_options: ['libdir=lib/x86'])
shared_module('virt_driver_qemu', 'module.c', name_prefix: 'lib', install: true,
  install_dir: get_option('libdir') / 'libvirt-qemu-blockjob')
install_data('page.html', install_dir: 'share/doc/libvirt-qemu-blockjob/html')
'''


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, **options)


def stock_folder():
    return run(f'{TOP}/build-aux/stock-modules.sh', check=True).stdout.strip()


def tree(folder):
    """{path: target of a link, or size and time of a file} of everything below folder; folders too"""
    found = {}
    for parent, folders, files in os.walk(folder):
        for name in folders + files:
            path = f'{parent}/{name}'
            status = os.lstat(path)
            what = os.readlink(path) if os.path.islink(path) else 'folder'
            if os.path.isfile(path) and not os.path.islink(path):
                what = (status.st_size, status.st_mtime_ns)
            found[os.path.relpath(path, folder)] = what
    return found


class Project:
    def __init__(self, folder, source=GOOD, prefix='/opt/try'):
        self.folder, self.prefix = folder, prefix
        self.destdir = f'{folder}/destination'
        os.mkdir(f'{folder}/source')
        for name, text in (('meson.build', PROJECT), ('module.c', source), ('page.html', '<p>\n')):
            with open(f'{folder}/source/{name}', 'w', encoding='utf-8') as f:
                f.write(text)
        self.build = f'{folder}/build'
        run('meson', 'setup', self.build, f'{folder}/source', '--prefix', prefix, check=True)
        run('ninja', '-C', self.build, check=True)

    def install(self):
        return run('/usr/bin/python3', INSTALL, 'install', '--build', self.build, '--destdir', self.destdir)

    def uninstall(self, **environment):
        return run('/usr/bin/python3', INSTALL, 'uninstall', '--prefix', self.prefix, '--destdir', self.destdir,
                   env={**os.environ, **environment})

    def add_status(self, folder, name, jobs):
        """The status file of a running domain, in the folders of the daemon below @folder."""
        path = f'{self.destdir}{folder}/{name}.xml'
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(f"<!--\nWARNING\n-->\n\n<domstatus state='running' reason='booted' pid='7'>{jobs}"
                    f"<domain type='kvm'><name>{name}</name></domain></domstatus>\n")
        return path

    def at(self, path):
        return f'{self.destdir}{self.prefix}/{path}'


def expect(got, wanted):
    assert got == wanted, f'expected {wanted!r}, got {got!r}'


def expect_success(done):
    assert done.returncode == 0, done.stderr
    return done


def expect_refusal(done, text):
    assert done.returncode == 1 and text in done.stderr, f'{text!r} is not in {done.returncode} {done.stderr!r}'


def test_driver_folder(folder):
    """the driver folder holds our module and links to the stock ones, none of which is touched"""
    project = Project(folder)
    before = tree(stock_folder())
    expect_success(project.install())
    stock = {os.path.basename(p) for p in glob.glob(f'{stock_folder()}/libvirt_driver_*.so')}
    expect(set(os.listdir(project.at(LIB))), stock | {MODULE})
    for name in stock - {MODULE}:
        expect(os.readlink(project.at(f'{LIB}/{name}')), f'{stock_folder()}/{name}')
    assert not os.path.islink(project.at(f'{LIB}/{MODULE}'))
    assert os.path.exists(project.at('share/doc/libvirt-qemu-blockjob/html/page.html'))
    expect(tree(stock_folder()), before)


def test_says_where(folder):
    """install prints the value for LIBVIRT_DRIVER_DIR, without destdir"""
    project = Project(folder)
    assert f'LIBVIRT_DRIVER_DIR=/opt/try/{LIB}\n' in project.install().stdout


def test_uninstall_removes_all(folder):
    """uninstall leaves nothing of an installation into nowhere"""
    project = Project(folder)
    expect_success(project.install())
    expect_success(project.uninstall())
    expect(tree(project.destdir), {})


def test_uninstall_keeps_others(folder):
    """uninstall leaves what was there before, and what others have put beside"""
    project = Project(folder)
    os.makedirs(project.at('share/doc'))
    with open(project.at('share/doc/other'), 'w', encoding='utf-8') as f:
        f.write('x')
    before = tree(project.destdir)
    expect_success(project.install())
    with open(project.at(f'{LIB}/mine'), 'w', encoding='utf-8') as f:
        f.write('y')
    expect_success(project.uninstall())
    after = tree(project.destdir)
    expect({p: v for p, v in after.items() if p in before}, before)
    expect([p for p in after if after[p] != 'folder' and p not in before], [f'opt/try/{LIB}/mine'])


def test_install_twice(folder):
    """a second install removes what the new build no longer has, and uninstall still removes all"""
    project = Project(folder)
    expect_success(project.install())
    with open(f'{folder}/source/meson.build', 'w', encoding='utf-8') as f:
        f.write(PROJECT.replace('install_data', '#'))
    run('ninja', '-C', project.build, check=True)
    expect_success(project.install())
    assert not os.path.exists(project.at('share/doc/libvirt-qemu-blockjob/html/page.html'))
    expect_success(project.uninstall())
    expect(tree(project.destdir), {})


def test_refuses_unknown_symbol(folder):
    """a module that needs a symbol which no library has is refused, and nothing is installed"""
    project = Project(folder, 'void qbjNowhere(void);\n' + GOOD.replace('{', '{ qbjNowhere();'))
    expect_refusal(project.install(), 'the installed libvirt cannot load this module')
    expect(os.path.exists(project.destdir), False)


def test_refuses_other_library(folder):
    """a file that is no driver module is refused"""
    project = Project(folder, 'int other;\n')
    expect_refusal(project.install(), 'has no qemuRegister')
    expect(os.path.exists(project.destdir), False)


def test_refused_upgrade_keeps_old(folder):
    """a refused second install leaves the first one as it is"""
    project = Project(folder)
    expect_success(project.install())
    before = tree(project.destdir)
    with open(f'{folder}/source/module.c', 'w', encoding='utf-8') as f:
        f.write('int other;\n')
    run('ninja', '-C', project.build, check=True)
    expect_refusal(project.install(), 'has no qemuRegister')
    expect(tree(project.destdir), before)


def test_uninstall_nothing(folder):
    """uninstall where nothing is installed says so"""
    project = Project(folder)
    expect_refusal(project.uninstall(), 'nothing is installed there')


def test_uninstall_refuses_jobs(folder):
    """uninstall is refused, and names domain and disk, while a job runs that the stock driver could not end"""
    project = Project(folder)
    expect_success(project.install())
    project.add_status('/run/libvirt/qemu', 'idle', "<blockjobs active='no'/>")
    project.add_status('/run/libvirt/qemu', 'stock', STOCK_JOB)
    expect_success(project.uninstall())
    expect_success(project.install())
    places = (('/run/libvirt/qemu', 'qemu:///system', {}), ('/run/user/77/libvirt/qemu/run', 'qemu:///session', {}),
              ('/mine/libvirt/qemu/run', 'qemu:///session', {'XDG_RUNTIME_DIR': '/mine'}))
    for place, uri, environment in places:
        path = project.add_status(place, 'web', OUR_JOB)
        before = tree(project.destdir)
        expect_refusal(project.uninstall(**environment), f"{uri}: domain 'web', disk 'vda', job commit-vda-n\n")
        expect(tree(project.destdir), before)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(OUR_JOB[:-20])
        expect_refusal(project.uninstall(**environment), f'{path} cannot be read')
        os.unlink(path)
    expect_success(project.uninstall())


def test_damaged_manifest(folder):
    """a manifest that names files elsewhere removes nothing"""
    project = Project(folder)
    expect_success(project.install())
    manifest = project.at('share/libvirt-qemu-blockjob/manifest')
    for line in ('file /etc/passwd', 'file /opt/try/../../etc/passwd', 'folder /var', 'other /opt/try/a'):
        with open(manifest, 'a', encoding='utf-8') as f:
            f.write(line + '\n')
        before = tree(project.destdir)
        expect_refusal(project.uninstall(), 'is damaged')
        expect(tree(project.destdir), before)
        with open(manifest, 'r+', encoding='utf-8') as f:
            lines = f.readlines()[:-1]
            f.seek(0)
            f.truncate()
            f.writelines(lines)
    expect_success(project.uninstall())


def test_whole_project(folder):
    """./dev install into a temporary folder, the module loads from there, ./dev uninstall leaves nothing"""
    before = tree(stock_folder())
    destination = f'{folder}/destination'
    done = expect_success(run(sys.argv[1], 'install', '--destdir', destination))
    driver = destination + done.stdout.strip().rsplit('LIBVIRT_DRIVER_DIR=', 1)[1]
    expect_success(run('/usr/bin/python3', INSTALL, 'check', f'{driver}/{MODULE}'))
    found = tree(f'{destination}/usr/local')
    for path in ('share/locale/de/LC_MESSAGES/libvirt-qemu-blockjob.mo',
                 'share/doc/libvirt-qemu-blockjob/html/overview.html',
                 'share/doc/libvirt-qemu-blockjob/examples/libvirtd.service.d/qemu-blockjob.conf'):
        assert path in found, f'{path} is not in {sorted(found)}'
    expect_success(run(sys.argv[1], 'uninstall', '--destdir', destination))
    expect(tree(destination), {})
    expect(tree(stock_folder()), before)


def main():
    tests = [f for name, f in globals().items() if name.startswith('test_')]
    # each part counts once: meson runs the small project, ./dev test the whole one
    tests = [f for f in tests if (f is test_whole_project) == (len(sys.argv) > 1)]
    failed = 0
    print(f'1..{len(tests)}')
    for number, test in enumerate(tests, 1):
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(folder)
                print(f'ok {number} - {test.__doc__}')
            except (AssertionError, OSError, subprocess.SubprocessError) as e:
                failed += 1
                message = str(e).replace('\n', '\n# ')
                print(f'not ok {number} - {test.__doc__}\n# {message}')
    return 1 if failed else 0


sys.exit(main())
