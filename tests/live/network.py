#!/usr/bin/python3
"""Block jobs on chains whose base is on the network: NBD from nbdkit, iSCSI from tgtd. A boot sector writes while
they run, end, are given up, and lose their server; its blocks are then where they belong.
"""

import glob
import json
import os
import signal
import subprocess
import sys
import time

import libvirt

import bootsector
import jobs
import netserver
import plain
import suite
from buses import ACTIVE, PIVOT, SLOTS, Line, check_base
from images import backing, qemu_img, qemu_io

MIB = 1 << 20
SIZE = 8 * MIB
BYTES_COMMIT = libvirt.VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES
BYTES_PULL = libvirt.VIR_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES
SESSION = ("nbd_active", "iscsi_between", "iscsi_password")         # another user runs QEMU there
LIVE, TIMEOUT = libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_ERR_OPERATION_TIMEOUT
REUSE = libvirt.VIR_DOMAIN_BLOCK_COPY_REUSE_EXT
OVERLAY = """<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='%s'/>%s<target dev='vda' \
bus='virtio'/></disk>"""
SERVED = """<disk type='network' device='disk'><driver name='qemu' type='%s'/>%s%s<target dev='vda' bus='virtio'/>\
</disk>"""
BELOW = "<backingStore type='%s'><format type='%s'/>%s%s</backingStore>"
CHAP = "<initiator><iqn name='%s'/></initiator><auth username='%s'><secret type='iscsi' usage='disks'/></auth></source>"


class Chain:
    """top and middle are files, the base is an image with the boot sector on a server."""

    def __init__(self, test, kind, name):
        self.test, self.name = test, name
        self.folder = plain.folder(test.daemon, name)
        self.base, self.middle, self.top = (os.path.join(self.folder, one) for one in ("base", "middle", "top"))
        with open(test.boot, "rb") as f, open(self.base, "wb") as image:
            image.write(f.read())
            image.truncate(SIZE)
        qemu_img("create", "-q", "-f", "qcow2", "-b", self.base, "-F", "raw", self.middle)
        qemu_img("create", "-q", "-f", "qcow2", "-b", self.middle, "-F", "qcow2", self.top)
        # something to do for a job, above what the guest writes
        qemu_io(self.base, "raw", "write -P 0x11 4M 2M")
        qemu_io(self.middle, "qcow2", "write -P 0x22 5M 3M")
        self.server = kind(test.daemon, self.folder, self.base)
        # from here on by its name on the network
        qemu_img("rebase", "-u", "-f", "qcow2", "-b", self.server.uri, "-F", "raw", self.middle)
        test.daemon.own(self.base, self.middle, self.top)

    def start(self, disk):
        self.line = Line(os.path.join(self.folder, "serial"))
        xml = plain.domain(self.name, [disk, "<serial type='file'><source path='%s'/></serial>" % self.line.path])
        self.domain = self.test.conn.createXML(xml)
        self.test.ok(self.line.wait_more(SLOTS), self.name + ": it boots and writes", self.line.text)

    def members(self):
        return jobs.chain(self.domain.XMLDesc(0), "vda")[0]

    def find_base(self):
        """The server's name is one of the daemon's network only."""
        for path in (self.middle, self.top):
            if backing(path) in (self.server.uri, self.server.header):
                qemu_img("rebase", "-u", "-f", "qcow2", "-b", self.base, "-F", "raw", path)

    def check(self, path, fmt):
        """The guest's blocks are in @path."""
        self.domain.destroy()
        self.check_stopped(path, fmt)

    def check_stopped(self, path, fmt):
        acked = self.line.acked()
        if path != self.base:
            self.find_base()
        self.test.equal(check_base(path, acked, fmt), [], self.name + ": every acknowledged block is there")
        self.test.ok(len(check_base(path, acked + 5, fmt)) >= 4, self.name + ": one that is not would be missed")


class Target:
    """An empty image of the disk's size on another server."""

    def __init__(self, chain, kind, name):
        folder = plain.folder(chain.test.daemon, chain.name + "-" + name)
        self.path = os.path.join(folder, "image")
        with open(self.path, "wb") as image:
            image.truncate(SIZE)
        self.server = kind(chain.test.daemon, folder, self.path)


class Test(suite.DaemonChecks):
    def __init__(self, out, daemon, guest):
        super().__init__(out, daemon, guest)
        self.boot = bootsector.assemble(daemon, "boot")
        if daemon.mode == "system":
            netserver.bring_up_loopback(daemon)

    def connect(self):
        super().connect()
        self.events = jobs.Events(self.conn)

    def started(self, kind, name):
        chain = Chain(self, kind, name)
        chain.start(OVERLAY % (chain.top, ""))
        self.equal(chain.members(), [chain.top, chain.middle, chain.server.name],
                   name + ": the chain ends on the server")
        return chain

    def ends(self, chain, status, call):
        """@call starts or ends a job; it is over with @status."""
        since = self.events.mark()
        call()
        event = self.events.wait(lambda e: e[:2] == (chain.name, "job2") and e[4] != "ready", 60, since)
        jobs.wait_gone(chain.domain, "vda")
        self.equal(event and event[4], status, "%s: the job ends: %s" % (chain.name, status))

    def writes(self, chain, when):
        self.ok(chain.line.wait_more(10), "%s: it writes %s" % (chain.name, when), chain.line.text)

    # --- active commit: given up, then pivoted to the server --------------------------------------------------

    def mirrored(self, chain):
        chain.domain.blockCommit("vda", None, None, 0, ACTIVE)
        self.ok(jobs.wait_ready(chain.domain, "vda"), chain.name + ": it reaches READY", self.daemon.log_tail)
        self.writes(chain, "while it is mirrored")

    def active_pivot(self, chain):
        self.mirrored(chain)
        self.ends(chain, "completed", lambda: chain.domain.blockJobAbort("vda", PIVOT))
        self.equal(chain.members(), [chain.server.name], chain.name + ": the disk is that of the server")

    def active(self, kind, name):
        chain = self.started(kind, name)
        self.mirrored(chain)
        self.ends(chain, "canceled", lambda: chain.domain.blockJobAbort("vda", 0))
        self.equal(len(chain.members()), 3, name + ": the chain is as before")
        self.active_pivot(chain)
        disk = jobs.disk_element(chain.domain.XMLDesc(0), "vda")
        self.equal(disk.get("type"), "network", name + ": the disk is on the network")
        self.writes(chain, "to the server")
        chain.check(chain.base, "raw")

    def test_nbd_active(self):
        self.active(netserver.Nbdkit, "nbd-active")

    def test_iscsi_active(self):
        self.active(netserver.Tgt, "iscsi-active")

    # --- jobs whose result names the server in a header ---------------------------------------------------------

    def between(self, kind, name):
        """Commit of the image between, then a pull down to the base, and of all."""
        chain = self.started(kind, name)
        self.ends(chain, "completed", lambda: chain.domain.blockCommit("vda", "vda[3]", "vda[2]", 0, 0))
        self.equal((chain.members(), backing(chain.top)), ([chain.top, chain.server.name], chain.server.header),
                   name + ": the header names the server after the commit")
        chain.domain.destroy()
        chain.start(OVERLAY % (chain.top, ""))
        self.equal(chain.members(), [chain.top, chain.server.name], name + ": the chain is found by its header again")
        self.ends(chain, "completed", lambda: chain.domain.blockPull("vda", 0, 0))
        self.equal((chain.members(), backing(chain.top)), ([chain.top], None),
                   name + ": nothing is below after the pull")
        chain.server.kill()
        self.writes(chain, "without the server")
        chain.check(chain.top, "qcow2")

    def test_nbd_between(self):
        self.between(netserver.Nbdkit, "nbd-between")

    def test_iscsi_between(self):
        self.between(netserver.Tgt, "iscsi-between")

    def part(self, kind, name):
        """A pull down to the base on the server, after one of all that was given up."""
        chain = self.started(kind, name)
        chain.domain.blockPull("vda", 1000, BYTES_PULL)
        self.ends(chain, "canceled", lambda: chain.domain.blockJobAbort("vda", 0))
        self.equal(len(chain.members()), 3, name + ": the chain is as before")
        self.ends(chain, "completed", lambda: chain.domain.blockRebase("vda", "vda[3]", 0, 0))
        self.equal((chain.members(), backing(chain.top)), ([chain.top, chain.server.name], chain.server.header),
                   name + ": the header names the server after the pull")
        self.writes(chain, "after the pulls")
        chain.check(chain.top, "qcow2")

    def test_iscsi_part(self):
        self.part(netserver.Tgt, "iscsi-part")

    # --- copies to a server ------------------------------------------------------------------------------------------

    def copy(self, kind, name):
        """Given up, pivoted, and from there back into a file; never onto itself."""
        chain = self.started(kind, name + "-from")
        target = Target(chain, kind, "raw")
        new, back = SERVED % ("raw", target.server.source, ""), os.path.join(chain.folder, "back")
        for end in (0, PIVOT):
            chain.domain.blockCopy("vda", new, {}, REUSE)
            self.ok(jobs.wait_ready(chain.domain, "vda"), name + ": the copy is ready", self.daemon.log_tail)
            self.writes(chain, "while it is copied")
            self.ends(chain, "completed" if end else "canceled", lambda: chain.domain.blockJobAbort("vda", end))
            self.equal(len(chain.members()), 1 if end else 3, name + ": the chain afterwards")
        self.equal(chain.members(), [target.server.name], name + ": the disk is on the server")
        chain.server.kill()
        self.writes(chain, "to the server")
        self.refused(lambda: chain.domain.blockCopy("vda", new, {}, REUSE), libvirt.VIR_ERR_INVALID_ARG,
                     "is an image of disk", name + ": the server's disk is not copied onto itself")
        self.writes(chain, "after that")
        chain.domain.blockCopy("vda", OVERLAY % (back, ""), {}, 0)
        self.ok(jobs.wait_ready(chain.domain, "vda"), name + ": the copy back is ready", self.daemon.log_tail)
        self.ends(chain, "completed", lambda: chain.domain.blockJobAbort("vda", PIVOT))
        target.server.kill()
        self.writes(chain, "to the file")
        chain.check(back, "qcow2")

    def test_nbd_copy(self):
        self.copy(netserver.Nbdkit, "nbd-copy")

    def test_iscsi_copy(self):
        self.copy(netserver.Tgt, "iscsi-copy")

    # --- a server that goes away ---------------------------------------------------------------------------------

    def test_nbd_lost(self):
        """The job fails, the chain and the data of the guest stay."""
        chain = self.started(netserver.Nbdkit, "nbd-lost")
        chain.domain.blockCommit("vda", None, None, MIB // 2, ACTIVE | BYTES_COMMIT)
        self.ends(chain, "failed", chain.server.kill)
        self.equal(len(chain.members()), 3, "nbd-lost: the chain is as before")
        self.equal(jobs.mirror(chain.domain.XMLDesc(0), "vda"), None, "nbd-lost: there is no mirror")
        self.writes(chain, "without the server")
        chain.check(chain.top, "qcow2")

    def waits(self, chain):
        """Something of the job is on its way to a server that is gone: it gets nowhere, and QEMU is at work."""
        def stands():
            before = chain.domain.blockJobInfo("vda", 0)["cur"]
            time.sleep(4)                               # the job itself sleeps less between two requests
            return chain.line.wait_more(60) and chain.domain.blockJobInfo("vda", 0)["cur"] == before
        return jobs.wait_for(stands, 60)

    def test_iscsi_lost(self):
        """iSCSI waits for its server: an abort has a limit, others may change the domain, and the job ends when the
        server is there again."""
        chain = self.started(netserver.Tgt, "iscsi-lost")
        chain.domain.blockCommit("vda", None, None, MIB // 2, ACTIVE | BYTES_COMMIT)
        chain.server.kill()
        since = self.events.mark()
        self.ok(self.waits(chain), "iscsi-lost: the job waits for the server")
        self.refused(lambda: chain.domain.blockJobAbort("vda", 0), TIMEOUT, "its storage does not answer",
                     "iscsi-lost: an abort has a limit")
        self.equal(chain.domain.blockJobInfo("vda", 0).get("type"), 4, "iscsi-lost: the job is there still")
        chain.domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, "changed", None, None, LIVE)
        self.equal(chain.domain.metadata(libvirt.VIR_DOMAIN_METADATA_TITLE, None, LIVE), "changed",
                   "iscsi-lost: the domain can be changed meanwhile")
        self.writes(chain, "without the server")
        chain.server.start()
        self.ok(self.events.wait_job(chain.name, "vda", "canceled", 60, since),
                "iscsi-lost: the job ends when the server is there again")
        jobs.wait_gone(chain.domain, "vda")
        self.active_pivot(chain)
        chain.check(chain.base, "raw")

    # --- how a server is reached ------------------------------------------------------------------------------------

    def test_iscsi_password(self):
        """Only one initiator may come, with a password, which nobody sees."""
        secret = self.conn.secretDefineXML("<secret ephemeral='no' private='yes'><usage type='iscsi'>"
                                           "<target>disks</target></usage></secret>")
        secret.setValue(netserver.PASSWORD.encode(), 0)
        chain = Chain(self, lambda *args: netserver.Tgt(*args, closed=True), "iscsi-password")
        source = chain.server.source
        known = source.replace("</source>", CHAP % (netserver.INITIATOR, netserver.USER))
        for what, wrong in (("password", known.partition("<auth")[0] + "</source>"),
                            ("initiator", known.replace(netserver.INITIATOR, netserver.INITIATOR + "2")),
                            ("user", known.replace("username='", "username='x"))):
            self.refused(lambda: self.conn.createXML(plain.domain("refused", [SERVED % ("raw", wrong, "")])),
                         libvirt.VIR_ERR_INTERNAL_ERROR, "iSCSI", "a start with another %s fails" % what)
        self.refused(lambda: self.conn.createXML(plain.domain("refused", [SERVED % (
            "raw", known.replace("usage='disks'", "usage='nobody'"), "")])),
                     libvirt.VIR_ERR_NO_SECRET, "nobody", "a start with a secret that is not there fails")
        below = BELOW % ("file", "qcow2", "<source file='%s'/>" % chain.middle,
                         BELOW % ("network", "raw", known, "<backingStore/>"))
        chain.start(OVERLAY % (chain.top, below))
        self.equal(self.in_clear(chain.name), [], "the password is in no command line, log or status file")
        self.active_pivot(chain)
        self.writes(chain, "to the server")
        chain.check(self.copy_with_password(chain), "raw")
        self.conn.secretLookupByUUIDString(secret.UUIDString()).undefine()

    def passwords(self, chain):
        """Names of the objects with passwords that QEMU has."""
        text = json.dumps({"execute": "qom-list", "arguments": {"path": "/objects"}})
        objects = json.loads(self.daemon.virsh("qemu-monitor-command", chain.name, text)[1])["return"]
        return [o["name"] for o in objects if o["name"].endswith("-auth-secret0")]

    def copy_with_password(self, chain):
        """To another server that wants one: given up, and pivoted, with a daemon that comes back in between. Gives the
        image there."""
        target = Target(chain, lambda *args: netserver.Tgt(*args, closed=True), "copy")
        source = target.server.source.replace("</source>", CHAP % (netserver.INITIATOR, netserver.USER))
        before = self.passwords(chain)
        for what, wrong, code, words in (
                ("another user", source.replace("username='", "username='x"), libvirt.VIR_ERR_INTERNAL_ERROR, "iSCSI"),
                ("a secret that is not there", source.replace("usage='disks'", "usage='nobody'"),
                 libvirt.VIR_ERR_NO_SECRET, "nobody")):
            self.refused(lambda: chain.domain.blockCopy("vda", SERVED % ("raw", wrong, ""), {}, REUSE), code, words,
                         "a copy with %s fails" % what)
            self.equal((self.passwords(chain), chain.domain.blockJobInfo("vda", 0)), (before, {}),
                       "a copy with %s leaves nothing" % what)
        for end in (0, PIVOT):
            chain.domain.blockCopy("vda", SERVED % ("raw", source, ""), {}, REUSE)
            self.ok(jobs.wait_ready(chain.domain, "vda"), "the copy with a password is ready", self.daemon.log_tail)
            self.equal(len(self.passwords(chain)), 2, "QEMU has both passwords")
            self.equal(self.in_clear(chain.name), [], "the password is in no command line, log or status file")
            self.daemon.restart(signal.SIGKILL)
            self.connect()
            chain.domain = self.conn.lookupByName(chain.name)
            self.ok(jobs.wait_ready(chain.domain, "vda"), "the copy is ready after the daemon has died")
            auth = jobs.disk_element(chain.domain.XMLDesc(0), "vda").find("mirror/source/auth")
            self.equal(auth is not None and auth.get("username"), netserver.USER, "<mirror> has the user")
            self.ends(chain, "completed" if end else "canceled", lambda: chain.domain.blockJobAbort("vda", end))
            self.equal((len(self.passwords(chain)), self.passwords(chain) == before), (1, not end),
                       "QEMU has the password of the server that is left")
        chain.server.kill()
        self.writes(chain, "to the other server")
        return target.path

    def test_iscsi_module(self):
        """A QEMU without its module for iSCSI, which is a package of its own."""
        if self.daemon.mode != "system":
            return self.out.skip("a QEMU without its module", "only a private mount can hide that")
        module, = glob.glob("/usr/lib/*/qemu/block-iscsi.so")
        mount = ["nsenter", "-t", str(self.daemon.holder_pid), "-m", "--"]
        subprocess.run(mount + ["mount", "--bind", "/dev/null", module], check=True)
        source = "<source protocol='iscsi' name='%s/1'><host name='127.0.0.1' port='1'/></source>" % netserver.TARGET
        self.refused(lambda: self.conn.createXML(plain.domain("module", [SERVED % ("raw", source, "")])),
                     libvirt.VIR_ERR_INTERNAL_ERROR, "driver 'iscsi'", "a start without QEMU's module names it")
        subprocess.run(mount + ["umount", module], check=True)
        self.equal(self.conn.listAllDomains(), [], "and leaves no domain")

    def in_clear(self, name):
        places = {"log": os.path.join(self.daemon.qemu_log_dir, name + ".log"),
                  "command line": "/proc/%d/cmdline" % self.daemon.qemu_pid(name)}
        texts = {"status": self.daemon.status_xml(name).encode()}
        for what, path in places.items():
            with open(path, "rb") as f:
                texts[what] = f.read()
        self.ok(all(netserver.USER.encode() in text for text in texts.values()), "the user is in all of them")
        return [what for what, text in texts.items() if netserver.PASSWORD.encode() in text]

    def test_nbd_qcow2(self):
        """A chain of qcow2 images whose active one is on a server: nobody but QEMU can read its header, so the
        definition says what is below; an end that it does not state is QEMU's to find."""
        chain = Chain(self, netserver.Nbdkit, "nbd-qcow2")
        chain.server.kill()
        chain.find_base()
        os.truncate(chain.top, 2 * SIZE)                # what is served does not grow
        served = netserver.Nbdkit(self.daemon, chain.folder, chain.top)
        below = BELOW % ("file", "qcow2", "<source file='%s'/>" % chain.middle,
                         BELOW % ("file", "raw", "<source file='%s'/>" % chain.base, "<backingStore/>"))
        chain.server = served
        chain.start(SERVED % ("qcow2", served.source, ""))
        self.equal(chain.members(), [served.name], "nbd-qcow2: what is below is not known unless it is stated")
        self.refused(lambda: chain.domain.blockPull("vda", 0, 0), libvirt.VIR_ERR_OPERATION_UNSUPPORTED,
                     "<backingStore>", "nbd-qcow2: a pull is refused then")
        chain.domain.destroy()
        chain.start(SERVED % ("qcow2", served.source, below))
        self.equal(chain.members(), [served.name, chain.middle, chain.base], "nbd-qcow2: the chain is as stated")
        self.ends(chain, "completed", lambda: chain.domain.blockPull("vda", 0, 0))
        self.equal(chain.members(), [served.name], "nbd-qcow2: all is in the image on the server after a pull")
        self.writes(chain, "after the pull")
        chain.domain.destroy()
        served.kill()
        chain.check_stopped(chain.top, "qcow2")


def run(out, args, mode):
    wanted = args.names if args.chosen or mode == "system" else SESSION
    names = [name for name in wanted if os.geteuid() == 0 or not name.startswith("iscsi")]
    for name in sorted(set(wanted) - set(names)):
        out.skip("%s: %s" % (mode, name), "tgtd needs root")
    suite.run_with_daemon(out, args, mode, Test, names)


if __name__ == "__main__":
    sys.exit(suite.main("network", __doc__, Test, run))
