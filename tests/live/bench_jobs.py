"""Rows of bench.py: a domain with a chain of four images, from its definition to its end."""

import os
import time

import libvirt

import jobs
import plain
from bench_tools import PAUSE, Clock, Part, Qemu, Row, own_arguments
from images import make_chain, qemu_io

ACTIVE = libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE
PIVOT = libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT
LAZY = 2.0         # seconds between two looks of a lazy process 1


def images(daemon, name):
    folder = plain.folder(daemon, name)
    paths = make_chain(folder, ["vda.%d" % n for n in range(4)],
                       fill=lambda n, path, fmt: n < 3 and qemu_io(path, fmt, "write -P %d %dM 1M" % (n + 1, 2 * n)))
    daemon.own(*paths)
    for path in paths:                  # or the next fsync of whoever is measured would wait for these
        with open(path, "rb") as f:
            os.fsync(f.fileno())
    return paths


def prepare(daemon, name):
    paths = images(daemon, name)
    return plain.domain(name, [plain.disk("vda", paths[-1])], machine="q35", memory=64), paths


def driver_jobs(side, name):
    clock, conn = side.clock, side.conn
    xml, paths = prepare(side.daemon, name)
    domain = clock.measure("define", conn.defineXML, xml)
    clock.measure("start", domain.createWithFlags, libvirt.VIR_DOMAIN_START_PAUSED)
    side.keep_argv(name)
    clock.average("dumpxml", domain.XMLDesc, 0)

    time.sleep(PAUSE)
    start = time.perf_counter()
    clock.measure("intermediate commit, call", domain.blockCommit, "vda", paths[1], paths[2], 0, 0)
    clock.add("intermediate commit -> completed", side.stamps.wait(name, 0) - start)
    jobs.wait_gone(domain, "vda")

    time.sleep(PAUSE)
    start = time.perf_counter()
    clock.measure("active commit, call", domain.blockCommit, "vda", paths[1], None, 0, ACTIVE)
    clock.add("active commit -> READY", side.stamps.wait(name, 3) - start)
    clock.average_paused("job info, with pauses", domain.blockJobInfo, "vda", 0)
    clock.average("job info", domain.blockJobInfo, "vda", 0)
    time.sleep(PAUSE)
    start = time.perf_counter()
    clock.measure("pivot, call", domain.blockJobAbort, "vda", PIVOT)
    clock.add("pivot -> completed", side.stamps.wait(name, 0) - start)

    time.sleep(PAUSE)
    start = time.perf_counter()
    domain.blockCommit("vda", None, None, 0, ACTIVE)
    clock.add("commit of 2 MiB -> READY", side.stamps.wait(name, 3) - start)
    time.sleep(PAUSE)
    domain.blockJobAbort("vda", PIVOT)
    side.stamps.wait(name, 0)

    time.sleep(PAUSE)
    clock.measure("destroy, reaped at once", domain.destroy)
    clock.measure("undefine", domain.undefine)


def destroy_unreaped(side, name):
    xml, _ = prepare(side.daemon, name)
    domain = side.conn.createXML(xml, libvirt.VIR_DOMAIN_START_PAUSED)
    side.daemon.ask(do="reap", every=LAZY)
    try:
        side.clock.measure("destroy, not reaped", domain.destroy)
    finally:
        side.daemon.ask(do="reap", every=0)


def bare_commit(clock, qmp, call, done, **arguments):
    start = time.perf_counter()
    clock.measure(call, lambda: qmp.call("block-commit", auto_dismiss=False, **arguments))
    qmp.wait_job(arguments["job_id"], "ready" if arguments["job_id"] != "i" else "concluded")
    clock.add(done, time.perf_counter() - start)


def bare_pivot(clock, qmp, job, *nodes):
    start = time.perf_counter()
    clock.measure("pivot, call", lambda: qmp.call("job-complete", id=job))
    qmp.wait_job(job, "concluded")
    for node in nodes:
        qmp.call("blockdev-del", node_name=node)
    qmp.call("job-dismiss", id=job)
    clock.add("pivot -> completed", time.perf_counter() - start)


def bare_jobs(clock, qmp, daemon):
    unmeasured = Clock()
    bare_commit(clock, qmp, "intermediate commit, call", "intermediate commit -> completed", job_id="i",
                device="libvirt-1-format", top_node="libvirt-2-format", base_node="libvirt-3-format")
    qmp.call("job-dismiss", id="i")
    for node in ("libvirt-2-format", "libvirt-2-storage"):
        qmp.call("blockdev-del", node_name=node)
    time.sleep(PAUSE)
    bare_commit(clock, qmp, "active commit, call", "active commit -> READY", job_id="a",
                device="libvirt-1-format", base_node="libvirt-3-format")
    clock.average_paused("job info, with pauses", lambda: qmp.call("query-block-jobs"))
    clock.average("job info", lambda: qmp.call("query-block-jobs"))
    time.sleep(PAUSE)
    bare_pivot(clock, qmp, "a", "libvirt-1-format", "libvirt-1-storage")
    time.sleep(PAUSE)
    bare_commit(clock, qmp, "unmeasured", "commit of 2 MiB -> READY", job_id="b", device="libvirt-3-format",
                base_node="libvirt-4-format")
    time.sleep(PAUSE)
    bare_pivot(unmeasured, qmp, "b", "libvirt-3-format", "libvirt-3-storage")
    time.sleep(PAUSE)
    rename(clock, daemon)
    time.sleep(PAUSE)


def rename(clock, daemon):
    """Where the drivers keep their persistent definitions."""
    folder = os.open(daemon.config_dir, os.O_RDONLY | os.O_DIRECTORY)
    for name in ("bench.old", "bench.new"):
        with open(os.path.join(daemon.config_dir, name), "w") as f:
            f.write(2000 * "x")
            os.fsync(f.fileno())
    time.sleep(PAUSE)
    start = time.perf_counter()
    os.rename("bench.new", "bench.old", src_dir_fd=folder, dst_dir_fd=folder)
    os.fsync(folder)
    clock.add("rename a file, durably", time.perf_counter() - start)
    os.unlink("bench.old", dir_fd=folder)
    os.close(folder)


class Jobs(Part):
    ROUNDS = 15
    ROWS = {
        "define": Row(), "start": Row(0.35, 1.5), "dumpxml": Row(),
        "intermediate commit, call": Row(), "intermediate commit -> completed": Row(),
        "active commit, call": Row(), "active commit -> READY": Row(0.4), "job info": Row(0.5),
        "job info, with pauses": Row(), "pivot, call": Row(), "pivot -> completed": Row(0.3),
        "commit of 2 MiB -> READY": Row(), "destroy, reaped at once": Row(0.15),
        "destroy, not reaped": Row(0.05), "undefine": Row(), "rename a file, durably": Row(),
    }

    def turns(self):
        return [lambda number, side=side: self.driver(side, number) for side in self.sides] + [self.raw]

    @staticmethod
    def driver(side, number):
        cpu = side.daemon.cpu_seconds()
        driver_jobs(side, "b%d" % number)
        side.cpu += side.daemon.cpu_seconds() - cpu
        destroy_unreaped(side, "z%d" % number)

    def raw(self, number):
        model = self.sides[-1]
        name = "r%d" % number
        images(model.daemon, name)
        folder = model.daemon.path("img", name)
        argv = own_arguments(model.argv, folder, "/img/b0/", "/img/%s/" % name)
        start = time.perf_counter()
        qemu = Qemu(argv, folder)
        try:
            self.bare.add("start", time.perf_counter() - start)
            bare_jobs(self.bare, qemu.qmp, model.daemon)
            self.bare.measure("destroy, reaped at once", qemu.end)
        finally:
            qemu.kill()
