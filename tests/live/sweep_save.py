"""Cells of sweep.py that save the guest and start it from what was saved. What was before is old, what was asked for
new: the guest runs, or its image is there; never neither, never both. The image is the managed one, or a file that the
client has named."""

import glob
import io
import os
import signal

import libvirt

import jobs
from sweep_cell import Cell
from sweep_operations import Operation
from torture_machine import answers

SHUT = libvirt.VIR_DOMAIN_SHUTOFF


def unchanged(cell):
    return cell.paths[::-1]


class SaveCell(Cell):
    """The guest runs, and is saved."""

    SERIAL = "    <serial type='file'><source path='%s' append='on'/></serial>"
    RUNS, SAVED = "old", "new"          # what it is called when the guest runs in the end, and when it is saved

    @property
    def image(self):
        return self.daemon.path("lib", "qemu", "save", self.name + ".save")

    def files(self):
        """The image, and what lies about of it."""
        return sorted(glob.glob(self.image + "*"))

    def is_saved(self):
        return self.files() == [self.image] and bool(self.domain.hasManagedSaveImage())

    def begins(self):
        """From the image, if there is one."""
        self.domain.createWithFlags(0)

    def lives(self):
        return bool(self.daemon.qemu_pids())

    def kill_qemu(self):
        for pid in self.daemon.qemu_pids():
            os.kill(pid, signal.SIGKILL)

    def more(self, timeout=20):
        """Whether the guest says more than it has said. Its numbers begin anew when it boots."""
        begin = len(self.line.text())
        return jobs.wait_for(lambda: len(self.line.text()) > begin + 100, timeout) and not self.line.failed()

    # --- after -------------------------------------------------------------------------------------------------

    def is_settled(self):
        """Neither the guest nor the daemon is about to do anything. One that is restored, but could not be continued,
        is continued by its client."""
        if self.fails and self.writing and self.domain.isActive() and self.domain.state() == [
                libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_MIGRATION]:
            self.domain.resume()
        if self.lives() != bool(self.domain.isActive()):
            return False
        text = self.status()
        return "<qbj:save" not in text and "<qbj:restore" not in text and "async=" not in text and \
            (not self.domain.isActive() or self.domain.state()[0] == self.wanted and answers(self.domain))

    @property
    def wanted(self):
        return libvirt.VIR_DOMAIN_RUNNING if self.writing else libvirt.VIR_DOMAIN_PAUSED

    def goes_on(self):
        if not jobs.wait_for(self.is_settled, 30):
            if self.lives() and not self.domain.isActive():
                return self.wrong("forgotten", "QEMU runs, the domain is shown as shut off")
            return self.wrong("stuck", "it is %s, %s" % (self.domain.state(), self.domain.controlInfo(0)
                                                         if self.domain.isActive() else self.files()))
        if self.domain.isActive():
            return self.runs()
        return self.restores()

    def may_be_new(self, path):
        """A guest that begins has files of its own, and one that ends may have an image."""
        begins = (os.path.dirname(self.daemon.state_dir), self.daemon.path("lib", "qemu", "domain-"),
                  self.daemon.path("lib", "qemu", "channel"))
        return path.startswith(begins) if self.RUNS == "new" else path == self.image

    def no_more(self):
        """Nothing is left, where a step has failed."""
        if self.fails:
            self.no_traces(self.traces.left(self.outcome, self.refused()))

    def runs(self):
        self.outcome = self.RUNS
        self.no_more()
        if self.files():
            self.wrong("half", "it runs, and there is %s" % self.files())
        if self.writing and not self.more():
            self.wrong("stuck", "the guest does not write any more")
        return None

    def restores(self):
        self.outcome = self.SAVED
        if not self.is_saved():
            return self.wrong("killed", "it is %s, and there is %s" % (self.domain.state(), self.files()))
        self.no_more()
        self.begins()
        if self.domain.state() not in ([libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_RESTORED],
                                       [libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_MIGRATION]):
            self.wrong("lost", "it was not restored: %s" % self.domain.state())
        if self.writing and not self.more():
            self.wrong("stuck", "the guest does not write when it is restored")
        return None

    # --- the power fails ---------------------------------------------------------------------------------------

    def which(self, chain):
        """Of the chain nothing changes; and an image of a guest that has gone on would be older than its disk."""
        if chain != unchanged(self):
            return None
        saved = self.is_saved()
        if self.files() != [self.image] * saved:
            self.wrong("untidy", "%s" % self.files())
        if self.outcome and saved:
            self.wrong("lost", "an image of a guest that went on")
        return self.outcome or (self.SAVED if saved else self.RUNS)

    def boots(self):
        if self.found:
            return
        try:
            self.begins()
            if self.writing and not self.more():
                self.wrong("stuck", "it does not boot again")
            if self.files():
                self.wrong("half", "it runs, and there is %s" % self.files())
            self.domain.destroy()
        except libvirt.libvirtError as e:
            self.wrong("stuck", "it cannot be started again: %s" % e)


class RestoreCell(SaveCell):
    """The guest is saved, and is started from that."""

    RUNS, SAVED = "new", "old"

    def begin(self):
        super().begin()
        self.operation.before(self)
        if not jobs.wait_for(lambda: not self.lives(), 10):
            raise RuntimeError("QEMU is there after the save")
        if self.fails:
            self.traces.begin()


class File:
    """The image is a file that the client has named, and removes when the guest runs again."""

    @property
    def image(self):
        return os.path.join(self.folder, "saved")

    def is_saved(self):
        with open(self.image, "rb") if os.path.exists(self.image) else io.BytesIO() as f:
            return self.files() == [self.image] and f.read(16) == b"LibvirtQemudSave"

    def begins(self):
        if not self.is_saved():
            return super().begins()
        self.place.conn.restore(self.image)
        return os.unlink(self.image)


class SaveFileCell(File, SaveCell):
    pass


class RestoreFileCell(File, RestoreCell):
    """It stays: what runs was started from it, what does not can be."""

    def files(self):
        begun = self.lives() or self.outcome == "new"
        return [path for path in super().files() if not (begun and path == self.image)]


def save(cell):
    cell.domain.managedSave(0)


def save_file(cell):
    cell.domain.save(cell.image)


SAVES = {
    "save": (SaveCell, Operation(save, unchanged, None, 40)),
    "restore": (RestoreCell, Operation(lambda cell: cell.domain.createWithFlags(0), unchanged, None, 60, before=save)),
    "save-file": (SaveFileCell, Operation(save_file, unchanged, None, 40)),
    "restore-file": (RestoreFileCell, Operation(lambda cell: cell.place.conn.restore(cell.image), unchanged, None, 60,
                                                before=save_file)),
}
