#!/usr/bin/python3
"""The first promise: a Linux guest writes while its disk's chain of three is merged into the base, and every block
it was told is safe is in the base afterwards.

Once with a qcow2 base and once with a raw one, through virsh, on a private qemu:///system.
"""

import os
import sys

import options
from daemon import Daemon, DaemonError
from guest import Guest, GuestError, Ring, SerialLog, check_image
from images import consistent, make_chain
from jobs import chain, mirror, wait_off, wait_ready
from tap import Tap


def virsh(out, daemon, what, *args):
    code, text = daemon.virsh(*args)
    return out.ok(code == 0, "%s: virsh %s" % (what, " ".join(args[:1])), text + daemon.log_tail(15))


def verify_in_guest(out, daemon, conn, guest, base, base_format, ring, acked, what):
    """Starts a guest on the base alone, lets it read all blocks."""
    serial = daemon.path("img", "verify-%s.log" % base_format)
    domain = conn.createXML(guest.xml(daemon, "verify-" + base_format, [("vda", base, base_format, "<backingStore/>")],
                                      serial, dict(ring.options(), mode="verify")), 0)
    log = SerialLog(serial)
    found = log.wait_line(r"^V vda (\d+) (\d+) (\d+) (\d+) (\d+)$")
    if out.ok(found, "%s: a guest started from the base reads it" % what, lambda: "\n".join(log.lines()[-20:])):
        slots, valid, zero, bad, highest = (int(x) for x in found.groups())
        wanted = len(ring.expected(acked))
        out.ok(bad == 0 and valid >= wanted and valid + zero == slots and highest >= acked,
               "%s: and finds every block" % what,
               "slots %d valid %d (wanted %d) zero %d bad %d highest %d (acknowledged %d)" %
               (slots, valid, wanted, zero, bad, highest, acked))
    if not wait_off_quietly(domain):
        domain.destroy()


def wait_off_quietly(domain):
    import libvirt
    try:
        return wait_off(domain, 10)
    except libvirt.libvirtError:
        return True               # transient: gone


def run_variant(out, daemon, guest, base_format):
    what = base_format + " base"
    conn = daemon.connect()
    name = "milestone-" + base_format
    folder = daemon.path("img", base_format)
    os.makedirs(folder)
    os.chmod(folder, 0o711)
    base, middle, top = make_chain(folder, ["base." + base_format, "middle.qcow2", "top.qcow2"],
                                   base_format=base_format)
    daemon.own(folder, base, middle, top)
    ring = Ring(blocks=128, stride=37)
    serial = os.path.join(folder, "serial.log")
    log = SerialLog(serial)
    xml = guest.xml(daemon, name, [("vda", top, "qcow2", "")], serial, dict(ring.options(), rate=200))
    xml_file = os.path.join(folder, "domain.xml")
    with open(xml_file, "w") as f:
        f.write(xml)

    if not virsh(out, daemon, what, "define", xml_file) or not virsh(out, daemon, what, "start", name):
        return
    domain = conn.lookupByName(name)
    out.equal(chain(domain.XMLDesc(0), "vda")[0], [top, middle, base], what + ": the live XML shows the chain of 3")
    if not out.ok(log.wait_ack(100, timeout=90), what + ": the guest writes", lambda: "\n".join(log.lines()[-20:])):
        return
    if not virsh(out, daemon, what, "blockcommit", name, "vda", "--active"):
        return
    out.ok(wait_ready(domain, "vda"), what + ": the commit reaches READY", daemon.log_tail)
    out.ok(log.wait_more(100), what + ": the guest goes on writing")
    if not virsh(out, daemon, what, "blockjob", name, "vda", "--pivot"):
        return
    live, persistent = domain.XMLDesc(0), domain.XMLDesc(2)
    out.equal((chain(live, "vda")[0], mirror(live, "vda")), ([base], None), what + ": the live XML names the base only")
    out.equal(chain(persistent, "vda")[0], [base], what + ": and so does the persistent definition")
    at_pivot = log.acked()
    out.ok(log.wait_more(200), what + ": the guest goes on writing after the pivot")
    virsh(out, daemon, what, "destroy", name)
    acked = log.acked()
    out.equal(log.errors(), [], what + ": the guest saw no I/O error")
    out.diag("%s: %d blocks acknowledged at the pivot, %d at the end, longest %.1f ms" %
             (what, at_pivot, acked, log.longest_us() / 1000))
    out.equal(consistent(base, base_format), "", what + ": the base's structure is sound")
    problems = check_image(base, ring, acked, base_format)
    out.ok(not problems, what + ": every acknowledged block is in the base", "\n".join(problems[:20]))
    out.ok(acked > at_pivot > 200, what + ": there was something to lose")
    verify_in_guest(out, daemon, conn, guest, base, base_format, ring, acked, what)
    virsh(out, daemon, what, "undefine", name)


def main():
    args = options.finish(options.parser(__doc__).parse_args())
    out = Tap("milestone")
    for mode in options.modes(args, out, wanted=("system",)):
        try:
            guest = Guest(args.guest_cache, out.diag)
            with Daemon(mode, args.driver, args.build, kvm=guest.accel == "kvm") as daemon:
                daemon.start()
                out.diag("driver %s, qemu:///%s, guest under %s" % (args.driver, mode, guest.accel_for(daemon)))
                out.equal(daemon.loaded_module(), os.path.join(daemon.driver_dir, "libvirt_driver_qemu.so"),
                          "libvirtd has the module that was asked for")
                for base_format in ("qcow2", "raw"):
                    try:
                        run_variant(out, daemon, guest, base_format)
                    except Exception:
                        out.error(base_format + " base")
                        out.diag(daemon.log_tail())
        except (DaemonError, GuestError) as e:
            out.ok(False, "the daemon and the guest are there", e)
    return out.done()


if __name__ == "__main__":
    sys.exit(main())
