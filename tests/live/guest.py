"""The writing guest as seen from the host: its domain XML, its serial line, and the check of its disk's content."""

import os
import re
import struct
import subprocess
import tempfile
import time
import zlib

from guest_build import build as build_guest, GuestError  # noqa: F401  (re-exported)

BLOCK = 4096
MAGIC = b"QBJBLOCK"

# what only costs time in a guest that lives for a minute (a fifth of the boot under TCG) is off
KERNEL_WORDS = "console=ttyS0 quiet mitigations=off nokaslr no_timer_check tsc=reliable cryptomgr.notests "

TEMPLATE = """<domain type='%(type)s'>
  <name>%(name)s</name>
  <memory unit='MiB'>%(memory)d</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='%(machine)s'>hvm</type>
    <kernel>%(kernel)s</kernel>
    <initrd>%(initrd)s</initrd>
    <cmdline>%(cmdline)s</cmdline>
  </os>
  <features><acpi/><apic/></features>
  <cpu mode='%(cpu)s'/>
  <clock offset='utc'/>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>destroy</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
%(disks)s
    <controller type='usb' model='none'/>
    <serial type='file'><source path='%(serial)s'/><target port='0'/></serial>
    <memballoon model='none'/>
  </devices>
</domain>"""


class Guest:
    """Kernel and initrd, and how to run them here. @cache: folder that build.py fills."""

    def __init__(self, cache, log=print):
        build_guest(cache, log)
        self.cache = cache
        with open(os.path.join(cache, "accel")) as f:
            self.accel = f.read().strip()

    def install(self, daemon):
        """Copies kernel and initrd to where the daemon's user can read them."""
        for name in ("vmlinuz", "initrd"):
            target = daemon.path("img", name)
            if not os.path.exists(target):
                subprocess.run(["cp", "--reflink=auto", os.path.join(self.cache, name), target], check=True)
                os.chmod(target, 0o644)

    def accel_for(self, daemon):
        """KVM only where the daemon's user may use it."""
        if self.accel == "tcg" or daemon.user or not os.access("/dev/kvm", os.R_OK | os.W_OK):
            return "tcg"
        return "kvm"

    def xml(self, daemon, name, disks, serial, words, machine="q35", memory=160):
        """@disks: list of (target, path, format, extra elements); @words: the writer's options, without `qbj.`"""
        self.install(daemon)
        accel = self.accel_for(daemon)
        line = " ".join("qbj.%s=%s" % item for item in sorted(words.items()))
        text = "".join(
            "    <disk type='file' device='disk'><driver name='qemu' type='%s'/><source file='%s'/>"
            "%s<target dev='%s' bus='virtio'/></disk>\n" % (fmt, path, extra, target)
            for target, path, fmt, extra in disks)
        return TEMPLATE % {
            "type": "kvm" if accel == "kvm" else "qemu", "name": name, "memory": memory, "machine": machine,
            "kernel": daemon.path("img", "vmlinuz"), "initrd": daemon.path("img", "initrd"),
            "cpu": "host-passthrough" if accel == "kvm" else "maximum", "serial": serial, "disks": text.rstrip(),
            "cmdline": KERNEL_WORDS + line}


class SerialLog:
    """What the writer said. The file is read again at each question: it may be cut off anywhere."""

    def __init__(self, path):
        self.path = path

    def lines(self):
        try:
            with open(self.path, "rb") as f:
                data = f.read()
        except OSError:
            return []
        # the last line may be half written
        return [line.decode("ascii", "replace").rstrip("\r") for line in data.split(b"\n")[:-1]]

    def records(self, letter):
        return [line.split(" ") for line in self.lines() if line.startswith(letter + " ")]

    def acked(self, disk="vda"):
        """Last sequence number that the guest was told is on stable storage; 0: none yet."""
        last = 0
        for record in self.records("A"):
            if record[1] == disk and len(record) == 4:
                last = int(record[2])
        return last

    def errors(self):
        return [" ".join(r) for r in self.records("E")] + \
            [line for line in self.lines() if "I/O error" in line or "Kernel panic" in line]

    def longest_us(self, disk="vda", after=0):
        """The longest time one batch took."""
        return max([int(r[3]) for r in self.records("A") if r[1] == disk and int(r[2]) > after], default=0)

    def wait_ack(self, wanted, disk="vda", timeout=60):
        """Waits until block @wanted is acknowledged; False when it did not come, or an I/O error did."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.acked(disk) >= wanted:
                return True
            if self.errors():
                return False
            time.sleep(0.05)
        return False

    def wait_more(self, more, disk="vda", timeout=60):
        return self.wait_ack(self.acked(disk) + more, disk, timeout)

    def wait_line(self, pattern, timeout=60):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            for line in self.lines():
                found = re.search(pattern, line)
                if found:
                    return found
            time.sleep(0.05)
        return None


class Ring:
    """Which block has to be in which slot."""

    def __init__(self, blocks=256, stride=1, base=0, batch=1, first=1, run=1, disk=0):
        self.blocks, self.stride, self.base, self.batch = blocks, stride, base, batch
        self.first, self.run, self.disk = first, run, disk

    def options(self):
        return {"blocks": self.blocks, "stride": self.stride, "base": self.base, "batch": self.batch,
                "first": self.first, "run": self.run}

    def slot(self, seq):
        return (seq - 1) * self.stride % self.blocks

    def expected(self, acked):
        """slot -> the last acknowledged sequence number in it (absent: never written)."""
        slots = {}
        for seq in range(max(self.first, acked - self.blocks + 1), acked + 1):
            slots[self.slot(seq)] = seq
        return slots

    def check(self, data, acked, final=True):
        """Problems in the raw disk content @data, as texts. Each slot must hold its last acknowledged block; with
        @final only blocks of the batch that was under way when the guest ended may be there besides, otherwise
        any later one (the image was read while the guest went on, or the guest was cut off from it later)."""
        problems = []
        expected = self.expected(acked)
        for slot in range(self.blocks):
            offset = (self.base + slot) * BLOCK
            block = data[offset:offset + BLOCK]
            wanted = expected.get(slot)
            seq, wrong = parse_block(block)
            if wrong == "zero":
                if wanted is not None:
                    problems.append("slot %d: never written, but block %d was acknowledged" % (slot, wanted))
                continue
            if wrong:
                problems.append("slot %d: %s (block %s was acknowledged)" % (slot, wrong, wanted))
                continue
            number, in_slot, run, disk = seq
            if in_slot != slot or self.slot(number) != slot or disk != self.disk or run != self.run:
                problems.append("slot %d: holds block %d of run %d, disk %d, for slot %d" %
                                (slot, number, run, disk, in_slot))
            elif wanted is not None and number < wanted:
                problems.append("slot %d: holds old block %d, but %d was acknowledged" % (slot, number, wanted))
            elif number > acked + self.batch and final:
                problems.append("slot %d: holds block %d, far after the last acknowledged, %d" %
                                (slot, number, acked))
        return problems


def parse_block(block):
    """((seq, slot, run, disk), None) or (None, what is wrong)."""
    if len(block) < BLOCK:
        return None, "the image ends here"
    if block[:8] != MAGIC:
        return None, "zero" if not block.strip(b"\0") else "garbage"
    if zlib.crc32(block[:-4]) != struct.unpack("<I", block[-4:])[0]:
        return None, "checksum is wrong"
    return struct.unpack("<4Q", block[8:40]), None


def read_image(path, fmt=None, length=None, shared=False, folder=None):
    """The guest's view of an image, as bytes. @shared: somebody may have it open; @folder: for what is read, not the
    image's own."""
    with tempfile.NamedTemporaryFile(dir=folder or os.path.dirname(path), prefix="raw.") as raw:
        argv = ["qemu-img", "convert", "-q"] + (["-U"] if shared else []) + (["-f", fmt] if fmt else []) + \
            ["-O", "raw", path, raw.name]
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise GuestError("%s: %s" % (" ".join(argv), done.stdout))
        with open(raw.name, "rb") as f:
            return f.read(length) if length else f.read()


def check_image(path, ring, acked, fmt=None, final=True, shared=False):
    """Problems of one image, see Ring.check."""
    data = read_image(path, fmt, (ring.base + ring.blocks) * BLOCK, shared)
    return ring.check(data, acked, final)
