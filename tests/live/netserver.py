"""Servers of disks on the loopback: nbdkit, and tgtd for iSCSI. They end with the test program."""

import os
import socket
import subprocess

from daemon import DaemonError
from jobs import wait_for

TARGET = "iqn.2003-01.org.example:disks"
INITIATOR = "iqn.2003-01.org.example:guest"
USER, PASSWORD = "guest", "twelveletters"


def bring_up_loopback(daemon):
    """In the network namespace of a system daemon."""
    subprocess.run(inside(daemon) + ["ip", "link", "set", "lo", "up"], check=True)


def inside(daemon):
    """What runs a program on the daemon's network."""
    return ["nsenter", "-t", str(daemon.holder_pid), "-n", "--"] if daemon.mode == "system" else []


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Server:
    """One image, @path, on the network. `source` is the XML that names it, `name` what its <source> shows."""

    def __init__(self, daemon, folder, path):
        self.daemon, self.folder, self.path = daemon, folder, path
        self.log = path + ".server.log"
        self.start()

    def spawn(self, argv, **env):
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(inside(self.daemon) + ["setpriv", "--pdeathsig", "KILL"] + argv,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=dict(os.environ, **env))

    def wait(self, there):
        if not wait_for(there, 30):
            with open(self.log) as log:
                raise DaemonError("no server: " + log.read())

    def kill(self):
        """As a power cut does it."""
        self.process.kill()
        self.process.wait()


class Nbdkit(Server):
    """NBD over a Unix socket."""

    name = "exp0"

    def __init__(self, daemon, folder, path):
        self.socket = os.path.join(folder, "nbd")
        self.source = "<source protocol='nbd' name='exp0'><host transport='unix' socket='%s'/></source>" % self.socket
        self.uri = "nbd+unix:///exp0?socket=" + self.socket
        self.header = 'json:{"file":{"driver":"nbd","server":{"type":"unix","path":"%s"},"export":"exp0"}}' % \
            self.socket
        super().__init__(daemon, folder, path)

    def start(self):
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        listens = os.path.join(self.folder, "nbd.pid")          # the socket is there before anybody listens
        if os.path.exists(listens):
            os.unlink(listens)
        self.spawn(["nbdkit", "-f", "--unix", self.socket, "-P", listens, "file", self.path])
        self.wait(lambda: os.path.exists(listens))
        os.chmod(self.socket, 0o777)                    # for QEMU's user, too


class NbdkitTcp(Server):
    """NBD over TCP."""

    name = "exp0"

    def __init__(self, daemon, folder, path):
        self.port = free_port()
        self.source = "<source protocol='nbd' name='exp0'><host name='127.0.0.1' port='%d'/></source>" % self.port
        super().__init__(daemon, folder, path)

    def start(self):
        listens = os.path.join(self.folder, "nbd.pid")
        self.spawn(["nbdkit", "-f", "-i", "127.0.0.1", "-p", str(self.port), "-P", listens, "file", self.path])
        self.wait(lambda: os.path.exists(listens))


class Tgt(Server):
    """iSCSI. @closed: only INITIATOR may come, with USER's PASSWORD."""

    name = TARGET + "/1"

    def __init__(self, daemon, folder, path, closed=False):
        self.closed, self.control = closed, os.path.join(folder, "tgt")
        self.port = free_port()
        host = "<host name='127.0.0.1' port='%d'/>" % self.port
        self.source = "<source protocol='iscsi' name='%s'>%s</source>" % (self.name, host)
        self.uri = "iscsi://127.0.0.1:%d/%s/1" % (self.port, TARGET)
        self.header = self.uri.replace("example:", "example%3A")
        super().__init__(daemon, folder, path)

    def admin(self, mode, op, **options):
        words = [word for key, value in options.items() for word in ("--" + key.replace("_", "-"), str(value))]
        return subprocess.run(["tgtadm", "--lld", "iscsi", "--mode", mode, "--op", op] + words, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env=dict(os.environ, TGT_IPC_SOCKET=self.control))

    def change(self, *args, **options):
        done = self.admin(*args, **options)
        if done.returncode != 0:
            raise DaemonError("tgtadm %s: %s" % (args, done.stdout))

    def start(self):
        self.spawn(["tgtd", "-f", "--iscsi", "portal=127.0.0.1:%d" % self.port], TGT_IPC_SOCKET=self.control)
        self.wait(lambda: self.admin("sys", "show").returncode == 0)
        self.change("target", "new", tid=1, targetname=TARGET)
        self.change("logicalunit", "new", tid=1, lun=1, backing_store=self.path)
        if self.closed:
            self.change("account", "new", user=USER, password=PASSWORD)
            self.change("account", "bind", tid=1, user=USER)
            self.change("target", "bind", tid=1, initiator_name=INITIATOR)
        else:
            self.change("target", "bind", tid=1, initiator_address="ALL")
