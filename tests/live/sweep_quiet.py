"""Cells of sweep.py in which the guest's file systems are frozen for a snapshot: old or new as for any snapshot, and
never frozen afterwards. The guest is a Linux with an agent that is booted once, and restored for each cell."""

import json
import os
import shutil
import subprocess
import time

import libvirt
import libvirt_qemu

import jobs
import plain
from agent_build import build_agent
from guest import KERNEL_WORDS, Guest
from images import ImageError, qemu_img
from jobtest import INACTIVE
from sweep_moment import DISK_ONLY, Moment, MomentCell, overlaid, snapshot
from sweep_traces import Traces

NAME = "quiet"
CHANNEL = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
MOUNT = "mkdir /mnt; mount -t ext4 /dev/vda /mnt && echo before >/mnt/before && sync"


class Sleeper:
    """The guest, booted and saved: at @disk what it was on, in @saved all the rest."""

    def __init__(self, place):
        self.place, self.daemon = place, place.daemon
        self.folder = plain.folder(self.daemon, NAME)
        self.kept = plain.folder(self.daemon, NAME + "-kept")
        self.disk, self.saved = os.path.join(self.folder, "disk"), os.path.join(self.kept, "saved")
        subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", self.disk, "32M"], check=True, stdout=subprocess.DEVNULL)
        self.daemon.own(self.disk)
        domain = place.conn.defineXML(self.define(Guest(place.guest_cache)))
        domain.create()
        Agent(domain).wait(120)
        Agent(domain).run(MOUNT)
        self.xml = domain.XMLDesc(INACTIVE)
        domain.save(self.saved)
        domain.undefine()
        shutil.copyfile(self.disk, os.path.join(self.kept, "disk"))
        shutil.rmtree(self.folder)

    def define(self, guest):
        xml = guest.xml(self.daemon, NAME, [("vda", self.disk, "raw", "")], os.path.join(self.folder, "serial"),
                        {"mode": "agent"}, memory=224)
        image = self.daemon.path("img", "initrd-agent")
        shutil.copyfile(build_agent(guest.cache), image)
        os.chmod(image, 0o644)
        xml = xml.replace("<initrd>%s</initrd>" % self.daemon.path("img", "initrd"), "<initrd>%s</initrd>" % image)
        xml = xml.replace("<cmdline>" + KERNEL_WORDS, "<cmdline>" + KERNEL_WORDS + "rdinit=/agent-init ")
        return xml.replace("<memballoon", CHANNEL + "<memballoon")

    def wakes(self):
        """Gives the domain, which runs."""
        self.daemon.own(self.disk)
        domain = self.place.conn.defineXML(self.xml)
        self.place.conn.restore(self.saved)
        Agent(domain).wait(30)
        return domain


class Agent:
    def __init__(self, domain):
        self.domain = domain

    def ask(self, command, seconds=10, **arguments):
        text = json.dumps({"execute": command, **({"arguments": arguments} if arguments else {})})
        return json.loads(libvirt_qemu.qemuAgentCommand(self.domain, text, seconds, 0))["return"]

    def says(self, command):
        """None: it is not there."""
        try:
            return self.ask(command)
        except libvirt.libvirtError:
            return None

    def wait(self, seconds):
        if not jobs.wait_for(lambda: self.says("guest-ping") is not None, seconds, 0.2):
            raise RuntimeError("the guest's agent does not answer")

    def run(self, script, seconds=20):
        """Whether it ends well in that time; only while nothing is frozen."""
        pid = self.ask("guest-exec", path="/bin/busybox", arg=["sh", "-c", script], env=["PATH=/bin:/sbin"])["pid"]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            status = self.ask("guest-exec-status", pid=pid)
            if status["exited"]:
                return status.get("exitcode") == 0
            time.sleep(0.1)
        return False


class QuietCell(MomentCell):
    def __init__(self, place, _name, *args, **more):
        super().__init__(place, NAME, *args, **more)

    def begin(self):
        if not hasattr(self.place, "sleeper"):
            self.place.sleeper = Sleeper(self.place)
        self.sleeper = self.place.sleeper
        self.folder = plain.folder(self.daemon, NAME)
        self.chains, self.extra, self.names = {"vda": [self.sleeper.disk]}, {}, {"disk"}
        self.paths = self.chains["vda"]
        shutil.copyfile(os.path.join(self.sleeper.kept, "disk"), self.sleeper.disk)
        self.traces = Traces(self)
        self.domain = self.sleeper.wakes()
        self.pid = self.daemon.qemu_pid(NAME)
        self.old = self.state(INACTIVE)
        self.new = self.operation.after(self.old)
        if self.fails:
            self.traces.begin()

    def agrees(self):
        """It is not frozen: it says so, and it writes. That it was is forgotten at the latest by the next call."""
        agent = Agent(self.domain)
        if not jobs.wait_for(lambda: agent.says("guest-fsfreeze-status") == "thawed", 30, 0.2):
            self.wrong("stuck", "the guest is %s" % agent.says("guest-fsfreeze-status"))
        elif not agent.run("echo after >/mnt/after && sync"):
            self.wrong("stuck", "the guest does not write any more")
        elif "<qbj:thaw" in self.status():
            self.wrong("untidy", "the record of the freeze")
        super().agrees()

    def data(self, _path):
        """After the power has failed the file system can be mounted, and has what was there before the snapshot."""
        raw = self.file("raw")
        try:
            qemu_img("convert", "-O", "raw", self.images(INACTIVE)["vda"][0], raw)
        except ImageError as e:
            return self.wrong("lost", str(e))
        done = subprocess.run(["e2fsck", "-p", raw], capture_output=True, text=True, check=False)
        text = subprocess.run(["debugfs", "-R", "cat before", raw], capture_output=True, text=True, check=False).stdout
        if done.returncode > 1 or text != "before\n":
            self.wrong("lost", "%s %s: %s" % (done.stdout, done.stderr, text))
        return None


class Quiet(Moment):
    def __init__(self, *args):
        super().__init__(*args)
        self.guests = ("idle guest",)


QUIETS = {"snapshot-quiet": (QuietCell, Quiet(
    snapshot(DISK_ONLY | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE), overlaid, 40))}
