#!/usr/bin/python3
"""Commits on every disk bus. A boot sector writes through the firmware, which has drivers for all of them, while the
disk's chain of three is merged into the base; every block that it was told is written must be in the base afterwards.

The settings that go with a disk are there, too: I/O thread, limits, copy on read, cache and discard modes. Names of
variants as arguments run only these.
"""

import os
import re
import struct
import sys

import libvirt

import bootsector
import luks
import options
import plain
from daemon import Daemon, DaemonError
from images import consistent, make_chain, qemu_img, qemu_io
from jobs import chain, mirror, wait_for, wait_ready
from tap import Tap

ACTIVE = libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE
PIVOT = libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT
SLOTS, FIRST, SECTOR = 64, 2048, bootsector.SECTOR
IOTUNE = "<iotune><total_bytes_sec>100000000</total_bytes_sec><group_name>limits</group_name></iotune>"
SCSI = "<controller type='scsi' model='%s'/>"

# name: (machine, target, bus, attributes of <driver>, elements of <disk>, other devices)
VARIANTS = {
    "virtio": ("q35", "vda", "virtio", " iothread='1' cache='none'", IOTUNE, ""),
    "virtio-copy-on-read": ("q35", "vda", "virtio", " copy_on_read='on' discard='unmap'", "", ""),
    "virtio-on-pc": ("pc", "vda", "virtio", " detect_zeroes='on'", "", ""),
    "virtio-scsi": ("q35", "sda", "scsi", " discard='unmap' detect_zeroes='unmap'", IOTUNE, SCSI % "virtio-scsi"),
    "lsilogic": ("pc", "sda", "scsi", "", "", SCSI % "lsilogic"),
    "sata": ("q35", "sda", "sata", " cache='writethrough'", IOTUNE, ""),
    "ide": ("pc", "hda", "ide", "", IOTUNE, ""),
    "usb": ("q35", "sda", "usb", "", IOTUNE, ""),
    "luks": ("q35", "vda", "virtio", "", "", ""),
}


def domain_xml(name, variant, top, serial):
    machine, target, bus, driver, elements, others = VARIANTS[variant]
    disk = plain.disk(target, top, bus=bus, extra=elements + "<boot order='1'/>")
    disk = disk.replace("type='qcow2'/>", "type='qcow2'%s/>" % driver, 1)
    others += "<serial type='file'><source path='%s'/></serial>" % serial
    # drives without a medium stand beside it
    others += plain.disk("fda", None, "raw", device="floppy", bus="fdc")
    others += plain.disk("sdz" if machine == "q35" else "hdc", None, "raw", device="cdrom",
                         bus="sata" if machine == "q35" else "ide") if variant != "sata" else ""
    xml = plain.domain(name, [disk, others], machine=machine)
    if bus == "usb":
        xml = xml.replace("<controller type='usb' model='none'/>", "")
    return xml.replace("<vcpu>1</vcpu>", "<vcpu>1</vcpu><iothreads>1</iothreads>")


def in_clear(daemon, name):
    """Files and processes of the domain that show the passphrase."""
    found = []
    for path in (os.path.join(daemon.qemu_log_dir, name + ".log"),
                 "/proc/%d/cmdline" % daemon.qemu_pid(name)):
        with open(path, "rb") as f:
            if luks.PASSPHRASE.encode() in f.read():
                found.append(path)
    if luks.PASSPHRASE in daemon.status_xml(name):
        found.append("status file")
    return found


class Line:
    """What the boot sector said."""

    def __init__(self, path):
        self.path = path

    def text(self):
        try:
            with open(self.path, errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def acked(self):
        found = re.findall(r"^A ([0-9a-f]{8})\n", self.text(), re.M)
        return int(found[-1], 16) if found else 0

    def failed(self):
        return re.search(r"^E$", self.text(), re.M) is not None

    def wait_more(self, more, timeout=40):
        wanted = self.acked() + more
        return wait_for(lambda: self.failed() or self.acked() >= wanted, timeout) and not self.failed()


def check_base(base, acked, fmt="qcow2", raw=None):
    """Problems in the base: each slot must hold its last acknowledged block, or the one after all of them. @raw: a file
    to be written, where none can stand beside the base."""
    raw = raw or base + ".check"
    if fmt == "luks":
        qemu_img("convert", *luks.OBJECT, "--image-opts", "-O", "raw", luks.options(base), raw)
    else:
        qemu_img("convert", "-f", fmt, "-O", "raw", base, raw)
    with open(raw, "rb") as f:
        f.seek(FIRST * SECTOR)
        data = f.read(SLOTS * SECTOR)
    problems = []
    for slot in range(SLOTS):
        words = set(struct.unpack("<128I", data[slot * SECTOR:(slot + 1) * SECTOR]))
        wanted = max(0, acked - (acked - slot) % SLOTS)
        allowed = {wanted} | ({acked + 1} if (acked + 1) % SLOTS == slot else set())
        if len(words) != 1 or not words & allowed:
            problems.append("slot %d: %s instead of %d" % (slot, sorted(words)[:4], wanted))
    return problems


def run_variant(out, daemon, conn, boot, variant):
    target = VARIANTS[variant][1]
    folder = plain.folder(daemon, variant)
    encrypted = variant == "luks"
    if encrypted:
        paths = luks.make_chain(folder, ["vda.0", "vda.1", "vda.2"], "8M")
        luks.qemu_io(paths[0], "write -s %s 0 512" % boot)
        luks.define_secret(conn)
    else:
        paths = make_chain(folder, ["base", "middle", "top"], size="8M")
        qemu_io(paths[0], "qcow2", "write -s %s 0 512" % boot)
    daemon.own(*paths)
    line = Line(os.path.join(folder, "serial"))
    xml = domain_xml(variant, variant, paths[2], line.path)
    domain = conn.defineXML(luks.stated(xml, paths) if encrypted else xml)
    domain.create()
    if encrypted:
        out.equal(in_clear(daemon, variant), [], "luks: the passphrase is in no command line, log or status file")
    if not out.ok(line.wait_more(SLOTS), variant + ": it boots from the disk and writes", line.text):
        return
    domain.blockCommit(target, None, None, 0, ACTIVE)
    out.ok(wait_ready(domain, target), variant + ": the commit reaches READY", daemon.log_tail)
    out.ok(line.wait_more(10), variant + ": it goes on writing")
    domain.blockJobAbort(target, PIVOT)
    xml = domain.XMLDesc(0)
    out.equal((chain(xml, target)[0], mirror(xml, target)), ([paths[0]], None),
              variant + ": pivot leaves the base only")
    at_pivot = line.acked()
    out.ok(line.wait_more(20), variant + ": it goes on writing after the pivot", line.text)
    if "iotune" in VARIANTS[variant][4]:
        out.equal(domain.blockIoTune(target, libvirt.VIR_DOMAIN_AFFECT_LIVE)["total_bytes_sec"], 100000000,
                  variant + ": the limit is still in force")
    out.equal("copy_on_read='on'" in xml, "copy_on_read" in VARIANTS[variant][3], variant + ": copy on read as before")
    domain.destroy()
    acked = line.acked()
    fmt = "luks" if encrypted else "qcow2"
    problems = check_base(paths[0], acked, fmt)
    out.ok(not problems, variant + ": every acknowledged block is in the base", "\n".join(problems[:10]))
    out.ok(len(check_base(paths[0], acked + 5, fmt)) >= 4, variant + ": and one that is not there would be missed")
    if not encrypted:
        out.equal(consistent(paths[0], "qcow2"), "", variant + ": the base's structure is sound")
    out.ok(acked > at_pivot > SLOTS, variant + ": there was something to lose")
    domain.undefine()


def run(out, args, mode):
    with Daemon(mode, args.driver, args.build) as daemon:
        daemon.start()
        out.diag("driver %s, qemu:///%s" % (args.driver, mode))
        boot = bootsector.assemble(daemon, "boot")
        conn = daemon.connect()
        for variant in args.variants or VARIANTS:
            try:
                run_variant(out, daemon, conn, boot, variant)
            except Exception:
                out.error(variant)
                out.diag(daemon.log_tail())


def main():
    parser = options.parser(__doc__)
    parser.add_argument("variants", nargs="*", metavar="VARIANT", help="one of: " + " ".join(VARIANTS))
    args = options.finish(parser.parse_args())
    out = Tap("buses")
    for mode in options.modes(args, out, wanted=("system",)):
        try:
            run(out, args, mode)
        except DaemonError as e:
            out.ok(False, "the daemon is there", e)
    return out.done()


if __name__ == "__main__":
    sys.exit(main())
