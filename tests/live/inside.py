#!/usr/bin/python3
"""Internal snapshots of guests that run, with their memory: made, deleted, reverted to, also by the stock driver; under
a guest that writes, with QEMUs and daemons that die."""

import json
import os
import signal
import sys

import libvirt

import jobs
import plain
import suite
from daemon import stock_driver_dir
from guest import Guest
from images import ImageError, info, qemu_img, qemu_io
from undo import CHILDREN, OFF, PAUSED, RUNNING, START_PAUSED, Undo, UndoDaemon
from writes import Run

HALT = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_HALT
NO_METADATA = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA
SNAPSHOT = "<domainsnapshot><name>%s</name></domainsnapshot>"


class Inside(Undo):
    BY_NAME = ["sweep", "sweepreverts"]  # takes minutes

    def inner(self, target="vda"):
        """The names of internal snapshots in the disk's image."""
        return [s["name"] for s in info(self.paths[target][-1]).get("snapshots", [])]

    def create(self, name, flags=0):
        return self.domain.snapshotCreateXML(SNAPSHOT % name, flags)

    def everywhere(self):
        return [self.inner(t) for t in self.paths]

    # --- made ---------------------------------------------------------------------------------------------------------

    def test_made(self):
        """08/S1, S2.17: state, memory and images as the stock driver has them."""
        self.made("insidemade", 1, ("vda", "vdb"))
        self.domain.resume()
        self.events.wait(lambda e: e[:3] == (self.name, "lifecycle", 4), 20)
        since = self.events.mark()
        i1 = self.create("i1")
        self.told(since, [(3, 0), (4, 0)], "the guest stands still meanwhile")
        self.equal(self.domain.state()[0], RUNNING, "and goes on")
        xml = i1.getXMLDesc()
        self.ok("<state>running</state>" in xml and "<memory snapshot='internal'/>" in xml and
                xml.count("snapshot='internal'/>") == 3, "what the metadata say", xml)
        sizes = [info(paths[0])["snapshots"][0]["vm-state-size"] for paths in self.paths.values()]
        self.ok(sizes[0] > 0 and sizes[1] == 0, "the memory is in the first disk", sizes)
        self.domain.suspend()
        self.ok("<state>paused</state>" in self.create("i2").getXMLDesc(), "of a guest that stands still")
        self.equal(self.domain.state()[0], PAUSED, "which stays so")
        self.create("3", NO_METADATA)
        self.equal((self.tree(), self.everywhere()), (({"i1": None, "i2": "i1"}, "i2"), [["i1", "i2", "3"]] * 2),
                   "NO_METADATA (08/S2.26)")
        self.delete("i1")
        self.equal((self.tree(), self.everywhere()), (({"i2": None}, "i2"), [["i2", "3"]] * 2), "deleted while it runs")
        self.create("i3", HALT)
        self.equal(self.domain.state()[0], OFF, "HALT")
        self.delete("i3")
        self.delete("i2")
        self.equal((self.tree(), self.everywhere()), (({}, None), [["3"]] * 2), "deleted when it is off")
        self.gone()

    def test_refused(self):
        """Nothing has changed."""
        unsupported, config = libvirt.VIR_ERR_OPERATION_UNSUPPORTED, libvirt.VIR_ERR_CONFIG_UNSUPPORTED
        self.made("insiderefused", 1, ("vda", "vdb"), run=False)
        raw = self.paths["vdb"][0] + ".raw"
        qemu_img("create", "-q", "-f", "raw", raw, "1M")
        self.daemon.own(raw)
        self.conn.defineXML(self.xml(0).replace("</devices>", plain.disk("vdc", raw, "raw") + "</devices>"))
        self.domain.createWithFlags(START_PAUSED)
        self.refused(lambda: self.create("i1"), config,
                     "internal snapshot for disk vdc unsupported for storage type raw", "an image that is raw")
        self.refused(lambda: self.domain.snapshotCreateXML(
            "<domainsnapshot><disks><disk name='vdc' snapshot='no'/></disks></domainsnapshot>"), config,
            "must use snapshot mode 'internal'", "a disk that is left out (08/S2.13)")
        self.domain.destroy()
        self.domain = self.conn.defineXML(self.xml(0))
        self.domain.createWithFlags(START_PAUSED)
        qemu_img("snapshot", "-U", "-l", self.paths["vdb"][0])
        self.create("other", NO_METADATA)
        self.refused(lambda: self.create("other"), unsupported, "has an internal snapshot 'other' already",
                     "a name twice: what is there is not overwritten")
        if self.daemon.can_fail():
            self.domain.resume()
            self.failing()
        self.equal((self.tree(), self.everywhere()), (({}, None), [["other"]] * 2), "nothing else is there")
        self.gone()

    def failing(self):
        for point, what in (("moment-switch", "QEMU is not asked"), ("save-sync:1", "the status file"),
                            ("save-sync:4", "the metadata")):
            self.daemon.fail(point if ":" in point else point + ":1")
            try:
                self.create("i1")
                self.ok(False, what + ": it has not failed")
            except libvirt.libvirtError as e:
                self.ok(True, "%s: %s" % (what, e))
            self.daemon.fail(None)
            self.ok(jobs.wait_for(lambda: self.domain.state()[0] == RUNNING, 10), what + ": the guest goes on")
            self.ok(jobs.wait_for(lambda: "qbj:inside" not in self.daemon.status_xml(self.name), 10),
                    what + ": no record is left")
        self.goes_on()
        self.create("i1")
        self.delete("i1")

    def goes_on(self):
        """A guest that QEMU does not continue: by the next try, by the next daemon."""
        self.daemon.fail("vm-cont:1")
        self.create("i1")
        self.ok(jobs.wait_for(lambda: self.domain.state()[0] == RUNNING, 20), "a guest that stands still goes on later",
                lambda: self.domain.state())
        self.ok(jobs.wait_for(lambda: "qbj:inside" not in self.daemon.status_xml(self.name), 10), "no record is left")
        self.daemon.fail("vm-cont:1+")
        self.create("i2")
        self.equal(self.domain.state()[0], PAUSED, "it stands still")
        self.daemon.kill()
        self.daemon.fail(None)
        self.again()
        self.ok(jobs.wait_for(lambda: self.domain.state()[0] == RUNNING, 20), "and goes on with the next daemon",
                lambda: self.domain.state())
        self.ok(jobs.wait_for(lambda: "qbj:inside" not in self.daemon.status_xml(self.name), 10), "no record is left")
        self.equal(self.everywhere(), [["other", "i1", "i2"], ["other", "i1", "i2"]], "the snapshots are there")
        for name in ("i2", "i1"):
            self.delete(name)

    def test_deletefails(self):
        """Whatever fails: marked if it may be in some images only, and deleted by the next call."""
        if not self.daemon.can_fail():
            return self.out.skip("deletefails", "the module has no debug_checks")
        self.made("insidedelete", 1, ("vda", "vdb"))
        for point, least in (("qmp-error", 2), ("qemu-img", 2), ("inside-read", 2)):
            failed = sum(self.delete_fails("%s:%d" % (point, n)) for n in range(1, 7))
            self.ok(failed >= least, "%s: there are places where it fails" % point, failed)
            if self.domain.isActive():
                self.domain.destroy()
        self.gone()

    def delete_fails(self, fault):
        """Whether it has."""
        self.create("i1")
        self.create("i2")
        self.daemon.fail(fault)
        failed = suite.code(self.delete, "i1") != 0
        self.daemon.fail(None)
        if failed:
            left, marked = self.everywhere(), "snapshotDeleteInProgress" in self.marks()
            self.ok(marked or left == [["i1", "i2"]] * 2, fault + ": what is in some images only is marked", left)
            if not self.domain.isActive():              # QEMU's job may go on
                self.ok(not marked or left != [["i1", "i2"]] * 2, fault + ": what is whole is not marked", left)
            if marked:
                self.refused(lambda: self.revert("i1"), libvirt.VIR_ERR_OPERATION_INVALID,
                             "the deletion of snapshot 'i1' was begun", fault + ": no revert to it")
            self.delete("i1")
        self.equal((self.tree(), self.everywhere()), (({"i2": None}, "i2"), [["i2"]] * 2), fault + ": deleted")
        self.delete("i2")
        return failed

    def test_deletejob(self):
        """07/G1.4: the deletion of one is a job as well; QEMU's own has no end before its time."""
        self.made("insidejob", 1)
        for name in ("i1", "i2"):
            self.create(name)
        thread, pid = self.stands("snapshot-delete", "i1")
        self.refused(self.domain.abortJob, libvirt.VIR_ERR_OPERATION_INVALID, "cannot be aborted", "an abort")
        self.refused(self.domain.managedSave, libvirt.VIR_ERR_OPERATION_INVALID, "busy with another operation",
                     "what is in the way is told at once")
        os.kill(pid, signal.SIGCONT)
        self.equal((thread.end(), self.tree(), self.everywhere()), (0, ({"i2": None}, "i2"), [["i2"]]), "it is deleted")
        self.equal(self.domain.jobInfo()[0], libvirt.VIR_DOMAIN_JOB_NONE, "and there is no job")
        self.gone()

    def test_deleteaborted(self):
        """virDomainAbortJob while the first one of several is deleted: that one goes, the others stay."""
        self.made("insideabort", 1, ("vda", "vdb"))
        for name in ("i1", "i2", "i3"):
            self.create(name)
        thread, pid = self.stands("snapshot-delete", "i1", CHILDREN)
        self.domain.abortJob()
        os.kill(pid, signal.SIGCONT)
        self.equal(thread.end(), libvirt.VIR_ERR_OPERATION_ABORTED, "the deletion was called off")
        self.equal((self.tree(), self.everywhere()), (({"i1": None, "i2": "i1"}, "i2"), [["i1", "i2"]] * 2),
                   "one of three has gone")
        self.ok("snapshotDeleteInProgress" not in self.marks(), "none is marked")
        self.revert("i1")
        self.delete("i1", CHILDREN)
        self.equal((self.tree(), self.everywhere()), (({}, None), [[]] * 2), "the same call deletes the rest")
        self.gone()

    def test_writing(self):
        """A guest that writes on two disks keeps what it was told is safe."""
        run = Run(self.out, self.daemon, Guest(self.guest.cache), "insidewriting", ["vda", "vdb"])
        self.name, self.domain = run.name, run.domain
        self.paths = {target: disk.paths for target, disk in run.disks.items()}
        for name in ("w1", "w2", "w3"):
            run.writing("before " + name)
            self.create(name)
        run.writing("after all of them")
        self.delete("w2")
        run.writing("after one was deleted")
        self.equal(self.everywhere(), [["w1", "w3"]] * 2, "writing: the others are there")
        for name in ("w1", "w3"):
            self.delete(name)
        run.finish({t: run.chain(t) for t in run.disks})

    # --- reverts ------------------------------------------------------------------------------------------------------

    def put(self, target, byte, at=0):
        """What the disk holds at that MiB."""
        if not self.domain.isActive():
            return qemu_io(self.paths[target][-1], "qcow2", "write -P %d %dM 1M" % (byte, at))
        return self.daemon.virsh("qemu-monitor-command", self.name, "--hmp",
                                 'qemu-io -d %s "write -P %d %dM 1M"' % (self.device(target), byte, at))

    def device(self, target):
        alias = jobs.disk_element(self.domain.XMLDesc(0), target).find("alias").get("name")
        return "/machine/peripheral/%s/virtio-backend" % alias

    def both(self, byte):
        for target in self.paths:
            self.put(target, byte)

    def content(self, byte, what):
        """All disks of a domain that is shut off hold this."""
        for target, paths in self.paths.items():
            try:
                qemu_io(paths[-1], "qcow2", "read -P %d 0 1M" % byte)
                self.ok(True, "%s: the data of %s" % (what, target))
            except ImageError as e:
                self.ok(False, "%s: the data of %s" % (what, target), str(e))
        self.equal([n for names in self.everywhere() for n in names if n.startswith("qbj-")], [],
                   what + ": nothing is kept in the images")
        self.ok(not os.path.exists(self.record()), what + ": no record is left")

    def test_revert(self):
        """08/S9: from each state to each."""
        run, paused = libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING, libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED
        ends, begins, goes, stands, told = (5, 6), (2, 3), (4, 2), (3, 5), (0, 3)
        self.made("insiderevert", 1, ("vda", "vdb"))
        self.both(1)
        self.create("p1")
        self.domain.resume()
        self.both(2)
        self.create("r2")
        self.domain.destroy()
        self.both(3)
        self.create("o3")
        for n, (name, flags, byte, state, reason, events) in enumerate((
                ("p1", 0, 1, PAUSED, 7, [begins, stands, told]), ("r2", 0, 2, RUNNING, 4, [ends, begins, goes, told]),
                ("r2", paused, 2, PAUSED, 7, [ends, begins, stands, told]),
                ("p1", run, 1, RUNNING, 4, [ends, begins, goes, told]), ("o3", 0, 3, OFF, 7, [ends, told]),
                ("o3", run, 3, RUNNING, 1, [(4, 0), begins, told]))):
            what, since = "revert %d, to %s" % (n, name), self.events.mark()
            if ends in events:
                self.domain.createWithFlags(START_PAUSED)
                self.events.wait(lambda e: e[:3] == (self.name, "lifecycle", 3), 20, since=since)
            since = self.events.mark()
            self.revert(name, flags)
            self.equal(self.domain.state(), [state, reason], what + ": the state")
            self.told(since, events, what + ": the events")
            self.equal(self.tree()[1], name, what + ": it is the current one")
            if state != OFF:
                self.domain.destroy()
                jobs.wait_off(self.domain)
            self.content(byte, what)
            self.both(9)
        self.gone()

    def test_revertfails(self):
        """Nothing has changed, or all is put back."""
        self.made("insidefails", 1, ("vda", "vdb"), run=False)
        self.both(1)
        self.create("i1")
        self.both(2)
        if not self.daemon.can_fail():
            return self.out.skip("revertfails", "the module has no debug_checks")
        for n in range(3, 40):
            self.daemon.fail("qemu-img:%d" % n)
            try:
                self.revert("i1")
                failed = False
            except libvirt.libvirtError:
                failed = True
            self.daemon.fail(None)
            if not failed:                              # what could not be removed goes before a start
                self.domain.createWithFlags(START_PAUSED)
                self.domain.destroy()
            self.content(2 if failed else 1, "qemu-img fails the %d-th time" % n)
            if not failed:
                self.both(2)
            if not failed and n > 12:
                break
        self.domain.create()
        self.inside_mount_ro()
        self.gone()

    def test_revertlast(self):
        """Of a domain that runs: whatever fails at the end of a revert, what the images keep goes by itself."""
        if not self.daemon.can_fail():
            return self.out.skip("revertlast", "the module has no debug_checks")
        self.made("insidelast", 1, ("vda", "vdb"))
        for name in ("i1", "i2"):
            self.create(name)
        for fault, n in [("save", n) for n in range(1, 13)] + [("qmp-error", n) for n in range(2, 20)]:
            what = "%s:%d" % (fault, n)
            name = self.tree()[1]
            self.daemon.fail(what)
            try:
                self.revert("i1" if name == "i2" else "i2")
                name = "i1" if name == "i2" else "i2"
            except libvirt.libvirtError:
                pass
            self.daemon.fail(None)
            self.ok(jobs.wait_for(lambda: not os.path.exists(self.record()) and
                                  self.everywhere() == [["i1", "i2"]] * 2, 20),
                    what + ": nothing is kept", (os.path.exists(self.record()), self.everywhere()))
            self.equal(self.tree()[1], name, what + ": the current one")
            if not self.domain.isActive():
                self.domain.createWithFlags(START_PAUSED)
        self.gone()

    def test_revertfull(self):
        """An image that has no room for what a revert keeps: the guest runs on, also when the daemon died."""
        self.made("insidefull", 1, ("vda", "vdb"), run=False)
        self.both(1)
        self.create("i1")
        self.both(2)
        path, small = self.paths["vdb"][0], os.path.dirname(self.paths["vdb"][0]) + "-small"
        self.inside("mkdir $0; mount -t tmpfs -o size=64m,mode=711 none $0; cp -a $1 $0; ln -sf $0/vdb.0 $1",
                    small, path)
        self.domain.create()
        self.events.wait(lambda e: e[:3] == (self.name, "lifecycle", 2), 20)
        self.inside("cat /dev/zero >$0/filler || true", small)
        since = self.events.mark()
        self.refused(lambda: self.revert("i1"), libvirt.VIR_ERR_INTERNAL_ERROR, "snapshot", "an image has no room")
        self.equal(self.domain.state()[0], RUNNING, "the guest runs on")
        self.told(since, [(3, 0), (4, 0)], "it stood still for a moment")
        self.ok(not os.path.exists(self.record()), "no record is left")
        self.domain.destroy()
        self.inside("rm $1 $0/filler; cp -a $0/vdb.0 $1; umount -l $0", small, path)
        self.content(2, "after a revert without room")
        self.equal(self.everywhere(), [["i1"]] * 2, "the images are as they were")
        self.gone()

    def test_revertfilters(self):
        """A copy-on-read filter above the image, and a thread of its own: QEMU keeps what they hold."""
        self.made("insidefilters", 1, ("vda", "vdb"), run=False)
        xml = self.xml(0).replace("<vcpu", "<iothreads>1</iothreads><vcpu", 1)
        xml = xml.replace("type='qcow2'", "type='qcow2' copy_on_read='on'", 1)
        at = xml.rindex("type='qcow2'")
        self.domain = self.conn.defineXML(xml[:at] + "type='qcow2' iothread='1'" + xml[at + len("type='qcow2'"):])
        self.both(1)
        self.domain.create()
        self.create("i1")
        self.both(2)
        self.revert("i1")
        self.equal(self.domain.state()[0], RUNNING, "with filter and thread: reverted")
        self.domain.destroy()
        self.content(1, "with filter and thread")
        self.gone()

    def record(self):
        return os.path.join(self.daemon.metadata(self.name), "applying.json")

    def test_revertids(self):
        """QEMU takes a name for an id first: what is kept meanwhile must not get the one of the moment."""
        self.made("insideids", 1, ("vda", "vdb"))
        self.numbers()
        self.both(1)
        disks = "".join("<disk name='%s' snapshot='internal'/>" % t for t in self.paths)
        self.daemon.virsh("qemu-monitor-command", self.name, "--hmp", "savevm 2")    # as another driver makes it
        self.redefine("2", None, -1, disks=disks, memory="<memory snapshot='internal'/>", state="paused")
        self.both(2)
        before = self.everywhere()
        self.refused(lambda: self.revert("2"), libvirt.VIR_ERR_OPERATION_UNSUPPORTED, "id of the next one",
                     "memory below the name '2', which is number 1")
        self.equal((self.domain.state()[0], self.everywhere()), (PAUSED, before), "nothing has changed")
        self.create("x")
        self.refused(lambda: self.revert("2"), libvirt.VIR_ERR_OPERATION_UNSUPPORTED, "is the id of another one",
                     "and when there is a number 2")
        self.gone()

    def numbers(self):
        """A name that is a number is refused, unless the snapshot has that number itself."""
        for word in ("running", "shut off"):
            if word == "shut off":
                self.domain.destroy()
            for name in ("2", "0", "00000001"):
                self.refused(lambda: self.create(name), libvirt.VIR_ERR_OPERATION_UNSUPPORTED, "the id of another one",
                             "the first one as '%s', %s" % (name, word))
            for name in ("1", "2", "1795220186"):
                self.create(name)
            self.equal(self.everywhere(), [["1", "2", "1795220186"]] * 2, "numbers that are their own, " + word)
            for name in ("1", "2", "1795220186"):
                self.delete(name)
        self.domain.createWithFlags(START_PAUSED)

    def left(self, image, keep, uuid, decided, **more):
        """A record that an earlier daemon has left, of a revert to i1."""
        with open(self.record(), "w") as f:
            json.dump({"name": "i1", "keep": keep, "decided": decided, "before": "<uuid>%s</uuid>" % uuid, "after": "x",
                       "images": [{"type": "file", "path": image}], **more}, f)

    def test_revertleft(self):
        """What is left of a revert that is done keeps nothing from going on, and is not done again; a domain of the
        same name has nothing to do with it."""
        self.made("insideleft", 1, ("vda", "vdb"), run=False)
        self.both(1)
        self.create("i1")
        self.create("i2")
        broken = self.daemon.path("img", self.name, "broken")
        with open(broken, "w") as f:
            f.write("no image")
        self.left(broken, "qbj-before-x", self.domain.UUIDString(), True)
        self.domain.createWithFlags(START_PAUSED)
        self.equal(self.tree()[1], "i1", "a revert that was decided is noted")
        self.domain.destroy()
        self.create("i3")
        self.domain.createWithFlags(START_PAUSED)
        self.domain.destroy()
        self.equal(self.tree(), ({"i1": None, "i2": "i1", "i3": "i1"}, "i3"), "once")
        self.refused_left("what is left")
        os.unlink(broken)
        self.domain.createWithFlags(START_PAUSED)
        self.ok(not os.path.exists(self.record()), "an image that is gone keeps nothing")
        self.domain.destroy()
        self.both(2)
        self.left(self.paths["vda"][-1], "i1", "c7a5fdbd-cdaf-9455-926a-d65c16db1809", False)
        self.domain.createWithFlags(START_PAUSED)
        self.domain.destroy()
        self.refused_left("a record of another domain is left alone")
        os.unlink(self.record())
        self.content(2, "a record of another domain")
        qemu_img("snapshot", "-c", "qbj-before-x", self.paths["vda"][-1])
        self.left(self.paths["vda"][-1], "qbj-before-x", self.domain.UUIDString(), True)
        self.gone()
        self.equal([n for names in self.everywhere() for n in names if n.startswith("qbj-")], [],
                   "what a revert keeps within the images goes with the domain")

    def refused_left(self, what):
        """The record of another revert would take the place of the one that is there."""
        def read():
            with open(self.record()) as f:
                return f.read()
        before = read()
        for run in (False, True):
            if run:
                self.domain.createWithFlags(START_PAUSED)
            self.refused(lambda: self.revert("i1"), libvirt.VIR_ERR_OPERATION_INVALID, "applying.json",
                         "%s, running: %s" % (what, run))
            self.equal((read(), self.domain.isActive()), (before, run), "%s, running: %s: it stays" % (what, run))
        self.domain.destroy()

    def test_revertagain(self):
        """QEMU removes nothing from an image that has an overlay: the log says once that what a revert has kept stays
        there, however often it is tried, and it goes before the next start."""
        self.made("insideagain", 2, run=False)
        self.redefine("missing", "s1", -1, disks="<disk name='vda' snapshot='internal'/>", state="shutoff")
        image, begun = self.paths["vda"][0], len(self.daemon.log_text())
        qemu_img("snapshot", "-c", "qbj-before-x", image)
        self.domain.createWithFlags(START_PAUSED)
        self.left(image, "qbj-before-x", self.domain.UUIDString(), False, kept=False)
        for _ in range(3):
            self.refused(lambda: self.revert("missing"), libvirt.VIR_ERR_OPERATION_FAILED, "missing",
                         "a revert to what is not in the image")
        self.ok(os.path.exists(self.record()), "what an earlier one has left stays while the domain runs")
        self.equal(self.daemon.log_text()[begun:].count("that failed cannot be taken back"), 1, "the log says so once")
        self.domain.destroy()
        self.domain.createWithFlags(START_PAUSED)
        self.domain.destroy()
        self.equal((info(image).get("snapshots", []), os.path.exists(self.record())), ([], False),
                   "before the next start it goes")
        self.gone()

    def inside_mount_ro(self):
        """A snapshot folder that cannot be written is found before the guest is ended."""
        folder = "/var/lib/libvirt/qemu/snapshot/" + self.name
        self.inside("mount --bind $0 $0; mount -o remount,ro,bind $0", folder)
        self.refused(lambda: self.revert("i1"), libvirt.VIR_ERR_SYSTEM_ERROR, "", "metadata that cannot be written")
        self.equal(self.domain.state()[0], RUNNING, "the guest runs on")
        self.inside("umount $0", folder)

    def test_revertmemory(self):
        """A guest that writes goes on where it was: it does not boot."""
        run = Run(self.out, self.daemon, Guest(self.guest.cache), "insidemoments", ["vda", "vdb"])
        self.name, self.domain, acked = run.name, run.domain, {}
        self.paths = {target: disk.paths for target, disk in run.disks.items()}
        for name in ("m1", "m2"):
            run.writing("before " + name)
            before = {t: run.log.acked(t) for t in run.disks}
            self.create(name)
            acked[name] = before
        run.writing("after the last one")
        for name in ("m1", "m2"):
            self.revert(name, libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED)
            self.domain.resume()
            run.writing("after the revert to " + name)
            first = int(run.log.records("A")[0][2])
            self.ok(first >= acked[name]["vda"], "%s: the guest has gone on, it has not booted" % name, first)
        for name in ("m1", "m2"):
            self.delete(name)
        run.writing("after they were deleted")
        run.finish({t: run.chain(t) for t in run.disks})

    def driver(self, name):
        """Another daemon goes on, with that driver."""
        self.daemon.stop()
        self.folders = getattr(self, "folders", {"stock": stock_driver_dir(), "ours": self.daemon.driver_dir})
        self.daemon.driver_dir = self.folders[name]
        self.again()

    def test_exchange(self):
        """08/S9: each driver goes back to what the other has made, and deletes it."""
        self.made("insideexchange", 1, ("vda", "vdb"))
        self.both(1)
        self.create("ours")
        self.driver("stock")
        self.both(2)
        self.create("stock")
        self.domain.destroy()
        self.both(3)
        self.revert("ours")
        self.equal(self.domain.state()[0], PAUSED, "the stock driver reverts to ours")
        self.domain.destroy()
        self.content(1, "the stock driver, to ours")
        self.driver("ours")
        self.revert("stock")
        self.equal(self.domain.state()[0], PAUSED, "ours reverts to the stock driver's")
        self.domain.destroy()
        self.content(2, "ours, to the stock driver's")
        self.delete("stock")
        self.driver("stock")
        self.delete("ours")
        self.equal((self.tree(), self.everywhere()), (({}, None), [[], []]), "each has deleted what the other made")
        self.driver("ours")
        self.gone()

    def reverts_inside(self, n, live):
        """The daemon dies at that step of a revert: old or new."""
        self.made("insideback-%d-%d" % (n, live), 1, ("vda", "vdb"), run=live)
        self.both(1)
        if live:
            self.domain.resume()
        self.create("i1")
        self.both(2)
        self.daemon.die_at("-", n)
        try:
            self.revert("i1")
        except libvirt.libvirtError:
            pass
        step = self.daemon.died(timeout=0.5 if self.daemon.alive() else 20)
        what = "a revert, running: %s, dies at %d: %s" % (live, n, step)
        if step is not None:
            self.again()
            jobs.wait_for(lambda: self.domain.info(), 20)
            right = lambda: self.domain.isActive() or not os.path.exists(self.record())     # noqa: E731
            self.ok(jobs.wait_for(right, 10), what + ": nobody need ask a new daemon to put the images right")
        jobs.wait_for(lambda: not os.path.exists(self.record()), 3)
        if self.domain.isActive():
            self.ok(jobs.wait_for(lambda: self.domain.state()[0] == RUNNING, 20), what + ": the guest runs",
                    lambda: self.domain.state())
            self.domain.destroy()
            jobs.wait_off(self.domain)
        if os.path.exists(self.record()):
            self.domain.createWithFlags(START_PAUSED)   # what is left is done before
            self.domain.destroy()
        try:
            qemu_io(self.paths["vda"][0], "qcow2", "read -P 1 0 1M")
            byte = 1
        except ImageError:
            byte = 2
        self.content(byte, what + ": old or new")
        self.revert("i1", libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED)
        self.domain.destroy()
        self.content(1, what + ", once more")
        self.gone()
        return step is not None

    def backs(self, live, off):
        for run, numbers in ((True, live), (False, off)):
            for n in numbers:
                if not self.reverts_inside(n, run):
                    break

    def test_revertdies(self):
        self.backs((12, 25, 40), (5, 9, 14))

    # --- a daemon that dies -------------------------------------------------------------------------------------------

    def dies_inside(self, n, kill):
        """The daemon dies at that step of a creation, and QEMU then, too: made or not; False: it did not come to it."""
        self.made("insidedies-%d-%d" % (n, kill), 1, ("vda", "vdb"))
        self.domain.resume()
        self.daemon.die_at("-", n)
        try:
            self.create("i1")
        except libvirt.libvirtError:
            pass
        step = self.daemon.died(timeout=0.5 if self.daemon.alive() else 20)
        what = "a snapshot, dies at %d%s: %s" % (n, " with QEMU" if kill else "", step)
        if step is not None:
            if kill:
                os.kill(self.daemon.qemu_pid(self.name), signal.SIGKILL)
            self.again()
            settled = OFF if kill else RUNNING
            self.ok(jobs.wait_for(lambda: self.domain.state()[0] == settled, 20), what + ": the guest runs, or is off")
            if not kill:
                self.ok(jobs.wait_for(lambda: "qbj:inside" not in self.daemon.status_xml(self.name), 20),
                        what + ": it is settled")
        made = bool(self.tree()[0])
        self.equal(self.everywhere(), [["i1"] if made else []] * 2, what + ": in all images, or in none")
        if not made:
            self.create("i1")
        self.delete("i1")
        self.equal((self.everywhere(), self.tree()), ([[], []], ({}, None)), what + ": made and deleted")
        self.gone()
        return step is not None

    def creations(self, steps, kills):
        for kill, numbers in ((False, steps), (True, kills)):
            for n in numbers:
                if not self.dies_inside(n, kill):
                    break

    def test_dies(self):
        self.creations((8, 14, 19, 26), (14, 19))

    def test_sweep(self):
        """Each step."""
        self.creations(range(100), range(100))
        self.test_sweepreverts()

    def test_sweepreverts(self):
        self.backs(range(150), range(80))


if __name__ == "__main__":
    sys.exit(suite.main("inside", __doc__, Inside, modes=("system",), kind=UndoDaemon,
                        ours="the stock driver is asked beside ours"))
