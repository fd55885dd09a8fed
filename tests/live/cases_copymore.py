"""Cases of the differential runs: more of copies, after behaviour/04-test-vectors.md: parameters out of range,
existing destinations, block devices, what a destination says of its driver, other disks than hard disks. A label that
begins with V names its vector.
"""

import os
import subprocess

import libvirt

import images
import plain
from cases_copy import COPY, COPY_DEV, REUSE, SHALLOW, TRANSIENT, copied, to
from cases_jobs import stated
from recorder import ACTIVE, INACTIVE, PIVOT, Stop

CASES = []
LARGEST = 2 ** 63 - 1


def case(function):
    CASES.append(function)
    return function


def new(r, name="new"):
    return os.path.join(r.folder, name)


def aborted(r, label, xml, flags=TRANSIENT, params=None):
    """A copy that starts, or not; it is given up when it is ready. Its destination goes."""
    mark = r.events.mark()
    if r.call(label, r.domain.blockCopy, "vda", xml, params or {}, flags):
        r.ready()
        r.domain.blockJobAbort("vda", 0)
        r.final("canceled", since=mark)
    if os.path.exists(new(r)):
        r.note(label + ": file", "is there")
        os.unlink(new(r))


@case
def copy_parameters(r):
    r.d(2)
    for label, params in (
            ("V77 below", {"granularity": 256}), ("V77 above", {"granularity": 134217728}),
            ("V78 granularity 0", {"granularity": 0}), ("V78 largest granularity", {"granularity": 67108864}),
            ("V78 buffer 0", {"buf-size": 0}), ("V78 buffer 1", {"buf-size": 1}),
            ("V78 buffer of 4 GiB", {"buf-size": 4294967296}), ("V79", {"buf-size": 2 ** 63}),
            ("V80", {"bandwidth": 2 ** 63}), ("V80 largest", {"bandwidth": LARGEST})):
        aborted(r, label, to(new(r)), TRANSIENT, params)
    open(new(r), "wb").close()
    r.call("V93", r.domain.blockCopy, "vda", to(new(r)), {"granularity": 256}, TRANSIENT)
    r.note("V93 file", "is there" if os.path.exists(new(r)) else "has gone")
    r.note_chain()


@case
def copy_refused_destinations(r):
    paths = r.d(3)
    part = "<slices><slice type='storage' offset='0' size='1048576'/></slices>"
    sliced = to(new(r), "raw").replace("'/></disk>", "'>%s</source></disk>" % part)
    r.call("V84", r.domain.blockCopy, "vda", sliced, {}, 0)
    r.call("V88 top", r.domain.blockCopy, "vda", to(paths[2], "qcow2"), {}, REUSE)
    r.call("V88 base", r.domain.blockCopy, "vda", to(paths[0], "qcow2"), {}, REUSE)
    r.note_chain()
    r.note_files("files", *paths)


@case
def v92_other_sizes(r):
    r.d(2)
    for size in ("32M", "128M"):
        images.qemu_img("create", "-q", "-f", "qcow2", new(r, size), size)
        r.daemon.own(new(r, size))
        r.call("V92 " + size, r.domain.blockCopy, "vda", to(new(r, size), "qcow2"), {}, REUSE)
    r.gone()
    r.note_chain()
    r.note_files("files", new(r, "32M"), new(r, "128M"))


@case
def v99_over_a_missing_file(r):
    """01/Y33b: a full copy does not look below its destination."""
    r.d(2)
    images.qemu_img("create", "-q", "-f", "qcow2", "-u", "-b", "/nonexist", "-F", "qcow2", new(r), "64M")
    r.daemon.own(new(r))
    copied(r, to(new(r), "qcow2"), REUSE)


@case
def v101_shareable(r):
    raw = new(r, "raw")
    images.qemu_img("create", "-q", "-f", "raw", raw, "64M")
    r.daemon.own(raw)
    r.start(plain.disk("vda", raw, "raw", extra="<shareable/>"))
    r.call("V101 qcow2", r.domain.blockCopy, "vda", to(new(r), "qcow2"), {}, 0)
    r.note_files("V101 files", new(r))
    copied(r, to(new(r), "raw"))
    r.note_disk("disk element")


def cdrom(r, path):
    r.start(xml=plain.domain(r.name, [plain.disk("sda", path, "qcow2" if path else "raw", device="cdrom", bus="sata")],
                             machine="q35"))


@case
def v103_cdrom(r):
    cdrom(r, r.chain(2)[-1])
    copied(r, to(new(r)), disk="sda")
    r.note_disk("disk element", "sda")


@case
def v104_empty_cdrom(r):
    cdrom(r, None)
    r.call("V104", r.domain.blockCopy, "sda", to(new(r)), {}, TRANSIENT)
    r.note_files("files", new(r))


def loop_device(r, size):
    path = new(r, "disk%d" % size)
    with open(path, "w") as f:
        f.truncate(size << 20)
    done = subprocess.run(["losetup", "--find", "--show", path], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise Stop("no loop device")
    r.daemon.own(done.stdout.strip())
    return done.stdout.strip()


@case
def v106_block_devices(r):
    r.d(2)
    devices = []

    def of(label, device, function, *args):
        """As call(), with the device's name made equal; a copy that starts is given up when it is ready."""
        value = r.outcome(function, *args)
        if isinstance(value, dict):
            value["message"] = value["message"].replace(device, "$DEVICE")
        r.note(label, value)
        if value == 0:
            mark = r.events.mark()
            r.ready()
            r.domain.blockJobAbort("vda", 0)
            r.final("canceled", since=mark)

    try:
        devices += [loop_device(r, 64), loop_device(r, 80)]
        raw, qcow2 = devices
        of("V108", raw, r.domain.blockCopy, "vda", to(raw, "raw"), {}, 0)
        of("V106", raw, r.domain.blockCopy, "vda", to(raw, "raw", "block"), {}, 0)
        of("V107", qcow2, r.domain.blockCopy, "vda", to(qcow2, None, "block"), {}, 0)
        r.note("V107 format", images.info(qcow2)["format"])
        of("V107 rebase", qcow2, r.domain.blockRebase, "vda", qcow2, 0, COPY | COPY_DEV)
        r.note_chain()
        r.domain.destroy()
    finally:
        for device in devices:
            subprocess.run(["losetup", "-d", device], check=False)


@case
def v135_stated_chain(r):
    paths = r.chain(4)
    r.start(plain.disk("vda", paths[-1], extra=stated(paths)), persistent=True)
    copied(r, to(new(r)), TRANSIENT | SHALLOW)
    r.note_disk("V135 persistent element", flags=INACTIVE)


@case
def v147_other_calls(r):
    r.d(3)
    r.need("call", r.domain.blockCopy, "vda", to(new(r)), {"bandwidth": 1000}, 0)
    r.call("V147 info", r.domain.blockInfo, new(r))
    r.call("V147 info by index", r.domain.blockInfo, "vda[7]")
    r.call("V147 stats", r.domain.blockStats, new(r))
    r.call("abort", r.domain.blockJobAbort, "vda", 0)
    r.final("canceled")


@case
def v148_figures(r):
    """The bulk figures name a copy's target behind its disk, with what it brings along to stand on."""
    from cases_calls import BACKING, shape
    paths = r.d(3)
    own = "<backingStore type='file'><format type='qcow2'/><source file='%s'/></backingStore></disk>" % paths[1]

    def figures(flags):
        value = r.conn.domainListGetStats([r.domain], libvirt.VIR_DOMAIN_STATS_BLOCK, flags)[0][1]
        whole = ("block.count", "backingIndex", "capacity")
        return {key: r.normal(v) if isinstance(v, str) else v if key.endswith(whole) else
                v > 0 if key.endswith("allocation") else shape(v) for key, v in value.items()}

    for label, xml, flags in (("full", to(new(r)), 0), ("shallow", to(new(r)), SHALLOW), ("raw", to(new(r), "raw"), 0),
                              ("own chain", to(new(r)).replace("</disk>", own), SHALLOW)):
        mark = r.events.mark()
        r.need("V148 " + label, r.domain.blockCopy, "vda", xml, {}, flags)
        r.ready()
        r.call("V148 %s: figures" % label, figures, 0)
        r.call("V148 %s: figures with backing" % label, figures, BACKING)
        r.call("V148 %s: abort" % label, r.domain.blockJobAbort, "vda", 0)
        r.final("canceled", since=mark)
        r.gone()
        os.unlink(new(r))
    r.call("V148 figures afterwards", figures, BACKING)
    r.need("V148 commit", r.domain.blockCommit, "vda", None, None, 0, ACTIVE)
    r.ready()
    r.call("V148 commit: figures", figures, 0)
    r.call("V148 commit: figures with backing", figures, BACKING)


@case
def copy_bitmaps_into_raw(r):
    """20/B20: a destination that can store no bitmaps. A copy that is given up loses none; a pivot would."""
    paths = r.chain(2)
    images.qemu_img("bitmap", "--add", paths[-1], "c1")
    r.start(plain.disk("vda", paths[-1]))
    for end, flags in (("abort", 0), ("pivot", PIVOT)):
        mark = r.events.mark()
        r.need("call " + end, r.domain.blockCopy, "vda", to(new(r), "raw"), {}, 0 if end == "abort" else REUSE)
        r.ready()
        if r.call(end, r.domain.blockJobAbort, "vda", flags):
            r.final("completed" if flags else "canceled", since=mark)
        r.note_chain("chain after " + end)
    r.domain.destroy()
    r.note("bitmaps", [b["name"] for b in images.info(paths[-1])["format-specific"]["data"].get("bitmaps", [])])


@case
def v160_completed_at_the_monitor(r):
    import json

    import libvirt_qemu
    r.d(3)
    r.need("call", r.domain.blockCopy, "vda", to(new(r)), {}, 0)
    r.ready()
    listed = json.loads(libvirt_qemu.qemuMonitorCommand(r.domain, '{"execute":"query-block-jobs"}', 0))
    name = listed["return"][0]["device"]
    libvirt_qemu.qemuMonitorCommand(r.domain, '{"execute":"job-complete","arguments":{"id":"%s"}}' % name, 0)
    if not r.events.wait(lambda e: e[0] == r.name and e[1] == "job2" and e[4] != "ready", 40):
        raise Stop("no event")
    r.gone()
    r.note("V160 events", r.job_events())
    r.note_chain("V160 chain")


@case
def v168_beside_a_commit(r):
    r.d(3)
    r.held()
    r.call("V168 copy", r.domain.blockCopy, "vda", to(new(r)), {}, 0)
    r.call("V168 rebase", r.domain.blockRebase, "vda", new(r), 0, COPY)
    r.call("V168 commit", r.domain.blockCommit, "vda", None, None, 0, ACTIVE)
    r.note_files("files", new(r))


@case
def v171_driver_of_the_destination(r):
    path = r.chain(1)[0]
    r.start(plain.disk("vda", path).replace("type='qcow2'/>", "type='qcow2' cache='none' discard='unmap' "
                                            "detect_zeroes='unmap'/>"))
    copied(r, "<disk type='file'><driver name='qemu' type='qcow2' cache='writeback' discard='ignore'><metadata_cache>"
           "<max_size unit='bytes'>1048576</max_size></metadata_cache></driver><source file='%s'/></disk>" % new(r))
    r.note_disk("V171 disk element")


@case
def v182_dangling_link(r):
    r.d(2)
    os.symlink(new(r, "target"), new(r))
    r.need("V182", r.domain.blockCopy, "vda", to(new(r)), {}, 0)
    r.ready()
    r.note_files("V182 files", new(r, "target"))
    r.note_disk("V182 disk element")
    r.call("pivot", r.domain.blockJobAbort, "vda", PIVOT)
    r.final()
    r.note_chain()
