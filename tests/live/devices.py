#!/usr/bin/python3
"""Devices that are not disks: network interfaces, displays that are looked at, firmware, TPM, sound and small ones."""

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import libvirt
import libvirt_qemu

import jobs
import plain
import screenshot
import suite
from guest import SerialLog

DOMAIN = """<domain type='qemu'>
  <name>%(name)s</name>
  <memory unit='MiB'>128</memory>
  <vcpu>1</vcpu>
  <os%(firmware)s><type arch='x86_64' machine='%(machine)s'>hvm</type></os>
  <features><acpi/><apic/></features>
  %(cpu)s
  <devices>%(devices)s</devices>
</domain>"""
# NIC model: what the guest's kernel sees on PCI, and the driver that it has for it (Debian's cloud kernel: not for all)
MODELS = {"virtio": ("0x1af4:0x1041", "virtio_net"), "virtio-transitional": ("0x1af4:0x1000", "virtio_net"),
          "virtio-non-transitional": ("0x1af4:0x1041", "virtio_net"), "e1000": ("0x8086:0x100e", None),
          "e1000e": ("0x8086:0x10d3", None), "rtl8139": ("0x10ec:0x8139", None),
          "vmxnet3": ("0x15ad:0x07b0", "vmxnet3")}
MAC = "52:54:00:71:62:%02x"
BRIDGE = "qbjtest0"
# "open": libvirt adds no firewall rules, which not every kernel has
NETWORK = """<network><name>qbjnet</name><forward mode='open'/><bridge name='qbjnet0' stp='off'/>
<ip address='192.168.77.1' netmask='255.255.255.0'><dhcp><range start='192.168.77.10' end='192.168.77.99'/></dhcp></ip>
</network>"""
# no firmware with keys of Microsoft: they do not start a kernel that Debian signed
FIRMWARE = "<firmware><feature enabled='no' name='secure-boot'/><feature enabled='no' name='enrolled-keys'/></firmware>"
# (graphics, video model, machine, size of the picture of a VM that finds no disk)
DISPLAYS = (("vnc", "vga", "pc", "720x400"), ("vnc", "cirrus", "pc", "720x400"), ("vnc", "bochs", "q35", "1280x800"),
            ("vnc", "ramfb", "q35", "1024x768"), ("spice", "qxl", "pc", "720x400"),
            ("spice", "virtio", "q35", "720x400"), ("spice", "vmvga", "pc", "720x400"),
            (None, "vga", "q35", "720x400"))
SMALL = """<sound model='ich9'/><sound model='ac97'/><rng model='virtio'><backend model='random'>/dev/urandom</backend>
</rng><watchdog model='i6300esb' action='reset'/><panic model='isa'/><input type='tablet' bus='usb'/>
<input type='keyboard' bus='virtio'/><memballoon model='virtio'><stats period='5'/></memballoon>
<graphics type='spice' autoport='yes' passwd='secret'/><redirdev bus='usb' type='spicevmc'/>"""


def document(name, devices="", machine="q35", firmware="", cpu=""):
    return DOMAIN % {"name": name, "devices": devices, "machine": machine, "cpu": cpu,
                     "firmware": " firmware='efi'" if firmware else ""}


class Test(suite.DaemonChecks):
    def start(self, *args, **kwargs):
        return self.conn.createXML(document(*args, **kwargs), libvirt.VIR_DOMAIN_START_AUTODESTROY)

    def refused(self, what, words, *args, **kwargs):
        try:
            self.start(*args, **kwargs).destroy()
            self.ok(False, what, "it started")
        except libvirt.libvirtError as e:
            self.ok(words in str(e), what, e)

    def monitor(self, domain, command):
        return libvirt_qemu.qemuMonitorCommand(domain, command, 0)

    def shows(self, domain, what, size=None, seconds=60):
        """A screenshot has @size and shows something. (What QEMU shows while there is no picture has another size.)"""
        def good():
            kind, picture = screenshot.take(self.conn, domain)
            seen.append("%s of %s, %d rows of it not empty" % (kind, picture.size, picture.detail()))
            return kind == "image/png" and picture.detail() > 10 and size in (None, picture.size)

        seen = []
        self.ok(jobs.wait_for(good, seconds, 0.5), what, lambda: seen[-1])

    def ip(self, *words):
        """In the network namespace of the daemon."""
        command = ["nsenter", "-t", str(self.daemon.holder_pid), "-n", "--", "ip", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def network(self):
        """Starts a network of libvirt with its DHCP server; None where there is no dnsmasq."""
        if not shutil.which("dnsmasq", path="/usr/sbin:/usr/bin:/usr/local/sbin"):
            self.out.skip("a network of libvirt", "dnsmasq is missing: apt-get install dnsmasq-base")
            return None
        return self.conn.networkCreateXML(NETWORK)

    def boot(self, interfaces):
        """A guest with UEFI that says what it sees and which addresses it is given: (domain, its serial line)"""
        serial = os.path.join(plain.folder(self.daemon, "looks"), "serial.log")
        xml = self.guest.xml(self.daemon, "looks", [], serial, {"mode": "look"}, memory=256)
        xml = xml.replace("<os>", "<os firmware='efi'>").replace("</type>", "</type>" + FIRMWARE)
        domain = self.conn.createXML(xml.replace("<serial", interfaces + "<serial"), 0)
        return domain, SerialLog(serial)

    def test_guest(self):
        """A guest with a NIC of each model, on QEMU's own network, a network of libvirt and that one's bridge."""
        network = self.network()
        nics = ["<interface type='user'><mac address='%s'/><model type='%s'/></interface>" % (MAC % n, model)
                for n, model in enumerate(MODELS)]
        if network:
            nics += ["<interface type='%s'><mac address='%s'/><source %s/><model type='virtio'/></interface>" % nic
                     for nic in (("network", MAC % 0x20, "network='qbjnet'"),
                                 ("bridge", MAC % 0x21, "bridge='qbjnet0'"))]
        domain, log = self.boot("".join(nics))
        self.ok(log.wait_line("^G looked", 180), "a VM with NICs of all models comes up with UEFI",
                    lambda: "\n".join(log.lines() + [self.daemon.log_tail()]))
        self.equal(log.records("F"), [["F", "efi"]], "the guest's kernel sees UEFI")
        wanted = sorted([device for device, _ in MODELS.values()] + [MODELS["virtio"][0]] * (2 if network else 0))
        self.equal(sorted(record[2] for record in log.records("P") if record[2] in wanted), wanted,
                   "the guest's kernel sees a NIC of each model")
        with_driver = {record[1]: record[2] for record in log.records("N")}
        given = {record[1]: record[2] for record in log.records("L")}
        for n, (model, (_, driver)) in enumerate(MODELS.items()):
            if driver:
                self.equal(with_driver.get(MAC % n), driver, "its driver knows the address of %s" % model)
                self.ok(given.get(MAC % n, "").startswith("10.0.2."), "DHCP answers it", given)
        if network:
            self.check_leases(domain, given)
        domain.destroy()
        if network:
            network.destroy()

    def check_leases(self, domain, given):
        leased = domain.interfaceAddresses(libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE)
        known = {nic["hwaddr"]: [a["addr"] for a in nic["addrs"] or []] for nic in leased.values()}
        for mac, kind in ((MAC % 0x20, "network"), (MAC % 0x21, "bridge")):
            self.ok(given.get(mac, "").startswith("192.168.77."),
                        "the network's DHCP server answers on a %s" % kind, given)
        self.equal(known.get(MAC % 0x20), [given.get(MAC % 0x20)], "the API knows the lease")

    def test_bridge(self):
        self.ip("link", "add", BRIDGE, "type", "bridge")
        try:
            xml = "<interface type='bridge'><source bridge='%s'/><model type='virtio'/>" \
                  "<driver name='qemu' queues='2'/><link state='down'/></interface>" % BRIDGE
            domain = self.start("bridged", xml)
            tap = ElementTree.fromstring(domain.XMLDesc()).find("devices/interface/target").get("dev")
            ports = self.ip("link", "show", "master", BRIDGE)
            self.ok(tap in ports, "the tap device is in the bridge", ports)
            domain.destroy()
            self.ok(tap not in self.ip("link", "show"), "and gone with the VM")
        finally:
            self.ip("link", "del", BRIDGE)
        self.refused("a bridge that is not there is named", BRIDGE, "nobridge",
                     "<interface type='bridge'><source bridge='%s'/></interface>" % BRIDGE)

    def test_displays(self):
        for graphics, model, machine, size in DISPLAYS:
            what = "%s with %s" % (graphics or "no graphics", model)
            xml = "<video><model type='%s'/></video>" % model
            if graphics:
                xml += "<graphics type='%s' autoport='yes'/>" % graphics
            domain = self.start(what.replace(" ", "-"), xml, machine=machine)
            self.shows(domain, what + ": a screenshot of the right size shows something", size)
            domain.destroy()

    def test_no_display(self):
        domain = self.start("blind")
        try:
            screenshot.take(self.conn, domain)
            self.ok(False, "a screenshot of a VM without a display is refused")
        except libvirt.libvirtError as e:
            self.ok("no screens" in str(e), "a screenshot of a VM without a display is refused", e)
        domain.destroy()

    def test_firmware(self):
        for machine in ("pc", "q35"):
            xml = document("uefi-" + machine, "<graphics type='vnc' autoport='yes'/><video><model type='vga'/></video>",
                           machine=machine, firmware="efi")
            domain = self.conn.defineXML(xml)
            domain.create()
            nvram = ElementTree.fromstring(domain.XMLDesc()).find("os/nvram").text
            self.ok(os.stat(self.daemon.host_path(nvram)).st_mode & 0o777 == 0o600, "the variables are private")
            self.shows(domain, "UEFI on %s shows something" % machine)
            domain.destroy()
            try:
                domain.undefine()
                self.ok(False, "undefine asks what becomes of the variables")
            except libvirt.libvirtError as e:
                self.ok("nvram" in str(e), "undefine asks what becomes of the variables", e)
            domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_NVRAM)
            self.ok(not os.path.exists(self.daemon.host_path(nvram)), "and removes them when told to")

    def test_tpm(self):
        domain = self.start("tpm", "<tpm model='tpm-crb'><backend type='emulator'/></tpm>")
        seen = self.monitor(domain, '{"execute":"query-tpm"}')
        self.ok('"model":"tpm-crb"' in seen.replace(" ", ""), "QEMU has a TPM", seen)
        domain.destroy()

    def test_small(self):
        domain = self.start("small", SMALL, cpu="<cpu mode='host-model'/>")
        period = self.monitor(domain, '{"execute":"qom-get","arguments":{"path":"/machine/peripheral/balloon0",'
                                      '"property":"guest-stats-polling-interval"}}')
        self.ok('"return":5' in period.replace(" ", ""), "the balloon collects numbers", period)
        cpu = ElementTree.fromstring(domain.XMLDesc()).find("cpu")
        self.ok(cpu.get("mode") == "custom" and cpu.find("model").text, "host-model became a model")
        domain.destroy()


if __name__ == "__main__":
    sys.exit(suite.main("devices", __doc__, Test, modes=("system",)))
