#!/usr/bin/python3
"""Pulls where data can be lost: under a guest that writes, with a daemon or a QEMU that is killed in the middle, with
errors of the storage, and with somebody else at the monitor. Afterwards every image holds what it has to.
"""

import os
import re
import signal
import sys

import libvirt

import jobs
import jobtest
import plain
import suite
from images import info, make_chain, qemu_img
from jobtest import INACTIVE, fill, holds
from writes import MIB, Run

OPERATION_INVALID, OPERATION_UNSUPPORTED = 55, 84
DISK_ONLY = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY
NO_METADATA = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA
SNAPSHOT_OF_VDB = "<domainsnapshot><name>s</name><disks><disk name='vda' snapshot='no'/></disks></domainsnapshot>"
BITMAP = '{"execute":"block-dirty-bitmap-add","arguments":{"node":"%s","name":"c1","persistent":true}}'
SERVED = """<disk type='network' device='disk'><driver name='qemu' type='qcow2'/><source protocol='nbd' name='top'>
<host transport='unix' socket='%s'/></source><backingStore type='file'><format type='qcow2'/><source file='%s'/>
<backingStore/></backingStore><target dev='vda' bus='virtio'/></disk>"""


class Test(jobtest.JobChecks):
    # --- a guest that writes -------------------------------------------------------------------------------

    def run_of(self, name, targets):
        run = Run(self.out, self.daemon, self.guest, name, targets)
        run.writing("at the start")
        return run

    def test_writes(self):
        """Whole, to a base, to the image below, given up in the middle; all beside each other."""
        run = self.run_of("pulls", ["vda", "vdb", "vdc", "vdd"])
        d = run.disks
        run.domain.blockPull("vda", 0, 0)
        run.domain.blockRebase("vdb", d["vdb"].base, 0, 0)
        run.domain.blockRebase("vdc", d["vdc"].middle, 0, 0)
        run.domain.blockPull("vdd", 1000, BYTES_PULL)                     # runs until it is given up
        run.writing("while disks are pulled")
        run.domain.blockJobAbort("vdd", 0)
        run.event("vdd", "canceled")
        for target in ("vda", "vdb", "vdc"):
            run.gone(target)
            run.event(target, "completed")
        run.writing("after the pulls")
        run.domain.blockPull("vdd", 0, 0)
        run.gone("vdd")
        run.writing("at the end")
        # what was pulled is not needed any more
        for path in (d["vda"].middle, d["vda"].base, d["vdb"].middle, d["vdd"].middle, d["vdd"].base):
            os.unlink(path)
        run.finish({"vda": [d["vda"].top], "vdb": [d["vdb"].top, d["vdb"].base], "vdc": d["vdc"].paths[::-1],
                    "vdd": [d["vdd"].top]})

    def restart(self, sig):
        """The daemon goes while pulls run, and one ends while nobody looks."""
        run = self.run_of("pulls-" + sig.name[3:].lower(), ["vda", "vdb", "vdc"])
        d = run.disks
        run.domain.blockPull("vda", 1000, BYTES_PULL)                     # runs all the time
        run.domain.blockRebase("vdb", d["vdb"].base, 5 * MIB, BYTES_PULL) # gets to its end while nobody looks
        run.domain.blockPull("vdc", 1000, BYTES_PULL)                     # is given up afterwards
        run.restart(sig)
        run.writing("while there is no daemon", 180)
        run.come_back()
        run.equal([run.domain.blockJobInfo(t, 0).get("type") for t in ("vda", "vdc")], [1, 1],
                  "the jobs are known again")
        run.gone("vdb")
        run.domain.blockJobSetSpeed("vda", 0, 0)
        run.domain.blockJobAbort("vdc", 0)
        run.event("vdc", "canceled")
        run.gone("vda")
        run.event("vda", "completed")
        run.writing("at the end")
        for path in (d["vda"].middle, d["vda"].base, d["vdb"].middle):
            os.unlink(path)
        run.finish({"vda": [d["vda"].top], "vdb": [d["vdb"].top, d["vdb"].base], "vdc": d["vdc"].paths[::-1]})
        self.connect()

    def test_restart_term(self):
        self.restart(signal.SIGTERM)

    def test_restart_kill(self):
        self.restart(signal.SIGKILL)

    # --- a QEMU that dies ----------------------------------------------------------------------------------

    def test_killed(self):
        """H1: the guest is idle, so nothing but the driver's flush writes the tables of the image."""
        for turn, base in enumerate((None, None, 1, 1)):
            self.started("killed-%d" % turn)
            pid, wanted = self.daemon.qemu_pid(self.name), self.paths[:base + 1 if base else 0] + self.paths[-1:]
            since = self.events.mark()
            self.domain.blockRebase("vda", base and self.paths[base], 0, 0)
            completed = self.events.wait_job(self.name, "vda", "completed", since=since)
            self.daemon.ask(do="signal", pid=pid, signal=int(signal.SIGKILL))
            self.ok(completed and jobs.wait_off(self.domain), "pull %d completes, its QEMU is killed" % turn)
            for path in set(self.paths) - set(wanted):
                os.unlink(path)
            wrong = holds(self.chain(INACTIVE)[0])
            self.ok(not wrong, "what was pulled is there, pull %d (H1)" % turn, wrong)
            self.gone()

    def test_killed_running(self):
        """A half-done pull leaves the old chain, which holds everything."""
        self.started("half")
        self.domain.blockPull("vda", MIB, BYTES_PULL)
        jobs.wait_for(lambda: self.domain.blockJobInfo("vda", 0).get("cur", 0) >= MIB, 20)
        self.daemon.ask(do="signal", pid=self.daemon.qemu_pid(self.name), signal=int(signal.SIGKILL))
        self.ok(jobs.wait_off(self.domain), "QEMU is killed in the middle of a pull")
        wrong = holds(self.paths[-1])
        self.ok(not wrong, "the old chain holds everything", wrong)
        self.domain.create()
        self.equal(self.pulled(), "completed", "after a new start the pull works")
        self.gone()
        for path in self.paths[:-1]:
            os.unlink(path)
        wrong = holds(self.paths[-1])
        self.ok(not wrong, "the image holds everything alone", wrong)

    # --- the order of commands -----------------------------------------------------------------------------

    def test_order(self):
        """H1, H3, H4, from QEMU's trace, with clients that ask for figures all the time."""
        self.started("order")
        if not self.trace.on():
            self.out.skip("order of commands of a pull", "this QEMU has no trace events in its log")
            return self.gone()
        before = self.sizes()
        since = self.events.mark()
        self.domain.blockRebase("vda", self.paths[1], MIB, BYTES_PULL)
        shown = [self.sizes() for _ in range(5)]
        self.domain.blockJobSetSpeed("vda", 0, 0)
        while not self.events.wait_job(self.name, "vda", "completed", 0.05, since):
            shown.append(self.sizes())
        jobs.wait_gone(self.domain, "vda")
        self.ok(all(s == before for s in shown), "figures of the disk go on while it is pulled", [before] + shown[:5])
        trace = self.trace.read()
        names = [name for name, _ in trace]
        start, end = names.index("block-stream"), names.index("job-dismiss")
        meanwhile = names[start:names.index("PENDING")] + names[names.index("job-finalize"):end]
        self.ok("query-named-block-nodes" not in meanwhile, "nodes are not asked for meanwhile (H3)", names[start:end])
        held = trace[names.index("PENDING"):names.index("job-finalize")]
        self.ok(any(n == "blockdev-reopen" for n, _ in held), "the image is flushed before finalize (H1)", held)
        deleted = [i for i, name in enumerate(names) if name == "blockdev-del"]
        self.ok(len(deleted) == 4 and min(deleted) > end, "nodes go after the dismissal (H4)", names[end:])
        self.gone()

    def sizes(self):
        """Virtual sizes of all images, however they are asked for."""
        figures = self.conn.domainListGetStats([self.domain], libvirt.VIR_DOMAIN_STATS_BLOCK, 0)[0][1]
        return figures.get("block.0.capacity"), self.domain.blockInfo("vda")[0]

    # --- somebody else at the monitor ------------------------------------------------------------------------

    def test_meanwhile(self):
        """While no daemon is there somebody else finalizes a pull, and dismisses another."""
        for dismiss in (False, True):
            self.started("meanwhile-%d" % dismiss)
            self.domain.blockRebase("vda", self.paths[1], 1000, BYTES_PULL)
            name = "pull-vda-" + self.top_node()
            self.daemon.kill()
            monitor = self.qmp()
            monitor.call("block-job-set-speed", device=name, speed=0)
            status = lambda: monitor.call("query-jobs")[0]["status"]
            self.ok(jobs.wait_for(lambda: status() == "pending", 30), "the pull waits in PENDING", status)
            monitor.call("job-finalize", id=name)
            if dismiss:
                monitor.call("job-dismiss", id=name)
            monitor.close()
            self.daemon.start()
            self.connect()
            self.domain = self.conn.lookupByName(self.name)
            self.ok(jobs.wait_gone(self.domain, "vda"), "no job is left")
            self.equal(self.chain(), [self.paths[-1]] + self.paths[1::-1], "the chain is the new one")
            # idle guest, killed QEMU: only what was flushed is there
            self.daemon.ask(do="signal", pid=self.daemon.qemu_pid(self.name), signal=int(signal.SIGKILL))
            jobs.wait_off(self.domain)
            for path in self.paths[2:-1]:
                os.unlink(path)
            wrong = holds(self.paths[-1])
            self.ok(not wrong, "what was pulled is there, %s by somebody else" %
                    ("dismissed" if dismiss else "finalized"), wrong)
            self.gone()

    def qmp(self):
        from qmp import Qmp
        return Qmp(self.daemon.monitor_path(self.name))

    def top_node(self):
        found = re.search(r"<blockjob name='pull-vda-([\w-]+)'", self.daemon.status_xml(self.name))
        return found.group(1)

    # --- dirty bitmaps -------------------------------------------------------------------------------------

    def bitmaps(self):
        """node -> names of its bitmaps"""
        reply = self.monitor("query-named-block-nodes")["return"]
        return {n["node-name"]: sorted(b["name"] for b in n.get("dirty-bitmaps", []) if "name" in b) for n in reply}

    def test_bitmaps(self):
        name = "bitmaps"
        folder = plain.folder(self.daemon, name)
        paths = make_chain(folder, ["vda.%d" % n for n in range(3)], fill=fill)
        other = make_chain(folder, ["vdb.%d" % n for n in range(2)], fill=fill)
        for path in paths:
            qemu_img("bitmap", "--add", path, "c1")
        self.daemon.own(*(paths + other))
        self.name = name
        disks = [plain.disk("vda", paths[-1]), plain.disk("vdb", other[-1])]
        self.domain = self.conn.createXML(plain.domain(name, disks), libvirt.VIR_DOMAIN_START_PAUSED)
        self.domain.blockRebase("vda", paths[0], 1, BYTES_PULL)
        self.refused(lambda: self.domain.blockPull("vdb", 0, 0), OPERATION_UNSUPPORTED, "dirty bitmaps",
                     "a second pull beside it is refused where there may be bitmaps")
        self.refused(lambda: self.domain.blockCommit("vdb", None, None, 0, libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE),
                     OPERATION_UNSUPPORTED, "dirty bitmaps", "and so is a commit")
        before = os.listdir(folder)
        self.refused(lambda: self.domain.snapshotCreateXML(SNAPSHOT_OF_VDB, DISK_ONLY | NO_METADATA),
                     OPERATION_UNSUPPORTED, "dirty bitmaps", "and a snapshot, which asks QEMU what kills it")
        self.equal(os.listdir(folder), before, "nothing has been made for it")
        since = self.events.mark()
        self.domain.blockJobSetSpeed("vda", 0, 0)
        self.equal(self.ended(since), "completed", "a pull with bitmaps completes")
        found = [names for node, names in self.bitmaps().items() if names]
        self.equal(found, [["c1"], ["c1"]], "the bitmap is in the active image and in base")
        self.gone()
        self.equal([b["flags"] for b in info(paths[-1])["format-specific"]["data"]["bitmaps"]], [["auto"]],
                   "it is stored, and not marked as broken")

    def grown(self, name, first):
        """The images from @first on have a bitmap, then the disk grows."""
        folder = plain.folder(self.daemon, name)
        paths = make_chain(folder, ["vda.%d" % n for n in range(3)], fill=fill)
        for path in paths[first:]:
            qemu_img("bitmap", "--add", path, "c1")
        self.daemon.own(*paths)
        self.name = name
        self.domain = self.conn.createXML(plain.domain(name, [plain.disk("vda", paths[-1])]),
                                          libvirt.VIR_DOMAIN_START_PAUSED)
        self.monitor("block_resize", **{"node-name": "libvirt-1-format", "size": 96 * MIB})
        return paths

    def stored(self, path, what):
        self.gone()
        found = info(path)["format-specific"]["data"].get("bitmaps", [])
        self.equal([(b["name"], b["flags"]) for b in found], [("c1", ["auto"])], what)

    def test_resized(self):
        """20/B22, B23: the disk has grown under its bitmap, which is kept; one of another size cannot be."""
        paths = self.grown("grown", 2)
        self.equal(self.pulled(), "completed", "a pull of a disk that has grown completes")
        self.stored(paths[-1], "its bitmap is stored, and valid")
        paths = self.grown("grown-pivot", 2)
        self.domain.blockCommit("vda", None, None, 0, libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE)
        self.ok(jobs.wait_ready(self.domain, "vda"), "an active commit of one gets ready")
        self.domain.blockJobAbort("vda", libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)
        self.stored(paths[0], "and takes the bitmap along")
        self.grown("grown-below", 1)
        self.refused(lambda: self.domain.blockPull("vda", 0, 0), OPERATION_UNSUPPORTED, "would be lost",
                     "a pull that would lose a bitmap is refused")
        self.gone()

    def test_two(self):
        """Two pulls beside each other, and only then somebody may have made bitmaps: each waits for the other."""
        name = "two"
        folder = plain.folder(self.daemon, name)
        chains = [make_chain(folder, ["%s.%d" % (t, n) for n in range(3)], fill=fill) for t in ("vda", "vdb")]
        self.daemon.own(*(chains[0] + chains[1]))
        self.name = name
        disks = [plain.disk("vda", chains[0][-1]), plain.disk("vdb", chains[1][-1])]
        self.domain = self.conn.createXML(plain.domain(name, disks), libvirt.VIR_DOMAIN_START_PAUSED)
        since = self.events.mark()
        for target in ("vda", "vdb"):
            self.domain.blockPull(target, 1, BYTES_PULL)
        for node in ("libvirt-1-format", "libvirt-2-format"):           # the two active images (01/A10)
            self.daemon.virsh("qemu-monitor-command", name, BITMAP % node)
        self.domain.blockJobSetSpeed("vda", 0, 0)
        self.ok(not self.events.wait_job(name, "vda", "completed", 1.5, since),
                "a pull at its end waits for another one")
        self.domain.blockJobSetSpeed("vdb", 0, 0)
        for target in ("vda", "vdb"):
            self.ok(self.events.wait_job(name, target, "completed", 30, since), "%s completes" % target)
        found = [names for node, names in self.bitmaps().items() if names]
        self.equal(found, [["c1"], ["c1"]], "QEMU lives, and each has its bitmap")
        self.gone()

    # --- storage that fails --------------------------------------------------------------------------------

    def test_read_error(self):
        """The base, on a server, has a sector that cannot be read."""
        folder = plain.folder(self.daemon, "read-error")
        base, middle, top = (os.path.join(folder, n) for n in ("base", "middle", "top"))
        socket = os.path.join(folder, "nbd")
        qemu_img("create", "-q", "-f", "raw", base, "64M")
        fill(0, base, "raw")
        pid = self.serve(base, "base", socket, iotype="read", sector=1024)
        served = "nbd+unix:///base?socket=" + socket
        for index, (path, below, fmt) in enumerate(((middle, served, "raw"), (top, middle, "qcow2")), 1):
            qemu_img("create", "-q", "-f", "qcow2", "-b", below, "-F", fmt, path, "64M")
            fill(index, path, "qcow2")
        self.daemon.own(middle, top)
        self.name = "read-error"
        self.domain = self.conn.createXML(plain.domain(self.name, [plain.disk("vda", top)]),
                                          libvirt.VIR_DOMAIN_START_PAUSED)
        self.equal(self.pulled(), "failed", "a pull whose base cannot be read ends as failed")
        self.equal(self.chain(), [top, middle, "base"], "with the old chain")
        self.ok(self.domain.isActive() and self.domain.blockStats("vda") is not None, "QEMU lives")
        self.ok("block job failed: Input/output error" in self.daemon.log_tail(), "the reason is in the daemon's log")
        self.equal(self.pulled("vda[3]"), "completed", "the next pull, which does not need that sector, works")
        self.equal(self.chain(), [top, "base"], "and shortens the chain")
        self.gone()
        self.served_ends(pid)
        os.unlink(middle)
        qemu_img("rebase", "-u", "-b", base, "-F", "raw", top)
        wrong = holds(top, range(3))
        self.ok(not wrong, "the image on its base holds everything", wrong)

    def test_header_error(self):
        """H15: finalize cannot write the header of the active image, on a server, but has changed QEMU's graph."""
        folder = plain.folder(self.daemon, "header-error")
        base, top, socket = (os.path.join(folder, n) for n in ("base", "top", "nbd"))
        qemu_img("create", "-q", "-f", "qcow2", base, "64M")
        qemu_img("create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", top, "64M")
        for index, path in enumerate((base, top)):
            fill(index, path, "qcow2")
        with open(top, "r+b") as f:
            f.truncate(128 * MIB)           # a server's disk does not grow
        self.daemon.own(base)
        pid = self.serve(top, "top", socket, iotype="write", sector=0, once="on")
        self.name = "header-error"
        self.domain = self.conn.createXML(plain.domain(self.name, [SERVED % (socket, base)]),
                                          libvirt.VIR_DOMAIN_START_PAUSED)
        self.equal(self.pulled(), "failed", "a pull whose header cannot be written ends as failed (H15)")
        self.equal(self.chain(), ["top", base], "with the old chain")
        graph = self.monitor("x-debug-query-block-graph")["return"]
        names = {n["id"]: n["name"] for n in graph["nodes"]}
        backing = [names[e["child"]] for e in graph["edges"] if e["name"] == "backing"]
        self.equal(len(backing), 1, "QEMU's graph has the backing image again")
        self.equal(self.pulled(), "completed", "the next pull works")
        self.equal(self.chain(), ["top"], "and makes the image stand alone")
        self.gone()
        self.served_ends(pid)
        wrong = holds(top, range(2))
        self.ok(not wrong, "which holds everything", wrong)


BYTES_PULL = libvirt.VIR_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES


if __name__ == "__main__":
    sys.exit(suite.main("pulls", __doc__, Test, modes=("system",)))
