"""Cases of the differential runs: copy and rebase with COPY, after behaviour/04-test-vectors.md. A label that begins
with V names its vector.
"""

import os

import libvirt

import images
import jobs
import plain
from cases_pull import COPY, COPY_DEV, COPY_RAW, RELATIVE
from recorder import PIVOT

SHALLOW = libvirt.VIR_DOMAIN_BLOCK_COPY_SHALLOW
REUSE = libvirt.VIR_DOMAIN_BLOCK_COPY_REUSE_EXT
TRANSIENT = libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB
SYNCHRONOUS = libvirt.VIR_DOMAIN_BLOCK_COPY_SYNCHRONOUS_WRITES
COPY_BYTES = libvirt.VIR_DOMAIN_BLOCK_REBASE_BANDWIDTH_BYTES
MIB = 1 << 20

CASES = []


def case(function):
    CASES.append(function)
    return function


def to(path, fmt=None, kind="file", more=""):
    driver = "<driver type='%s'/>" % fmt if fmt else ""
    return "<disk type='%s'>%s<source %s='%s'/>%s</disk>" % (kind, driver, "dev" if kind == "block" else "file", path,
                                                           more)


def copied(r, destination, flags=TRANSIENT, params=None, disk="vda"):
    """A copy from its call to its pivot, with all that a client sees of it."""
    r.need("call", r.domain.blockCopy, disk, destination, params or {}, flags)
    r.ready(disk)
    r.note_chain("chain when ready", disk)
    r.note_info("info when ready", 0, disk)
    r.call("pivot", r.domain.blockJobAbort, disk, PIVOT)
    r.final(disk=disk)
    r.note_chain(disk=disk)
    r.note_events()


@case
def copy_refused(r):
    paths = r.d(3, persistent=True)
    new, full = os.path.join(r.folder, "new"), os.path.join(r.folder, "full")
    empty = os.path.join(r.folder, "empty")
    with open(full, "wb") as f:
        f.write(b"x" * 512)
    open(empty, "wb").close()
    backing = "<backingStore type='file'><format type='raw'/><source file='/b'/></backingStore>"
    for label, disk, xml, params, flags in (
            ("V67", "vda", to(new), {}, 0), ("V68", "vda", to("foo.img"), {}, TRANSIENT),
            ("V68 and disk", "vdz", to("foo.img"), {}, TRANSIENT), ("V69", "vda", to(new), {}, TRANSIENT | REUSE),
            ("V70", "vda", to("/dev/nonexist", None, "block"), {}, TRANSIENT),
            ("V71", "vda", to(empty, None, "block"), {}, TRANSIENT),
            ("V71 reuse", "vda", to(full, None, "block"), {}, TRANSIENT | REUSE),
            ("V72", "vda", to(full), {}, TRANSIENT), ("V72 block", "vda", to(full, None, "block"), {}, TRANSIENT),
            ("V72 folder", "vda", to(r.folder), {}, TRANSIENT), ("V72 own source", "vda", to(paths[2]), {}, TRANSIENT),
            ("V74", "vda", to(new, "raw"), {}, TRANSIENT | SHALLOW),
            ("V76", "vda", to(new), {"granularity": 3}, TRANSIENT),
            ("V81", "vda", to(new), {"foo": 1}, TRANSIENT), ("V82", "vda", "<foo/>", {}, TRANSIENT),
            ("V82 source", "vda", "<disk type='file'/>", {}, TRANSIENT), ("V82 text", "vda", "<disk", {}, TRANSIENT),
            ("V82 format", "vda", to(new, "bogus"), {}, TRANSIENT),
            ("V83", "vda", to(new, None, "file", backing), {}, TRANSIENT),
            ("V85", "vda", to("/nonexist/new"), {}, TRANSIENT), ("V86", "vda", to(new, "dmg"), {}, TRANSIENT),
            ("V87", "vda", to(new), {}, 0x100), ("no such disk", "vdz", to(new), {}, TRANSIENT)):
        r.call(label, r.domain.blockCopy, disk, xml, params, flags)
    r.note_files("files", new, full, empty)
    r.note_chain()
    r.note_events()


@case
def copy_rebase_refused(r):
    r.d(3)
    new = os.path.join(r.folder, "new")
    for label, disk, path, bandwidth, flags in (
            ("V70", "vda", "/dev/nonexist", 0, COPY_DEV), ("V74", "vda", new, 0, COPY_RAW | 1),
            ("V89", "vda", new, 0, RELATIVE), ("V89 and disk", "vdz", new, 0, RELATIVE),
            ("overflow", "vda", new, 8796093022208, 0), ("relative path", "vda", "new", 0, 0)):
        r.call(label, r.domain.blockRebase, disk, path, bandwidth, flags | COPY)
    r.note_files("files", new)


@case
def v94_full(r):
    r.d(3, persistent=True)
    new = os.path.join(r.folder, "new")
    copied(r, to(new))
    r.note_files("files", new)
    r.note_disk("disk element")
    r.note("backing", images.backing(new) or "none")


@case
def v95_raw_and_abort(r):
    r.d(3)
    new = os.path.join(r.folder, "new")
    r.need("call", r.domain.blockCopy, "vda", to(new, "raw"),
           {"bandwidth": 1 << 30, "granularity": 65536, "buf-size": MIB}, TRANSIENT)
    r.ready()
    r.note_disk("disk element when ready")
    r.call("abort", r.domain.blockJobAbort, "vda", 0)
    r.final("canceled")
    r.note_chain()
    r.note_events()
    r.note("size", os.stat(new).st_size)


@case
def v96_shallow(r):
    r.d(3, persistent=True)
    new = os.path.join(r.folder, "new")
    copied(r, to(new), TRANSIENT | SHALLOW)
    r.note("header", r.normal(images.backing(new) or "none"))
    r.note("format in the header", images.info(new).get("backing-filename-format"))


@case
def v75_shallow_of_one_image(r):
    r.d(1)
    copied(r, to(os.path.join(r.folder, "new"), "raw"), SHALLOW)


@case
def v73_empty_file(r):
    r.d(3)
    new = os.path.join(r.folder, "new")
    open(new, "wb").close()
    copied(r, to(new), SYNCHRONOUS)


@case
def v91_existing_raw(r):
    r.d(2)
    new = os.path.join(r.folder, "new")
    images.qemu_img("create", "-q", "-f", "raw", new, "64M")
    r.daemon.own(new)
    copied(r, to(new), REUSE)


def over(r, lower, name="dst", relative=False):
    """An image over @lower, with nothing in it."""
    path = os.path.join(r.folder, name)
    images.qemu_img("create", "-q", "-f", "qcow2", "-b", os.path.basename(lower) if relative else lower, "-F", "qcow2",
                    path, cwd=r.folder)
    r.daemon.own(path)
    return path


@case
def v97_shallow_into_existing(r):
    paths = r.d(3, persistent=True)
    copied(r, to(over(r, paths[1])), TRANSIENT | SHALLOW | REUSE)
    r.note_disk("disk element")


@case
def v97_shallow_into_existing_relative(r):
    """REUSE_EXT with a relative name in the header, by a rebase."""
    paths = r.d(3)
    new = over(r, paths[1], relative=True)
    r.need("call", r.domain.blockRebase, "vda", new, 1 << 20, COPY | SHALLOW | REUSE | COPY_BYTES)
    r.ready()
    r.note_chain("chain when ready")
    r.call("pivot", r.domain.blockJobAbort, "vda", PIVOT)
    r.final()
    r.note_chain()
    r.note("header", images.backing(new))


@case
def v98_shallow_into_existing_aborted(r):
    paths = r.d(3)
    r.need("call", r.domain.blockCopy, "vda", to(over(r, paths[1])), {}, SHALLOW | REUSE)
    r.ready()
    r.call("abort", r.domain.blockJobAbort, "vda", 0)
    r.final("canceled")
    r.note_chain()
    r.note_events()


def lost(r):
    """An image over a file that is not there."""
    path = os.path.join(r.folder, "lost")
    images.qemu_img("create", "-q", "-u", "-f", "qcow2", "-b", "/nonexist", "-F", "qcow2", path, "64M")
    r.daemon.own(path)
    return path


@case
def v99_missing_backing_file(r):
    r.d(3)
    r.call("shallow", r.domain.blockCopy, "vda", to(lost(r)), {}, SHALLOW | REUSE)


@case
def v99_missing_backing_file_not_needed(r):
    r.d(3)
    copied(r, to(lost(r)), REUSE)


@case
def v100_chain_of_its_own(r):
    r.d(3)
    new, other = os.path.join(r.folder, "new"), os.path.join(r.folder, "other")
    images.qemu_img("create", "-q", "-f", "qcow2", other, "64M")
    r.daemon.own(other)
    below = "<backingStore type='file'><format type='qcow2'/><source file='%s'/></backingStore>"
    copied(r, to(new, "qcow2", "file", below % other), SHALLOW)
    r.note("header", r.normal(images.backing(new)))


@case
def v102_read_only(r):
    paths = r.chain(3)
    r.start(plain.disk("vda", paths[-1], extra="<readonly/>"))
    copied(r, to(os.path.join(r.folder, "new")), 0)
    r.note_disk("disk element")


@case
def v110_rebase(r):
    r.d(3)
    new = os.path.join(r.folder, "new")
    r.need("call", r.domain.blockRebase, "vda", new, 0, COPY)
    r.ready()
    r.note("mode", os.stat(new).st_mode & 0o777)
    r.call("V114", r.domain.blockJobAbort, "vda", PIVOT)
    r.final()
    r.note_chain()


@case
def v111_second(r):
    r.d(3)
    new, other = os.path.join(r.folder, "new"), os.path.join(r.folder, "other")
    r.need("call", r.domain.blockCopy, "vda", to(new), {"bandwidth": 1000}, 0)
    r.call("V111", r.domain.blockCopy, "vda", to(other), {}, 0)
    r.call("commit beside it", r.domain.blockCommit, "vda", None, None, 0, 4)
    r.call("V114", r.domain.blockJobAbort, "vda", PIVOT)
    r.note_info("info", libvirt.VIR_DOMAIN_BLOCK_JOB_INFO_BANDWIDTH_BYTES)
    r.call("speed", r.domain.blockJobSetSpeed, "vda", 2, 0)
    r.call("abort", r.domain.blockJobAbort, "vda", 0)
    r.final("canceled")
    r.note_chain()
    r.note_files("files", new, other)
    r.note_events()


@case
def v150_destroy(r):
    r.d(3, persistent=True)
    new = os.path.join(r.folder, "new")
    r.need("call", r.domain.blockCopy, "vda", to(new), {}, TRANSIENT)
    r.ready()
    r.call("destroy", r.domain.destroy)
    r.ended()
    r.note_files("files", new)
    r.note("chain", [r.normal(p) for p in jobs.chain(r.domain.XMLDesc(0), "vda")[0]])
    r.note_events()
