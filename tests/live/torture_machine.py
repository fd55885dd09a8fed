"""The domains of torture.py: their disks, what these must hold, and what a domain must look like when it is left
alone."""

import glob
import json
import os
import signal
import time
import xml.etree.ElementTree as ElementTree

import libvirt
import libvirt_qemu

import jobs
import plain
from crashpoint import is_stopped
from guest import GuestError, Ring, SerialLog, read_image
from images import ImageError, consistent, qemu_img, qemu_io
from jobtest import INACTIVE

MIB = 1 << 20
SIZE = 32 * MIB
RING = Ring(blocks=1024, stride=37, base=24 * MIB // 4096).options()
RATE = 30
LAYER_AREA = 16             # MiB from the beginning, for what the layers hold
LIMIT = 90                  # seconds for all that has to come


class Violation(Exception):
    pass


class Disk:
    """@chain: its images, active first; @content: MiB -> byte, what layers wrote; @before: the last block that was
    acknowledged before the last start."""

    def __init__(self, machine, target, index):
        self.machine, self.target, self.serial, self.before = machine, target, 0, 0
        self.ring = Ring(blocks=RING["blocks"], stride=RING["stride"], base=24 * MIB // 4096, disk=index)
        self.chain, self.formats, self.content = [], {}, {}
        self.outcomes = []        # the chains that it may have

    @property
    def name(self):
        return "%s.%s" % (self.machine.name, self.target)

    def path(self, folder=None):
        """Of an image that is not there yet."""
        self.serial += 1
        name = self.name if folder else self.target
        return os.path.join(folder or self.machine.folder, "%s.%d" % (name, self.serial))

    def grow(self, random, depth):
        """Images on top, until there are so many, while nobody has the disk open."""
        while len(self.chain) < depth:
            path, fmt = self.path(), "qcow2" if self.chain or random.random() < 0.7 else "raw"
            below = ["-b", self.chain[0], "-F", self.formats[self.chain[0]]] if self.chain else []
            qemu_img("create", "-q", "-f", fmt, *below, path, str(SIZE))
            self.chain.insert(0, path)
            self.formats[path] = fmt
            mib, byte = random.randrange(LAYER_AREA - 2), random.randrange(1, 256)
            qemu_io(path, fmt, "write -P %d %dM 2M" % (byte, mib))
            self.content.update({mib: byte, mib + 1: byte})

    def acked(self):
        return max(self.before, self.machine.log.acked(self.target))

    def check(self, path, fmt, shared):
        """The acknowledged writes and what the layers hold, through @path. Returns how many writes that were."""
        acked = self.acked()
        try:
            data = read_image("json:" + json.dumps(unlocked(layers(path, fmt))), folder=self.machine.folder)
        except (GuestError, ImageError) as e:
            raise Violation("%s: %s cannot be read: %s" % (self.name, path, e)) from None
        problems = ["the data of MiB %d" % m for m, byte in self.content.items()
                    if data[m * MIB:(m + 1) * MIB] != bytes([byte]) * MIB]
        problems += self.ring.check(data, acked)
        if not shared:
            problems += [p for p in [consistent(path, fmt)] if p]
        if problems:
            raise Violation("%s: %s does not hold what was acknowledged (up to %d): %d problems: %s" % (
                self.name, path, acked, len(problems), "; ".join(problems[:5])))
        return len(self.ring.expected(acked))


def layers(path, fmt):
    """[(path, format)] of the images that @path opens by what their headers say, active first."""
    words = ("info", "-U", "-f", fmt, "--backing-chain", "--output=json", path)
    return [(i["filename"], i["format"]) for i in json.loads(qemu_img(*words))]


def unlocked(chain):
    """How QEMU opens it without regard for who has it open: below a commit nobody else may read."""
    path, fmt = chain[0]
    file = {"driver": "file", "filename": path, "locking": "off"}
    node = {"driver": fmt, "file": file}
    return dict(node, backing=unlocked(chain[1:]) if chain[1:] else None) if fmt == "qcow2" else node


class Machine:
    def __init__(self, number, play):
        self.name, self.play, self.daemon, self.lives = "t%d" % number, play, play.daemon, 0
        self.folder = plain.folder(self.daemon, self.name)
        self.disks = [Disk(self, target, index) for index, target in enumerate(("vda", "vdb"))]
        self.log = None

    def domain(self):
        return self.play.conn.lookupByName(self.name)

    def pid(self):
        return self.daemon.qemu_pid(self.name)

    # --- a life ----------------------------------------------------------------------------------------------

    def define(self, random):
        """Images on top of those that its definition names, and the same definition otherwise: what the driver has
        written into it stays."""
        for disk in self.disks:
            disk.grow(random, random.choice([2, 3, 4]) if disk.chain else 3)
            disk.outcomes = [disk.chain]
        serial = os.path.join(self.folder, "serial.%d" % self.lives)
        first = min(disk.before for disk in self.disks) + 1
        if max(disk.before for disk in self.disks) - first > RING["blocks"] // 2:
            raise Violation("%s: one disk is far behind the other: %s" % (self.name, [d.before for d in self.disks]))
        words = dict(RING, first=first, rate=RATE, disks=",".join(d.target for d in self.disks))
        fresh = self.play.guest.xml(self.daemon, self.name, [(d.target, d.chain[0], d.formats[d.chain[0]], "")
                                                           for d in self.disks], serial, words)
        self.log = SerialLog(serial)
        if self.lives:
            fresh = self.renewed(fresh)
        self.lives += 1
        return self.play.conn.defineXML(fresh)

    def renewed(self, fresh):
        """The present definition with the new serial line and words, and with disks that have got images on top."""
        old = ElementTree.fromstring(self.domain().XMLDesc(INACTIVE))
        new = ElementTree.fromstring(fresh)
        for path in ("os/cmdline",):
            old.find(path).text = new.find(path).text
        for tag in ("serial", "console"):
            for source in old.findall("devices/%s/source" % tag):
                source.set("path", self.log.path)
        for disk in self.disks:
            element = jobs.disk_element(ElementTree.tostring(old).decode(), disk.target)
            if jobs.source_of(element) == disk.chain[0]:
                continue
            for element in old.iter("disk"):
                if element.find("target").get("dev") == disk.target:
                    element.find("driver").set("type", disk.formats[disk.chain[0]])
                    element.find("source").set("file", disk.chain[0])
                    for below in element.findall("backingStore"):
                        element.remove(below)
        return ElementTree.tostring(old).decode()

    def boot(self):
        try:
            self.domain().create()
        except libvirt.libvirtError as e:
            raise Violation("%s cannot be started: %s" % (self.name, e)) from None

    def writing(self, more=5):
        """The guest goes on on all disks, without an error."""
        for disk in self.disks:
            if not self.log.wait_more(more, disk.target, LIMIT):
                raise Violation("%s: the guest does not write: %s\n%s" % (
                    disk.name, self.log.errors(), "\n".join(self.log.lines()[-5:])))

    # --- at any instant --------------------------------------------------------------------------------------

    def frozen(self):
        """Stops QEMU and the daemon where they are and looks at what the persistent definition names: what a power cut
        at this instant would leave. Returns the number of writes that were verified."""
        stopped = [pid for pid in (self.pid(), self.daemon.pid) if pid and not is_stopped(pid) and stop(pid)]
        try:
            with open(os.path.join(self.daemon.config_dir, self.name + ".xml")) as f:
                definition = f.read()
            count = 0
            for disk in self.disks:
                element = jobs.disk_element(definition, disk.target)
                count += disk.check(jobs.source_of(element), element.find("driver").get("type"), True)
            return count
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)

    # --- left alone ------------------------------------------------------------------------------------------

    def settle(self, pivot, patience):
        """Ends what still runs as a client would, who aborts after @patience seconds; then nothing of a job may be
        left."""
        domain = self.domain()
        if not jobs.wait_for(lambda: answers(domain), LIMIT):
            raise Violation("%s: the domain does not get usable: %s" % (self.name, domain.controlInfo(0)))
        for disk in self.disks:
            self.end_job(domain, disk, pivot, patience)
        xml, inactive = domain.XMLDesc(0), domain.XMLDesc(INACTIVE)
        for disk in self.disks:
            live = jobs.chain(xml, disk.target)[0]
            if live not in disk.outcomes:
                raise Violation("%s: chain %s is none of %s" % (disk.name, live, disk.outcomes))
            top = jobs.chain(inactive, disk.target)[0][0]
            if top != live[0]:
                raise Violation("%s: live definition %s, persistent one %s" % (disk.name, live[0], top))
            if jobs.mirror(xml, disk.target):
                raise Violation("%s: a mirror without a job" % disk.name)
        self.no_leftovers(domain, xml)
        for disk in self.disks:
            self.now(disk, jobs.chain(xml, disk.target)[0])

    def end_job(self, domain, disk, pivot, patience):
        # a job without room for its target waits for some
        deadline = time.monotonic() + LIMIT
        patient = time.monotonic() + (patience if len(disk.outcomes) > 1 else 0)
        told = None
        while domain.blockJobInfo(disk.target, 0):
            if time.monotonic() > deadline:
                raise Violation("%s: the job cannot be ended: %s; %s" % (disk.name, domain.blockJobInfo(disk.target, 0),
                                                                       told))
            ready = (jobs.mirror(domain.XMLDesc(0), disk.target) or (None, None))[1] == "yes"
            try:
                if ready:
                    domain.blockJobAbort(disk.target, libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT if pivot else 0)
                elif time.monotonic() > patient:
                    domain.blockJobAbort(disk.target, 0)
                else:
                    domain.blockJobSetSpeed(disk.target, 0, 0)
            except libvirt.libvirtError as e:
                told = str(e)           # it has just ended, or is about to
            time.sleep(0.05)

    def no_leftovers(self, domain, xml):
        ask = lambda command: json.loads(libvirt_qemu.qemuMonitorCommand(  # noqa: E731
            domain, json.dumps({"execute": command}), 0))["return"]
        left = ask("query-jobs")
        if left:
            raise Violation("%s: QEMU still has jobs: %s" % (self.name, left))
        files = sorted(n["file"] for n in ask("query-named-block-nodes") if n["drv"] == "file")
        wanted = sorted(p for d in self.disks for p in jobs.chain(xml, d.target)[0])
        if files != wanted:
            raise Violation("%s: QEMU has open %s instead of %s" % (self.name, files, wanted))
        # the last of it goes with a save that follows the event
        if not jobs.wait_for(lambda: "<blockjob " not in self.status() and "<qbj:job " not in self.status(), 40):
            raise Violation("%s: a job is recorded:\n%s" % (self.name, self.status()))

    def status(self):
        return self.daemon.status_xml(self.name) or ""

    def no_files(self):
        """Nor is a file of a saving, once no domain has a job (one that is ready has its pivot's files prepared). The
        note of a job waits, after a crash of the host, for the start of its domain."""
        folders = (self.daemon.state_dir, self.daemon.config_dir, self.folder)
        pattern = ".qbj-*" if self.domain().isActive() else ".qbj-*.new"
        find = lambda: [p for folder in folders for p in glob.glob(os.path.join(folder, pattern))  # noqa: E731
                        if not p.endswith(".job") or self.domain().UUIDString() in p]
        if not jobs.wait_for(lambda: not find(), 40):
            raise Violation("temporary files are left: %s" % find())

    def now(self, disk, chain):
        """This is its chain from now on; what is not in it goes away."""
        for path in glob.glob(os.path.join(self.folder, disk.target + ".*")):
            if path not in chain:
                noted = [n for n in os.listxattr(path) if "libvirt" in n]
                if os.stat(path).st_uid != 0 or noted:
                    raise Violation("%s: %s still belongs to user %d (%s)" % (
                        disk.name, path, os.stat(path).st_uid, noted))
                os.unlink(path)
        disk.chain, disk.outcomes = chain, [chain]

    def forget_owners(self):
        """As after a start of the host: libvirt does not trust what it had noted before."""
        for path in glob.glob(os.path.join(self.folder, "*")):
            os.chown(path, 0, 0)
            for name in os.listxattr(path):
                os.removexattr(path, name)

    # --- QEMU is gone ----------------------------------------------------------------------------------------

    def ended(self):
        """After the end of QEMU: the definition opens what was acknowledged; no trace is left. Returns the number of
        writes that were verified."""
        domain = self.domain()
        if not jobs.wait_off(domain, LIMIT):
            raise Violation("%s: QEMU is gone, the domain counts as running" % self.name)
        inactive, count = domain.XMLDesc(INACTIVE), 0
        for disk in self.disks:
            element = jobs.disk_element(inactive, disk.target)
            path, fmt = jobs.source_of(element), element.find("driver").get("type")
            if path not in [chain[0] for chain in disk.outcomes]:
                raise Violation("%s: the definition names %s, which is none of %s" % (disk.name, path, disk.outcomes))
            count += disk.check(path, fmt, False)
            stated, ended = jobs.chain(inactive, disk.target)
            # what the definition states comes before what headers say, as it does at a start
            chain = stated if ended else stated[:-1] + [image for image, _ in layers(stated[-1],
                                                                                    disk.formats[stated[-1]])]
            if chain not in disk.outcomes:
                raise Violation("%s: chain %s is none of %s" % (disk.name, chain, disk.outcomes))
            self.now(disk, chain)
            disk.before = disk.acked()
        if self.status():
            raise Violation("%s: the status file is still there" % self.name)
        return count


def answers(domain):
    try:
        return domain.isActive() and domain.controlInfo(0)[0] == libvirt.VIR_DOMAIN_CONTROL_OK
    except libvirt.libvirtError:
        return False


def stop(pid):
    """SIGSTOP, and waits until no thread runs any more; False: the process is gone."""
    try:
        os.kill(pid, signal.SIGSTOP)
        return jobs.wait_for(lambda: is_stopped(pid), 10, 0.001) and os.path.exists("/proc/%d/exe" % pid)
    except OSError:
        return False
