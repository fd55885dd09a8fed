#!/usr/bin/python3
"""Where guests' memory comes from: memfd, files and huge pages, in NUMA cells, seen in the QEMU process; a commit under
a guest that writes from such memory; and that nothing is left behind.
"""

import os
import re
import stat
import subprocess
import sys

import libvirt
import libvirt_qemu

import jobs
import plain
import suite
from guest import Ring, SerialLog, check_image
from images import make_chain

PAUSED = libvirt.VIR_DOMAIN_START_PAUSED
MEMFD = "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>"
CELLS = "<numa><cell id='0' cpus='0' memory='%d' unit='MiB'/><cell id='1' cpus='1' memory='%d' unit='MiB'/></numa>"
PAGES = "/sys/kernel/mm/hugepages/hugepages-2048kB/"
MIB = 1024 * 1024


class HugePages:
    """Sees to it that @count pages of 2 MiB can be had; when the pool has not as many, the kernel is allowed to take
    them from ordinary memory for as long as they are used. @lacking: why they cannot be had."""

    def __init__(self, count):
        self.count, self.before, self.lacking = count, None, None

    def __enter__(self):
        try:
            with open(PAGES + "free_hugepages") as f:
                free = int(f.read())
            with open(PAGES + "nr_overcommit_hugepages") as f:
                allowed = int(f.read())
            if free < self.count:
                self.write(allowed + self.count)
                self.before = allowed
        except OSError as e:
            self.lacking = "no huge pages can be had here: %s" % e
        return self

    def __exit__(self, *_):
        if self.before is not None:
            self.write(self.before)

    @staticmethod
    def write(count):
        with open(PAGES + "nr_overcommit_hugepages", "w") as f:
            f.write(str(count))


def mappings(pid, size):
    """The mappings of @size bytes of a process: (rights, file, size of pages in KiB)"""
    found = []
    with open("/proc/%d/smaps" % pid) as f:
        for line in f:
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \S+\s*(.*)", line)
            if head:
                here = int(head.group(2), 16) - int(head.group(1), 16) == size
                rights, name = head.group(3), head.group(4)
            elif here and line.startswith("KernelPageSize:"):
                found.append((rights, name, int(line.split()[1])))
    return found


class Test(suite.DaemonChecks):
    def document(self, name, backing, memory=32, cells=None):
        xml = plain.domain(name, memory=memory)
        if cells:
            xml = xml.replace("<vcpu>1</vcpu>", "<vcpu>2</vcpu>").replace(
                "<devices>", "<cpu>%s</cpu><devices>" % (CELLS % cells), 1)
        return xml.replace("<vcpu>", backing + "<vcpu>", 1)

    def start(self, *args, **kwargs):
        domain = self.conn.createXML(self.document(*args, **kwargs), PAUSED)
        return domain, self.daemon.qemu_pid(domain.name())

    def memory_path(self, pid):
        """The first file with memory on QEMU's command line."""
        with open("/proc/%d/cmdline" % pid) as f:
            return re.search(r'"mem-path":"([^"]+)"', f.read()).group(1)

    def test_commit(self):
        """A guest in shared memfd memory, in two cells, writes while its chain is merged."""
        folder = plain.folder(self.daemon, "writer")
        base, top = make_chain(folder, ["base.qcow2", "top.qcow2"])
        self.daemon.own(base, top)
        ring = Ring(blocks=128, stride=37)
        serial = os.path.join(folder, "serial.log")
        log = SerialLog(serial)
        xml = self.guest.xml(self.daemon, "writer", [("vda", top, "qcow2", "")], serial, dict(ring.options(), rate=200))
        xml = xml.replace("<vcpu>1</vcpu>", MEMFD + "<vcpu>2</vcpu>").replace("'/>\n  <clock", "'>%s</cpu>\n  <clock" %
                                                                               (CELLS % (96, 64)), 1)
        xml = xml.replace("<memballoon model='none'/>", "<memballoon model='virtio'/>")
        domain = self.conn.createXML(xml, 0)
        if not self.ok(log.wait_ack(50, timeout=90), "a guest in shared memory writes", lambda: "\n".join(log.lines())):
            domain.destroy()
            return
        pid = self.daemon.qemu_pid("writer")
        found = mappings(pid, 96 * MIB) + mappings(pid, 64 * MIB)
        self.ok([x[0] for x in found] == ["rw-s"] * 2 and all("memfd:" in x[1] for x in found),
                "both cells are shared memfd memory", str(found))
        seen = libvirt_qemu.qemuMonitorCommand(domain, "info numa", libvirt_qemu.VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP)
        self.ok("node 0 size: 96 MB" in seen and "node 1 size: 64 MB" in seen and "node 1 cpus: 1" in seen,
                "QEMU has the cells", seen)
        figures = domain.memoryStats()
        self.ok(figures.get("actual") == 160 * 1024 and figures.get("rss", 0) > 20 * 1024, "memory figures",
                str(figures))
        self.equal(domain.info()[1:3], [160 * 1024] * 2, "and those of the domain")
        domain.blockCommit("vda", None, None, 0, libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE)
        self.ok(jobs.wait_ready(domain, "vda"), "the commit reaches READY")
        domain.blockJobAbort("vda", libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)
        at_pivot = log.acked()
        self.ok(log.wait_more(100), "the guest goes on writing after the pivot", lambda: "\n".join(log.lines()[-20:]))
        domain.destroy()
        acked = log.acked()
        self.equal(log.errors(), [], "the guest saw no I/O error")
        problems = check_image(base, ring, acked, "qcow2")
        self.ok(not problems and acked > at_pivot, "every acknowledged block is in the base", "\n".join(problems[:10]))

    def test_file(self):
        """A file with the guest's memory is private to QEMU, and goes with the VM, also after a new daemon."""
        backing = "<memoryBacking><source type='file'/>%s</memoryBacking>"
        domain, pid = self.start("filed", backing % "<access mode='shared'/><discard/>")
        named = self.memory_path(pid)
        self.ok(named.endswith("/ram/%d-filed/pc.ram" % domain.ID()), "a file has the machine's name", named)
        self.equal([x[:2] for x in mappings(pid, 32 * MIB)], [("rw-s", named)], "the memory is the file")
        path = self.daemon.host_path(named)
        folder = os.path.dirname(path)
        self.equal(os.stat(path).st_size, 32 * MIB, "of its size")
        status = os.stat(folder)
        self.equal((stat.S_IMODE(status.st_mode), status.st_uid), (0o700, os.stat("/proc/%d" % pid).st_uid),
                   "in a folder for QEMU's user alone")
        self.daemon.kill()
        self.daemon.start()
        self.connect()
        domain = self.conn.lookupByName("filed")
        jobs.wait_for(lambda: domain.controlInfo(0)[0] == 0, 10)
        self.ok(os.path.exists(path), "a new daemon leaves it there")
        domain.destroy()
        self.ok(not os.path.exists(folder), "and removes it with the VM")
        domain, pid = self.start("celled", backing % "", cells=(16, 32), memory=48)
        folder = os.path.dirname(self.daemon.host_path(self.memory_path(pid)))
        self.equal(sorted(os.listdir(folder)), ["ram-node0", "ram-node1"], "a file for each cell")
        domain.destroy()

    def hugepages(self, name, backing, needed):
        with HugePages(needed) as pages:
            if pages.lacking:
                self.out.skip("%s: %s" % (self.mode, name), pages.lacking)
                return
            try:
                domain, pid = self.start(name, backing)
            except libvirt.libvirtError as e:
                if "allocate" not in str(e):
                    raise
                self.out.skip("%s: %s" % (self.mode, name), "no huge pages can be had here: %s" % e)
                return
            self.equal([x[2] for x in mappings(pid, 32 * MIB)], [2048], name + ": the memory is of pages of 2 MiB")
            return domain

    def mounts(self):
        """Of huge pages, as the daemon sees them."""
        with open("/proc/%d/mounts" % self.daemon.pid) as f:
            return [line.split()[1] for line in f if line.split()[2] == "hugetlbfs"]

    def mount(self, *words):
        return subprocess.run(self.daemon.namespace_prefix() + list(words), capture_output=True, text=True, check=False)

    def test_hugepages(self):
        """From a mount and from a memfd; a size that nobody has, and a host without a mount, are named."""
        if self.mode == "system":
            for path in self.mounts():          # the host's, in a namespace that is not the host's
                self.mount("umount", path)
        if self.mounts():
            self.out.skip("session: huge pages without a mount", "this host has some")
        else:
            self.refused("a host without a mount of huge pages", "hugetlbfs", "nomount",
                         "<memoryBacking><hugepages/></memoryBacking>")
        domain = self.hugepages("memfd", "<memoryBacking><hugepages><page size='2048'/></hugepages>"
                                "<source type='memfd'/></memoryBacking>", 16)
        if domain:
            domain.destroy()
        if self.mode == "session":
            return
        mount = self.daemon.path("hugepages")
        os.makedirs(mount)
        done = self.mount("mount", "-t", "hugetlbfs", "none", mount)
        if done.returncode:
            self.out.skip("system: a mount of huge pages", "none can be made here: " + done.stderr.strip())
            return
        domain = self.hugepages("mounted", "<memoryBacking><hugepages/></memoryBacking>", 16)
        if domain:
            place = self.seen(mount)
            self.equal(os.listdir(place + "/libvirt/qemu"), ["%d-mounted" % domain.ID()], "a folder in the mount")
            domain.destroy()
            self.equal(os.listdir(place + "/libvirt/qemu"), [], "is gone with the VM")
        self.refused("pages of a size that no mount has", "1048576 KiB", "giant",
                     "<memoryBacking><hugepages><page size='1' unit='GiB'/></hugepages></memoryBacking>")

    def seen(self, path):
        """A path of the daemon's mount namespace."""
        return "/proc/%d/root%s" % (self.daemon.pid, path)

    def refused(self, what, words, *args):
        try:
            self.start(*args)[0].destroy()
            self.ok(False, what, "it started")
        except libvirt.libvirtError as e:
            self.ok(words in str(e), what + " is named", str(e))
        self.equal(self.conn.listAllDomains(), [], "and nothing is left")


if __name__ == "__main__":
    sys.exit(suite.main("memory", __doc__, Test))
