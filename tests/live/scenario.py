#!/usr/bin/python3
"""Plays the scenarios of tests/qemublockjobdata/scenarios (see the README there) on a private daemon.

Two at a time in one daemon; those that kill it play alone afterwards.
"""

import concurrent.futures
import glob
import io
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import traceback

import libvirt

import jobs
import options
import plain
from daemon import Daemon, DaemonError
from images import backing, consistent, make_chain, qemu_io
from tap import Tap

FOLDER = os.path.join(os.path.dirname(options.HERE), "qemublockjobdata", "scenarios")
SIZE = 64 << 20
MIB = 1 << 20
WAIT = 60
JOB_WORDS = {"none": "No current block job", "commit": "^Block Commit", "active-commit": "^Active Block Commit",
             "pull": "^Block Pull", "copy": "^Block Copy"}


class Failed(Exception):
    """A step did not do what it should."""


def size(text):
    return int(text[:-1], 0) << {"K": 10, "M": 20, "G": 30}[text[-1]] if text[-1] in "KMG" else int(text, 0)


class Scenario:
    def __init__(self, ident, title):
        self.ident, self.title = ident, title
        self.domain, self.needs, self.alone, self.differs = "", [], None, None
        self.steps = []

    def __str__(self):
        return "%s %s" % (self.ident, self.title)


def parse(path):
    """The scenarios of one file. A line that is not understood is an error: nothing is skipped silently."""
    found, current = [], None
    with open(path) as f:
        for number, line in enumerate(f, 1):
            line = line.rstrip("\n")
            if not line.strip() or line.startswith("#"):
                continue
            header = re.match(r"== (\S+) (.+)$", line)
            if header:
                current = Scenario(*header.groups())
                found.append(current)
                continue
            if not current:
                raise ValueError("%s:%d: a step before the first scenario" % (path, number))
            key, _, value = line.partition(": ")
            if key == "domain":
                current.domain = value
            elif key == "needs":
                current.needs = value.split()
            elif key == "alone":
                current.alone = value
            elif key == "differs":
                current.differs = value
            elif line.split(" ")[0] in Player.STEPS:
                current.steps.append(line)
            else:
                raise ValueError("%s:%d: unknown step: %s" % (path, number, line))
    return found


class DiskModel:
    """What the disk must hold: the layers' data, and every write since."""

    WORDS = ("raw", "rel", "big", "nodata", "ro", "shareable", "cdrom")
    DRIVER = ("cache", "discard", "detect_zeroes", "iothread")      # attributes of <driver>
    BUSES = {"h": "ide", "s": "scsi", "v": "virtio"}

    def __init__(self, spec, target):
        words = spec.split(":")
        self.layers, self.words, self.target = int(words[0]), words[1:], target
        self.driver = ""
        for word in self.words:
            key, _, value = word.partition("=")
            if key in self.DRIVER and value:
                self.driver += " %s='%s'" % (key, value)
            elif word not in self.WORDS:
                raise ValueError("unknown kind of disk: " + word)
        self.base_format = "raw" if "raw" in self.words else "qcow2"
        self.content = bytearray(SIZE)

    def patch(self, byte, offset, length):
        self.content[offset:offset + length] = bytes([byte]) * length

    def layer_writes(self, index):
        """(byte, offset, length): a part of its own, and one that the next layer covers half of."""
        if "nodata" in self.words:
            return []
        writes = [(0x20 + index, index * MIB, MIB), (0x60 + index, 30 * MIB + index * 32768, 65536)]
        if index == 0 and "big" in self.words:
            writes.append((0xb0, 34 * MIB, 24 * MIB))
        return writes

    def create(self, folder):
        def fill(index, path, fmt):
            writes = self.layer_writes(index)
            if writes:
                qemu_io(path, fmt, *["write -P %d %d %d" % w for w in writes])
            for write in writes:
                self.patch(*write)

        self.paths = make_chain(folder, ["%s.%d" % (self.target, i) for i in range(self.layers)], SIZE,
                                self.base_format, "rel" in self.words, fill)
        return self.paths

    def xml(self):
        flags = "".join("<%s/>" % element for word, element in (("ro", "readonly"), ("shareable", "shareable"))
                        if word in self.words)
        text = plain.disk(self.target, self.paths[-1], "qcow2" if self.layers > 1 else self.base_format, flags,
                          "cdrom" if "cdrom" in self.words else "disk", self.BUSES[self.target[0]])
        return text.replace("<driver name='qemu'", "<driver name='qemu'" + self.driver, 1)


class Player:
    """Plays one scenario."""

    STEPS = {"v", "sh", "py", "chain", "config", "mirror", "job", "ready", "gone", "xml", "noxml", "ixml", "state",
             "write", "data", "img", "exists", "missing", "events", "ev", "kill9d", "kill9q", "startd", "restartd",
             "sleep"}

    def __init__(self, scenario, daemon, conn):
        self.scenario, self.daemon, self.conn = scenario, daemon, conn
        self.name = scenario.ident.lower()
        self.disks = {}
        self.folder = self.listener = None

    # --- before and after --------------------------------------------------------------------------------

    def prepare(self):
        self.folder = plain.folder(self.daemon, self.name)
        words = set()
        for word in self.scenario.domain.split():
            target, _, spec = word.partition("=")
            if spec:
                self.disks[target] = DiskModel(spec, target)
                self.daemon.own(*self.disks[target].create(self.folder))
            else:
                words.add(word)
        xml = plain.domain(self.name, [d.xml() for d in self.disks.values()])
        if "iothread" in words:
            xml = xml.replace("<vcpu>1</vcpu>", "<vcpu>1</vcpu><iothreads>1</iothreads>")
        flags = libvirt.VIR_DOMAIN_START_PAUSED if "paused" in words else 0
        if "transient" in words:
            self.domain = self.conn.createXML(xml, flags)
        else:
            self.domain = self.conn.defineXML(xml)
            if "off" not in words:
                self.domain.createWithFlags(flags)

    def cleanup(self):
        if self.listener:
            self.listener.terminate()
            self.listener.wait()
        for action in ("destroy", "undefine"):
            try:
                getattr(self.conn.lookupByName(self.name), action)()
            except libvirt.libvirtError:
                pass
        if "immutable" in self.scenario.needs and self.folder:
            subprocess.run(["chattr", "-R", "-i", self.folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def play(self):
        step = "preparing"
        try:
            self.prepare()
            for step in self.scenario.steps:
                word, _, rest = step.partition(" ")
                getattr(self, "do_" + word)(self.expand(rest))
        except Failed as e:
            raise Failed("step: %s\n%s" % (step, e)) from None
        except libvirt.libvirtError as e:
            raise Failed("step: %s\nlibvirt: %s" % (step, e)) from None
        finally:
            self.cleanup()

    def expand(self, text):
        return text.replace("$W", self.folder).replace("$D", self.name).replace("$U", self.daemon.uri) \
            .replace("$NS", " ".join(self.daemon.namespace_prefix()))

    # --- steps -------------------------------------------------------------------------------------------

    @staticmethod
    def split(text):
        """(command, `=>`, `!!` or None, regex)"""
        found = re.match(r"(.*?) (=>|!!) (.*)$", text)
        return found.groups() if found else (text, None, None)

    @staticmethod
    def judge(mark, pattern, failed, output):
        if failed != (mark == "!!"):
            raise Failed("%s:\n%s" % ("it failed" if failed else "it should have failed", output))
        if pattern and not re.search(pattern, output, re.S | re.M):
            raise Failed("the output does not match:\n" + output)

    def do_v(self, text):
        command, mark, pattern = self.split(text)
        code, output = self.daemon.virsh(*shlex.split(command), quiet=False, timeout=WAIT)
        self.judge(mark, pattern, code != 0, output)

    def do_sh(self, text):
        command, mark, pattern = self.split(text)
        done = subprocess.run(command, shell=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=WAIT)
        self.judge(mark, pattern, done.returncode != 0, done.stdout)

    def do_py(self, text):
        command, mark, pattern = self.split(text)
        output = io.StringIO()
        names = {"d": self.domain, "conn": self.conn, "W": self.folder, "libvirt": libvirt, "time": time,
                 "print": lambda *a: print(*a, file=output)}
        failed = False
        try:
            exec(command.replace("\\n", "\n"), names)  # the scenario files are part of the tests
        except libvirt.libvirtError as e:
            failed = True
            output.write(str(e))
        self.judge(mark, pattern, failed, output.getvalue())

    def short(self, target, path):
        """$W/vda.2 as `2`, another file below the folder as its name there."""
        if os.path.dirname(path) == self.folder and os.path.basename(path).startswith(target + "."):
            return os.path.basename(path)[len(target) + 1:]
        return os.path.relpath(path, self.folder)

    def compare_chain(self, text, xml):
        target, _, wanted = text.partition(" = ")
        got = [self.short(target, path) for path in jobs.chain(xml, target)[0]]
        if got != wanted.split():
            raise Failed("the chain is %s\n%s" % (" ".join(got), xml))

    def do_chain(self, text):
        self.compare_chain(text, self.domain.XMLDesc(0))

    def do_config(self, text):
        self.compare_chain(text, self.domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))

    def do_mirror(self, text):
        target, *wanted = text.split()
        found = jobs.mirror(self.domain.XMLDesc(0), target)
        got = [found[0], found[1] or "no"] if found else ["none"]
        if got != wanted:
            raise Failed("the mirror is " + " ".join(got))

    def do_job(self, text):
        target, kind = text.split()
        output = self.daemon.virsh("blockjob", self.name, target, quiet=False)[1]
        if not re.search(JOB_WORDS[kind], output, re.M):
            raise Failed("virsh blockjob shows: " + output)

    def do_ready(self, text):
        if not jobs.wait_ready(self.domain, text, WAIT):
            raise Failed("not ready: " + str(jobs.mirror(self.domain.XMLDesc(0), text)))

    def do_gone(self, text):
        if not jobs.wait_gone(self.domain, text, WAIT):
            raise Failed("the job is still there: " + str(self.domain.blockJobInfo(text, 0)))

    def do_xml(self, text):
        self.judge(None, text, False, self.domain.XMLDesc(0))

    def do_ixml(self, text):
        self.judge(None, text, False, self.domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))

    def do_noxml(self, text):
        xml = self.domain.XMLDesc(0)
        if re.search(text, xml, re.S):
            raise Failed("the XML matches:\n" + xml)

    def do_state(self, text):
        output = self.daemon.virsh("domstate", self.name)[1].strip()
        if output != text:
            raise Failed("the state is " + output)

    def do_write(self, text):
        target, byte, offset, length = text.split()
        device = jobs.disk_element(self.domain.XMLDesc(0), target).find("alias").get("name")
        command = 'qemu-io -d /machine/peripheral/%s/virtio-backend "write -P %s %s %s"' % \
            (device, byte, offset, length)
        code, output = self.daemon.virsh("qemu-monitor-command", self.name, "--hmp", command)
        # what qemu-io says goes to QEMU's log; whether it wrote is seen by `data` in the end
        if code or output.strip():
            raise Failed(output)
        self.disks[target].patch(int(byte, 0), size(offset), size(length))

    def compare_data(self, path, fmt, target):
        raw = path + ".raw-copy"
        done = subprocess.run(["qemu-img", "convert", "-f", fmt, "-O", "raw", path, raw], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise Failed(done.stdout)
        with open(raw, "rb") as f:
            got = f.read()
        os.unlink(raw)
        wanted = self.disks[target].content
        if len(got) != len(wanted):
            raise Failed("%s holds %d bytes instead of %d" % (path, len(got), len(wanted)))
        if got != wanted:
            at = next(i for i in range(0, SIZE, 4096) if got[i:i + 4096] != wanted[i:i + 4096])
            raise Failed("%s: at %d there is 0x%02x instead of 0x%02x" % (path, at, got[at], wanted[at]))
        wrong = consistent(path, fmt)
        if wrong:
            raise Failed("%s: %s" % (path, wrong))

    def do_data(self, text):
        words = text.split()
        if len(words) > 1:
            self.compare_data(words[0], words[1], words[2] if len(words) > 2 else "vda")
            return
        flags = libvirt.VIR_DOMAIN_XML_INACTIVE if self.domain.isPersistent() else 0
        disk = jobs.disk_element(self.domain.XMLDesc(flags), words[0])
        if self.domain.isActive():
            self.domain.destroy()
        self.compare_data(jobs.source_of(disk), disk.find("driver").get("type"), words[0])

    def do_img(self, text):
        path, _, wanted = text.partition(" = ")
        got = backing(path)
        if (os.path.basename(got) if got else "-") != wanted:
            raise Failed("the backing name is %s" % got)

    def do_exists(self, text):
        if not os.path.exists(text):
            raise Failed("there is no such file")

    def do_missing(self, text):
        if os.path.exists(text):
            raise Failed("the file is still there")

    def do_events(self, _):
        self.listened = os.path.join(self.folder, "events")
        with open(self.listened, "w") as out:
            self.listener = subprocess.Popen(
                ["virsh", "-c", self.daemon.uri, "event", "--all", "--loop", "--domain", self.name],
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, "LC_ALL": "C"})
        # virsh does not say when it listens: something happens until it shows that
        for _ in range(300):
            if self.domain.isActive():
                self.domain.suspend()
                self.domain.resume()
            else:
                self.conn.defineXML(self.domain.XMLDesc(0))
            time.sleep(0.1)
            if "lifecycle" in self.heard():
                return
        raise Failed("virsh event shows nothing: " + self.heard())

    def heard(self):
        with open(self.listened) as f:
            return f.read()

    def do_ev(self, text):
        if not jobs.wait_for(lambda: re.search(text, self.heard()), 20):
            raise Failed("these events came:\n" + self.heard())

    def do_kill9d(self, _):
        self.daemon.kill()

    def do_kill9q(self, _):
        pid = self.daemon.qemu_pid(self.name)
        os.kill(pid, signal.SIGKILL)
        if not jobs.wait_for(lambda: not self.daemon.qemu_pid(self.name), WAIT):
            raise Failed("QEMU is still there")

    def do_startd(self, _):
        self.daemon.start()
        self.conn = self.daemon.connect()
        self.domain = self.conn.lookupByName(self.name)

    def do_restartd(self, _):
        self.do_kill9d("")
        self.do_startd("")

    def do_sleep(self, text):
        time.sleep(float(text))


def immutable_works(folder):
    path = os.path.join(folder, "immutable")
    open(path, "w").close()
    works = shutil.which("chattr") and subprocess.run(["chattr", "+i", path], stderr=subprocess.DEVNULL).returncode == 0
    if works:
        subprocess.run(["chattr", "-i", path], check=True)
    os.unlink(path)
    return works


def play(scenario, daemon, conn):
    """(None or the failure's text, seconds)"""
    start = time.monotonic()
    try:
        Player(scenario, daemon, conn).play()
        return None, time.monotonic() - start
    except Failed as e:
        return str(e), time.monotonic() - start
    except Exception:
        return traceback.format_exc(), time.monotonic() - start


def run_mode(out, args, mode, scenarios):
    with Daemon(mode, args.driver, args.build) as daemon:
        daemon.start()
        out.diag("driver %s, qemu:///%s" % (args.driver, mode))
        conn = daemon.connect()
        conn.getCapabilities()        # QEMU is probed once, not by two threads at the same time
        able = immutable_works(daemon.path("img"))
        playable = []
        for scenario in scenarios:
            if "immutable" in scenario.needs and not able:
                out.skip(str(scenario), "needs root and a file system with the immutable attribute")
            elif "mount" in scenario.needs and mode != "system":
                out.skip(str(scenario), "needs root, to mount a file system for the daemon")
            elif scenario.differs and args.driver == "stock":
                out.skip(str(scenario), "differs: " + scenario.differs)
            else:
                playable.append(scenario)

        def report(scenario, result):
            failure, took = result
            out.ok(failure is None, str(scenario), failure)
            if failure:
                out.diag(daemon.log_tail(10))
            out.diag("%.1f s" % took)

        with concurrent.futures.ThreadPoolExecutor(args.parallel) as pool:
            futures = {pool.submit(play, s, daemon, conn): s for s in playable if not s.alone}
            for future in futures:
                report(futures[future], future.result())
        for scenario in playable:
            if scenario.alone:
                report(scenario, play(scenario, daemon, daemon.connect()))


def main():
    parser = options.parser(__doc__)
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("names", nargs="*", metavar="ID", help="play only these")
    args = options.finish(parser.parse_args())
    scenarios = [s for path in sorted(glob.glob(os.path.join(FOLDER, "*.txt"))) for s in parse(path)]
    if args.names:
        unknown = set(args.names) - {s.ident for s in scenarios}
        if unknown:
            parser.error("no scenario " + " ".join(sorted(unknown)))
        scenarios = [s for s in scenarios if s.ident in args.names]
    out = Tap("scenarios")
    # without root the same is played in a session
    for mode in options.modes(args, out, ("system",) if os.geteuid() == 0 else ("system", "session")):
        try:
            run_mode(out, args, mode, scenarios)
        except DaemonError as e:
            out.ok(False, "the daemon is there", e)
    return out.done()


if __name__ == "__main__":
    sys.exit(main())
