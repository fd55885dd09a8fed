"""Test results as TAP."""

import os
import sys
import time
import traceback


class Tap:
    def __init__(self, name, out=None):
        self.name = name
        self.count = self.failed = self.skipped = 0
        self.planned = False
        self.out = out or sys.stdout
        self.start = time.monotonic()

    def say(self, text):
        self.out.write(text + "\n")
        self.out.flush()

    def diag(self, text):
        for line in str(text).splitlines():
            self.say("# " + line)

    def ok(self, condition, what, detail=None, todo=None):
        """One result; @detail (a string or a callable that gives one) is shown when it failed. @todo: why a failure
        is expected; it does not count then."""
        self.count += 1
        self.say("%sok %d - %s%s" % ("" if condition else "not ", self.count, what.replace("#", "no. "),
                                     " # TODO " + todo if todo and not condition else ""))
        if not condition:
            self.failed += not todo
            if callable(detail):
                detail = detail()
            if detail is not None:
                self.diag(detail)
        return bool(condition)

    def equal(self, got, wanted, what):
        return self.ok(got == wanted, what, "got:    %r\nwanted: %r" % (got, wanted))

    def skip(self, what, reason):
        self.count += 1
        self.skipped += 1
        self.say("ok %d - %s # SKIP %s" % (self.count, what, reason))

    def error(self, what):
        """The exception that is being handled, as a failed result."""
        self.ok(False, what, traceback.format_exc())

    def done(self):
        """The plan; gives the exit code."""
        if not self.planned:
            self.planned = True
            if self.count == 0:
                self.ok(False, "at least one test ran")
            self.say("1..%d" % self.count)
            self.diag("%s: %d passed, %d failed, %d skipped (%.1f s)" %
                      (self.name, self.count - self.failed - self.skipped, self.failed, self.skipped,
                       time.monotonic() - self.start))
        return 1 if self.failed else 0

    def skip_all(self, reason):
        self.planned = True
        self.skipped = 1
        self.say("1..0 # SKIP " + reason)
        return 0


def is_root():
    return os.geteuid() == 0
