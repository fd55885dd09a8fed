#!/usr/bin/python3
"""Snapshots of running guests with their memory in a file (08/S6): while they write, from and to the stock driver, with
each failure, called off, with a daemon that dies at each step."""

import os
import signal
import shutil
import subprocess
import sys

import libvirt

import jobs
import plain
import suite
from guest import BLOCK, Guest, parse_block, read_image
from images import make_chain
from jobtest import fill
from save import FORMATS, SaveDaemon, header
from writes import Run

LIVE = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_LIVE
HALT = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_HALT
REUSE = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT
NO_METADATA = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA
QUIESCE = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE
DISK_ONLY = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY
ACTIVE = libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE
INACTIVE = libvirt.VIR_DOMAIN_XML_INACTIVE
SHUT, PAUSED, RUNNING = libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_RUNNING
NAMES = ("vda", "vdb")
SUSPENDED, RESUMED = (3, 0), (4, 0)


def disk(target, path=None, mode="external"):
    source = "<source file='%s'/>" % path if path else ""
    return "<disk name='%s' snapshot='%s'>%s</disk>" % (target, mode, source)


class FullSystem(suite.DaemonChecks):
    BY_NAME = ["sweep"]  # takes minutes

    def connect(self):
        super().connect()
        self.events = jobs.Events(self.conn)
        self.conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, self.on_completed, None)

    def on_completed(self, _conn, domain, params, _opaque):
        self.events.add((domain.name(), "completed", params.get("operation")))

    def told(self, wanted, what, since):
        def got():
            with self.events.changed:
                return [e[2:] if e[1] == "lifecycle" else e[1:] for e in self.events.got[since:] if e[0] == self.name]
        jobs.wait_for(lambda: len(got()) >= len(wanted), 20)
        return self.equal(got(), wanted, what)

    def make(self, name, run=True):
        """A persistent domain without an operating system, with two disks."""
        self.name, self.folder = name, plain.folder(self.daemon, name)
        self.paths = {t: make_chain(self.folder, ["%s.%d" % (t, n) for n in range(2)], fill=fill) for t in NAMES}
        self.daemon.own(*self.paths["vda"], *self.paths["vdb"])
        domain = self.conn.defineXML(plain.domain(name, [plain.disk(t, p[-1]) for t, p in self.paths.items()]))
        if run:
            domain.create()             # what it is told by comes before all that is counted
            self.events.wait(lambda e: e[:3] == (name, "lifecycle", libvirt.VIR_DOMAIN_EVENT_STARTED), 20)
        return domain

    def again(self):
        self.connect()
        return self.conn.lookupByName(self.name)

    def gone(self, domain):
        if domain.isActive():
            domain.destroy()
        domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA)

    def xml(self, name, *disks, memory="memory"):
        text = "<disks>%s</disks>" % "".join(disks) if disks else ""
        return "<domainsnapshot><name>%s</name><memory snapshot='external' file='%s'/>%s</domainsnapshot>" % (
            name, os.path.join(self.folder, memory), text)

    def tops(self, domain, flags=0):
        xml = domain.XMLDesc(flags)
        return {t: os.path.basename(jobs.chain(xml, t)[0][0]) for t in NAMES}

    def files(self):
        return sorted(os.listdir(self.folder))

    def record(self):
        text = self.daemon.status_xml(self.name) or ""
        return "<qbj:snapshot" in text or "async=" in text

    def seen(self, domain):
        """All that a snapshot that has failed leaves as it was."""
        return (self.tops(domain), self.tops(domain, INACTIVE), self.files(), sorted(domain.snapshotListNames()),
                domain.state()[0])

    def unchanged(self, domain, before, what):
        jobs.wait_for(lambda: not self.record() and self.seen(domain) == before, 20)
        self.equal(self.seen(domain), before, what + ": nothing has changed")
        self.ok(not self.record(), what + ": no record is left")

    def made(self, domain, name, what, state=RUNNING, memory="memory"):
        """The snapshot of both disks is there: images, memory, metadata, the guest as it was."""
        new = {t: "%s.%s" % (t, name) for t in NAMES}
        self.equal((self.tops(domain), self.tops(domain, INACTIVE)), (new, new), what + ": the overlays")
        self.equal(domain.state()[0], state, what + ": the guest")
        self.image(memory, what, state)
        self.ok(not self.record(), what + ": no record is left")

    def image(self, memory, what, state=RUNNING):
        path = os.path.join(self.folder, memory)
        self.equal((header(path)[0], header(path)[3], oct(os.stat(path).st_mode)[-3:]),
                   (b"LibvirtQemudSave", int(state == RUNNING), "600"), what + ": the memory file")
        self.equal([n for n in self.files() if n.startswith(memory + ".")], [], what + ": and no other one of it")

    def signal(self, which):
        self.daemon.ask(do="signal", pid=self.daemon.pid, signal=int(which))

    # --- what works --------------------------------------------------------------------------------------------------

    def test_kinds(self):
        """08/S6.1, S6.2, S6.8: each way; reverted to."""
        domain = self.make("kinds")
        for flags, name in ((0, "plain"), (LIVE, "live")):
            since = self.events.mark()
            domain.snapshotCreateXML(self.xml(name, memory=name), flags)
            self.made(domain, name, name, memory=name)
            self.told([SUSPENDED, RESUMED, ("completed", 6)], name + ": the events", since)
            self.equal(domain.jobStats(libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED).get("operation"), 6, name + ": is told")
            self.ok("<state>running</state>" in domain.snapshotCurrent().getXMLDesc(), name + ": the state of then")
        domain.suspend()
        domain.snapshotCreateXML(self.xml("paused", memory="paused"))
        self.made(domain, "paused", "a guest that is paused", PAUSED, memory="paused")
        domain.blockCommit("vda", None, None, 0, ACTIVE)
        self.ok(jobs.wait_ready(domain, "vda"), "its images can be worked on while it is paused")
        domain.blockJobAbort("vda")
        jobs.wait_gone(domain, "vda")
        domain.resume()
        for name, state in (("live", RUNNING), ("paused", PAUSED), ("plain", RUNNING)):
            domain.revertToSnapshot(domain.snapshotLookupByName(name))
            self.equal(domain.state()[0], state, "reverted to %s: the state of then" % name)
        self.gone(domain)

    def test_parts(self):
        """08/S6.4: the memory alone, one disk; without metadata, HALT, 'manual', a file that is there."""
        domain = self.make("parts")
        old = {"vda": "vda.1", "vdb": "vdb.1"}
        for flags in (0, LIVE):
            domain.snapshotCreateXML(self.xml("m", disk("vda", mode="no"), disk("vdb", mode="no")), flags | NO_METADATA)
            self.equal((self.tops(domain), domain.snapshotNum(), domain.state()[0]), (old, 0, RUNNING),
                       "the memory alone, without metadata, flags %d" % flags)
            self.image("memory", "the memory alone")
            os.unlink(os.path.join(self.folder, "memory"))
        domain.snapshotCreateXML(self.xml("one", disk("vdb", mode="no")))
        self.equal(self.tops(domain), {"vda": "vda.one", "vdb": "vdb.1"}, "one disk")
        self.refused(lambda: domain.snapshotCreateXML(self.xml("x"), 0), libvirt.VIR_ERR_CONFIG_UNSUPPORTED,
                     "is the memory of snapshot 'one'", "another snapshot's memory")
        both = disk("vda", mode="no"), disk("vdb", mode="no")
        self.refused(lambda: domain.snapshotCreateXML(self.xml("x", *both), REUSE), libvirt.VIR_ERR_CONFIG_UNSUPPORTED,
                     "is the memory of snapshot 'one'", "not even with REUSE_EXT")
        with open(os.path.join(self.folder, "there"), "w") as f:
            f.write("something")
        self.refused(lambda: domain.snapshotCreateXML(self.xml("x", *both, memory="there")),
                     libvirt.VIR_ERR_CONFIG_UNSUPPORTED, "already exists", "a file with something in it")
        domain.snapshotCreateXML(self.xml("two", *both, memory="there"), REUSE)
        self.image("there", "REUSE_EXT")
        domain.snapshotCreateXML(self.xml("three", disk("vda"), disk("vdb", mode="manual"), memory="third"))
        self.equal((self.tops(domain), domain.state()), ({"vda": "vda.three", "vdb": "vdb.1"},
                                                         [PAUSED, libvirt.VIR_DOMAIN_PAUSED_SNAPSHOT]), "08/S2.14")
        domain.resume()
        domain.snapshotCreateXML(self.xml("halt", memory="halt"), HALT)
        self.equal((domain.state(), self.tops(domain)),
                   ([SHUT, libvirt.VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT], {"vda": "vda.halt", "vdb": "vdb.halt"}), "HALT")
        self.image("halt", "HALT")
        domain.revertToSnapshot(domain.snapshotLookupByName("halt"))
        self.equal(domain.state()[0], RUNNING, "and back to it")
        self.gone(domain)

    def test_virsh(self):
        """The lines of the manual's page."""
        domain, text = self.make("guest"), os.path.join(self.folder, "guest.memory")
        for line in ("snapshot-create-as guest before --memspec file=%s --diskspec vda,snapshot=external" % text,
                     "snapshot-create-as guest again --memspec file=%s2,snapshot=external --live --atomic" % text,
                     "snapshot-revert guest before", "domjobinfo guest"):
            done = self.daemon.virsh(*line.split())
            self.equal(done[0], 0, "virsh %s: %s" % (line, done[1].strip()))
        for line in ("snapshot-create-as guest x --memspec file=%s3 --quiesce" % text,
                     "snapshot-create-as guest x --memspec file=%s3 --disk-only" % text):
            self.ok(self.daemon.virsh(*line.split())[0] != 0, "virsh %s is refused" % line)
        self.gone(domain)

    def test_formats(self):
        """snapshot_image_format of qemu.conf."""
        domain, conf = self.make("formats"), self.daemon.path("etc", "qemu.conf")
        with open(conf) as f:
            before = f.read()
        try:
            for number, word in enumerate(FORMATS + ["zip"]):
                with open(conf, "w") as f:
                    f.write(before + 'snapshot_image_format = "%s"\n' % word)
                self.daemon.restart()
                self.format(self.again(), number, word)
        finally:
            with open(conf, "w") as f:
                f.write(before)
            self.daemon.restart()
            domain = self.again()
        self.gone(domain)

    def format(self, domain, number, word):
        before = self.seen(domain)
        if word not in FORMATS or (word != "raw" and not shutil.which(word)):
            self.refused(lambda: domain.snapshotCreateXML(self.xml(word, memory="m-" + word)),
                         libvirt.VIR_ERR_OPERATION_FAILED, "'%s'" % word, "%s is not known, or not there" % word)
            return self.unchanged(domain, before, word)
        domain.snapshotCreateXML(self.xml(word, memory="m-" + word), LIVE)
        self.equal(header(os.path.join(self.folder, "m-" + word))[4], number, word + " is written")
        domain.revertToSnapshot(domain.snapshotLookupByName(word))
        self.equal(domain.state()[0], RUNNING, word + " is read")

    def last(self, ring, content):
        """The highest number of a block in it."""
        starts = [(ring.base + n) * BLOCK for n in range(ring.blocks)]
        blocks = [parse_block(content[at:at + BLOCK])[0] for at in starts]
        return max(block[0] for block in blocks if block)

    def moment(self, run, name, flags):
        """A snapshot while it writes; what was acknowledged before and afterwards."""
        run.writing("before " + name)
        before = {t: run.log.acked(t) for t in run.disks}
        run.domain.snapshotCreateXML(self.xml(name, memory=name), flags)
        self.equal(run.domain.state()[0], RUNNING, name + ": it runs")
        return before, {t: run.log.acked(t) for t in run.disks}

    def kept(self, run, name, images, acked):
        """The images of that moment have what was acknowledged before, and nothing of later."""
        for target, disk_ in run.disks.items():
            content = read_image(images[target], "qcow2")
            self.equal(disk_.ring.check(content, acked[0][target], final=False), [],
                       "%s of %s: all that was acknowledged before" % (target, name))
            self.ok(self.last(disk_.ring, content) <= acked[1][target] + disk_.ring.batch,
                    "%s of %s: nothing of later" % (target, name))

    def test_writing(self):
        """A guest that writes, snapshot both ways, gone back to, by both drivers, with files of both."""
        run = Run(self.out, self.daemon, Guest(self.guest.cache), "writing", ["vda", "vdb"])
        self.name, self.folder = "writing", os.path.dirname(run.disks["vda"].top)
        acked, images = {}, {}
        for name, flags in (("plain", 0), ("live", LIVE)):
            images[name] = {t: run.chain(t)[0] for t in run.disks}
            acked[name] = self.moment(run, name, flags)
        run.writing("after both")
        for name in ("plain", "live"):
            self.kept(run, name, images[name], acked[name])
        for name in ("live", "plain"):
            run.domain.revertToSnapshot(run.domain.snapshotLookupByName(name))
            run.writing("after the revert to " + name)
        self.equal(run.log.errors(), [], "the guest saw no I/O error")
        self.other(run, "plain", "stock")
        images["stock"] = {t: run.chain(t)[0] for t in run.disks}
        acked["stock"] = self.moment(run, "stock", 0)
        self.kept(run, "stock", images["stock"], acked["stock"])
        self.other(run, "stock", "ours")
        run.domain.destroy()
        run.domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA)

    def other(self, run, name, driver):
        """The other driver restores the memory of a snapshot, on the images of that moment."""
        run.domain.destroy()
        self.daemon.change(driver)
        self.connect()
        run.connect()
        run.conn.restore(os.path.join(self.folder, name))
        run.domain = run.conn.lookupByName(run.name)
        self.equal(run.domain.state()[0], RUNNING, "%s restores the memory of %s" % (driver, name))
        run.writing("after that")

    # --- what fails --------------------------------------------------------------------------------------------------

    def test_refused(self):
        domain = self.make("refused")
        before = self.seen(domain)
        path = lambda name: os.path.join(self.folder, name)
        unsupported, invalid = libvirt.VIR_ERR_CONFIG_UNSUPPORTED, libvirt.VIR_ERR_OPERATION_INVALID
        none = disk("vda", mode="no"), disk("vdb", mode="no")
        os.symlink(self.folder, self.folder + "-link")
        for xml, flags, code, words in (
                (self.xml("x", *none, memory=self.paths["vda"][0]), REUSE, invalid, "is an image of disk 'vda'"),
                (self.xml("x", disk("vda", path("same")), memory="same"), 0, unsupported,
                 "cannot be a disk's image and"),
                (self.xml("x", disk("vda", path("same")), memory=self.folder + "-link/same"), 0, unsupported,
                 "cannot be a disk's image and"),
                (self.xml("x", memory="/nowhere/x"), 0, libvirt.VIR_ERR_SYSTEM_ERROR, "Failed to create file"),
                (self.xml("x", memory="/dev/full"), 0, libvirt.VIR_ERR_OPERATION_UNSUPPORTED, "is no file"),
                (self.xml("x", disk("vda", mode="internal")), 0, unsupported, "disk 'vda' cannot have an internal"),
                (self.xml("x"), DISK_ONLY, libvirt.VIR_ERR_XML_ERROR, "memory state cannot be saved with"),
                (self.xml("x"), QUIESCE, libvirt.VIR_ERR_INVALID_ARG, "DISK_ONLY"),
                ("<domainsnapshot><memory snapshot='external'/></domainsnapshot>", 0, libvirt.VIR_ERR_XML_ERROR,
                 "require a filename"),
                ("<domainsnapshot><memory snapshot='external' file='a/b'/></domainsnapshot>", 0,
                 libvirt.VIR_ERR_XML_ERROR, "must be absolute"),
                ("<domainsnapshot><name>x</name></domainsnapshot>", LIVE, libvirt.VIR_ERR_OPERATION_UNSUPPORTED,
                 "live snapshot creation is supported only")):
            self.refused(lambda: domain.snapshotCreateXML(xml, flags), code, words, words)
            self.unchanged(domain, before, words)
        os.unlink(self.folder + "-link")
        self.guards(domain, none)
        self.equal(self.seen(domain), before, "nothing has changed")
        domain.destroy()
        self.refused(lambda: domain.snapshotCreateXML(self.xml("x")), libvirt.VIR_ERR_XML_ERROR,
                     "memory state cannot be saved with", "of a domain that is shut off")
        self.gone(domain)

    def guards(self, domain, none):
        """07/G1.1, G1.2, G1.3, 08/S6.5: the busy disk is told before the busy domain; no disk is needed for that."""
        domain.blockPull("vda", 1, libvirt.VIR_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES)
        for disks, code in (((), libvirt.VIR_ERR_OPERATION_UNSUPPORTED), (none, libvirt.VIR_ERR_OPERATION_INVALID),
                            ((disk("vda", mode="no"),), libvirt.VIR_ERR_OPERATION_INVALID)):
            for flags in (0, LIVE):
                self.refused(lambda: domain.snapshotCreateXML(self.xml("x", *disks), flags), code, "active block job",
                             "beside a pull: %d disks are left out, flags %d" % (len(disks), flags))
        domain.blockJobAbort("vda")
        jobs.wait_gone(domain, "vda")
        domain.blockCommit("vda", None, None, 0, ACTIVE)
        jobs.wait_ready(domain, "vda")
        for disks, code in (((), libvirt.VIR_ERR_BLOCK_COPY_ACTIVE), (none, libvirt.VIR_ERR_OPERATION_INVALID)):
            self.refused(lambda: domain.snapshotCreateXML(self.xml("x", *disks)), code, "active block job",
                         "beside a mirror: %d disks are left out" % len(disks))
        domain.blockJobAbort("vda")
        jobs.wait_gone(domain, "vda")

    def failing(self, domain, before, flags, what):
        failed = suite.code(domain.snapshotCreateXML, self.xml("x"), flags)
        self.daemon.fail(None)
        if self.ok(failed, what + ": it fails"):
            self.unchanged(domain, before, what)

    def test_faults(self):
        """At the n-th of each kind of step: nothing is left, the guest runs, a file that was there is there again."""
        if not self.daemon.can_fail():
            return self.out.skip("%s: faults" % self.mode, "the module has none")
        domain = self.make("faults")
        path = os.path.join(self.folder, "memory")
        for there in (False, True):
            if there:
                with open(path, "w") as f:
                    f.write("something")
            before = self.seen(domain)
            for live in (0, LIVE):
                flags = live | (REUSE if there else 0)
                for fault in ("image-create:1", "image-seal:1", "image-sync:1", "moment-memory:1", "moment-switch:1",
                              "save:1", "save:2", "save:5", "save:6", "save-write:2",
                              "qmp-error:4", "qmp-error:8", "qmp-error:11", "qmp-answer:9", "qmp-send:7"):
                    self.daemon.fail(fault)
                    self.failing(domain, before, flags, "%s, flags %d" % (fault, flags))
                    if there:
                        with open(path) as f:
                            self.equal(f.read(), "something", fault + ": what was there before is there")
            if there:
                os.unlink(path)
        domain.snapshotCreateXML(self.xml("s"), LIVE)
        self.made(domain, "s", "and then it works")
        self.gone(domain)
        return True

    def test_stands(self):
        """A guest that QEMU does not continue at once: the snapshot is made, and what comes later is not refused."""
        if not self.daemon.can_fail():
            return self.out.skip("%s: a guest that is not continued" % self.mode, "needs faults")
        domain = self.make("stands")
        for name, flags in (("plain", 0), ("live", LIVE)):
            self.daemon.fail("vm-cont:1")
            domain.snapshotCreateXML(self.xml(name, memory=name), flags)
            self.ok(jobs.wait_for(lambda: domain.state()[0] == RUNNING and not self.record(), 20),
                    name + ": the guest goes on later", lambda: domain.state())
            self.daemon.fail(None)
            self.made(domain, name, name, memory=name)
            self.equal(domain.jobInfo()[0], libvirt.VIR_DOMAIN_JOB_NONE, name + ": nothing goes on")
        path = self.daemon.path("img", "stands.save")
        domain.save(path)
        self.conn.restore(path)
        self.equal(domain.state()[0], RUNNING, "and it can be saved")
        self.gone(domain)
        return True

    def test_others(self):
        """REUSE_EXT: a file that somebody has as an image is not replaced (08/S6.2)."""
        owner = self.make("owner", run=False)
        path = self.paths["vda"][-1]
        domain = self.make("borrower")
        none = disk("vda", mode="no"), disk("vdb", mode="no")
        before = self.seen(domain)
        with open(path, "rb") as f:
            content = f.read()
        for memory, code, words in ((path, libvirt.VIR_ERR_INVALID_ARG, "is an image of domain 'owner'"),
                                    (self.paths["vda"][0], libvirt.VIR_ERR_OPERATION_INVALID, "disk 'vda'")):
            self.refused(lambda: domain.snapshotCreateXML(self.xml("x", *none, memory=memory), REUSE), code, words,
                         words)
            self.unchanged(domain, before, words)
        with open(path, "rb") as f:
            self.ok(f.read() == content, "the image is as it was")
        if self.daemon.can_fail():
            with open(os.path.join(self.folder, "there"), "w") as f:
                f.write("something")
            before, since = self.seen(domain), self.events.mark()
            self.daemon.fail("image-link:1")
            self.ok(suite.code(domain.snapshotCreateXML, self.xml("x", *none, memory="there"), REUSE),
                    "a file system without hard links")
            self.daemon.fail(None)
            self.unchanged(domain, before, "a file system without hard links")
            self.equal([e for e in self.events.got[since:] if e[1] == "lifecycle"], [], "the guest was not stopped")
        self.gone(domain)
        owner.undefine()

    def test_full(self):
        """A file system that is full."""
        domain, folder = self.make("full"), self.daemon.path("img", "full-small")
        before, prefix = self.seen(domain), self.daemon.namespace_prefix()
        os.mkdir(folder)
        subprocess.run(prefix + ["mount", "-t", "tmpfs", "-o", "size=200k", "none", folder], check=True)
        for flags in (0, LIVE):
            self.ok(suite.code(domain.snapshotCreateXML, self.xml("x", memory=folder + "/x"), flags), "a full disk")
            self.unchanged(domain, before, "a full disk, flags %d" % flags)
            left = subprocess.run(prefix + ["ls", folder], check=True, capture_output=True).stdout
            self.equal(left, b"", "no half file")
        subprocess.run(prefix + ["umount", "-l", folder], check=True)
        self.gone(domain)

    def stands(self, domain, flags, word):
        """A snapshot whose stream stands still, for QEMU does; gives who waits for it, and QEMU's number."""
        self.daemon.die_at(word, -1, signal.SIGSTOP)
        thread = suite.Waiting(lambda: suite.code(domain.snapshotCreateXML, self.xml("x"), flags))
        self.ok(self.daemon.died() is not None, "the daemon stands still before " + word)
        return thread, self.daemon.stop_qemu(self.name)

    def test_abort(self):
        """virDomainAbortJob: the guest runs on, no half file. What only asks does not wait, what is in the way is told
        at once (07/G1.4, G1.16)."""
        domain = self.make("abort")
        before = self.seen(domain)
        for flags in (0, LIVE):
            thread, pid = self.stands(domain, flags, "migrate-set-parameters")
            there = jobs.wait_for(lambda: domain.jobInfo()[0] == libvirt.VIR_DOMAIN_JOB_UNBOUNDED, 20)
            self.ok(there, "there is a job")
            self.equal(domain.jobStats().get("operation"), libvirt.VIR_DOMAIN_JOB_OPERATION_SNAPSHOT, "a snapshot")
            self.equal(domain.state()[0], RUNNING if flags else PAUSED, "flags %d: the guest meanwhile" % flags)
            for what, call in (("save", lambda: domain.save(self.daemon.path("img", "another"))),
                               ("block job", lambda: domain.blockPull("vda", 0, 0)),
                               ("snapshot", lambda: domain.snapshotCreateXML(self.xml("y", memory="y"))),
                               ("snapshot of disks", lambda: domain.snapshotCreateXML("<domainsnapshot/>", DISK_ONLY))):
                self.refused(call, libvirt.VIR_ERR_OPERATION_INVALID, "busy with another operation: snapshot",
                             "no %s meanwhile" % what)
            domain.abortJob()
            os.kill(pid, signal.SIGCONT)
            thread.join()
            self.equal(thread.value, libvirt.VIR_ERR_OPERATION_ABORTED, "flags %d: it was called off" % flags)
            self.unchanged(domain, before, "called off, flags %d" % flags)
        self.gone(domain)

    def test_qemu(self):
        """QEMU dies while it writes; a client destroys the domain meanwhile."""
        for how in ("killed", "destroyed"):
            domain = self.make("qemu-" + how)
            before = self.seen(domain)[:4] + (SHUT,)
            thread, pid = self.stands(domain, 0, "getfd")
            if how == "killed":
                os.kill(pid, signal.SIGKILL)
            else:
                end = suite.Waiting(lambda: suite.code(domain.destroy))
                end.join()
                self.equal(end.value, 0, "it is destroyed")
            thread.join()
            self.ok(thread.value, how + ": it fails")
            self.ok(jobs.wait_for(lambda: domain.state()[0] == SHUT, 20), how + ": the domain is shut off")
            jobs.wait_for(lambda: self.seen(domain) == before, 10)
            self.equal(self.seen(domain), before, how + ": nothing is left")
            self.gone(domain)

    # --- a daemon that dies ------------------------------------------------------------------------------------------

    def test_daemon(self):
        """At chosen steps: old or new."""
        self.deaths(0, range(3, 200, 17))
        self.deaths(LIVE, range(8, 200, 23))

    def test_sweep(self):
        """At each of them."""
        for flags in (0, LIVE):
            self.deaths(flags, range(300))

    def deaths(self, flags, steps):
        domain = self.make("death-%d" % flags)
        for number, step in enumerate(steps):
            name = "s%d" % number
            self.daemon.die_at("-", step)
            code = suite.code(domain.snapshotCreateXML, self.xml(name, memory="m-" + name), flags)
            died = self.daemon.died(0 if code == 0 else 20)
            if died is None:
                self.equal(code, 0, "step %d is behind the snapshot" % step)
                self.daemon.restart()           # that one counts on
                domain = self.again()
                break
            self.daemon.start()
            domain = self.again()
            self.settled(domain, name, "flags %d, a daemon that dies at step %d (%s)" % (flags, step, died))
        self.gone(domain)

    def settled(self, domain, name, what):
        done = lambda: domain.state()[0] == RUNNING and self.daemon.status_xml(self.name) and not self.record()
        self.ok(jobs.wait_for(done, 30), what + ": it is settled, and runs", lambda: self.daemon.log_tail())
        tops, new = self.tops(domain), {t: "%s.%s" % (t, name) for t in NAMES}
        isnew = tops == new
        self.equal(self.tops(domain, INACTIVE), tops, what + ": both definitions name the same images")
        self.equal(len({top.split(".", 1)[1] for top in tops.values()}), 1, what + ": all disks, or none")
        self.equal(name in domain.snapshotListNames(), isnew, what + ": so do the metadata")
        wanted = sorted(list(new.values()) + ["m-" + name]) if isnew else []
        self.equal([n for n in self.files() if n.endswith("." + name) or n.startswith("m-" + name)], wanted,
                   what + ": all files, or none")
        if isnew:
            self.image("m-" + name, what)
            domain.revertToSnapshot(domain.snapshotLookupByName(name))
            self.equal(domain.state()[0], RUNNING, what + ": it can be gone back to")


if __name__ == "__main__":
    sys.exit(suite.main("fullsystem", __doc__, FullSystem, modes=("system",), kind=SaveDaemon,
                        ours="the stock driver is tried beside ours"))
