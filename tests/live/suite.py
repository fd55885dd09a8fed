"""A program that is one class of tests: its command line, the modes, and what a test that fails leaves behind.

The class Test has methods test_NAME; NAMEs on the command line run only these. Those in Test.BY_NAME, which take long,
run only then, or when a mode is named."""

import threading

import libvirt

import options
from daemon import Daemon, DaemonError
from guest import Guest, GuestError
from tap import Tap


def code(function, *args):
    """Number of the error of a call, 0: it succeeded."""
    try:
        function(*args)
    except libvirt.libvirtError as e:
        return e.get_error_code()
    return 0


class Waiting(threading.Thread):
    """Somebody who waits for a call."""

    def __init__(self, call):
        super().__init__()
        self.call, self.value = call, None
        self.start()

    def run(self):
        self.value = self.call()

    def end(self):
        self.join(60)
        return self.value


class Checks:
    """What a Test checks with; it has set self.out and self.mode."""

    def ok(self, condition, what, detail=None):
        return self.out.ok(condition, "%s: %s" % (self.mode, what), detail)

    def equal(self, got, wanted, what, **more):
        return self.ok(got == wanted, what, "got:    %r\nwanted: %r" % (got, wanted), **more)

    def refused(self, function, code, words, what):
        """The call fails with that code, and its text has the words."""
        try:
            function()
        except libvirt.libvirtError as e:
            return self.ok(e.get_error_code() == code and words in str(e), what, "%d: %s" % (e.get_error_code(), e))
        return self.ok(False, what, "it was not refused")


class DaemonChecks(Checks):
    """Tests that share one daemon; a check that fails shows the end of its log."""

    def __init__(self, out, daemon, guest):
        self.out, self.daemon, self.guest = out, daemon, guest
        self.mode, self.stock = daemon.mode, daemon.driver == "stock"
        self.connect()

    def connect(self):
        self.conn = self.daemon.connect()

    def ok(self, condition, what, detail=None, known=None):
        """@known: why the stock driver fails here."""
        return self.out.ok(condition, "%s: %s" % (self.mode, what), detail or self.daemon.log_tail,
                           known if self.stock else None)


def names(test):
    return [name[5:] for name in vars(test) if name.startswith("test_")]


def main(program, text, test, run=None, modes=("system", "session"), kind=Daemon, ours=None):
    """Calls @run(out, args, mode) in each mode; args.names: the tests to run, args.chosen: the caller named them or the
    mode. Without @run: with one daemon of @kind; @ours says why the stock driver is not tried. Returns the exit
    code."""
    known = names(test)
    parser = options.parser(text)
    parser.add_argument("names", nargs="*", metavar="TEST", help=" ".join(known))
    args = options.finish(parser.parse_args())
    for name in args.names:
        if name not in known:
            parser.error("no test %s; there are: %s" % (name, " ".join(known)))
    args.chosen = bool(args.mode or args.names)
    args.names = args.names or [name for name in known if args.chosen or name not in getattr(test, "BY_NAME", ())]
    out = Tap(program)
    for mode in options.modes(args, out, modes):
        try:
            if run:
                run(out, args, mode)
            elif ours and args.driver == "stock":
                out.skip(mode, ours)
            else:
                run_with_daemon(out, args, mode, test, args.names, kind)
        except (DaemonError, GuestError) as e:
            out.ok(False, "%s: the daemon and the guest are there" % mode, e)
    return out.done()


def run_with_daemon(out, args, mode, test, names, kind=Daemon):
    """Runs @names of the class @test with one daemon and one guest; after a failure the next test finds a daemon."""
    guest = Guest(args.guest_cache, out.diag)
    with kind(mode, args.driver, args.build, kvm=guest.accel == "kvm") as daemon:
        daemon.start()
        out.diag("driver %s, qemu:///%s, guest under %s" % (args.driver, mode, guest.accel_for(daemon)))
        tests = test(out, daemon, guest)
        for name in names:
            try:
                getattr(tests, "test_" + name)()
            except Exception:
                out.error("%s: %s" % (mode, name))
                out.diag(daemon.log_tail())
                if not daemon.alive():
                    daemon.arguments = []
                    daemon.start()
                tests.connect()
