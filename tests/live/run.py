#!/usr/bin/python3
"""Runs the live tests, two programs at a time, and prints their results as one TAP stream.

usage: run.py [--build DIR] [--driver stock|ours|DIR] [--mode system|session] [NAME...]

Without names all suites run. The output of each is kept in DIR/live/NAME.tap; what failed is named on stderr with
its diagnostics, then one line for each suite.
"""

import os
import re
import subprocess
import sys
import time

import options
from guest import GuestError
from guest_build import build as build_guest

HERE = os.path.dirname(os.path.abspath(__file__))
PARALLEL = 2
# name -> (program and its arguments, seconds it may take); the longest first
SUITES = {
    "differential": (["differential.py"], 400),
    "milestone": (["milestone.py"], 300),
    "writes-system": (["writes.py", "--mode", "system"], 300),
    "writes-session": (["writes.py", "--mode", "session"], 300),
    "service": (["service.py"], 400),
    "held": (["held.py"], 400),
    "lifecycle": (["lifecycle.py"], 400),
    "cgroups": (["cgroups.py"], 200),
    "devices": (["devices.py"], 300),
    "power": (["power.py"], 400),
    "virtinst": (["virtinst.py"], 300),
    "stress": (["stress.py", "--seconds", "30"], 120),
    "torture": (["torture.py", "--minutes", "0.6", "--seed", "4"], 300),
    "sweep": (["sweep.py", "--sample", "20"], 300),
    "stopped": (["stopped.py"], 300),
    "meanwhile": (["meanwhile.py", "--sample", "25"], 300),
    "commands": (["commands.py"], 120),
    "host": (["host.py"], 200),
    "agent": (["agent.py"], 600),
    "hung": (["hung.py"], 300),
    "scenarios": (["scenario.py"], 400),
    "scale": (["scale.py"], 400),
    "takeover": (["takeover.py"], 400),
    "statusfile": (["statusfile.py"], 300),
    "hostile-system": (["hostile.py", "--mode", "system"], 300),
    "hostile-session": (["hostile.py", "--mode", "session"], 300),
    "buses": (["buses.py"], 200),
    "holes": (["holes.py"], 200),
    "pulls": (["pulls.py"], 300),
    "copies": (["copies.py"], 200),
    "copyserver": (["copyserver.py"], 200),
    "nbd": (["nbd.py"], 200),
    "rootuser": (["rootuser.py"], 120),
    "refusing": (["refusing.py"], 120),
    "cut": (["cut.py"], 120),
    "ends": (["ends.py"], 200),
    "network": (["network.py"], 300),
    "kinds": (["kinds.py"], 200),
    "encrypted": (["encrypted.py"], 300),
    "unread": (["unread.py"], 120),
    "save": (["save.py"], 300),
    "snapshots": (["snapshots.py"], 300),
    "fullsystem": (["fullsystem.py"], 300),
    "dumps": (["dumps.py"], 200),
    "matrix": (["matrix.py"], 200),
    "undo": (["undo.py"], 200),
    "deletions": (["deletions.py"], 300),
    "inside": (["inside.py"], 200),
    "reverts": (["reverts.py"], 200),
    "plug": (["plug.py"], 200),
    "strays": (["strays.py"], 200),
    "guides": (["guides.py"], 120),
    "memory": (["memory.py"], 200),
    "examples": (["examples.py"], 200),
    "getters": (["getters.py"], 60),
    "events": (["events.py"], 120),
    "selftest": (["selftest.py"], 60),
}
RESULT = re.compile(r"^(not )?ok (\d+)(.*)")


class Suite:
    def __init__(self, name, args):
        self.name = name
        (program, *words), limit = SUITES[name]
        argv = [sys.executable, os.path.join(HERE, program)] + words
        if program != "selftest.py":
            argv += ["--driver", args.driver, "--build", args.build, "--timeout", str(limit)]
            argv += ["--mode", args.mode] if args.mode and "--mode" not in words else []
        self.file = os.path.join(args.build, "live", name + ".tap")
        self.start = time.monotonic()
        with open(self.file, "w") as out:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)

    def finished(self):
        return self.process.poll() is not None

    def lines(self):
        """The results, without numbers; a program that stopped in the middle adds a failed one."""
        with open(self.file, errors="replace") as f:
            text = f.read().splitlines()
        plan = [line for line in text if line.startswith("1..")]
        count = 0
        for line in text:
            found = RESULT.match(line)
            if found:
                count += 1
                what = re.sub(r"^ - ", "", found.group(3))
                yield "%sok" % (found.group(1) or ""), "%s: %s" % (self.name, what)
            elif line.startswith("1..0"):
                yield "ok", "%s # SKIP %s" % (self.name, line.partition("SKIP")[2].strip())
            elif not line.startswith("1.."):
                yield "#", line.lstrip("# ")
        if not plan or (plan[-1].split()[0] not in ("1..%d" % count, "1..0")) or \
                self.process.returncode not in (0, 1):
            yield "not ok", "%s: ran to its end (exit code %s)" % (self.name, self.process.returncode)


def fits(words, mode):
    """Is a suite that runs in one mode only wanted?"""
    return not mode or "--mode" not in words or words[words.index("--mode") + 1] == mode


def report(suite, number):
    """Prints a suite's results; gives (next number, passed, failed, skipped)."""
    passed = failed = skipped = 0
    showing = False
    for kind, text in suite.lines():
        if kind == "#":
            print("# " + text)
            if showing:
                print("  # " + text, file=sys.stderr)
            continue
        number += 1
        print("%s %d - %s" % (kind, number, text), flush=True)
        showing = kind == "not ok" and "# TODO" not in text
        if showing:
            failed += 1
            print("not ok - " + text, file=sys.stderr)
        elif "# SKIP" in text:
            skipped += 1
        else:
            passed += 1
    print("%s: %d passed, %d failed, %d skipped (%.0f s)" %
          (suite.name, passed, failed, skipped, suite.took), file=sys.stderr, flush=True)
    return number, failed


def main():
    parser = options.parser(__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="one of: " + " ".join(SUITES))
    args = parser.parse_args()
    args.timeout = 0
    options.finish(args)
    for name in args.names:
        if name not in SUITES:
            parser.error("no suite %s; there are: %s" % (name, " ".join(SUITES)))
    waiting = [name for name in args.names or SUITES if fits(SUITES[name][0], args.mode)]
    os.makedirs(os.path.join(args.build, "live"), exist_ok=True)
    number = failed = 0
    running = []
    try:
        build_guest(args.guest_cache, lambda text: print("# " + text, flush=True))
        while waiting or running:
            while waiting and len(running) < PARALLEL:
                running.append(Suite(waiting.pop(0), args))
            time.sleep(0.1)
            for suite in [s for s in running if s.finished()]:
                running.remove(suite)
                suite.took = time.monotonic() - suite.start
                number, bad = report(suite, number)
                failed += bad
    except GuestError as e:
        number += 1
        failed += 1
        print("not ok %d - the guest can be built\n# %s" % (number, str(e).replace("\n", "\n# ")))
    finally:
        for suite in running:
            suite.process.terminate()
            suite.process.wait()
    print("1..%d" % number)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
