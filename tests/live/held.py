#!/usr/bin/python3
"""A guest whose I/O QEMU holds back must always get on, whatever keeps the end of its job away: somebody's soft cancel
of a mirror that is ready (protocol H8), a QEMU that does not answer, a persistent definition on a disk that hangs.

The guest writes all the time. In the end every block that it was told is safe must be in the image that both
definitions name.
"""

import os
import signal
import subprocess
import sys
import time

import libvirt
import libvirt_qemu

import jobs
import options
import plain
from daemon import Daemon, DaemonError
from guest import Guest, GuestError
from hung import Call
from tap import Tap
from writes import ACTIVE, INACTIVE, PIVOT, Run

T = 10                            # seconds that a pivot may take until PENDING
FOLDER = "/etc/libvirt/qemu"
DISK_SIZE = 16 << 20


class Held(Run):
    """One guest with one disk, for all cases."""

    def ready_again(self):
        self.domain.blockCommit("vda", None, None, 0, ACTIVE)
        self.ready("vda")
        self.job = self.job_name("vda")
        # the record follows what clients see (jobstates.rst: "soon")
        self.ok(jobs.wait_for(lambda: " state='ready'" in self.own_record(), 20), "its record says so", self.own_record)

    def own_record(self):
        return (self.daemon.status_xml(self.name) or "").partition("<qbj:jobs")[2].partition("</qbj:jobs>")[0]

    def goes_on(self, what):
        """The job is over, the chain is the old one, the guest writes."""
        self.gone("vda")
        self.writing(what)
        old = self.disks["vda"].paths[::-1]
        self.equal((self.chain("vda"), self.mirror("vda")), (old, None), "the chain is the old one " + what)

    def is_held(self, monitor, what):
        """Soft cancel at QEMU's monitor, while there is no daemon: without help the guest waits for ever."""
        monitor.call("block-job-cancel", device=self.job)
        pending = jobs.wait_for(lambda: [j["status"] for j in monitor.call("query-jobs")] == ["pending"], 20)
        self.ok(pending, "a soft cancel leads to PENDING, %s" % what)

        def still():
            acked = self.log.acked()
            time.sleep(1.5)
            return self.log.acked() == acked

        # what was under way comes out of the serial line first
        self.ok(jobs.wait_for(still, 20), "QEMU holds the guest there, %s" % what)
        monitor.close()

    def record_says(self, state):
        """Only while no daemon is there."""
        self.ok(self.daemon.rewrite_status(self.name, "ready", state), "the record says ready", self.own_record)

    # --- H8 ------------------------------------------------------------------------------------------------

    def soft_cancel(self):
        self.ready_again()
        libvirt_qemu.qemuMonitorCommand(
            self.domain, '{"execute":"block-job-cancel","arguments":{"device":"%s"}}' % self.job, 0)
        self.goes_on("after a soft cancel behind our back (H8)")

    def soft_cancel_meanwhile(self, state):
        what = "with a record that says " + state
        self.ready_again()
        self.restart(signal.SIGKILL)
        self.is_held(self.monitor(), what)
        if state != "ready":
            self.record_says(state)
        self.come_back()
        self.goes_on("once the daemon is back, %s (H8)" % what)

    # --- time-out ------------------------------------------------------------------------------------------

    def freeze_qemu(self, stop):
        self.daemon.ask(do="signal", pid=self.daemon.qemu_pid(self.name),
                        signal=int(signal.SIGSTOP if stop else signal.SIGCONT))

    def hung_qemu(self):
        """QEMU does not answer from job-complete on for longer than a pivot may take."""
        self.ready_again()
        mark = self.events.mark()
        self.freeze_qemu(True)
        pivot = Call(self.domain.blockJobAbort, "vda", PIVOT)
        self.ok(not pivot.wait(T + 2), "the pivot waits for a QEMU that hangs", lambda: str(pivot))
        self.freeze_qemu(False)
        self.ok(pivot.wait(20) and pivot.error and pivot.error.get_error_code() == libvirt.VIR_ERR_OPERATION_TIMEOUT,
                "the pivot is called off by its time-out", lambda: str(pivot))
        self.goes_on("after the call-off")
        ended = [e[4] for e in self.events.of(self.name, "job2") if e in self.events.got[mark:]]
        self.ok(ended and ended[-1] in ("canceled", "failed"), "its event does not say completed", lambda: str(ended))

    # --- the disk of the persistent definition hangs -----------------------------------------------------------

    def freeze_disk(self, stop):
        subprocess.run(self.daemon.namespace_prefix() + ["fsfreeze", "-f" if stop else "-u", FOLDER], check=True)

    def timed_out(self, call, what):
        if not self.ok(call.wait(T + 10) and call.error and
                       call.error.get_error_code() == libvirt.VIR_ERR_OPERATION_TIMEOUT, what, lambda: str(call)):
            raise DaemonError("what follows would wait, too")

    def hung_disk_before(self):
        """It hangs before job-complete: the guest is not held at all."""
        self.ready_again()
        self.freeze_disk(True)
        try:
            pivot = Call(self.domain.blockJobAbort, "vda", PIVOT)
            self.ok(not pivot.wait(1), "the pivot waits for a disk that hangs", lambda: str(pivot))
            self.answers("while the pivot waits")
            self.writing("meanwhile", 100)
            self.timed_out(pivot, "but not for ever")
            self.equal(self.mirror("vda"), ("active-commit", "yes", self.disks["vda"].base), "the mirror is as before")
            pivot = Call(self.domain.blockJobAbort, "vda", PIVOT)
            self.ok(not pivot.wait(1), "the next pivot waits, too", lambda: str(pivot))
        finally:
            self.freeze_disk(False)
        self.ok(pivot.wait(20) and not pivot.error, "and is done when the disk goes on", lambda: str(pivot))
        self.writing("after the pivot")
        self.equal(self.chain("vda"), [self.disks["vda"].base], "the chain is the new one")
        self.nothing_left()

    def hung_disk_pending(self, what, change):
        """It hangs while QEMU holds the guest, before the first rename: the pivot is called off in time, which needs no
        disk. @change: what makes the prepared files older than memory, so that they are written again there."""
        self.ready_again()
        self.freeze_qemu(True)
        pivot = Call(self.domain.blockJobAbort, "vda", PIVOT)
        sent = jobs.wait_for(lambda: " state='pivoting'" in self.own_record(), 30)
        self.ok(sent, "what is prepared is prepared before job-complete, " + what)
        change()
        self.freeze_disk(True)
        try:
            self.freeze_qemu(False)
            pivot.wait(2)
            self.answers("while the guest is held, " + what)
            self.timed_out(pivot, "the pivot is called off while the disk hangs, " + what)
            self.goes_on("while the disk still hangs, " + what)
            self.ok(jobs.wait_for(lambda: not self.own_record()), "the status file has no job any more, " + what,
                    self.own_record)
        finally:
            self.freeze_disk(False)
        self.equal(self.chain("vda", INACTIVE), self.disks["vda"].paths[-1:],
                   "the persistent definition is the old one, " + what)
        self.nothing_left()

    def hung_disk_fresh(self):
        self.hung_disk_pending("with files as they were prepared", lambda: None)

    def hung_disk_stale(self):
        xml = self.domain.XMLDesc(INACTIVE)

        def define():
            self.conn.defineXML(xml.replace("<memory ", "<title>another one</title>\n  <memory ", 1))

        self.hung_disk_pending("with files that are old by then", define)
        self.equal(self.domain.metadata(libvirt.VIR_DOMAIN_METADATA_TITLE, None, libvirt.VIR_DOMAIN_AFFECT_CONFIG),
                   "another one", "what was defined meanwhile is kept")

    def hung_disk_cut(self):
        """It hangs when an intermediate commit has ended, and the definition names the images of the chain."""
        xml, paths = plain.chain_domain(self.daemon, "cut", 3)
        below = "<backingStore/>"
        for path in paths[:-1]:
            below = "<backingStore type='file'><format type='qcow2'/><source file='%s'/>%s</backingStore>" % \
                (path, below)
        domain = self.daemon.connect().defineXML(xml.replace("<target dev='vda'", below + "<target dev='vda'"))
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        self.freeze_disk(True)
        try:
            domain.blockCommit("vda", paths[0], paths[1], 0, 0)
            self.ok(jobs.wait_for(lambda: " state='finalizing'" in (self.daemon.status_xml("cut") or ""), 20),
                    "an intermediate commit ends while the disk hangs", lambda: self.daemon.status_xml("cut"))
            time.sleep(1)               # its end is saved next
            self.answers("while the end of a commit waits", domain)
        finally:
            self.freeze_disk(False)
        self.ok(jobs.wait_gone(domain, "vda"), "its job is over when the disk goes on")
        self.ok(paths[1] not in domain.XMLDesc(INACTIVE) and paths[0] in domain.XMLDesc(INACTIVE),
                "the definition has the new chain", domain.XMLDesc(INACTIVE))
        self.nothing_left()
        domain.destroy()
        domain.undefine()

    def answers(self, what, domain=None):
        """Nobody waits with the domain's lock."""
        query = Call((domain or self.domain).XMLDesc, 0)
        self.ok(query.wait(5) and not query.error, "a query is answered " + what, lambda: str(query))

    def nothing_left(self):
        """A write that was given up takes its file with it, when the disk lets it."""
        def left():
            return subprocess.run(self.daemon.namespace_prefix() + ["ls", "-A", FOLDER], stdout=subprocess.PIPE,
                                  text=True, check=True).stdout.split()

        jobs.wait_for(lambda: not any(name.startswith(".qbj-") for name in left()), 20)
        self.equal([name for name in left() if name.startswith(".")], [], "no temporary file is left")

    # --- bitmaps -----------------------------------------------------------------------------------------------

    def hung_qemu_bitmaps(self):
        """QEMU has to be asked for bitmaps before job-complete, and does not answer: the mirror goes on."""
        libvirt_qemu.qemuMonitorCommand(self.domain, '{"execute":"query-status"}', 0)       # may have made bitmaps
        self.ready_again()
        self.freeze_qemu(True)
        try:
            pivot = Call(self.domain.blockJobAbort, "vda", PIVOT)
            self.timed_out(pivot, "the pivot does not wait for ever for a QEMU that does not name its bitmaps")
            self.equal(self.mirror("vda"), ("active-commit", "yes", self.disks["vda"].base), "the mirror is as before")
        finally:
            self.freeze_qemu(False)
        self.writing("after QEMU goes on")
        self.domain.blockJobAbort("vda", 0)
        self.goes_on("after the abort")


def frozen_folder(daemon):
    """A file system of its own for the persistent definitions; None, or why there is none."""
    if daemon.mode != "system":
        return "a file system that can be frozen needs root"
    image = daemon.path("config.img")
    with open(image, "wb") as f:
        f.truncate(DISK_SIZE)
    for words in (["mkfs.ext4", "-q", image],
                  daemon.namespace_prefix() + ["mkdir", "-p", FOLDER],
                  daemon.namespace_prefix() + ["mount", "-o", "loop", image, FOLDER]):
        try:
            done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        except OSError as e:
            return str(e)
        if done.returncode != 0:
            return "%s: %s" % (words[-1], done.stdout.strip().splitlines()[-1] if done.stdout.strip() else "failed")
    return None


def run(out, daemon, guest, names):
    missing = frozen_folder(daemon)
    daemon.start()
    out.diag("driver %s, qemu:///%s, guest under %s" % (daemon.driver, daemon.mode, guest.accel_for(daemon)))
    # a restart, or a monitor command, makes pivots ask for bitmaps first, which keeps job-complete from being sent
    cases = [("qemu", "hung_qemu", ()), ("disk-fresh", "hung_disk_fresh", ()), ("disk-stale", "hung_disk_stale", ()),
             ("cancel", "soft_cancel", ()),
             ("cancel-ready", "soft_cancel_meanwhile", ("ready",)),
             ("cancel-cancelling", "soft_cancel_meanwhile", ("cancelling",)),
             ("bitmaps", "hung_qemu_bitmaps", ()), ("disk-cut", "hung_disk_cut", ()), ("disk", "hung_disk_before", ())]
    held = None
    for name, method, args in cases:
        if names and name not in names:
            continue
        if "disk" in method and missing:
            out.skip("%s: %s" % (daemon.mode, name), missing)
            continue
        try:
            if not held:
                held = Held(out, daemon, guest, name, ["vda"])
                held.writing("at the start")
            getattr(held, method)(*args)
            if held.chain("vda") != held.disks["vda"].paths[::-1]:
                held.finish({"vda": [held.disks["vda"].base]})
                held = None
        except Exception:
            out.error("%s %s" % (daemon.mode, name))
            out.diag(daemon.log_tail())
            held = None
    if held:
        held.finish({"vda": held.disks["vda"].paths[::-1]})


def main():
    parser = options.parser(__doc__)
    parser.add_argument("names", nargs="*", metavar="CASE")
    args = options.finish(parser.parse_args())
    out = Tap("held")
    for mode in options.modes(args, out):
        try:
            guest = Guest(args.guest_cache, out.diag)
            with Daemon(mode, args.driver, args.build, kvm=guest.accel == "kvm") as daemon:
                run(out, daemon, guest, args.names)
        except (DaemonError, GuestError) as e:
            out.ok(False, "the daemon and the guest are there", e)
    return out.done()


if __name__ == "__main__":
    sys.exit(main())
