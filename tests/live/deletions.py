#!/usr/bin/python3
"""Deletion of snapshots with all that descend from them, and of such on branches that the guest is not on: each moment
that stays, and the guest's disks, hold what they held; failures, and a daemon that dies."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

import libvirt

import jobs
import plain
import suite
from images import backing, qemu_img, qemu_io
from jobtest import holds
from undo import CHILDREN, CHILDREN_ONLY, INACTIVE, METADATA, OVERLAY, START_PAUSED, Undo, UndoDaemon, Waiting

DISK_ONLY = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY
SNAPSHOT = "<domainsnapshot><name>%s</name>%s</domainsnapshot>"


def content(path, *inside):
    """A sum of all that the image, or an internal snapshot of it, reads."""
    with tempfile.TemporaryDirectory() as folder:
        raw = os.path.join(folder, "raw")
        qemu_img("convert", "-U", *inside, "-f", "qcow2", "-O", "raw", path, raw)
        with open(raw, "rb") as f:
            return hashlib.sha256(f.read()).hexdigest()


def below(path):
    """The paths of its chain, as the headers say."""
    return [image["filename"] for image in json.loads(qemu_img("info", "--backing-chain", "--output=json", path))]


# stands still in the place of a program whose arguments have the word in the file
HOLD = """#!/bin/sh
[ -e %(wish)s ] && read word <%(wish)s && case " $* " in *" $word "*) exec sleep 86399;; esac
exec %(program)s "$@"
"""


class DeletionsDaemon(UndoDaemon):
    """Its qemu-img can be held up."""

    def environment(self):
        env, folder = super().environment(), self.path("bin")
        os.makedirs(folder, exist_ok=True)
        self.held = self.path("held")
        with open(os.path.join(folder, "qemu-img"), "w", encoding="utf-8") as f:
            f.write(HOLD % {"wish": self.held, "program": shutil.which("qemu-img")})
        os.chmod(f.name, 0o755)
        os.chmod(folder, 0o755)
        return dict(env, PATH=folder + ":" + env["PATH"])

    def hold(self, word):
        with open(self.held, "w", encoding="utf-8") as f:
            f.write(word + "\n")

    def is_held(self):
        return [name for _, name in self.children() if name == "sleep"]


class Deletions(Undo):
    BY_NAME = ["sweep"]  # takes minutes

    def moment(self, name, target="vda"):
        xml = ElementTree.fromstring(self.domain.snapshotLookupByName(name).getXMLDesc())
        return jobs.source_of(jobs.disk_element(ElementTree.tostring(xml.find("domain")).decode(), target))

    def held(self):
        """{snapshot, or "now": {target: what is in its image}}"""
        found = {"now": {t: content(self.chain(0, t)[0]) for t in self.paths}}
        for snapshot in self.domain.listAllSnapshots():
            name = snapshot.getName()
            inside = ["-l", "snapshot.name=" + name] if "snapshot='internal'/>" in snapshot.getXMLDesc() else []
            found[name] = {t: content(self.moment(name, t), *inside) for t in self.paths}
        return found

    def stays(self, before, what):
        """What is left of @before is as it was; no image is damaged; all that lies about is somebody's."""
        held, used = self.held(), set()
        self.equal({k: v for k, v in held.items() if k in before}, {k: before[k] for k in held if k in before},
                   what + ": what is in the images of the moments, and in the guest's")
        if self.domain.isActive():
            self.domain.destroy()
        for name in [n for n in held if n != "now"]:
            for target in self.paths:
                used |= set(below(self.moment(name, target)))
        for target in self.paths:
            used |= set(below(self.chain(INACTIVE, target)[0]))
        for path in used:
            done = subprocess.run(["qemu-img", "check", "-q", path], capture_output=True, text=True, check=False)
            self.equal((done.returncode, done.stdout), (0, ""), "%s: %s" % (what, os.path.basename(path)))
        self.equal(self.files(), sorted(map(os.path.basename, used)), what + ": the files")

    def branches(self, name, run, targets=("vda",)):
        """s1 <- s2 <- s3, and from s1 on, after a revert to it, s4, in which the guest is."""
        self.made(name, targets=targets, run=False)
        self.revert("s1")
        self.domain.snapshotCreateXML(SNAPSHOT % ("s4", ""), DISK_ONLY)
        for target in targets:
            qemu_io(self.chain(INACTIVE, target)[0], "qcow2", "write -P 77 9M 64k")
        if run:
            self.domain.createWithFlags(START_PAUSED)

    def crossing(self, name, run, targets=("vda",)):
        """s1 <- s2 <- s3, and the guest, after a revert to s2, is on another overlay over its image."""
        self.made(name, targets=targets, run=False)
        self.revert("s2")
        for target in targets:
            qemu_io(self.chain(INACTIVE, target)[0], "qcow2", "write -P 77 9M 64k", "write -P 78 1M 64k")
        if run:
            self.domain.createWithFlags(START_PAUSED)

    def stated(self, name, run):
        """As crossing(), of snapshots of a running guest: their definitions state the chains. What is written after
        the revert is where the image of s2 is as the one below."""
        self.made(name, 1, run=False)
        for n in (1, 2, 3):
            self.paths["vda"].append(self.paths["vda"][0][:-1] + str(n))
            self.domain.createWithFlags(START_PAUSED)
            self.domain.snapshotCreateXML(SNAPSHOT % ("s%d" % n, "<disks>%s</disks>" %
                                                      OVERLAY % ("vda", self.paths["vda"][n])), DISK_ONLY)
            self.domain.destroy()
            qemu_io(self.paths["vda"][n], "qcow2", "write -P %d %dM 64k" % (n + 1, n))
        self.revert("s2")
        qemu_io(self.chain(INACTIVE)[0], "qcow2", "write -P 77 9M 64k", "write -P 78 1M 64k")
        if run:
            self.domain.createWithFlags(START_PAUSED)

    def believed(self, name):
        """What a guest would read that is started with the chain that the snapshot's definition states."""
        xml = ElementTree.fromstring(self.domain.snapshotLookupByName(name).getXMLDesc()).find("domain")
        node = None
        for path in reversed(jobs.chain(ElementTree.tostring(xml).decode(), "vda")[0]):
            node = {"driver": "qcow2", "file": {"driver": "file", "filename": path}, "backing": node}
        with tempfile.TemporaryDirectory() as folder:
            raw = os.path.join(folder, "raw")
            qemu_img("convert", "-U", "-O", "raw", "json:" + json.dumps(node), raw)
            with open(raw, "rb") as f:
                return hashlib.sha256(f.read()).hexdigest()

    # --- children -----------------------------------------------------------------------------------------------------

    def test_children(self):
        for run in (True, False):
            what = "CHILDREN_ONLY, running: %s" % run
            self.made("children-%d" % run, targets=("vda", "vdb"), run=run)
            before = self.held()
            self.delete("s1", CHILDREN_ONLY)
            self.equal(self.tree(), ({"s1": None}, "s1"), what + ": it stays, and is current (08/S7)")
            self.stays(before, what)
            self.whole(what, {t: [t + ".1", t + ".0"] for t in self.paths})
            if run:
                self.domain.createWithFlags(START_PAUSED)
            self.delete("s1", CHILDREN_ONLY)
            self.equal(self.tree(), ({"s1": None}, "s1"), "of a leaf: nothing")
            self.gone()
            what = "CHILDREN, running: %s" % run
            self.made("childrenall-%d" % run, run=run)
            before = self.held()
            self.delete("s2", CHILDREN)
            self.equal(self.tree(), ({"s1": None}, "s1"), what + ": its parent is current")
            self.delete("s1", CHILDREN)
            self.equal(self.tree(), ({}, None), what + ": of the first one: none is left")
            self.stays(before, what)
            self.gone()

    def test_childrenbranches(self):
        for run in (True, False):
            for name, flags, tree in (("s1", CHILDREN, ({}, None)), ("s1", CHILDREN_ONLY, ({"s1": None}, "s1")),
                                      ("s2", CHILDREN, ({"s1": None, "s4": "s1"}, "s4")))[not run:]:
                what = "%s of two branches, flags %d, running: %s" % (name, flags, run)
                self.branches("childrenbranches-%s-%d-%d" % (name, flags, run), run)
                before = self.held()
                self.delete(name, flags)
                self.equal(self.tree(), tree, what)
                self.stays(before, what)
                self.gone()

    def test_childrenmixed(self):
        """Internal ones, one with its memory in a file, one of the disks alone, and one of a guest that is shut off."""
        for flags in (CHILDREN_ONLY, CHILDREN):
            self.made("childrenmixed-%d" % flags, 1, run=False)
            memory = os.path.join(self.daemon.path("img", self.name), "memory")
            make = self.domain.snapshotCreateXML
            make(SNAPSHOT % ("off", ""), DISK_ONLY)
            make(SNAPSHOT % ("ioff", ""))
            self.domain.createWithFlags(START_PAUSED)
            make(SNAPSHOT % ("inside", ""))
            make(SNAPSHOT % ("memory", "<memory snapshot='external' file='%s'/>" % memory))
            make(SNAPSHOT % ("disks", ""), DISK_ONLY)
            self.domain.resume()                # QEMU writes the state of a guest once only
            self.domain.suspend()
            make(SNAPSHOT % ("last", ""))
            before = self.held()
            self.delete("inside", CHILDREN)
            self.equal(self.tree(), ({"off": None, "ioff": "off"}, "ioff"), "internal and external ones, running")
            self.ok(not os.path.exists(memory), "the memory file has gone (08/S8.7)")
            self.stays(before, "internal and external ones, running")
            self.delete("off", flags)
            self.equal(self.tree(), ({"off": None}, "off") if flags == CHILDREN_ONLY else ({}, None), "and off")
            self.stays(before, "the rest, shut off")
            self.gone()

    def test_childrenmetadata(self):
        self.branches("childrenmetadata", False)
        before = self.sums()
        self.delete("s2", METADATA | CHILDREN)
        self.equal(self.tree(), ({"s1": None, "s4": "s1"}, "s4"), "METADATA_ONLY and CHILDREN")
        self.delete("s1", METADATA | CHILDREN_ONLY)
        self.equal((self.tree(), self.sums()), (({"s1": None}, "s1"), before), "and CHILDREN_ONLY: no file is touched")
        self.gone()

    def unchanged(self, name, flags, code, text, what):
        def state():
            return self.sums(), self.tree(), self.marks(), [self.chain(f) for f in (0, INACTIVE)]
        before = state()
        self.refused(lambda: self.delete(name, flags), code, text, what)
        self.equal(state(), before, what + ": nothing has changed")

    def test_childrenrefused(self):
        """One of them cannot go: none does."""
        unsupported = libvirt.VIR_ERR_OPERATION_UNSUPPORTED
        self.made("childrenrefused", run=False)
        clone = os.path.join(os.path.dirname(self.paths["vda"][0]), "clone")
        qemu_img("create", "-q", "-f", "qcow2", "-b", self.paths["vda"][1], "-F", "qcow2", clone)
        other = self.conn.defineXML(plain.domain("clone", [plain.disk("vda", clone)]))
        for flags in (CHILDREN, CHILDREN_ONLY):
            self.unchanged("s1", flags, unsupported, "snapshot 's2' cannot be deleted: image '%s' cannot be changed or "
                           "removed: domain 'clone' uses it" % self.paths["vda"][1], "another domain, %d" % flags)
        other.undefine()
        os.unlink(clone)
        for n in (3, 1):                # what goes first, and what goes last: all are looked at before
            other = self.conn.defineXML(plain.domain("other", [plain.disk("vda", self.paths["vda"][n])]))
            self.unchanged("s1", CHILDREN, unsupported, "domain 'other' uses it", "another domain has image %d" % n)
            other.undefine()
        qemu_img("snapshot", "-c", "by hand", self.paths["vda"][1])
        self.unchanged("s1", CHILDREN, unsupported, "it holds internal snapshots", "an internal snapshot")
        qemu_img("snapshot", "-d", "by hand", self.paths["vda"][1])
        qemu_img("resize", "-q", self.paths["vda"][0], "+1M")
        self.unchanged("s1", CHILDREN, unsupported, "top '%s' is smaller" % self.paths["vda"][1], "an image that is "
                       "larger than what is over it")
        qemu_img("resize", "-q", "--shrink", self.paths["vda"][0], "-1M")
        self.domain.create()
        self.domain.managedSave()
        self.unchanged("s1", CHILDREN, libvirt.VIR_ERR_OPERATION_INVALID, "has a managed save image", "a saved guest")
        self.domain.managedSaveRemove()
        self.domain.createWithFlags(START_PAUSED)
        self.domain.blockPull("vda", 1, libvirt.VIR_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES)
        self.refused(lambda: self.delete("s1", CHILDREN_ONLY), unsupported, "there is another active block job",
                     "07/G1.15")
        self.domain.blockJobAbort("vda")
        jobs.wait_gone(self.domain, "vda")
        self.refused(lambda: self.delete("s1", CHILDREN | CHILDREN_ONLY), libvirt.VIR_ERR_INVALID_ARG,
                     "mutually exclusive", "both words")
        self.gone()

    # --- branches -----------------------------------------------------------------------------------------------------

    def test_outside(self):
        """08/S10.4: a snapshot with a child on a branch that the guest is not on: what the child stands on has gone."""
        for run in (True, False):
            what = "outside, with a child, running: %s" % run
            self.branches("outside-%d" % run, run, ("vda", "vdb") if run else ("vda",))
            before = self.held()
            self.delete("s2")
            self.equal(self.tree(), ({"s1": None, "s3": "s1", "s4": "s1"}, "s4"), what)
            self.ok("vda.1" not in self.files() and "vda.2" in self.files(), what + ": its images have gone")
            self.equal(backing(self.paths["vda"][2]), self.paths["vda"][0], what + ": what is below its child's image")
            self.stays(before, what)
            self.revert("s3")
            self.equal(holds(self.chain(INACTIVE)[0], range(3)), None, what + ": the child can be gone back to")
            self.gone()

    def recorded(self, path):
        """Where the bitmap b of the image says that something was written, in clusters of 64 KiB."""
        device = "driver=qcow2,file.driver=file,file.filename=" + path
        with tempfile.TemporaryDirectory() as folder:
            socket, pid = os.path.join(folder, "nbd"), os.path.join(folder, "pid")
            subprocess.run(["qemu-nbd", "--fork", "--pid-file", pid, "-r", "-B", "b", "-k", socket, "--image-opts",
                            device], check=True)
            done = subprocess.run(["qemu-img", "map", "--output=json", "--image-opts", "driver=nbd,server.type=unix,"
                                   "server.path=%s,x-dirty-bitmap=qemu:dirty-bitmap:b" % socket],
                                  check=True, stdout=subprocess.PIPE, text=True)
        dirty = [x for x in json.loads(done.stdout) if not x["data"]]
        return sorted(n for x in dirty for n in range(x["start"] >> 16, (x["start"] + x["length"]) >> 16))

    def test_upwards(self):
        """20/B16: what the bitmap of an image has recorded that goes is in those of all images that stand on it."""
        self.branches("upwards", False)
        second = self.paths["vda"][0][:-1] + "second"
        qemu_img("create", "-q", "-f", "qcow2", "-b", self.paths["vda"][1], "-F", "qcow2", second)
        self.daemon.own(second)
        self.paths["vda"] += [second, second + ".none"]
        self.redefine("s5", "s2", 4)
        overs = self.paths["vda"][2], second
        # what is written below is what is there anyhow, so it is not copied, which would be recorded as well
        for n, path in ((0, self.paths["vda"][1]), (2, overs[0]), (3, overs[1])):
            qemu_img("bitmap", "--add", path, "b")
            qemu_io(path, "qcow2", "write -P %d %dM 64k" % (n, 20 + n))
        self.domain.createWithFlags(START_PAUSED)
        before = self.held()
        self.delete("s2")
        held = self.held()
        self.equal({k: v for k, v in held.items() if k in before}, {k: before[k] for k in held}, "each moment")
        self.equal([backing(path) for path in overs], [self.paths["vda"][0]] * 2, "what both stand on")
        self.equal([self.recorded(path) for path in overs], [[*range(16, 32), 320, n] for n in (352, 368)],
                   "both bitmaps have it, and what was copied")
        self.gone()

    def test_lostbitmap(self):
        """A bitmap that cannot be used any more, because whoever had the image open was killed, is named in the log."""
        self.made("lostbitmap", 2, run=False)
        for path in self.paths["vda"][:2]:
            qemu_img("bitmap", "--add", path, "b")
        writer = subprocess.Popen(["qemu-io", "-f", "qcow2", self.paths["vda"][0]], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        writer.stdin.write("write -P 0 0 64k\n")
        writer.stdin.flush()
        writer.stdout.readline()
        writer.kill()
        writer.communicate()
        before = self.held()
        self.delete("s1")
        self.stays(before, "without the bitmap")
        with open(self.daemon.log_host, encoding="utf-8") as f:
            self.ok("dirty bitmap 'b' of '%s' cannot be used" % self.paths["vda"][0] in f.read(), "the log names it")
        self.gone()

    def test_crossing(self):
        """The image of the moment, or its overlay, has another overlay on a branch that the guest is not on."""
        for run in (True, False):
            for name, tree in (("s2", ({"s1": None, "s3": "s1"}, "s1")), ("s1", ({"s2": None, "s3": "s2"}, "s2"))):
                what = "%s, where the branches part, running: %s" % (name, run)
                self.crossing("crossing-%s-%d" % (name, run), run, ("vda", "vdb") if run else ("vda",))
                before = self.held()
                self.delete(name)
                self.equal(self.tree(), tree, what)
                self.stays(before, what)
                for other in sorted(set(tree[0]) - {name}):
                    self.revert(other)
                    self.equal(content(self.chain(INACTIVE)[0]), before[other]["vda"], what + ": back to " + other)
                self.gone()

    def test_stated(self):
        """The definition of a snapshot on another branch is believed: it is true before the image below changes."""
        self.stated("stated-running", True)
        before = self.believed("s3")
        self.daemon.die_at("job-complete", -1)
        suite.code(self.delete, "s2")
        self.ok(self.daemon.died() is not None, "the daemon dies when the images are merged, and s2 is not yet deleted")
        self.again()
        jobs.wait_gone(self.domain, "vda")
        self.equal(self.believed("s3"), before, "the other branch's chain, as its definition states it")
        self.delete("s2")
        self.equal((self.tree()[0], self.believed("s3")), ({"s1": None, "s3": "s1"}, before), "and once more")
        self.gone()
        if not self.daemon.can_fail():
            return self.out.skip("stated", "the module has no debug_checks")
        self.stated("stated-off", False)
        before, n, paths = self.believed("s3"), 0, self.paths["vda"]
        qemu_img("rebase", "-u", "-b", paths[0], "-F", "qcow2", paths[2])
        self.unchanged("s2", 0, libvirt.VIR_ERR_OPERATION_UNSUPPORTED, "names '%s', not '%s'" % (paths[0], paths[1]),
                       "the other branch's header has never named the image that its definition states")
        qemu_img("rebase", "-u", "-b", paths[1], "-F", "qcow2", paths[2])
        while "s2" in self.tree()[0] and n < 20:
            n += 1
            self.daemon.fail("save-sync:%d" % n)
            code = suite.code(self.delete, "s2")
            self.daemon.fail(None)
            self.equal(self.believed("s3"), before, "a file cannot be saved, %d: %d" % (n, code))
        self.equal(self.tree()[0], {"s1": None, "s3": "s1"}, "shut off: deleted")
        self.gone()

    def test_branchesrefused(self):
        unsupported, paths = libvirt.VIR_ERR_OPERATION_UNSUPPORTED, None
        self.branches("branchesrefused", False)
        paths = self.paths["vda"]
        self.unchanged("s1", 0, unsupported, "image '%s' has several overlays" % paths[0],
                       "nothing is below the image: all of it would have to be copied")
        clone = os.path.join(os.path.dirname(paths[0]), "clone")
        qemu_img("create", "-q", "-f", "qcow2", "-b", paths[2], "-F", "qcow2", clone)
        other = self.conn.defineXML(plain.domain("clone", [plain.disk("vda", clone)]))
        self.unchanged("s2", 0, unsupported, "domain 'clone' uses it", "another domain")
        other.undefine()
        os.unlink(clone)
        qemu_img("snapshot", "-c", "by hand", paths[2])
        self.unchanged("s2", 0, unsupported, "'%s' cannot be changed or removed: it holds internal" % paths[2],
                       "an internal snapshot in what stands on it")
        qemu_img("snapshot", "-d", "by hand", paths[2])
        qemu_img("resize", "-q", paths[2], "+1M")
        self.unchanged("s2", 0, unsupported, "is larger than '%s'" % paths[1], "what stands on it is larger")
        qemu_img("resize", "-q", "--shrink", paths[2], "-1M")
        if self.daemon.can_fail():
            for n in (6, 8):
                self.daemon.fail("qemu-img:%d+" % n)
                self.unchanged("s2", 0, libvirt.VIR_ERR_OPERATION_FAILED, "fault", "qemu-img fails, %d" % n)
                self.daemon.fail(None)
        os.rename(paths[2], paths[2] + ".away")
        self.refused(lambda: self.delete("s2"), unsupported, "it is not there", "what stands on it is missing")
        os.rename(paths[2] + ".away", paths[2])
        self.gone()

    # --- who has an image ---------------------------------------------------------------------------------------------

    def test_links(self):
        """Images are the same when they are the same file, by whatever name: of another domain, and of snapshots."""
        self.made("links", run=False)
        folder = os.path.dirname(self.paths["vda"][0])
        link, hard = folder + "-link", folder + "-hard"
        os.symlink(folder, link)
        for how, make in (("a hard link", os.link), ("a symbolic link", os.symlink)):
            make(self.paths["vda"][1], hard)
            other = self.conn.defineXML(plain.domain("other", [plain.disk("vda", hard)]))
            for name in ("s1", "s2"):
                self.unchanged(name, 0, libvirt.VIR_ERR_OPERATION_UNSUPPORTED, "domain 'other' uses it",
                               "another domain has %s to the image, %s" % (how, name))
            other.undefine()
            os.unlink(hard)
        self.delete("s2", METADATA | CHILDREN)
        self.redefine("s2", "s1", 1, domain=self.xml(1).replace(folder, link),
                      disks=OVERLAY % ("vda", os.path.join(link, "vda.2")))
        before = self.held()
        self.delete("s1")
        self.equal(os.path.realpath(self.moment("s2")), self.paths["vda"][0], "its child names the image by a link")
        self.stays(before, "a child that names images by a link")
        self.delete("s2")
        self.equal(below(self.chain(INACTIVE)[0]), [self.paths["vda"][n] for n in (3, 0)], "and it can be deleted")
        self.gone()

    def test_meanwhile(self):
        """Another domain takes the overlay while it is merged: it stays."""
        self.made("meanwhile", targets=("vda", "vdb"))
        thread, pid = self.stands()
        other = self.conn.defineXML(plain.domain("other", [plain.disk("vda", self.paths["vda"][3])]))
        os.kill(pid, signal.SIGCONT)
        self.equal(thread.end(), 0, "the snapshot is deleted")
        self.equal([name for name in ("vda.3", "vdb.3") if name in self.files()], ["vda.3"],
                   "what another domain has by then stays, the rest goes")
        other.undefine()
        self.gone()

    def test_unknown(self):
        """Who has which image cannot be known any more when files are to go: the snapshot stays, for a second call."""
        self.made("unknown", targets=("vda", "vdb"), run=False)
        self.delete("s3", METADATA)
        self.redefine("s3", "s2", 2, disks=OVERLAY % ("vda", self.paths["vda"][3]) + "<disk name='vdb' snapshot='no'/>")
        self.daemon.die_at("-", 6, signal.SIGSTOP)
        thread = Waiting(lambda: suite.code(self.delete, "s3"))
        self.equal(self.daemon.died(), "fsync /etc/libvirt/qemu", "the images are merged, and the definition is saved")
        os.rename(self.paths["vdb"][0], self.paths["vdb"][0] + ".away")
        self.daemon.ask(do="signal", pid=self.daemon.pid, signal=int(signal.SIGCONT))
        self.ok(thread.end() not in (0, None), "an image of another disk is missing: the deletion fails")
        self.equal((self.is_marked("s3"), "vda.3" in self.files()), (True, True), "the snapshot and the file are there")
        os.rename(self.paths["vdb"][0] + ".away", self.paths["vdb"][0])
        self.delete("s3")
        self.equal(self.tree(), ({"s1": None, "s2": "s1"}, "s2"), "once more")
        self.whole("once more", {"vda": ["vda.2", "vda.1", "vda.0"],
                                  "vdb": ["vdb.3", "vdb.2", "vdb.1", "vdb.0"]})
        self.gone()

    # --- failures -----------------------------------------------------------------------------------------------------

    def test_childrenfaults(self):
        """What fails in the middle leaves the rest for the same call."""
        if not self.daemon.can_fail():
            return self.out.skip("childrenfaults", "the module has no debug_checks")
        for where in ("qemu-img:14", "save-sync:5"):
            self.made("childrenfaults-" + where.replace(":", ""), run=False)
            before = self.held()
            self.daemon.fail(where + "+" if where.startswith("qemu") else where)
            self.equal(suite.code(self.delete, "s1", CHILDREN) == 0, False, where + ": it fails")
            self.daemon.fail(None)
            left = self.tree()[0]
            self.ok("s1" in left, where + ": what was asked for is still there", left)
            self.equal(self.held()["now"], before["now"], where + ": the guest's data")
            self.delete("s1", CHILDREN)
            self.equal(self.tree(), ({}, None), where + ": once more")
            self.stays(before, where)
            self.gone()

    def test_unanswered(self):
        """QEMU does what it is told, and its answer is lost: a merge that may run is called off, and a moment whose
        image it may have changed is given up."""
        if not self.daemon.can_fail():
            return self.out.skip("unanswered", "the module has no debug_checks")
        for name, tree in (("s3", {"s1": None, "s2": "s1"}), ("s2", {"s1": None, "s3": "s1"})):
            lost, good = 0, 0
            while good < 2:             # the last answers are not asked for
                lost += 1
                self.made("unanswered-%s-%d" % (name, lost))
                before, what = self.held(), "%s, answer %d is lost" % (name, lost)
                self.daemon.fail("qmp-answer:%d" % lost)
                good += suite.code(self.delete, name) == 0
                self.daemon.fail(None)
                self.ok(jobs.wait_for(lambda: not self.domain.blockJobInfo("vda"), 20), what + ": no job is left")
                self.intact(before, what)
                self.delete(name) if name in self.tree()[0] else None
                self.equal(self.tree()[0], tree, what + ": deleted, if need be by a second call")
                self.stays(before, what)
                self.gone()
        return None

    def test_copyends(self):
        """virDomainAbortJob, and the end of QEMU, while qemu-img copies into the image of another branch."""
        if not self.daemon.can_fail():
            return self.out.skip("copyends", "the module has no debug_checks")
        for what, code, end in (
                ("called off", libvirt.VIR_ERR_OPERATION_ABORTED, lambda: self.domain.abortJob()),
                ("QEMU dies", libvirt.VIR_ERR_OPERATION_INVALID,
                 lambda: os.kill(self.daemon.qemu_pid(self.name), signal.SIGKILL))):
            self.branches("copyends-%d" % code, True)
            before, begun = self.held(), len(self.daemon.log_text())
            self.daemon.fail("img-hang:1+")
            thread = Waiting(lambda: suite.code(self.delete, "s2"))
            self.ok(jobs.wait_for(lambda: "fault at img-hang" in self.daemon.log_text()[begun:], 20),
                    what + ": qemu-img is at it")
            self.equal(self.domain.jobStats().get("operation"), libvirt.VIR_DOMAIN_JOB_OPERATION_SNAPSHOT_DELETE,
                       what + ": it is shown")
            end()
            self.equal(thread.end(), code, what + ": the call ends")
            self.daemon.fail(None)
            self.ok(self.is_marked("s2"), what + ": the snapshot is marked")
            self.intact(before, what)
            self.delete("s2")
            self.equal(self.tree(), ({"s1": None, "s3": "s1", "s4": "s1"}, "s4"), what + ": once more")
            self.stays(before, what)
            self.gone()

    def test_daemonends(self):
        """The daemon dies, or is stopped, while qemu-img copies or merges: that ends with it, and what it was at is old
        or new."""
        kill, stop = self.daemon.kill, self.daemon.stop
        for kind, word, run, ends in (("outside", "rebase", True, (kill, stop)), ("inside", "commit", False, (kill,))):
            make, name, flags, left = self.KINDS[kind]
            for end in ends:
                what = "%s of '%s', running: %s, %s" % (word, kind, run, end.__name__)
                make(self, "daemonends-%s-%d-%s" % (kind, run, end.__name__), run)
                before = self.held()
                self.daemon.hold(word)
                thread = Waiting(lambda: suite.code(self.delete, name, flags))
                self.ok(jobs.wait_for(self.daemon.is_held, 20), what + ": qemu-img is at it")
                end()
                thread.end()
                self.ok(jobs.wait_for(lambda: not self.daemon.is_held(), 20), what + ": it has ended with the daemon")
                os.unlink(self.daemon.held)
                self.again()
                self.ok(self.is_marked(name), what + ": the snapshot is marked")
                self.intact(before, what)
                self.delete(name, flags)
                self.equal(self.tree(), left, what + ": once more")
                self.stays(before, what)
                self.gone()

    def dies(self, kind, n):
        """The daemon dies at that step of a deletion; False: it did not come to it."""
        make, name, flags, left = self.KINDS[kind.split("-")[0]]
        make(self, "dies-%s-%d" % (kind, n), kind.endswith("running"))
        before = self.held()
        self.daemon.die_at("-", n)
        suite.code(self.delete, name, flags)
        step = self.daemon.died(timeout=0.5 if self.daemon.alive() else 20)
        what = "%s, dies at %d: %s" % (kind, n, step)
        if step is not None:
            self.again()
            self.intact(before, what)
            self.delete(name, flags) if name in self.tree()[0] else None
        self.equal(self.tree(), left, what + ": deleted, if need be by a second call")
        self.stays(before, what)
        self.gone()
        return step is not None

    def intact(self, before, what):
        """The guest's data, and each moment that is not marked as being given up, whatever has died."""
        jobs.wait_for(lambda: not self.domain.isActive() or not self.domain.blockJobInfo("vda", 0), 20)
        held = self.held_now(before)
        self.equal(held, {name: before[name] for name in held}, what + ": old or new, each of them")

    def held_now(self, before):
        marked = {s.getName() for s in self.domain.listAllSnapshots() if self.is_marked(s.getName())}
        found = {"now": {t: content(self.chain(0, t)[0]) for t in self.paths}}
        for name in self.tree()[0]:
            if name not in marked and name in before:
                found[name] = {t: content(self.moment(name, t)) for t in self.paths}
        return found

    def is_marked(self, name):
        with open(self.daemon.metadata(self.name, name)) as f:
            return "snapshotDeleteInProgress" in f.read()

    KINDS = {
        "children": (branches, "s1", CHILDREN, ({}, None)),
        "outside": (branches, "s2", 0, ({"s1": None, "s3": "s1", "s4": "s1"}, "s4")),
        "inside": (crossing, "s2", 0, ({"s1": None, "s3": "s1"}, "s1")),
        "below": (crossing, "s1", 0, ({"s2": None, "s3": "s2"}, "s2")),
    }

    def test_dies(self):
        for kind, steps in (("children-running", (12, 40)), ("children-off", (8, 22)), ("outside-off", (4, 7)),
                            ("outside-running", (5,)), ("inside-running", (8,)), ("inside-off", (6,)),
                            ("below-running", (8,)), ("below-off", (9,))):
            for n in steps:
                self.dies(kind, n)

    def test_sweep(self):
        """Each step."""
        for kind in self.KINDS:
            for word in ("running", "off"):
                for n in range(400):
                    if not self.dies("%s-%s" % (kind, word), n):
                        break


if __name__ == "__main__":
    sys.exit(suite.main("deletions", __doc__, Deletions, modes=("system",), kind=DeletionsDaemon,
                        ours="the stock driver deletes no children of external snapshots"))
