#!/usr/bin/python3
"""Control groups: each thread of a VM is in its own, limits are in the controllers' files, changes arrive there or
change nothing, a new daemon finds the groups again, and nothing is left behind."""

import glob
import os
import shutil
import subprocess
import sys

import libvirt

import jobs
import plain
import suite
from daemon import Daemon, DaemonError

PAUSED = libvirt.VIR_DOMAIN_START_PAUSED
LIVE, CONFIG = libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG
GROUPS = "cgroup_controllers = default\n"
MOUNT = "/sys/fs/cgroup"
NEEDED = ("cpu", "cpuset", "memory", "blkio")
TPM = "<tpm model='tpm-tis'><backend type='emulator'/></tpm>"
NAME = "qbjcg%d" % os.getpid()           # the groups of all daemons of a host are in one folder
TUNED = """<iothreads>1</iothreads>
  <memtune><soft_limit unit='MiB'>500</soft_limit></memtune>
  <cputune>
    <shares>2048</shares><period>50000</period><quota>40000</quota>
    <global_period>60000</global_period><global_quota>120000</global_quota>
    <emulator_period>70000</emulator_period><emulator_quota>60000</emulator_quota>
    <iothread_period>80000</iothread_period><iothread_quota>70000</iothread_quota>
    <vcpupin vcpu='0' cpuset='0'/><emulatorpin cpuset='0'/>
  </cputune>
  <numatune><memory mode='strict' nodeset='0'/></numatune>
"""
# file below the VM's group -> what is in it
WANTED = {
    "cpu/cpu.shares": "2048", "cpu/cpu.cfs_period_us": "60000", "cpu/cpu.cfs_quota_us": "120000",
    "cpu/vcpu0/cpu.cfs_period_us": "50000", "cpu/vcpu0/cpu.cfs_quota_us": "40000",
    "cpu/vcpu1/cpu.cfs_period_us": "50000", "cpu/vcpu1/cpu.cfs_quota_us": "40000",
    "cpu/emulator/cpu.cfs_period_us": "70000", "cpu/emulator/cpu.cfs_quota_us": "60000",
    "cpu/iothread1/cpu.cfs_period_us": "80000", "cpu/iothread1/cpu.cfs_quota_us": "70000",
    "cpuset/vcpu0/cpuset.cpus": "0", "cpuset/emulator/cpuset.cpus": "0",
    "cpuset/vcpu0/cpuset.mems": "0", "cpuset/emulator/cpuset.mems": "0",
    "memory/memory.soft_limit_in_bytes": str(500 << 20),
}


def usable():
    """All controllers that the test looks at, as version 1 of the kernel's interface shows them, can be written to."""
    for name in NEEDED:
        path = os.path.join(MOUNT, name, NAME)
        try:
            os.mkdir(path)
            os.rmdir(path)
        except OSError:
            return False
    return True


def groups(name=NAME):
    """Folders of all groups of domains with this name, any number, in all controllers."""
    return sorted(p for p in glob.glob(MOUNT + "/*/machine/qemu-*-%s.libvirt-qemu" % name))


class Test(suite.Checks):
    def __init__(self, out, args, mode):
        self.out, self.args, self.mode = out, args, mode

    def daemon(self, conf=GROUPS, mode="system", driver=None):
        return Daemon(mode, driver or self.args.driver, self.args.build, qemu_conf=conf)

    def xml(self, extra="", disks=(), vcpus="2", tpm=""):
        return plain.domain(NAME, disks).replace("<vcpu>1</vcpu>", "<vcpu%s</vcpu>%s" % (
            " current='1'>" + vcpus if vcpus == "3" else ">" + vcpus, extra)).replace("</devices>", tpm + "</devices>")

    def helper(self, daemon, domain):
        if not shutil.which("swtpm"):
            self.out.skip("the TPM's process is where QEMU is", "swtpm is not installed")
            return
        pid = [pid for pid, name in daemon.children() if name == "swtpm"][0]
        with open("/proc/%d/cgroup" % pid) as f:
            groups_of = dict(line.strip().split(":", 2)[1:] for line in f)
        top = "/machine/qemu-%d-%s.libvirt-qemu" % (domain.ID(), NAME)
        self.equal((groups_of["cpu"], groups_of["memory"]), (top + "/emulator", top),
                   "the TPM's process is where QEMU is")

    def path(self, domain, file):
        controller, _, rest = file.partition("/")
        return "%s/%s/machine/qemu-%d-%s.libvirt-qemu/%s" % (MOUNT, controller, domain.ID(), NAME, rest)

    def read(self, domain, file):
        try:
            with open(self.path(domain, file)) as f:
                return f.read().strip()
        except OSError as e:
            return str(e)

    def values(self, domain, wanted=WANTED):
        return {file: self.read(domain, file) for file in wanted}

    def threads(self, daemon, domain):
        """Name of each thread -> its group below the VM's, in the controller cpu; its group in memory."""
        pid = daemon.qemu_pid(NAME)
        found = {}
        for task in os.listdir("/proc/%d/task" % pid):
            try:
                with open("/proc/%d/task/%s/comm" % (pid, task)) as f:
                    comm = f.read().strip()
                with open("/proc/%d/task/%s/cgroup" % (pid, task)) as f:
                    lines = dict(line.strip().split(":", 2)[1:] for line in f)
            except OSError:
                continue                    # it has ended
            top = "/machine/qemu-%d-%s.libvirt-qemu" % (domain.ID(), NAME)
            found[comm] = (lines["cpu"].replace(top, ""), lines["cpuset"].replace(top, ""), lines["memory"] == top)
        return found

    def is_sorted(self, daemon, domain, what):
        found = self.threads(daemon, domain)
        wanted = {"CPU 0/TCG": "/vcpu0", "CPU 1/TCG": "/vcpu1", "IO iothread1": "/iothread1"}
        wrong = {name: place for name, place in found.items()
                 if place != (wanted.get(name, "/emulator"), wanted.get(name, "/emulator"), True)}
        self.ok(not wrong and set(wanted) <= set(found), what, found)

    # --- what a start makes, and an end leaves -------------------------------------------------------------------

    def test_start(self):
        with self.daemon() as daemon:
            daemon.start()
            domain = daemon.connect().createXML(self.xml(TUNED, tpm=TPM if shutil.which("swtpm") else ""), PAUSED)
            self.is_sorted(daemon, domain, "each thread is in its group")
            self.helper(daemon, domain)
            self.equal(self.values(domain), WANTED, "the limits of the definition are in force")
            self.ok("<partition>/machine</partition>" in domain.XMLDesc(), "the live definition names the partition")
            total = domain.getCPUStats(True)[0]
            self.ok(total["cpu_time"] > 0, "the time that all of it has run is told", total)
            domain.destroy()
            self.equal(groups(), [], "nothing is left after the end")
            # one thread cannot have more than all of them
            bad = self.xml("<cputune><global_quota>10000</global_quota><quota>90000</quota></cputune>")
            self.refused(lambda: daemon.connect().createXML(bad, PAUSED), libvirt.VIR_ERR_SYSTEM_ERROR, "Invalid",
                         "limits that the kernel does not take stop the start")
            self.equal((groups(), daemon.qemu_pids()), ([], []), "which leaves nothing")

    def test_stale(self):
        with self.daemon() as daemon:
            daemon.start()
            conn = daemon.connect()
            domain = conn.createXML(self.xml(), PAUSED)
            next_groups = [path.replace("qemu-1-", "qemu-2-") for path in groups()]
            domain.destroy()
            for path in next_groups:            # as if all had crashed but the kernel
                os.mkdir(path)
            with open("%s/cpu/machine/qemu-2-%s.libvirt-qemu/cpu.shares" % (MOUNT, NAME), "w") as f:
                f.write("7")
            domain = conn.createXML(self.xml(), PAUSED)
            self.equal((domain.ID(), self.read(domain, "cpu/cpu.shares")), (2, "1024"),
                       "limits that somebody has left are not the next domain's")
            domain.destroy()
            self.equal(groups(), [], "and nothing is left of them")

    # --- changes ---------------------------------------------------------------------------------------------------

    def test_changes(self):
        with self.daemon() as daemon:
            daemon.start()
            conn = daemon.connect()
            told = []
            conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_TUNABLE,
                                        lambda _c, _d, params, _o: told.append(params), None)
            domain = conn.defineXML(self.xml("<iothreads>1</iothreads>"))
            domain.createWithFlags(PAUSED)
            self.pins(domain, told)
            self.cpu_changes(daemon, domain, told)
            self.memory_changes(daemon, domain)
            self.numa_changes(domain)
            domain.destroy()
            domain.undefine()

    def virsh(self, daemon, *args):
        code, text = daemon.virsh(*args)
        if code:
            self.out.diag(text)
        return code

    def pins(self, domain, told):
        first = (True,) + (False,) * (os.cpu_count() - 1)
        domain.pinVcpu(1, first)
        domain.pinEmulator(first, LIVE)
        domain.pinIOThread(1, first, LIVE)
        wanted = {"cpuset/%s/cpuset.cpus" % name: "0" for name in ("vcpu1", "emulator", "iothread1")}
        self.equal(self.values(domain, wanted), wanted, "pins arrive in the groups")
        jobs.wait_for(lambda: len(told) == 3)
        self.equal(told, [{"cputune.vcpupin1": "0"}, {"cputune.emulatorpin": "0"}, {"cputune.iothreadpin1": "0"}],
                   "clients are told of them")
        told.clear()

    def cpu_changes(self, daemon, domain, told):
        self.equal(domain.schedulerType(), ("posix", 9), "the scheduler has nine parameters")
        self.equal(self.virsh(daemon, "schedinfo", NAME, "--live", "--config", "cpu_shares=300", "vcpu_quota=50000",
                              "vcpu_period=60000", "iothread_quota=9000", "emulator_quota=8000"), 0,
                   "both definitions are changed at once")
        wanted = {"cpu/cpu.shares": "300", "cpu/vcpu1/cpu.cfs_quota_us": "50000",
                  "cpu/vcpu0/cpu.cfs_period_us": "60000", "cpu/iothread1/cpu.cfs_quota_us": "9000",
                  "cpu/emulator/cpu.cfs_quota_us": "8000"}
        self.equal(self.values(domain, wanted), wanted, "the numbers arrive in the controller's files")
        self.equal([domain.schedulerParametersFlags(flag)["vcpu_quota"] for flag in (LIVE, CONFIG)], [50000, 50000],
                   "and are shown")
        self.ok(all("<shares>300</shares>" in domain.XMLDesc(flag)
                    for flag in (0, libvirt.VIR_DOMAIN_XML_INACTIVE)), "in the definitions, too")
        jobs.wait_for(lambda: told)
        self.ok(told and told[0].get("cputune.cpu_shares") == 300 and told[0].get("cputune.vcpu_quota") == 50000,
                "clients are told of it", told)
        # one of two numbers is not possible: less for all than for one
        before = self.values(domain, wanted), domain.XMLDesc(0), domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
        self.refused(lambda: domain.setSchedulerParametersFlags({"cpu_shares": 77, "global_quota": 20000,
                                                                 "vcpu_quota": 55000}, LIVE),
                     libvirt.VIR_ERR_SYSTEM_ERROR, "Invalid", "what the kernel does not take is refused")
        self.refused(lambda: domain.setSchedulerParametersFlags({"cpu_shares": 77, "vcpu_period": 5}, LIVE),
                     libvirt.VIR_ERR_INVALID_ARG, "out of range", "and what nobody takes")
        self.equal((self.values(domain, wanted), domain.XMLDesc(0),
                    domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)), before, "nothing has changed then")

    def memory_changes(self, daemon, domain):
        domain.setMemoryParameters({"hard_limit": 500000, "soft_limit": 400000}, LIVE)
        wanted = {"memory/memory.limit_in_bytes": str(500000 * 1024),
                  "memory/memory.soft_limit_in_bytes": str(400000 * 1024)}
        self.equal(self.values(domain, wanted), wanted, "limits of memory arrive")
        before = self.values(domain, wanted), domain.XMLDesc(0)
        # the VM has more than that already
        self.refused(lambda: domain.setMemoryParameters({"soft_limit": 300000, "hard_limit": 4}, LIVE),
                     libvirt.VIR_ERR_SYSTEM_ERROR, "", "memory that is in use cannot be forbidden")
        self.equal((self.values(domain, wanted), domain.XMLDesc(0)), before, "nothing has changed then")
        self.equal(domain.memoryParameters(LIVE)["hard_limit"], 500000, "the limit is shown")
        self.equal(self.virsh(daemon, "blkiotune", NAME, "--live", "--config", "--weight", "200"), 0,
                   "the weight among those that use the disks")
        self.equal([domain.blkioParameters(flag)["weight"] for flag in (LIVE, CONFIG)], [200, 200], "is shown")
        self.refused(lambda: domain.setBlkioParameters({"weight": 300, "device_read_bytes_sec": "/nope,5"}, LIVE),
                     libvirt.VIR_ERR_SYSTEM_ERROR, "/nope", "a device that is not there is refused")
        self.equal(domain.blkioParameters(LIVE)["weight"], 200, "the weight stays then")

    def numa_changes(self, domain):
        self.refused(lambda: domain.setNumaParameters({"numa_mode": 1}, LIVE), libvirt.VIR_ERR_OPERATION_INVALID,
                     "running domain", "the mode is the one that QEMU began with")
        domain.setNumaParameters({"numa_mode": 3, "numa_nodeset": "0"}, CONFIG)
        self.equal(domain.numaParameters(CONFIG), {"numa_mode": 3, "numa_nodeset": "0"}, "the next start's can be set")
        self.refused(lambda: domain.setNumaParameters({"numa_nodeset": "63"}, LIVE),
                     libvirt.VIR_ERR_CONFIG_UNSUPPORTED, "NUMA node 63", "a node that is not there is refused")

    # --- a new daemon ----------------------------------------------------------------------------------------------

    def test_restart(self):
        with self.daemon() as daemon:
            daemon.start()
            daemon.connect().createXML(self.xml("<iothreads>1</iothreads>", vcpus="3"), PAUSED)
            daemon.kill()
            daemon.start()
            conn = daemon.connect()
            domain = conn.lookupByName(NAME)
            domain.setSchedulerParametersFlags({"cpu_shares": 123, "vcpu_quota": 30000}, LIVE)
            self.equal((self.read(domain, "cpu/cpu.shares"), self.read(domain, "cpu/vcpu0/cpu.cfs_quota_us")),
                       ("123", "30000"), "a new daemon goes on with the groups")
            domain.setVcpusFlags(2, LIVE)
            self.ok(self.threads(daemon, domain).get("CPU 1/TCG") == ("/vcpu1", "/vcpu1", True) and
                    self.read(domain, "cpu/vcpu1/cpu.cfs_quota_us") == "30000",
                    "a CPU that is plugged in gets its own", self.threads(daemon, domain))
            domain.addIOThread(4, LIVE)
            self.equal(self.threads(daemon, domain).get("IO iothread4"), ("/iothread4", "/iothread4", True),
                       "so does an I/O thread")
            domain.delIOThread(4, LIVE)
            self.ok(not os.path.exists(self.path(domain, "cpu/iothread4")), "its group goes with it")
            mine = os.sched_getaffinity(daemon.pid)
            domain.pinIOThread(1, (True,) + (False,) * (os.cpu_count() - 1), LIVE)
            self.equal(self.read(domain, "cpuset/iothread1/cpuset.cpus"), "0", "an I/O thread is pinned in its group")
            self.ok(all(os.sched_getaffinity(int(task)) == mine for task in os.listdir("/proc/%d/task" % daemon.pid)),
                    "and no thread of the daemon with it")
            # the VM ends while nobody looks
            daemon.kill()
            os.kill(daemon.qemu_pid(NAME), 9)
            jobs.wait_for(lambda: not daemon.qemu_pids())
            self.ok(groups(), "the groups are there without a daemon")
            daemon.start()
            self.equal((groups(), daemon.connect().listAllDomains()), ([], []), "the next one removes them")

    # --- the heart of the matter -------------------------------------------------------------------------------------

    def test_commit(self):
        with self.daemon() as daemon:
            daemon.start()
            xml, _ = plain.chain_domain(daemon, NAME, layers=3)
            conn = daemon.connect()
            domain = conn.defineXML(xml)
            domain.create()
            domain.blockCommit("vda", None, None, 0, libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE)
            jobs.wait_ready(domain, "vda")
            domain.blockJobAbort("vda", libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)
            self.equal(len(jobs.chain(domain.XMLDesc(), "vda")[0]), 1, "an active commit ends in the base")
            domain.destroy()
            domain.undefine()
            self.equal(groups(), [], "nothing is left")

    # --- hosts and sessions without them ------------------------------------------------------------------------------

    NEEDS = {"CPU": "<cputune><shares>300</shares></cputune>",
             "Memory": "<memtune><hard_limit unit='GiB'>1</hard_limit></memtune>",
             "Block I/O": "<blkiotune><weight>300</weight></blkiotune>",
             "Restrictive NUMA": "<numatune><memory mode='restrictive' nodeset='0'/></numatune>"}

    def test_without(self):
        with self.daemon("cgroup_controllers = [ ]\n") as daemon:
            daemon.start()
            conn = daemon.connect()
            for what, extra in self.NEEDS.items():
                self.refused(lambda: conn.createXML(self.xml(extra), PAUSED), libvirt.VIR_ERR_CONFIG_UNSUPPORTED,
                             what + " tuning needs", "without groups: %s tuning is refused" % what)
            domain = conn.createXML(self.xml(), PAUSED)
            self.equal(groups(), [], "without groups: a VM runs in none")
            for call in (domain.schedulerParameters, domain.memoryParameters, domain.blkioParameters,
                         lambda: domain.getCPUStats(True)):
                self.refused(call, libvirt.VIR_ERR_OPERATION_INVALID, "control group",
                             "without groups: there is nothing to ask")
            domain.destroy()

    def inside(self, daemon, *words):
        """Runs a command where the daemon will be, before it is."""
        subprocess.run(daemon.namespace_prefix() + list(words), check=True)

    def test_readonly(self):
        with self.daemon() as daemon:
            for path in glob.glob(MOUNT + "/*"):
                if os.path.ismount(path):
                    self.inside(daemon, "mount", "-o", "remount,bind,ro", path)
            daemon.start()
            conn = daemon.connect()
            domain = conn.createXML(self.xml(), PAUSED)
            self.equal((groups(), domain.isActive()), ([], 1), "read-only groups: a VM runs in none")
            domain.destroy()
            self.refused(lambda: conn.createXML(self.xml(self.NEEDS["CPU"]), PAUSED),
                         libvirt.VIR_ERR_CONFIG_UNSUPPORTED, "CPU tuning needs", "read-only groups: limits are refused")

    def test_version1(self):
        with self.daemon() as daemon:
            for path in glob.glob(MOUNT + "/*/cgroup.controllers"):
                self.inside(daemon, "umount", os.path.dirname(path))
            daemon.start()
            domain = daemon.connect().createXML(self.xml(TUNED), PAUSED)
            self.is_sorted(daemon, domain, "version 1 alone: each thread is in its group")
            self.ok(len(domain.getCPUStats(False)) >= os.cpu_count() and "cpu_time" in domain.getCPUStats(False)[0],
                    "version 1 alone: the time on each CPU is told", domain.getCPUStats(False))
            domain.destroy()
            self.equal(groups(), [], "version 1 alone: nothing is left")

    def test_some(self):
        # where both versions of the interface are mounted, libvirt.so cannot do without one of the second
        with self.daemon('cgroup_controllers = [ "cpu", "cpuacct" ]\n') as daemon:
            daemon.start()
            conn = daemon.connect()
            domain = conn.createXML(self.xml(self.NEEDS["CPU"]), PAUSED)
            self.equal(self.read(domain, "cpu/cpu.shares"), "300", "one controller: its limits are in force")
            self.ok(not any("/memory/" in path for path in groups()), "one controller: the others are left alone",
                    groups())
            domain.destroy()
            self.refused(lambda: conn.createXML(self.xml(self.NEEDS["Memory"]), PAUSED),
                         libvirt.VIR_ERR_CONFIG_UNSUPPORTED, "Memory", "one controller: others' limits are refused")
            self.equal(groups(), [], "one controller: nothing is left")

    def test_devices(self):
        with self.daemon('cgroup_controllers = [ "cpu", "devices" ]\n') as daemon:
            daemon.start()
            self.refused(lambda: daemon.connect().createXML(self.xml(), PAUSED), libvirt.VIR_ERR_CONFIG_UNSUPPORTED,
                         "'devices'", "device files are not watched over, and who relies on that is told")

    def test_session(self):
        with self.daemon("", mode="session") as daemon:
            daemon.start()
            conn = daemon.connect()
            for what, extra in self.NEEDS.items():
                self.refused(lambda: conn.createXML(self.xml(extra), PAUSED), libvirt.VIR_ERR_CONFIG_UNSUPPORTED,
                             what + " tuning is not available in session mode", "session: %s is refused" % what)
            domain = conn.createXML(self.xml("<numatune><memory mode='interleave' nodeset='0'/></numatune>"), PAUSED)
            with open("/proc/%d/numa_maps" % daemon.qemu_pid(NAME)) as f:
                self.ok("interleave:0" in f.read(), "session: a memory policy needs no group")
            self.refused(domain.schedulerParameters, libvirt.VIR_ERR_OPERATION_UNSUPPORTED, "session mode",
                         "session: there is nothing to ask")
            domain.destroy()

    # --- the same with both drivers ---------------------------------------------------------------------------------

    def test_stock(self):
        """The groups of a start, and the numbers in them, as the stock driver makes them."""
        found = []
        for driver in ("stock", self.args.driver):
            with self.daemon(driver=driver) as daemon:
                daemon.start()
                domain = daemon.connect().createXML(self.xml(TUNED), PAUSED)
                places = set(self.threads(daemon, domain).values())
                tops = [path.split("/")[4] for path in groups()]
                files = {}
                for top in groups():
                    for pattern in ("*", "*/*"):
                        for path in glob.glob(top + "/" + pattern):
                            if path.endswith(("limit_in_bytes", "_us", ".shares", ".cpus", ".mems", "_migrate",
                                              ".weight")) and "rt_" not in path:
                                with open(path) as f:
                                    files[path] = f.read()
                found.append((places, tops, files))
                domain.destroy()
        self.equal(found[1], found[0], "the stock driver makes the same")


def run(out, args, mode):
    if not usable():
        out.skip("control groups", "the host has no version 1 controllers that can be written to")
        return
    for name in args.names:
        try:
            getattr(Test(out, args, mode), "test_" + name)()
        except DaemonError as e:
            out.ok(False, "%s: the daemon is there" % name, e)
        except Exception:
            out.error(name)


if __name__ == "__main__":
    sys.exit(suite.main("cgroups", __doc__, Test, run, modes=("system",)))
