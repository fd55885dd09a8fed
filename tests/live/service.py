#!/usr/bin/python3
"""The driver as a part of libvirtd and as the owner of a QEMU process: reload, time-out, a second daemon, what the
guest does by itself, the user and the rights of QEMU and its images, the console, and virt-qemu-run.
"""

import os
import pwd
import shutil
import sys
import time

import libvirt

import bootsector
import jobs
import plain
import suite
from daemon import Daemon
from guest import SerialLog
from images import qemu_io
from jobs import Events

ACTIVE = libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE
PIVOT = libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT
PAUSED = libvirt.VIR_DOMAIN_START_PAUSED

EMBED_CONF = 'stdio_handler = "file"\ncgroup_controllers = [ ]\nnamespaces = [ ]\n'
EMBED_PROGRAM = """
import os, sys, threading, time, libvirt
libvirt.virEventRegisterDefaultImpl()
libvirt.virEventAddTimeout(200, lambda *_: None, None)
libvirt.registerErrorHandler(lambda *_: None, None)
threading.Thread(target=lambda: [libvirt.virEventRunDefaultImpl() for _ in iter(int, 1)], daemon=True).start()
try:
    conn = libvirt.open("qemu:///embed?root=" + sys.argv[1])
    domain = conn.createXML(open(sys.argv[2]).read(), libvirt.VIR_DOMAIN_START_PAUSED)
except libvirt.libvirtError as e:
    sys.exit(print("error %d: %s" % (e.get_error_code(), e)) or 1)
print("runs", flush=True)
while not os.path.exists(sys.argv[3]):
    time.sleep(0.05)
print("active", domain.isActive(), flush=True)
domain.destroy()
conn.close()
os._exit(0)
"""


def fill(index, path, fmt):
    qemu_io(path, fmt, "write -P %d %dM 1M" % (index + 1, 2 * index))


class Test(suite.DaemonChecks):
    def connect(self):
        super().connect()
        self.events = Events(self.conn)

    # --- what the guest does by itself ------------------------------------------------------------------------

    def guest_domain(self, name, mode, **changes):
        serial = os.path.join(plain.folder(self.daemon, name), "serial.log")
        xml = self.guest.xml(self.daemon, name, [], serial, {"mode": mode}, memory=160)
        for old, new in changes.items():
            xml = xml.replace("<%s>destroy</%s>" % (old, old), "<%s>%s</%s>" % (old, new, old))
        return self.conn.defineXML(xml), SerialLog(serial)

    def lifecycle_since(self, name, mark):
        return [e[2:] for e in self.events.of(name, "lifecycle")[mark:]]

    def test_power_off(self):
        """The guest powers itself off (03/K2)."""
        domain, log = self.guest_domain("off", "hello")
        domain.create()
        self.ok(jobs.wait_off(domain, 60), "a guest that powers off ends the domain", lambda: "\n".join(log.lines()))
        self.equal(domain.state(), [libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN],
                   "the state after that is shutoff (shutdown)")
        self.events.wait(lambda e: e[0] == "off" and e[1] == "lifecycle" and e[2] == 5, 10)
        self.equal(self.lifecycle_since("off", -2), [(6, 1), (5, 0)],
                   "the events are SHUTDOWN (guest), STOPPED (shutdown)")
        domain.undefine()

    def test_reboot(self):
        """on_reboot=restart: the same QEMU goes on; =destroy: it ends."""
        xml, serial = bootsector.again(self.daemon, "again", bootsector.REBOOT, on_reboot="restart")
        domain, log = self.conn.defineXML(xml), SerialLog(serial)
        domain.create()
        pid = self.daemon.qemu_pid("again")
        booted = jobs.wait_for(lambda: len([x for x in log.lines() if x.startswith("G up")]) >= 2, 90, 0.2)
        self.ok(booted, "a guest that reboots comes up again", lambda: "\n".join(log.lines()))
        self.ok(domain.isActive() and self.daemon.qemu_pid("again") == pid, "in the same process")
        domain.destroy()
        domain.undefine()
        domain, log = self.guest_domain("once", "reboot")
        domain.create()
        self.ok(jobs.wait_off(domain, 60), "with on_reboot=destroy the first reboot is the end",
                lambda: "\n".join(log.lines()))
        self.equal(len([x for x in log.lines() if x.startswith("G up")]), 1, "and it came up once only")
        domain.undefine()

    # --- the process and its images ---------------------------------------------------------------------------

    def owners(self, paths):
        return [pwd.getpwuid(os.stat(p).st_uid).pw_name for p in paths]

    @staticmethod
    def remembered(path):
        """What the security driver noted in the file's extended attributes (02/Q83), by name."""
        return {name.split(".")[-1]: os.getxattr(path, name) for name in os.listxattr(path)
                if name.startswith("trusted.libvirt.security.")}

    def test_rights(self):
        """QEMU is not root and is confined; images get its owner and get theirs back."""
        xml, paths = plain.chain_domain(self.daemon, "rights", 4, fill)
        before = self.owners(paths)
        domain = self.conn.defineXML(xml)
        domain.createWithFlags(PAUSED)
        pid = self.daemon.qemu_pid("rights")
        with open("/proc/%d/status" % pid) as f:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
        wanted = pwd.getpwnam("libvirt-qemu" if self.daemon.mode == "system" else
                              self.daemon.user or pwd.getpwuid(os.geteuid()).pw_name)
        self.equal(status["Uid"].split(), [str(wanted.pw_uid)] * 4, "QEMU runs as %s" % wanted.pw_name)
        self.equal(status["Seccomp"], "2", "with a system call filter")
        self.equal(status["CapEff"], "0000000000000000", "and without capabilities")
        if self.daemon.mode == "system":
            self.equal(self.owners(paths), [wanted.pw_name] * 4, "all images of the chain belong to it")
        noted = self.remembered(paths[3])
        domain.blockCommit("vda", paths[1], paths[2], 0, 0)
        self.events.wait_job("rights", "vda", "completed")
        jobs.wait_gone(domain, "vda")
        domain.blockCommit("vda", None, None, 0, ACTIVE)
        jobs.wait_ready(domain, "vda")
        domain.blockJobAbort("vda", PIVOT)
        if self.daemon.mode == "system":
            self.equal(self.owners([paths[0]]), [wanted.pw_name], "after the pivot the base still does")
            self.equal(self.owners(paths[1:]), before[1:], "what left the chain has its owner back",
                       known="leaves lower images with QEMU's owner (04/V177)")
            self.equal(sorted(noted), ["dac", "ref_dac", "timestamp_dac"], "the top image's owner had been noted")
            self.equal([self.remembered(p) for p in paths], [noted, {}, {}, {}], "the note is the base's now (02/Q85)")
        domain.destroy()
        self.equal(self.owners(paths), before, "after the end every image has its owner back",
                   known="leaves lower images with QEMU's owner (04/V177)")
        if self.daemon.mode == "system":
            self.equal([self.remembered(p) for p in paths], [{}] * 4, "and nothing is noted any more")
        domain.undefine()

    def ahead(self):
        """Files that are written, but not in their place yet."""
        return [name for name in os.listdir(self.daemon.config_dir) if name.startswith(".qbj-")]

    def ahead_domain(self, name):
        xml, paths = plain.chain_domain(self.daemon, name, 3, fill)
        domain = self.conn.defineXML(xml)
        domain.createWithFlags(PAUSED)
        return domain, paths

    def ahead_ready(self, domain):
        """Path of the file that waits once the mirror is ready; the stock driver has none."""
        domain.blockCommit("vda", None, None, 0, ACTIVE)
        jobs.wait_ready(domain, "vda")
        if self.stock:
            return None
        jobs.wait_for(lambda: len(self.ahead()) == 1, 10)
        return os.path.join(self.daemon.config_dir, *self.ahead())

    def test_ahead(self):
        """The new persistent definition is written when the mirror is ready, and used only if it is still right."""
        domain, paths = self.ahead_domain("ahead")
        place = os.path.join(self.daemon.config_dir, "ahead.xml")
        self.ahead_ready(domain)
        domain.blockJobAbort("vda", 0)
        jobs.wait_for(lambda: not self.ahead(), 10)     # a thread of its own removes it
        self.equal(self.ahead(), [], "a file that waits for a pivot goes away when the job is aborted")
        self.ahead_ready(domain)
        self.conn.defineXML(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE).replace(
            "<memory", "<title>changed while the job runs</title><memory", 1))
        domain.blockJobAbort("vda", PIVOT)
        with open(place) as f:
            text = f.read()
        self.ok("changed while the job runs" in text and paths[0] in text and paths[2] not in text,
                "a definition that was changed meanwhile is not lost by the pivot", text)
        self.equal(self.ahead(), [], "nothing is left of the older one")
        domain.destroy()
        domain.undefine()

    def test_ahead_used(self):
        """It is the very file that waited, unless somebody has removed it."""
        for removed in (False, True):
            domain, paths = self.ahead_domain("used")
            place = os.path.join(self.daemon.config_dir, "used.xml")
            waiting = self.ahead_ready(domain)
            inode = os.stat(waiting).st_ino if waiting else None
            if removed and waiting:
                os.unlink(waiting)
            domain.blockJobAbort("vda", PIVOT)
            if not removed:
                self.ok(self.stock or os.stat(place).st_ino == inode, "the pivot uses the file that waited")
            self.equal(jobs.chain(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE), "vda")[0], paths[:1],
                       "the definition is the new one, %s" % ("with the file removed" if removed else "then"))
            domain.destroy()
            domain.undefine()
            shutil.rmtree(os.path.dirname(paths[0]))

    def test_missing_process(self):
        """QEMU dies while no daemon is there (06/R6.3)."""
        xml, _ = plain.chain_domain(self.daemon, "gone", 2)
        self.conn.defineXML(xml).createWithFlags(PAUSED)
        transient, _ = plain.chain_domain(self.daemon, "gone-too", 1)
        self.conn.createXML(transient, PAUSED)
        pids = [self.daemon.qemu_pid("gone"), self.daemon.qemu_pid("gone-too")]
        self.daemon.kill()
        for pid in pids:
            self.daemon.ask(do="signal", pid=pid, signal=9)
        jobs.wait_for(lambda: not set(pids) & set(self.daemon.qemu_pids()), 10)
        self.daemon.start()
        self.connect()
        domain = self.conn.lookupByName("gone")
        jobs.wait_for(lambda: not domain.isActive(), 10)
        self.equal(domain.state(), [libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_CRASHED],
                   "a VM that died without a daemon is shutoff (crashed)")
        left = jobs.wait_for(lambda: "gone-too" not in [d.name() for d in self.conn.listAllDomains()], 10)
        self.ok(left, "a transient one is gone")
        domain.createWithFlags(PAUSED)
        self.ok(domain.isActive(), "and it can be started again")
        domain.destroy()
        domain.undefine()

    def test_console(self):
        """The serial line of a guest through a stream."""
        serial = "<serial type='pty'/><console type='pty'/>"
        xml = self.guest.xml(self.daemon, "console", [], "/unused", {"mode": "shell"})
        start, end = xml.index("<serial"), xml.index("</serial>") + len("</serial>")
        domain = self.conn.createXML(xml[:start] + serial + xml[end:], 0)
        stream = self.conn.newStream(libvirt.VIR_STREAM_NONBLOCK)
        try:
            domain.openConsole(None, stream, 0)
        except libvirt.libvirtError as e:
            if e.get_error_code() != libvirt.VIR_ERR_NO_SUPPORT:
                raise
            self.out.skip("%s: the console" % self.daemon.mode, "not there yet: %s" % e)
            domain.destroy()
            return
        got = b""
        deadline = time.monotonic() + 60
        asked = False
        while time.monotonic() < deadline and b"answer 42" not in got:
            data = stream.recv(4096)
            if isinstance(data, bytes):
                got += data
            else:
                time.sleep(0.05)
            if not asked and b"# " in got:
                stream.send(b"echo answer $((6 * 7))\n")
                asked = True
        self.ok(b"answer 42" in got, "the console talks to a shell in the guest", repr(got[-500:]))
        try:
            stream.abort()
        except libvirt.libvirtError:
            pass
        domain.destroy()

    # --- the daemon -------------------------------------------------------------------------------------------

    def test_reload(self):
        """SIGHUP reads new and changed definitions; running VMs stay."""
        xml, paths = plain.chain_domain(self.daemon, "stays", 1)
        stays = self.conn.defineXML(xml)
        stays.createWithFlags(PAUSED)
        pid = self.daemon.qemu_pid("stays")
        with open(os.path.join(self.daemon.config_dir, "stays.xml")) as f:
            text = f.read()
        new = text.replace("<name>stays<", "<name>new<").replace(stays.UUIDString(),
                                                                 "2c8f1d8e-3b36-4a6a-8f3e-6d1b1c0fabcd")
        path = os.path.join(self.daemon.config_dir, "new.xml")
        with open(path, "w") as f:
            f.write(new)
        self.daemon.own(path)
        self.daemon.reload()
        there = jobs.wait_for(lambda: "new" in [d.name() for d in self.conn.listAllDomains()], 10)
        self.ok(there, "SIGHUP reads a definition that was put into the folder")
        self.ok(stays.isActive() and self.daemon.qemu_pid("stays") == pid, "the running VM is not touched")
        if there:
            self.conn.lookupByName("new").undefine()
        stays.destroy()
        stays.undefine()

    def test_second_daemon(self):
        """A second libvirtd on the same folders is refused and does the first one no harm."""
        xml, _ = plain.chain_domain(self.daemon, "mine", 1)
        domain = self.conn.createXML(xml, PAUSED)
        argv = ["/usr/sbin/libvirtd", "-p", os.path.join(self.daemon.run_dir, "second.pid")]
        env = dict(self.daemon.environment())
        pid = self.daemon.ask(do="spawn", argv=argv, env=env, log=self.daemon.path("second.out"))["pid"]
        status = self.daemon.ask(do="wait", pid=pid, timeout=20)["status"]
        self.ok(status is not None, "a second daemon on the same folders does not stay", "it runs")
        if status is None:
            self.daemon.ask(do="signal", pid=pid, signal=9)
        self.ok(domain.isActive() and self.daemon.qemu_pid("mine") in self.daemon.qemu_pids(), "the VM runs on")
        # the second one may have taken the first one's socket away; the connection that is open works
        domain.destroy()
        self.daemon.restart()
        self.connect()

    def test_timeout(self):
        """libvirtd --timeout: a running VM keeps it alive, and only that."""
        with Daemon(self.daemon.mode, self.daemon.driver_dir) as daemon:
            # all that takes time is done before, or while a client is connected
            xml, _ = plain.chain_domain(daemon, "inhibit", 1)
            path = daemon.path("inhibit.xml")
            with open(path, "w") as f:
                f.write(xml)
            daemon.arguments = ["--timeout", "3"]
            daemon.start()
            code, text = daemon.virsh("define %s; start --paused inhibit" % path)
            self.ok(code == 0, "virsh defines and starts, on a daemon with --timeout", text)
            time.sleep(6)
            if self.ok(daemon.alive(), "with --timeout 3 and a running VM the daemon stays", daemon.log_tail):
                code, text = daemon.virsh("destroy", "inhibit")
                self.ok(code == 0, "the VM can be ended", text)
                status = daemon.ask(do="wait", pid=daemon.pid, timeout=30)["status"]
                self.equal(status, 0, "and then the daemon ends by itself")

    def test_two_daemons(self):
        """Several daemons beside each other, each with a domain of the same name."""
        with Daemon(self.daemon.mode, self.daemon.driver_dir) as other:
            other.start()
            conn = other.connect()
            xml, _ = plain.chain_domain(self.daemon, "twin", 1)
            mine = self.conn.createXML(xml, PAUSED)
            xml, _ = plain.chain_domain(other, "twin", 1)
            yours = conn.createXML(xml, PAUSED)
            yours.destroy()
            self.ok(mine.isActive(), "two daemons with domains of one name do not meet")
            mine.destroy()

    # --- embed mode -------------------------------------------------------------------------------------------

    def embed_root(self, name, images):
        """(root with a configuration, file with a domain's XML)"""
        root = plain.folder(self.daemon, name)
        xml, _ = plain.chain_domain(self.daemon, images, 1)
        files = [os.path.join(root, "etc"), os.path.join(root, "etc", "qemu.conf"), os.path.join(root, "domain.xml")]
        os.makedirs(files[0])
        with open(files[1], "w") as f:
            f.write(EMBED_CONF)
        with open(files[2], "w") as f:
            f.write(xml.replace("<name>%s<" % images, "<name>same<"))
        self.daemon.own(*files)
        return root, files[2]

    def embed(self, number, root, xml):
        """A program with the driver inside; its process and its first words."""
        log = self.daemon.path("embed-%d.out" % number)
        argv = ["/usr/bin/python3", "-c", EMBED_PROGRAM, root, xml, self.daemon.path("img", "embed-stop")]
        pid = self.daemon.ask(do="spawn", argv=argv, env=self.daemon.environment(), log=log)["pid"]
        return pid, jobs.wait_for(lambda: self.embed_words(log), 20), log

    @staticmethod
    def embed_words(log):
        """What the program said, without libvirt's log."""
        if not os.path.exists(log):
            return []
        with open(log) as f:
            return [line for line in f.read().splitlines() if not line[:1].isdigit()]

    def test_embed_roots(self):
        """Programs with the driver inside live side by side, one for each root."""
        one, other = self.embed_root("root-1", "embed-1"), self.embed_root("root-2", "embed-2")
        third = self.embed_root("root-3", "embed-3")[1]
        programs = [self.embed(0, *one), self.embed(1, *other)]
        second = self.embed(2, one[0], third)
        self.equal([words for _, words, _ in programs], [["runs"], ["runs"]],
                   "two programs with roots of their own run domains of one name")
        self.ok(second[1] and second[1][0].startswith("error 38:") and one[0] in second[1][0],
                "a second user of a root is refused by name", str(second[1]))
        open(self.daemon.path("img", "embed-stop"), "w").close()
        for pid, _, log in programs:
            status = self.daemon.ask(do="wait", pid=pid, timeout=20)["status"]
            self.equal((status, self.embed_words(log)), (0, ["runs", "active 1"]), "neither is disturbed")
        again = self.embed(3, one[0], third)
        self.equal(again[1][:1], ["runs"], "when the first one has ended, its root is free")
        self.daemon.ask(do="wait", pid=again[0], timeout=20)

    # --- virt-qemu-run ----------------------------------------------------------------------------------------

    def test_virt_qemu_run(self):
        """The driver inside another program: the VM lives as long as the program."""
        program = shutil.which("virt-qemu-run")
        if not program or self.daemon.mode != "session" and os.geteuid() != 0:
            self.out.skip("%s: virt-qemu-run" % self.daemon.mode, "not installed")
            return
        root = plain.folder(self.daemon, "embed")
        serial = os.path.join(root, "serial.log")
        xml = self.guest.xml(self.daemon, "embed", [], serial, {"mode": "hello"})
        path = os.path.join(root, "domain.xml")
        with open(path, "w") as f:
            f.write(xml)
        os.makedirs(os.path.join(root, "etc"))
        with open(os.path.join(root, "etc", "qemu.conf"), "w") as f:
            f.write(EMBED_CONF)
        self.daemon.own(path, os.path.join(root, "etc"), os.path.join(root, "etc", "qemu.conf"))
        log = self.daemon.path("virt-qemu-run.out")
        pid = self.daemon.ask(do="spawn", argv=[program, "--root", root, path], env=self.daemon.environment(),
                              log=log)["pid"]
        up = SerialLog(serial).wait_line("G up hello", 60)
        gone = jobs.wait_for(lambda: not self.daemon.qemu_pids(), 20)
        with open(log) as f:
            text = f.read()
        self.ok(up, "virt-qemu-run runs a guest", text)
        self.ok(gone, "which powers off, and no QEMU is left", text)
        # the program itself may wait for one more event before it sees that
        self.daemon.ask(do="signal", pid=pid, signal=15)
        status = self.daemon.ask(do="wait", pid=pid, timeout=20)["status"]
        self.equal(status, 0, "and the program ends well")


# slow, and the same code in both modes
ONCE = {"reboot", "console", "two_daemons"}


def run(out, args, mode):
    everything = mode == "system" or os.geteuid() != 0 or args.chosen
    suite.run_with_daemon(out, args, mode, Test, [name for name in args.names if everything or name not in ONCE])


if __name__ == "__main__":
    sys.exit(suite.main("service", __doc__, Test, run))
