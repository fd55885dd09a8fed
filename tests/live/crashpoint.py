"""A daemon, with whichever driver, that dies at a chosen step: see crashpoint.c."""

import ctypes
import os
import signal
import socket

import jobs
from daemon import Daemon
from guest_build import need, run

PIDFD_GETFD = 438
HERE = os.path.dirname(os.path.abspath(__file__))


class CrashDaemon(Daemon):
    serial = 0

    def environment(self):
        library, self.wish = self.path("crashpoint.so"), self.path("crash")
        if not os.path.exists(library):
            run([need("gcc", "gcc libc6-dev"), "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-pthread", "-o", library,
                 os.path.join(HERE, "crashpoint.c"), os.path.join(HERE, "crashcalls.c")])
            os.chmod(library, 0o755)
        return dict(super().environment(), LD_PRELOAD=library, QBJ_CRASH_FILE=self.wish)

    def die_at(self, word, steps, sig=signal.SIGKILL, how="", kind="", error=0):
        """At the step that follows so many others after the command with @word, -1: instead of it; or from now on, when
        that is "-". @how: "after": when that step is done; any other: it lives, and that step of this @kind goes
        wrong."""
        self.serial += 1
        for path in (self.wish + ".died", self.wish + ".new"):
            if os.path.exists(path):
                os.unlink(path)
        with open(self.wish + ".new", "w") as f:
            f.write("%s %d %d %d %s %s %d\n" % (word, steps, sig, self.serial, how or "-", kind or "-", error))
        os.rename(self.wish + ".new", self.wish)
        self.dies = sig == signal.SIGKILL

    def died(self, timeout=20):
        """Waits until it has come to where it was to die, or to stop; gives the step that was not taken, or None."""
        came = jobs.wait_for(self.is_there, timeout)
        return self.step(came)

    def told(self):
        return os.path.exists(self.wish + ".died")

    def is_there(self):
        # one that dies keeps its pid file locked until the last thread has gone
        return self.told() and (not self.alive() or not self.dies and is_stopped(self.pid))

    def step(self, came):
        """Takes the wish back."""
        os.unlink(self.wish)
        if not came:
            return None
        with open(self.wish + ".died") as f:
            return f.read().strip()

    def stop_qemu(self, domain):
        """It has come to where it was to stop: it goes on, and the domain's QEMU stands still. Gives QEMU's number."""
        pid = self.qemu_pid(domain)
        os.kill(pid, signal.SIGSTOP)
        self.ask(do="signal", pid=self.pid, signal=int(signal.SIGCONT))
        return pid

    def shut_monitor(self, domain):
        """Shuts the connection between the daemon and a QEMU, as it would be lost; gives how many were found."""
        libc = ctypes.CDLL(None, use_errno=True)
        pidfd, found = os.pidfd_open(self.pid), 0
        for name in os.listdir("/proc/%d/fd" % self.pid):
            fd = libc.syscall(PIDFD_GETFD, pidfd, int(name), 0)
            if fd < 0:
                continue
            try:
                with socket.socket(fileno=fd) as s:
                    peer = s.getpeername()
                    if isinstance(peer, str) and peer.endswith("monitor.sock") and "-%s/" % domain in peer:
                        s.shutdown(socket.SHUT_RDWR)
                        found += 1
            except OSError:
                pass              # no socket, or without a peer
        os.close(pidfd)
        return found


def is_stopped(pid):
    """Whether no thread of a process runs any more."""
    try:
        states = set()
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/stat" % (pid, task)) as f:
                states.add(f.read().rsplit(")", 1)[1].split()[0])
        return states <= set("TtZX")
    except OSError:
        return True               # it, or one of them, has just ended
