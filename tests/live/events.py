#!/usr/bin/python3
"""Events that clients are told of when something happens at a VM's devices: a tray that moves, a watchdog whose
time has run out, clients of VNC and SPICE that come and go, images that grow beyond a threshold.
"""

import json
import os
import socket
import struct
import sys
import threading
import xml.etree.ElementTree as ElementTree

import libvirt
import libvirt_qemu

import bootsector
import jobs
import plain
import qmp
import suite
from images import make_chain

OPENED, CLOSED = libvirt.VIR_DOMAIN_EVENT_TRAY_CHANGE_OPEN, libvirt.VIR_DOMAIN_EVENT_TRAY_CHANGE_CLOSE
CONNECT, INITIALIZE, DISCONNECT = (libvirt.VIR_DOMAIN_EVENT_GRAPHICS_CONNECT,
                                   libvirt.VIR_DOMAIN_EVENT_GRAPHICS_INITIALIZE,
                                   libvirt.VIR_DOMAIN_EVENT_GRAPHICS_DISCONNECT)
UNIX = libvirt.VIR_DOMAIN_EVENT_GRAPHICS_ADDRESS_UNIX
RUNNING = [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_BOOTED]
# action of <watchdog> -> what clients are told, the state that the guest is in then
ACTIONS = {"reset": (libvirt.VIR_DOMAIN_EVENT_WATCHDOG_RESET, RUNNING),
           "none": (libvirt.VIR_DOMAIN_EVENT_WATCHDOG_NONE, RUNNING),
           "pause": (libvirt.VIR_DOMAIN_EVENT_WATCHDOG_PAUSE, [libvirt.VIR_DOMAIN_PAUSED,
                                                               libvirt.VIR_DOMAIN_PAUSED_WATCHDOG]),
           "inject-nmi": (libvirt.VIR_DOMAIN_EVENT_WATCHDOG_INJECTNMI, RUNNING),
           "poweroff": (libvirt.VIR_DOMAIN_EVENT_WATCHDOG_POWEROFF, None)}
SPICE_HELLO = struct.pack("<4sIIIIBBIIII", b"REDQ", 2, 2, 22, 0, 1, 0, 1, 0, 18, 1)


class Test(suite.DaemonChecks):
    def connect(self):
        super().connect()
        self.told, self.changed = [], threading.Condition()
        for kind in (libvirt.VIR_DOMAIN_EVENT_ID_TRAY_CHANGE, libvirt.VIR_DOMAIN_EVENT_ID_WATCHDOG,
                     libvirt.VIR_DOMAIN_EVENT_ID_GRAPHICS, libvirt.VIR_DOMAIN_EVENT_ID_BLOCK_THRESHOLD):
            self.conn.domainEventRegisterAny(None, kind, self.on_event, None)

    def on_event(self, _conn, domain, *words):
        with self.changed:
            self.told.append((domain.name(), *words[:-1]))
            self.changed.notify_all()

    def wait(self, name, count):
        """The first @count events of a domain; fewer after half a minute."""
        def of():
            return [event[1:] for event in self.told if event[0] == name]

        with self.changed:
            self.changed.wait_for(lambda: len(of()) >= count, 30)
            return of()

    def trays(self, name):
        """Of the drives, which stand open: in the XML, in the status file."""
        with open(os.path.join(self.daemon.state_dir, name + ".xml")) as f:
            texts = self.conn.lookupByName(name).XMLDesc(), f.read()
        return [[target.get("dev") for target in ElementTree.fromstring(text).iter("target")
                 if target.get("tray") == "open"] for text in texts]

    def move(self, domain, command, device):
        libvirt_qemu.qemuMonitorCommand(domain, json.dumps({"execute": command, "arguments": {"id": device}}), 0)

    def test_tray(self):
        """It is in the XML and the status file, also when it moved while no daemon was there."""
        folder = plain.folder(self.daemon, "drives")
        image = os.path.join(folder, "medium.iso")
        with open(image, "wb") as f:
            f.truncate(1 << 20)
        self.daemon.own(image)
        domain = self.conn.defineXML(plain.domain("drives", [
            plain.disk("hdc", image, "raw", "<readonly/>", "cdrom", "ide"),
            plain.disk("sda", image, "raw", "<readonly/>", "cdrom", "scsi"),
            "<controller type='scsi' model='virtio-scsi'/>"]))
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)     # the firmware would close them
        aliases = {disk.find("target").get("dev"): disk.find("alias").get("name")
                   for disk in ElementTree.fromstring(domain.XMLDesc()).iter("disk")}
        self.equal(self.trays("drives"), [[], []], "trays are closed")
        self.move(domain, "blockdev-open-tray", aliases["hdc"])
        self.equal(self.wait("drives", 1), [(aliases["hdc"], OPENED)], "a tray that opens is told")
        self.equal(self.trays("drives"), [["hdc"], ["hdc"]], "and in the XML")
        self.move(domain, "blockdev-close-tray", aliases["hdc"])
        self.equal(self.wait("drives", 2)[1:], [(aliases["hdc"], CLOSED)], "one that closes, too")
        self.equal(self.trays("drives"), [[], []], "and it is in the XML no more")
        self.daemon.kill()
        with open(os.path.join(self.daemon.state_dir, "drives.xml")) as f:
            monitor = qmp.Qmp(self.daemon.host_path(ElementTree.parse(f).find("monitor").get("path")))
        found = [drive["qdev"] for drive in monitor.call("query-block") if "qdev" in drive]
        for device in found:
            monitor.call("blockdev-open-tray", id=device)
        monitor.close()
        self.daemon.start()
        self.connect()
        domain = self.conn.lookupByName("drives")
        self.equal(len(found), 2, "trays are opened while no daemon is there")
        self.ok(jobs.wait_for(lambda: self.trays("drives") == [["hdc", "sda"]] * 2, 20), "a new daemon sees that",
                lambda: self.trays("drives"))
        self.equal("tray=" in domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE), False, "the definition knows no trays")
        domain.destroy()
        domain.undefine()

    def test_watchdog(self):
        """All guests at once."""
        for action in ACTIONS:
            device = "<watchdog model='ib700' action='%s'/>" % action
            xml, _ = bootsector.again(self.daemon, "dog-" + action, bootsector.WATCHDOG, device)
            self.conn.defineXML(xml).create()
        for action, (word, state) in ACTIONS.items():
            domain = self.conn.lookupByName("dog-" + action)
            self.equal(self.wait(domain.name(), 1)[:1], [(word,)], "a watchdog that is to %s is told" % action)
            if state is None:
                self.ok(jobs.wait_off(domain, 30), "%s: the VM ends" % action)
            else:
                self.ok(jobs.wait_for(lambda: domain.state() == state, 10), "%s: its state" % action, domain.state())
                domain.destroy()
            domain.undefine()

    def test_threshold(self):
        """09/H4: of the active image by its disk's name and by number, of a lower one; told once each."""
        name = "threshold"
        paths = make_chain(plain.folder(self.daemon, name), ["vda.0", "vda.1"])
        self.daemon.own(*paths)
        domain = self.conn.defineXML(plain.domain(name, [plain.disk("vda", paths[1])]))
        invalid = libvirt.VIR_ERR_INVALID_ARG
        self.refused(lambda: domain.setBlockThreshold("vda", 1), libvirt.VIR_ERR_OPERATION_INVALID, "not running",
                     "of a domain that is shut off")
        domain.create()
        top, below = jobs.indexes(domain.XMLDesc(), "vda")
        for dev, words in (("vdz", "failed to find disk 'vdz'"), ("vda[99]", "failed to find disk 'vda[99]'"),
                           ("vda[x]", "failed to parse block device 'vda[x]'"), (paths[1], "failed to find disk")):
            self.refused(lambda dev=dev: domain.setBlockThreshold(dev, 1), invalid, words, words)
        if not self.stock:              # it dies of this one
            self.refused(lambda: domain.setBlockThreshold("", 1), invalid, "failed to parse block device ''", "no name")
        domain.setBlockThreshold("vda[%s]" % below, 5 << 20)
        domain.setBlockThreshold("vda", 1)
        self.equal(self.thresholds(domain), {"block.0.threshold": 1, "block.1.threshold": 5 << 20}, "in the statistics")
        self.write(domain, 1)
        told = [("vda", paths[1], 1), ("vda[%s]" % top, paths[1], 1)]
        self.equal([words[:3] for words in self.wait(name, 2)], told, "reached: told by both names")
        domain.setBlockThreshold("vda[%s]" % top, 2)
        self.daemon.restart()           # which kind of name it was is in the status file
        self.connect()
        domain = self.conn.lookupByName(name)
        self.write(domain, 2)
        self.equal([words[:3] for words in self.wait(name, 1)], [("vda[%s]" % top, paths[1], 2)], "told by its number",
                   known="a new daemon has forgotten how it was set")
        domain.setBlockThreshold("vda[%s]" % below, 0)
        self.equal(self.thresholds(domain), {}, "reached, or taken back: there is none")
        domain.destroy()
        domain.undefine()

    def thresholds(self, domain):
        stats = self.conn.domainListGetStats([domain], libvirt.VIR_DOMAIN_STATS_BLOCK,
                                             libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_BACKING)[0][1]
        return {key: value for key, value in stats.items() if key.endswith(".threshold")}

    def write(self, domain, mib):
        line = 'qemu-io -d /machine/peripheral/virtio-disk0/virtio-backend "write %dM 64k"' % mib
        libvirt_qemu.qemuMonitorCommand(domain, line, libvirt_qemu.VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP)

    def client(self, path, talk):
        """Connects to the display at @path, says and hears what @talk lists, and goes."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(path)
            for said in talk:
                if isinstance(said, bytes):
                    connection.sendall(said)
                while isinstance(said, int) and said > 0:
                    got = connection.recv(said)
                    said = said - len(got) if got else 0

    def test_clients(self):
        folder = plain.folder(self.daemon, "shown")
        os.chmod(folder, 0o777)
        vnc, spice = os.path.join(folder, "vnc"), os.path.join(folder, "spice")
        domain = self.conn.createXML(plain.domain("shown", [
            "<graphics type='vnc' socket='%s'/><graphics type='spice'><listen type='socket' socket='%s'/></graphics>"
            "<video><model type='vga'/></video>" % (vnc, spice)]))
        # version, 1 kind of security: none, its result, a shared session, what the server says of itself
        self.client(vnc, (12, b"RFB 003.008\n", 2, b"\1", 4, b"\1", 24))
        here, there = {"family": UNIX, "node": "", "service": vnc}, {"family": UNIX, "node": "", "service": ""}
        self.equal(self.wait("shown", 3),
                   [(phase, here, there, "none", []) for phase in (CONNECT, INITIALIZE, DISCONNECT)],
                   "a client of VNC comes and goes")
        self.client(spice, (SPICE_HELLO, 16))
        here = {"family": UNIX, "node": "localhost", "service": ""}
        self.equal(self.wait("shown", 5)[3:], [(phase, here, here, "", []) for phase in (CONNECT, DISCONNECT)],
                   "a client of SPICE that leaves before it has shown who it is")
        domain.destroy()


if __name__ == "__main__":
    sys.exit(suite.main("events", __doc__, Test, modes=("system",) if os.geteuid() == 0 else ("session",)))
