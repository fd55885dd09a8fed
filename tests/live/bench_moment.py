"""Rows of bench.py: snapshots of a running domain's disk, and a disk that comes and goes."""

import os
import time

import libvirt

from bench_jobs import prepare
from bench_tools import PAUSE, Part, Qemu, Row, own_arguments
from images import info, qemu_img
from qmp import QmpError

PAUSED = libvirt.VIR_DOMAIN_START_PAUSED
DISK_ONLY = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY
REUSE = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT
SNAPSHOT = "<domainsnapshot><name>%s</name><disks><disk name='vda' snapshot='external'><source file='%s'/></disk>" \
           "</disks></domainsnapshot>"
DISK = "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='%s'/>" \
       "<target dev='sda' bus='scsi'/></disk>"
SIZE = 64 << 20     # of all images
SCSI = "<controller type='scsi' index='0' model='virtio-scsi'/></devices>"


def raw_node(qmp, path, name, **more):
    qmp.call("blockdev-add", driver="file", filename=path, node_name=name + "-file")
    return dict(driver="qcow2", file=name + "-file", node_name=name, **more)


def raw_snapshot(qmp, path, name, below, base):
    """What there must be: the image, its nodes, the switch; nothing is made durable. @below: the node that gets it,
    @base: its image, None: the image is there already."""
    if base:
        with open(path, "w"):
            pass
    node = raw_node(qmp, path, name, backing=None)
    if base:
        qmp.call("blockdev-create", job_id="c", options={
            "driver": "qcow2", "file": name + "-file", "size": SIZE, "backing-file": base, "backing-fmt": "qcow2"})
        qmp.wait_job("c", "concluded")
        qmp.call("job-dismiss", id="c")
    qmp.call("blockdev-add", **node)
    qmp.call("blockdev-snapshot", node=below, overlay=name)


class Moments(Part):
    """A chain of four; each snapshot puts one more on it. The disk is a SCSI one, which a guest without an operating
    system gives up at once."""

    ROWS = {"snapshot": Row(0.4), "snapshot, image there": Row(0.3), "attach": Row(0.9), "detach": Row(0.9)}

    def turns(self):
        return [lambda number, side=side: self.driver(side, number) for side in self.sides] + [self.raw]

    @staticmethod
    def images(daemon, folder, top):
        """Of the disk that comes, and the one that is there for a snapshot on top of @top."""
        data, there = os.path.join(folder, "data"), os.path.join(folder, "there")
        qemu_img("create", "-q", "-f", "qcow2", data, "64M")
        qemu_img("create", "-q", "-f", "qcow2", "-u", "-b", top, "-F", "qcow2", there,
                 str(info(os.path.join(folder, "vda.0"))["virtual-size"]))
        daemon.own(data, there)
        os.sync()
        return data, there

    def driver(self, side, number):
        clock, name = side.clock, "o%d" % number
        xml, _ = prepare(side.daemon, name)
        folder = side.daemon.path("img", name)
        data, there = self.images(side.daemon, folder, os.path.join(folder, "s1"))
        domain = side.conn.defineXML(xml.replace("</devices>", SCSI))
        domain.createWithFlags(PAUSED)
        side.keep_argv(name)
        cpu = side.daemon.cpu_seconds()
        time.sleep(PAUSE)
        clock.measure("snapshot", domain.snapshotCreateXML, SNAPSHOT % ("s1", os.path.join(folder, "s1")), DISK_ONLY)
        time.sleep(PAUSE)
        clock.measure("snapshot, image there", domain.snapshotCreateXML, SNAPSHOT % ("s2", there), DISK_ONLY | REUSE)
        time.sleep(PAUSE)
        clock.measure("attach", domain.attachDevice, DISK % data)
        time.sleep(PAUSE)
        clock.measure("detach", domain.detachDevice, DISK % data)
        side.cpu += side.daemon.cpu_seconds() - cpu
        domain.destroy()
        domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA)

    def raw(self, number):
        model, name = self.sides[-1], "r%d" % number
        prepare(model.daemon, name)
        folder = model.daemon.path("img", name)
        data, there = self.images(model.daemon, folder, os.path.join(folder, "s1"))
        qemu = Qemu(own_arguments(model.argv, folder, "/img/o0/", "/img/%s/" % name), folder)
        try:
            time.sleep(PAUSE)
            self.bare.measure("snapshot", raw_snapshot, qemu.qmp, os.path.join(folder, "s1"), "s1",
                              "libvirt-1-format", os.path.join(folder, "vda.3"))
            time.sleep(PAUSE)
            self.bare.measure("snapshot, image there", raw_snapshot, qemu.qmp, there, "s2", "s1", None)
            time.sleep(PAUSE)
            self.bare.measure("attach", self.raw_attach, qemu.qmp, data)
            time.sleep(PAUSE)
            self.bare.measure("detach", self.raw_detach, qemu.qmp)
        finally:
            qemu.kill()

    @staticmethod
    def raw_attach(qmp, path):
        qmp.call("blockdev-add", **raw_node(qmp, path, "d"))
        qmp.call("device_add", driver="scsi-hd", bus="scsi0.0", drive="d", id="d0")

    @staticmethod
    def raw_detach(qmp):
        qmp.call("device_del", id="d0")
        qmp.wait_event(lambda e: e["event"] == "DEVICE_DELETED" and e["data"].get("device") == "d0")
        for name in ("d", "d-file"):
            Moments.delete(qmp, name)

    @staticmethod
    def delete(qmp, name):
        """The device lets it go a moment after the event."""
        deadline = time.monotonic() + 5
        while True:
            try:
                return qmp.call("blockdev-del", node_name=name)
            except QmpError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.001)
