"""Rows of bench.py: a domain that is saved into a file and restored from it."""

import os
import socket
import time

import libvirt

from bench_jobs import prepare
from bench_tools import PAUSE, Part, Qemu, Row, own_arguments

PAUSED = libvirt.VIR_DOMAIN_START_PAUSED


def durable(path):
    """What is written is on disk before something else is measured, on each side."""
    with open(path, "rb") as f:
        os.fsync(f.fileno())


class Saves(Part):
    """The guest is paused and has nothing in its memory but firmware: what is measured is what the call costs, not the
    disk. Each restores its own file."""

    ROWS = {"save": Row(0.35), "restore": Row(0.5), "managed save": Row(), "start from it": Row()}

    def turns(self):
        return [lambda number, side=side: self.driver(side, number) for side in self.sides] + [self.raw]

    def driver(self, side, number):
        clock, name = side.clock, "m%d" % number
        xml, _ = prepare(side.daemon, name)
        path = side.daemon.path("img", name, "memory")
        domain = side.conn.defineXML(xml)
        domain.createWithFlags(PAUSED)
        side.keep_argv(name)
        cpu = side.daemon.cpu_seconds()
        time.sleep(PAUSE)
        clock.measure("save", domain.save, path)
        durable(path)
        time.sleep(PAUSE)
        clock.measure("restore", side.conn.restore, path)
        time.sleep(PAUSE)
        clock.measure("managed save", domain.managedSave, 0)
        os.sync()
        time.sleep(PAUSE)
        clock.measure("start from it", domain.create)
        side.cpu += side.daemon.cpu_seconds() - cpu
        domain.destroy()
        domain.undefine()

    def raw(self, number):
        model, name = self.sides[-1], "r%d" % number
        prepare(model.daemon, name)
        folder = model.daemon.path("img", name)
        argv = own_arguments(model.argv, folder, "/img/m0/", "/img/%s/" % name)
        path = os.path.join(folder, "memory")
        qemu = Qemu(argv, folder)
        try:
            time.sleep(PAUSE)
            start = time.perf_counter()
            self.raw_save(qemu, path)
            self.bare.add("save", time.perf_counter() - start)
        finally:
            qemu.kill()
        durable(path)
        time.sleep(PAUSE)
        start = time.perf_counter()
        qemu = Qemu(argv + ["-incoming", "defer"], folder)
        try:
            self.raw_restore(qemu, path)
            self.bare.add("restore", time.perf_counter() - start)
        finally:
            qemu.kill()

    @staticmethod
    def pass_file(qemu, fd):
        """getfd takes its descriptor from the bytes that it comes with."""
        qemu.qmp.serial += 1
        text = '{"execute":"getfd","arguments":{"fdname":"memory"},"id":%d}' % qemu.qmp.serial
        socket.send_fds(qemu.qmp.socket, [text.encode()], [fd])
        while qemu.qmp.read().get("id") != qemu.qmp.serial:
            pass

    @staticmethod
    def wait_migrated(qmp, *states):
        qmp.wait_event(lambda e: e["event"] == "MIGRATION" and e["data"]["status"] in states)

    @staticmethod
    def raw_write(qemu, path):
        """The stream into a file, which is durable then."""
        qmp = qemu.qmp
        with open(path, "wb") as f:
            Saves.pass_file(qemu, f.fileno())
            qmp.call("migrate-set-capabilities", capabilities=[{"capability": "events", "state": True}])
            qmp.call("migrate-set-parameters", max_bandwidth=1 << 62)
            qmp.call("migrate", uri="fd:memory")
            Saves.wait_migrated(qmp, "completed")
            os.fsync(f.fileno())

    def raw_save(self, qemu, path):
        """As a driver does that waits for the end of the process."""
        self.raw_write(qemu, path)
        qemu.end()

    def raw_restore(self, qemu, path):
        qmp = qemu.qmp
        with open(path, "rb") as f:
            self.pass_file(qemu, f.fileno())
            qmp.call("migrate-set-capabilities", capabilities=[{"capability": "events", "state": True}])
            qmp.call("migrate-incoming", uri="fd:memory")
            self.wait_migrated(qmp, "completed")
        qmp.call("query-status")
