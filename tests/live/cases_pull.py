"""Cases of the differential runs: pull and plain rebase, after behaviour/04-test-vectors.md. A label that begins with V
names its vector.
"""

import os
import signal

import libvirt

import images
import jobs
import plain
from cases_jobs import TOO_MUCH, in_folders, power_off, stated
from recorder import ACTIVE, HELD, INACTIVE, PIVOT, Stop

REBASE_SHALLOW = libvirt.VIR_DOMAIN_BLOCK_REBASE_SHALLOW
REUSE_EXT = libvirt.VIR_DOMAIN_BLOCK_REBASE_REUSE_EXT
COPY_RAW = libvirt.VIR_DOMAIN_BLOCK_REBASE_COPY_RAW
COPY = libvirt.VIR_DOMAIN_BLOCK_REBASE_COPY
COPY_DEV = libvirt.VIR_DOMAIN_BLOCK_REBASE_COPY_DEV
RELATIVE = libvirt.VIR_DOMAIN_BLOCK_REBASE_RELATIVE
PULL_BYTES = libvirt.VIR_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES

CASES = []


def case(function):
    CASES.append(function)
    return function


def pull_held(r, base=None, flags=0, disk="vda"):
    r.domain.blockRebase(disk, base, HELD, flags | PULL_BYTES)


def pulled(r, base=None, flags=0, disk="vda"):
    """A pull from its call to its end, with all that a client sees of it."""
    r.need("call", r.domain.blockRebase, disk, base, 0, flags)
    r.final(disk=disk)
    r.gone(disk)
    r.note_chain(disk=disk)
    r.note_events()


def header(r, path, label="header"):
    r.note(label, r.normal(images.backing(path) or "none"))


# --- refusals: nothing changes --------------------------------------------------------------------------------

@case
def pull_refused(r):
    x0, x1, x2, x3 = r.d(4)
    link = os.path.join(r.folder, "link")
    os.symlink(x3, link)
    for label, disk, base, bandwidth, flags in (
            ("V48", "vda", x3, 0, 0), ("V49", "vda", "vda[1]", 0, 0), ("V50 target", "vda", "vda", 0, 0),
            ("V50 empty", "vda", "", 0, 0), ("V50 unknown", "vda", "/nope", 0, 0),
            ("index of another disk", "vda", "vdb[2]", 0, 0), ("index 0", "vda", "vda[0]", 0, 0),
            ("index too large", "vda", "vda[99]", 0, 0), ("index is no number", "vda", "vda[x]", 0, 0),
            ("V53", "vda", None, 0, RELATIVE), ("V53 unknown disk", "vdz", None, 0, RELATIVE),
            ("V54", "vda", x0, 0, RELATIVE), ("V54 directly below", "vda", x2, 0, RELATIVE),
            ("V56 rebase", "vda", x0, 8796093022208, 0), ("V56 rebase unknown disk", "vdz", x0, 8796093022208, 0),
            ("V56 rebase unknown base", "vda", "/nope", 8796093022208, 0),
            ("V56 relative comes first", "vda", x0, 8796093022208, RELATIVE),
            ("V58 rebase", "vda", None, 0, 0x400), ("V58 both errors", "vdz", "/nope", 0, 0x400),
            ("bytes too many", "vda", x0, TOO_MUCH, PULL_BYTES), ("unknown disk", "vdz", None, 0, 0),
            ("unknown disk and base", "vdz", "/nope", 0, 0), ("disk with an index", "vda[1]", None, 0, 0),
            ("disk by backing path", x2, None, 0, 0), ("empty disk", "", None, 0, 0),
            ("V179 disk by a link", link, None, 0, 0),
            ("V179 disk by another path", os.path.join(r.folder, "..", r.case, "x3.qcow2"), None, 0, 0)):
        r.call(label, r.domain.blockRebase, disk, base, bandwidth, flags)
    for label, disk, bandwidth, flags in (
            ("V56", "vda", 8796093022208, 0), ("V56 unknown disk", "vdz", 8796093022208, 0), ("V58", "vda", 0, 0x400),
            ("pull bytes too many", "vda", TOO_MUCH, PULL_BYTES), ("pull relative", "vda", 0, RELATIVE)):
        r.call(label, r.domain.blockPull, disk, bandwidth, flags)
    for label, flags in (("V51 shallow", REBASE_SHALLOW), ("V51 reuse", REUSE_EXT), ("V51 raw", COPY_RAW),
                         ("V51 dev", COPY_DEV), ("V52", COPY)):
        r.call(label, r.domain.blockRebase, "vda", None, 0, flags)
    r.call("BR-009", r.domain.blockRebase, "vda", x0, 0, REBASE_SHALLOW)
    r.note_chain("chain afterwards")
    r.note_info("info afterwards")
    r.note_events("no events")


@case
def pull_refused_off(r):
    paths = r.chain(3)
    r.define(plain.disk("vda", paths[-1]))
    r.call("V64 pull", r.domain.blockPull, "vda", 0, 0)
    r.call("V64 pull, unknown disk", r.domain.blockPull, "vdz", 0, 0)
    r.call("V64 rebase", r.domain.blockRebase, "vda", paths[0], 0, 0)
    r.call("V64 rebase, overflow", r.domain.blockRebase, "vda", paths[0], 8796093022208, 0)
    r.call("V64 relative without base", r.domain.blockRebase, "vda", None, 0, RELATIVE)


@case
def pull_refused_empty_cdrom(r):
    paths = r.chain(2)
    r.start(xml=plain.domain(r.name, [plain.disk("vda", paths[-1]),
                                      plain.disk("sda", None, "raw", device="cdrom", bus="sata")], machine="q35"))
    r.call("V61", r.domain.blockPull, "sda", 0, 0)
    r.call("V61 rebase", r.domain.blockRebase, "sda", "/nope", 0, 0)


@case
def pull_read_only_connection(r):
    r.d(2)
    domain = r.daemon.connect(readonly=True).lookupByName(r.name)
    r.call("V130 pull", domain.blockPull, "vda", 0, 0)
    r.call("V130 rebase", domain.blockRebase, "vda", None, 0, 0)


# --- pulls that work --------------------------------------------------------------------------------------------

@case
def v44_all(r):
    paths = r.d(4)
    r.need("call", r.domain.blockPull, "vda", 0, 0)
    r.final()
    r.gone()
    r.note_chain()
    header(r, paths[3])
    r.note_disk("disk element")
    r.note_events()
    r.note_files("files", *paths)
    r.call("again", r.domain.blockPull, "vda", 0, 0)
    r.gone()
    r.note_chain("chain after the second")


@case
def v45_to_the_middle(r):
    paths = r.d(4)
    pulled(r, paths[1])
    header(r, paths[3])
    r.note_disk("disk element")
    r.note("format in the header", images.info(paths[3]).get("backing-filename-format"))
    mark = r.events.mark()
    r.need("then all of it", r.domain.blockRebase, "vda", None, 0, 0)
    r.final(since=mark)
    r.note_chain("chain after the rest")
    header(r, paths[3], "header after the rest")


@case
def v46_directly_below(r):
    paths = r.d(4)
    pulled(r, "vda[2]")
    header(r, paths[3])


@case
def v47_single_image(r):
    paths = r.d(1)
    pulled(r)
    header(r, paths[0])


@case
def v55_relative(r):
    paths = r.chain(4, relative=True)
    r.start(plain.disk("vda", paths[-1]))
    pulled(r, paths[1], RELATIVE)
    header(r, paths[3])
    mark = r.events.mark()
    r.need("again", r.domain.blockRebase, "vda", "x0.qcow2", 0, RELATIVE)
    r.final(since=mark)
    r.note_chain("chain after the second")
    header(r, paths[3], "header after the second")


@case
def v55_relative_chain_becomes_absolute(r):
    paths = r.chain(4, relative=True)
    r.start(plain.disk("vda", paths[-1]))
    pulled(r, paths[1])
    header(r, paths[3])
    r.call("relative is gone", r.domain.blockRebase, "vda", paths[0], 0, RELATIVE)


@case
def v55_relative_folders(r):
    top = in_folders(r)
    pulled(r, "../rb.qcow2", RELATIVE)
    header(r, top)


@case
def v57_largest_bandwidth(r):
    r.d(4)
    r.call("V57", r.domain.blockPull, "vda", 8796093022207, 0)
    r.gone()
    r.note_chain()


@case
def v59_disk_by_path(r):
    paths = r.d(4)
    r.need("V59", r.domain.blockPull, paths[3], 0, 0)
    r.final()
    r.gone()
    r.note_chain()
    r.note_events()


@case
def v60_read_only_disk(r):
    paths = r.chain(4)
    r.start(plain.disk("vda", paths[-1], extra="<readonly/>"))
    pulled(r)
    header(r, paths[3])
    r.note_disk("disk element")


@case
def v62_cdrom(r):
    paths = r.chain(2)
    r.start(xml=plain.domain(r.name, [plain.disk("sda", paths[-1], device="cdrom", bus="sata")], machine="q35"))
    pulled(r, disk="sda")
    header(r, paths[1])


@case
def v63_same_path_twice(r):
    raw = os.path.join(r.folder, "raw")
    images.qemu_img("create", "-q", "-f", "raw", raw, "64M")
    r.daemon.own(raw)
    r.start(plain.disk("vda", raw, "raw", extra="<shareable/>"), plain.disk("vdb", raw, "raw", extra="<shareable/>"))
    r.call("V63", r.domain.blockPull, raw, 0, 0)
    r.final()
    r.gone()
    r.note_events()
    r.note_chain()


@case
def v66_copy_on_read(r):
    paths = r.chain(3)
    text = plain.disk("vda", paths[-1]).replace("type='qcow2'", "type='qcow2' copy_on_read='on'")
    r.start(text)
    pulled(r)
    header(r, paths[2])


@case
def pull_of_other_formats(r):
    base, top = os.path.join(r.folder, "rb.raw"), os.path.join(r.folder, "rt.qcow2")
    middle = os.path.join(r.folder, "rm.qcow2")
    images.qemu_img("create", "-q", "-f", "raw", base, "64M")
    images.qemu_img("create", "-q", "-f", "qcow2", "-b", base, "-F", "raw", middle)
    images.qemu_img("create", "-q", "-f", "qcow2", "-b", middle, "-F", "qcow2", top)
    r.daemon.own(base, middle, top)
    r.start(plain.disk("vda", top), persistent=True)
    pulled(r, base)
    r.note("format in the header", images.info(top).get("backing-filename-format"))


@case
def v178_names_of_base_of_a_pull(r):
    paths = r.chain(5)
    link = os.path.join(r.folder, "link")
    os.symlink(paths[2], link)
    r.start(plain.disk("vda", paths[-1]))
    dots = os.path.join(r.folder, "..", r.case, "x1.qcow2")
    for label, name in (("link", link), ("dots", dots), ("bare", "x0.qcow2")):
        mark = r.events.mark()
        r.need("V178 " + label, r.domain.blockRebase, "vda", name, 0, 0)
        r.final(since=mark)
        r.gone()
        r.note_chain("chain " + label)


@case
def v161_pulls_of_two_disks(r):
    a, b = r.chain(4, "a"), r.chain(3, "b")
    r.start(plain.disk("vda", a[-1]), plain.disk("vdb", b[-1]))
    pull_held(r, disk="vda")
    pull_held(r, b[0], disk="vdb")
    r.note_info("V163 info of vda")
    r.domain.blockJobSetSpeed("vdb", 0, 0)
    r.final(disk="vdb")
    r.gone("vdb")
    r.note_chain("V163 vdb", "vdb")
    r.note_info("V163 info of vda, still")
    r.domain.blockJobSetSpeed("vda", 0, 0)
    r.final(disk="vda")
    r.gone("vda")
    r.note_chain("V163 vda", "vda")
    r.note("V163 events of vda", [e for e in r.job_events() if "vda" in e[1] or "/a" in e[1]])
    r.note("V163 events of vdb", [e for e in r.job_events() if "vdb" in e[1] or "/b" in e[1]])


# --- while a pull runs --------------------------------------------------------------------------------------------

@case
def held_pull(r):
    paths = r.d(4)
    pull_held(r)
    r.note_chain("while it runs")
    r.note_disk("disk element while it runs")
    r.call("pull again", r.domain.blockPull, "vda", 0, 0)
    r.call("rebase", r.domain.blockRebase, "vda", paths[0], 0, 0)
    r.call("job comes before the base", r.domain.blockRebase, "vda", "/nope", 0, 0)
    r.call("job comes before the overflow", r.domain.blockPull, "vda", 8796093022208, 0)
    r.commit("V43 active", "vda", None, None, 0, ACTIVE)
    r.commit("V43 intermediate", "vda", paths[0], paths[2])
    r.call("BP-015", r.domain.blockJobAbort, "vda", PIVOT)
    r.note_info("info")
    r.note_info("info bytes", libvirt.VIR_DOMAIN_BLOCK_JOB_INFO_BANDWIDTH_BYTES)
    for label, speed, flags in (("1000", 1000, 1), ("1048577", 1048577, 1), ("held", 1, 1)):
        r.call(label + " set", r.domain.blockJobSetSpeed, "vda", speed, flags)
        r.note_info(label + " MiB/s")
        r.note_info(label + " bytes/s", 1)
    r.call("suspend", r.domain.suspend)
    r.call("resume", r.domain.resume)
    r.call("block info", lambda: r.domain.blockInfo("vda")[0])
    r.call("abort", r.domain.blockJobAbort, "vda", 0)
    r.final("canceled")
    r.note_info("info after the abort")
    r.note_chain()
    header(r, paths[3])
    r.note_events()


@case
def held_pull_aborted_async(r):
    paths = r.d(3)
    pull_held(r, paths[0])
    r.call("async abort", r.domain.blockJobAbort, "vda", libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_ASYNC)
    r.final("canceled")
    r.gone()
    r.note_chain()
    mark = r.events.mark()
    r.need("again", r.domain.blockRebase, "vda", paths[0], 0, 0)
    r.final(since=mark)
    r.gone()
    r.note_chain("chain after the second")
    r.note_events()


@case
def v65_never_shown_as_done(r):
    r.d(4)
    r.domain.blockPull("vda", 4, 0)
    shown = []
    while True:
        info = r.domain.blockJobInfo("vda", 0)
        if not info:
            break
        shown.append(info["cur"] < info["end"] or info["end"] == 0)
    r.note("V65", all(shown))
    r.note_chain()


@case
def v170_pull_in_callback(r):
    r.d(3)
    inside = []

    def on_event(_conn, domain, disk, kind, status, _opaque):
        inside.append([kind, status, domain.blockJobInfo(disk, 0) != {}, len(jobs.chain(domain.XMLDesc(0), disk)[0])])

    ident = r.conn.domainEventRegisterAny(r.domain, libvirt.VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2, on_event, None)
    try:
        r.domain.blockPull("vda", 0, 0)
        jobs.wait_for(lambda: len(inside) >= 1, 20)
    finally:
        r.conn.domainEventDeregisterAny(ident)
    r.note("V170 type, status, job, length", inside)


# --- the persistent definition ------------------------------------------------------------------------------------

def persistent_pull(r, base, states_chain):
    paths = r.chain(4)
    r.start(plain.disk("vda", paths[-1], extra=stated(paths) if states_chain else ""), persistent=True)
    pulled(r, base and paths[base])
    r.note_disk("persistent element", flags=INACTIVE)
    r.domain.destroy()
    r.call("starts again", r.domain.create)
    r.note_chain("after a new start")


@case
def v133_stated_chain(r):
    persistent_pull(r, None, True)


@case
def v134_stated_chain_to_the_middle(r):
    persistent_pull(r, 1, True)


@case
def v137_only_top_stated(r):
    persistent_pull(r, None, False)


@case
def v137_only_top_stated_to_the_middle(r):
    persistent_pull(r, 1, False)


@case
def pull_stated_chain_without_end(r):
    paths = r.chain(3)
    xml = "<backingStore type='file'><format type='qcow2'/><source file='%s'/></backingStore>" % paths[1]
    r.start(plain.disk("vda", paths[-1], extra=xml), persistent=True)
    pulled(r)
    r.note_disk("persistent element", flags=INACTIVE)


@case
def pull_definition_replaced(r):
    paths = r.chain(3)
    other = r.chain(1, "other")[0]
    r.start(plain.disk("vda", paths[-1]), persistent=True)
    pull_held(r)
    uuid = "<uuid>%s</uuid>" % r.domain.UUIDString()
    xml = plain.domain(r.name, [plain.disk("vda", other)]).replace("<memory", uuid + "<memory", 1)
    r.call("define", r.conn.defineXML, xml)
    r.domain.blockJobSetSpeed("vda", 0, 0)
    r.final()
    r.gone()
    r.note_chain()


@case
def v140_undefine_meanwhile_pull(r):
    paths = r.chain(3)
    r.start(plain.disk("vda", paths[-1]), persistent=True)
    pull_held(r)
    r.call("undefine", r.domain.undefine)
    r.domain.blockJobSetSpeed("vda", 0, 0)
    r.final()
    r.gone()
    r.note_chain()
    r.note_events()


# --- the end of the VM --------------------------------------------------------------------------------------------

@case
def v150_destroy_pull(r):
    paths = r.chain(3)
    r.start(plain.disk("vda", paths[-1]), persistent=True)
    pull_held(r)
    mark = r.events.mark()
    r.call("destroy", r.domain.destroy)
    r.ended(since=mark)
    r.note_events("no job event")
    r.note_chain()
    header(r, paths[-1])
    r.call("starts again", r.domain.create)
    r.note_chain("after a new start")


@case
def v151_qemu_killed_in_a_pull(r):
    paths = r.chain(3)
    r.start(plain.disk("vda", paths[-1]), persistent=True)
    pull_held(r)
    mark = r.events.mark()
    r.daemon.ask(do="signal", pid=r.daemon.qemu_pid(r.name), signal=int(signal.SIGKILL))
    r.ended(since=mark)
    r.note_chain()
    r.note_events()
    r.call("starts again", r.domain.create)
    r.note_chain("after a new start")


@case
def v152_power_off_pull(r):
    paths = r.chain(3)
    r.start(plain.disk("vda", paths[-1]), persistent=True, paused=False)
    pull_held(r)
    mark = r.events.mark()
    power_off(r, mark)
    r.ended(since=mark)
    r.note("V152 state", r.domain.state())
    r.note("V152 lifecycle events", r.lifecycle())
    r.note_events("V152 events")
    r.note_chain("V152")


@case
def pull_cancelled_at_the_monitor(r):
    import json
    import libvirt_qemu
    r.d(3)
    pull_held(r)
    listed = json.loads(libvirt_qemu.qemuMonitorCommand(r.domain, '{"execute":"query-block-jobs"}', 0))
    name = listed["return"][0]["device"]
    libvirt_qemu.qemuMonitorCommand(r.domain, '{"execute":"block-job-cancel","arguments":{"device":"%s"}}' % name, 0)
    if not r.events.wait(lambda e: e[0] == r.name and e[1] == "job2", 20):
        raise Stop("no event")
    r.gone()
    r.note_events()
    r.note_chain()
