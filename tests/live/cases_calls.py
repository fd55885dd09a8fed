"""Cases of the differential runs: one call after the other on a domain that is off, runs, or is transient."""

import libvirt

import plain
from cases_lifecycle import document, one_disk

CASES = []
LIVE, CONFIG = libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG
BOTH = LIVE | CONFIG
TITLE, DESCRIPTION, ELEMENT = (libvirt.VIR_DOMAIN_METADATA_TITLE, libvirt.VIR_DOMAIN_METADATA_DESCRIPTION,
                               libvirt.VIR_DOMAIN_METADATA_ELEMENT)
URI = "http://example.org/one"


def case(function):
    CASES.append(function)
    return function


def machine(r, rest="", **kwargs):
    """A domain with most of what calls are about: two of three CPUs, a balloon, a console, a disk."""
    values = dict(before="<memory unit='MiB'>96</memory><currentMemory unit='MiB'>64</currentMemory>"
                         "<vcpu current='2'>3</vcpu>", cpu="<cpu mode='maximum'/>")
    values.update(kwargs)
    body = one_disk(r) + "<controller type='usb' model='none'/><memballoon model='virtio'/>" \
        "<serial type='pty'/><console type='pty'/>" + rest
    return document(r, body, **values)


def both(r, xml=None):
    """Defines and starts; `r.domain` runs, paused."""
    r.need("define", r.conn.defineXML, xml or machine(r))
    r.domain = r.conn.lookupByName(r.name)
    r.need("start", r.domain.createWithFlags, libvirt.VIR_DOMAIN_START_PAUSED)
    return r.domain


def shape(value):
    """What of an answer does not depend on the moment: names, and whether a number is there at all."""
    if isinstance(value, dict):
        return {str(key): shape(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, (list, tuple)):
        return [shape(v) for v in value]
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def shaped(function):
    return lambda *args: shape(function(*args))


def definitions(r, label):
    """Live and persistent XML."""
    r.note(label + ": live", r.domain.XMLDesc(0))
    r.note(label + ": persistent", r.domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))


def element(r, label, *names):
    """The elements of these names, live and persistent."""
    import xml.etree.ElementTree as ElementTree
    for kind, flags in (("live", 0), ("persistent", libvirt.VIR_DOMAIN_XML_INACTIVE)):
        root = ElementTree.fromstring(r.domain.XMLDesc(flags))
        r.note("%s: %s" % (label, kind), [ElementTree.tostring(e, encoding="unicode").strip()
                                           for name in names for e in root.findall(name)])


@case
def calls_power(r):
    r.need("define", r.conn.defineXML, machine(r))
    r.domain = d = r.conn.lookupByName(r.name)

    def walk(when):
        for label, function, *args in (
                ("reset", d.reset, 0), ("reset flags", d.reset, 0x100), ("reboot flags", d.reboot, 0x100),
                ("reboot by a signal", d.reboot, libvirt.VIR_DOMAIN_REBOOT_SIGNAL),
                ("reboot by the agent", d.reboot, libvirt.VIR_DOMAIN_REBOOT_GUEST_AGENT),
                ("shutdown by the agent", d.shutdownFlags, libvirt.VIR_DOMAIN_SHUTDOWN_GUEST_AGENT),
                ("shutdown by a signal", d.shutdownFlags, libvirt.VIR_DOMAIN_SHUTDOWN_SIGNAL),
                ("shutdown flags", d.shutdownFlags, 0x100), ("shutdown by ACPI", d.shutdownFlags, 1),
                ("shutdown", d.shutdown), ("reboot by ACPI", d.reboot, 1), ("reboot", d.reboot, 0),
                ("NMI", d.injectNMI, 0), ("NMI flags", d.injectNMI, 1), ("wake up", d.pMWakeup, 0),
                ("wake up flags", d.pMWakeup, 1), ("suspend to memory", d.pMSuspendForDuration, 0, 0, 0),
                ("suspend to disk", d.pMSuspendForDuration, 1, 0, 0),
                ("suspend for a while", d.pMSuspendForDuration, 0, 5, 0),
                ("suspend to nowhere", d.pMSuspendForDuration, 9, 0, 0),
                ("keys", d.sendKey, 0, 0, [29, 56, 111], 3, 0), ("keys held", d.sendKey, 9, 100, [30], 1, 0),
                ("keys of QNUM", d.sendKey, 9, 0, [29], 1, 0), ("unknown set of keys", d.sendKey, 77, 0, [29], 1, 0),
                ("unknown key", d.sendKey, 3, 0, [60000], 1, 0), ("keys flags", d.sendKey, 0, 0, [29], 1, 1),
                ("core dump", d.coreDump, "/nowhere/core", 0),
                ("core dump flags", d.coreDump, "/nowhere/core", 0x1000),
                ("control info flags", d.controlInfo, 1), ("state flags", d.state, 1),
                ("process signal", d.sendProcessSignal, 1, 9, 0)):
            r.call("%s %s" % (when, label), function, *args)

    walk("off:")
    d.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
    walk("on:")
    r.call("control info", lambda: d.controlInfo(0)[:2])
    r.call("state", d.state)
    d.destroy()
    r.ended()                           # the last event: the others are there, too
    r.note("events", r.lifecycle())


@case
def calls_autostart(r):
    import os
    r.need("define", r.conn.defineXML, machine(r))
    r.domain = d = r.conn.lookupByName(r.name)
    path = os.path.join(r.daemon.config_dir, "autostart", r.name + ".xml")
    r.call("before", d.autostart)
    r.call("on", d.setAutostart, 1)
    r.note("link", os.path.islink(path))
    r.note("link is of the definition", os.path.basename(os.readlink(path)) == r.name + ".xml"
           if os.path.islink(path) else None)
    r.call("again", d.setAutostart, 1)
    r.call("after", d.autostart)
    r.call("listed", lambda: [x.name() for x in r.conn.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_AUTOSTART)
                              if x.name() == r.name])
    r.call("any number", d.setAutostart, 7)
    r.call("any number then", d.autostart)
    r.call("off", d.setAutostart, 0)
    r.note("link gone", os.path.lexists(path))
    r.call("off again", d.setAutostart, 0)
    d.setAutostart(1)
    r.call("rename", d.rename, r.name + "-2", 0)
    r.domains.append(r.name + "-2")
    r.note("link of the old name", os.path.lexists(path))
    r.note("link of the new name", os.path.lexists(path.replace(r.name, r.name + "-2")))
    d = r.conn.lookupByName(r.name + "-2")
    r.call("still on", d.autostart)
    d.undefine()
    r.note("link after undefine", os.path.lexists(path.replace(r.name, r.name + "-2")))
    r.domain = d = r.conn.createXML(machine(r), libvirt.VIR_DOMAIN_START_PAUSED)
    r.call("transient", d.setAutostart, 1)
    r.call("transient is", d.autostart)


@case
def calls_rename(r):
    import os
    r.need("define", r.conn.defineXML, machine(r))
    r.domain = d = r.conn.lookupByName(r.name)
    other = r.name + "-other"
    r.domains += [other, r.name + "-2", r.name + "-3"]
    r.conn.defineXML(plain.domain(other))
    r.call("its own name", d.rename, r.name, 0)
    r.call("a name that is taken", d.rename, other, 0)
    r.call("a slash", d.rename, "a/b", 0)
    r.call("a newline", d.rename, "a\nb", 0)
    r.call("nothing", d.rename, "", 0)
    r.call("flags", d.rename, r.name + "-2", 1)
    r.call("rename", d.rename, r.name + "-2", 0)
    r.call("name of the object", d.name)
    r.call("old name", r.conn.lookupByName, r.name)
    r.note("files", sorted(f for f in os.listdir(r.daemon.config_dir) if f.startswith(r.name)))
    r.domain = d = r.conn.lookupByName(r.name + "-2")
    r.note("XML", d.XMLDesc(0))
    d.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
    r.call("running", d.rename, r.name + "-3", 0)
    d.destroy()
    r.domain = d = r.conn.createXML(plain.domain(r.name), libvirt.VIR_DOMAIN_START_PAUSED)
    r.call("transient", d.rename, r.name + "-3", 0)
    d.destroy()
    r.ended()
    for name in (r.name, r.name + "-2"):
        r.note("events of " + name.replace(r.name, "N"), [list(e[2:]) for e in r.events.of(name, "lifecycle")
                                                           if e[2:] != (6, 2)])


@case
def calls_metadata(r):
    d = both(r)
    for label, kind, key, uri in (("title", TITLE, None, None), ("description", DESCRIPTION, None, None),
                                  ("element", ELEMENT, "one", URI)):
        value = "<a b='c'/>" if kind == ELEMENT else "Some words & <more>"
        for where, flags in (("live", LIVE), ("config", CONFIG), ("current", 0), ("both", BOTH)):
            r.call("%s %s: none" % (label, where), d.metadata, kind, uri, flags)
            r.call("%s %s: set" % (label, where), d.setMetadata, kind, value.replace("c", where[0]), key, uri, flags)
            r.call("%s %s: get" % (label, where), d.metadata, kind, uri, flags)
        element(r, label, "title", "description", "metadata")
        r.call(label + ": remove", d.setMetadata, kind, None, key, uri, BOTH)
        element(r, label + " removed", "title", "description", "metadata")
        r.call(label + ": remove again", d.setMetadata, kind, None, key, uri, BOTH)
    r.call("two lines", d.setMetadata, TITLE, "a\nb", None, None, LIVE)
    r.call("no XML", d.setMetadata, ELEMENT, "<a", "one", URI, LIVE)
    r.call("no URI", d.setMetadata, ELEMENT, "<a/>", "one", None, LIVE)
    r.call("no key", d.setMetadata, ELEMENT, "<a/>", None, URI, LIVE)
    r.call("unknown kind", d.setMetadata, 9, "<a/>", None, None, LIVE)
    r.call("get of an unknown kind", d.metadata, 9, None, LIVE)
    r.call("flags", d.setMetadata, TITLE, "x", None, None, 0x100)
    r.call("get flags", d.metadata, TITLE, None, 0x100)
    d.destroy()
    r.call("off: live", d.setMetadata, TITLE, "x", None, None, LIVE)
    r.call("off: current", d.setMetadata, TITLE, "x", None, None, 0)
    r.call("off: get", d.metadata, TITLE, None, 0)
    r.call("off: get live", d.metadata, TITLE, None, LIVE)


@case
def calls_memory(r):
    d = both(r)

    def walk(when):
        for label, function, *args in (
                ("max", d.maxMemory), ("set", d.setMemory, 80 * 1024),
                ("set live", d.setMemoryFlags, 72 * 1024, LIVE),
                ("set config", d.setMemoryFlags, 48 * 1024, CONFIG),
                ("set an odd number", d.setMemoryFlags, 50001, CONFIG),
                ("more than there is", d.setMemory, 1024 * 1024),
                ("more than there is, config", d.setMemoryFlags, 1024 * 1024, CONFIG),
                ("nothing", d.setMemory, 0), ("set max", d.setMaxMemory, 128 * 1024),
                ("set max live", d.setMemoryFlags, 128 * 1024, LIVE | libvirt.VIR_DOMAIN_MEM_MAXIMUM),
                ("set max config", d.setMemoryFlags, 112 * 1024, CONFIG | libvirt.VIR_DOMAIN_MEM_MAXIMUM),
                ("set max below", d.setMemoryFlags, 32 * 1024, CONFIG | libvirt.VIR_DOMAIN_MEM_MAXIMUM),
                ("flags", d.setMemoryFlags, 48 * 1024, 0x100), ("period live", d.setMemoryStatsPeriod, 6, LIVE),
                ("period off", d.setMemoryStatsPeriod, 0, LIVE),
                ("negative period", d.setMemoryStatsPeriod, -1, LIVE),
                ("period flags", d.setMemoryStatsPeriod, 1, 0x100)):
            r.call("%s %s" % (when, label), function, *args)
        element(r, when, "memory", "currentMemory", "devices/memballoon")

    walk("on:")
    r.call("stats", lambda: sorted(d.memoryStats()))
    d.destroy()
    walk("off:")
    r.call("off: stats", d.memoryStats)


@case
def calls_memory_period(r):
    d = both(r)
    r.call("config", d.setMemoryStatsPeriod, 7, CONFIG)
    r.call("both", d.setMemoryStatsPeriod, 8, BOTH)
    element(r, "on", "devices/memballoon")
    d.destroy()
    r.call("off", d.setMemoryStatsPeriod, 5)
    element(r, "off", "devices/memballoon")


@case
def calls_memory_without_balloon(r):
    d = both(r, document(r, one_disk(r) + "<memballoon model='none'/><controller type='usb' model='none'/>"))
    r.call("set live", d.setMemoryFlags, 32 * 1024, LIVE)
    r.call("set config", d.setMemoryFlags, 32 * 1024, CONFIG)
    r.call("stats", lambda: sorted(d.memoryStats()))
    r.call("period", d.setMemoryStatsPeriod, 5)
    r.call("period config", d.setMemoryStatsPeriod, 5, CONFIG)


@case
def calls_vcpus(r):
    d = both(r)

    def walk(when):
        for label, function, *args in (
                ("max", d.maxVcpus), ("current", d.vcpusFlags, 0), ("live", d.vcpusFlags, LIVE),
                ("config", d.vcpusFlags, CONFIG), ("max config", d.vcpusFlags, CONFIG | 4),
                ("max live", d.vcpusFlags, LIVE | 4), ("guest", d.vcpusFlags, 8), ("both", d.vcpusFlags, BOTH),
                ("get flags", d.vcpusFlags, 0x100), ("set config", d.setVcpusFlags, 1, CONFIG),
                ("config then", d.vcpusFlags, CONFIG), ("set too many", d.setVcpusFlags, 9, CONFIG),
                ("set too many live", d.setVcpusFlags, 9, LIVE), ("none", d.setVcpusFlags, 0, CONFIG),
                ("set max config", d.setVcpusFlags, 4, CONFIG | 4), ("set max live", d.setVcpusFlags, 4, LIVE | 4),
                ("set max too high", d.setVcpusFlags, 1000, CONFIG | 4),
                ("set max again", d.setVcpusFlags, 4, CONFIG | 4), ("set in the guest", d.setVcpusFlags, 1, 8),
                ("set flags", d.setVcpusFlags, 1, 0x100), ("hotpluggable", d.setVcpusFlags, 2, CONFIG | 16),
                ("fewer live", d.setVcpusFlags, 1, LIVE), ("more live", d.setVcpusFlags, 3, LIVE),
                ("same", d.setVcpus, 3), ("set one", d.setVcpu, "1", 0, CONFIG),
                ("set one live", d.setVcpu, "2", 1, LIVE),
                ("set a bad one", d.setVcpu, "77", 1, CONFIG), ("set no number", d.setVcpu, "x", 1, CONFIG)):
            r.call("%s %s" % (when, label), function, *args)
        element(r, when, "vcpu", "vcpus")
        r.call("%s info" % when, lambda: d.info()[3])
        r.call("%s vcpus" % when, lambda: [len(x) for x in d.vcpus()])

    walk("on:")
    d.destroy()
    walk("off:")


@case
def calls_pins(r):
    import os
    d = both(r)
    cpus = os.cpu_count()
    one = tuple(n == 0 for n in range(cpus))
    for when in ("on:", "off:"):
        for label, function, *args in (
                ("pins", d.vcpuPinInfo, 0), ("pins config", d.vcpuPinInfo, CONFIG),
                ("pins live", d.vcpuPinInfo, LIVE),
                ("pins flags", d.vcpuPinInfo, 0x100), ("pin", d.pinVcpu, 0, one),
                ("pin live", d.pinVcpuFlags, 1, one, LIVE),
                ("pin config", d.pinVcpuFlags, 1, one, CONFIG), ("pin one too many", d.pinVcpu, 7, one),
                ("pin one too many, config", d.pinVcpuFlags, 7, one, CONFIG),
                ("pin to nothing", d.pinVcpuFlags, 0, tuple(False for n in range(cpus)), CONFIG),
                ("pin flags", d.pinVcpuFlags, 0, one, 0x100), ("pins then", d.vcpuPinInfo, 0),
                ("emulator", d.emulatorPinInfo, 0), ("emulator flags", d.emulatorPinInfo, 0x100),
                ("pin emulator", d.pinEmulator, one, 0), ("pin emulator config", d.pinEmulator, one, CONFIG),
                ("emulator then", d.emulatorPinInfo, 0), ("emulator then config", d.emulatorPinInfo, CONFIG)):
            r.call("%s %s" % (when, label), function, *args)
        element(r, when, "cputune")
        if d.isActive():
            d.destroy()


@case
def calls_iothreads(r):
    import os
    d = both(r)
    one = tuple(n == 0 for n in range(os.cpu_count()))
    for when in ("on:", "off:"):
        for label, function, *args in (
                ("none", d.ioThreadInfo, 0), ("none config", d.ioThreadInfo, CONFIG),
                ("info flags", d.ioThreadInfo, 0x100), ("add 0", d.addIOThread, 0, 0),
                ("add", d.addIOThread, 1, 0), ("add again", d.addIOThread, 1, 0),
                ("add both", d.addIOThread, 3, BOTH),
                ("add config", d.addIOThread, 4, CONFIG), ("add flags", d.addIOThread, 9, 0x100),
                ("info", lambda: [x[0] for x in d.ioThreadInfo(0)]), ("pin", d.pinIOThread, 1, one, 0),
                ("pin config", d.pinIOThread, 4, one, CONFIG), ("pin unknown", d.pinIOThread, 77, one, 0),
                ("info config", d.ioThreadInfo, CONFIG),
                ("set", d.setIOThreadParams, 1, {"poll_max_ns": 1000, "poll_grow": 2, "poll_shrink": 1}, LIVE),
                ("set pool", d.setIOThreadParams, 1, {"thread_pool_min": 1, "thread_pool_max": 4}, LIVE),
                ("set config", d.setIOThreadParams, 4, {"thread_pool_min": 1, "thread_pool_max": 4}, CONFIG),
                ("set poll config", d.setIOThreadParams, 4, {"poll_max_ns": 1000}, CONFIG),
                ("set unknown thread", d.setIOThreadParams, 77, {"poll_max_ns": 1000}, 0),
                ("set unknown value", d.setIOThreadParams, 1, {"nonsense": 1}, 0),
                ("set too much", d.setIOThreadParams, 1, {"poll_grow": 1 << 31}, LIVE),
                ("set min above max", d.setIOThreadParams, 1, {"thread_pool_min": 9, "thread_pool_max": 4}, LIVE),
                ("delete", d.delIOThread, 1, 0), ("delete again", d.delIOThread, 1, 0),
                ("delete config", d.delIOThread, 4, CONFIG), ("delete 0", d.delIOThread, 0, 0),
                ("delete both", d.delIOThread, 3, BOTH), ("delete flags", d.delIOThread, 3, 0x100)):
            r.call("%s %s" % (when, label), function, *args)
        element(r, when, "iothreads", "iothreadids", "cputune")
        if d.isActive():
            d.destroy()


@case
def calls_block(r):
    d = both(r)
    for when in ("on:", "off:"):
        for label, function, *args in (
                ("info", d.blockInfo, "vda", 0), ("info unknown", d.blockInfo, "vdz", 0),
                ("info flags", d.blockInfo, "vda", 1),
                ("info by path", lambda: d.blockInfo(r.folder + "/x0.qcow2", 0)),
                ("stats", shaped(d.blockStats), "vda"), ("stats unknown", d.blockStats, "vdz"),
                ("stats of all", shaped(d.blockStats), ""),
                ("stats flags", shaped(d.blockStatsFlags), "vda", 0),
                ("stats flags of all", shaped(d.blockStatsFlags), "", 0),
                ("stats bad flags", d.blockStatsFlags, "vda", 0x100), ("errors", d.diskErrors, 0),
                ("errors flags", d.diskErrors, 1), ("tune", d.blockIoTune, "vda", 0),
                ("tune config", d.blockIoTune, "vda", CONFIG),
                ("tune unknown", d.blockIoTune, "vdz", 0), ("tune flags", d.blockIoTune, "vda", 0x100),
                ("set tune", d.setBlockIoTune, "vda", {"total_bytes_sec": 1048576}, 0),
                ("tune then", d.blockIoTune, "vda", 0),
                ("set tune config", d.setBlockIoTune, "vda", {"read_iops_sec": 100, "write_iops_sec": 50}, CONFIG),
                ("tune config then", d.blockIoTune, "vda", CONFIG),
                ("set total and read", d.setBlockIoTune, "vda", {"total_bytes_sec": 5, "read_bytes_sec": 5}, 0),
                ("set max alone", d.setBlockIoTune, "vda", {"write_bytes_sec_max": 5}, 0),
                ("set max below", d.setBlockIoTune, "vda", {"write_bytes_sec": 50, "write_bytes_sec_max": 5}, 0),
                ("set length", d.setBlockIoTune, "vda", {"total_iops_sec": 50, "total_iops_sec_max": 100,
                                                         "total_iops_sec_max_length": 3}, LIVE),
                ("set length alone", d.setBlockIoTune, "vda", {"write_iops_sec_max_length": 3}, 0),
                ("set length zero", d.setBlockIoTune, "vda",
                 {"total_iops_sec_max": 100, "total_iops_sec_max_length": 0}, 0),
                ("set too much", d.setBlockIoTune, "vda", {"total_bytes_sec": 1 << 60}, 0),
                ("set group", d.setBlockIoTune, "vda", {"group_name": "g1", "total_bytes_sec": 4096}, 0),
                ("set on unknown", d.setBlockIoTune, "vdz", {"total_bytes_sec": 4096}, 0),
                ("tune at last", d.blockIoTune, "vda", 0),
                ):
            r.call("%s %s" % (when, label), function, *args)
        element(r, when, "devices/disk/iotune")
        if d.isActive():
            d.destroy()


@case
def calls_network(r):
    d = both(r)
    for when in ("on:", "off:"):
        for label, function, *args in (
                ("interface stats", d.interfaceStats, "vnet77"), ("interface addresses", d.interfaceAddresses, 0),
                ("interface addresses arp", d.interfaceAddresses, 2),
                ("interface addresses agent", d.interfaceAddresses, 1),
                ("interface addresses unknown", d.interfaceAddresses, 9), ("host name", d.hostname, 0),
                ("host name lease", d.hostname, 1), ("host name both", d.hostname, 3),
                ("host name flags", d.hostname, 0x100)):
            r.call("%s %s" % (when, label), function, *args)
        if d.isActive():
            d.destroy()


@case
def calls_job(r):
    d = both(r)
    for when in ("on:", "off:"):
        for label, function, *args in (
                ("info", d.jobInfo), ("stats", d.jobStats, 0), ("completed", d.jobStats, 1), ("keep", d.jobStats, 3),
                ("stats flags", d.jobStats, 0x100), ("abort", d.abortJob),
                ("security label", shaped(d.securityLabel)),
                ("has managed save", d.hasManagedSaveImage, 0),
                ("managed save flags", d.hasManagedSaveImage, 1), ("time", d.getTime, 0),
                ("set time", d.setTime, {"seconds": 1, "nseconds": 0}, 0),
                ("file systems", d.fsInfo, 0), ("freeze", d.fsFreeze, None, 0), ("thaw", d.fsThaw, None, 0),
                ("guest vcpus", d.guestVcpus, 0), ("guest info", d.guestInfo, 0, 0), ("messages", d.messages, 0)):
            r.call("%s %s" % (when, label), function, *args)
        if d.isActive():
            d.destroy()


@case
def calls_streams(r):
    d = both(r)

    def stream(function, *args):
        one = r.conn.newStream(0)
        try:
            result = function(*args[:1], one, *args[1:])
            one.abort()
            return result
        except libvirt.libvirtError:
            raise

    def screenshot(screen, flags):
        return lambda: stream(lambda s: d.screenshot(s, screen, flags))

    for when in ("on:", "off:"):
        for label, function in (
                ("console", lambda: stream(d.openConsole, None, 0)),
                ("console by name", lambda: stream(d.openConsole, "serial0", 0)),
                ("console unknown", lambda: stream(d.openConsole, "serial9", 0)),
                ("console flags", lambda: stream(d.openConsole, None, 0x100)),
                ("channel", lambda: stream(d.openChannel, None, 0)),
                ("channel unknown", lambda: stream(d.openChannel, "nope", 0)),
                ("channel flags", lambda: stream(d.openChannel, None, 0x100)),
                ("screenshot", screenshot(0, 0)), ("screenshot of a second screen", screenshot(1, 0)),
                ("screenshot flags", screenshot(0, 1))):
            r.call("%s %s" % (when, label), function)
        if d.isActive():
            d.destroy()


@case
def calls_console_twice(r):
    d = both(r)
    first, second, third = (r.conn.newStream(libvirt.VIR_STREAM_NONBLOCK) for _ in range(3))
    r.call("first", d.openConsole, None, first, 0)
    r.call("second", d.openConsole, None, second, 0)
    r.call("by name", d.openConsole, "serial0", second, libvirt.VIR_DOMAIN_CONSOLE_SAFE)
    r.call("by force", d.openConsole, None, third, libvirt.VIR_DOMAIN_CONSOLE_FORCE)
    for one in (first, second, third):
        try:
            one.abort()
        except libvirt.libvirtError:
            pass


@case
def calls_screens(r):
    rest = "<video><model type='virtio'/></video><graphics type='vnc'/>"
    r.need("define", r.conn.defineXML, machine(r, rest))
    r.domain = d = r.conn.lookupByName(r.name)
    d.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
    for label, screen in (("first", 0), ("second", 1), ("far", 99)):
        stream = r.conn.newStream(0)
        r.call(label, d.screenshot, stream, screen, 0)
        try:
            stream.abort()
        except libvirt.libvirtError:
            pass


STATS = {"state": 1, "cpu": 2, "balloon": 4, "vcpu": 8, "interface": 16, "block": 32, "perf": 64, "iothread": 128,
         "memory": 256, "dirtyrate": 512, "vm": 1024}
ENFORCE, NOWAIT, BACKING = 1 << 31, 1 << 29, 1 << 30


@case
def calls_stats(r):
    d = both(r)
    get = r.conn.domainListGetStats

    def ask(stats, flags):
        def run():
            value = get([d], stats, flags)[0][1]
            # what belongs to the host, not to the driver
            return {key: r.normal(shape(v)) if isinstance(v, str) else shape(v) for key, v in value.items()
                    if not key.startswith(("cpu.cache", "cpu.user", "cpu.system"))}
        return run

    for when in ("on:", "off:"):
        for label, group in STATS.items():
            r.call("%s %s" % (when, label), ask(group, ENFORCE))
        r.call(when + " values", lambda: {k: v for k, v in get([d], 1 | 8 | 32, 0)[0][1].items()
                                          if k in ("state.state", "state.reason", "vcpu.current", "vcpu.maximum",
                                                   "vcpu.0.state", "block.count", "block.0.name", "block.0.capacity")})
        r.call(when + " backing", ask(32, BACKING))
        r.call(when + " not waiting", ask(1 | 4 | 32, NOWAIT))
        r.call(when + " unknown group", ask(1 << 20, 0))
        r.call(when + " unknown group enforced", ask(1 << 20, ENFORCE))
        r.call(when + " flags", ask(1, 1 << 25))
        r.call(when + " all", lambda: [x[0].name() for x in r.conn.getAllDomainStats(1, 0) if x[0].name() == r.name])
        r.call(when + " active ones", lambda: [x[0].name() for x in r.conn.getAllDomainStats(1, 1)
                                               if x[0].name() == r.name])
        if d.isActive():
            d.destroy()


@case
def calls_host(r):
    c = r.conn
    cpu = "<cpu><arch>x86_64</arch><model>%s</model></cpu>"
    for label, function, *args in (
            ("info", shaped(c.getInfo)), ("free memory", shaped(c.getFreeMemory)),
            ("cells", shaped(c.getCellsFreeMemory), 0, 1),
            ("cpu stats", shaped(c.getCPUStats), -1, 0), ("cpu stats of one", shaped(c.getCPUStats), 0, 0),
            ("cpu stats of a missing one", c.getCPUStats, 999, 0), ("memory stats", shaped(c.getMemoryStats), -1, 0),
            ("memory stats of a missing cell", c.getMemoryStats, 99, 0), ("cpu map", shaped(c.getCPUMap), 0),
            ("pages", shaped(c.getFreePages), [4], 0, 1, 0), ("memory parameters", shaped(c.getMemoryParameters), 0),
            ("system", c.getSysinfo, 0), ("cpu models", lambda: len(c.getCPUModelNames("x86_64", 0))),
            ("cpu models of nothing", c.getCPUModelNames, "nonsense", 0),
            ("cpu models flags", c.getCPUModelNames, "x86_64", 1),
            ("security model", c.getSecurityModel), ("encrypted", c.isEncrypted),
            ("compare", c.compareCPU, cpu % "qemu64", 0), ("compare unknown", c.compareCPU, cpu % "nonsense", 0),
            ("compare nothing", c.compareCPU, "<cpu", 0), ("compare flags", c.compareCPU, cpu % "qemu64", 0x100),
            ("baseline", c.baselineCPU, [cpu % "Penryn", cpu % "Nehalem"], 0),
            ("baseline expanded", c.baselineCPU, [cpu % "Penryn"], 1), ("baseline of nothing", c.baselineCPU, [], 0),
            ("baseline unknown", c.baselineCPU, [cpu % "nonsense"], 0),
            ("baseline flags", c.baselineCPU, [cpu % "Penryn"], 0x100),
            ("compare with QEMU", c.compareHypervisorCPU, None, None, None, "qemu", cpu % "qemu64", 0),
            ("compare with QEMU unknown", c.compareHypervisorCPU, None, None, None, "qemu", cpu % "nonsense", 0),
            ("baseline of QEMU", c.baselineHypervisorCPU, None, None, None, "qemu",
             [cpu % "Penryn", cpu % "Nehalem"], 0),
            ("version", c.getVersion), ("XML from arguments", c.domainXMLFromNative, "qemu-argv", "qemu", 0),
            ("storage pools", lambda: c.listAllStoragePools(0) and None),
            ("suspend the host", c.suspendForDuration, 9, 0, 0),
            ("allocate pages", c.allocPages, {2048: 0}, 0, 1, 0)):
        r.call(label, function, *args)
