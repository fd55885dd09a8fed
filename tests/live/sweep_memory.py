"""Cells of sweep.py about what the guest's memory is in: snapshots with it in a file or within an image, reverts to
them, and dumps."""

import os
import re
import struct

import libvirt
import libvirt_qemu

import jobs
from images import qemu_img, qemu_io
from jobtest import INACTIVE
from sweep_moment import RUNNING, Moment, MomentCell, delete, overlaid, revert
from sweep_operations import LAYERS, MIB
from sweep_traces import quiet

MEMORY = "memory"         # the file
LATER, BYTE = 12 * MIB, 85        # where and what is written after a snapshot
WRITE = "write -P %d %d 64k" % (BYTE, LATER)
SNAPSHOT = "<domainsnapshot><name>%s</name></domainsnapshot>"


def is_saved(path):
    """Whether it is the memory of a snapshot, and all of it."""
    with open(path, "rb") as f:
        return f.read(16) == b"LibvirtQemudSave"


def is_dumped(path):
    """The same of a dump: all that the head of an ELF file speaks of is there, and a stream has its last part."""
    with open(path, "rb") as f:
        data = f.read()
    if data[:4] == b"QEVM":
        return data.rstrip(b"\0").endswith(b"}")
    if data[:4] != b"\x7fELF":
        return False
    begin, = struct.unpack_from("<Q", data, 32)
    size, n = struct.unpack_from("<HH", data, 54)
    return all(sum(struct.unpack_from("<Q24xQ", data, begin + i * size + 8)[k] for k in (0, 1)) <= len(data)
               for i in range(n))


class Memory(Moment):
    """@whole(path): whether a file with the memory is complete. @written: something is on the disk that the moment gone
    back to had not."""

    def __init__(self, *args, whole=is_saved, written=False, **more):
        super().__init__(*args, **more)
        self.whole, self.written = whole, written


class MemoryCell(MomentCell):
    def held(self):
        """In which image or file there is memory, of which snapshot. What a revert has kept may go a little later."""
        if self.lives():
            jobs.wait_for(lambda: not any(name.startswith("qbj-") for name in self.inside()), quiet(self.daemon))
        return tuple(("image", name) for name in self.inside()) + self.held_outside(self.file(MEMORY))

    def inside(self):
        listed = qemu_img("snapshot", "-U", "-l", self.images(INACTIVE)["vda"][0]).split("\n")
        return [line.split()[1] for line in listed if re.match("[1-9]", line)]

    def held_outside(self, path):
        if not os.path.exists(path) or self.stays():
            return ()
        return (("file", "s" if self.operation.whole(path) else "half"),)

    def stays(self):
        """Its removal has failed: it is left."""
        return (self.came or "").startswith("unlink") and self.refused() == MEMORY

    def once_more(self, what):
        if self.lives() and not self.writing:
            self.domain.resume()                # QEMU writes the state of one that stands still only once
            self.domain.suspend()
        super().once_more(what)

    def write(self):
        if not self.lives():
            return qemu_io(self.paths[-1], "qcow2", WRITE)
        line = 'qemu-io -d /machine/peripheral/virtio-disk0/virtio-backend "%s"' % WRITE
        return libvirt_qemu.qemuMonitorCommand(self.domain, line, libvirt_qemu.VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP)

    def data(self, path):
        super().data(path)
        if not self.operation.written or self.found:
            return
        with open(self.file("raw"), "rb") as f:
            f.seek(LATER)
            if (f.read(1)[0] == BYTE) == self.is_back():
                self.wrong("lost", "the disk does not hold the moment that is current")


# --- the operations --------------------------------------------------------------------------------------------

def remembered(flags=0):
    return lambda cell: cell.domain.snapshotCreateXML(
        "<domainsnapshot><name>s</name><memory snapshot='external' file='%s'/></domainsnapshot>" % cell.file(MEMORY),
        flags)


def remembered_made(state):
    return overlaid(state)._replace(held=(("file", "s"),))


def remembered_deleted(state):
    disks = {t: chain[1:] if t.startswith("vd") else chain for t, chain in state.disks.items()}
    return state._replace(disks=disks, snapshots=(), current=None, held=())


def remembered_again(state):
    """The overlay that the snapshot has made gives way to another one."""
    return overlaid(state._replace(disks={t: chain[1:] if t.startswith("vd") else chain for t, chain in
                                          state.disks.items()}, snapshots=()))


def inside(cell):
    cell.domain.snapshotCreateXML(SNAPSHOT % "s")


def inside_made(state):
    return state._replace(snapshots=(*state.snapshots, "s"), current="s", held=(("image", "s"),))


def inside_deleted(state):
    return state._replace(snapshots=(), current=None, held=())


def inside_twice(cell):
    inside(cell)
    cell.write()
    cell.domain.snapshotCreateXML(SNAPSHOT % "t")


def inside_again(state):
    return state._replace(current="s")


def dump(flags):
    return lambda cell: cell.domain.coreDump(cell.file(MEMORY), flags)


def dumped(state):
    return state._replace(held=(("file", "s"),))


ONLY = libvirt.VIR_DUMP_MEMORY_ONLY
OPERATIONS = {
    "snapshot-memory": Memory(remembered(), remembered_made, 60),
    "snapshot-live": Memory(remembered(libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_LIVE), remembered_made, 60),
    "delete-memory": Memory(delete("s"), remembered_deleted, 32, before=remembered()),
    "revert-memory": Memory(revert(RUNNING, "s"), remembered_again, 45, before=remembered(), layer=LAYERS, ends=True),
    "snapshot-inside": Memory(inside, inside_made, 28),
    "delete-inside": Memory(delete("s"), inside_deleted, 13, before=inside),
    "revert-inside": Memory(revert(RUNNING, "s"), inside_again, 45, before=inside_twice, layer=LAYERS, ends=True,
                            written=True),
    "revert-inside-off": Memory(revert(0, "s"), inside_again, 25, before=inside_twice, layer=LAYERS, off=True,
                                written=True),
    "dump": Memory(dump(0), dumped, 20, whole=is_dumped),
    "dump-live": Memory(dump(libvirt.VIR_DUMP_LIVE), dumped, 20, whole=is_dumped),
    "dump-only": Memory(dump(ONLY), dumped, 16, whole=is_dumped),
}
MEMORIES = {name: (MemoryCell, operation) for name, operation in OPERATIONS.items()}
