#!/usr/bin/python3
"""What we write about a running VM, in the hands of the stock driver: it starts VMs and block jobs, is killed, its
status files are read and written again by our code, and when it comes back it must still have the VMs, and must be
able to end each job as if nothing had happened.

This is the way back from our driver to the stock one; our module itself does not run here.
"""

import os
import subprocess
import sys

import libvirt

import jobs
import luks
import options
import plain
from daemon import Daemon, DaemonError
from images import consistent, qemu_img, qemu_io
from tap import Tap

ACTIVE = libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE
BYTES = libvirt.VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES
PIVOT = libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT


def fill(index, path, fmt):
    qemu_io(path, fmt, "write -P %d %dM 1M" % (index + 1, 2 * index))


class Test:
    def __init__(self, out, daemon, build):
        self.out, self.daemon, self.mode = out, daemon, daemon.mode
        self.rewriter = os.path.join(build, "tests", "statusrewrite")
        self.images = {}

    def ok(self, condition, what, detail=None):
        return self.out.ok(condition, "%s: %s" % (self.mode, what), detail)

    def rewrite(self, name):
        path = os.path.join(self.daemon.state_dir, name + ".xml")
        done = subprocess.run([self.rewriter, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.ok(done.returncode == 0 and "<blockjobs" in done.stdout, "status file of %s is read and written" % name,
                done.stderr)
        with open(path, "r+") as f:     # owner and mode stay
            f.truncate()
            f.write(done.stdout)
        return done.stdout

    def start(self, name):
        xml, self.images[name] = plain.chain_domain(self.daemon, name, 4, fill)
        if name in ("copy", "luks"):    # only a transient domain's disk may be copied
            self.conn.createXML(xml)
        else:
            self.conn.defineXML(xml).create()

    def domain(self, name):
        return self.conn.lookupByName(name)

    def paths(self, name):
        return jobs.chain(self.domain(name).XMLDesc(0), "vda")[0]

    def begin(self):
        """Six VMs: no job, an active commit in sync, a commit, a pull and copies, one into an encrypted image, that are
        held."""
        for name in ("idle", "active", "commit", "pull", "copy", "luks"):
            self.start(name)
        self.domain("active").blockCommit("vda", self.images["active"][0], None, 0, ACTIVE)
        self.ok(jobs.wait_ready(self.domain("active"), "vda") and
                jobs.wait_for(lambda: "state='ready'" in self.daemon.status_xml("active"), 20),
                "the active commit is in sync, and its file says so")
        _base, low, high, _top = self.images["commit"]
        self.domain("commit").blockCommit("vda", low, high, 1, BYTES)
        self.domain("pull").blockPull("vda", 1, libvirt.VIR_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES)
        self.copy = self.images["copy"][0] + ".copy"
        target = "<disk type='file'><driver type='qcow2'/><source file='%s'/></disk>" % self.copy
        self.domain("copy").blockCopy("vda", target, {"bandwidth": 1})
        self.encrypted = self.images["luks"][0] + ".copy"
        luks.define_secret(self.conn)
        qemu_img("create", "-q", *luks.OBJECT, "-f", "luks", "-o", "key-secret=s,iter-time=10", self.encrypted, "64M")
        self.daemon.own(self.encrypted)
        target = "<disk type='file'><driver type='raw'/><source file='%s'>%s</source></disk>"
        self.domain("luks").blockCopy("vda", target % (self.encrypted, luks.ENCRYPTION), {"bandwidth": 1},
                                      libvirt.VIR_DOMAIN_BLOCK_COPY_REUSE_EXT)

    def end_held(self, name, pivot=False):
        domain = self.domain(name)
        self.ok(domain.blockJobInfo("vda", 0), "%s: the job is still known" % name)
        domain.blockJobSetSpeed("vda", 0, 0)
        if pivot:
            self.ok(jobs.wait_ready(domain, "vda"), "%s: in sync" % name)
            domain.blockJobAbort("vda", PIVOT)
        self.ok(jobs.wait_gone(domain, "vda"), "%s: ended" % name)

    def check(self):
        for name in self.images:
            self.ok(self.domain(name).isActive() and self.daemon.qemu_pid(name), "%s: still runs" % name)
        self.ok((jobs.mirror(self.domain("active").XMLDesc(0), "vda") or (0, 0))[1] == "yes", "active: still in sync")
        self.end_held("active", pivot=True)
        self.end_held("commit")
        self.end_held("pull")
        self.end_held("copy", pivot=True)
        self.end_held("luks", pivot=True)

        want = {"idle": self.images["idle"][::-1], "active": self.images["active"][:1],
                "commit": [self.images["commit"][n] for n in (3, 1, 0)], "pull": self.images["pull"][3:],
                "copy": [self.copy], "luks": [self.encrypted]}
        for name, chain in want.items():
            self.out.equal(self.paths(name), chain, "%s: %s: chain at the end" % (self.mode, name))
        for name in self.images:
            self.domain(name).destroy()
            wrong = consistent(want[name][0], "raw" if name == "luks" else "qcow2")
            self.ok(not wrong, "%s: image is consistent" % name, wrong)

    def run(self):
        self.daemon.start()
        self.conn = self.daemon.connect()
        self.begin()
        self.daemon.kill()
        texts = {name: self.rewrite(name) for name in self.images}
        self.ok("state='ready'" in texts["active"] and texts["active"].count("<qbj:job ") == 1,
                "both forms of the record are there", texts["active"])
        self.daemon.start()
        self.conn = self.daemon.connect()
        jobs.wait_for(lambda: all(self.domain(n).isActive() for n in self.images), 10)
        self.check()


def main():
    args = options.finish(options.parser(__doc__).parse_args())
    out = Tap("statusfile")
    for mode in options.modes(args, out):
        try:
            daemon = Daemon(mode, "stock")
        except DaemonError as e:
            return out.skip_all(str(e))
        try:
            Test(out, daemon, args.build).run()
        except Exception:       # pylint: disable=broad-except
            out.error("%s: no exception" % mode)
            out.diag(daemon.log_tail())
        finally:
            daemon.close()
    return out.done()


if __name__ == "__main__":
    sys.exit(main())
