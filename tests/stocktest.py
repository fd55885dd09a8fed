"""What the comparisons with the stock driver share: where it is, a root of its own, how to call virsh on it."""
import glob
import os
import pwd
import shutil
import subprocess

MODULE = '/usr/lib/*/libvirt/connection-driver/libvirt_driver_qemu.so'
PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'


def missing():
    """What keeps us from comparing, or None."""
    if not glob.glob(MODULE):
        return 'the stock driver (libvirt-daemon-driver-qemu) is not installed'
    for program in ('virsh', 'qemu-system-x86_64'):
        if not shutil.which(program, path=PATH):
            return f'{program} is not installed'
    return None


def make_root(folder):
    """A root for the stock driver that runs QEMU as ourselves: it probes anew for each call when its own user,
    libvirt-qemu, may not open /dev/kvm although root may."""
    os.makedirs(os.path.join(folder, 'etc'))
    with open(os.path.join(folder, 'etc', 'qemu.conf'), 'w', encoding='utf-8') as conf:
        conf.write(f'user = "{pwd.getpwuid(os.getuid()).pw_name}"\ngroup = "+{os.getgid()}"\n'
                   'security_driver = "none"\nstdio_handler = "file"\n')
    return folder


def virsh(root, *command):
    """Output of a virsh command on the stock driver in embed mode, or "error: ..."."""
    env = {'LC_ALL': 'C', 'PATH': PATH, 'HOME': root}
    done = subprocess.run(['virsh', '-q', '-c', f'qemu:///embed?root={root}', *command],
                          capture_output=True, text=True, env=env, check=False, timeout=120)
    if done.returncode == 0:
        return done.stdout.strip()
    errors = [line for line in done.stderr.splitlines() if line.startswith('error: ')]
    return errors[-1] if errors else 'error: ' + done.stderr
