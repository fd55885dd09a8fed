#!/usr/bin/python3
"""Disks that come and go: under a guest that writes on them, with block jobs, with a daemon that dies at each step,
many times; what is refused, on the stock driver as well."""

import os
import re
import sys

import libvirt

import jobs
import plain
import suite
from crashpoint import CrashDaemon
from faults import FaultDaemon
from guest import Ring, SerialLog, check_image
from images import make_chain, qemu_io
from jobtest import INACTIVE, JobChecks, fill
from qmp import Qmp

LIVE, CONFIG = libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG
BOTH = LIVE | CONFIG
SCSI = "    <controller type='scsi' model='virtio-scsi'/>\n    <controller type='usb'"
BLOCKS = 60
CROWD = 9            # VMs, more than a new daemon asks for everything at once
EVENTS = {"added": libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, "removed": libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED}
# where a daemon dies that changes both definitions, around the new name of the file: so many steps after device_add
TWICE = (4, 5, 6)
# where a daemon dies: behind so many steps after this command
CRASHES = [("attach", "blockdev-add", -1), ("attach", "blockdev-add", 0),
           ("attach", "device_add", 0), ("attach", "device_add", 2),
           ("detach", "device_del", -1), ("detach", "device_del", 0), ("detach", "blockdev-del", -1),
           ("detach", "blockdev-del", 0), ("detach", "blockdev-del", 2)]


class PlugDaemon(CrashDaemon, FaultDaemon):
    """Dies at a step, and fails at a point."""


class Plugs(JobChecks):
    BY_NAME = ["hundreds"]

    def connect(self):
        super().connect()
        for word, event in EVENTS.items():
            self.conn.domainEventRegisterAny(None, event, self.on_device, word)

    def on_device(self, _conn, domain, alias, word):
        self.events.add((domain.name(), word, alias))

    def told(self, word, since):
        return self.events.wait(lambda e: e[:2] == (self.name, word), 20, since)

    def make(self, name, running=True):
        """A persistent domain with a controller for SCSI disks, and a chain of two to plug in."""
        xml, self.paths = plain.chain_domain(self.daemon, name, 3, fill)
        self.name, self.domain = name, self.conn.defineXML(xml.replace("    <controller type='usb'", SCSI))
        self.domain.createWithFlags(0 if running else libvirt.VIR_DOMAIN_START_PAUSED)
        self.more = make_chain(self.daemon.path("img", name), ["more.0", "more.1"], fill=fill)
        self.daemon.own(*self.more)

    def xml(self, target="sda", bus="scsi", path=None, extra=""):
        return plain.disk(target, path or self.more[-1], bus=bus, extra=extra)

    def targets(self, flags=0):
        return sorted(re.findall("<target dev='([a-z]+)'", self.domain.XMLDesc(flags)))

    def nodes(self):
        answer = self.monitor("query-named-block-nodes", flat=True)
        return len(answer["return"])

    def attached(self, what, **where):
        self.domain.attachDeviceFlags(self.xml(**where), LIVE)
        self.ok(where.get("target", "sda") in self.targets(), what)

    def detached(self, what, target="sda", bus="scsi"):
        self.domain.detachDeviceFlags(self.xml(target, bus), LIVE)
        self.ok(target not in self.targets(), what)

    # --- a guest --------------------------------------------------------------------------------------------------

    def guest_disk(self, target, bus):
        """Plugged in, written on, unplugged: what the guest wrote is there. It is the first disk of its kind, so the
        guest gives it the same name."""
        ring, path = Ring(blocks=BLOCKS), self.daemon.path("img", "guest", target)
        make_chain(os.path.dirname(path), [os.path.basename(path)])
        self.daemon.own(path)
        since = self.events.mark()
        self.domain.attachDeviceFlags(plain.disk(target, path, bus=bus), LIVE)
        self.ok(self.told("added", since), "%s: DEVICE_ADDED" % target)
        seen = self.log.wait_line("^G sees %s" % target)
        self.ok(seen and self.log.wait_line("^D %s %d" % (target, BLOCKS), 60),
                "%s: the guest sees it and writes" % target,
                lambda: "\n".join(self.log.lines()[-20:]))
        self.ok(self.domain.blockStats(target)[2] > 0, "%s: its figures" % target)
        self.domain.detachDeviceFlags(plain.disk(target, path, bus=bus), LIVE)
        self.ok(target not in self.targets() and self.told("removed", since), "%s: DEVICE_REMOVED" % target)
        self.ok(self.log.wait_line("^G lost %s" % target), "%s: the guest has it no more" % target)
        problems = check_image(path, ring, BLOCKS, "qcow2")
        self.equal(problems, [], "%s: each acknowledged write is in its image" % target)

    def test_guest(self):
        plain.folder(self.daemon, "guest")
        serial = self.daemon.path("img", "guest", "serial.log")
        self.log, words = SerialLog(serial), {"mode": "plug", "count": BLOCKS, "blocks": BLOCKS, "rate": 0}
        xml = self.guest.xml(self.daemon, "guest", [], serial, words)
        self.name, self.domain = "guest", self.conn.defineXML(xml.replace("    <controller type='usb'", SCSI))
        self.domain.create()
        self.ok(self.log.wait_line("^G plugs", 120), "the guest is up", lambda: "\n".join(self.log.lines()[-20:]))
        before = self.nodes()
        self.guest_disk("vda", "virtio")
        self.guest_disk("sda", "scsi")
        self.equal(self.nodes(), before, "no node is left")
        self.gone()

    def medium(self, name, device="cdrom"):
        target, bus = ("sdc", "scsi") if device == "cdrom" else ("fda", "fdc")
        path = name and self.daemon.path("img", self.name, name)
        return plain.disk(target, path, "raw", "<readonly/>" if device == "cdrom" else "", device, bus)

    def media(self):
        folder = plain.folder(self.daemon, self.name)
        for name in ("one.", "two."):
            path = os.path.join(folder, name)
            with open(path, "w", encoding="ascii") as f:
                f.write(name)
                f.truncate(1 << 20)
            self.daemon.own(path)
        return folder

    def has(self, name, what, target="sdc"):
        """QEMU and the definition say that this medium is in."""
        source = jobs.source_of(jobs.disk_element(self.domain.XMLDesc(), target))
        inserted = [d["inserted"]["file"] for d in self.monitor("query-block")["return"]
                    if d.get("inserted") and d["inserted"]["drv"] == "raw"]
        wanted = name and self.daemon.path("img", self.name, name)
        self.ok(source == wanted and [path for path in inserted if path == wanted] == ([wanted] if name else []), what,
                "%s, %s" % (source, inserted))

    def test_locked(self):
        """A real guest that has locked its tray (09/H3.4), and does not answer when a disk is to go (09/H2.5 D)."""
        self.name = "locked"
        folder = self.media()
        serial = os.path.join(folder, "serial.log")
        self.log, more = SerialLog(serial), make_chain(folder, ["more"])[0]
        self.daemon.own(more)
        xml = self.guest.xml(self.daemon, "locked", [], serial, {"mode": "tray"}, machine="pc")
        xml = xml.replace("qbj.mode", "acpiphp.disable=1 qbj.mode")
        xml = xml.replace("    <controller type='usb'", self.medium("one.") + "\n" + SCSI)
        self.domain = self.conn.defineXML(xml)
        self.domain.create()
        self.ok(self.log.wait_line("^G holds one[.]", 120), "the guest has locked its tray",
                lambda: "\n".join(self.log.lines()[-20:]))
        update = self.domain.updateDeviceFlags
        self.refused(lambda: update(self.medium("two."), BOTH), libvirt.VIR_ERR_OPERATION_FAILED, "has locked the tray",
                     "a tray that the guest has locked stays closed")
        self.has("one.", "the medium is still in")
        self.ok("one." in self.domain.XMLDesc(INACTIVE), "and the definition's")
        update(self.medium("two."), BOTH | libvirt.VIR_DOMAIN_DEVICE_MODIFY_FORCE)
        self.has("two.", "by force it is another one")
        self.ok("two." in self.domain.XMLDesc(INACTIVE), "in both definitions")
        self.domain.attachDeviceFlags(plain.disk("sda", more, bus="scsi"), LIVE)
        self.ok(self.log.wait_line("^G released", 60), "the guest lets the tray go")
        update(self.medium("one."), LIVE)
        self.has("one.", "then it is changed as well")
        self.unanswered()
        self.gone()

    def unanswered(self):
        path = make_chain(self.daemon.path("img", self.name), ["silent"])[0]
        self.daemon.own(path)
        disk = plain.disk("vdb", path)
        self.domain.attachDeviceFlags(disk, BOTH)
        self.refused(lambda: self.domain.detachDeviceFlags(disk, BOTH), libvirt.VIR_ERR_OPERATION_TIMEOUT,
                     "has not given up device", "a guest without hot-plug does not let a disk go")
        self.ok("vdb" in self.targets() and "vdb" in self.targets(INACTIVE), "it stays in both definitions")
        self.ok(self.domain.blockStats("vdb"), "and the guest has it")

    def test_floppy(self):
        """09/H3 of a drive without a tray that QEMU could open."""
        self.name = "floppy"
        self.media()
        self.domain = self.conn.defineXML(plain.domain(self.name, [self.medium("one.", "floppy")]))
        self.domain.create()
        update = self.domain.updateDeviceFlags
        for name in ("two.", None, "one."):
            update(self.medium(name, "floppy"), BOTH)
            self.has(name, "the floppy is %s" % name, "fda")
            self.ok((name or "<source") in self.domain.XMLDesc(INACTIVE) or not name, "and at the next start")
        self.refused(lambda: update(plain.disk("fda", "/nowhere", "raw", "", "floppy", "fdc"), LIVE),
                     libvirt.VIR_ERR_SYSTEM_ERROR, "/nowhere", "one that is not there")
        self.has("one.", "the floppy is still in", "fda")
        self.gone()

    # --- rules ----------------------------------------------------------------------------------------------------

    def test_numbers(self):
        """A controller without an index gets the next one, live as in the definition; the next daemon knows it."""
        self.make("numbers")
        one = "<controller type='scsi' model='virtio-scsi'/>"
        for flags in (LIVE, CONFIG, BOTH):
            self.domain.attachDeviceFlags(one, flags)
        for flags in (0, INACTIVE):
            found = re.findall(r"<controller type='scsi' index='(-?\d+)'", self.domain.XMLDesc(flags))
            self.equal(found, ["0", "1", "2"], "controllers are numbered")
        self.daemon.restart()
        self.connect()
        self.domain = self.conn.lookupByName(self.name)
        known = lambda: self.domain.controlInfo(0)[0] == libvirt.VIR_DOMAIN_CONTROL_OK  # noqa: E731
        self.ok(jobs.wait_for(known, 20), "the next daemon knows them")
        self.gone()

    def test_rules(self):
        """09/H1, H2: the same codes on both drivers, but where ours is to be better."""
        self.make("rules")
        other = make_chain(self.daemon.path("img", "rules"), ["other"])[0]
        self.daemon.own(other)
        attach, ours = self.domain.attachDeviceFlags, not self.stock
        here = "<address type='drive' controller='0' bus='0' target='0' unit='0'/>"
        slot = "<address type='pci' domain='0' bus='0' slot='2' function='0'/>"
        attach(self.xml(), BOTH)
        cases = [
            ("target in use", self.xml(), LIVE, libvirt.VIR_ERR_XML_ERROR),
            ("target in use in the definition", self.xml(), CONFIG, libvirt.VIR_ERR_OPERATION_INVALID),
            ("address on SCSI in use", self.xml("sdb", path=other, extra=here), LIVE,
             libvirt.VIR_ERR_OPERATION_INVALID),
            ("address on PCI in use", self.xml("vdb", "virtio", other, slot), LIVE, libvirt.VIR_ERR_XML_ERROR),
            ("floppy", plain.disk("fda", other, bus="fdc", device="floppy"), LIVE,
             libvirt.VIR_ERR_OPERATION_UNSUPPORTED),
            ("image in use", self.xml("sdb"), LIVE,
             libvirt.VIR_ERR_RESOURCE_BUSY if ours else libvirt.VIR_ERR_INTERNAL_ERROR),
            ("wrong format", plain.disk("sdb", "/etc/hostname", bus="scsi"), LIVE,
             libvirt.VIR_ERR_OPERATION_FAILED if ours else libvirt.VIR_ERR_INTERNAL_ERROR),
            ("unknown format", plain.disk("sdb", other, "bogus", bus="scsi"), LIVE, libvirt.VIR_ERR_CONFIG_UNSUPPORTED),
            ("no file", self.xml("sdb", path="/nonexistent"), LIVE, libvirt.VIR_ERR_SYSTEM_ERROR),
            ("no source", plain.disk("sdb", "", bus="scsi"), LIVE, libvirt.VIR_ERR_NO_SOURCE),
            ("boot order", self.xml("sdb", path=other, extra="<boot order='1'/>"), LIVE,
             libvirt.VIR_ERR_CONFIG_UNSUPPORTED),
        ]
        if ours:
            cases += [("IDE", self.xml("hdb", "ide", other), LIVE, libvirt.VIR_ERR_OPERATION_UNSUPPORTED),
                      ("SATA", self.xml("sdb", "sata", other), LIVE, libvirt.VIR_ERR_OPERATION_UNSUPPORTED)]
        before = self.domain.XMLDesc(0)
        for what, xml, flags, wanted in cases:
            self.equal(suite.code(attach, xml, flags), wanted, what)
        self.equal(self.domain.XMLDesc(0), before, "nothing has changed")
        detach = self.domain.detachDeviceFlags
        self.equal(suite.code(detach, self.xml("sdx"), LIVE), libvirt.VIR_ERR_DEVICE_MISSING, "no such disk")
        self.equal(suite.code(detach, self.xml("sdx"), CONFIG), libvirt.VIR_ERR_DEVICE_MISSING, "nor in the definition")
        # by its target only (09/H2.1)
        detach(self.xml(path=other), BOTH)
        self.equal((self.targets(), self.targets(INACTIVE)), (["vda"], ["vda"]), "detached, by its target")
        self.gone()

    def test_silent(self):
        """A guest that does not answer: ours says so, and the definition stays (09/H2.5 D); it goes at the reset."""
        self.make("silent")
        since = self.events.mark()
        self.domain.attachDeviceFlags(self.xml("vdb", "virtio"), BOTH)
        got = suite.code(self.domain.detachDeviceFlags, self.xml("vdb", "virtio"), BOTH)
        self.equal(got, 0 if self.stock else libvirt.VIR_ERR_OPERATION_TIMEOUT, "after 5 s")
        self.equal("vdb" in self.targets(INACTIVE), not self.stock, "the definition")
        self.domain.reset()
        self.ok(self.told("removed", since) and "vdb" not in self.targets(), "the guest lets go at its reset (09/H2.6)")
        self.gone()

    # --- block jobs -----------------------------------------------------------------------------------------------

    def test_jobs(self):
        """A disk that comes and goes beside a job of another one, and jobs on it."""
        self.make("jobs")
        bandwidth = libvirt.VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES
        self.domain.blockCommit("vda", self.paths[0], self.paths[1], 1, bandwidth)
        self.attached("beside a commit of another disk (07/G3)")
        self.refused(lambda: self.domain.detachDeviceFlags(self.xml("vda", "virtio"), LIVE),
                     libvirt.VIR_ERR_OPERATION_UNSUPPORTED, "already in active block job", "the disk of the job stays")
        self.domain.blockJobAbort("vda")
        self.equal(self.pulled(disk="sda"), "completed", "a pull on it")
        self.equal(self.chain(disk="sda"), self.more[1:], "its chain")
        since = self.events.mark()
        self.domain.blockCopy("sda", "<disk type='file'><driver type='qcow2'/><source file='%s'/></disk>" %
                              self.daemon.path("img", "jobs", "copy"), {}, libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB)
        self.ok(jobs.wait_ready(self.domain, "sda"), "a copy of it is ready")
        self.refused(lambda: self.domain.detachDeviceFlags(self.xml(), LIVE), libvirt.VIR_ERR_BLOCK_COPY_ACTIVE,
                     "already in active block job", "it stays while it is copied")
        self.domain.blockJobAbort("sda", libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)
        self.equal(self.ended(since, "sda"), "completed", "pivot")
        self.detached("then it goes")
        qemu_io(self.daemon.path("img", "jobs", "copy"), "qcow2", "read -P 1 0 1M", "read -P 2 1M 1M")
        self.gone()

    # --- daemons that come later ----------------------------------------------------------------------------------

    def again(self):
        self.daemon.start()
        self.connect()
        self.domain = self.conn.lookupByName(self.name)
        jobs.wait_for(lambda: suite.code(self.domain.controlInfo) == 0 and self.domain.controlInfo()[0] == 0, 20)

    def test_restart(self):
        """Known to a new daemon; one that went while none was there has gone (06/R6.7); a save and a restore."""
        self.make("restart")
        before = self.nodes()
        self.domain.attachDeviceFlags(self.xml(extra="<serial>S1</serial>"), BOTH)
        self.daemon.kill()
        self.again()
        self.ok("sda" in self.targets(), "a new daemon knows it")
        self.daemon.kill()
        monitor = Qmp(self.daemon.monitor_path(self.name))
        monitor.call("device_del", id="scsi0-0-0-0")
        monitor.close()
        self.again()
        self.ok(jobs.wait_for(lambda: "sda" not in self.targets(), 20), "unplugged meanwhile: gone")
        self.ok("sda" in self.targets(INACTIVE), "the definition keeps it")
        self.equal(self.nodes(), before, "with its nodes")
        self.attached("attached again")
        path = self.daemon.path("img", "restart", "saved")
        self.domain.save(path)
        self.conn.restore(path)
        self.ok("sda" in self.targets(), "saved and restored with it")
        self.detached("and it goes")
        self.gone()

    def test_crowd(self):
        """With many VMs a new daemon asks for the devices a little later, and again when it is not told: what went
        meanwhile goes all the same."""
        self.make("crowd")
        self.domain.attachDeviceFlags(self.xml(), BOTH)
        for number in range(CROWD):
            xml = plain.domain("crowd%d" % number, [], memory=16)
            self.conn.createXML(xml, libvirt.VIR_DOMAIN_START_PAUSED)
        faulty = self.daemon.can_fail()
        self.daemon.kill()
        monitor = Qmp(self.daemon.monitor_path(self.name))
        monitor.call("device_del", id="scsi0-0-0-0")
        monitor.close()
        if faulty:
            self.daemon.fail("devices:1")
        self.again()
        self.ok(jobs.wait_for(lambda: "sda" not in self.targets(), 20), "unplugged meanwhile, one of many: gone")
        self.ok(not faulty or "does not say what is plugged in" in self.daemon.log_text(), "asked for later, twice")
        if faulty:
            self.daemon.fail(None)
        self.ok("sda" in self.targets(INACTIVE), "the definition keeps it")
        self.attached("attached again")
        self.detached("and it goes")
        for number in range(CROWD):
            self.conn.lookupByName("crowd%d" % number).destroy()
        self.gone()

    def crash(self, what, word, steps):
        case = "%s, %s%+d" % (what, word, steps)
        if what == "detach":
            self.domain.attachDeviceFlags(self.xml(), LIVE)
        self.daemon.die_at(word, steps)
        call = self.domain.attachDeviceFlags if what == "attach" else self.domain.detachDeviceFlags
        suite.code(call, self.xml(), LIVE)
        step = self.daemon.died()
        if step is None:
            self.out.diag("%s: there is no such step" % case)
        else:
            self.again()
        has = "sda" in self.targets()
        peripheral = [e["name"] for e in self.monitor("qom-list", path="/machine/peripheral")["return"]]
        self.ok(has == ("scsi0-0-0-0" in peripheral), "%s: known if it is there" % case, step)
        if has:
            self.domain.detachDeviceFlags(self.xml(), LIVE)
        self.equal(self.nodes(), self.free, "%s: no node is left" % case)
        self.ok("<qbj:plug" not in self.daemon.status_xml(self.name), "%s: no record is left" % case)
        owners = [os.stat(path).st_uid for path in self.more]
        self.equal(owners, self.owners, "%s: the images are their owner's" % case)

    def test_crash(self):
        """A daemon that dies at a step of it: afterwards the disk is there and known, or not, and nothing is left."""
        self.make("crash", False)
        self.free, self.owners = self.nodes(), [os.stat(path).st_uid for path in self.more]
        for what, word, steps in CRASHES:
            self.crash(what, word, steps)
        self.gone()

    def test_twice(self):
        """A daemon that dies behind the change of the definition: nothing is changed once more. There may be two random
        number generators that are alike."""
        rng = "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"
        self.make("twice", False)
        for steps in TWICE:
            self.daemon.die_at("device_add", steps)
            suite.code(self.domain.attachDeviceFlags, rng, LIVE | CONFIG)
            step = self.daemon.died()
            if step is None:
                self.out.diag("%+d: there is no such step" % steps)
            else:
                self.again()
            both = [self.domain.XMLDesc(flags).count("<rng ") for flags in (0, INACTIVE)]
            self.ok(both in ([0, 0], [1, 1]), "%+d: one or none" % steps, "%s, %s" % (both, step))
            self.domain.destroy()
            for _ in range(both[1]):
                self.domain.detachDeviceFlags(rng, CONFIG)
            self.domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        self.gone()

    # --- many -----------------------------------------------------------------------------------------------------

    def many(self, count):
        self.make("many%d" % count, False)
        self.attached("once")
        self.detached("and gone")
        nodes, descriptors, memory = self.nodes(), self.daemon.descriptors(), self.daemon.memory_mib()
        for _ in range(count):
            self.domain.attachDeviceFlags(self.xml(), LIVE)
            self.domain.detachDeviceFlags(self.xml(), LIVE)
        self.equal((self.nodes(), self.daemon.descriptors()), (nodes, descriptors),
                   "%d times: no node and no descriptor more" % count)
        self.ok(self.daemon.memory_mib() < memory + 10, "%d times: no memory" % count,
                "%s MiB, then %s MiB" % (memory, self.daemon.memory_mib()))
        self.gone()

    def test_many(self):
        self.many(20)

    def test_hundreds(self):
        self.many(200)


# what the stock driver is asked for, too
STOCK = ["rules", "silent"]


def run(out, args, mode):
    names = [name for name in args.names if args.driver != "stock" or name in STOCK]
    suite.run_with_daemon(out, args, mode, Plugs, names, PlugDaemon)


if __name__ == "__main__":
    sys.exit(suite.main("plug", __doc__, Plugs, run, modes=("system",)))
