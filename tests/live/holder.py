"""Keeps the processes of one private daemon: parent (subreaper) of libvirtd and of every QEMU it starts.

Run by daemon.py inside the daemon's mount namespace and as the daemon's user. It takes requests as JSON lines on
stdin and answers each with one line on stdout. When stdin ends, or on SIGTERM, it ends every process below it, by
pid, removes the folders that it was given as arguments, and ends itself: however the test program dies, nothing is
left behind.

Requests: {"do": "spawn", "argv": [], "env": {}, "log": path} -> {"pid": n}
          {"do": "wait", "pid": n, "timeout": s}              -> {"status": n or null}
          {"do": "signal", "pid": n, "signal": n}             -> {"sent": bool}
          {"do": "children"}                                  -> {"pids": [[pid, name], ...]}
          {"do": "reap", "every": s}                          -> {}     0: dead children are reaped at once
          {"do": "keep", "pid": n}                            -> {}     the end of stdin no longer ends this, and
                                                                        process n is started anew when it dies
          {"do": "end"}                                       -> {"ended": n}
"""

import ctypes
import json
import os
import random
import select
import shutil
import signal
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
PR_SET_PDEATHSIG = 1


def process_table():
    """pid -> (parent, state, name) of every process that can be seen."""
    table = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open("/proc/%s/stat" % entry) as f:
                stat = f.read()
        except OSError:
            continue
        name = stat[stat.index("(") + 1:stat.rindex(")")]
        fields = stat[stat.rindex(")") + 2:].split()
        table[int(entry)] = (int(fields[1]), fields[0], name)
    return table


def descendants(root):
    """(pid, name) of the living processes below @root."""
    table = process_table()
    below, found = {root}, []
    grown = True
    while grown:
        grown = False
        for pid, (parent, _, _) in table.items():
            if parent in below and pid not in below:
                below.add(pid)
                grown = True
    for pid in sorted(below - {root}):
        if table[pid][1] not in "ZX":
            found.append((pid, table[pid][2]))
    return found


def loopback_up():
    """A new network namespace has its loopback interface down; in another one this fails or changes nothing."""
    import fcntl
    import socket
    import struct
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 0x41))     # SIOCSIFFLAGS, IFF_UP | IFF_RUNNING
        except OSError:
            pass


class Holder:
    def __init__(self):
        self.ended = {}           # pid -> exit status of reaped children
        self.waiting = []         # (pid, deadline)
        self.reap_every = 0
        self.next_reap = 0.0
        self.keep = False
        self.revived = None       # the process that is started anew in `keep`
        self.spawned = {}         # pid -> (argv, env, log)
        self.stop = False
        self.libc = ctypes.CDLL(None, use_errno=True)
        if self.libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER")

    def reap(self):
        if self.reap_every and time.monotonic() < self.next_reap:
            return
        self.next_reap = time.monotonic() + self.reap_every
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self.ended[pid] = os.waitstatus_to_exitcode(status)

    def spawn(self, argv, env, log):
        sys.stdout.flush()
        pid = os.fork()
        if pid:
            self.ended.pop(pid, None)         # of an earlier process that had the same number
            self.spawned[pid] = (argv, env, log)
            return pid
        try:
            null = os.open("/dev/null", os.O_RDWR)
            out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.dup2(null, 0)
            os.dup2(out, 1)
            os.dup2(out, 2)
            os.closerange(3, 256)
            for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            os.setsid()
            self.libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            os.execve(argv[0], argv, env)
        except BaseException as e:  # noqa: B902  the child must never run on as a second holder
            os.write(2, ("%s: %s\n" % (argv[0], e)).encode())
        finally:
            os._exit(127)

    def end_all(self):
        """SIGTERM, then SIGKILL, to all below, until nobody is left (QEMUs move to us when libvirtd ends)."""
        self.reap_every = 0
        count = 0
        for attempt in range(200):
            self.reap()
            living = descendants(os.getpid())
            if not living:
                break
            for pid, _ in living:
                try:
                    # a stopped process takes no SIGTERM
                    os.kill(pid, signal.SIGTERM if attempt == 0 else signal.SIGKILL if attempt > 10 else 0)
                except ProcessLookupError:
                    pass
            count = max(count, len(living))
            time.sleep(0.05)
        return count

    def answer(self, request):
        """The reply, or None when it comes later (wait)."""
        do = request["do"]
        if do == "spawn":
            return {"pid": self.spawn(request["argv"], request["env"], request["log"])}
        if do == "wait":
            self.waiting.append((request["pid"], time.monotonic() + request["timeout"]))
            return None
        if do == "signal":
            try:
                os.kill(request["pid"], request["signal"])
                return {"sent": True}
            except ProcessLookupError:
                return {"sent": False}
        if do == "children":
            return {"pids": descendants(os.getpid())}
        if do == "reap":
            self.reap_every = request["every"]
            self.next_reap = time.monotonic() + random.uniform(0, self.reap_every)
            return {}
        if do == "keep":
            self.keep = True
            self.revived = request["pid"]
            return {}
        if do == "end":
            self.stop = True
            return {"ended": self.end_all()}
        return {"error": "unknown request"}

    def say(self, reply):
        try:
            os.write(1, (json.dumps(reply) + "\n").encode())
        except OSError:
            pass

    def serve_waits(self):
        for pid, deadline in list(self.waiting):
            if pid in self.ended or time.monotonic() >= deadline:
                self.waiting.remove((pid, deadline))
                self.say({"status": self.ended.get(pid)})

    def pause(self):
        """How long to sleep when nothing comes: a wait or a reap may be due."""
        due = [deadline for _, deadline in self.waiting]
        if self.reap_every:
            due.append(self.next_reap)
        return max(0.0, min(due) - time.monotonic()) if due else None

    def run(self):
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_read, False)
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.on_term)
        buffered = b""
        sources = [0, wake_read]
        self.say({"holder": os.getpid()})
        while not self.stop:
            try:
                readable, _, _ = select.select(sources, [], [], self.pause())
            except InterruptedError:
                continue
            if wake_read in readable:
                try:
                    os.read(wake_read, 4096)
                except BlockingIOError:
                    pass
            self.reap()
            if self.revived in self.ended and not self.stop:
                self.revived = self.spawn(*self.spawned[self.revived])
            if 0 in readable:
                data = os.read(0, 65536)
                if not data:
                    sources = [wake_read]
                    if not self.keep:
                        break
                buffered += data
                while b"\n" in buffered:
                    line, buffered = buffered.split(b"\n", 1)
                    reply = self.answer(json.loads(line))
                    if reply is not None:
                        self.say(reply)
            self.serve_waits()
        self.end_all()

    def on_term(self, *_):
        self.stop = True


if __name__ == "__main__":
    loopback_up()
    Holder().run()
    for folder in sys.argv[1:]:
        shutil.rmtree(folder, ignore_errors=True)
