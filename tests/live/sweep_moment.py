"""Cells of sweep.py that are about snapshots of a domain's disks, and about disks and media that come and go: running,
or shut off. Those with the guest's memory are in sweep_memory.py. A state is what each disk is on and which snapshots
there are; only the state before and the one that was asked for may be found, and in both definitions the same."""

import collections
import glob
import os
import re
import shutil
import xml.etree.ElementTree as ElementTree

import libvirt

import jobs
import plain
from buses import Line
from images import ImageError, consistent, qemu_img
from jobtest import INACTIVE, PAUSED
from sweep_cell import BOOT, Cell, image
from sweep_operations import DATA, LAYERS, MIB
from sweep_traces import Traces, quiet
from torture_machine import answers, layers

DISK_ONLY = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY
REDEFINE = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT
RUNNING = libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING
STILL = libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED
CHILDREN = libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN
BOTH = libvirt.VIR_DOMAIN_AFFECT_LIVE | libvirt.VIR_DOMAIN_AFFECT_CONFIG
SCSI = "    <controller type='scsi' model='virtio-scsi'/>"
SNAPSHOT = """<domainsnapshot><name>%s</name><state>disk-snapshot</state>%s<creationTime>%d</creationTime>
<memory snapshot='no'/><disks>%s</disks>%s</domainsnapshot>"""
OVERLAY = "<disk name='%s' snapshot='external' type='file'><driver type='qcow2'/><source file='%s'/></disk>"
FRESH = "(fresh)"         # an image that was not there before
MEMORY = "memory"         # the file with that of a snapshot
RUNS = ("writing guest", "idle guest", "QEMU dies too")

# disks: target -> the names of its images, active first; snapshots: their names; current: one of them, or None;
# held: in which file or image the guest's memory is
State = collections.namedtuple("State", "disks snapshots current held")


class Moment:
    """@call(cell): what is swept; @after(state): what it makes of that one. @targets: disks with a chain of four;
    @snapshots: one for each image but the active one; @plugged: the first medium, and another disk, are in; @off: the
    domain is shut off. @steps: about how many it has with our driver. @layer: it goes back to a moment of the disks,
    of so many layers. @before(cell): a call before it. @between(state): what else than that and the one after it may be
    found; the same call goes on from there."""
    end = None
    deletes = makes = finishes = False

    def __init__(self, call, after, steps, targets=("vda",), snapshots=False, plugged=False, off=False, layer=None,
                 ends=False, before=None, between=lambda state: []):
        self.begin, self.after, self.steps = call, after, steps
        self.before, self.between = before, between
        self.targets, self.snapshots, self.plugged, self.off = targets, snapshots, plugged, off
        self.layer, self.ends = layer, ends
        self.guests = ("shut off",) if off else ("writing guest", "QEMU dies too") if ends else RUNS


class MomentCell(Cell):
    # a start that fails is not to empty what the guest has said before
    SERIAL = "    <serial type='file'><source path='%s' append='on'/></serial>"

    # --- before ------------------------------------------------------------------------------------------------

    def begin(self):
        operation = self.operation
        self.folder = plain.folder(self.daemon, self.name)
        self.line = Line(os.path.join(self.folder, "serial"))
        self.chains = {target: self.chain_of(target) for target in operation.targets}
        self.paths = self.chains["vda"]
        self.extra = {name: self.file(name) for name in ("more", "iso1", "iso2")}
        shutil.copyfile(self.place.paths[0], self.extra["more"])
        for name in ("iso1", "iso2"):
            with open(self.extra[name], "wb") as f:
                f.truncate(MIB)
        self.names = set(os.listdir(self.folder))
        self.traces = Traces(self)
        self.domain = self.place.conn.defineXML(self.xml(-1))
        if operation.snapshots:
            self.make_snapshots()
        self.pid = None
        if not operation.off:
            self.domain.createWithFlags(0 if self.writing else PAUSED)
            self.pid = self.daemon.qemu_pid(self.name)
            if self.writing and not self.line.wait_more(10):
                raise RuntimeError("the guest does not write at all")
        if operation.before:
            operation.before(self)
            self.names |= {os.path.basename(paths[0]) for paths in self.images(INACTIVE).values()}
            self.pid = self.daemon.qemu_pids()[0] if self.lives() else None
        self.old = self.state(INACTIVE)
        self.new = operation.after(self.old)
        if self.fails:
            self.traces.begin()

    def file(self, name):
        return os.path.join(self.folder, name)

    def chain_of(self, target):
        """Base first."""
        paths = [self.file("%s.%d" % (target, n)) for n in range(LAYERS)]
        for source, path in zip(self.place.paths, paths):
            shutil.copyfile(source, path)
        for below, path in zip(paths, paths[1:]) if target != "vda" else ():
            qemu_img("rebase", "-u", "-b", below, "-F", "qcow2", path)
        return paths

    def xml(self, layer, uuid=""):
        """The definition on that image of each chain."""
        disks = [plain.disk(t, paths[layer], extra=BOOT if t == "vda" else "") for t, paths in self.chains.items()]
        disks += [SCSI, self.cdrom("iso1")]
        if self.operation.plugged:
            disks.append(self.more())
        xml = plain.domain(self.name, disks + [self.SERIAL % self.line.path])
        return xml.replace("<memory ", "<uuid>%s</uuid><memory " % uuid, 1) if uuid else xml

    def cdrom(self, name):
        return plain.disk("sdc", self.extra[name], "raw", "<readonly/>", "cdrom", "scsi")

    def more(self):
        return plain.disk("sdb", self.extra["more"], bus="scsi")

    def make_snapshots(self):
        """s1, s2, ..., as if each had made the image above the one of its number."""
        for n in range(1, LAYERS):
            parent = "<parent><name>s%d</name></parent>" % (n - 1) if n > 1 else ""
            disks = "".join(OVERLAY % (t, paths[n]) for t, paths in self.chains.items())
            self.domain.snapshotCreateXML(SNAPSHOT % ("s%d" % n, parent, 1000 + n, disks, self.xml(
                n - 1, self.domain.UUIDString())), REDEFINE)

    def traced(self):
        """Of images that are read only libvirt restores nothing: others may have them."""
        names = set(os.listdir(self.folder)) - {"serial", "raw", "iso1", "iso2"}
        return [self.file(name) for name in sorted(names)]

    def ready_recorded(self):
        return False

    def may_keep_target(self):
        return False

    # --- what there is -----------------------------------------------------------------------------------------

    def lives(self):
        return bool(self.daemon.qemu_pids())

    def kill_qemu(self):
        if self.lives():
            self.pid = self.daemon.qemu_pids()[0]
            super().kill_qemu()

    def images(self, flags):
        """{target: paths, active first} of a definition, completed by what the headers say."""
        xml = self.domain.XMLDesc(flags)
        found = {}
        for disk in ElementTree.fromstring(xml).iter("disk"):
            target = disk.find("target").get("dev")
            stated, ended = jobs.chain(xml, target)
            if stated and not ended and disk.find("driver").get("type") != "raw":
                stated = [self.file(os.path.basename(path)) for path, _ in layers(stated[0], "qcow2")]
            found[target] = stated
        return found

    def state(self, flags):
        known = lambda path: os.path.basename(path) if os.path.basename(path) in self.names else FRESH  # noqa: E731
        disks = {target: tuple(map(known, paths)) for target, paths in self.images(flags).items()}
        snapshots = tuple(sorted(snapshot.getName() for snapshot in self.domain.listAllSnapshots()))
        current = self.domain.snapshotCurrent().getName() if self.domain.hasCurrentSnapshot() else None
        return State(disks, snapshots, current, self.held())

    def held(self):
        return ()

    def judge(self, flags):
        """Which of the two it is; None: neither, which is written down."""
        state = self.state(flags)
        if state in (self.old, self.new):
            return "old" if state == self.old else "new"
        self.wrong("half", "%s: %s" % ("persistent" if flags else "live", state))
        return None

    def marked(self):
        """A snapshot whose deletion was begun: it is to be deleted again (undo.rst)."""
        for path in glob.glob(self.daemon.path("lib", "qemu", "snapshot", self.name, "*.xml")):
            with open(path, encoding="utf-8") as f:
                if "snapshotDeleteInProgress" in f.read():
                    return True
        return False

    def begun(self):
        """The same call is needed once more, or, for a revert to an internal snapshot, at least a start."""
        return self.marked() or self.noted() or self.state(INACTIVE) in self.operation.between(self.old)

    def noted(self):
        """A revert that was begun, of a domain that does not run any more (undo.rst)."""
        return not self.lives() and os.path.exists(
            self.daemon.path("lib", "qemu", "snapshot", self.name, "applying.json"))

    # --- after -------------------------------------------------------------------------------------------------

    def is_settled(self):
        if self.lives() != bool(self.domain.isActive()):
            return False
        return not self.lives() or answers(self.domain) and not self.records()

    def records(self):
        return re.findall("<qbj:(?:job|snapshot|plug|medium|save|restore)[ >]|<blockjob ", self.status())

    def goes_on(self):
        if not jobs.wait_for(self.is_settled, 30):
            if self.lives() and not self.domain.isActive():
                return self.wrong("forgotten", "QEMU runs, the domain is shown as shut off")
            return self.wrong("stuck", "it is not settled: %s, %s" % (self.domain.state(), self.records()))
        if not self.lives() and not (self.operation.off or self.operation.ends):
            return self.wrong("killed", "QEMU was ended: %s" % self.domain.state())
        if self.begun():
            self.once_more("a deletion that was begun")
        if self.lives() and self.operation.ends and self.domain.state()[0] == libvirt.VIR_DOMAIN_PAUSED:
            self.domain.resume()                # its start was not finished
        if self.lives() and self.writing and not self.line.wait_more(10, 20):
            self.wrong("stuck", "the guest does not write any more")
        self.agrees()
        if self.fails and not self.found:
            self.no_traces(self.traces.left(self.outcome, self.refused()))
        if not self.found and self.lives():
            self.another()
        if not self.found and self.outcome == "old":
            self.once_more("a second call")
            self.agrees()
            self.outcome = self.outcome and "old"
        return None

    def once_more(self, what):
        try:
            self.operation.begin(self)
        except libvirt.libvirtError as e:
            self.wrong("stuck", "%s: %s" % (what, e))

    def agrees(self):
        self.outcome = self.judge(INACTIVE)
        if not self.lives():
            return self.tidy()
        if self.judge(0) != self.outcome:
            self.wrong("half", "live %s, persistent %s" % (self.state(0).disks, self.state(INACTIVE).disks))
        used = sorted(image(d["inserted"]["file"]) for d in self.monitor("query-block") if d.get("inserted"))
        if used != sorted(paths[0] for paths in self.images(0).values()):
            self.wrong("half", "the guest is on %s, the definition says %s" % (used, self.images(0)))
        return self.tidy()

    def tidy(self):
        if not jobs.wait_for(lambda: not self.rest(), quiet(self.daemon)):
            self.wrong("untidy", "; ".join(self.rest()))

    def rest(self):
        """What of the operation is left behind, as texts."""
        found, used = [], {path for paths in self.images(INACTIVE).values() for path in paths}
        if self.lives():
            used = {path for paths in self.images(0).values() for path in paths}
            found = self.records() + ["job %s" % j["id"] for j in self.monitor("query-jobs")]
            opened = {n["file"] for n in self.monitor("query-named-block-nodes") if n["drv"] == "file"}
            found += ["node of %s" % path for path in sorted(opened ^ used)]
        return found + self.left_files(used)

    def left_files(self, used):
        names = {os.path.basename(path) for path in used}
        known = {"serial", "raw", "again", MEMORY if (self.new if self.outcome == "new" else self.old).held else "raw"}
        found = sorted(set(os.listdir(self.folder)) - self.names - names - known)
        kept = {name for chain in self.new.disks.values() for name in chain} | set(self.extra)
        if self.outcome == "new":
            found += sorted(name for name in self.gone() if name not in kept and os.path.exists(self.file(name)))
        found += [os.path.basename(path) for path in self.temporary()]
        return [name for name in found if name != self.refused()]

    def gone(self):
        """Images of the state before that nobody needs after it: no disk, no moment of a snapshot."""
        moments = {"%s.%d" % (t, int(name[1:]) - 1) for t in self.chains for name in self.new.snapshots if
                   re.fullmatch("s[1-9]", name)}
        return {name for chain in self.old.disks.values() for name in chain} - moments

    def may_be_new(self, path):
        runs = (os.path.dirname(self.daemon.state_dir), self.daemon.path("lib", "qemu", "domain-"),
                self.daemon.path("lib", "qemu", "channel"))
        return "/snapshot" in path or path == self.file(MEMORY) or self.operation.ends and path.startswith(runs)

    def used(self):
        return [path for paths in self.images(INACTIVE).values() for path in paths] + self.kept_images()

    def kept_images(self):
        """Images that were there, and have only lost their place in the chain: they belong to whom they belonged."""
        return []

    # --- the power fails ---------------------------------------------------------------------------------------

    def power_cycle(self):
        before = self.outcome
        if self.lives():
            self.kill_qemu()
        if not jobs.wait_for(lambda: not self.lives(), 10) or not jobs.wait_off(self.domain, 20):
            self.wrong("stuck", "QEMU is gone, the domain counts as running")
            return
        if self.dying or not before:
            self.after_death()
        else:
            self.judge(INACTIVE)
        self.data(None)
        if self.status():
            self.wrong("untidy", "the status file is still there")
        if self.fails:
            self.no_traces(self.traces.left_owners(self.refused()))
        self.boots()

    def after_death(self):
        if self.found:
            return
        jobs.wait_for(lambda: self.state(INACTIVE) in (self.old, self.new), 5)
        self.outcome = self.judge(INACTIVE) if not self.begun() else "old"
        self.data(None)
        if self.begun():
            self.once_more("a deletion that was begun")
            self.outcome = self.judge(INACTIVE)
            self.kill_qemu()                    # a revert has started it
            jobs.wait_off(self.domain, 20)
        self.tidy()

    def data(self, _path):
        """Each acknowledged write, and what the layers held; after a revert what they held at that moment."""
        images, layer = self.images(INACTIVE), self.operation.layer
        reverted = layer is not None and self.is_back()
        for target in self.chains:
            if reverted or target != "vda":
                self.layers(images[target][0], range(layer if reverted else LAYERS))
            else:
                super().data(images[target][0])

    def is_back(self):
        """By what the disks are on; where nothing of that changes, by which snapshot is current."""
        state = self.state(INACTIVE)
        return state.disks["vda"] == self.new.disks["vda"] and (
            self.new.disks != self.old.disks or state.current == self.new.current)

    def layers(self, path, wanted):
        raw = self.file("raw")
        try:
            qemu_img("convert", "-f", "qcow2", "-O", "raw", path, raw)
        except ImageError as e:
            return self.wrong("lost", str(e))
        with open(raw, "rb") as f:
            content = f.read()
        problems = ["the data of layer %d" % n for n in range(LAYERS) if
                    content[(DATA + n) * MIB:(DATA + n + 1) * MIB] != bytes([n + 1 if n in wanted else 0]) * MIB]
        problems += [p for p in [consistent(path, "qcow2")] if p]
        if problems:
            self.wrong("lost", "%s: %s" % (os.path.basename(path), ", ".join(problems[:3])))
        return None

    def clear(self):
        for snapshot in self.domain.listAllSnapshots() if self.daemon.alive() else ():
            snapshot.delete(libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY)
        super().clear()


# --- the operations --------------------------------------------------------------------------------------------

def snapshot(flags=DISK_ONLY):
    return lambda cell: cell.domain.snapshotCreateXML("<domainsnapshot><name>s</name></domainsnapshot>", flags)


def overlaid(state):
    disks = {t: (FRESH, *chain) if t.startswith("vd") else chain for t, chain in state.disks.items()}
    return state._replace(disks=disks, snapshots=tuple(sorted((*state.snapshots, "s"))), current="s")


def delete(name, flags=0):
    return lambda cell: cell.domain.snapshotLookupByName(name).delete(flags)


def deleted(name, current):
    """The overlay goes that stands on the image of this moment."""
    def after(state):
        disks = {t: tuple(n for n in chain if n != "%s.%s" % (t, name[1:])) for t, chain in state.disks.items()}
        return state._replace(disks=disks, snapshots=tuple(s for s in state.snapshots if s != name), current=current)
    return after


def deleted_first(state):
    """Of s1 and its children, leaves first."""
    one = deleted("s3", "s2")(state)
    return [one, deleted("s2", "s1")(one)]


def deleted_all(state):
    return deleted("s1", None)(deleted_first(state)[-1])


def branched(cell):
    """The guest is on another branch than s2 and s3."""
    flags = 0 if cell.operation.off else RUNNING if cell.writing else STILL
    cell.domain.revertToSnapshot(cell.domain.snapshotLookupByName("s1"), flags)


def deleted_outside(state):
    return state._replace(snapshots=("s1", "s3"))


def revert(flags=0, name="s2"):
    return lambda cell: cell.domain.revertToSnapshot(cell.domain.snapshotLookupByName(name), flags)


def reverted(state):
    disks = {t: (FRESH, *chain[2:]) if t.startswith("vd") else chain for t, chain in state.disks.items()}
    return state._replace(disks=disks, current="s2")


def plugged(target, *names):
    def after(state):
        disks = {t: chain for t, chain in state.disks.items() if t != target}
        return state._replace(disks={**disks, target: names} if names else disks)
    return after


TWO = ("vda", "vdb")
OPERATIONS = {
    "snapshot": Moment(snapshot(), overlaid, 50),
    "snapshot-two": Moment(snapshot(), overlaid, 65, TWO),
    "snapshot-off": Moment(snapshot(), overlaid, 25, off=True),
    "delete-top": Moment(delete("s3"), deleted("s3", "s2"), 40, snapshots=True),
    "delete-two": Moment(delete("s3"), deleted("s3", "s2"), 60, TWO, snapshots=True),
    "delete-middle": Moment(delete("s2"), deleted("s2", "s3"), 40, snapshots=True),
    "delete-off": Moment(delete("s2"), deleted("s2", "s3"), 25, snapshots=True, off=True),
    "delete-children": Moment(delete("s1", CHILDREN), deleted_all, 90, snapshots=True, between=deleted_first),
    "delete-children-off": Moment(delete("s1", CHILDREN), deleted_all, 45, snapshots=True, between=deleted_first,
                                  off=True),
    "delete-outside": Moment(delete("s2"), deleted_outside, 12, snapshots=True, before=branched, layer=1),
    "delete-outside-off": Moment(delete("s2"), deleted_outside, 12, snapshots=True, before=branched, layer=1, off=True),
    "revert": Moment(revert(RUNNING), reverted, 80, snapshots=True, layer=2, ends=True),
    "revert-off": Moment(revert(), reverted, 25, snapshots=True, off=True, layer=2),
    "attach": Moment(lambda cell: cell.domain.attachDeviceFlags(cell.more(), BOTH), plugged("sdb", "more"), 20),
    "detach": Moment(lambda cell: cell.domain.detachDeviceFlags(cell.more(), BOTH), plugged("sdb"), 20, plugged=True),
    "medium": Moment(lambda cell: cell.domain.updateDeviceFlags(cell.cdrom("iso2"), BOTH), plugged("sdc", "iso2"), 20),
}
MOMENTS = {name: (MomentCell, operation) for name, operation in OPERATIONS.items()}
