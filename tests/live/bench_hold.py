"""Rows of bench.py: for how long a pivot holds the guest's I/O, from QEMU's own time stamps."""

import os
import threading

import libvirt
import libvirt_qemu

import plain
from bench_tools import Part, Qemu, Row, own_arguments
from daemon import DaemonError
from images import qemu_img, qemu_io

COPY = "<disk type='file'><driver type='qcow2'/><source file='%s'/></disk>"
FLAGS = libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB | libvirt.VIR_DOMAIN_BLOCK_COPY_REUSE_EXT
PIVOTS = 100
READY = 3


class Holds:
    """The job is drained when it becomes `waiting`, and the guest goes on when it is `concluded`."""

    def __init__(self):
        self.since = None
        self.figures = []
        self.changed = threading.Condition()

    def status(self, status, micros):
        with self.changed:
            if status == "waiting":
                self.since = micros
            elif status == "concluded" and self.since is not None:
                self.figures.append((micros - self.since) / 1000)
                self.since = None
                self.changed.notify_all()

    def on_event(self, _conn, _domain, _event, seconds, micros, details, _opaque):
        for status in ("waiting", "concluded"):
            if '"%s"' % status in details:
                self.status(status, seconds * 1000000 + micros)

    def wait(self, count):
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.figures) >= count, 60):
                raise DaemonError("a pivot has no end")

    def put(self, clock):
        ordered = sorted(self.figures)
        clock.put("guest held in a pivot", ordered[len(ordered) // 2])
        clock.put("the same, 99th percentile", ordered[len(ordered) * 99 // 100])


class Hold(Part):
    """Each round is so many pivots between two images."""

    ROUNDS = 5
    ROWS = {"guest held in a pivot": Row(), "the same, 99th percentile": Row()}

    def turns(self):
        return [lambda number, side=side: self.driver(side, number) for side in self.sides] + [self.raw]

    @staticmethod
    def images(daemon, name):
        folder = plain.folder(daemon, name)
        paths = [os.path.join(folder, "vda.%d" % n) for n in range(2)]
        for path in paths:
            qemu_img("create", "-q", "-f", "qcow2", path, "64M")
        qemu_io(paths[0], "qcow2", "write -P 1 0 1M")
        daemon.own(*paths)
        return paths

    def driver(self, side, number):
        name = "h%d" % number
        paths = self.images(side.daemon, name)
        xml = plain.domain(name, [plain.disk("vda", paths[0])], machine="q35", memory=64)
        domain = side.conn.defineXML(xml)
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        side.keep_argv(name)
        holds = Holds()
        events = libvirt_qemu.qemuMonitorEventRegister(side.conn, domain, "JOB_STATUS_CHANGE", holds.on_event, None, 0)
        try:
            for turn in range(PIVOTS):
                domain.blockCopy("vda", COPY % paths[1 - turn % 2], None, FLAGS)
                side.stamps.wait(name, READY)
                domain.blockJobAbort("vda", libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)
                side.stamps.wait(name, 0)
                holds.wait(turn + 1)
        finally:
            libvirt_qemu.qemuMonitorEventDeregister(side.conn, events)
        holds.put(side.clock)
        domain.destroy()
        domain.undefine()

    def raw(self, number):
        model = self.sides[-1]
        name = "r%d" % number
        paths = self.images(model.daemon, name)
        folder = os.path.dirname(paths[0])
        qemu = Qemu(own_arguments(model.argv, folder, "/img/h0/", "/img/%s/" % name), folder)
        holds = Holds()
        try:
            nodes = ("libvirt-1-format", "libvirt-1-storage")
            for turn in range(PIVOTS):
                nodes = bare_pivot(qemu.qmp, holds, turn, nodes, paths[1 - turn % 2])
        finally:
            qemu.kill()
        holds.put(self.bare)


def bare_pivot(qmp, holds, turn, old, path):
    """From the nodes @old to an image; QEMU finalizes the job itself, so this is how long it takes alone."""
    new = ("f%d" % turn, "s%d" % turn)
    job = "j%d" % turn
    qmp.call("blockdev-add", driver="file", filename=path, node_name=new[1], auto_read_only=True, discard="unmap")
    qmp.call("blockdev-add", driver="qcow2", file=new[1], node_name=new[0], read_only=False, backing=None)
    qmp.call("blockdev-mirror", job_id=job, device=old[0], target=new[0], sync="full", auto_dismiss=False)
    qmp.wait_job(job, "ready")
    qmp.events.clear()
    qmp.call("job-complete", id=job)
    done = qmp.wait_job(job, "concluded")
    for event in qmp.events + [done]:
        stamp = event["timestamp"]
        if event["event"] == "JOB_STATUS_CHANGE":
            holds.status(event["data"]["status"], stamp["seconds"] * 1000000 + stamp["microseconds"])
    for node in old:
        qmp.call("blockdev-del", node_name=node)
    qmp.call("job-dismiss", id=job)
    return new
