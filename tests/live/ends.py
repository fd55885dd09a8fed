#!/usr/bin/python3
"""The ends of a job that nobody wants: the storage that is read fails, or a server that is written. Each says so by its
event, and why in the daemon's log; the chain is as it was, QEMU and the status file have nothing left of the job, and
the next job on the same disk works. Storage of this host that is full or fails when it is written is waited for
(protocol 7): nothing is lost.
"""

import os
import shutil
import subprocess
import sys

import libvirt

import jobs
import jobtest
import plain
import suite
from daemon import DaemonError
from images import qemu_img
from jobtest import ACTIVE, INACTIVE, PIVOT, fill, holds
from qmp import Qmp

MIB = 1 << 20
BYTES = libvirt.VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES
LAYERS = 4
FILE = "<source file='%(path)s'/>"
SERVER = "<source protocol='nbd' name='layer'><host transport='unix' socket='%(path)s.nbd'/></source>"


class Chain:
    """Four layers with data of their own, the base raw. The storage of layer @bad is in a folder of its own."""
    served = None

    def __init__(self, daemon, name, bad):
        folder, self.daemon, self.bad = plain.folder(daemon, name), daemon, bad
        own = plain.folder(daemon, os.path.join(name, "own"))
        self.paths = [os.path.join(own if n == bad else folder, "vda.%d" % n) for n in range(LAYERS)]
        for index, path in enumerate(self.paths):
            words = ["-b", self.paths[index - 1], "-F", self.fmt(index - 1)] if index else []
            qemu_img("create", "-q", "-f", self.fmt(index), *words, path, "64M")
            fill(index, path, self.fmt(index))
        daemon.own(*self.paths)

    @staticmethod
    def fmt(index):
        return "qcow2" if index else "raw"

    def element(self, index, tag):
        served = index == self.served
        source = (SERVER if served else FILE) % {"path": self.paths[index]}
        below = self.element(index - 1, "backingStore") if index else "<backingStore/>"
        kind = "network" if served else "file"
        if tag == "disk":
            return "<disk type='%s' device='disk'><driver name='qemu' type='qcow2'/>%s%s<target dev='vda' " \
                "bus='virtio'/></disk>" % (kind, source, below)
        return "<backingStore type='%s'><format type='%s'/>%s%s</backingStore>" % (kind, self.fmt(index), source, below)

    def xml(self, name):
        return plain.domain(name, [self.element(LAYERS - 1, "disk")])

    def unflushed(self, nodes):
        """Nodes as they may be besides, after the error."""
        return nodes

    def names(self, *layers):
        return ["layer" if n == self.served else self.path(n) for n in layers]

    def path(self, layer):
        """Of a layer, or of another image, which is qcow2."""
        return layer if isinstance(layer, str) else self.paths[layer]

    def wrong(self, left):
        """None, or what is wrong with the data of the layers that are @left, once nothing serves them any more."""
        if self.served in left[1:]:
            qemu_img("rebase", "-u", "-f", "qcow2", "-b", self.paths[self.served], "-F", self.fmt(self.served),
                     self.path(left[0]))
        return holds(self.path(left[0]), range(LAYERS), self.fmt(left[0]))


class Served(Chain):
    """On a server that fails for as long as there is a file, when it reads (@fails "pread") or writes ("pwrite")."""
    reason = "Input/output error"

    def __init__(self, daemon, name, bad, fails):
        super().__init__(daemon, name, bad)
        self.served, path = bad, self.paths[bad]
        self.broken = path + ".broken"
        if bad:
            os.truncate(path, 128 * MIB)                        # a server's disk does not grow
        listens = path + ".pid"
        argv = ["/usr/bin/env", "nbdkit", "--foreground", "--unix=" + path + ".nbd",
                "--pidfile=" + listens, "--filter=error", "file", path, "error-%s-rate=100%%" % fails,
                "error-file=" + self.broken]
        log = path + ".log"
        self.server = self.daemon.ask(do="spawn", argv=argv, env={"PATH": os.environ["PATH"]}, log=log)["pid"]
        if not jobs.wait_for(lambda: os.path.exists(listens), 30):
            with open(log) as f:
                raise DaemonError("nbdkit does not start: " + f.read())
        os.chmod(path + ".nbd", 0o666)                          # nbdkit has a mask of its own

    def breaks(self):
        open(self.broken, "w").close()

    def mended(self):
        os.unlink(self.broken)

    def stop(self):
        self.daemon.ask(do="signal", pid=self.server, signal=15)
        self.daemon.ask(do="wait", pid=self.server, timeout=30)


class Full(Chain):
    """On a small file system, which only the daemon and its QEMUs see."""
    reason, word = "No space left on device", "enospc"

    def __init__(self, daemon, name, bad):
        super().__init__(daemon, name, bad)
        self.own = os.path.dirname(self.paths[bad])
        self.run("cp -a $0 $0.copy; mount -t tmpfs -o size=1900k,mode=711 none $0; cp -a $0.copy/* $0")

    def run(self, script):
        subprocess.run([*self.daemon.namespace_prefix(), "sh", "-e", "-c", script, self.own], check=True)

    def unflushed(self, nodes):
        """A qcow2 image whose tables cannot be written cannot be made read-only."""
        node = "libvirt-%d-format" % (LAYERS - self.bad)
        return dict(nodes, **{node: (False, nodes[node][1])})

    def breaks(self):
        """It is small from the beginning."""

    def mended(self):
        self.run("mount -o remount,size=64m $0")

    def stop(self):
        self.run("cp -a $0/* $0.copy; umount -l $0; cp -a $0.copy/* $0")


class Failing(Served):
    """The same server, as a file of this host: what it refuses is an error of the file."""
    word = ""

    def __init__(self, daemon, name, bad=0):
        super().__init__(daemon, name, bad, "pwrite")
        self.served, self.file = None, self.paths[bad]
        self.paths[bad] = self.file + ".fuse"
        self.storage = jobtest.fuse_file(
            daemon, "driver=nbd,server.type=unix,server.path=%s.nbd" % self.file, self.paths[bad])

    def stop(self):
        self.daemon.ask(do="signal", pid=self.storage, signal=15)
        self.daemon.ask(do="wait", pid=self.storage, timeout=30)
        self.paths[self.bad] = self.file
        super().stop()


class Test(jobtest.JobChecks):
    def fails(self, chain, name, job, left, late=False):
        """@job: how it is started, from its call to its end; @left: the layers after the second time; @late: @job
        calls self.breaks() itself."""
        owners = self.owners(chain.paths)
        self.start(name, chain.xml(name))
        before = self.nodes(), self.owners(chain.paths), self.domain.XMLDesc(INACTIVE)
        self.breaks = chain.breaks
        if not late:
            chain.breaks()
        self.equal(job(), "failed", "%s: with the error it ends as failed" % name)
        self.nothing_left(name, before, chain, chain.reason)
        self.equal(self.chain(), chain.names(3, 2, 1, 0), "%s: the chain is the old one" % name)
        chain.mended()
        self.equal(job(), "completed", "%s: the next time it works" % name)
        self.equal(self.chain(), chain.names(*left), "%s: the chain is the new one" % name)
        writable = [node for node, (ro, _) in self.nodes().items() if not ro and node.endswith("-format")]
        self.equal(len(writable), 1, "%s: QEMU has one image to write" % name)
        self.domain.destroy()
        chain.stop()
        self.equal(self.owners(chain.paths), owners, "%s: owners are as before the start" % name)
        wrong = chain.wrong(left)
        self.ok(not wrong, "%s: the image holds everything" % name, wrong)
        self.domain.undefine()

    def nodes(self):
        """name -> (read-only, backing file) of all of QEMU's nodes"""
        reply = self.monitor("query-named-block-nodes", flat=True)["return"]
        return {n["node-name"]: (n["ro"], n.get("backing_file")) for n in reply}

    @staticmethod
    def owners(paths):
        return [os.stat(path).st_uid for path in paths]

    def nothing_left(self, name, before, chain, reason):
        told = [line for line in self.daemon.log_text().splitlines() if "vm=%s job=" % name in line]
        if reason:
            self.ok(told and told[-1].endswith("block job failed: " + reason), "%s: the reason is in the log" % name)
        self.equal(self.monitor("query-jobs")["return"], [], "%s: QEMU has no job" % name)
        self.ok(self.nodes() in (before[0], chain.unflushed(before[0])), "%s: QEMU's nodes are as before" % name,
                lambda: "%s\n%s" % (self.nodes(), before[0]))
        self.equal(self.owners(chain.paths), before[1], "%s: the owners are as before" % name)
        self.equal(self.domain.XMLDesc(INACTIVE), before[2], "%s: the definition is as before" % name)
        self.equal((jobs.mirror(self.domain.XMLDesc(0), "vda"), self.domain.blockJobInfo("vda")), (None, {}),
                   "%s: no mirror, no job" % name)
        self.ok(jobs.wait_for(lambda: not jobs.recorded(self.daemon.status_xml(name))),
                "%s: none in the status file" % name, lambda: self.daemon.status_xml(name))

    # --- the storage fails -----------------------------------------------------------------------------------

    def served(self, name, bad, fails, job, left, **more):
        if not shutil.which("nbdkit"):
            self.out.skip("%s: a server that fails" % name, "nbdkit is missing: apt-get install nbdkit")
            return
        self.fails(Served(self.daemon, name, bad, fails), name, job, left, **more)

    def test_active_target(self):
        self.served("active-target", 0, "pwrite", self.pivoted, (0,))

    def test_active_source(self):
        self.served("active-source", 2, "pread", lambda: self.pivoted("vda[4]"), (0,))

    def test_middle_target(self):
        self.served("middle-target", 0, "pwrite", lambda: self.committed("vda[4]", "vda[2]"), (3, 0))

    def test_middle_source(self):
        self.served("middle-source", 2, "pread", lambda: self.committed("vda[4]", "vda[2]"), (3, 0))

    def test_pull_target(self):
        self.served("pull-target", 3, "pwrite", self.pulled, (3,))

    def test_pull_source(self):
        self.served("pull-source", 1, "pread", self.pulled, (3,))

    def test_copy_source(self):
        copy, owners = os.path.join(self.daemon.path("img", "copy-source"), "copy"), []

        def job():
            if os.path.exists(copy):
                owners.append(os.stat(copy).st_uid)
                os.unlink(copy)
            return self.copied(copy)

        self.served("copy-source", 2, "pread", job, (copy,))
        self.equal(owners, [os.stat(self.daemon.path("img", "copy-source", "own")).st_uid if self.mode == "session"
                            else 0], "copy-source: its file is given back")

    def ready_fails(self):
        """A commit that is ready, and then what the guest writes cannot be written into the base, too."""
        since = self.events.mark()
        self.domain.blockCommit("vda", None, None, 0, ACTIVE)
        self.ok(self.events.wait_job(self.name, "vda", "ready", 60, since), "ready-target: it gets ready")
        self.breaks()
        self.daemon.virsh("qemu-monitor-command", self.name, "--hmp", self.WRITE)
        return self.ended(since)

    def test_ready_target(self):
        ways = [self.ready_fails, self.pivoted]
        self.served("ready-target", 0, "pwrite", lambda: ways.pop(0)(), (0,), late=True)

    def pivot_fails(self):
        """A pivot that has something to write yet, and cannot: its caller is told why. QEMU begins to write within
        0.1 s, so the job may have ended before the pivot comes."""
        since = self.events.mark()
        self.domain.blockCommit("vda", None, None, 0, ACTIVE)
        self.events.wait_job(self.name, "vda", "ready", 60, since)
        self.breaks()
        self.daemon.virsh("qemu-monitor-command", self.name, "--hmp", self.WRITE)
        try:
            self.domain.blockJobAbort("vda", PIVOT)
            told = None
        except libvirt.libvirtError as e:
            told = e.get_error_code(), str(e)
        self.ok(told and (told[0] == libvirt.VIR_ERR_OPERATION_FAILED and
                          "failed while pivoting: Input/output error" in told[1] or
                          told[0] == libvirt.VIR_ERR_INVALID_ARG and "does not have an active block job" in told[1]),
                "pivot-target: the caller is told why (01/J13)", str(told))
        return self.ended(since)

    def test_pivot_target(self):
        ways = [self.pivot_fails, self.pivoted]
        self.served("pivot-target", 0, "pwrite", lambda: ways.pop(0)(), (0,), late=True)

    # --- while there is no daemon -------------------------------------------------------------------------------

    WRITE = 'qemu-io -d /machine/peripheral/virtio-disk0/virtio-backend "write -P 4 3M 1M"'

    def meanwhile(self, name, bad, fails, start, left, write=False):
        """@start: with a speed; the daemon dies, the storage fails, a new daemon finds a job that has failed. @write:
        the guest has to write for that."""
        def dies():
            start(1)
            job = self.monitor("query-jobs")["return"][0]["id"]
            self.daemon.kill()
            self.breaks()
            monitor = Qmp(self.daemon.monitor_path(self.name))
            monitor.call("block-job-set-speed", device=job, speed=0)
            if write:
                monitor.call("human-monitor-command", **{"command-line": self.WRITE})
            status = lambda: [(j["status"], j.get("error")) for j in monitor.call("query-jobs")]
            self.ok(jobs.wait_for(lambda: status() == [("concluded", "Input/output error")], 30),
                    "%s: the job fails while there is no daemon" % name, status)
            monitor.close()
            self.daemon.start()
            self.connect()
            self.domain = self.conn.lookupByName(self.name)
            jobs.wait_for(lambda: self.domain.controlInfo(0)[0] == 0, 30)
            jobs.wait_gone(self.domain, "vda")
            return "failed"                             # its event came before there was a client

        def again():
            since = self.events.mark()
            start(0)
            return self.switched(since, "vda")

        ways = [dies, again]
        self.served(name, bad, fails, lambda: ways.pop(0)(), left, late=True)

    def test_active_meanwhile(self):
        self.meanwhile("active-meanwhile", 0, "pwrite", lambda speed: self.domain.blockCommit(
            "vda", None, None, speed, ACTIVE | BYTES), (0,), write=True)

    def test_middle_meanwhile(self):
        self.meanwhile("middle-meanwhile", 0, "pwrite", lambda speed: self.domain.blockCommit(
            "vda", "vda[4]", "vda[2]", speed, BYTES), (3, 0))

    def test_pull_meanwhile(self):
        self.meanwhile("pull-meanwhile", 3, "pwrite", lambda speed: self.domain.blockPull(
            "vda", speed, libvirt.VIR_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES), (3,))

    # --- the target is full -----------------------------------------------------------------------------------

    def paused(self, chain, start):
        """Starts a job, which then waits for space."""
        since = self.events.mark()
        start()
        told = self.events.wait(lambda e: e[:2] == (self.name, "error"), 60, since)
        self.equal(told, (self.name, "error", chain.paths[chain.bad], "virtio-disk0",
                          libvirt.VIR_DOMAIN_EVENT_IO_ERROR_NONE, chain.word), "%s: clients are told" % self.name)
        self.waits(chain)
        return since

    def waits(self, chain):
        info, stats = self.domain.blockJobInfo("vda"), self.conn.domainListGetStats([self.domain])[0][1]
        self.ok(info and info["cur"] < info["end"], "%s: the job is still there" % self.name, str(info))
        self.equal(stats.get("block.0.job.error"), chain.reason, "%s: the figures of the disk say why" % self.name)
        self.ok("block job is paused until '%s' can be written: %s" % (chain.paths[chain.bad], chain.reason) in
                self.daemon.log_text(), "%s: so does the log" % self.name)
        self.domain.blockJobSetSpeed("vda", 0, 0)               # has it try at once, in vain
        self.equal([e for e in self.events.of(self.name, "job2") if e[4] == "failed"], [],
                   "%s: it has not failed" % self.name)

    def full(self, name, chain_of, start, left):
        """@start: of a job. It is given up; then it waits while the daemon dies, and for space; @left: the layers after
        that."""
        if self.mode != "system":
            self.out.skip("%s: a full file system" % name, "needs root, to mount one for the daemon")
            return
        chain = chain_of()
        self.start(name, chain.xml(name))
        before = self.nodes(), self.owners(chain.paths), self.domain.XMLDesc(INACTIVE)
        chain.breaks()
        since = self.paused(chain, start)
        self.domain.blockJobAbort("vda")
        self.equal(self.ended(since), "canceled", "%s: it can be given up" % name)
        self.nothing_left(name, before, chain, None)
        self.equal(self.chain(), chain.names(3, 2, 1, 0), "%s: the chain is the old one" % name)
        self.paused(chain, start)
        self.daemon.kill()
        self.daemon.start()
        self.connect()
        self.domain = self.conn.lookupByName(name)
        self.ok(jobs.wait_for(lambda: self.conn.domainListGetStats([self.domain])[0][1].get("block.0.job.error"), 30),
                "%s: a new daemon sees that it waits" % name)
        self.waits(chain)
        self.goes_on(chain, left)

    def goes_on(self, chain, left):
        since, name = self.events.mark(), self.name
        chain.mended()
        self.equal(self.switched(since, "vda"), "completed", "%s: with space it goes on by itself" % name)
        self.equal(self.chain(), chain.names(*left), "%s: the chain is the new one" % name)
        self.domain.destroy()
        chain.stop()
        wrong = chain.wrong(left)
        self.ok(not wrong, "%s: the image holds everything" % name, wrong)
        self.domain.undefine()

    def active(self):
        self.domain.blockCommit("vda", None, None, 0, ACTIVE)

    def test_active_full(self):
        self.full("active-full", lambda: Full(self.daemon, "active-full", 0), self.active, (0,))

    def test_active_failing(self):
        if not shutil.which("nbdkit") or jobtest.fuse_missing():
            self.out.skip("active-failing: a file that cannot be written",
                          jobtest.fuse_missing() or "nbdkit is missing")
            return
        self.full("active-failing", lambda: Failing(self.daemon, "active-failing"), self.active, (0,))

    def test_middle_full(self):
        self.full("middle-full", lambda: Full(self.daemon, "middle-full", 1),
                  lambda: self.domain.blockCommit("vda", "vda[3]", "vda[2]", 0, 0), (3, 1, 0))

    def test_pull_full(self):
        self.full("pull-full", lambda: Full(self.daemon, "pull-full", 3),
                  lambda: self.domain.blockPull("vda", 0, 0), (3,))


SESSION = ("active_target", "middle_source", "pull_target")         # as another user: one of each kind


def run(out, args, mode):
    suite.run_with_daemon(out, args, mode, Test, args.names if args.chosen or mode == "system" else SESSION)


if __name__ == "__main__":
    sys.exit(suite.main("ends", __doc__, Test, run))
