#!/usr/bin/python3
"""Internal snapshots of guests that run, with their memory: made and deleted; under a guest that writes, with QEMUs and
daemons that die."""

import os
import signal
import sys

import libvirt

import jobs
import plain
import suite
from guest import Guest, read_image
from images import info, qemu_img, qemu_io
from undo import INACTIVE, METADATA, OFF, PAUSED, RUNNING, START_PAUSED, Undo, UndoDaemon
from writes import Run

HALT = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_HALT
NO_METADATA = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA
SNAPSHOT = "<domainsnapshot><name>%s</name></domainsnapshot>"


class Inside(Undo):
    def inner(self, target="vda"):
        """The names of internal snapshots in the disk's image."""
        return [s["name"] for s in info(self.paths[target][-1]).get("snapshots", [])]

    def create(self, name, flags=0):
        return self.domain.snapshotCreateXML(SNAPSHOT % name, flags)

    def everywhere(self):
        return [self.inner(t) for t in self.paths]

    # --- made ---------------------------------------------------------------------------------------------------------

    def test_made(self):
        """08/S1, S2.17: state, memory and images as the stock driver has them."""
        self.made("insidemade", 1, ("vda", "vdb"))
        self.domain.resume()
        self.events.wait(lambda e: e[:3] == (self.name, "lifecycle", 4), 20)
        since = self.events.mark()
        i1 = self.create("i1")
        self.told(since, [(3, 0), (4, 0)], "the guest stands still meanwhile")
        self.equal(self.domain.state()[0], RUNNING, "and goes on")
        xml = i1.getXMLDesc()
        self.ok("<state>running</state>" in xml and "<memory snapshot='internal'/>" in xml and
                xml.count("snapshot='internal'/>") == 3, "what the metadata say", xml)
        sizes = [info(paths[0])["snapshots"][0]["vm-state-size"] for paths in self.paths.values()]
        self.ok(sizes[0] > 0 and sizes[1] == 0, "the memory is in the first disk", sizes)
        self.domain.suspend()
        self.ok("<state>paused</state>" in self.create("i2").getXMLDesc(), "of a guest that stands still")
        self.equal(self.domain.state()[0], PAUSED, "which stays so")
        self.create("1", NO_METADATA)
        self.equal((self.tree(), self.everywhere()), (({"i1": None, "i2": "i1"}, "i2"), [["i1", "i2", "1"]] * 2),
                   "NO_METADATA (08/S2.26)")
        self.delete("i1")
        self.equal((self.tree(), self.everywhere()), (({"i2": None}, "i2"), [["i2", "1"]] * 2), "deleted while it runs")
        self.create("i3", HALT)
        self.equal(self.domain.state()[0], OFF, "HALT")
        self.delete("i3")
        self.delete("i2")
        self.equal((self.tree(), self.everywhere()), (({}, None), [["1"]] * 2), "deleted when it is off")
        self.gone()

    def test_refused(self):
        """Nothing has changed."""
        unsupported, config = libvirt.VIR_ERR_OPERATION_UNSUPPORTED, libvirt.VIR_ERR_CONFIG_UNSUPPORTED
        self.made("insiderefused", 1, ("vda", "vdb"), run=False)
        raw = self.paths["vdb"][0] + ".raw"
        qemu_img("create", "-q", "-f", "raw", raw, "1M")
        self.daemon.own(raw)
        self.conn.defineXML(self.xml(0).replace("</devices>", plain.disk("vdc", raw, "raw") + "</devices>"))
        self.domain.createWithFlags(START_PAUSED)
        self.refused(lambda: self.create("i1"), config,
                     "internal snapshot for disk vdc unsupported for storage type raw", "an image that is raw")
        self.refused(lambda: self.domain.snapshotCreateXML(
            "<domainsnapshot><disks><disk name='vdc' snapshot='no'/></disks></domainsnapshot>"), config,
            "must use snapshot mode 'internal'", "a disk that is left out (08/S2.13)")
        self.domain.destroy()
        self.domain = self.conn.defineXML(self.xml(0))
        self.domain.createWithFlags(START_PAUSED)
        qemu_img("snapshot", "-U", "-l", self.paths["vdb"][0])
        self.create("other", NO_METADATA)
        self.refused(lambda: self.create("other"), unsupported, "has an internal snapshot 'other' already",
                     "a name twice: what is there is not overwritten")
        if self.daemon.can_fail():
            self.domain.resume()
            self.failing()
        self.equal((self.tree(), self.everywhere()), (({}, None), [["other"]] * 2), "nothing else is there")
        self.gone()

    def failing(self):
        for point, what in (("moment-switch", "QEMU is not asked"), ("save-sync:1", "the status file"),
                            ("save-sync:2", "the metadata")):
            self.daemon.fail(point if ":" in point else point + ":1")
            try:
                self.create("i1")
                self.ok(False, what + ": it has not failed")
            except libvirt.libvirtError as e:
                self.ok(True, "%s: %s" % (what, e))
            self.daemon.fail(None)
            self.ok(jobs.wait_for(lambda: self.domain.state()[0] == RUNNING, 10), what + ": the guest goes on")
            self.ok(jobs.wait_for(lambda: "qbj:inside" not in self.daemon.status_xml(self.name), 10),
                    what + ": no record is left")
        self.create("i1")
        self.delete("i1")

    def test_writing(self):
        """A guest that writes on two disks keeps what it was told is safe."""
        run = Run(self.out, self.daemon, Guest(self.guest.cache), "insidewriting", ["vda", "vdb"])
        self.name, self.domain = run.name, run.domain
        self.paths = {target: disk.paths for target, disk in run.disks.items()}
        for name in ("w1", "w2", "w3"):
            run.writing("before " + name)
            self.create(name)
        run.writing("after all of them")
        self.delete("w2")
        run.writing("after one was deleted")
        self.equal(self.everywhere(), [["w1", "w3"]] * 2, "writing: the others are there")
        for name in ("w1", "w3"):
            self.delete(name)
        run.finish({t: run.chain(t) for t in run.disks})

    # --- a daemon that dies -------------------------------------------------------------------------------------------

    def dies_inside(self, n, kill):
        """The daemon dies at that step of a creation, and QEMU then, too: made or not; False: it did not come to it."""
        self.made("insidedies-%d-%d" % (n, kill), 1, ("vda", "vdb"))
        self.domain.resume()
        self.daemon.die_at("-", n)
        try:
            self.create("i1")
        except libvirt.libvirtError:
            pass
        step = self.daemon.died(timeout=0.5 if self.daemon.alive() else 20)
        what = "a snapshot, dies at %d%s: %s" % (n, " with QEMU" if kill else "", step)
        if step is not None:
            if kill:
                os.kill(self.daemon.qemu_pid(self.name), signal.SIGKILL)
            self.again()
            settled = OFF if kill else RUNNING
            self.ok(jobs.wait_for(lambda: self.domain.state()[0] == settled, 20), what + ": the guest runs, or is off")
            if not kill:
                self.ok(jobs.wait_for(lambda: "qbj:inside" not in self.daemon.status_xml(self.name), 20),
                        what + ": it is settled")
        made = bool(self.tree()[0])
        self.equal(self.everywhere(), [["i1"] if made else []] * 2, what + ": in all images, or in none")
        if not made:
            self.create("i1")
        self.delete("i1")
        self.equal((self.everywhere(), self.tree()), ([[], []], ({}, None)), what + ": made and deleted")
        self.gone()
        return step is not None

    def creations(self, steps, kills):
        for kill, numbers in ((False, steps), (True, kills)):
            for n in numbers:
                if not self.dies_inside(n, kill):
                    break

    def test_dies(self):
        self.creations((8, 14, 19, 26), (14, 19))

    def test_sweep(self):
        """Each step."""
        self.creations(range(100), range(100))


# takes minutes: by its name only
BY_NAME = ["sweep"]


def run(out, args, mode):
    names = args.names if args.chosen else [name for name in args.names if name not in BY_NAME]
    if args.driver == "stock":
        return out.skip(mode, "the stock driver is asked beside ours")
    suite.run_with_daemon(out, args, mode, Inside, names, UndoDaemon)


if __name__ == "__main__":
    sys.exit(suite.main("inside", __doc__, Inside, run, modes=("system",)))
