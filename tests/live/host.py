#!/usr/bin/python3
"""What an administrator sets up around the VMs: hook scripts."""

import os
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree

import libvirt

import jobs
import options
import plain
from daemon import Daemon, DaemonError
from tap import Tap

PAUSED = libvirt.VIR_DOMAIN_START_PAUSED
HOOK = """#!/bin/sh
# writes down how it was called and what it was given; fails or waits when it is told to
echo "$1 $2 $3 $4" >> %(dir)s/calls
cat > %(dir)s/input.$2
if test -e %(dir)s/wait.$2; then touch %(dir)s/waits.$2; while test -e %(dir)s/wait.$2; do sleep 0.05; done; fi
if test -e %(dir)s/fail.$2; then echo "no, said the script" >&2; exit 3; fi
exit 0
"""


class Test:
    def __init__(self, out, args, mode):
        self.out, self.args, self.mode = out, args, mode
        self.stock = args.driver == "stock"

    def daemon(self, **kwargs):
        return Daemon(self.mode, self.args.driver, self.args.build, **kwargs)

    def ok(self, condition, what, detail=None):
        return self.out.ok(condition, "%s: %s" % (self.mode, what), detail)

    def equal(self, got, wanted, what):
        return self.ok(got == wanted, what, "got:    %r\nwanted: %r" % (got, wanted))

    def refused(self, function, code, words, what):
        """The call fails with that code, and its text has the words."""
        try:
            function()
        except libvirt.libvirtError as e:
            return self.ok(e.get_error_code() == code and words in str(e), what, "%d: %s" % (e.get_error_code(), e))
        return self.ok(False, what, "it was not refused")

    # --- hooks (11.19) ---------------------------------------------------------------------------------------

    def hook_folder(self, daemon):
        place = daemon.path("hook")
        os.makedirs(place)
        os.makedirs(daemon.path("etc", "hooks"))
        script = daemon.path("etc", "hooks", "qemu")
        with open(script, "w") as f:
            f.write(HOOK % {"dir": place})
        os.chmod(script, 0o755)
        return place

    def calls(self, place):
        """What was called since the last look."""
        path = os.path.join(place, "calls")
        if not os.path.exists(path):
            return []
        with open(path) as f:
            lines = f.read().splitlines()
        os.unlink(path)
        return lines

    def test_hooks(self):
        if self.mode != "system":
            self.out.skip("session: hooks", "scripts are the system daemon's")
            return
        with self.daemon() as daemon:
            self.place = self.hook_folder(daemon)
            daemon.start()
            xml, _ = plain.chain_domain(daemon, "hooked", 2)
            self.hooks_in_order(daemon, daemon.connect().defineXML(xml))
            domain = daemon.connect().lookupByName("hooked")
            self.hooks_refuse(domain)
            self.hooks_wait(daemon, domain)

    def flag(self, name):
        return os.path.join(self.place, name)

    def hook_ids(self, op):
        return ElementTree.parse(self.flag("input." + op)).getroot().get("id")

    def hooks_in_order(self, daemon, domain):
        domain.createWithFlags(PAUSED)
        number = str(domain.ID())
        self.equal(self.calls(self.place), ["hooked prepare begin -", "hooked start begin -", "hooked started begin -"],
                   "a start calls prepare, start and started")
        self.equal([self.hook_ids(op) for op in ("prepare", "start", "started")], [number] * 3,
                   "with the live definition")
        open(self.flag("fail.reconnect"), "w").close()
        daemon.restart()
        domain = daemon.connect().lookupByName("hooked")
        jobs.wait_for(lambda: os.path.exists(self.flag("calls")), 10)
        self.equal(self.calls(self.place), ["hooked reconnect begin -"], "a new daemon calls reconnect")
        self.ok(domain.isActive(), "whose failure does no harm to a running domain")
        open(self.flag("fail.stopped"), "w").close()
        domain.destroy()
        self.equal(self.calls(self.place), ["hooked stopped end -", "hooked release end -"],
                   "the end calls stopped and release, whatever they say")
        self.equal([self.hook_ids(op) for op in ("stopped", "release")], [None] * 2, "with a definition without id")
        os.unlink(self.flag("fail.stopped"))

    def hooks_refuse(self, domain):
        for op, before in (("prepare", 1), ("start", 2), ("started", 3)):
            open(self.flag("fail." + op), "w").close()
            self.refused(lambda: domain.createWithFlags(PAUSED), libvirt.VIR_ERR_HOOK_SCRIPT_FAILED,
                         "no, said the script", "a failing %s script stops the start" % op)
            self.equal([x.split()[1] for x in self.calls(self.place)],
                       ["prepare", "start", "started"][:before] + ["stopped", "release"],
                       "after %s failed, stopped and release follow" % op)
            self.ok(not domain.isActive(), "and the domain is off")
            os.unlink(self.flag("fail." + op))

    def hooks_wait(self, daemon, domain):
        """While a script takes its time the domain can be looked at, and be destroyed."""
        open(self.flag("wait.prepare"), "w").close()
        errors = []

        def start():
            try:
                domain.createWithFlags(PAUSED)
            except libvirt.libvirtError as e:
                errors.append(e)
        starter = threading.Thread(target=start, daemon=True)
        starter.start()
        jobs.wait_for(lambda: os.path.exists(self.flag("waits.prepare")), 10)
        begin = time.monotonic()
        domain.state()
        domain.XMLDesc()
        domain.info()
        self.ok(time.monotonic() - begin < 2, "a script that waits does not hold up queries")
        killer = threading.Thread(target=lambda: domain.destroy(), daemon=True)
        killer.start()
        time.sleep(0.5)
        os.unlink(self.flag("wait.prepare"))
        starter.join(20)
        killer.join(20)
        self.ok(not starter.is_alive() and not killer.is_alive(), "the start ends when the script does")
        self.equal([e.get_error_code() for e in errors], [libvirt.VIR_ERR_OPERATION_ABORTED],
                   "destroyed while its script ran, the domain does not start")
        self.ok(not domain.isActive() and not daemon.qemu_pids(), "and no QEMU is there")


TESTS = [name[5:] for name in vars(Test) if name.startswith("test_")]


def main():
    parser = options.parser(__doc__)
    parser.add_argument("names", nargs="*", metavar="TEST", help=" ".join(TESTS))
    args = options.finish(parser.parse_args())
    for name in args.names:
        if name not in TESTS:
            parser.error("no test %s; there are: %s" % (name, " ".join(TESTS)))
    out = Tap("host")
    for mode in options.modes(args, out):
        for name in args.names or TESTS:
            try:
                getattr(Test(out, args, mode), "test_" + name)()
            except DaemonError as e:
                out.ok(False, "the daemon is there", e)
            except Exception:
                out.error("%s: %s" % (mode, name))
    return out.done()


if __name__ == "__main__":
    sys.exit(main())
