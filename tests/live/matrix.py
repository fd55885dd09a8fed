#!/usr/bin/python3
"""What block jobs forbid, cell by cell: the operations of behaviour/07 G3 beside a job of each kind in each phase.

The stock driver's answers are in ../qemublockjobdata/guard/stock.txt (`--driver stock` tries whether that is so), ours
are the same but for guard/wanted.txt and the tables below. A cell that is refused changes nothing, so that the next one
meets the same domain. Domains without an operating system; jobs are held by 1 byte/s. QBJ_MATRIX_ALL=1 in the
environment: also the cells that change something in each state; without it each of them in two.
"""

import os
import re
import shutil
import sys
import uuid
import zlib

import libvirt

import jobs
import plain
import suite
from daemon import Daemon
from images import make_chain, qemu_img, qemu_io
from matrix_calls import BEFORE, CALLS, clean

GUARD = os.path.join(os.path.dirname(suite.options.HERE), "qemublockjobdata", "guard")
COLUMNS = ["none", "pull", "commit", "act. commit", "act. commit ready", "copy", "copy ready", "backup"]
STATES = COLUMNS[:-1]             # there are no backups yet

# Rows of which ours says that there is no such operation yet, by name; in the order of the file. "none": only when
# nothing else forbids it.
NOT_YET = {
    "migrate": "migration is not supported", "snap-internal": "yet|not supported",
    "checkpoint-": "not supported", "backup-": "not supported",
    "memoryPeek": "not supported"}
# Where a row depends on more than class, disk and column.
OURS = {
    # nothing is in the definition that the end of the job would be missed in
    ("define-disk-removed", "transient"): "+",
    # no guest is there that would give it up (09/H2: the stock driver says that it has gone)
    ("detach-input", "persistent"): "68 .*the guest has not given up device.*",
    ("detach-input", "transient"): "68 .*the guest has not given up device.*",
}
# The same for a column: an image that was there before may have bitmaps, and QEMU must not be asked for them beside a
# pull (protocol H3).
OURS_BESIDE = {("snap-disk-only-reuse", "pull"): "84 .*beside a pull is not supported while an image may have"
                                                 " dirty bitmaps",
               ("snap-delete-external", "none"): "9 .*disk source and .* disk source are not the same"}
# The stock driver of this version cannot.
OURS_PERSISTENT = {("snap-revert-external", "none"): "+"}
# Calls that drain QEMU's I/O: with each of them a held job copies a little more. They come last, and what asks for the
# phase first; the stock driver drains it in others, too.
DRAINS = ("reset", "suspend", "resume", "iotune-live", "blockthreshold", "cdrom-change", "cdrom-eject", "blockresize",
          "blockresize-shrink")
# Cells that cannot be tried on one host.
ALONE = ("migrate-",)


class Row:
    def __init__(self, fields):
        self.kind, self.disk, self.name = fields[:3]
        self.cells = dict(zip(COLUMNS, fields[3:]))
        self.base = re.sub(r" ?[\[(].*", "", self.name)
        self.only = "persistent" if "(persistent" in self.name else "transient" if "(transient" in self.name else None
        self.call, self.changes = CALLS.get(re.sub(r" \(.*", "", self.name)) or CALLS.get(self.base) or (None, False)
        self.before = BEFORE.get(self.base)


def read(name, separator):
    with open(os.path.join(GUARD, name)) as f:
        return [line.rstrip("\n").split(separator) for line in f if separator in line and not line.startswith("#")]


class Place:
    """One domain in one state."""
    COMMIT_BYTES = libvirt.VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES
    COMMIT_ACTIVE = libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE
    SPEED_BYTES = libvirt.VIR_DOMAIN_BLOCK_JOB_SPEED_BANDWIDTH_BYTES

    def __init__(self, daemon, conn, template, name, state, persistent, before=None):
        self.daemon, self.conn, self.name, self.serial = daemon, conn, name, 0
        self.folder = daemon.path("img", name)
        shutil.copytree(template, self.folder)
        os.chmod(self.folder, 0o711)
        for file in os.listdir(self.folder):
            daemon.own(self.path(file))
        disks = [self.disk_xml(d) for d in ("sda", "sdb")] + [self.cdrom_xml(None)]
        self.xml = plain.domain(name, disks).replace("<memory", "<uuid>%s</uuid><memory" % uuid.uuid4()).replace(
            "<controller type='usb'", "<controller type='scsi' model='virtio-scsi'/><controller type='usb'")
        if persistent:
            self.domain = conn.defineXML(self.xml)
            self.domain.create()
        else:
            self.domain = conn.createXML(self.xml, 0)
        if before:
            before(self)
        self.begin(state)

    def path(self, name):
        return os.path.join(self.folder, name)

    def disk_xml(self, target):
        return plain.disk(target, self.path(target + ".2"), bus="scsi")

    @staticmethod
    def cdrom_xml(path):
        return plain.disk("sdc", path, "raw", "<readonly/>", "cdrom", "scsi")

    def medium(self):
        with open(self.path("medium"), "wb") as f:
            f.truncate(1 << 20)
        self.daemon.own(self.path("medium"))
        return self.path("medium")

    def alias(self, target):
        return jobs.disk_element(self.domain.XMLDesc(), target).find("alias").get("name")

    def new_image(self, name):
        qemu_img("create", "-q", "-f", "qcow2", self.path(name), "1M")
        self.daemon.own(self.path(name))
        return self.path(name)

    def copy(self, disk, flags, bandwidth=1):
        xml = "<disk type='file'><source file='%s'/><driver type='qcow2'/></disk>" % self.path("copy.%s" % disk)
        params = {libvirt.VIR_DOMAIN_BLOCK_COPY_BANDWIDTH: bandwidth} if bandwidth else {}
        self.domain.blockCopy(disk, xml, params, flags)

    def commit(self, disk):
        self.domain.blockCommit(disk, self.path(disk + ".0"), self.path(disk + ".1"), 1, self.COMMIT_BYTES)

    def begin(self, state):
        ready = state.endswith("ready")
        if state == "pull":
            self.domain.blockPull("sda", 1, libvirt.VIR_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES)
        elif state == "commit":
            self.commit("sda")
        elif state.startswith("act."):
            self.domain.blockCommit("sda", None, None, 0 if ready else 1, self.COMMIT_BYTES | self.COMMIT_ACTIVE)
        elif state.startswith("copy"):
            self.copy("sda", libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB, 0 if ready else 1)
        if ready and not jobs.wait_ready(self.domain, "sda"):
            raise RuntimeError("%s: the job is not ready" % state)

    def end(self):
        for call in (self.domain.destroy, lambda: self.domain.undefineFlags(
                libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA)):
            try:
                call()
            except libvirt.libvirtError:
                pass
        clean(self)
        shutil.rmtree(self.folder, ignore_errors=True)


class Test(suite.DaemonChecks):
    """One state after the other."""

    def __init__(self, out, daemon, guest):
        super().__init__(out, daemon, guest)
        self.errors = {name: text for name, text in read("stock.txt", " = ")}
        self.rows = [Row(fields) for fields in read("stock.txt", " | ")]
        self.rows.sort(key=lambda row: (row.base in DRAINS) - (row.base == "blockjob-pivot"))
        self.wanted = read("wanted.txt", " | ")
        self.places = self.tried = 0
        self.later = set()
        self.template = daemon.path("img", "template")
        os.makedirs(self.template)
        for disk in ("sda", "sdb"):
            make_chain(self.template, ["%s.%d" % (disk, n) for n in range(3)], "64M", relative=True, fill=self.fill)

    @staticmethod
    def fill(index, path, fmt):
        """A mirror has 16 MiB under way at once."""
        size = {"sda.2": 26, "sda.1": 12}.get(os.path.basename(path), 4)
        qemu_io(path, fmt, "write -P %d %dM %dM" % (index + 1, 5 * index, size))

    # --- what a cell should say -----------------------------------------------------------------------------------

    def expected(self, row, state, kind):
        """'+', or `CODE words`, a pattern."""
        cell = row.cells[state]
        if not self.stock:
            if (row.base, kind) in OURS:
                return OURS[row.base, kind]
            if (row.base, state) in OURS_BESIDE:
                return OURS_BESIDE[row.base, state]
            if kind == "persistent" and (row.base, state) in OURS_PERSISTENT:
                return OURS_PERSISTENT[row.base, state]
            for name, disk, column, text, _why in self.wanted:
                if (name, disk) == (row.kind, row.disk) and column in (state, "*" if state != "none" else ""):
                    return text if text == "+" or text[0].isdigit() else "(83|84) .*" + self.pattern(row, text)
        if cell == "+":
            return cell
        code, words = self.errors[cell].split(" ", 1)
        return code + " .*" + self.pattern(row, words.partition(": ")[2] or words)

    def pattern(self, row, text):
        """The words behind libvirt's own for the code."""
        disk = "sdb" if row.disk == "other" else "sda"
        text = re.escape(text.replace("'X'", "'%s'" % disk).replace("'NAME'", "'job'").replace("'$N'", "'job'"))
        # the one message that has no quotes
        text = text.replace("'%s'\\ does" % disk, "'?%s'?\\ does" % disk)
        return text.replace("'job'", "'[^']+'")

    # --- trying it ------------------------------------------------------------------------------------------------

    def answer(self, place, row):
        try:
            row.call(place, "sdb" if row.disk == "other" else "sda")
        except libvirt.libvirtError as e:
            return "%d %s" % (e.get_error_code(), e)
        return "+"

    def is_later(self, row, got):
        """Ours says by name that there is no such thing yet."""
        words = next((w for start, w in NOT_YET.items() if row.base.startswith(start)), None)
        if self.stock or words is None or got == "+" or int(got.split()[0]) not in (3, 8, 67, 84):
            return False
        return re.search(words, got) is not None

    def check(self, place, row, state, kind):
        wanted = self.expected(row, state, kind)
        got = self.answer(place, row)
        self.tried += 1
        if re.fullmatch(wanted, got) if wanted != "+" else got == "+":
            return got
        if wanted == "+" or state == "none":
            if self.is_later(row, got):
                self.later.add(row.base)
                return got
        elif self.is_later(row, got) and "active block job" not in got:
            self.later.add(row.base)
            return got
        self.wrong.append("%s, %s: %s\n   wanted: %s" % (row.name, kind, got, wanted))
        return got

    def wanted_here(self, row, state, kind):
        if not row.call or row.only not in (None, kind):
            return False
        # a disk that would shrink is refused by ours for that
        if row.base == "blockresize-shrink" and not self.stock and (row.disk == "other" or state == "none"):
            return False
        return not (row.base.startswith(ALONE) and self.expected(row, state, kind) == "+" and self.stock)

    def place(self, state, kind, before=None):
        self.places += 1
        return Place(self.daemon, self.conn, self.template, "m%d" % self.places, state, kind == "persistent", before)

    def sampled(self, row, state, kind):
        """Two of the fourteen states, others for each row."""
        number = STATES.index(state) * 2 + (kind == "transient")
        return self.all or (zlib.crc32(row.name.encode()) + number) % 7 == 0

    def state(self, state, kind):
        self.wrong, changing = [], []
        place = self.place(state, kind)
        looked = False
        for row in self.rows:
            if not self.wanted_here(row, state, kind):
                continue
            if row.before or row.changes and (self.expected(row, state, kind) == "+" or (row.base, kind) in OURS):
                changing.append(row)
                continue
            if row.base in DRAINS and not looked:
                looked = True
                self.unchanged(place, state)
            self.check(place, row, state, kind)
        place.end()
        for row in changing:
            if self.sampled(row, state, kind):
                place = self.place(state, kind, row.before)
                self.check(place, row, state, kind)
                place.end()
        self.ok(not self.wrong, "%s, %s" % (state, kind), "\n".join(self.wrong))

    def unchanged(self, place, state):
        """What was refused has left the job as it was."""
        info = place.domain.blockJobInfo("sda", 0)
        ready = (jobs.mirror(place.domain.XMLDesc(), "sda") or (0, 0))[1] == "yes"
        if bool(info) != (state != "none") or (ready != state.endswith("ready") and not self.stock):
            self.wrong.append("the job is %r, ready: %s" % (info, ready))

    def test_cells(self):
        self.all = os.environ.get("QBJ_MATRIX_ALL") == "1"
        known = {row.name: row.call for row in self.rows}
        self.out.diag("not tried: " + ", ".join(sorted(n for n, c in known.items() if not c)))
        for state in STATES:
            for kind in ("persistent", "transient"):
                self.state(state, kind)
        self.ok(self.tried > 1000, "%d cells" % self.tried)
        if self.later:
            self.out.diag("not there yet, by name: " + ", ".join(sorted(self.later)))


    # --- what may be defined beside a job, and what becomes of it -------------------------------------------------

    def sources(self, place, flags=0):
        return jobs.chain(place.domain.XMLDesc(flags), "sda")[0]

    def test_definitions(self):
        """07/G1.7: all but the busy disk can be changed; the end of the job is in the new definition."""
        place = self.place("act. commit ready", "persistent")
        changed = place.xml.replace("<memory", "<description>changed</description><memory").replace(
            place.disk_xml("sdb"), "")
        self.conn.defineXML(changed)
        if not self.stock:
            for what, xml in (("removed", changed.replace(place.disk_xml("sda"), "")),
                              ("renamed", changed.replace("dev='sda'", "dev='sdf'")),
                              ("another image", changed.replace(place.path("sda.2"), place.path("sda.1")))):
                self.refused(lambda xml=xml: self.conn.defineXML(xml), libvirt.VIR_ERR_BLOCK_COPY_ACTIVE,
                             "disk 'sda' has active block job 'commit-sda-", "the busy disk cannot be %s" % what)
        place.domain.blockJobAbort("sda", libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)
        after = place.domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
        self.equal((self.sources(place), jobs.chain(after, "sda")[0][0], "changed" in after, "sdb" in after),
                   ([place.path("sda.0")], place.path("sda.0"), True, False), "the pivot is in the changed definition")
        place.domain.destroy()
        place.domain.create()
        self.equal(self.sources(place), [place.path("sda.0")], "and the next start has its image")
        place.end()

    def test_undefined(self):
        """A domain that is undefined beside a job is transient, and its job ends as any other."""
        for state in ("act. commit ready", "copy ready"):
            place = self.place(state, "persistent")
            place.domain.undefine()
            self.equal(place.domain.isPersistent(), 0, "%s: undefined" % state)
            place.domain.blockJobAbort("sda", libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)
            new = place.path("sda.0" if state.startswith("act.") else "copy.sda")
            self.equal(self.sources(place)[0], new, "%s: it is pivoted" % state)
            place.domain.destroy()
            self.ok(place.name not in [d.name() for d in self.conn.listAllDomains()], "%s: it is gone" % state)
            place.end()


def run(out, args, mode):
    with Daemon(mode, args.driver, args.build) as daemon:
        daemon.start()
        out.diag("driver %s, qemu:///%s" % (args.driver, mode))
        tests = Test(out, daemon, None)
        for name in args.names:
            try:
                getattr(tests, "test_" + name)()
            except Exception:
                out.error("%s: %s" % (mode, name))
                out.diag(daemon.log_tail())


if __name__ == "__main__":
    sys.exit(suite.main("matrix", __doc__, Test, run, modes=("system",)))
