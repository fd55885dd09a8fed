#!/usr/bin/python3
"""Shows what this driver is for, in about half a minute: a Linux guest writes to the top of a chain of three images,
the chain is merged into its base under the running guest, and afterwards every block that the guest was told is safe
is there.

On a private qemu:///system when it is run as root, otherwise on a private qemu:///session. With --keep the daemon and
the guest live on, and what to type is printed.
"""

import os
import shutil
import sys
import time

import libvirt

import images
import jobs
import options
from daemon import Daemon, DaemonError
from guest import Guest, GuestError, Ring, SerialLog, check_image
from jobs import Events
from tap import is_root

NAME = "demo"
RATE = 200
DATA = 192 << 20          # in the middle layer, so that there is something to watch
SPEED = 40 << 20          # bytes in a second
WIDTH = 40
COLOUR = sys.stdout.isatty()


def strong(text):
    return "\033[1m%s\033[0m" % text if COLOUR else text


def step(text):
    print("\n" + strong("== " + text), flush=True)


def human(size):
    return "%.1f MiB" % (size / (1 << 20))


class Demo:
    def __init__(self, args):
        self.args = args
        self.mode = args.mode or ("system" if is_root() else "session")

    def run(self):
        args = self.args
        guest = Guest(args.guest_cache)
        step("A private libvirtd with %s" % ("the stock driver" if args.driver == "stock" else "our driver"))
        self.daemon = Daemon(self.mode, args.driver, args.build, kvm=guest.accel == "kvm")
        try:
            self.daemon.start()
            self.conn = self.daemon.connect()
            self.events = Events(self.conn)
            print("qemu:///%s, loaded from %s" % (self.mode, self.daemon.driver_dir))
            self.boot(guest)
            self.commit()
            self.pivot()
            good = self.verify() if not args.keep else self.keep_alive()
            return 0 if good else 1
        finally:
            self.daemon.close()

    def say_chain(self, title):
        """The chain as a picture: guest, active image, and what is below it."""
        xml = self.domain.XMLDesc(0)
        paths = jobs.chain(xml, "vda")[0]
        indexes = jobs.indexes(xml, "vda")
        print(title)
        print("    guest's vda")
        for number, (path, index) in enumerate(zip(paths, indexes)):
            note = "written by the guest" if number == 0 else "read only"
            print("        |" if number == 0 else "        | backed by")
            print("        v")
            print("    +--------------------------------------+")
            print("    | %-14s vda[%s]  %11s   |  %s" %
                  (os.path.basename(path), index, human(os.stat(path).st_blocks * 512), note))
            print("    +--------------------------------------+", flush=True)

    def boot(self, guest):
        step("A Linux guest (Debian's cloud kernel, under %s) on a chain of three images" %
             guest.accel_for(self.daemon).upper())
        folder = self.daemon.path("img", NAME)
        os.makedirs(folder)
        os.chmod(folder, 0o711)

        def fill(index, path, fmt):
            if index == 1:
                images.qemu_io(path, fmt, "write -P 0x5a 64M %d" % DATA)

        self.paths = images.make_chain(folder, ["base.qcow2", "middle.qcow2", "top.qcow2"], "512M", fill=fill)
        self.daemon.own(folder, *self.paths)
        self.ring = Ring(blocks=512, stride=37)
        serial = os.path.join(folder, "serial.log")
        self.log = SerialLog(serial)
        xml = guest.xml(self.daemon, NAME, [("vda", self.paths[-1], "qcow2", "")], serial,
                        dict(self.ring.options(), rate=RATE))
        self.domain = self.conn.defineXML(xml)
        start = time.monotonic()
        self.domain.create()
        print("started in %.0f ms; it boots" % ((time.monotonic() - start) * 1000), end="", flush=True)
        for _ in range(120):
            if self.log.wait_ack(50, timeout=1):
                break
            print(".", end="", flush=True)
        else:
            raise GuestError("the guest does not come up:\n" + "\n".join(self.log.lines()[-20:]))
        print(" and writes: %d blocks are safe so far, %d new ones in a second\n" % (self.log.acked(), RATE))
        self.say_chain("before:")

    def bar(self, info, ready=False):
        """One line that shows the job and the guest going on beside it."""
        part = 1.0 if ready else info["cur"] / info["end"] if info.get("end") else 0.0
        filled = int(part * WIDTH)
        text = "[%s%s] %3d %%  %s   guest: block %d safe" % (
            "#" * filled, "." * (WIDTH - filled), int(part * 100), "READY  " if ready else "copying", self.log.acked())
        print("\r" + text if COLOUR else text, end="" if COLOUR else "\n", flush=True)

    def commit(self):
        step("virsh blockcommit %s vda --active: all three become one, while the guest writes" % NAME)
        self.before = self.log.acked()
        self.domain.blockCommit("vda", None, None, SPEED, libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE |
                                libvirt.VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES)
        while not self.events.wait_job(NAME, "vda", "ready", 0.25 if COLOUR else 1):
            info = self.domain.blockJobInfo("vda", 0)
            if not info:
                raise DaemonError("the job is gone\n" + self.daemon.log_tail())
            self.bar(info)
        self.bar({}, True)
        print()

    def pivot(self):
        step("virsh blockjob %s vda --pivot: from now on the guest writes into the base" % NAME)
        start = time.monotonic()
        self.domain.blockJobAbort("vda", libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)
        took = time.monotonic() - start
        at_pivot = self.log.acked()
        self.log.wait_more(2 * RATE)
        print("done in %.0f ms. The guest wrote %d blocks during the commit and %d since, "
              "the longest took it %.1f ms\n" %
              (took * 1000, at_pivot - self.before, self.log.acked() - at_pivot,
               self.log.longest_us(after=self.before) / 1000))
        self.say_chain("after:")

    def verify(self):
        step("Power off, and look into base.qcow2: is every block there that the guest was told is safe?")
        self.domain.destroy()
        acked = self.log.acked()
        problems = check_image(self.paths[0], self.ring, acked, "qcow2") + self.log.errors()
        try:
            images.qemu_io(self.paths[0], "qcow2", "read -P 0x5a 64M %d" % DATA)
        except images.ImageError as e:
            problems.append("the data of middle.qcow2: %s" % e)
        for problem in problems[:20]:
            print(problem)
        if not problems:
            print("yes: %d blocks acknowledged, the last %d of them (the others were overwritten by later ones) "
                  "are all there\nwith the right content, as are the %s of middle.qcow2; the guest saw no error" %
                  (acked, len(self.ring.expected(acked)), human(DATA)))
        else:
            print(strong("NO: %d problems" % len(problems)))
        self.domain.undefine()
        return not problems

    def keep_alive(self):
        step("The daemon and the guest live on")
        uri = self.daemon.uri
        top = self.daemon.path("img", NAME, "again.qcow2")
        print("export LIBVIRT_DEFAULT_URI='%s'" % uri)
        print("virsh list --all; virsh domblklist %s; virsh dumpxml %s" % (NAME, NAME))
        print("\n# put a new layer over the disk of the stopped guest, then merge it again by hand:")
        print("virsh destroy %s" % NAME)
        print("qemu-img create -f qcow2 -b %s -F qcow2 %s%s" % (
            self.paths[0], top, "; chown --reference=%s %s" % (self.paths[0], top) if self.daemon.user else ""))
        print("virsh dumpxml %s | sed -e 's#%s#%s#' -e '/<backingStore.>/d' | virsh define /dev/stdin" %
              (NAME, self.paths[0], top))
        print("virsh start %s; until grep -aq '^A' %s; do sleep 1; done; tail -n 3 %s" %
              (NAME, self.log.path, self.log.path))
        print("virsh blockcommit %s vda --active --verbose --wait" % NAME)
        print("virsh blockjob %s vda; virsh blockjob %s vda --pivot" % (NAME, NAME))
        print("\n# restart the daemon in the middle (SIGKILL; it comes back by itself):")
        print("kill -9 %d" % self.daemon.pid)
        print("\n# log of the daemon: %s" % self.daemon.log_host)
        print("# the end of all this, guest included:")
        print("kill %d" % self.daemon.holder_pid)
        self.daemon.keep()
        return True


def main():
    parser = options.parser(__doc__)
    parser.add_argument("--keep", action="store_true", help="leave daemon and guest running, print what to type")
    args = options.finish(parser.parse_args())
    for program in ("qemu-img", "qemu-system-x86_64"):
        if not shutil.which(program):
            print("demo: %s is missing: apt-get install qemu-utils qemu-system-x86" % program, file=sys.stderr)
            return 1
    try:
        return Demo(args).run()
    except (DaemonError, GuestError, libvirt.libvirtError) as e:
        print("\ndemo: %s" % e, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
