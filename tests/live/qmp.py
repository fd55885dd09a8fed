"""A small QMP client, for QEMU without a daemon in between."""

import json
import os
import random
import socket
import time


class QmpError(Exception):
    pass


class Qmp:
    def __init__(self, path, timeout=30):
        self.path = path
        deadline = time.monotonic() + timeout
        while True:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                self.socket.connect(self.short(path))
                break
            except OSError as e:
                self.socket.close()
                if time.monotonic() >= deadline:
                    raise QmpError("%s: %s" % (path, e)) from None
                time.sleep(0.01)
        self.socket.settimeout(timeout)
        self.buffer = b""
        self.serial = random.randrange(1 << 30) << 20
        self.events = []
        while "QMP" not in self.read():
            pass                  # until the greeting
        self.call("qmp_capabilities")

    @staticmethod
    def short(path):
        """A path of any length: through a descriptor of its folder."""
        if len(path) < 100:
            return path
        Qmp.folder = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY)
        return "/proc/self/fd/%d/%s" % (Qmp.folder, os.path.basename(path))

    def read_line(self):
        while b"\n" not in self.buffer:
            data = self.socket.recv(1 << 20)
            if not data:
                raise QmpError("QEMU closed the monitor")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line

    def read(self):
        return json.loads(self.read_line())

    def call(self, command, **arguments):
        """The answer. What QEMU still had to say to a client before us is thrown away: it has another id."""
        self.serial += 1
        request = {"execute": command, "id": self.serial}
        if arguments:
            request["arguments"] = {key.replace("_", "-"): value for key, value in arguments.items()}
        self.socket.sendall(json.dumps(request, separators=(",", ":")).encode())
        while True:
            message = self.read()
            if "event" in message:
                self.events.append(message)
            elif message.get("id") != self.serial:
                continue
            elif "error" in message:
                raise QmpError(message["error"]["desc"])
            else:
                return message.get("return")

    def begin(self, *commands):
        """Sends (command, arguments) in one write, and does not wait."""
        self.socket.sendall(b"".join(json.dumps({"execute": command, "arguments": arguments}, separators=(",", ":"))
                                     .encode() for command, arguments in commands))

    def collect(self, count):
        """Reads that many answers to begin(), unparsed: what they say matters to nobody."""
        while count:
            if b'"event": "' not in self.read_line():
                count -= 1

    def wait_event(self, test, timeout=30):
        """The first event (also of those that came already) for which test(event) holds; it is taken out."""
        self.socket.settimeout(timeout)
        while True:
            for event in self.events:
                if test(event):
                    self.events.remove(event)
                    return event
            message = self.read()
            if "event" in message:
                self.events.append(message)

    def wait_job(self, job, status, timeout=30):
        return self.wait_event(lambda e: e["event"] == "JOB_STATUS_CHANGE" and e["data"]["id"] == job and
                               e["data"]["status"] == status, timeout)

    def close(self):
        self.socket.close()
