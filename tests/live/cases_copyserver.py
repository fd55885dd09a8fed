"""Cases of the differential runs: copies to an NBD server without REUSE_EXT; whose the images of a copy are. A label
that begins with V names its vector.
"""

import os
import pwd
import shutil

import plain
from cases_copy import REUSE, SHALLOW, to
from images import info, qemu_img
from netserver import Nbdkit
from recorder import PIVOT, Stop

CASES = []


def case(function):
    CASES.append(function)
    return function


class Server(Nbdkit):
    """An empty image of the disk's size, that a case copies to; `disk` is the destination."""

    def __init__(self, r):
        if not shutil.which("nbdkit"):
            raise Stop("no nbdkit")
        image = os.path.join(r.folder, "image")
        qemu_img("create", "-q", "-f", "raw", image, "64M")
        super().__init__(r.daemon, r.folder, image)
        self.disk = self.of("<driver name='qemu' type='raw'/>")

    def of(self, driver):
        return "<disk type='network'>%s%s</disk>" % (driver, self.source)


@case
def v173_existing_image_by_itself(r):
    """Without REUSE_EXT."""
    r.d(2)
    server = Server(r)
    for label, disk in (("V173", server.disk), ("V174", server.of(""))):
        mark = r.events.mark()
        if r.call(label, r.domain.blockCopy, "vda", disk, {}, 0):
            r.ready()
            r.note_chain(label + " chain")
            r.domain.blockJobAbort("vda", 0)
            r.final("canceled", since=mark)
        r.note(label + " format", info(server.path)["format"])


def owners(r, label, *paths):
    r.note(label, [pwd.getpwuid(os.stat(path).st_uid).pw_name for path in paths])


@case
def v176_owners(r):
    if os.geteuid() != 0:
        raise Stop("files are everybody's own")
    paths, new = r.chain(3), os.path.join(r.folder, "new")
    for path in paths:
        os.chown(path, 0, 0)
    r.start(plain.disk("vda", paths[-1]))
    owners(r, "V176 before", *paths)
    for end in ("abort", "pivot"):
        mark = r.events.mark()
        r.need("V176 " + end, r.domain.blockCopy, "vda", to(new), {}, 0)
        r.ready()
        owners(r, "V176 ready, " + end, new, *paths)
        r.domain.blockJobAbort("vda", PIVOT if end == "pivot" else 0)
        r.final("completed" if end == "pivot" else "canceled", since=mark)
        r.gone()
        owners(r, "V176 after the " + end, new, *paths)
        if end == "abort":
            os.unlink(new)
    r.domain.destroy()
    owners(r, "V176 after the end", new, *paths)


@case
def destroyed_in_a_copy_owners(r):
    """03/K9: a shallow copy into an image that stands on others."""
    if os.geteuid() != 0:
        raise Stop("files are everybody's own")
    paths = r.chain(2)
    below, new = os.path.join(r.folder, "below"), os.path.join(r.folder, "new")
    shutil.copy(paths[0], below)
    qemu_img("create", "-q", "-f", "qcow2", "-b", below, "-F", "qcow2", new)
    for path in paths + [below, new]:
        os.chown(path, 0, 0)
    r.start(plain.disk("vda", paths[-1]))
    r.need("call", r.domain.blockCopy, "vda", to(new, "qcow2"), {}, SHALLOW | REUSE)
    r.ready()
    owners(r, "ready", new, below, *paths)
    r.domain.destroy()
    r.ended()
    owners(r, "after the end", new, below, *paths)
