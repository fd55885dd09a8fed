#!/usr/bin/python3
"""What follows when a guest obeys its power button, sleeps, gets an NMI, or panics: on_poweroff, on_reboot, on_crash,
with guests that really do it, and partly while no daemon is there. All guests boot at the same time.
"""

import os
import sys

import libvirt

import jobs
import plain
import suite
from crashpoint import CrashDaemon
from guest import SerialLog
from jobs import Events

LIMIT = 150
SHUTDOWN, STOPPED, CRASHED = (libvirt.VIR_DOMAIN_EVENT_SHUTDOWN, libvirt.VIR_DOMAIN_EVENT_STOPPED,
                              libvirt.VIR_DOMAIN_EVENT_CRASHED)
PANICKED = (CRASHED, libvirt.VIR_DOMAIN_EVENT_CRASHED_PANICKED)
WOKEN = (libvirt.VIR_DOMAIN_EVENT_STARTED, libvirt.VIR_DOMAIN_EVENT_STARTED_WAKEUP)

ASLEEP = [libvirt.VIR_DOMAIN_PMSUSPENDED, libvirt.VIR_DOMAIN_PMSUSPENDED_UNKNOWN]


class Machine:
    """A guest that runs: its domain and its serial line."""

    def __init__(self, test, name, mode, **changes):
        serial = os.path.join(plain.folder(test.daemon, name), "serial.log")
        xml = test.guest.xml(test.daemon, name, [], serial, {"mode": mode})
        xml = xml.replace("<memballoon", "<panic model='isa'/><memballoon")
        for element, value in {"on_reboot": "restart", **changes}.items():
            xml = xml.replace("<%s>destroy</%s>" % (element, element), "<%s>%s</%s>" % (element, value, element))
        self.test, self.name, self.log = test, name, SerialLog(serial)
        self.domain = test.conn.defineXML(xml)
        self.domain.create()
        self.pid = test.daemon.qemu_pid(name)

    def said(self, word):
        return len([line for line in self.log.lines() if word in line])

    def ends(self):
        """(event, detail) of what led out of running, without the pauses of a reboot."""
        return [e[2:] for e in self.test.events.of(self.name, "lifecycle") if e[2] in (SHUTDOWN, STOPPED, CRASHED)]

    def look_up(self):
        """Of a new connection."""
        self.domain = self.test.conn.lookupByName(self.name)

    def undefine(self):
        if self.domain.isActive():
            self.domain.destroy()
        self.domain.undefine()


class Test(suite.DaemonChecks):
    def connect(self):
        super().connect()
        self.events = Events(self.conn)
        self.reboots = []
        self.conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_REBOOT,
                                         lambda _conn, domain, _: self.reboots.append(domain.name()), None)

    def says(self, machine, word, times, what):
        return self.ok(jobs.wait_for(lambda: machine.said(word) >= times, LIMIT, 0.1), what,
                       lambda: "\n".join(machine.log.lines() + [self.daemon.log_tail()]))

    def same_process(self, machine, what):
        self.equal((machine.domain.isActive(), self.daemon.qemu_pid(machine.name)), (1, machine.pid), what)

    def state(self, machine, wanted, what):
        self.ok(jobs.wait_for(lambda: machine.domain.state() == wanted, LIMIT, 0.1), what,
                lambda: machine.domain.state())

    def told(self, machine, event, what):
        self.ok(self.events.wait(lambda e: e[:2] == (machine.name, "lifecycle") and e[2:] == event, 20), what,
                lambda: self.events.of(machine.name))

    def refused(self, call, words, what):
        try:
            call()
            self.ok(False, what, "it was done")
        except libvirt.libvirtError as e:
            self.ok(e.get_error_code() == libvirt.VIR_ERR_OPERATION_INVALID and words in str(e), what, e)

    def stopped(self, machine, what):
        """The domain is off, and its last event came."""
        self.ok(jobs.wait_off(machine.domain, LIMIT), what, lambda: "\n".join(machine.log.lines()))
        self.events.wait(lambda e: e[:3] == (machine.name, "lifecycle", STOPPED), 30)

    def check_nmi_and_restart(self, obeys):
        self.says(obeys, "G obeys", 1, "a guest with a power button and a panic device comes up")
        obeys.domain.injectNMI(0)
        self.says(obeys, "G obeys", 2, "an NMI makes it panic, and on_crash=restart makes it come up again")
        self.same_process(obeys, "in the same process")
        self.told(obeys, PANICKED, "an event says that it panicked")
        self.state(obeys, [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_CRASHED], "it runs again")

    def check_reboot_button(self, obeys):
        before = self.reboots.count(obeys.name)
        obeys.domain.reboot(libvirt.VIR_DOMAIN_REBOOT_ACPI_POWER_BTN)
        self.says(obeys, "G button", 1, "a reboot that is asked for presses the button")
        self.says(obeys, "G obeys", 3, "the guest powers off, and comes up again")
        self.same_process(obeys, "a reboot keeps the process")
        self.equal(obeys.ends(), [PANICKED], "no event says that it stopped")
        self.ok(jobs.wait_for(lambda: self.reboots.count(obeys.name) > before, 20), "one says that it rebooted")

    def check_reboot_dies(self, machines, obeys):
        """QEMU calls a guest that was reset while it stood still "prelaunch", as one that has never run."""
        if self.stock:
            self.out.skip("a daemon that dies in a reboot", "the stock driver leaves the guest paused")
            return
        self.daemon.die_at("system_reset", 0)
        obeys.domain.reboot(libvirt.VIR_DOMAIN_REBOOT_ACPI_POWER_BTN)
        self.ok(self.daemon.died(LIMIT) is not None, "the daemon dies behind the reset of a reboot")
        self.daemon.start()
        self.connect()
        for machine in machines:
            machine.look_up()
        self.says(obeys, "G obeys", 4, "the next one has the guest go on: it comes up")
        self.same_process(obeys, "in the same process")
        self.state(obeys, [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_CRASHED], "as it was, it runs")
        self.equal(self.events.of(obeys.name, "lifecycle"), [], "nothing says that it was started")
        self.equal("fakereboot" in self.daemon.status_xml(obeys.name), False, "the reboot is over, by the status file")

    def check_shutdown_button(self, obeys):
        obeys.domain.shutdownFlags(libvirt.VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN)
        self.stopped(obeys, "a shutdown that is asked for ends it: the reboot before has left nothing behind")
        self.equal(obeys.domain.state(), [libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN],
                   "the state says why")
        self.equal(obeys.ends(), [(SHUTDOWN, libvirt.VIR_DOMAIN_EVENT_SHUTDOWN_GUEST),
                                  (STOPPED, libvirt.VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN)], "and so do the events")

    def check_without_daemon(self, machines, dies, sleepers):
        """What a guest does while no daemon is there is found by the next one."""
        self.daemon.kill()
        self.says(dies, "Kernel panic", 1, "a guest panics")
        for sleeper in sleepers:
            self.says(sleeper, "G sleeps", 1, "%s goes to sleep" % sleeper.name)
        self.daemon.start()
        self.connect()
        for machine in machines:
            machine.look_up()
        self.stopped(dies, "on_crash=destroy: a new daemon ends it")
        self.equal(dies.domain.state(), [libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_CRASHED],
                   "the state says that it crashed")
        for sleeper in sleepers:
            self.state(sleeper, ASLEEP, "the new daemon knows that %s sleeps" % sleeper.name)

    def check_sleep(self, naps):
        for call in (naps.domain.suspend, naps.domain.resume):
            self.refused(call, "pmsuspended", "%s of a guest that sleeps is refused" % call.__name__)
        self.equal(naps.domain.state(), ASLEEP, "it sleeps on")
        naps.domain.pMWakeup()
        self.wakes(naps, "it can be woken")

    def wakes(self, machine, what):
        self.says(machine, "G awake", 1, what)
        self.state(machine, [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_WAKEUP], "then it runs")
        self.told(machine, WOKEN, "an event says that it woke up")
        self.same_process(machine, "all of this in one process")

    def check_sleep_reset(self, jolts):
        """The firmware takes the reset for the end of the sleep."""
        jolts.domain.reset(0)
        self.wakes(jolts, "a reset wakes a guest that sleeps")

    def check_crash_preserve(self, naps):
        crashed = [libvirt.VIR_DOMAIN_CRASHED, libvirt.VIR_DOMAIN_CRASHED_PANICKED]
        naps.domain.injectNMI(0)
        self.state(naps, crashed, "on_crash=preserve: the state after a panic is crashed")
        self.told(naps, PANICKED, "an event says so")
        naps.domain.suspend()
        self.equal(naps.domain.state(), crashed, "one that is suspended has crashed all the same")
        self.daemon.kill()
        self.daemon.start()
        self.connect()
        naps.look_up()
        self.ok(jobs.wait_for(lambda: naps.domain.controlInfo(0)[0] == 0, 20), "a new daemon finds it")
        self.equal(naps.domain.state(), crashed, "and knows that it crashed")
        self.same_process(naps, "and leaves it")
        naps.domain.destroy()
        self.equal(naps.domain.state(), [libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_DESTROYED],
                   "it can be destroyed")

    def test_guests(self):
        dies = Machine(self, "dies", "panic")
        naps = Machine(self, "naps", "sleep", on_crash="preserve")
        jolts = Machine(self, "jolts", "sleep")
        obeys = Machine(self, "obeys", "obey", on_crash="restart")
        self.check_without_daemon((dies, naps, jolts, obeys), dies, (naps, jolts))
        dies.undefine()
        self.check_nmi_and_restart(obeys)
        self.check_reboot_button(obeys)
        self.check_reboot_dies((naps, jolts, obeys), obeys)
        self.check_shutdown_button(obeys)
        obeys.undefine()
        self.check_sleep_reset(jolts)
        jolts.undefine()
        self.check_sleep(naps)
        self.check_crash_preserve(naps)
        naps.undefine()


if __name__ == "__main__":
    sys.exit(suite.main("power", __doc__, Test, modes=("system",) if os.geteuid() == 0 else ("session",),
                        kind=CrashDaemon))
