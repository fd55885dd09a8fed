#!/usr/bin/python3
"""A daemon that dies at each step of each block job, of saves and starts from them, of snapshots, dumps, and of disks
and media that come and go, before it and after it: each rename, removal, fsync, and command to QEMU. It is started
again, the guest writes on, the power fails; then the disk is judged:

  old, new    the disk is as before the job, or as after it, with each acknowledged write, and can be used
  lost        what the definition names lacks acknowledged writes, or cannot be read
  killed      QEMU did not survive the daemon's restart
  forgotten   QEMU runs, the daemon takes the domain for shut off
  half        the definitions, or the live one and QEMU, do not agree, or the chain is neither the old nor the new one
  stuck       the job cannot be ended, the disk takes no other one, the guest does not write, or does not boot again
  untidy      something of the job is left: a record, a job or node in QEMU, a temporary file
  unclear     the call failed, but its error does not say why

Each with a guest that writes all the time, and with one that is idle: what only QEMU's memory holds is missed only
then; and with a QEMU that dies at the same instant, so that the daemon finds nothing but its files.

And each step goes wrong once, while the daemon lives: sweep_traces.py lists how. Descriptors, nodes,
files, owners and labels have to be what they were before then.

usage: sweep.py [--driver ours|stock|both] [--jobs N] [--sample N] [--at K] [--moment M]... [--guest G]...
                [OPERATION...]

The exit code is 1 when anything but old and new happens with our driver. With --sample only so many cells, spread over
all, are tried, the same ones each time; --at tries only that step.
"""

import collections
import queue
import random
import sys
import threading
import time
import traceback

import bootsector
import options
import plain
from crashpoint import CrashDaemon
from daemon import DaemonError
from sweep_cell import VERDICTS, Cell
from sweep_memory import MEMORIES
from sweep_moment import MOMENTS
from sweep_operations import OPERATIONS as JOBS
from sweep_operations import template
from sweep_quiet import QUIETS
from sweep_save import SAVES
from sweep_traces import FAULTS
from tap import Tap

CELLS = {**{name: (Cell, operation) for name, operation in JOBS.items()}, **SAVES, **MOMENTS, **MEMORIES, **QUIETS}
OPERATIONS = {name: operation for name, (_, operation) in CELLS.items()}
STEPS_MAX = 200
GUESTS = {"writing guest": dict(writing=True, dying=False), "idle guest": dict(writing=False, dying=False),
          "QEMU dies too": dict(writing=True, dying=True),
          "shut off": dict(writing=False, dying=False)}
DEATHS = ("before", "after")
ALL = (*DEATHS, *FAULTS)
SLOW = ("hangs",)         # half a minute each
FEW = 8                   # steps of one kind that most operations have
# Steps that have found something; among the few that are tried each time. From 0.
FOUND = {("pull", "not permitted"): [5], ("copy-start", "cannot open"): [1], ("attach", "before"): [6],
         ("detach", "before"): [4], ("medium", "before"): [8], ("delete-two", "before"): [15],
         ("revert", "before"): [15], ("snapshot-off", "before"): [2], ("delete-middle", "fails"): [19],
         ("snapshot-live", "refused"): [7], ("delete-inside", "before"): [5],
         ("dump", "cannot send"): [3]}


class Place:
    """A daemon, and what all its cells share."""

    def __init__(self, driver, build, guest_cache):
        self.guest_cache = guest_cache
        self.daemon = CrashDaemon("system", driver, build)
        try:
            self.daemon.start()
            self.connect()
            self.paths = template(plain.folder(self.daemon, "template"), bootsector.assemble(self.daemon, "boot"))
        except BaseException:
            self.daemon.close()
            raise

    def connect(self):
        for conn in self.daemon.connections:
            conn.close()
        self.daemon.connections.clear()
        self.conn = self.daemon.connect()


class Sweep:
    """@units: queue of (driver, operation, guest, moment, steps), where steps None means all that there are."""

    def __init__(self, out, args):
        self.out, self.args = out, args
        self.lock = threading.Lock()
        self.serial, self.stopped = 0, False
        self.tally = {}           # driver -> Counter of (operation, verdict)
        self.units = queue.SimpleQueue()

    # --- which cells ---------------------------------------------------------------------------------------------

    def fill(self, drivers):
        args = self.args
        names, guests = args.operations or self.names(), args.guest or list(GUESTS)
        for driver in drivers:
            self.tally[driver] = collections.Counter()
            deaths = [(driver, name, guest, moment) for moment in DEATHS for guest in guests for name in names
                      if guest in OPERATIONS[name].guests]
            failures = [unit for unit in ((driver, name, guest, moment) for moment in FAULTS for guest in guests
                                          for name in names if guest in OPERATIONS[name].guests)
                        if unit[2] == OPERATIONS[unit[1]].guests[0] or unit[2:] == ("idle guest", "fails")]
            for units, n in ((deaths, args.sample), (failures, (args.sample or 0) // 2)):
                for unit in self.chosen([unit for unit in units if unit[3] in (args.moment or ALL)], n):
                    self.units.put(unit)

    def names(self):
        """A sample has none of those that have to boot a Linux first."""
        return [name for name in OPERATIONS if not (self.args.sample and name in QUIETS)]

    def chosen(self, units, n):
        """The units, each with its steps: all, or @n, and those that have found something."""
        args = self.args
        if not args.sample or not units:
            return [(*unit, args.at and [args.at - 1]) for unit in units]
        found = [(*unit, FOUND[unit[1], unit[3]]) for unit in units
                 if unit[1:4:2] in FOUND and unit[2] == OPERATIONS[unit[1]].guests[0]]
        cells = [(*unit, [step]) for unit in units if unit[3] not in SLOW for step in
                 range(FEW if unit[3] in FAULTS else OPERATIONS[unit[1]].steps)]
        return found + random.Random(args.sample).sample(cells, min(n, len(cells)))

    # --- a worker ------------------------------------------------------------------------------------------------

    def work(self):
        places = {}
        try:
            while not self.stopped:
                driver, *unit = self.units.get_nowait()
                self.unit(places, driver, *unit)
        except queue.Empty:
            pass
        except DaemonError as e:
            with self.lock:
                self.out.ok(False, "the daemon is there", e)
        finally:
            for place in places.values():
                place.daemon.close()

    def unit(self, places, driver, name, guest, moment, steps):
        past = 0
        for step in steps or range(STEPS_MAX):
            if self.stopped:
                return
            if driver not in places:
                places[driver] = Place(driver, self.args.build, self.args.guest_cache)
            cell = self.cell(places, driver, name, guest, moment, step)
            past = 0 if cell and cell.came else past + 1
            # one that is past the end is a crash after the end; a second one says that it was the end
            if past == 2:
                return

    def cell(self, places, driver, name, guest, moment, step):
        with self.lock:
            self.serial += 1
            serial = self.serial
        begin = time.monotonic()
        kind, operation = CELLS[name]
        cell = kind(places[driver], "s%d" % serial, operation, step, moment, **GUESTS[guest])
        words = "%s %s, %s, %s step %d" % (driver, name, guest, moment, step + 1)
        try:
            verdict = cell.run()
        except Exception:
            places.pop(driver).daemon.close()
            with self.lock:
                self.out.ok(driver == "stock", words, traceback.format_exc())
                self.tally[driver][name, moment, "?"] += 1
            return None
        with self.lock:
            self.tally[driver][name, moment, verdict] += 1
            good = verdict in ("old", "new")
            self.out.ok(good or driver == "stock", "%s (%s): %s (%.1f s)" % (
                words, cell.came or "past the end", verdict, time.monotonic() - begin), cell.text())
            if cell.fails and cell.told:
                self.out.diag(cell.told[0])
            if not good and driver == "stock":
                self.out.diag(cell.text())
        return cell

    # --- the result ----------------------------------------------------------------------------------------------

    def table(self):
        verdicts = [*VERDICTS, "?"]
        for driver, tally in self.tally.items():
            for what, moments in (("deaths", DEATHS), ("failures", FAULTS)):
                of = collections.Counter()
                for (name, moment, verdict), n in tally.items():
                    for row in (name, moment, "all") if moment in moments else ():
                        of[row, verdict] += n
                if not of:
                    continue
                self.out.diag("")
                self.out.diag("%-14s %s" % ("%s, %s" % (driver, what), " ".join("%9s" % v for v in verdicts)))
                for row in (*OPERATIONS, *moments, "all"):
                    if any(of[row, verdict] for verdict in verdicts):
                        self.out.diag("%-14s %s" % (row, " ".join("%9s" % (of[row, v] or ".") for v in verdicts)))

    def run(self, drivers):
        self.fill(drivers)
        threads = [threading.Thread(target=self.work) for _ in range(self.args.jobs)]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except (SystemExit, KeyboardInterrupt):
            self.stopped = True
            self.out.ok(False, "it was not stopped before its end")
            for thread in threads:
                thread.join()
        self.table()


def main():
    parser = options.parser(__doc__)
    parser.add_argument("--jobs", type=int, default=2, help="so many daemons at a time")
    parser.add_argument("--sample", type=int, help="only so many deaths of each driver, and half as many failures")
    parser.add_argument("--moment", action="append", choices=ALL, help="only these; may be given several times")
    parser.add_argument("--guest", action="append", choices=list(GUESTS),
                        help="only with these; may be given several times")
    parser.add_argument("--at", type=int, help="only this step, from 1")
    parser.add_argument("operations", nargs="*", metavar="OPERATION", help=" ".join(OPERATIONS))
    parser.set_defaults(timeout=0)
    args = parser.parse_args()
    for name in args.operations:
        if name not in OPERATIONS:
            parser.error("no operation %s; there are: %s" % (name, " ".join(OPERATIONS)))
    options.finish(args)
    out = Tap("sweep")
    for _ in options.modes(args, out, ("system",)):
        Sweep(out, args).run(["ours", "stock"] if args.driver == "both" else [args.driver])
    return out.done()


if __name__ == "__main__":
    sys.exit(main())
