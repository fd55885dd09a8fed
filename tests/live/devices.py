#!/usr/bin/python3
"""Devices that are not disks: network interfaces, displays that are looked at, firmware, TPM, sound and small ones."""

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

import libvirt
import libvirt_qemu

import options
from daemon import Daemon, DaemonError
from tap import Tap

DOMAIN = """<domain type='qemu'>
  <name>%(name)s</name>
  <memory unit='MiB'>128</memory>
  <vcpu>1</vcpu>
  <os%(firmware)s><type arch='x86_64' machine='%(machine)s'>hvm</type></os>
  <features><acpi/><apic/></features>
  %(cpu)s
  <devices>%(devices)s</devices>
</domain>"""
MODELS = ("virtio", "virtio-transitional", "virtio-non-transitional", "e1000", "e1000e", "rtl8139", "vmxnet3")
BRIDGE = "qbjtest0"
SMALL = """<sound model='ich9'/><sound model='ac97'/><rng model='virtio'><backend model='random'>/dev/urandom</backend>
</rng><watchdog model='i6300esb' action='reset'/><panic model='isa'/><input type='tablet' bus='usb'/>
<input type='keyboard' bus='virtio'/><memballoon model='virtio'><stats period='5'/></memballoon>
<graphics type='spice' autoport='yes' passwd='secret'/><redirdev bus='usb' type='spicevmc'/>"""


def document(name, devices="", machine="q35", firmware="", cpu=""):
    return DOMAIN % {"name": name, "devices": devices, "machine": machine, "cpu": cpu,
                     "firmware": " firmware='efi'" if firmware else ""}


def colours(path):
    """How many different pixels a PPM image has."""
    with open(path, "rb") as f:
        kind, size, _ = f.readline(), f.readline().split(), f.readline()
        pixels = f.read()
    assert kind == b"P6\n" and len(pixels) == 3 * int(size[0]) * int(size[1]), path
    return len({pixels[i:i + 3] for i in range(0, len(pixels), 3)})


class Test:
    def __init__(self, out, daemon):
        self.out, self.daemon = out, daemon
        self.conn = daemon.connect()
        self.folder = daemon.path("img", "screens")
        os.makedirs(self.folder)
        os.chmod(self.folder, 0o777)

    def start(self, *args, **kwargs):
        return self.conn.createXML(document(*args, **kwargs), libvirt.VIR_DOMAIN_START_AUTODESTROY)

    def refused(self, what, words, *args, **kwargs):
        try:
            self.start(*args, **kwargs).destroy()
            self.out.ok(False, what, "it started")
        except libvirt.libvirtError as e:
            self.out.ok(words in str(e), what, e)

    def monitor(self, domain, command):
        return libvirt_qemu.qemuMonitorCommand(domain, command, 0)

    def shows_something(self, domain, what, seconds=30):
        path = os.path.join(self.folder, domain.name() + ".ppm")
        found = 0
        end = time.monotonic() + seconds
        while found < 2 and time.monotonic() < end:
            time.sleep(0.5)
            answer = self.monitor(domain, '{"execute":"screendump","arguments":{"filename":"%s"}}' % path)
            assert "error" not in answer, answer
            found = colours(self.daemon.host_path(path))
        self.out.ok(found > 1, what, "%d colour(s)" % found)

    def ip(self, *words):
        """In the network namespace of the daemon."""
        command = ["nsenter", "-t", str(self.daemon.holder_pid), "-n", "--", "ip", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def test_interfaces(self):
        devices = "".join("<interface type='user'><model type='%s'/></interface>" % model for model in MODELS)
        domain = self.start("nics", devices)
        found = [model.get("type") for model in ElementTree.fromstring(domain.XMLDesc()).iter("model")]
        self.out.ok(all(model in found for model in MODELS), "a VM with each NIC model starts", found)
        seen = self.monitor(domain, '{"execute":"qom-list","arguments":{"path":"/machine/peripheral"}}')
        self.out.ok(all('"net%d"' % i in seen for i in range(len(MODELS))), "QEMU has them all", seen)
        domain.destroy()

    def test_bridge(self):
        self.ip("link", "add", BRIDGE, "type", "bridge")
        try:
            xml = "<interface type='bridge'><source bridge='%s'/><model type='virtio'/>" \
                  "<driver name='qemu' queues='2'/><link state='down'/></interface>" % BRIDGE
            domain = self.start("bridged", xml)
            tap = ElementTree.fromstring(domain.XMLDesc()).find("devices/interface/target").get("dev")
            ports = self.ip("link", "show", "master", BRIDGE)
            self.out.ok(tap in ports, "the tap device is in the bridge", ports)
            domain.destroy()
            self.out.ok(tap not in self.ip("link", "show"), "and gone with the VM")
        finally:
            self.ip("link", "del", BRIDGE)
        self.refused("a bridge that is not there is named", BRIDGE, "nobridge",
                     "<interface type='bridge'><source bridge='%s'/></interface>" % BRIDGE)

    def test_displays(self):
        for kind in ("vnc", "spice"):
            for model in ("vga", "qxl", "virtio"):
                domain = self.start("%s-%s" % (kind, model), "<graphics type='%s' autoport='yes'/><video><model type="
                                    "'%s'/></video>" % (kind, model), machine="pc")
                self.shows_something(domain, "%s with %s shows something" % (kind, model))
                domain.destroy()

    def test_firmware(self):
        for machine in ("pc", "q35"):
            xml = document("uefi-" + machine, "<graphics type='vnc' autoport='yes'/><video><model type='vga'/></video>",
                           machine=machine, firmware="efi")
            domain = self.conn.defineXML(xml)
            domain.create()
            nvram = ElementTree.fromstring(domain.XMLDesc()).find("os/nvram").text
            self.out.ok(os.stat(self.daemon.host_path(nvram)).st_mode & 0o777 == 0o600, "the variables are private")
            self.shows_something(domain, "UEFI on %s shows something" % machine, 60)
            domain.destroy()
            try:
                domain.undefine()
                self.out.ok(False, "undefine asks what becomes of the variables")
            except libvirt.libvirtError as e:
                self.out.ok("nvram" in str(e), "undefine asks what becomes of the variables", e)
            domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_NVRAM)
            self.out.ok(not os.path.exists(self.daemon.host_path(nvram)), "and removes them when told to")

    def test_tpm(self):
        domain = self.start("tpm", "<tpm model='tpm-crb'><backend type='emulator'/></tpm>")
        seen = self.monitor(domain, '{"execute":"query-tpm"}')
        self.out.ok('"model":"tpm-crb"' in seen.replace(" ", ""), "QEMU has a TPM", seen)
        domain.destroy()

    def test_small(self):
        domain = self.start("small", SMALL, cpu="<cpu mode='host-model'/>")
        period = self.monitor(domain, '{"execute":"qom-get","arguments":{"path":"/machine/peripheral/balloon0",'
                                      '"property":"guest-stats-polling-interval"}}')
        self.out.ok('"return":5' in period.replace(" ", ""), "the balloon collects numbers", period)
        cpu = ElementTree.fromstring(domain.XMLDesc()).find("cpu")
        self.out.ok(cpu.get("mode") == "custom" and cpu.find("model").text, "host-model became a model")
        domain.destroy()


TESTS = [name[5:] for name in vars(Test) if name.startswith("test_")]


def main():
    parser = options.parser(__doc__)
    parser.add_argument("names", nargs="*", metavar="TEST", help=" ".join(TESTS))
    args = options.finish(parser.parse_args())
    out = Tap("devices")
    for mode in options.modes(args, out):
        if mode != "system":
            continue
        try:
            with Daemon(mode, args.driver, args.build) as daemon:
                daemon.start()
                test = Test(out, daemon)
                for name in args.names or TESTS:
                    try:
                        getattr(test, "test_" + name)()
                    except Exception:
                        out.error(name)
        except DaemonError as e:
            out.ok(False, "the daemon is there", e)
    return out.done()


if __name__ == "__main__":
    sys.exit(main())
