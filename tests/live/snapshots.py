#!/usr/bin/python3
"""Snapshots of running guests: under writes, with each failure, with a daemon that dies at each step, and metadata that
the stock driver reads and writes."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import libvirt

import jobs
import plain
import suite
from images import info, make_chain, qemu_img, qemu_io
from jobtest import fill
from save import SaveDaemon
from writes import Run

DISK_ONLY = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY
REUSE = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT
NO_METADATA = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA
QUIESCE = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE
HALT = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_HALT
REDEFINE = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE
METADATA = libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
INACTIVE = libvirt.VIR_DOMAIN_XML_INACTIVE
SHUT, RUNNING = libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_RUNNING
# what a daemon that dies is asked to die at; the last of a snapshot of two disks comes behind these
STEPS = 70


def snapshot_xml(name, *disks):
    text = "<disks>%s</disks>" % "".join(disks) if disks else ""
    return "<domainsnapshot><name>%s</name>%s</domainsnapshot>" % (name, text)


def disk(target, path=None, mode="external"):
    source = "<source file='%s'/>" % path if path else ""
    return "<disk name='%s' snapshot='%s'>%s</disk>" % (target, mode, source)


class Snapshots(suite.DaemonChecks):
    BY_NAME = ["sweep"]  # takes minutes

    def make(self, name):
        """A persistent domain that runs, without an operating system, with two disks."""
        folder = plain.folder(self.daemon, name)
        self.paths = {t: make_chain(folder, ["%s.%d" % (t, n) for n in range(2)], fill=fill) for t in ("vda", "vdb")}
        self.daemon.own(*self.paths["vda"], *self.paths["vdb"])
        self.folder = folder
        domain = self.conn.defineXML(plain.domain(name, [plain.disk(t, p[-1]) for t, p in self.paths.items()]))
        domain.create()
        return domain

    def gone(self, domain):
        if domain.isActive():
            domain.destroy()
        domain.undefineFlags(METADATA)

    def tops(self, domain, flags=0):
        xml = domain.XMLDesc(flags)
        return {t: os.path.basename(jobs.chain(xml, t)[0][0]) for t in ("vda", "vdb")}

    def files(self):
        return sorted(os.listdir(self.folder))

    def kept(self, name):
        folder = self.daemon.path("lib", "qemu", "snapshot", name)
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []

    def open_files(self, domain):
        """Images that QEMU has open for writing."""
        folder, found = "/proc/%d/fd/" % self.daemon.qemu_pid(domain.name()), set()
        for fd in os.listdir(folder):
            path = os.readlink(folder + fd)
            with open("/proc/%d/fdinfo/%s" % (self.daemon.qemu_pid(domain.name()), fd)) as f:
                flags = int(f.read().split("flags:")[1].split()[0], 8)
            if path.startswith(self.folder + "/") and flags & os.O_ACCMODE == os.O_RDWR:
                found.add(os.path.basename(path))
        return found

    # --- what works --------------------------------------------------------------------------------------------------

    def test_writing(self):
        """08/S3: a guest that writes gets a snapshot of both disks, several times; each acknowledged block is there."""
        run = Run(self.out, self.daemon, self.guest, "writing", ["vda", "vdb"])
        chains = {t: run.chain(t) for t in run.disks}
        run.writing("at the start")
        for number in range(4):
            run.domain.snapshotCreateXML(snapshot_xml("s%d" % number), DISK_ONLY)
            run.writing("after snapshot %d" % number, more=5)
            for target in run.disks:
                chains[target].insert(0, os.path.splitext(chains[target][0])[0] + ".s%d" % number)
        self.equal([s.getName() for s in run.domain.listAllSnapshots(libvirt.VIR_DOMAIN_SNAPSHOT_LIST_TOPOLOGICAL)],
                   ["s0", "s1", "s2", "s3"], "all are listed")
        self.equal(run.domain.snapshotCurrent().getParent().getName(), "s2", "each is the child of the one before")
        run.domain.snapshotLookupByName("s3").delete(libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY)
        self.forget(run.domain)
        run.finish(chains)

    def forget(self, domain):
        for snapshot in domain.listAllSnapshots():
            snapshot.delete(libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY)

    def test_kinds(self):
        """08/S2: one disk of two, a file that is there, without metadata, halt."""
        domain = self.make("kinds")
        domain.snapshotCreateXML(snapshot_xml("one", disk("vdb", mode="no")), DISK_ONLY)
        self.equal((self.tops(domain), self.tops(domain, INACTIVE)), ({"vda": "vda.one", "vdb": "vdb.1"},) * 2,
                   "one disk has an overlay, in both definitions")
        self.equal(os.stat(os.path.join(self.folder, "vda.one")).st_mode & 0o777, 0o600, "nobody else may read it")
        domain = self.reused(domain)
        domain.snapshotCreateXML(snapshot_xml("none"), DISK_ONLY | NO_METADATA)
        self.equal((self.tops(domain), domain.snapshotNum()), ({"vda": "right.none", "vdb": "vdb.none"}, 2),
                   "08/S2.26: without metadata")
        domain.snapshotCreateXML(snapshot_xml("halt"), DISK_ONLY | HALT)
        self.equal((domain.state(), self.tops(domain)),
                   ([SHUT, libvirt.VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT], {"vda": "right.halt", "vdb": "vdb.halt"}), "HALT")
        domain.create()
        self.equal(self.open_files(domain), {"right.halt", "vdb.halt"}, "it starts on the overlays")
        self.gone(domain)

    def reused(self, domain):
        active, other = (os.path.join(self.folder, n) for n in ("vda.one", "other"))
        for name, below, size in (("right", active, ""), ("small", active, "1M"), ("wrong", self.paths["vdb"][1], "")):
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", below,
                            os.path.join(self.folder, name)] + ([size] if size else []), check=True)
            self.daemon.own(os.path.join(self.folder, name))
        use = lambda path: domain.snapshotCreateXML(
            snapshot_xml("reuse", disk("vda", os.path.join(self.folder, path)), disk("vdb", mode="no")),
            DISK_ONLY | REUSE)
        self.refused(lambda: use(other), libvirt.VIR_ERR_SYSTEM_ERROR, "missing existing file", "08/S2.7")
        self.refused(lambda: use("small"), libvirt.VIR_ERR_INVALID_ARG, "bytes large", "an image of another size")
        self.refused(lambda: use("wrong"), libvirt.VIR_ERR_INVALID_ARG, "stands on", "one that stands on another image")
        self.owned(use, "right")
        domain.blockPull("vdb", 1, libvirt.VIR_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES)
        self.refused(lambda: use("right"), libvirt.VIR_ERR_OPERATION_UNSUPPORTED, "beside a pull",
                     "one that may have bitmaps, beside a pull")
        domain.blockJobAbort("vdb")
        if not self.daemon.can_fail():
            use("right")
        else:
            self.ok("bitmaps='no'" in self.daemon.status_xml("kinds"), "no image can have bitmaps")
            self.daemon.fail("die-save:5")
            suite.code(use, "right")
            self.daemon.fail(None)
            self.ok("bitmaps='no'" not in self.daemon.status_xml("kinds"),
                    "a daemon that dies behind the switch has told that an image that was there may have some")
            self.daemon.start()
            self.connect()
            domain = self.conn.lookupByName("kinds")
            self.ok(jobs.wait_for(lambda: "<qbj:snapshot" not in self.daemon.status_xml("kinds"), 20), "it is settled")
        self.equal(self.tops(domain)["vda"], "right", "08/S2.7: an image that was there")
        self.ok("whose images are below '%s' is not known" % self.loop in self.daemon.log_text(),
                "an image of another domain that cannot be read is named in the log")
        self.conn.lookupByName("unread").undefine()
        return domain

    def test_metadata(self):
        """08/S4: the stock driver goes on with our snapshots, and we with its."""
        domain = self.make("metadata")
        domain.snapshotCreateXML(snapshot_xml("ours"), DISK_ONLY)
        first = domain.snapshotLookupByName("ours").getXMLDesc()
        self.daemon.change("stock")
        self.connect()
        domain = self.conn.lookupByName("metadata")
        self.equal(domain.snapshotLookupByName("ours").getXMLDesc(), first, "the stock driver reads what we wrote")
        domain.snapshotCreateXML(snapshot_xml("stock"), DISK_ONLY)
        second = domain.snapshotLookupByName("stock").getXMLDesc()
        self.daemon.change("ours")
        self.connect()
        domain = self.conn.lookupByName("metadata")
        jobs.wait_for(domain.isActive, 20)
        self.equal([domain.snapshotLookupByName(n).getXMLDesc() for n in ("ours", "stock")], [first, second],
                   "and the other way round")
        self.equal((domain.snapshotCurrent().getName(), self.tops(domain)),
                   ("stock", {"vda": "vda.stock", "vdb": "vdb.stock"}), "its snapshot is the current one")
        domain.snapshotCreateXML(snapshot_xml("again"), DISK_ONLY)
        self.equal(self.tops(domain, INACTIVE), {"vda": "vda.again", "vdb": "vdb.again"}, "one more, of ours")
        self.gone(domain)

    def test_offline(self):
        """08/S1: of a domain that is shut off: overlays, definition, metadata; bitmaps begin anew."""
        domain = self.make("offline")
        domain.destroy()
        subprocess.run(["qemu-img", "bitmap", "--add", self.paths["vda"][1], "kept"], check=True)
        domain.snapshotCreateXML(snapshot_xml("one"), DISK_ONLY)
        self.equal((self.tops(domain), self.kept("offline")), ({"vda": "vda.one", "vdb": "vdb.one"}, ["one.xml"]),
                   "the definition names the overlays, and nothing else is kept")
        self.ok("<state>shutoff</state>" in domain.snapshotCurrent().getXMLDesc(), "it is of a domain that is shut off")
        for target in ("vda", "vdb"):
            self.equal(jobs.chain(domain.XMLDesc(), target)[0][1], self.paths[target][1], "what is below is said")
        path = os.path.join(self.folder, "vda.one")
        info = json.loads(subprocess.run(["qemu-img", "info", "--output=json", path], check=True,
                                         capture_output=True).stdout)
        self.equal((os.stat(path).st_mode & 0o777, info["backing-filename"], info["backing-filename-format"],
                    [b["name"] for b in info["format-specific"]["data"]["bitmaps"]]),
                   (0o600, self.paths["vda"][1], "qcow2", ["kept"]), "the overlay")
        self.offline_failures(domain)
        self.offline_record(domain)
        domain = self.conn.lookupByName("offline")
        tops = set(self.tops(domain).values())
        domain.create()
        self.equal(self.open_files(domain), tops, "it starts on the overlays")
        domain.destroy()
        self.offline_define(domain)
        self.offline_places(domain)
        domain = self.foreign(domain, self.daemon.path("lib", "qemu", "snapshot", "offline"),
                              (("save:2", "data"), ("save-sync:2", "data"), ("save-sync:2", "image"),
                               ("save:3", "data"), ("save:3", "")))
        self.offline_deaths(domain)

    def offline_places(self, domain):
        """08/S2.6: an empty file that is there becomes the overlay; so does a block device."""
        empty, before = os.path.join(self.folder, "vda.there"), self.tops(domain)
        with open(empty, "w", encoding="utf-8"):
            pass
        self.daemon.own(empty)
        inode = os.stat(empty).st_ino
        xml = snapshot_xml("empty", disk("vda", empty), disk("vdb", mode="no"))
        if self.daemon.can_fail():
            self.daemon.fail("moment-switch:1")
            self.ok(suite.code(domain.snapshotCreateXML, xml, DISK_ONLY), "a snapshot into an empty file fails")
            self.daemon.fail(None)
            self.equal((self.tops(domain), os.stat(empty).st_ino, os.stat(empty).st_size), (before, inode, 0),
                       "the file is there, and empty again")
        domain.snapshotCreateXML(xml, DISK_ONLY)
        self.equal((self.tops(domain)["vda"], os.stat(empty).st_ino,
                    os.path.basename(info(empty)["backing-filename"])), ("vda.there", inode, before["vda"]),
                   "08/S2.6: an empty file that was there")
        self.refused(lambda: domain.snapshotCreateXML(snapshot_xml("x", disk("vda", empty), disk("vdb", mode="no")),
                                                      DISK_ONLY), libvirt.VIR_ERR_CONFIG_UNSUPPORTED, "already exists",
                     "a file that holds something")
        with open(os.path.join(self.folder, "behind"), "wb") as f:
            f.truncate(80 << 20)
        done = subprocess.run(["losetup", "--find", "--show", os.path.join(self.folder, "behind")], check=False,
                              capture_output=True, text=True)
        if done.returncode:
            return self.out.skip("%s: an overlay on a block device" % self.mode, done.stderr.strip())
        try:
            self.offline_device(domain, done.stdout.strip())
        finally:
            os.chown(done.stdout.strip(), 0, 0)
            subprocess.run(["losetup", "--detach", done.stdout.strip()], check=True)
        return True

    def over(self, base, name):
        """The bytes of an image over @base that somebody has written into."""
        path = os.path.join(self.folder, name + ".theirs")
        qemu_img("create", "-q", "-f", "qcow2", path, "64M")
        qemu_io(path, "qcow2", "write -P 7 0 64k")
        qemu_img("rebase", "-u", "-F", "qcow2", "-b", base, path)
        held = pathlib.Path(path).read_bytes()
        os.unlink(path)
        return held

    def foreign(self, domain, folder, deaths):
        """08/S2.6: what somebody writes into an empty file meanwhile stays, whatever becomes of the snapshot. @folder:
        where its first record is saved; @deaths: at which save, and what somebody writes after that."""
        if not self.daemon.can_fail():
            return domain
        places = {t: os.path.join(self.folder, t + ".empty") for t in ("vda", "vdb")}
        xml = snapshot_xml("foreign", *(disk(t, path) for t, path in places.items()))
        name, before, kept = domain.name(), self.tops(domain), self.kept(domain.name())
        saving = lambda: any(n.startswith(".qbj-") for n in os.listdir(folder))
        # an image of its own on what the snapshot's would stand on
        theirs = {t: self.over(os.path.join(self.folder, before[t]), t) for t in places}

        def put(targets, what):
            for target in targets:
                with open(places[target], "wb") as f:
                    f.write(theirs[target] if what == "image" else what.encode())
                self.daemon.own(places[target])

        def same(held, what):
            jobs.wait_for(lambda: "<qbj:snapshot" not in (self.daemon.status_xml(name) or ""), 20)
            now = [pathlib.Path(p).read_bytes() for p in places.values()]
            self.equal(([n == h for n, h in zip(now, held)], self.tops(domain), self.kept(name)),
                       ([True] * 2, before, kept), what)

        for target, held in (("vda", [b"data", b""]), ("vdb", [b"", b"data"])):
            put(places, "")
            self.daemon.fail("save-hang:1+")
            call = suite.Waiting(lambda: suite.code(domain.snapshotCreateXML, xml, DISK_ONLY))
            self.ok(jobs.wait_for(saving, 20), "its first record is being saved")
            put([target], "data")
            self.daemon.fail(None)
            call.join()
            self.ok(call.value, "a file that is not empty any more is refused")
            same(held, "what was written into the place of %s stays, the other one is empty" % target)
        for point, written in deaths:
            put(places, "")
            self.daemon.fail("die-" + point)
            self.ok(suite.code(domain.snapshotCreateXML, xml, DISK_ONLY), "the daemon dies at " + point)
            put(places if written else (), written)
            self.daemon.fail(None)
            self.daemon.start()
            self.connect()
            domain = self.conn.lookupByName(name)
            held = theirs.values() if written == "image" else [written.encode()] * 2
            same(held, "%s, then '%s': only what others have written stays" % (point, written))
        for path in places.values():
            os.unlink(path)
        return domain

    def offline_device(self, domain, device):
        """One that another domain has, nothing, a file; then one that is free."""
        there = disk("vda", device).replace("<disk ", "<disk type='block' ").replace("source file", "source dev")
        use = lambda text: domain.snapshotCreateXML(snapshot_xml("device", text, disk("vdb", mode="no")), DISK_ONLY)
        owner = self.conn.defineXML(plain.domain("owner", [plain.disk("vda", device).replace(
            "type='file'", "type='block'").replace("source file", "source dev").replace("qcow2", "raw")]))
        self.refused(lambda: use(there), libvirt.VIR_ERR_INVALID_ARG, "image of domain 'owner'",
                     "a block device of another domain")
        owner.undefine()
        for text, code, words in ((there.replace(device, "/dev/none"), libvirt.VIR_ERR_SYSTEM_ERROR, "missing"),
                                  (there.replace("'block'", "'file'").replace("source dev", "source file"),
                                   libvirt.VIR_ERR_CONFIG_UNSUPPORTED, "not of type 'file'")):
            self.refused(lambda: use(text), code, words, words)
        below = os.path.join(self.folder, self.tops(domain)["vda"])
        use(there)
        self.ok("<source dev='%s'/>" % device in domain.XMLDesc(), "the definition names the block device")
        self.equal(info(device)["backing-filename"], below, "08/S2.6: a block device stands on the image")
        domain.create()
        self.equal(domain.state()[0], RUNNING, "the domain starts on it")
        domain.destroy()
        domain.snapshotLookupByName("device").delete()
        self.equal((os.path.exists(device), self.tops(domain)["vda"]), (True, os.path.basename(below)),
                   "it is merged when the snapshot is deleted, and stays")

    def offline_failures(self, domain):
        before = (self.tops(domain), self.files(), self.kept("offline"), domain.snapshotListNames())
        nowhere = "/nowhere/x"
        cases = [(snapshot_xml("x", disk("vda"), disk("vdb", nowhere)), libvirt.VIR_ERR_SYSTEM_ERROR, nowhere),
                 (snapshot_xml("x", disk("vda"), disk("vdb", self.paths["vda"][0])),
                  libvirt.VIR_ERR_CONFIG_UNSUPPORTED, "already exists"),
                 (snapshot_xml("one"), libvirt.VIR_ERR_OPERATION_FAILED, "domain moment one already exists")]
        for xml, code, words in cases:
            self.refused(lambda: domain.snapshotCreateXML(xml, DISK_ONLY), code, words, words)
        for fault in ("save:1", "save:2", "save:3", "save:4", "save-write:3", "moment-switch:1") \
                if self.daemon.can_fail() else ():
            self.daemon.fail(fault)
            self.ok(suite.code(domain.snapshotCreateXML, snapshot_xml("x"), DISK_ONLY), "it fails at " + fault)
            self.daemon.fail(None)
            self.equal((self.tops(domain), self.files(), self.kept("offline"), domain.snapshotListNames()), before,
                       fault + ": nothing is left")

    def held_up(self, domain, name):
        """A snapshot of a domain that is shut off; it stands still when its overlays are made, unnamed."""
        self.daemon.fail("save-hang:3+")
        call = suite.Waiting(lambda: suite.code(domain.snapshotCreateXML, snapshot_xml(name), DISK_ONLY))
        path = self.daemon.path("lib", "qemu", "snapshot", domain.name(), "making.json")

        def text():
            with open(path, encoding="utf-8") as f:
                return f.read()

        made = lambda: os.path.exists(path) and text().count("identity") == 2
        self.ok(jobs.wait_for(made, 20), "the overlays are made")
        return call, path, text()

    def offline_record(self, domain):
        """A record that a power cut brings back, when its overlay is the base of another one."""
        if not self.daemon.can_fail():
            return self.out.skip("%s: a record that comes back" % self.mode, "needs faults")
        call, path, text = self.held_up(domain, "two")
        self.daemon.fail(None)
        call.join()
        self.equal(call.value, 0, "a snapshot that was held up is made")
        self.daemon.fail("save-sync:4")
        domain.snapshotCreateXML(snapshot_xml("three"), DISK_ONLY)
        self.daemon.fail(None)
        before = (self.tops(domain), self.files(), self.kept("offline"), sorted(domain.snapshotListNames()))
        self.equal((before[0], before[3]), ({"vda": "vda.three", "vdb": "vdb.three"}, ["one", "three", "two"]),
                   "a definition that is in its place is in force, whether or not its folder is on the disk")
        for data, what in ((text, "of an earlier snapshot"), ("{", "that cannot be read")):
            with open(path, "w", encoding="utf-8") as f:
                f.write(data)
            self.daemon.restart()
            self.connect()
            domain = self.conn.lookupByName("offline")
            kept = [name for name in self.kept("offline") if name != "making.json"]
            self.equal((self.tops(domain), self.files(), kept, sorted(domain.snapshotListNames())), before,
                       "a record %s harms nothing" % what)
        os.unlink(path)
        return True

    def offline_define(self, domain):
        """A definition without a disk that is being snapshotted waits for the snapshot."""
        if not self.daemon.can_fail():
            return
        xml = domain.XMLDesc(INACTIVE)
        start = xml.index("<disk ", xml.index("</disk>"))
        less = xml[:start] + xml[xml.index("</disk>", start) + len("</disk>"):]
        call, _path, _text = self.held_up(domain, "held")
        define = suite.Waiting(lambda: suite.code(self.daemon.connect().defineXML, less))
        define.join(2)                  # what fails here is only seen earlier or later
        self.daemon.fail(None)
        call.join()
        define.join()
        self.equal((call.value, define.value), (0, 0), "both are done, one after the other")
        self.ok("vdb" not in domain.XMLDesc(INACTIVE) and "held" in domain.snapshotListNames(),
                "the later one is in force")
        self.conn.defineXML(xml)

    def offline_deaths(self, domain):
        for number, step in enumerate(range(0, 60, 3)):
            name, before = "d%d" % number, self.tops(domain)
            self.daemon.die_at("-", step)
            code = suite.code(domain.snapshotCreateXML, snapshot_xml(name), DISK_ONLY)
            died = self.daemon.died(0 if code == 0 else 20)
            if died is None:
                self.equal(code, 0, "step %d is behind the snapshot" % step)
                self.daemon.restart()
                self.connect()
                break
            self.daemon.start()
            self.connect()
            domain = self.conn.lookupByName("offline")
            what, new = "a daemon that dies at step %d (%s)" % (step, died), {t: t + "." + name for t in ("vda", "vdb")}
            isnew = self.tops(domain) == new
            self.ok(isnew or self.tops(domain) == before, what + ": old or new", self.tops(domain))
            self.equal((name in domain.snapshotListNames(), name + ".xml" in self.kept("offline")), (isnew, isnew),
                       what + ": so do the metadata")
            self.ok("making.json" not in self.kept("offline"), what + ": nothing is left in the middle")
            for left in new.values():           # one that was just being made has no identity yet
                path = os.path.join(self.folder, left)
                if not isnew and os.path.exists(path):
                    os.unlink(path)
        self.gone(self.conn.lookupByName("offline"))

    # --- what fails --------------------------------------------------------------------------------------------------

    def owned(self, use, name):
        """Another domain, that is shut off, has the image @name: only headers say so, two images below what its
        definition names; or one of its snapshots does, by another name."""
        below, top, link = (os.path.join(self.folder, n) for n in ("o.below", "o.top", "o.link"))
        for base, path in ((os.path.join(self.folder, name), below), (below, top)):
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, path], check=True)
        os.link(os.path.join(self.folder, name), link)
        for path in (top, link):
            owner = self.conn.defineXML(plain.domain("owner", [plain.disk("vda", path)]))
            self.refused(lambda: use(name), libvirt.VIR_ERR_INVALID_ARG, "image of domain 'owner'",
                         "an image of another domain, which names " + os.path.basename(path))
            owner.undefine()
        owner = self.conn.defineXML(plain.domain("owner", [plain.disk("vda", top)]))
        owner.snapshotCreateXML(snapshot_xml("o"), DISK_ONLY)
        self.conn.defineXML(plain.domain("owner", [plain.disk("vda", self.paths["vdb"][0])]).replace(
            "</name>", "</name><uuid>%s</uuid>" % owner.UUIDString()))
        self.refused(lambda: use(name), libvirt.VIR_ERR_INVALID_ARG, "image of domain 'owner'",
                     "an image of another domain's snapshot")
        owner.undefineFlags(METADATA)
        self.loop = os.path.join(self.folder, "loop")
        os.symlink(self.loop, self.loop)
        self.conn.defineXML(plain.domain("unread", [plain.disk("vda", self.loop)]))

    def unchanged(self, domain, before, what):
        now = (self.tops(domain), self.tops(domain, INACTIVE), self.files(), self.kept(domain.name()),
               self.open_files(domain), domain.snapshotNum(), domain.state()[0])
        self.equal(now, before, what + ": nothing is left")

    def test_failures(self):
        """08/S2.6, S2.9: whatever fails, all of it is undone."""
        domain = self.make("fails")
        before = (self.tops(domain), self.tops(domain, INACTIVE), self.files(), [], self.open_files(domain), 0, RUNNING)
        two = lambda path: snapshot_xml("s", disk("vda"), disk("vdb", path))
        cases = [("/nowhere/image", libvirt.VIR_ERR_SYSTEM_ERROR, "failed to create image file"),
                 (self.paths["vdb"][0], libvirt.VIR_ERR_CONFIG_UNSUPPORTED, "already exists"),
                 (os.path.join(self.folder, "vda.s"), libvirt.VIR_ERR_CONFIG_UNSUPPORTED, "share")]
        for path, code, words in cases:
            self.refused(lambda: domain.snapshotCreateXML(two(path), DISK_ONLY), code, words, "into " + path)
            self.unchanged(domain, before, path)
        for fault in ("save:1", "save:2", "save:3", "save:4", "save-write:2", "save-sync:3", "qmp-send:3+",
                      "moment-switch:1") if self.daemon.can_fail() else ():
            self.daemon.fail(fault)
            failed = suite.code(domain.snapshotCreateXML, snapshot_xml("s"), DISK_ONLY)
            self.daemon.fail(None)
            self.ok(failed, "it fails at " + fault)
            jobs.wait_for(lambda: "<qbj:snapshot" not in (self.daemon.status_xml("fails") or ""), 20)
            self.unchanged(domain, before, fault)
        self.manual(domain, before)
        self.full(domain, before)
        domain = self.foreign(domain, self.daemon.state_dir,
                              (("save-sync:2", "data"), ("save-sync:2", "image"), ("save:3", "")))
        domain.snapshotCreateXML(snapshot_xml("s"), DISK_ONLY)
        self.equal(self.tops(domain), {"vda": "vda.s", "vdb": "vdb.s"}, "then it works")
        self.define(domain)
        self.gone(domain)

    def define(self, domain):
        """The definition that a snapshot has prepared would replace one that comes meanwhile."""
        if not self.daemon.can_fail():
            return
        xml = domain.XMLDesc(INACTIVE)
        jobs.wait_for(lambda: "<qbj:snapshot" not in self.daemon.status_xml("fails"), 20)   # the last one's, saved late
        self.daemon.fail("save-hang:2+")
        call = suite.Waiting(lambda: suite.code(domain.snapshotCreateXML, snapshot_xml("t"), DISK_ONLY))
        begun = jobs.wait_for(lambda: "<qbj:snapshot" in (self.daemon.status_xml("fails") or ""), 20)
        self.ok(begun, "a snapshot stands still before its definition is saved")
        self.refused(lambda: self.conn.defineXML(xml), libvirt.VIR_ERR_OPERATION_INVALID, "is being made",
                     "a definition beside it is refused at once")
        self.daemon.fail(None)
        call.join()
        self.equal((call.value, self.tops(domain, INACTIVE)), (0, {"vda": "vda.t", "vdb": "vdb.t"}), "it goes on")
        self.equal(suite.code(self.conn.defineXML, domain.XMLDesc(INACTIVE)), 0, "and then the domain can be defined")

    def manual(self, domain, before):
        """08/S2.14: the guest goes on when its disks are not switched."""
        xml = snapshot_xml("s", disk("vda"), disk("vdb", mode="manual"))
        self.refused(lambda: domain.snapshotCreateXML(xml, DISK_ONLY | QUIESCE), libvirt.VIR_ERR_OPERATION_UNSUPPORTED,
                     "snapshot='manual'", "frozen, and then stopped")
        self.unchanged(domain, before, "QUIESCE beside 'manual'")
        if self.daemon.can_fail():
            self.daemon.fail("moment-switch:1+")
            self.ok(suite.code(domain.snapshotCreateXML, xml, DISK_ONLY), "a snapshot with a manual disk fails")
            self.daemon.fail(None)
            self.unchanged(domain, before, "a manual disk")

    def full(self, domain, before):
        """08/S2.9: no room for the second overlay."""
        folder = self.daemon.path("img", "full")
        os.makedirs(folder)
        mount = ["mount", "-t", "tmpfs", "-o", "size=8k,mode=755", "tmpfs", folder]
        if subprocess.run(self.daemon.namespace_prefix() + mount, check=False).returncode:
            return self.out.skip("%s: a full file system" % self.mode, "it cannot be mounted")
        xml = snapshot_xml("s", disk("vda"), disk("vdb", os.path.join(folder, "image")))
        self.ok(suite.code(domain.snapshotCreateXML, xml, DISK_ONLY), "it fails when the file system is full")
        self.unchanged(domain, before, "a full file system")
        subprocess.run(self.daemon.namespace_prefix() + ["umount", folder], check=True)
        return True

    def test_qemu(self):
        """QEMU dies before it switches, and behind it: the domain starts again, on what its definition says."""
        for word, tops in (("blockdev-add", {"vda": "vda.1", "vdb": "vdb.1"}), ("transaction", None)):
            domain = self.make("qemu-" + word)
            self.daemon.die_at(word, -1, signal.SIGSTOP)
            thread = suite.Waiting(lambda: suite.code(domain.snapshotCreateXML, snapshot_xml("s"), DISK_ONLY))
            self.ok(self.daemon.died() is not None, "the daemon stands still before " + word)
            os.kill(self.daemon.qemu_pid(domain.name()), signal.SIGKILL)
            self.daemon.ask(do="signal", pid=self.daemon.pid, signal=int(signal.SIGCONT))
            thread.join()
            self.ok(thread.value, "it fails: QEMU has died before " + word)
            self.ok(jobs.wait_for(lambda: domain.state()[0] == SHUT, 20), "the domain is shut off")
            self.whole(domain, "QEMU dies before " + word)
            self.ok(tops is None or self.tops(domain) == tops, "it is as before", self.tops(domain))
            self.gone(domain)

    # --- a daemon that dies ------------------------------------------------------------------------------------------

    def test_daemon(self):
        """At chosen steps of a snapshot of two disks: old or new."""
        self.deaths(range(2, STEPS, 9))

    def test_power(self):
        """A power cut after each save of a snapshot, and of one that is taken back: no record, no QEMU. Where the
        domain is on its old images no snapshot says that they hold what was then."""
        if not self.daemon.can_fail():
            return self.out.skip("%s: power cuts" % self.mode, "needs faults")
        for fault in ["die-save:%d" % n for n in (2, 3, 4)] + ["moment-switch:1,die-save:%d" % n for n in (5, 6)]:
            domain = self.make("power")
            old, pid = self.tops(domain), self.daemon.qemu_pid("power")
            self.daemon.fail(fault)
            self.ok(suite.code(domain.snapshotCreateXML, snapshot_xml("s"), DISK_ONLY), "the daemon dies at " + fault)
            self.daemon.fail(None)
            os.kill(pid, signal.SIGKILL)
            for name in os.listdir(self.daemon.state_dir):
                if name.startswith("power."):
                    os.unlink(os.path.join(self.daemon.state_dir, name))
            self.daemon.start()
            self.connect()
            domain = self.conn.lookupByName("power")
            self.equal(domain.state()[0], SHUT, fault + ": its guest is gone")
            now, names = self.tops(domain), domain.snapshotListNames()
            self.ok(now == {t: t + ".s" for t in old} or (now, names) == (old, []),
                    fault + ": on the overlays, or there is no snapshot", (now, names))
            self.gone(domain)
            shutil.rmtree(self.folder)
        return True

    def test_sweep(self):
        """At each of them."""
        self.deaths(range(200))

    def deaths(self, steps):
        domain, number = self.make("death"), 0
        for step in steps:
            number += 1
            name = "s%d" % number
            self.daemon.die_at("-", step)
            code = suite.code(domain.snapshotCreateXML, snapshot_xml(name), DISK_ONLY)
            died = self.daemon.died(0 if code == 0 else 20)
            if died is None:
                self.equal(code, 0, "step %d is behind the snapshot" % step)
                self.daemon.restart()           # that one counts on
                self.connect()
                break
            self.daemon.start()
            self.connect()
            domain = self.conn.lookupByName("death")
            self.settled(domain, name, "a daemon that dies at step %d (%s)" % (step, died))
        self.gone(self.conn.lookupByName("death"))

    def settled(self, domain, name, what):
        record = lambda: "<qbj:snapshot" in (self.daemon.status_xml("death") or "<qbj:snapshot")
        done = lambda: domain.state()[0] == RUNNING and not record()
        self.ok(jobs.wait_for(done, 30), what + ": it is settled", lambda: self.daemon.log_tail())
        new = {"vda": "vda." + name, "vdb": "vdb." + name}
        isnew = self.tops(domain) == new
        self.whole(domain, what)
        listed = name in domain.snapshotListNames()
        self.equal((listed, name + ".xml" in self.kept("death")), (isnew, isnew), what + ": so do the metadata")
        self.equal(self.open_files(domain), set(self.tops(domain).values()), what + ": QEMU writes there")
        left = [n for n in self.files() if n.endswith("." + name)]
        self.equal(left, sorted(new.values()) if isnew else [], what + ": no file is left over")
        self.ok(domain.snapshotNum() == 0 or
                [s.isCurrent() for s in domain.listAllSnapshots()].count(1) == 1, what + ": one is the current one")

    def whole(self, domain, what):
        """Both definitions name the same images, of all disks the old ones or the new ones."""
        tops = self.tops(domain)
        self.equal(self.tops(domain, INACTIVE), tops, what + ": both definitions name the same images")
        self.equal(len({name.split(".", 1)[1] for name in tops.values()}), 1, what + ": all disks, or none")


if __name__ == "__main__":
    sys.exit(suite.main("snapshots", __doc__, Snapshots, modes=("system",), kind=SaveDaemon,
                        ours="the stock driver is tried beside ours"))
