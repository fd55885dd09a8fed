"""Parts of hostile.py: text in devices that would be an option of QEMU's if it were not escaped, and wrong values for
calls that read and set something of a running VM."""

import json
import math
from xml.sax.saxutils import escape

import libvirt
import libvirt_qemu

import plain
from suite import code

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


def metadata(test):
    """Metadata of ever new namespaces: it comes to an end, before libvirt can hand the XML over no more."""
    domain = test.started("told")
    title, element = libvirt.VIR_DOMAIN_METADATA_TITLE, libvirt.VIR_DOMAIN_METADATA_ELEMENT
    piece = "<x>%s</x>" % ("m" * (200 << 10))
    for flags, where in ((libvirt.VIR_DOMAIN_AFFECT_LIVE, "running"), (libvirt.VIR_DOMAIN_AFFECT_CONFIG, "defined")):
        def put(number, text=piece):
            return code(domain.setMetadata, element, text, "k%d" % number, "urn:example:%d" % number, flags)

        taken = next((n for n in range(25) if put(n)), 25)
        test.ok(taken == 5, "metadata, %s: there is a limit" % where, "%d pieces of 200 KiB" % taken)
        test.ok(put(taken) == libvirt.VIR_ERR_OPERATION_INVALID, "metadata, %s: beyond it is refused" % where)
        test.ok(code(domain.setMetadata, title, "t" * (200 << 10), None, None, flags) ==
                libvirt.VIR_ERR_OPERATION_INVALID, "metadata, %s: the limit is one with the title's" % where)
        test.ok(code(domain.metadata, title, None, flags) == libvirt.VIR_ERR_NO_DOMAIN_METADATA and
                code(domain.metadata, element, "urn:example:%d" % taken, flags) == libvirt.VIR_ERR_NO_DOMAIN_METADATA,
                "metadata, %s: nothing has changed" % where)
        test.ok(put(0) == 0 and put(0, "<y/>") == 0 and put(taken) == 0,
                "metadata, %s: a piece can be replaced, and room be made" % where)

    def pieces():
        return [domain.metadata(element, "urn:example:%d" % number, flags) for number in range(taken + 1)
                for flags in (libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG)]

    before, text = pieces(), domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    test.daemon.kill()
    test.daemon.start()
    test.conn = test.daemon.connect()
    domain = test.conn.lookupByName(domain.name())
    test.ok(pieces() == before, "metadata: a new daemon has the same")
    large = text.replace("<metadata>", "<title>%s</title><metadata>" % ("&quot;" * (40 << 10)))
    test.ok(code(test.conn.defineXML, large) == libvirt.VIR_ERR_CONFIG_UNSUPPORTED and
            domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE) == text, "metadata: a definition has the same limit")
    test.end(domain)
