"""Boot sectors, which start in a second where a Linux guest takes its time, above all the second time under TCG."""

import os
import subprocess

import plain
from daemon import DaemonError
from guest_build import HERE as GUEST

SECTOR = 512
WAIT, REBOOT, POWER_OFF, SET_CLOCK, WATCHDOG = range(5)      # what guest/again.S does after it has said "G up"


def assemble(daemon, name, **symbols):
    """Gives the path of guest/@name.S, assembled with @symbols."""
    code, linked, path = (daemon.path("img", "%s.%s" % (name, end)) for end in ("o", "elf", "bin"))
    symbols = [word for item in symbols.items() for word in ("--defsym", "%s=%d" % item)]
    for argv in (["as", "--32", *symbols, "-o", code, os.path.join(GUEST, name + ".S")],
                 ["ld", "-m", "elf_i386", "-Ttext", "0x7c00", "-o", linked, code],
                 ["objcopy", "-O", "binary", "-j", ".text", linked, path]):
        subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)
    if os.path.getsize(path) != SECTOR:
        raise DaemonError("the boot sector %s has %d bytes" % (name, os.path.getsize(path)))
    return path


def again(daemon, name, then, devices="", **changes):
    """(XML of a domain that boots guest/again.S, the file with its serial line); @changes: on_reboot and the like"""
    folder = plain.folder(daemon, name)
    image, serial = os.path.join(folder, "again.raw"), os.path.join(folder, "serial.log")
    with open(assemble(daemon, "again", THEN=then), "rb") as f, open(image, "wb") as out:
        out.write(f.read())
        out.truncate(1 << 20)
    daemon.own(image)
    devices += "<serial type='file'><source path='%s'/></serial>" % serial
    xml = plain.domain(name, [plain.disk("vda", image, "raw"), devices])
    words = "".join("<%s>%s</%s>" % (key, value, key) for key, value in changes.items())
    return xml.replace("<devices>", words + "<devices>"), serial
