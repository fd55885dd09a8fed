#!/usr/bin/python3
"""VMs whose status file a new daemon cannot read: they stay listed as running, nobody can start them a second time,
nothing is asked of them and their file stays as it is; they can be destroyed, and start again as they are defined.
"""

import os
import re
import signal
import sys

import libvirt

import jobs
import plain
import suite
from faults import FaultDaemon
from jobtest import PIVOT

OFF, RUNNING = libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_RUNNING


def torn(text):
    return text[:len(text) // 2]


def strange(text):
    """The definition in it is whole."""
    return text.replace("<domstatus state='running'", "<domstatus state='elsewhere'", 1)


class Test(suite.DaemonChecks):
    def refused(self, call, code, words, what):
        try:
            got = call()
        except libvirt.libvirtError as e:
            got = e.get_error_code(), str(e)
        self.ok(isinstance(got, tuple) and got[0] == code and words in got[1], what, str(got))

    def restarted(self, damage):
        """@damage: name -> what is done to its file while no daemon is there; gives the files' texts."""
        texts = {}
        self.daemon.kill()
        for name, change in damage.items():
            path = os.path.join(self.daemon.state_dir, name + ".xml")
            with open(path) as f:
                texts[name] = change(f.read())
            with open(path, "w") as f:
                f.write(texts[name])
        self.daemon.start()
        self.connect()
        return texts

    def domain(self, name, transient=False):
        xml, self.paths = plain.chain_domain(self.daemon, name, 2, lambda *_: None)
        domain = self.conn.createXML(xml, 0) if transient else self.conn.defineXML(xml)
        if not transient:
            domain.create()

    def unread(self, name, pid):
        domain = self.conn.lookupByName(name)
        self.equal(domain.state(), [RUNNING, libvirt.VIR_DOMAIN_RUNNING_UNKNOWN], "%s: it is listed as running" % name)
        self.equal(domain.controlInfo()[0], libvirt.VIR_DOMAIN_CONTROL_ERROR,
                   "%s: its control state is an error" % name)
        self.ok("target dev='vda'" in domain.XMLDesc(), "%s: its definition is known" % name)
        self.refused(domain.create, libvirt.VIR_ERR_OPERATION_INVALID, "already running", "%s: no second start" % name)
        for call in (domain.suspend, lambda: domain.blockPull("vda", 0), lambda: domain.blockStats("vda")):
            self.refused(call, libvirt.VIR_ERR_OPERATION_INVALID, "its status file cannot be read",
                         "%s: a call that needs its QEMU is refused" % name)
        self.ok(os.path.exists("/proc/%d" % pid), "%s: its QEMU lives" % name)
        return domain

    def test_unread(self):
        names = {"torn": torn, "strange": strange, "whole": str}
        for name in names:
            self.domain(name)
        pids = {name: self.daemon.qemu_pid(name) for name in names}
        for round in ("once", "twice"):
            texts = self.restarted(names)
            for name in ("torn", "strange"):
                self.unread(name, pids[name])
                with open(os.path.join(self.daemon.state_dir, name + ".xml")) as f:
                    self.equal(f.read(), texts[name], "%s: its file stays as it is, %s" % (name, round))
                names[name] = str
        self.ok(jobs.wait_for(lambda: self.conn.lookupByName("whole").controlInfo()[0] == 0, 30),
                "others are not concerned")
        for name in ("torn", "strange"):
            domain = self.conn.lookupByName(name)
            domain.destroy()
            self.ok(jobs.wait_for(lambda: not os.path.exists("/proc/%d" % pids[name]), 30), "%s: destroyed" % name)
            self.equal((domain.state()[0], os.path.exists(os.path.join(self.daemon.state_dir, name + ".xml"))),
                       (OFF, False), "%s: it is off, its file is gone" % name)
            domain.create()
            self.equal(domain.blockPull("vda", 0), 0, "%s: it starts again, and all is well" % name)
        for name in names:
            domain = self.conn.lookupByName(name)
            domain.destroy()
            domain.undefine()

    def test_ends(self):
        """By itself."""
        self.domain("ends")
        pid = self.daemon.qemu_pid("ends")
        self.restarted({"ends": strange})
        domain = self.unread("ends", pid)
        self.daemon.ask(do="signal", pid=pid, signal=9)
        self.ok(jobs.wait_off(domain, 30), "ends: without its QEMU it is off")
        domain.create()
        domain.destroy()
        domain.undefine()

    def rewrite(self, name, change):
        path = os.path.join(self.daemon.state_dir, name + ".xml")
        with open(path) as f:
            text = change(f.read())
        with open(path + ".mended", "w") as f:
            f.write(text)
        os.chmod(path + ".mended", 0o600)
        self.daemon.own(path + ".mended")
        os.rename(path + ".mended", path)

    def answers(self, domain):
        return self.ok(jobs.wait_for(lambda: domain.controlInfo()[0] == 0, 60), "%s: its QEMU answers" % domain.name())

    def test_mended(self):
        """A person mends the file while the daemon runs."""
        self.domain("mended")
        pid, text = self.daemon.qemu_pid("mended"), self.daemon.status_xml("mended")
        self.restarted({"mended": torn})
        domain = self.unread("mended", pid)
        self.ok(any("left alone: its status file cannot be read" in m for m in domain.messages()),
                "mended: a message says why", lambda: str(domain.messages()))
        self.rewrite("mended", lambda _: text)
        self.answers(domain)
        self.equal((domain.state()[0], domain.messages(), self.daemon.qemu_pid("mended")), (RUNNING, [], pid),
                   "mended: it is an ordinary domain again")
        self.equal(domain.blockPull("vda", 0), 0, "mended: and its disk takes a job")
        jobs.wait_gone(domain, "vda")
        domain.destroy()
        domain.undefine()

    def test_full(self):
        """The folder of the status files takes nothing any more when the daemon comes back to a running job."""
        if not self.daemon.can_fail():
            self.out.skip("full: a folder that takes nothing", "needs -Ddebug_checks=true")
            return
        self.domain("full")
        pid, domain = self.daemon.qemu_pid("full"), self.conn.lookupByName("full")
        domain.blockCommit("vda", None, None, 0, libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE)
        self.ok(jobs.wait_ready(domain, "vda"), "full: a mirror is ready")
        self.daemon.kill()
        self.daemon.fail("save:1+")
        self.daemon.start()
        self.connect()
        domain = self.conn.lookupByName("full")
        self.answers(domain)
        self.equal((domain.state()[0], self.daemon.qemu_pid("full")), (RUNNING, pid), "full: it is listed as running")
        self.ok("ready='yes'" in domain.XMLDesc() and domain.blockJobInfo("vda"), "full: its job is known")
        self.refused(lambda: domain.blockJobAbort("vda", PIVOT), libvirt.VIR_ERR_SYSTEM_ERROR, "",
                     "full: a pivot, which has to be saved, is refused")
        self.ok("ready='yes'" in domain.XMLDesc(), "full: and has changed nothing")
        self.daemon.fail(None)
        self.equal(domain.blockJobAbort("vda", PIVOT), 0, "full: with room again it can pivot")
        self.ok("vda.1" not in domain.XMLDesc() and "<mirror" not in domain.XMLDesc(), "full: the disk is its base now",
                lambda: domain.XMLDesc())
        self.equal(self.daemon.qemu_pid("full"), pid, "full: by the same QEMU")
        domain.destroy()
        domain.undefine()

    def emulator(self, name):
        """A QEMU of its own, which can be taken away."""
        path = os.path.join(plain.folder(self.daemon, "emulator-" + name), "qemu")
        with open(path, "w") as f:
            f.write("#!/bin/sh\nexec /usr/bin/qemu-system-x86_64 \"$@\"\n")
        os.chmod(path, 0o755)
        return path

    def bad_hook(self):
        """A script that fails for one VM, and does not end for the others. Only the system's daemon has scripts."""
        if self.mode != "system":
            return
        os.makedirs(self.daemon.path("etc", "hooks"), exist_ok=True)
        with open(self.daemon.path("etc", "hooks", "qemu"), "w") as f:
            f.write("#!/bin/sh\n[ $1 = nokey ] && exit 1\nexec sleep 1000\n")
            os.chmod(f.name, 0o755)

    def test_troubles(self):
        """What makes the stock driver kill or forget VMs when it starts (06/R7): none of these does any harm."""
        changes = {"nokey": str,
                   "newflag": lambda t: t.replace("<qemuCaps>", "<qemuCaps><flag name='of-another-day'/>"),
                   "nocaps": lambda t: re.sub("<qemuCaps>.*</qemuCaps>", "", t, flags=re.S),
                   "newelement": lambda t: t.replace("<blockjobs", "<ofAnotherDay a='b'/><blockjobs", 1),
                   "noqemu": str, "otherqemu": str, "stopped": str}
        emulators = {name: self.emulator(name) for name in ("noqemu", "otherqemu")}
        for name in changes:
            xml, self.paths = plain.chain_domain(self.daemon, name, 2, lambda *_: None)
            xml = xml.replace("/usr/bin/qemu-system-x86_64", emulators.get(name, "/usr/bin/qemu-system-x86_64"))
            self.conn.defineXML(xml).create()
        pids = {name: self.daemon.qemu_pid(name) for name in changes}
        key = os.path.dirname(self.daemon.monitor_path("nokey")) + "/master-key.aes"
        self.ok(os.path.exists(key), "nokey: there is a key")
        os.unlink(key)
        os.unlink(emulators["noqemu"])
        with open(emulators["otherqemu"], "w") as f:        # not one that can be probed, either
            f.write("#!/bin/sh\nexit 1\n")
        self.bad_hook()
        self.daemon.ask(do="signal", pid=pids["stopped"], signal=int(signal.SIGSTOP))
        self.restarted(changes)
        if self.mode == "system":
            os.unlink(self.daemon.path("etc", "hooks", "qemu"))
        stopped = self.conn.lookupByName("stopped")
        self.equal(stopped.state()[0], RUNNING, "stopped: it is listed as running")
        self.equal(stopped.messages(), ["unreachable: QEMU does not answer, and is tried again"],
                   "stopped: a message says what is the matter")
        self.daemon.ask(do="signal", pid=pids["stopped"], signal=int(signal.SIGCONT))
        for name in changes:
            domain = self.conn.lookupByName(name)
            self.answers(domain)
            domain.blockPull("vda", 0)
            self.ok(jobs.wait_gone(domain, "vda"), "%s: a job runs to its end" % name)
            self.equal((domain.state()[0], self.daemon.qemu_pid(name)), (RUNNING, pids[name]), "%s: it runs" % name)
        self.ok("<ofAnotherDay a='b'/>" in self.daemon.status_xml("newelement").replace('"', "'"),
                "newelement: what nobody knows is still in its file")
        for name in changes:
            self.conn.lookupByName(name).destroy()
            self.conn.lookupByName(name).undefine()

    def test_unlisted(self):
        """No definition is left of it: a transient one, whose file is torn."""
        self.domain("unlisted", transient=True)
        pid = self.daemon.qemu_pid("unlisted")
        self.restarted({"unlisted": torn})
        self.ok("Domain 'unlisted' runs as process %d, but cannot be listed" % pid in self.daemon.log_text(),
                "unlisted: the log names it, and its process")
        self.ok(os.path.exists("/proc/%d" % pid), "unlisted: its QEMU lives")
        self.daemon.ask(do="signal", pid=pid, signal=9)


if __name__ == "__main__":
    sys.exit(suite.main("unread", __doc__, Test,
                        lambda out, args, mode: suite.run_with_daemon(out, args, mode, Test, args.names, FaultDaemon)))
