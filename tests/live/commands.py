#!/usr/bin/python3
"""What does an operation ask QEMU? QEMU itself writes down each monitor command (a wrapper around the emulator
switches that trace on), so nothing is hidden. `query-named-block-nodes` and `query-block` must not be sent by any
operation: with a deep chain each of them stops the guest for seconds. The number of commands and bytes is printed.
"""

import itertools
import json
import os
import re
import sys
import time

import libvirt

import jobs
import options
import plain
from daemon import Daemon, DaemonError
from images import qemu_io
from jobs import Events
from tap import Tap

FORBIDDEN = ("query-named-block-nodes", "query-block")
ACTIVE = libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE
PIVOT = libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT
WRAPPER = """#!/bin/sh
exec /usr/bin/qemu-system-x86_64 "$@" -trace enable=handle_qmp_command
"""


def fill(index, path, fmt):
    qemu_io(path, fmt, "write -P %d %dM 1M" % (index + 1, 2 * index))


class Trace:
    """The commands in QEMU's log."""

    def __init__(self, path):
        self.path, self.seen = path, 0

    def new(self):
        """Commands since the last call, as (name, length)."""
        found = []
        with open(self.path, errors="replace") as f:
            f.seek(self.seen)
            text = f.read()
        self.seen += len(text.encode(errors="replace"))
        for line in text.splitlines():
            match = re.search(r"handle_qmp_command.*? req: (\{.*\})", line)
            if match:
                command = json.loads(match.group(1))
                found.append((command.get("execute"), len(json.dumps(command, separators=(",", ":")))))
        return found


def listed(sent):
    """`a b b b` as `a b x3`."""
    words = []
    for name, group in itertools.groupby(name or "?" for name, _ in sent):
        count = len(list(group))
        words.append(name if count == 1 else "%s x%d" % (name, count))
    return " ".join(words)


def shared_answer(out, domain, trace):
    """Calls in a row share QEMU's answer, unless something has happened to the job."""
    def infos(count):
        time.sleep(0.05)
        trace.new()
        start = time.monotonic()
        got = [domain.blockJobInfo("vda", 0) for _ in range(count)]
        seconds = time.monotonic() - start
        return got, len(trace.new()), seconds

    got, asked, seconds = infos(20)
    out.ok(1 <= asked <= 1 + seconds / 0.02, "20 calls in a row share answers", "asked %d times in %.3f s" %
           (asked, seconds))
    out.ok(all(info == got[0] and info["cur"] == info["end"] for info in got), "and say the same", str(got))
    domain.blockJobSetSpeed("vda", 2, 0)
    out.ok(domain.blockJobInfo("vda", 0)["bandwidth"] == 2, "a new speed is seen at once")
    domain.blockJobSetSpeed("vda", 1, 0)


def run(out, args, mode):
    with Daemon(mode, args.driver, args.build) as daemon:
        daemon.start()
        out.diag("driver %s, qemu:///%s" % (args.driver, mode))
        wrapper = daemon.path("img", "qemu-system-x86_64")
        with open(wrapper, "w") as f:
            f.write(WRAPPER)
        os.chmod(wrapper, 0o755)
        conn = daemon.connect()
        events = Events(conn)
        xml, paths = plain.chain_domain(daemon, "commands", 4, fill, machine="q35")
        domain = conn.defineXML(xml.replace("/usr/bin/qemu-system-x86_64", wrapper))
        known = "asks for all nodes" if args.driver == "stock" else None
        trace = None

        def operation(what, function, *arguments):
            function(*arguments)
            sent = trace.new()
            wrong = sorted({name for name, _ in sent if name in FORBIDDEN})
            out.diag("%s: %d commands, %d bytes: %s" % (what, len(sent), sum(n for _, n in sent), listed(sent)))
            out.ok(not wrong, "%s does not send %s" % (what, " or ".join(FORBIDDEN)), "sent: " + " ".join(wrong), known)
            return sent

        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        trace = Trace(os.path.join(daemon.qemu_log_dir, "commands.log"))
        sent = operation("start", lambda: None)
        out.ok(("cont" not in [n for n, _ in sent]) and len(sent) >= 1, "the trace shows commands", str(sent))

        def commit():
            domain.blockCommit("vda", paths[1], paths[2], 0, 0)
            events.wait_job("commands", "vda", "completed")
            jobs.wait_gone(domain, "vda")

        def active():
            domain.blockCommit("vda", None, None, 0, ACTIVE)
            events.wait_job("commands", "vda", "ready")

        operation("intermediate commit", commit)
        operation("active commit", active)
        operation("job info", domain.blockJobInfo, "vda", 0)
        operation("speed", domain.blockJobSetSpeed, "vda", 1, 0)
        if args.driver != "stock":
            shared_answer(out, domain, trace)
        operation("pivot", domain.blockJobAbort, "vda", PIVOT)
        operation("resume", domain.resume)
        operation("suspend", domain.suspend)
        operation("state, info, XML", lambda: (domain.state(), domain.info(), domain.XMLDesc(0)))
        domain.destroy()
        sent = trace.new()
        out.ok(not [n for n, _ in sent if n in FORBIDDEN], "nor does destroy", str(sent))
        domain.undefine()


def main():
    args = options.finish(options.parser(__doc__).parse_args())
    out = Tap("commands")
    for mode in options.modes(args, out, ("system",) if os.geteuid() == 0 else ("system", "session")):
        try:
            run(out, args, mode)
        except DaemonError as e:
            out.ok(False, "the daemon is there", e)
        except libvirt.libvirtError:
            out.error("no error")
    return out.done()


if __name__ == "__main__":
    sys.exit(main())
