#!/usr/bin/python3
"""How long the common operations take: the stock driver, ours, and bare QEMU over QMP, one after the other in each
round of one run, so that the machine's moods meet all of them. Compare the ratios; absolute figures move by 2x.

Every daemon is a private qemu:///system with its /run on tmpfs; the VMs have a chain of four qcow2 images, 1 MiB of
data in each but the top one, one vcpu under TCG, and stay paused. "bare" is a QEMU with the very arguments that the
measured driver gave its own. The row "active commit -> READY" has nothing to copy: it shows what the control path
costs; with 2 MiB to copy the rest is QEMU's and the file system's. Job info is called 20 times in a row, and with
pauses that are longer than our driver shares an answer. Between two operations there is a pause, so that none waits
for the end of the one before. Two rows of destroy: a process whose parent reaps it at once, as under systemd, and one
that stays a zombie for up to two seconds, as under a lazy process 1. The last row is the price of one durable write:
a pivot of our driver waits for the renaming while the guest is held.
"""

import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time

import libvirt

import jobs
import options
import plain
from daemon import Daemon, DaemonError
from images import make_chain, qemu_io
from qmp import Qmp
from tap import is_root

ACTIVE = libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE
PIVOT = libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT
MANY = 20          # calls whose average is one figure, for what takes less than a millisecond
FEW = 5            # the same, with pauses between them
PAUSE = 0.05       # seconds between two operations
LAZY = 2.0         # seconds between two looks of a lazy process 1

# name -> (target for ours/stock, target for ours/bare)
ROWS = {
    "define": (None, None), "start": (0.35, 1.5), "dumpxml": (None, None),
    "intermediate commit, call": (None, None), "intermediate commit -> completed": (None, None),
    "active commit, call": (None, None), "active commit -> READY": (0.4, None), "job info": (0.5, None),
    "job info, with pauses": (None, None), "pivot, call": (None, None), "pivot -> completed": (0.3, None),
    "commit of 2 MiB -> READY": (None, None), "destroy, reaped at once": (0.15, None),
    "destroy, not reaped": (0.05, None), "undefine": (None, None), "rename a file, durably": (None, None),
}


class Clock:
    """Collects figures in ms under names."""

    def __init__(self):
        self.figures = {}

    def add(self, name, seconds):
        self.figures.setdefault(name, []).append(seconds * 1000)

    def measure(self, name, function, *args):
        start = time.perf_counter()
        result = function(*args)
        self.add(name, time.perf_counter() - start)
        return result

    def average(self, name, function, *args):
        start = time.perf_counter()
        for _ in range(MANY):
            function(*args)
        self.add(name, (time.perf_counter() - start) / MANY)

    def average_paused(self, name, function, *args):
        total = 0.0
        for _ in range(FEW):
            time.sleep(PAUSE)
            start = time.perf_counter()
            function(*args)
            total += time.perf_counter() - start
        self.add(name, total / FEW)


class Stamps:
    """Moments at which block job events arrive."""

    def __init__(self, conn):
        self.seen = {}
        self.changed = threading.Condition()
        conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2, self.on_event, None)

    def on_event(self, _conn, domain, _disk, _kind, status, _opaque):
        now = time.perf_counter()
        with self.changed:
            self.seen[(domain.name(), status)] = now
            self.changed.notify_all()

    def wait(self, name, status):
        with self.changed:
            if not self.changed.wait_for(lambda: (name, status) in self.seen, 60):
                raise DaemonError("%s: no event with status %d" % (name, status))
            return self.seen.pop((name, status))


def images(daemon, name):
    folder = plain.folder(daemon, name)
    paths = make_chain(folder, ["vda.%d" % n for n in range(4)],
                       fill=lambda n, path, fmt: n < 3 and qemu_io(path, fmt, "write -P %d %dM 1M" % (n + 1, 2 * n)))
    daemon.own(*paths)
    for path in paths:                  # or the next fsync of whoever is measured would wait for these
        with open(path, "rb") as f:
            os.fsync(f.fileno())
    return paths


class Driver:
    """One daemon, measured through python3-libvirt."""

    def __init__(self, name, driver, args):
        self.name = name
        self.clock = Clock()
        self.daemon = Daemon("system", driver, args.build)
        self.daemon.start()
        self.conn = self.daemon.connect()
        self.stamps = Stamps(self.conn)
        self.conn.getCapabilities()
        self.argv = None
        self.cpu = 0.0

    def round(self, number):
        cpu = self.daemon.cpu_seconds()
        self.jobs("b%d" % number)
        self.cpu += self.daemon.cpu_seconds() - cpu
        self.destroy_unreaped("z%d" % number)

    def prepare(self, name):
        paths = images(self.daemon, name)
        return plain.domain(name, [plain.disk("vda", paths[-1])], machine="q35", memory=64), paths

    def jobs(self, name):
        clock, conn = self.clock, self.conn
        xml, paths = self.prepare(name)
        domain = clock.measure("define", conn.defineXML, xml)
        clock.measure("start", domain.createWithFlags, libvirt.VIR_DOMAIN_START_PAUSED)
        self.keep_argv(name)
        clock.average("dumpxml", domain.XMLDesc, 0)

        time.sleep(PAUSE)
        start = time.perf_counter()
        clock.measure("intermediate commit, call", domain.blockCommit, "vda", paths[1], paths[2], 0, 0)
        clock.add("intermediate commit -> completed", self.stamps.wait(name, 0) - start)
        jobs.wait_gone(domain, "vda")

        time.sleep(PAUSE)
        start = time.perf_counter()
        clock.measure("active commit, call", domain.blockCommit, "vda", paths[1], None, 0, ACTIVE)
        clock.add("active commit -> READY", self.stamps.wait(name, 3) - start)
        clock.average_paused("job info, with pauses", domain.blockJobInfo, "vda", 0)
        clock.average("job info", domain.blockJobInfo, "vda", 0)
        time.sleep(PAUSE)
        start = time.perf_counter()
        clock.measure("pivot, call", domain.blockJobAbort, "vda", PIVOT)
        clock.add("pivot -> completed", self.stamps.wait(name, 0) - start)

        time.sleep(PAUSE)
        start = time.perf_counter()
        domain.blockCommit("vda", None, None, 0, ACTIVE)
        clock.add("commit of 2 MiB -> READY", self.stamps.wait(name, 3) - start)
        time.sleep(PAUSE)
        domain.blockJobAbort("vda", PIVOT)
        self.stamps.wait(name, 0)

        time.sleep(PAUSE)
        clock.measure("destroy, reaped at once", domain.destroy)
        clock.measure("undefine", domain.undefine)

    def destroy_unreaped(self, name):
        xml, _ = self.prepare(name)
        domain = self.conn.createXML(xml, libvirt.VIR_DOMAIN_START_PAUSED)
        self.daemon.ask(do="reap", every=LAZY)
        try:
            self.clock.measure("destroy, not reaped", domain.destroy)
        finally:
            self.daemon.ask(do="reap", every=0)

    def keep_argv(self, name):
        if not self.argv:
            with open("/proc/%d/cmdline" % self.daemon.qemu_pid(name), "rb") as f:
                self.argv = [word.decode() for word in f.read().split(b"\0")[:-1]]

    def close(self):
        self.daemon.close()


class Bare:
    """QEMU itself: the same arguments, the fewest commands."""

    def __init__(self, model, _args):
        self.name, self.model = "bare", model
        self.clock = Clock()
        self.daemon = model.daemon       # for its folders only
        self.cpu = None

    def arguments(self, name, folder):
        """The driver's own arguments with this folder's images, a monitor that we can reach, and no files of the
        driver that may be gone."""
        argv, words = self.model.argv, []
        skip = False
        for word, following in zip(argv, argv[1:] + [""]):
            if skip:
                skip = False
                continue
            if word == "-add-fd" or (word == "-object" and "secret" in following and "masterKey" in following):
                skip = True
                continue
            if word.startswith("socket,") and ("charmonitor" in word or "fd=" in word):
                word = word.split(",")[0] + "," + ",".join(
                    part for part in word.split(",")[1:] if not part.startswith(("fd=", "path=", "server", "wait"))) + \
                    ",path=%s,server=on,wait=off" % os.path.join(folder, "qmp")
            elif word.startswith("unix:"):
                word = "unix:%s,server=on,wait=off" % os.path.join(folder, "qmp")
            words.append(word.replace("/img/b0/", "/img/%s/" % name))
        if "-S" not in words:
            words.append("-S")
        return words

    def round(self, number):
        clock, name = self.clock, "r%d" % number
        images(self.daemon, name)
        folder = self.daemon.path("img", name)
        argv = self.arguments(name, folder)
        start = time.perf_counter()
        with open(os.path.join(folder, "log"), "w") as log:
            qemu = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            # the socket is bound by QEMU itself, hence the look every 100 us
            while not os.path.exists(os.path.join(folder, "qmp")):
                if qemu.poll() is not None:
                    raise DaemonError("bare QEMU: " + open(os.path.join(folder, "log")).read())
                time.sleep(0.0001)
            qmp = Qmp(os.path.join(folder, "qmp"))
            qmp.call("query-status")
            clock.add("start", time.perf_counter() - start)
            self.jobs(clock, qmp)
            start = time.perf_counter()
            qemu.send_signal(signal.SIGTERM)
            qemu.wait()
            clock.add("destroy, reaped at once", time.perf_counter() - start)
        finally:
            qemu.kill()
            qemu.wait()

    @staticmethod
    def commit(clock, qmp, call, done, **arguments):
        start = time.perf_counter()
        clock.measure(call, lambda: qmp.call("block-commit", auto_dismiss=False, **arguments))
        qmp.wait_job(arguments["job_id"], "ready" if arguments["job_id"] != "i" else "concluded")
        clock.add(done, time.perf_counter() - start)

    @staticmethod
    def pivot(clock, qmp, job, *nodes):
        start = time.perf_counter()
        clock.measure("pivot, call", lambda: qmp.call("job-complete", id=job))
        qmp.wait_job(job, "concluded")
        for node in nodes:
            qmp.call("blockdev-del", node_name=node)
        qmp.call("job-dismiss", id=job)
        clock.add("pivot -> completed", time.perf_counter() - start)

    def jobs(self, clock, qmp):
        unmeasured = Clock()
        self.commit(clock, qmp, "intermediate commit, call", "intermediate commit -> completed", job_id="i",
                    device="libvirt-1-format", top_node="libvirt-2-format", base_node="libvirt-3-format")
        qmp.call("job-dismiss", id="i")
        for node in ("libvirt-2-format", "libvirt-2-storage"):
            qmp.call("blockdev-del", node_name=node)
        time.sleep(PAUSE)
        self.commit(clock, qmp, "active commit, call", "active commit -> READY", job_id="a",
                    device="libvirt-1-format", base_node="libvirt-3-format")
        clock.average_paused("job info, with pauses", lambda: qmp.call("query-block-jobs"))
        clock.average("job info", lambda: qmp.call("query-block-jobs"))
        time.sleep(PAUSE)
        self.pivot(clock, qmp, "a", "libvirt-1-format", "libvirt-1-storage")
        time.sleep(PAUSE)
        self.commit(clock, qmp, "unmeasured", "commit of 2 MiB -> READY", job_id="b", device="libvirt-3-format",
                    base_node="libvirt-4-format")
        time.sleep(PAUSE)
        self.pivot(unmeasured, qmp, "b", "libvirt-3-format", "libvirt-3-storage")
        time.sleep(PAUSE)
        self.rename(clock)
        time.sleep(PAUSE)

    def rename(self, clock):
        """Where the drivers keep their persistent definitions."""
        folder = os.open(self.daemon.config_dir, os.O_RDONLY | os.O_DIRECTORY)
        for name in ("bench.old", "bench.new"):
            with open(os.path.join(self.daemon.config_dir, name), "w") as f:
                f.write(2000 * "x")
                os.fsync(f.fileno())
        time.sleep(PAUSE)
        start = time.perf_counter()
        os.rename("bench.new", "bench.old", src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)
        clock.add("rename a file, durably", time.perf_counter() - start)
        os.unlink("bench.old", dir_fd=folder)
        os.close(folder)

    def close(self):
        pass


def summary(values):
    if not values:
        return None
    ordered = sorted(values)

    def part(fraction):
        return ordered[min(len(ordered) - 1, int(fraction * len(ordered)))]

    return {"median": round(statistics.median(ordered), 3), "p10": round(part(0.1), 3), "p90": round(part(0.9), 3)}


def ratio(a, b):
    return round(a["median"] / b["median"], 3) if a and b and b["median"] else None


def results(sides, rounds, seconds):
    by_name = {side.name: side for side in sides}
    rows = []
    for name, (target, bare_target) in ROWS.items():
        row = {"name": name}
        for side in sides:
            row[side.name] = summary(side.clock.figures.get(name))
        row["ours/stock"] = ratio(row.get("ours"), row.get("stock"))
        row["bare/stock"] = ratio(row.get("bare"), row.get("stock"))
        row["ours/bare"] = ratio(row.get("ours"), row.get("bare"))
        row["target"], row["bare target"] = target, bare_target
        row["met"] = None
        if row["ours/stock"] and target:
            row["met"] = row["ours/stock"] <= target and (not bare_target or (row["ours/bare"] or 0) <= bare_target)
        rows.append(row)
    return {"rounds": rounds, "seconds": round(seconds, 1), "load": os.getloadavg()[0], "unit": "ms",
            "qemu": subprocess.run(["qemu-system-x86_64", "--version"], stdout=subprocess.PIPE,
                                   text=True).stdout.splitlines()[0],
            "libvirt": libvirt.getVersion(), "rows": rows,
            "daemon cpu per round": {name: round(by_name[name].cpu * 1000 / rounds, 1)
                                     for name in by_name if by_name[name].cpu is not None}}


def print_table(data, sides):
    names = [side.name for side in sides]
    print("%d rounds in %.0f s, load %.1f; milliseconds: median (p10 .. p90)" %
          (data["rounds"], data["seconds"], data["load"]))
    print("%-33s" % "" + "".join("%-28s" % name for name in names) + "ours/stock  bare/stock  target")
    for row in data["rows"]:
        line = "%-33s" % row["name"]
        for name in names:
            s = row[name]
            line += "%-28s" % ("%.2f (%.2f .. %.2f)" % (s["median"], s["p10"], s["p90"]) if s else "-")
        line += "%-12s" % (row["ours/stock"] if row["ours/stock"] is not None else "-")
        line += "%-12s" % (row["bare/stock"] if row["bare/stock"] is not None else "-")
        if row["target"]:
            line += "<= %g" % row["target"]
            if row["bare target"]:
                line += ", <= %g of bare (%s)" % (row["bare target"], row["ours/bare"])
            line += {True: "  met", False: "  MISSED", None: ""}[row["met"]]
        print(line.rstrip())
    print("CPU of the daemon in each round, ms: " +
          ", ".join("%s %.0f" % item for item in data["daemon cpu per round"].items()))


def main():
    parser = options.parser(__doc__)
    parser.add_argument("--reps", type=int, default=15, metavar="N", help="rounds that count (one more warms up)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.set_defaults(timeout=3600)
    args = options.finish(parser.parse_args())
    if not is_root():
        print("bench: qemu:///system needs root; run it with sudo", file=sys.stderr)
        return 1
    sides = []
    start = time.monotonic()
    try:
        sides.append(Driver("stock", "stock", args))
        if args.driver != "stock":
            sides.append(Driver("ours", args.driver, args))
        sides.append(Bare(sides[-1], args))
        for number in range(args.reps + 1):
            if number == 1:
                for side in sides:
                    side.clock.figures.clear()
                    side.cpu = 0.0 if side.cpu is not None else None
            # who comes first changes from round to round; the first round makes the arguments for `bare`
            turn = number % len(sides)
            for side in sides[turn:] + sides[:turn]:
                side.round(number)
            if sys.stderr.isatty():
                print("round %d of %d" % (number, args.reps), end="\n" if number == args.reps else "\r",
                      file=sys.stderr, flush=True)
        data = results(sides, args.reps, time.monotonic() - start)
        if args.json:
            print(json.dumps(data, indent=1))
        else:
            print_table(data, sides)
    except (DaemonError, libvirt.libvirtError) as e:
        print("bench: %s" % e, file=sys.stderr)
        for side in sides:
            if isinstance(side, Driver):
                print(side.daemon.log_tail(15), file=sys.stderr)
        return 1
    finally:
        for side in sides:
            side.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
