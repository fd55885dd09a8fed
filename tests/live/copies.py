#!/usr/bin/python3
"""A guest writes while its disks are copied: pivots, aborts, refusals, and a daemon that is killed with a copy running,
ready, and in the middle of a pivot. In the end every block it was told is safe must be in the image that the definition
names, and the layers' own data as well."""

import os
import signal
import sys
import threading

import libvirt

import options
from daemon import Daemon, DaemonError
from guest import Guest, GuestError, read_image
from images import info, qemu_img
from tap import Tap
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

    def refused(self, what, code, words, *args):
        try:
            self.domain.blockCopy(*args)
        except libvirt.libvirtError as e:
            return self.ok(e.get_error_code() == code and words in str(e), "%s is refused" % what,
                           "%d: %s" % (e.get_error_code(), e))
        return self.ok(False, "%s is refused" % what)


def run_jobs(out, daemon, guest):
    """Copies of each kind, side by side."""
    run = Copies(out, daemon, guest, "copies", ["vda", "vdb", "vdc", "vdd", "vde"])
    d, dom = run.disks, run.domain
    run.writing("at the start")
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
    for target in ("vda", "vdc", "vdd"):
        dom.blockJobAbort(target, PIVOT)
        run.event(target, "completed")
    dom.blockJobAbort("vdb", 0)
    run.event("vdb", "canceled")
    dom.blockJobAbort("vde", 0)
    run.event("vde", "canceled")
    run.equal([run.mirror(t) for t in d], [None] * 5, "no mirror is left")
    run.ok(all(os.path.exists(p) for p in to.values()), "no destination was removed")
    run.ok(os.stat(to["vda"]).st_blocks * 512 < SIZE, "a copy of a sparse image is sparse")
    content = read_image(to["vdb"], "raw")
    wrong = [x for x in d["vdb"].data if content[x[1]:x[1] + x[2]] != bytes([x[0]]) * x[2]]
    run.ok(not wrong, "a copy that was ended when it was ready holds the disk's data", lambda: str(wrong))
    run.writing("after the copies")
    dom.blockCommit("vdc", None, None, 0, libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE)
    run.ready("vdc")
    dom.blockJobAbort("vdc", PIVOT)
    run.copy("vdb", to["vdb"], "raw", {}, REUSE)
    run.ready("vdb")
    dom.blockJobAbort("vdb", PIVOT)
    run.writing("at the end")
    run.finish({"vda": [to["vda"]], "vdb": [to["vdb"]], "vdc": [d["vdc"].base], "vdd": [to["vdd"]],
                "vde": d["vde"].paths[::-1]})


def run_refused(out, daemon, guest):
    """Nothing is begun, made or removed."""
    run = Copies(out, daemon, guest, "refused", ["vda"])
    dom = run.domain
    run.writing("at the start")
    new, small, full = (os.path.join(os.path.dirname(run.disks["vda"].top), n) for n in ("new", "small", "full"))
    qemu_img("create", "-q", "-f", "qcow2", small, "32M")
    with open(full, "wb") as f:
        f.write(b"x" * 512)
    code = libvirt
    cases = [
        ("a persistent domain", code.VIR_ERR_OPERATION_INVALID, "domain is not transient",
         ("vda", destination(new), {}, 0)),
        ("a relative path", code.VIR_ERR_INVALID_ARG, "absolute path must be used as block copy target",
         ("vda", destination("foo.img"), {}, TRANSIENT)),
        ("a missing file", code.VIR_ERR_SYSTEM_ERROR, "missing destination file for disk vda: " + new,
         ("vda", destination(new), {}, TRANSIENT | REUSE)),
        ("a missing device", code.VIR_ERR_SYSTEM_ERROR, "missing destination file for disk vda",
         ("vda", destination("/dev/nonexist", None, "block"), {}, TRANSIENT)),
        ("a file with content", code.VIR_ERR_CONFIG_UNSUPPORTED, "already exists and is not a block device: " + full,
         ("vda", destination(full), {}, TRANSIENT)),
        ("a file as a block device", code.VIR_ERR_INVALID_ARG, "is not a block device",
         ("vda", destination(full, None, "block"), {}, TRANSIENT | REUSE)),
        ("a shallow copy into a raw file", code.VIR_ERR_CONFIG_UNSUPPORTED, "into a raw file is not possible",
         ("vda", destination(new, "raw"), {}, TRANSIENT | SHALLOW)),
        ("a granularity of 3", code.VIR_ERR_INVALID_ARG, "granularity must be power of 2",
         ("vda", destination(new), {"granularity": 3}, TRANSIENT)),
        ("a granularity of 256", code.VIR_ERR_INVALID_ARG, "granularity must be between",
         ("vda", destination(new), {"granularity": 256}, TRANSIENT)),
        ("an unknown parameter", code.VIR_ERR_ARGUMENT_UNSUPPORTED, "parameter 'foo' not supported",
         ("vda", destination(new), {"foo": 1}, TRANSIENT)),
        ("another element", code.VIR_ERR_XML_ERROR, "expecting root element of 'disk', not 'foo'",
         ("vda", "<foo/>", {}, TRANSIENT)),
        ("a disk without source", code.VIR_ERR_NO_SOURCE, "", ("vda", "<disk type='file'/>", {}, TRANSIENT)),
        ("a destination of another size", code.VIR_ERR_INVALID_ARG, "bytes large",
         ("vda", destination(small, "qcow2"), {}, TRANSIENT | REUSE)),
        ("an image that is none", code.VIR_ERR_INVALID_ARG, "is not an image of format 'qcow2'",
         ("vda", destination(full, "qcow2"), {}, TRANSIENT | REUSE)),
        ("the disk's own image", code.VIR_ERR_INVALID_ARG, "is an image of disk 'vda' itself",
         ("vda", destination(run.disks["vda"].base, "qcow2"), {}, TRANSIENT | REUSE)),
        ("a backing chain of a full copy", code.VIR_ERR_INVALID_ARG, "backingStore of mirror without",
         ("vda", destination(new, "qcow2", "file", "<backingStore type='file'><format type='raw'/><source file='/b'/>"
                             "</backingStore>"), {}, TRANSIENT)),
        ("a destination in the network", code.VIR_ERR_OPERATION_UNSUPPORTED, "of type 'network' is not supported yet",
         ("vda", "<disk type='network'><driver type='raw'/><source protocol='nbd' name='x'><host name='h' port='1'/>"
          "</source></disk>", {}, TRANSIENT)),
        ("a missing folder", code.VIR_ERR_SYSTEM_ERROR, "failed to create copy target",
         ("vda", destination("/nonexist/new"), {}, TRANSIENT)),
        ("a disk that is not there", code.VIR_ERR_INVALID_ARG, "disk 'vdz' not found in domain",
         ("vdz", destination(new), {}, TRANSIENT)),
    ]
    for what, number, words, args in cases:
        run.refused(what, number, words, *args)
    run.ok(not os.path.exists(new), "no file was made")
    with open(full, "rb") as f:
        run.equal(f.read(), b"x" * 512, "a file that was there is as it was")
    run.equal((run.mirror("vda"), dom.blockJobInfo("vda", 0)), (None, {}), "nothing has begun")
    run.writing("at the end")
    run.finish({"vda": run.disks["vda"].paths[::-1]})


def run_restart(out, daemon, guest):
    """The daemon is killed while copies run and are ready."""
    run = Copies(out, daemon, guest, "copies-kill", ["vda", "vdb", "vdc"])
    d, dom = run.disks, run.domain
    run.writing("at the start")
    to = {t: run.target(t) for t in d}
    run.copy("vda", to["vda"], "qcow2")
    run.copy("vdb", to["vdb"], None, {}, SHALLOW)
    run.copy("vdc", to["vdc"], "raw", {"bandwidth": 1000})
    run.ready("vda")
    run.ready("vdb")
    run.restart(signal.SIGKILL)
    run.writing("while there is no daemon")
    run.come_back()
    dom = run.domain
    run.equal([run.mirror(t) for t in d], [("copy", "yes", to["vda"]), ("copy", "yes", to["vdb"]),
                                           ("copy", None, to["vdc"])], "the mirrors are as before")
    for target in ("vda", "vdb"):
        dom.blockJobAbort(target, PIVOT)
        run.event(target, "completed")
    dom.blockJobAbort("vdc", 0)
    run.event("vdc", "canceled")
    run.writing("at the end")
    run.finish({"vda": [to["vda"]], "vdb": [to["vdb"], d["vdb"].middle, d["vdb"].base], "vdc": d["vdc"].paths[::-1]})


def run_killed_pivot(out, daemon, guest):
    """The daemon is killed while it pivots: the definitions name whichever image has the guest's writes."""
    run = Copies(out, daemon, guest, "copies-pivot", ["vda", "vdb"])
    run.writing("at the start")
    to = {t: run.target(t) for t in run.disks}
    run.copy("vda", to["vda"], "qcow2")
    run.copy("vdb", to["vdb"], "raw")
    for target in run.disks:
        run.ready(target)
    run.writing("while copies are ready")

    def pivot(target):
        try:
            run.domain.blockJobAbort(target, PIVOT)
        except libvirt.libvirtError:
            pass

    threads = [threading.Thread(target=pivot, args=(t,)) for t in run.disks]
    for thread in threads:
        thread.start()
    run.restart(signal.SIGKILL)
    for thread in threads:
        thread.join()
    run.come_back()
    for target in run.disks:
        if (run.mirror(target) or (0, 0))[1] == "yes":
            run.domain.blockJobAbort(target, PIVOT)
        run.gone(target)
    run.writing("at the end")
    run.finish({t: None for t in run.disks})


CASES = {"jobs": run_jobs, "refused": run_refused, "restart": run_restart, "pivot": run_killed_pivot}


def main():
    parser = options.parser(__doc__)
    parser.add_argument("names", nargs="*", metavar="CASE", help=" ".join(CASES))
    args = options.finish(parser.parse_args())
    out = Tap("copies")
    for mode in options.modes(args, out):
        try:
            guest = Guest(args.guest_cache, out.diag)
            with Daemon(mode, args.driver, args.build, kvm=guest.accel == "kvm") as daemon:
                daemon.start()
                for name in args.names or CASES:
                    try:
                        CASES[name](out, daemon, guest)
                    except Exception:
                        out.error("%s %s" % (mode, name))
                        out.diag(daemon.log_tail())
                        if not daemon.alive():
                            daemon.start()
        except (DaemonError, GuestError) as e:
            out.ok(False, "the daemon and the guest are there", e)
    return out.done()


if __name__ == "__main__":
    sys.exit(main())
