#!/usr/bin/python3
"""virt-install, virt-xml, virt-clone and virt-xml-validate as people call them, with as many of their defaults as can
be: import a disk unattended, look whether the guest runs, take it away again.
"""

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import plain
import suite
from guest import KERNEL_WORDS, SerialLog

NO_OS = "detect=off,require=off"
PROGRAMS = ("virt-install", "virt-xml", "virt-clone", "virt-xml-validate")


class Test(suite.DaemonChecks):
    def call(self, *argv):
        """(exit code, what it printed), in the daemon's namespace: these programs look at files themselves."""
        env = dict(self.daemon.environment(), HOME=self.daemon.path("img"),
                   XDG_CACHE_HOME=self.daemon.path("img", "cache"))
        done = subprocess.run(self.daemon.namespace_prefix() + list(argv), stdin=subprocess.DEVNULL, text=True, env=env,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        return done.returncode, done.stdout

    def good(self, what, *argv):
        code, text = self.call(*argv)
        self.ok(code == 0, what, "%s\n%s" % (" ".join(argv), text))
        return text

    def disk(self, name):
        path = os.path.join(plain.folder(self.daemon, name), "disk.qcow2")
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, "64M"], check=True, stdin=subprocess.DEVNULL)
        return path

    def install(self, name, *options, osinfo=NO_OS):
        """Runs virt-install; gives the domain's XML, or None when it failed."""
        self.good("virt-install %s" % " ".join((name,) + options), "virt-install", "--connect", self.daemon.uri,
                  "--name", name, "--memory", "160", "--import", "--disk", self.disk(name), "--noautoconsole",
                  "--virt-type", "qemu", "--osinfo", osinfo, *options)
        domains = {domain.name(): domain for domain in self.conn.listAllDomains()}
        if not self.ok(name in domains and domains[name].isActive() and domains[name].isPersistent(),
                       "%s is defined and runs" % name):
            return None
        return ElementTree.fromstring(domains[name].XMLDesc())

    def remove(self, name):
        for words in (("destroy", name), ("undefine", "--nvram", name)):
            code, text = self.daemon.virsh(*words)
            self.ok(code == 0, "virsh " + " ".join(words), text)

    def types(self, xml, path, attribute):
        return sorted(element.get(attribute) for element in xml.findall("devices/" + path))

    def test_defaults(self):
        """What virt-install makes of a name, a disk and a kernel: the machine, devices and displays of a modern guest,
        and it boots."""
        self.guest.install(self.daemon)
        boot = "kernel=%s,initrd=%s,kernel_args=%sqbj.mode=idle" % (
            self.daemon.path("img", "vmlinuz"), self.daemon.path("img", "initrd"), KERNEL_WORDS)
        serial = os.path.join(plain.folder(self.daemon, "serial"), "serial.log")
        xml = self.install("defaults", "--network", "user", "--boot", boot, "--serial", "file,path=" + serial,
                           osinfo="linux2020")
        if xml is None:
            return
        log = SerialLog(serial)
        self.ok(log.wait_line("G up idle", 90), "the guest boots", lambda: "\n".join(log.lines()))
        self.ok("q35" in xml.find("os/type").get("machine"), "it is a q35")
        self.equal(self.types(xml, "graphics", "type"), ["spice"], "with spice")
        self.equal(self.types(xml, "interface", "type"), ["user"], "the user's network")
        self.ok("tablet" in self.types(xml, "input", "type"), "a tablet")
        self.equal(self.types(xml, "rng", "model") + self.types(xml, "memballoon", "model"), ["virtio", "virtio"],
                   "a random number generator and a balloon")
        self.equal(self.types(xml, "channel/target", "name"), ["com.redhat.spice.0", "org.qemu.guest_agent.0"],
                   "channels for the agents")
        self.equal(self.types(xml, "redirdev", "type"), ["spicevmc", "spicevmc"], "USB redirection")
        self.remove("defaults")

    def test_small(self):
        """Without a display, and with VNC."""
        xml = self.install("headless", "--network", "none", "--graphics", "none")
        if xml is not None:
            self.equal(xml.findall("devices/graphics"), [], "no display")
            self.remove("headless")
        xml = self.install("vnc", "--network", "none", "--graphics", "vnc", osinfo="win10")
        if xml is not None:
            self.equal(self.types(xml, "graphics", "type"), ["vnc"], "with VNC")
            self.remove("vnc")

    def test_uefi_tpm(self):
        """UEFI by the host's descriptors, with its variables, and a TPM."""
        if not shutil.which("swtpm"):
            self.out.skip("%s: UEFI and TPM" % self.mode, "swtpm is not installed")
            return
        xml = self.install("uefi", "--network", "none", "--boot", "uefi", "--tpm", "default", osinfo="linux2020")
        if xml is None:
            return
        nvram = xml.findtext("os/nvram")
        self.ok(xml.find("os/loader").get("type") == "pflash" and nvram, "UEFI")
        self.equal([tpm.get("model") for tpm in xml.findall("devices/tpm")], ["tpm-crb"], "a TPM")
        self.remove("uefi")
        code, _ = self.call("test", "-e", nvram)
        self.equal(code, 1, "the variables are gone")

    def test_tools(self):
        """virt-xml, virt-clone and virt-xml-validate on a domain that is shut off."""
        if self.install("tools", "--network", "none", "--graphics", "none", osinfo="linux2020") is None:
            return
        connect = ("--connect", self.daemon.uri)
        domain = self.conn.lookupByName("tools")
        domain.destroy()
        self.good("virt-xml --edit", "virt-xml", *connect, "tools", "--edit", "--memory", "192", "--define")
        self.good("virt-xml --add-device", "virt-xml", *connect, "tools", "--add-device", "--watchdog", "i6300esb",
                  "--define")
        self.good("virt-xml --edit a device", "virt-xml", *connect, "tools", "--edit", "target=vda", "--disk",
                  "cache=none", "--define")
        xml = ElementTree.fromstring(domain.XMLDesc())
        self.equal((xml.findtext("memory"), self.types(xml, "watchdog", "model")), ("196608", ["i6300esb"]),
                   "memory and watchdog are there")
        self.equal(self.types(xml, "disk/driver", "cache"), ["none"], "and the disk's cache mode")
        self.good("virt-xml --remove-device", "virt-xml", *connect, "tools", "--remove-device", "--watchdog", "all",
                  "--define")
        text = self.good("virt-clone --print-xml", "virt-clone", *connect, "--original", "tools", "--name", "copy",
                         "--auto-clone", "--print-xml")
        self.ok("<name>copy</name>" in text, "it prints the copy", text)
        path = self.daemon.path("img", "tools.xml")
        with open(path, "w") as file:
            file.write(domain.XMLDesc())
        self.good("virt-xml-validate", "virt-xml-validate", path, "domain")
        domain.create()
        self.good("virt-xml --edit of a running domain's definition", "virt-xml", *connect, "tools", "--edit",
                  "--memory", "200", "--define")
        self.remove("tools")


def run(out, args, mode):
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if missing:
        out.skip(mode, "%s is not installed" % missing[0])
        return
    suite.run_with_daemon(out, args, mode, Test, args.names)


if __name__ == "__main__":
    sys.exit(suite.main("virtinst", __doc__, Test, run, ("system",) if os.geteuid() == 0 else ("session",)))
