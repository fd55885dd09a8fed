#!/usr/bin/python3
"""Snapshots that are deleted and reverted to, running and shut off: the images, the files, the metadata, and a daemon
that dies at each step."""

import hashlib
import json
import os
import re
import signal
import struct
import subprocess
import sys
import time
import xml.etree.ElementTree as ET

import libvirt
import libvirt_qemu

import jobs
import plain
import qmptrace
import suite
from crashpoint import CrashDaemon
from faults import FaultDaemon
from guest import BLOCK, Guest, parse_block, read_image
from images import backing, info, make_chain, qemu_img, qemu_io
from jobtest import JobChecks, fill, holds
from qmp import Qmp
from suite import Waiting
from writes import Run

METADATA = libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY
CHILDREN = libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN
CHILDREN_ONLY = libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY
REDEFINE = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE
CURRENT = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT
INACTIVE = libvirt.VIR_DOMAIN_XML_INACTIVE
START_PAUSED = libvirt.VIR_DOMAIN_START_PAUSED
OFF, PAUSED, RUNNING = libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_RUNNING
SNAPSHOT = """<domainsnapshot><name>%(name)s</name><state>%(state)s</state>%(parent)s
<creationTime>%(time)d</creationTime>%(memory)s<disks>%(disks)s</disks>%(domain)s</domainsnapshot>"""
OVERLAY = "<disk name='%s' snapshot='external' type='file'><driver type='qcow2'/><source file='%s'/></disk>"


class UndoDaemon(CrashDaemon, FaultDaemon):
    def metadata(self, domain, snapshot=None):
        folder = self.path("lib", "qemu", "snapshot", domain)
        return os.path.join(folder, snapshot + ".xml") if snapshot else folder


class Undo(JobChecks):
    BY_NAME = ["sweep", "minute"]  # takes minutes

    def made(self, name, layers=4, targets=("vda",), run=True):
        """A persistent domain on chains of so many layers, each of which has its own data, with a snapshot s1, s2, ...
        for each image but the active one."""
        self.name, self.domain, folder = name, None, plain.folder(self.daemon, name)
        self.paths = {t: make_chain(folder, ["%s.%d" % (t, n) for n in range(layers)], fill=fill) for t in targets}
        self.daemon.own(*[path for paths in self.paths.values() for path in paths])
        self.domain = self.conn.defineXML(self.xml(-1))
        for n in range(1, layers):
            self.redefine("s%d" % n, "s%d" % (n - 1) if n > 1 else None, n - 1)
        if run:
            self.domain.createWithFlags(START_PAUSED)

    def xml(self, layer):
        """The definition on that image of each chain."""
        xml = plain.domain(self.name, [plain.disk(t, paths[layer]) for t, paths in self.paths.items()])
        return xml.replace("<memory ", "<uuid>%s</uuid><memory " % self.domain.UUIDString(), 1) if self.domain else xml

    def redefine(self, name, parent, layer, **more):
        """The moment of image number @layer of each chain, whose overlay is the next one."""
        xml = SNAPSHOT % dict(
            {"name": name, "state": "disk-snapshot", "time": 1000 + layer, "memory": "<memory snapshot='no'/>",
             "parent": "<parent><name>%s</name></parent>" % parent if parent else "",
             "disks": "".join(OVERLAY % (t, paths[layer + 1]) for t, paths in self.paths.items()),
             "domain": more.get("domain") or self.xml(layer)},
            **more)
        return self.domain.snapshotCreateXML(xml, REDEFINE | CURRENT)

    def delete(self, name, flags=0):
        self.domain.snapshotLookupByName(name).delete(flags)

    def tree(self):
        """{name: parent}, and the current one"""
        tree = {}
        for snapshot in self.domain.listAllSnapshots():
            try:
                tree[snapshot.getName()] = snapshot.getParent().getName()
            except libvirt.libvirtError:
                tree[snapshot.getName()] = None
        current = self.domain.hasCurrentSnapshot() and self.domain.snapshotCurrent().getName()
        return tree, current or None

    def moment(self, name, target="vda"):
        """What the metadata say of the image of this moment."""
        xml = self.domain.snapshotLookupByName(name).getXMLDesc()
        return jobs.source_of(jobs.disk_element(xml[xml.index("<domain "):].rsplit("</domainsnapshot>")[0], target))

    def names(self, target, flags=0):
        return [os.path.basename(path) for path in self.chain(flags, target)]

    def files(self):
        return sorted(os.listdir(os.path.dirname(next(iter(self.paths.values()))[0])))

    def whole(self, what, wanted):
        """The domain's chains, as @wanted for each disk, hold the data of all layers; nobody else's files are left."""
        running = self.domain.isActive()
        if running:
            for target, names in wanted.items():
                self.equal(self.names(target), names, "%s: the running chain of %s" % (what, target))
            self.domain.destroy()
        self.equal(self.files(), sorted(name for names in wanted.values() for name in names), what + ": the files")
        for target, names in wanted.items():
            top = os.path.join(os.path.dirname(self.paths[target][0]), names[0])
            self.equal(jobs.chain(self.domain.XMLDesc(INACTIVE), target)[0][0], top, what + ": the definition's image")
            self.equal(holds(top, range(len(self.paths[target]))), None, "%s: all data of %s" % (what, target))
            headers = [backing(os.path.join(os.path.dirname(top), name)) for name in names]
            self.equal([os.path.basename(h or "-") for h in headers], names[1:] + ["-"], what + ": the headers")

    def gone(self):
        if self.domain.isActive():
            self.domain.destroy()
        self.domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA)

    def again(self):
        """The daemon has died, and another one begins."""
        self.daemon.start()
        self.connect()
        self.domain = self.conn.lookupByName(self.name)

    # --- one snapshot -------------------------------------------------------------------------------------------------

    def each(self, run):
        word = "running" if run else "shut off"
        for name, chain, tree, current in (
                ("s3", ["vda.2", "vda.1", "vda.0"], {"s1": None, "s2": "s1"}, "s2"),
                ("s2", ["vda.3", "vda.1", "vda.0"], {"s1": None, "s3": "s1"}, "s3"),
                ("s1", ["vda.3", "vda.2", "vda.0"], {"s2": None, "s3": "s2"}, "s3")):
            what = "%s of three, %s" % (name, word)
            self.made("each-%s-%d" % (name, run), run=run)
            self.delete(name)
            self.equal(self.tree(), (tree, current), what + ": the tree (08/S8.6)")
            self.ok(not os.path.exists(self.daemon.metadata(self.name, name)), what + ": its metadata have gone")
            self.whole(what, {"vda": chain})
            for other in tree:
                self.equal(os.path.exists(self.moment(other)), True, "%s: the image of %s is there" % (what, other))
            self.gone()

    def test_running(self):
        self.each(True)

    def test_off(self):
        self.each(False)

    def test_all(self):
        """One after the other, in any order, to the last."""
        for order in ("s1 s2 s3", "s3 s2 s1", "s2 s3 s1"):
            for run in (True, False):
                what = "%s, %s" % (order, "running" if run else "off")
                self.made("all-%s-%d" % (order.replace(" ", ""), run), run=run)
                for name in order.split():
                    self.delete(name)
                self.equal(self.tree(), ({}, None), what + ": none is left")
                self.whole(what, {"vda": ["vda.0"]})
                self.ok(not os.path.exists(self.daemon.metadata(self.name)), what + ": no folder is left")
                self.gone()

    def test_disks(self):
        """Three disks: one decision. One of them has another image above."""
        self.made("disks", 2, ("vda", "vdb", "vdc"))
        self.delete("s1")
        self.whole("three disks", {t: [t + ".0"] for t in ("vda", "vdb", "vdc")})
        self.equal(self.tree(), ({}, None), "three disks: none is left")
        self.gone()
        self.mixed(True)
        self.mixed(False)

    def mixed(self, run):
        self.made("mixed-%d" % run, 2, ("vda", "vdb"), run=False)
        above = self.paths["vdb"][1].replace("vdb.1", "vdb.2")
        qemu_img("create", "-q", "-f", "qcow2", "-b", self.paths["vdb"][1], "-F", "qcow2", above)
        self.daemon.own(above)
        self.paths["vdb"].append(above)
        fill(2, above, "qcow2")
        self.domain = self.conn.defineXML(self.domain.XMLDesc(INACTIVE).replace(self.paths["vdb"][1], above))
        if run:
            self.domain.createWithFlags(START_PAUSED)
        self.delete("s1")
        self.whole("active and intermediate, running: %s" % run, {"vda": ["vda.0"], "vdb": ["vdb.2", "vdb.0"]})
        self.gone()

    def test_metadata(self):
        self.made("metadata")
        files = self.files()
        self.delete("s2", METADATA)
        self.equal(self.tree(), ({"s1": None, "s3": "s1"}, "s3"), "METADATA_ONLY: children get the parent")
        self.redefine("s4", "s3", 1)
        self.delete("s3", METADATA | CHILDREN_ONLY)
        self.equal(self.tree(), ({"s1": None, "s3": "s1"}, "s3"), "and CHILDREN_ONLY: the current one is their parent")
        self.daemon.restart()
        self.again_connected()
        self.equal(self.tree(), ({"s1": None, "s3": "s1"}, "s3"), "after a restart of the daemon it is the same")
        self.domain.destroy()
        os.rename(self.paths["vda"][0], self.paths["vda"][0] + ".away")
        self.delete("s1", METADATA | CHILDREN)
        os.rename(self.paths["vda"][0] + ".away", self.paths["vda"][0])
        self.equal((self.tree(), self.files()), (({}, None), files),
                   "and CHILDREN: none is left, no file has gone, no image is asked for")
        self.gone()

    def again_connected(self):
        self.connect()
        self.domain = self.conn.lookupByName(self.name)

    def test_refused(self):
        self.made("refused")
        failed = libvirt.VIR_ERR_OPERATION_FAILED
        self.domain.blockPull("vda", 1, libvirt.VIR_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES)
        self.refused(lambda: self.delete("s1"), libvirt.VIR_ERR_OPERATION_UNSUPPORTED,
                     "cannot delete external snapshots when there is another active block job", "07/G1.15, E14")
        self.domain.blockJobAbort("vda")
        jobs.wait_gone(self.domain, "vda")
        other, paths = self.paths["vda"][0] + ".clone", self.paths["vda"]
        qemu_img("create", "-q", "-f", "qcow2", "-b", paths[1], "-F", "qcow2", other)
        self.daemon.own(other)
        clone = self.conn.defineXML(plain.domain("clone", [plain.disk("vda", other)]))
        self.refused(lambda: self.delete("s2"), libvirt.VIR_ERR_OPERATION_UNSUPPORTED, "domain 'clone' uses it",
                     "another domain uses the image, as its header says (08/S10.6)")
        clone.undefine()
        broken = plain.folder(self.daemon, "broken")
        for name, below in (("top", "middle"), ("middle", "none")):
            qemu_img("create", "-q", "-f", "qcow2", "-u", "-b", os.path.join(broken, below), "-F", "qcow2",
                     os.path.join(broken, name), "1M")
        other = self.conn.defineXML(plain.domain("broken", [plain.disk("vda", os.path.join(broken, "top"))]))
        self.delete("s3")
        self.ok("vda.3" not in self.files(), "a domain whose images are not there is no obstacle")
        other.undefine()
        self.domain.destroy()
        qemu_img("snapshot", "-c", "inside", self.paths["vda"][2])
        self.refused(lambda: self.delete("s2"), libvirt.VIR_ERR_OPERATION_UNSUPPORTED, "it holds internal snapshots",
                     "an internal snapshot is in the image (08/S10.6)")
        qemu_img("snapshot", "-d", "inside", self.paths["vda"][2])
        qemu_img("commit", "-q", "-b", paths[1], paths[2])
        self.domain = self.conn.defineXML(self.xml(1))
        self.refused(lambda: self.delete("s2"), failed, "VM disk source and snapshot disk source are not the same",
                     "the overlay was committed by hand (08/S8.10)")
        self.equal(self.tree(), ({"s1": None, "s2": "s1"}, "s2"), "all are still listed")
        self.ok("snapshotDeleteInProgress" not in self.marks(), "and none is marked")
        self.gone()

    def marks(self):
        text = ""
        for name in os.listdir(self.daemon.metadata(self.name)):
            with open(os.path.join(self.daemon.metadata(self.name), name)) as f:
                text += f.read()
        return text

    def test_virsh(self):
        """The lines of the manual's pages."""
        self.made("guest", 1)
        for line in ("snapshot-create-as guest s1 --disk-only", "snapshot-create-as guest s2 --disk-only",
                     "snapshot-revert guest s1 --running", "snapshot-revert guest s2 --paused",
                     "snapshot-revert guest s1", "snapshot-delete guest s2", "snapshot-delete guest s1"):
            done = self.daemon.virsh(*line.split())
            self.equal(done[0], 0, "virsh %s: %s" % (line, done[1].strip()))
        self.equal((self.tree(), self.files()), (({}, None), ["vda.0"]), "nothing is left of it")
        self.gone()

    def test_memory(self):
        """08/S8.7: the memory file goes too, unless another snapshot has the same."""
        self.made("memory", run=False)
        memory = self.daemon.path("img", "memory", "state")
        with open(memory, "wb") as f:
            document = b"<domain><uuid>%s</uuid></domain>\0" % self.domain.UUIDString().encode()
            f.write(struct.pack("=16s5I56x", b"LibvirtQemudSave", 2, len(document), 1, 0, 0) + document)
        self.delete("s2", METADATA | CHILDREN)
        for name, parent, layer in (("s2", "s1", 1), ("s3", "s2", 2)):
            self.redefine(name, parent, layer, state="running",
                          memory="<memory snapshot='external' file='%s'/>" % memory)
        self.delete("s3")
        self.ok(os.path.exists(memory), "a memory file that another snapshot has stays")
        self.delete("s2")
        self.ok(not os.path.exists(memory), "then it goes")
        other = self.daemon.path("img", "memory", "other")
        with open(other, "w") as f:
            f.write("no save image")
        self.delete("s1", METADATA)
        self.redefine("s1", None, 0, state="running", memory="<memory snapshot='external' file='%s'/>" % other)
        self.delete("s1")
        self.ok(os.path.exists(other), "a file that is no save image stays, whatever metadata say")
        self.gone()
        self.made("foreign", run=False)
        other = self.daemon.path("img", "foreign", "other")
        with open(other, "wb") as f:
            document = b"<domain><uuid>c7a5fdbd-cdaf-9455-926a-d65c16db1809</uuid></domain>\0"
            f.write(struct.pack("=16s5I56x", b"LibvirtQemudSave", 2, len(document), 1, 0, 0) + document)
        self.delete("s1", METADATA)
        self.redefine("s1", None, 0, state="running", memory="<memory snapshot='external' file='%s'/>" % other)
        self.delete("s1")
        self.ok(os.path.exists(other), "and so does the memory of another domain")
        self.gone()

    def test_writing(self):
        """A guest that writes on two disks keeps each block that it was told is safe."""
        run = Run(self.out, self.daemon, Guest(self.guest.cache), "writing", ["vda", "vdb"])
        self.name, self.domain = "writing", run.domain
        self.paths = {target: disk.paths for target, disk in run.disks.items()}
        definition = run.domain.XMLDesc(INACTIVE)
        for layer, (name, parent) in enumerate((("s1", None), ("s2", "s1"))):
            xml = definition
            for target, disk in run.disks.items():
                xml = xml.replace(disk.paths[2], disk.paths[layer])
                if layer == 0 and disk.base_format == "raw":
                    at = xml.index("<driver", xml.rindex("<disk", 0, xml.index(disk.paths[0])))
                    xml = xml[:at] + xml[at:].replace("type='qcow2'", "type='raw'", 1)
            self.redefine(name, parent, layer, domain=xml)
        run.writing("at the start")
        self.delete("s1")
        run.writing("after s1 was deleted, in the middle of both chains")
        self.delete("s2")
        run.writing("after s2 was deleted: both disks changed over")
        self.equal(self.tree(), ({}, None), "writing: none is left")
        run.finish({target: disk.paths[:1] for target, disk in run.disks.items()})

    def snapshot(self, run, name):
        run.domain.snapshotCreateXML("<domainsnapshot><name>%s</name></domainsnapshot>" % name,
                                     libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY)

    def seconds(self, name, count, pause):
        """Snapshot after snapshot under a guest that writes, then all of them are merged, in an order of their own."""
        run = Run(self.out, self.daemon, Guest(self.guest.cache), name, ["vda", "vdb"])
        self.name, self.domain, chains = name, run.domain, {t: run.chain(t) for t in run.disks}
        names = ["t%d" % n for n in range(count)]
        for snapshot in names:
            self.snapshot(run, snapshot)
            run.log.wait_more(3, "vda")
            time.sleep(pause)
        self.equal(len(run.chain("vda")), len(chains["vda"]) + count, "%s: %d more images" % (name, count))
        run.writing("after %d snapshots" % count)
        for n in range(count):
            self.delete(names.pop((n * 5 + 2) % len(names)))
        run.writing("after all of them were merged")
        self.equal(self.tree(), ({}, None), name + ": none is left")
        run.finish(chains)

    def test_seconds(self):
        self.seconds("seconds", 8, 0)

    def test_minute(self):
        """A snapshot every second."""
        self.seconds("minute", 60, 1)

    def test_moments(self):
        """Back to each moment of a guest that writes: what it was told is safe by then is there, nothing of later."""
        run = Run(self.out, self.daemon, Guest(self.guest.cache), "moments", ["vda", "vdb"])
        self.name, self.domain, acked = "moments", run.domain, {}
        for name in ("s1", "s2", "s3"):
            run.writing("before " + name)
            before = {t: run.log.acked(t) for t in run.disks}
            self.snapshot(run, name)
            acked[name] = before, {t: run.log.acked(t) for t in run.disks}
        run.writing("after the last one")
        for name in ("s2", "s1", "s3"):
            self.revert(name)
            for target, disk in run.disks.items():
                path = jobs.chain(run.domain.XMLDesc(INACTIVE), target)[0][0]
                content = read_image(path, "qcow2")
                self.equal(disk.ring.check(content, acked[name][0][target], final=False), [],
                           "%s of %s: all that was acknowledged before" % (target, name))
                self.ok(self.last(disk.ring, content) <= acked[name][1][target] + disk.ring.batch,
                        "%s of %s: nothing of later" % (target, name))
        self.gone()

    def last(self, ring, content):
        """The highest number of a block in it."""
        starts = [(ring.base + n) * BLOCK for n in range(ring.blocks)]
        blocks = [parse_block(content[at:at + BLOCK])[0] for at in starts]
        return max(block[0] for block in blocks if block)

    # --- revert -------------------------------------------------------------------------------------------------------

    def revert(self, name, flags=0):
        self.domain.revertToSnapshot(self.domain.snapshotLookupByName(name), flags)

    def sums(self):
        """The bytes of all images, by name."""
        sums = {}
        for name in self.files():
            with open(os.path.join(os.path.dirname(self.paths["vda"][0]), name), "rb") as f:
                sums[name] = hashlib.sha256(f.read()).hexdigest()
        return sums

    def reverted(self, what, layer, abandoned, before=None):
        """All disks are on fresh overlays over image number @layer: the data of that moment and no other. What a
        snapshot has kept is untouched, and the @abandoned images are gone."""
        fresh = [name for name in self.files() if not name[-2:] in (".0", ".1", ".2", ".3")]
        self.equal(len(fresh), len(self.paths), what + ": one fresh overlay for each disk")
        for target, paths in self.paths.items():
            chain = jobs.chain(self.domain.XMLDesc(INACTIVE), target)[0]
            self.ok(os.path.basename(chain[0]) in fresh and chain[1] == paths[layer], what + ": " + target, chain)
        if self.domain.isActive():
            self.domain.destroy()
        for target, paths in self.paths.items():
            top = jobs.chain(self.domain.XMLDesc(INACTIVE), target)[0][0]
            self.equal(holds(top, range(layer + 1)), None, "%s: the data of %s are there" % (what, target))
            later = range(layer + 1, len(paths))
            qemu_io(top, "qcow2", *["read -P 0 %dM 1M" % n for n in later])
            self.equal(backing(top), paths[layer], "%s: the header of %s" % (what, target))
            self.ok(oct(os.stat(top).st_mode)[-3:] == "600", what + ": the mode (08/S10.7)")
        for name, value in (before or {}).items():
            if name not in abandoned:
                self.equal(self.sums().get(name), value, "%s: %s is as it was" % (what, name))
        self.equal([name for name in abandoned if name in self.files()], [], what + ": what has no use has gone")

    def told(self, since, wanted, what):
        """The life cycle events of this domain from number @since on."""
        def got():
            with self.events.changed:
                return [e[2:] for e in self.events.got[since:] if e[:2] == (self.name, "lifecycle")]
        jobs.wait_for(lambda: len(got()) >= len(wanted), 10)
        self.equal(got(), wanted, what)

    def test_revert(self):
        """08/S10.3, to each moment: off, and running with each flag."""
        running, paused = libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING, libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED
        ends, begins = (5, 6), (2, 3)
        for layer, run, flags, state, events in (
                (0, False, 0, OFF, []), (1, True, 0, OFF, [ends]), (2, True, running, RUNNING, [ends, (4, 0), begins]),
                (1, False, running, RUNNING, [(4, 0), begins]), (0, True, paused, PAUSED, [ends, begins, (3, 0)])):
            name = "s%d" % (layer + 1)
            what = "to %s, running: %s, flags %d" % (name, run, flags)
            self.made("revert-%d-%d-%d" % (layer, run, flags), targets=("vda", "vdb"), run=run)
            if run:                     # what its start was told by comes before
                self.events.wait(lambda e: e[:3] == (self.name, "lifecycle", 3), 20)
            before, since = self.sums(), self.events.mark()
            self.revert(name, flags)
            self.equal(self.domain.state()[0], state, what + ": the state")
            self.told(since, events, what + ": the events (08/S9)")
            self.equal(self.tree(), ({"s1": None, "s2": "s1", "s3": "s2"}, name), what + ": it is the current one")
            self.reverted(what, layer, ["vda.3", "vdb.3"], before)
            self.gone()

    def test_branches(self):
        """Reverted again and again, then all deleted."""
        self.made("branches")
        for name in ("s1", "s3", "s2", "s2", "s1"):
            self.revert(name)
        self.reverted("again and again", 0, ["vda.3"])
        self.refused(lambda: self.delete("s1"), libvirt.VIR_ERR_OPERATION_UNSUPPORTED, "several overlays",
                     "its image has several overlays (08/S10.4)")
        self.delete("s3")
        self.ok("vda.2" not in self.files() and "vda.1" in self.files(), "a leaf outside: only its file goes")
        self.delete("s2")
        self.ok("vda.1" not in self.files() and "vda.0" in self.files(), "and the next one")
        self.delete("s1")
        self.equal((self.files(), self.tree()), (["vda.0"], ({}, None)), "then the last one is merged")
        self.equal(holds(self.paths["vda"][0], range(1)), None, "and the data are those of that moment")
        self.gone()

    def test_revertbitmaps(self):
        """20/B10: a bitmap of the image goes on in the fresh overlay; one of later is in neither."""
        self.made("revertbitmaps", 3)
        self.domain.destroy()
        for layer, name in ((0, "c1"), (1, "c1"), (1, "c2"), (2, "c1"), (2, "c2"), (2, "c3")):
            qemu_img("bitmap", "--add", "-g", "128k", self.paths["vda"][layer], name)
        qemu_img("bitmap", "--add", self.paths["vda"][0], "off")
        qemu_img("bitmap", "--disable", self.paths["vda"][0], "off")
        self.domain.createWithFlags(START_PAUSED)
        go = libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING
        for name, flags, wanted in (("s2", go, ["c1", "c2"]), ("s1", 0, ["c1"])):
            self.revert(name, flags)
            if self.domain.isActive():
                self.domain.destroy()
            bitmaps = info(self.chain(INACTIVE)[0])["format-specific"]["data"]["bitmaps"]
            self.equal([(b["name"], b["granularity"], b["flags"]) for b in bitmaps],
                       [(n, 131072, ["auto"]) for n in wanted], "the bitmaps of the overlay over the moment of " + name)
        self.gone()

    def test_revertrefused(self):
        self.made("revertrefused")
        self.domain.blockPull("vda", 1, libvirt.VIR_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES)
        self.refused(lambda: self.revert("s1"), libvirt.VIR_ERR_OPERATION_INVALID, "domain has active block job",
                     "07/E1")
        self.domain.blockJobAbort("vda")
        jobs.wait_gone(self.domain, "vda")
        os.rename(self.paths["vda"][0], self.paths["vda"][0] + ".away")
        self.refused(lambda: self.revert("s1"), libvirt.VIR_ERR_OPERATION_FAILED, "is not there", "an image is missing")
        os.rename(self.paths["vda"][0] + ".away", self.paths["vda"][0])
        self.old_metadata()
        if self.daemon.can_fail():
            self.daemon.fail("qemu-img:3+")
            self.refused(lambda: self.revert("s1"), libvirt.VIR_ERR_OPERATION_FAILED, "fault", "qemu-img fails")
            self.daemon.fail(None)
        self.equal((self.domain.state()[0], self.files()), (PAUSED, ["vda.0", "vda.1", "vda.2", "vda.3"]),
                   "the guest is as before, and nothing lies about")
        self.gone()

    def test_revertmay(self):
        """What shows that the guest of that moment would not start, or that there is no room for the files of its
        start: the present one runs on."""
        self.made("revertmay", 2)
        self.domain.resume()
        emulator = self.daemon.path("img", self.name, "qemu")
        here = ET.fromstring(self.domain.XMLDesc(0)).findtext("devices/emulator")
        os.symlink(here, emulator)
        self.redefine("other", None, 0, domain=self.xml(0).replace("<devices>", "<devices><emulator>%s</emulator>" %
                                                                   emulator, 1))
        os.unlink(emulator)
        go, before = libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING, self.files()
        self.refused(lambda: self.revert("other", go), libvirt.VIR_ERR_SYSTEM_ERROR, emulator,
                     "an emulator that is not there")
        self.equal((self.domain.state()[0], self.files()), (RUNNING, before), "the guest runs on, nothing lies about")
        if self.daemon.can_fail():
            for n, what in ((1, "the record"), (2, "the definition"), (3, "the status file")):
                self.daemon.fail("save-write:%d" % n)
                self.refused(lambda: self.revert("s1", go), libvirt.VIR_ERR_SYSTEM_ERROR, "cannot save",
                             what + " has no room")
                self.daemon.fail(None)
                self.equal((self.domain.state()[0], self.files()), (RUNNING, before), what + ": the guest runs on")
        self.small()
        self.revert("s1", go)
        self.reverted("once there is room", 0, ["vda.1"])
        self.gone()

    def small(self):
        """The folder of the images has no room for an overlay."""
        folder = os.path.dirname(self.paths["vda"][0])
        self.inside("mkdir $0-kept; cp -a $0/. $0-kept; mount -t tmpfs -o size=8m,mode=711 none $0; "
                    "cp -a $0-kept/. $0; cat /dev/zero >$0/filler || true", folder)
        self.refused(lambda: self.revert("s1"), libvirt.VIR_ERR_OPERATION_FAILED, "space", "an overlay has no room")
        self.equal(self.domain.state()[0], RUNNING, "an overlay has no room: the guest runs on")
        self.inside("umount -l $0; rm -r $0-kept", folder)

    def old_metadata(self):
        """As libvirt before 0.9.5 has left them."""
        self.daemon.stop()
        with open(self.daemon.metadata(self.name, "old"), "w") as f:
            f.write("<domainsnapshot><name>old</name><state>shutoff</state><creationTime>1</creationTime>"
                    "<active>0</active></domainsnapshot>")
        self.again()
        self.refused(lambda: self.revert("old", libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_FORCE),
                     libvirt.VIR_ERR_SNAPSHOT_REVERT_RISKY, "lacks domain 'revertrefused' rollback info",
                     "without a <domain>, and FORCE does not help (08/S9)")
        self.delete("old", METADATA)

    def identity(self, path):
        """As a record of a revert has it."""
        born = subprocess.run(["stat", "-c", "%.9W", path], check=True, capture_output=True, text=True).stdout.strip()
        return "%d:%d:%s" % (os.stat(path).st_dev, os.stat(path).st_ino, born)

    def test_revertabandoned(self):
        """What a revert has left and could not remove belongs to another domain by the time of the next daemon."""
        self.made("revertabandoned", 2, run=False)
        folder, disk = os.path.dirname(self.paths["vda"][0]), {"disk": "vda", "was": "", "path": self.paths["vda"][1]}
        left = [os.path.join(folder, name) for name in ("nobody", "somebody")]
        for path in left:
            qemu_img("create", "-q", "-f", "qcow2", path, "1M")
        self.daemon.own(*left)
        other = self.conn.defineXML(plain.domain("somebody", [plain.disk("vda", left[1])]))
        self.daemon.kill()
        record = os.path.join(self.daemon.metadata(self.name), "reverting.json")
        with open(record, "w") as f:
            json.dump({"snapshot": "s1",
                       "files": [disk] + [{"path": p, "identity": self.identity(p)} for p in left]}, f)
        self.again()
        self.equal([os.path.exists(path) for path in left + [record]], [False, True, False],
                   "what nobody has is removed, what another domain has is not")
        self.daemon.kill()
        with open(record, "w") as f:
            f.write("{}")
        self.again()
        self.ok(os.path.exists(record), "what is no such record is left alone")
        os.unlink(record)
        other = self.conn.lookupByName("somebody")
        other.undefine()
        self.gone()

    def test_revertmemory(self):
        """With the memory of that moment; a file that cannot be read leaves the guest as it is."""
        self.made("revertmemory")
        memory = self.daemon.path("img", self.name, "state.3")
        self.domain.resume()
        self.domain.save(memory)
        self.domain.create()
        self.delete("s3", METADATA)
        self.redefine("s3", "s2", 2, state="running", memory="<memory snapshot='external' file='%s'/>" % memory)
        os.rename(memory, memory + ".away")
        self.refused(lambda: self.revert("s3"), libvirt.VIR_ERR_SYSTEM_ERROR, "state.3", "no memory file")
        with open(memory + ".away", "rb") as f:
            saved = f.read()
        with open(memory, "wb") as f:
            f.write(saved[:1000])
        self.refused(lambda: self.revert("s3"), libvirt.VIR_ERR_OPERATION_FAILED, "", "the memory file is a part")
        self.equal(self.domain.state()[0], RUNNING, "the guest runs as before")
        self.equal(len(self.files()), 6, "nothing lies about")
        with open(memory, "wb") as f:
            f.write(saved[:len(saved) // 2])
        for call, what in ((lambda: self.revert("s3"), "revert"), (lambda: self.conn.restore(memory), "restore")):
            self.refused(call, libvirt.VIR_ERR_OPERATION_FAILED, "is cut off", "half of the memory file: a " + what)
        self.equal(self.domain.state()[0], RUNNING, "half of the memory file: the guest runs on")
        with open(memory, "r+b") as f:      # as other drivers make it: nothing says how long it was
            f.seek(36)
            f.write(bytes(8))
        self.refused(lambda: self.revert("s3"), libvirt.VIR_ERR_INTERNAL_ERROR, "", "QEMU cannot load the memory")
        self.equal((self.domain.state()[0], len(self.files()), self.chain(INACTIVE)[0]), (OFF, 6, self.paths["vda"][3]),
                   "it is shut off on the images that it had")
        os.rename(memory + ".away", memory)
        since = self.events.mark()
        self.revert("s3")
        self.equal(self.domain.state()[0], RUNNING, "the guest of that moment runs")
        self.told(since, [(2, 3), (4, 2)], "the events (08/S9)")
        os.unlink(memory)
        self.reverted("with memory", 2, ["vda.3"])
        self.gone()

    # --- internal -----------------------------------------------------------------------------------------------------

    def internal(self, name, target, parent=None, memory="no", state="shutoff"):
        """An internal snapshot as the stock driver's metadata describe it; its data are made with qemu-img."""
        disks = "".join("<disk name='%s' snapshot='internal'/>" % t for t in self.paths)
        qemu_img("snapshot", "-c", name, self.paths[target][-1])
        self.redefine(name, parent, -1, disks=disks, memory="<memory snapshot='%s'/>" % memory, state=state)

    def inner(self, target="vda"):
        """The names of internal snapshots in the image."""
        return [s["name"] for s in info(self.paths[target][-1]).get("snapshots", [])]

    def test_internal(self):
        """08/S8.14 and S9, of a domain that is shut off; deleted running as well."""
        self.made("internal", 1, run=False)
        image = self.paths["vda"][0]
        self.internal("i1", "vda")
        qemu_io(image, "qcow2", "write -P 9 0 1M")
        self.internal("i2", "vda", "i1")
        two = self.domain.XMLDesc(INACTIVE).replace("<vcpu placement='static'>1<", "<vcpu placement='static'>2<")
        self.domain = self.conn.defineXML(two)
        self.equal(self.domain.info()[3], 2, "another definition since")
        self.revert("i1")
        self.equal(holds(image, range(1)), None, "the data of that moment")
        self.equal((self.tree(), self.domain.info()[3]), (({"i1": None, "i2": "i1"}, "i1"), 1),
                   "its definition, and it is the current one")
        self.revert("i2")
        qemu_io(image, "qcow2", "read -P 9 0 1M")
        self.domain.createWithFlags(START_PAUSED)
        self.revert("i1")
        self.equal(self.domain.state()[0], OFF, "of a running domain: it is shut off, as it was then")
        self.equal(holds(image, range(1)), None, "with the data of that moment")
        self.revert("i2", libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED)
        self.equal(self.domain.state()[0], PAUSED, "and booted, if that is asked for")
        self.delete("i2")
        self.domain.destroy()
        self.equal((self.inner(), self.tree()), (["i1"], ({"i1": None}, "i1")), "deleted while it runs")
        self.internal("i3", "vda", "i1")
        self.delete("i1", CHILDREN)
        self.equal((self.inner(), self.tree()), ([], ({}, None)), "deleted with its child, shut off")
        qemu_io(image, "qcow2", "read -P 9 0 1M")
        self.gone()

    def test_internalmade(self):
        """Made by the driver, in all disks or in none."""
        self.made("internalmade", 1, ("vda", "vdb"), run=False)
        self.domain.snapshotCreateXML("<domainsnapshot><name>i1</name></domainsnapshot>")
        self.equal((self.inner("vda"), self.inner("vdb")), (["i1"], ["i1"]), "made in both")
        qemu_img("snapshot", "-c", "i2", self.paths["vdb"][0])
        self.refused(lambda: self.domain.snapshotCreateXML("<domainsnapshot><name>i2</name></domainsnapshot>"),
                     libvirt.VIR_ERR_OPERATION_UNSUPPORTED, "has an internal snapshot 'i2' already", "a name twice")
        if self.daemon.can_fail():
            self.daemon.fail("qemu-img:2")
            self.refused(lambda: self.domain.snapshotCreateXML("<domainsnapshot><name>i3</name></domainsnapshot>"),
                         libvirt.VIR_ERR_OPERATION_FAILED, "fault", "qemu-img fails at the second disk")
            self.daemon.fail(None)
        self.equal((self.inner("vda"), self.inner("vdb"), self.tree()),
                   (["i1"], ["i1", "i2"], ({"i1": None}, "i1")), "nothing else is there")
        self.delete("i1")
        self.equal((self.inner("vda"), self.inner("vdb"), self.tree()), ([], ["i2"], ({}, None)), "and deleted")
        self.gone()

    def test_internalrefused(self):
        self.made("internalrefused", 2, ("vda", "vdb"), run=False)
        self.internal("i1", "vda", "s1")
        unsupported = libvirt.VIR_ERR_OPERATION_UNSUPPORTED
        self.refused(lambda: self.revert("i1"), libvirt.VIR_ERR_OPERATION_FAILED, "has no internal snapshot 'i1'",
                     "an image that does not have it: none is changed")
        self.refused(lambda: self.delete("s1"), unsupported, "snapshot 'i1' refers to it",
                     "an external one whose overlay an internal one is in (08/S10.6)")
        self.revert("s1")
        self.ok("vda.1" in self.files(), "a revert leaves the image with the internal snapshot (08/S10.6)")
        self.refused(lambda: self.delete("i1"), unsupported, "does not have the image any more", "08/S8.14")
        self.delete("i1", METADATA)
        self.gone()

    # --- failures -----------------------------------------------------------------------------------------------------

    def test_faults(self):
        if not self.daemon.can_fail():
            return self.out.skip("faults", "the module has no debug_checks")
        self.made("fault-off", run=False)
        self.daemon.fail("qemu-img:3+")
        self.refused(lambda: self.delete("s2"), libvirt.VIR_ERR_OPERATION_FAILED, "fault", "qemu-img fails")
        self.daemon.fail(None)
        self.equal(self.tree(), ({"s1": None, "s2": "s1", "s3": "s2"}, "s3"), "qemu-img fails: all are listed")
        self.delete("s2")
        self.whole("once more", {"vda": ["vda.3", "vda.1", "vda.0"]})
        self.daemon.fail("save-sync:2")
        self.refused(lambda: self.delete("s3"), libvirt.VIR_ERR_SYSTEM_ERROR, "", "the definition may not last")
        self.daemon.fail(None)
        self.equal((self.chain(INACTIVE)[0], "vda.3" in self.files()), (self.paths["vda"][1], True),
                   "it is in place, for the daemon as well, and the overlay stays")
        self.delete("s3")
        self.whole("once more again", {"vda": ["vda.1", "vda.0"]})
        self.gone()

    def test_notdismissed(self):
        """A daemon that has died has left QEMU's job of an internal deletion."""
        self.made("notdismissed", 1, run=False)
        self.internal("i1", "vda")
        self.domain.createWithFlags(START_PAUSED)
        node = re.search(r'"node-name": *"([^"]*-format)"', self.qmp("query-named-block-nodes")).group(1)
        qemu_img("snapshot", "-U", "-l", self.paths["vda"][0])
        self.qmp("snapshot-delete", {"job-id": "qbj-snapshot-delete", "tag": "none", "devices": [node]})
        self.ok(jobs.wait_for(lambda: '"concluded"' in self.qmp("query-jobs"), 20), "a job that is done is listed")
        self.delete("i1")
        self.domain.destroy()
        self.equal((self.inner(), self.tree()), ([], ({}, None)), "it is not in the way")
        self.gone()

    def qmp(self, execute, arguments=None):
        command = dict({"execute": execute}, **({"arguments": arguments} if arguments else {}))
        return libvirt_qemu.qemuMonitorCommand(self.domain, json.dumps(command), 0)

    def stands(self, word="block-commit", snapshot="s3", flags=0):
        """A deletion stands still behind the command with @word, for QEMU does; gives who waits for it, and QEMU's
        number. s3 has two disks on their active images."""
        self.daemon.die_at(word, 0, signal.SIGSTOP)
        thread = Waiting(lambda: suite.code(self.delete, snapshot, flags))
        self.ok(self.daemon.died() is not None, "the daemon stands still in the deletion")
        pid = self.daemon.stop_qemu(self.name)
        self.ok(jobs.wait_for(lambda: self.domain.jobInfo()[0] == libvirt.VIR_DOMAIN_JOB_UNBOUNDED, 20),
                "there is a job")
        self.equal(self.domain.jobStats().get("operation"), libvirt.VIR_DOMAIN_JOB_OPERATION_SNAPSHOT_DELETE,
                   "the deletion of a snapshot")
        return thread, pid

    def stays(self, what):
        """The snapshot is listed and marked, the guest is on the images that it had, and it can be deleted again."""
        self.equal(self.tree(), ({"s1": None, "s2": "s1", "s3": "s2"}, "s3"), what + ": the snapshot stays")
        self.ok("snapshotDeleteInProgress" in self.marks(), what + ": it is marked")
        self.equal(self.names("vda")[0], "vda.3", what + ": the image is the old one")
        self.refused(lambda: self.revert("s3"), libvirt.VIR_ERR_OPERATION_INVALID,
                     "the deletion of snapshot 's3' was begun", what + ": no revert to it")
        self.delete("s3")
        self.whole(what + ", and once more", {t: [t + ".2", t + ".1", t + ".0"] for t in self.paths})
        self.gone()

    def test_aborted(self):
        """virDomainAbortJob ends it."""
        self.made("aborted", targets=("vda", "vdb"))
        thread, pid = self.stands()
        self.domain.abortJob()
        os.kill(pid, signal.SIGCONT)
        self.equal(thread.end(), libvirt.VIR_ERR_OPERATION_ABORTED, "the deletion was called off")
        self.equal([self.domain.blockJobInfo(t, 0) for t in self.paths], [{}, {}], "no block job is left")
        self.stays("called off")

    def test_killed(self):
        """QEMU dies in it."""
        self.made("killed", targets=("vda", "vdb"))
        thread, pid = self.stands()
        os.kill(pid, signal.SIGKILL)
        self.ok(thread.end() not in (0, None), "the deletion has failed")
        self.equal(jobs.wait_off(self.domain), True, "the domain has ended")
        self.equal(holds(self.paths["vda"][3], range(4)), None, "all data are there, as the definition names them")
        self.stays("QEMU was killed")

    def test_full(self):
        """The image below has no room for the overlay's data."""
        self.made("full", 4, run=False)
        folder = os.path.dirname(self.paths["vda"][0]) + "-small"
        self.inside("mkdir $0; mount -t tmpfs -o size=1900k,mode=711 none $0", folder)
        self.inside("cp -a $1 $0; ln -sf $0/vda.2 $1", folder, self.paths["vda"][2])
        self.domain.createWithFlags(START_PAUSED)
        self.refused(lambda: self.delete("s3"), libvirt.VIR_ERR_OPERATION_FAILED, "not merged", "the disk is full")
        self.ok(self.tree()[0].get("s3") and "snapshotDeleteInProgress" in self.marks(), "the snapshot stays, marked")
        self.equal(self.names("vda")[0], "vda.3", "the guest is on the image that it had")
        self.inside("mount -o remount,size=64m $0", folder)
        self.delete("s3")
        self.domain.destroy()
        self.inside("rm $1; cp -a $0/vda.2 $1; umount -l $0", folder, self.paths["vda"][2])
        self.ok(holds(self.paths["vda"][2], range(4)) is None, "once there is room it is done, with all data")
        self.gone()

    def inside(self, script, *args):
        """As the daemon sees the file systems."""
        subprocess.run([*self.daemon.namespace_prefix(), "sh", "-e", "-c", script, *args], check=True)

    # --- a daemon that dies -------------------------------------------------------------------------------------------

    def dies(self, name, snapshot, wanted, run, word, steps, how=""):
        """One deletion, in which the daemon dies at that step; False: it did not come to it."""
        self.made(name, 4, ("vda", "vdb") if run else ("vda",), run=run)
        self.daemon.die_at(word, steps, how=how)
        try:
            self.delete(snapshot)
        except libvirt.libvirtError:
            pass
        step = self.daemon.died(timeout=0.5 if self.daemon.alive() else 20)
        what = "dies at %s %d%s: %s" % (word, steps, how and " (" + how + ")", step)
        if step is None:
            self.whole("%s: the last step" % name, wanted)
            self.gone()
            return False
        self.again()
        if snapshot in self.tree()[0]:
            for target in self.paths:
                jobs.wait_gone(self.domain, target) if run else None
            jobs.wait_for(lambda: snapshot not in self.tree()[0], 2)
        if snapshot in self.tree()[0]:
            self.delete(snapshot)
        self.ok(snapshot not in self.tree()[0], what + ": deleted, if need be by a second call")
        self.whole(what, wanted)
        self.gone()
        return True

    def some(self, kind, snapshot, wanted, run, steps):
        for n in steps:
            if not self.dies("dies-%s-%d" % (kind, n), snapshot, wanted, run, "-", n):
                break

    def revertdies(self, run, n):
        """One revert, in which the daemon dies at that step: old or new; False: it did not come to it."""
        self.made("revertdies-%d-%d" % (run, n), run=run)
        self.daemon.die_at("-", n)
        try:
            self.revert("s2", libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING if run else 0)
        except libvirt.libvirtError:
            pass
        step = self.daemon.died(timeout=0.5 if self.daemon.alive() else 20)
        if step is not None:
            self.again()
            jobs.wait_for(lambda: self.domain.info(), 20)
        what = "a revert, running: %s, dies at %d: %s" % (run, n, step)
        tops = {self.chain(flags)[0] for flags in ((0, INACTIVE) if self.domain.isActive() else (INACTIVE,))}
        self.equal(len(tops), 1, what + ": the definitions name one image")
        top = tops.pop()
        if run and self.domain.isActive():
            wanted = PAUSED if top == self.paths["vda"][3] else RUNNING
            self.ok(jobs.wait_for(lambda: self.domain.state()[0] == wanted, 20), what + ": the guest is old or new",
                    lambda: self.domain.state())
        if self.domain.isActive():
            self.domain.destroy()
        self.equal(holds(top, range(4 if top == self.paths["vda"][3] else 2)), None, what + ": old or new")
        self.revert("s2")
        self.equal(holds(self.chain(INACTIVE)[0], range(2)), None, what + ": once more, it is reverted")
        self.gone()
        return step is not None

    def test_startdies(self):
        """A daemon that dies while it starts QEMU, in a revert or not: a guest that was to run does, as it was defined;
        one that was not stands still."""
        self.made("startdies", 2, run=False)
        vcpus = "".join("<vcpu id='%d' enabled='%s' hotpluggable='%s'/>" % row for row in
                        ((0, "yes", "no"), (1, "yes", "yes"), (2, "no", "yes")))
        for layer in (0, 1):
            xml = self.xml(layer).replace("<vcpu>1<", "<vcpu current='2'>3<").replace(
                "</vcpu>", "</vcpu><vcpus>%s</vcpus>" % vcpus, 1)
            xml = xml.replace("</disk>", "<iotune><total_iops_sec>77</total_iops_sec></iotune></disk>")
            xml = qmptrace.traced(xml.replace("</memory>", "</memory><currentMemory unit='MiB'>24</currentMemory>")
                                  .replace("<memballoon model='none'/>", "<memballoon model='virtio'/>"))
            if layer == 0:
                self.redefine("s2", "s1", 0, domain=xml)
        self.domain = self.conn.defineXML(xml)
        go = libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING
        for word, steps in (("query-chardev", 0), ("device_add", 0), ("block_set_io_throttle", 0), ("cont", -1),
                            ("cont", 0)):
            for call, state in ((self.domain.create, RUNNING), (lambda: self.revert("s2", go), RUNNING),
                                (lambda: self.domain.createWithFlags(START_PAUSED), PAUSED)):
                if word == "cont" and state == PAUSED:
                    continue
                what = "dies %d behind %s, to be %d" % (steps, word, state)
                asked = self.balloons()
                self.daemon.die_at(word, steps)
                suite.code(call)
                self.ok(self.daemon.died() is not None, what)
                self.again()
                self.ok(jobs.wait_for(lambda: "qbj:start" not in self.daemon.status_xml(self.name), 20),
                        what + ": no record is left")
                self.equal((self.domain.state()[0], len(self.domain.vcpus()[0]),
                            self.domain.blockIoTune("vda")["total_iops_sec"]), (state, 2, 77),
                           what + ": it is all there")
                self.ok(self.balloons() > asked, what + ": the balloon was asked for <currentMemory>")
                self.domain.destroy()
                jobs.wait_off(self.domain)
        self.startrefused()
        self.gone()

    def balloons(self):
        """How often QEMU was told what <currentMemory> says."""
        trace = qmptrace.Trace(self.daemon, self.name)
        return os.path.exists(trace.path) and trace.read().count(("balloon", {"value": 24 << 20}))

    def startrefused(self):
        """What is left of the start is refused by QEMU: the guest, which has not run, is off."""
        self.daemon.die_at("query-chardev", 0)
        suite.code(self.domain.create)
        self.ok(self.daemon.died() is not None, "dies before vcpus are plugged in")
        Qmp(self.daemon.monitor_path(self.name)).call("device_add", driver="virtio-mouse-pci", id="vcpu1", bus="pci.0")
        self.again()
        self.ok(jobs.wait_off(self.domain, 20), "a vcpu that QEMU does not take ends the start", self.domain.state)
        self.equal(self.domain.state(), [OFF, libvirt.VIR_DOMAIN_SHUTOFF_FAILED], "which has failed")

    def reverts(self, running, off):
        for run, steps in ((True, running), (False, off)):
            for n in steps:
                if not self.revertdies(run, n):
                    break

    def test_dies(self):
        self.deletions((9, 37), (15,), (7,))
        self.reverts((9,), (4,))

    def test_sweep(self):
        """Each step."""
        self.deletions(range(200), range(200), range(100))
        self.reverts(range(100), range(50))

    def deletions(self, top, middle, off):
        """Which steps of each kind."""
        self.some("top", "s3", {t: [t + ".2", t + ".1", t + ".0"] for t in ("vda", "vdb")}, True, top)
        self.some("mid", "s2", {t: [t + ".3", t + ".1", t + ".0"] for t in ("vda", "vdb")}, True, middle)
        self.some("off", "s2", {"vda": ["vda.3", "vda.1", "vda.0"]}, False, off)


if __name__ == "__main__":
    sys.exit(suite.main("undo", __doc__, Undo, modes=("system",), kind=UndoDaemon,
                        ours="the stock driver reverts to no external snapshot"))
