#!/usr/bin/python3
"""Each job with a QEMU that runs as root (user = "root" in qemu.conf): it finishes, pivots, or is given up; images
keep their owners, and data is where it belongs. The other programs have QEMU's own user, and nobody.
"""

import os
import pwd
import sys

import libvirt

import jobtest
import suite
from daemon import Daemon
from jobtest import LAYERS, holds

CONF = 'user = "root"\ngroup = "root"\n'
OWNER = pwd.getpwnam("nobody").pw_uid


class RootDaemon(Daemon):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, qemu_conf=CONF, **kwargs)


class Test(jobtest.JobChecks):
    def started(self, name, layers=LAYERS):
        super().started(name, layers)
        self.domain.destroy()
        for path in self.paths:
            os.chown(path, OWNER, -1)
        self.domain.create()

    def owners(self, *more):
        return [os.stat(path).st_uid for path in list(self.paths) + list(more)]

    def test_jobs(self):
        self.started("root")
        status = "/proc/%d/status" % self.daemon.qemu_pid("root")
        with open(status) as f:
            uid = next(line for line in f if line.startswith("Uid")).split()[1]
        self.equal(uid, "0", "QEMU is root")
        copy = os.path.join(os.path.dirname(self.paths[0]), "copy")
        for what, job, wanted in (("a commit", lambda: self.committed("vda[5]", "vda[4]"), "completed"),
                                  ("a pull", lambda: self.pulled("vda[5]"), "completed"),
                                  ("a commit that is given up", self.aborted, "canceled"),
                                  ("a copy that is given up", lambda: self.copied(copy + ".old", switch=0), "canceled"),
                                  ("a copy", lambda: self.copied(copy), "completed")):
            self.equal(job(), wanted, "%s: its end" % what)
        self.equal(self.chain(), [copy], "the guest is on the copy")
        self.refused(lambda: self.domain.blockRebase("vda", self.paths[0], 0, 0), libvirt.VIR_ERR_INVALID_ARG,
                     "could not find image", "a pull of what has left the chain")
        self.domain.destroy()
        self.equal(self.owners(), [OWNER] * LAYERS, "all images have their owners again",
                   known="those that left a chain are root's")
        for path in (copy, copy + ".old", self.paths[-1]):
            wrong = holds(path)
            self.ok(not wrong, "%s has everything" % os.path.basename(path), wrong)
        self.domain.undefine()

    def test_pivot(self):
        self.started("root-pivot")
        self.equal(self.pivoted(), "completed", "a pivot")
        self.equal((self.chain(), self.chain(jobtest.INACTIVE)), ([self.paths[0]],) * 2, "base is active")
        self.domain.destroy()
        self.equal(self.owners(), [OWNER] * LAYERS, "all images have their owners again",
                   known="those that left a chain are root's")
        wrong = holds(self.paths[0])
        self.ok(not wrong, "base has everything", wrong)
        self.domain.undefine()


if __name__ == "__main__":
    sys.exit(suite.main("rootuser", __doc__, Test, modes=("system",), kind=RootDaemon))
