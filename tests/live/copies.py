#!/usr/bin/python3
"""A guest writes while its disks are copied: pivots, aborts, refusals, and a daemon that is killed with a copy running,
ready, and in the middle of a pivot. In the end every block it was told is safe must be in the image that the definition
names, and the layers' own data as well."""

import os
import signal
import sys
import threading

import libvirt

import jobs
import plain
import suite
from guest import read_image
from images import info, qemu_img
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
        ("a destination in the network", libvirt.VIR_ERR_OPERATION_UNSUPPORTED, "of type 'network' is not supported",
         ("vda", "<disk type='network'><driver type='raw'/><source protocol='nbd' name='x'><host name='h' port='1'/>"
          "</source></disk>", {}, TRANSIENT)),
        ("a missing folder", libvirt.VIR_ERR_SYSTEM_ERROR, "failed to create copy target",
         ("vda", destination("/nonexist/new"), {}, TRANSIENT)),
        ("a disk that is not there", libvirt.VIR_ERR_INVALID_ARG, "disk 'vdz' not found in domain",
         ("vdz", destination(new), {}, TRANSIENT)),
    ]


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


class Test(suite.DaemonChecks):
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
        def pivot(domain, target):
            try:
                domain.blockJobAbort(target, PIVOT)
            except libvirt.libvirtError:
                pass

        threads = [threading.Thread(target=pivot, args=(run.domain, t)) for t in targets]
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
        xml, paths = plain.chain_domain(self.daemon, "refused")
        domain = self.conn.defineXML(xml)
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
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
        domain.destroy()
        domain.undefine()


def run(out, args, mode):
    suite.run_with_daemon(out, args, mode, Test, args.names)


if __name__ == "__main__":
    sys.exit(suite.main("copies", __doc__, Test, run, ("system",)))
