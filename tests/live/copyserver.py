#!/usr/bin/python3
"""Copies to an NBD server that stands still in the end of a copy, and dies or goes on, with a daemon or without."""

import os
import shutil
import signal
import sys
import threading

import libvirt

import copies
import jobs
import suite
from copies import REUSE, TRANSIENT
from faults import FaultDaemon
from images import qemu_io
from jobtest import INACTIVE, PIVOT, holds
from netserver import NbdkitTcp, bring_up_loopback
from qmp import Qmp

ASYNC = libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_ASYNC
FAILED = libvirt.VIR_ERR_OPERATION_FAILED


class Call(threading.Thread):
    """A call that waits for something; `error` is what it came to."""
    error = None

    def __init__(self, function, *args):
        super().__init__()
        self.function, self.args = function, args
        self.start()

    def run(self):
        try:
            self.function(*self.args)
        except libvirt.libvirtError as e:
            self.error = e

    def outcome(self):
        """(error, its text)"""
        self.join(60)
        return (self.error.get_error_code(), str(self.error)) if self.error else None


class Test(copies.Test):
    def mirror(self):
        return jobs.mirror(self.domain.XMLDesc(0), "vda")

    def ending(self, switch):
        """A pivot (or an abort) that waits for the server."""
        call = Call(self.domain.blockJobAbort, "vda", switch)
        jobs.wait_for(lambda: self.mirror()[1] != "yes", 20)
        self.equal(self.mirror()[1], "pivot" if switch else "abort", "%s: the XML says so meanwhile" % self.name)
        return call

    def as_before(self):
        """The disk is on its own images, and they work."""
        self.equal((self.chain(), self.chain(INACTIVE), self.mirror()), (self.paths[::-1], self.paths[-1:], None),
                   "%s: the disk is as before" % self.name)
        self.equal(self.pulled(), "completed", "%s: the next job works" % self.name)

    def test_died_in_pivot(self):
        """V119: who pivots is told that the server has died."""
        server = self.hung("died")
        since = self.events.mark()
        call = self.ending(PIVOT)
        server.kill()
        code, text = call.outcome() or (0, "")
        self.ok(code == FAILED and "failed while pivoting: Input/output error" in text, "died: the pivot says why",
                text)
        self.equal(self.ended(since), "failed", "died: the event")
        self.as_before()
        self.gone()

    def test_destroyed_in_pivot(self):
        """V121: the domain is destroyed while a pivot waits."""
        server = self.hung("destroyed")
        pid = self.daemon.qemu_pid(self.name)
        since = self.events.mark()
        call = self.ending(PIVOT)
        destroy = Call(self.domain.destroy)
        self.events.wait(lambda e: e[:3] == (self.name, "lifecycle", 6), 10, since)
        os.kill(pid, signal.SIGKILL)                    # it does not end by itself; destroy() would wait for that
        self.equal(destroy.outcome(), None, "destroyed: it can be")
        code, text = call.outcome() or (0, "")
        self.ok(code == FAILED and "domain is not running" in text, "destroyed: the pivot says why", text)
        self.events.wait(lambda e: e[:3] == (self.name, "lifecycle", 5), 30, since)
        self.equal([e for e in self.events.of(self.name) if e[1] == "job2" and e[4] != "ready"], [],
                   "destroyed: no job has ended")
        self.equal(self.chain(INACTIVE), self.paths[-1:], "destroyed: the definition is as before")
        server.kill()
        self.domain.undefine()

    def meanwhile(self, server):
        """The job ends while no daemon is there."""
        self.daemon.kill()
        monitor = Qmp(self.daemon.monitor_path(self.name))
        status = lambda: [job["status"] for job in monitor.call("query-jobs")]
        self.equal(status(), ["ready"], "%s: the job is there while there is no daemon" % self.name)
        server.process.send_signal(signal.SIGCONT)
        self.ok(jobs.wait_for(lambda: status() in (["pending"], ["concluded"]), 30),
                "%s: then its work ends" % self.name, status)
        monitor.close()
        self.daemon.start()
        self.connect()
        self.domain = self.conn.lookupByName(self.name)
        jobs.wait_for(lambda: self.domain.controlInfo(0)[0] == 0, 30)
        jobs.wait_gone(self.domain, "vda")

    def test_pivot_without_daemon(self):
        """V156"""
        server = self.hung("pivot-meanwhile")
        self.domain.blockJobAbort("vda", PIVOT | ASYNC)
        self.meanwhile(server)
        self.equal((self.chain(), self.chain(INACTIVE), self.mirror()), (["exp0"], ["exp0"], None),
                   "pivot-meanwhile: both definitions name the server")
        self.guest_writes(7, "12M")
        self.gone()
        server.kill()
        wrong = holds(server.path, fmt="raw")
        self.ok(not wrong, "pivot-meanwhile: everything is on the server", wrong)
        qemu_io(server.path, "raw", "read -P 9 10M 1M", "read -P 7 12M 1M")

    def test_abort_without_daemon(self):
        """V157"""
        server = self.hung("abort-meanwhile")
        self.domain.blockJobAbort("vda", ASYNC)
        self.equal(self.mirror()[1], "abort", "abort-meanwhile: the XML says abort")
        self.meanwhile(server)
        self.as_before()
        self.gone()
        server.kill()

    def test_abort_before_ready(self):
        """V183: requests are under way when the server stops."""
        bring_up_loopback(self.daemon)
        server, to = self.served("early", NbdkitTcp)
        self.domain.blockCopy("vda", to, {"bandwidth": 1}, TRANSIENT | REUSE)
        server.process.send_signal(signal.SIGSTOP)
        self.domain.blockJobSetSpeed("vda", 0, 0)
        since = self.events.mark()
        self.domain.blockJobAbort("vda", ASYNC)
        self.equal((self.mirror()[1], self.domain.blockJobInfo("vda", 0).get("type")), ("abort", 2),
                   "early: the XML says abort, and the job is there")
        server.process.send_signal(signal.SIGCONT)
        self.equal(self.ended(since), "canceled", "early: it ends when the server goes on")
        self.as_before()
        self.gone()
        server.kill()


def run(out, args, mode):
    if not shutil.which("nbdkit"):
        return out.skip("copies to a server", "nbdkit is missing: apt-get install nbdkit")
    return suite.run_with_daemon(out, args, mode, Test, args.names, FaultDaemon)


if __name__ == "__main__":
    sys.exit(suite.main("copyserver", __doc__, Test, run, ("system",)))
