"""The operations of sweep.py, and the images that they are tried on."""

import os

import libvirt

from copies import destination
from images import make_chain, qemu_img, qemu_io
from jobtest import ACTIVE, PIVOT, TRANSIENT

MIB = 1 << 20
SIZE, DATA, LAYERS = "16M", 4, 4           # the first layer's data begin at that MiB
REUSE = libvirt.VIR_DOMAIN_BLOCK_COPY_REUSE_EXT
DELETE = libvirt.VIR_DOMAIN_BLOCK_COMMIT_DELETE


class Operation:
    """@begin(cell) calls for the job, @new(cell) is the chain that it makes, active first. What is swept: @end None,
    the job from its call to its end; "ready", to where it is in sync; otherwise the call that ends it, with that flag.
    @steps: about how many it has with our driver. @deletes: it removes what the new chain does not need. @makes: its
    target is not there before. @before(cell): a call before it."""
    guests = ("writing guest", "idle guest", "QEMU dies too")

    def __init__(self, begin, new, end, steps, deletes=False, makes=False, before=None):
        self.begin, self.new, self.end, self.steps = begin, new, end, steps
        self.deletes, self.makes, self.before = deletes, makes, before

    @property
    def finishes(self):
        return self.end not in (None, "ready")


def commit(flags):
    return lambda cell: cell.domain.blockCommit("vda", cell.paths[1], None, 0, ACTIVE | flags)


def middle(cell):
    cell.domain.blockCommit("vda", cell.paths[1], cell.paths[2], 0, DELETE)


def pull(base):
    return lambda cell: cell.domain.blockRebase("vda", cell.paths[base] if base is not None else None, 0, 0)


def copy(flags):
    def begin(cell):
        if flags & REUSE and not os.path.exists(cell.target):
            qemu_img("create", "-q", "-f", "qcow2", cell.target, SIZE)
        cell.domain.blockCopy("vda", destination(cell.target, "qcow2"), {}, TRANSIENT | flags)
    return begin


def committed(cell):
    return cell.paths[1::-1]


def shortened(cell):
    return [cell.paths[3], *cell.paths[1::-1]]


def copied(cell):
    return [cell.target]


OPERATIONS = {
    "commit-start": Operation(commit(0), committed, "ready", 20),
    "commit-pivot": Operation(commit(DELETE), committed, PIVOT, 20, deletes=True),
    "commit-abort": Operation(commit(0), committed, 0, 20),
    "middle": Operation(middle, shortened, None, 20, deletes=True),
    "pull": Operation(pull(None), lambda cell: cell.paths[3:], None, 20),
    "pull-part": Operation(pull(1), shortened, None, 20),
    "copy-start": Operation(copy(REUSE), copied, "ready", 20),
    "copy-create": Operation(copy(0), copied, "ready", 20, makes=True),
    "copy-pivot": Operation(copy(0), copied, PIVOT, 20),
    "copy-abort": Operation(copy(0), copied, 0, 20),
}


def template(folder, boot):
    """The images of all cells; they are copied."""
    def fill(n, path, fmt):
        qemu_io(path, fmt, "write -P %d %dM 1M" % (n + 1, DATA + n))

    paths = make_chain(folder, ["vda.%d" % n for n in range(LAYERS)], size=SIZE, relative=True, fill=fill)
    qemu_io(paths[0], "qcow2", "write -s %s 0 512" % boot)
    return paths
