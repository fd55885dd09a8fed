#!/usr/bin/python3
"""Random block jobs on domains whose guests write, while daemon and QEMU are killed, stopped, cut off from each other,
and have no room to save anything. At random instants all is held still, and what the definitions name must hold each
acknowledged write; after each round nothing of a job may be left; and each domain is power-cycled again and again.

usage: torture.py [--minutes N] [--seed S] [--domains N]

The seed decides what is done and when; how far the jobs are by then is up to the machine. The first violation ends it:
the seed, the round and the log are printed, and all files are kept.
"""

import collections
import glob
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

import options
import plain
from crashpoint import CrashDaemon
from daemon import DaemonError
from guest import Guest, GuestError
from tap import Tap
from torture_blows import AT_STEP, BLOWS
from torture_jobs import Job
from torture_machine import LIMIT, Machine, Violation

# a room of their own for status files, definitions, and copies that cannot fit, so that it can be full
SMALL = {"/run/libvirt/qemu": "1m", "/etc/libvirt/qemu": "1m"}


class Round:
    """Jobs, one blow, and the way back."""

    def __init__(self, play, number):
        self.play, self.daemon, self.tally = play, play.daemon, play.tally
        self.random = random.Random("%d %d" % (play.seed, number))
        self.number = number
        self.killed = set()
        self.jobs_beside = []     # threads of other clients

    def say(self, text):
        self.play.say("round %d: %s" % (self.number, text))

    def kill(self, machine):
        pid = machine.pid()
        if pid:
            self.killed.add(machine)
            os.kill(pid, 9)

    def run(self):
        r, machines = self.random, self.play.machines
        disks = r.sample([d for m in machines for d in m.disks], r.choice([1, 1, 2, 3]))
        self.jobs = [Job(disk, r, self.play.small) for disk in disks]
        self.victim = disks[0].machine
        self.blow = r.choices(list(BLOWS), [weight for _, weight in BLOWS.values()])[0]
        phase = r.choice(["start", "ready", "finish", "finish"])
        delay = r.choice([0, r.uniform(0, 0.08), r.uniform(0, 1)])
        word, steps = r.choice(self.jobs[0].commands()), r.randrange(0, 10)
        look, pivot = r.random() < 0.7, r.random() < 0.5
        for job in self.jobs:
            self.say(str(job))
            self.tally["job: " + job.kind] += 1
        at_step = self.blow in AT_STEP
        self.say("%s, %s" % (self.blow, "%s + %d" % (word, steps) if at_step else "%s + %.3f s" % (phase, delay)))
        self.tally["blow: " + self.blow] += 1
        if at_step:
            dies = self.blow == "daemon killed at a step"
            self.daemon.die_at(word, steps, signal.SIGKILL if dies else signal.SIGSTOP)
        for job in self.jobs:
            job.start()
        if not at_step:
            self.jobs[0].phases[phase].wait(10)
            time.sleep(delay)
        BLOWS[self.blow][0](self)
        if look:
            self.look()
        self.recover(pivot)
        if r.random() < 0.4:
            # rather the one that has little left to work on: with its next start its chains grow
            self.kill(min(machines, key=lambda machine: sum(len(disk.chain) for disk in machine.disks)))
        self.look()
        for path in glob.glob(os.path.join(self.play.root + self.play.small, "*")):
            os.unlink(path)
        self.next_lives()

    def look(self):
        for machine in self.play.machines:
            if machine not in self.killed:
                self.play.verified(machine.frozen())

    def recover(self, pivot):
        if not self.daemon.alive():
            self.daemon.start()
        self.play.connect()
        for job in self.jobs:
            job.join(LIMIT)
            if job.is_alive():
                raise Violation("%s: the call does not return" % job)
            self.say("%s: %s" % (job.disk.name, job.error or "done"))
        for thread in self.jobs_beside:
            thread.join(LIMIT)
            if thread.is_alive():
                raise Violation("a call of another client does not return")
        for machine in self.play.machines:
            if machine not in self.killed:
                machine.settle(pivot, 60 if self.blow == "none" else 10)
                machine.writing()
        if not self.killed:
            self.no_files()
        if self.blow == "none":
            self.undisturbed()
        self.say("chains: " + ", ".join("%s %s" % (d.name, " ".join(os.path.basename(p).split(".")[1] for p in d.chain))
                                        for m in self.play.machines for d in m.disks))

    def undisturbed(self):
        """Without a blow a job does what it was asked for."""
        for job in self.jobs:
            full = job.kind == "copy-full"
            if job.error and (full or "a pull beside another block job" in job.error):
                continue
            if job.error:
                raise Violation("%s: %s" % (job, job.error))
            if job.switches and job.finish == "abort" and job.disk.chain != job.chain:
                raise Violation("%s: it was not ended: %s" % (job, job.disk.chain))
            if (not job.switches or job.finish == "pivot") and not full and job.disk.chain != job.new_chain:
                raise Violation("%s: it was not done: %s" % (job, job.disk.chain))

    def next_lives(self):
        """Those whose QEMU was killed: verified from their definition, and started again."""
        dead = sorted(self.killed, key=lambda machine: machine.name)
        for machine in dead:
            self.play.verified(machine.ended())
            self.tally["power cycles"] += 1
            self.say("%s has ended with all its writes" % machine.name)
        self.no_files()
        for machine in dead:
            machine.define(self.random)
            machine.boot()
        for machine in dead:
            machine.writing(20)

    def no_files(self):
        for machine in self.play.machines:
            machine.no_files()


class Play:
    def __init__(self, daemon, guest, seed, domains):
        self.daemon, self.guest, self.seed = daemon, guest, seed
        self.start, self.log = time.monotonic(), []
        self.tally = collections.Counter()
        self.small = plain.folder(daemon, "small")
        self.inside("mkdir -p $0; mount -t tmpfs -o mode=711,size=1500k none $0", self.small)
        for path, size in SMALL.items():
            self.inside("mkdir -p $0; mount -t tmpfs -o mode=755,size=%s none $0" % size, path)
        self.root = "/proc/%d/root" % daemon.holder_pid
        daemon.state_dir, daemon.config_dir = (self.root + path for path in SMALL)
        daemon.start()
        self.connect()
        self.machines = [Machine(number, self) for number in range(domains)]

    def inside(self, script, path):
        subprocess.run([*self.daemon.namespace_prefix(), "sh", "-e", "-c", script, path], check=True)

    def connect(self):
        for conn in self.daemon.connections:
            conn.close()
        self.daemon.connections.clear()
        self.conn = self.daemon.connect()

    def say(self, text):
        self.log.append("%8.3f %s" % (time.monotonic() - self.start, text))

    def verified(self, count):
        self.tally["acknowledged writes looked for"] += count
        self.tally["verifications"] += 1

    def boot(self):
        first = random.Random("%d" % self.seed)
        for machine in self.machines:
            machine.define(first)
            machine.boot()
        for machine in self.machines:
            machine.writing(20)


def keep(play, args, seed):
    """All files of a failure, for whoever looks into it."""
    kept = os.path.join(args.build, "torture-%d" % seed)
    shutil.rmtree(kept, ignore_errors=True)
    os.makedirs(kept)
    with open(os.path.join(kept, "log"), "w") as f:
        f.write("\n".join(play.log) + "\n")
    daemon = play.daemon
    for name, path in (("files", daemon.dir), ("state", daemon.state_dir), ("config", daemon.config_dir)):
        subprocess.run(["cp", "-a", "--sparse=always", path, os.path.join(kept, name)], stderr=subprocess.DEVNULL)
    return kept


def run(out, args, seed):
    guest = Guest(args.guest_cache, out.diag)
    with CrashDaemon("system", args.driver, args.build, kvm=guest.accel == "kvm") as daemon:
        play = Play(daemon, guest, seed, args.domains)
        number = 0
        try:
            play.boot()
            end = time.monotonic() + 60 * args.minutes
            while time.monotonic() < end:
                number += 1
                begin = time.monotonic()
                current = Round(play, number)
                current.run()
                play.tally["rounds"] += 1
                out.ok(True, "round %d: %s; %s (%.1f s)" % (number, "; ".join(map(str, current.jobs)), current.blow,
                                                           time.monotonic() - begin))
        except Exception as e:
            play.tally["violations"] += 1
            kept = keep(play, args, seed)
            text = str(e) if isinstance(e, Violation) else repr(e)
            told = [text, "seed %d, round %d; all files: %s" % (seed, number, kept)] + play.log[-40:]
            out.ok(False, "seed %d, round %d: %s" % (seed, number, text.splitlines()[0]),
                   "\n".join(told + [daemon.log_tail(15)]))
            if not isinstance(e, Violation):
                out.error("seed %d, round %d" % (seed, number))
        play.tally["violations"] += 0
        for name, count in sorted(play.tally.items()):
            out.diag("%6d  %s" % (count, name))


def main():
    parser = options.parser(__doc__)
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--domains", type=int, default=2)
    args = parser.parse_args()
    args.timeout = int(args.minutes * 60 + 600)
    options.finish(args)
    out = Tap("torture")
    seed = args.seed if args.seed is not None else random.randrange(1 << 30)
    for _ in options.modes(args, out, ("system",)):
        out.diag("driver %s, seed %d, %g minutes" % (args.driver, seed, args.minutes))
        try:
            run(out, args, seed)
        except (DaemonError, GuestError) as e:
            out.ok(False, "the daemon and the guest are there", e)
    return out.done()


if __name__ == "__main__":
    sys.exit(main())
