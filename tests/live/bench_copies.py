"""Rows of bench.py: pull, copy and rebase with COPY, their abort and pivot; how much data passes in a second."""

import os
import shutil
import time

import libvirt

import bench_jobs
import plain
from bench_tools import PAUSE, Part, Qemu, Row, own_arguments
from images import qemu_img, qemu_io

COPY = "<disk type='file'><driver type='qcow2'/><source file='%s'/></disk>"
SHALLOW = libvirt.VIR_DOMAIN_BLOCK_COPY_SHALLOW
TRANSIENT = libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB
REBASE_COPY = libvirt.VIR_DOMAIN_BLOCK_REBASE_COPY
PIVOT = libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT
COMPLETED, CANCELED, READY = 0, 2, 3
GIB = 1024          # MiB


class Timed:
    """Operations of one side: `NAME, call` and `NAME -> WORD`."""

    def __init__(self, clock, event):
        self.clock, self.event = clock, event

    def run(self, name, word, what, function, *args):
        time.sleep(PAUSE)
        start = time.perf_counter()
        self.clock.measure(name + ", call", function, *args)
        self.clock.add("%s -> %s" % (name, word), self.event(what) - start)


def driver_copies(side, name):
    paths = bench_jobs.images(side.daemon, name)
    folder = os.path.dirname(paths[0])
    xml = plain.domain(name, [plain.disk("vda", paths[-1])], machine="q35", memory=64)
    domain = side.conn.createXML(xml, libvirt.VIR_DOMAIN_START_PAUSED)
    side.keep_argv(name)
    timed = Timed(side.clock, lambda status: side.stamps.wait(name, status))

    def to(target):
        return COPY % os.path.join(folder, target)

    timed.run("copy deep", "READY", READY, domain.blockCopy, "vda", to("deep"), None, TRANSIENT)
    timed.run("abort of a copy", "canceled", CANCELED, domain.blockJobAbort, "vda", 0)
    timed.run("copy shallow", "READY", READY, domain.blockCopy, "vda", to("shallow"), None, TRANSIENT | SHALLOW)
    timed.run("copy pivot", "completed", COMPLETED, domain.blockJobAbort, "vda", PIVOT)
    timed.run("rebase copy", "READY", READY, domain.blockRebase, "vda", os.path.join(folder, "rebase"), 0, REBASE_COPY)
    domain.blockJobAbort("vda", 0)
    side.stamps.wait(name, CANCELED)
    timed.run("pull", "completed", COMPLETED, domain.blockPull, "vda", 0, 0)
    domain.destroy()


class Bare:
    """The same with QMP alone."""

    def __init__(self, clock, qmp, folder):
        self.qmp, self.folder = qmp, folder
        self.timed = Timed(clock, self.happened)

    def happened(self, what):
        """The moment at which a job has got into a state, or what is to be done then is done."""
        job, state, *after = what
        self.qmp.wait_job(job, state, 600)
        for command, arguments in after:
            self.qmp.call(command, **arguments)
        return time.perf_counter()

    def create(self, target, size, backing):
        """An image of its own, as the nodes TARGET-s and TARGET-f."""
        call = self.qmp.call
        path = os.path.join(self.folder, target)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        options = {"driver": "qcow2", "file": target + "-s", "size": size}
        if backing:
            options.update({"backing-file": backing[1], "backing-fmt": "qcow2"})
        cache = {"cache": {"direct": True}} if size > 64 << 20 else {}
        call("blockdev-add", driver="file", filename=path, node_name=target + "-s", discard="unmap", **cache)
        call("blockdev-create", job_id="create", options=options)
        self.qmp.wait_job("create", "concluded")
        call("job-dismiss", id="create")
        call("blockdev-add", driver="qcow2", node_name=target + "-f", file=target + "-s",
             backing=backing[0] if backing else None, **cache)

    def mirror(self, target, size=64 << 20, backing=None):
        self.create(target, size, backing)
        self.qmp.call("blockdev-mirror", job_id=target, device="libvirt-1-format", target=target + "-f",
                      sync="top" if backing else "full", auto_dismiss=False)

    @staticmethod
    def removal(job, *nodes):
        return [("job-dismiss", {"id": job})] + [("blockdev-del", {"node_name": node}) for node in nodes]

    def copies(self):
        run, call = self.timed.run, self.qmp.call
        run("copy deep", "READY", ("deep", "ready"), self.mirror, "deep")
        run("abort of a copy", "canceled", ("deep", "concluded", *self.removal("deep", "deep-f", "deep-s")),
            lambda: call("block-job-cancel", device="deep", force=True))
        run("rebase copy", "READY", ("rebase", "ready"), self.mirror, "rebase")
        call("block-job-cancel", device="rebase", force=True)
        self.happened(("rebase", "concluded", *self.removal("rebase", "rebase-f", "rebase-s")))
        below = ("libvirt-2-format", os.path.join(self.folder, "vda.2"))
        run("copy shallow", "READY", ("shallow", "ready"), lambda: self.mirror("shallow", backing=below))
        run("copy pivot", "completed",
            ("shallow", "concluded", *self.removal("shallow", "libvirt-1-format", "libvirt-1-storage")),
            lambda: call("job-complete", id="shallow"))
        gone = ["libvirt-%d-%s" % (n, kind) for n in (2, 3, 4) for kind in ("format", "storage")]
        run("pull", "completed", ("pull", "concluded", *self.removal("pull", *gone)),
            lambda: call("block-stream", device="shallow-f", job_id="pull", auto_dismiss=False))


class Copies(Part):
    ROWS = {
        "pull, call": Row(0.6), "pull -> completed": Row(),
        "rebase copy, call": Row(0.6), "rebase copy -> READY": Row(),
        "copy deep, call": Row(0.6), "copy deep -> READY": Row(),
        "copy shallow, call": Row(0.6), "copy shallow -> READY": Row(),
        "abort of a copy, call": Row(), "abort of a copy -> canceled": Row(0.3),
        "copy pivot, call": Row(), "copy pivot -> completed": Row(0.3),
    }

    def turns(self):
        return [lambda number, side=side: self.driver(side, "b%d" % number) for side in self.sides] + [self.raw]

    @staticmethod
    def driver(side, name):
        cpu = side.daemon.cpu_seconds()
        driver_copies(side, name)
        side.cpu += side.daemon.cpu_seconds() - cpu

    def raw(self, number):
        model, name = self.sides[-1], "r%d" % number
        bench_jobs.images(model.daemon, name)
        folder = model.daemon.path("img", name)
        qemu = Qemu(own_arguments(model.argv, folder, "/img/b0/", "/img/%s/" % name), folder)
        try:
            Bare(self.bare, qemu.qmp, folder).copies()
        finally:
            qemu.kill()


class Data(Part):
    """A base with 1 GiB of data below an empty image, O_DIRECT everywhere."""

    ROUNDS = 5
    ROWS = {"pull of 1 GiB": Row(unit="MiB/s"), "copy of 1 GiB": Row(unit="MiB/s"),
            "qemu-img convert of 1 GiB": Row(unit="MiB/s")}

    def prepare(self):
        for side in self.sides:
            base = os.path.join(plain.folder(side.daemon, "base"), "base")
            qemu_img("create", "-q", "-f", "qcow2", base, "%dM" % GIB)
            qemu_io(base, "qcow2", *["write -P 90 %dM 64M" % at for at in range(0, GIB, 64)])
            os.sync()

    def turns(self):
        return [lambda number, side=side: self.driver(side, "b%d" % number) for side in self.sides] + [self.raw]

    @staticmethod
    def image(side, name):
        path = os.path.join(plain.folder(side.daemon, name), "vda.0")
        qemu_img("create", "-q", "-f", "qcow2", "-b", side.daemon.path("img", "base", "base"), "-F", "qcow2", path)
        return path

    @staticmethod
    def passed(clock, name, seconds):
        clock.put(name + " of 1 GiB", GIB / seconds)

    def driver(self, side, name):
        path = self.image(side, name)
        folder = os.path.dirname(path)
        disk = plain.disk("vda", path).replace("type='qcow2'/>", "type='qcow2' cache='none'/>")
        cpu = side.daemon.cpu_seconds()
        domain = side.conn.createXML(plain.domain(name, [disk], machine="q35", memory=64),
                                     libvirt.VIR_DOMAIN_START_PAUSED)
        side.keep_argv(name)
        start = time.perf_counter()
        domain.blockCopy("vda", COPY % os.path.join(folder, "copy"), None, TRANSIENT)
        self.passed(side.clock, "copy", side.stamps.wait(name, READY) - start)
        domain.blockJobAbort("vda", 0)
        side.stamps.wait(name, CANCELED)
        os.unlink(os.path.join(folder, "copy"))
        start = time.perf_counter()
        domain.blockPull("vda", 0, 0)
        self.passed(side.clock, "pull", side.stamps.wait(name, COMPLETED) - start)
        domain.destroy()
        side.cpu += side.daemon.cpu_seconds() - cpu
        shutil.rmtree(folder)

    def raw(self, number):
        model, name = self.sides[-1], "r%d" % number
        path = self.image(model, name)
        folder = os.path.dirname(path)
        qemu = Qemu(own_arguments(model.argv, folder, "/img/b0/", "/img/%s/" % name), folder)
        try:
            bare = Bare(self.bare, qemu.qmp, folder)
            start = time.perf_counter()
            bare.mirror("copy", GIB << 20)
            self.passed(self.bare, "copy", bare.happened(("copy", "ready")) - start)
            qemu.qmp.call("block-job-cancel", device="copy", force=True)
            bare.happened(("copy", "concluded", *bare.removal("copy", "copy-f", "copy-s")))
            os.unlink(os.path.join(folder, "copy"))
            start = time.perf_counter()
            qemu.qmp.call("block-stream", device="libvirt-1-format", job_id="pull", auto_dismiss=False)
            self.passed(self.bare, "pull", bare.happened(("pull", "concluded")) - start)
        finally:
            qemu.kill()
        start = time.perf_counter()
        qemu_img("convert", "-q", "-t", "none", "-T", "none", "-f", "qcow2", "-O", "qcow2",
                 model.daemon.path("img", "base", "base"), os.path.join(folder, "converted"))
        self.passed(self.bare, "qemu-img convert", time.perf_counter() - start)
        shutil.rmtree(folder)
