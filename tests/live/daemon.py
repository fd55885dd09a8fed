"""A private libvirtd: own folders, own socket, own processes; nothing of the host's libvirt is touched.

In system mode it runs as root in a mount namespace with private folders over /run, /etc/libvirt, /var/lib/libvirt,
/var/log/libvirt and /var/cache/libvirt, and in a network namespace; in session mode as `nobody` (or as the caller
when that is not root).
holder.py is the parent of all its processes, so they end with the test program, whatever happens to that.
"""

import atexit
import grp
import json
import os
import pwd
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ElementTree

import libvirt

HERE = os.path.dirname(os.path.abspath(__file__))
MODULE = "libvirt_driver_qemu.so"
START_LIMIT = 30
SYSTEM_FOLDERS = {"etc": "/etc/libvirt", "lib": "/var/lib/libvirt", "log": "/var/log/libvirt",
                  "cache": "/var/cache/libvirt"}

LIBVIRTD_CONF = """auth_unix_rw = "none"
auth_unix_ro = "none"
unix_sock_group = "root"
unix_sock_rw_perms = "0777"
max_clients = 400
max_queued_clients = 400
log_level = 3
log_outputs = "1:file:%(log)s"
%(extra)s
"""

# No virtlogd, control groups or mount namespaces: nothing of a test reaches a service or a folder of the host.
QEMU_CONF = {"stdio_handler": '"file"', "cgroup_controllers": "[ ]", "namespaces": "[ ]"}


def qemu_conf_text(extra):
    """What @extra does not set is as above; a line `key = default` in it leaves the key out."""
    extra = extra.splitlines()
    keys = [line.partition("=")[0].strip() for line in extra]
    return "\n".join(["%s = %s" % item for item in QEMU_CONF.items() if item[0] not in keys] +
                     [line for line in extra if line.partition("=")[2].strip() != "default"]) + "\n"


# The time of boot, as login services note it. Where nobody does, libvirt calculates it, each time with another second,
# and then takes the owners that it remembers of images for those of an earlier boot.
BOOT_TIME = int(time.time() - time.clock_gettime(time.CLOCK_BOOTTIME))
UTMP = struct.pack("hi32s4s32s256shhiii4i20s", 2, 0, b"~", b"~~", b"reboot", b"", 0, 0, 0, BOOT_TIME,
                   0, 0, 0, 0, 0, b"")

# $1: where "/" may be mounted, $2: what to run in the namespace, then its arguments. Nothing that is mounted from here
# on may reach the host. In a chroot "/" need not be a mount point, and cannot be made private as it is.
PRIVATE_ROOT = """set -e
stage=$1
shift
if ! mount --make-rprivate / 2>/dev/null; then
    below=$(df --output=target "$stage" | tail -n 1)
    mountpoint -q "$below"
    mount --make-rprivate "$below"
    mount --rbind / "$stage"
    mount --make-rprivate "$stage"
    cd "$stage"
    exec chroot . sh -c "$@"
fi
exec sh -c "$@"
"""


class DaemonError(Exception):
    pass


def stock_driver_dir():
    """Where the distribution keeps the driver modules."""
    for line in subprocess.run(["dpkg", "-L", "libvirt-daemon-driver-qemu"], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True).stdout.splitlines():
        if line.endswith("/" + MODULE):
            return os.path.dirname(line)
    import glob
    found = glob.glob("/usr/lib/*/libvirt/connection-driver/" + MODULE) + \
        glob.glob("/usr/lib*/libvirt/connection-driver/" + MODULE)
    if not found:
        raise DaemonError("the stock driver is not installed: apt-get install libvirt-daemon-driver-qemu")
    return os.path.dirname(found[0])


def our_module(build):
    for path in (os.path.join(build, "src", MODULE), os.path.join(build, MODULE),
                 os.path.join(build, "driver", MODULE)):
        if os.path.exists(path):
            return os.path.realpath(path)
    raise DaemonError("no %s in %s: ./dev build first" % (MODULE, build))


def make_driver_dir(target, module):
    """A folder for LIBVIRT_DRIVER_DIR: the distribution's drivers, and for QEMU a copy of @module (a copy: a build
    that runs at the same time does not change it, and another user can read it)."""
    os.makedirs(target, mode=0o755)
    stock = stock_driver_dir()
    for name in os.listdir(stock):
        if name != MODULE:
            os.symlink(os.path.join(stock, name), os.path.join(target, name))
    shutil.copy(module, os.path.join(target, MODULE))
    os.chmod(os.path.join(target, MODULE), 0o755)


def apparmor_enabled():
    try:
        with open("/sys/module/apparmor/parameters/enabled") as f:
            return f.read().strip() == "Y"
    except OSError:
        return False


class EventLoop:
    """libvirt's default event loop in a thread, once for the process."""

    thread = None
    stopping = False

    @classmethod
    def start(cls):
        if cls.thread:
            return
        libvirt.virEventRegisterDefaultImpl()
        libvirt.virEventAddTimeout(200, lambda *_: None, None)   # or the loop would sleep for ever
        libvirt.registerErrorHandler(lambda *_: None, None)      # errors come as exceptions, not on stderr
        cls.thread = threading.Thread(target=cls.run, daemon=True, name="libvirt events")
        cls.thread.start()
        atexit.register(cls.stop)

    @classmethod
    def run(cls):
        while not cls.stopping:
            libvirt.virEventRunDefaultImpl()

    @classmethod
    def stop(cls):
        """Before the interpreter goes away, or a late event would find it half gone."""
        cls.stopping = True
        cls.thread.join(5)


class Daemon:
    """@driver: `stock`, `ours` (from the folder @build), or a folder that is ready to be LIBVIRT_DRIVER_DIR, or a
    module file. Without @kvm a system daemon does not see /dev/kvm (where its CPUs report different CPUID words the
    stock driver would probe QEMU again and again). The daemon is not started yet."""

    def __init__(self, mode="system", driver="stock", build=None, qemu_conf="", libvirtd_conf="", log_level=3,
                 kvm=False):
        if mode not in ("system", "session"):
            raise DaemonError("mode is system or session, not " + mode)
        if mode == "system" and os.geteuid() != 0:
            raise DaemonError("qemu:///system needs root")
        self.mode, self.driver, self.kvm = mode, driver, kvm
        self.pid = None
        self.log_from = 0
        self.kept = False
        self.arguments = []       # of libvirtd
        self.connections = []
        self.lock = threading.Lock()
        self.user = "nobody" if mode == "session" and os.geteuid() == 0 else None
        # short: a monitor's socket path below it has to stay under 108 bytes
        self.dir = tempfile.mkdtemp(prefix="qbj-", dir="/var/tmp")
        self.run_dir = self.make_run_dir()
        self.holder = self.stage = None
        atexit.register(self.close)
        try:
            self.make_folders(build, qemu_conf, libvirtd_conf, log_level)
            self.start_holder()
        except BaseException:
            self.close()
            raise

    # --- folders -----------------------------------------------------------------------------------------

    def make_run_dir(self):
        """On tmpfs, as /run is in life; in session mode it is XDG_RUNTIME_DIR."""
        base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else "/var/tmp"
        path = tempfile.mkdtemp(prefix="qbj-", dir=base)
        os.chmod(path, 0o755 if self.mode == "system" else 0o700)
        return path

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def make_folders(self, build, qemu_conf, libvirtd_conf, log_level):
        os.chmod(self.dir, 0o711)
        os.makedirs(self.path("img"))
        os.chmod(self.path("img"), 0o711)
        if self.driver == "stock":
            self.driver_dir = stock_driver_dir()
        elif os.path.isdir(self.driver):
            self.driver_dir = os.path.abspath(self.driver)
        else:
            self.driver_dir = self.path("drv")
            make_driver_dir(self.driver_dir, our_module(build) if self.driver == "ours" else self.driver)
        if self.mode == "system":
            for name in SYSTEM_FOLDERS:
                os.makedirs(self.path(name), mode=0o755)
            conf, self.log_file = self.path("etc"), "/var/log/libvirt/libvirtd.log"
            self.log_host = self.path("log", "libvirtd.log")
            self.state_dir = os.path.join(self.run_dir, "libvirt", "qemu")
            self.config_dir = self.path("etc", "qemu")
            self.qemu_log_dir = self.path("log", "qemu")
            os.makedirs(os.path.join(self.run_dir, "libvirt"), mode=0o755)
        else:
            for name in ("home", "conf/libvirt", "cache", "data"):
                os.makedirs(self.path(name), mode=0o700)
            conf = self.path("conf", "libvirt")
            self.log_file = self.log_host = self.path("cache", "libvirtd.log")
            self.state_dir = os.path.join(self.run_dir, "libvirt", "qemu", "run")
            self.config_dir = self.path("conf", "libvirt", "qemu")
            self.qemu_log_dir = self.path("cache", "libvirt", "qemu", "log")
        self.socket = os.path.join(self.run_dir, "libvirt", "libvirt-sock")
        if len(self.socket) > 100:
            raise DaemonError("the socket's path is too long: " + self.socket)
        self.uri = "qemu+unix:///%s?socket=%s" % (self.mode, self.socket)
        with open(os.path.join(conf, "libvirtd.conf"), "w") as f:
            f.write((LIBVIRTD_CONF % {"log": self.log_file, "extra": libvirtd_conf}).replace(
                "log_level = 3", "log_level = %d" % log_level))
        if self.user or self.mode == "session":
            text = open(os.path.join(conf, "libvirtd.conf")).read()
            with open(os.path.join(conf, "libvirtd.conf"), "w") as f:
                f.write("\n".join(line for line in text.splitlines() if not line.startswith("unix_sock_group")) + "\n")
        if apparmor_enabled() and self.mode == "system":
            qemu_conf = 'security_driver = "none"\n' + qemu_conf
        with open(os.path.join(conf, "qemu.conf"), "w") as f:
            f.write(qemu_conf_text(qemu_conf))
        if self.user:
            self.chown_tree(self.dir)
            self.chown_tree(self.run_dir)

    def chown_tree(self, top):
        entry = pwd.getpwnam(self.user)
        for root, dirs, files in os.walk(top):
            for name in [root] + [os.path.join(root, n) for n in dirs + files]:
                os.chown(name, entry.pw_uid, entry.pw_gid, follow_symlinks=False)

    def own(self, *paths):
        """Gives files to the user that QEMU runs as; in system mode the driver does that itself."""
        if self.user:
            entry = pwd.getpwnam(self.user)
            for path in paths:
                os.chown(path, entry.pw_uid, entry.pw_gid)

    # --- processes ---------------------------------------------------------------------------------------

    def start_holder(self):
        # a copy that the daemon's user can read
        holder = self.path("holder.py")
        shutil.copy(os.path.join(HERE, "holder.py"), holder)
        os.chmod(holder, 0o644)
        python = [sys.executable, "-I", "-S", holder]
        if not os.environ.get("QBJ_KEEP_FILES"):
            python += [self.dir, self.run_dir]
        if self.mode == "system":
            script = "set -e; mount -t tmpfs -o mode=0755,size=16m none /run; " \
                     "mkdir -p /run/libvirt /run/lock; mount --bind '%s/libvirt' /run/libvirt\n" % self.run_dir
            with open(self.path("utmp"), "wb") as f:
                f.write(UTMP)
            script += "cp '%s' /run/utmp\n" % self.path("utmp")
            for name, place in SYSTEM_FOLDERS.items():
                script += "mkdir -p %s; mount --bind '%s' %s\n" % (place, self.path(name), place)
            if not self.kvm and os.path.exists("/dev/kvm"):
                with open(self.path("no-kvm"), "w") as f:
                    os.chmod(f.name, 0o000)
                script += "mount --bind '%s' /dev/kvm\n" % self.path("no-kvm")
            self.stage = tempfile.mkdtemp(prefix="qbj-root-", dir=os.path.dirname(self.run_dir))
            os.chmod(self.stage, 0o755)
            argv = ["unshare", "-m", "-u", "-n", "--propagation", "unchanged",
                    "sh", "-c", PRIVATE_ROOT, "sh", self.stage, script + 'exec "$@"', "sh"] + python
        elif self.user:
            argv = ["setpriv", "--reuid", self.user, "--regid", grp.getgrgid(pwd.getpwnam(self.user).pw_gid).gr_name,
                    "--clear-groups"] + python
        else:
            argv = python
        self.holder = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/",
                                       stderr=open(self.path("holder.log"), "w"), start_new_session=True)
        line = self.holder.stdout.readline()
        if not line:
            raise DaemonError("the private namespace cannot be made: " + open(self.path("holder.log")).read())
        self.holder_pid = json.loads(line)["holder"]

    def ask(self, **request):
        with self.lock:
            if not self.holder:
                raise DaemonError("the daemon's processes are gone already")
            self.holder.stdin.write((json.dumps(request) + "\n").encode())
            self.holder.stdin.flush()
            line = self.holder.stdout.readline()
        if not line:
            raise DaemonError("the holder process died: " + open(self.path("holder.log")).read())
        return json.loads(line)

    def environment(self):
        env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
               "LIBVIRT_DRIVER_DIR": self.driver_dir, "HOME": "/root", "LC_ALL": "C.UTF-8",
               "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"}
        if self.mode == "session":
            env.update(HOME=self.path("home"), XDG_RUNTIME_DIR=self.run_dir, XDG_CONFIG_HOME=self.path("conf"),
                       XDG_CACHE_HOME=self.path("cache"), XDG_DATA_HOME=self.path("data"))
        return env

    def start(self, wait=True):
        libvirtd = shutil.which("libvirtd", path="/usr/sbin:/usr/local/sbin:/sbin")
        if not libvirtd:
            raise DaemonError("libvirtd is missing: apt-get install libvirt-daemon-system")
        self.pid = self.ask(do="spawn", argv=[libvirtd] + self.arguments, env=self.environment(),
                            log=self.path("daemon.out"))["pid"]
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self):
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline:
            if os.path.exists(self.socket):
                try:
                    libvirt.open(self.uri).close()
                    self.log_from = len(self.log_text())     # the noise of a start without system bus is no news
                    return
                except libvirt.libvirtError:
                    pass
            status = self.ask(do="wait", pid=self.pid, timeout=0.05)["status"]
            if status is not None:
                break
        raise DaemonError("libvirtd does not start\n" + self.log_tail())

    def stop(self, sig=signal.SIGTERM, timeout=30):
        """Ends libvirtd, its QEMUs run on. Gives the seconds it took, None when it did not end in time."""
        begin = time.monotonic()
        self.ask(do="signal", pid=self.pid, signal=int(sig))
        status = self.ask(do="wait", pid=self.pid, timeout=timeout)["status"]
        return None if status is None else time.monotonic() - begin

    def kill(self):
        return self.stop(signal.SIGKILL)

    def loaded_module(self):
        """The file of the QEMU driver that the daemon really has in memory."""
        with open("/proc/%d/maps" % self.pid) as f:
            for line in f:
                if line.rstrip().endswith("/" + MODULE):
                    path = line.split(None, 5)[5].rstrip()
                    # from another root folder, see PRIVATE_ROOT
                    return path.partition(self.stage)[2] or path if self.stage else path
        return None

    def restart(self, sig=signal.SIGTERM):
        if self.stop(sig) is None:
            raise DaemonError("libvirtd did not end after signal %d" % sig)
        self.start()

    def reload(self):
        self.ask(do="signal", pid=self.pid, signal=int(signal.SIGHUP))

    def alive(self):
        return self.ask(do="wait", pid=self.pid, timeout=0)["status"] is None

    def children(self):
        return self.ask(do="children")["pids"]

    def qemu_pids(self):
        return [pid for pid, name in self.children() if name.startswith("qemu-system")]

    def qemu_pid(self, domain):
        """The process of one domain, by its pid file; None when it is gone."""
        try:
            with open(os.path.join(self.state_dir, domain + ".pid")) as f:
                pid = int(f.read())
            return pid if pid in dict(self.children()) else None
        except (OSError, ValueError):
            return None

    def threads(self):
        return len(os.listdir("/proc/%d/task" % self.pid))

    def lasting_threads(self):
        """Without the driver's pool of workers, which grows to its few when they happen to be needed at once."""
        return sorted(name for name in self.thread_names() if not name.startswith("qbj-worker"))

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.pid))

    def memory_mib(self):
        """What the daemon keeps in memory."""
        with open("/proc/%d/status" % self.pid) as f:
            return int(next(line for line in f if line.startswith("VmRSS")).split()[1]) / 1024

    def thread_names(self):
        names = []
        for task in os.listdir("/proc/%d/task" % self.pid):
            with open("/proc/%d/task/%s/comm" % (self.pid, task)) as f:
                names.append(f.read().strip())
        return names

    def cpu_seconds(self):
        with open("/proc/%d/stat" % self.pid) as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def namespace_prefix(self):
        """Words before a command that make it see what the daemon sees."""
        if self.mode == "system":
            return ["nsenter", "-t", str(self.holder_pid), "-m", "-r", "--"]
        return []

    # --- clients -----------------------------------------------------------------------------------------

    def connect(self, readonly=False):
        EventLoop.start()
        conn = libvirt.openReadOnly(self.uri) if readonly else libvirt.open(self.uri)
        conn.setKeepAlive(5, 6)
        self.connections.append(conn)
        return conn

    def virsh(self, *args, timeout=120, quiet=True):
        """(exit code, output and errors)"""
        done = subprocess.run(["virsh"] + (["-q"] if quiet else []) + ["-c", self.uri] + list(args),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=timeout, env={**os.environ, "LC_ALL": "C"})
        return done.returncode, done.stdout

    # --- what is seen from outside -------------------------------------------------------------------------

    def log_text(self):
        try:
            with open(self.log_host, errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def log_tail(self, lines=40):
        text = self.log_text()[self.log_from:]
        try:
            with open(self.path("daemon.out"), errors="replace") as f:
                text += f.read()
        except OSError:
            pass
        return "\n".join(text.splitlines()[-lines:])

    def host_path(self, path):
        """A path that the daemon uses, as this program sees it."""
        if self.mode == "system":
            for name, place in SYSTEM_FOLDERS.items():
                if path.startswith(place + "/"):
                    return self.path(name) + path[len(place):]
            if path.startswith("/run/libvirt/"):
                return self.run_dir + path[len("/run"):]
        return path

    def monitor_path(self, domain):
        """The monitor's socket; it is free only while no daemon is there."""
        status = ElementTree.fromstring(self.status_xml(domain))
        return self.host_path(status.find("monitor").get("path"))

    def status_xml(self, domain):
        try:
            with open(os.path.join(self.state_dir, domain + ".xml")) as f:
                return f.read()
        except OSError:
            return None

    def rewrite_status(self, domain, state, other):
        """While it is down: the one record of ours that is in @state says @other. Gives whether there is one."""
        text = self.status_xml(domain) or ""
        before, mark, own = text.partition("<qbj:jobs")
        if own.count(" state='%s'" % state) != 1:
            return False
        with open(os.path.join(self.state_dir, domain + ".xml"), "w") as f:
            f.write(before + mark + own.replace(" state='%s'" % state, " state='%s'" % other))
        return True

    # --- the end -------------------------------------------------------------------------------------------

    def keep(self):
        """Lets everything live on after this program; a libvirtd that ends is started again."""
        self.ask(do="keep", pid=self.pid)
        self.kept = True

    def close(self):
        """Ends every process and removes the folders, unless they are to be kept."""
        atexit.unregister(self.close)
        for conn in self.connections:
            try:
                conn.close()
            except libvirt.libvirtError:
                pass
        self.connections = []
        if self.kept:
            return
        holder, self.holder = self.holder, None
        if holder:
            holder.stdin.close()
            try:
                holder.wait(timeout=30)
            except subprocess.TimeoutExpired:
                holder.kill()
                holder.wait()
        if self.stage:
            os.rmdir(self.stage)
            self.stage = None
        for folder in (self.dir, self.run_dir):
            if os.environ.get("QBJ_KEEP_FILES"):
                print("# kept: " + folder)
            else:
                shutil.rmtree(folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
