#!/usr/bin/python3
"""blockjob_pivot_stop_guest: a guest that runs is stopped around the end of a pivot. Nobody hears of it; a daemon that
dies between stop and cont leaves a guest that the next one continues; what is written then is in the image that the
definition names, also when QEMU fails to finalize, or finalizes a stock daemon's job at once, and daemon and QEMU die
before that is saved.
"""

import os
import signal
import sys
import threading

import libvirt
import libvirt_qemu

import bootsector
import jobs
import options
import plain
from daemon import DaemonError
from faults import FaultDaemon
from jobtest import PAUSED, PIVOT
from sweep_cell import Cell
from sweep_operations import OPERATIONS, template
from takeover import TwoDrivers
from tap import Tap

SETTING = "blockjob_pivot_stop_guest = 1"
RUNNING = libvirt.VIR_DOMAIN_RUNNING
SUSPENDED, RESUMED = libvirt.VIR_DOMAIN_EVENT_SUSPENDED, libvirt.VIR_DOMAIN_EVENT_RESUMED
COMMIT, COPY = OPERATIONS["commit-pivot"], OPERATIONS["copy-pivot"]


class StopDaemon(FaultDaemon, TwoDrivers):
    pass


class Place:
    def __init__(self, build, setting):
        self.daemon = StopDaemon("system", build, qemu_conf=setting)
        self.daemon.change("ours")
        self.connect()
        self.paths = template(plain.folder(self.daemon, "template"), bootsector.assemble(self.daemon, "boot"))

    def connect(self):
        for conn in self.daemon.connections:
            conn.close()
        self.daemon.connections.clear()
        self.conn = self.daemon.connect()

    def change(self, driver):
        self.daemon.change(driver)
        self.connect()


class Dies(Cell):
    """The daemon dies instead of sending @command."""

    def __init__(self, place, name, operation, command):
        self.command = command
        super().__init__(place, name, operation, 0, "before", writing=True, dying=False)

    def crash(self):
        self.ran = True
        self.daemon.die_at(self.command, -1)
        thread = threading.Thread(target=self.call, daemon=True)
        thread.start()
        self.came = self.daemon.died()
        thread.join(30)


class DiesUnsaved(Cell):
    """The daemon dies when QEMU has ended the job and nothing of that is saved; the guest may write on; then QEMU is
    killed."""

    def __init__(self, place, name, operation, fault, stock=False):
        self.fault, self.stock = fault, stock
        self.wrote = None
        super().__init__(place, name, operation, 0, "before", writing=True, dying=True)

    def begin(self):
        self.place.change("stock" if self.stock else "ours")
        super().begin()
        if self.stock:
            self.place.change("ours")
            self.domain = self.place.conn.lookupByName(self.name)
            if not jobs.wait_ready(self.domain, "vda"):
                raise RuntimeError("the job is not known")

    def crash(self):
        self.ran = True
        self.daemon.fail(self.fault)
        thread = threading.Thread(target=self.call, daemon=True)
        thread.start()
        self.came = jobs.wait_for(lambda: not self.daemon.alive(), 30)
        self.daemon.fail(None)
        thread.join(30)
        self.wrote = self.line.wait_more(3, 2)
        os.kill(self.pid, signal.SIGKILL)


def judged(out, cell, verdict, what):
    try:
        out.equal(cell.run(), verdict, what)
        if cell.found:
            out.diag(cell.text())
    except Exception:             # pylint: disable=broad-except
        out.error(what)


def told(place, name, flags):
    """The state after a pivot, and what was told during it, by us and by QEMU."""
    heard = []                    # numbers of ours, names of QEMU's
    xml, _ = plain.chain_domain(place.daemon, name, 2)
    domain = place.conn.defineXML(xml)
    domain.createWithFlags(flags)
    domain.blockCommit("vda", None, None, 0, libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE)
    jobs.wait_ready(domain, "vda")
    conn = place.conn
    ours = conn.domainEventRegisterAny(domain, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                       lambda _c, _d, event, _detail, _o: heard.append(event), None)
    raw = libvirt_qemu.qemuMonitorEventRegister(conn, domain, None, lambda _c, _d, event, *_: heard.append(event), None)
    domain.blockJobAbort("vda", PIVOT)
    state = domain.state()[0]
    domain.destroy()              # its event is the last one
    jobs.wait_for(lambda: libvirt.VIR_DOMAIN_EVENT_STOPPED in heard, 10)
    conn.domainEventDeregisterAny(ours)
    libvirt_qemu.qemuMonitorEventDeregister(conn, raw)
    domain.undefine()
    return state, [e for e in heard if e in (SUSPENDED, RESUMED)], [e for e in heard if e in ("STOP", "RESUME")]


def quiet(out, place):
    out.equal(told(place, "runs", 0), (RUNNING, [], ["STOP", "RESUME"]),
              "a guest that runs is stopped and continued, and clients see it run")
    out.equal(told(place, "paused", PAUSED), (libvirt.VIR_DOMAIN_PAUSED, [], []), "one that is paused stays so")


def dies(out, place):
    for number, (operation, command) in enumerate([(COMMIT, '"stop"'), (COMMIT, '"cont"'), (COPY, "job-finalize"),
                                                   (COMMIT, "job-complete")]):
        judged(out, Dies(place, "dies-%d" % number, operation, command), "new",
               "a daemon that dies before %s: the next one ends the pivot, and the guest goes on" % command)


def unsaved(out, place, setting):
    """@setting: whether it is on."""
    if not place.daemon.can_fail():
        return out.skip("a pivot whose end is not saved", "needs -Ddebug_checks=true")
    words = "a guest that stops" if setting else "a guest that goes on"
    for name, operation, fault, end, stock in [
            ("commit-fails", COMMIT, "finalize:1,die-settle:1", "new", False),
            ("copy-fails", COPY, "finalize:1,die-settle:1", "new", False),
            ("stock", COPY, "die-settle:1", "old", True)]:
        if not setting and name == "copy-fails":
            continue
        cell = DiesUnsaved(place, name, operation, fault, stock)
        judged(out, cell, end if setting else "lost", "%s, %s: nothing is saved, then QEMU dies" % (name, words))
        out.equal(cell.wrote, not setting, "%s, %s: that is what it did" % (name, words))


def main():
    args = options.finish(options.parser(__doc__).parse_args())
    out = Tap("stopped")
    for _ in options.modes(args, out, ("system",)):
        for setting in (SETTING, ""):
            try:
                place = Place(args.build, setting)
            except DaemonError as e:
                out.ok(False, "the daemon is there", e)
                continue
            try:
                if setting:
                    quiet(out, place)
                    dies(out, place)
                unsaved(out, place, bool(setting))
            finally:
                place.daemon.close()
    return out.done()


if __name__ == "__main__":
    sys.exit(main())
