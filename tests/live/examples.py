#!/usr/bin/python3
"""Domains as virt-install and others make them, tests/qemublockjobdata/examples: each starts, or is refused for one
reason that is named. Only paths are changed, to those of scratch images, and KVM where it cannot boot a guest.
"""

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import libvirt
import libvirt_qemu

import bootsector
import devices
import nbd
import options
import plain
import suite
from images import qemu_img

FOLDER = os.path.join(os.path.dirname(options.HERE), "qemublockjobdata", "examples")
STARTS = None
NO_HOSTDEV = "element 'devices/hostdev' is not supported by this driver"
UNSUPPORTED = libvirt.VIR_ERR_CONFIG_UNSUPPORTED
# each file: that it starts, or the error's code and what it names
EXPECTED = {
    "cloud-image": STARTS,
    "desktop": STARTS,
    "desktop-being-installed": STARTS,
    "direct-kernel": STARTS,
    "disk-of-a-server": STARTS,
    "encrypted-memory": (UNSUPPORTED, "element 'launchSecurity' is not supported by this driver"),
    "host-pci-device": (UNSUPPORTED, NO_HOSTDEV),
    "host-usb-device": (UNSUPPORTED, NO_HOSTDEV),
    "old-machine": STARTS,
    "scsi-iothreads": STARTS,
    "shared-folder": (UNSUPPORTED, "element 'devices/filesystem' is not supported by this driver"),
    "shared-memory": STARTS,           # the same without virtiofs
    "smallest": STARTS,
    "uefi-tpm-vnc": STARTS,
    "windows": STARTS,
    "windows-being-installed": STARTS,
}


def examples():
    return sorted(name[:-len(".xml")] for name in os.listdir(FOLDER) if name.endswith(".xml"))


class Test(suite.DaemonChecks):
    def __init__(self, out, daemon, guest):
        super().__init__(out, daemon, guest)
        self.guest.install(self.daemon)
        self.folder = plain.folder(self.daemon, "examples")
        self.places = {"vmlinuz": self.daemon.path("img", "vmlinuz"), "initrd": self.daemon.path("img", "initrd")}

    def place(self, path):
        """Where the test has what an example has at @path; an image is made when it is first named."""
        name = os.path.basename(path)
        if name not in self.places:
            self.places[name] = os.path.join(self.folder, name)
            if name.endswith((".qcow2", ".raw", ".iso")):
                qemu_img("create", "-q", "-f", "qcow2" if name.endswith(".qcow2") else "raw", self.places[name], "64M")
        return self.places[name]

    def adapted(self, name):
        """The example's XML for this host."""
        root = ElementTree.parse(os.path.join(FOLDER, name + ".xml")).getroot()
        for element in root.iter():
            for attribute in ("file", "path", "dir"):
                if element.tag == "source" and attribute in element.attrib:
                    element.set(attribute, self.place(element.get(attribute)))
            if element.tag in ("kernel", "initrd"):
                element.text = self.place(element.text)
        if self.guest.accel_for(self.daemon) != "kvm":
            root.set("type", "qemu")
            if root.find("cpu") is not None and root.find("cpu").get("mode") == "host-passthrough":
                root.find("cpu").set("mode", "maximum")
        return root

    def missing(self, root):
        """What the host lacks for the example; None: nothing."""
        if root.find("devices/tpm") is not None and not shutil.which("swtpm"):
            return "swtpm is missing: apt-get install swtpm"
        if root.find("devices/interface/source[@network]") is not None and not self.network:
            return "a network of libvirt cannot be made here"
        return None

    def leftovers(self, name):
        return [file for file in os.listdir(self.daemon.state_dir) if file.startswith(name + ".")]

    def run_example(self, name, root):
        domain = self.conn.defineXML(ElementTree.tostring(root, encoding="unicode"))
        try:
            domain.create()
            self.equal(domain.state()[0], libvirt.VIR_DOMAIN_RUNNING, name + ": it starts")
            said = libvirt_qemu.qemuMonitorCommand(domain, '{"execute":"query-status"}', 0)
            self.ok('"status":"running"' in said, name + ": QEMU says so, too", said)
            domain.destroy()
            self.equal(self.leftovers(name), [], name + ": nothing is left of it")
        except libvirt.libvirtError as e:
            self.ok(False, name + ": it starts", e)
        finally:
            if domain.isActive():
                domain.destroy()
            domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_NVRAM)

    def test_walk(self):
        """Each of them."""
        self.equal(examples(), sorted(EXPECTED), "the table speaks of every example, and of no other")
        subprocess.run(["nsenter", "-t", str(self.daemon.holder_pid), "-n", "--", "ip", "link", "set", "lo", "up"],
                       check=True)
        self.network = None
        if shutil.which("dnsmasq", path="/usr/sbin:/usr/bin:/usr/local/sbin"):
            self.network = self.conn.networkCreateXML(devices.NETWORK.replace("<name>qbjnet<", "<name>default<"))
        server = nbd.Server(self.daemon, self.folder, bootsector.assemble(self.daemon, "boot"), "--bind=127.0.0.1",
                            "--port=10809")
        for name in examples():
            root = self.adapted(name)
            if EXPECTED.get(name):
                text = ElementTree.tostring(root, encoding="unicode")
                self.refused(lambda: self.conn.defineXML(text), *EXPECTED[name], name + ": refused, and it says why")
            elif self.missing(root):
                self.out.skip(name, self.missing(root))
            else:
                self.run_example(name, root)
        self.equal(self.conn.listAllDomains(), [], "no domain is left")
        server.stop()
        if self.network:
            self.network.destroy()


if __name__ == "__main__":
    sys.exit(suite.main("examples", __doc__, Test, modes=("system",)))
