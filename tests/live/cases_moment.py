"""Cases of the differential runs: snapshots, disks and media that come and go, sizes, and a look into an image."""

import os
import re
import shutil

import libvirt

import jobs
import plain
from images import make_chain, qemu_img

PULL_BYTES = libvirt.VIR_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES
BYTES = libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES

CASES = []
LIVE, CONFIG = libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG
BOTH = LIVE | CONFIG
DISK_ONLY = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY
REUSE = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT
NO_METADATA = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA
REDEFINE, CURRENT = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE, libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT
QUIESCE, HALT = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE, libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_HALT
METADATA_ONLY = libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY
CHILDREN, CHILDREN_ONLY = libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN, libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY
PAUSED = libvirt.VIR_DOMAIN_START_PAUSED
SCSI = "<controller type='scsi' model='virtio-scsi'/>"


def case(function):
    CASES.append(function)
    return function


def taken(name="s1", *disks, more=""):
    text = "<disks>%s</disks>" % "".join(disks) if disks else ""
    return "<domainsnapshot>%s%s%s</domainsnapshot>" % ("<name>%s</name>" % name if name else "", more, text)


def disk(target, mode=None, path=None, more=""):
    attributes = " snapshot='%s'" % mode if mode else ""
    source = "<source file='%s'/>" % path if path else ""
    return "<disk name='%s'%s>%s%s</disk>" % (target, attributes, more, source)


def two_disks(r, run=True):
    """A persistent domain with two chains of two, running and paused, or shut off."""
    chains = r.chain(2, "a"), r.chain(2, "b")
    r.need("define", r.conn.defineXML, plain.domain(r.name, [plain.disk("vda", chains[0][-1]),
                                                             plain.disk("vdb", chains[1][-1])]))
    r.domain = r.conn.lookupByName(r.name)
    if run:
        r.need("start", r.domain.createWithFlags, PAUSED)
    return chains


def tops(r, label):
    """The images of both disks, live and as they are at the next start."""
    for target in ("vda", "vdb"):
        r.note_chain("%s: %s" % (label, target), target)


def tree(r, label):
    """What is said of all snapshots."""
    def parent(snapshot):
        try:
            return snapshot.getParent().getName()
        except libvirt.libvirtError as e:
            return e.get_error_code()
    r.call(label, lambda: [[s.getName(), parent(s), s.isCurrent(), s.hasMetadata(), s.numChildren(0)]
                           for s in sorted(r.domain.listAllSnapshots(), key=lambda s: s.getName())])


def xml_of(r, label, name, flags=0):
    r.call(label, lambda: r.domain.snapshotLookupByName(name).getXMLDesc(flags))


def files(r, label):
    r.note(label, sorted(os.listdir(r.folder)))


# --- snapshots -------------------------------------------------------------------------------------------------

@case
def snapshots_made(r):
    """08/S1 to S4: what is made, listed and told."""
    two_disks(r)
    make, d = r.domain.snapshotCreateXML, r.domain
    r.need("both disks", make, taken("s1"), DISK_ONLY)
    tops(r, "both disks")
    files(r, "their files")
    r.need("one of them", make, taken("s2", disk("vda", "external"), disk("vdb", "no")), DISK_ONLY)
    tops(r, "one of them")
    r.need("a path of its own", make, taken("s3", disk("vda", "external", os.path.join(r.folder, "own")),
                                            disk("vdb", "no")), DISK_ONLY)
    tops(r, "a path of its own")
    r.need("without metadata", make, taken("s4"), DISK_ONLY | NO_METADATA)
    tree(r, "the tree")
    for name in ("s1", "s2", "s3"):
        xml_of(r, name, name)
    xml_of(r, "secure", "s1", libvirt.VIR_DOMAIN_SNAPSHOT_XML_SECURE)
    xml_of(r, "unknown flag", "s1", 1 << 20)
    xml_of(r, "no such", "none")
    r.call("current", lambda: d.snapshotCurrent().getName())
    r.call("how many", d.snapshotNum)
    r.call("roots", lambda: sorted(d.snapshotListNames(libvirt.VIR_DOMAIN_SNAPSHOT_LIST_ROOTS)))
    r.call("leaves", lambda: sorted(d.snapshotListNames(libvirt.VIR_DOMAIN_SNAPSHOT_LIST_LEAVES)))
    r.call("internal ones", lambda: sorted(d.snapshotListNames(libvirt.VIR_DOMAIN_SNAPSHOT_LIST_INTERNAL)))
    r.call("disk-only ones", lambda: sorted(d.snapshotListNames(libvirt.VIR_DOMAIN_SNAPSHOT_LIST_DISK_ONLY)))
    r.call("unknown flag of a list", d.snapshotListNames, 1 << 20)
    r.call("children", lambda: d.snapshotLookupByName("s1").listChildrenNames(0))
    r.call("undefine", d.undefine)
    r.call("halt", make, taken("s5"), DISK_ONLY | HALT)
    r.ended()
    r.call("its state", d.state)
    r.note("events", r.lifecycle())


@case
def snapshots_refused(r):
    """08/S1, S2: flags, documents, names, files; nothing is changed by any of them."""
    a, _b = two_disks(r)
    make = r.domain.snapshotCreateXML
    other = os.path.join(r.folder, "other")
    qemu_img("create", "-q", "-f", "qcow2", other, "1M")
    r.daemon.own(other)
    one = lambda *rest, **more: taken("s1", disk("vda", *rest, **more), disk("vdb", "no"))  # noqa: E731
    for label, xml, flags in (
            ("unknown flag", taken(), 1 << 20), ("no document", "<a", DISK_ONLY), ("another root", "<a/>", DISK_ONLY),
            ("LIVE and DISK_ONLY without memory", taken(), DISK_ONLY | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_LIVE),
            ("CURRENT alone", taken(), DISK_ONLY | CURRENT), ("QUIESCE alone", taken(), QUIESCE),
            ("QUIESCE without an agent", taken(), DISK_ONLY | QUIESCE),
            ("REUSE_EXT without a path", taken(), DISK_ONLY | REUSE),
            ("REUSE_EXT without a file", one("external", "/nowhere/x"), DISK_ONLY | REUSE),
            ("NO_METADATA and REDEFINE", taken(), NO_METADATA | REDEFINE),
            ("a slash in the name", taken("a/b"), DISK_ONLY), ("a dot before the name", taken(".a"), DISK_ONLY),
            ("no such disk", taken("s1", disk("vdx", "external")), DISK_ONLY),
            ("a disk twice", taken("s1", disk("vda"), disk("vda")), DISK_ONLY),
            ("a mode that is none", one("sometimes"), DISK_ONLY),
            ("internal in a disk-only one", one("internal"), DISK_ONLY),
            ("manual", one("manual"), DISK_ONLY),
            ("no disk at all", taken("s1", disk("vda", "no"), disk("vdb", "no")), DISK_ONLY),
            ("a folder that is not there", one("external", "/nowhere/x"), DISK_ONLY),
            ("a file that is there", one("external", other), DISK_ONLY),
            ("the disk's own image", one("external", a[-1]), DISK_ONLY),
            ("two disks into one file", taken("s1", disk("vda", "external", r.folder + "/same"),
                                              disk("vdb", "external", r.folder + "/same")), DISK_ONLY),
            ("raw", one("external", r.folder + "/raw", more="<driver type='raw'/>"), DISK_ONLY),
            ("a format that is none", one("external", r.folder + "/x", more="<driver type='x'/>"), DISK_ONLY),
            ("a relative path", one("external", "relative"), DISK_ONLY),
            ("memory in a disk-only one", taken(more="<memory snapshot='external' file='/nowhere/m'/>"), DISK_ONLY),
            ("a memory file with a relative path", taken(more="<memory snapshot='external' file='m'/>"), 0),
            ("REDEFINE without a domain", taken(more="<state>disk-snapshot</state><creationTime>1</creationTime>"),
             REDEFINE),
            ("REDEFINE without a state", taken(), REDEFINE)):
        r.call(label, make, xml, flags)
    tree(r, "the tree")
    tops(r, "as before")
    files(r, "files as before")


@case
def snapshots_beside_jobs(r):
    """07/G1, 08/E1: what a block job forbids."""
    two_disks(r)
    make, d = r.domain.snapshotCreateXML, r.domain
    d.blockPull("vda", 1, PULL_BYTES)
    r.call("of the busy disk", make, taken("s1", disk("vda", "external"), disk("vdb", "no")), DISK_ONLY)
    r.call("of the other one", make, taken("s2", disk("vda", "no"), disk("vdb", "external")), DISK_ONLY)
    r.call("without disks", make, taken("s3", disk("vda", "no"), disk("vdb", "no")), DISK_ONLY)
    r.call("delete its metadata", lambda: d.snapshotLookupByName("s2").delete(METADATA_ONLY))
    r.call("abort", d.blockJobAbort, "vda")
    r.final("canceled")
    tree(r, "the tree")


@case
def snapshots_off(r):
    """08/S1: of a domain that is shut off."""
    two_disks(r, run=False)
    make, d = r.domain.snapshotCreateXML, r.domain
    r.call("QUIESCE", make, taken("q"), DISK_ONLY | QUIESCE)
    r.call("LIVE", make, taken("s1"), libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_LIVE)
    r.call("memory", make, taken("s1", more="<memory snapshot='external' file='%s/m'/>" % r.folder), 0)
    r.call("HALT", make, taken("s1"), DISK_ONLY | HALT)
    r.call("one more", make, taken("s2"), DISK_ONLY)
    r.call("of the same name", make, taken("s2", disk("vda", "external", r.folder + "/x"),
                                              disk("vdb", "external", r.folder + "/y")), DISK_ONLY)
    tops(r, "both disks")
    files(r, "files")
    for name in ("s1", "s2"):
        xml_of(r, name, name)
    tree(r, "the tree")
    r.call("undefine", d.undefine)
    r.call("undefine with their metadata", d.undefineFlags, libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA)


@case
def snapshots_internal(r):
    """08/S1, S8.14, S9: inside qcow2, shut off."""
    two_disks(r, run=False)
    make, d = r.domain.snapshotCreateXML, r.domain
    r.need("made", make, taken("i1"), 0)
    xml_of(r, "its document", "i1")
    r.call("again", make, taken("i1"), 0)
    r.call("one disk only", make, taken("i2", disk("vda", "internal"), disk("vdb", "no")), 0)
    r.call("mixed with an external one", make, taken("i3", disk("vda", "internal"), disk("vdb", "external")), 0)
    r.call("CHILDREN_ONLY", lambda: d.snapshotLookupByName("i1").delete(CHILDREN_ONLY))
    r.call("delete", lambda: d.snapshotLookupByName("i1").delete(0))
    tree(r, "the tree")


def four(r):
    """A running domain with four external snapshots; gives what deletes one."""
    two_disks(r)
    for name in ("s1", "s2", "s3", "s4"):
        r.need(name, r.domain.snapshotCreateXML, taken(name), DISK_ONLY)
    return lambda name, flags=0: r.domain.snapshotLookupByName(name).delete(flags)


@case
def snapshots_deleted(r):
    """08/S8: external ones of a running domain."""
    delete = four(r)
    r.call("unknown flag", delete, "s1", 1 << 20)
    r.call("both kinds of children", delete, "s1", CHILDREN | CHILDREN_ONLY)
    r.call("the current one", delete, "s4")
    tops(r, "without the current one")
    r.call("one in the middle", delete, "s2")
    tops(r, "without the middle")
    tree(r, "the tree")
    r.call("metadata", delete, "s1", METADATA_ONLY)
    tree(r, "without the root")
    xml_of(r, "the last one", "s3")
    r.call("the last one goes", delete, "s3")
    tops(r, "without the last one")
    files(r, "files")


@case
def snapshots_children(r):
    """08/S8.1, S8.8: with those that descend from them."""
    delete = four(r)
    r.call("CHILDREN_ONLY of a leaf", delete, "s4", CHILDREN_ONLY)
    tree(r, "nothing has gone")
    r.call("metadata of children", delete, "s2", METADATA_ONLY | CHILDREN_ONLY)
    tree(r, "one has gone")
    r.call("metadata with children", delete, "s2", METADATA_ONLY | CHILDREN)
    tree(r, "one is left")
    r.need("t1", r.domain.snapshotCreateXML, taken("t1"), DISK_ONLY)
    r.call("CHILDREN_ONLY", delete, "s1", CHILDREN_ONLY)
    r.call("CHILDREN", delete, "s1", CHILDREN)


@case
def snapshots_redefined(r):
    """08/S4: metadata that a client has kept."""
    two_disks(r, run=False)
    make, d = r.domain.snapshotCreateXML, r.domain
    for name in ("s1", "s2"):
        r.need(name, make, taken(name), DISK_ONLY)
    kept = {name: d.snapshotLookupByName(name).getXMLDesc(libvirt.VIR_DOMAIN_SNAPSHOT_XML_SECURE)
            for name in ("s1", "s2")}
    for name in ("s2", "s1"):
        d.snapshotLookupByName(name).delete(METADATA_ONLY)
    tree(r, "without")
    r.call("a child before its parent", make, kept["s2"], REDEFINE)
    r.call("the parent", make, kept["s1"], REDEFINE)
    r.call("the child, as the current one", make, kept["s2"], REDEFINE | CURRENT)
    tree(r, "both are back")
    r.call("once more", make, kept["s1"], REDEFINE)
    r.call("with another state", make, kept["s1"].replace("shutoff", "running"), REDEFINE)
    r.call("of another domain", make, kept["s1"].replace("<uuid>", "<uuid>1", 1), REDEFINE)
    child = lambda name: kept["s1"].replace(  # noqa: E731
        "<creationTime>", "<parent><name>%s</name></parent><creationTime>" % name)
    r.call("its own parent", make, child("s1"), REDEFINE)
    r.call("a circle", make, child("s2"), REDEFINE)
    tree(r, "as before")


@case
def snapshots_reverted(r):
    """08/S9: what both can do, and flags."""
    paths = r.chain(2)
    r.define(plain.disk("vda", paths[-1]))
    make, d = r.domain.snapshotCreateXML, r.domain
    r.need("i1", make, taken("i1"), 0)
    back = lambda name, flags=0: d.revertToSnapshot(d.snapshotLookupByName(name), flags)  # noqa: E731
    r.call("unknown flag", back, "i1", 1 << 20)
    r.call("RUNNING and PAUSED", back, "i1", 3)
    r.call("no such", back, "none")
    r.call("back", back, "i1")
    tree(r, "the tree")
    r.note("events", r.lifecycle())


# --- disks that come and go ------------------------------------------------------------------------------------

def plugs(r, *more):
    paths = r.chain(2)
    disks = [plain.disk("vda", paths[-1]), SCSI, *more]
    r.need("define", r.conn.defineXML, plain.domain(r.name, disks))
    r.domain = r.conn.lookupByName(r.name)
    r.need("start", r.domain.createWithFlags, PAUSED)
    others = make_chain(r.folder, ["more0.qcow2", "more1.qcow2"])
    r.daemon.own(*others)
    return others


def disks_of(r, label):
    for word, flags in (("live", 0), ("next", libvirt.VIR_DOMAIN_XML_INACTIVE)):
        xml = r.domain.XMLDesc(flags)
        # the numbers that nodes have are a driver's own
        text = re.sub(r" index='\d+'", " index='N'", xml[xml.index("<disk "):xml.rindex("</disk>")])
        r.note("%s: %s" % (label, word), text)


@case
def disks_attached(r):
    """09/H1, H2: what comes and goes, in either definition."""
    more = plugs(r)
    attach, detach = r.domain.attachDeviceFlags, r.domain.detachDeviceFlags
    sdb = plain.disk("sdb", more[-1], bus="scsi")
    for word, flags in (("live", LIVE), ("next", CONFIG)):
        r.call("attach, " + word, attach, sdb, flags)
        disks_of(r, "attached, " + word)
    r.call("detach from both", detach, sdb, BOTH)
    disks_of(r, "as before")
    r.call("attach to both", attach, sdb, BOTH)
    r.call("by its alias", r.domain.detachDeviceAlias, "scsi0-0-0-1", LIVE)
    r.note("it goes", jobs.wait_for(lambda: "sdb" not in r.domain.XMLDesc(0), 20))
    r.call("by an alias that nobody has", r.domain.detachDeviceAlias, "none", LIVE)
    r.call("by its alias, next", r.domain.detachDeviceAlias, "none", CONFIG)
    r.call("detach from the next one", detach, sdb, CONFIG)
    other = make_chain(r.folder, ["other.qcow2"])
    r.daemon.own(*other)
    r.call("with settings", attach, plain.disk("sdc", other[0], bus="scsi", extra="<serial>S1</serial><iotune>"
           "<read_bytes_sec>1000000</read_bytes_sec></iotune>"), LIVE)
    r.call("figures", lambda: r.domain.blockIoTune("sdc", LIVE)["read_bytes_sec"])
    r.call("size", lambda: r.domain.blockInfo("sdc")[0])
    disks_of(r, "with settings")


@case
def disks_refused(r):
    """09/H1, H2: nothing is changed by any of them."""
    more = plugs(r)
    attach, detach, d = r.domain.attachDeviceFlags, r.domain.detachDeviceFlags, r.domain
    update = d.updateDeviceFlags
    at = lambda target, bus="scsi", path=None, fmt="qcow2", extra="": plain.disk(  # noqa: E731
        target, path or more[-1], fmt, bus=bus, extra=extra)
    for label, call, xml, flags in (
            ("unknown flag", attach, at("sdb"), 1 << 20), ("no document", attach, "<disk", LIVE),
            ("no device", attach, "<a/>", LIVE), ("a target in use", attach, at("vda", "virtio"), LIVE),
            ("a target in use, next", attach, at("vda", "virtio"), CONFIG),
            ("no target", attach, at("sdb").replace("<target dev='sdb' bus='scsi'/>", ""), LIVE),
            ("a bus that is none", attach, at("sdb", "x"), LIVE),
            ("no such file", attach, at("sdb", path="/nowhere"), LIVE),
            ("no such format", attach, at("sdb", fmt="x"), LIVE),
            ("no source", attach, plain.disk("sdb", None, bus="scsi"), LIVE),
            ("an image in use", attach, at("sdb", path=r.folder + "/x1.qcow2"), LIVE),
            ("another format", attach, at("sdb", path="/etc/hostname"), LIVE),
            ("a boot order", attach, at("sdb", extra="<boot order='1'/>"), LIVE),
            ("a floppy", attach, plain.disk("fda", more[-1], bus="fdc", device="floppy"), LIVE),
            ("a slot in use", attach, at("vdb", "virtio", extra="<address type='pci' slot='2'/>"), LIVE),
            ("an address of another kind", attach, at("sdb", extra="<address type='pci' slot='9'/>"), LIVE),
            ("no such disk", detach, at("sdx"), LIVE), ("no such disk, next", detach, at("sdx"), CONFIG),
            ("no such disk, both", detach, at("sdx"), BOTH), ("update: no such disk", update, at("sdx"), LIVE),
            ("update: another image", update, at("vda", "virtio"), LIVE),
            ("update: another image, next", update, at("vda", "virtio"), CONFIG),
            ("update: unknown flag", update, at("vda", "virtio"), 1 << 20),
            ("update: a serial", update, at("vda", "virtio", r.folder + "/x1.qcow2", extra="<serial>X</serial>"),
             LIVE)):
        r.call(label, call, xml, flags)
    disks_of(r, "as before")
    d.destroy()
    r.call("off: attach", attach, at("sdb"), LIVE)
    r.call("off: detach", detach, at("vda", "virtio"), LIVE)
    r.call("off: update", update, at("vda", "virtio"), LIVE)
    r.call("off: next", attach, at("sdb"), CONFIG)
    r.call("off: the present one", detach, at("sdb"), 0)
    disks_of(r, "in the end")


@case
def disks_of_transient_domains(r):
    paths = r.d(2)
    more = make_chain(r.folder, ["more.qcow2"])
    r.daemon.own(*more)
    xml = plain.disk("vdb", more[0])
    r.call("attach, next", r.domain.attachDeviceFlags, xml, CONFIG)
    r.call("attach", r.domain.attachDeviceFlags, xml, LIVE)
    r.call("detach, next", r.domain.detachDeviceFlags, plain.disk("vda", paths[-1]), CONFIG)


@case
def media_changed(r):
    """09/H3: CD-ROM drives and floppies."""
    paths = []
    for name in ("one", "two", "three"):
        paths.append(os.path.join(r.folder, name))
        with open(paths[-1], "wb") as f:
            f.truncate(1 << 20)
    r.daemon.own(*paths)
    cd = lambda path, extra="": plain.disk("sdc", path, "raw", "<readonly/>" + extra, "cdrom", "scsi")  # noqa: E731
    floppy = lambda path: plain.disk("fda", path, "raw", "", "floppy", "fdc")  # noqa: E731
    plugs(r, cd(paths[0]), floppy(paths[2]))
    update = r.domain.updateDeviceFlags
    for label, xml, flags in (
            ("another one", cd(paths[1]), LIVE), ("the same once more", cd(paths[1]), LIVE),
            ("out", cd(None), LIVE), ("out again", cd(None), LIVE), ("in", cd(paths[0]), LIVE),
            ("forced", cd(paths[1]), LIVE | libvirt.VIR_DOMAIN_DEVICE_MODIFY_FORCE),
            ("next", cd(paths[1]), CONFIG), ("both", cd(paths[0]), BOTH),
            ("no such file", cd("/nowhere"), LIVE), ("another bus", plain.disk(
                "sdc", paths[0], "raw", "<readonly/>", "cdrom", "sata"), LIVE),
            ("another kind of drive", plain.disk("sdc", paths[0], "raw", "", "disk", "scsi"), LIVE),
            ("a floppy", floppy(paths[1]), LIVE), ("no floppy", floppy(None), LIVE),
            ("a floppy again", floppy(paths[2]), BOTH),
            ("start-up policy", cd(paths[0]).replace("<source ", "<source startupPolicy='optional' "), LIVE)):
        r.call(label, update, xml, flags)
        disks_of(r, label)
    r.call("attached", r.domain.attachDeviceFlags, cd(paths[1]), LIVE)
    disks_of(r, "attached")


# --- sizes, and a look inside ----------------------------------------------------------------------------------

@case
def block_resize(r):
    """09/H4."""
    paths = r.d(2)
    resize, d = r.domain.blockResize, r.domain
    for label, *args in (("larger", "vda", 128 << 20, BYTES), ("in KiB", "vda", 160 << 10, 0),
                         ("the same", "vda", 160 << 10, 0), ("odd", "vda", (160 << 20) + 1, BYTES),
                         ("unknown flag", "vda", 1, 1 << 20), ("no such disk", "vdx", 1 << 20, 0),
                         ("by its path", paths[-1], 170 << 10, 0), ("an image below", "vda[2]", 200 << 10, 0),
                         ("too large", "vda", 1 << 62, 0), ("nothing", "vda", 0, 0)):
        r.call(label, resize, *args)
        if args[0] != "vdx":
            r.call(label + ": the size", lambda: d.blockInfo("vda")[0])
    d.blockPull("vda", 1, PULL_BYTES)
    r.call("beside a job", resize, "vda", 256 << 20, BYTES)
    d.destroy()


@case
def block_peek(r):
    """01/O5: raw images alone."""
    raw = os.path.join(r.folder, "raw")
    with open(raw, "wb") as f:
        f.write(bytes(range(256)) * 4)
        f.truncate(1 << 20)
    r.daemon.own(raw)
    paths = r.chain(1)
    d = r.define(plain.disk("vda", raw, "raw"), plain.disk("vdb", paths[0]))

    def look(when):
        for label, *args in (("begin", "vda", 0, 16, 0), ("further", "vda", 250, 12, 0), ("nothing", "vda", 0, 0, 0),
                             ("at the end", "vda", (1 << 20) - 4, 4, 0), ("over the end", "vda", (1 << 20) - 4, 8, 0),
                             ("behind it", "vda", 2 << 20, 4, 0), ("by its path", raw, 0, 4, 0),
                             ("qcow2", "vdb", 0, 4, 0), ("no such disk", "vdx", 0, 4, 0),
                             ("unknown flag", "vda", 0, 4, 1), ("too much", "vda", 0, 32 << 20, 0)):
            r.call("%s: %s" % (when, label), lambda args=args: d.blockPeek(*args).hex())

    look("off")
    r.need("start", d.createWithFlags, PAUSED)
    look("on")
    shutil.move(raw, raw + ".away")
    r.call("no file", lambda: d.blockPeek("vda", 0, 4, 0).hex())
    shutil.move(raw + ".away", raw)
