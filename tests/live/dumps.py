#!/usr/bin/python3
"""Core dumps: each kind, called off, with a daemon that dies at each step: the guest goes on, no half file stays."""

import os
import shutil
import signal
import subprocess
import sys

import libvirt

import jobs
import plain
import suite
from images import make_chain
from save import SaveDaemon, deleted_files

LIVE, CRASH, MEMORY = libvirt.VIR_DUMP_LIVE, libvirt.VIR_DUMP_CRASH, libvirt.VIR_DUMP_MEMORY_ONLY
RUNNING, PAUSED, SHUT = libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_SHUTOFF


class Dumps(suite.DaemonChecks):
    BY_NAME = ["sweep"]  # takes a minute

    def connect(self):
        super().connect()
        self.events = jobs.Events(self.conn)

    def make(self, name):
        self.name, self.folder = name, plain.folder(self.daemon, name)
        paths = make_chain(self.folder, ["vda"])
        self.daemon.own(*paths)
        self.core = os.path.join(self.folder, "core")
        domain = self.conn.defineXML(plain.domain(name, [plain.disk("vda", paths[0])]))
        domain.create()
        return domain

    def gone(self, domain):
        if domain.isActive():
            domain.destroy()
        domain.undefine()

    def begins(self, magic, what):
        with open(self.core, "rb") as f:
            self.equal(f.read(len(magic)), magic, what + ": the file")
        self.equal(oct(os.stat(self.core).st_mode)[-3:], "600", what + ": its mode")
        os.unlink(self.core)

    def as_before(self, domain, what):
        record = lambda: "<qbj:save" in (self.daemon.status_xml(self.name) or "<qbj:save")
        self.ok(jobs.wait_for(lambda: domain.state()[0] == RUNNING and not record(), 20), what + ": it goes on",
                lambda: self.daemon.log_tail())
        self.equal([n for n in os.listdir(self.folder) if n.startswith("core.")], [], what + ": no half file")

    def test_virsh(self):
        domain = self.make("guest")
        for words, magic in (("", b"QEVM"), ("--live", b"QEVM"), ("--memory-only", b"\x7fELF"),
                             ("--memory-only --format kdump-zlib", b"makedumpfile"),
                             ("--memory-only --format elf --verbose", b"\x7fELF"), ("--reset", b"QEVM"),
                             ("--bypass-cache", b"QEVM")):
            since = self.events.mark()
            done = self.daemon.virsh("dump", "guest", self.core, *words.split())
            self.equal(done[0], 0, "virsh dump %s: %s" % (words, done[1].strip()))
            self.begins(magic, "dump " + words)
            self.as_before(domain, "dump " + words)
            if words == "":
                self.ok(self.events.wait(lambda e: e == ("guest", "lifecycle", 4, 0), 10, since), "it is told")
        self.equal(domain.jobStats(libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED).get("operation"),
                   libvirt.VIR_DOMAIN_JOB_OPERATION_DUMP, "what was done is told")
        domain.coreDump(self.core, CRASH)
        self.equal(domain.state(), [SHUT, libvirt.VIR_DOMAIN_SHUTOFF_CRASHED], "CRASH ends it")
        self.begins(b"QEVM", "CRASH")
        self.gone(domain)

    def test_formats(self):
        """dump_image_format of qemu.conf; a word that is none is raw."""
        domain, conf = self.make("formats"), self.daemon.path("etc", "qemu.conf")
        with open(conf) as f:
            before = f.read()
        try:
            for word, magic in (("gzip", b"\x1f\x8b"), ("zip", b"QEVM")):
                with open(conf, "w") as f:
                    f.write(before + 'dump_image_format = "%s"\n' % word)
                self.daemon.restart()
                self.connect()
                domain = self.conn.lookupByName("formats")
                domain.coreDump(self.core, 0)
                if word == "gzip" and shutil.which("gzip"):
                    done = subprocess.run(["gzip", "-dc", self.core], capture_output=True, check=True)
                    self.equal(done.stdout[:4], b"QEVM", "what is compressed")
                self.begins(magic, word)
        finally:
            with open(conf, "w") as f:
                f.write(before)
            self.daemon.restart()
            self.connect()
        self.gone(self.conn.lookupByName("formats"))

    def test_full(self):
        """QEMU's word of a file that has no room is told."""
        domain, small = self.make("full"), self.daemon.path("img", "small")
        os.mkdir(small)
        inside = self.daemon.namespace_prefix()
        subprocess.run(inside + ["mount", "-t", "tmpfs", "-o", "size=1m", "none", small], check=True)
        self.refused(lambda: domain.coreDump(os.path.join(small, "core"), MEMORY), libvirt.VIR_ERR_OPERATION_FAILED,
                     "No space left", "of the memory alone, without room")
        self.as_before(domain, "without room")
        subprocess.run(inside + ["umount", "-l", small], check=True)
        self.gone(domain)

    def test_abort(self):
        """virDomainAbortJob; of the memory alone nothing calls off."""
        for flags in (0, LIVE, MEMORY):
            domain = self.make("abort-%d" % flags)
            word = "qbj-dump" if flags == MEMORY else "migrate-set-parameters"
            self.daemon.die_at(word, -1, signal.SIGSTOP)
            thread = suite.Waiting(lambda: suite.code(domain.coreDump, self.core, flags))
            self.ok(self.daemon.died() is not None, "the daemon stands still")
            pid = self.daemon.stop_qemu(self.name)
            self.ok(jobs.wait_for(lambda: domain.jobInfo()[0] == libvirt.VIR_DOMAIN_JOB_UNBOUNDED, 20), "it is shown")
            self.equal(domain.jobStats().get("operation"), libvirt.VIR_DOMAIN_JOB_OPERATION_DUMP, "a dump")
            self.refused(lambda: domain.save(self.core + "x"), libvirt.VIR_ERR_OPERATION_INVALID,
                         "busy with another operation: dump", "what is in the way is told at once")
            if flags == MEMORY:
                self.refused(domain.abortJob, libvirt.VIR_ERR_OPERATION_INVALID, "memory-only", "it has no way to end")
            else:
                domain.abortJob()
            os.kill(pid, signal.SIGCONT)
            thread.join()
            self.equal((thread.value, os.path.exists(self.core)),
                       (0, True) if flags == MEMORY else (libvirt.VIR_ERR_OPERATION_ABORTED, False),
                       "flags %d: what comes of it" % flags)
            self.as_before(domain, "flags %d" % flags)
            self.gone(domain)

    def test_handed(self):
        """A daemon that dies when QEMU has the file and was not told yet what for."""
        for flags, command in ((0, '"migrate"'), (MEMORY, '"dump-guest-memory"')):
            domain = self.make("handed-%d" % flags)
            self.daemon.die_at(command, -1)
            failed = suite.code(domain.coreDump, self.core, flags)
            self.ok(failed and self.daemon.died(), "the daemon dies at " + command)
            self.daemon.start()
            self.connect()
            domain = self.conn.lookupByName(self.name)
            self.as_before(domain, "at " + command)
            self.ok(jobs.wait_for(lambda: not deleted_files(self.daemon, self.name), 20),
                    "QEMU has no file open that has gone",
                    lambda: str(deleted_files(self.daemon, self.name)))
            self.gone(domain)

    def test_daemon(self):
        self.deaths(range(2, 100, 5))

    def test_sweep(self):
        self.deaths(range(100))

    def deaths(self, steps):
        for flags in (0, LIVE, MEMORY):
            domain = self.make("death-%d" % flags)
            for step in steps:
                self.daemon.die_at("-", step)
                code = suite.code(domain.coreDump, self.core, flags)
                died = self.daemon.died(0 if code == 0 else 20)
                if died is None:
                    self.daemon.restart()           # that one counts on
                else:
                    self.daemon.start()
                self.connect()
                domain = self.conn.lookupByName(self.name)
                self.as_before(domain, "flags %d, a daemon that dies at step %d (%s)" % (flags, step, died))
                if died is None:
                    self.equal(code, 0, "step %d is behind the dump" % step)
                    break
            self.gone(domain)


if __name__ == "__main__":
    sys.exit(suite.main("dumps", __doc__, Dumps, modes=("system",), kind=SaveDaemon,
                        ours="what is tried are records of ours"))
