#!/usr/bin/python3
"""Random block commits on several domains, with writes by the disks' devices in between, aborts, pivots, changed
speeds, and a daemon that is killed at random moments (writes go on while it is away). After each round the domain
is ended: live and persistent definition must have named the same image, and the image that the definition names
must hold exactly what was written.

usage: stress.py [--seconds N] [--seed N] [--no-kill]; the seed is printed, the same seed plays the same moves (not the
same moments).
"""

import os
import random
import subprocess
import sys
import threading
import time

import libvirt

import jobs
import options
import plain
from daemon import Daemon, DaemonError
from images import backing, consistent, qemu_img
from jobs import Events
from qmp import Qmp, QmpError
from tap import Tap

SIZE = 16 << 20
ACTIVE = libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE
DELETE = libvirt.VIR_DOMAIN_BLOCK_COMMIT_DELETE
BYTES = libvirt.VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES
PIVOT = libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT
ASYNC = libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_ASYNC
INACTIVE = libvirt.VIR_DOMAIN_XML_INACTIVE
OVERLAYS = 3


class Problem(Exception):
    pass


class Disk:
    """A disk's images and the content that its device must show."""

    def __init__(self, target, daemon, folder):
        self.target, self.daemon, self.folder = target, daemon, folder
        self.serial = 1
        self.content = bytearray(SIZE)
        self.chain = []           # active first

    def overlay(self, fmt="qcow2"):
        """One more image on top, while nobody has the disk open."""
        path = os.path.join(self.folder, "%s.%d" % (self.target, self.serial))
        self.serial += 1
        if self.chain:
            qemu_img("create", "-q", "-f", "qcow2", "-b", self.chain[0], "-F", "qcow2", path)
        else:
            qemu_img("create", "-q", "-f", fmt, path, str(SIZE))
        self.daemon.own(path)
        self.chain.insert(0, path)

    def check(self, path):
        raw = path + ".check"
        try:
            qemu_img("convert", "-f", "qcow2", "-O", "raw", path, raw)
            with open(raw, "rb") as f:
                got = f.read()
        finally:
            if os.path.exists(raw):
                os.unlink(raw)
        wrong = consistent(path, "qcow2")
        if wrong:
            raise Problem("%s: %s" % (path, wrong))
        if got != self.content:
            at = [i for i in range(0, SIZE, 4096) if got[i:i + 4096] != self.content[i:i + 4096]]
            raise Problem("%s: %d blocks are wrong, the first at %d: 0x%02x instead of 0x%02x" %
                          (path, len(at), at[0], got[at[0]], self.content[at[0]]))


class Machine:
    """One domain and what is done to it."""

    def __init__(self, number, stress):
        self.name, self.stress, self.daemon = "s%d" % number, stress, stress.daemon
        self.random = random.Random("%s %d" % (stress.seed, number))
        folder = plain.folder(self.daemon, self.name)
        self.disks = [Disk(t, self.daemon, folder) for t in ("vda", "vdb")]
        self.log = []
        self.rounds = self.moves = 0

    def say(self, text):
        self.log.append("%.2f %s" % (time.monotonic() - self.stress.begin, text))

    def conn(self):
        return self.stress.conn

    def domain(self):
        return self.conn().lookupByName(self.name)

    # --- moves -----------------------------------------------------------------------------------------------

    def begin(self):
        for disk in self.disks:
            while len(disk.chain) < 1 + OVERLAYS:
                disk.overlay()
        xml = plain.domain(self.name, [plain.disk(d.target, d.chain[0]) for d in self.disks])
        domain = self.conn().defineXML(xml)
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        self.rounds += 1
        self.say("started: " + self.chains())
        for disk in self.disks:
            self.write(disk)

    def chains(self):
        return ", ".join(" ".join(os.path.basename(p) for p in d.chain) for d in self.disks)

    def write_words(self, disk):
        offset = self.random.randrange(0, SIZE // 4096 - 16) * 4096
        length = self.random.choice([4096, 8192, 65536])
        byte = self.random.randrange(1, 256)
        disk.content[offset:offset + length] = bytes([byte]) * length
        self.say("write %s 0x%02x %d %d" % (disk.target, byte, offset, length))
        number = [d.target for d in self.disks].index(disk.target)
        return 'qemu-io -d /machine/peripheral/virtio-disk%d/virtio-backend "write -P %d %d %d"' % \
            (number, byte, offset, length)

    def write(self, disk):
        import libvirt_qemu
        words = self.write_words(disk)
        deadline = time.monotonic() + 20
        while True:
            try:
                libvirt_qemu.qemuMonitorCommand(self.domain(), words, 1)
                return
            except libvirt.libvirtError as e:
                # qemu-io on a disk that is held for the switch would hang QEMU: our driver refuses it for that moment
                if "just being completed" not in str(e) or time.monotonic() > deadline:
                    raise
            time.sleep(0.01)

    def write_without_daemon(self, monitor):
        """As the guest would. While a finished job waits for its end QEMU holds all writes; a guest's would wait, but
        qemu-io waits in the very thread that has to go on, so nothing is written then."""
        if len(monitor.call("query-jobs")):
            time.sleep(0.3)       # a command of the daemon may still be on its way
        states = [job["status"] for job in monitor.call("query-jobs")]
        self.say("jobs without daemon: %s" % states)
        if set(states) & {"pending", "waiting", "aborting"}:
            return
        for disk in self.disks:
            answer = monitor.call("human-monitor-command", command_line=self.write_words(disk))
            if answer.strip():
                raise Problem("qemu-io: " + answer)

    def move(self):
        disk = self.random.choice(self.disks)
        name = self.random.choice(["write", "write", "intermediate", "active", "active", "abort", "delete"])
        self.moves += 1
        if name == "write":
            self.write(disk)
        elif len(disk.chain) < 3 and name in ("intermediate", "delete"):
            self.write(disk)
        elif len(disk.chain) < 2:
            self.write(disk)
        else:
            getattr(self, "move_" + name)(disk)

    def quiet(self, disk):
        """No job and no mirror; gives the live chain."""
        domain = self.domain()
        if not jobs.wait_gone(domain, disk.target, 30):
            raise Problem("%s: the job never ends: %s" % (disk.target, domain.blockJobInfo(disk.target, 0)))
        xml = domain.XMLDesc(0)
        if jobs.mirror(xml, disk.target):
            raise Problem("%s: a mirror without a job:\n%s" % (disk.target, xml))
        return jobs.chain(xml, disk.target)[0]

    def expect(self, disk, *chains):
        """The live chain must be one of these; which one, is remembered."""
        got = self.quiet(disk)
        if got not in chains:
            raise Problem("%s: chain %s, not %s" % (disk.target, got, " or ".join(map(str, chains))))
        disk.chain = got
        top = jobs.chain(self.domain().XMLDesc(INACTIVE), disk.target)[0][0]
        if top != got[0]:
            raise Problem("%s: the persistent definition names %s, the live one %s" % (disk.target, top, got[0]))
        self.say("%s is now %s" % (disk.target, " ".join(os.path.basename(p) for p in got)))

    def move_intermediate(self, disk, flags=0):
        chain = disk.chain
        top = self.random.randrange(1, len(chain) - 1)
        base = self.random.randrange(top + 1, len(chain))
        self.say("commit %s top %d base %d flags %d" % (disk.target, top, base, flags))
        self.domain().blockCommit(disk.target, chain[base], chain[top], 0, flags)
        self.write(disk)
        short = chain[:top] + chain[base:]
        self.expect(disk, short)
        gone = [p for p in chain if p not in short]
        if flags & DELETE and [p for p in gone if os.path.exists(p)]:
            raise Problem("not deleted: %s" % gone)
        for path in gone:
            if not flags & DELETE:
                os.unlink(path)
        self.check_headers(disk)

    def move_delete(self, disk):
        self.move_intermediate(disk, DELETE)

    def active(self, disk, flags=0):
        base = self.random.randrange(1, len(disk.chain))
        self.say("active commit %s base %d" % (disk.target, base))
        self.domain().blockCommit(disk.target, disk.chain[base], None, 0, ACTIVE | flags)
        self.write(disk)
        if not jobs.wait_ready(self.domain(), disk.target, 30):
            raise Problem("%s is never ready" % disk.target)
        self.write(disk)
        return disk.chain[base:]

    def move_active(self, disk):
        flags = self.random.choice([0, DELETE])
        old, new = disk.chain, self.active(disk, flags)
        self.domain().blockJobAbort(disk.target, PIVOT | self.random.choice([0, ASYNC]))
        self.write(disk)
        self.expect(disk, new)
        left = [p for p in old if p not in new]
        if flags and [p for p in left if os.path.exists(p)]:
            raise Problem("not deleted: %s" % left)
        for path in left:
            if not flags:
                os.unlink(path)

    def move_abort(self, disk):
        self.active(disk)
        self.domain().blockJobAbort(disk.target, self.random.choice([0, ASYNC]))
        self.write(disk)
        self.expect(disk, disk.chain)

    def check_headers(self, disk):
        for upper, lower in zip(disk.chain, disk.chain[1:]):
            if backing(upper) != lower:
                raise Problem("%s names %s, not %s" % (upper, backing(upper), lower))

    # --- with a daemon that dies -----------------------------------------------------------------------------

    def killed_move(self):
        """Starts a job or ends one; the daemon dies at some moment of that. Meanwhile the device writes."""
        disk = self.random.choice(self.disks)
        if len(disk.chain) < 3:
            return
        kind = self.random.choice(["pivot", "pivot", "abort", "intermediate", "start"])
        chain = disk.chain
        outcomes = [chain]
        if kind in ("pivot", "abort"):
            new = self.active(disk)
            call = lambda: self.domain().blockJobAbort(disk.target, PIVOT if kind == "pivot" else 0)  # noqa: E731
            if kind == "pivot":
                outcomes.append(new)
        elif kind == "intermediate":
            call = lambda: self.domain().blockCommit(disk.target, chain[-1], chain[1], 0, 0)  # noqa: E731
            outcomes.append([chain[0], chain[-1]])
        else:
            call = lambda: self.domain().blockCommit(disk.target, None, None, 0, ACTIVE)  # noqa: E731
        delay = self.random.uniform(0, 0.04)
        self.say("%s of %s, SIGKILL after %.1f ms" % (kind, disk.target, delay * 1000))
        self.stress.kill_during(call, delay, self)
        domain = self.domain()
        if not jobs.wait_for(domain.isActive, 20):
            raise Problem("the VM is not running after the restart")
        # what can still run or be ready is ended as a client would do it
        deadline = time.monotonic() + 30
        while domain.blockJobInfo(disk.target, 0) and time.monotonic() < deadline:
            state = (jobs.mirror(domain.XMLDesc(0), disk.target) or (None, None))[1]
            if state == "yes":
                try:
                    domain.blockJobAbort(disk.target, 0)
                except libvirt.libvirtError as e:
                    self.say("abort after the restart: %s" % e)
            time.sleep(0.05)
        self.write(disk)
        self.expect(disk, *outcomes)

    def end(self):
        """Ends the VM and looks at the images."""
        domain = self.domain()
        named = {d.target: jobs.chain(domain.XMLDesc(INACTIVE), d.target)[0][0] for d in self.disks}
        domain.destroy()
        domain.undefine()
        for disk in self.disks:
            if named[disk.target] != disk.chain[0]:
                raise Problem("%s: the definition names %s, not %s" % (disk.target, named[disk.target], disk.chain[0]))
            disk.check(named[disk.target])
        self.say("content is right")

    def round(self, kills):
        self.begin()
        for _ in range(self.random.randrange(3, 8)):
            self.move()
        if kills:
            self.killed_move()
        self.end()


class Stress:
    def __init__(self, daemon, seed):
        self.daemon, self.seed = daemon, seed
        self.begin = time.monotonic()
        self.kills = 0
        self.connect()

    def connect(self):
        self.conn = self.daemon.connect()

    def kill_during(self, call, delay, machine):
        """Runs the call; kills the daemon so many seconds after its start; the device writes; starts the daemon."""
        result = []

        def run():
            try:
                call()
                result.append("done")
            except libvirt.libvirtError as e:
                result.append(str(e))

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        time.sleep(delay)
        self.daemon.kill()
        self.kills += 1
        thread.join(20)
        machine.say("the call: %s" % result)
        try:
            monitor = Qmp(self.daemon.monitor_path(machine.name), 10)
            machine.write_without_daemon(monitor)
            time.sleep(machine.random.choice([0, 0.1]))
            monitor.close()
        except (QmpError, OSError) as e:
            raise Problem("QEMU's monitor while there is no daemon: %s" % e) from None
        self.daemon.start()
        self.connect()


def run(out, args, mode):
    seed = args.seed if args.seed is not None else random.randrange(1 << 30)
    with Daemon(mode, args.driver, args.build) as daemon:
        daemon.start()
        out.diag("driver %s, qemu:///%s, seed %d" % (args.driver, mode, seed))
        stress = Stress(daemon, seed)
        Events(stress.conn)
        machines = [Machine(n, stress) for n in range(2)]
        failures = {}

        def play(machine, kills, until):
            try:
                while time.monotonic() < until and machine not in failures:
                    machine.round(kills)
            except Exception as e:
                failures[machine] = "%s: %s" % (type(e).__name__, e)

        start = time.monotonic()
        # first side by side, then one after the other with a daemon that dies
        threads = [threading.Thread(target=play, args=(m, False, start + args.seconds / 2)) for m in machines]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if not args.no_kill and not failures:
            while time.monotonic() < start + args.seconds and not failures:
                play(machines[0], True, time.monotonic() + 0.001)
        for machine in machines:
            failure = failures.get(machine)
            out.ok(not failure, "%s: %d rounds, %d moves, %d kills of the daemon" %
                   (machine.name, machine.rounds, machine.moves, stress.kills),
                   lambda: "%s\nseed %d\n%s\n%s" % (failure, seed, "\n".join(machine.log[-40:]), daemon.log_tail(15)))
        out.ok(daemon.alive(), "the daemon lives")


def main():
    parser = options.parser(__doc__)
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--no-kill", action="store_true", help="the daemon is not killed")
    args = options.finish(parser.parse_args())
    out = Tap("stress")
    for mode in options.modes(args, out, ("system",) if os.geteuid() == 0 else ("system", "session")):
        try:
            run(out, args, mode)
        except (DaemonError, subprocess.SubprocessError) as e:
            out.ok(False, "the daemon is there", e)
    return out.done()


if __name__ == "__main__":
    sys.exit(main())
