#!/usr/bin/python3
"""The connection between daemon and QEMU is shut at a chosen step of a job, while both live: right after a command has
been sent, whose answer is lost. The daemon comes back by itself; then the job has gone on, has ended, or has left
nothing, and the next one works.
"""

import os
import signal
import sys
import threading

import libvirt

import jobs
import jobtest
import suite
from copies import destination, quietly
from crashpoint import CrashDaemon
from jobtest import ACTIVE, PIVOT, TRANSIENT, holds


class Test(jobtest.JobChecks):
    def cut(self, name, command, steps, call, begin=None):
        """@call: what is under way when the connection is lost; @begin: the job that it is about."""
        self.started("cut-" + command, 3)
        target = os.path.join(os.path.dirname(self.paths[0]), "copy")
        if begin:
            begin(target)
            self.ok(jobs.wait_ready(self.domain, "vda"), "%s: the job gets ready" % name)
        self.daemon.die_at(command, steps, signal.SIGSTOP)
        thread = threading.Thread(target=quietly, args=(call, target), daemon=True)
        thread.start()
        self.ok(self.daemon.died(), "%s: the daemon stands still" % name)
        self.equal(self.daemon.shut_monitor(self.name), 1, "%s: its connection is shut" % name)
        os.kill(self.daemon.pid, signal.SIGCONT)
        thread.join(30)
        self.ok(not thread.is_alive(), "%s: the call returns" % name)
        self.ok(jobs.wait_for(self.works, 30), "%s: the connection comes back" % name)
        self.settled(name)
        chain = self.chain()
        self.ok(chain in (self.paths[::-1], self.paths[:1], [target]), "%s: the chain is old or new" % name, str(chain))
        files = [n["file"] for n in self.monitor("query-named-block-nodes")["return"] if n["drv"] == "file"]
        self.equal(sorted(files), sorted(chain), "%s: QEMU has open what the chain needs" % name)
        self.equal(self.monitor("query-jobs")["return"], [], "%s: QEMU has no job" % name)
        self.again(name, chain)
        self.daemon.restart(signal.SIGKILL)      # it starts counting anew
        self.connect()

    def works(self):
        try:
            return self.domain.controlInfo()[0] == libvirt.VIR_DOMAIN_CONTROL_OK and self.domain.blockInfo("vda")
        except libvirt.libvirtError:
            return False

    def settled(self, name):
        """What still runs is ended; what is being undone ends by itself."""
        def gone():
            if (jobs.mirror(self.domain.XMLDesc(0), "vda") or (0, 0))[1] == "yes":
                quietly(self.domain.blockJobAbort, "vda")
            return not self.domain.blockJobInfo("vda")
        self.ok(jobs.wait_for(gone, 30), "%s: no job is left" % name, lambda: str(self.domain.blockJobInfo("vda")))

    def again(self, name, chain):
        new = os.path.join(os.path.dirname(self.paths[0]), "again")
        self.equal(self.copied(new), "completed", "%s: the next job works" % name)
        self.domain.destroy()
        wrong = holds(new, range(3))
        self.ok(not wrong, "%s: nothing is lost" % name, wrong)
        self.domain.undefine()
        for path in set(chain + [new] + self.paths):
            os.unlink(path)
        os.rmdir(os.path.dirname(new))

    # --- what is under way -----------------------------------------------------------------------------------

    def copy(self, target):
        self.domain.blockCopy("vda", destination(target, "qcow2"), {}, TRANSIENT)

    def commit(self, _target):
        self.domain.blockCommit("vda", None, None, 0, ACTIVE)

    def pivot(self, _target):
        self.domain.blockJobAbort("vda", PIVOT)

    def test_create(self):
        self.cut("the making of a target", "blockdev-create", 0, self.copy)

    def test_mirror(self):
        self.cut("the start of a copy", "blockdev-mirror", 0, self.copy)

    def test_complete(self):
        self.cut("the beginning of a pivot", "job-complete", 0, self.pivot, self.commit)

    def test_finalize(self):
        self.cut("the end of a pivot", "job-finalize", 0, self.pivot, self.copy)


def run(out, args, mode):
    suite.run_with_daemon(out, args, mode, Test, args.names, CrashDaemon)


if __name__ == "__main__":
    sys.exit(suite.main("cut", __doc__, Test, run, ("system",) if os.geteuid() == 0 else ("session",)))
