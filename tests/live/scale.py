#!/usr/bin/python3
"""Deep chains and long lives: a chain of 200 images is started, committed and pivoted as a whole, pulled in parts; a
daemon that dies while it starts one leaves it to the next daemon, which puts it together; starts and destroys leave
nothing behind in the daemon; many domains are found again by the next one.
"""

import os
import re
import signal
import sys

import libvirt
import libvirt_qemu

import jobs
import jobtest
import plain
import suite
from faults import FaultDaemon
from images import deep_chain, qemu_io
from jobtest import ACTIVE, PAUSED, PIVOT
from qmp import Qmp

BACKING = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_BACKING
DEPTH = 200          # the most that there may be
CROWD = 10          # more than are asked for everything at once when the daemon starts
LIFE = 200           # starts in the life of one daemon


class Test(jobtest.JobChecks):
    def deep(self, name, depth):
        """(domain, paths): data in the base, in the middle, and in the top one; the rest is empty."""
        paths = deep_chain(plain.folder(self.daemon, name), depth)
        for number in (0, depth // 2, depth - 1):
            qemu_io(paths[number], "qcow2", "write -P %d %dk 64k" % (number % 250 + 1, number * 64))
            with open(paths[number], "rb") as f:        # the file system has decided what it takes up
                os.fsync(f.fileno())
        self.daemon.own(*paths)
        return self.conn.defineXML(plain.domain(name, [plain.disk("vda", paths[-1])], machine="q35")), paths

    def holds(self, path, depth):
        """Whether the image alone holds the data of all."""
        for number in (0, depth // 2, depth - 1):
            text = qemu_io(path, "qcow2", "read -P %d %dk 64k" % (number % 250 + 1, number * 64))
            if "verification failed" in text:
                return False
        return True

    def commit_all(self, domain, paths):
        """Commits the whole chain into its base. Only what is linked in QEMU's graph can be reached and copied."""
        domain.blockCommit("vda", None, None, 0, ACTIVE)
        if not self.ok(jobs.wait_ready(domain, "vda", 120), "a commit of the whole chain gets ready",
                       self.daemon.log_tail):
            return
        domain.blockJobAbort("vda", PIVOT)
        self.ok(jobs.chain(domain.XMLDesc(0), "vda")[0] == paths[:1], "and is pivoted to the base")
        nodes = re.findall(r'"node-name": ?"(libvirt-\d+-format)"', libvirt_qemu.qemuMonitorCommand(
            domain, '{"execute":"query-named-block-nodes","arguments":{"flat":true}}', 0))
        self.ok(len(nodes) == 1, "QEMU has closed the other images", lambda: " ".join(nodes))
        domain.destroy()
        self.ok(self.holds(paths[0], len(paths)), "the base holds what each image held")

    def test_deep(self):
        domain, paths = self.deep("deep", DEPTH)
        domain.createWithFlags(PAUSED)
        self.ok(jobs.chain(domain.XMLDesc(0), "vda")[0] == paths[::-1],
                "a chain of %d images is started, and the live XML names them all" % DEPTH)
        (_, figures), = self.conn.domainListGetStats([domain], libvirt.VIR_DOMAIN_STATS_BLOCK, BACKING)
        # of images of a deep chain QEMU is not asked, for its guest would stand still until it has answered
        wanted = ["block.%d.%s" % (n, what) for n in range(DEPTH) for what in ("capacity", "physical", "allocation")]
        self.ok(figures["block.count"] == DEPTH and not [key for key in wanted if key not in figures],
                "the figures of all its images come in one call",
                lambda: "%d; missing: %s" % (figures["block.count"], [k for k in wanted if k not in figures][:5]))
        size = os.stat(paths[-1])
        self.ok((figures.get("block.0.capacity"), figures.get("block.0.physical")) == (64 << 20, size.st_blocks * 512),
                "and are right", lambda: str({k: v for k, v in figures.items() if k.startswith("block.0.")}),
                known="physical is the file's length")
        self.ok(domain.blockInfo("vda") == [64 << 20, size.st_blocks * 512, size.st_size], "as are those of one disk",
                lambda: domain.blockInfo("vda"))
        self.commit_all(domain, paths)

    def test_depths(self):
        """Half of a chain is pulled into its top, then all of it."""
        for depth in (1, 2, 10, 100, DEPTH):
            self.domain, paths = self.deep("depth%d" % depth, depth)
            self.name = self.domain.name()
            self.domain.createWithFlags(PAUSED)
            middle = depth // 2
            for base, left in ([(paths[middle], paths[middle::-1])] if middle < depth - 1 else []) + [(None, [])]:
                what = "a pull of a chain of %d %s" % (depth, "to its middle" if base else "as a whole")
                self.equal(self.pulled(base), "completed", what + " completes")
                self.equal(self.chain(), paths[-1:] + left, what + " leaves what it has to")
            self.gone()
            self.ok(self.holds(paths[-1], depth), "the top of %d holds what each image held" % depth)

    def test_middles(self):
        """All between the top and the base goes into the base."""
        for depth in (10, DEPTH):
            self.domain, paths = self.deep("middle%d" % depth, depth)
            self.name = self.domain.name()
            self.domain.createWithFlags(PAUSED)
            self.equal(self.committed(None, paths[-2]), "completed", "a commit in a chain of %d completes" % depth)
            self.equal(self.chain(), [paths[-1], paths[0]], "a commit in a chain of %d leaves top and base" % depth)
            self.gone()
            self.ok(self.holds(paths[-1], depth), "top and base of %d hold what each image held" % depth)

    def test_died(self):
        """Between QEMU's start and the links of its nodes."""
        depth = 40
        if not self.daemon.can_fail():
            self.out.skip("a daemon that dies during a start", "this module cannot fail on demand")
            return
        self.daemon.restart()                   # its first start of a deep chain is meant
        self.conn = self.daemon.connect()
        domain, paths = self.deep("died", depth)
        self.daemon.fail("die-chain-link:1")
        try:
            domain.createWithFlags(PAUSED)
            died = False
        except libvirt.libvirtError:
            died = self.daemon.ask(do="wait", pid=self.daemon.pid, timeout=20)["status"] == 9
        self.daemon.fail(None)
        if not self.ok(died, "the daemon dies while it starts a domain with a chain of %d" % depth,
                       self.daemon.log_tail):
            return
        self.daemon.start()
        self.conn = self.daemon.connect()
        domain = self.conn.lookupByName("died")
        self.ok(domain.state()[0] == libvirt.VIR_DOMAIN_PAUSED, "the next one has the domain, paused", domain.state)
        self.commit_all(domain, paths)

    def away(self, name, *commands):
        """Tells QEMU something while no daemon is there."""
        qmp = Qmp(self.daemon.monitor_path(name))
        try:
            for command in commands:
                qmp.call(command)
        finally:
            qmp.close()

    def running(self):
        return sorted(domain.name() for domain in self.conn.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_RUNNING))

    def test_crowd(self):
        """Of many domains the devices are asked last. What has happened while no daemon was there is found by itself,
        and what QEMU says in the first moment is heard. (06/R2)"""
        names = ["crowd%d" % n for n in range(CROWD)]
        for name in names:
            xml, _ = plain.chain_domain(self.daemon, name, 1, memory=16)
            self.conn.defineXML(xml).createWithFlags(PAUSED)
        self.daemon.stop()
        for name in names[:4]:
            self.away(name, "cont")
        self.daemon.start()
        for name in names[4:6]:
            os.kill(self.daemon.qemu_pid(name), signal.SIGKILL)
        self.conn = self.daemon.connect()
        domains = [self.conn.lookupByName(name) for name in names]
        self.ok(jobs.wait_for(lambda: self.running() == names[:4], 20), "nobody has to come for it to be asked",
                self.running)
        self.ok(jobs.wait_for(lambda: not any(domain.isActive() for domain in domains[4:6]), 20), "some have ended")
        domains[4].createWithFlags(PAUSED)
        self.equal(domains[4].state()[0], libvirt.VIR_DOMAIN_PAUSED, "and can be started again")
        for domain in domains:
            if domain.isActive():
                domain.destroy()
            domain.undefine()

    def test_panicked(self):
        """QEMU reports its guest's panic to a new daemon that has not had its answers yet."""
        if not self.daemon.can_fail():
            self.out.skip("a guest that panics while it is not known", "this module cannot fail on demand")
            return
        xml, _ = plain.chain_domain(self.daemon, "panicked", 1, memory=16)
        folder = self.daemon.path("img", "panicked", "side")
        os.mkdir(folder)
        os.chmod(folder, 0o777)         # QEMU makes its socket there
        side = os.path.join(folder, "sock")
        xml = xml.replace("<memballoon", "<panic model='isa'/><memballoon").replace(
            "<domain ", "<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0' ").replace(
            "</domain>", "<qemu:commandline><qemu:arg value='-qmp'/><qemu:arg value='unix:%s,server=on,wait=off'/>"
            "</qemu:commandline></domain>" % side)
        self.conn.defineXML(xml).create()
        self.daemon.stop()
        self.daemon.fail("qmp-answer:1+")
        self.daemon.start()
        self.conn = self.daemon.connect()
        domain = self.conn.lookupByName("panicked")
        self.ok(jobs.wait_for(lambda: "does not answer" in self.daemon.log_tail(), 20), "its answers get lost")
        qmp = Qmp(side)
        qmp.call("human-monitor-command", **{"command-line": "o /b 0x505 1"})
        qmp.close()
        self.ok(jobs.wait_for(lambda: not domain.isActive(), 20), "on_crash=destroy ends a guest that panics")
        self.daemon.fail(None)
        domain.createWithFlags(PAUSED)
        self.equal(domain.state()[0], libvirt.VIR_DOMAIN_PAUSED, "and it can be started again")
        domain.destroy()
        domain.undefine()

    def test_many(self):
        xml, _ = plain.chain_domain(self.daemon, "again", 1, memory=16)
        domain = self.conn.defineXML(xml)
        self.cycle(domain, 5)                   # caches and pools are filled
        before = self.settled()
        self.cycle(domain, LIFE - 5)
        after = self.settled()
        self.ok(after == before, "%d starts and destroys leave no descriptor and no thread in the daemon" % LIFE,
                lambda: "%s\n%s\n%s" % (before, after, "\n".join(self.open_files())))
        domain.undefine()

    @staticmethod
    def cycle(domain, count):
        for _ in range(count):
            domain.createWithFlags(PAUSED)
            domain.destroy()

    def figures(self):
        return self.daemon.descriptors(), self.daemon.lasting_threads()

    def settled(self):
        """(descriptors, threads) once they stay the same for a second: the event thread closes a bit later."""
        last = [self.figures(), 0]

        def stays():
            now = self.figures()
            last[1] = last[1] + 1 if now == last[0] else 0
            last[0] = now
            return last[1] >= 20
        jobs.wait_for(stays, 30, 0.05)
        return last[0]

    def open_files(self):
        folder = "/proc/%d/fd" % self.daemon.pid
        return sorted(os.readlink(os.path.join(folder, fd)) for fd in os.listdir(folder))


if __name__ == "__main__":
    sys.exit(suite.main("scale", __doc__, Test, modes=("system",), kind=FaultDaemon))
