"""Cases of the differential runs: definitions, their defaults and addresses, and life cycles."""

import os
import re
import xml.etree.ElementTree as ElementTree

import libvirt

import jobs
import plain

CASES = []


def case(function):
    CASES.append(function)
    return function


def document(r, body, machine="pc", kind="qemu", os_extra="", features="<features><acpi/><apic/></features>",
             before="<memory unit='MiB'>64</memory><vcpu>1</vcpu>", cpu="", rest="<clock offset='utc'/>"):
    return """<domain type='%s'><name>%s</name><uuid>2c8f1d8e-3b36-4a6a-8f3e-6d1b1c0f%04x</uuid>%s
<os><type arch='x86_64' machine='%s'>hvm</type>%s</os>%s%s%s
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>%s</devices></domain>""" % (
        kind, r.name, sum(map(ord, r.case)) & 0xffff, before, machine, os_extra, features, cpu, rest, body)


def migratable(r, label):
    """For another daemon: what is of this run or host, or what each libvirt adds by itself, is left out."""
    for flag, word in ((0, ""), (libvirt.VIR_DOMAIN_XML_INACTIVE, ", inactive")):
        r.note("migratable XML%s%s" % (word, label), r.domain.XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE | flag))


def whole(r, xml, live=True):
    """Definition and live XML of a document, as the driver fills them in."""
    try:
        r.domain = r.conn.defineXML(xml)
    except libvirt.libvirtError as e:
        r.note("define", {"error": e.get_error_code(), "from": e.get_error_domain(), "message": r.normal(str(e))})
        return
    r.note("inactive XML", r.domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
    migratable(r, "")
    if live and r.call("start", r.domain.createWithFlags, libvirt.VIR_DOMAIN_START_PAUSED):
        r.note("live XML", r.domain.XMLDesc(0))
        r.note("inactive XML while it runs", r.domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
        migratable(r, " while it runs")
        r.call("destroy", r.domain.destroy)
        r.note("inactive XML afterwards", r.domain.XMLDesc(0))


def one_disk(r, **kwargs):
    return plain.disk("vda", r.chain(1)[0], **kwargs)


@case
def xml_pc(r):
    whole(r, document(r, one_disk(r) + "<controller type='usb' model='none'/><memballoon model='none'/>"))


@case
def xml_q35(r):
    whole(r, document(r, one_disk(r) + "<controller type='usb' model='none'/><memballoon model='none'/>", "q35"))


@case
def xml_defaults_pc(r):
    whole(r, document(r, one_disk(r)))


@case
def xml_defaults_q35(r):
    whole(r, document(r, one_disk(r), "q35"))


@case
def xml_q35_three_disks(r):
    paths = [r.chain(n + 1, "d%d-" % n)[-1] for n in range(3)]
    body = plain.disk("vda", paths[0], extra="<serial>SN-0001</serial>") + plain.disk("vdc", paths[2]) + \
        plain.disk("vdb", paths[1], extra="<readonly/>") + \
        "<controller type='usb' model='qemu-xhci'/><memballoon model='virtio'/>"
    whole(r, document(r, body, "q35"))


@case
def xml_disk_drivers(r):
    path = r.chain(1)[0]
    raw = r.chain(1, "raw", base_format="raw")[0]
    body = "<disk type='file' device='disk'>" \
        "<driver name='qemu' type='qcow2' cache='none' io='native' discard='unmap'/>" \
        "<source file='%s'/><target dev='vda' bus='virtio'/></disk>" \
        "<disk type='file' device='disk'><driver name='qemu' type='raw' cache='writeback'/>" \
        "<source file='%s'/><target dev='vdb' bus='virtio'/></disk>" % (path, raw)
    whole(r, document(r, body, "q35"))


@case
def xml_serial_and_graphics(r):
    body = one_disk(r) + "<serial type='pty'/><console type='pty'/><graphics type='vnc' port='-1' autoport='yes'/>" \
        "<video><model type='vga'/></video><controller type='usb' model='qemu-xhci'/>"
    whole(r, document(r, body, "q35"))


@case
def xml_video_virtio(r):
    whole(r, document(r, one_disk(r) + "<video><model type='virtio'/></video><graphics type='vnc'/>"
                      "<controller type='usb' model='none'/>", "q35"))


@case
def xml_serial_file_unix(r):
    body = one_disk(r) + "<serial type='file'><source path='%s/serial.log'/></serial>" % r.folder + \
        "<serial type='unix'><source mode='bind' path='%s/serial.sock'/></serial>" % r.folder + \
        "<controller type='usb' model='none'/><memballoon model='none'/>"
    whole(r, document(r, body))


@case
def xml_cpu_named(r):
    whole(r, document(r, one_disk(r), "q35", cpu="<cpu mode='custom' match='exact'><model>qemu64</model></cpu>",
                      before="<memory unit='MiB'>96</memory><vcpu>2</vcpu>"))


@case
def xml_current_memory(r):
    whole(r, document(r, one_disk(r) + "<controller type='usb' model='none'/><memballoon model='virtio'/>",
                      cpu="<cpu mode='maximum'/>", before="<memory unit='MiB'>96</memory>"
                      "<currentMemory unit='MiB'>64</currentMemory><vcpu>1</vcpu>"))


@case
def xml_current_memory_without_balloon(r):
    whole(r, document(r, one_disk(r) + "<controller type='usb' model='none'/><memballoon model='none'/>",
                      before="<memory unit='MiB'>96</memory><currentMemory unit='MiB'>64</currentMemory>"
                      "<vcpu>1</vcpu>"))


@case
def xml_cpu_maximum(r):
    whole(r, document(r, one_disk(r), "q35", cpu="<cpu mode='maximum'/>"))


@case
def xml_boot_and_ends(r):
    whole(r, document(r, one_disk(r), os_extra="<boot dev='hd'/>",
                      rest="<clock offset='utc'/><on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot>"
                      "<on_crash>destroy</on_crash>"))


@case
def xml_python_minimal(r):
    whole(r, document(
        r, "<controller type='usb' model='ich9-ehci1'/>"
        "<controller type='usb' model='ich9-uhci1'><master startport='0'/></controller>"
        "<controller type='usb' model='ich9-uhci2'><master startport='2'/></controller>"
        "<controller type='usb' model='ich9-uhci3'><master startport='4'/></controller><console type='pty'/>",
        "pc-i440fx-7.2", os_extra="<boot dev='hd'/>", cpu="<cpu mode='maximum'/>",
        before="<memory unit='MiB'>512</memory><currentMemory unit='MiB'>512</currentMemory><vcpu>1</vcpu>",
        rest="<clock offset='utc'><timer name='rtc' tickpolicy='catchup'/><timer name='pit' tickpolicy='delay'/>"
        "<timer name='hpet' present='no'/></clock>"
        "<pm><suspend-to-mem enabled='no'/><suspend-to-disk enabled='no'/></pm>"))


@case
def xml_migratable(r):
    """What is left out, and what is too much to be."""
    none, disk = "<controller type='usb' model='none'/>", one_disk(r)
    spice, vnc = ("<graphics type='%s' autoport='yes'/>" % kind for kind in ("spice", "vnc"))
    audio = "<audio id='1' type='%s'/>"
    for number, (machine, body) in enumerate((
            ("pc", "<controller type='usb' model='piix3-uhci'/>"),
            ("pc", "<controller type='usb' model='piix3-uhci'/><controller type='usb' index='1' model='ich9-ehci1'/>"),
            ("pc", "<controller type='usb' model='nec-xhci'/>"), ("q35", "<controller type='usb' model='piix3-uhci'/>"),
            ("pc", none + "<controller type='pci' index='1' model='pci-bridge'/>"),
            ("pc", "<controller type='usb' model='piix3-uhci'><alias name='ua-usb'/></controller>"
                   "<controller type='pci' index='0' model='pci-root'><alias name='ua-pci'/></controller>"),
            ("pc", none + vnc + audio % "none"), ("pc", none + spice + audio % "none"),
            ("pc", none + spice + audio % "spice"), ("pc", none + spice + vnc),
            ("pc", none + vnc + spice), ("pc", none + audio.replace("1", "2") % "none"),
            ("pc", none + audio % "none" + audio.replace("1", "2") % "none"),
            ("pc", none + "<audio id='1' type='none'><input mixingEngine='no'/></audio>"),
            ("pc", none + "<graphics type='vnc' autoport='yes' passwd='secret'/>"))):
        r.domain = r.conn.defineXML(document(r, disk + body, machine))
        migratable(r, " of number %d" % number)
        r.domain.undefine()


@case
def xml_update_cpu(r):
    """Which model host-model is, without what each driver says of its check: XML_UPDATE_CPU, and what is migratable."""
    update, other = libvirt.VIR_DOMAIN_XML_UPDATE_CPU, libvirt.VIR_DOMAIN_XML_MIGRATABLE

    def note(label):
        for flags in (update, update | libvirt.VIR_DOMAIN_XML_INACTIVE, other, other | update,
                      other | update | libvirt.VIR_DOMAIN_XML_INACTIVE):
            cpu = re.search(r"<cpu .*?(/>\n|</cpu>)", r.domain.XMLDesc(flags), re.S).group(0)
            r.note("%s, flags %d" % (label, flags),
                   [re.findall(what, cpu) for what in ("mode='(.*?)'", ">(.*)</model>", "policy='.*?' name='.*?'")])

    for number, cpu in enumerate(("<cpu mode='host-model'/>",
                                  "<cpu mode='host-model'><feature policy='disable' name='aes'/></cpu>",
                                  "<cpu mode='custom' match='exact'><model>qemu64</model></cpu>")):
        r.domain = r.conn.defineXML(document(r, one_disk(r), cpu=cpu))
        note("number %d" % number)
        start = r.domain.createWithFlags
        if "host-model" in cpu and r.call("start of number %d" % number, start, libvirt.VIR_DOMAIN_START_PAUSED):
            note("number %d, running" % number)
            r.domain.destroy()
        r.domain.undefine()


@case
def xml_flags(r):
    r.domain = r.conn.defineXML(document(r, one_disk(r)))
    for label, flags in (("migratable", libvirt.VIR_DOMAIN_XML_MIGRATABLE),
                         ("update CPU", libvirt.VIR_DOMAIN_XML_UPDATE_CPU),
                         ("secure", libvirt.VIR_DOMAIN_XML_SECURE), ("unknown", 0x1000)):
        r.call(label, r.domain.XMLDesc, flags)


@case
def xml_refused(r):
    """Documents that nobody takes."""
    disk = one_disk(r)
    for label, xml in (
            ("not XML", "<domain"), ("another root", "<foo/>"), ("empty", ""),
            ("no name", "<domain type='qemu'><memory>65536</memory><os><type>hvm</type></os></domain>"),
            ("unknown machine", document(r, disk, "nonsense")),
            ("unknown type", document(r, disk, kind="nonsense")),
            ("no memory", document(r, disk, before="<vcpu>1</vcpu>")),
            ("two disks of one name", document(r, disk + disk)),
            ("unknown disk bus", document(r, disk.replace("bus='virtio'", "bus='nonsense'"))),
            ("unknown disk format", document(r, disk.replace("type='qcow2'", "type='nonsense'"))),
            ("slash in the name", document(r, disk).replace("<name>", "<name>a/b"))):
        r.call(label, r.conn.defineXML, xml)
    r.call("flags", r.conn.defineXMLFlags, document(r, disk), 0x1000)
    r.call("create flags", r.conn.createXML, document(r, disk), 0x1000)


@case
def lifecycle_persistent(r):
    c = r.conn
    r.domains = [r.name]
    xml = plain.domain(r.name, [one_disk(r)])
    r.need("define", c.defineXML, xml)
    r.domain = d = c.lookupByName(r.name)
    state = d.state
    r.call("state", state)
    r.call("active", d.isActive)
    r.call("persistent", d.isPersistent)
    r.call("updated", d.isUpdated)
    r.call("id", d.ID)
    r.call("OS type", d.OSType)
    r.call("info", lambda: d.info()[:4])
    r.call("max memory", d.maxMemory)
    r.call("max vcpus", d.maxVcpus)
    r.call("autostart", d.autostart)
    r.call("set autostart", d.setAutostart, 1)
    r.call("autostart set", d.autostart)
    r.call("unset autostart", d.setAutostart, 0)
    r.call("managed save", d.hasManagedSaveImage, 0)
    r.call("snapshots", d.snapshotNum, 0)
    for label, function in (("suspend off", d.suspend), ("resume off", d.resume), ("destroy off", d.destroy),
                            ("shutdown off", d.shutdown), ("reset off", d.reset)):
        r.call(label, function)
    r.need("start", d.create)
    r.call("state running", state)
    r.call("active running", d.isActive)
    r.call("info running", lambda: d.info()[:4])
    r.call("start again", d.create)
    r.call("create the same", c.createXML, xml, 0)
    r.call("suspend", d.suspend)
    r.call("state suspended", state)
    r.call("suspend again", d.suspend)
    r.call("resume", d.resume)
    r.call("state resumed", state)
    r.call("resume again", d.resume)
    r.call("undefine running", d.undefine)
    r.call("persistent then", d.isPersistent)
    r.call("define again", c.defineXML, xml.replace("<memory", "<uuid>%s</uuid><memory" % d.UUIDString(), 1))
    r.call("persistent again", d.isPersistent)
    r.call("destroy flags", d.destroyFlags, 0x100)
    r.call("destroy", d.destroyFlags, libvirt.VIR_DOMAIN_DESTROY_GRACEFUL)
    r.call("state destroyed", state)
    r.call("start paused", d.createWithFlags, libvirt.VIR_DOMAIN_START_PAUSED)
    r.call("state paused", state)
    r.call("start flags", d.createWithFlags, 0x1000)
    r.call("destroy again", d.destroy)
    r.call("undefine flags", d.undefineFlags, 0x1000)
    mark = r.events.mark()              # it was undefined before, while it ran
    r.call("undefine", d.undefine)
    r.call("undefine again", d.undefine)
    r.call("lookup", c.lookupByName, r.name)
    r.call("call on what is gone", d.XMLDesc, 0)
    r.ended(1, mark)
    r.note("events", r.lifecycle())


@case
def lifecycle_transient(r):
    c = r.conn
    xml = plain.domain(r.name, [one_disk(r)])
    r.need("create", c.createXML, xml, libvirt.VIR_DOMAIN_START_PAUSED)
    r.domain = d = c.lookupByName(r.name)
    r.call("persistent", d.isPersistent)
    r.call("state", d.state)
    r.call("undefine", d.undefine)
    r.call("autostart", d.setAutostart, 1)
    other = xml.replace("<memory", "<uuid>2c8f1d8e-3b36-4a6a-8f3e-6d1b1c0f0001</uuid><memory")
    r.call("same name", c.createXML, other, 0)
    r.call("same name defined", c.defineXML, other)
    r.call("other name, same UUID", c.defineXML,
           xml.replace("<name>", "<name>x-").replace("<memory", "<uuid>%s</uuid><memory" % d.UUIDString()))
    r.call("define", c.defineXML, xml.replace("<memory", "<uuid>%s</uuid><memory" % d.UUIDString()))
    r.call("persistent then", d.isPersistent)
    r.call("undefine then", d.undefine)
    r.call("destroy", d.destroy)
    r.call("lookup", c.lookupByName, r.name)
    r.ended()
    r.note("events", r.lifecycle())


@case
def lifecycle_start_fails(r):
    path = r.chain(1)[0]
    r.define(plain.disk("vda", path + ".missing"))
    r.call("missing disk", r.domain.create)
    r.call("state", r.domain.state)
    r.call("still there", r.domain.isPersistent)
    r.domain.undefine()
    r.call("transient, missing disk", r.conn.createXML, plain.domain(r.name, [plain.disk("vda", path + ".missing")]), 0)
    r.call("lookup", r.conn.lookupByName, r.name)


@case
def lifecycle_autodestroy(r):
    other = libvirt.open(r.daemon.uri)
    xml = plain.domain(r.name, [one_disk(r)])
    r.need("create", other.createXML, xml, libvirt.VIR_DOMAIN_START_AUTODESTROY | libvirt.VIR_DOMAIN_START_PAUSED)
    mark = r.events.mark()
    other.close()
    r.note("stopped", r.ended(since=mark) is not None)
    r.note("events", r.lifecycle())


@case
def connection(r):
    c = r.conn
    for name in ("getType", "getVersion", "isSecure", "isAlive", "numOfDomains", "numOfDefinedDomains",
                 "listDomainsID"):
        r.call(name, getattr(c, name))
    r.call("host name", lambda: bool(c.getHostname()))
    r.call("max vcpus qemu", c.getMaxVcpus, "qemu")
    r.call("max vcpus nonsense", c.getMaxVcpus, "nonsense")
    r.call("lookup by name", c.lookupByName, "no-such-domain")
    r.call("lookup by ID", c.lookupByID, 99999)
    r.call("lookup by UUID", c.lookupByUUIDString, "2c8f1d8e-3b36-4a6a-8f3e-6d1b1c0fffff")
    r.call("list flags", c.listAllDomains, 0x100000)
    r.domain = c.defineXML(plain.domain(r.name, [one_disk(r)]))
    mine = lambda *flags: [d.name() for d in c.listAllDomains(*flags) if d.name() == r.name]  # noqa: E731
    for label, flag in (("active", 1), ("inactive", 2), ("persistent", 4), ("transient", 8), ("running", 16),
                        ("paused", 32), ("shutoff", 64), ("autostart", 512)):
        r.call("list " + label, mine, flag)
    r.call("list defined", lambda: r.name in c.listDefinedDomains())
    r.domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
    for label, flag in (("active", 1), ("inactive", 2), ("persistent", 4), ("transient", 8), ("running", 16),
                        ("paused", 32), ("shutoff", 64)):
        r.call("started: list " + label, mine, flag)
    r.call("started: lookup by ID", lambda: c.lookupByID(r.domain.ID()).name())
    r.call("started: by UUID", lambda: c.lookupByUUID(r.domain.UUID()).name())


@case
def monitor_commands(r):
    import libvirt_qemu
    import json
    r.start(one_disk(r))
    command = lambda text, flags=0: libvirt_qemu.qemuMonitorCommand(r.domain, text, flags)  # noqa: E731
    r.call("query-status", lambda: json.loads(command('{"execute":"query-status"}'))["return"]["status"])
    r.call("error reply", lambda: json.loads(command('{"execute":"nonsense"}'))["error"]["class"])
    r.call("no JSON", command, "{")
    r.call("HMP", lambda: "paused" in command("info status", 1))
    r.call("flags", command, "info status", 0x100)
    r.note("taint", "custom-monitor" in r.domain.XMLDesc(0))


def start_without(r, what, disk):
    """A start of a domain with one disk that is there, and this one, which is not; with what clients are told."""
    told = []
    ident = r.conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_DISK_CHANGE,
                                          lambda _conn, _domain, *event: told.append(event[:4]), None)
    since = r.events.mark()
    body = disk + "<controller type='usb' model='none'/><memballoon model='none'/>"
    r.domain = r.conn.defineXML(document(r, one_disk(r) + body))
    if r.call(what, r.domain.createWithFlags, libvirt.VIR_DOMAIN_START_PAUSED):
        r.note(what + ": live", r.domain.XMLDesc(0))
        r.note(what + ": inactive", r.domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
        r.call(what + ": destroy", r.domain.destroy)
    r.call(what + ": undefine", r.domain.undefine)
    r.ended(1, since)
    r.conn.domainEventDeregisterAny(ident)
    r.note(what + ": events", told)


def policy(disk, which):
    return disk.replace("<source ", "<source startupPolicy='%s' " % which)


@case
def disks_that_are_missing(r):
    """11/L6.9: <source startupPolicy=''>."""
    for which in ("optional", "mandatory", "requisite"):
        for name, xml in (("cd", plain.disk("hdc", "/nowhere-cd", "raw", "<readonly/>", "cdrom", "ide")),
                          ("floppy", plain.disk("fda", "/nowhere-floppy", "raw", "", "floppy", "fdc")),
                          ("disk", plain.disk("vdb", "/nowhere-disk"))):
            if (which, name) == ("requisite", "disk"):
                r.call("requisite disk", r.conn.defineXML, document(r, policy(xml, which)))
            else:
                start_without(r, "%s %s" % (which, name), policy(xml, which))


@case
def media_that_are_missing_at_a_restore(r):
    """11/L6.9: requisite media may be gone then."""
    for which in ("optional", "requisite", "mandatory"):
        path = r.chain(1, "cd-" + which, base_format="raw")[0]
        cd = policy(plain.disk("hdc", path, "raw", "<readonly/>", "cdrom", "ide"), which)
        body = cd + "<controller type='usb' model='none'/><memballoon model='none'/>"
        r.domain = r.conn.defineXML(document(r, one_disk(r) + body))
        r.call(which, r.domain.createWithFlags, libvirt.VIR_DOMAIN_START_PAUSED)
        r.call(which + ": save", r.domain.managedSave)
        os.unlink(path)
        if r.call(which + ": restore", r.domain.createWithFlags, libvirt.VIR_DOMAIN_START_PAUSED):
            r.note(which + ": live", ElementTree.tostring(jobs.disk_element(r.domain.XMLDesc(0), "hdc"), "unicode"))
            r.call(which + ": destroy", r.domain.destroy)
        r.call(which + ": undefine", r.domain.undefineFlags, libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE)
