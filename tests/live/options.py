"""What every live test program takes on its command line."""

import argparse
import os
import signal
import sys

import tap

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def parser(text):
    p = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--driver", default="ours", help="stock, ours, a LIBVIRT_DRIVER_DIR folder, or a module file")
    p.add_argument("--mode", choices=["system", "session"], help="only this mode (default: all that the test has)")
    p.add_argument("--build", default=os.path.join(ROOT, "build"), help="build folder; the guest is kept there too")
    p.add_argument("--timeout", type=int, default=600, help="seconds for the whole program")
    return p


def finish(args):
    """Makes a program that hangs end as a failed test, and Ctrl-C run the clean-up."""
    args.build = os.path.abspath(args.build)
    args.guest_cache = os.environ.get("QBJ_GUEST_CACHE") or os.path.join(args.build, "guest")

    def on_alarm(*_):
        print("Bail out! not finished after %d s" % args.timeout, flush=True)
        raise SystemExit(1)

    signal.signal(signal.SIGALRM, on_alarm)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if args.timeout:
        signal.alarm(args.timeout)
    return args


def modes(args, out, wanted=("system", "session")):
    """The modes to run in; one that cannot be run is reported as skipped."""
    for mode in ([args.mode] if args.mode else wanted):
        if mode == "system" and not tap.is_root():
            out.skip("qemu:///system", "needs root; run it with sudo")
        else:
            yield mode
