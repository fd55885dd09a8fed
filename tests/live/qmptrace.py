"""What QEMU wrote about its own monitor and jobs into the domain's log, when its trace events are on."""

import json
import os
import re

import jobs

TRACED = ("handle_qmp_command", "job_state_transition")
STATE = re.compile(r"job_state_transition .*-->\s*(\w+)")
COMMAND = re.compile(r"handle_qmp_command .*?req: (\{.*\})")


def traced(xml):
    """A definition whose QEMU does that from its beginning."""
    space = "xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'"
    return xml.replace("<domain ", "<domain %s " % space).replace(
        "</domain>", "<qemu:commandline><qemu:arg value='-trace'/><qemu:arg value='handle_qmp_command'/>"
        "</qemu:commandline></domain>")


class Trace:
    def __init__(self, daemon, name):
        self.daemon, self.name = daemon, name
        self.path = os.path.join(daemon.qemu_log_dir, name + ".log")

    def on(self):
        """Whether QEMU writes what comes in on its monitor into the domain's log."""
        for event in TRACED:
            self.daemon.virsh("qemu-monitor-command", self.name, "--hmp", "trace-event %s on" % event)
        self.daemon.virsh("qemu-monitor-command", self.name, '{"execute":"query-status"}')
        return jobs.wait_for(lambda: ("query-status", {}) in self.read(), 5)

    def read(self):
        """[(command, arguments) or (state in capitals, None)]"""
        out = []
        with open(self.path, errors="replace") as f:
            for line in f:
                state, command = STATE.search(line), COMMAND.search(line)
                if state:
                    out.append((state.group(1).upper(), None))
                elif command:
                    request = json.loads(command.group(1))
                    out.append((request.get("execute") or request.get("exec-oob"), request.get("arguments", {})))
        return out
