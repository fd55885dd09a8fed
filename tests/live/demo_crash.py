#!/usr/bin/python3
"""The stock driver and ours side by side, in about a minute. A guest writes to disks whose overlays are merged into
their bases; during each pivot the daemon is killed, at one chosen step of it, and started again; the guest writes on;
then the power fails. What the guest had been told is safe is looked for on each disk as its definition opens it, and
once more by the guest after its next boot.

A daemon dies at the step that is meant, not after a time: crashpoint.c counts its commands and what it does to files.
"""

import os
import signal
import sys
import threading
import time
import traceback

import libvirt

import images
import jobs
import options
import plain
from crashpoint import CrashDaemon
from daemon import DaemonError
from guest import Guest, GuestError, Ring, SerialLog, check_image
from jobtest import ACTIVE, INACTIVE, PIVOT
from tap import is_root

NAME = "guest"
RATE = 25                   # of each disk, in a second
BEFORE, AFTER = 20, 100     # blocks that each disk gets before its pivot, and after the last restart
LIMIT = 120
RING = 2048
# What had happened when the daemon died; and for each driver after which command, and how many steps later. In the
# order of the pivots: where the stock driver forgets the VM, that is its last.
MOMENTS = [
    ("QEMU had been told to switch to the base", {"stock": ("job-complete", 0), "ours": ("job-complete", 0)}),
    ("QEMU had switched, nothing was saved since", {"stock": ("job-dismiss", 0), "ours": ("job-finalize", 0)}),
    ("what followed was saved, but not all of it", {"stock": ("job-dismiss", 2), "ours": ("job-finalize", 3)}),
    ("one of two definitions was the new one", {"ours": ("job-complete", 2)}),
    ("both were, and QEMU had yet to switch", {"ours": ("job-complete", 4)}),
    ("QEMU had been told to forget the job", {"ours": ("job-dismiss", 0)}),
]
TITLES = {"stock": "stock driver", "ours": "this driver"}


class Side:
    """One driver: its daemon, its guest, and what became of each disk."""

    def __init__(self, driver, args, guest):
        self.driver, self.args, self.guest, self.failure = driver, args, guest, None
        self.moments = [(what, where[driver]) for what, where in MOMENTS if driver in where]
        self.targets = ["vd" + letter for letter in "abcdef"[:len(self.moments)]]
        self.lost, self.acked, self.forgotten = {}, {}, set()

    def say(self, text):
        print("%-12s  %s" % (TITLES[self.driver], text), flush=True)

    def run(self):
        try:
            mode = self.args.mode or ("system" if is_root() else "session")
            with CrashDaemon(mode, self.driver, self.args.build, kvm=self.guest.accel == "kvm") as self.daemon:
                self.daemon.start()
                self.boot()
                for target, (what, where) in zip(self.targets, self.moments):
                    self.pivot(target, what, *where)
                self.write(AFTER, "after the last restart")
                self.power_cycle()
        except Exception as e:
            known = isinstance(e, (DaemonError, GuestError, images.ImageError, libvirt.libvirtError))
            self.failure = str(e) if known else traceback.format_exc()

    def write(self, more, when):
        for target in self.targets:
            if not self.log.wait_more(more, target, LIMIT):
                raise GuestError("the guest does not write %s:\n%s" % (when, "\n".join(self.log.lines()[-10:])))

    def boot(self):
        folder = plain.folder(self.daemon, NAME)
        self.rings, disks = {}, []
        for index, target in enumerate(self.targets):
            self.rings[target] = Ring(blocks=RING, disk=index)
            # the overlay has each of the blocks: what it says is what a wrong chain shows
            paths = images.make_chain(folder, [target + ".base", target + ".overlay"], fill=lambda n, path, fmt: n and
                                      images.qemu_io(path, fmt, "write -P 0 0 %d" % (RING * 4096)))
            self.daemon.own(*paths)
            disks.append((target, paths[-1], "qcow2", ""))
        self.log = SerialLog(os.path.join(folder, "serial.log"))
        words = dict(self.rings["vda"].options(), rate=RATE, disks=",".join(self.targets))
        xml = self.guest.xml(self.daemon, NAME, disks, self.log.path, words)
        self.domain = self.daemon.connect().defineXML(xml)
        self.domain.create()
        self.write(BEFORE, "at all")
        self.say("a guest writes to %d disks; each block is numbered, and said to be safe after its fsync" % len(disks))

    def pivot(self, target, what, word, steps):
        """Commits and pivots one disk, with a daemon that dies at the chosen step."""
        self.domain.blockCommit(target, None, None, 0, ACTIVE)
        if not jobs.wait_ready(self.domain, target):
            raise DaemonError("the commit of %s does not get ready" % target)
        self.log.wait_more(BEFORE, target, LIMIT)
        self.daemon.die_at(word, steps)
        try:
            self.domain.blockJobAbort(target, PIVOT)
        except libvirt.libvirtError:
            pass                # the daemon is gone
        step = self.daemon.died()
        if not step:
            raise DaemonError("the daemon did not come to the step at which it was to die: %s %d" % (word, steps))
        self.daemon.start()
        self.domain = self.daemon.connect().lookupByName(NAME)
        running = jobs.wait_for(self.domain.isActive, 5)
        if not running:
            self.forgotten.add(target)
        self.say("%s: pivot; killed when %s (not done: %s); restarted%s" % (
            target, what, step.replace(os.path.dirname(step.split(" ")[-1]) + "/", ""),
            "" if running else ": THE RUNNING GUEST IS NOT KNOWN ANY MORE"))

    def power_cycle(self):
        for pid in self.daemon.qemu_pids():
            os.kill(pid, signal.SIGKILL)
        if not jobs.wait_off(self.domain, 20):
            raise DaemonError("the domain still counts as running")
        xml = self.domain.XMLDesc(INACTIVE)
        for target in self.targets:
            disk = jobs.disk_element(xml, target)
            self.acked[target] = self.log.acked(target)
            problems = check_image(jobs.source_of(disk), self.rings[target], self.acked[target],
                                   disk.find("driver").get("type"))
            self.lost[target] = len(problems)
        self.say("the power fails; the domain is started again from its definition")
        # the same definition; only the guest's own program is told to read this time
        self.domain = self.daemon.connect().defineXML(xml.replace("<cmdline>", "<cmdline>qbj.mode=verify "))
        self.start_again()
        for target in self.targets:
            found = self.log.wait_line("^V %s ([0-9 ]+)$" % target, LIMIT)
            if not found:
                raise GuestError("the guest does not come up again")
            newest = int(found.group(1).split()[4])
            self.say("%s: the guest finds block %d as its newest, %d were acknowledged%s" % (
                target, newest, self.acked[target], ": STALE" if newest < self.acked[target] else ""))
            if (newest < self.acked[target]) != bool(self.lost[target]):
                raise GuestError("the guest finds something else than its image holds")

    def start_again(self):
        try:
            self.domain.create()
        except libvirt.libvirtError as e:
            if self.driver != "stock":
                raise
            # the owners of the images of a VM that was forgotten are still noted: an administrator removes that by hand
            self.say("it cannot be started: %s" % e)
            for path in [self.log.path] + [os.path.join(os.path.dirname(self.log.path), target + part)
                                           for target in self.targets for part in (".base", ".overlay")]:
                for name in os.listxattr(path):
                    os.removexattr(path, name)
            self.say("after the traces of the first start have been removed by hand:")
            self.domain.create()

    def cell(self, moment):
        """A cell of the table."""
        for target, (what, _) in zip(self.targets, self.moments):
            if what == moment:
                text = "%d lost" % self.lost[target]
                return "VM forgotten, " + text if target in self.forgotten else text
        return "(no such step)"


def table(sides):
    print("\n%-44s %-22s %s" % ("the daemon was killed when", *(TITLES[s.driver] for s in sides)))
    for what, _ in MOMENTS:
        print("%-44s %-22s %s" % (what, *(s.cell(what) for s in sides)))
    print("%-44s %-22s %s" % ("acknowledged writes lost, in all",
                              *("%d of %d" % (sum(s.lost.values()), sum(s.acked.values())) for s in sides)))


def main():
    args = options.finish(options.parser(__doc__).parse_args())
    start = time.monotonic()
    try:
        guest = Guest(args.guest_cache)
    except GuestError as e:
        print("demo: %s" % e, file=sys.stderr)
        return 1
    sides = [Side(driver, args, guest) for driver in ("stock", "ours")]
    threads = [threading.Thread(target=side.run) for side in sides]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    failed = [side for side in sides if side.failure]
    for side in failed:
        print("\ndemo: %s: %s" % (TITLES[side.driver], side.failure), file=sys.stderr)
    if failed:
        return 1
    table(sides)
    stock, ours = sides
    if not sum(stock.lost.values()) and not stock.forgotten:
        print("\nThis time the stock driver has lost nothing: no difference was seen.")
    print("\n%d kills of daemons, 2 power failures, %.0f s" % (sum(len(s.moments) for s in sides),
                                                             time.monotonic() - start))
    return 1 if sum(ours.lost.values()) or ours.forgotten else 0


if __name__ == "__main__":
    sys.exit(main())
