#!/usr/bin/python3
"""The same client calls on the stock driver and on ours, side by side; what a client sees must be equal.

What is compared: results, errors (code, origin, text), XML, chains, events in their order, files. Wanted differences
stand in tests/qemublockjobdata/differences.txt with what ours gives and the reason; one that does not occur any more
is a failure, too. With `--print` the values of one driver are shown (`--driver stock --print` records vectors).
"""

import concurrent.futures
import difflib
import json
import os
import re
import sys
import traceback

import cases_calls
import cases_copy
import cases_copymore
import cases_copyserver
import cases_jobs
import cases_lifecycle
import cases_moment
import cases_pull
import cases_rebase
import cases_rules
import options
from daemon import Daemon, DaemonError
from jobs import Events
from recorder import Recorder, Stop
from tap import Tap

FILE = os.path.join(os.path.dirname(options.HERE), "qemublockjobdata", "differences.txt")
CASES = {f.__name__.replace("_", "-"): f for f in cases_lifecycle.CASES + cases_calls.CASES + cases_jobs.CASES +
         cases_copy.CASES + cases_pull.CASES + cases_rules.CASES + cases_copymore.CASES +
         cases_rebase.CASES + cases_copyserver.CASES + cases_moment.CASES}


class Difference:
    def __init__(self, ours, reason):
        self.ours, self.reason, self.used = ours, reason, False


class Everywhere(Difference):
    """A pattern in the stock driver's documents that stands for something else in ours."""

    def __init__(self, rule):
        super().__init__(rule, "")
        pattern, arrow, replacement = (rule + " ").partition(" => ")
        if not arrow:
            raise ValueError("no ` => ` in: " + rule)
        replacement = replacement.rstrip()
        self.pattern = re.compile(pattern)
        self.replacement = replacement.replace("\\n", "\n")

    def apply(self, value):
        new, count = self.pattern.subn(self.replacement, value)
        self.used = self.used or count > 0
        return new


def read_differences(path):
    """(case, label) -> Difference. Lines: `CASE | LABEL | what ours gives (a regular expression)`, then indented lines
    with the reason. `everywhere | NAME | REGEX => TEXT` tells what a part of the stock driver's XML is in ours."""
    found, key = {}, None
    with open(path) as f:
        for number, line in enumerate(f, 1):
            if not line.strip() or line.startswith("#"):
                continue
            if line[0].isspace():
                if key is None:
                    raise ValueError("%s:%d: a reason before the first difference" % (path, number))
                found[key].reason = (found[key].reason + " " + line.strip()).strip()
                continue
            parts = [part.strip() for part in line.split("|", 2)]
            if len(parts) != 3 or parts[0] not in list(CASES) + ["everywhere"]:
                raise ValueError("%s:%d: not `CASE | LABEL | REGEX`, or no such case: %s" % (path, number, line))
            key = (parts[0], parts[1])
            if key in found:
                raise ValueError("%s:%d: twice" % (path, number))
            found[key] = Everywhere(parts[2]) if parts[0] == "everywhere" else Difference(parts[2], "")
    for key, difference in found.items():
        if not difference.reason:
            raise ValueError("%s: no reason for %s" % (path, " | ".join(key)))
    return found


class Side:
    """One driver: its daemon and what its cases saw."""

    def __init__(self, driver, args, mode):
        self.driver = driver
        self.daemon = Daemon(mode, driver, args.build)
        self.daemon.start()
        self.conn = self.daemon.connect()
        self.conn.getCapabilities()
        self.events = Events(self.conn)

    def play(self, name):
        """(label -> value, None or the text of an accident)"""
        recorder = Recorder(name, self.daemon, self.conn, self.events)
        try:
            CASES[name](recorder)
        except Stop:
            pass
        except Exception:
            return recorder.seen, traceback.format_exc()
        finally:
            recorder.cleanup()
        return recorder.seen, None

    def revive(self):
        """After a crash of the daemon the other cases go on."""
        if not self.daemon.alive():
            self.daemon.start()
            self.conn = self.daemon.connect()
            self.events = Events(self.conn)
            return True
        return False


def text(value):
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def describe(stock, ours):
    """The two values, or the lines in which they differ when they are documents."""
    a, b = text(stock), text(ours)
    if MISSING not in (a, b) and ("\n" in a or "\n" in b):
        return "\n".join(difflib.unified_diff(a.splitlines(), b.splitlines(), "stock", "ours", lineterm="", n=1))
    return "stock: %s\nours:  %s" % (a.splitlines()[0], b.splitlines()[0]) if MISSING in (a, b) else \
        "stock: %s\nours:  %s" % (a, b)


MISSING = "(not reached)"


def compare(out, name, stock, ours, differences):
    """One result for each label."""
    for label in list(stock) + [label for label in ours if label not in stock]:
        a, b = stock.get(label, MISSING), ours.get(label, MISSING)
        for rule in differences.values():
            if isinstance(rule, Everywhere) and isinstance(a, str) and a != b:
                a = rule.apply(a)
        # what comes after a wanted difference that ended the case cannot be compared
        known = differences.get((name, label)) or \
            (differences.get((name, "setup")) if "setup" in ours and b == MISSING else None)
        what = "%s: %s" % (name, label)
        if known:
            known.used = True
            fits = a != b and (b == MISSING or re.search(known.ours, text(b), re.S))
            out.ok(fits, what + " (differs as wanted)", lambda: "wanted: %s\n%s" % (known.ours, describe(a, b)))
        else:
            out.ok(a == b, what, lambda: describe(a, b))


def run(out, args, mode, names):
    differences = read_differences(FILE)
    sides = [Side("stock", args, mode), Side(args.driver, args, mode)]
    out.diag("stock and %s, qemu:///%s" % (args.driver, mode))
    try:
        # in a session both daemons see the same ports
        with concurrent.futures.ThreadPoolExecutor(2 if mode == "system" else 1) as pool:
            for name in names:
                (stock, accident0), (ours, accident1) = pool.map(lambda side: side.play(name), sides)
                compare(out, name, stock, ours, differences)
                for side, accident in zip(sides, (accident0, accident1)):
                    died = side.revive()
                    if accident or died:
                        out.ok(False, "%s: the case runs to its end on %s" % (name, side.driver),
                               (accident or "") + ("the daemon died\n" if died else "") + side.daemon.log_tail(15))
        for (name, label), difference in differences.items():
            # an unprivileged daemon has no part of what stands everywhere in system mode
            everywhere = name == "everywhere" and names == list(CASES) and mode == "system"
            if (name in names or everywhere) and not difference.used:
                out.ok(False, "%s: %s still differs" % (name, label), "remove it from differences.txt")
    finally:
        for side in sides:
            side.daemon.close()


def show(args, mode, names):
    side = Side(args.driver, args, mode)
    try:
        for name in names:
            seen, accident = side.play(name)
            print("== " + name)
            for label, value in seen.items():
                print("%s: %s" % (label, text(value)))
            if accident:
                print(accident + side.daemon.log_tail())
    finally:
        side.daemon.close()
    return 0


def main():
    parser = options.parser(__doc__)
    parser.add_argument("--print", action="store_true", help="show what --driver gives, compare nothing")
    parser.add_argument("names", nargs="*", metavar="CASE")
    args = options.finish(parser.parse_args())
    names = args.names or list(CASES)
    for name in names:
        if name not in CASES:
            parser.error("no case %s; there are: %s" % (name, " ".join(CASES)))
    out = Tap("differential")
    for mode in options.modes(args, out, ("system",) if os.geteuid() == 0 else ("system", "session")):
        if args.print:
            return show(args, mode, names)
        try:
            run(out, args, mode, names)
        except DaemonError as e:
            out.ok(False, "the daemons are there", e)
    return out.done()


if __name__ == "__main__":
    sys.exit(main())
