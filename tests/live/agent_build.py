"""The guest with Debian's qemu-guest-agent: a second archive behind the guest's initramfs."""

import glob
import os
import re
import shutil
import subprocess
import tempfile

from guest_build import GuestError, module_order, run

INIT = """#!/bin/sh
B=/bin/busybox
$B mkdir -p /proc /sys /dev /run /var/run /tmp /etc /sbin
$B mount -t proc none /proc
$B mount -t sysfs none /sys
$B mount -t devtmpfs none /dev 2>/dev/null
for m in $($B cat /modules/order) $($B cat /agent-modules/order); do
    if test -e /agent-modules/$m; then $B insmod /agent-modules/$m; else $B insmod /modules/$m; fi
done
$B hostname agent-guest
$B ip link set lo up
echo 'PRETTY_NAME="The test guest"' > /etc/os-release
echo "G up agent"
while :; do
    /usr/sbin/qemu-ga -m virtio-serial -p /dev/vport0p1 -F/agent-hook || echo "qemu-ga: $?"
    $B sleep 1
done
"""
# what qemu-ga runs: shutdown -h -P|-H|-r +0
SHUTDOWN = """#!/bin/sh
case "$2" in -r) exec /bin/busybox reboot -f;; *) exec /bin/busybox poweroff -f;; esac
"""
# before file systems are frozen, and after they are thawed. A test makes it slow, or the agent die in it, once.
HOOK = """#!/bin/sh
B=/bin/busybox
echo "hook $1" >/dev/console
if test "$1" = freeze && test -e /tmp/slow; then $B rm /tmp/slow; $B sleep 4; fi
if test "$1" = freeze && test -e /tmp/die; then $B rm /tmp/die; $B kill -9 $PPID; fi
echo "hook $1 done" >/dev/console
"""


def fetch_agent(folder):
    with tempfile.TemporaryDirectory(dir=folder) as tmp:
        os.chmod(tmp, 0o755)
        try:
            run(["apt-get", "-o", "APT::Sandbox::User=root", "download", "qemu-guest-agent"], cwd=tmp)
        except GuestError as e:
            raise GuestError("cannot download qemu-guest-agent (no network, or old package lists)\n%s" % e)
        run(["dpkg-deb", "-x", glob.glob(os.path.join(tmp, "*.deb"))[0], os.path.join(folder, "agent")])


def libraries(program):
    """The files that the dynamic linker would take here."""
    text = run(["ldd", program])
    missing = re.findall(r"(\S+) => not found", text)
    if missing:
        raise GuestError("libraries of qemu-ga are missing: %s (apt-get install qemu-system-x86)" % " ".join(missing))
    return re.findall(r"(/\S+) \(0x", text)


def write(path, text, mode):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)


def make_root(cache, root):
    program = os.path.join(cache, "agent/usr/sbin/qemu-ga")
    for path in libraries(program):
        target = root + path
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy(path, target)
    os.makedirs(os.path.join(root, "usr/sbin"))
    shutil.copy(program, os.path.join(root, "usr/sbin"))
    write(os.path.join(root, "agent-init"), INIT, 0o755)
    write(os.path.join(root, "agent-hook"), HOOK, 0o755)
    write(os.path.join(root, "sbin/shutdown"), SHUTDOWN, 0o755)
    # the agent sets the clock of the system itself; the guest has no other
    write(os.path.join(root, "sbin/hwclock"), "#!/bin/sh\nexit 0\n", 0o755)
    with open(os.path.join(cache, "version")) as f:
        modules = module_order(os.path.join(cache, "kernel/lib/modules", f.read()), ["virtio_console"])
    os.makedirs(os.path.join(root, "agent-modules"))
    for path in modules:
        shutil.copy(path, os.path.join(root, "agent-modules"))
    # those that the guest has anyway are loaded by then
    names = [os.path.basename(path) for path in modules]
    known = ("virtio.ko", "virtio_ring.ko", "virtio_pci.ko", "virtio_pci_legacy_dev.ko", "virtio_pci_modern_dev.ko")
    write(os.path.join(root, "agent-modules/order"), "\n".join(n for n in names if n not in known) + "\n", 0o644)


def build_agent(cache):
    """Gives the path of an initramfs whose first program is /agent-init."""
    target = os.path.join(cache, "initrd-agent")
    stamp = "%d %d" % (os.stat(__file__).st_mtime_ns, os.stat(os.path.join(cache, "initrd")).st_mtime_ns)
    stamp_file = target + ".stamp"
    if os.path.exists(target) and os.path.exists(stamp_file) and open(stamp_file).read() == stamp:
        return target
    if not os.path.exists(os.path.join(cache, "agent/usr/sbin/qemu-ga")):
        fetch_agent(cache)
    with tempfile.TemporaryDirectory(dir=cache) as root:
        make_root(cache, root)
        names = subprocess.run(["find", ".", "-mindepth", "1"], cwd=root, stdout=subprocess.PIPE, check=True).stdout
        with open(target + ".new", "wb") as out:
            with open(os.path.join(cache, "initrd"), "rb") as first:
                shutil.copyfileobj(first, out)
            out.write(b"\0" * (-out.tell() % 512))
            out.flush()
            subprocess.run([shutil.which("busybox"), "cpio", "-o", "-H", "newc", "-R", "0:0"], cwd=root, input=names,
                           stdout=out, stderr=subprocess.DEVNULL, check=True)
    os.rename(target + ".new", target)
    with open(stamp_file, "w") as f:
        f.write(stamp)
    return target
