#!/usr/bin/python3
"""Jobs in QEMU that no record names (behaviour/06 R4, "alien"): somebody else has begun them at the monitor, while the
daemon runs or while there is none, or the record of one of ours was lost.
"""

import sys
from xml.etree import ElementTree

import libvirt

import jobs
import jobtest
import suite
from jobtest import INACTIVE, PIVOT, holds
from qmp import Qmp

SLOW = 1000                 # bytes in a second: it does not get anywhere
SPEED = 2 * SLOW
BYTES = libvirt.VIR_DOMAIN_BLOCK_JOB_SPEED_BANDWIDTH_BYTES
PULL, COPY, COMMIT, ACTIVE = 1, 2, 3, 4         # types that clients see
INVALID, UNSUPPORTED, BUSY = 55, 84, 83
NULL = {"driver": "null-co", "size": 64 << 20}


class Test(jobtest.JobChecks):
    def at_monitor(self):
        """QEMU's monitor, with no daemon at it."""
        self.daemon.kill()
        return Qmp(self.daemon.monitor_path(self.name))

    def come_back(self, qmp):
        qmp.close()
        self.daemon.start()
        self.connect()
        self.domain = self.conn.lookupByName(self.name)

    def call(self, command, **arguments):
        """At the monitor, by way of the daemon."""
        reply = self.monitor(command, **{key.replace("_", "-"): value for key, value in arguments.items()})
        if "error" in reply:
            raise RuntimeError("%s: %s" % (command, reply["error"]["desc"]))
        return reply["return"]

    def node(self, image):
        """The format node of an image."""
        return next(n["node-name"] for n in self.call("query-named-block-nodes")
                    if n["drv"] == "qcow2" and n["file"] == image)

    def mirror(self, call, job, device, target, **more):
        call("blockdev-add", node_name=target, **NULL)
        call("blockdev-mirror", job_id=job, device=device, target=target, sync="full", speed=SLOW, **more)

    def told(self, kind, what):
        self.ok(jobs.wait_for(lambda: self.domain.blockJobInfo("vda", 0).get("type") == kind, 20), what,
                self.domain.blockJobInfo("vda", 0))

    def guarded(self, code):
        """What a job of ours on the disk would forbid (07/G1)."""
        words = "already in active block job"
        disk = ElementTree.tostring(jobs.disk_element(self.domain.XMLDesc(0), "vda"), "unicode")
        self.refused(lambda: self.domain.blockPull("vda", 0, 0), code, words, "no other job on its disk")
        self.refused(lambda: self.domain.detachDevice(disk), code, words, "its disk cannot be unplugged")
        self.refused(lambda: self.domain.managedSave(0), INVALID, "domain has active block job", "no save")
        self.refused(lambda: self.domain.snapshotCreateXML("<domainsnapshot/>", libvirt.
                                                           VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY), code, words,
                     "no snapshot of its disk")

    def paced(self):
        self.domain.blockJobSetSpeed("vda", SPEED, BYTES)
        self.equal(self.domain.blockJobInfo("vda", libvirt.VIR_DOMAIN_BLOCK_JOB_INFO_BANDWIDTH_BYTES)["bandwidth"],
                   SPEED, "its speed can be set, and is told")

    def given_up(self, job):
        self.refused(lambda: self.domain.blockJobAbort("vda", PIVOT), UNSUPPORTED, job, "it cannot be pivoted")
        since = self.events.mark()
        self.domain.blockJobAbort("vda", 0)
        self.equal(self.domain.blockJobInfo("vda", 0), {}, "an abort has ended it when it returns")
        self.equal(self.call("query-jobs"), [], "QEMU has it no more")
        self.equal(self.ended(since), "canceled", "the event says so")

    def usable(self):
        """The disk is as before the job."""
        self.equal(self.chain(), self.paths[::-1], "the chain is the old one")
        self.equal(self.pulled(), "completed", "a pull of the disk works")
        self.equal(self.chain(INACTIVE), self.paths[-1:], "and is written down")
        self.domain.destroy()
        wrong = holds(self.paths[-1])
        self.ok(not wrong, "the image holds everything", wrong)
        self.gone()

    # --- begun while the daemon runs ---------------------------------------------------------------------------

    def test_mirror(self):
        self.started("mirror")
        self.mirror(self.call, "theirs", self.node(self.paths[-1]), "foreign")
        self.told(COPY, "somebody's mirror is shown")
        self.guarded(BUSY)
        self.paced()
        self.given_up("theirs")
        self.call("blockdev-del", node_name="foreign")
        self.usable()

    def test_commits(self):
        """Both kinds; QEMU calls them the same."""
        self.started("commits")
        device = self.node(self.paths[-1])
        self.call("block-commit", job_id="all", device=device, base_node=self.node(self.paths[1]), speed=SLOW)
        self.told(ACTIVE, "somebody's commit of the active image is shown")
        self.guarded(BUSY)
        self.given_up("all")
        self.call("block-commit", job_id="part", device=device, top_node=self.node(self.paths[2]),
                  base_node=self.node(self.paths[1]), speed=SLOW, auto_dismiss=False, auto_finalize=False)
        self.told(COMMIT, "somebody's commit of another image is shown")
        self.guarded(UNSUPPORTED)
        self.paced()
        self.given_up("part")
        self.usable()

    def test_ends(self):
        """The one who has begun it ends it, and keeps it: it is in nobody's way."""
        self.started("ends")
        device = self.node(self.paths[-1])
        since = self.events.mark()
        self.mirror(self.call, "theirs", device, "foreign", auto_dismiss=False)
        self.told(COPY, "somebody's mirror is shown")
        self.call("block-job-set-speed", device="theirs", speed=0)
        self.ok(self.events.wait_job(self.name, "vda", "ready", since=since), "its getting ready is told")
        self.call("block-job-cancel", device="theirs", force=True)
        self.equal(self.ended(since), "canceled", "so is its end")
        self.equal([j["status"] for j in self.call("query-jobs")], ["concluded"], "it is its owner's to dismiss")
        self.usable()

    def test_kept(self):
        """H3: QEMU must not be asked for its nodes between the end of a stream and its dismissal."""
        self.started("kept")
        since = self.events.mark()
        self.call("block-stream", job_id="theirs", device=self.node(self.paths[-1]), auto_dismiss=False, speed=SLOW)
        self.told(PULL, "somebody's stream, which has to be placed before it can be told")
        self.call("block-job-set-speed", device="theirs", speed=0)
        self.equal(self.ended(since), "completed", "somebody's stream ends")
        self.conn.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_BLOCK, libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_BACKING)
        self.domain.blockInfo("vda")
        self.equal(self.domain.blockJobInfo("vda", 0), {}, "it is not shown any more")
        self.daemon.restart()
        self.connect()
        self.domain = self.conn.lookupByName(self.name)
        self.conn.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_BLOCK, libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_BACKING)
        self.call("job-dismiss", id="theirs")
        self.domain.destroy()
        wrong = holds(self.paths[-1])
        self.ok(not wrong, "QEMU has lived, the image holds everything", wrong)
        self.gone()

    def test_elsewhere(self):
        """Of no disk of the domain."""
        self.started("elsewhere")
        self.call("blockdev-add", node_name="from", **NULL)
        self.mirror(self.call, "theirs", "from", "to")
        self.equal(self.domain.blockJobInfo("vda", 0), {}, "a job of other nodes is no disk's")
        self.equal(self.pulled(), "completed", "and in nobody's way")
        self.ok([j for j in self.call("query-jobs") if j["id"] == "theirs"], "it goes on")
        self.gone()

    # --- begun while there is none -----------------------------------------------------------------------------

    def test_restart(self):
        self.started("restart")
        device = self.node(self.paths[-1])
        qmp = self.at_monitor()
        qmp.call("block-stream", job_id="theirs", device=device, speed=SLOW)
        self.come_back(qmp)
        self.told(PULL, "somebody's stream is found by a new daemon")
        self.guarded(UNSUPPORTED)
        self.paced()
        self.daemon.restart()
        self.connect()
        self.domain = self.conn.lookupByName(self.name)
        self.told(PULL, "and by the next one")
        self.given_up("theirs")
        self.usable()

    def test_gone_meanwhile(self):
        """It has ended when the next daemon comes."""
        self.started("meanwhile")
        self.mirror(self.call, "theirs", self.node(self.paths[-1]), "foreign")
        self.told(COPY, "somebody's mirror is shown")
        qmp = self.at_monitor()
        qmp.call("block-job-cancel", device="theirs", force=True)
        jobs.wait_for(lambda: not qmp.call("query-jobs"))
        self.come_back(qmp)
        self.equal(self.domain.blockJobInfo("vda", 0), {}, "it is not shown any more")
        self.usable()

    # --- called as ours -----------------------------------------------------------------------------------------

    def lost(self, name, begin):
        """A job with a name of ours whose record is lost: nothing was ever decided for it."""
        self.started(name)
        device = self.node(self.paths[-1])
        qmp = self.at_monitor()
        begin(qmp.call, device)
        self.come_back(qmp)
        self.ok(jobs.wait_for(lambda: not self.call("query-jobs"), 20), "%s: it is ended, and dismissed" % name)
        self.ok(jobs.wait_for(lambda: "libvirt-99-format" not in self.nodes(), 20),
                "%s: no node of it is left" % name, self.nodes)
        self.ok(device in self.nodes(), "%s: the disk's nodes are" % name)
        self.equal(self.domain.blockJobInfo("vda", 0), {}, "%s: the disk has no job" % name)
        self.usable()

    def nodes(self):
        return [n["node-name"] for n in self.call("query-named-block-nodes")]

    def test_lost_copy(self):
        self.lost("lost-copy", lambda call, device: self.mirror(call, "copy-vda-" + device, device, "libvirt-99-format",
                                                                auto_dismiss=False, auto_finalize=False))

    def test_lost_pull(self):
        self.lost("lost-pull", lambda call, device: call("block-stream", job_id="pull-vda-" + device, device=device,
                                                         speed=SLOW, auto_dismiss=False, auto_finalize=False))

    def test_lost_ended(self):
        """It has ended, and is not dismissed."""
        def begin(call, device):
            job = "commit-vda-" + device
            call("block-commit", job_id=job, device=device, speed=SLOW, auto_dismiss=False, auto_finalize=False)
            call("block-job-cancel", device=job, force=True)
            jobs.wait_for(lambda: call("query-jobs")[0]["status"] == "concluded")
        self.lost("lost-ended", begin)


if __name__ == "__main__":
    sys.exit(suite.main("strays", __doc__, Test, modes=("system",)))
