#!/usr/bin/python3
"""Disks that a real qemu-nbd serves, over TCP on the loopback and by a Unix socket. A
boot sector on them writes; a chain whose base is on the server is committed into it.
"""

import os
import subprocess
import sys

import libvirt

import bootsector
import jobs
import plain
import suite
from buses import ACTIVE, PIVOT, SLOTS, Line, check_base
from daemon import DaemonError
from images import qemu_img

SIZE = 8 << 20
EXPORT = "exp0"
OVER_TCP = """<disk type='network' device='disk'><driver name='qemu' type='raw'/><source protocol='nbd' name='exp0'>
<host name='127.0.0.1' port='10809'/></source><target dev='vda' bus='virtio'/></disk>"""
# what stands beside it in a VM as people have it
BESIDE = """<controller type='usb' model='ich9-ehci1'/>
<controller type='usb' model='ich9-uhci1'><master startport='0'/></controller>
<controller type='usb' model='ich9-uhci2'><master startport='2'/></controller>
<controller type='usb' model='ich9-uhci3'><master startport='4'/></controller>
<interface type='user'><mac address='52:54:00:00:00:0a'/><model type='e1000'/></interface>"""


class Server:
    """qemu-nbd, in the daemon's namespaces, with one raw image that has the boot sector. It ends with the daemon."""

    def __init__(self, daemon, folder, boot, *words):
        self.daemon, self.image = daemon, os.path.join(folder, "base.raw")
        with open(boot, "rb") as f, open(self.image, "wb") as image:
            image.write(f.read())
            image.truncate(SIZE)
        pid_file = os.path.join(folder, "nbd.pid")
        self.log = os.path.join(folder, "nbd.log")
        # the socket is for QEMU's user, too
        argv = ["/bin/sh", "-c", 'umask 0; exec qemu-nbd "$@"', "sh", "--persistent", "--shared=8", "--format=raw",
                "--export-name=" + EXPORT, "--pid-file=" + pid_file, *words, self.image]
        self.pid = daemon.ask(do="spawn", argv=argv, env={"PATH": os.environ["PATH"]}, log=self.log)["pid"]
        if not jobs.wait_for(lambda: os.path.exists(pid_file), 30):      # written when it listens
            with open(self.log) as f:
                raise DaemonError("qemu-nbd does not start: " + f.read())

    def stop(self):
        self.daemon.ask(do="signal", pid=self.pid, signal=15)
        self.daemon.ask(do="wait", pid=self.pid, timeout=30)


class Test(suite.DaemonChecks):
    def __init__(self, out, daemon, guest):
        super().__init__(out, daemon, guest)
        self.boot = bootsector.assemble(daemon, "boot")

    def start(self, name, folder, disk, beside=""):
        line = Line(os.path.join(folder, "serial"))
        xml = plain.domain(name, [disk, beside, "<serial type='file'><source path='%s'/></serial>" % line.path])
        if "type='usb'" in beside:
            xml = xml.replace("<controller type='usb' model='none'/>", "")
        return self.conn.createXML(xml), line

    def check(self, name, server, acked):
        """The server's image holds what the guest was told is written."""
        server.stop()
        self.equal(check_base(server.image, acked, "raw"), [], name + ": every acknowledged block is there")
        self.ok(len(check_base(server.image, acked + 5, "raw")) >= 4, name + ": one that is not would be missed")

    def test_tcp(self):
        folder = plain.folder(self.daemon, "tcp")
        subprocess.run(["nsenter", "-t", str(self.daemon.holder_pid), "-n", "--", "ip", "link", "set", "lo", "up"],
                       check=True)
        server = Server(self.daemon, folder, self.boot, "--bind=127.0.0.1", "--port=10809")
        domain, line = self.start("tcp", folder, OVER_TCP, BESIDE)
        self.ok(line.wait_more(SLOTS * 2), "tcp: it boots from the server's disk and writes", line.text)
        figures = domain.blockInfo("vda")
        self.equal(figures[0], SIZE, "tcp: the disk's size is known")
        self.ok(domain.blockStats("vda")[3] > SLOTS * 512, "tcp: its writes are counted", domain.blockStats("vda"))
        domain.destroy()
        self.check("tcp", server, line.acked())

    def test_commit(self):
        """The base of the chain is on the server."""
        folder = plain.folder(self.daemon, "commit")
        socket = os.path.join(folder, "nbd")
        server = Server(self.daemon, folder, self.boot, "--socket=" + socket)
        middle, top = (os.path.join(folder, name) for name in ("middle", "top"))
        served = "nbd+unix:///%s?socket=%s" % (EXPORT, socket)
        qemu_img("create", "-q", "-f", "qcow2", "-b", served, "-F", "raw", middle)
        qemu_img("create", "-q", "-f", "qcow2", "-b", middle, "-F", "qcow2", top)
        self.daemon.own(middle, top)
        domain, line = self.start("commit", folder, plain.disk("vda", top))
        self.equal(jobs.chain(domain.XMLDesc(0), "vda")[0], [top, middle, EXPORT],
                       "commit: the chain ends on the server")
        self.ok(line.wait_more(SLOTS), "commit: it boots and writes", line.text)
        domain.blockCommit("vda", None, None, 0, ACTIVE)
        self.ok(jobs.wait_ready(domain, "vda"), "commit: it reaches READY", self.daemon.log_tail)
        self.ok(line.wait_more(10), "commit: it goes on writing")
        self.daemon.kill()
        self.daemon.start()
        self.connect()
        domain = self.conn.lookupByName("commit")
        self.ok(jobs.wait_for(lambda: domain.controlInfo(0)[0] == 0, 30) and jobs.wait_ready(domain, "vda"),
                    "commit: a new daemon knows it", self.daemon.log_tail)
        domain.blockJobAbort("vda", PIVOT)
        disk = jobs.disk_element(domain.XMLDesc(0), "vda")
        self.equal((disk.get("type"), disk.find("source").get("protocol"), jobs.source_of(disk),
                        jobs.mirror(domain.XMLDesc(0), "vda")),
                       ("network", "nbd", EXPORT, None), "commit: the disk is on the server after the pivot")
        at_pivot = line.acked()
        self.ok(line.wait_more(20), "commit: it goes on writing after the pivot", line.text)
        self.ok(line.acked() > at_pivot > SLOTS, "commit: there was something to lose")
        domain.destroy()
        self.check("commit", server, line.acked())

    def test_no_server(self):
        """Nobody listens: one error that says so, and nothing is left."""
        folder = plain.folder(self.daemon, "nobody")
        disk = OVER_TCP.replace("<host name='127.0.0.1' port='10809'/>",
                                "<host transport='unix' socket='%s/nobody'/>" % folder)
        try:
            self.start("nobody", folder, disk)[0].destroy()
            self.ok(False, "a disk without a server: the start fails", "it started")
        except libvirt.libvirtError as e:
            self.ok("No such file" in str(e) or "onnect" in str(e), "a disk without a server: the start fails", e)
        self.ok("nobody" not in [d.name() for d in self.conn.listAllDomains()], "and leaves no domain")


if __name__ == "__main__":
    sys.exit(suite.main("nbd", __doc__, Test, modes=("system",)))
