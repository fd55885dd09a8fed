"""Rows of bench.py: a domain with many devices, many domains, deep chains."""

import os
import time

import libvirt

import jobs
import plain
from bench_moment import DISK_ONLY, SNAPSHOT, raw_snapshot
from bench_tools import PAUSE, Part, Qemu, Row, own_arguments
from daemon import START_LIMIT, DaemonError
from guest import Guest, Ring, SerialLog
from images import deep_chain, make_chain
from qmp import Qmp

ACTIVE = libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE
PIVOT = libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT
PAUSED = libvirt.VIR_DOMAIN_START_PAUSED
HERE = os.path.dirname(os.path.abspath(__file__))

DEPTHS = (1, 10, 100, 200)
STALL_DEPTH = 100
STALL_ROUNDS = 10
STALL_ACKS = 40     # blocks that the guest writes before and after, so that a late stall is seen


class Install(Part):
    """The domain that `virt-install --import` defines when it is not told otherwise; on the user network, for the
    private daemon has no other."""

    ROWS = {"virt-install's domain: define": Row(), "virt-install's domain: start": Row(0.35, 1.5),
            "virt-install's domain: all stats": Row(), "virt-install's domain: destroy": Row(0.15)}

    def prepare(self):
        with open(os.path.join(HERE, "bench_domain.xml")) as f:
            self.xml = f.read()

    def turns(self):
        return [lambda number, side=side: self.driver(side, number) for side in self.sides] + [self.raw]

    def document(self, daemon, name):
        folder = plain.folder(daemon, name)
        path = make_chain(folder, ["vda"])[0]
        daemon.own(path)
        return self.xml % {"name": name, "image": path}

    def driver(self, side, number):
        clock, name = side.clock, "i%d" % number
        xml = self.document(side.daemon, name)
        domain = clock.measure("virt-install's domain: define", side.conn.defineXML, xml)
        cpu = side.daemon.cpu_seconds()
        clock.measure("virt-install's domain: start", domain.createWithFlags, PAUSED)
        side.cpu += side.daemon.cpu_seconds() - cpu
        side.keep_argv(name)
        time.sleep(PAUSE)
        clock.measure("virt-install's domain: all stats", side.conn.domainListGetStats, [domain], 0, 0)
        clock.measure("virt-install's domain: destroy", domain.destroy)
        domain.undefine()

    def raw(self, number):
        model, name = self.sides[-1], "r%d" % number
        self.document(model.daemon, name)
        folder = model.daemon.path("img", name)
        argv = own_arguments(model.argv, folder, "/img/i0/", "/img/%s/" % name)
        start = time.perf_counter()
        qemu = Qemu(argv, folder)
        try:
            self.bare.add("virt-install's domain: start", time.perf_counter() - start)
            self.bare.measure("virt-install's domain: destroy", qemu.end)
        finally:
            qemu.kill()


class Monitors:
    """The QEMUs of a daemon that is not there: asked all at once, as a careful client would."""

    def __init__(self, paths):
        self.monitors = [Qmp(path) for path in paths]

    def ask(self, *commands):
        for monitor in self.monitors:
            monitor.begin(*commands)
        for monitor in self.monitors:
            monitor.collect(len(commands))

    def close(self):
        for monitor in self.monitors:
            monitor.close()


class Domains(Part):
    """Many domains, all of them running: paused under TCG, with one image each. `bare` are the very same QEMUs, while
    their daemon is not there."""

    COUNT = 0
    ROUNDS = 7

    def prepare(self):
        self.names = ["d%d" % n for n in range(self.COUNT)]
        for number, name in enumerate(self.names):
            turn = number % len(self.sides)
            for side in self.sides[turn:] + self.sides[:turn]:
                xml, _ = plain.chain_domain(side.daemon, name, 1, machine="q35", memory=16)
                domain = side.conn.defineXML(xml)
                side.clock.measure(self.row("start of one"), domain.createWithFlags, PAUSED)

    def row(self, what):
        return "%d domains: %s" % (self.COUNT, what)

    def forget(self):
        for clock in self.clocks().values():
            clock.figures = {name: figures for name, figures in clock.figures.items() if name.endswith("start of one")}
        for side in self.sides:
            side.cpu = 0.0

    def turns(self):
        return [lambda number, side=side: self.driver(side) for side in self.sides]

    def driver(self, side):
        clock, daemon = side.clock, side.daemon
        self.complete(side.conn.getAllDomainStats(0, 0))        # the first one may have to find out things
        cpu = daemon.cpu_seconds()
        for _ in range(3):
            time.sleep(PAUSE)
            self.complete(clock.measure(self.row("all-domain stats"), side.conn.getAllDomainStats, 0, 0))
        side.cpu += daemon.cpu_seconds() - cpu
        clock.put(self.row("threads"), daemon.threads())
        clock.put(self.row("memory of the daemon"), daemon.memory_mib())
        daemon.stop()
        self.without_daemon(side)
        time.sleep(4 * PAUSE)       # the QEMUs have let go of whoever was connected
        start = time.perf_counter()
        daemon.start(wait=False)
        conn = self.connect_soon(daemon)
        for domain in [conn.lookupByName(name) for name in self.names]:
            domain.blockStats("vda")
        clock.add(self.row("restart -> all answer"), time.perf_counter() - start)
        conn.close()
        side.connect()

    @staticmethod
    def connect_soon(daemon):
        """Its socket is there a moment before anybody listens to it."""
        deadline = time.monotonic() + START_LIMIT
        while True:
            try:
                if os.path.exists(daemon.socket):
                    return libvirt.open(daemon.uri)
            except libvirt.libvirtError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.0005)

    def complete(self, records):
        good = [params for _, params in records if "block.0.rd.reqs" in params and "block.0.capacity" in params]
        if len(good) != self.COUNT:
            raise DaemonError("%d of %d domains have said what they read" % (len(good), self.COUNT))

    def without_daemon(self, side):
        """Measured on our side only: the stock driver's QEMUs have what it takes, too, but one figure is enough."""
        paths = [side.daemon.monitor_path(name) for name in self.names]
        if side is not self.sides[-1]:
            return
        start = time.perf_counter()
        monitors = Monitors(paths)
        monitors.ask(("query-status", {}))
        self.bare.add(self.row("restart -> all answer"), time.perf_counter() - start)
        for _ in range(3):
            time.sleep(PAUSE)
            self.bare.measure(self.row("all-domain stats"), monitors.ask, ("query-blockstats", {}),
                              ("query-named-block-nodes", {"flat": True}))
        monitors.close()


def domains(count):
    def row(what):
        return "%d domains: %s" % (count, what)

    wanted = (0.12, 0.3) if count == 150 else (None, None)
    rows = {row("start of one"): Row(), row("all-domain stats"): Row(wanted[0]),
            row("restart -> all answer"): Row(wanted[1]), row("threads"): Row(unit=""),
            row("memory of the daemon"): Row(unit="MiB")}
    return type("Domains%d" % count, (Domains,), {"COUNT": count, "ROWS": rows})


class Chains(Part):
    """Starts of chains. In linear time, one more image costs the same everywhere."""

    ROUNDS = 3          # the stock driver takes a minute for one
    ROWS = dict([("start, chain of %d" % depth, Row()) for depth in DEPTHS] +
                [("each image more, %d to %d" % pair, Row()) for pair in zip(DEPTHS, DEPTHS[1:])] +
                [("all stats, chain of %d" % DEPTHS[-1], Row())])

    def prepare(self):
        for side in self.sides:
            for depth in DEPTHS:
                side.daemon.own(*deep_chain(plain.folder(side.daemon, "c%d" % depth), depth))

    def turns(self):
        return [lambda number, side=side: self.driver(side) for side in self.sides]

    def driver(self, side):
        took = {}
        for depth in DEPTHS:
            name = "c%d" % depth
            top = side.daemon.path("img", name, "vda.%03d" % (depth - 1))
            domain = side.conn.defineXML(plain.domain(name, [plain.disk("vda", top)], machine="q35"))
            cpu = side.daemon.cpu_seconds()
            start = time.perf_counter()
            domain.createWithFlags(PAUSED)
            took[depth] = time.perf_counter() - start
            side.cpu += side.daemon.cpu_seconds() - cpu
            side.clock.add("start, chain of %d" % depth, took[depth])
            if depth == DEPTHS[-1]:
                side.clock.measure("all stats, chain of %d" % depth, side.conn.domainListGetStats, [domain], 0, 0)
            domain.destroy()
            domain.undefine()
            time.sleep(PAUSE)
        for few, many in zip(DEPTHS, DEPTHS[1:]):
            side.clock.add("each image more, %d to %d" % (few, many), (took[many] - took[few]) / (many - few))


class Stall(Part):
    """The longest time that a write with fsync() of a guest took around a snapshot of a deep chain, and around the
    pivot that takes it off again. Only the guest that is measured runs."""

    ROUNDS = STALL_ROUNDS
    ROWS = {"longest write around a pivot": Row(None, 2.0), "longest write around a snapshot": Row(None, 2.0),
            "longest write without one": Row(), "pivot of a deep chain, call": Row(),
            "snapshot of a deep chain, call": Row()}

    def prepare(self):
        self.guest = Guest(self.args.guest_cache, lambda text: None)
        self.guest.accel = "tcg"        # the daemons do not see /dev/kvm
        self.ring = Ring(blocks=64, stride=37)
        self.logs = {}
        self.paths = {}
        self.domains = {}
        self.qemu = None
        for side in self.sides:
            self.boot(side)
        self.boot_bare(self.sides[0])

    def document(self, side, name):
        folder = plain.folder(side.daemon, name)
        paths = deep_chain(folder, STALL_DEPTH)
        side.daemon.own(*paths)
        log = os.path.join(folder, "serial.log")
        xml = self.guest.xml(side.daemon, name, [("vda", paths[-1], "qcow2", "")], log,
                             dict(self.ring.options(), rate=200))
        return xml, SerialLog(log), paths

    def boot(self, side):
        xml, log, paths = self.document(side, "stall")
        domain = side.conn.defineXML(xml)
        domain.create()
        side.keep_argv("stall")
        self.domains[side.name], self.logs[side.name], self.paths[side.name] = domain, log, paths
        self.writes(log, "the guest of " + side.name)
        domain.suspend()

    def boot_bare(self, model):
        _, self.logs["bare"], self.paths["bare"] = self.document(model, "bare")
        folder = model.daemon.path("img", "bare")
        self.qemu = Qemu(own_arguments(model.argv, folder, "/img/stall/", "/img/bare/"), folder)
        self.qemu.qmp.call("cont")
        self.writes(self.logs["bare"], "bare QEMU's guest")
        self.qemu.qmp.call("stop")

    @staticmethod
    def writes(log, who):
        if not log.wait_more(STALL_ACKS, timeout=120):
            raise DaemonError("%s does not write:\n%s" % (who, "\n".join(log.lines()[-20:])))

    def turns(self):
        return [lambda number, side=side: self.driver(side, number) for side in self.sides] + [self.raw]

    def quiet(self, clock, log):
        self.writes(log, "a guest")
        before = log.acked()
        self.writes(log, "a guest")
        clock.put("longest write without one", log.longest_us(after=before) / 1000)

    def measured(self, clock, log, what, call):
        self.writes(log, "a guest")
        before = log.acked()
        clock.measure("%s of a deep chain, call" % what, call)
        self.writes(log, "a guest")
        clock.put("longest write around a " + what, log.longest_us(after=before) / 1000)

    def driver(self, side, number):
        domain, log, base = self.domains[side.name], self.logs[side.name], self.paths[side.name][-1]
        xml = SNAPSHOT % ("s%d" % number, "%s.s%d" % (base, number))
        domain.resume()
        self.quiet(side.clock, log)
        self.measured(side.clock, log, "snapshot",
                      lambda: domain.snapshotCreateXML(xml, DISK_ONLY | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA))
        domain.blockCommit("vda", base, None, 0, ACTIVE)
        if not jobs.wait_ready(domain, "vda"):
            raise DaemonError("the commit of %s does not get ready" % side.name)
        self.measured(side.clock, log, "pivot", lambda: domain.blockJobAbort("vda", PIVOT))
        domain.suspend()

    def raw(self, number):
        qmp, log, top, job = self.qemu.qmp, self.logs["bare"], "s%d" % number, "b%d" % number
        base = self.paths["bare"][-1]
        qmp.call("cont")
        self.quiet(self.bare, log)
        self.measured(self.bare, log, "snapshot",
                      lambda: raw_snapshot(qmp, base + "." + top, top, "libvirt-1-format", base))
        qmp.call("block-commit", job_id=job, device=top, auto_dismiss=False, base_node="libvirt-1-format")
        qmp.wait_job(job, "ready")
        self.measured(self.bare, log, "pivot", lambda: self.raw_pivot(qmp, job, top))
        qmp.call("stop")

    @staticmethod
    def raw_pivot(qmp, job, top):
        qmp.call("job-complete", id=job)
        qmp.wait_job(job, "concluded")
        for node in (top, top + "-file"):
            qmp.call("blockdev-del", node_name=node)
        qmp.call("job-dismiss", id=job)

    def close(self):
        if self.qemu:
            self.qemu.kill()
        super().close()
