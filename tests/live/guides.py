#!/usr/bin/python3
"""The lines that the manual tells its readers to type, taken from the pages and typed, while a guest writes: what comes
of them is what the page promises."""

import os
import re
import shlex
import subprocess
import sys

import libvirt

import jobs
import plain
import suite
from guest import Ring, SerialLog, check_image
from images import consistent, make_chain
from jobtest import INACTIVE

PAGES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "manual")
RING = Ring(blocks=128, stride=37)


def lines(page, heading=None):
    """What the first literal block of a page, or below a heading, has to be typed."""
    with open(os.path.join(PAGES, page + ".rst"), encoding="utf-8") as f:
        text = f.read()
    text = text.partition("\n%s\n===" % heading)[2] if heading else text
    block = re.search(r"^::\n\n((?:    .*\n|\n)+)", text, re.M).group(1)
    return [line.strip() for line in block.splitlines() if line.strip()]


class Test(suite.DaemonChecks):
    def type(self, line, folders):
        """One line of a shell, without one; @folders: what stands on the page -> what there is here."""
        words = shlex.split(line)
        for name, path in folders.items():
            words = [word.replace(name, path) for word in words]
        if words[0] == "virsh":
            code, text = self.daemon.virsh(*words[1:])
        else:
            done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            code, text = done.returncode, done.stdout
        return self.ok(code == 0, line, text)

    def boot(self, name, path):
        log = SerialLog(os.path.join(os.path.dirname(path), "serial"))
        self.conn.defineXML(self.guest.xml(self.daemon, name, [("vda", path, "qcow2", "")], log.path,
                                           dict(RING.options(), rate=200))).create()
        self.ok(log.wait_ack(100, timeout=90), name + ": the guest writes", log.lines)
        return log

    def test_backup(self):
        """Every write that was acknowledged before the first line is in the copy, every one at all in the guest's
        image; and the guest starts with the copy in its place."""
        folder, store = plain.folder(self.daemon, "guide"), plain.folder(self.daemon, "guide-backup")
        path, copy = os.path.join(folder, "guest.qcow2"), os.path.join(store, "guest.qcow2")
        make_chain(folder, ["guest.qcow2"])
        self.daemon.own(path)
        log = self.boot("guide", path)
        names = {"GUEST": "guide", "/images": folder, "/backup": store}
        snapshot, copied, commit = lines("snapshotbackup")
        before = log.acked()
        self.type(snapshot, names)
        self.ok(log.wait_more(50), "the guest goes on behind the snapshot", log.errors)
        self.type(copied, names)
        self.type(commit, names)
        xml = [self.conn.lookupByName("guide").XMLDesc(flags) for flags in (0, INACTIVE)]
        self.equal([jobs.chain(x, "vda")[0] for x in xml], [[path]] * 2, "the guest is back on its own image")
        self.equal(os.path.exists(os.path.join(folder, "guest.overlay")), False, "the overlay has gone")
        self.equal(consistent(copy, "qcow2"), "", "the copy's structure is sound")
        problems = check_image(copy, RING, before, "qcow2", final=False)
        self.ok(not problems, "the copy holds what was acknowledged before the snapshot", problems)
        self.ok(log.wait_more(50), "the guest goes on behind the pivot", log.errors)
        stop, back, start = lines("snapshotbackup", "Restoring it")
        self.type(stop, names)
        problems = check_image(path, RING, log.acked(), "qcow2")
        self.ok(not problems, "its image holds all that was acknowledged", problems)
        self.type(back, names)
        self.type(start, names)
        again = SerialLog(log.path)
        self.ok(again.wait_more(20), "the restored guest runs and writes", again.lines)
        self.conn.lookupByName("guide").destroy()


    def test_memory(self):
        """The guest goes on behind each line, and, gone back to, from where it was: it does not boot again."""
        folder = plain.folder(self.daemon, "moment")
        path = os.path.join(folder, "guest.qcow2")
        make_chain(folder, ["guest.qcow2"])
        self.daemon.own(path)
        log = self.boot("moment", path)
        names = {"GUEST": "moment", "/images": folder}
        create, live, revert, delete = lines("snapshot", "The memory")
        for line in (create, live):
            self.type(line, names)
            self.ok(log.wait_more(50), "the guest goes on", log.errors)
        self.type(revert, names)
        again = SerialLog(log.path)     # another QEMU, which begins it anew
        self.ok(again.wait_more(20), "the guest runs and writes", again.lines)
        self.ok(int(again.records("A")[0][2]) > 100, "it has gone on from there, and was not booted", again.lines)
        self.type(delete, names)
        left = sorted(name for name in os.listdir(folder) if "memory" in name)
        self.equal(left, ["guest.memory"], "what is left of it: the memory that can be gone back to")
        domain = self.conn.lookupByName("moment")
        domain.destroy()
        domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA)


if __name__ == "__main__":
    sys.exit(suite.main("guides", __doc__, Test, modes=("system",)))
