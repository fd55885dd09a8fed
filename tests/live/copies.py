#!/usr/bin/python3
"""A guest writes while its disks are copied: pivots, aborts, refusals, and a daemon that is killed with a copy running,
ready, and in the middle of a pivot. In the end every block it was told is safe must be in the image that the definition
names, and the layers' own data as well."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time

import libvirt

import jobs
import jobtest
import plain
import suite
from faults import FaultDaemon
from guest import read_image
from images import info, make_chain, qemu_img, qemu_io
from jobtest import ACTIVE, PAUSED, fill, holds
from netserver import Nbdkit, NbdkitTcp, Tgt, bring_up_loopback
from writes import MIB, PIVOT, Run

SHALLOW = libvirt.VIR_DOMAIN_BLOCK_COPY_SHALLOW
REUSE = libvirt.VIR_DOMAIN_BLOCK_COPY_REUSE_EXT
TRANSIENT = libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB
SYNCHRONOUS = libvirt.VIR_DOMAIN_BLOCK_COPY_SYNCHRONOUS_WRITES
SIZE = 64 * MIB


def destination(path, fmt=None, kind="file", more=""):
    driver = "<driver type='%s'/>" % fmt if fmt else ""
    return "<disk type='%s'>%s<source %s='%s'/>%s</disk>" % (kind, driver, "dev" if kind == "block" else "file", path,
                                                           more)


def refusals(new, small, full, own):
    """(what, error, its words, arguments): @new is not there, @small too small, @full no image, @own of the disk."""
    return [
        ("a persistent domain", libvirt.VIR_ERR_OPERATION_INVALID, "domain is not transient",
         ("vda", destination(new), {}, 0)),
        ("a relative path", libvirt.VIR_ERR_INVALID_ARG, "absolute path must be used as block copy target",
         ("vda", destination("foo.img"), {}, TRANSIENT)),
        ("a missing file", libvirt.VIR_ERR_SYSTEM_ERROR, "missing destination file for disk vda: " + new,
         ("vda", destination(new), {}, TRANSIENT | REUSE)),
        ("a missing device", libvirt.VIR_ERR_SYSTEM_ERROR, "missing destination file for disk vda",
         ("vda", destination("/dev/nonexist", None, "block"), {}, TRANSIENT)),
        ("a file with content", libvirt.VIR_ERR_CONFIG_UNSUPPORTED, "already exists and is not a block device: " + full,
         ("vda", destination(full), {}, TRANSIENT)),
        ("a file as a block device", libvirt.VIR_ERR_INVALID_ARG, "is not a block device",
         ("vda", destination(full, None, "block"), {}, TRANSIENT | REUSE)),
        ("a shallow copy into a raw file", libvirt.VIR_ERR_CONFIG_UNSUPPORTED, "into a raw file is not possible",
         ("vda", destination(new, "raw"), {}, TRANSIENT | SHALLOW)),
        ("a granularity of 3", libvirt.VIR_ERR_INVALID_ARG, "granularity must be power of 2",
         ("vda", destination(new), {"granularity": 3}, TRANSIENT)),
        ("a granularity of 256", libvirt.VIR_ERR_INVALID_ARG, "granularity must be between",
         ("vda", destination(new), {"granularity": 256}, TRANSIENT)),
        ("an unknown parameter", libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED, "parameter 'foo' not supported",
         ("vda", destination(new), {"foo": 1}, TRANSIENT)),
        ("another element", libvirt.VIR_ERR_XML_ERROR, "expecting root element of 'disk', not 'foo'",
         ("vda", "<foo/>", {}, TRANSIENT)),
        ("a disk without source", libvirt.VIR_ERR_NO_SOURCE, "", ("vda", "<disk type='file'/>", {}, TRANSIENT)),
        ("a destination of another size", libvirt.VIR_ERR_INVALID_ARG, "bytes large",
         ("vda", destination(small, "qcow2"), {}, TRANSIENT | REUSE)),
        ("an image that is none", libvirt.VIR_ERR_INVALID_ARG, "is not an image of format 'qcow2'",
         ("vda", destination(full, "qcow2"), {}, TRANSIENT | REUSE)),
        ("the disk's own image", libvirt.VIR_ERR_INVALID_ARG, "is an image of disk 'vda' itself",
         ("vda", destination(own, "qcow2"), {}, TRANSIENT | REUSE)),
        ("a backing chain of a full copy", libvirt.VIR_ERR_INVALID_ARG, "backingStore of mirror without",
         ("vda", destination(new, "qcow2", "file", "<backingStore type='file'><format type='raw'/><source file='/b'/>"
                             "</backingStore>"), {}, TRANSIENT)),
        ("a destination in the network", libvirt.VIR_ERR_OPERATION_UNSUPPORTED, "no image is made in the network yet",
         ("vda", "<disk type='network'><driver type='raw'/><source protocol='nbd' name='x'><host name='h' port='1'/>"
          "</source></disk>", {}, TRANSIENT)),
        ("a missing folder", libvirt.VIR_ERR_SYSTEM_ERROR, "failed to create copy target",
         ("vda", destination("/nonexist/new"), {}, TRANSIENT)),
        ("a disk that is not there", libvirt.VIR_ERR_INVALID_ARG, "disk 'vdz' not found in domain",
         ("vdz", destination(new), {}, TRANSIENT)),
    ]


def mirrors(xml):
    """The images of vda's mirror, top first."""
    element, paths = jobs.disk_element(xml, "vda").find("mirror"), []
    while element is not None and element.find("source") is not None:
        paths.append(jobs.source_of(element))
        element = element.find("backingStore")
    return paths


def quietly(function, *args):
    try:
        function(*args)
    except libvirt.libvirtError:
        pass


class Copies(Run):
    def target(self, disk, create=None, size=SIZE):
        """The path of a destination for @disk; @create: its format, when it is there before."""
        path = os.path.join(os.path.dirname(self.disks[disk].top), disk + ".copy")
        if create:
            qemu_img("create", "-q", "-f", create, path, str(size))
            self.daemon.own(path)
        return path

    def copy(self, disk, path, fmt=None, params=None, flags=0):
        self.domain.blockCopy(disk, destination(path, fmt), params or {}, flags | TRANSIENT)

    def pivoted(self, *targets):
        for target in targets:
            self.domain.blockJobAbort(target, PIVOT)
            self.event(target, "completed")

    def ended(self, *targets):
        for target in targets:
            self.domain.blockJobAbort(target, 0)
            self.event(target, "canceled")


class Test(jobtest.JobChecks):
    def run_of(self, name, targets):
        run = Copies(self.out, self.daemon, self.guest, name, targets)
        run.writing("at the start")
        return run

    def test_jobs(self):
        """Copies of each kind, side by side."""
        run = self.run_of("copies", ["vda", "vdb", "vdc", "vdd", "vde"])
        d, dom = run.disks, run.domain
        to = {t: run.target(t) for t in ("vda", "vdc", "vdd", "vde")}
        to["vdb"] = run.target("vdb", "raw")
        run.copy("vda", to["vda"], "qcow2")
        run.copy("vdb", to["vdb"], "raw", {"granularity": 65536, "buf-size": MIB, "bandwidth": 1 << 30}, REUSE)
        run.copy("vdc", to["vdc"], None, {}, SHALLOW)
        run.copy("vdd", to["vdd"], "raw", {}, SYNCHRONOUS)
        run.copy("vde", to["vde"], "qcow2", {"bandwidth": 1000})
        run.equal(run.mirror("vde"), ("copy", None, to["vde"]), "the mirror of a running copy")
        for target in ("vda", "vdb", "vdc", "vdd"):
            run.ready(target)
            run.event(target, "ready")
        run.equal(dom.blockJobInfo("vda", 0)["type"], 2, "its type is copy")
        run.writing("while copies are ready")
        run.equal(info(to["vdc"]).get("backing-filename"), d["vdc"].middle, "a shallow copy stands on the image below")
        run.ok(info(to["vda"]).get("backing-filename") is None, "a full one on nothing")
        run.pivoted("vda", "vdc", "vdd")
        run.ended("vdb", "vde")
        run.equal([run.mirror(t) for t in d], [None] * 5, "no mirror is left")
        run.ok(all(os.path.exists(p) for p in to.values()), "no destination was removed")
        run.ok(os.stat(to["vda"]).st_blocks * 512 < SIZE, "a copy of a sparse image is sparse")
        content = read_image(to["vdb"], "raw")
        wrong = [x for x in d["vdb"].data if content[x[1]:x[1] + x[2]] != bytes([x[0]]) * x[2]]
        run.ok(not wrong, "a copy that was ended when it was ready holds the disk's data", lambda: str(wrong))
        dom.blockCommit("vdc", None, None, 0, libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE)
        run.copy("vdb", to["vdb"], "raw", {}, REUSE)
        for target in ("vdb", "vdc"):
            run.ready(target)
            run.pivoted(target)
        run.writing("at the end")
        run.finish({"vda": [to["vda"]], "vdb": [to["vdb"]], "vdc": [d["vdc"].base], "vdd": [to["vdd"]],
                    "vde": d["vde"].paths[::-1]})

    def test_restart(self):
        """The daemon is killed while copies run and are ready, and once more while it pivots: then the definitions
        name whichever image has the guest's writes."""
        run = self.run_of("copies-kill", ["vda", "vdb", "vdc", "vdd"])
        d = run.disks
        to = {t: run.target(t) for t in d}
        run.copy("vda", to["vda"], "qcow2")
        run.copy("vdb", to["vdb"], None, {}, SHALLOW)
        run.copy("vdc", to["vdc"], "raw", {"bandwidth": 1000})
        run.copy("vdd", to["vdd"], "raw")
        for target in ("vda", "vdb", "vdd"):
            run.ready(target)
        run.restart(signal.SIGKILL)
        run.writing("while there is no daemon")
        run.come_back()
        # one that got ready when the daemon was killed is found to be so a moment later
        for target in ("vda", "vdb", "vdd"):
            run.ready(target)
        run.equal([run.mirror(t) for t in d],
                  [("copy", "yes", to["vda"]), ("copy", "yes", to["vdb"]), ("copy", None, to["vdc"]),
                   ("copy", "yes", to["vdd"])], "the mirrors are as before")
        run.pivoted("vdb")
        run.ended("vdc")
        self.killed_pivot(run, ("vda", "vdd"))
        run.writing("at the end")
        run.finish({"vda": None, "vdb": [to["vdb"], d["vdb"].middle, d["vdb"].base], "vdc": d["vdc"].paths[::-1],
                    "vdd": None})
        self.connect()

    def killed_pivot(self, run, targets):
        threads = [threading.Thread(target=quietly, args=(run.domain.blockJobAbort, t, PIVOT)) for t in targets]
        for thread in threads:
            thread.start()
        run.restart(signal.SIGKILL)
        for thread in threads:
            thread.join()
        run.come_back()
        for target in targets:
            if (run.mirror(target) or (0, 0))[1] == "yes":
                run.domain.blockJobAbort(target, PIVOT)
            run.gone(target)

    def test_refused(self):
        """Nothing is begun, made or removed."""
        self.started("refused", 2)
        domain, paths = self.domain, self.paths
        new, small, full = (os.path.join(os.path.dirname(paths[0]), n) for n in ("new", "small", "full"))
        qemu_img("create", "-q", "-f", "qcow2", small, "32M")
        with open(full, "wb") as f:
            f.write(b"x" * 512)
        for what, number, words, args in refusals(new, small, full, paths[0]):
            self.refused(lambda: domain.blockCopy(*args), number, words, "%s is refused" % what)
        self.ok(not os.path.exists(new), "no file was made")
        with open(full, "rb") as f:
            self.equal(f.read(), b"x" * 512, "a file that was there is as it was")
        self.equal((jobs.mirror(domain.XMLDesc(0), "vda"), domain.blockJobInfo("vda", 0)), (None, {}),
                   "nothing has begun")
        self.gone()

    # --- a target that is full -------------------------------------------------------------------------------

    def inside(self, script, path):
        """Runs @script, whose $0 is @path, where the daemon and its QEMUs are; gives what it says."""
        done = subprocess.run([*self.daemon.namespace_prefix(), "sh", "-e", "-c", script, path], check=True,
                              stdout=subprocess.PIPE, text=True)
        return done.stdout.strip()

    def size(self, path):
        return self.inside("stat -c %s $0 2>/dev/null || echo none", path)

    def copied(self, path, fmt, flags=0):
        """How a copy ends, with its pivot when it gets ready."""
        since = self.events.mark()
        self.domain.blockCopy("vda", destination(path, fmt), {}, flags | TRANSIENT)
        event = self.events.wait(lambda e: e[:3] == (self.name, "job2", "vda"), 60, since)
        if event and event[4] == "ready":
            self.domain.blockJobAbort("vda", PIVOT)
        return self.ended(since)

    def waits(self, path, since, when):
        told = self.events.wait(lambda e: e[:2] == (self.name, "error"), 60, since)
        self.equal(told and (told[2], told[5]), (path, "enospc"), "a target that gets full %s is waited for" % when)

    def full_when_ready(self, path, filler):
        """The copy is ready, and then there is no space for what the guest writes."""
        since = self.events.mark()
        self.domain.blockCopy("vda", destination(path, "qcow2"), {}, TRANSIENT)
        self.ok(self.events.wait_job(self.name, "vda", "ready", 60, since), "the next copy gets ready")
        self.inside("fallocate -l $(($(stat -f -c '%a*%S' $(dirname $0)))) $0", filler)
        write = 'qemu-io -d /machine/peripheral/virtio-disk0/virtio-backend "write -P 9 20M 4M"'
        self.daemon.virsh("qemu-monitor-command", self.name, "--hmp", write)
        self.waits(path, since, "afterwards")
        self.refused(lambda: self.domain.blockJobAbort("vda", PIVOT), libvirt.VIR_ERR_BLOCK_COPY_ACTIVE,
                     "is paused: No space left on device", "a pivot while it waits")
        self.inside("rm $0", filler)
        self.ok(jobs.wait_for(self.pivots, 60), "then it is in step again by itself, and the pivot works")
        self.equal(self.ended(since), "completed", "it completes")

    def pivots(self):
        try:
            self.domain.blockJobAbort("vda", PIVOT)
        except libvirt.libvirtError as e:
            if e.get_error_code() != libvirt.VIR_ERR_BLOCK_COPY_ACTIVE:
                raise
            return False
        return True

    def test_full(self):
        """V109, 01/Y24, Y25: the target is full when it is made, and later."""
        self.started("full")
        small = plain.folder(self.daemon, "full/small")
        self.inside("mount -t tmpfs -o size=128k,mode=711 none $0", small)
        new, there = os.path.join(small, "new"), os.path.join(small, "there")
        self.inside("touch $0", there)
        nodes = self.monitor("query-named-block-nodes", flat=True)
        for path in (new, there):
            self.refused(lambda: self.domain.blockCopy("vda", destination(path, "qcow2"), {}, TRANSIENT),
                         libvirt.VIR_ERR_OPERATION_FAILED, "failed to format image: '", "a target that cannot be made")
        self.equal((self.size(new), self.size(there)), ("none", "0"),
                   "the file that was made is gone, the one that was there is empty again")
        self.equal((self.monitor("query-named-block-nodes", flat=True), self.monitor("query-jobs")["return"]),
                   (nodes, []), "QEMU has nothing of them")
        self.inside("mount -o remount,size=2m $0", small)
        since = self.events.mark()
        self.domain.blockCopy("vda", destination(new, "qcow2"), {}, TRANSIENT)
        self.waits(new, since, "while it is copied to")
        self.domain.blockJobAbort("vda")
        self.equal(self.ended(since), "canceled", "it can be given up")
        self.ok(self.size(new) not in ("none", "0"), "what was copied is still there")
        self.equal((jobs.mirror(self.domain.XMLDesc(0), "vda"), self.domain.blockJobInfo("vda"), self.chain()),
                   (None, {}, self.paths[::-1]), "no mirror, no job, the old chain")
        self.inside("mount -o remount,size=64m $0", small)
        self.full_when_ready(there, os.path.join(small, "filler"))
        self.domain.destroy()
        self.inside("cp $0 $0.copy; mv $0.copy %s" % os.path.dirname(small), there)
        wrong = holds(os.path.join(os.path.dirname(small), "there.copy"))
        self.ok(not wrong, "it holds everything", wrong)
        qemu_io(os.path.join(os.path.dirname(small), "there.copy"), "qcow2", "read -P 9 20M 4M")
        self.domain.undefine()

    def test_record(self):
        """That a job has ended is saved when there is room for it: a later daemon would do its end once more."""
        if not self.daemon.can_fail():
            self.out.skip("a record that cannot be saved", "this module cannot fail on demand")
            return
        self.started("record", 2)
        self.domain.blockCopy("vda", destination(self.paths[0] + ".copy"), {}, TRANSIENT)
        recorded = lambda what: what in self.daemon.status_xml("record")  # noqa: E731
        self.ok(jobs.wait_for(lambda: recorded(" ready='yes'"), 20), "the copy gets ready, and is saved so")
        self.daemon.fail("save:2+")                     # after the intent
        self.domain.blockJobAbort("vda", 0)
        self.ok(jobs.wait_for(lambda: "fault at save:2" in self.daemon.log_tail(), 20) and recorded("<qbj:job "),
                "it ends, and the record of it stays in a file that cannot be replaced")
        self.daemon.fail(None)
        self.ok(jobs.wait_for(lambda: not recorded("<qbj:job "), 20), "it goes when that is possible again")
        self.gone()

    def begun(self, path, fmt):
        """The daemon dies when the record says that QEMU is about to write into the empty file @path. Something else
        may be saved at that moment: then once more."""
        for _ in range(3):
            open(path, "wb").close()
            self.daemon.own(path)
            self.daemon.fail("die-save-sync:2")
            code = suite.code(lambda: self.domain.blockCopy("vda", destination(path, fmt), {}, TRANSIENT))
            self.daemon.fail(None)
            if code and "begun" in self.daemon.status_xml("foreign"):
                return True
            self.again()
        return False

    def again(self):
        """The next daemon; whether it has no job any more."""
        self.daemon.start()
        self.connect()
        self.domain = self.conn.lookupByName("foreign")
        return jobs.wait_for(lambda: "<qbj:job " not in (self.daemon.status_xml("foreign") or ""), 20)

    def test_foreign(self):
        """01/Y24: an empty file is to become the copy, and the daemon dies before QEMU is told: what its owner has put
        there by the time that the next daemon starts stays."""
        if not self.daemon.can_fail():
            self.out.skip("a daemon that dies on demand", "this module cannot fail on demand")
            return
        self.started("foreign", 2)
        path = os.path.join(os.path.dirname(self.paths[0]), "there")
        for fmt, written in (("raw", b"x" * 4096), ("raw", b""), ("qcow2", b"image"), ("qcow2", b"")):
            self.ok(self.begun(path, fmt), "a copy to %s is recorded, and the daemon dies" % fmt)
            if written == b"image":
                qemu_img("create", "-q", "-f", "qcow2", path, "64M")
                qemu_io(path, "qcow2", "write -P 7 0 64k")
                written = pathlib.Path(path).read_bytes()
            pathlib.Path(path).write_bytes(written)
            file = os.stat(path).st_ino
            self.ok(self.again(), "the next daemon takes the copy back")
            self.equal(os.path.exists(path) and os.stat(path).st_ino, file, "the %s file that was there stays" % fmt)
            self.ok(pathlib.Path(path).read_bytes() == written,
                    "with the %d bytes that somebody has written into it" % len(written))
        self.gone()

    # --- shallow copies that bring their own images along ------------------------------------------------------

    def guest_writes(self, byte, offset):
        device = "/machine/peripheral/virtio-disk0/virtio-backend"
        self.daemon.virsh("qemu-monitor-command", self.name, "--hmp",
                          'qemu-io -d %s "write -P %d %s 1M"' % (device, byte, offset))

    def moved(self):
        """The lower images in another folder, and an image over them with a relative name; top first."""
        folder = plain.folder(self.daemon, self.name + "/moved")
        names = [os.path.basename(path) for path in self.paths]
        for name, path, below in zip(names[:-1], self.paths, [None] + names):
            shutil.copy(path, folder)
            if below:
                qemu_img("rebase", "-u", "-f", "qcow2", "-b", below, "-F", "qcow2", name, cwd=folder)
        qemu_img("create", "-q", "-f", "qcow2", "-b", names[-2], "-F", "qcow2", "dst", cwd=folder)
        paths = [os.path.join(folder, name) for name in names[:-1] + ["dst"]]
        self.daemon.own(*paths)
        return paths[::-1]

    def nodes(self):
        return sorted(n["node-name"] for n in self.monitor("query-named-block-nodes", flat=True)["return"]
                      if "libvirt-" in n["node-name"])

    def test_shallow(self):
        """V97-V99, 01/Y32: into an image that was there, whose chain comes below it with the pivot."""
        self.started("moved", 4)
        to = self.moved()
        self.refused(lambda: self.domain.blockCopy("vda", destination(self.lost(to)), {}, TRANSIENT | SHALLOW | REUSE),
                     libvirt.VIR_ERR_SYSTEM_ERROR, "Cannot access backing file '/nonexist'",
                     "an image whose backing file is missing")
        nodes = self.nodes()
        self.domain.blockCopy("vda", destination(to[0]), {}, TRANSIENT | SHALLOW | REUSE)
        self.ok(jobs.wait_ready(self.domain, "vda"), "a copy into an image on others gets ready")
        self.equal(mirrors(self.domain.XMLDesc(0)), to, "its mirror shows what it stands on")
        self.equal(len(self.nodes()), len(nodes) + 2, "which QEMU has not opened yet")
        self.domain.blockJobAbort("vda", 0)
        self.equal((self.nodes(), self.chain()), (nodes, self.paths[::-1]), "nothing is left of one that is ended")
        self.domain.blockCopy("vda", destination(to[0], "qcow2"), {}, TRANSIENT | SHALLOW | REUSE)
        jobs.wait_ready(self.domain, "vda")
        self.guest_writes(9, "10M")
        os.rename(to[-1], to[-1] + ".away")
        self.refused(lambda: self.domain.blockJobAbort("vda", PIVOT), libvirt.VIR_ERR_INTERNAL_ERROR,
                     "No such file", "a pivot whose images cannot be opened")
        self.equal(jobs.mirror(self.domain.XMLDesc(0), "vda"), ("copy", "yes", to[0]), "the copy is ready as before")
        os.rename(to[-1] + ".away", to[-1])
        self.daemon.kill()
        self.daemon.start()
        self.connect()
        self.domain = self.conn.lookupByName(self.name)
        jobs.wait_for(self.domain.isActive, 20)
        self.equal(mirrors(self.domain.XMLDesc(0)), to, "so it is for the next daemon")
        self.domain.blockJobAbort("vda", PIVOT)
        self.equal((self.chain(), len(self.nodes())), (to, len(nodes)), "then it pivots, with its chain")
        self.guest_writes(7, "12M")
        self.equal(self.pivoted(to[-1]), "completed", "the next job works")
        self.domain.destroy()
        self.domain.undefine()
        for path in self.paths:
            os.unlink(path)
        wrong = holds(to[-1], range(4))
        self.ok(not wrong, "everything is in the new images", wrong)
        qemu_io(to[-1], "qcow2", "read -P 9 10M 1M", "read -P 7 12M 1M")

    def test_shallow_clusters(self):
        """An image whose header names nothing, with clusters larger than what QEMU copies at once: what is around that
        must not hide the images that the client names."""
        self.started("clusters", 3)
        to = self.moved()
        new = os.path.join(os.path.dirname(to[0]), "large")
        qemu_img("create", "-q", "-f", "qcow2", "-o", "cluster_size=2M", new, "64M")
        self.daemon.own(new)
        own = "<backingStore type='file'><format type='qcow2'/><source file='%s'/></backingStore>" % to[1]
        self.domain.blockCopy("vda", destination(new, "qcow2", "file", own), {}, TRANSIENT | SHALLOW | REUSE)
        self.ok(jobs.wait_ready(self.domain, "vda"), "a copy into an image with large clusters gets ready")
        device = "/machine/peripheral/virtio-disk0/virtio-backend"
        self.daemon.virsh("qemu-monitor-command", self.name, "--hmp", 'qemu-io -d %s "write -P 9 0 64k"' % device)
        self.domain.blockJobAbort("vda", PIVOT)
        self.gone()
        qemu_img("rebase", "-u", "-f", "qcow2", "-b", to[1], "-F", "qcow2", new)
        qemu_io(new, "qcow2", "read -P 9 0 64k", "read -P 1 64k 960k", "read -P 2 1M 1M", "read -P 3 2M 1M")

    def lost(self, to):
        """An image beside those, over one that is not there."""
        path = os.path.join(os.path.dirname(to[0]), "lost")
        qemu_img("create", "-q", "-u", "-f", "qcow2", "-b", "/nonexist", "-F", "qcow2", path, "64M")
        return path

    def test_own_chain(self):
        """V100, 01/Y33: a new image on images that the client names."""
        self.started("own-chain", 3)
        to = self.moved()
        own = "<backingStore type='file'><format type='qcow2'/><source file='%s'/></backingStore>"
        new = os.path.join(os.path.dirname(to[0]), "new")
        written = own % self.paths[-1]
        self.refused(lambda: self.domain.blockCopy("vda", destination(new, "qcow2", "file", written), {},
                                                   TRANSIENT | SHALLOW), libvirt.VIR_ERR_INVALID_ARG,
                     "is written by disk 'vda'", "a chain with an image that the guest writes")
        self.ok(not os.path.exists(new), "no file was made")
        self.domain.blockCopy("vda", destination(new, "qcow2", "file", own % to[1]), {}, TRANSIENT | SHALLOW)
        self.ok(jobs.wait_ready(self.domain, "vda"), "a copy on images of its own gets ready")
        self.equal(mirrors(self.domain.XMLDesc(0)), [new] + to[1:], "its mirror shows them")
        self.guest_writes(9, "10M")
        self.domain.blockJobAbort("vda", PIVOT)
        self.equal(self.chain(), [new] + to[1:], "it pivots")
        self.equal(info(new).get("backing-filename"), to[1], "the header names the image")
        self.gone()
        wrong = holds(new, range(3))
        self.ok(not wrong, "everything is there", wrong)
        qemu_io(new, "qcow2", "read -P 9 10M 1M")

    # --- destinations in the network ---------------------------------------------------------------------------

    def served(self, name, kind, size="64M"):
        """A domain, and a server with an empty raw image: (server, its destination)."""
        self.started(name)
        return self.server(plain.folder(self.daemon, name + "/served"), kind, size)

    def server(self, folder, kind, size):
        image = os.path.join(folder, "image")
        qemu_img("create", "-q", "-f", "raw", image, size)
        server = kind(self.daemon, folder, image)
        return server, "<disk type='network'><driver type='raw'/>%s</disk>" % server.source

    def test_network(self):
        """V90, 03/E2: a copy into what a server has, and its pivot."""
        if not shutil.which("nbdkit"):
            return self.out.skip("a copy to a server", "nbdkit is missing: apt-get install nbdkit")
        server, to = self.served("network", Nbdkit)
        self.refused(lambda: self.domain.blockCopy("vda", to.replace("<driver type='raw'/>", ""), {},
                                                   TRANSIENT | REUSE), libvirt.VIR_ERR_CONFIG_UNSUPPORTED,
                     "reused mirror destination format must be specified", "a server's image without its format")
        self.refused(lambda: self.domain.blockCopy("vda", to, {}, TRANSIENT), libvirt.VIR_ERR_OPERATION_UNSUPPORTED,
                     "REUSE_EXT", "to have an image made on a server")
        nodes = self.nodes()
        since = self.events.mark()
        self.domain.blockCopy("vda", to, {}, TRANSIENT | REUSE)
        self.ok(jobs.wait_ready(self.domain, "vda"), "a copy to a server gets ready")
        self.guest_writes(9, "10M")
        self.domain.blockJobAbort("vda", PIVOT)
        self.equal(self.ended(since), "completed", "it pivots")
        self.equal((self.chain(), self.chain(libvirt.VIR_DOMAIN_XML_INACTIVE), len(self.nodes())),
                   (["exp0"], ["exp0"], len(nodes) - 8), "both definitions name the server")
        self.equal([e[1] for e in self.events.of(self.name)[-2:]][-1], "job2", "its event names no path")
        self.guest_writes(7, "12M")
        self.gone()
        server.kill()
        wrong = holds(server.path, fmt="raw")
        self.ok(not wrong, "everything is on the server", wrong)
        qemu_io(server.path, "raw", "read -P 9 10M 1M", "read -P 7 12M 1M")

    def wrong_size(self, server, to, size):
        nodes = self.nodes()
        self.refused(lambda: self.domain.blockCopy("vda", to, {}, TRANSIENT | REUSE), libvirt.VIR_ERR_INVALID_ARG,
                     "destination '%s' is %d bytes large, but disk 'vda' is %d bytes" % (server.name, size, SIZE),
                     "%s: a destination of another size" % self.name)
        self.equal((self.nodes(), self.monitor("query-jobs")["return"], self.domain.blockJobInfo("vda", 0),
                    jobs.mirror(self.domain.XMLDesc(0), "vda")), (nodes, [], {}, None), "nothing is left of it")

    def test_network_size(self):
        """V92, 01/Y26: what a server has must be as large as the disk. Only QEMU can look at it, and must not be asked
        beside a pull (protocol H3)."""
        if not shutil.which("nbdkit"):
            return self.out.skip("a copy to a server", "nbdkit is missing: apt-get install nbdkit")
        server, to = self.served("network-size", Nbdkit, "32M")
        self.wrong_size(server, to, 32 * MIB)
        os.truncate(server.path, 128 * MIB)
        self.wrong_size(server, to, 128 * MIB)
        os.truncate(server.path, SIZE)
        self.domain.blockCopy("vda", to, {}, TRANSIENT | REUSE)
        self.ok(jobs.wait_ready(self.domain, "vda"), "one of the same size gets ready")
        self.domain.blockJobAbort("vda", 0)
        self.gone()
        server.kill()

    def wrong_size_beside(self, folder):
        """Another disk is being pulled."""
        if not shutil.which("nbdkit"):
            return
        server, to = self.server(folder, Nbdkit, "32M")
        since = self.events.mark()
        self.domain.blockCopy("vda", to, {}, REUSE)
        self.equal(self.ended(since), "failed", "beside a pull a destination of another size is found by QEMU")
        self.equal(jobs.mirror(self.domain.XMLDesc(0), "vda"), None, "nothing is left of it")
        server.kill()

    def test_iscsi_size(self):
        if not shutil.which("tgtd"):
            return self.out.skip("a copy to an iSCSI server", "tgtd is missing: apt-get install tgt")
        bring_up_loopback(self.daemon)
        server, to = self.served("iscsi-size", Tgt, "32M")
        self.wrong_size(server, to, 32 * MIB)
        self.gone()
        server.kill()

    def hung(self, name, flags=0):
        """A copy that is ready, to a server that stops, and then the guest writes; gives the server."""
        bring_up_loopback(self.daemon)
        server, to = self.served(name, NbdkitTcp)
        self.domain.blockCopy("vda", to, {}, TRANSIENT | REUSE | flags)
        self.ok(jobs.wait_ready(self.domain, "vda"), "%s: the copy is ready" % name)
        server.process.send_signal(signal.SIGSTOP)
        self.guest_writes(9, "10M")
        return server

    def test_hung(self):
        """V120: a copy whose server hangs is ended all the same, and nobody has to wait for that."""
        if not shutil.which("nbdkit") or not self.daemon.can_fail():
            return self.out.skip("a copy to a server that hangs", "needs nbdkit, and a module with debug_checks")
        server = self.hung("hung")
        self.daemon.fail("copy-end:1+")
        since, begun = self.events.mark(), time.monotonic()
        thread = threading.Thread(target=quietly, args=(self.domain.blockJobAbort, "vda", 0))
        thread.start()
        other = self.daemon.connect().lookupByName(self.name)
        self.ok(jobs.wait_for(lambda: jobs.mirror(other.XMLDesc(0), "vda")[1] == "abort", 5), "the XML says abort")
        self.equal(other.blockJobInfo("vda", 0).get("type"), 2, "another client sees the job meanwhile")
        self.ok(thread.is_alive() and time.monotonic() - begun < 20, "while the abort waits for the server")
        thread.join(30)
        self.equal(self.ended(since), "canceled", "after its time the copy is ended by force")
        self.daemon.fail(None)
        self.equal(self.chain(), self.paths[::-1], "the disk is as before")
        self.equal(self.pulled(), "completed", "the next job works")
        server.kill()
        self.gone()

    def test_hung_pivot(self):
        """V117, V118: the server hangs while it pivots, and then it dies."""
        if not shutil.which("nbdkit"):
            return self.out.skip("a copy to a server that hangs", "nbdkit is missing: apt-get install nbdkit")
        server = self.hung("hung-pivot")
        since = self.events.mark()
        self.domain.blockJobAbort("vda", PIVOT | libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_ASYNC)
        self.equal(jobs.mirror(self.domain.XMLDesc(0), "vda")[1], "pivot", "the XML says pivot")
        self.equal(self.domain.blockJobInfo("vda", 0).get("type"), 2, "the job is there")
        self.refused(lambda: self.domain.blockJobAbort("vda", 0), libvirt.VIR_ERR_OPERATION_INVALID,
                     "is still being ended", "a second end")
        self.refused(lambda: self.domain.blockCommit("vda", None, None, 0, ACTIVE), libvirt.VIR_ERR_BLOCK_COPY_ACTIVE,
                     "already in active block job", "a commit")
        server.kill()
        self.equal(self.ended(since), "failed", "then the server dies, and the copy fails")
        self.equal((self.chain(), jobs.mirror(self.domain.XMLDesc(0), "vda")), (self.paths[::-1], None),
                   "the disk is as before")
        self.equal(self.pulled(), "completed", "the next job works")
        self.gone()

    # --- bitmaps, and jobs beside each other -----------------------------------------------------------------

    def test_beside(self):
        """20/B17: each bitmap of the chain comes along; protocol H3: not beside a pull."""
        self.name = "beside"
        folder = plain.folder(self.daemon, self.name)
        chains = {t: make_chain(folder, ["%s.%d" % (t, n) for n in range(2)], fill=fill) for t in ("vda", "vdb")}
        to, other = os.path.join(folder, "copy"), os.path.join(folder, "other")
        qemu_img("create", "-q", "-f", "qcow2", other, "64M")
        qemu_img("bitmap", "--add", other, "c2")
        self.daemon.own(other, *(chains["vda"] + chains["vdb"]))
        self.domain = self.conn.createXML(
            plain.domain(self.name, [plain.disk(t, c[-1]) for t, c in chains.items()]), PAUSED)
        unsupported = libvirt.VIR_ERR_OPERATION_UNSUPPORTED
        self.domain.blockPull("vdb", 1, libvirt.VIR_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES)
        self.refused(lambda: self.domain.blockCopy("vda", destination(other, "qcow2"), {}, REUSE), unsupported,
                     "dirty bitmaps", "beside a pull no image comes in that may have bitmaps")
        self.domain.blockCopy("vda", destination(to, "qcow2"), {}, 0)
        self.ok(jobs.wait_ready(self.domain, "vda"), "where there are none, a copy may stand beside a pull")
        self.domain.blockJobAbort("vda", 0)
        self.wrong_size_beside(folder)
        self.domain.blockJobAbort("vdb", 0)
        node = next(n["node-name"] for n in self.monitor("query-named-block-nodes", flat=True)["return"]
                    if n["file"] == chains["vda"][-1] and n["drv"] == "qcow2")
        self.monitor("block-dirty-bitmap-add", node=node, name="c1", persistent=True)
        self.domain.blockPull("vdb", 1, libvirt.VIR_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES)
        self.refused(lambda: self.domain.blockCopy("vda", destination(to + ".2", "qcow2"), {}, 0), unsupported,
                     "dirty bitmaps", "beside a pull no copy begins where there may be bitmaps")
        self.domain.blockJobAbort("vdb", 0)
        self.equal(self.copied(to + ".2", "qcow2"), "completed", "a copy with a bitmap completes")
        self.domain.destroy()
        found = json.loads(qemu_img("info", "--output=json", to + ".2"))["format-specific"]["data"]["bitmaps"]
        self.equal([(b["name"], b["flags"]) for b in found], [("c1", ["auto"])], "the bitmap is in the copy, and valid")


if __name__ == "__main__":
    sys.exit(suite.main("copies", __doc__, Test, modes=("system",), kind=FaultDaemon))
