#!/usr/bin/python3
"""A QEMU that refuses one of the commands by which a daemon that comes back finds out what became of a VM: each of
them in turn. The daemon stays, the VM is listed as it is, and soon everything can be done with it again.
"""

import os
import sys

import libvirt

import jobs
import plain
import suite
from faults import FaultDaemon

PAUSED = libvirt.VIR_DOMAIN_START_PAUSED
MOST = 40                       # commands of one restart, by far


class Test(suite.DaemonChecks):
    def domain(self, name):
        """With what a daemon asks for: balloon, channel, removable drives, an I/O thread."""
        xml, _ = plain.chain_domain(self.daemon, name, 2)
        xml = xml.replace("</devices>", "".join([
            plain.disk("hdc", None, "raw", device="cdrom", bus="ide"),
            "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel></devices>"]))
        return self.conn.createXML(xml.replace("<memballoon model='none'/>", ""), PAUSED)

    def restart(self, fault):
        """Whether that many commands were sent at all."""
        self.daemon.fail(fault)
        self.daemon.kill()
        begun = len(self.daemon.log_text())
        self.daemon.start()
        self.connect()
        domain = self.conn.lookupByName("refused")
        listed = domain.state()[0]
        works = jobs.wait_for(lambda: not self.daemon.alive() or self.works(domain), 20)
        hit = "fault at " in self.daemon.log_text()[begun:]
        self.ok(self.daemon.alive() and listed == libvirt.VIR_DOMAIN_PAUSED and works,
                "command %s is refused: the VM is there, and can be used" % fault.partition(":")[2],
                lambda: "%s %s\n%s" % (listed, works, self.daemon.log_tail()))
        return hit

    @staticmethod
    def works(domain):
        try:
            return domain.blockInfo("vda")[0] > 0 and domain.jobStats() is not None and domain.blockStats("vda")
        except libvirt.libvirtError:
            return False

    def test_restart(self):
        if not self.daemon.can_fail():
            self.out.skip("a QEMU that refuses", "this module cannot fail on demand")
            return
        self.domain("refused")
        count = next((n for n in range(1, MOST) if not self.restart("qmp-error:%d" % n)), MOST)
        self.ok(3 < count < MOST, "there are such commands", count)
        self.daemon.fail(None)
        self.conn.lookupByName("refused").destroy()


if __name__ == "__main__":
    sys.exit(suite.main("refusing", __doc__, Test, modes=("system",) if os.geteuid() == 0 else ("session",),
                        kind=FaultDaemon))
