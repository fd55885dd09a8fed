"""Cases of the differential runs: commit, abort, info and speed, after behaviour/04-test-vectors.md. A label that
begins with V names its vector.
"""

import os
import signal
import subprocess
import time

import libvirt

import images
import jobs
import plain
from recorder import ACTIVE, BYTES, INACTIVE, PIVOT, Stop

SHALLOW = libvirt.VIR_DOMAIN_BLOCK_COMMIT_SHALLOW
DELETE = libvirt.VIR_DOMAIN_BLOCK_COMMIT_DELETE
RELATIVE = libvirt.VIR_DOMAIN_BLOCK_COMMIT_RELATIVE
ASYNC = libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_ASYNC

HMP = 1                     # of virDomainQemuMonitorCommand
TOO_MUCH = -(2 ** 63)       # the binding takes a signed number; the API sees 2^63

CASES = []


def case(function):
    CASES.append(function)
    return function


# --- refusals: nothing changes --------------------------------------------------------------------------------

@case
def commit_refused(r):
    x0, x1, x2, x3 = r.d(4)
    for label, disk, base, top, bandwidth, flags in (
            ("V1", "vdz", None, None, 0, ACTIVE), ("V2", "vda[1]", None, None, 0, ACTIVE),
            ("V3", "vda", None, None, 0, 0), ("V4", "vda", None, x2, 0, ACTIVE), ("V5", "vda", None, x0, 0, 0),
            ("V6", "vda", None, x0, 0, SHALLOW), ("V7", "vda", x0, x2, 0, SHALLOW), ("V8", "vda", x2, x1, 0, 0),
            ("V9", "vda", x2, x2, 0, 0), ("V10", "vda", None, "vdb[2]", 0, 0), ("V11", "vda", None, "vda[99]", 0, 0),
            ("V12", "vda", None, "vda[0]", 0, 0), ("V13", "vda", "vda", None, 0, ACTIVE),
            ("V14", "vda", None, "/nonexistent", 0, 0), ("V15", "vda", "", None, 0, ACTIVE),
            ("V16", "vda", "vda[x]", None, 0, ACTIVE), ("V17", "vda", None, None, 8796093022208, ACTIVE),
            ("V18", "vda", None, None, TOO_MUCH, ACTIVE | BYTES), ("V19", "vda", None, None, 0, 0x1000),
            ("V19b", "vda", None, None, 0, 0x1000 | ACTIVE), ("V20", "vda", x0, x2, 0, RELATIVE),
            ("overflow before disk", "vdz", None, None, 8796093022208, 0),
            ("empty disk name", "", None, None, 0, ACTIVE),
            ("disk by backing path", x2, None, None, 0, ACTIVE), ("top is the disk's name", "vda", None, "vda", 0, 0),
            ("base above top", "vda", x3, x2, 0, 0), ("base is top by index", "vda", "vda[2]", "vda[2]", 0, 0),
            ("empty top", "vda", None, "", 0, 0), ("two errors: flag and disk", "vdz", None, None, 0, 0x1000),
            ("two errors: top and base", "vda", "/no", "/nono", 0, 0)):
        r.commit(label, disk, base, top, bandwidth, flags)
    r.note_chain("chain afterwards")
    r.note_info("info afterwards")
    r.note_events("no events")


@case
def commit_refused_single(r):
    r.d(1)
    r.commit("V23", "vda", None, None, 0, ACTIVE)
    r.commit("V24", "vda", None, None, 0, ACTIVE | SHALLOW)
    r.note_chain()


@case
def commit_refused_empty_cdrom(r):
    paths = r.chain(2)
    r.start(plain.disk("vda", paths[-1]), plain.disk("sda", None, "raw", device="cdrom", bus="sata"),
            xml=plain.domain(r.name, [plain.disk("vda", paths[-1]),
                                      plain.disk("sda", None, "raw", device="cdrom", bus="sata")], machine="q35"))
    r.commit("V25", "sda", None, None, 0, ACTIVE)
    r.commit("V25b", "sda", None, None, 0, ACTIVE | SHALLOW)


@case
def commit_refused_off(r):
    paths = r.chain(3)
    r.define(plain.disk("vda", paths[-1]))
    r.commit("V26", "vda", None, None, 0, ACTIVE)
    r.commit("V27", "vda", None, None, 0, ACTIVE | SHALLOW)
    r.commit("V28", "vdz", None, None, 0, ACTIVE)
    r.call("V64 abort", r.domain.blockJobAbort, "vda", 0)
    r.call("V64 abort, unknown disk", r.domain.blockJobAbort, "vdz", 0)
    r.call("V64 info", r.domain.blockJobInfo, "vda", 0)
    r.call("V64 speed", r.domain.blockJobSetSpeed, "vda", 1, 0)


@case
def commit_refused_transient_disk(r):
    paths = r.chain(2)
    r.start(plain.disk("vda", paths[-1], extra="<transient/>"))
    r.commit("V29", "vda", None, None, 0, ACTIVE)


@case
def read_only_connection(r):
    r.d(3)
    conn = r.daemon.connect(readonly=True)
    domain = conn.lookupByName(r.name)
    r.call("V130 commit", domain.blockCommit, "vda", None, None, 0, ACTIVE)
    r.call("V130 abort", domain.blockJobAbort, "vda", 0)
    r.call("V130 speed", domain.blockJobSetSpeed, "vda", 1, 0)
    r.call("V130 info", domain.blockJobInfo, "vda", 0)
    r.call("V130 XML", lambda: len(domain.XMLDesc(0)) > 100)
    r.call("secure XML", domain.XMLDesc, libvirt.VIR_DOMAIN_XML_SECURE)


# --- commits that work ------------------------------------------------------------------------------------------

def intermediate(r, base, top, flags=0, files=()):
    r.need("call", r.domain.blockCommit, "vda", base, top, 0, flags)
    r.final()
    r.gone()
    r.note_chain()
    r.note_events()
    if files:
        r.note_files("files", *files)


@case
def v21_relative_kept(r):
    paths = r.chain(4, relative=True)
    r.start(plain.disk("vda", paths[-1]))
    intermediate(r, paths[0], paths[2], RELATIVE)
    r.note("header", images.backing(paths[3]))


@case
def v22_names_of_headers(r):
    paths = r.chain(4, relative=True)
    r.start(plain.disk("vda", paths[-1]))
    intermediate(r, "x0.qcow2", "x2.qcow2")
    r.note("header", images.backing(paths[3]))


@case
def v30_intermediate(r):
    paths = r.d(4)
    intermediate(r, paths[0], paths[2])
    r.note("header", images.backing(paths[3]))
    r.note_disk("disk element")


@case
def v31_indexes(r):
    r.d(4)
    intermediate(r, "vda[3]", "vda[2]")


@case
def v32_active_to_base(r):
    r.d(4)
    r.need("call", r.domain.blockCommit, "vda", "vda[4]", "vda", 0, ACTIVE)
    r.ready()
    r.note_chain("when ready")
    r.note_disk("disk element when ready")
    r.pivot()
    r.final()
    r.note_chain()
    r.note_disk("disk element")
    r.note_events()


@case
def v33_active_shallow(r):
    r.d(4)
    r.need("call", r.domain.blockCommit, "vda", None, None, 0, ACTIVE | SHALLOW)
    r.pivot()
    r.final()
    r.note_chain()
    r.note_events()


@case
def v34_v35_delete(r):
    paths = r.d(4)
    intermediate(r, None, paths[2], DELETE, paths)
    mark = r.events.mark()
    r.need("active", r.domain.blockCommit, "vda", None, None, 0, ACTIVE | DELETE)
    r.pivot()
    r.final(since=mark)
    r.note_chain("chain after V35")
    r.note_files("files after V35", *paths)
    r.note_events("events after V35")


@case
def v36_delete_aborted(r):
    paths = r.d(3)
    r.need("call", r.domain.blockCommit, "vda", None, None, 0, ACTIVE | DELETE)
    r.ready()
    r.call("abort", r.domain.blockJobAbort, "vda", 0)
    r.final("canceled")
    r.note_chain()
    r.note_files("files", *paths)
    r.note_events()


@case
def v37_file_renamed_away(r):
    paths = r.d(4)
    r.held(paths[0], paths[2], DELETE)
    os.rename(paths[1], paths[1] + ".away")
    r.domain.blockJobSetSpeed("vda", 0, 0)
    r.final()
    r.gone()
    r.note_chain()
    r.note_files("files", *(paths + [paths[1] + ".away"]))
    r.note_events()


@case
def v38_read_only_disk(r):
    paths = r.chain(3)
    r.start(plain.disk("vda", paths[-1], extra="<readonly/>"))
    r.need("call", r.domain.blockCommit, "vda", None, None, 0, ACTIVE)
    r.pivot()
    r.final()
    r.note_chain()
    r.note_disk("disk element")


@case
def v39_copy_on_read(r):
    paths = r.chain(3)
    r.start(plain.disk("vda", paths[-1]).replace("type='qcow2'", "type='qcow2' copy_on_read='on'"))
    r.need("call", r.domain.blockCommit, "vda", None, None, 0, ACTIVE)
    r.pivot()
    r.final()
    r.note_chain()
    r.note_disk("disk element")


@case
def v40_base_smaller(r):
    base = os.path.join(r.folder, "small.qcow2")
    top = os.path.join(r.folder, "large.qcow2")
    images.qemu_img("create", "-q", "-f", "qcow2", base, "32M")
    images.qemu_img("create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", top, "64M")
    r.daemon.own(base, top)
    r.start(plain.disk("vda", top))
    r.need("call", r.domain.blockCommit, "vda", None, None, 0, ACTIVE)
    r.pivot()
    r.final()
    r.note_chain()
    r.domain.destroy()
    r.note("size", images.info(base)["virtual-size"])


@case
def v41_relative_with_active(r):
    r.d(3)
    r.need("call", r.domain.blockCommit, "vda", None, None, 0, ACTIVE | RELATIVE)
    r.pivot()
    r.final()
    r.note_chain()


@case
def v42_held_active(r):
    paths = r.d(4)
    r.held()
    r.note_chain("while it runs")
    r.note_disk("disk element while it runs")
    r.commit("V42 active", "vda", None, None, 0, ACTIVE)
    r.commit("V42 intermediate", "vda", paths[0], paths[2])
    r.call("V114", r.domain.blockJobAbort, "vda", PIVOT)
    r.call("V114 async", r.domain.blockJobAbort, "vda", PIVOT | ASYNC)
    r.note_info("V122 info")
    r.note_info("V122 info bytes", libvirt.VIR_DOMAIN_BLOCK_JOB_INFO_BANDWIDTH_BYTES)
    for label, speed, flags in (("V122", 1000, 1), ("V123", 1048577, 1), ("V124", 8796093022207, 0),
                                ("MiB", 3, 0), ("V125", 8796093022208, 0), ("V126", TOO_MUCH, 1),
                                ("V127 speed", 1, 2), ("held", 1, 1)):
        r.call(label + " set", r.domain.blockJobSetSpeed, "vda", speed, flags)
        if label == "V124":
            r.ready()         # with that speed it gets there; all that follows is in READY
        r.note_info(label + " MiB/s")
        r.note_info(label + " bytes/s", 1)
    r.call("V125 unknown disk", r.domain.blockJobSetSpeed, "vdz", 8796093022208, 0)
    r.call("unknown disk", r.domain.blockJobSetSpeed, "vdz", 1, 0)
    r.call("V127 abort", r.domain.blockJobAbort, "vda", 4)
    r.call("V127 info", r.domain.blockJobInfo, "vda", 2)
    r.call("abort", r.domain.blockJobAbort, "vda", 0)
    r.final("canceled")
    r.note_chain()
    r.note_events()


@case
def v116_held_aborted(r):
    paths = r.d(3)
    r.held()
    r.call("V116", r.domain.blockJobAbort, "vda", 0)
    r.final("canceled")
    r.note_chain("V116 chain")
    r.note_info("V116 info")
    r.note_events()
    r.note_files("files", *paths)


@case
def v43_held_intermediate(r):
    paths = r.d(4)
    r.held(paths[0], paths[2], 0)
    r.note_chain("while it runs")
    r.note_info("info")
    r.commit("V43 active", "vda", None, None, 0, ACTIVE)
    r.commit("V43 intermediate", "vda", paths[0], paths[2])
    r.call("V115", r.domain.blockJobAbort, "vda", PIVOT)
    r.call("abort", r.domain.blockJobAbort, "vda", 0)
    r.final("canceled")
    r.note_chain()
    r.note("header", r.normal(images.backing(paths[3])))
    r.note_events()


@case
def v146_allowed_meanwhile(r):
    """01/O13, O14: what a job on the disk does not forbid."""
    paths = r.chain(3)
    r.start(plain.disk("vda", paths[-1]), persistent=True)
    r.held()
    xml = r.domain.XMLDesc(INACTIVE)
    r.call("V146 undefine", r.domain.undefine)
    r.call("V146 define", r.conn.defineXML, xml)
    r.call("V146 suspend", r.domain.suspend)
    r.call("V146 resume", r.domain.resume)
    r.call("V146 reset", r.domain.reset)
    r.call("V146 tune", r.domain.setBlockIoTune, "vda", {"total_iops_sec": 100}, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    r.call("V146 shutdown", r.domain.shutdown)
    r.note_info("V146 info")
    r.call("abort", r.domain.blockJobAbort, "vda", 0)
    r.final("canceled")
    r.note_chain()
    r.note_disk("V146 persistent element", flags=INACTIVE)


@case
def v149_ambiguous_path(r):
    """01/A7: where one file is two disks, calls about jobs take the first, others none."""
    raw = os.path.join(r.folder, "raw")
    images.qemu_img("create", "-q", "-f", "raw", raw, "64M")
    r.daemon.own(raw)
    r.start(plain.disk("vda", raw, "raw", extra="<shareable/>"), plain.disk("vdb", raw, "raw", extra="<shareable/>"))
    r.call("V149 info", r.domain.blockInfo, raw)
    r.call("V149 stats", r.domain.blockStats, raw)
    r.call("V149 stats with flags", r.domain.blockStatsFlags, raw)
    r.call("job info", r.domain.blockJobInfo, raw, 0)
    r.commit("commit", raw, None, None, 0, ACTIVE)


@case
def abort_when_ready(r):
    paths = r.d(3)
    r.need("call", r.domain.blockCommit, "vda", None, None, 0, ACTIVE)
    r.ready()
    r.note_info("info when ready")
    r.call("speed when ready", r.domain.blockJobSetSpeed, "vda", 5, 0)
    r.call("async abort", r.domain.blockJobAbort, "vda", ASYNC)
    r.final("canceled")
    r.gone()
    r.note_chain()
    r.note_events()
    r.need("again", r.domain.blockCommit, "vda", paths[1], None, 0, ACTIVE)
    r.ready()
    mark = r.events.mark()
    r.call("async pivot", r.domain.blockJobAbort, "vda", ASYNC | PIVOT)
    r.final("completed", since=mark)
    r.gone()
    r.note_chain("chain after the second")
    r.note_events("events after the second")


@case
def no_job(r):
    r.d(2)
    r.call("V112 abort", r.domain.blockJobAbort, "vda", 0)
    r.call("V112 pivot", r.domain.blockJobAbort, "vda", PIVOT)
    r.call("V112 speed", r.domain.blockJobSetSpeed, "vda", 1, 0)
    r.call("V113", r.domain.blockJobInfo, "vda", 0)
    r.call("abort of an unknown disk", r.domain.blockJobAbort, "vdz", 0)
    r.call("info of an unknown disk", r.domain.blockJobInfo, "vdz", 0)


@case
def v128_no_data(r):
    paths = r.chain(2, data=False)
    r.start(plain.disk("vda", paths[-1]))
    r.need("call", r.domain.blockCommit, "vda", None, None, 0, ACTIVE)
    r.ready()
    r.note("info", r.domain.blockJobInfo("vda", 0))
    r.pivot()
    r.final()
    r.note_chain()


# --- the persistent definition ------------------------------------------------------------------------------------

def stated(paths):
    """A backingStore element for all images below the top one, with its end."""
    text = "<backingStore/>"
    for path in paths[:-1]:
        text = "<backingStore type='file'><format type='qcow2'/><source file='%s'/>%s</backingStore>" % (path, text)
    return text


@case
def v131_stated_chain(r):
    paths = r.chain(4)
    r.start(plain.disk("vda", paths[-1], extra=stated(paths)), persistent=True)
    r.note_chain("at the start")
    r.need("V131", r.domain.blockCommit, "vda", paths[1], paths[2], 0, 0)
    r.final()
    r.gone()
    r.note_chain("chain of V131")
    mark = r.events.mark()
    r.need("V132", r.domain.blockCommit, "vda", paths[1], None, 0, ACTIVE)
    r.pivot()
    r.final(since=mark)
    r.note_chain("chain of V132")
    r.note_disk("persistent element of V132", flags=INACTIVE)


@case
def v136_stated_chain_aborted(r):
    paths = r.chain(3)
    r.start(plain.disk("vda", paths[-1], extra=stated(paths)), persistent=True)
    r.need("call", r.domain.blockCommit, "vda", None, None, 0, ACTIVE)
    r.ready()
    r.domain.blockJobAbort("vda", 0)
    r.final("canceled")
    r.note_chain()
    r.note_disk("persistent element", flags=INACTIVE)


@case
def v138_only_top_stated(r):
    paths = r.chain(4)
    r.start(plain.disk("vda", paths[-1]), persistent=True)
    r.need("intermediate", r.domain.blockCommit, "vda", paths[0], paths[1], 0, 0)
    r.final()
    r.gone()
    r.note_chain("V137 with commit")
    mark = r.events.mark()
    r.need("active", r.domain.blockCommit, "vda", None, None, 0, ACTIVE)
    r.pivot()
    r.final(since=mark)
    r.note_chain("V138")
    r.note_disk("persistent element", flags=INACTIVE)
    r.domain.destroy()
    r.call("starts again", r.domain.create)
    r.note_chain("after a new start")


@case
def v139_definition_replaced(r):
    paths = r.chain(3)
    other = r.chain(1, "other")[0]
    r.start(plain.disk("vda", paths[-1]), persistent=True)
    r.need("call", r.domain.blockCommit, "vda", None, None, 0, ACTIVE)
    r.ready()
    uuid = "<uuid>%s</uuid>" % r.domain.UUIDString()
    xml = plain.domain(r.name, [plain.disk("vda", other)]).replace("<memory", uuid + "<memory", 1)
    r.call("define", r.conn.defineXML, xml)
    r.pivot()
    r.final()
    r.note_chain()


@case
def v140_undefine_meanwhile(r):
    paths = r.chain(3)
    r.start(plain.disk("vda", paths[-1]), persistent=True)
    r.held()
    r.call("undefine", r.domain.undefine)
    r.call("suspend", r.domain.suspend)
    r.call("resume", r.domain.resume)
    r.call("persistent", r.domain.isPersistent)
    r.domain.blockJobSetSpeed("vda", 0, 0)
    r.pivot()
    r.final()
    r.note_chain()


@case
def v167_formats(r):
    base = os.path.join(r.folder, "rb.raw")
    middle, top = os.path.join(r.folder, "rm.qcow2"), os.path.join(r.folder, "rt.qcow2")
    images.qemu_img("create", "-q", "-f", "raw", base, "64M")
    images.qemu_img("create", "-q", "-f", "qcow2", "-b", base, "-F", "raw", middle)
    images.qemu_img("create", "-q", "-f", "qcow2", "-b", middle, "-F", "qcow2", top)
    r.daemon.own(base, middle, top)
    r.start(plain.disk("vda", top), persistent=True)
    intermediate(r, base, middle)
    r.note("format in the header", images.info(top).get("backing-filename-format"))
    mark = r.events.mark()
    r.need("active", r.domain.blockCommit, "vda", None, None, 0, ACTIVE)
    r.pivot()
    r.final(since=mark)
    r.note_chain("after the pivot")
    r.note_disk("disk element")


# --- names, several disks -----------------------------------------------------------------------------------------

@case
def v161_two_disks(r):
    a, b = r.chain(4, "a"), r.chain(2, "b")
    r.start(plain.disk("vda", a[-1]), plain.disk("vdb", b[-1]))
    r.note_chain("vda", "vda")
    r.note_chain("vdb", "vdb")
    r.domain.blockCommit("vda", None, None, 0, ACTIVE)
    r.domain.blockCommit("vdb", None, None, 0, ACTIVE)
    r.ready("vda")
    r.ready("vdb")
    r.pivot("vdb")
    r.final(disk="vdb")
    r.note_chain("V163 vda, still a mirror", "vda")
    r.note_chain("V163 vdb", "vdb")
    r.pivot("vda")
    r.final(disk="vda")
    r.note_chain("V163 vda, at the end", "vda")
    r.note("V163 events of vda", [e for e in r.job_events() if "vda" in e[1] or "/a" in e[1]])
    r.note("V163 events of vdb", [e for e in r.job_events() if "vdb" in e[1] or "/b" in e[1]])


def in_folders(r):
    """Starts a domain on a chain whose middle is in a folder below: ../rb.qcow2, sub/rm.qcow2; gives the top."""
    os.mkdir(os.path.join(r.folder, "sub"))
    os.chmod(os.path.join(r.folder, "sub"), 0o711)
    base, middle, top = (os.path.join(r.folder, n) for n in ("rb.qcow2", "sub/rm.qcow2", "rt.qcow2"))
    images.qemu_img("create", "-q", "-f", "qcow2", base, "64M")
    images.qemu_img("create", "-q", "-f", "qcow2", "-b", "../rb.qcow2", "-F", "qcow2", middle)
    images.qemu_img("create", "-q", "-f", "qcow2", "-b", "sub/rm.qcow2", "-F", "qcow2", top, cwd=r.folder)
    r.daemon.own(os.path.join(r.folder, "sub"), base, middle, top)
    r.start(plain.disk("vda", top))
    return top


@case
def v166_folders(r):
    top = in_folders(r)
    r.note_chain("at the start")
    intermediate(r, "../rb.qcow2", "sub/rm.qcow2", RELATIVE)
    r.note("header", images.backing(top))


@case
def v169_mirror_in_input(r):
    paths = r.chain(2)
    r.start(plain.disk("vda", paths[-1], extra="<mirror type='file' job='active-commit' ready='yes'>"
                       "<format type='qcow2'/><source file='%s'/></mirror>" % paths[0]), persistent=True)
    r.note_chain("at the start")
    r.need("call", r.domain.blockCommit, "vda", None, None, 0, ACTIVE)
    r.pivot()
    r.final()
    r.note_chain()


@case
def v170_info_in_callback(r):
    r.d(2)
    inside = []

    def on_event(_conn, domain, disk, _kind, status, _opaque):
        xml = domain.XMLDesc(0)
        inside.append([status, domain.blockJobInfo(disk, 0) != {}, jobs.mirror(xml, disk) is not None,
                       len(jobs.chain(xml, disk)[0])])

    ident = r.conn.domainEventRegisterAny(r.domain, libvirt.VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2, on_event, None)
    try:
        r.domain.blockCommit("vda", None, None, 0, ACTIVE)
        jobs.wait_for(lambda: len(inside) >= 1, 20)  # a pivot meanwhile would show in what the callback reads
        r.pivot()
        jobs.wait_for(lambda: len(inside) >= 2, 20)
    finally:
        r.conn.domainEventDeregisterAny(ident)
    r.note("V170 status, job, mirror, length", inside)


@case
def v178_names_of_base(r):
    paths = r.chain(2)
    link = os.path.join(r.folder, "link")
    os.symlink(paths[0], link)
    r.start(plain.disk("vda", paths[-1]))
    dots = os.path.join(r.folder, "..", r.case, "x0.qcow2")
    for label, name in (("link", link), ("dots", dots), ("bare", "x0.qcow2")):
        mark = r.events.mark()
        r.need("V178 " + label, r.domain.blockCommit, "vda", name, None, 0, ACTIVE)
        r.ready()
        r.domain.blockJobAbort("vda", 0)
        r.final("canceled", since=mark)
    r.call("disk by path", r.domain.blockCommit, paths[1], None, None, 0, ACTIVE)
    r.pivot()
    r.final()
    r.note_chain()
    r.call("disk by a link", r.domain.blockCommit, link, None, None, 0, ACTIVE)


@case
def v180_block_device_in_the_chain(r):
    """01/C22: DELETE removes files, and nothing else."""
    base, middle, lower, top = (os.path.join(r.folder, n) for n in ("lb0", "disk", "lb2", "lb3"))
    images.qemu_img("create", "-q", "-f", "qcow2", base, "64M")
    with open(middle, "w") as f:
        f.truncate(80 << 20)
    done = subprocess.run(["losetup", "--find", "--show", middle], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise Stop("no loop device")        # on both sides
    device = done.stdout.strip()
    try:
        images.qemu_img("create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", device, "64M")
        images.qemu_img("create", "-q", "-f", "qcow2", "-b", device, "-F", "qcow2", lower)
        images.qemu_img("create", "-q", "-f", "qcow2", "-b", lower, "-F", "qcow2", top)
        r.daemon.own(base, device, lower, top)
        r.start(plain.disk("vda", top))
        r.need("V180", r.domain.blockCommit, "vda", None, lower, 0, DELETE)
        r.final()
        r.gone()
        r.note_chain()
        r.note_files("files", base, middle, lower, top)
        r.domain.destroy()
        r.note("header of the device", images.info(device)["format"])
    finally:
        subprocess.run(["losetup", "-d", device], check=False)


@case
def v181_paused(r):
    r.d(2, paused=True)
    r.note("before", r.domain.state())
    r.domain.blockCommit("vda", None, None, 0, ACTIVE)
    r.pivot()
    r.final()
    r.note("after", r.domain.state())
    r.note_chain()


# --- the end of the VM --------------------------------------------------------------------------------------------

@case
def v150_destroy_active(r):
    paths = r.chain(3)
    r.start(plain.disk("vda", paths[-1]), persistent=True)
    r.held()
    mark = r.events.mark()
    r.call("destroy", r.domain.destroy)
    r.ended(since=mark)
    r.note_events("no job event")
    r.note("last lifecycle event", r.lifecycle()[-1])
    r.note_chain()
    r.call("info", r.domain.blockJobInfo, "vda", 0)
    r.call("starts again", r.domain.create)
    r.note_chain("after a new start")


@case
def v150_destroy_intermediate(r):
    paths = r.chain(3)
    r.start(plain.disk("vda", paths[-1]), persistent=True)
    r.held(paths[0], paths[1], 0)
    r.call("destroy", r.domain.destroy)
    r.note_events("no job event")
    r.note_chain()


@case
def v151_qemu_killed(r):
    paths = r.chain(3)
    r.start(plain.disk("vda", paths[-1]), persistent=True)
    r.domain.blockCommit("vda", None, None, 0, ACTIVE)
    r.ready()
    mark = r.events.mark()
    r.daemon.ask(do="signal", pid=r.daemon.qemu_pid(r.name), signal=int(signal.SIGKILL))
    r.ended(since=mark)
    r.note("state", r.domain.state())
    r.note("last lifecycle event", r.lifecycle()[-1])
    r.note_chain()
    r.note_events()
    r.call("starts again", r.domain.create)
    r.note_chain("after a new start")
    r.note_info("info after a new start")


@case
def v151_transient_killed(r):
    r.d(2)
    r.domain.blockCommit("vda", None, None, 0, ACTIVE)
    r.ready()
    mark = r.events.mark()
    r.daemon.ask(do="signal", pid=r.daemon.qemu_pid(r.name), signal=int(signal.SIGKILL))
    r.ended(since=mark)
    jobs.wait_for(lambda: "error" in (r.outcome(r.conn.lookupByName, r.name) or ()), 10)
    r.call("lookup", r.conn.lookupByName, r.name)


def power_off(r, mark):
    """What a guest writes into its chipset to switch itself off; before the firmware has set the register up it has no
    effect. Once it had, it is not written again: a second power-off is another event."""
    import libvirt_qemu
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            libvirt_qemu.qemuMonitorCommand(r.domain, "o /w 0x604 0x2000", HMP)
        except libvirt.libvirtError:
            break
        if r.events.wait(lambda e: e[:3] == (r.name, "lifecycle", 6), 2, mark):
            break


def start_again(r):
    """The stock driver may still be busy with the end of the last run, and then refuses the next one; it is asked
    again, ours is not."""
    try:
        return r.domain.create()
    except libvirt.libvirtError as e:
        if r.daemon.driver != "stock" or e.get_error_code() != libvirt.VIR_ERR_OPERATION_FAILED:
            raise
    time.sleep(1)
    return r.domain.create()


def powered_off(r, label, ready):
    paths = r.chain(3)
    r.start(plain.disk("vda", paths[-1]), persistent=True, paused=False)
    if ready:
        r.domain.blockCommit("vda", None, None, 0, ACTIVE)
        r.ready()
    else:
        r.held(paths[0], paths[1], 0)
    mark = r.events.mark()
    power_off(r, mark)
    r.ended(since=mark)
    r.note(label + " state", r.domain.state())
    r.note(label + " lifecycle events", r.lifecycle())
    r.note_events(label + " events")
    r.note_chain(label)
    r.call("starts again", start_again, r)
    r.note_chain("after a new start")


@case
def v152_power_off_ready(r):
    powered_off(r, "V152 READY", True)


@case
def v152_power_off_intermediate(r):
    powered_off(r, "V152 commit", False)


@case
def v159_cancelled_at_the_monitor(r):
    import libvirt_qemu
    r.d(3)
    r.domain.blockCommit("vda", None, None, 0, ACTIVE)
    r.ready()
    import json
    listed = json.loads(libvirt_qemu.qemuMonitorCommand(r.domain, '{"execute":"query-block-jobs"}', 0))
    name = listed["return"][0]["device"]
    libvirt_qemu.qemuMonitorCommand(r.domain, '{"execute":"block-job-cancel","arguments":{"device":"%s"}}' % name, 0)
    if not r.events.wait(lambda e: e[0] == r.name and e[1] == "job2" and e[4] != "ready", 20):
        raise Stop("no event")
    r.gone()
    r.note("V159 events", r.job_events())
    r.note_chain("V159 chain")
