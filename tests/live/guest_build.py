#!/usr/bin/python3
"""Makes the guest: Debian's cloud kernel and an initramfs of busybox and the writer.

usage: guest_build.py OUTDIR

The kernel package is only unpacked, never installed. OUTDIR gets vmlinuz, initrd, version and accel (kvm or tcg:
whether a Linux guest comes up under KVM here within 20 s). A second run does nothing.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "guest")
# the drivers of the guest, by the list that init loads them from, the first always; what they need is read from them
MODULES = {"order": ["virtio_pci", "virtio_blk"],
           "power": ["button", "evdev"],
           "scsi": ["virtio_scsi", "sd_mod"],
           "cdrom": ["sr_mod"],
           "panic": ["pvpanic_mmio", "pvpanic_pci"],
           "net": ["virtio_net", "vmxnet3"]}
KVM_LIMIT = 20


class GuestError(Exception):
    pass


def run(argv, **kwargs):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          stdin=subprocess.DEVNULL, **kwargs)
    if done.returncode != 0:
        raise GuestError("%s: exit code %d\n%s" % (" ".join(argv), done.returncode, done.stdout.strip()))
    return done.stdout


def need(program, package):
    path = shutil.which(program)
    if not path:
        raise GuestError("%s is missing: apt-get install %s" % (program, package))
    return path


def kernel_package():
    """The package that holds the kernel itself; linux-image-cloud-amd64 only names it."""
    text = run(["apt-cache", "depends", "--important", "linux-image-cloud-amd64"])
    found = re.search(r"Depends: (linux-image-[0-9]\S*)", text)
    if not found:
        raise GuestError("apt does not know linux-image-cloud-amd64: apt-get update, then again\n" + text)
    return found.group(1)


def fetch_kernel(out):
    """Unpacks the newest cloud kernel under out/kernel; gives its version."""
    package = kernel_package()
    with tempfile.TemporaryDirectory(dir=out) as tmp:
        os.chmod(tmp, 0o755)
        try:
            run(["apt-get", "-o", "APT::Sandbox::User=root", "download", package], cwd=tmp)
        except GuestError as e:
            raise GuestError("cannot download %s (no network, or the package lists are old: apt-get update)\n%s"
                             % (package, e))
        deb = os.path.join(tmp, os.listdir(tmp)[0])
        target = os.path.join(out, "kernel")
        shutil.rmtree(target, ignore_errors=True)
        run(["dpkg-deb", "-x", deb, target])
    return package[len("linux-image-"):]


def module_order(folder, wanted):
    """Files of the wanted modules and of all that they depend on, in the order in which they are loaded."""
    files = {}
    for root, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".ko"):
                files[name[:-3].replace("-", "_")] = os.path.join(root, name)
    order = []

    def add(name):
        path = files.get(name)
        if not path or path in order:
            return            # built into this kernel, or there already
        with open(path, "rb") as f:
            depends = re.search(rb"\0depends=([^\0]*)\0", f.read())
        for other in (depends.group(1).decode().split(",") if depends else []):
            add(other.replace("-", "_"))
        order.append(path)

    for name in wanted:
        add(name)
    return order


def make_initrd(out, version):
    busybox = shutil.which("busybox")
    if not busybox or "dynamic" in run(["file", "-L", busybox] if shutil.which("file") else ["true"]):
        raise GuestError("a static busybox is missing: apt-get install busybox-static")
    root = os.path.join(out, "root")
    shutil.rmtree(root, ignore_errors=True)
    os.makedirs(os.path.join(root, "bin"))
    os.makedirs(os.path.join(root, "modules"))
    # The kernel opens /dev/console before init runs; the initramfs it carries has that node.
    shutil.copy(busybox, os.path.join(root, "bin/busybox"))
    os.symlink("busybox", os.path.join(root, "bin/sh"))
    shutil.copy(os.path.join(HERE, "init"), os.path.join(root, "init"))
    os.chmod(os.path.join(root, "init"), 0o755)
    run([need("gcc", "gcc libc6-dev"), "-O2", "-Wall", "-Wextra", "-static", "-pthread",
         "-o", os.path.join(root, "writer"), os.path.join(HERE, "writer.c")])
    copied = []
    for name, wanted in MODULES.items():
        order = module_order(os.path.join(out, "kernel/lib/modules", version), wanted)
        if len(order) < len(wanted):
            raise GuestError("kernel %s lacks (uncompressed) modules of %s: not a kernel of Debian 12" %
                             (version, " ".join(wanted)))
        order = [path for path in order if path not in copied]
        copied += order
        for path in order:
            shutil.copy(path, os.path.join(root, "modules"))
        with open(os.path.join(root, "modules", name), "w") as f:
            f.write("\n".join(map(os.path.basename, order)) + "\n")
    names = subprocess.run(["find", ".", "-mindepth", "1"], cwd=root, stdout=subprocess.PIPE, check=True).stdout
    with open(os.path.join(out, "initrd.new"), "wb") as f:
        subprocess.run([busybox, "cpio", "-o", "-H", "newc", "-R", "0:0"], cwd=root, input=names, stdout=f,
                       stderr=subprocess.DEVNULL, check=True)
    os.rename(os.path.join(out, "initrd.new"), os.path.join(out, "initrd"))
    shutil.rmtree(root)


def boots(out, accel):
    """Does the guest say hello within the limit? Gives the seconds, or None."""
    console = os.path.join(out, "hello-%s.log" % accel)
    start = time.monotonic()
    qemu = subprocess.Popen(
        [need("qemu-system-x86_64", "qemu-system-x86"), "-nodefaults", "-display", "none", "-no-user-config",
         "-machine", "q35,accel=" + accel, "-cpu", "max" if accel == "tcg" else "host", "-m", "192", "-no-reboot",
         "-kernel", os.path.join(out, "vmlinuz"), "-initrd", os.path.join(out, "initrd"),
         "-append", "console=ttyS0 quiet mitigations=off qbj.mode=hello", "-serial", "file:" + console],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    limit = KVM_LIMIT if accel == "kvm" else 120
    try:
        while time.monotonic() - start < limit:
            time.sleep(0.1)
            if os.path.exists(console) and b"G up hello" in open(console, "rb").read():
                return time.monotonic() - start
            if qemu.poll() is not None:
                return None
        return None
    finally:
        qemu.kill()
        qemu.wait()


def probe(out):
    """kvm if a guest comes up with it in time, else tcg; fails when it comes up with neither."""
    if os.access("/dev/kvm", os.R_OK | os.W_OK):
        took = boots(out, "kvm")
        if took is not None:
            return "kvm", took
    took = boots(out, "tcg")
    if took is None:
        raise GuestError("the guest does not come up; its console: " + os.path.join(out, "hello-tcg.log"))
    return "tcg", took


def source_id():
    """Changes whenever the guest has to be made anew."""
    return "\n".join("%s %d" % (f, os.stat(os.path.join(HERE, f)).st_mtime_ns)
                     for f in ("writer.c", "init", "../guest_build.py"))


def build(out, log=print):
    os.makedirs(out, exist_ok=True)
    lock = os.open(os.path.join(out, "lock"), os.O_CREAT | os.O_RDWR, 0o644)
    import fcntl
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        stamp = os.path.join(out, "stamp")
        if os.path.exists(stamp) and open(stamp).read() == source_id():
            return
        version_file = os.path.join(out, "version")
        if not os.path.exists(os.path.join(out, "vmlinuz")) or not os.path.exists(version_file):
            log("guest: downloading Debian's cloud kernel (27 MB)")
            version = fetch_kernel(out)
            shutil.copy(os.path.join(out, "kernel/boot/vmlinuz-" + version), os.path.join(out, "vmlinuz"))
            with open(version_file, "w") as f:
                f.write(version)
        make_initrd(out, open(version_file).read())
        if not os.path.exists(os.path.join(out, "accel")):
            log("guest: does KVM work here? (at most %d s)" % KVM_LIMIT)
            accel, took = probe(out)
            with open(os.path.join(out, "accel"), "w") as f:
                f.write(accel)
            log("guest: %s is used; it was up after %.1f s" % (accel, took))
        with open(stamp, "w") as f:
            f.write(source_id())
    finally:
        os.close(lock)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        build(os.path.abspath(sys.argv[1]))
    except GuestError as e:
        sys.exit("guest: %s" % e)
