#!/usr/bin/python3
"""Every call of the python bindings that asks a running VM for something: what it answers, or with which error.

A method of virDomain that stands in neither table below fails, and so does one that the bindings have not.
"""

import sys
import xml.etree.ElementTree as ElementTree

import libvirt

import plain
import suite

LIVE, CONFIG = libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG
MAXIMUM, GUEST = libvirt.VIR_DOMAIN_VCPU_MAXIMUM, libvirt.VIR_DOMAIN_VCPU_GUEST
MAC = "52:54:00:71:66:01"
UUID = "5c0b7f0e-3c53-4f0a-8f2b-0000000071b0"
MEMORY = 32 << 10                   # KiB
TITLE, NAMESPACE = "a title", "urn:example:getters"
XML = """<uuid>%s</uuid><title>%s</title><metadata><x:of xmlns:x='%s'>1</x:of></metadata><iothreads>1</iothreads>
<vcpu current='1'>2</vcpu>""" % (UUID, TITLE, NAMESPACE)
DEVICES = """<memballoon model='virtio'/><interface type='user'><mac address='%s'/><model type='virtio'/></interface>
<serial type='pty'/><graphics type='vnc'/><video><model type='vga'/></video>""" % MAC


class Error:
    """An error is expected. @known: why the stock driver has another answer."""

    def __init__(self, code, words="", known=None):
        self.code, self.words, self.known = code, words, known

    def __repr__(self):
        return "error %d, %s" % (self.code, self.words)


class Only:
    """An answer that the stock driver does not give, as @known says."""

    def __init__(self, shape, known):
        self.shape, self.known = shape, known

    def __repr__(self):
        return repr(self.shape)


class PerMode:
    def __init__(self, system, session):
        self.of = {"system": system, "session": session}


class Each:
    """A list or a dictionary, not empty, all of whose values have that shape."""

    def __init__(self, kind, shape):
        self.kind, self.shape = kind, shape

    def __repr__(self):
        return "%s, each %r" % (self.kind.__name__, self.shape)


class OneOf:
    def __init__(self, *shapes):
        self.shapes = shapes

    def __repr__(self):
        return " or ".join(map(repr, self.shapes))


def number(value):
    return type(value) is int and value >= 0


def positive(value):
    return type(value) is int and value > 0


def boolean(value):
    return type(value) is bool


def string(value):
    return type(value) is str


def document(value):
    return ElementTree.fromstring(value).findtext("uuid") == UUID


def running(value):
    return document(value) and int(ElementTree.fromstring(value).get("id")) > 0


def connection(value):
    return isinstance(value, libvirt.virConnect)


def cpus(value):
    """A CPU map that names at least one."""
    return type(value) is tuple and all(map(boolean, value)) and any(value)


def fits(value, shape):
    """Is @value as @shape says? A shape is a value, a function, or a list, tuple or dictionary of shapes."""
    if isinstance(shape, Only):
        return fits(value, shape.shape)
    if isinstance(shape, OneOf):
        return any(fits(value, one) for one in shape.shapes)
    if isinstance(shape, Error):
        return isinstance(value, libvirt.libvirtError) and value.get_error_code() == shape.code and \
            shape.words in str(value)
    if isinstance(value, libvirt.libvirtError):
        return False
    if isinstance(shape, Each):
        values = value.values() if isinstance(value, dict) else value
        return type(value) is shape.kind and len(values) > 0 and all(fits(one, shape.shape) for one in values)
    if isinstance(shape, dict):
        return type(value) is dict and value.keys() == shape.keys() and all(fits(value[k], shape[k]) for k in shape)
    if isinstance(shape, (list, tuple)):
        return type(value) is type(shape) and len(value) == len(shape) and all(map(fits, value, shape))
    return shape(value) if callable(shape) else type(value) is type(shape) and value == shape


NOT_DONE = Error(libvirt.VIR_ERR_NO_SUPPORT, "not supported by the connection driver", "it has this call")
NOT_MIGRATED = Error(libvirt.VIR_ERR_OPERATION_INVALID, "is not being migrated", "it can migrate")
NOT_RAW = Error(libvirt.VIR_ERR_OPERATION_UNSUPPORTED, "peeking is only supported for disk with 'raw' format")
NO_AGENT = Error(libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED, "QEMU guest agent is not configured")
NO_DISK = Error(libvirt.VIR_ERR_INVALID_ARG, "vdz")
NO_METADATA = Error(libvirt.VIR_ERR_NO_DOMAIN_METADATA)
FLAGS = Error(libvirt.VIR_ERR_INVALID_ARG, "unsupported flags")
UNKNOWN = 1 << 30                   # a flag that no call has


def no_group(controller):
    """The daemon of the tests makes no control groups."""
    return Error(libvirt.VIR_ERR_OPERATION_INVALID, "no control group of the controller '%s'" % controller,
                 "it says it in other words")


IOTUNE = dict.fromkeys([kind + "_" + what + unit for kind in ("total", "read", "write") for what in ("bytes", "iops")
                        for unit in ("_sec", "_sec_max", "_sec_max_length")] + ["size_iops_sec"], 0)
BLOCK_STATS = dict.fromkeys(["rd_operations", "rd_bytes", "rd_total_times", "wr_operations", "wr_bytes",
                             "wr_total_times", "flush_operations", "flush_total_times"], number)
BLKIO = {"weight": 0, **dict.fromkeys(["device_weight", "device_read_iops_sec", "device_write_iops_sec",
                                       "device_read_bytes_sec", "device_write_bytes_sec"], "")}
SCHEDULER = dict.fromkeys(["cpu_shares"] + [of + what for of in ("vcpu", "emulator", "global", "iothread")
                                            for what in ("_period", "_quota")], 0)
UNLIMITED = (1 << 53) - 1           # the bindings have no name for it
LIMITS = dict.fromkeys(["hard_limit", "soft_limit", "swap_hard_limit"], UNLIMITED)
NUMA = {"numa_mode": libvirt.VIR_DOMAIN_NUMATUNE_MEM_STRICT, "numa_nodeset": ""}
NEEDS_GROUPS = "it answers only where it has control groups"
NO_BLKIO, NO_MEMORY, NO_CPU = (Error(code, what + " tuning is not available in session mode") for code, what in (
    (libvirt.VIR_ERR_CONFIG_UNSUPPORTED, "Block I/O"), (libvirt.VIR_ERR_OPERATION_UNSUPPORTED, "Memory"),
    (libvirt.VIR_ERR_OPERATION_UNSUPPORTED, "CPU")))
# libvirt.so cannot read the neighbours of every kernel
NEIGHBOURS = OneOf({}, Error(libvirt.VIR_ERR_INTERNAL_ERROR, "malformed netlink response"),
                   Error(libvirt.VIR_ERR_INTERNAL_ERROR, "wrong nlmsg len"))

# method -> its calls, each with its arguments and what comes back
GETTERS = {
    "ID": [((), positive)],
    "OSType": [((), "hvm")],
    "UUID": [((), bytes.fromhex(UUID.replace("-", "")))],
    "UUIDString": [((), UUID)],
    "XMLDesc": [((), running), ((libvirt.VIR_DOMAIN_XML_SECURE,), running), ((UNKNOWN,), FLAGS)],
    "authorizedSSHKeysGet": [(("root",), NOT_DONE)],
    "autostart": [((), 0)],
    "backupGetXMLDesc": [((), NOT_DONE)],
    "blkioParameters": [((), PerMode(no_group("blkio"), NO_BLKIO)), ((CONFIG,), PerMode(BLKIO, NO_BLKIO)),
                        ((UNKNOWN,), FLAGS)],
    "blockInfo": [(("vda",), [64 << 20, positive, positive]), (("vdz",), NO_DISK)],
    "blockIoTune": [(("vda",), {**IOTUNE, "group_name": ""}), (("vda", CONFIG), {**IOTUNE, "group_name": ""}),
                    (("vdz",), NO_DISK)],
    "blockJobInfo": [(("vda",), {}), (("vdz",), NO_DISK)],
    "blockPeek": [(("vda", 0, 16), NOT_RAW)],
    "blockStats": [(("vda",), (number, number, number, number, -1)), (("",), (number, number, number, number, -1)),
                   (("vdz",), NO_DISK)],
    "blockStatsFlags": [(("vda",), BLOCK_STATS), (("",), BLOCK_STATS), (("vdz",), NO_DISK)],
    "c_pointer": [((), positive)],
    "checkpointLookupByName": [(("none",), NOT_DONE)],
    "connect": [((), connection)],
    "controlInfo": [((), [libvirt.VIR_DOMAIN_CONTROL_OK, 0, 0])],
    "diskErrors": [((), {})],
    "emulatorPinInfo": [((), cpus), ((CONFIG,), cpus), ((UNKNOWN,), FLAGS)],
    "fsInfo": [((), NO_AGENT)],
    "getCPUStats": [((True,), no_group("cpuacct")), ((False,), no_group("cpuacct"))],
    "getTime": [((), NO_AGENT)],
    "guestInfo": [((), NO_AGENT)],
    "guestVcpus": [((), NO_AGENT)],
    "hasCurrentSnapshot": [((), 0)],
    "hasManagedSaveImage": [((), 0)],
    "hostname": [((), NO_AGENT), ((libvirt.VIR_DOMAIN_GET_HOSTNAME_AGENT,), NO_AGENT),
                 ((libvirt.VIR_DOMAIN_GET_HOSTNAME_LEASE,), Error(libvirt.VIR_ERR_NO_HOSTNAME))],
    "info": [((), [libvirt.VIR_DOMAIN_RUNNING, MEMORY, MEMORY, 1, number])],
    "interfaceAddresses": [((libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE,), {}),
                           ((libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT,), NO_AGENT),
                           ((libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP,), NEIGHBOURS)],
    "interfaceParameters": [((MAC,), NOT_DONE)],
    "interfaceStats": [((MAC,), Error(libvirt.VIR_ERR_OPERATION_UNSUPPORTED, "no device for interface",
                                      "it calls that an internal error")),
                       (("none",), Error(libvirt.VIR_ERR_INVALID_ARG, "'none'"))],
    "ioThreadInfo": [((), [(1, Each(list, boolean))]), ((CONFIG,), [(1, Each(list, boolean))])],
    "isActive": [((), 1)],
    "isPersistent": [((), 1)],
    "isUpdated": [((), 0)],
    "jobInfo": [((), [libvirt.VIR_DOMAIN_JOB_NONE] + [0] * 11)],
    "jobStats": [((), {"type": libvirt.VIR_DOMAIN_JOB_NONE}),
                 ((libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED,), {"type": libvirt.VIR_DOMAIN_JOB_NONE})],
    "launchSecurityInfo": [((), NOT_DONE)],
    "listAllCheckpoints": [((), [])],
    "listAllSnapshots": [((), [])],
    "managedSaveGetXMLDesc": [((), Error(libvirt.VIR_ERR_OPERATION_INVALID, "does not have managed save"))],
    "maxMemory": [((), MEMORY)],
    "maxVcpus": [((), 2)],
    "memoryParameters": [((), PerMode(no_group("memory"), NO_MEMORY)), ((CONFIG,), PerMode(LIMITS, NO_MEMORY))],
    "memoryPeek": [((0, 16, libvirt.VIR_MEMORY_VIRTUAL), NOT_DONE)],
    "memoryStats": [((), {"actual": MEMORY, "last_update": 0, "rss": positive})],
    "messages": [((), [])],
    "metadata": [((libvirt.VIR_DOMAIN_METADATA_TITLE, None), TITLE),
                 ((libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, None), NO_METADATA),
                 ((libvirt.VIR_DOMAIN_METADATA_ELEMENT, NAMESPACE), "<of>1</of>"),
                 ((libvirt.VIR_DOMAIN_METADATA_ELEMENT, NAMESPACE, CONFIG), "<of>1</of>"),
                 ((libvirt.VIR_DOMAIN_METADATA_ELEMENT, "urn:example:none"), NO_METADATA)],
    "migrateGetCompressionCache": [((), NOT_MIGRATED)],
    "migrateGetMaxDowntime": [((), NOT_MIGRATED)],
    "migrateGetMaxSpeed": [((), NOT_MIGRATED)],
    "name": [((), "asked")],
    "numaParameters": [((), NUMA), ((CONFIG,), NUMA)],
    "perfEvents": [((), NOT_DONE)],
    "schedulerParameters": [((), PerMode(no_group("cpu"), NO_CPU))],
    "schedulerParametersFlags": [((), PerMode(no_group("cpu"), NO_CPU)),
                                 ((CONFIG,), PerMode(Only(SCHEDULER, NEEDS_GROUPS), NO_CPU))],
    "schedulerType": [((), PerMode(Only(("posix", len(SCHEDULER)), NEEDS_GROUPS), NO_CPU))],
    "securityLabel": [((), [string, boolean])],
    "securityLabelList": [((), Each(list, [string, boolean]))],
    "snapshotCurrent": [((), Error(libvirt.VIR_ERR_NO_DOMAIN_SNAPSHOT, "current snapshot"))],
    "snapshotListNames": [((), [])],
    "snapshotLookupByName": [(("none",), Error(libvirt.VIR_ERR_NO_DOMAIN_SNAPSHOT, "'none'"))],
    "snapshotNum": [((), 0)],
    "state": [((), [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_BOOTED])],
    "vcpuPinInfo": [((), [cpus]), ((CONFIG,), [cpus])],
    "vcpus": [((), ([(0, libvirt.VIR_VCPU_RUNNING, number, number)], [cpus]))],
    "vcpusFlags": [((), 1), ((LIVE,), 1), ((CONFIG,), 1), ((LIVE | MAXIMUM,), 2), ((CONFIG | MAXIMUM,), 2),
                   ((LIVE | GUEST,), NO_AGENT)],
}
# All others: they change something, or hand over a stream or a socket.
OTHERS = """FDAssociate abortJob abortJobFlags addIOThread agentSetResponseTimeout attachDevice attachDeviceFlags
authorizedSSHKeysSet backupBegin blockCommit blockCopy blockJobAbort blockJobSetSpeed blockPull blockRebase blockResize
checkpointCreateXML coreDump coreDumpWithFormat create createWithFiles createWithFlags delIOThread destroy destroyFlags
detachDevice detachDeviceAlias detachDeviceFlags fSTrim fsFreeze fsThaw injectNMI managedSave managedSaveDefineXML
managedSaveRemove migrate migrate2 migrate3 migrateSetCompressionCache migrateSetMaxDowntime migrateSetMaxSpeed
migrateStartPostCopy migrateToURI migrateToURI2 migrateToURI3 openChannel openConsole openGraphics openGraphicsFD
pMSuspendForDuration pMWakeup pinEmulator pinIOThread pinVcpu pinVcpuFlags reboot rename reset resume revertToSnapshot
save saveFlags saveParams screenshot sendKey sendProcessSignal setAutostart setBlkioParameters setBlockIoTune
setBlockThreshold setGuestVcpus setIOThreadParams setInterfaceParameters setLaunchSecurityState setLifecycleAction
setMaxMemory setMemory setMemoryFlags setMemoryParameters setMemoryStatsPeriod setMetadata setNumaParameters
setPerfEvents setSchedulerParameters setSchedulerParametersFlags setTime setUserPassword setVcpu setVcpus setVcpusFlags
shutdown shutdownFlags snapshotCreateXML startDirtyRateCalc suspend undefine undefineFlags updateDeviceFlags""".split()


def ask(domain, name, arguments):
    """What the call gives, or its error; some of the bindings give None then and raise nothing."""
    libvirt.virResetLastError()
    try:
        value = getattr(domain, name)(*arguments)
    except libvirt.libvirtError as e:
        return e
    return libvirt.libvirtError("") if value is None and libvirt.virGetLastError() else value


class Test(suite.DaemonChecks):
    def domain(self, name):
        xml, _ = plain.chain_domain(self.daemon, name, 2)
        xml = xml.replace("<vcpu>1</vcpu>", XML).replace("<memballoon model='none'/>", DEVICES)
        domain = self.conn.defineXML(xml)
        domain.create()
        return domain

    def test_tables(self):
        """The tables speak of each method of the bindings once."""
        methods = [name for name in dir(libvirt.virDomain) if not name.startswith("_")]
        self.equal(sorted(list(GETTERS) + OTHERS), sorted(methods), "each method is a getter or one of the others")

    def test_getters(self):
        """KV-004: each getter of a running VM answers what the table says."""
        domain = self.domain("asked")
        for name, calls in GETTERS.items():
            for arguments, shape in calls:
                shape = shape.of[self.mode] if isinstance(shape, PerMode) else shape
                value = ask(domain, name, arguments)
                said = "error %d: %s" % (value.get_error_code(), value) if isinstance(value, Exception) else repr(value)
                self.ok(fits(value, shape), "%s%r" % (name, arguments), "got:    %s\nwanted: %r" % (said, shape),
                        known=getattr(shape, "known", None))
        self.ok(self.daemon.alive() and domain.isActive(), "the daemon and the domain are still there")
        domain.destroy()
        domain.undefine()

    def test_all_stats(self):
        """KV-004: the statistics of all domains are those of each."""
        domain = self.domain("counted")
        (found, figures), = self.conn.getAllDomainStats()
        self.equal(found.UUIDString(), UUID, "statistics of all domains: of this one")
        for key, shape in {"state.state": 1, "state.reason": 1, "balloon.current": MEMORY, "vcpu.current": 1,
                           "vcpu.maximum": 2, "net.count": 1, "block.count": 1, "block.0.name": "vda",
                           "block.0.capacity": 64 << 20}.items():
            self.ok(fits(figures.get(key), shape), "statistics of all domains: " + key, figures)
        domain.destroy()
        domain.undefine()


if __name__ == "__main__":
    sys.exit(suite.main("getters", __doc__, Test))
