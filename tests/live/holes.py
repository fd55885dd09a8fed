#!/usr/bin/python3
"""What QEMU does not forgive (protocol H): the order of commands around PENDING and CONCLUDED, taken from QEMU's own
trace of its monitor; an intermediate commit whose overlay cannot be opened for writing, of which a careless driver's
QEMU dies; and a QEMU that is killed at the moment its idle guest's commit has completed.
"""

import json
import os
import signal
import sys

import libvirt

import jobs
import jobtest
import suite
from jobtest import ACTIVE, INACTIVE, holds

KILLS = 5


class Test(jobtest.JobChecks):
    @staticmethod
    def between(trace, first, last):
        names = [entry[0] for entry in trace]
        begin = names.index(first)
        return trace[begin + 1:names.index(last, begin)]

    def show(self, trace):
        return "\n".join("%s %s" % (name, json.dumps(args) if args else "") for name, args in trace)

    def node(self, path):
        """The format node of an image."""
        reply = self.monitor("query-named-block-nodes")["return"]
        return next(n["node-name"] for n in reply if n["drv"] == "qcow2" and n["file"] == path)

    def reopened(self, commands, node, read_only):
        return any(name == "blockdev-reopen" and
                   any(o.get("node-name") == node and o.get("read-only", False) == read_only
                       for o in args.get("options", [])) for name, args in commands)

    def test_order(self):
        """H1, H2, H3 of an intermediate commit whose overlay is not the active image."""
        self.started("order")
        base, above = self.node(self.paths[1]), self.node(self.paths[3])
        if not self.trace.on():
            self.out.skip("order of commands", "this QEMU has no trace events in its log")
            return self.gone()
        since = self.events.mark()
        self.domain.blockCommit("vda", self.paths[1], self.paths[2], 0, 0)
        self.ok(self.events.wait_job(self.name, "vda", "completed", since=since), "intermediate commit completes")
        trace = self.trace.read()
        try:
            held = self.between(trace, "PENDING", "job-finalize")
            ended = self.between(trace, "CONCLUDED", "job-dismiss")
        except ValueError:
            self.ok(False, "PENDING, job-finalize, CONCLUDED and job-dismiss come in this order", self.show(trace))
            return self.gone()
        self.ok(self.reopened(held, base, False), "base is flushed in PENDING (H1)", self.show(trace))
        self.ok(self.reopened(held, above, False), "the overlay is made writable in PENDING (H2)", self.show(trace))
        self.ok("query-named-block-nodes" not in [name for name, _ in ended],
                "the nodes are not asked for in CONCLUDED (H3)", self.show(ended))
        self.gone()

    def test_abort(self):
        """An abort is the forced one, so that it cannot be taken for a pivot (H9)."""
        self.started("abort")
        if not self.trace.on():
            return self.gone()
        self.domain.blockCommit("vda", self.paths[1], None, 0, ACTIVE)
        self.ok(jobs.wait_ready(self.domain, "vda"), "active commit gets ready")
        self.domain.blockJobAbort("vda", 0)
        cancels = [(name, args) for name, args in self.trace.read() if name in ("block-job-cancel", "job-cancel")]
        self.ok(cancels and all(name == "job-cancel" or args.get("force") for name, args in cancels),
                "the abort is forced (H9)", self.show(cancels))
        self.domain.destroy()
        wrong = holds(self.paths[-1])
        self.ok(not wrong, "data is right after the abort", wrong)
        self.gone()

    # --- the overlay cannot be written -----------------------------------------------------------------------

    def test_locked(self):
        """H2: without the step in PENDING this QEMU would end with SIGSEGV."""
        self.started("locked")
        traced = self.trace.on()
        pid, overlay = self.daemon.qemu_pid(self.name), self.paths[3]
        if self.immutable(overlay, True):
            undo = lambda: self.immutable(overlay, False)
        else:
            os.chmod(overlay, 0o444)
            undo = lambda: os.chmod(overlay, 0o644)
        since = self.events.mark()
        try:
            self.domain.blockCommit("vda", self.paths[1], self.paths[2], 0, 0)
            ended = self.events.wait(lambda e: e[0] == self.name and e[1] == "job2" and e[4] != "ready", 30, since)
            self.ok(ended and ended[4] == "failed", "a commit below an overlay that cannot be written fails", ended)
        except libvirt.libvirtError as e:
            self.out.diag("refused at its start: %s" % e)
        finally:
            undo()
        self.ok(self.daemon.qemu_pid(self.name) == pid and self.domain.isActive(), "and QEMU lives (H2)",
                self.daemon.log_tail)
        if traced:
            trace = self.trace.read()
            self.ok("job-finalize" not in [name for name, _ in trace] and
                    ("job-cancel", None) in [(name, None) for name, _ in trace],
                    "the job was called off by job-cancel, not finalized (H9)", self.show(trace))
        self.ok(jobs.chain(self.domain.XMLDesc(0), "vda")[0] == self.paths[::-1], "the chain is the old one")
        since = self.events.mark()
        self.domain.blockCommit("vda", self.paths[1], self.paths[2], 0, 0)
        self.ok(self.events.wait_job(self.name, "vda", "completed", since=since),
                "once it can be written, it completes")
        self.domain.destroy()
        wrong = holds(self.paths[-1])
        self.ok(not wrong, "nothing is lost", wrong)
        self.gone()

    @staticmethod
    def immutable(path, on):
        """Root may write to any file except to such a one."""
        return os.geteuid() == 0 and os.system("chattr %ci '%s' 2>/dev/null" % ("+" if on else "-", path)) == 0

    # --- killed at the end ---------------------------------------------------------------------------------

    def test_killed(self):
        """H1: the guest is idle, so nothing but the driver's flush writes base's tables."""
        for turn in range(KILLS):
            self.started("killed-%d" % turn)
            pid = self.daemon.qemu_pid(self.name)
            since = self.events.mark()
            self.domain.blockCommit("vda", self.paths[1], self.paths[3], 0, 0)
            completed = self.events.wait_job(self.name, "vda", "completed", since=since)
            self.daemon.ask(do="signal", pid=pid, signal=int(signal.SIGKILL))
            self.ok(completed, "commit %d completes" % turn)
            self.ok(jobs.wait_off(self.domain), "its QEMU was killed")
            top = jobs.chain(self.domain.XMLDesc(INACTIVE), "vda")[0][0]
            wrong = holds(top)
            self.ok(not wrong, "the committed data is there, commit %d (H1)" % turn, wrong)
            for path in self.paths[2:4]:
                os.unlink(path)
            wrong = holds(top)
            self.ok(not wrong, "without the committed images, too", wrong)
            self.gone()


def run(out, args, mode):
    suite.run_with_daemon(out, args, mode, Test, args.names)


if __name__ == "__main__":
    sys.exit(suite.main("holes", __doc__, Test, run, ("system",) if os.geteuid() == 0 else ("system", "session")))
