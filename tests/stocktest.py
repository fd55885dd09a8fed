"""What the comparisons with the stock driver share: where it is, a root of its own, how to call virsh on it."""
import glob
import os
import pwd
import re
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


NO_ANSWER = 'An error occurred, but the cause is unknown'


def answered(question):
    """What @question returns, asked again while the stock driver says NO_ANSWER: as it does to the first command if
    its probing of QEMU has failed on a busy host. So commands must leave nothing behind."""
    for _ in range(5):
        output = question()
        if NO_ANSWER not in output:
            break
        print('# no answer of the stock driver', *output.splitlines()[:20], sep='\n# ', flush=True)
    return output


def virsh(root, *command):
    """Output of a virsh command on the stock driver in embed mode, or "error: ..."."""
    return answered(lambda: one(root, *command))


def one(root, *command):
    env = {'LC_ALL': 'C', 'PATH': PATH, 'HOME': root}
    done = subprocess.run(['virsh', '-q', '-c', f'qemu:///embed?root={root}', *command],
                          capture_output=True, text=True, env=env, check=False, timeout=120)
    if done.returncode == 0:
        return done.stdout.strip()
    errors = [line for line in done.stderr.splitlines() if line.startswith('error: ')]
    return errors[-1] if errors else 'error: ' + done.stderr


def batch(root, commands):
    """The output of each virsh command, errors included, a list; all in one process."""
    output = answered(lambda: all_in_one(root, commands))
    outputs = re.split(r'--mark--\d+\n?virsh # ', output)[1:]
    assert len(outputs) == len(commands), output[-1000:]
    # behind the echoed command, before the next prompt
    return [output.split('\n', 1)[1].split('virsh # echo')[0] for output in outputs]


def all_in_one(root, commands):
    script = ''.join(f'echo --mark--{number}\n{command}\n' for number, command in enumerate(commands))
    done = subprocess.run(['virsh', '-q', '-c', f'qemu:///embed?root={root}'], input=script, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600,
                          # a line that is wider than the screen would be shown in part
                          env={'LC_ALL': 'C', 'PATH': PATH, 'HOME': root, 'COLUMNS': '4000'})
    return done.stdout
