#!/usr/bin/python3
"""Reverts beyond the plain ones: of transient domains, whose run is all that they are; of images with dirty bitmaps;
with daemons that die and QEMUs that do not come to run."""

import contextlib
import json
import os
import signal
import sys

import libvirt

import jobs
import suite
from guest import Guest
from images import ImageError, backing, info, qemu_img, qemu_io
from inside import Inside, SNAPSHOT
from jobtest import holds
from undo import INACTIVE, OFF, PAUSED, RUNNING, START_PAUSED, UndoDaemon, Waiting
from writes import Run

METADATA_ONLY = libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY
RUN, STAY = libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING, libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED
MEMORY = "<domainsnapshot><name>%s</name><memory snapshot='external' file='%s'/></domainsnapshot>"


class Reverts(Inside):
    BY_NAME = ["sweep"]  # takes minutes

    # --- transient domains --------------------------------------------------------------------------------------------

    def transient(self, name, layers, targets=("vda",), **more):
        """As made(), running, and without a persistent definition."""
        self.made(name, layers, targets, **more)
        if not self.domain.isActive():
            self.domain.createWithFlags(START_PAUSED)
        self.events.wait(lambda e: e[:3] == (self.name, "lifecycle", 3), 20)
        self.domain.undefine()
        self.equal(self.domain.isPersistent(), 0, name + ": it is transient")

    def listed(self):
        return self.name in [d.name() for d in self.conn.listAllDomains()]

    def over(self, what):
        """Ended, nothing of the domain is left."""
        if self.listed():
            self.domain.destroy()
        self.ok(jobs.wait_for(lambda: not self.listed(), 10), what + ": the domain has gone")
        self.ok(not os.path.exists(self.daemon.metadata(self.name)), what + ": so have its metadata and records")

    def test_transient(self):
        """08/S9, E12: disks of external snapshots; the guest boots."""
        ends, begins = (5, 6), (2, 3)
        for layer, flags, state, events in ((2, RUN, RUNNING, [ends, (4, 0), begins]),
                                            (0, STAY, PAUSED, [ends, begins, (3, 0)])):
            name, what = "s%d" % (layer + 1), "a transient domain to layer %d" % layer
            self.transient("transient-%d" % layer, 4, ("vda", "vdb"))
            self.refused(lambda: self.revert(name), libvirt.VIR_ERR_OPERATION_INVALID,
                         "transient domain needs to request run or pause", what + ", without a flag (07/E12)")
            before, since = self.sums(), self.events.mark()
            self.revert(name, flags)
            self.equal((self.domain.state()[0], self.domain.isPersistent(), self.tree()[1]), (state, 0, name),
                       what + ": what it is")
            self.told(since, events, what + ": the events")
            self.equal(self.chain(0)[1:], self.paths["vda"][layer::-1], what + ": the chain")
            tops = {t: self.chain(0, t)[0] for t in self.paths}
            self.over(what)
            for target, top in tops.items():
                self.equal(holds(top, range(layer + 1)), None, "%s: the data of %s" % (what, target))
                qemu_io(top, "qcow2", *["read -P 0 %dM 1M" % n for n in range(layer + 1, 4)])
            after = self.sums()
            self.equal([n for n in before if after.get(n) != before[n]], ["vda.3", "vdb.3"],
                       what + ": only what has no use has gone")

    def test_transientinside(self):
        """Internal ones: the events and states of the stock driver."""
        stops, ends, begins, goes, stands = (3, 0), (5, 6), (2, 3), (4, 2), (3, 5)
        self.made("transientinside", 1, ("vda", "vdb"), run=False)
        self.both(1)
        self.create("off")
        kept = self.domain.snapshotLookupByName("off").getXMLDesc()
        self.gone()
        self.domain = self.conn.createXML(self.xml(0), START_PAUSED)
        self.events.wait(lambda e: e[:3] == (self.name, "lifecycle", 3), 20)
        self.domain.snapshotCreateXML(kept, libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE)
        self.both(2)
        self.create("i2")
        self.both(3)
        self.refused(lambda: self.revert("off"), libvirt.VIR_ERR_OPERATION_INVALID,
                     "transient domain needs to request run or pause", "to one that was shut off (07/E12)")
        for n, (name, flags, state, reason, events) in enumerate((
                ("i2", 0, PAUSED, 7, [ends, begins, stands]), ("i2", RUN, RUNNING, 4, [ends, begins, goes]),
                ("off", RUN, RUNNING, 1, [stops, ends, (4, 0), begins]),
                ("i2", STAY, PAUSED, 7, [stops, ends, begins, stands]))):
            since = self.events.mark()
            self.revert(name, flags)
            what = "internal revert %d, to %s" % (n, name)
            self.equal(self.domain.state(), [state, reason], what + ": the state")
            self.told(since, events, what + ": the events")
            self.equal((self.domain.isPersistent(), self.tree()[1]), (0, name), what + ": what it is")
        self.over("internal")
        self.content(2, "internal")

    def test_transientmemory(self):
        """A guest that writes goes on where it was, with the memory within the image and in a file."""
        run = Run(self.out, self.daemon, Guest(self.guest.cache), "transientmemory", ["vda"])
        self.name, self.domain, disk = run.name, run.domain, run.disks["vda"]
        self.paths = {"vda": disk.paths}
        self.domain.undefine()
        memory = self.daemon.path("img", self.name, "memory")
        for name, xml in (("i1", SNAPSHOT % "i1"), ("e2", MEMORY % ("e2", memory))):
            run.writing("before " + name)
            before = run.log.acked("vda")
            self.domain.snapshotCreateXML(xml)
            run.writing("after " + name)
            self.revert(name, STAY)
            self.domain.resume()
            run.writing("after the revert to " + name)
            first = int(run.log.records("A")[0][2])
            self.ok(first >= before, name + ": the guest has gone on, it has not booted", first)
        top = self.chain(0)[0]
        self.over("with memory")
        self.equal(run.log.errors(), [], "the guest saw no I/O error")
        self.equal(disk.check(top, "qcow2", run.log.acked("vda")), [], "all that was acknowledged is in the image")

    def test_transientfails(self):
        """What cannot be saved: the guest of before runs on; once that has ended the domain goes, and its images are as
        they were."""
        if not self.daemon.can_fail():
            return self.out.skip("transientfails", "the module has no debug_checks")
        for kind in ("external", "internal"):
            lives, n = True, 0
            while lives:
                lives, n = self.fails(kind, n + 1), n + 1
            self.ok(n > 2, "%s: the guest runs on at first" % kind, n)

    def fails(self, kind, n):
        """The @n-th save fails; gives whether the guest of before is still there."""
        what = "%s, save %d fails" % (kind, n)
        self.transient("transientfails-%s-%d" % (kind, n), 3 if kind == "external" else 1)
        self.put("vda", 1, 8)
        if kind == "internal":
            self.create("s1")
            self.put("vda", 2, 8)
        files, since = self.files(), self.events.mark()
        self.daemon.fail("save-write:%d" % n)
        self.equal(suite.code(self.revert, "s1", RUN), libvirt.VIR_ERR_SYSTEM_ERROR, what + ": it fails")
        self.daemon.fail(None)
        lives = self.listed()
        if lives:
            self.equal(self.domain.state()[0], PAUSED, what + ": the guest is there")
        else:
            self.told(since, [(5, 6)], what + ": the domain has gone with its guest")
        self.over(what)
        self.equal((self.files(), backing(self.paths["vda"][-1])), (files, (self.paths["vda"][:-1] or [None])[-1]),
                   what + ": the images")
        qemu_io(self.paths["vda"][-1], "qcow2", "read -P %d 8M 1M" % (2 if kind == "internal" else 1))
        self.equal([name for name in self.inner() if name.startswith("qbj-")], [], what + ": nothing is kept in them")
        return lives

    def test_meanwhile(self):
        """A definition that comes in the middle is refused."""
        self.made("meanwhile", 1)
        self.create("i1")
        pid = self.daemon.qemu_pid(self.name)
        os.kill(pid, signal.SIGSTOP)                    # the revert waits for it
        revert = Waiting(lambda: suite.code(self.revert, "i1"))
        xml, conn = self.xml(0), self.daemon.connect()
        refused = jobs.wait_for(lambda: suite.code(conn.defineXML, xml) == libvirt.VIR_ERR_OPERATION_INVALID, 20)
        self.ok(refused, "a definition that comes in the middle of a revert is refused")
        os.kill(pid, signal.SIGCONT)
        self.equal((revert.end(), suite.code(conn.defineXML, xml)), (0, 0), "it ends, and then one is taken")
        self.gone()

    def test_autodestroy(self):
        """AUTODESTROY goes on."""
        self.made("autodestroy", 1, run=False)
        self.gone()
        client = self.daemon.connect()
        self.domain = client.createXML(self.xml(0), START_PAUSED | libvirt.VIR_DOMAIN_START_AUTODESTROY)
        self.put("vda", 1)
        self.create("i1")
        self.domain.revertToSnapshot(self.domain.snapshotLookupByName("i1"), RUN)
        self.domain = self.conn.lookupByName(self.name)
        self.equal(client.close(), 0, "the client that has created it goes")
        self.ok(jobs.wait_for(lambda: not self.listed(), 20), "the domain goes with its connection, reverted or not")

    @contextlib.contextmanager
    def script(self, line):
        """The hook script meanwhile."""
        script = self.daemon.path("etc", "hooks", "qemu")
        os.makedirs(os.path.dirname(script), exist_ok=True)
        with open(script, "w") as f:
            f.write("#!/bin/sh\n%s\n" % line)
        os.chmod(script, 0o755)
        self.daemon.restart()
        self.connect()
        yield
        os.unlink(script)
        self.daemon.restart()
        self.connect()

    def test_destroyed(self):
        """08/S9: who is to end the domain in the middle of a revert, which may take any time, is heard."""
        wait = self.daemon.path("wait")
        with self.script("while [ -e %s.$2 ]; do : >%s; sleep 0.05; done" % (wait, wait)):
            for layers, op in ((1, "release"), (2, "release"), (2, "started")):
                self.destroyed(layers, op, wait)

    def destroyed(self, layers, op, wait):
        """Its connection goes while a script waits between the runs, or in the next one."""
        what = "AUTODESTROY in a revert of %d layers, at '%s'" % (layers, op)
        self.made("destroyed-%d-%s" % (layers, op), layers, run=False)
        self.gone()
        client = self.daemon.connect()
        self.domain = client.createXML(self.xml(-1), START_PAUSED | libvirt.VIR_DOMAIN_START_AUTODESTROY)
        self.domain = self.conn.lookupByName(self.name)
        self.put("vda", 1, 8)
        if layers == 1:
            self.create("s1")
        else:
            self.redefine("s1", None, 0)
        self.put("vda", 2, 8)
        files, begun = self.files(), len(self.daemon.log_text())
        open("%s.%s" % (wait, op), "w").close()
        revert = Waiting(lambda: suite.code(self.revert, "s1", RUN))
        self.ok(jobs.wait_for(lambda: os.path.exists(wait), 30), what + ": the script waits")
        client.close()
        self.ok(jobs.wait_for(lambda: "goes with its connection" in self.daemon.log_text()[begun:], 30),
                what + ": the daemon knows")
        if op == "started":
            self.ok(jobs.wait_for(lambda: not self.daemon.qemu_pid(self.name), 30), what + ": QEMU is ended at once")
        os.unlink("%s.%s" % (wait, op))
        self.equal(revert.end(), libvirt.VIR_ERR_OPERATION_ABORTED, what + ": no other guest comes to run")
        os.unlink(wait)
        self.ok(jobs.wait_for(lambda: not self.listed(), 20), what + ": the domain has gone")
        self.over(what)
        self.equal(self.files(), files, what + ": the files are as they were")
        qemu_io(self.paths["vda"][-1], "qcow2", "read -P 2 8M 1M")

    # --- one after the other ------------------------------------------------------------------------------------------

    def test_second(self):
        """What a revert could not do any more is done before another one, or that is refused: it has one record."""
        if not self.daemon.can_fail():
            return self.out.skip("second", "the module has no debug_checks")
        self.made("second", run=False)
        note = os.path.join(self.daemon.metadata(self.name), "reverting.json")
        with open(note, "w") as f:
            f.write("no record")
        self.refused(lambda: self.revert("s1"), libvirt.VIR_ERR_OPERATION_FAILED, "is no record of a revert",
                     "a record that cannot be read")
        snap = self.domain.snapshotLookupByName("s3")
        again, redefine = snap.getXMLDesc(), libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE
        for call, what in ((lambda: self.create("another"), "a snapshot"), (snap.delete, "a deletion"),
                           (lambda: self.domain.snapshotCreateXML(again, redefine), "a definition"),
                           (lambda: snap.delete(METADATA_ONLY), "a deletion of metadata")):
            self.refused(call, libvirt.VIR_ERR_OPERATION_FAILED, "is no record of a revert", what + " beside it")
        os.unlink(note)
        self.daemon.fail("save-write:3+")
        self.revert("s1")
        self.ok(os.path.exists(note) and "vda.3" in self.files(), "the metadata cannot be saved")
        self.refused(lambda: self.revert("s2"), libvirt.VIR_ERR_SYSTEM_ERROR, "cannot save", "nor again")
        self.daemon.fail(None)
        fresh = self.chain(INACTIVE)[0]
        self.domain.snapshotCreateXML(again, redefine)
        self.equal((os.path.exists(note), "vda.3" in self.files()), (False, False),
                   "what the first one has abandoned goes before a definition is taken")
        self.daemon.fail("save-write:3+")
        self.revert("s2")
        self.ok(os.path.exists(note), "once more")
        self.daemon.fail(None)
        self.domain.snapshotLookupByName("s3").delete(METADATA_ONLY)
        self.ok(not os.path.exists(note), "and before a deletion")
        self.daemon.restart()
        self.again_connected()
        self.equal((self.tree()[1], fresh in self.domain.snapshotLookupByName("s1").getXMLDesc()), ("s2", True),
                   "the metadata say so of both")
        self.gone()

    def test_othernote(self):
        """What the record of another domain of that name says is not done."""
        if not self.daemon.can_fail():
            return self.out.skip("othernote", "the module has no debug_checks")
        self.made("othernote", run=False)
        note = os.path.join(self.daemon.metadata(self.name), "reverting.json")
        self.daemon.fail("save-write:3+")
        self.revert("s1")
        self.daemon.fail(None)
        with open(note) as f:
            text = f.read()
        self.ok(self.domain.UUIDString() in text, "the record names the domain")
        with open(note, "w") as f:
            f.write(text.replace(self.domain.UUIDString(), "11111111-2222-3333-4444-555555555555"))
        self.revert("s2")
        self.equal((os.path.exists(note), "vda.3" in self.files()), (False, True), "it goes, and no image")
        self.gone()

    def test_twocurrent(self):
        """A snapshot whose file says wrongly that it is the current one does not become it, and says so no more."""
        self.made("twocurrent", run=False)
        self.revert("s1")
        self.daemon.stop()
        path = self.daemon.metadata(self.name, "s3")

        def text():
            with open(path) as f:
                return f.read()
        wrong = text().replace("<active>0</active>", "<active>1</active>")
        with open(path, "w") as f:
            f.write(wrong)
        self.daemon.start()
        self.again_connected()
        self.equal((self.tree()[1], "<active>1</active>" in text()), ("s1", True),
                   "the domain is on the other's overlay")
        self.revert("s2")
        self.ok("<active>0</active>" in text(), "the next change of the current one takes the mark off")
        self.daemon.restart()
        self.again_connected()
        self.equal(self.tree()[1], "s2", "and the next daemon finds one")
        self.create("i1")
        self.twice("s2", "i1", "an internal snapshot in the overlay of one is the later one of the two")
        self.create("i2")
        self.revert("s1")
        self.twice("i2", "s1", "an internal one in an image that the domain is not on does not become it")
        self.gone()

    def twice(self, wrong, right, what):
        """A daemon has died before it could take the mark off."""
        self.equal(self.tree()[1], right, "%s is the current one" % right)
        self.daemon.stop()
        path = self.daemon.metadata(self.name, wrong)
        with open(path) as f:
            text = f.read()
        self.ok("<active>0</active>" in text, "%s is not" % wrong)
        with open(path, "w") as f:
            f.write(text.replace("<active>0</active>", "<active>1</active>"))
        self.daemon.start()
        self.again_connected()
        self.equal(self.tree()[1], right, what)

    # --- dirty bitmaps ------------------------------------------------------------------------------------------------

    def bitmaps(self, target="vda"):
        return [b["name"] for b in info(self.paths[target][-1])["format-specific"]["data"].get("bitmaps", [])]

    def drives(self):
        return json.loads(self.qmp("query-block"))["return"]

    def track(self, name, persistent=True):
        """A bitmap that QEMU alone knows as yet."""
        node = next(d["inserted"]["node-name"] for d in self.drives() if d["qdev"] == self.device("vda"))
        self.qmp("block-dirty-bitmap-add", {"node": node, "name": name, "persistent": persistent})

    def test_bitmaps(self):
        """20/B28: bitmaps would say of the images of that moment what has been true of later ones. They go, whatever
        their names look like."""
        for run in (False, True):
            what = "bitmaps, running: %s" % run
            self.made("bitmaps-%d" % run, 1, ("vda", "vdb"), run=False)
            self.both(1)
            qemu_img("bitmap", "--add", "--", self.paths["vda"][0], "--b1")
            if run:
                self.domain.createWithFlags(START_PAUSED)
                self.track("-f")
                self.track("b3", False)
            self.create("i1")
            self.both(2)
            qemu_img("bitmap", "--add", self.paths["vdb"][0], "b4") if not run else self.track("b4")
            self.revert("i1")
            self.equal(self.domain.state()[0], PAUSED if run else OFF, what + ": reverted")
            if run:
                self.equal([d["inserted"].get("dirty-bitmaps", []) for d in self.drives()], [[], []],
                           what + ": QEMU knows none")
                self.domain.destroy()
            self.equal((self.bitmaps("vda"), self.bitmaps("vdb")), ([], []), what + ": they are gone")
            self.content(1, what)
            self.gone()

    def test_bitmapsfail(self):
        """What fails leaves no image with a bitmap that does not fit it."""
        if not self.daemon.can_fail():
            return self.out.skip("bitmapsfail", "the module has no debug_checks")
        self.made("bitmapsfail", 1, ("vda", "vdb"), run=False)
        self.both(1)
        self.create("i1")
        failed, n = True, 2
        while failed:
            n += 1
            for target in self.paths:
                if not self.bitmaps(target):
                    qemu_img("bitmap", "--add", self.paths[target][0], "b1")
            self.both(2)
            self.daemon.fail("qemu-img:%d" % n)
            failed = suite.code(self.revert, "i1") != 0
            self.daemon.fail(None)
            self.fits("after that")                     # what is kept and could not go goes before a start
            self.content(2 if failed else 1, "qemu-img fails the %d-th time" % n)
        self.equal((self.bitmaps("vda"), self.bitmaps("vdb")), ([], []), "and then it succeeds")
        self.ok(n > 8, "it could fail at several steps", n)
        self.gone()

    def fits(self, what):
        """What is there of bitmaps says that the first MiB has changed, and records."""
        self.domain.createWithFlags(START_PAUSED)
        known = [b for d in self.drives() for b in d["inserted"].get("dirty-bitmaps", [])]
        self.domain.destroy()
        self.equal([(b["name"], b["count"], b["recording"]) for b in known], [("b1", 1 << 20, True)] * len(known),
                   what + ": bitmaps say what has changed")
        self.equal(len(known), len(self.bitmaps("vda") + self.bitmaps("vdb")), what + ": all that are in the images")

    def outside_dies(self, n):
        """An external one; gives whether it came to that step."""
        self.transient("transientdies-%d" % n, 3)
        self.domain.resume()
        step = self.dies_at(n, lambda: self.revert("s1", RUN))
        what = "a transient domain's revert dies at %d: %s" % (n, step)
        there, old = self.listed(), set(os.path.basename(p) for p in self.paths["vda"])
        fresh = [name for name in self.files() if name not in old]
        new = fresh and not (there and self.chain(0)[0] == self.paths["vda"][2])
        if there:
            self.ok(jobs.wait_for(lambda: self.domain.state()[0] in (RUNNING,), 20), what + ": it runs",
                    lambda: self.domain.state())
        self.over(what)
        top = os.path.join(os.path.dirname(self.paths["vda"][0]), fresh[0]) if new else self.paths["vda"][2]
        self.equal(holds(top, range(1 if new else 3)), None, "%s: the images are old or new, %s" % (what, bool(new)))
        self.ok(new or not fresh, what + ": no overlay is left", fresh)
        self.ok(there or not fresh, what + ": where nothing runs the images are as they were", fresh)
        return step is not None

    def dies_at(self, n, call):
        """Gives the step, None: the call ended."""
        self.daemon.die_at("-", n)
        suite.code(call)
        step = self.daemon.died(timeout=0.5 if self.daemon.alive() else 20)
        if step is None:
            return None
        self.daemon.start()
        self.connect()
        # one whose QEMU is not there any more is taken from the list behind the start
        pid = self.daemon.path("run", "qemu", self.name + ".pid")
        jobs.wait_for(lambda: not self.listed() or os.path.exists(pid), 20)
        if self.listed():
            self.domain = self.conn.lookupByName(self.name)
            jobs.wait_for(lambda: self.domain.info(), 20)
        return step

    def inside_dies(self, n):
        self.made("transientinsidedies-%d" % n, 1, ("vda", "vdb"), run=False)
        for target in self.paths:
            qemu_img("bitmap", "--add", self.paths[target][0], "b1")
        self.domain.createWithFlags(START_PAUSED)
        self.domain.undefine()
        self.both(1)
        self.create("i1")
        self.both(2)
        self.domain.resume()
        step = self.dies_at(n, lambda: self.revert("i1", RUN))
        what = "a transient domain's internal revert dies at %d: %s" % (n, step)
        there = self.listed()
        jobs.wait_for(lambda: not os.path.exists(self.record()), 3)
        if there:
            self.ok(jobs.wait_for(lambda: self.domain.state()[0] == RUNNING, 20), what + ": it runs")
        self.over(what)
        try:
            qemu_io(self.paths["vda"][0], "qcow2", "read -P 1 0 1M")
            byte = 1
        except ImageError:
            byte = 2
        self.content(byte, what + ": old or new")
        self.ok(there or byte == 2, what + ": where nothing runs the images are as they were")
        self.ok(byte == 2 or not self.bitmaps("vda") + self.bitmaps("vdb"), what + ": no bitmaps of what it is no more")
        return step is not None

    def test_bothdie(self):
        """A daemon that dies before the guest of the moment has begun, alone or with QEMU: what the domain was on goes
        when that guest has begun under the next one, and stays where it does not."""
        for memory, word, alone in ((False, "cont", True), (False, "cont", False), (True, "cont", True),
                                    (True, "cont", False), (True, "migrate-incoming", True)):
            self.bothdie(memory, word, alone)

    def bothdie(self, memory, word, alone):
        what = "dies before %s, with memory: %s, QEMU lives: %s" % (word, memory, alone)
        self.transient("bothdie-%d-%s-%d" % (memory, word, alone), 1 if memory else 2)
        if memory:
            self.put("vda", 1, 8)
            self.domain.snapshotCreateXML(MEMORY % ("s1", self.daemon.path("img", self.name, "memory")))
            self.paths["vda"].append(self.chain(0)[0])
        self.put("vda", 2, 8)
        files = self.files()
        self.daemon.die_at(word, -1)
        suite.code(self.revert, "s1", RUN)
        self.ok(self.daemon.died() is not None, what + ": it died there")
        if not alone:
            os.kill(self.daemon.qemu_pid(self.name), signal.SIGKILL)
        self.daemon.start()
        self.connect()
        goes_on = alone and word == "cont"
        if goes_on:
            self.domain = self.conn.lookupByName(self.name)
            self.ok(jobs.wait_for(lambda: self.domain.state()[0] == RUNNING, 30), what + ": the guest goes on")
            self.ok(jobs.wait_for(lambda: not os.path.exists(self.paths["vda"][1]), 30), what + ": the overlay goes")
        else:
            self.ok(jobs.wait_for(lambda: not self.listed(), 30), what + ": the domain goes")
        self.over(what)
        if goes_on:
            self.equal(len(self.files()), len(files), what + ": a fresh overlay is in its place")
        else:
            self.equal(self.files(), files, what + ": the images are those from before")
            qemu_io(self.paths["vda"][1], "qcow2", "read -P 2 8M 1M")

    def test_late(self):
        """What a new daemon could not complete is done when the domain goes; or never, and its overlays stay."""
        for forever in (False, True):
            self.late("late, forever" if forever else "late", forever)

    def late(self, what, forever):
        self.transient("late-%d" % forever, 2)
        xml, files, snap = self.xml(-1), self.files(), self.daemon.metadata(self.name, "s1")
        note = os.path.join(os.path.dirname(snap), "reverting.json")
        self.daemon.die_at("cont", -1)
        suite.code(self.revert, "s1", RUN)
        self.ok(self.daemon.died() is not None, what + ": it dies before cont")
        os.kill(self.daemon.qemu_pid(self.name), signal.SIGSTOP)
        begun = len(self.daemon.log_text())
        self.daemon.start()
        self.connect()
        self.domain = self.conn.lookupByName(self.name)
        os.rename(snap, snap + ".kept")
        os.mkdir(snap)                          # so it cannot be saved
        os.kill(self.daemon.qemu_pid(self.name), signal.SIGCONT)
        self.ok(jobs.wait_for(lambda: "cannot be settled" in self.daemon.log_text()[begun:], 30), what + ": not yet")
        self.ok(os.path.exists(note), what + ": the record stays")
        fresh = [name for name in self.files() if name not in files]
        if not forever:
            os.rmdir(snap)
        self.domain.destroy()
        self.ok(jobs.wait_for(lambda: not self.listed(), 20) and not os.path.exists(note), what + ": it goes")
        self.equal([name for name in files if name not in self.files()], [] if forever else ["vda.1"],
                   what + ": what was abandoned")
        if forever:
            os.rmdir(snap)
        os.unlink(snap + ".kept")
        self.domain = self.conn.createXML(xml if forever else self.xml(0), START_PAUSED)
        self.equal([name in self.files() for name in fresh], [True], what + ": the overlay outlives the next domain")
        self.domain.destroy()

    @staticmethod
    def written(path):
        try:
            qemu_io(path, "qcow2", "write -P 9 8M 1M")
        except ImageError:                      # somebody has it open
            return False
        return True

    def test_alone(self):
        """A guest has run on while no daemon was there, and nothing says that it had begun: what it wrote stays."""
        self.transient("alone", 2)
        files = self.files()
        self.daemon.die_at("cont", 0)
        suite.code(self.revert, "s1", RUN)
        self.ok(self.daemon.died() is not None, "it dies after cont")
        os.kill(self.daemon.qemu_pid(self.name), signal.SIGKILL)
        fresh = [name for name in self.files() if name not in files]
        self.equal(len(fresh), 1, "there is an overlay")
        path = os.path.join(os.path.dirname(self.paths["vda"][0]), fresh[0])
        self.ok(jobs.wait_for(lambda: self.written(path), 20), "QEMU has let go of it")
        begun = len(self.daemon.log_text())
        self.daemon.start()
        self.connect()
        self.over("alone")
        self.ok("'%s' stays" % path in self.daemon.log_text()[begun:], "the log names it")
        qemu_io(path, "qcow2", "read -P 9 8M 1M")

    def test_window(self):
        """A daemon that dies while nothing runs: what the run had is taken down once, and its number is nobody's."""
        if not self.daemon.can_fail():
            return self.out.skip("window", "the module has no debug_checks")
        calls = self.daemon.path("calls")
        with self.script("echo $2 >>%s" % calls):
            self.windows(calls)

    def windows(self, calls):
        ends = [status for status in (self.window(n, calls) for n in range(1, 20)) if status]
        self.ok(ends, "the daemon has died between two runs")
        for status in ends:
            self.ok("<qbj:ended" in status and " pid='0'" in status, "the file says that the run has ended", status)

    def window(self, n, calls):
        """It dies before it calls qemu-img for the @n-th time; gives the status file if no QEMU was there then."""
        self.made("window-%d" % n, 1, run=False)
        image = self.paths["vda"][0]
        os.chown(image, 1234, 4321)
        os.chmod(image, 0o660)
        self.domain.createWithFlags(START_PAUSED)
        self.domain.undefine()
        self.create("i1")
        open(calls, "w").close()
        self.daemon.fail("die-qemu-img:%d" % n)
        code, what = suite.code(self.revert, "i1", RUN), "window, qemu-img %d" % n
        died = code != 0 and jobs.wait_for(lambda: not self.daemon.alive(), 20)
        self.daemon.fail(None)
        status = self.daemon.status_xml(self.name) if died and not self.daemon.qemu_pid(self.name) else None
        if died:
            self.daemon.start()
            self.connect()
        if status:
            self.ok(jobs.wait_for(lambda: not self.listed(), 20), what + ": the domain has gone")
            with open(calls) as f:
                self.equal(f.read().split(), ["stopped", "release"], what + ": each script ran once")
        elif died:
            self.domain = self.conn.lookupByName(self.name)
        self.over(what)
        st = os.stat(image)
        self.equal((st.st_uid, st.st_gid), (1234, 4321), what + ": the image has its owner")
        return status

    def deaths(self, outside, inside):
        for kind, numbers in ((self.outside_dies, outside), (self.inside_dies, inside)):
            for n in numbers:
                if not kind(n):
                    break

    def test_dies(self):
        self.deaths((12, 20), (20, 34))

    def test_sweep(self):
        """Each step."""
        self.deaths(range(100), range(120))


if __name__ == "__main__":
    sys.exit(suite.main("reverts", __doc__, Reverts, modes=("system",), kind=UndoDaemon,
                        ours="the stock driver reverts to no external snapshot"))
