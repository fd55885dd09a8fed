#!/usr/bin/python3
"""One daemon ends and another one starts on the same folders, with the other driver: from the stock driver to ours,
with jobs in every phase under a writing guest, and back, when no job is left.
"""

import json
import os
import re
import sys

import libvirt

import jobs
import options
import plain
from copies import Copies, quietly
from crashpoint import CrashDaemon
from daemon import DaemonError, make_driver_dir, our_module, stock_driver_dir
from guest import Guest, GuestError
from images import info, qemu_img, qemu_io
from jobtest import ACTIVE, PIVOT
from tap import Tap
from writes import BYTES

SHALLOW, REUSE = libvirt.VIR_DOMAIN_BLOCK_COPY_SHALLOW, libvirt.VIR_DOMAIN_BLOCK_COPY_REUSE_EXT
SLOW = 1000


class TwoDrivers(CrashDaemon):
    """Starts with the stock driver; which one the next start loads is set by use()."""

    def __init__(self, mode, build, **kwargs):
        super().__init__(mode, "stock", **kwargs)
        self.folders = {"stock": stock_driver_dir(), "ours": self.path("drv-ours")}
        make_driver_dir(self.folders["ours"], our_module(build))

    def use(self, driver):
        self.driver_dir = self.folders[driver]

    def change(self, driver):
        """Has a daemon with this driver run, whichever ran before, if any."""
        if self.pid and self.alive():
            self.stop()
        self.use(driver)
        self.start()


class Handed(Copies):
    """One guest whose daemon changes."""

    def changed(self, xml):
        """Disks vdf have a copy-on-read filter."""
        return re.sub(r"<driver ([^<]*<source [^<]*(<[^t][^<]*)?<target dev='vdf')", r"<driver copy_on_read='on' \1",
                      xml)

    def hand_over(self, driver):
        self.daemon.use(driver)
        self.come_back()
        self.equal(os.path.dirname(self.daemon.loaded_module()), self.daemon.driver_dir, "the driver is " + driver)
        self.ok(jobs.wait_for(lambda: self.domain.controlInfo()[0] == 0, 30), "%s talks to QEMU" % driver)

    def node(self, target, path):
        """The node of an image of this disk's chain."""
        indexes = dict(zip(jobs.chain(self.domain.XMLDesc(0), target)[0], jobs.indexes(self.domain.XMLDesc(0), target)))
        return "libvirt-%s-format" % indexes[path]

    def monitor_command(self, command, **arguments):
        """To QEMU, past the daemon's knowledge."""
        text = json.dumps({"execute": command, "arguments": arguments})
        answer = json.loads(self.daemon.virsh("qemu-monitor-command", self.name, text)[1])
        self.ok("return" in answer, "%s is carried out" % command, str(answer))

    def dies(self, word, target, flags):
        """The daemon, when it has sent a command to end a job."""
        self.daemon.die_at(word, 0)
        quietly(self.domain.blockJobAbort, target, flags)
        self.ok(self.daemon.died(), "the daemon dies when it has sent %s for %s" % (word, target))
        self.writing("without a daemon")

    def back(self, *targets):
        """To the stock driver, which can do again what it does with these disks."""
        self.ok(self.daemon.stop() is not None, "our daemon ends")
        self.hand_over("stock")
        self.writing("with the stock driver again")


def run_jobs(out, daemon, guest):
    """The stock daemon dies in the pivot of a copy, with other jobs in other phases; ours ends them all."""
    run = Handed(out, daemon, guest, "jobs", ["vd" + letter for letter in "abcdefgh"])
    d, dom = run.disks, run.domain
    run.writing("at the start")
    to = {t: run.target(t) for t in ("vde", "vdf", "vdg", "vdh")}
    dom.blockCommit("vda", None, None, 0, ACTIVE)
    dom.blockCommit("vdb", None, None, SLOW, ACTIVE | BYTES)
    dom.blockCommit("vdc", d["vdc"].base, d["vdc"].middle, SLOW, BYTES)
    dom.blockPull("vdd", SLOW, libvirt.VIR_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES)
    run.copy("vde", to["vde"], "qcow2")
    run.copy("vdf", to["vdf"], None, {}, SHALLOW)
    run.copy("vdg", to["vdg"], "raw", {"bandwidth": SLOW})
    run.copy("vdh", to["vdh"], "qcow2")
    for target in ("vda", "vde", "vdf", "vdh"):
        run.ready(target)
    run.writing("while the stock driver has them")
    run.dies("job-complete", "vdh", PIVOT)

    run.hand_over("ours")
    dom = run.domain
    run.gone("vdh")
    run.equal([dom.blockJobInfo("vd" + t, 0).get("type") for t in "abcdefg"], [4, 4, 3, 1, 2, 2, 2],
              "the jobs are known")
    run.writing("after the take-over")
    for target in ("vdc", "vdd", "vdg"):
        dom.blockJobSetSpeed(target, 0, 0)
    for target in ("vdc", "vdd"):
        run.gone(target)
        run.event(target, "completed")
    run.ready("vdg")
    run.pivoted("vda", "vde", "vdf")
    run.ended("vdb", "vdg")
    run.writing("after the jobs")
    run.back("vda", "vde")
    run.finish({"vda": [d["vda"].base], "vdb": d["vdb"].paths[::-1], "vdc": [d["vdc"].top, d["vdc"].base],
                "vdd": [d["vdd"].top], "vde": [to["vde"]], "vdf": [to["vdf"], d["vdf"].middle, d["vdf"].base],
                "vdg": d["vdg"].paths[::-1], "vdh": [to["vdh"]]})


def run_ends(out, daemon, guest):
    """The stock daemon dies in other ends, and with images that have dirty bitmaps; a shallow copy into an image that
    was there; a disk with a copy-on-read filter."""
    run = Handed(out, daemon, guest, "ends", ["vd" + letter for letter in "abcdef"])
    d, dom = run.disks, run.domain
    run.writing("at the start")
    to = {t: run.target(t) for t in ("vdb", "vdc", "vdf")}
    qemu_img("create", "-q", "-f", "qcow2", "-b", d["vdb"].middle, "-F", "qcow2", to["vdb"])
    daemon.own(to["vdb"])
    run.copy("vdb", to["vdb"], "qcow2", {}, SHALLOW | REUSE)
    run.copy("vdc", to["vdc"], "qcow2")
    run.copy("vdf", to["vdf"], "qcow2")
    dom.blockCommit("vda", None, None, 0, ACTIVE)
    dom.blockCommit("vde", d["vde"].base, d["vde"].middle, SLOW, BYTES)
    for target in ("vda", "vdb", "vdc", "vdf"):
        run.ready(target)
    run.dies("block-job-cancel", "vda", 0)

    run.hand_over("ours")
    dom = run.domain
    run.gone("vda")
    run.equal(run.chain("vda"), d["vda"].paths[::-1], "what was aborted is not taken for a pivot")
    run.monitor_command("block-dirty-bitmap-add", node=run.node("vde", d["vde"].middle), name="b", persistent=True)
    dom.blockJobSetSpeed("vde", 0, 0)
    run.gone("vde")
    run.pivoted("vdb", "vdf")
    run.equal(jobs.disk_element(dom.XMLDesc(0), "vdf").find("driver").get("copy_on_read"), "off",
              "the filter of vdf has gone with the pivot of the stock driver's copy")
    run.ended("vdc")
    run.writing("after the jobs")
    run.copy("vdf", to["vdf"] + ".2", "qcow2")
    run.ready("vdf")
    run.pivoted("vdf")
    run.back()
    run.finish({"vda": d["vda"].paths[::-1], "vdb": [to["vdb"], d["vdb"].middle, d["vdb"].base],
                "vdc": d["vdc"].paths[::-1], "vdd": d["vdd"].paths[::-1], "vde": [d["vde"].top, d["vde"].base],
                "vdf": [to["vdf"] + ".2"]})
    bitmaps = info(d["vde"].base)["format-specific"]["data"].get("bitmaps", [])
    run.equal([b["name"] for b in bitmaps], ["b"], "vde: the base has the bitmap of the image that was committed")


def run_foreign(out, daemon, _guest):
    """The stock daemon ends while it makes a backup: ours leaves that VM alone, and it goes on when the stock daemon is
    back."""
    xml, paths = plain.chain_domain(daemon, "foreign", 2, lambda _, path, fmt: qemu_io(path, fmt, "write 0 32M"))
    conn = daemon.connect()
    conn.defineXML(xml).create()
    os.chmod(os.path.dirname(paths[0]), 0o777)          # QEMU makes the socket
    socket, scratch = paths[0] + ".socket", paths[0] + ".scratch"
    conn.lookupByName("foreign").backupBegin(
        "<domainbackup mode='pull'><server transport='unix' socket='%s'/><disks>"
        "<disk name='vda' backup='yes' type='file'><scratch file='%s'/></disk></disks></domainbackup>" %
        (socket, scratch), None)
    pid, kept = daemon.qemu_pid("foreign"), None
    for driver in ("ours", "stock"):
        daemon.change(driver)
        domain = daemon.connect().lookupByName("foreign")
        out.ok(jobs.wait_for(domain.isActive, 20) and daemon.qemu_pid("foreign") == pid,
               "foreign: it runs under %s" % driver)
        if driver == "stock":
            break
        kept = daemon.status_xml("foreign")
        reason = "another driver has begun an operation that this one does not have: backup"
        out.equal(domain.messages(), ["left alone: " + reason], "foreign: a message says why it is left alone")
        try:
            domain.suspend()
            out.ok(False, "foreign: it is not suspended")
        except libvirt.libvirtError as e:
            out.ok(reason in str(e), "foreign: calls are refused with the reason", str(e))
        out.equal(daemon.status_xml("foreign"), kept, "foreign: its file is as it was")
    out.ok(jobs.wait_for(lambda: domain.jobInfo()[0] != 0, 20), "foreign: the stock driver knows the backup")
    domain.abortJob()
    out.ok(jobs.wait_for(lambda: domain.jobInfo()[0] == 0, 60), "foreign: and can end it")
    domain.blockPull("vda", 0)
    out.ok(jobs.wait_gone(domain, "vda"), "foreign: and run other jobs on the disk")
    domain.destroy()
    domain.undefine()


def main():
    cases = {case.__name__[4:]: case for case in (run_foreign, run_jobs, run_ends)}
    parser = options.parser(__doc__)
    parser.add_argument("names", nargs="*", metavar="CASE", help=" ".join(cases))
    args = options.finish(parser.parse_args())
    out = Tap("takeover")
    for mode in options.modes(args, out, ("system",)):
        try:
            guest = Guest(args.guest_cache, out.diag)
            with TwoDrivers(mode, args.build, kvm=guest.accel == "kvm") as daemon:
                for case in [cases[name] for name in args.names or cases]:
                    daemon.change("stock")
                    try:
                        case(out, daemon, guest)
                    except Exception:       # pylint: disable=broad-except
                        out.error(case.__name__)
                        out.diag(daemon.log_tail())
        except (DaemonError, GuestError) as e:
            out.ok(False, "%s: the daemon and the guest are there" % mode, e)
    return out.done()


if __name__ == "__main__":
    sys.exit(main())
