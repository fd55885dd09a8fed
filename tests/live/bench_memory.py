"""Rows of bench.py: what the memory of a guest is written for: snapshots of all of it, and dumps."""

import os
import time

import libvirt

from bench_jobs import prepare
from bench_moment import raw_snapshot
from bench_save import PAUSED, Saves
from bench_tools import PAUSE, Part, Qemu, Row, own_arguments

WHOLE = "<domainsnapshot><name>whole</name><memory snapshot='external' file='%s'/><disks>" \
        "<disk name='vda' snapshot='external'><source file='%s'/></disk></disks></domainsnapshot>"
INSIDE = "<domainsnapshot><name>inside</name></domainsnapshot>"
METADATA = libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
ACTIVE = "libvirt-1-format"


class Memory(Part):
    """The guest is paused and has nothing in its memory but firmware. Of one that QEMU has written to the end once it
    writes no second time until it goes on: the dump as a save image has a process of its own."""

    ROWS = {"memory-only dump": Row(), "internal snapshot": Row(), "snapshot with memory": Row(), "dump": Row()}

    def turns(self):
        return [lambda number, side=side: self.driver(side, number) for side in self.sides] + [self.raw]

    @staticmethod
    def measure(clock, name, function, *args):
        os.sync()
        time.sleep(PAUSE)
        clock.measure(name, function, *args)

    def driver(self, side, number):
        clock, name = side.clock, "w%d" % number
        xml, _ = prepare(side.daemon, name)
        path = lambda file: side.daemon.path("img", name, file)
        domain = side.conn.defineXML(xml)
        domain.createWithFlags(PAUSED)
        side.keep_argv(name)
        cpu = side.daemon.cpu_seconds()
        self.measure(clock, "memory-only dump", domain.coreDump, path("core"), libvirt.VIR_DUMP_MEMORY_ONLY)
        self.measure(clock, "internal snapshot", domain.snapshotCreateXML, INSIDE)
        self.measure(clock, "snapshot with memory", domain.snapshotCreateXML, WHOLE % (path("memory"), path("top")))
        domain.destroy()
        domain.createWithFlags(PAUSED)
        self.measure(clock, "dump", domain.coreDump, path("dump"), 0)
        side.cpu += side.daemon.cpu_seconds() - cpu
        domain.destroy()
        domain.undefineFlags(METADATA)

    def raw(self, number):
        model, name = self.sides[-1], "r%d" % number
        prepare(model.daemon, name)
        folder = model.daemon.path("img", name)
        argv = own_arguments(model.argv, folder, "/img/w0/", "/img/%s/" % name)
        path = lambda file: os.path.join(folder, file)
        qemu = Qemu(argv, folder)
        try:
            self.measure(self.bare, "memory-only dump", self.raw_core, qemu, path("core"))
            self.measure(self.bare, "internal snapshot", self.raw_inside, qemu.qmp)
            self.measure(self.bare, "snapshot with memory", self.raw_whole, qemu, path("memory"), path("top"),
                         path("vda.3"))
        finally:
            qemu.kill()
        qemu = Qemu(argv, folder)
        try:
            self.measure(self.bare, "dump", Saves.raw_write, qemu, path("dump"))
        finally:
            qemu.kill()

    @staticmethod
    def raw_core(qemu, path):
        with open(path, "wb") as f:
            Saves.pass_file(qemu, f.fileno())
            qemu.qmp.call("dump-guest-memory", paging=False, protocol="fd:memory")
            os.fsync(f.fileno())

    @staticmethod
    def raw_inside(qmp):
        qmp.call("snapshot-save", job_id="s", tag="inside", vmstate=ACTIVE, devices=[ACTIVE])
        qmp.wait_job("s", "concluded")
        qmp.call("job-dismiss", id="s")

    @staticmethod
    def raw_whole(qemu, memory, top, base):
        Saves.raw_write(qemu, memory)
        raw_snapshot(qemu.qmp, top, "top", ACTIVE, base)
