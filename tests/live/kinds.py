#!/usr/bin/python3
"""Jobs on disks of each kind: images on block devices, encrypted ones, CD-ROMs and floppies, on every bus; several at
once. Settings of a disk have the same effect behind each job as before it, and data is where it belongs.
"""

import json
import os
import subprocess
import sys

import libvirt

import bootsector
import jobs
import jobtest
import luks
import plain
import suite
from buses import SLOTS, Line, check_base
from images import make_chain, qemu_img, qemu_io
from jobtest import ACTIVE, COPY, INACTIVE, PAUSED, PIVOT, TRANSIENT, fill, holds

MIB = 1 << 20
SHALLOW = libvirt.VIR_DOMAIN_BLOCK_COPY_SHALLOW
INTERNAL_ERROR, INVALID_ARG, CONFIG_UNSUPPORTED = 1, 8, 67


class Test(jobtest.JobChecks):
    # --- settings --------------------------------------------------------------------------------------------

    def effects(self):
        """What QEMU says of the disk that the guest sees."""
        disk = next(b for b in self.monitor("query-block")["return"] if b.get("inserted"))
        image = disk["inserted"]
        return {key: image.get(key) for key in ("bps", "iops_rd", "group", "detect_zeroes", "cache", "ro")}

    def opened(self, path):
        """How QEMU has opened a file: whether past the host's memory."""
        folder = "/proc/%d/fd" % self.daemon.qemu_pid(self.name)
        for fd in os.listdir(folder):
            if os.readlink(os.path.join(folder, fd)) == path:
                with open(os.path.join(folder + "info", fd)) as f:
                    flags = int(next(line for line in f if line.startswith("flags")).split()[1], 8)
                if flags & os.O_RDWR:
                    return bool(flags & os.O_DIRECT)
        return None

    def write(self, *commands):
        """The disk's device writes, as a guest would."""
        for command in commands:
            self.daemon.virsh("qemu-monitor-command", self.name, "--hmp",
                              'qemu-io -d /machine/peripheral/virtio-disk0/virtio-backend "%s"' % command)

    @staticmethod
    def allocated(path, offset):
        """Whether the image itself has data at @offset."""
        return any(e["data"] and e["depth"] == 0 and e["start"] <= offset < e["start"] + e["length"]
                   for e in json.loads(qemu_img("map", "-U", "--output=json", path)))

    def test_settings(self):
        """Limits in a group, cache, discard and zeroes have the effect that they had."""
        name = "settings"
        xml, paths = plain.chain_domain(self.daemon, name, 4, fill)
        copy = os.path.join(os.path.dirname(paths[0]), "copy")
        tune = "<iotune><total_bytes_sec>100000000</total_bytes_sec><read_iops_sec>900</read_iops_sec>" \
            "<group_name>together</group_name></iotune>"
        xml = xml.replace("<target dev='vda'", tune + "<target dev='vda'").replace(
            "type='qcow2'/>", "type='qcow2' cache='none' io='threads' discard='unmap' detect_zeroes='unmap'/>")
        self.start(name, xml)
        wanted = {"bps": 100000000, "iops_rd": 900, "group": "together", "detect_zeroes": "unmap", "ro": False,
                  "cache": {"no-flush": False, "direct": True, "writeback": True}}
        self.equal(self.effects(), wanted, "settings: QEMU has them")
        for number, (what, job, top) in enumerate((
                ("a commit", lambda: self.committed("vda[4]", "vda[3]"), paths[3]),
                ("a pull", lambda: self.pulled("vda[4]"), paths[3]), ("a pivot", self.pivoted, paths[0]),
                ("a copy", lambda: self.copied(copy), copy))):
            self.equal(job(), "completed", "settings: %s completes" % what)
            self.equal(self.effects(), wanted, "settings: QEMU has them after %s" % what,
                       known="detect_zeroes is lost in a pivot")
            self.equal(self.opened(top), True, "settings: the image is opened past the cache after %s" % what)
            at = 40 + 4 * number
            self.write("write -P 9 %dM 1M" % at, "write -P 0 %dM 1M" % (at + 1), "discard %dM 512k" % at, "flush")
            self.equal([self.allocated(top, at * MIB + n * MIB // 2) for n in range(4)], [False, True, False, False],
                       "settings: zeroes and what is discarded take no room after %s" % what,
                       known="detect_zeroes is lost in a pivot")
        self.domain.destroy()
        wrong = holds(copy, range(4))
        self.ok(not wrong, "settings: the copy holds everything", wrong)
        self.domain.undefine()

    def test_copy_on_read(self):
        """What the guest reads is in the active image afterwards, whichever that is, and jobs go through the filter."""
        name = "copy-on-read"
        xml, paths = plain.chain_domain(self.daemon, name, 4, fill)
        self.start(name, xml.replace("type='qcow2'/>", "type='qcow2' copy_on_read='on'/>"))
        copies = [os.path.join(os.path.dirname(paths[0]), "copy%d" % n) for n in range(2)]
        aborted_copy = lambda: self.copied(copies[1] + "-aborted", switch=0)
        root = lambda: next(b["inserted"]["node-name"] for b in self.monitor("query-block")["return"])
        for what, job, top, left in (
                ("a commit", lambda: self.committed("vda[4]", "vda[3]"), paths[3], 3),
                ("a shallow copy", lambda: self.copied(copies[0], flags=SHALLOW), copies[0], 3),
                ("a pull", lambda: self.pulled("vda[4]"), copies[0], 2),
                ("an abort", self.aborted, copies[0], 2), ("an aborted copy", aborted_copy, copies[0], 2),
                ("a pivot", self.pivoted, paths[0], 1),
                ("a copy", lambda: self.copied(copies[1]), copies[1], 1)):
            self.equal(job(), "canceled" if "abort" in what else "completed", "copy on read: %s ends" % what)
            self.equal((self.chain()[0], len(self.chain())), (top, left), "copy on read: the chain after %s" % what)
            self.equal(root(), "libvirt-CoR-vda", "copy on read: the guest reads through the filter after %s" % what)
            if what == "a shallow copy":
                self.equal(self.allocated(top, MIB // 2), False, "copy on read: the copy has no data of the base yet")
                self.write("read 0 1M", "flush")
                self.equal(self.allocated(top, MIB // 2), True, "copy on read: it does when the guest has read it")
        self.gone()
        wrong = holds(copies[1], range(4))
        self.ok(not wrong, "copy on read: the last copy holds everything", wrong)

    # --- encrypted -------------------------------------------------------------------------------------------

    def secrets(self):
        """Numbers of the images whose passphrase QEMU has."""
        objects = self.monitor("qom-list", path="/objects")["return"]
        return sorted(int(o["name"].split("-")[1]) for o in objects if o["name"].endswith("-encryption-secret0"))

    def formats(self):
        """Numbers of the images that QEMU has open."""
        nodes = self.monitor("query-named-block-nodes", flat=True)["return"]
        return sorted(int(n["node-name"].split("-")[1]) for n in nodes if n["node-name"].endswith("-format"))

    def test_luks(self):
        """Each operation on a chain of five; the passphrases of images that have gone leave QEMU, no others."""
        folder = plain.folder(self.daemon, "luks")
        fill = lambda n, path: luks.qemu_io(path, "write -P %d %dM 1M" % (n + 1, n))
        paths = luks.make_chain(folder, ["vda.%d" % n for n in range(5)], "64M", fill)
        self.daemon.own(*paths)
        luks.define_secret(self.conn)
        self.start("luks", luks.stated(plain.domain("luks", [plain.disk("vda", paths[-1])]), paths))
        self.equal(self.secrets(), [1, 2, 3, 4, 5], "luks: QEMU has five passphrases")
        for what, ended, left in (("a commit", lambda: self.committed("vda[5]", "vda[4]"), [1, 2, 3, 5]),
                                  ("a pull", lambda: self.pulled("vda[3]"), [1, 3, 5]),
                                  ("a pivot", lambda: self.pivoted("vda[3]"), [3, 5])):
            self.equal(ended(), "completed", "luks: %s completes" % what)
            self.equal(self.formats(), left, "luks: after %s QEMU has the images that are left" % what)
            self.equal(self.secrets(), left, "luks: after %s it has their passphrases" % what)
        self.equal(self.chain(INACTIVE), [paths[2], paths[0]], "luks: the definition states what is left")
        self.domain.destroy()
        self.domain.createWithFlags(PAUSED)
        self.equal(self.chain(), [paths[2], paths[0]], "luks: it starts with it")
        self.equal(self.pivoted(), "completed", "luks: the last pivot completes")
        self.equal(self.secrets(), self.formats(), "luks: one passphrase is left")
        self.domain.destroy()
        self.domain.createWithFlags(PAUSED)
        self.equal(self.chain(), [paths[0]], "luks: the base starts alone")
        copy = os.path.join(folder, "copy")
        self.equal(self.copied(copy), "completed", "luks: a copy in clear text completes")
        self.equal((self.chain(), self.secrets()), ([copy], []), "luks: no passphrase is left")
        self.gone()
        wrong = luks.qemu_io(paths[0], *["read -P %d %dM 1M" % (n + 1, n) for n in range(5)])
        self.ok(not wrong, "luks: the base holds everything", wrong)
        wrong = holds(copy)
        self.ok(not wrong, "luks: the copy holds everything", wrong)

    # --- block devices -----------------------------------------------------------------------------------------

    def loop(self, path, size):
        """A block device on a file."""
        with open(path, "wb") as f:
            f.truncate(size)
        done = subprocess.run(["losetup", "--find", "--show", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True)
        if done.returncode:
            raise NoLoops(done.stdout.strip())
        self.loops.append(done.stdout.strip())
        return self.loops[-1]

    def test_devices(self):
        """Each image on a block device, the base raw."""
        self.loops = []
        try:
            self.devices(plain.folder(self.daemon, "devices"))
        except NoLoops as e:
            self.out.skip("devices: images on block devices", str(e))
        finally:
            for device in self.loops:
                os.chown(device, 0, 0)
                subprocess.run(["losetup", "--detach", device], check=True)

    def devices(self, folder):
        """The guest, a boot sector, writes all the time."""
        paths = [self.loop(os.path.join(folder, "file%d" % n), 80 * MIB if n else 64 * MIB) for n in range(4)]
        for index, path in enumerate(paths):
            if index:
                qemu_img("create", "-q", "-f", "qcow2", "-b", paths[index - 1], "-F", "qcow2" if index > 1 else "raw",
                         path, "64M")
            qemu_io(path, "qcow2" if index else "raw", "write -P %d %dM 1M" % (index + 1, index + 4))
        qemu_io(paths[0], "raw", "write -s %s 0 512" % bootsector.assemble(self.daemon, "boot"))
        self.daemon.own(*paths)
        owners = [os.stat(path).st_uid for path in paths]
        line = Line(os.path.join(folder, "serial"))
        disk = plain.disk("vda", paths[3]).replace("type='file'", "type='block'").replace("source file=", "source dev=")
        self.start("devices", plain.domain("devices", [disk, "<serial type='file'><source path='%s'/></serial>" %
                                                       line.path]))
        self.equal(self.chain(), paths[::-1], "devices: the chain is found")
        self.domain.resume()
        self.ok(line.wait_more(SLOTS), "devices: the guest writes", line.text)
        for what, job, ended, left in (("a commit", lambda: self.committed("vda[4]", "vda[3]"), "completed", (3, 2, 0)),
                                       ("a pull", lambda: self.pulled("vda[4]"), "completed", (3, 0)),
                                       ("an abort", self.aborted, "canceled", (3, 0)),
                                       ("a pivot", self.pivoted, "completed", (0,))):
            self.equal(job(), ended, "devices: %s ends" % what)
            self.equal(self.chain(), [paths[n] for n in left], "devices: the chain after %s" % what)
            self.ok(line.wait_more(10), "devices: the guest writes after %s" % what, line.text)
        self.domain.destroy()
        wrong = check_base(paths[0], line.acked(), "raw", os.path.join(folder, "check"))
        self.ok(not wrong, "devices: every acknowledged block is in the base", "\n".join(wrong[:10]))
        self.devices_again(paths[0])
        self.equal([os.stat(path).st_uid for path in paths], owners, "devices: their owners are as before")
        qemu_io(paths[0], "raw", *["read -P %d %dM 1M" % (n + 1, n + 4) for n in range(4)])

    def devices_again(self, base):
        """From the definition, and a copy from the device to a file and back."""
        self.domain.createWithFlags(PAUSED)
        for flags in (0, INACTIVE):
            disk = jobs.disk_element(self.domain.XMLDesc(flags), "vda")
            self.equal((disk.get("type"), disk.find("source").get("dev"), disk.find("driver").get("type")),
                       ("block", base, "raw"), "devices: the definition states the raw device (%d)" % flags)
        copy = os.path.join(self.daemon.path("img", "devices"), "copy")
        self.equal(self.copied(copy), "completed", "devices: a copy to a file completes")
        since = self.events.mark()
        xml = "<disk type='block'><driver name='qemu' type='raw'/><source dev='%s'/></disk>" % base
        self.domain.blockCopy("vda", xml, {}, TRANSIENT | libvirt.VIR_DOMAIN_BLOCK_COPY_REUSE_EXT)
        self.equal(self.switched(since, "vda"), "completed", "devices: and one back")
        self.equal(self.chain(), [base], "devices: the disk is the device again")
        self.gone()

    # --- drives, several at once --------------------------------------------------------------------------------

    # target, bus, device, elements
    DRIVES = (("sda", "scsi", "disk", ""), ("sdb", "sata", "disk", ""), ("sdc", "usb", "disk", ""),
              ("vda", "virtio", "disk", "<readonly/>"), ("vdb", "virtio", "disk", ""),
              ("sdd", "sata", "cdrom", ""), ("fda", "fdc", "floppy", ""))

    def drives_domain(self, name):
        folder, disks, chains = plain.folder(self.daemon, name), [], {}
        for target, bus, device, extra in self.DRIVES:
            paths = make_chain(folder, ["%s.%d" % (target, n) for n in range(4)], "1440k", fill=self.fill_little)
            self.daemon.own(*paths)
            chains[target] = paths
            disks.append(plain.disk(target, paths[-1], extra=extra, device=device, bus=bus))
        disks += [plain.disk("sdz", None, "raw", device="cdrom", bus="sata"),
                  "<controller type='scsi' model='virtio-scsi'/>"]
        xml = plain.domain(name, disks, machine="q35").replace("<controller type='usb' model='none'/>", "")
        domain = self.conn.defineXML(xml)
        domain.createWithFlags(PAUSED)
        return domain, chains

    @staticmethod
    def fill_little(index, path, fmt):
        qemu_io(path, fmt, "write -P %d %dk 64k" % (index + 1, index * 64))

    def everywhere(self, domains, what, job, left):
        """@job(domain, target) on all disks of all domains at once; @left: the layers afterwards."""
        since = self.events.mark()
        for domain, chains in domains:
            for target in chains:
                job(domain, target)
        for domain, chains in domains:
            ended = {}
            for target in chains:
                event = self.events.wait(lambda e: e[:3] == (domain.name(), "job2", target), 60, since)
                if event and event[4] == "ready":
                    domain.blockJobAbort(target, PIVOT)
                    event = self.events.wait_job(domain.name(), target, "completed", 60, since)
                jobs.wait_gone(domain, target)
                ended[target] = event and event[4], jobs.chain(domain.XMLDesc(0), target)[0]
            self.equal(ended, {t: ("completed", [p[n] for n in left]) for t, p in chains.items()},
                       "drives: %s of all disks of %s" % (what, domain.name()))

    def test_drives(self):
        domains = [self.drives_domain(name) for name in ("drives-a", "drives-b")]
        domains_by_name = {d.name(): chains for d, chains in domains}
        path = lambda d, t, n: domains_by_name[d.name()][t][n]
        self.everywhere(domains, "a commit", lambda d, t: d.blockCommit(t, path(d, t, 1), path(d, t, 2), 0, 0),
                        (3, 1, 0))
        self.everywhere(domains, "a pull", lambda d, t: d.blockRebase(t, path(d, t, 0), 0, 0), (3, 0))
        self.everywhere(domains, "a pivot", lambda d, t: d.blockCommit(t, None, None, 0, ACTIVE), (0,))
        for domain, chains in domains:
            for what, call in (("commit", lambda: domain.blockCommit("sdz", None, None, 0, ACTIVE)),
                               ("pull", lambda: domain.blockPull("sdz", 0, 0)),
                               ("copy", lambda: domain.blockCopy("sdz", COPY % ("raw", "/nowhere"), {}, TRANSIENT))):
                self.ok(suite.code(call) in (INVALID_ARG, CONFIG_UNSUPPORTED),
                        "drives: %s of an empty drive of %s is refused" % (what, domain.name()), suite.code(call))
            xml = domain.XMLDesc(0)
            readonly = [t for t in chains if jobs.disk_element(xml, t).find("readonly") is not None]
            self.equal(sorted(readonly), ["sdd", "vda"], "drives: the same disks of %s are read-only" % domain.name())
            domain.destroy()
            domain.undefine()
            wrong = [qemu_io(paths[0], "qcow2", *["read -P %d %dk 64k" % (n + 1, n * 64) for n in range(4)])
                     for paths in chains.values()]
            self.ok(not any("failed" in text for text in wrong), "drives: the bases hold everything", "\n".join(wrong))

    # --- two domains on one image ----------------------------------------------------------------------------

    def test_shared_base(self):
        """Two domains on a base that neither writes: who would write it is refused."""
        folder = plain.folder(self.daemon, "shared")
        paths = make_chain(folder, ["base", "middle", "top"], fill=fill)
        other = os.path.join(folder, "other")
        qemu_img("create", "-q", "-f", "qcow2", "-b", paths[0], "-F", "qcow2", other)
        self.daemon.own(*paths, other)
        neighbour = self.conn.createXML(plain.domain("neighbour", [plain.disk("vda", other)]), PAUSED)
        self.start("shared", plain.domain("shared", [plain.disk("vda", paths[2])]))
        before = self.domain.XMLDesc(0), self.monitor("query-named-block-nodes", flat=True)["return"]
        for what, call in (("an active commit", lambda: self.domain.blockCommit("vda", None, None, 0, ACTIVE)),
                           ("a commit", lambda: self.domain.blockCommit("vda", None, paths[1], 0, 0))):
            self.refused(call, INTERNAL_ERROR, '"write" lock', "shared: %s into the other's image is refused" % what)
            self.equal((self.domain.XMLDesc(0), self.monitor("query-named-block-nodes", flat=True)["return"]), before,
                       "shared: and %s has changed nothing" % what)
        self.equal(self.pulled(paths[0]), "completed", "shared: a pull, which only reads it, completes")
        neighbour.destroy()
        self.equal(self.pivoted(), "completed", "shared: the commit completes when nobody else has it")
        self.gone()
        wrong = holds(paths[0], range(3))
        self.ok(not wrong, "shared: the base holds everything", wrong)


class NoLoops(Exception):
    pass


SESSION = ("luks", "devices")               # where another user makes a difference


def run(out, args, mode):
    suite.run_with_daemon(out, args, mode, Test, args.names if args.chosen or mode == "system" else SESSION)


if __name__ == "__main__":
    sys.exit(suite.main("kinds", __doc__, Test, run))
