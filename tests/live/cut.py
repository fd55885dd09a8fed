#!/usr/bin/python3
"""The connection between daemon and QEMU is shut at a chosen step of a job, while both live: right after a command has
been sent, whose answer is lost. The daemon comes back by itself; then the job has gone on, has ended, or has left
nothing, and the next one works.
"""

import os
import shutil
import signal
import sys
import threading

import libvirt
import libvirt_qemu

import jobs
import jobtest
import plain
import suite
from copies import destination, quietly
from crashpoint import CrashDaemon
from images import qemu_img
from jobtest import ACTIVE, PIVOT, TRANSIENT, holds

DELETE = libvirt.VIR_DOMAIN_BLOCK_COMMIT_DELETE


class Test(jobtest.JobChecks):
    def cut(self, name, command, steps, call, begin=None):
        """@call: what is under way when the connection is lost; @begin: the job that it is about."""
        self.started("cut-" + command, 3)
        target = os.path.join(os.path.dirname(self.paths[0]), "copy")
        if begin:
            begin(target)
            self.ok(jobs.wait_ready(self.domain, "vda"), "%s: the job gets ready" % name)
        self.daemon.die_at(command, steps, signal.SIGSTOP)
        thread = threading.Thread(target=quietly, args=(call, target), daemon=True)
        thread.start()
        self.ok(self.daemon.died(), "%s: the daemon stands still" % name)
        self.equal(self.daemon.shut_monitor(self.name), 1, "%s: its connection is shut" % name)
        os.kill(self.daemon.pid, signal.SIGCONT)
        thread.join(30)
        self.ok(not thread.is_alive(), "%s: the call returns" % name)
        self.ok(jobs.wait_for(self.works, 30), "%s: the connection comes back" % name)
        self.settled(name)
        chain = self.chain()
        self.ok(chain in (self.paths[::-1], self.paths[:1], [target]), "%s: the chain is old or new" % name, str(chain))
        files = [n["file"] for n in self.monitor("query-named-block-nodes")["return"] if n["drv"] == "file"]
        self.equal(sorted(files), sorted(chain), "%s: QEMU has open what the chain needs" % name)
        self.equal(self.monitor("query-jobs")["return"], [], "%s: QEMU has no job" % name)
        self.again(name, chain)
        self.daemon.restart(signal.SIGKILL)      # it starts counting anew
        self.connect()

    def works(self):
        try:
            return self.domain.controlInfo()[0] == libvirt.VIR_DOMAIN_CONTROL_OK and self.domain.blockInfo("vda")
        except libvirt.libvirtError:
            return False

    def settled(self, name):
        """What still runs is ended; what is being undone ends by itself."""
        def gone():
            if (jobs.mirror(self.domain.XMLDesc(0), "vda") or (0, 0))[1] == "yes":
                quietly(self.domain.blockJobAbort, "vda")
            return not self.domain.blockJobInfo("vda")
        self.ok(jobs.wait_for(gone, 30), "%s: no job is left" % name, lambda: str(self.domain.blockJobInfo("vda")))

    def again(self, name, chain):
        new = os.path.join(os.path.dirname(self.paths[0]), "again")
        self.equal(self.copied(new), "completed", "%s: the next job works" % name)
        self.domain.destroy()
        wrong = holds(new, range(len(self.paths)))
        self.ok(not wrong, "%s: nothing is lost" % name, wrong)
        self.domain.undefine()
        shutil.rmtree(os.path.dirname(new))

    # --- what is under way -----------------------------------------------------------------------------------

    def copy(self, target):
        self.domain.blockCopy("vda", destination(target, "qcow2"), {}, TRANSIENT)

    def commit(self, _target):
        self.domain.blockCommit("vda", None, None, 0, ACTIVE)

    def pivot(self, _target):
        self.domain.blockJobAbort("vda", PIVOT)

    def test_create(self):
        self.cut("the making of a target", "blockdev-create", 0, self.copy)

    def test_mirror(self):
        self.cut("the start of a copy", "blockdev-mirror", 0, self.copy)

    def test_complete(self):
        self.cut("the beginning of a pivot", "job-complete", 0, self.pivot, self.commit)

    def test_finalize(self):
        self.cut("the end of a pivot", "job-finalize", 0, self.pivot, self.copy)

    def test_away(self):
        """A connection that does not come back at once: each call says what is wrong, not that nothing runs."""
        self.started("away", 1)
        socket, lost = self.daemon.monitor_path(self.name), lambda: self.domain.controlInfo()[0] != 0
        os.rename(socket, socket + ".away")
        self.equal(self.daemon.shut_monitor(self.name), 1, "away: the connection is shut")
        self.ok(jobs.wait_for(lost, 20), "away: the daemon knows")
        text = "the connection to QEMU's monitor has ended: "
        for what, call in (("a command", self.domain.resume), ("a query", lambda: self.domain.blockInfo("vda")),
                           ("QEMU's own command", lambda: libvirt_qemu.qemuMonitorCommand(
                               self.domain, '{"execute": "query-status"}', 0)),
                           ("a snapshot with the memory", lambda: self.domain.snapshotCreateXML(
                               "<domainsnapshot><memory snapshot='external' file='%s.memory'/></domainsnapshot>" %
                               self.paths[0]))):
            self.refused(call, libvirt.VIR_ERR_OPERATION_FAILED, text, "away: %s says why" % what)
        os.rename(socket + ".away", socket)
        self.ok(jobs.wait_for(self.works, 30), "away: the connection comes back")
        self.domain.resume()
        self.gone()

    # --- the host crashes --------------------------------------------------------------------------------------

    def crash(self):
        """What a power cut leaves of daemon, QEMU and the state directory."""
        qemu = self.daemon.qemu_pid(self.name)
        self.daemon.kill()                  # first: a daemon that sees QEMU die ends the job, and keeps the copy
        self.daemon.ask(do="signal", pid=qemu, signal=int(signal.SIGKILL))
        for entry in os.scandir(self.daemon.state_dir):
            if entry.is_file(follow_symlinks=False):
                os.unlink(entry)
        for path in os.scandir(os.path.dirname(self.paths[0])):
            os.utime(path.path, (86400, 86400))     # from before the host was started
            for name in os.listxattr(path.path) if os.geteuid() == 0 else ():
                if ".libvirt." in name:
                    os.removexattr(path.path, name)

    def comes_back(self, name, chain):
        """The domain starts with @chain and runs a job."""
        self.daemon.start()
        self.connect()
        self.domain = self.conn.lookupByName(self.name)
        self.equal(self.domain.isActive(), 0, "%s: the domain does not run after a crash of the host" % name)
        self.domain.createWithFlags(jobtest.PAUSED)
        self.equal(self.chain(), chain, "%s: it starts with the right chain" % name)
        folder = os.path.dirname(self.paths[0])
        self.equal(sorted(os.path.join(folder, left) for left in os.listdir(folder)), sorted(chain + self.kept),
                   "%s: nothing is left of the job, nothing else is gone" % name)
        self.equal(self.notes(), [], "%s: and no note" % name)
        self.again(name, chain + self.kept)

    def notes(self):
        return [entry for entry in os.listdir(self.daemon.config_dir) if entry.startswith(".qbj-")]

    def begun(self, name, layers=4):
        self.kept = []
        self.started("host-" + name, layers)
        self.target = os.path.join(os.path.dirname(self.paths[0]), "copy")

    def slow_copy(self, flags=0):
        self.domain.blockCopy("vda", destination(self.target, "qcow2"), {"bandwidth": 1}, TRANSIENT | flags)

    def test_host_copy(self):
        """Ours, half made."""
        self.begun("copy", 3)
        self.slow_copy()
        self.equal(len(self.notes()), 1, "a copy into a new file leaves a note while it runs")
        self.crash()
        self.comes_back("a copy", self.paths[::-1])

    def test_host_rewritten(self):
        """By now somebody's own, who wrote to it after the crash."""
        self.begun("rewritten", 3)
        self.slow_copy()
        self.crash()
        with open(self.target, "r+b") as f:
            f.write(b"mine")
        self.kept = [self.target]
        self.comes_back("a half copy that was written to", self.paths[::-1])

    def test_host_reuse(self):
        """The caller's own file."""
        self.begun("reuse", 3)
        qemu_img("create", "-q", "-f", "qcow2", self.target, "64M")
        self.daemon.own(self.target)
        self.kept = [self.target]
        self.slow_copy(libvirt.VIR_DOMAIN_BLOCK_COPY_REUSE_EXT)
        self.equal(self.notes(), [], "a copy into a file of the caller leaves none")
        self.crash()
        self.comes_back("a copy into an existing image", self.paths[::-1])

    def test_host_aborted(self):
        """An aborted copy is its client's; so is whatever has the name of a file that the note means."""
        self.begun("aborted", 3)
        self.slow_copy()
        note = os.path.join(self.daemon.config_dir, self.notes()[0])
        with open(note) as f:
            text = f.read()
        self.domain.blockJobAbort("vda", 0)
        self.equal((self.notes(), os.path.exists(self.target)), ([], True), "an abort keeps the file, and no note")
        self.crash()
        shutil.copy(self.target, self.target + ".new")          # another file of that name, and the note is back
        os.replace(self.target + ".new", self.target)
        with open(os.open(note, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write(text)
        self.daemon.own(note)
        self.kept = [self.target]
        self.comes_back("a note about another file", self.paths[::-1])

    def test_host_named(self):
        """What another domain has below its image by now, which only the header of that says."""
        self.begun("named", 3)
        self.slow_copy()
        overlay = self.target + ".overlay"
        qemu_img("create", "-q", "-u", "-f", "qcow2", "-b", self.target, "-F", "qcow2", overlay, "64M")
        other = self.conn.defineXML(plain.domain("host-other", [plain.disk("vda", overlay)]))
        self.crash()
        self.kept = [self.target, overlay]
        self.comes_back("a copy that another domain names", self.paths[::-1])
        self.conn.lookupByName(other.name()).undefine()

    def test_host_undefined(self):
        """Without the definition nothing says whose the file is."""
        self.begun("undefined", 3)
        self.slow_copy()
        self.crash()
        self.daemon.start()
        self.connect()
        self.conn.lookupByName(self.name).undefine()
        self.equal((self.notes(), os.path.exists(self.target)), ([], True), "a domain that is undefined takes its note")

    def deleting(self, command, commit, begin=None):
        """The daemon stops after @command of a commit with DELETE; then the host crashes."""
        if begin:
            begin()
            self.ok(jobs.wait_ready(self.domain, "vda"), "a commit that deletes gets ready")
        self.daemon.die_at(command, 0, signal.SIGSTOP)
        thread = threading.Thread(target=quietly, args=(commit,), daemon=True)
        thread.start()
        self.ok(self.daemon.died(), "the daemon stands still after %s" % command)
        self.crash()
        thread.join(30)

    def test_host_active(self):
        self.begun("active")
        self.deleting("job-finalize", lambda: self.domain.blockJobAbort("vda", PIVOT),
                      lambda: self.domain.blockCommit("vda", None, None, 0, ACTIVE | DELETE))
        self.comes_back("a pivot", self.paths[:1])

    def test_host_ready(self):
        """Before the decision all images are needed."""
        self.begun("ready")
        self.domain.blockCommit("vda", None, None, 0, ACTIVE | DELETE)
        self.ok(jobs.wait_ready(self.domain, "vda"), "a commit that deletes gets ready")
        self.crash()
        self.comes_back("a commit that is ready", self.paths[::-1])

    def test_host_middle(self):
        """By the header of the overlay; the definition names no more than the active image."""
        self.begun("middle")
        self.deleting("job-dismiss", lambda: self.domain.blockCommit("vda", self.paths[0], self.paths[2], 0, DELETE))
        self.comes_back("a commit in the middle", [self.paths[3], self.paths[0]])


if __name__ == "__main__":
    sys.exit(suite.main("cut", __doc__, Test, modes=("system",) if os.geteuid() == 0 else ("session",),
                        kind=CrashDaemon))
