#!/usr/bin/python3
"""A hostile client: names and paths that need escaping, wrong arguments, calls in an order that nobody has in mind,
commands sent to QEMU behind our back, many calls at once. The daemon lives on, refuses with an error, and
leaves nothing behind.
"""

import json
import os
import random
import re
import signal
import socket
import sys
import threading
import time
from xml.sax.saxutils import escape

import libvirt
import libvirt_qemu

import hostile_calls
import hostile_jobs
import options
import plain
from daemon import Daemon, DaemonError
from hung import Call
from images import make_chain, qemu_io
from suite import code
from tap import Tap

ACTIVE = libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE
BYTES = libvirt.VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES
PIVOT = libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT
ASYNC = libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_ASYNC
PAUSED = libvirt.VIR_DOMAIN_START_PAUSED
INACTIVE = libvirt.VIR_DOMAIN_XML_INACTIVE

NAMES = ["two words", "it's \"quoted\"", "$(touch pwned)", "-- -machine none", "a,b,,c", "größe-名", "--",
         "a;b&c|d`e`\\f",
         "%s%n%d", "..", ".", "x" * 200]
PATHS = ["a,b.qcow2", "it's.qcow2", 'quo"te.qcow2', "two words.qcow2", "json:{}.qcow2", "größe,名.qcow2",
         "back\\slash.qcow2", "$(id).qcow2", "file.driver=nbd,x.qcow2"]
REFUSED = (libvirt.VIR_ERR_INVALID_ARG, libvirt.VIR_ERR_OVERFLOW, libvirt.VIR_ERR_OPERATION_INVALID,
           libvirt.VIR_ERR_BLOCK_COPY_ACTIVE, libvirt.VIR_ERR_CONFIG_UNSUPPORTED)


def fill(index, path, fmt):
    qemu_io(path, fmt, "write -P %d %dM 1M" % (index + 1, 4 * index))


def wait_for(condition, seconds=15):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


class FalseMonitor:
    """Listens where a QEMU's monitor was, greets as one, and keeps what each client then says, until it goes."""

    def __init__(self, path):
        self.heard = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.bind(path)
        os.chmod(path, 0o777)
        self.socket.listen(1)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client = self.socket.accept()[0]
            except OSError:
                return
            with client:
                try:
                    client.sendall(b'{"QMP": {"version": {"qemu": {"micro": 0, "minor": 2, "major": 7}, "package": ""},'
                                   b' "capabilities": []}}\n')
                    self.heard.append(client.recv(4096))
                except OSError:
                    self.heard.append(b"")


class Test:
    def __init__(self, out, daemon):
        self.out, self.daemon = out, daemon
        self.conn = daemon.connect()
        self.number = 0

    def ok(self, condition, what, detail=None):
        return self.out.ok(condition, what, detail)

    def started(self, name="job", layers=3):
        self.number += 1
        xml, self.paths = plain.chain_domain(self.daemon, "%s%d" % (name, self.number), layers, fill)
        domain = self.conn.defineXML(xml)
        domain.createWithFlags(PAUSED)
        return domain

    def mirror_ready(self, domain):
        return wait_for(lambda: "ready='yes'" in domain.XMLDesc())

    def no_job(self, domain):
        return wait_for(lambda: not domain.isActive() or not domain.blockJobInfo("vda"))

    def end(self, domain):
        for call in (domain.destroy, domain.undefine):
            code(call)

    def config_file(self, name):
        return os.path.join(self.daemon.config_dir, name + ".xml")

    # --- text that needs escaping ------------------------------------------------------------------------

    def name(self, name):
        self.number += 1
        shown = ascii(name if len(name) < 40 else name[:20] + "...")
        xml, paths = plain.chain_domain(self.daemon, "name%d" % self.number, 2, fill)
        domain = self.conn.defineXML(xml.replace("<name>name%d<" % self.number, "<name>%s<" % escape(name)))
        try:
            domain.create()
            with open("/proc/%d/cmdline" % self.daemon.qemu_pids()[-1], "rb") as f:
                words = f.read().decode().split("\0")
            domain.blockCommit("vda", None, None, 0, ACTIVE)
            good = self.mirror_ready(domain)
            domain.blockJobAbort("vda", PIVOT)
            self.ok(good and "guest=" + name.replace(",", ",,") + ",debug-threads=on" in words,
                    "a domain named %s runs and pivots" % shown, lambda: "\n".join(words[:4]))
        except libvirt.libvirtError as e:
            self.ok(False, "a domain named %s runs and pivots" % shown, str(e))
        self.end(domain)
        self.ok(not os.path.exists(self.config_file(name)) and not self.daemon.status_xml(name),
                "%s left no file" % shown)

    def names(self):
        for name in NAMES:
            self.name(name)
        for name in ("", "a/b", "../../etc/x", "two\nlines", "x" * 300):
            xml = plain.domain("PLACE").replace("PLACE", escape(name))
            self.ok(code(self.conn.defineXML, xml) != 0 and not code(self.conn.listAllDomains),
                    "the name %s is refused" % ascii(name[:20]))
        self.ok(not self.conn.listAllDomains(), "no domain is left")

    def one_path(self, file):
        self.number += 1
        folder = plain.folder(self.daemon, "path%d" % self.number)
        paths = make_chain(folder, ["base-" + file, "top-" + file], fill=fill)
        self.daemon.own(*paths)
        text = escape(paths[1], {"'": "&apos;", "\n": "&#10;"})
        domain = self.conn.defineXML(plain.domain("path", [plain.disk("vda", text)]))
        try:
            domain.createWithFlags(PAUSED)
            domain.blockCommit("vda", None, None, 0, ACTIVE)
            good = self.mirror_ready(domain)
            domain.blockJobAbort("vda", PIVOT)
            self.ok(good, "an image named %s runs and pivots" % ascii(file))
        except libvirt.libvirtError as e:
            self.ok(False, "an image named %s runs and pivots" % ascii(file), str(e))
        self.end(domain)

    def images(self):
        for file in PATHS:
            try:
                self.one_path(file)
            except Exception:
                self.out.error("an image named %s" % ascii(file))
        xml = plain.domain("path", [plain.disk("vda", "/new&#10;line.qcow2")])
        self.ok(code(self.conn.defineXML, xml) == libvirt.VIR_ERR_CONFIG_UNSUPPORTED,
                "a line break in a path is refused")

    def big(self):
        pad = "<description>%s</description>" % ("x" * 4000000)
        xml = plain.domain("big").replace("<memory", pad + "<memory", 1)
        rc = code(self.conn.defineXML, xml)
        self.ok(rc != 0 or "x" * 1000 in self.conn.lookupByName("big").XMLDesc(),
                "4 MB of XML: refused, or kept (%d)" % rc)
        if not rc:
            self.conn.lookupByName("big").undefine()
        many = "".join("<disk type='file'><source file='/x%d'/><target dev='vdaaaaa'/></disk>" % n for n in range(5000))
        self.ok(code(self.conn.defineXML, plain.domain("big", [many])) != 0, "5000 disks of one name are refused")
        deep = "<backingStore type='file'><format type='qcow2'/><source file='/x'/>" * 3000 + "</backingStore>" * 3000
        rc = code(self.conn.defineXML, plain.domain("deep", [plain.disk("vda", "/x", extra=deep)]))
        self.ok(self.daemon.alive(), "a chain of 3000 stated images does not end the daemon (%d)" % rc)
        if not rc:
            self.conn.lookupByName("deep").undefine()

    # --- wrong arguments ---------------------------------------------------------------------------------

    def arguments(self):
        domain = self.started()
        top = self.paths[2]
        wrong = ["", "/", "vda[", "vda[]", "vda[99]", "vda[-1]", "vda[1]x", "[1]", "/nowhere", "../x", "v" * 5000,
                 "\u00e9", "vda,vda"]
        for disk in wrong:
            calls = [(domain.blockCommit, disk, None, None, 0, ACTIVE), (domain.blockJobAbort, disk, 0),
                     (domain.blockJobInfo, disk, 0), (domain.blockJobSetSpeed, disk, 1, 0)]
            codes = [code(*call) for call in calls]
            self.ok(all(c in REFUSED for c in codes), "disk %s is refused by each call" % ascii(disk[:20]), str(codes))
        for image in wrong:
            codes = [code(domain.blockCommit, "vda", image, None, 0, ACTIVE),
                     code(domain.blockCommit, "vda", None, image, 0, 0)]
            self.ok(all(codes) and libvirt.VIR_ERR_INTERNAL_ERROR not in codes,
                    "image %s is refused" % ascii(image[:20]), str(codes))
        self.ok(code(domain.blockCommit, "vda", top, self.paths[0], 0, 0) in REFUSED, "base above top is refused")
        self.ok(code(domain.blockCommit, "vda", None, None, 2 ** 63 - 1, ACTIVE) == libvirt.VIR_ERR_OVERFLOW and
                code(domain.blockJobSetSpeed, "vda", 2 ** 63 - 1, 0) == libvirt.VIR_ERR_OVERFLOW,
                "too much speed is refused")
        self.ok(not domain.blockJobInfo("vda") and "<mirror" not in domain.XMLDesc(), "nothing was started")
        self.end(domain)

    # --- order --------------------------------------------------------------------------------------------

    def twice(self):
        domain = self.started()
        domain.blockCommit("vda", None, None, 0, ACTIVE)
        self.mirror_ready(domain)
        first = code(domain.blockJobAbort, "vda", PIVOT | ASYNC)
        rest = [code(domain.blockJobAbort, "vda", PIVOT), code(domain.blockJobAbort, "vda", 0),
                code(domain.blockJobSetSpeed, "vda", 1, 0)]
        # QEMU may be the one that refuses a speed: its words are an internal error
        self.ok(first == 0 and all(c == 0 or c in REFUSED for c in rest[:2]) and
                rest[2] in REFUSED + (0, libvirt.VIR_ERR_INTERNAL_ERROR),
                "pivot, and others behind it", str([first] + rest))
        self.ok(self.no_job(domain) and self.paths[0] in domain.XMLDesc() and self.paths[0] in domain.XMLDesc(INACTIVE),
                "the pivot is carried out once")
        self.ok(code(domain.blockJobAbort, "vda", PIVOT) == libvirt.VIR_ERR_INVALID_ARG, "pivot without a job")
        self.end(domain)

    def undefined(self, flags):
        domain = self.started()
        domain.blockCommit("vda", None, None, 0, ACTIVE)
        self.mirror_ready(domain)
        domain.undefine()
        domain.blockJobAbort("vda", flags)
        self.no_job(domain)
        self.ok(not os.path.exists(self.config_file(domain.name())) and not domain.isPersistent(),
                "undefine while a job runs: the end of the job (%d) does not bring the definition back" % flags)
        self.daemon.restart()
        self.conn = self.daemon.connect()
        self.conn.lookupByName(domain.name()).destroy()
        self.ok(not self.conn.listAllDomains(), "the domain is gone when it ends")

    def redefined(self):
        domain = self.started()
        other = self.daemon.path("img", "other.qcow2")
        domain.blockCommit("vda", None, None, 0, ACTIVE)
        self.mirror_ready(domain)
        xml = domain.XMLDesc(INACTIVE).replace(self.paths[2], other)
        self.ok(code(self.conn.defineXML, xml) == libvirt.VIR_ERR_BLOCK_COPY_ACTIVE,
                "a definition in which the busy disk has another image is refused (07/G1.7)")
        domain.blockJobAbort("vda", PIVOT)
        self.ok(self.paths[0] in domain.XMLDesc() and self.paths[0] in domain.XMLDesc(INACTIVE),
                "the pivot changes both definitions")
        self.ok(code(self.conn.defineXML, xml) == 0 and other in domain.XMLDesc(INACTIVE), "afterwards it is taken")
        self.end(domain)

    def autodestroy(self):
        self.number += 1
        xml, _ = plain.chain_domain(self.daemon, "auto%d" % self.number, 2, fill)
        domain = self.conn.defineXML(xml)
        other = libvirt.open(self.daemon.uri)
        other.lookupByName(domain.name()).createWithFlags(PAUSED | libvirt.VIR_DOMAIN_START_AUTODESTROY)
        domain.destroy()
        domain.createWithFlags(PAUSED)
        other.close()
        time.sleep(1)
        self.ok(domain.isActive(), "AUTODESTROY of an earlier run does not end this one")
        os.kill(self.daemon.qemu_pid(domain.name()), signal.SIGKILL)
        wait_for(lambda: not domain.isActive())
        self.ok(domain.state()[1] == libvirt.VIR_DOMAIN_SHUTOFF_CRASHED,
                "and the end of this one is told as what it was")
        other = libvirt.open(self.daemon.uri)
        other.lookupByName(domain.name()).createWithFlags(PAUSED | libvirt.VIR_DOMAIN_START_AUTODESTROY)
        other.close()
        self.ok(wait_for(lambda: not domain.isActive()), "AUTODESTROY ends the domain with its connection")
        self.end(domain)

    def kept_folder(self, kind):
        """Where the stock driver keeps these, too."""
        folder = self.daemon.path("conf", "libvirt", "qemu", kind) if self.daemon.mode == "session" else \
            self.daemon.path("lib", "qemu", kind)
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o755)
        return folder

    def lib_folder(self, kind):
        folder = self.daemon.path("conf", "libvirt", "qemu", "lib", kind) if self.daemon.mode == "session" else \
            self.daemon.path("lib", "qemu", kind)
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o755)
        return folder

    def foreign_snapshot(self):
        """What is kept beside a domain and cannot be read is neither removed nor in the way."""
        self.number += 1
        xml, _ = plain.chain_domain(self.daemon, "snap%d" % self.number, 1)
        domain = self.conn.defineXML(xml)
        folder = os.path.join(self.kept_folder("snapshot"), domain.name())
        os.makedirs(folder)
        self.ok(code(domain.undefineFlags, 0) == 0, "an empty snapshot folder does not keep a domain")
        domain = self.conn.defineXML(xml)
        open(os.path.join(folder, "one.xml"), "w").close()
        self.ok(code(domain.undefineFlags, libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA) == 0 and
                os.path.exists(os.path.join(folder, "one.xml")), "a file that is no snapshot's is left alone")

    def refused_create(self):
        """A persistent domain keeps its definition when another one cannot be run in its place."""
        self.number += 1
        xml, paths = plain.chain_domain(self.daemon, "keep%d" % self.number, 2, fill)
        domain = self.conn.defineXML(xml)
        uuid = "<uuid>%s</uuid><memory" % domain.UUIDString()
        other = xml.replace("<memory", uuid, 1).replace(paths[1], paths[0])
        save = self.kept_folder("save")
        open(os.path.join(save, domain.name() + ".save"), "w").close()
        rc = code(self.conn.createXML, other, 0)
        self.ok(rc != 0 and paths[1] in domain.XMLDesc(), "a refused createXML leaves the definition alone",
                "%d\n%s" % (rc, domain.XMLDesc()))
        os.unlink(os.path.join(save, domain.name() + ".save"))
        self.end(domain)

    # --- behind our back -----------------------------------------------------------------------------------

    def monitor(self, domain, command, **arguments):
        return libvirt_qemu.qemuMonitorCommand(domain, json.dumps({"execute": command, "arguments": arguments}), 0)

    def query(self, domain, command):
        return json.loads(self.monitor(domain, command))["return"]

    def behind(self, command, ready=True, **arguments):
        domain = self.started()
        domain.blockCommit("vda", None, None, 0 if ready else 1, ACTIVE | (0 if ready else BYTES))
        if ready:
            self.mirror_ready(domain)
        jobs = self.query(domain, "query-jobs")
        reply = self.monitor(domain, command, id=jobs[0]["id"], **arguments)
        self.ok(wait_for(lambda: command == "job-dismiss" or not domain.blockJobInfo("vda")),
                "%s behind our back: the job ends" % command, reply)
        for _ in range(2):
            code(domain.blockJobAbort, "vda", 0)
        self.ok(self.no_job(domain) and "<mirror" not in domain.XMLDesc(), "no job, no mirror is left")
        state = domain.XMLDesc()
        block = self.query(domain, "query-block")
        used = [entry["inserted"]["file"] for entry in block if "inserted" in entry]
        self.ok(len(used) == 1 and "<source file='%s'" % used[0] in state.split("<backingStore")[0],
                "the definition names the disk in use",
                "%s\n%s" % (used, state))
        self.ok(code(domain.blockCommit, "vda", None, None, 0, ACTIVE) in (0, libvirt.VIR_ERR_INVALID_ARG),
                "and a new job can be started")
        self.end(domain)

    def by_hand(self):
        domain = self.started()
        self.monitor(domain, "block-commit", device="libvirt-1-format", **{"job-id": "hand"})
        rc = code(domain.blockCommit, "vda", None, None, 0, ACTIVE)
        self.ok(rc in (libvirt.VIR_ERR_BLOCK_COPY_ACTIVE, libvirt.VIR_ERR_OPERATION_UNSUPPORTED),
                "a commit beside one by hand is refused (%d)" % rc)
        self.ok("<mirror" not in domain.XMLDesc(), "nothing of it is left")
        self.monitor(domain, "job-cancel", id="hand")
        wait_for(lambda: self.query(domain, "query-jobs") == [])
        self.ok(code(domain.blockCommit, "vda", None, None, 0, ACTIVE) == 0 and self.mirror_ready(domain) and
                code(domain.blockJobAbort, "vda", PIVOT) == 0, "later it succeeds")
        self.end(domain)

    def bad_commands(self):
        domain = self.started()
        for text in ("", "{", "[]", "\"x\"", "{\"execute\":1}", "{\"execute\":\"query-status\"}{\"execute\":\"quit\"}",
                     "{\"execute\":\"query-status\",\"id\":1}", "{\"a\":" * 3000,
                     "{" + "\"a\":1," * 300000 + "\"b\":1}",
                     "{\"execute\":\"qmp_capabilities\"}"):
            try:
                libvirt_qemu.qemuMonitorCommand(domain, text, 0)
            except libvirt.libvirtError:
                pass
        reply = libvirt_qemu.qemuMonitorCommand(domain, "{\"execute\":\"query-status\"}", 0)
        self.ok("prelaunch" in reply or "paused" in reply, "bad monitor commands do not disturb the monitor", reply)
        self.end(domain)

    def speed_behind(self):
        """A speed that was set by a monitor command is seen by the next call."""
        domain = self.started()
        domain.blockCommit("vda", None, None, 0, ACTIVE)
        self.mirror_ready(domain)
        job = self.query(domain, "query-block-jobs")[0]["device"]
        seen = []
        for speed in (1, 2, 3):
            domain.blockJobInfo("vda", 0)
            self.monitor(domain, "block-job-set-speed", device=job, speed=speed << 20)
            seen.append(domain.blockJobInfo("vda", 0)["bandwidth"])
        self.ok(seen == [1, 2, 3], "a speed that was set behind our back is seen at once", str(seen))
        code(domain.blockJobAbort, "vda", 0)
        self.end(domain)

    def quits(self):
        for how in ("quit", "kill"):
            domain = self.started()
            domain.blockCommit("vda", None, None, 1, ACTIVE | BYTES)
            if how == "quit":
                code(libvirt_qemu.qemuMonitorCommand, domain, "{\"execute\":\"quit\"}", 0)
            else:
                pid = self.daemon.qemu_pid(domain.name())
                os.kill(pid, signal.SIGSTOP)
                call = Call(domain.blockJobAbort, "vda", 0)
                time.sleep(0.5)
                os.kill(pid, signal.SIGKILL)
                self.ok(call.wait(30) and call.error, "SIGKILL of QEMU ends the call that waits", lambda: str(call))
            self.ok(wait_for(lambda: not domain.isActive()), "%s: the domain is off" % how)
            self.ok(self.paths[2] in domain.XMLDesc() and not self.daemon.status_xml(domain.name()),
                    "and as it was before the job")
            self.ok(code(domain.createWithFlags, PAUSED) == 0, "it starts again")
            self.end(domain)

    # --- many at once ----------------------------------------------------------------------------------------

    def hammer(self, name, xml, until, seed):
        conn = libvirt.open(self.daemon.uri)
        rng = random.Random(seed)
        calls = 0
        while time.monotonic() < until:
            calls += 1
            try:
                if rng.random() < 0.08:
                    conn.defineXML(xml)
                domain = conn.lookupByName(name)
                what = rng.choice([
                    lambda: domain.blockCommit("vda", None, None, 0, ACTIVE),
                    lambda: domain.blockCommit("vda", None, None, 0, ACTIVE | libvirt.VIR_DOMAIN_BLOCK_COMMIT_SHALLOW),
                    lambda: domain.blockCommit("vda", "vda[2]", "vda[1]", 0, 0),
                    lambda: domain.blockJobAbort("vda", PIVOT), lambda: domain.blockJobAbort("vda", PIVOT | ASYNC),
                    lambda: domain.blockJobAbort("vda", 0), lambda: domain.blockJobAbort("vda", ASYNC),
                    lambda: domain.blockJobInfo("vda"), lambda: domain.blockJobSetSpeed("vda", rng.randrange(3), BYTES),
                    lambda: domain.XMLDesc(), lambda: domain.XMLDesc(INACTIVE), lambda: domain.info(),
                    lambda: domain.create(),
                    lambda: domain.createWithFlags(PAUSED), lambda: domain.suspend(), lambda: domain.resume(),
                    lambda: libvirt_qemu.qemuMonitorCommand(domain, "{\"execute\":\"query-jobs\"}", 0),
                    lambda: conn.createXML(xml, 0),
                    lambda: rng.random() < 0.2 and domain.destroy(), lambda: rng.random() < 0.2 and domain.undefine()])
                what()
            except libvirt.libvirtError as e:
                if e.get_error_message() in (None, "", "An error occurred, but the cause is unknown"):
                    self.nameless.append(str(e))
                if e.get_error_code() in (libvirt.VIR_ERR_RPC, libvirt.VIR_ERR_SYSTEM_ERROR):
                    self.broken.append(str(e))
                    if not conn.isAlive():
                        return
        self.calls += calls
        conn.close()

    def stress(self, seconds):
        self.number += 1
        xml, self.paths = plain.chain_domain(self.daemon, "stress", 4, fill)
        self.nameless, self.broken, self.calls = [], [], 0
        until = time.monotonic() + seconds
        threads = [threading.Thread(target=self.hammer, args=("stress", xml, until, n), daemon=True) for n in range(10)]
        for thread in threads:
            thread.start()
        while time.monotonic() < until:
            time.sleep(2)
            if self.daemon.alive():
                self.daemon.reload()
        for thread in threads:
            thread.join(60)
        stuck = sum(thread.is_alive() for thread in threads)
        self.ok(stuck == 0 and self.daemon.alive(),
                "%d calls at once in %d s: no deadlock, no crash" % (self.calls, seconds),
                "%d threads stuck\n%s" % (stuck, self.daemon.log_tail()))
        self.ok(not self.nameless, "each error says what it is", lambda: "\n".join(self.nameless[:10]))
        self.ok(not self.broken, "no system errors", lambda: "\n".join(sorted(set(self.broken))[:10]))
        if self.daemon.alive() and not stuck:
            for domain in self.conn.listAllDomains():
                self.end(domain)
            self.ok(not self.conn.listAllDomains() and wait_for(lambda: not self.daemon.qemu_pids()),
                    "no domain and no QEMU is left")
            left = [f for f in os.listdir(self.daemon.state_dir) if f.startswith("stress")]
            left += [f for f in os.listdir(self.daemon.config_dir) if f.startswith("stress") or f.startswith(".")]
            self.ok(not left, "no file is left", str(left))

    def usurped(self):
        """The folder of the monitor's socket belongs to QEMU's user: any process of it can put its own there."""
        domain = self.started("usurped")
        pid = self.daemon.qemu_pid(domain.name())
        with open("/proc/%d/cmdline" % pid, "rb") as f:
            folder = re.search(rb"/(domain-[^\0/]*)/", f.read()).group(1).decode()
        path = os.path.join(self.lib_folder(folder), "monitor.sock")
        self.daemon.stop()
        os.rename(path, path + ".away")
        false = FalseMonitor(path)
        self.daemon.start()
        self.conn = self.daemon.connect()
        domain = self.conn.lookupByName(domain.name())
        self.ok(wait_for(lambda: len(false.heard) > 1) and not any(false.heard),
                "a monitor that is not QEMU's hears nothing", lambda: str(false.heard))
        self.ok(domain.isActive() and self.daemon.qemu_pid(domain.name()) == pid, "its domain stays listed")
        os.rename(path + ".away", path)
        self.ok(wait_for(lambda: not code(domain.resume)), "once the real one is back, the domain can be used",
                self.daemon.log_tail)
        false.socket.close()
        self.end(domain)

    # --- the daemon ------------------------------------------------------------------------------------------

    def second(self):
        domain = self.started()
        argv = ["/usr/sbin/libvirtd", "-p", self.daemon.path("second.pid")]
        pid = self.daemon.ask(do="spawn", argv=argv, env=self.daemon.environment(),
                              log=self.daemon.path("second.out"))["pid"]
        status = self.daemon.ask(do="wait", pid=pid, timeout=20)["status"]
        if status is None:
            self.daemon.ask(do="signal", pid=pid, signal=int(signal.SIGKILL))
        self.ok(status is not None, "a second daemon does not live on the same folders")
        self.ok(domain.isActive() and self.daemon.status_xml(domain.name()), "the first one and its domain do not mind")
        self.end(domain)

    def stop_hung(self):
        domain = self.started()
        domain.blockCommit("vda", None, None, 1, ACTIVE | BYTES)
        pid = self.daemon.qemu_pid(domain.name())
        os.kill(pid, signal.SIGSTOP)
        call = Call(domain.blockJobAbort, "vda", 0)
        time.sleep(0.5)
        took = self.daemon.stop(timeout=60)
        self.ok(took is not None and took < 15,
                "the daemon stops while a call waits for a stopped QEMU", "took %s s" % took)
        call.wait(1)
        os.kill(pid, signal.SIGCONT)
        if took is None:
            self.daemon.kill()
        self.daemon.start()
        self.conn = self.daemon.connect()
        domain = self.conn.lookupByName(domain.name())
        self.ok(wait_for(lambda: code(domain.blockJobAbort, "vda", 0) == libvirt.VIR_ERR_INVALID_ARG),
                "the next one aborts the job")
        self.ok(domain.isActive() and "<mirror" not in domain.XMLDesc(), "the domain runs without it")
        self.end(domain)

    def run(self, parts):
        every = {
            "names": self.names, "images": self.images, "big": self.big,
            "arguments": self.arguments, "twice": self.twice,
            "undefined": lambda: (self.undefined(PIVOT), self.undefined(0)), "redefined": self.redefined,
            "autodestroy": self.autodestroy, "create": self.refused_create,
            "snapshot": self.foreign_snapshot,
            "behind": lambda: (self.behind("job-cancel"), self.behind("job-cancel", ready=False),
                               self.behind("job-dismiss"),
                               self.behind("job-complete")),
            "texts": lambda: hostile_calls.texts(self), "calls": lambda: hostile_calls.calls(self),
            "metadata": lambda: hostile_calls.metadata(self), "jobs": lambda: hostile_jobs.jobs(self),
            "unsayable": lambda: hostile_jobs.unsayable(self), "kept": lambda: hostile_jobs.kept(self),
            "paused": lambda: hostile_jobs.paused(self),
            "hand": self.by_hand, "commands": self.bad_commands, "speed": self.speed_behind, "quits": self.quits,
            "usurped": self.usurped,
            "stress": lambda: self.stress(20), "second": self.second, "stop": self.stop_hung,
        }
        for part in parts or every:
            try:
                every[part]()
            except Exception:
                self.out.error("%s ran to its end" % part)
                for domain in self.conn.listAllDomains() if self.daemon.alive() else []:
                    self.end(domain)
            if not self.daemon.alive():
                self.ok(False, "the daemon lives after %s" % part, self.daemon.log_tail())
                return


def main():
    parser = options.parser(__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART")
    args = options.finish(parser.parse_args())
    out = Tap("hostile")
    for mode in options.modes(args, out):
        try:
            with Daemon(mode, args.driver, args.build) as daemon:
                daemon.start()
                Test(out, daemon).run(args.parts)
        except DaemonError as e:
            out.ok(False, "%s: a daemon" % mode, str(e))
    return out.done()


if __name__ == "__main__":
    sys.exit(main())
