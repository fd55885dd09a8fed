"""What torture.py asks the driver for: one job on a disk, from its call to its end, in a thread of its own."""

import os
import threading

import libvirt

import jobs
from jobtest import ACTIVE, PIVOT

SHALLOW = libvirt.VIR_DOMAIN_BLOCK_COPY_SHALLOW
TRANSIENT = libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB
SYNCHRONOUS = libvirt.VIR_DOMAIN_BLOCK_COPY_SYNCHRONOUS_WRITES
DELETE = libvirt.VIR_DOMAIN_BLOCK_COMMIT_DELETE
ASYNC = libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_ASYNC
BYTES = 1 << 23             # in a second, when it is to take its time
COPY = "<disk type='file'><driver type='%s'/><source file='%s'/></disk>"
# name -> (the least depth of the chain, how often beside the others); the target of the last has no room
KINDS = {"commit": (2, 6), "middle": (3, 4), "pull": (2, 2), "pull-part": (3, 3), "copy": (1, 2),
         "copy-shallow": (2, 3), "snapshot": (1, 4), "copy-full": (1, 1)}
SNAPSHOT = "<domainsnapshot><name>s</name><disks>%s</disks></domainsnapshot>"
TAKEN = "<disk name='%s' snapshot='external'><source file='%s'/></disk>"
LEFT = "<disk name='%s' snapshot='no'/>"
SNAPSHOT_FLAGS = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA


class Job(threading.Thread):
    """Random, by what the disk's chain allows. phase: `start` before its call, `ready`, `finish` before its pivot or
    abort; disk.outcomes gets the chain that it makes."""

    def __init__(self, disk, random, small):
        super().__init__(daemon=True)
        self.disk, self.chain = disk, disk.chain
        self.domain = disk.machine.domain()
        kinds = [(kind, often) for kind, (depth, often) in KINDS.items() if depth <= len(self.chain)]
        self.kind = random.choices(*zip(*kinds))[0]
        self.slow = random.random() < 0.4
        self.finish = random.choice(["pivot", "pivot", "pivot", "abort", "leave"])
        self.flags = random.choice([0, DELETE]), random.choice([0, 0, SYNCHRONOUS]), random.choice([0, 0, ASYNC])
        self.base = random.randrange(1, max(2, len(self.chain)))
        self.low = random.randrange(2, max(3, len(self.chain)))
        self.format = random.choice(["qcow2", "raw"])
        self.switches = self.kind not in ("middle", "pull", "pull-part", "snapshot")
        self.phases = {name: threading.Event() for name in ("start", "ready", "finish")}
        self.error = None
        makes = "copy" in self.kind or self.kind == "snapshot"
        self.target = disk.path(small if self.kind == "copy-full" else None) if makes else None
        if self.kind in ("copy-shallow", "snapshot"):
            self.format = "qcow2"
        new = self.new()
        self.new_chain = new
        disk.outcomes = [self.chain] + ([new] if new else [])
        if self.target:
            disk.formats[self.target] = self.format

    def new(self):
        if self.kind == "commit":
            return self.chain[self.base:]
        if self.kind == "middle":
            return self.chain[:1] + self.chain[self.low:]
        if self.kind == "pull":
            return self.chain[:1]
        if self.kind == "pull-part":
            return self.chain[:1] + self.chain[self.low:]
        if self.kind == "copy-full":
            return None                         # there is no room for it
        if self.kind == "snapshot":
            return [self.target] + self.chain
        return [self.target] + (self.chain[1:] if self.kind == "copy-shallow" else [])

    def __str__(self):
        more = {"commit": "base %d flags %d" % (self.base, self.flags[0]),
                "middle": "base %d flags %d" % (self.low, self.flags[0]),
                "pull-part": "base %d" % self.low}.get(self.kind, "")
        if self.kind == "snapshot":
            more = os.path.basename(self.target)
        elif self.target:
            more = "%s %s sync %d" % (os.path.basename(self.target), self.format, bool(self.flags[1]))
        return " ".join(w for w in (self.disk.name, self.kind, more, "slow" if self.slow else "",
                                    self.finish if self.switches else "",
                                    "async" if self.flags[2] and self.switches else "") if w)

    def commands(self):
        """To QEMU's monitor, at which the daemon may die; the likelier ones more often."""
        if self.kind == "snapshot":
            return ["blockdev-create", "job-dismiss", "blockdev-add", "transaction", "transaction", "transaction"]
        begin = {"commit": ["block-commit"], "middle": ["block-commit"], "pull": ["block-stream"],
                 "pull-part": ["block-stream"]}.get(self.kind, ["blockdev-create", "blockdev-add", "blockdev-mirror"])
        if not self.switches:
            return begin + ["blockdev-reopen", "job-finalize", "job-finalize", "job-dismiss", "blockdev-del"]
        if self.finish == "abort":
            return begin + ["cancel", "cancel", "job-dismiss", "blockdev-del"]
        return begin + ["job-complete", "job-complete", "job-finalize", "job-finalize", "blockdev-del", "job-dismiss"]

    # --- the thread ------------------------------------------------------------------------------------------

    def run(self):
        try:
            self.phases["start"].set()
            self.begin()
            if self.switches:
                self.end()
        except libvirt.libvirtError as e:
            self.error = str(e)
        finally:
            for phase in self.phases.values():
                phase.set()

    def begin(self):
        speed, target = BYTES if self.slow else 0, self.disk.target
        if self.kind == "commit":
            self.domain.blockCommit(target, self.chain[self.base], None, speed, ACTIVE | self.flags[0] |
                                    libvirt.VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES)
        elif self.kind == "middle":
            self.domain.blockCommit(target, self.chain[self.low], self.chain[1], speed, self.flags[0] |
                                    libvirt.VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES)
        elif "pull" in self.kind:
            base = self.chain[self.low] if self.kind == "pull-part" else None
            self.domain.blockRebase(target, base, speed, libvirt.VIR_DOMAIN_BLOCK_REBASE_BANDWIDTH_BYTES)
        elif self.kind == "snapshot":
            disks = [TAKEN % (target, self.target)] + [LEFT % d.target for d in self.disk.machine.disks
                                                       if d is not self.disk]
            self.domain.snapshotCreateXML(SNAPSHOT % "".join(disks), SNAPSHOT_FLAGS)
        else:
            self.domain.blockCopy(target, COPY % (self.format, self.target), {"bandwidth": speed} if speed else {},
                                  TRANSIENT | self.flags[1] | (SHALLOW if self.kind == "copy-shallow" else 0))

    def end(self):
        state = lambda: jobs.mirror(self.domain.XMLDesc(0), self.disk.target)  # noqa: E731
        jobs.wait_for(lambda: (state() or (0, "yes"))[1] == "yes", 60 if self.new_chain else 2)
        self.phases["ready"].set()
        if self.finish == "leave":
            return
        self.phases["finish"].set()
        self.domain.blockJobAbort(self.disk.target, self.flags[2] | (PIVOT if self.finish == "pivot" else 0))
