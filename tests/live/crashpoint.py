"""A daemon, with whichever driver, that dies at a chosen step: see crashpoint.c."""

import os

from daemon import Daemon
from guest_build import need, run

HERE = os.path.dirname(os.path.abspath(__file__))


class CrashDaemon(Daemon):
    def environment(self):
        library, self.wish = self.path("crashpoint.so"), self.path("crash")
        if not os.path.exists(library):
            run([need("gcc", "gcc libc6-dev"), "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-pthread", "-o", library,
                 os.path.join(HERE, "crashpoint.c")])
            os.chmod(library, 0o755)
        return dict(super().environment(), LD_PRELOAD=library, QBJ_CRASH_FILE=self.wish)

    def die_at(self, word, steps):
        """At the step that follows so many others after the command with @word."""
        for path in (self.wish + ".died", self.wish + ".new"):
            if os.path.exists(path):
                os.unlink(path)
        with open(self.wish + ".new", "w") as f:
            f.write("%s %d\n" % (word, steps))
        os.rename(self.wish + ".new", self.wish)

    def died(self, timeout=20):
        """Waits for the end that die_at() asked for; gives the step that was not taken, None: it lives."""
        status = self.ask(do="wait", pid=self.pid, timeout=timeout)["status"]
        os.unlink(self.wish)
        if status is None:
            return None
        try:
            with open(self.wish + ".died") as f:
                return f.read().strip()
        except OSError:
            return "exit status %s" % status
