#!/usr/bin/python3
"""What people do with a VM day to day, with a guest that answers: reboot, console, keys, screenshot, sleep, memory,
CPUs, the clock, autostart.
"""

import os
import pty
import select
import sys
import time
import xml.etree.ElementTree as ElementTree

import libvirt

import bootsector
import jobs
import plain
import screenshot
import suite
from guest import SerialLog
from jobs import Events

PAUSED = libvirt.VIR_DOMAIN_START_PAUSED
CONFIG, LIVE = libvirt.VIR_DOMAIN_AFFECT_CONFIG, libvirt.VIR_DOMAIN_AFFECT_LIVE


class Test(suite.DaemonChecks):
    def connect(self):
        super().connect()
        self.events = Events(self.conn)

    def machine(self, name, mode, devices="", **changes):
        """(XML of a guest with a balloon and what @devices says, its serial line)"""
        serial = os.path.join(plain.folder(self.daemon, name), "serial.log")
        xml = self.guest.xml(self.daemon, name, [], serial, {"mode": mode})
        xml = xml.replace("<memballoon model='none'/>", "<memballoon model='virtio'/>" + devices)
        for element, value in changes.items():
            xml = xml.replace("<%s>destroy</%s>" % (element, element), "<%s>%s</%s>" % (element, value, element))
        return xml, SerialLog(serial)

    def boots(self, log):
        # behind a shell's prompt, it may be, that a reset cut off
        return len([line for line in log.lines() if "G up" in line])

    def test_reset(self):
        """LC-003: reset really resets; nobody loses the process or the domain."""
        xml, serial = bootsector.again(self.daemon, "again", bootsector.WAIT, on_reboot="restart")
        domain, log = self.conn.createXML(xml, 0), SerialLog(serial)
        pid = self.daemon.qemu_pid("again")
        self.ok(jobs.wait_for(lambda: self.boots(log) == 1, 90, 0.2), "the guest comes up",
                lambda: "\n".join(log.lines()))
        domain.reset(0)
        self.ok(jobs.wait_for(lambda: self.boots(log) == 2, 90, 0.2), "after a reset it comes up again",
                lambda: "\n".join(log.lines()))
        self.equal(self.daemon.qemu_pid("again"), pid, "in the same process")
        self.equal(domain.state()[0], libvirt.VIR_DOMAIN_RUNNING, "it runs")
        self.equal([e for e in self.events.of("again", "lifecycle") if e[2] in (5, 6)], [], "nothing was stopped")
        domain.destroy()

    def test_restart_at_poweroff(self):
        """on_poweroff=restart: the guest's power-off is a reboot, in the same process."""
        xml, serial = bootsector.again(self.daemon, "returns", bootsector.POWER_OFF, on_poweroff="restart",
                                       on_reboot="restart")
        domain, log = self.conn.createXML(xml, 0), SerialLog(serial)
        pid = self.daemon.qemu_pid("returns")
        twice = jobs.wait_for(lambda: self.boots(log) >= 2, 120, 0.2)
        self.ok(twice, "a guest that powers off comes up again", lambda: "\n".join(log.lines()))
        self.equal(self.daemon.qemu_pid("returns"), pid, "in the same process, too")
        kinds = [e[2:] for e in self.events.of("returns", "lifecycle")]
        self.equal([k for k in kinds if k[0] in (3, 5, 6)], [], "no event says that it stopped")
        domain.destroy()

    def test_console(self):
        """virsh console, typed into through a terminal."""
        xml, log = self.machine("typed", "shell")
        start, end = xml.index("<serial"), xml.index("</serial>") + len("</serial>")
        domain = self.conn.createXML(xml[:start] + "<serial type='pty'/><console type='pty'/>" + xml[end:], 0)
        pid, fd = pty.fork()
        if pid == 0:
            os.execvp("virsh", ["virsh", "-c", self.daemon.uri, "console", "typed", "--force"])
        got, typed, deadline = b"", False, time.monotonic() + 60
        while time.monotonic() < deadline and b"answer 42" not in got:
            if select.select([fd], [], [], 0.5)[0]:
                try:
                    got += os.read(fd, 4096)
                except OSError:
                    break
            if not typed and b"# " in got:
                os.write(fd, b"echo answer $((6 * 7))\n")
                typed = True
            elif not typed and b"Escape character" in got and time.monotonic() > deadline - 30:
                os.write(fd, b"\n")
        self.ok(b"answer 42" in got, "virsh console: what is typed reaches the guest's shell", repr(got[-500:]))
        os.write(fd, b"\x1d")
        os.close(fd)
        os.waitpid(pid, 0)
        domain.destroy()

    def test_screenshot(self):
        """A picture, and keys; the picture's file is in no folder."""
        xml, _ = self.machine("seen", "shell", "<video><model type='vga'/></video><graphics type='vnc'/>")
        domain = self.conn.createXML(xml, 0)
        kind, picture = screenshot.take(self.conn, domain)
        self.ok(kind == "image/png" and picture.width >= 640 and picture.height >= 400, "a screenshot is a PNG",
                "%s, %s" % (kind, picture.size))
        left = [f for _, _, files in os.walk(self.daemon.path()) for f in files if "screendump" in f]
        self.equal(left, [], "no file is left of it")
        self.equal(domain.sendKey(libvirt.VIR_KEYCODE_SET_LINUX, 50, [29, 56, 111], 3, 0), 0, "keys are taken")
        domain.destroy()

    def test_memory_and_cpus(self):
        """The balloon's figures, CPUs plugged in, and that all of it is there after a new daemon."""
        xml, _ = self.machine("sized", "shell")
        xml = xml.replace("<vcpu>1</vcpu>", "<vcpu current='1'>3</vcpu>")
        domain = self.conn.defineXML(xml)
        domain.create()
        figures = domain.memoryStats()
        self.ok(figures.get("actual") == 160 * 1024 and figures.get("rss", 0) > 1024, "memory figures", str(figures))
        domain.setVcpusFlags(3, LIVE)
        self.equal(domain.vcpusFlags(LIVE), 3, "two CPUs were plugged in")
        domain.addIOThread(2, LIVE)
        one = tuple(n == 0 for n in range(os.cpu_count()))
        domain.pinVcpuFlags(1, one, LIVE)
        self.daemon.kill()
        self.daemon.start()
        self.connect()
        domain = self.conn.lookupByName("sized")
        jobs.wait_for(lambda: domain.controlInfo(0)[0] == 0, 10)
        self.equal(domain.vcpusFlags(LIVE), 3, "a new daemon knows all CPUs")
        self.equal([bool(x) for x in domain.vcpuPinInfo(LIVE)[1]], [bool(x) for x in one], "and their pins")
        self.equal(len(domain.vcpus()[0]), 3, "and their threads")
        self.equal([t[0] for t in domain.ioThreadInfo(LIVE)], [2], "and the I/O thread")
        domain.destroy()
        self.equal(domain.vcpusFlags(CONFIG), 1, "the definition has not changed")
        domain.undefine()

    def clock(self, text):
        return dict(ElementTree.fromstring(text).find(".//clock").attrib)

    def status_file(self, name):
        with open(os.path.join(self.daemon.state_dir, name + ".xml")) as f:
            return f.read()

    def check_clock(self, domain, years):
        """The guest has set its clock to a later year: the live definition has what the last event says."""
        def follows():
            told = self.events.of(domain.name(), "rtc")
            return told and abs(told[-1][2] / 86400 - years * 365.25) < 2 and \
                self.clock(domain.XMLDesc()) == {"offset": "variable", "basis": "utc", "adjustment": str(told[-1][2])}

        name = domain.name()
        self.ok(jobs.wait_for(follows, 60), "%s: the definition follows the guest to year %d" % (name, years),
                lambda: "%s\n%s" % (self.events.of(name, "rtc"), self.clock(domain.XMLDesc())))
        saved = jobs.wait_for(lambda: self.clock(self.status_file(name)) ==
                              dict(self.clock(domain.XMLDesc()), adjustment0="100"), 10)
        self.ok(saved, "%s: the status file has it, and where QEMU began" % name,
                lambda: self.clock(self.status_file(name)))

    def test_clock(self):
        """A variable clock follows what the guest sets it to, also when the daemon has changed meanwhile; others do
        not, and the definition for the next start is as it was."""
        domains = {}
        for basis in ("utc", "localtime", None):
            name = "clock-%s" % basis
            xml, _ = bootsector.again(self.daemon, name, bootsector.SET_CLOCK)
            if basis:
                xml = xml.replace("offset='utc'", "offset='variable' adjustment='100' basis='%s'" % basis)
            domains[basis] = self.conn.defineXML(xml)
            domains[basis].create()
        event = self.events.wait(lambda e: e[:2] == ("clock-None", "rtc"), 60)
        self.ok(event and abs(event[2] / 86400 - 365.25) < 2, "the guest sets its clock", event)
        fixed = domains.pop(None)
        self.equal(self.clock(fixed.XMLDesc()), {"offset": "utc"}, "a clock that is not variable stays")
        for domain in domains.values():
            self.check_clock(domain, 1)
        self.daemon.kill()
        self.daemon.start()
        self.connect()
        for basis in domains:
            domain = self.conn.lookupByName("clock-" + basis)
            jobs.wait_for(lambda: domain.controlInfo(0)[0] == 0, 10)
            domain.reset()
            self.check_clock(domain, 2)
            self.equal(self.clock(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)),
                       {"offset": "variable", "adjustment": "100", "basis": basis}, "the definition is as it was")
        for name in ("clock-utc", "clock-localtime", "clock-None"):
            self.conn.lookupByName(name).destroy()
            self.conn.lookupByName(name).undefine()

    def test_autostart(self):
        """LC-005: marked domains start with the host, once; a daemon that is started again starts nothing."""
        first, _ = plain.chain_domain(self.daemon, "auto", 1)
        second, _ = plain.chain_domain(self.daemon, "manual", 1)
        self.conn.defineXML(first).setAutostart(1)
        self.conn.defineXML(second)
        self.daemon.kill()
        self.daemon.start()
        self.connect()
        time.sleep(1)
        self.equal(self.conn.lookupByName("auto").isActive(), 0, "a daemon that is started again starts no domain")
        self.daemon.kill()
        marks = [os.path.join(folder, f) for top in (self.daemon.path(), self.daemon.run_dir)
                 for folder, _, files in os.walk(top) for f in files if f == "autostarted"]
        self.ok(marks, "there is a mark")
        for mark in marks:
            os.unlink(mark)                 # as after a boot of the host: /run is empty
        self.daemon.start()
        self.connect()
        self.ok(jobs.wait_for(lambda: self.conn.lookupByName("auto").isActive(), 20), "after a boot it does")
        self.equal(self.conn.lookupByName("manual").isActive(), 0, "but only those that are marked")
        self.conn.lookupByName("auto").destroy()
        for name in ("auto", "manual"):
            self.conn.lookupByName(name).undefine()


if __name__ == "__main__":
    sys.exit(suite.main("lifecycle", __doc__, Test, modes=("system",) if os.geteuid() == 0 else ("session",)))
