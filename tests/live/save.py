#!/usr/bin/python3
"""Guests that are saved and restored: under a writing guest, to and from the stock driver, with each failure, with a
daemon that dies at each step, with block jobs."""

import os
import shutil
import signal
import struct
import subprocess
import sys

import libvirt

import jobs
import plain
import suite
from crashpoint import CrashDaemon
from daemon import stock_driver_dir
from faults import FaultDaemon
from guest import Guest
from jobtest import fill
from writes import Run

PEER2PEER = libvirt.VIR_MIGRATE_PEER2PEER
NOWHERE = "qemu+unix:///system?socket=/nonexistent/socket"
ACTIVE = libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE
BYTES = libvirt.VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES
TRANSIENT = libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB
SHUT, PAUSED, RUNNING = libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_RUNNING
PARTIAL = b"LibvirtQemudPart"
FORMATS = ["raw", "gzip", "bzip2", "xz", "lzop"]
# what a daemon that dies is asked to die at; the last of a save comes behind these
STEPS = 16


class SaveDaemon(CrashDaemon, FaultDaemon):
    """Ours, or the stock driver's on the same folders."""

    def make_folders(self, *args):
        super().make_folders(*args)
        self.folders = {"ours": self.driver_dir, "stock": stock_driver_dir()}

    def change(self, driver):
        self.stop()
        self.driver_dir = self.folders[driver]
        self.start()

    def image(self, name):
        return self.path("lib", "qemu", "save", name + ".save")


def deleted_files(daemon, name):
    """The files that the QEMU of domain @name has open although they have gone."""
    here, found = "/proc/%d/fd" % daemon.qemu_pid(name), []
    for fd in os.listdir(here):
        try:
            path = os.readlink(os.path.join(here, fd))
        except OSError:
            continue                    # it is closing it
        if path.endswith(" (deleted)") and not path.startswith("/memfd:"):
            found.append(path)
    return found


def header(path):
    """(magic, version, length, running, format, cookie), as this host writes it"""
    with open(path, "rb") as f:
        return struct.unpack("=16s5I", f.read(36))


class Saves(suite.DaemonChecks):
    BY_NAME = ["sweep"]  # takes half a minute

    def connect(self):
        super().connect()
        self.events = jobs.Events(self.conn)
        self.conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, self.on_completed, None)

    def on_completed(self, _conn, domain, params, _opaque):
        self.events.add((domain.name(), "completed", params.get("operation")))

    def told(self, name, wanted, what, since=0):
        """The events of this domain from number @since on, as (event, detail), are these."""
        def got():
            with self.events.changed:
                return [e[2:] if e[1] == "lifecycle" else e[1:] for e in self.events.got[since:] if e[0] == name]
        jobs.wait_for(lambda: len(got()) >= len(wanted), 20)
        return self.equal(got(), wanted, what)

    def make(self, name, memory=32):
        """A persistent domain that runs, without an operating system."""
        xml, self.paths = plain.chain_domain(self.daemon, name, 2, fill, memory=memory)
        domain = self.conn.defineXML(xml)
        domain.create()
        return domain

    def gone(self, domain):
        if domain.isActive():
            domain.destroy()
        domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE)

    def files(self):
        """What lies about of saves."""
        folders = [os.path.dirname(self.daemon.image("x")), self.daemon.path("img", "saves")]
        return sorted(name for folder in folders if os.path.isdir(folder) for name in os.listdir(folder))

    def target(self, name):
        folder = self.daemon.path("img", "saves")
        os.makedirs(folder, exist_ok=True)
        return os.path.join(folder, name)

    def goes_on(self, domain, what):
        """As if nothing had been: it runs, no file lies about, the status file has no record."""
        self.equal(domain.state()[0], RUNNING, what + ": the guest goes on")
        self.equal(self.files(), [], what + ": no file is left")
        text = self.daemon.status_xml(domain.name())
        self.ok("<qbj:save" not in text and "async=" not in text, what + ": no record is left", text)

    # --- the guest ------------------------------------------------------------------------------------------------

    def test_writing(self):
        """Saved while it writes, by each driver for the other one; each acknowledged write is there."""
        guest = Guest(self.guest.cache)
        run = Run(self.out, self.daemon, guest, "writing", ["vda"])
        path = self.target("writing")
        run.writing("at the start")
        run.domain.save(path)
        self.equal(header(path)[0::3], (b"LibvirtQemudSave", 1), "the file is complete, the guest was running")
        self.conn.restore(path)
        run.writing("after it was restored")
        run.domain.managedSave(0)
        self.equal(run.domain.state()[0], SHUT, "shut off")
        run.domain.create()
        self.equal(run.domain.hasManagedSaveImage(), 0, "the managed save image has gone")
        run.writing("after it was started from its managed save image")
        run.domain.save(path)
        self.swap(run, "stock")
        run.conn.restore(path)
        run.writing("after the stock driver has restored our file")
        run.domain.save(path)
        self.swap(run, "ours")
        run.conn.restore(path)
        run.writing("after ours has restored the stock driver's file")
        os.unlink(path)
        run.finish({"vda": run.disks["vda"].paths[::-1]})

    def swap(self, run, driver):
        self.daemon.change(driver)
        self.connect()
        run.connect()
        run.domain = run.conn.lookupByName(run.name)

    # --- files ------------------------------------------------------------------------------------------------------

    def test_events(self):
        domain, path = self.make("events"), self.target("events")
        domain.save(path)
        self.told("events", [(0, 0), (4, 0), (2, 0), (3, 0), ("completed", 2), (5, 4)], "events of a save")
        self.equal(domain.state(), [SHUT, libvirt.VIR_DOMAIN_SHUTOFF_SAVED], "its state")
        status = os.stat(path)
        self.equal((status.st_mode & 0o777, status.st_uid), (0o600, os.getuid()), "mode and owner of the file")
        self.equal(domain.jobStats(libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED).get("operation"), 2, "what is told later")
        since = self.events.mark()
        self.conn.restore(path)
        self.told("events", [(2, 2), (4, 2)], "events of a restore", since)
        self.equal(domain.state(), [RUNNING, libvirt.VIR_DOMAIN_RUNNING_RESTORED], "its state")
        self.refused(lambda: self.conn.restore(path), libvirt.VIR_ERR_OPERATION_INVALID, "already active", "twice")
        domain.suspend()
        self.events.wait(lambda e: e == ("events", "lifecycle", 3, 0), 20, since)
        since = self.events.mark()
        domain.save(path)
        self.conn.restore(path)
        self.told("events", [("completed", 2), (5, 4), (2, 2), (3, 4)], "events of one that was paused", since)
        self.equal(domain.state(), [PAUSED, libvirt.VIR_DOMAIN_PAUSED_MIGRATION], "it is paused again")
        domain.saveFlags(path, None, libvirt.VIR_DOMAIN_SAVE_RUNNING | libvirt.VIR_DOMAIN_SAVE_BYPASS_CACHE)
        self.conn.restoreFlags(path, None, libvirt.VIR_DOMAIN_SAVE_BYPASS_CACHE)
        self.equal(domain.state()[0], RUNNING, "SAVE_RUNNING, past the cache")
        domain.saveParams({"file": path}, libvirt.VIR_DOMAIN_SAVE_PAUSED)
        self.conn.restoreParams({"file": path}, libvirt.VIR_DOMAIN_SAVE_RUNNING)
        self.equal(domain.state()[0], RUNNING, "the calls with parameters")
        os.unlink(path)
        self.gone(domain)

    def test_formats(self):
        domain, conf = self.make("formats"), self.daemon.path("etc", "qemu.conf")
        with open(conf) as f:
            before = f.read()
        try:
            for number, word in enumerate(FORMATS + ["zip"]):
                with open(conf, "w") as f:
                    f.write(before + 'save_image_format = "%s"\n' % word)
                self.daemon.restart()
                self.connect()
                self.format(self.conn.lookupByName("formats"), self.target("f." + word), number, word)
        finally:
            with open(conf, "w") as f:
                f.write(before)
            self.daemon.restart()
            self.connect()
        self.gone(self.conn.lookupByName("formats"))

    def format(self, domain, path, number, word):
        if word not in FORMATS or (word != "raw" and not shutil.which(word)):
            self.refused(lambda: domain.save(path), libvirt.VIR_ERR_OPERATION_FAILED, "'%s'" % word,
                         "%s is not known, or not there" % word)
            return self.goes_on(domain, word)
        domain.save(path)
        self.equal(header(path)[4], number, "%s is written" % word)
        self.conn.restore(path)
        self.equal(domain.state()[0], RUNNING, "%s is read" % word)
        os.unlink(path)

    def test_images(self):
        domain, path = self.make("images"), self.target("images")
        domain.save(path)
        xml = self.conn.saveImageGetXMLDesc(path)
        self.conn.saveImageDefineXML(path, xml.replace("<on_crash>destroy", "<on_crash>restart"),
                                     libvirt.VIR_DOMAIN_SAVE_PAUSED)
        self.ok("<on_crash>restart" in self.conn.saveImageGetXMLDesc(path), "another definition is there")
        for what, other, code, words in (
                ("another name", xml.replace("<name>images", "<name>other"), 67, "name 'other' does not match"),
                ("more memory", xml.replace("32768", "65536"), 67, "memory 65536 does not match"),
                ("too long a definition",
                 xml.replace("</name>", "</name><description>%s</description>" % ("x" * 90000)), 9, "too large")):
            self.refused(lambda: self.conn.saveImageDefineXML(path, other), code, words, what)
        self.conn.restore(path)
        self.equal(domain.state()[0], PAUSED, "as it was defined")
        self.ok("<on_crash>restart" in domain.XMLDesc(), "the other definition runs")
        self.ok("<on_crash>destroy" in domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE), "the persistent one stays")
        with open(path, "rb") as f:
            good = f.read(70000)
        for what, data, words in (
                ("no image", b"x" * 200, "magic"), ("nothing", b"", "header"), ("a part of one", good[:500], "XML"),
                ("an incomplete one", PARTIAL + good[16:], "incomplete"),
                ("a later version", good[:16] + b"\x09\0\0\0" + good[20:], "version"),
                ("an unknown format", good[:28] + b"\x63\0\0\0" + good[32:], "format 99")):
            with open(path, "wb") as f:
                f.write(data)
            self.refused(lambda: self.conn.restore(path), libvirt.VIR_ERR_OPERATION_FAILED, words, what)
        self.refused(lambda: self.conn.restore(path + "x"), libvirt.VIR_ERR_SYSTEM_ERROR, "No such file", "no file")
        os.unlink(path)
        self.gone(domain)

    def test_tray(self):
        """A guest that has its tray open is saved, and has it open again; one that boots finds it closed. None of
        them runs: firmware resets its drives while it boots, and closes them."""
        xml, self.paths = plain.chain_domain(self.daemon, "tray", 1, fill)
        drive = "<disk type='file' device='cdrom'><target dev='hda' bus='ide'/><readonly/></disk></devices>"
        domain = self.conn.defineXML(xml.replace("</devices>", drive))
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)

        def opened(domain):
            return "tray='open'" in domain.XMLDesc()

        alias = jobs.disk_element(domain.XMLDesc(), "hda").find("alias").get("name")
        self.daemon.virsh("qemu-monitor-command", "tray",
                          '{"execute":"blockdev-open-tray","arguments":{"id":"%s","force":true}}' % alias)
        self.ok(jobs.wait_for(lambda: opened(domain), 10), "its tray is open")
        domain.managedSave()
        domain.create()
        self.ok(opened(domain), "and is after a managed save")
        path = self.target("tray")
        domain.save(path)
        self.conn.restore(path)
        os.unlink(path)
        self.ok(opened(domain), "and after a save")
        live = domain.XMLDesc()
        domain.destroy()
        domain.undefine()
        domain = self.conn.defineXML(live)
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        self.ok(not opened(domain), "a guest that boots has it closed, also from such a definition")
        self.gone(domain)

    def test_managed(self):
        domain, path = self.make("managed"), self.daemon.image("managed")
        domain.managedSave(libvirt.VIR_DOMAIN_SAVE_PAUSED)
        self.equal([d.name() for d in self.conn.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE)],
                   ["managed"], "it is listed")
        invalid = libvirt.VIR_ERR_OPERATION_INVALID
        self.refused(domain.undefine, invalid, "managed save image", "undefine")
        self.refused(lambda: domain.rename("other"), invalid, "managed", "rename")
        self.daemon.restart()
        self.connect()
        domain = self.conn.lookupByName("managed")
        self.equal(domain.hasManagedSaveImage(), 1, "another daemon knows it")
        domain.managedSaveDefineXML(domain.managedSaveGetXMLDesc(0), libvirt.VIR_DOMAIN_SAVE_RUNNING)
        domain.create()
        self.equal((domain.state()[0], os.path.exists(path)), (RUNNING, False), "started, the image has gone")
        self.refused(lambda: domain.managedSaveRemove(0), libvirt.VIR_ERR_SYSTEM_ERROR, "No such file",
                     "removal of none")
        domain.managedSave(0)
        domain.managedSaveRemove(0)
        domain.create()
        self.equal(domain.state(), [RUNNING, libvirt.VIR_DOMAIN_RUNNING_BOOTED], "booted, after it was removed")
        domain.managedSave(0)
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_FORCE_BOOT)
        self.equal((domain.state(), os.path.exists(path)), ([RUNNING, libvirt.VIR_DOMAIN_RUNNING_BOOTED], False),
                   "FORCE_BOOT")
        domain.managedSave(0)
        self.spoil(path, PARTIAL)
        domain.create()
        self.equal(domain.state(), [RUNNING, libvirt.VIR_DOMAIN_RUNNING_BOOTED], "booted, the image was incomplete")
        domain.managedSave(0)
        self.spoil(path, b"LibvirtQemudXXXX")
        self.refused(domain.create, libvirt.VIR_ERR_OPERATION_FAILED, "magic", "an image that is none")
        self.ok(os.path.exists(path), "it stays")
        self.gone(domain)
        self.ok(not os.path.exists(path), "undefined with its image")

    def spoil(self, path, magic):
        with open(path, "r+b") as f:
            f.write(magic)

    # --- failures --------------------------------------------------------------------------------------------------

    def test_failures(self):
        domain = self.make("failures")
        self.refused(lambda: domain.save("/nowhere/x"), libvirt.VIR_ERR_SYSTEM_ERROR,
                     "Failed to create file '/nowhere/x'", "a folder that is not there")
        self.goes_on(domain, "a folder that is not there")
        self.refused(lambda: domain.save("/dev/full"), libvirt.VIR_ERR_OPERATION_UNSUPPORTED, "no file", "a device")
        self.goes_on(domain, "a device")
        link = os.path.join(os.path.dirname(self.daemon.path("img", "full")), "link")
        os.link(self.paths[1], link)
        for path, what in ((self.paths[0], "an image of its disk"), (link, "its disk's image by another name")):
            before = os.stat(path)
            self.refused(lambda: domain.save(path), libvirt.VIR_ERR_OPERATION_INVALID, "is an image of disk 'vda'",
                         what)
            self.equal((os.stat(path).st_ino, os.stat(path).st_size), (before.st_ino, before.st_size), what + " stays")
            self.goes_on(domain, what)
        os.unlink(link)
        os.mkdir(self.daemon.path("img", "full"))
        self.full(domain)
        if self.out.ok(self.daemon.can_fail(), "the module has faults"):
            for fault in ("image-create:1", "image-seal:1", "save:1", "qmp-error:3", "qmp-error:6", "qmp-error:8",
                          "qmp-answer:5", "qmp-send:7"):
                self.daemon.fail(fault)
                self.ok(suite.code(domain.managedSave, 0), "%s: the save fails" % fault)
                self.daemon.fail(None)
                self.ok(jobs.wait_for(lambda: domain.state()[0] == RUNNING, 20), "%s: it runs again" % fault)
                jobs.wait_for(lambda: "<qbj:save" not in self.daemon.status_xml("failures"), 20)
                self.goes_on(domain, fault)
        self.gone(domain)

    def full(self, domain):
        """A file system that is full, while the file is being written: what was there before stays."""
        prefix = self.daemon.namespace_prefix()
        folder = self.daemon.path("img", "full")
        size = os.path.join(folder, "x")
        self.run(prefix + ["mount", "-t", "tmpfs", "-o", "size=200k", "none", folder])
        self.run(prefix + ["sh", "-c", "echo old > " + size])
        self.ok(suite.code(domain.save, size), "a full disk: the save fails")
        self.goes_on(domain, "a full disk")
        self.equal(self.run(prefix + ["sh", "-c", "cat %s; ls %s" % (size, folder)]), "old\nx\n",
                   "a full disk: what was there before stays, alone")
        self.run(prefix + ["umount", "-l", folder])       # QEMU may be about to close its file

    def run(self, argv):
        return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout

    def test_abort(self):
        """A client calls a save off whose stream stands still: QEMU is stopped in it."""
        domain = self.make("abort")
        snapshot = domain.snapshotCreateXML("<domainsnapshot><name>s</name></domainsnapshot>",
                                            libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY)
        self.refused(domain.abortJob, libvirt.VIR_ERR_OPERATION_INVALID, "no job is active", "nothing to abort")
        self.equal(domain.jobInfo()[0], libvirt.VIR_DOMAIN_JOB_NONE, "no job")
        self.daemon.die_at("migrate-set-parameters", -1, signal.SIGSTOP)
        thread = suite.Waiting(lambda: suite.code(domain.managedSave, 0))
        self.ok(self.daemon.died() is not None, "the daemon stands still in the save")
        pid = self.daemon.stop_qemu("abort")
        self.ok(jobs.wait_for(lambda: domain.jobInfo()[0] == libvirt.VIR_DOMAIN_JOB_UNBOUNDED, 20), "there is a job")
        self.equal(domain.jobStats().get("operation"), libvirt.VIR_DOMAIN_JOB_OPERATION_SAVE, "a save")
        # 07/G1.4, G1.16: known at once, not after 30 s of waiting for the save
        for what, call in (("save", lambda: domain.save(self.daemon.path("img", "another"))),
                           ("managed save", lambda: domain.managedSave(0)),
                           ("block job", lambda: domain.blockPull("vda", 0, 0)),
                           ("deletion of a snapshot", lambda: snapshot.delete(0)),
                           ("revert", lambda: domain.revertToSnapshot(snapshot))):
            self.refused(call, libvirt.VIR_ERR_OPERATION_INVALID, "busy with another operation: save",
                         "no %s meanwhile" % what)
        # who has snapshots is told of them first (22/3)
        self.refused(lambda: domain.migrateToURI3(NOWHERE, {}, PEER2PEER), libvirt.VIR_ERR_OPERATION_INVALID,
                     "cannot migrate domain with 1 snapshots", "no migration meanwhile")
        domain.abortJob()
        os.kill(pid, signal.SIGCONT)
        thread.join()
        self.equal(thread.value, libvirt.VIR_ERR_OPERATION_ABORTED, "the save was called off")
        self.goes_on(domain, "a save that was called off")
        self.equal(domain.state()[1], libvirt.VIR_DOMAIN_RUNNING_SAVE_CANCELED, "so it is told")
        snapshot.delete(libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY)
        self.gone(domain)

    def signal(self, which):
        self.daemon.ask(do="signal", pid=self.daemon.pid, signal=int(which))

    # --- a daemon that dies ------------------------------------------------------------------------------------------

    def test_daemon(self):
        """At chosen steps of a managed save: it is done, or the guest goes on."""
        self.deaths(range(1, STEPS, 4))

    def test_sweep(self):
        """At each of them."""
        self.deaths(range(40))

    def test_handed(self):
        """A daemon that dies when QEMU has the file and was not told yet what for."""
        domain = self.make("handed")
        for how in ("", "after"):
            self.daemon.die_at('"migrate"', -1 if not how else 0, how=how)
            self.ok(suite.code(domain.managedSave, 0) and self.daemon.died(), "the daemon dies: %s" % (how or "before"))
            self.daemon.start()
            self.connect()
            domain = self.conn.lookupByName("handed")
            self.ok(jobs.wait_for(lambda: "<qbj:save" not in self.daemon.status_xml("handed"), 20), "it is taken back")
            self.goes_on(domain, "handed")
            self.ok(jobs.wait_for(lambda: not deleted_files(self.daemon, "handed"), 20),
                    "QEMU has no file open that has gone", lambda: str(deleted_files(self.daemon, "handed")))
        self.gone(domain)

    def deaths(self, steps):
        domain, path = self.make("death"), self.daemon.image("death")
        for step in steps:
            self.daemon.die_at("-", step)
            code = suite.code(domain.managedSave, 0)
            died = self.daemon.died(0 if code == 0 else 20)
            if died is None:
                self.equal((code, domain.state()[0]), (0, SHUT), "step %d is behind the save" % step)
                self.daemon.restart()           # that one counts on
                self.connect()
                break
            self.daemon.start()
            self.connect()
            domain = self.conn.lookupByName("death")
            self.settled(domain, path, "a daemon that dies at step %d (%s)" % (step, died))
        self.gone(self.conn.lookupByName("death"))

    def settled(self, domain, path, what):
        def done():
            state, text = domain.state(), self.daemon.status_xml("death") or ""
            return state[0] == SHUT or (state[0] == RUNNING and "<qbj:save" not in text)
        self.ok(jobs.wait_for(done, 30), what + ": it is settled", lambda: self.daemon.log_tail())
        if domain.state()[0] == RUNNING:
            return self.goes_on(domain, what)
        self.equal(domain.state()[1], libvirt.VIR_DOMAIN_SHUTOFF_SAVED, what + ": it is saved")
        self.equal((self.files(), domain.hasManagedSaveImage()), (["death.save"], 1), what + ": there is one file")
        domain.create()
        self.equal(domain.state(), [RUNNING, libvirt.VIR_DOMAIN_RUNNING_RESTORED], what + ": it can be restored")

    def test_restore_daemon(self):
        """The daemon dies while it restores: the image is there as long as QEMU does not have it all."""
        domain, path = self.make("back"), self.daemon.image("back")
        domain.managedSave(0)
        for word, steps in (("migrate-incoming", 0), ("migrate-incoming", 1), ("cont", -1), ("cont", 0)):
            what = "a daemon that dies %d after %s" % (steps, word)
            self.daemon.die_at(word, steps)
            suite.code(domain.create)
            self.ok(self.daemon.died() is not None, what)
            self.daemon.start()
            self.connect()
            domain = self.conn.lookupByName("back")
            jobs.wait_for(lambda: domain.state()[0] in (SHUT, RUNNING), 30)
            state = domain.state()[0]
            self.equal((state, os.path.exists(path)), (state, state == SHUT), what + ": the guest is in one place")
            if state == RUNNING:
                domain.managedSave(0)
        self.gone(domain)

    def test_restore_stands(self):
        """A guest that QEMU does not continue, or that the status file has no room to say of, goes on later, also with
        the next daemon."""
        if not self.daemon.can_fail():
            return self.out.skip("restore_stands", "needs faults")
        domain = self.make("stands")
        for fault, later in (("vm-cont:1", False), ("vm-cont:1+", True), ("save-write:3+", True)):
            domain.managedSave(0)
            self.daemon.fail(fault)
            domain.create()
            if later:
                self.equal(domain.state()[0], PAUSED, fault + ": it stands still")
                self.daemon.kill()
                self.daemon.fail(None)
                self.daemon.start()
                self.connect()
                domain = self.conn.lookupByName("stands")
            self.ok(jobs.wait_for(lambda: domain.state()[0] == RUNNING, 20), fault + ": it goes on",
                    lambda: domain.state())
            self.ok(jobs.wait_for(lambda: "qbj:restore" not in self.daemon.status_xml("stands"), 20),
                    fault + ": no record is left")
            if not later:
                self.daemon.fail(None)
            self.goes_on(domain, fault)
        self.gone(domain)

    def test_qemu(self):
        """QEMU dies in the save."""
        domain, path = self.make("qemu"), self.daemon.image("qemu")
        self.daemon.die_at("getfd", -1, signal.SIGSTOP)
        thread = suite.Waiting(lambda: suite.code(domain.managedSave, 0))
        self.ok(self.daemon.died() is not None, "the daemon stands still before it passes the file")
        os.kill(self.daemon.qemu_pid("qemu"), signal.SIGKILL)
        self.signal(signal.SIGCONT)
        thread.join()
        self.ok(thread.value, "the save fails")
        self.ok(jobs.wait_for(lambda: domain.state() == [SHUT, libvirt.VIR_DOMAIN_SHUTOFF_CRASHED], 20),
                "it has crashed")
        self.equal((self.files(), domain.hasManagedSaveImage()), ([], 0), "no file is left")
        self.gone(domain)

    # --- block jobs ---------------------------------------------------------------------------------------------------

    def test_guard(self):
        """07/G3: the cells of the operations that save, on both drivers."""
        for driver in ("ours", "stock"):
            self.daemon.change(driver)
            self.connect()
            self.guard(driver)
        self.daemon.change("ours")
        self.connect()

    def guard(self, driver):
        domain, path = self.make("guard-" + driver), self.target("guard")
        copy = self.daemon.path("img", "copy-" + driver)
        disk = "<disk type='file'><driver type='qcow2'/><source file='%s'/></disk>" % copy
        starts = {
            "pull": lambda: domain.blockPull("vda", 1, libvirt.VIR_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES),
            "act. commit": lambda: domain.blockCommit("vda", None, None, 1, ACTIVE | BYTES),
            "act. commit ready": lambda: domain.blockCommit("vda", None, None, 0, ACTIVE),
            "copy": lambda: domain.blockCopy("vda", disk, {"bandwidth": 1}, TRANSIENT),
            "copy ready": lambda: domain.blockCopy("vda", disk, {}, TRANSIENT),
        }
        saves = {
            "save": lambda: domain.save(path), "saveFlags-paused": lambda: domain.saveFlags(path, None, 4),
            "saveParams": lambda: domain.saveParams({"file": path}, 0), "managedSave": lambda: domain.managedSave(0),
        }
        for job, start in starts.items():
            start()
            if job.endswith("ready"):
                jobs.wait_ready(domain, "vda")
            for operation, save in saves.items():
                self.refused(save, libvirt.VIR_ERR_OPERATION_INVALID, "domain has active block job",
                             "%s: %s during %s" % (driver, operation, job))
            self.equal(domain.state()[0], RUNNING, "%s: the guest runs during %s" % (driver, job))
            domain.blockJobAbort("vda")
            jobs.wait_gone(domain, "vda")
            if os.path.exists(copy):
                os.unlink(copy)
        domain.managedSave(0)
        self.equal(domain.hasManagedSaveImage(), 1, "%s: without a job" % driver)
        self.gone(domain)


if __name__ == "__main__":
    sys.exit(suite.main("save", __doc__, Saves, modes=("system",), kind=SaveDaemon,
                        ours="the stock driver is tried beside ours"))
