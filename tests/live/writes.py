#!/usr/bin/python3
"""A guest writes while commits run, end, are aborted, and while the daemon is restarted; in the end every block it was
told is safe must be in the image that the definition names, and the layers' own data as well.

One guest with a disk for each case, so that the cases also run beside each other.
"""

import os
import signal
import sys

import libvirt

import jobs
import options
from daemon import Daemon, DaemonError
from guest import Guest, GuestError, Ring, SerialLog, read_image
from images import consistent, make_chain, qemu_io
from jobs import Events
from qmp import Qmp
from tap import Tap

MIB = 1 << 20
RING_BASE = 16 * MIB // 4096          # above the layers' own data
ACTIVE = libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE
DELETE = libvirt.VIR_DOMAIN_BLOCK_COMMIT_DELETE
BYTES = libvirt.VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES
PIVOT = libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT
ASYNC = libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_ASYNC
INACTIVE = libvirt.VIR_DOMAIN_XML_INACTIVE


class Disk:
    """A chain of three with 2 MiB of data in each layer, and 8 MiB more in the middle one."""

    def __init__(self, daemon, folder, target, index, base_format):
        self.target, self.base_format = target, base_format
        self.ring = Ring(blocks=64, stride=37, base=RING_BASE, disk=index)
        self.data = []

        def fill(layer, path, fmt):
            writes = [(0x41 + layer, 2 * layer * MIB, 2 * MIB)] + ([(0x61, 6 * MIB, 8 * MIB)] if layer == 1 else [])
            qemu_io(path, fmt, *["write -P %d %d %d" % w for w in writes])
            self.data += writes

        self.paths = make_chain(folder, ["%s.%d" % (target, n) for n in range(3)], base_format=base_format, fill=fill)
        self.base, self.middle, self.top = self.paths
        daemon.own(*self.paths)

    def check(self, path, fmt, acked):
        problems = []
        content = read_image(path, fmt)
        for byte, offset, length in self.data:
            if content[offset:offset + length] != bytes([byte]) * length:
                problems.append("the data 0x%02x at %d is damaged" % (byte, offset))
        problems += self.ring.check(content, acked)
        wrong = consistent(path, fmt)
        return problems + ([wrong] if wrong else [])


class Run:
    """One guest, its disks, and the checks that all cases share."""

    def __init__(self, out, daemon, guest, name, targets):
        self.out, self.daemon, self.name = out, daemon, name
        self.what = "%s %s" % (daemon.mode, name)
        folder = daemon.path("img", name)
        os.makedirs(folder)
        os.chmod(folder, 0o711)
        daemon.own(folder)
        self.disks = {}
        for index, target in enumerate(targets):
            self.disks[target] = Disk(daemon, folder, target, index, "raw" if index % 2 else "qcow2")
        serial = os.path.join(folder, "serial.log")
        self.log = SerialLog(serial)
        ring = next(iter(self.disks.values())).ring
        xml = guest.xml(daemon, name, [(d.target, d.top, "qcow2", "") for d in self.disks.values()], serial,
                        dict(ring.options(), disks=",".join(targets), rate=60))
        self.connect()
        self.domain = self.conn.defineXML(self.changed(xml))
        self.domain.create()

    def changed(self, xml):
        """What a case wants otherwise in the definition."""
        return xml

    def connect(self):
        self.conn = self.daemon.connect()
        self.events = Events(self.conn)

    def ok(self, condition, what, detail=None):
        return self.out.ok(condition, "%s: %s" % (self.what, what), detail or self.daemon.log_tail)

    def equal(self, got, wanted, what):
        return self.out.equal(got, wanted, "%s: %s" % (self.what, what))

    def writing(self, what, more=20):
        """All disks get @more new blocks acknowledged."""
        stuck = [t for t in self.disks if not self.log.wait_more(more, t)]
        return self.ok(not stuck, "the guest writes on all disks %s" % what,
                       lambda: "no progress on %s\n%s" % (stuck, "\n".join(self.log.lines()[-20:])))

    def chain(self, target, flags=0):
        return jobs.chain(self.domain.XMLDesc(flags), target)[0]

    def mirror(self, target):
        return jobs.mirror(self.domain.XMLDesc(0), target)

    def ready(self, target):
        return self.ok(jobs.wait_ready(self.domain, target), "%s gets ready" % target)

    def gone(self, target):
        return self.ok(jobs.wait_gone(self.domain, target), "the job of %s ends" % target)

    def event(self, target, status):
        return self.ok(self.events.wait_job(self.name, target, status, 20), "event: %s %s" % (target, status),
                       lambda: "\n".join(map(str, self.events.of(self.name))))

    def restart(self, sig):
        self.ok(self.daemon.stop(sig) is not None, "the daemon ends after %s" % signal.Signals(sig).name)

    def come_back(self):
        self.daemon.start()
        self.connect()
        self.domain = self.conn.lookupByName(self.name)
        # the daemon serves clients before it has talked to each VM (06/R1)
        self.ok(jobs.wait_for(self.domain.isActive, 20), "the VM is still there after the restart")

    def monitor(self):
        """The monitor of the QEMU; only while no daemon is there."""
        return Qmp(self.daemon.monitor_path(self.name))

    def job_name(self, target):
        """QEMU's name of the disk's job, from the status file."""
        from xml.etree import ElementTree
        for job in ElementTree.fromstring(self.daemon.status_xml(self.name)).iter("blockjob"):
            if job.find("disk") is not None and job.find("disk").get("dst") == target:
                return job.get("name")
        return None

    def finish(self, wanted):
        """Ends the VM and looks at every disk: @wanted is target -> the chain that both definitions must state, or
        None when whatever the definition names is right. Images that were to be deleted are in @deleted."""
        live = {t: self.chain(t) for t in self.disks}
        for target, chain in wanted.items():
            if chain is not None:
                self.equal(live[target], chain, "chain of " + target)
        persistent = {t: self.domain.XMLDesc(INACTIVE) for t in self.disks}
        for target in self.disks:           # so that there is something to lose
            self.log.wait_ack(41, target)
        self.domain.destroy()
        self.equal(self.log.errors(), [], "the guest saw no I/O error")
        for target, disk in self.disks.items():
            element = jobs.disk_element(persistent[target], target)
            path, fmt = jobs.source_of(element), element.find("driver").get("type")
            self.equal(path, live[target][0], "the persistent definition of %s names the live image" % target)
            acked = self.log.acked(target)
            problems = disk.check(path, fmt, acked)
            self.ok(not problems and acked > 40, "every one of %d acknowledged blocks of %s is in %s" %
                    (acked, target, os.path.basename(path)), "\n".join(problems[:20]) or "too few blocks")
        self.domain.undefine()


def run_jobs(out, daemon, guest):
    """Each kind of commit, side by side."""
    run = Run(out, daemon, guest, "jobs", ["vda", "vdb", "vdc", "vdd", "vde"])
    d = run.disks
    run.writing("at the start")
    dom = run.domain
    dom.blockCommit("vda", None, None, 0, ACTIVE)
    dom.blockCommit("vdb", None, None, 0, ACTIVE)
    dom.blockCommit("vdc", None, d["vdc"].middle, 0, 0)
    dom.blockCommit("vdd", None, None, 0, ACTIVE | DELETE)
    dom.blockCommit("vde", d["vde"].base, d["vde"].middle, 0, DELETE)
    for target in ("vdc", "vde"):
        run.gone(target)
        run.event(target, "completed")
    for target in ("vda", "vdb", "vdd"):
        run.ready(target)
        run.event(target, "ready")
    run.writing("while mirrors are ready")
    dom.blockJobAbort("vda", PIVOT)
    dom.blockJobAbort("vdb", 0)
    dom.blockJobAbort("vdd", PIVOT)
    run.event("vda", "completed")
    run.event("vdb", "canceled")
    run.event("vdd", "completed")
    run.writing("after the jobs")
    # the aborted disk once more, to the layer below
    dom.blockCommit("vdb", d["vdb"].middle, None, 0, ACTIVE)
    run.ready("vdb")
    run.writing("while vdb is ready again")
    dom.blockJobAbort("vdb", PIVOT | ASYNC)
    run.gone("vdb")
    run.writing("at the end")
    for target, left in (("vdd", ["vdd.0"]), ("vde", ["vde.0", "vde.2"])):
        got = sorted(os.path.basename(p) for p in d[target].paths if os.path.exists(p))
        run.equal(got, left, "files left of %s, committed with DELETE" % target)
    run.finish({"vda": [d["vda"].base], "vdb": [d["vdb"].middle, d["vdb"].base], "vdc": [d["vdc"].top, d["vdc"].base],
                "vdd": [d["vdd"].base], "vde": [d["vde"].top, d["vde"].base]})


def run_restart(out, daemon, guest, sig):
    """The daemon goes away and comes back while jobs run, are ready, get ready, and end."""
    name = "restart-" + signal.Signals(sig).name[3:].lower()
    run = Run(out, daemon, guest, name, ["vda", "vdb", "vdc", "vdd", "vde"])
    d = run.disks
    run.writing("at the start")
    dom = run.domain
    dom.blockCommit("vda", None, None, 1000, ACTIVE | BYTES)                    # runs all the time
    dom.blockCommit("vdb", None, None, 0, ACTIVE)                               # is ready before
    dom.blockCommit("vdc", None, d["vdc"].middle, 1000, BYTES)                  # runs all the time
    run.ready("vdb")
    dom.blockCommit("vdd", None, d["vdd"].middle, 5 * MIB, BYTES)               # ends while nobody looks
    dom.blockCommit("vde", None, None, 6 * MIB, ACTIVE | BYTES)                 # gets ready while nobody looks
    run.restart(sig)
    run.writing("while there is no daemon", 180)
    run.come_back()
    dom = run.domain
    run.equal([dom.blockJobInfo(t, 0).get("type") for t in ("vda", "vdb", "vdc", "vde")], [4, 4, 3, 4],
              "the jobs are known again")
    run.equal(run.mirror("vda"), ("active-commit", None, d["vda"].base), "vda: the mirror, not ready")
    run.equal(run.mirror("vdb"), ("active-commit", "yes", d["vdb"].base), "vdb: the mirror, ready")
    run.ready("vde")
    run.gone("vdd")
    run.equal(run.chain("vdd"), [d["vdd"].top, d["vdd"].base], "vdd: the chain is shorter")
    run.writing("after the restart")
    dom.blockJobSetSpeed("vda", 0, 0)
    dom.blockJobSetSpeed("vdc", 0, 0)
    run.ready("vda")
    run.event("vda", "ready")
    run.gone("vdc")
    run.event("vdc", "completed")
    for target in ("vda", "vdb", "vde"):
        dom.blockJobAbort(target, PIVOT)
        run.event(target, "completed")
    run.writing("at the end")
    run.finish({"vda": [d["vda"].base], "vdb": [d["vdb"].base], "vdc": [d["vdc"].top, d["vdc"].base],
                "vdd": [d["vdd"].top, d["vdd"].base], "vde": [d["vde"].base]})


def run_meanwhile(out, daemon, guest):
    """While no daemon is there somebody else ends jobs at the monitor. Whatever the daemon makes of it: no job is left,
    and the image that both definitions name is the one that holds the data."""
    run = Run(out, daemon, guest, "meanwhile", ["vda", "vdb"])
    run.writing("at the start")
    dom = run.domain
    dom.blockCommit("vda", None, None, 0, ACTIVE)
    dom.blockCommit("vdb", None, None, 1000, ACTIVE | BYTES)
    run.ready("vda")
    names = {t: run.job_name(t) for t in ("vda", "vdb")}
    run.restart(signal.SIGKILL)
    monitor = run.monitor()
    monitor.call("job-complete", id=names["vda"])                       # stock: ends; ours: waits in `pending`
    monitor.call("block-job-cancel", device=names["vdb"], force=True)
    jobs.wait_for(lambda: [j["status"] for j in monitor.call("query-jobs")
                           if j["id"] == names["vdb"] and j["status"] in ("concluded", "pending")], 20)
    monitor.close()
    run.come_back()
    run.gone("vda")
    run.gone("vdb")
    run.equal([run.mirror("vda"), run.mirror("vdb")], [None, None], "no mirror is left")
    run.writing("after the restart")
    top, base = run.disks["vda"].top, run.disks["vda"].base
    run.ok(run.chain("vda") in ([top, run.disks["vda"].middle, base], [base]), "vda is on its old chain or on the base",
           lambda: str(run.chain("vda")))
    run.finish({"vda": None, "vdb": run.disks["vdb"].paths[::-1]})


CASES = {"jobs": lambda *a: run_jobs(*a), "restart-term": lambda *a: run_restart(*a, signal.SIGTERM),
         "restart-kill": lambda *a: run_restart(*a, signal.SIGKILL), "meanwhile": lambda *a: run_meanwhile(*a)}


def main():
    parser = options.parser(__doc__)
    parser.add_argument("names", nargs="*", metavar="CASE", help=" ".join(CASES))
    args = options.finish(parser.parse_args())
    out = Tap("writes")
    for mode in options.modes(args, out):
        try:
            guest = Guest(args.guest_cache, out.diag)
            with Daemon(mode, args.driver, args.build, kvm=guest.accel == "kvm") as daemon:
                daemon.start()
                out.diag("driver %s, qemu:///%s, guest under %s" % (args.driver, mode, guest.accel_for(daemon)))
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
