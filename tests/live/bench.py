#!/usr/bin/python3
"""How long the common operations take: the stock driver, ours, and bare QEMU over QMP, one after the other in each
round of one run, so that the machine's moods meet all of them. Compare the ratios; absolute figures move by 2x.

Every daemon is a private qemu:///system with its /run on tmpfs; the VMs are under TCG and stay paused. "bare" is a
QEMU with the very arguments that the measured driver gave its own. Parts:

jobs         A chain of four qcow2 images, 1 MiB of data in each but the top one. "active commit -> READY" has nothing
             to copy: it shows what the control path costs; with 2 MiB to copy the rest is QEMU's and the file
             system's. Job info is called 20 times in a row, and with pauses that are longer than our driver shares an
             answer. Between two operations there is a pause, so that none waits for the end of the one before. Two
             rows of destroy: a process whose parent reaps it at once, as under systemd, and one that stays a zombie
             for up to two seconds, as under a lazy process 1. The last row is the price of one durable write: a pivot
             of our driver waits for the renaming while the guest is held.
copies       Pull, copy (deep: all images into one; shallow: the top one), rebase with COPY; abort and pivot of a copy.
             A call of a copy includes the making of its image, for which bare QEMU is asked the same.
data         MiB in a second, with 1 GiB below an empty image and O_DIRECT; qemu-img convert for comparison.
saves        A paused guest into a file and back: bare QEMU writes and reads the same, and ends.
memory       The same guest dumped, in both formats; a snapshot of all of it, inside of its image and outside.
moments      A snapshot of a disk, with an image that the driver makes and with one that is there; a SCSI disk that is
             attached and detached. Bare QEMU makes nothing durable.
install      The domain that virt-install defines, with its many devices (bench_domain.xml).
domains-50   That many domains with one image each: figures of all in one call; the daemon's threads and memory; from
domains-150  its start until each domain has answered a call that asks its QEMU. "bare" here are the same QEMUs, asked
             while their daemon is not there.
chains       Starts of chains of 1 to 200 images, and what each image more costs.
hold         For how long a pivot holds the guest's I/O, by QEMU's own time stamps; a hundred pivots in each round.
stall        A Linux guest that writes, with a chain of 100: its longest write around a pivot.

NAME is a part or a row; without one all parts run. Each part takes some minutes, domains-150 and chains ten.
"""

import json
import os
import subprocess
import sys
import time

import libvirt

import bench_copies
import bench_hold
import bench_memory
import bench_moment
import bench_save
import bench_scale
import options
from bench_jobs import Jobs
from bench_tools import ratio, summary
from daemon import DaemonError
from tap import is_root

PARTS = {"jobs": Jobs, "copies": bench_copies.Copies, "data": bench_copies.Data, "install": bench_scale.Install,
         "saves": bench_save.Saves, "memory": bench_memory.Memory, "moments": bench_moment.Moments,
         "domains-50": bench_scale.domains(50), "domains-150": bench_scale.domains(150), "chains": bench_scale.Chains,
         "hold": bench_hold.Hold, "stall": bench_scale.Stall}


def result(name, target, clocks):
    row = {"name": name, "unit": target.unit}
    for side, clock in clocks.items():
        row[side] = summary(clock.figures.get(name))
    row["ours/stock"] = ratio(row.get("ours"), row.get("stock"))
    row["bare/stock"] = ratio(row.get("bare"), row.get("stock"))
    row["ours/bare"] = ratio(row.get("ours"), row.get("bare"))
    row["target"], row["bare target"] = target.target, target.bare
    checks = [row[which] <= most for which, most in (("ours/stock", target.target), ("ours/bare", target.bare))
              if most and row[which] is not None]
    row["met"] = all(checks) if checks else None
    return row


def measure(name, wanted, args):
    """One part; @wanted: its rows."""
    start = time.monotonic()
    part = PARTS[name](args)
    rounds = args.reps or part.ROUNDS
    try:
        for number in range(rounds + 1):
            if number == 1:
                part.forget()
            part.round(number)
            if sys.stderr.isatty():
                print("%s: round %d of %d" % (name, number, rounds), end="\n" if number == rounds else "\r",
                      file=sys.stderr, flush=True)
        return {"part": name, "rounds": rounds, "seconds": round(time.monotonic() - start, 1),
                "load": os.getloadavg()[0],
                "rows": [result(row, part.ROWS[row], part.clocks()) for row in part.ROWS if row in wanted],
                "daemon cpu per round": {side.name: round(side.cpu * 1000 / rounds, 1) for side in part.sides}}
    except (DaemonError, libvirt.libvirtError):
        for side in part.sides:
            print(side.daemon.log_tail(15), file=sys.stderr)
        raise
    finally:
        part.close()


def cell(figures):
    return "%.2f (%.2f .. %.2f)" % (figures["median"], figures["p10"], figures["p90"]) if figures else "-"


def print_table(data):
    names = [name for name in ("stock", "ours", "bare") if name in data["rows"][0]]
    print("%s: %d rounds in %.0f s, load %.1f; median (p10 .. p90), milliseconds where nothing else is said" %
          (data["part"], data["rounds"], data["seconds"], data["load"]))
    print("%-38s" % "" + "".join("%-28s" % name for name in names) + "ours/stock  bare/stock  ours/bare   target")
    for row in data["rows"]:
        line = "%-38s" % (row["name"] + (", " + row["unit"] if row["unit"] not in ("ms", "") else ""))
        line += "".join("%-28s" % cell(row[name]) for name in names)
        line += "".join("%-12s" % (row[which] if row[which] is not None else "-")
                        for which in ("ours/stock", "bare/stock", "ours/bare"))
        line += "<= %g of stock  " % row["target"] if row["target"] else ""
        line += "<= %g of bare  " % row["bare target"] if row["bare target"] else ""
        line += {True: "met", False: "MISSED", None: ""}[row["met"]]
        print(line.rstrip())
    print("CPU of the daemon in each round, ms: " +
          ", ".join("%s %.0f" % item for item in data["daemon cpu per round"].items()), flush=True)


def chosen(parser, names):
    """part -> its rows that are wanted"""
    wanted = {}
    for name in names or PARTS:
        found = [(part, row) for part in PARTS for row in PARTS[part].ROWS if name in (part, row)]
        if not found:
            parser.error("no part or row %s; parts: %s" % (name, " ".join(PARTS)))
        for part, row in found:
            wanted.setdefault(part, set()).add(row)
    return wanted


def main():
    parser = options.parser(__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="a part or a row, see above (default: all)")
    parser.add_argument("--reps", type=int, metavar="N",
                        help="rounds that count, one more warms up (default: 15 for jobs, fewer for slower parts)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--rows", action="store_true", help="only print the names of parts and rows")
    parser.set_defaults(timeout=7200)
    args = options.finish(parser.parse_args())
    wanted = chosen(parser, args.names)
    if args.rows:
        for name in wanted:
            print("\n    ".join([name] + [row for row in PARTS[name].ROWS if row in wanted[name]]))
        return 0
    if not is_root():
        print("bench: qemu:///system needs root; run it with sudo", file=sys.stderr)
        return 1
    parts = []
    try:
        for name in wanted:
            parts.append(measure(name, wanted[name], args))
            if not args.json:
                print_table(parts[-1])
    except (DaemonError, libvirt.libvirtError) as e:
        print("bench: %s" % e, file=sys.stderr)
        return 1
    if args.json:
        version = subprocess.run(["qemu-system-x86_64", "--version"], stdout=subprocess.PIPE, text=True).stdout
        print(json.dumps({"qemu": version.splitlines()[0], "libvirt": libvirt.getVersion(), "parts": parts}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
