#!/usr/bin/python3
"""Snapshots that are deleted and reverted to, running and shut off: the images, the files, the metadata, and a daemon
that dies at each step."""

import os
import sys

import libvirt

import jobs
import plain
import suite
from crashpoint import CrashDaemon
from faults import FaultDaemon
from images import backing, make_chain, qemu_img
from jobtest import JobChecks, fill, holds

METADATA = libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY
CHILDREN = libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN
CHILDREN_ONLY = libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY
REDEFINE = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE
CURRENT = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT
INACTIVE = libvirt.VIR_DOMAIN_XML_INACTIVE
PAUSED = libvirt.VIR_DOMAIN_START_PAUSED
SNAPSHOT = """<domainsnapshot><name>%(name)s</name><state>%(state)s</state>%(parent)s
<creationTime>%(time)d</creationTime>%(memory)s<disks>%(disks)s</disks>%(domain)s</domainsnapshot>"""
OVERLAY = "<disk name='%s' snapshot='external' type='file'><driver type='qcow2'/><source file='%s'/></disk>"


class UndoDaemon(CrashDaemon, FaultDaemon):
    def metadata(self, domain, snapshot=None):
        folder = self.path("lib", "qemu", "snapshot", domain)
        return os.path.join(folder, snapshot + ".xml") if snapshot else folder


class Undo(JobChecks):
    def made(self, name, layers=4, targets=("vda",), run=True):
        """A persistent domain on chains of so many layers, each of which has its own data, with a snapshot s1, s2, ...
        for each image but the active one."""
        self.name, folder = name, plain.folder(self.daemon, name)
        self.paths = {t: make_chain(folder, ["%s.%d" % (t, n) for n in range(layers)], fill=fill) for t in targets}
        self.daemon.own(*[path for paths in self.paths.values() for path in paths])
        self.domain = self.conn.defineXML(self.xml(-1))
        for n in range(1, layers):
            self.redefine("s%d" % n, "s%d" % (n - 1) if n > 1 else None, n - 1)
        if run:
            self.domain.createWithFlags(PAUSED)

    def xml(self, layer):
        return plain.domain(self.name, [plain.disk(t, paths[layer]) for t, paths in self.paths.items()])

    def redefine(self, name, parent, layer, **more):
        """The moment of image number @layer of each chain, whose overlay is the next one."""
        xml = SNAPSHOT % dict(
            {"name": name, "state": "disk-snapshot", "time": 1000 + layer, "memory": "<memory snapshot='no'/>",
             "parent": "<parent><name>%s</name></parent>" % parent if parent else "",
             "disks": "".join(OVERLAY % (t, paths[layer + 1]) for t, paths in self.paths.items()),
             "domain": self.xml(layer).replace("<memory ", "<uuid>%s</uuid><memory " % self.domain.UUIDString(), 1)},
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
            self.domain.createWithFlags(PAUSED)
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
        self.delete("s1", METADATA | CHILDREN)
        self.equal((self.tree(), self.files()), (({}, None), files), "and CHILDREN: none is left, no file has gone")
        self.gone()

    def again_connected(self):
        self.connect()
        self.domain = self.conn.lookupByName(self.name)

    def test_refused(self):
        self.made("refused")
        unsupported, failed = libvirt.VIR_ERR_CONFIG_UNSUPPORTED, libvirt.VIR_ERR_OPERATION_FAILED
        self.refused(lambda: self.delete("s1", CHILDREN), unsupported, "external disk snapshots with children",
                     "CHILDREN (08/S8.8)")
        self.refused(lambda: self.delete("s1", CHILDREN_ONLY), unsupported, "external children disk snapshots",
                     "CHILDREN_ONLY (08/S8.8)")
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
        self.domain.destroy()
        qemu_img("snapshot", "-c", "inside", self.paths["vda"][2])
        self.refused(lambda: self.delete("s2"), libvirt.VIR_ERR_OPERATION_UNSUPPORTED, "it holds internal snapshots",
                     "an internal snapshot is in the image (08/S10.6)")
        qemu_img("snapshot", "-d", "inside", self.paths["vda"][2])
        qemu_img("commit", "-q", "-b", self.paths["vda"][2], self.paths["vda"][3])
        self.domain = self.conn.defineXML(self.domain.XMLDesc(INACTIVE).replace(paths[3], paths[2]))
        self.refused(lambda: self.delete("s3"), failed, "VM disk source and snapshot disk source are not the same",
                     "the overlay was committed by hand (08/S8.10)")
        self.equal(self.tree(), ({"s1": None, "s2": "s1", "s3": "s2"}, "s3"), "all are still listed")
        self.ok("snapshotDeleteInProgress" not in self.marks(), "and none is marked")
        self.gone()

    def marks(self):
        text = ""
        for name in os.listdir(self.daemon.metadata(self.name)):
            with open(os.path.join(self.daemon.metadata(self.name), name)) as f:
                text += f.read()
        return text

    def test_memory(self):
        """08/S8.7: the memory file goes too, unless another snapshot has the same."""
        self.made("memory", run=False)
        memory = self.daemon.path("img", "memory", "state")
        open(memory, "w").close()
        self.delete("s2", METADATA | CHILDREN)
        for name, parent, layer in (("s2", "s1", 1), ("s3", "s2", 2)):
            self.redefine(name, parent, layer, state="running",
                          memory="<memory snapshot='external' file='%s'/>" % memory)
        self.delete("s3")
        self.ok(os.path.exists(memory), "a memory file that another snapshot has stays")
        self.delete("s2")
        self.ok(not os.path.exists(memory), "then it goes")
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
        self.gone()


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

    def test_dies(self):
        self.deletions((9, 30, 44), (15, 26), (4, 7))

    def test_sweep(self):
        """Each step."""
        self.deletions(range(200), range(200), range(100))

    def deletions(self, top, middle, off):
        """Which steps of each kind."""
        self.some("top", "s3", {t: [t + ".2", t + ".1", t + ".0"] for t in ("vda", "vdb")}, True, top)
        self.some("mid", "s2", {t: [t + ".3", t + ".1", t + ".0"] for t in ("vda", "vdb")}, True, middle)
        self.some("off", "s2", {"vda": ["vda.3", "vda.1", "vda.0"]}, False, off)


# takes minutes: by its name only
BY_NAME = ["sweep"]


def run(out, args, mode):
    names = args.names if args.chosen else [name for name in args.names if name not in BY_NAME]
    if args.driver == "stock":
        return out.skip(mode, "the stock driver reverts to no external snapshot")
    suite.run_with_daemon(out, args, mode, Undo, names, UndoDaemon)


if __name__ == "__main__":
    sys.exit(suite.main("undo", __doc__, Undo, run, modes=("system",)))
