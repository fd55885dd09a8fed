"""What tests of single jobs share: a domain without an operating system on a chain, a job from its start to its end,
QEMU's own view, a server whose image has bad sectors."""

import json
import os
import shutil

import libvirt

import jobs
import plain
import suite
from images import ImageError, consistent, qemu_io
from qmptrace import Trace

LAYERS = 5
ACTIVE = libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE
PIVOT = libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT
INACTIVE = libvirt.VIR_DOMAIN_XML_INACTIVE
COPY = "<disk type='file'><driver name='qemu' type='%s'/><source file='%s'/></disk>"
TRANSIENT = libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB
PAUSED = libvirt.VIR_DOMAIN_START_PAUSED


def fill(index, path, fmt):
    qemu_io(path, fmt, "write -P %d %dM 1M" % (index + 1, index))


def holds(path, layers=range(LAYERS), fmt="qcow2"):
    """None, or what is wrong with the data that the layers wrote, read through this image."""
    try:
        qemu_io(path, fmt, *["read -P %d %dM 1M" % (n + 1, n) for n in layers])
    except ImageError as e:
        return str(e)
    return consistent(path, fmt) or None


def fuse_missing():
    return None if os.path.exists("/dev/fuse") and shutil.which("qemu-storage-daemon") else \
        "/dev/fuse or qemu-storage-daemon is missing"


def fuse_file(daemon, blockdev, path, export=""):
    """A file of this host at @path that a process of ours reads and writes, from @blockdev, so that it can fail and
    hang. @export: more options of it. Gives the process."""
    pid_file = path + ".pid"
    open(path, "w").close()
    argv = ["/usr/bin/env", "qemu-storage-daemon", "--pidfile", pid_file, "--blockdev", "node-name=image," + blockdev,
            "--export", "type=fuse,id=file,node-name=image,writable=on,allow-other=on,mountpoint=%s%s" %
            (path, export)]
    pid = daemon.ask(do="spawn", argv=argv, env={"PATH": os.environ["PATH"]}, log=path + ".log")["pid"]
    if not jobs.wait_for(lambda: os.path.exists(pid_file), 30):
        with open(path + ".log") as f:
            raise RuntimeError("qemu-storage-daemon does not start: " + f.read())
    daemon.own(path)
    return pid


class JobChecks(suite.DaemonChecks):
    def connect(self):
        super().connect()
        self.events = jobs.Events(self.conn)

    def start(self, name, xml):
        """A persistent domain, paused; self.domain and self.name from then on."""
        self.name, self.domain, self.trace = name, self.conn.defineXML(xml), Trace(self.daemon, name)
        self.domain.createWithFlags(PAUSED)

    def started(self, name, layers=LAYERS):
        xml, self.paths = plain.chain_domain(self.daemon, name, layers, fill)
        self.start(name, xml)

    def gone(self):
        persistent = self.domain.isPersistent()
        if self.domain.isActive():
            self.domain.destroy()
        if persistent:
            self.domain.undefine()

    def monitor(self, command, **arguments):
        text = json.dumps({"execute": command, "arguments": arguments})
        return json.loads(self.daemon.virsh("qemu-monitor-command", self.name, text)[1])

    def chain(self, flags=0, disk="vda"):
        return jobs.chain(self.domain.XMLDesc(flags), disk)[0]

    # --- a job -----------------------------------------------------------------------------------------------

    def ended(self, since, disk="vda"):
        """How the job of @disk ended, by its event."""
        event = self.events.wait(lambda e: e[:3] == (self.name, "job2", disk) and e[4] != "ready", 60, since)
        jobs.wait_gone(self.domain, disk)
        return event and event[4]

    def pulled(self, base=None, disk="vda"):
        since = self.events.mark()
        self.domain.blockRebase(disk, base, 0, 0)
        return self.ended(since, disk)

    def committed(self, base, top, disk="vda"):
        """A commit of what is in the middle."""
        since = self.events.mark()
        self.domain.blockCommit(disk, base, top, 0, 0)
        return self.ended(since, disk)

    def pivoted(self, base=None, disk="vda"):
        """A commit of the active image, with its pivot."""
        since = self.events.mark()
        self.domain.blockCommit(disk, base, None, 0, ACTIVE)
        return self.switched(since, disk)

    def aborted(self, disk="vda"):
        """A commit of the active image that is given up when it is ready."""
        since = self.events.mark()
        self.domain.blockCommit(disk, None, None, 0, ACTIVE)
        return self.switched(since, disk, 0)

    def switched(self, since, disk, switch=PIVOT):
        """Pivots when it is ready, or aborts."""
        event = self.events.wait(lambda e: e[:3] == (self.name, "job2", disk), 60, since)
        if event and event[4] == "ready":
            self.domain.blockJobAbort(disk, switch)
        return self.ended(since, disk)

    def copied(self, path, fmt="qcow2", flags=0, disk="vda", switch=PIVOT):
        """A copy into a new file, with its pivot, or aborted when it is ready."""
        since = self.events.mark()
        self.domain.blockCopy(disk, COPY % (fmt, path), {}, flags | TRANSIENT)
        return self.switched(since, disk, switch)

    # --- a server ----------------------------------------------------------------------------------------------

    def serve(self, image, export, socket, **error):
        """Has qemu-nbd serve an image of any format as raw; @error as of blkdebug. Gives its process."""
        words = ["driver=raw", "file.driver=blkdebug", "file.image.driver=file", "file.image.filename=" + image]
        words += ["file.inject-error.0.%s=%s" % item for item in dict(event="none", **error).items()]
        pid_file = socket + ".pid"
        argv = ["/bin/sh", "-c", 'umask 0; exec qemu-nbd "$@"', "sh", "--persistent", "--shared=8",
                "--export-name=" + export, "--pid-file=" + pid_file, "--socket=" + socket, "--image-opts",
                ",".join(words)]
        pid = self.daemon.ask(do="spawn", argv=argv, env={"PATH": os.environ["PATH"]}, log=socket + ".log")["pid"]
        if not jobs.wait_for(lambda: os.path.exists(pid_file), 30):
            with open(socket + ".log") as f:
                raise RuntimeError("qemu-nbd does not start: " + f.read())
        return pid

    def served_ends(self, pid):
        self.daemon.ask(do="signal", pid=pid, signal=15)
        self.daemon.ask(do="wait", pid=pid, timeout=30)
