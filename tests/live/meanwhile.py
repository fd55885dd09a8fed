#!/usr/bin/python3
"""Each state that a block job may be recorded in, and what may happen to it while no daemon is there: the daemon dies
at a chosen command, somebody else is at QEMU's monitor, the daemon comes back. Then the job must have ended as the
table below says, and the disk is judged as in sweep.py.

Names of kinds of jobs as arguments run only these.
"""

import random
import sys
import threading

import libvirt

import jobs
import options
from copies import destination
from daemon import DaemonError
from jobtest import ACTIVE, PIVOT, TRANSIENT
from qmp import Qmp
from sweep import Place
from sweep_cell import Cell
from sweep_operations import OPERATIONS, Operation, copied, shortened
from tap import Tap

SLOW = 1000                 # bytes in a second: it does not get anywhere
# what is recorded -> (the call that the daemon dies in, the command that it does not send any more); None: it is
# killed where it has nothing to do
RECORDS = {"running": None, "ready": None, "pivoting": (PIVOT, "job-complete"), "committed": (PIVOT, "job-finalize"),
           "cancelling": (0, "cancel"), "finalizing": (None, "job-finalize")}
# (record, what is done at the monitor, how it ends, the rule); "ready": it goes on, and can be aborted
SWITCHES = [
    ("running", "speed", "ready", "R4, new or running x ready"),
    ("running", "speed complete", "old", "an intent that is not ours"),
    ("running", "speed complete finalize", "new", "R5.1, before READY was saved"),
    ("running", "speed complete finalize dismiss", "new", "R5.8, before READY was saved"),
    ("running", "cancel", "old", "R4, with error"),
    ("running", "cancel dismiss", "old", "R4, not listed"),
    ("ready", "", "ready", "R4, ready x ready"),
    ("ready", "complete", "old", "R4, pending: an intent that is not ours"),
    ("ready", "complete finalize", "new", "R5.1, R5.4"),
    ("ready", "complete finalize dismiss", "new", "R5.8"),
    ("ready", "cancel", "old", "R5.2, R5.7"),
    ("ready", "cancel dismiss", "old", "R4, not listed"),
    ("ready", "soft", "old", "H8, pending"),
    ("ready", "soft finalize", "old", "R5.2, R5.7 without error"),
    ("ready", "soft finalize dismiss", "old", "R4, not listed"),
    ("pivoting", "", "new", "R5.5"),
    ("pivoting", "complete", "new", "R4, pending"),
    ("pivoting", "complete finalize", "new", "R5.6"),
    ("pivoting", "complete finalize dismiss", "new", "R5.6, dismissed"),
    ("pivoting", "cancel", "old", "called off"),
    ("pivoting", "cancel dismiss", "old", "called off, not listed"),
    ("pivoting", "soft", "old", "pending, of which nobody can tell why: the root decides"),
    ("pivoting", "soft finalize", "old", "ended by somebody else"),
    ("committed", "", "new", "R4, pending"),
    ("committed", "finalize", "new", "R5.6"),
    ("committed", "finalize dismiss", "new", "R5.8"),
    ("committed", "cancel", "old", "the decision was taken back"),
    ("committed", "cancel dismiss", "old", "the decision was taken back, not listed"),
    ("cancelling", "", "old", "R5.5"),
    # job-finalize would switch, also after a soft cancel
    ("cancelling", "complete", "old", "R4, pending"),
    ("cancelling", "complete finalize", "new", "the pivot had won"),
    ("cancelling", "complete finalize dismiss", "new", "the pivot had won, not listed"),
    ("cancelling", "cancel", "old", "R5.3"),
    ("cancelling", "cancel dismiss", "old", "R5.3, not listed"),
    ("cancelling", "soft", "old", "H8, pending"),
    ("cancelling", "soft finalize", "old", "R5.3, R5.7"),
]
SHORTENS = [
    ("running", "", "new", "R4, running x running"),
    ("running", "speed", "new", "R4, pending"),
    ("running", "speed finalize", "new", "R5.10"),
    ("running", "speed finalize dismiss", "new", "R5.9"),
    ("running", "cancel", "old", "R4, with error"),
    ("running", "cancel dismiss", "old", "R4, not listed"),
    ("finalizing", "", "new", "R4, pending"),
    ("finalizing", "finalize", "new", "R5.10"),
    ("finalizing", "finalize dismiss", "new", "R5.9"),
    ("finalizing", "cancel", "old", "called off"),
    ("finalizing", "cancel dismiss", "old", "called off, not listed"),
]


def commit(cell, speed):
    cell.domain.blockCommit("vda", cell.paths[1], None, speed, ACTIVE | libvirt.VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES)


def middle(cell, speed):
    cell.domain.blockCommit("vda", cell.paths[1], cell.paths[2], speed, libvirt.VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES)


def pull(cell, speed):
    cell.domain.blockPull("vda", speed, libvirt.VIR_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES)


def rebase(cell, speed):
    cell.domain.blockRebase("vda", cell.paths[1], speed, libvirt.VIR_DOMAIN_BLOCK_REBASE_BANDWIDTH_BYTES)


def copy(cell, speed):
    cell.domain.blockCopy("vda", destination(cell.target, "qcow2"), {"bandwidth": speed} if speed else {}, TRANSIENT)


KINDS = {"commit": (commit, OPERATIONS["commit-pivot"].new, SWITCHES), "copy": (copy, copied, SWITCHES),
         "middle": (middle, shortened, SHORTENS), "pull": (pull, OPERATIONS["pull"].new, SHORTENS),
         "pull-part": (rebase, shortened, SHORTENS)}


class Meanwhile(Cell):
    """The guest is idle."""

    def __init__(self, place, name, kind, row):
        self.record, deeds, self.wanted, self.rule = row
        self.start, new, rows = KINDS[kind]
        self.deeds, self.switches = deeds.split(), rows is SWITCHES
        super().__init__(place, name, Operation(self.begin_job, new, None, 0), 0, "before", writing=False, dying=False)

    def begin_job(self, _cell):
        self.start(self, SLOW if self.record == "running" else 0)

    def recorded(self, state):
        return "<qbj:job " in self.status() and " state='%s'" % state in self.status()

    def crash(self):
        self.ran = True
        end, command = RECORDS[self.record] or (None, None)
        if self.record != "finalizing":
            self.begin_job(self)
            state = "running" if self.record == "running" else "ready"
            if not jobs.wait_for(lambda: self.recorded(state), 30):
                raise RuntimeError("the job does not get %s" % state)
        if command:
            self.daemon.die_at(command, -1)
            thread = threading.Thread(target=self.ended, args=(end,), daemon=True)
            thread.start()
            self.came = self.daemon.died()
            thread.join(30)
        else:
            self.daemon.kill()
        if not self.recorded(self.record):
            raise RuntimeError("%s is not recorded:\n%s" % (self.record, self.status()))
        qmp = Qmp(self.daemon.monitor_path(self.name))
        for deed in self.deeds:
            self.do(qmp, deed)
        qmp.close()

    def ended(self, end):
        try:
            if end is None:
                self.begin_job(self)
            else:
                self.domain.blockJobAbort("vda", end)
        except libvirt.libvirtError as e:
            self.told.append(str(e))

    def do(self, qmp, deed):
        job = qmp.call("query-jobs")[0]["id"]
        if deed == "speed":
            qmp.call("block-job-set-speed", device=job, speed=0)
        elif deed == "soft":
            qmp.call("block-job-cancel", device=job)
        else:
            qmp.call("job-" + deed, id=job)
        wanted = {"speed": "ready" if self.switches else "pending", "complete": "pending", "soft": "pending",
                  "finalize": "concluded", "cancel": "concluded"}.get(deed)
        if wanted and not jobs.wait_for(lambda: qmp.call("query-jobs")[0]["status"] == wanted, 30):
            raise RuntimeError("after %s: %s" % (deed, qmp.call("query-jobs")))

    def settle(self):
        if self.wanted == "ready":
            if not jobs.wait_ready(self.domain, "vda", 20):
                self.wrong("stuck", "it is not ready")
            self.domain.blockJobAbort("vda", 0)
        elif self.record == "running" and not self.deeds:
            self.domain.blockJobSetSpeed("vda", 0)
        if not jobs.wait_gone(self.domain, "vda", 30):
            self.wrong("stuck", "a job is left: %s" % self.job_info())


def run(out, args):
    place = Place(args.driver, args.build, args.guest_cache)
    try:
        cells = [(kind, row) for kind in args.kinds or KINDS for row in KINDS[kind][2]]
        if args.sample:
            cells = random.Random(args.sample).sample(cells, args.sample)
        for number, (kind, row) in enumerate(cells):
            cell = Meanwhile(place, "%s-%d" % (kind, number), kind, row)
            what = "%s, recorded as %s; %s: %s" % (kind, row[0], row[1] or "nothing happens", row[3])
            try:
                out.equal(cell.run(), "old" if cell.wanted == "ready" else cell.wanted, what)
                if cell.found:
                    out.diag(cell.text())
            except Exception:
                out.error(what)
                place.daemon.close()
                place = Place(args.driver, args.build, args.guest_cache)
    finally:
        place.daemon.close()


def main():
    parser = options.parser(__doc__)
    parser.add_argument("--sample", type=int, help="only so many combinations, always the same ones")
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=" ".join(KINDS))
    args = parser.parse_args()
    for kind in args.kinds:
        if kind not in KINDS:
            parser.error("no kind %s; there are: %s" % (kind, " ".join(KINDS)))
    options.finish(args)
    out = Tap("meanwhile")
    for _ in options.modes(args, out, ("system",)):
        try:
            run(out, args)
        except DaemonError as e:
            out.ok(False, "the daemon is there", e)
    return out.done()


if __name__ == "__main__":
    sys.exit(main())
