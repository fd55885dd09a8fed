"""Plays a client's calls on one driver and writes down what it saw, in a form that two drivers can be compared in."""

import os
import re

import libvirt

import jobs
import plain
from images import make_chain, qemu_io

ACTIVE = libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE
BYTES = libvirt.VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES
PIVOT = libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT
INACTIVE = libvirt.VIR_DOMAIN_XML_INACTIVE
UNDEFINE = libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA | libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
HELD = 1          # bytes in a second: the job stays in its running phase


class Stop(Exception):
    """The case cannot go on; what was seen so far is compared."""


class Recorder:
    """One case on one driver. Each thing seen gets a label; `seen` is label -> value."""

    def __init__(self, case, daemon, conn, events):
        self.case, self.daemon, self.conn, self.events = case, daemon, conn, events
        self.name = case
        self.seen = {}
        self.domains = []
        self.folder = plain.folder(daemon, case)
        self.domain = None

    # --- writing down --------------------------------------------------------------------------------------

    def normal(self, text):
        """What may differ from run to run, or is a name inside the driver, is made equal."""
        text = text.replace(self.folder, "$W").replace(self.daemon.path("img"), "$I")
        for pattern, replacement in (
                (r"\bin function \w+", "in function F"),
                (r"block job '[^']*'", "block job 'JOB'"),
                (r"held by monitor=\w+", "held by monitor=F"),
                (r"(/dev/pts/)\d+", r"\1N"),
                (r"(<domain [^>]*)\bid='\d+'", r"\1id='N'"),
                (r"(<graphics [^>]*port=')59\d\d'", r"\1N'"),
                (r"domain-\d+-", "domain-N-"),
                (r"(<creationTime>)\d+", r"\1N"),
                (r"\b(?!2c8f1d8e)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "UUID")):
            text = re.sub(pattern, replacement, text)
        return text

    def note(self, label, value):
        if label in self.seen:
            raise ValueError("%s: label %s is used twice" % (self.case, label))
        self.seen[label] = self.normal(value) if isinstance(value, str) else value

    def outcome(self, function, *args):
        try:
            result = function(*args)
        except libvirt.libvirtError as e:
            return {"error": e.get_error_code(), "from": e.get_error_domain(), "message": self.normal(str(e))}
        if isinstance(result, (libvirt.virDomain, libvirt.virConnect, libvirt.virDomainSnapshot)):
            return "object"
        return self.normal(result) if isinstance(result, str) else result

    def call(self, label, function, *args):
        """Notes the result or the error of a call; gives whether it worked."""
        value = self.outcome(function, *args)
        self.note(label, value)
        return not (isinstance(value, dict) and "error" in value)

    def need(self, label, function, *args):
        if not self.call(label, function, *args):
            raise Stop(label)

    # --- domains -------------------------------------------------------------------------------------------

    def chain(self, layers, prefix="x", data=True, size="64M", **kwargs):
        """Images x0 (base) to xN with 1 MiB of data each."""
        def fill(index, path, fmt):
            if data:
                qemu_io(path, fmt, "write -P %d %dM 1M" % (index + 1, 2 * index))

        paths = make_chain(self.folder, ["%s%d.qcow2" % (prefix, n) for n in range(layers)], size, fill=fill, **kwargs)
        self.daemon.own(*paths)
        return paths

    def start(self, *disks, persistent=False, paused=True, xml=None):
        """Starts the case's domain; `setup` is noted when that fails."""
        xml = xml or plain.domain(self.name, disks)
        flags = libvirt.VIR_DOMAIN_START_PAUSED if paused else 0
        try:
            if persistent:
                self.domain = self.conn.defineXML(xml)
                self.domain.createWithFlags(flags)
            else:
                self.domain = self.conn.createXML(xml, flags)
        except libvirt.libvirtError as e:
            self.note("setup", {"error": e.get_error_code(), "message": self.normal(str(e))})
            raise Stop("setup") from None
        return self.domain

    def d(self, layers, **kwargs):
        """A transient domain on a chain of so many layers, of which its XML names the top one; the paths."""
        paths = self.chain(layers)
        self.start(plain.disk("vda", paths[-1]), **kwargs)
        return paths

    def define(self, *disks):
        self.domain = self.conn.defineXML(plain.domain(self.name, disks))
        return self.domain

    # --- jobs ----------------------------------------------------------------------------------------------

    def commit(self, label, disk, base, top, bandwidth=0, flags=0):
        return self.call(label, self.domain.blockCommit, disk, base, top, bandwidth, flags)

    def held(self, base=None, top=None, flags=ACTIVE, disk="vda"):
        self.domain.blockCommit(disk, base, top, HELD, flags | BYTES)

    def ready(self, disk="vda"):
        if not jobs.wait_ready(self.domain, disk, 30):
            self.note("never ready", str(jobs.mirror(self.domain.XMLDesc(0), disk)))
            raise Stop("never ready")

    def gone(self, disk="vda"):
        if not jobs.wait_gone(self.domain, disk, 30):
            self.note("job never ends", str(self.domain.blockJobInfo(disk, 0)))
            raise Stop("job never ends")

    def pivot(self, disk="vda"):
        self.ready(disk)
        self.domain.blockJobAbort(disk, PIVOT)

    def final(self, status="completed", disk="vda", since=0):
        """Waits for the job's last event."""
        if not self.events.wait_job(self.name, disk, status, 20, since):
            self.note("no event %s of %s" % (status, disk), self.job_events())
            raise Stop("no event")

    def ended(self, event=5, since=0):
        """Waits for the lifecycle event that is the last one of the case: STOPPED, or UNDEFINED (1)."""
        return self.events.wait(lambda e: e[:3] == (self.name, "lifecycle", event), 30, since)

    def job_events(self):
        """Block job events of this domain, in order. The path-named one comes before the target-named one."""
        return [[e[1], self.normal(e[2]), e[3], e[4]] for e in self.events.of(self.name) if e[1] != "lifecycle"]

    def lifecycle(self):
        """SHUTDOWN of the host's making comes before STOPPED only sometimes (03/K1)."""
        return [list(e[2:]) for e in self.events.of(self.name, "lifecycle") if e[2:] != (6, 2)]

    def note_events(self, label="events"):
        self.note(label, self.job_events())

    def note_chain(self, label="chain", disk="vda"):
        """Chain with indexes, the mirror, and whether the end is stated; the persistent chain as well."""
        live = self.domain.XMLDesc(0)
        paths, ended = jobs.chain(live, disk)
        value = {"live": ["%s[%s]" % (self.normal(p), i) for p, i in zip(paths, jobs.indexes(live, disk))],
                 "ended": ended, "mirror": self.mirror(disk, live)}
        if self.domain.isPersistent():
            inactive = self.domain.XMLDesc(INACTIVE)
            paths, ended = jobs.chain(inactive, disk)
            value["persistent"] = [self.normal(p) for p in paths]
            value["persistent ended"] = ended
            value["persistent format"] = jobs.disk_element(inactive, disk).find("driver").get("type")
        self.note(label, value)

    def mirror(self, disk="vda", xml=None):
        found = jobs.mirror(xml or self.domain.XMLDesc(0), disk)
        return found and [found[0], found[1], self.normal(found[2] or "")]

    def note_disk(self, label, disk="vda", flags=0):
        """The disk's whole element."""
        import xml.etree.ElementTree as ElementTree
        element = jobs.disk_element(self.domain.XMLDesc(flags), disk)
        self.note(label, ElementTree.tostring(element, encoding="unicode"))

    def note_info(self, label, flags=0, disk="vda"):
        """Job info without what depends on the moment."""
        value = self.outcome(self.domain.blockJobInfo, disk, flags)
        if value and "cur" in value:
            value = {"type": value["type"], "bandwidth": value["bandwidth"], "order": value["cur"] <= value["end"]}
        self.note(label, value)

    def note_files(self, label, *paths):
        self.note(label, [os.path.basename(p) for p in paths if os.path.exists(p)])

    # --- the end -------------------------------------------------------------------------------------------

    def cleanup(self):
        for name in {self.name} | set(self.domains):
            for action, *flags in (("destroy",), ("undefineFlags", UNDEFINE)):
                try:
                    getattr(self.conn.lookupByName(name), action)(*flags)
                except libvirt.libvirtError:
                    pass
