#!/usr/bin/python3
"""Copies into encrypted images (V172): qcow2 with LUKS inside, and LUKS alone; made by us or there before, of whole
disks and shallow ones, with a daemon that is killed when they are ready. A boot sector writes meanwhile; its blocks are
then in the image that the definition names, and the passphrase is in QEMU as long as an image that needs it, and
nowhere else.
"""

import json
import os
import shutil
import signal
import sys

import libvirt

import bootsector
import jobs
import jobtest
import luks
import plain
import suite
from buses import SLOTS, Line, check_base, in_clear
from faults import FaultDaemon
from images import info, measured, qemu_img, qemu_io
from jobtest import INACTIVE, PAUSED, PIVOT, TRANSIENT

MIB = 1 << 20
SIZE = 8 * MIB
SHALLOW, REUSE = libvirt.VIR_DOMAIN_BLOCK_COPY_SHALLOW, libvirt.VIR_DOMAIN_BLOCK_COPY_REUSE_EXT
WANTED = {"format": "luks", "engine": "qemu"}
EMPTY = "6f1c7c52-0000-4000-8000-0000000000bb"
WRONG = "6f1c7c52-0000-4000-8000-0000000000cc"
NOWHERE = "6f1c7c52-0000-4000-8000-0000000000dd"
INTERNAL_ERROR, INVALID_ARG, CONFIG_UNSUPPORTED = 1, 8, 67
CREATE = 4                                  # number of the command that makes an image of format qcow2


def destination(path, fmt="qcow2", encryption=luks.ENCRYPTION, below="", kind="file"):
    return "<disk type='%s'><driver type='%s'/><source %s='%s'>%s</source>%s</disk>" % (
        kind, fmt, "dev" if kind == "block" else "file", path, encryption, below)


def encryption_of(element):
    """Its attributes, where the image of a <disk> or <mirror> is encrypted."""
    found = element.find("source/encryption") if element is not None else None
    return None if found is None else dict(found.attrib)


class Test(jobtest.JobChecks):
    def __init__(self, out, daemon, guest):
        super().__init__(out, daemon, guest)
        self.boot = bootsector.assemble(daemon, "boot")
        luks.define_secret(self.conn)
        # two keys for all, which are tried quickly, but take their time to be made
        folder = plain.folder(daemon, "keys")
        self.images = luks.make_chain(folder, ["key.0", "key.1"], "64M")
        self.key = os.path.join(folder, "bare")
        qemu_img("create", "-q", *luks.OBJECT, "-f", "luks", "-o", "key-secret=s,iter-time=10", self.key, "1M")
        self.header = os.path.getsize(self.key) - MIB

    def bare(self, path, size):
        """LUKS alone."""
        shutil.copy(self.key, path)
        os.truncate(path, self.header + size)
        self.daemon.own(path)

    def objects(self):
        """Numbers of the images whose passphrase QEMU has."""
        objects = self.monitor("qom-list", path="/objects")["return"]
        return sorted(int(o["name"].split("-")[1]) for o in objects if o["name"].endswith("-encryption-secret0"))

    def formats(self):
        """Numbers of the images that QEMU has open."""
        nodes = self.monitor("query-named-block-nodes", flat=True)["return"]
        return sorted(int(n["node-name"].split("-")[1]) for n in nodes if n["node-name"].endswith("-format"))

    def target(self):
        """Number of the image that is copied into."""
        return int(self.disk().find("mirror/source").get("index"))

    def disk(self, flags=0):
        return jobs.disk_element(self.domain.XMLDesc(flags), "vda")

    def boots(self, name):
        """A domain whose disk holds the boot sector, and a file; its images, base first."""
        folder = plain.folder(self.daemon, name)
        paths = [os.path.join(folder, one) for one in ("base", "top")]
        qemu_img("create", "-q", "-f", "qcow2", paths[0], str(SIZE))
        qemu_io(paths[0], "qcow2", "write -s %s 0 512" % self.boot,
                "write -P 0x11 4M 1M")
        qemu_img("create", "-q", "-f", "qcow2", "-b", paths[0], "-F", "qcow2", paths[1])
        qemu_io(paths[1], "qcow2", "write -P 0x22 5M 1M")
        self.daemon.own(*paths)
        self.line = Line(os.path.join(folder, "serial"))
        self.start(name, plain.domain(name, [plain.disk("vda", paths[1]), "<serial type='file'><source path='%s'/>"
                                             "</serial>" % self.line.path]))
        self.domain.resume()
        self.ok(self.line.wait_more(SLOTS), name + ": it boots and writes", self.line.text)
        return folder, paths

    def writes(self, when):
        self.ok(self.line.wait_more(10), "%s: it writes %s" % (self.name, when), self.line.text)

    def copy(self, what, xml, flags=0):
        """Up to READY; what a client sees of it."""
        measured(self.domain.blockCopy, "vda", xml, {}, flags | TRANSIENT)
        self.ok(jobs.wait_ready(self.domain, "vda"), what + ": the copy is ready", self.daemon.log_tail)
        self.equal(encryption_of(self.disk().find("mirror")), WANTED, what + ": <mirror> tells of the encryption")
        self.ok(self.target() in self.objects(), what + ": QEMU has the passphrase of the target", self.objects)

    def end(self, what, flags):
        since = self.events.mark()
        self.domain.blockJobAbort("vda", flags)
        self.equal(self.ended(since), "completed" if flags else "canceled", what + ": it ends")
        self.equal(self.domain.blockJobInfo("vda", 0), {}, what + ": no job is left")

    def back(self):
        """There is a daemon again."""
        self.daemon.restart(signal.SIGKILL)
        self.connect()
        self.domain = self.conn.lookupByName(self.name)

    def died(self):
        """The daemon is killed, and comes back."""
        self.back()
        self.ok(jobs.wait_ready(self.domain, "vda"), self.name + ": it is ready after the daemon has died")

    def status_has_alias(self):
        alias = "<secret type='encryption' alias='libvirt-%d-format-encryption-secret0'/>" % self.target()
        return alias in self.daemon.status_xml(self.name).partition("<mirror")[2].partition("</mirror>")[0]

    # --- a writing guest ---------------------------------------------------------------------------------------

    def test_qcow2(self):
        """V172: made by us: the daemon dies while QEMU makes it, and when it is ready; then it is given up."""
        folder, paths = self.boots("qcow2")
        path, before = os.path.join(folder, "copy"), self.state()
        if self.daemon.can_fail():
            self.daemon.fail("die-qmp-answer:%d" % CREATE)
            suite.code(self.domain.blockCopy, "vda", destination(path), {}, TRANSIENT)
            self.daemon.fail(None)
            self.back()
            self.ok(jobs.wait_for(lambda: self.state() == before and not os.path.exists(path), 60),
                    "qcow2: nothing is left of a copy whose daemon has died while it was made", self.state)
        self.copy("qcow2", destination(path))
        self.equal(self.status_has_alias(), True, "qcow2: the status file names the object")
        self.equal(in_clear(self.daemon, "qcow2"), [], "qcow2: the passphrase can be read nowhere")
        self.died()
        self.end("qcow2", 0)
        self.equal((self.objects(), encryption_of(self.disk()), self.chain()), ([], None, paths[::-1]),
                   "qcow2: after an abort QEMU has no passphrase, the disk is as before")
        self.writes("after the abort")
        self.gone()

    def test_luks(self):
        """V172: made by us, then pivoted."""
        path = os.path.join(self.boots("luks")[0], "copy")
        self.copy("luks", destination(path, "raw"))
        self.ok(os.path.getsize(path) >= SIZE + MIB, "luks: the file has room for the header", os.path.getsize(path))
        self.end("luks", PIVOT)
        self.writes("into the copy")
        self.equal(self.objects(), self.formats(), "luks: QEMU has the passphrase of the disk, and no other")
        self.check(path)

    def test_reused(self):
        """V172: there before, LUKS alone: the daemon dies when it is ready; it is given up, and pivoted."""
        path = os.path.join(self.boots("reused")[0], "copy")
        self.bare(path, SIZE)
        self.copy("reused", destination(path, "raw"), REUSE)
        self.died()
        self.end("reused", 0)
        self.equal((self.objects(), encryption_of(self.disk())), ([], None), "reused: an abort leaves the disk alone")
        self.copy("reused", destination(path, "raw"), REUSE)
        self.writes("while it is copied")
        self.died()
        self.end("reused", PIVOT)
        self.writes("into the copy")
        self.equal([encryption_of(self.disk(flags)) for flags in (0, INACTIVE)], [WANTED] * 2,
                   "reused: both definitions tell of the encryption")
        self.equal(self.objects(), self.formats(), "reused: QEMU has the passphrase of the disk, and no other")
        self.equal(in_clear(self.daemon, "reused"), [], "reused: which can be read nowhere")
        self.domain.destroy()
        os.unlink(self.line.path)
        self.domain.create()
        self.equal(self.chain(), [path], "reused: it starts with the copy")
        self.ok(self.line.wait_more(SLOTS), "reused: it boots from it and writes", self.line.text)
        self.check(path)

    def check(self, path):
        """What the guest and the images before it have written is in the image, which is LUKS alone."""
        self.gone()
        clear = path + ".clear"
        qemu_img("convert", *luks.OBJECT, "--image-opts", "-O", "raw", "driver=luks,key-secret=s,file.filename=" + path,
                 clear)
        self.equal(check_base(clear, self.line.acked(), "raw"), [], self.name + ": every acknowledged block is there")
        self.ok(len(check_base(clear, self.line.acked() + 5, "raw")) >= 4, self.name + ": others would be missed")
        with open(clear, "rb") as f:
            f.seek(2 * MIB)
            self.ok([set(f.read(MIB)) for n in range(6)] == [{0}, {0}, {0x11}, {0x22}, {0}, {0}],
                    self.name + ": and the data of the images before it, and zeroes where they have none")

    # --- shallow copies --------------------------------------------------------------------------------------

    def test_shallow(self):
        """An encrypted image that was there, on an encrypted one that it brings along."""
        self.started("shallow", 2)
        new = self.images
        self.daemon.own(*new)
        wrong = luks.qemu_io(new[0], "write -P 1 0 1M")
        self.ok(not wrong, "shallow: the image below has the data of the disk's", wrong)
        below = "<backingStore type='file'><format type='qcow2'/><source file='%s'>%s</source><backingStore/>" \
            "</backingStore>" % (new[0], luks.ENCRYPTION)
        before = self.state()
        for switch in (0, PIVOT):
            self.copy("shallow", destination(new[1], below=below), SHALLOW | REUSE)
            self.equal(len(self.objects()), 2, "shallow: QEMU has the passphrases of both images",
                       known="the image below gets none before the pivot, and then nobody has it any more")
            self.died()
            self.end("shallow", switch)
            if not switch:
                self.equal(self.state(), before, "shallow: an abort leaves the disk as before")
        self.equal((self.chain(), self.chain(INACTIVE)), (new[::-1], new[::-1]), "shallow: the disk is the new chain")
        self.equal((len(self.objects()), self.objects()), (2, self.formats()), "shallow: QEMU has its passphrases")
        self.domain.destroy()
        self.domain.createWithFlags(PAUSED)
        self.equal(self.chain(), new[::-1], "shallow: it starts again")
        self.gone()
        wrong = luks.qemu_io(new[1], "read -P 1 0 1M", "read -P 2 1M 1M", stated=luks.options(new[1]).replace(
            "backing=", "backing.driver=qcow2,backing.encrypt.key-secret=s,backing.file.filename=" + new[0]))
        self.ok(not wrong, "shallow: it holds everything", wrong)

    def test_below(self):
        """A shallow copy onto an image that is LUKS alone: its header says so."""
        folder = plain.folder(self.daemon, "below")
        base, top, path = (os.path.join(folder, name) for name in ("base", "top", "copy"))
        self.bare(base, SIZE)
        qemu_img("create", "-q", "-f", "qcow2", "-u", "-b", base, "-F", "luks", top, str(SIZE))
        self.daemon.own(top)
        xml = plain.domain("below", [plain.disk("vda", top)])
        source = "<source file='%s'/>" % top
        self.start("below", xml.replace(source, source + "<backingStore type='file'><format type='raw'/><source file="
                                        "'%s'>%s</source><backingStore/></backingStore>" % (base, luks.ENCRYPTION)))
        self.equal(self.copied(path, flags=SHALLOW), "completed", "below: the copy completes")
        self.equal((self.chain(), self.objects()), ([path, base], [2]), "below: the disk is on the encrypted image")
        self.equal(info(path).get("backing-filename-format"), "luks", "below: the copy's header says what that is")
        self.domain.destroy()
        self.domain.createWithFlags(PAUSED)
        self.equal(self.chain(), [path, base], "below: it starts again")
        self.gone()
        self.refused(lambda: self.conn.createXML(xml.replace(top, path), PAUSED), CONFIG_UNSUPPORTED, "0 secrets",
                     "below: who does not say how it is decrypted is told")

    # --- what cannot be done -----------------------------------------------------------------------------------

    def state(self):
        """What a copy that does not start must leave as it is."""
        return (self.formats(), self.objects(), self.monitor("query-jobs")["return"],
                self.domain.blockJobInfo("vda", 0), self.disk().find("mirror") is None)

    def key_file(self):
        """The file with the key that QEMU decrypts secrets with."""
        with open("/proc/%d/cmdline" % self.daemon.qemu_pid(self.name)) as f:
            path = next(json.loads(word)["file"] for word in f.read().split("\0") if '"id":"masterKey0"' in word)
        return self.daemon.host_path(path)

    def test_refused(self):
        """Nothing is begun, made or removed."""
        self.started("refused", 2)
        names = ("new", "bare", "small", "qcow2", "plain", "raw")
        new, alone, small, inside, clear, raw = (os.path.join(os.path.dirname(self.paths[0]), name) for name in names)
        self.bare(alone, 64 * MIB)
        self.bare(small, 32 * MIB)
        shutil.copy(self.images[0], inside)
        qemu_img("create", "-q", "-f", "qcow2", clear, "64M")
        qemu_img("create", "-q", "-f", "raw", raw, "64M")
        self.daemon.own(inside, clear, raw)
        luks.define(self.conn, EMPTY, None)
        luks.define(self.conn, WRONG, "another")
        other = lambda uuid: luks.ENCRYPTION.replace(luks.UUID, uuid)
        two = luks.ENCRYPTION.replace("<secret", "<secret type='passphrase' uuid='%s'/><secret" % WRONG)
        before = self.state()
        for what, number, words, xml, flags in (
                ("a secret that is not there", libvirt.VIR_ERR_NO_SECRET, NOWHERE, destination(
                    new, encryption=other(NOWHERE)), 0),
                ("a secret without a value", libvirt.VIR_ERR_NO_SECRET, EMPTY, destination(
                    new, encryption=other(EMPTY)), 0),
                ("two secrets", CONFIG_UNSUPPORTED, "2 secrets", destination(new, encryption=two), 0),
                ("no secret", CONFIG_UNSUPPORTED, "0 secrets", destination(
                    new, encryption="<encryption format='luks'/>"), 0),
                ("the encryption of qcow", CONFIG_UNSUPPORTED, "'qcow'", destination(
                    new, encryption=luks.ENCRYPTION.replace("'luks'", "'qcow'")), 0),
                ("another engine", CONFIG_UNSUPPORTED, "librbd", destination(
                    new, encryption=luks.ENCRYPTION.replace("'luks'", "'luks' engine='librbd'")), 0),
                ("an image of another size", INVALID_ARG, "33554432 bytes large", destination(small, "raw"), REUSE),
                ("an image in clear text", INVALID_ARG, "is not encrypted", destination(clear), REUSE),
                ("a file without the header", INVALID_ARG, "is not an image of format 'luks'", destination(
                    raw, "raw"), REUSE),
                ("an encrypted image as one in clear text", INVALID_ARG, "is encrypted", destination(
                    inside, encryption=""), REUSE),
                ("another passphrase", INTERNAL_ERROR, "Invalid password", destination(
                    inside, encryption=other(WRONG)), REUSE),
                ("another passphrase of LUKS alone", INTERNAL_ERROR, "Invalid password", destination(
                    alone, "raw", other(WRONG)), REUSE)):
            self.refused(lambda: self.domain.blockCopy("vda", xml, {}, flags | TRANSIENT), number, words,
                         what + " is refused")
            self.equal((self.state(), os.path.exists(new)), (before, False), what + " leaves nothing")
        key = self.key_file()
        os.rename(key, key + ".away")
        self.refused(lambda: self.domain.blockCopy("vda", destination(new), {}, TRANSIENT),
                     libvirt.VIR_ERR_SYSTEM_ERROR, "master-key.aes", "without the key")
        self.equal((self.state(), os.path.exists(new)), (before, False), "without the key nothing is left")
        os.rename(key + ".away", key)
        self.faults(new, inside, before)
        self.gone()

    def faults(self, new, there, before):
        """Each command in turn is refused, up to the making of the image, which takes its time."""
        if not self.daemon.can_fail():
            return self.out.skip("encrypted: each command refused", "needs a module with debug_checks")
        wrong = []
        for path, flags, numbers in ((new, 0, range(1, CREATE + 1)), (there, REUSE, range(1, 20))):
            for number in numbers:
                self.daemon.fail("qmp-error:%d" % number)
                code = suite.code(self.domain.blockCopy, "vda", destination(path), {}, flags | TRANSIENT)
                self.daemon.fail(None)
                if code == 0:
                    break
                if self.state() != before or os.path.exists(new):
                    wrong.append((flags, number))
        self.equal((code, number > 4, wrong), (0, True, []), "each command is refused in turn, and nothing is left")
        self.ok(jobs.wait_ready(self.domain, "vda"), "then it is ready")
        self.end("refused", PIVOT)
        self.equal(self.objects(), self.formats(), "QEMU has the passphrase of the disk")


SESSION = ("reused",)                       # where another user makes a difference


def run(out, args, mode):
    names = args.names if args.chosen or mode == "system" else SESSION
    suite.run_with_daemon(out, args, mode, Test, names, FaultDaemon)


if __name__ == "__main__":
    sys.exit(suite.main("encrypted", __doc__, Test, run))
