#!/usr/bin/python3
"""A QEMU that does not answer is the problem of its domain alone: other domains, queries, the end of that domain and
the end of the daemon go on. And the daemon has no more threads for a hundred domains than for one.
"""

import signal
import sys
import threading
import time

import libvirt

import jobs
import options
import plain
from daemon import Daemon, DaemonError
from images import qemu_io
from tap import Tap

ACTIVE = libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE
BYTES = libvirt.VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES
PIVOT = libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT


def fill(index, path, fmt):
    qemu_io(path, fmt, "write -P %d %dM 2M" % (index + 1, 4 * index))


def how_many(stock):
    """100 domains, where there is memory for as many QEMUs and they start quickly."""
    with open("/proc/meminfo") as f:
        available = int(next(line for line in f if line.startswith("MemAvailable")).split()[1]) >> 20
    return 30 if stock or available < 4 else 100


def alone(function):
    """(connection, @function on it) for a domain's method: threads that share a connection may lose a wake-up in
    libvirt's client before 10.0, and then one waits for the other's answer."""
    domain = getattr(function, "__self__", None)
    if not isinstance(domain, libvirt.virDomain):
        return None, function
    conn = libvirt.open(domain.connect().getURI())
    return conn, getattr(conn.lookupByUUID(domain.UUID()), function.__name__)


class Call:
    """A client's call in a thread of its own."""

    def __init__(self, function, *args):
        self.error = self.result = None
        self.start = time.monotonic()
        self.took = None
        self.thread = threading.Thread(target=self.run, args=(function,) + args, daemon=True)
        self.thread.start()

    def run(self, function, *args):
        try:
            conn, function = alone(function)
            self.result = function(*args)
            if conn:
                conn.close()
        except libvirt.libvirtError as e:
            self.error = e
        self.took = time.monotonic() - self.start

    def wait(self, seconds):
        """Did it end in time?"""
        self.thread.join(seconds)
        return not self.thread.is_alive()

    def __str__(self):
        if self.took is None:
            return "still waiting after %.1f s" % (time.monotonic() - self.start)
        return "%s after %.2f s" % (self.error or self.result, self.took)


class Test:
    def __init__(self, out, daemon):
        self.out, self.daemon = out, daemon
        self.mode = daemon.mode
        self.stock = daemon.driver == "stock"

    def ok(self, condition, what, detail=None, known=None):
        """@known: what the stock driver is known to do here."""
        return self.out.ok(condition, "%s: %s" % (self.mode, what), detail, known if self.stock else None)

    def quick(self, what, seconds, function, *args, known=None):
        """The call succeeds within that many seconds."""
        call = Call(function, *args)
        self.ok(call.wait(seconds) and not call.error, "%s within %g s" % (what, seconds), lambda: str(call), known)
        return call

    def started(self, name, layers=3):
        xml, self.paths = plain.chain_domain(self.daemon, name, layers, fill)
        domain = self.conn.defineXML(xml)
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        return domain

    def run(self):
        self.conn = self.daemon.connect()
        self.hung_domain()
        self.threads()
        self.daemon_stop()

    def hung_domain(self):
        """One of two domains is stopped, first alone, then with a call that waits for it."""
        hung, well = self.started("hung"), self.started("well")
        hung.blockCommit("vda", None, None, 1, ACTIVE | BYTES)
        pid = self.daemon.qemu_pid("hung")
        self.daemon.ask(do="signal", pid=pid, signal=int(signal.SIGSTOP))
        waiting = Call(hung.resume)
        other = self.daemon.connect()
        hung2, well2 = other.lookupByName("hung"), other.lookupByName("well")
        self.ok(not waiting.wait(1), "a call to a hung QEMU waits", lambda: str(waiting))
        self.quick("the list of domains", 2, other.listAllDomains)
        self.quick("state of the hung domain", 2, hung2.state)
        self.quick("info of the hung domain", 2, hung2.info)
        self.quick("XML of the hung domain", 2, hung2.XMLDesc, 0)
        self.quick("job info of the hung domain", 5, hung2.blockJobInfo, "vda", 0, known="waits 30 s for the job lock")
        self.quick("XML of another domain", 2, well2.XMLDesc, 0)
        self.quick("commit of another domain", 5, well2.blockCommit, "vda", None, None, 0, ACTIVE)
        self.ok(jobs.wait_ready(well2, "vda", 10), "which gets ready")
        self.quick("pivot of another domain", 5, well2.blockJobAbort, "vda", PIVOT)
        self.quick("resume of another domain", 5, well2.resume)
        self.stats(other, pid)
        self.quick("destroy of another domain", 5, well2.destroy)
        self.quick("start of another domain", 10, well2.create)
        self.quick("destroy of the hung domain", 20, hung2.destroy)
        self.ok(waiting.wait(5) and waiting.error, "and the call that waited for it ends with an error",
                lambda: str(waiting))
        self.ok(self.daemon.qemu_pid("hung") is None and pid not in self.daemon.qemu_pids(), "its process is gone")
        self.quick("start of the domain that was hung", 10, hung2.create)
        hung2.destroy()
        well2.destroy()
        hung2.undefine()
        well2.undefine()

    def stats(self, conn, pid):
        """Figures of all domains in one call, one of which hangs: it is waited for 10 s, or 0.3 s with NOWAIT; once it
        has been waited for that long, not again before it answers."""
        for flags, what in ((libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT, "without waiting"), (0, "with waiting")):
            what = "figures of all domains, %s" % what
            call = self.quick(what, 60, conn.getAllDomainStats, 0, flags)
            if call.error or not call.result:
                continue
            figures = {domain.name(): params for domain, params in call.result}
            if not flags:               # 0.3 s can be too short for anybody
                self.ok("block.0.rd.reqs" in figures["well"] and "block.0.capacity" in figures["well"],
                        what + ": all of the other domain", lambda: str(sorted(figures["well"])))
            hung = figures["hung"]
            there = ("state.state", "cpu.time", "balloon.maximum", "vcpu.maximum", "block.0.path", "block.count")
            self.ok(not [key for key in there if key not in hung] and "block.0.rd.reqs" not in hung,
                    what + ": of the hung one what QEMU need not be asked for", lambda: str(sorted(hung)),
                    known="leaves out more")
        for _ in range(3):
            self.quick("figures of all domains, once more", 5, conn.getAllDomainStats, 0, 0, known="waits for the job")
        self.ok(self.state(pid) == "T", "the QEMU was stopped all the time", lambda: self.state(pid))

    @staticmethod
    def state(pid):
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0]

    def threads(self):
        count = how_many(self.stock)
        names = ["many-%d" % n for n in range(count)]
        begin = time.monotonic()
        domains = [self.started(names[0], 1)]
        time.sleep(1)
        one, lasting = self.daemon.threads(), self.daemon.lasting_threads()
        for name in names[1:]:
            domains.append(self.started(name, 1))
        time.sleep(1)
        # some of the last start may still be ending
        jobs.wait_for(lambda: self.daemon.lasting_threads() == lasting, 20)
        many = self.daemon.threads()
        self.out.diag("%d domains started in %.1f s; %d threads with one, %d with all" %
                      (count, time.monotonic() - begin, one, many))
        self.ok(self.daemon.lasting_threads() == lasting and many < 30,
                "as many threads with %d domains as with one" % count,
                lambda: "%d and %d: %s" % (one, many, " ".join(sorted(self.daemon.thread_names()))),
                known="has a thread for each domain")
        for domain in domains[2:]:
            domain.destroy()
            domain.undefine()

    def daemon_stop(self):
        """The daemon ends and starts while one QEMU hangs and a client waits for it."""
        for name, sig in (("many-0", signal.SIGTERM), ("many-1", signal.SIGTERM)):
            hung = self.conn.lookupByName(name)
            pid = self.daemon.qemu_pid(name)
            self.daemon.ask(do="signal", pid=pid, signal=int(signal.SIGSTOP))
            waiting = Call(hung.resume) if name == "many-0" else None
            time.sleep(0.5)
            took = self.daemon.stop(sig, timeout=20)
            what = "with a waiting client" if waiting else "with nobody waiting"
            self.ok(took is not None and took < 10, "the daemon ends while a QEMU hangs, %s" % what,
                    "it took %s s" % took, known="waits for its worker threads")
            if took is None:
                self.daemon.kill()
            if waiting:
                waiting.wait(5)
            self.daemon.start()
            self.conn = self.daemon.connect()
            again = self.conn.lookupByName(name)
            self.quick("after the restart: state of the hung domain", 5, again.state)
            self.quick("after the restart: XML of the hung domain", 5, again.XMLDesc, 0)
            self.ok(again.isActive() == 1, "after the restart the hung domain is listed as running")
            self.quick("after the restart: start of another domain", 15,
                       lambda: self.started("other-" + name, 1).destroy())
            self.daemon.ask(do="signal", pid=pid, signal=int(signal.SIGCONT))
            self.ok(jobs.wait_for(lambda: works(again), 40, 0.5), "once the QEMU goes on, it can be used again",
                    self.daemon.log_tail)


def works(domain):
    """The command to run the guest that a client of the earlier daemon had sent may have arrived after all."""
    running = domain.state()[0] == libvirt.VIR_DOMAIN_RUNNING
    try:
        for change in (domain.suspend, domain.resume) if running else (domain.resume, domain.suspend):
            change()
        return True
    except libvirt.libvirtError:
        return False


def main():
    args = options.finish(options.parser(__doc__).parse_args())
    out = Tap("hung")
    import os
    for mode in options.modes(args, out, ("system",) if os.geteuid() == 0 else ("system", "session")):
        try:
            with Daemon(mode, args.driver, args.build) as daemon:
                daemon.start()
                out.diag("driver %s, qemu:///%s" % (args.driver, mode))
                try:
                    Test(out, daemon).run()
                except Exception:
                    out.error(mode)
                    out.diag(daemon.log_tail())
        except DaemonError as e:
            out.ok(False, "the daemon is there", e)
    return out.done()


if __name__ == "__main__":
    sys.exit(main())
