"""A part of hostile.py: pull, rebase and copy with names, paths, documents and parameters that nobody in his right mind
sends. Each is refused with one error, nothing is changed, no file is made, and no job is there.
"""

import ctypes
import os
import socket
import subprocess

import libvirt

import jobs as watch
import plain
from hung import Call
from images import qemu_img
from suite import code

ACTIVE = libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE
PIVOT = libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT
TRANSIENT = libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB
REUSE = libvirt.VIR_DOMAIN_BLOCK_COPY_REUSE_EXT
SHALLOW = libvirt.VIR_DOMAIN_BLOCK_COPY_SHALLOW
COPY = libvirt.VIR_DOMAIN_BLOCK_REBASE_COPY
NAMES = ("", "a,b", "vda\n", "vda ", " vda", "vda[1]", "vda[", "VDA", "\x7f", "\u00e9" * 4000, "%s%n", "x" * 65536,
         "../vda", "vda\",\"x\":\"1")
XML = "<disk type='file'><driver type='qcow2'/><source file='%s'/></disk>"
INT, UINT, LLONG, ULLONG, DOUBLE = 1, 2, 3, 4, 5


class Param(ctypes.Structure):
    """virTypedParameter"""
    _fields_ = [("field", ctypes.c_char * 80), ("type", ctypes.c_int), ("value", ctypes.c_ulonglong)]


def copy_with(domain, xml, params):
    """virDomainBlockCopy with any typed parameters; the binding itself makes only good ones."""
    call = ctypes.CDLL("libvirt.so.0").virDomainBlockCopy
    call.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_uint]
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    array = (Param * len(params))(*[Param(*param) for param in params])
    if call(pointer(domain._o, b"virDomainPtr"), b"vda", xml.encode(), array, len(params), TRANSIENT) < 0:
        raise libvirt.libvirtError("virDomainBlockCopy() failed")


def parameters():
    """(what, params): none of them is a good set."""
    good = {b"bandwidth": ULLONG, b"granularity": UINT, b"buf-size": ULLONG}
    for name, kind in good.items():
        yield "%s twice" % name.decode(), [(name, kind, 65536)] * 2
        for wrong in (INT, UINT, LLONG, ULLONG, DOUBLE):
            if wrong != kind:
                yield "%s of type %d" % (name.decode(), wrong), [(name, wrong, 65536)]
    for name in (b"", b"Bandwidth", b"bandwidth ", b"\x01", b"x" * 79, b"a\",\"b"):
        yield "parameter %s" % ascii(name[:10]), [(name, ULLONG, 1)]
    yield "a good one and a bad one", [(b"granularity", UINT, 65536), (b"bytes", UINT, 1)]
    yield "16 times the same", [(b"granularity", UINT, 65536)] * 16
    yield "a granularity of one bit too many", [(b"granularity", UINT, 65537)]
    yield "the largest granularity", [(b"granularity", UINT, 2 ** 32 - 1)]
    yield "the largest buffer", [(b"buf-size", ULLONG, 2 ** 64 - 1)]
    yield "the largest bandwidth", [(b"bandwidth", ULLONG, 2 ** 64 - 1)]


def places(folder):
    """Paths that no copy may go to."""
    fifo, listening = os.path.join(folder, "fifo"), os.path.join(folder, "socket")
    os.mkfifo(fifo)
    server = socket.socket(socket.AF_UNIX)
    server.bind(listening)
    server.close()
    return ["", "/", folder, fifo, listening, "/dev/null", "/dev/zero", "/proc/self/mem", "/proc/sys/kernel/hostname",
            "relative", "./relative", "../" * 100 + "new", "json:{}", "nbd://h/e", folder + "/" + "x" * 256,
            folder + "/" + "x" * 65536, folder + "/nowhere/new", folder + "/fifo/new"]


def documents(new):
    """(what, XML): none is a destination."""
    good = XML % new
    comment = "<!--" + "x" * (1 << 20) + "-->"
    yield "10 MiB", good.replace("</disk>", comment * 10 + "</disk>")
    yield "a path of 3 MiB", XML % ("/" + "x" * (3 << 20))
    yield "100000 levels", "<disk>" * 100000 + "</disk>" * 100000
    yield "deep backing images", "<disk type='file'><source file='%s'/>%s%s</disk>" % (
        new, "<backingStore type='file'><format type='qcow2'/><source file='/b'/>" * 300, "</backingStore>" * 300)
    entities = "".join("<!ENTITY e%d '%s'>" % (n, "&e%d;" % (n - 1) * 10) for n in range(1, 12))
    yield "entities of entities", "<!DOCTYPE disk [<!ENTITY e0 'x'>%s]>%s" % (entities, XML % "&e11;")
    yield "an entity from a file", "<!DOCTYPE disk [<!ENTITY e SYSTEM 'file:///etc/hostname'>]>" + XML % "/&e;"
    yield "nothing", ""
    yield "a byte", "<"
    yield "two roots", good + good
    yield "a domain", "<domain>%s</domain>" % good
    yield "bytes that are no text", good.replace("new", "\udcff")
    for kind in ("dir", "volume", "nvme", "vhostuser", "nonsense"):
        yield "type " + kind, good.replace("'file'>", "'%s'>" % kind, 1)
    for protocol in ("nonsense", "gluster", "http", "ssh", "nfs", "vxhs", "sheepdog"):
        yield "protocol " + protocol, "<disk type='network'><driver type='raw'/><source protocol='%s' name='a/b'>" \
            "<host name='127.0.0.1' port='1'/></source></disk>" % protocol
    for fmt in ("nonsense", "iso", "dir", "auto", "", "x" * 70000):
        yield "format " + fmt[:9], good.replace("qcow2", fmt)


def wrong_calls(domain, folder, paths):
    new = os.path.join(folder, "new")
    for name in NAMES:
        shown = ascii(name[:10])
        yield "pull of disk " + shown, lambda name=name: domain.blockPull(name, 0, 0)
        yield "rebase of disk " + shown, lambda name=name: domain.blockRebase(name, paths[0], 0, 0)
        yield "rebase to base " + shown, lambda name=name: domain.blockRebase("vda", name, 0, 0)
        yield "copy of disk " + shown, lambda name=name: domain.blockCopy(name, XML % new, {}, TRANSIENT)
        yield "commit of disk " + shown, lambda name=name: domain.blockCommit(name, None, None, 0, 4)
        yield "speed of disk " + shown, lambda name=name: domain.blockJobSetSpeed(name, 1, 0)
    for path in places(folder):
        shown = ascii(os.path.relpath(path, folder)[:24] if path.startswith(folder) else path[:24])
        escaped = path.replace("&", "&amp;").replace("<", "&lt;")
        for flags, what in ((TRANSIENT, "copy to "), (TRANSIENT | REUSE, "copy into "),
                            (TRANSIENT | REUSE | SHALLOW, "shallow copy into ")):
            yield what + shown, lambda escaped=escaped, flags=flags: domain.blockCopy("vda", XML % escaped, {}, flags)
        yield "rebase with COPY to " + shown, lambda path=path: domain.blockRebase("vda", path, 0, COPY)
    for what, xml in documents(new):
        yield "destination: " + what, lambda xml=xml: domain.blockCopy("vda", xml, {}, TRANSIENT)
    for what, params in parameters():
        yield "copy: " + what, lambda params=params: copy_with(domain, XML % new, params)


def error_of(call):
    try:
        call()
    except (libvirt.libvirtError, TypeError, ValueError, OverflowError, UnicodeError) as e:
        return str(e)
    return None


def jobs(test):
    domain = test.started("jobs")
    folder = os.path.dirname(test.paths[0])
    calls = list(wrong_calls(domain, folder, test.paths))       # some make what they are refused for
    before = domain.XMLDesc(), domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE), sorted(os.listdir(folder))
    for what, call in calls:
        error = error_of(call)
        after = domain.XMLDesc(), domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE), sorted(os.listdir(folder))
        test.ok(error and after == before and domain.blockJobInfo("vda") == {} and test.daemon.alive(),
                what + ": refused, nothing changed",
                lambda: "%s\n%s" % (error, [b for a, b in zip(before, after) if a != b]))
    domain.blockPull("vda", 0, 0)
    test.ok(test.no_job(domain) and test.paths[0] not in domain.XMLDesc(), "and the disk can be pulled")
    test.end(domain)


# XML gives back a blank for the first three, and nothing, or no document at all, for the others
UNSAYABLE = ("\n", "\t", "\r", "\x01", "\x1b", "\uffff")


def unsayable(test):
    """Names that XML cannot hold: a definition would name another file than the one in use."""
    domain = test.started("unsayable")
    folder = os.path.dirname(test.paths[0])
    xml = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    test.end(domain)
    domain = test.conn.createXML(xml, libvirt.VIR_DOMAIN_START_PAUSED)
    for text in UNSAYABLE:
        new = os.path.join(folder, "new" + text + "image")
        before = domain.XMLDesc(), sorted(os.listdir(folder))
        test.ok(code(domain.blockRebase, "vda", new, 0, COPY) == libvirt.VIR_ERR_INVALID_ARG and
                before == (domain.XMLDesc(), sorted(os.listdir(folder))),
                "rebase with COPY to a name with %s: refused, nothing changed" % ascii(text))
        base, top = os.path.join(folder, "base" + text), os.path.join(folder, "top")
        qemu_img("create", "-q", "-f", "qcow2", base, "64M")
        qemu_img("create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", top)
        test.daemon.own(base, top)
        before = domain.XMLDesc(), sorted(os.listdir(folder))
        test.ok(code(domain.blockCopy, "vda", XML % top, {}, TRANSIENT | REUSE | SHALLOW) ==
                libvirt.VIR_ERR_CONFIG_UNSUPPORTED and before == (domain.XMLDesc(), sorted(os.listdir(folder))),
                "a copy onto an image whose backing name has %s: refused, nothing changed" % ascii(text))
        test.ok(code(test.conn.createXML, plain.domain("unsaid", [plain.disk("vda", top)]), 0) ==
                libvirt.VIR_ERR_CONFIG_UNSUPPORTED, "a backing name with %s: the domain is not started" % ascii(text))
        os.unlink(base)
    domain.destroy()


def immutable(path, flag):
    """Whether the file system can do that."""
    return subprocess.run(["chattr", flag + "i", path], stderr=subprocess.DEVNULL).returncode == 0


def kept(test):
    """Somebody sees to it that a definition stays as it is: a pivot must not hold the guest until that changes."""
    domain = test.started("kept")
    file = test.config_file(domain.name())
    for path, what in ((file, "the definition's file"), (os.path.dirname(file), "the definitions' folder")):
        domain.blockCommit("vda", None, None, 0, ACTIVE)
        test.mirror_ready(domain)
        if not immutable(path, "+"):
            test.out.skip(what, "cannot be made immutable here")
        else:
            pivot = Call(domain.blockJobAbort, "vda", PIVOT)
            ended = pivot.wait(30)
            test.ok(ended and pivot.error, "%s is immutable: a pivot fails" % what, lambda: str(pivot))
            held = [job for job in test.query(domain, "query-jobs") if job["status"] != "ready"] if ended else True
            test.ok(not held, "%s is immutable: the guest is not held" % what, lambda: str(held))
            immutable(path, "-")
            pivot.wait(30)
        code(domain.blockJobAbort, "vda", 0)
        test.ok(test.no_job(domain) and watch.chain(domain.XMLDesc(), "vda")[0][0] == test.paths[2] and
                watch.chain(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE), "vda")[0][0] == test.paths[2],
                "%s: no job is left, and the definitions are as before" % what)
    domain.blockCommit("vda", None, None, 0, ACTIVE)
    test.ok(test.mirror_ready(domain) and code(domain.blockJobAbort, "vda", PIVOT) == 0, "later it can be pivoted")
    test.end(domain)


def paused(test):
    """A ready copy that somebody has paused at the monitor: there is a way out."""
    domain = test.started("paused")
    new = os.path.join(os.path.dirname(test.paths[0]), "new")
    domain.blockCopy("vda", XML % new, {}, TRANSIENT)
    test.mirror_ready(domain)
    job = test.query(domain, "query-jobs")[0]["id"]
    test.monitor(domain, "job-pause", id=job)
    test.ok(code(domain.blockJobAbort, "vda", 0) == 0 and test.no_job(domain) and
            not test.query(domain, "query-jobs") and watch.mirror(domain.XMLDesc(), "vda") is None,
            "a ready copy that is paused can be aborted")
    os.unlink(new)
    test.ok(code(domain.blockCopy, "vda", XML % new, {}, TRANSIENT) == 0 and test.mirror_ready(domain) and
            code(domain.blockJobAbort, "vda", PIVOT) == 0, "and the disk be copied again")
    test.end(domain)
