"""Parts of hostile.py: text in devices that would be an option of QEMU's if it were not escaped, and wrong values for
calls that read and set something of a running VM."""

import json
import math
from xml.sax.saxutils import escape

import libvirt
import libvirt_qemu

import plain

MARK = "qbjx"
TEXTS = ["a,%s=1" % MARK, "a,,%s=1" % MARK, "\",\"%s\":\"1" % MARK, "=,%s" % MARK, "x" * 65536]
PLACES = {
    "a disk's serial": "<disk type='file'><driver name='qemu' type='raw'/><source file='/dev/null'/>"
                       "<target dev='vda' bus='virtio'/><serial>%s</serial></disk>",
    "an I/O group": "<disk type='file'><driver name='qemu' type='raw'/><source file='/dev/null'/>"
                    "<target dev='vda' bus='virtio'/><iotune><total_iops_sec>5</total_iops_sec>"
                    "<group_name>%s</group_name></iotune></disk>",
    "a channel's name": "<channel type='null'><target type='virtio' name='%s'/></channel>",
    "a port's host": "<serial type='tcp'><source mode='connect' host='%s' service='1'/></serial>",
    "a NIC's model": "<interface type='user'><model type='%s'/></interface>",
    "a keymap": "<graphics type='vnc' port='-1' autoport='yes' keymap='%s'/>",
    "a password": "<graphics type='vnc' port='-1' autoport='yes' passwd='%s'/>",
    "an audio file": "<audio id='1' type='file' path='%s'/>",
}


def options_of(word):
    """The names of options in one word of a command line."""
    if word.startswith("{"):
        found, todo = [], [json.loads(word)]
        while todo:
            value = todo.pop()
            if isinstance(value, dict):
                found += value
                todo += value.values()
            elif isinstance(value, list):
                todo += value
        return found
    return [part.partition("=")[0] for part in word.replace(",,", "_").split(",")]


def one_text(test, place, text):
    quoted = escape(text, {"'": "&apos;", '"': "&quot;"})
    xml = plain.domain("text", [PLACES[place] % quoted])
    what = "%s: %s" % (place, ascii(text[:20]))
    try:
        domain = test.conn.createXML(xml, libvirt.VIR_DOMAIN_START_PAUSED)
    except libvirt.libvirtError as e:
        test.ok(e.get_error_message() and not test.conn.listAllDomains(), "refused, " + what)
        return
    with open("/proc/%d/cmdline" % test.daemon.qemu_pid("text"), "rb") as f:
        words = f.read().decode().split("\0")
    bad = [word for word in words if MARK in options_of(word)]
    test.ok(not bad, "escaped, " + what, lambda: "\n".join(bad))
    domain.destroy()


def texts(test):
    for place in PLACES:
        for text in TEXTS:
            one_text(test, place, text)


def wrong_calls(domain, big):
    """Calls that cannot be carried out; none of them may change anything."""
    tune, names = domain.setBlockIoTune, ("a,b", "\n", "x" * 65536, "")
    for name in names:
        yield "limits of disk %s" % ascii(name[:5]), lambda name=name: tune(name, {"total_bytes_sec": 1})
        yield "stats of disk %s" % ascii(name[:5]), lambda name=name: domain.blockStats(name or "?")
        yield "stats of NIC %s" % ascii(name[:5]), lambda name=name: domain.interfaceStats(name)
        yield "console %s" % ascii(name[:5]), lambda name=name: domain.openConsole(
            name, domain.connect().newStream(), 0)
        yield "a name %s" % ascii(name[:5]), lambda name=name: domain.rename(name + "/")
        yield "an agent command %s" % ascii(name[:5]), lambda name=name: libvirt_qemu.qemuAgentCommand(
            domain, name, 1, 0)
    yield "too many bytes", lambda: tune("vda", {"total_bytes_sec": big})
    yield "total and read", lambda: tune("vda", {"total_bytes_sec": 1, "read_bytes_sec": 1})
    yield "an unknown limit", lambda: tune("vda", {"a,b=c": 1})
    yield "a number for a name", lambda: tune("vda", {"group_name": 1})
    yield "no number", lambda: tune("vda", {"total_bytes_sec": math.nan})
    yield "memory", lambda: domain.setMemory(big)
    yield "memory, at most", lambda: domain.setMemoryFlags(big, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    yield "a negative period", lambda: domain.setMemoryStatsPeriod(-1)
    yield "CPUs", lambda: domain.setVcpus(65535)
    yield "a CPU", lambda: domain.setVcpu("0-4294967295", 0)
    yield "an I/O thread", lambda: domain.delIOThread(4294967295)
    yield "keys", lambda: domain.sendKey(libvirt.VIR_KEYCODE_SET_LINUX, 0, [65535, 4294967295], 2)
    yield "a set of keys", lambda: domain.sendKey(4711, 0, [1], 1)
    yield "a screen", lambda: domain.screenshot(domain.connect().newStream(), 4294967295)
    yield "a time", lambda: domain.setTime({"seconds": big, "nseconds": 0})
    yield "metadata that is no XML", lambda: domain.setMetadata(
        libvirt.VIR_DOMAIN_METADATA_ELEMENT, "</x><y>", "k", "urn:a")
    yield "a title of two lines", lambda: domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, "a\nb", None, None)
    yield "a key of metadata", lambda: domain.setMetadata(
        libvirt.VIR_DOMAIN_METADATA_ELEMENT, "<x/>", "a b'=\"", "urn:a")


def calls(test):
    """Each is refused with one error, and changes nothing."""
    domain = test.started("calls")
    before = domain.XMLDesc(), domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    for what, call in wrong_calls(domain, 2 ** 62):
        try:
            call()
            error = ""
        except (libvirt.libvirtError, TypeError, ValueError, OverflowError, LookupError) as e:
            error = str(e)
        after = domain.XMLDesc(), domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
        test.ok(error and after == before and test.daemon.alive(), "%s: refused, nothing changed" % what,
                lambda: "%s\n%s" % (error, "" if after == before else after[0]))
        before = after
    test.end(domain)
