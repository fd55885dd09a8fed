"""What the parts of bench.py have in common: figures, a measured daemon, and bare QEMU."""

import os
import signal
import statistics
import subprocess
import threading
import time

import libvirt

from daemon import Daemon, DaemonError
from qmp import Qmp, QmpError

MANY = 20          # calls whose average is one figure, for what takes less than a millisecond
FEW = 5            # the same, with pauses between them
PAUSE = 0.05       # seconds between two operations


class Row:
    """@target: the most that ours may be of stock; @bare: the same of bare QEMU."""

    def __init__(self, target=None, bare=None, unit="ms"):
        self.target, self.bare, self.unit = target, bare, unit


class Clock:
    """Collects figures under names: ms, or what the row says."""

    def __init__(self):
        self.figures = {}

    def put(self, name, value):
        self.figures.setdefault(name, []).append(value)

    def add(self, name, seconds):
        self.put(name, seconds * 1000)

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


class Side:
    """One daemon, measured through python3-libvirt."""

    def __init__(self, name, driver, args, **kwargs):
        self.name = name
        self.clock = Clock()
        self.cpu = 0.0
        self.argv = None
        self.daemon = Daemon("system", driver, args.build, **kwargs)
        self.daemon.start()
        self.connect()

    def connect(self):
        self.conn = self.daemon.connect()
        self.stamps = Stamps(self.conn)
        self.conn.getCapabilities()

    def keep_argv(self, name):
        if not self.argv:
            with open("/proc/%d/cmdline" % self.daemon.qemu_pid(name), "rb") as f:
                self.argv = [word.decode() for word in f.read().split(b"\0")[:-1]]

    def close(self):
        self.daemon.close()


class Part:
    """Rows that are measured together, with daemons of their own."""

    ROUNDS = 15
    ROWS = {}
    DAEMON = {}         # more arguments of Daemon()

    def __init__(self, args):
        self.args = args
        self.sides = []
        self.bare = Clock()
        try:
            self.sides.append(Side("stock", "stock", args, **self.DAEMON))
            if args.driver != "stock":
                self.sides.append(Side("ours", args.driver, args, **self.DAEMON))
            self.prepare()
        except BaseException:
            self.close()
            raise

    def prepare(self):
        """What is needed once."""

    def clocks(self):
        return dict([(side.name, side.clock) for side in self.sides] + [("bare", self.bare)])

    def turns(self):
        """Functions of the round's number, one for each side."""
        raise NotImplementedError

    def round(self, number):
        # who comes first changes from round to round; the first round makes the arguments for `bare`
        turns = self.turns()
        turn = number % len(turns)
        for run in turns[turn:] + turns[:turn]:
            run(number)

    def forget(self):
        """The first round was only to get warm."""
        for clock in self.clocks().values():
            clock.figures.clear()
        for side in self.sides:
            side.cpu = 0.0

    def close(self):
        for side in self.sides:
            side.close()


def own_arguments(argv, folder, old, new):
    """A driver's arguments @argv for a QEMU of our own in @folder: a monitor and sockets that we can reach, none of
    the driver's files, which may be gone, and images below @new in the place of @old. It is left paused."""
    words = []
    skip = False
    for before, word, following in zip([""] + argv, argv, argv[1:] + [""]):
        if skip:
            skip = False
            continue
        if word == "-add-fd" or (word == "-object" and "secret" in following and "masterKey" in following):
            skip = True
            continue
        if word.startswith("socket,") and "id=" in word:
            name = word.partition("id=")[2].partition(",")[0]
            word = ",".join(part for part in word.split(",") if not part.startswith(("fd=", "path=", "server", "wait")))
            word += ",path=%s,server=on,wait=off" % os.path.join(folder, "qmp" if name == "charmonitor" else name)
        elif word.startswith("file,") and "/dev/fdset/" in word:
            word = word.partition("path=")[0] + "path=" + os.path.join(folder, "serial.log")
        elif before == "-vnc":
            word = ",".join(["unix:" + os.path.join(folder, "vnc")] + word.split(",")[1:])
        elif word.startswith("unix:"):
            word = "unix:%s,server=on,wait=off" % os.path.join(folder, "qmp")
        words.append(word.replace(old, new))
    if "-S" not in words:
        words.append("-S")
    return words


class Qemu:
    """Bare QEMU. It is there when it has answered."""

    def __init__(self, argv, folder):
        self.monitor = os.path.join(folder, "qmp")
        log_file = os.path.join(folder, "log")
        with open(log_file, "w") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            # the socket is bound by QEMU itself, hence the look every 100 us
            while not os.path.exists(self.monitor):
                if self.process.poll() is not None:
                    raise OSError("it ended")
                time.sleep(0.0001)
            self.qmp = Qmp(self.monitor)
            self.qmp.call("query-status")
        except (OSError, QmpError) as e:
            self.kill()
            with open(log_file) as log:
                raise DaemonError("bare QEMU: %s: %s" % (e, log.read())) from None

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    def kill(self):
        self.process.kill()
        self.process.wait()
        try:
            os.unlink(self.monitor)
        except FileNotFoundError:
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
