#!/usr/bin/python3
"""What QEMU does not forgive (protocol H): the order of commands around PENDING and CONCLUDED, taken from QEMU's own
trace of its monitor; an intermediate commit whose overlay cannot be opened for writing, of which a careless driver's
QEMU dies; a QEMU that is killed at the moment its idle guest's commit has completed; a target that hangs when the pivot
comes; two ends of a job that QEMU does not survive, whatever is done: the data must be there then; and a guest that is
held while no daemon is there.
"""

import fcntl
import json
import os
import re
import shutil
import signal
import struct
import sys

import libvirt

import jobs
import jobtest
import plain
import suite
from copies import quietly
from ends import Failing
from hung import Call
from images import make_chain
from jobtest import ACTIVE, COPY, INACTIVE, PIVOT, TRANSIENT, fill, fuse_file, fuse_missing, holds
from qmp import Qmp

KILLS = 5
HELD = libvirt.VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES
LOCKS = 200                     # where QEMU's file locks for "I do not share" begin; the first: consistent reads


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

    def test_pivot(self):
        """The commands of a pivot, and how they lie around the states of the job."""
        self.started("pivot")
        if not self.trace.on():
            self.out.skip("order of a pivot", "this QEMU has no trace events in its log")
            return self.gone()
        since = self.events.mark()
        self.domain.blockCommit("vda", self.paths[1], None, 1 << 30, ACTIVE | HELD)
        self.switched(since, "vda")
        wanted = ["block-job-set-speed", "job-complete", "PENDING", "job-finalize", "CONCLUDED", "qom-get",
                  "blockdev-del", "job-dismiss"]
        trace = self.trace.read()
        trace = trace[[name for name, _ in trace].index("block-commit"):]
        first = [name for n, (name, _) in enumerate(trace) if name in wanted and name not in [t[0] for t in trace[:n]]]
        self.equal(first, wanted, "the commands of a pivot come in this order")
        self.equal([args["speed"] for name, args in trace if name == "block-job-set-speed"], [0],
                   "its speed is not limited any more while the guest is held")
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

    # --- the target hangs ----------------------------------------------------------------------------------

    def signal(self, pid, number):
        self.daemon.ask(do="signal", pid=pid, signal=int(number))

    def test_hanging_target(self):
        """H11: QEMU would flush the base with the guest held, for as long as that takes."""
        name = "hanging-target"
        if fuse_missing():
            return self.out.skip("a target that hangs", fuse_missing())
        xml, paths = plain.chain_domain(self.daemon, name, 2, fill)
        # the same base, as a file that can hang
        served, base = paths[0] + ".served", paths[0]
        os.rename(base, served)
        storage = fuse_file(self.daemon, "driver=file,filename=" + served, base, ",growable=on")
        self.start(name, xml)
        self.domain.blockCommit("vda", None, None, 0, ACTIVE)
        self.ok(jobs.wait_ready(self.domain, "vda"), "hanging target: the commit gets ready")
        self.signal(storage, signal.SIGSTOP)
        try:
            pivot = Call(self.domain.blockJobAbort, "vda", PIVOT)
            ended = pivot.wait(40)
            self.ok(ended and pivot.error and pivot.error.get_error_code() == libvirt.VIR_ERR_OPERATION_TIMEOUT,
                    "a pivot to a target that hangs is not waited for (H11)", lambda: str(pivot))
            # one that has not ended may keep the domain from everybody until the storage goes on
            if ended:
                self.equal(jobs.mirror(self.domain.XMLDesc(0), "vda")[:2], ("active-commit", "yes"),
                           "the mirror stays ready")
                self.equal(self.monitor("query-jobs")["return"][0]["status"], "ready",
                           "QEMU was not asked to complete it: the guest is not held")
        finally:
            self.signal(storage, signal.SIGCONT)
        if ended:
            since = self.events.mark()
            self.domain.blockJobAbort("vda", PIVOT)
            self.equal(self.ended(since), "completed", "the pivot works when the target goes on")
        else:
            pivot.wait(30)
        self.gone()
        self.signal(storage, signal.SIGTERM)
        self.daemon.ask(do="wait", pid=storage, timeout=30)
        wrong = holds(served, range(2))
        self.ok(not wrong, "hanging target: it holds everything", wrong)

    # --- QEMU dies of the end ------------------------------------------------------------------------------

    def dies(self, call, what):
        """QEMU ends by itself during the call."""
        quietly(call)
        died = jobs.wait_off(self.domain, 30)
        self.ok(died, "%s: QEMU dies of it" % what)
        return died

    def test_foreign_lock(self):
        """H12: QEMU aborts within job-finalize, when nobody can change anything any more. Both definitions are new."""
        self.started("foreign-lock", 2)
        copy = os.path.join(os.path.dirname(self.paths[0]), "copy")
        since = self.events.mark()
        self.domain.blockCopy("vda", COPY % ("raw", copy), {}, TRANSIENT)
        self.events.wait_job(self.name, "vda", "ready", since=since)
        with open(copy, "rb") as held:
            fcntl.fcntl(held, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_RDLCK, os.SEEK_SET, LOCKS, 1, 0))
            self.dies(lambda: self.domain.blockJobAbort("vda", PIVOT), "a lock of somebody else on a copy (H12)")
        self.equal(self.chain(INACTIVE), [copy], "foreign lock: the definition names the copy")
        wrong = holds(copy, range(2), "raw")
        self.ok(not wrong, "foreign lock: the copy holds everything", wrong)
        self.ok(suite.code(self.domain.create) == 0, "foreign lock: the domain starts")
        self.gone()

    def test_overlay_fails(self):
        """H2: an error of the storage in the very moment that an overlay's header is written kills QEMU; the old chain
        is right, by its headers, too."""
        if not shutil.which("nbdkit") or fuse_missing():
            return self.out.skip("an overlay that cannot be written", fuse_missing() or "nbdkit is missing")
        chain = Failing(self.daemon, "overlay-fails", 2)
        self.start("overlay-fails", chain.xml("overlay-fails"))
        chain.breaks()
        self.dies(lambda: self.domain.blockCommit("vda", chain.paths[0], chain.paths[1], 0, 0),
                  "an overlay whose header cannot be written (H2)")
        chain.mended()
        self.equal(self.chain(INACTIVE), chain.paths[::-1], "overlay fails: the definition names the old chain")
        self.ok(suite.code(self.domain.create) == 0, "overlay fails: the domain starts")
        self.equal(self.committed(chain.paths[0], chain.paths[1]), "completed", "overlay fails: the next commit works")
        self.domain.destroy()
        chain.stop()
        wrong = holds(chain.paths[-1], range(4))
        self.ok(not wrong, "overlay fails: it holds everything", wrong)
        self.domain.undefine()

    # --- held while no daemon is there ---------------------------------------------------------------------

    def two_jobs(self, name):
        """A commit of vda that has just begun, and one of vdb that is ready."""
        self.paths = {target: make_chain(plain.folder(self.daemon, "%s-%s" % (name, target)),
                                         ["%s.%d" % (target, n) for n in range(3)], fill=fill)
                      for target in ("vda", "vdb")}
        self.daemon.own(*(self.paths["vda"] + self.paths["vdb"]))
        self.start(name, plain.domain(name, [plain.disk(target, self.paths[target][-1]) for target in self.paths]))
        traced = self.trace.on()
        self.domain.blockCommit("vda", self.paths["vda"][0], self.paths["vda"][1], 1, HELD)
        self.domain.blockCommit("vdb", None, None, 0, ACTIVE)
        self.ok(jobs.wait_ready(self.domain, "vdb") and
                jobs.wait_for(lambda: " state='ready'" in self.daemon.status_xml(name)), "the record says ready")
        return traced

    def both_pending(self):
        """While no daemon is there: both jobs, the second one because it was completed."""
        names = re.findall(r"<blockjob name='(commit-vd[ab]-[\w-]+)'", self.daemon.status_xml(self.name))
        monitor = Qmp(self.daemon.monitor_path(self.name))
        monitor.call("block-job-set-speed", device=names[0], speed=0)
        monitor.call("job-complete", id=names[1])
        states = lambda: [j["status"] for j in monitor.call("query-jobs")]
        self.ok(jobs.wait_for(lambda: states() == ["pending"] * 2), "both wait in PENDING", states)
        monitor.close()
        return names

    def test_held_first(self):
        """H13: a new daemon first sees to the job that holds its guest, although the other one was begun before it."""
        traced = self.two_jobs("first")
        self.daemon.kill()
        names = self.both_pending()
        self.ok(self.daemon.rewrite_status(self.name, "ready", "pivoting"), "the record says pivoting")
        self.daemon.start()
        self.connect()
        self.domain = self.conn.lookupByName(self.name)
        self.ok(jobs.wait_gone(self.domain, "vda") and jobs.wait_gone(self.domain, "vdb"), "both jobs end")
        self.equal((self.chain(), self.chain(disk="vdb")), (self.paths["vda"][::-2], self.paths["vdb"][:1]),
                   "both chains are the new ones")
        if traced:
            trace = self.trace.read()
            self.equal([args["id"] for name, args in trace if name == "job-finalize"], names[::-1],
                       "the one that held the guest was finalized first (H13)")
        self.gone()


if __name__ == "__main__":
    sys.exit(suite.main("holes", __doc__, Test, modes=("system",) if os.geteuid() == 0 else ("system", "session")))
