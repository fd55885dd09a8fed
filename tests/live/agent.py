#!/usr/bin/python3
"""The guest agent: Debian's own in a real guest, and one that is scripted.

The scripted one sits where QEMU would: a domain without an operating system never opens its channel, so there is
none. What a hostile agent may say is in ../qbjagenttest.c; here it is a real one that hangs, goes and comes.
"""

import base64
import json
import os
import subprocess
import sys
import threading
import time

import libvirt
import libvirt_qemu

import jobs
import plain
import suite
from agent_build import build_agent
from guest import KERNEL_WORDS, SerialLog

CHANNEL = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
PAUSED = libvirt.VIR_DOMAIN_START_PAUSED
AGENT = libvirt.VIR_DOMAIN_SHUTDOWN_GUEST_AGENT
STOP = "killall -STOP qemu-ga; echo agent stopped >/dev/console; sleep %d; killall -CONT qemu-ga"


class Test(suite.DaemonChecks):
    def __init__(self, out, daemon, guest):
        self.image = daemon.path("img", "initrd-agent")
        if not os.path.exists(self.image):
            with open(build_agent(guest.cache), "rb") as src, open(self.image, "wb") as dst:
                dst.write(src.read())
            os.chmod(self.image, 0o644)
        super().__init__(out, daemon, guest)

    def connect(self):
        super().connect()
        self.events = []
        self.conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE,
                                         lambda _c, d, state, reason, _o: self.events.append((d.name(), state, reason)),
                                         None)

    def refused(self, function, code, words, what):
        begin = time.monotonic()
        try:
            result = function()
        except libvirt.libvirtError as e:
            self.ok(e.get_error_code() == code and words in str(e), what, "%d: %s" % (e.get_error_code(), e))
        else:
            self.ok(False, what, "it gave %r" % (result,))
        return time.monotonic() - begin

    # --- the guest -------------------------------------------------------------------------------------------

    def start(self, name, on_reboot="destroy", disks=()):
        folder = self.daemon.path("img", name)
        if not disks:
            plain.folder(self.daemon, name)
        self.serial = SerialLog(os.path.join(folder, "serial.log"))
        xml = self.guest.xml(self.daemon, name, disks, self.serial.path, {"mode": "agent"}, memory=224)
        xml = xml.replace("<initrd>%s</initrd>" % self.daemon.path("img", "initrd"), "<initrd>%s</initrd>" % self.image)
        xml = xml.replace("<cmdline>" + KERNEL_WORDS, "<cmdline>" + KERNEL_WORDS + "rdinit=/agent-init ")
        xml = xml.replace("<vcpu>1</vcpu>", "<vcpu>2</vcpu>").replace("<memballoon", CHANNEL + "<memballoon")
        xml = xml.replace("<on_reboot>destroy", "<on_reboot>" + on_reboot)
        domain = self.conn.createXML(xml, 0)
        self.wait_agent(domain)
        return domain

    def state(self, domain):
        return "state='connected'" in domain.XMLDesc()

    def wait_agent(self, domain, connected=True, timeout=90):
        return self.ok(jobs.wait_for(lambda: self.state(domain) == connected, timeout, 0.2),
                       "the agent is %s" % ("there" if connected else "gone"),
                       lambda: "\n".join(self.serial.lines()[-20:]))

    def ask(self, domain, command, seconds=10, **arguments):
        text = json.dumps({"execute": command, **({"arguments": arguments} if arguments else {})})
        return json.loads(libvirt_qemu.qemuAgentCommand(domain, text, seconds, 0))["return"]

    def shell(self, domain, script):
        self.ask(domain, "guest-exec", path="/bin/busybox", arg=["sh", "-c", script], env=["PATH=/bin:/sbin"])

    # --- tests -----------------------------------------------------------------------------------------------

    def test_without(self):
        """No channel, and a guest that does not open it."""
        domain = self.conn.createXML(plain.domain("none"), 0)
        self.refused(domain.hostname, libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED, "guest agent is not configured",
                     "without a channel there is no agent")
        domain.destroy()
        xml = plain.domain("closed").replace("<memballoon", CHANNEL + "<memballoon")
        domain = self.conn.createXML(xml, PAUSED)
        self.refused(domain.hostname, libvirt.VIR_ERR_OPERATION_INVALID, "domain is not running",
                     "a paused guest is not asked")
        domain.resume()
        took = self.refused(domain.hostname, libvirt.VIR_ERR_AGENT_UNRESPONSIVE, "guest agent is not connected",
                            "nor one that has not opened the channel")
        self.ok(took < 1, "which is known at once")
        self.ok(jobs.wait_for(lambda: ("closed", 2, 1) in self.events, 5), "the start said so by an event",
                repr(self.events))
        domain.destroy()

    def test_real(self):
        domain = self.start("real", disks=self.disk("real"))
        self.ok(jobs.wait_for(lambda: ("real", 1, 2) in self.events, 5), "and an event said so", repr(self.events))
        self.queries(domain)
        self.changes(domain)
        self.refused(lambda: self.ask(domain, "guest-nonsense"), libvirt.VIR_ERR_INTERNAL_ERROR,
                     "unable to execute QEMU agent command 'guest-nonsense'", "an error of the agent is reported")
        self.refused(lambda: libvirt_qemu.qemuAgentCommand(domain, "no json", 5, 0), libvirt.VIR_ERR_INTERNAL_ERROR,
                     "", "what is no JSON is not sent")
        if self.mode == "system":       # the same code in both modes
            domain = self.frozen(domain)
        self.hangs(domain)
        self.restarts(domain)
        self.ends(domain)

    def queries(self, domain):
        self.equal(domain.hostname(), "agent-guest", "host name")
        seconds = domain.getTime()["seconds"]
        self.ok(abs(seconds - time.time()) < 60, "time", seconds)
        self.equal(domain.guestVcpus()["online"], "0-1", "CPUs")
        self.equal(domain.vcpusFlags(libvirt.VIR_DOMAIN_VCPU_GUEST), 2, "their number")
        faces = domain.interfaceAddresses(libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT)
        self.equal(faces["lo"]["addrs"][0], {"addr": "127.0.0.1", "prefix": 8, "type": 0}, "interfaces")
        info = domain.guestInfo(0)
        self.equal((info.get("hostname"), info.get("os.pretty-name"), info.get("if.0.name")),
                   ("agent-guest", "The test guest", "lo"), "guest info")
        self.equal(domain.fsInfo(), [], "file systems")

    def changes(self, domain):
        domain.setTime({"seconds": 1000000000, "nseconds": 0})
        self.ok(abs(domain.getTime()["seconds"] - 1000000000) < 60, "the time is set")
        domain.setGuestVcpus("1", 0)
        self.equal(domain.guestVcpus()["online"], "0", "a CPU is taken offline")
        domain.setVcpusFlags(2, libvirt.VIR_DOMAIN_VCPU_GUEST)
        self.equal(domain.guestVcpus()["online"], "0-1", "and is back, by the number of CPUs")
        self.refused(lambda: domain.setGuestVcpus("7", 0), libvirt.VIR_ERR_INVALID_ARG, "7",
                     "one that is not there is refused")
        self.equal((domain.fsFreeze(), domain.fsThaw()), (0, 0), "freeze and thaw, without a file system")
        domain.fSTrim(None, 0)
        self.ok(True, "trim")
        self.refused(lambda: domain.setUserPassword("root", "secret"), libvirt.VIR_ERR_INTERNAL_ERROR,
                     "guest-set-user-password", "a password reaches the agent, which cannot set it here")
        self.ok("secret" not in self.daemon.log_text() and
                base64.b64encode(b"secret").decode() not in self.daemon.log_text(), "and is in no log")

    def hangs(self, domain):
        """Only those who want the agent notice."""
        self.shell(domain, STOP % 30)
        self.ok(self.serial.wait_line("agent stopped", 20), "the agent is stopped")
        domain.agentSetResponseTimeout(8)
        # a connection of its own: one that threads share may lose a wake-up in libvirt's client before 10.0
        other = self.daemon.connect().lookupByName(domain.name())
        waiter = threading.Thread(target=self.quietly, args=(other.hostname,), daemon=True)
        waiter.start()
        time.sleep(0.3)
        begin = time.monotonic()
        domain.suspend()
        domain.resume()
        domain.memoryStats()
        domain.XMLDesc()
        self.ok(time.monotonic() - begin < 6, "an agent that hangs does not hold up other calls")
        waiter.join(20)
        domain.agentSetResponseTimeout(2)
        took = self.refused(lambda: domain.getTime(), libvirt.VIR_ERR_AGENT_UNRESPONSIVE, "not available for now",
                            "an agent that hangs is reported")
        self.ok(1.5 < took < 7, "after the 2 s that were set", took)
        answered = jobs.wait_for(lambda: self.quietly(domain.hostname) == "agent-guest", 60, 0.5)
        self.ok(answered, "when it goes on it answers again")
        domain.agentSetResponseTimeout(-2)

    @staticmethod
    def quietly(function):
        try:
            return function()
        except libvirt.libvirtError:
            return None

    def restarts(self, domain):
        """Another daemon; another agent."""
        self.daemon.kill()
        self.daemon.start()
        self.connect()
        domain = self.conn.lookupByName(domain.name())
        self.ok(jobs.wait_for(lambda: self.quietly(domain.hostname) == "agent-guest", 60), "a new daemon asks it, too")
        self.shell(domain, "killall qemu-ga")
        back = jobs.wait_for(lambda: (domain.name(), 2, 2) in self.events and self.events[-1][1] == 1, 60)
        self.ok(back, "an agent that ends and starts is seen to go and come", repr(self.events))
        self.equal(self.quietly(domain.hostname), "agent-guest", "and answers")

    def ends(self, domain):
        domain = self.conn.lookupByName(domain.name())
        begin = time.monotonic()
        domain.shutdownFlags(AGENT)
        self.ok(jobs.wait_for(lambda: domain.name() not in [d.name() for d in self.conn.listAllDomains()], 40),
                "the agent shuts the guest down")
        self.ok(time.monotonic() - begin < 40, "soon")

    # --- frozen file systems ---------------------------------------------------------------------------------

    def disk(self, name):
        """An empty ext4, on vda."""
        path = os.path.join(plain.folder(self.daemon, name), "disk")
        subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", path, "32M"], check=True, stdout=subprocess.DEVNULL)
        self.daemon.own(path)
        return [("vda", path, "raw", "")]

    def state_of(self, domain):
        return self.ask(domain, "guest-fsfreeze-status")

    def hooks(self):
        return [line[5:] for line in self.serial.lines() if line.startswith("hook ")]

    def owed(self, name):
        return "<qbj:thaw " in self.daemon.status_xml(name)

    def frozen(self, domain):
        self.shell(domain, "mkdir /mnt; mount -t ext4 /dev/vda /mnt && echo mounted >/dev/console")
        self.ok(self.serial.wait_line("mounted", 20), "a file system is mounted", lambda: self.serial.lines()[-20:])
        self.frozen_calls(domain)
        self.frozen_snapshot(domain)
        if self.stock:
            return domain
        self.frozen_restart(domain)
        domain = self.conn.lookupByName(domain.name())
        self.frozen_late(domain)
        self.frozen_agent_dies(domain)
        self.frozen_daemon_dies(domain)
        return self.conn.lookupByName(domain.name())

    def frozen_calls(self, domain):
        info = [(i[0], i[1], i[2], list(i[3])) for i in domain.fsInfo()]
        self.equal(info, [("/mnt", "vda", "ext4", ["vda"])], "the file system, and the disk that it is on")
        self.equal((domain.fsFreeze(), self.state_of(domain)), (1, "frozen"), "frozen")
        self.refused(domain.fsFreeze, libvirt.VIR_ERR_INTERNAL_ERROR, "guest-fsfreeze-freeze", "not twice")
        self.refused(domain.getTime, libvirt.VIR_ERR_INTERNAL_ERROR, "guest-get-time",
                     "the agent does nothing else meanwhile")
        self.equal((domain.fsThaw(), self.state_of(domain)), (1, "thawed"), "thawed")
        self.equal(domain.fsThaw(), 0, "there is nothing left to thaw")
        self.equal((domain.fsFreeze(["/mnt"]), domain.fsThaw()), (1, 1), "by mount point")
        self.equal((domain.fsFreeze(["/nothing"]), domain.fsThaw()), (0, 0), "none is there")
        self.equal((domain.fsFreeze(['/"\\']), domain.fsThaw()), (0, 0), "whatever its name")
        self.refused(lambda: domain.fsThaw(["/mnt"]), libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED, "mountpoints",
                     "the agent thaws all")
        self.refused(lambda: domain.fSTrim("/mnt", 0), libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED, "mount point",
                     "and trims all")
        domain.fSTrim(None, 0)
        self.ok(True, "trimmed")

    def frozen_snapshot(self, domain):
        """08/S5.2: the guest is frozen for a snapshot, also for one that fails."""
        quiesce = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE
        xml = "<domainsnapshot><name>%s</name></domainsnapshot>"
        before = len(self.hooks())
        domain.snapshotCreateXML(xml % "quiet", quiesce)
        self.thawed(domain, before, ["freeze", "freeze done", "thaw", "thaw done"], "after a snapshot")
        self.ok("disk.quiet" in domain.XMLDesc(), "the snapshot is there")
        self.shell(domain, "echo more >/mnt/more && sync && echo written >/dev/console")
        self.ok(self.serial.wait_line("written", 20), "the guest writes on", lambda: self.serial.lines()[-20:])
        domain.fsFreeze()
        self.refused(lambda: domain.snapshotCreateXML(xml % "again", quiesce), libvirt.VIR_ERR_INTERNAL_ERROR,
                     "guest-fsfreeze-freeze", "not when a client has frozen it")
        self.equal((self.state_of(domain), domain.fsThaw()), ("frozen", 1), "which then stays so")
        if not self.stock:
            self.ok("disk.again" not in domain.XMLDesc() and domain.snapshotNum() == 1, "and there is no snapshot")

    def frozen_restart(self, domain):
        """08/S5.5: what a client has frozen is its own."""
        domain.fsFreeze()
        self.daemon.kill()
        self.daemon.start()
        self.connect()
        domain = self.conn.lookupByName(domain.name())
        self.ok(jobs.wait_for(lambda: self.quietly(lambda: self.state_of(domain)) == "frozen", 30),
                "it stays frozen when the daemon dies")
        self.equal(domain.fsThaw(), 1, "until the client thaws it")

    def frozen_late(self, domain):
        before = self.hook(domain, "slow")
        domain.agentSetResponseTimeout(2)
        self.refused(domain.fsFreeze, libvirt.VIR_ERR_AGENT_UNRESPONSIVE, "has not answered in time",
                     "a freeze that takes longer than the client likes")
        self.ok(self.owed(domain.name()), "is recorded")
        domain.agentSetResponseTimeout(-2)
        self.thawed(domain, before, ["freeze", "freeze done", "thaw", "thaw done"], "is undone, without a call")

    def frozen_agent_dies(self, domain):
        before = self.hook(domain, "die")
        self.refused(domain.fsFreeze, libvirt.VIR_ERR_AGENT_UNRESPONSIVE, "End of file", "an agent that dies in it")
        self.thawed(domain, before, ["freeze", "freeze done", "thaw", "thaw done"], "is told when it is there again")

    def frozen_daemon_dies(self, domain):
        before = self.hook(domain, "slow")
        caller = threading.Thread(target=self.quietly, args=(domain.fsFreeze,), daemon=True)
        caller.start()
        self.ok(jobs.wait_for(lambda: self.hooks()[before:] == ["freeze"], 20), "a freeze is under way", self.hooks)
        self.daemon.kill()
        caller.join(10)
        self.ok(self.owed(domain.name()), "the daemon that dies in it has recorded it")
        self.daemon.start()
        self.connect()
        self.thawed(self.conn.lookupByName(domain.name()), before, ["freeze", "freeze done", "thaw", "thaw done"],
                    "and the next one has it undone")

    def hook(self, domain, what):
        """The next freeze is slow, or the agent dies in it. Gives how often the hook has spoken."""
        marks = self.serial.lines().count("next: " + what)
        self.shell(domain, "touch /tmp/%s; echo next: %s >/dev/console" % (what, what))
        self.ok(jobs.wait_for(lambda: self.serial.lines().count("next: " + what) > marks, 20), "the next is " + what)
        return len(self.hooks())

    def thawed(self, domain, before, wanted, what):
        self.ok(jobs.wait_for(lambda: self.hooks()[before:] == wanted, 30), what,
                lambda: "%r\n%s" % (self.hooks()[before:], self.daemon.log_tail()))
        self.equal(self.quietly(lambda: self.state_of(domain)), "thawed", "the guest is not frozen")
        self.ok(not self.owed(domain.name()), "and nothing is recorded any more")

    def test_reboot(self):
        domain = self.start("again", on_reboot="restart")
        domain.reboot(libvirt.VIR_DOMAIN_REBOOT_GUEST_AGENT)
        again = jobs.wait_for(lambda: len([x for x in self.serial.lines() if x.startswith("G up")]) >= 2, 200, 0.2)
        self.ok(again, "the agent reboots the guest")
        self.ok(jobs.wait_for(lambda: self.quietly(domain.hostname) == "agent-guest", 120, 0.5), "and is there again")
        pid = self.daemon.qemu_pid("again")
        waiter = threading.Thread(target=self.quietly, args=(lambda: self.ask(domain, "guest-ping", 50),), daemon=True)
        self.daemon.ask(do="signal", pid=pid, signal=19)
        waiter.start()
        time.sleep(0.5)
        begin = time.monotonic()
        domain.destroy()
        waiter.join(10)
        self.ok(not waiter.is_alive() and time.monotonic() - begin < 25, "a call that waits ends with its domain")


def run(out, args, mode):
    # a boot more, and the same code in both modes
    names = [name for name in args.names if name != "reboot" or mode == "system" or args.chosen]
    suite.run_with_daemon(out, args, mode, Test, names)


if __name__ == "__main__":
    sys.exit(suite.main("agent", __doc__, Test, run))
