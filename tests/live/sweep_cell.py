"""One cell of sweep.py: a domain with one disk, one operation on it, a daemon that dies at one step of that operation
and is started again, and what became of it all."""

import glob
import json
import os
import shutil
import signal
import struct
import threading
import time

import libvirt
import libvirt_qemu

import jobs
import plain
from buses import Line, check_base
from copies import destination
from images import ImageError, consistent, qemu_img
from jobtest import INACTIVE, PAUSED, TRANSIENT
from sweep_operations import DATA, LAYERS, MIB
from sweep_traces import FAULTS, Traces, quiet
from torture_machine import answers, layers

# worst first; a cell counts as the worst that was found, and only what has none of them is old or new
WRONG = ("lost", "killed", "forgotten", "half", "stuck", "untidy", "unclear")
VERDICTS = ("old", "new") + WRONG
HANG = 31                 # seconds; the daemon waits 30 for an answer
NEVER = 15                # seconds; what has not been recorded until then is not, as when a save has failed
BOOT = "<boot order='1'/>"


def image(name):
    """The image's path in one of QEMU's names for a node."""
    return json.loads(name[5:])["file"]["filename"] if name.startswith("json:") else name


class Cell:
    """@place: a daemon that runs, and what all its cells share. It dies before its step @number, from 0, or after it,
    by @moment, or lives and that step goes wrong; with @dying, QEMU dies at that instant, too."""

    SERIAL = "    <serial type='file'><source path='%s'/></serial>"

    def __init__(self, place, name, operation, number, moment, writing, dying):
        self.place, self.daemon, self.name, self.operation = place, place.daemon, name, operation
        self.number, self.writing, self.dying = number, writing, dying
        self.fails = moment in FAULTS
        self.how = FAULTS.get(moment, ("" if moment == "before" else moment,))
        self.found = {}           # verdict -> what was seen
        self.came = self.outcome = None
        self.ran = False          # it had been recorded that the job runs
        self.resumed = False      # a job was there when the daemon was back
        self.told = []            # errors
        self.vague = False        # the call's own does not say why

    def wrong(self, verdict, text):
        self.found.setdefault(verdict, text)

    @property
    def verdict(self):
        return next((w for w in WRONG if w in self.found), self.outcome)

    def text(self):
        return "; ".join("%s: %s" % (verdict, self.found[verdict]) for verdict in WRONG if verdict in self.found)

    def run(self):
        """Returns the verdict; self.came is the step, None: the operation was over before it."""
        try:
            self.begin()
            self.crash()
            if not self.fails:
                self.daemon.start()
                self.place.connect()
                self.domain = self.place.conn.lookupByName(self.name)
            if not self.dying:
                self.goes_on()
            self.power_cycle()
            if self.vague:
                self.wrong("unclear", self.told[0])
            return self.verdict
        finally:
            self.clear()

    # --- before ------------------------------------------------------------------------------------------------

    def begin(self):
        self.folder = plain.folder(self.daemon, self.name)
        self.paths = [os.path.join(self.folder, os.path.basename(p)) for p in self.place.paths]
        for source, path in zip(self.place.paths, self.paths):
            shutil.copyfile(source, path)
        self.target = os.path.join(self.folder, "copy")
        self.line = Line(os.path.join(self.folder, "serial"))
        disk = plain.disk("vda", self.paths[-1], extra=BOOT)
        self.traces = Traces(self)
        self.domain = self.place.conn.defineXML(plain.domain(self.name, [disk, self.SERIAL % self.line.path]))
        self.domain.createWithFlags(0 if self.writing else PAUSED)
        self.pid = self.daemon.qemu_pid(self.name)
        if self.writing and not self.line.wait_more(10):
            raise RuntimeError("the guest does not write at all")
        if self.fails:
            self.traces.begin()
        if self.operation.finishes:
            self.operation.begin(self)
            if not jobs.wait_for(self.ready_recorded, 30):
                raise RuntimeError("the job does not get ready")
            if self.writing:
                self.line.wait_more(3)

    def traced(self):
        """Files whose owners and labels are looked at."""
        return [*self.paths, self.target]

    def used(self):
        """Images that are in use when all is new."""
        return self.operation.new(self)

    def may_be_new(self, path):
        """A file besides images that may be there when all is new."""
        return False

    def status(self):
        return self.daemon.status_xml(self.name) or ""

    def ready_recorded(self):
        return "state='ready'" in self.status()

    def call(self):
        try:
            if self.operation.finishes:
                self.domain.blockJobAbort("vda", self.operation.end)
            else:
                self.operation.begin(self)
        except libvirt.libvirtError as e:
            self.told.append(str(e))
            self.vague = self.fails and not self.says_why(e)

    def says_why(self, error):
        """Whether the error of the call says what went wrong."""
        kind, number = self.how[1:]
        words = {"own": "", "command": "QEMU"}.get(kind, os.strerror(number))
        return words in str(error) or error.get_error_code() == libvirt.VIR_ERR_OPERATION_TIMEOUT

    def crash(self):
        there = self.daemon.told if self.fails else self.daemon.is_there
        if self.operation.end == "ready":
            over = lambda: self.ready_recorded() or not jobs.recorded(self.status())  # noqa: E731
        else:
            over = lambda: not jobs.recorded(self.status())                           # noqa: E731
        self.daemon.die_at("-", self.number, signal.SIGKILL, *self.how)
        thread = threading.Thread(target=self.call, daemon=True)
        thread.start()
        since = ended = None
        while not there() or self.fails:
            if self.how[0] == "hangs" and there():
                self.hang()
            ended = (ended or time.monotonic()) if not thread.is_alive() else None
            still = ended and (self.told or over() or time.monotonic() - ended > NEVER)
            since = (since or time.monotonic()) if still else None
            if since and time.monotonic() - since > 0.5:
                break
            time.sleep(0.01)
        self.came = self.daemon.step(there())
        if not self.came and not self.fails:
            self.daemon.kill()
        record = self.status().partition("<qbj:jobs")[2]
        self.ran = any("state='%s'" % state in record for state in ("running", "ready"))
        if self.dying:
            self.kill_qemu()
        thread.join(30)

    def kill_qemu(self):
        os.kill(self.pid, signal.SIGKILL)

    def hang(self):
        """QEMU has been stopped, and goes on when nobody waits any more for its answer."""
        time.sleep(HANG)
        for pid in self.daemon.qemu_pids():
            os.kill(pid, signal.SIGCONT)
        self.how = ("hung", *self.how[1:])

    # --- after -------------------------------------------------------------------------------------------------

    def goes_on(self):
        try:
            self.is_there()
            if not self.found:
                self.resumed = bool(self.job_info())
                self.settle()
                if self.writing and not self.line.wait_more(10, 20):
                    self.wrong("stuck", "the guest does not write any more")
                self.agrees()
                if self.fails and not self.found:
                    self.no_traces(self.traces.left(self.outcome, self.refused()))
                self.another()
        except libvirt.libvirtError as e:
            if self.lives() and self.domain.isActive():
                raise
            self.wrong("forgotten" if self.lives() else "killed", str(e))

    def is_there(self):
        if not jobs.wait_for(lambda: self.domain.isActive() or not self.lives(), 8):
            self.wrong("forgotten", "QEMU runs, the domain is shown as shut off")
        elif not self.lives():
            self.wrong("killed", "QEMU was ended: %s" % self.domain.state())
        elif not jobs.wait_for(lambda: answers(self.domain), 20):
            self.wrong("stuck", "the domain does not get usable: %s" % self.domain.controlInfo(0))

    def lives(self):
        return self.pid in self.daemon.qemu_pids()

    def settle(self):
        """Ends what still runs, as a client would who wants what was asked for; in the end it aborts."""
        begin = time.monotonic()
        while self.job_info():
            gone = time.monotonic() - begin
            if gone > 20:
                return self.wrong("stuck", "the job cannot be ended: %s" % self.told[-1:])
            ready = (jobs.mirror(self.domain.XMLDesc(0), "vda") or (0, 0))[1] == "yes"
            try:
                if ready and gone < 10:
                    self.domain.blockJobAbort("vda", self.operation.end if self.operation.finishes else 0)
                elif gone > 10:
                    self.domain.blockJobAbort("vda", 0)
            except libvirt.libvirtError as e:
                self.told.append(str(e))
            time.sleep(0.05)

    def job_info(self):
        return self.domain.blockJobInfo("vda", 0)

    def monitor(self, command):
        return json.loads(libvirt_qemu.qemuMonitorCommand(self.domain, json.dumps({"execute": command}), 0))["return"]

    def agrees(self):
        """The two definitions with each other and with QEMU, and nothing of the job is left."""
        xml, inactive = self.domain.XMLDesc(0), self.domain.XMLDesc(INACTIVE)
        live = jobs.chain(xml, "vda")[0]
        self.outcome = self.which(live)
        if not self.outcome:
            self.wrong("half", "the chain is %s" % live)
        if jobs.chain(inactive, "vda")[0][0] != live[0]:
            self.wrong("half", "live %s, persistent %s" % (live[0], jobs.chain(inactive, "vda")[0][0]))
        if jobs.mirror(xml, "vda"):
            self.wrong("half", "a mirror without a job")
        used = [image(d["inserted"]["file"]) for d in self.monitor("query-block") if d.get("inserted")]
        if used != live[:1]:
            self.wrong("half", "the guest is on %s, the definition says %s" % (used, live[0]))
        if not jobs.wait_for(lambda: not self.left(live), quiet(self.daemon)):
            self.wrong("untidy", "; ".join(self.left(live)))

    def no_traces(self, found):
        if found:
            self.wrong("untidy", "; ".join(found))

    def refused(self):
        """What could not be removed, or given back, is told in the log, and left."""
        return os.path.basename(self.came.split(" ")[-1]) if self.fails and self.came else None

    def which(self, chain):
        return {tuple(self.paths[::-1]): "old", tuple(self.operation.new(self)): "new"}.get(tuple(chain))

    def left(self, chain):
        """What a job has left behind, as texts."""
        if jobs.recorded(self.status()):
            return ["a record"]
        found = ["job %s" % j["id"] for j in self.monitor("query-jobs")]
        opened = {n["file"] for n in self.monitor("query-named-block-nodes") if n["drv"] == "file"}
        return found + ["node of %s" % path for path in sorted(opened - set(chain))] + self.left_files(chain)

    def left_files(self, chain):
        found = [os.path.basename(path) for path in self.temporary()]
        new = self.operation.new(self)
        # where QEMU dies within job-finalize, the header may be new and the record old: nothing is removed then
        undecided = self.dying and self.operation.end is None
        if self.operation.deletes and chain == new and not undecided:
            found += ["image %s" % path for path in self.paths if path not in new and os.path.exists(path)]
        if self.operation.makes and chain != new and not self.may_keep_target() and os.path.exists(self.target):
            found += ["image %s" % self.target]
        return [f for f in found if os.path.basename(f) != self.refused()]

    def temporary(self):
        return [path for folder in (self.daemon.state_dir, self.daemon.config_dir, self.folder)
                for name in (".qbj-*", self.name + ".xml.new") for path in glob.glob(os.path.join(folder, name))]

    def may_keep_target(self):
        """A copy that runs keeps its file, whoever ends it; and one that was there before is its client's."""
        return not self.operation.makes or self.resumed or self.ran

    def another(self):
        """The disk takes another job. With an idle guest not: it would write what has to be there without it."""
        if not self.writing or self.found:
            return
        target = os.path.join(self.folder, "again")
        try:
            self.domain.blockCopy("vda", destination(target, "qcow2"), {}, TRANSIENT)
            if not jobs.wait_ready(self.domain, "vda", 20):
                self.wrong("stuck", "the next job does not get ready")
            self.domain.blockJobAbort("vda", 0)
            if not jobs.wait_gone(self.domain, "vda", 20):
                self.wrong("stuck", "the next job cannot be ended")
        except libvirt.libvirtError as e:
            self.wrong("stuck", "no other job: %s" % e)

    # --- the power fails ---------------------------------------------------------------------------------------

    def power_cycle(self):
        if self.lives():
            self.kill_qemu()
        if not jobs.wait_for(lambda: not self.lives(), 10) or not jobs.wait_off(self.domain, 20):
            self.wrong("stuck", "QEMU is gone, the domain counts as running")
            return
        stated, ended = jobs.chain(self.domain.XMLDesc(INACTIVE), "vda")
        self.data(stated[0])
        try:
            chain = stated if ended else [os.path.join(self.folder, os.path.basename(p)) for p, _ in
                                          layers(stated[0], "qcow2")]
        except ImageError as e:
            return self.wrong("lost", str(e))
        self.outcome = self.which(chain)
        if not self.outcome:
            self.wrong("half", "what the definition opens is %s" % chain)
        if self.status():
            self.wrong("untidy", "the status file is still there")
        if self.left_files(chain):
            self.wrong("untidy", "; ".join(self.left_files(chain)))
        if self.fails:
            self.no_traces(self.traces.left_owners(self.refused()))
        self.boots()

    def data(self, path):
        """Each acknowledged write, and what the layers held."""
        raw = os.path.join(self.folder, "raw")
        acked = self.line.acked()
        try:
            if self.writing:
                problems = check_base(path, acked, raw=raw)
            else:
                qemu_img("convert", "-f", "qcow2", "-O", "raw", path, raw)
                problems = []
        except ImageError as e:
            return self.wrong("lost", str(e))
        with open(raw, "rb") as f:
            content = f.read()
        problems += ["the data of layer %d" % n for n in range(LAYERS) if
                     content[(DATA + n) * MIB:(DATA + n + 1) * MIB] != struct.pack("B", n + 1) * MIB]
        problems += [p for p in [consistent(path, "qcow2")] if p]
        if problems:
            self.wrong("lost", "%d problems in %s (%d writes were acknowledged): %s" % (
                len(problems), os.path.basename(path), acked, ", ".join(problems[:3])))

    def boots(self):
        if self.found:
            return
        try:
            self.domain.createWithFlags(0 if self.writing else PAUSED)
            if self.writing and not self.line.wait_more(1):
                self.wrong("stuck", "it does not boot again")
            self.domain.destroy()
        except libvirt.libvirtError as e:
            self.wrong("stuck", "it cannot be started again: %s" % e)

    def clear(self):
        """Nothing of the cell is left for the next one."""
        for pid in self.daemon.qemu_pids():
            os.kill(pid, signal.SIGKILL)
        if self.found:
            self.daemon.kill()            # the next one has nothing of it
        if not self.daemon.alive():
            self.daemon.start()
            self.place.connect()
            self.domain = self.place.conn.lookupByName(self.name)
        jobs.wait_off(self.domain, 10)
        self.domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE)
        for path in self.temporary():         # one that could not be removed
            os.unlink(path)
        for path in glob.glob(os.path.join(self.daemon.state_dir, self.name + ".*")):
            os.unlink(path)
        shutil.rmtree(self.folder)
