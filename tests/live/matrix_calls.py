"""The operations of behaviour/07 G3, by the names of its rows: each a call on a domain of matrix.py.

A call that changes something when it is allowed says so: the domain is made anew afterwards."""

import os

import libvirt

from images import qemu_img

LIVE, CONFIG = libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG
DISK_ONLY = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY
BYTES = libvirt.VIR_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES
NOWHERE = "qemu+unix:///system?socket=/nonexistent/socket"

CALLS = {}      # name of a row, without what stands in brackets -> (call, whether it changes something)
BEFORE = {}     # the same -> what is called before there is a job, on a domain that is made for this row


def row(*names, changes=False):
    def take(function):
        for name in names:
            CALLS[name] = (function, changes)
        return function
    return take


def alter(*names):
    return row(*names, changes=True)


# --- memory ---------------------------------------------------------------------------------------------------------

@alter("save")
def save(at, _disk):
    at.domain.save(at.path("saved"))


@alter("saveFlags-paused")
def save_paused(at, _disk):
    at.domain.saveFlags(at.path("saved"), None, libvirt.VIR_DOMAIN_SAVE_PAUSED)


@alter("saveParams")
def save_params(at, _disk):
    at.domain.saveParams({libvirt.VIR_DOMAIN_SAVE_PARAM_FILE: at.path("saved")}, 0)


@alter("managedSave")
def managed_save(at, _disk):
    at.domain.managedSave(0)


DUMPS = {"coreDump": 0, "coreDump-live": libvirt.VIR_DUMP_LIVE, "coreDump-crash": libvirt.VIR_DUMP_CRASH,
         "coreDump-memory-only": libvirt.VIR_DUMP_MEMORY_ONLY}
for _name, _flags in DUMPS.items():
    CALLS[_name] = (lambda at, _disk, flags=_flags: at.domain.coreDump(at.path("core"), flags), True)

MIGRATIONS = {
    "migrate-live": 0, "migrate-offline-mem": None, "migrate-p2p": libvirt.VIR_MIGRATE_PEER2PEER,
    "migrate-p2p-tunnelled": libvirt.VIR_MIGRATE_PEER2PEER | libvirt.VIR_MIGRATE_TUNNELLED,
    "migrate-copy-all": libvirt.VIR_MIGRATE_NON_SHARED_DISK,
    "migrate-copy-all-other": libvirt.VIR_MIGRATE_NON_SHARED_DISK,
    "migrate-copy-inc": libvirt.VIR_MIGRATE_NON_SHARED_INC,
    "migrate-change-protection": libvirt.VIR_MIGRATE_CHANGE_PROTECTION,
    "migrate-offline-flag": libvirt.VIR_MIGRATE_OFFLINE | libvirt.VIR_MIGRATE_PERSIST_DEST}


def migrate(at, name):
    flags = MIGRATIONS[name]
    live = 0 if flags is None or flags & libvirt.VIR_MIGRATE_OFFLINE else libvirt.VIR_MIGRATE_LIVE
    params = {"migrate_disks": ["sdb"]} if name == "migrate-copy-all-other" else {}
    flags = (flags or 0) | live | libvirt.VIR_MIGRATE_UNSAFE
    if flags & libvirt.VIR_MIGRATE_PEER2PEER:
        at.domain.migrateToURI3(NOWHERE, params, flags)
    else:
        at.domain.migrate3(at.conn, params, flags)


for _name in MIGRATIONS:
    CALLS[_name] = (lambda at, _disk, name=_name: migrate(at, name), True)


# --- snapshots ------------------------------------------------------------------------------------------------------

def snapshot(at, flags, memory="", disks=""):
    at.serial += 1
    name = "s%d" % at.serial
    xml = "<domainsnapshot><name>%s</name>%s<disks>%s</disks></domainsnapshot>" % (
        name, memory % at.path(name + ".memory") if "%s" in memory else memory, disks % {"path": at.path(name)})
    at.domain.snapshotCreateXML(xml, flags)


SAME = "<disk name='sdb' snapshot='no'/><disk name='sda' snapshot='external'><source file='%(path)s'/></disk>"
OTHER = "<disk name='sda' snapshot='no'/><disk name='sdb' snapshot='external'><source file='%(path)s'/></disk>"
NONE = "<disk name='sda' snapshot='no'/><disk name='sdb' snapshot='no'/>"
MEMORY = "<memory snapshot='external' file='%s'/>"
HALT, QUIESCE = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_HALT, libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE
SNAPSHOTS = {       # flags, memory, disks
    "snap-internal": (0, "", ""), "snap-internal-quiesce": (QUIESCE, "", ""), "snap-internal-halt": (HALT, "", ""),
    "snap-disk-only": (DISK_ONLY, "", ""), "snap-disk-only [same]": (DISK_ONLY, "", SAME),
    "snap-disk-only [other]": (DISK_ONLY, "", OTHER), "snap-disk-only-default-xml": (DISK_ONLY, "", ""),
    "snap-disk-only-atomic": (DISK_ONLY | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC, "", OTHER),
    "snap-disk-only-quiesce": (DISK_ONLY | QUIESCE, "", OTHER),
    "snap-disk-only-no-metadata": (DISK_ONLY | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA, "", OTHER),
    "snap-disk-only-halt": (DISK_ONLY | HALT, "", OTHER),
    "snap-disk-only-live": (DISK_ONLY | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_LIVE, "", OTHER),
    "snap-mem": (0, MEMORY, ""), "snap-mem-live": (libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_LIVE, MEMORY, OTHER),
    "snap-mem-no-disks": (0, MEMORY, NONE), "snap-mem-halt": (HALT, MEMORY, OTHER)}
for _name, _words in SNAPSHOTS.items():
    CALLS[_name] = (lambda at, _disk, words=_words: snapshot(at, *words), True)


REDEFINE = """<domainsnapshot><name>%s</name><creationTime>1</creationTime><state>disk-snapshot</state>
<memory snapshot='no'/><disks><disk name='sda' snapshot='external' type='file'><source file='%s'/></disk>
<disk name='sdb' snapshot='no'/></disks>%s</domainsnapshot>"""


@alter("snap-disk-only-reuse [other]")
def snap_reuse(at, _disk):
    path = at.path("s%d" % (at.serial + 1))
    qemu_img("create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", at.path("sdb.2"), path)
    at.daemon.own(path)
    snapshot(at, DISK_ONLY | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT, "", OTHER)


def redefine(at, number=None):
    at.serial = number or at.serial + 1
    xml = REDEFINE % ("r%d" % at.serial, at.path("sda.2"), at.domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
    return at.domain.snapshotCreateXML(xml, libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE)


@alter("snap-redefine")
def snap_redefine(at, _disk):
    redefine(at)


@alter("snap-redefine-existing")
def snap_redefine_existing(at, _disk):
    redefine(at)
    redefine(at, at.serial)


@alter("snap-delete-metadata")
def snap_delete_metadata(at, _disk):
    redefine(at).delete(libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY)


def internal(at):
    """A snapshot that is within the images, and its child."""
    for name in ("i1", "i2"):
        at.domain.snapshotCreateXML("<domainsnapshot><name>%s</name></domainsnapshot>" % name)


def internal_row(name, call):
    CALLS[name] = (lambda at, _disk: call(at.domain), True)
    BEFORE[name] = internal


for _name, _which, _flags in (
        ("snap-delete-internal", "i2", 0),
        ("snap-delete-metadata-internal", "i2", libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY),
        ("snap-delete-children", "i1", libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN),
        ("snap-delete-children-only", "i1", libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY)):
    internal_row(_name, lambda domain, which=_which, flags=_flags: domain.snapshotLookupByName(which).delete(flags))
for _name, _flags in (("snap-revert-internal", 0),
                      ("snap-revert-internal-force", libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_FORCE)):
    internal_row(_name, lambda domain, flags=_flags: domain.revertToSnapshot(domain.snapshotLookupByName("i1"), flags))


@alter("snap-delete-external")
def snap_delete_external(at, _disk):
    redefine(at).delete(0)


@alter("snap-revert-external")
def snap_revert_external(at, _disk):
    at.domain.revertToSnapshot(redefine(at), 0)


@row("snap-list")
def snap_list(at, _disk):
    at.domain.listAllSnapshots()


@row("snap-current")
def snap_current(at, _disk):
    at.domain.hasCurrentSnapshot(0)


# --- checkpoints and backups ----------------------------------------------------------------------------------------

@alter("checkpoint-create")
def checkpoint(at, disk):
    other = "sdb" if disk == "sda" else "sda"
    at.domain.checkpointCreateXML("<domaincheckpoint><disks><disk name='%s' checkpoint='bitmap'/>"
                                  "<disk name='%s' checkpoint='no'/></disks></domaincheckpoint>" % (disk, other), 0)


@alter("backup-push")
def backup(at, disk):
    other = "sdb" if disk == "sda" else "sda"
    at.domain.backupBegin("<domainbackup><disks><disk name='%s' type='file'><target file='%s'/><driver type='qcow2'/>"
                          "</disk><disk name='%s' backup='no'/></disks></domainbackup>"
                          % (disk, at.path("backup"), other), None, 0)


# --- definitions and power ------------------------------------------------------------------------------------------

@alter("define-same")
def define_same(at, _disk):
    at.conn.defineXML(at.xml)


@alter("define-changed")
def define_changed(at, _disk):
    at.conn.defineXML(at.xml.replace("<memory", "<description>changed</description><memory"))


@alter("define-disk-removed")
def define_removed(at, _disk):
    at.conn.defineXML(at.xml.replace(at.disk_xml("sda"), ""))


UNDEFINES = {
    "undefine": 0, "undefine-snap-flag0": 0, "undefine-cp-flag0": 0,
    "undefine-snap-metadata": libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA,
    "undefine-cp-metadata": libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA,
    "undefine-managed-save": libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE,
    "undefine-nvram": libvirt.VIR_DOMAIN_UNDEFINE_NVRAM, "undefine-keep-nvram": libvirt.VIR_DOMAIN_UNDEFINE_KEEP_NVRAM}
for _name, _flags in UNDEFINES.items():
    CALLS[_name] = (lambda at, _disk, flags=_flags: at.domain.undefineFlags(flags), True)

for _name, _call, _alters in (
        ("createXML-again", lambda at: at.conn.createXML(at.xml, 0), False),
        ("create-again", lambda at: at.domain.create(), False),
        ("rename", lambda at: at.domain.rename("another", 0), False),
        ("destroy", lambda at: at.domain.destroy(), True),
        ("destroy-graceful", lambda at: at.domain.destroyFlags(libvirt.VIR_DOMAIN_DESTROY_GRACEFUL), True),
        ("shutdown", lambda at: at.domain.shutdown(), False),
        ("shutdown-agent", lambda at: at.domain.shutdownFlags(libvirt.VIR_DOMAIN_SHUTDOWN_GUEST_AGENT), False),
        ("reboot", lambda at: at.domain.reboot(libvirt.VIR_DOMAIN_REBOOT_ACPI_POWER_BTN), True),
        ("reset", lambda at: at.domain.reset(0), False),
        ("suspend", lambda at: (at.domain.suspend(), at.domain.resume()), False),
        ("resume", lambda at: (at.domain.suspend(), at.domain.resume()), False),
        ("pmsuspend", lambda at: at.domain.pMSuspendForDuration(libvirt.VIR_NODE_SUSPEND_TARGET_MEM, 0, 0), False),
        ("pmwakeup", lambda at: at.domain.pMWakeup(0), False),
        ("fsfreeze", lambda at: at.domain.fsFreeze(), False),
        ("fsthaw", lambda at: at.domain.fsThaw(), False),
        ("setMemory", lambda at: at.domain.setMemory(16384), False),
        ("setVcpus", lambda at: at.domain.setVcpus(1), False),
        ("setMetadata", lambda at: at.domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, "t", None, None, LIVE),
         False),
        ("setAutostart", lambda at: (at.domain.setAutostart(1), at.domain.setAutostart(0)), False),
        ("sendkey", lambda at: at.domain.sendKey(0, 0, [30], 1, 0), False)):
    CALLS[_name] = (lambda at, _disk, call=_call: call(at), _alters)


# --- queries --------------------------------------------------------------------------------------------------------

for _name, _call in (
        ("getxml", lambda at: at.domain.XMLDesc(0)),
        ("getxml-migratable", lambda at: at.domain.XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE)),
        ("getxml-inactive", lambda at: at.domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)),
        ("stats", lambda at: at.conn.domainListGetStats([at.domain])),
        ("memoryPeek", lambda at: at.domain.memoryPeek(0, 16, libvirt.VIR_MEMORY_PHYSICAL)),
        ("abortJob", lambda at: at.domain.abortJob()),
        ("jobInfo", lambda at: at.domain.jobInfo()),
        ("jobStats", lambda at: at.domain.jobStats())):
    CALLS[_name] = (lambda at, _disk, call=_call: call(at), False)


# --- disks ----------------------------------------------------------------------------------------------------------

RNG = "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"
INPUT = "<input type='keyboard' bus='virtio'/>"
CONTROLLER = "<controller type='scsi' index='5' model='virtio-scsi'/>"
GROW = 128 << 20
DEVICE = "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='%s'/>" \
         "<target dev='sde' bus='scsi'/></disk>"


def attach(at, flags):
    at.serial += 1
    at.domain.attachDeviceFlags(DEVICE % at.new_image("new%d" % at.serial), flags)


for _name, _flags in (("attach-disk-live", LIVE), ("attach-disk-config", CONFIG),
                      ("attach-disk-live+config", LIVE | CONFIG)):
    CALLS[_name] = (lambda at, _disk, flags=_flags: attach(at, flags), True)
for _name, _flags in (("detach-disk-live", LIVE), ("detach-disk-config", CONFIG),
                      ("detach-disk-live+config", LIVE | CONFIG)):
    CALLS[_name] = (lambda at, disk, flags=_flags: at.domain.detachDeviceFlags(at.disk_xml(disk), flags), True)

for _name, _call, _alters in (
        ("detach-by-alias", lambda at, disk: at.domain.detachDeviceAlias(at.alias(disk), LIVE), True),
        ("update-disk-same-xml", lambda at, disk: at.domain.updateDeviceFlags(at.disk_xml(disk), LIVE), False),
        ("update-disk-new-source", lambda at, disk: at.domain.updateDeviceFlags(
            at.disk_xml(disk).replace(disk + ".2", disk + ".0"), LIVE), False),
        ("cdrom-change", lambda at, _disk: at.domain.updateDeviceFlags(at.cdrom_xml(at.medium()), LIVE), False),
        ("cdrom-eject", lambda at, _disk: at.domain.updateDeviceFlags(at.cdrom_xml(None), LIVE), False),
        ("cdrom-change-config",
         lambda at, _disk: at.domain.updateDeviceFlags(at.cdrom_xml(at.medium()), CONFIG), False),
        ("cdrom-detach", lambda at, _disk: at.domain.detachDeviceFlags(at.cdrom_xml(None), LIVE), True),
        ("attach-rng", lambda at, _disk: at.domain.attachDeviceFlags(RNG, LIVE), True),
        ("attach-input", lambda at, _disk: at.domain.attachDeviceFlags(INPUT, LIVE), True),
        ("detach-input", lambda at, _disk: (at.domain.attachDeviceFlags(INPUT, LIVE),
                                            at.domain.detachDeviceFlags(INPUT, LIVE)), True),
        ("update-disk-startupPolicy", lambda at, disk: at.domain.updateDeviceFlags(
            at.disk_xml(disk).replace("<source ", "<source startupPolicy='optional' "), LIVE), True),
        ("attach-controller", lambda at, _disk: at.domain.attachDeviceFlags(CONTROLLER, LIVE), True),
        ("blockresize-shrink",
         lambda at, disk: at.domain.blockResize(disk, 16 << 20, libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES), True),
        ("blockresize",
         lambda at, disk: at.domain.blockResize(disk, GROW, libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES), True),
        ("blockpull", lambda at, disk: at.domain.blockPull(disk, 1, BYTES), True),
        ("blockcommit", lambda at, disk: at.commit(disk), True),
        ("blockcommit-active",
         lambda at, disk: at.domain.blockCommit(disk, None, None, 1, at.COMMIT_BYTES | at.COMMIT_ACTIVE), True),
        ("blockcopy", lambda at, disk: at.copy(disk, libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB), True),
        ("blockcopy-no-transient-flag", lambda at, disk: at.copy(disk, 0), True),
        ("blockrebase-pull", lambda at, disk: at.domain.blockRebase(
            disk, None, 1, libvirt.VIR_DOMAIN_BLOCK_REBASE_BANDWIDTH_BYTES), True),
        ("blockrebase-copy", lambda at, disk: at.domain.blockRebase(
            disk, at.path("rebased"), 1,
            libvirt.VIR_DOMAIN_BLOCK_REBASE_COPY | libvirt.VIR_DOMAIN_BLOCK_REBASE_BANDWIDTH_BYTES), True),
        ("blockjob-info", lambda at, disk: at.domain.blockJobInfo(disk, 0), False),
        ("blockjob-setspeed", lambda at, disk: at.domain.blockJobSetSpeed(disk, 1, at.SPEED_BYTES), False),
        ("blockjob-abort", lambda at, disk: at.domain.blockJobAbort(disk, 0), True),
        ("blockjob-abort-async",
         lambda at, disk: at.domain.blockJobAbort(disk, libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_ASYNC), True),
        ("blockjob-pivot",
         lambda at, disk: at.domain.blockJobAbort(disk, libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT), True),
        ("iotune-live", lambda at, disk: at.domain.setBlockIoTune(disk, {"total_iops_sec": 1000}, LIVE), False),
        ("iotune-config", lambda at, disk: at.domain.setBlockIoTune(disk, {"total_iops_sec": 1000}, CONFIG), False),
        ("iotune-get", lambda at, disk: at.domain.blockIoTune(disk, 0), False),
        ("blockthreshold", lambda at, disk: at.domain.setBlockThreshold(disk, 1 << 20, 0), False),
        ("blockpeek", lambda at, disk: at.domain.blockPeek(disk, 0, 512, 0), False),
        ("blockinfo", lambda at, disk: at.domain.blockInfo(disk, 0), False),
        ("blockstats", lambda at, disk: at.domain.blockStats(disk), False)):
    CALLS[_name] = (_call, _alters)


def clean(at):
    for name in ("saved", "core", "rebased"):
        if os.path.exists(at.path(name)):
            os.unlink(at.path(name))
