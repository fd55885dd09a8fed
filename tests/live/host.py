#!/usr/bin/python3
"""What an administrator sets up around the VMs: hook scripts, logs, qemu.conf, owners of images, QEMU binaries."""

import os
import pwd
import re
import signal
import subprocess
import sys
import threading
import xml.etree.ElementTree as ElementTree

import libvirt

import jobs
import plain
import suite
from daemon import Daemon, DaemonError
from hung import Call

PAUSED = libvirt.VIR_DOMAIN_START_PAUSED
HOOK = """#!/bin/sh
# writes down how it was called and what it was given; fails or waits when it is told to
echo "$1 $2 $3 $4" >> %(dir)s/calls
cat > %(dir)s/input.$2
if test -e %(dir)s/wait.$2; then touch %(dir)s/waits.$2; while test -e %(dir)s/wait.$2; do sleep 0.05; done; fi
if test -e %(dir)s/fail.$2; then echo "no, said the script" >&2; exit 3; fi
exit 0
"""

# libvirt's own line about a job that is asked for
WAITS_TO_DESTROY = re.compile(r"Starting job: .*job=destroy .*name=hooked, current job=modify")
ENDS_DESTROY = re.compile(r"Stopping job: destroy .*name=hooked")


class Test(suite.Checks):
    def __init__(self, out, args, mode):
        self.out, self.args, self.mode = out, args, mode
        self.stock = args.driver == "stock"

    def daemon(self, **kwargs):
        return Daemon(self.mode, self.args.driver, self.args.build, **kwargs)

    # --- hooks (11.19) ---------------------------------------------------------------------------------------

    def hook_folder(self, daemon):
        place = daemon.path("hook")
        os.makedirs(place)
        os.makedirs(daemon.path("etc", "hooks"))
        script = daemon.path("etc", "hooks", "qemu")
        with open(script, "w") as f:
            f.write(HOOK % {"dir": place})
        os.chmod(script, 0o755)
        return place

    def calls(self, place):
        """What was called since the last look."""
        path = os.path.join(place, "calls")
        if not os.path.exists(path):
            return []
        with open(path) as f:
            lines = f.read().splitlines()
        os.unlink(path)
        return lines

    def test_hooks(self):
        if self.mode != "system":
            self.out.skip("session: hooks", "scripts are the system daemon's")
            return
        # with a log of who asks for a domain's job
        with self.daemon(libvirtd_conf='log_filters="1:conf.virdomainjob"') as daemon:
            self.place = self.hook_folder(daemon)
            daemon.start()
            xml, _ = plain.chain_domain(daemon, "hooked", 2)
            self.hooks_in_order(daemon, daemon.connect().defineXML(xml))
            domain = daemon.connect().lookupByName("hooked")
            self.hooks_refuse(domain)
            self.hooks_wait(daemon, domain)
            self.hooks_too_long(daemon, domain)
            self.hooks_next_run(daemon, domain)
            self.hooks_of_dead(daemon, domain)

    def flag(self, name):
        return os.path.join(self.place, name)

    def hook_ids(self, op):
        return ElementTree.parse(self.flag("input." + op)).getroot().get("id")

    def hooks_in_order(self, daemon, domain):
        domain.createWithFlags(PAUSED)
        number = str(domain.ID())
        self.equal(self.calls(self.place), ["hooked prepare begin -", "hooked start begin -", "hooked started begin -"],
                   "a start calls prepare, start and started")
        self.equal([self.hook_ids(op) for op in ("prepare", "start", "started")], [number] * 3,
                   "with the live definition")
        open(self.flag("fail.reconnect"), "w").close()
        daemon.restart()
        domain = daemon.connect().lookupByName("hooked")
        jobs.wait_for(lambda: os.path.exists(self.flag("calls")) and os.path.getsize(self.flag("calls")), 20)
        self.equal(self.calls(self.place), ["hooked reconnect begin -"], "a new daemon calls reconnect")
        self.ok(domain.isActive(), "whose failure does no harm to a running domain")
        open(self.flag("fail.stopped"), "w").close()
        domain.destroy()
        self.equal(self.calls(self.place), ["hooked stopped end -", "hooked release end -"],
                   "the end calls stopped and release, whatever they say")
        self.equal([self.hook_ids(op) for op in ("stopped", "release")], [None] * 2, "with a definition without id")
        os.unlink(self.flag("fail.stopped"))

    def hooks_refuse(self, domain):
        for op, before in (("prepare", 1), ("start", 2), ("started", 3)):
            open(self.flag("fail." + op), "w").close()
            self.refused(lambda: domain.createWithFlags(PAUSED), libvirt.VIR_ERR_HOOK_SCRIPT_FAILED,
                         "no, said the script", "a failing %s script stops the start" % op)
            self.equal([x.split()[1] for x in self.calls(self.place)],
                       ["prepare", "start", "started"][:before] + ["stopped", "release"],
                       "after %s failed, stopped and release follow" % op)
            self.ok(not domain.isActive(), "and the domain is off")
            os.unlink(self.flag("fail." + op))

    def hooks_wait(self, daemon, domain):
        """While a script takes its time the domain can be looked at, and be destroyed. Each caller has a connection
        of its own: one that threads share may lose a wake-up in libvirt's client before 10.0."""
        def another():
            return daemon.connect().lookupByName(domain.name())

        open(self.flag("wait.prepare"), "w").close()
        errors = []

        def start(domain):
            try:
                domain.createWithFlags(PAUSED)
            except libvirt.libvirtError as e:
                errors.append(e)
        starter = threading.Thread(target=start, args=[another()], daemon=True)
        starter.start()
        jobs.wait_for(lambda: os.path.exists(self.flag("waits.prepare")), 20)
        domain.state()
        domain.XMLDesc()
        domain.info()
        self.ok(starter.is_alive(), "a script that waits does not hold up queries")
        killer = threading.Thread(target=another().destroy, daemon=True)
        killer.start()
        self.ok(jobs.wait_for(lambda: WAITS_TO_DESTROY.search(daemon.log_text()), 20), "a destroy waits for it, too")
        os.unlink(self.flag("wait.prepare"))
        starter.join(20)
        killer.join(20)
        self.ok(not starter.is_alive() and not killer.is_alive(), "the start ends when the script does")
        self.equal([e.get_error_code() for e in errors], [libvirt.VIR_ERR_OPERATION_ABORTED],
                   "destroyed while its script ran, the domain does not start")
        self.ok(not domain.isActive() and not daemon.qemu_pids(), "and no QEMU is there")

    def hooks_too_long(self, daemon, domain):
        """A destroy that has failed, because the script takes longer than it waits, has ended nothing."""
        open(self.flag("wait.start"), "w").close()
        start = Call(daemon.connect().lookupByName(domain.name()).createWithFlags, PAUSED)
        self.ok(jobs.wait_for(lambda: os.path.exists(self.flag("waits.start")), 20), "the script of a start waits")
        self.equal(suite.code(daemon.connect().lookupByName(domain.name()).destroy), libvirt.VIR_ERR_OPERATION_TIMEOUT,
                   "a destroy does not wait for ever")
        os.unlink(self.flag("wait.start"))
        self.ok(start.wait(20) and not start.error, "and then the domain starts", str(start))
        domain.destroy()

    def hooks_next_run(self, daemon, domain):
        """AUTODESTROY was for the run that a revert ends, while the connection goes, not for the next one."""
        domain.snapshotCreateXML("<domainsnapshot><name>s1</name></domainsnapshot>")
        client = daemon.connect()
        client.lookupByName(domain.name()).createWithFlags(PAUSED | libvirt.VIR_DOMAIN_START_AUTODESTROY)
        before, begun = daemon.qemu_pid("hooked"), len(daemon.log_text())
        open(self.flag("wait.release"), "w").close()
        other = daemon.connect().lookupByName(domain.name())
        revert = Call(other.revertToSnapshot, other.snapshotLookupByName("s1"),
                      libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED)
        self.ok(jobs.wait_for(lambda: os.path.exists(self.flag("waits.release")), 20), "a script waits in a revert")
        client.close()
        self.ok(jobs.wait_for(lambda: WAITS_TO_DESTROY.search(daemon.log_text()[begun:]), 20),
                "the connection of the first run goes")
        os.unlink(self.flag("wait.release"))
        self.ok(revert.wait(20) and not revert.error, "the domain is reverted", str(revert))
        self.ok(jobs.wait_for(lambda: ENDS_DESTROY.search(daemon.log_text()[begun:]), 20), "AUTODESTROY is over")
        self.ok(domain.isActive() and daemon.qemu_pid("hooked") not in (None, before), "and the next run goes on")
        domain.destroy()
        domain.snapshotLookupByName("s1").delete()

    def hooks_of_dead(self, daemon, domain):
        """A QEMU dies while no daemon is there, and the script of its end takes its time."""
        domain.createWithFlags(PAUSED)
        xml, _ = plain.chain_domain(daemon, "well", 1)
        daemon.connect().createXML(xml, PAUSED)
        pid = daemon.qemu_pid("hooked")
        daemon.kill()
        daemon.ask(do="signal", pid=pid, signal=int(signal.SIGKILL))
        jobs.wait_for(lambda: daemon.qemu_pid("hooked") is None, 20)
        self.calls(self.place)
        open(self.flag("wait.stopped"), "w").close()
        daemon.start(wait=False)
        ready = Call(daemon.wait_ready)
        try:
            self.ok(jobs.wait_for(lambda: os.path.exists(self.flag("waits.stopped")), 20), "its end calls stopped")
            self.ok(ready.wait(20), "which does not hold up the start of the daemon")
            if not ready.wait(0):
                return
            well, dead = (daemon.connect().lookupByName(name) for name in ("well", "hooked"))
            resumed = Call(well.resume)
            self.ok(resumed.wait(20) and not resumed.error, "or the domains that run", str(resumed))
            self.equal((dead.state()[0], dead.isActive()), (libvirt.VIR_DOMAIN_SHUTDOWN, 1),
                       "meanwhile the domain that died is being shut down")
        finally:
            os.unlink(self.flag("wait.stopped"))
            ready.wait(20)
        self.ok(jobs.wait_for(lambda: not dead.isActive(), 20), "then it is off", daemon.log_tail)
        self.equal([call for call in self.calls(self.place) if call.startswith("hooked")],
                   ["hooked stopped end -", "hooked release end -"], "all scripts of its end were called")
        dead.createWithFlags(PAUSED)
        dead.destroy()
        well.destroy()

    # --- logs ------------------------------------------------------------------------------------------------

    def emulator(self, daemon):
        """A QEMU that can be asked what it can do, and that says no to everything else."""
        path = daemon.path("img", "broken-qemu")
        with open(path, "w") as f:
            f.write('#!/bin/sh\ncase "$*" in *"-machine none"*) exec /usr/bin/qemu-system-x86_64 "$@";; esac\n'
                    'echo "words of a broken QEMU" >&2; exit 1\n')
        os.chmod(path, 0o755)
        return path

    def log_of(self, daemon, name):
        with open(os.path.join(daemon.qemu_log_dir, name + ".log")) as f:
            return f.read()

    def stderr_of(self, daemon, name):
        return os.readlink("/proc/%d/fd/2" % daemon.qemu_pid(name))

    def log_contents(self, daemon, conn, how):
        """One run and one that fails."""
        xml, _ = plain.chain_domain(daemon, "logged-" + how, 1)
        domain = conn.defineXML(xml)
        domain.createWithFlags(PAUSED)
        stderr = self.stderr_of(daemon, domain.name())
        domain.destroy()
        lines = self.log_of(daemon, domain.name()).splitlines()
        self.ok("starting up libvirt version: " in lines[0] and "qemu version: " in lines[0],
                "%s: the log says what was started" % how, lines[:1])
        self.ok(any(line.startswith("-name guest=logged-%s," % how) for line in lines),
                "%s: with which command line" % how, "\n".join(lines))
        self.ok(any(line.endswith("shutting down, reason=destroyed") for line in lines),
                "%s: and why it ended" % how, "\n".join(lines[-5:]))
        domain.undefine()
        xml = xml.replace("/usr/bin/qemu-system-x86_64", self.emulator(daemon))
        broken = conn.defineXML(xml)
        self.refused(lambda: broken.create(), libvirt.VIR_ERR_INTERNAL_ERROR, "monitor: words of a broken QEMU",
                     "%s: a QEMU that ends says why" % how)
        broken.undefine()
        return stderr

    def test_logs(self):
        with self.daemon(qemu_conf="stdio_handler = default") as daemon:
            if self.mode == "system":
                self.log_contents_without(daemon)
                log = daemon.path("virtlogd.out")
                daemon.ask(do="spawn", argv=["/usr/sbin/virtlogd"], env=daemon.environment(), log=log)
                jobs.wait_for(lambda: os.path.exists(os.path.join(daemon.run_dir, "libvirt", "virtlogd-sock")), 10)
            else:
                daemon.start()
            stderr = self.log_contents(daemon, daemon.connect(), "logd")
            self.ok(stderr.startswith("pipe:"), "QEMU writes to virtlogd where there is one", stderr)
        with self.daemon(qemu_conf='stdio_handler = "file"') as daemon:
            daemon.start()
            stderr = self.log_contents(daemon, daemon.connect(), "file")
            self.ok(stderr.endswith("/logged-file.log"), "or to the file itself", stderr)

    def log_contents_without(self, daemon):
        daemon.start()
        stderr = self.log_contents(daemon, daemon.connect(), "none")
        self.ok(stderr.endswith("/logged-none.log"), "without virtlogd QEMU writes to the file", stderr)
        with self.daemon(qemu_conf='stdio_handler = "logd"') as other:
            other.start()
            xml, _ = plain.chain_domain(other, "wants", 1)
            domain = other.connect().defineXML(xml)
            self.refused(lambda: domain.create(), libvirt.VIR_ERR_SYSTEM_ERROR, "virtlogd-sock",
                         "virtlogd is asked for and is not there: no start")
            self.ok(not domain.isActive() and not os.path.exists(os.path.join(other.state_dir, "wants.xml")),
                    "and nothing is left of it")
    # --- qemu.conf -------------------------------------------------------------------------------------------

    SETTINGS = """max_files = 777
max_processes = 7777
max_core = 1000000
dump_guest_core = 1
set_process_name = 1
log_timestamp = 0
max_queued = 1
remote_display_port_min = 6123
remote_display_port_max = 6124
vnc_password = "sesame"
keepalive_interval = 7
no_such_key = 1
mac_filter = 1
"""

    def limits_of(self, pid):
        """What is after the three or so words of a row's name, by its name."""
        with open("/proc/%d/limits" % pid) as f:
            # libvirt.so adds one to the number of files: it may be used up, too
            return {line[:26].strip(): line[26:].split()[0] for line in f}

    def arguments_of(self, pid):
        with open("/proc/%d/cmdline" % pid, "rb") as f:
            return f.read().decode().split("\0")

    def test_settings(self):
        with self.daemon(qemu_conf=self.SETTINGS) as daemon:
            daemon.start()
            conn = daemon.connect()
            xml, _ = plain.chain_domain(daemon, "set", 1)
            domain = conn.defineXML(xml.replace("</devices>", "<graphics type='vnc'/></devices>"))
            domain.createWithFlags(PAUSED)
            self.settings_process(daemon.qemu_pid("set"))
            self.ok("port='6123'" in domain.XMLDesc(), "the display's port is from the range")
            more = [conn.createXML(plain.domain("more").replace("</devices>", "<graphics type='vnc'/></devices>"),
                                   PAUSED)]
            other = conn.defineXML(plain.domain("other").replace("</devices>", "<graphics type='vnc'/></devices>"))
            self.refused(lambda: other.createWithFlags(PAUSED), libvirt.VIR_ERR_INTERNAL_ERROR, "port",
                         "which is used up then")
            other.undefine()
            more.pop().destroy()
            for key in ("keepalive_interval", "no_such_key", "mac_filter"):
                self.ok("'%s'" % key in daemon.log_text(), "the log names %s, which has no effect" % key)
            self.settings_queue(daemon, conn, domain)
            domain.destroy()
            domain.undefine()

    def settings_process(self, pid):
        limits = self.limits_of(pid)
        self.equal([limits[x] for x in ("Max open files", "Max processes", "Max core file size")],
                   ["778", "7777", "1000000"], "the limits of QEMU are those of qemu.conf")
        with open("/proc/%d/comm" % pid) as f:
            self.equal(f.read().strip(), "qemu:set", "so is its name")
        arguments = self.arguments_of(pid)
        self.ok(any("dump-guest-core=on" in x for x in arguments) and "-msg" not in arguments and
                any(",password=on" in x for x in arguments), "and its arguments", arguments)
        self.ok(not any("sesame" in x for x in arguments), "the password is not among them")

    def settings_queue(self, daemon, conn, domain):
        """Not all calls may wait for a domain that is busy."""
        pid = daemon.qemu_pid("set")
        daemon.ask(do="signal", pid=pid, signal=19)
        # at once: whichever comes last
        calls = [Call(domain.resume) for _ in range(3)]
        jobs.wait_for(lambda: any(call.error for call in calls), 15)
        failed = [call.error for call in calls if call.error]
        self.ok(failed and all(e.get_error_code() == libvirt.VIR_ERR_OPERATION_FAILED and "max_queued" in str(e)
                               for e in failed), "a call above max_queued fails at once", lambda: list(map(str, calls)))
        daemon.ask(do="signal", pid=pid, signal=18)
        for call in calls:
            call.wait(20)
    # --- labels ----------------------------------------------------------------------------------------------

    OWNERS = [(1234, 4321), (1235, 4322), (1236, 4323)]

    def owners(self, paths):
        return [(os.stat(p).st_uid, os.stat(p).st_gid) for p in paths]

    def labelled_domain(self, daemon, name):
        """(XML with two disks, the images of both chains), each image with an owner of its own"""
        first, paths = plain.chain_domain(daemon, name, 3)
        second, more = plain.chain_domain(daemon, name + "-b", 3)
        xml = first.replace("<controller", plain.disk("vdb", more[-1]) + "<controller")
        for path, owner in zip(paths + more, self.OWNERS * 2):
            os.chown(path, *owner)
            os.chmod(path, 0o660)
        return xml, paths, more

    def test_labels(self):
        if self.mode != "system":
            self.out.skip("session: labels", "QEMU runs as the user")
            return
        with self.daemon() as daemon:
            daemon.start()
            conn = daemon.connect()
            self.labels_of_a_run(daemon, conn)
            self.labels_of_broken(daemon, conn)
            self.labels_half_set(daemon, conn)
            self.labels_of_jobs(daemon, conn)
            self.labels_shared(daemon, conn)

    def labels_of_a_run(self, daemon, conn):
        xml, paths, more = self.labelled_domain(daemon, "run")
        domain = conn.createXML(xml, PAUSED)
        user = pwd.getpwnam("libvirt-qemu")
        self.equal({uid for uid, _ in self.owners(paths + more)}, {user.pw_uid}, "QEMU's user owns each image")
        daemon.restart()
        daemon.connect().lookupByName("run").destroy()
        self.equal(self.owners(paths + more), self.OWNERS * 2, "afterwards each image has its owner back, "
                   "also when another daemon ends the domain")

    def labels_of_broken(self, daemon, conn):
        conn = daemon.connect()
        xml, paths, more = self.labelled_domain(daemon, "broken")
        xml = xml.replace("/usr/bin/qemu-system-x86_64", self.emulator(daemon))
        self.refused(lambda: conn.createXML(xml, 0), libvirt.VIR_ERR_INTERNAL_ERROR, "words of a broken QEMU",
                     "a start that fails after the labels were set")
        self.equal(self.owners(paths + more), self.OWNERS * 2, "leaves each image with its owner")

    def labels_half_set(self, daemon, conn):
        """The labels come disk by disk, the kernel last; it is not there."""
        conn = daemon.connect()
        xml, paths, more = self.labelled_domain(daemon, "half")
        xml = xml.replace("</os>", "<kernel>/nonexistent/kernel</kernel></os>")
        self.refused(lambda: conn.createXML(xml, 0), libvirt.VIR_ERR_SYSTEM_ERROR, "/nonexistent/kernel",
                     "a start that fails while labels are set")
        self.equal(self.owners(paths + more), self.OWNERS * 2, "leaves each image with its owner, too")
        self.equal([x for x in paths + more if os.listxattr(x)], [], "and nothing is remembered of it")

    def labels_of_jobs(self, daemon, conn):
        """An intermediate commit, then an active one with its pivot: each image has its own owner in the end."""
        conn = daemon.connect()
        events = jobs.Events(conn)
        xml, paths, more = self.labelled_domain(daemon, "jobs")
        user = pwd.getpwnam("libvirt-qemu")
        domain = conn.createXML(xml, PAUSED)
        domain.blockCommit("vda", paths[0], paths[1], 0, 0)
        events.wait_job("jobs", "vda", "completed")
        jobs.wait_gone(domain, "vda")
        self.equal(self.owners(paths)[1], self.OWNERS[1], "an image that has left its chain has its owner back")
        domain.blockCommit("vda", None, None, 0, libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE)
        jobs.wait_ready(domain, "vda")
        domain.blockJobAbort("vda", libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)
        self.equal((self.owners(paths)[0][0], self.owners(paths)[2]), (user.pw_uid, self.OWNERS[2]),
                   "after a pivot the old active image, too, while the base is QEMU's")
        domain.destroy()
        self.equal(self.owners(paths + more), self.OWNERS * 2, "in the end each image has its own owner")

    def labels_shared(self, daemon, conn):
        """Two domains with overlays on the same base."""
        conn = daemon.connect()
        xml, paths = plain.chain_domain(daemon, "one", 2)
        over = os.path.join(os.path.dirname(paths[0]), "other")
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", paths[0], over], check=True)
        os.chown(paths[0], *self.OWNERS[0])
        one = conn.createXML(xml, PAUSED)
        two = conn.createXML(plain.domain("two", [plain.disk("vda", over)]), PAUSED)
        user = pwd.getpwnam("libvirt-qemu")
        one.destroy()
        self.equal(os.stat(paths[0]).st_uid, user.pw_uid, "a base that another domain uses stays as it is")
        two.destroy()
        self.equal(self.owners(paths[:1]), self.OWNERS[:1], "until the last one ends")
    # --- capabilities ----------------------------------------------------------------------------------------

    def test_capabilities(self):
        """A binary is asked again when it has changed, not when the daemon is started again."""
        with self.daemon() as daemon:
            daemon.start()
            emulator, count = daemon.path("img", "counting-qemu"), daemon.path("img", "count")
            with open(emulator, "w") as f:
                f.write('#!/bin/sh\ncase "$*" in *"-machine none"*) echo x >> %s;; esac\n'
                        'exec /usr/bin/qemu-system-x86_64 "$@"\n' % count)
            os.chmod(emulator, 0o755)
            with open(count, "w") as f:
                os.chmod(f.name, 0o666)
            xml = plain.domain("counted").replace("/usr/bin/qemu-system-x86_64", emulator)
            daemon.connect().defineXML(xml)
            self.equal(os.path.getsize(count), 2, "a new binary is asked once")
            self.equal(self.asked_after_restart(daemon, count), 2, "and not by the next daemon")
            self.spoil(daemon)
            self.equal(self.asked_after_restart(daemon, count), 4, "unless what was kept is no good")
            with open(emulator, "a") as f:
                f.write("# another version\n")
            self.equal(self.asked_after_restart(daemon, count), 6, "or the binary has changed")

    def test_wrapper(self):
        """An emulator that is a script which runs QEMU: a restarted daemon knows its process all the same."""
        with self.daemon() as daemon:
            daemon.start()
            wrapper = daemon.path("img", "wrapper")
            with open(wrapper, "w") as f:
                f.write('#!/bin/sh\nexec /usr/bin/qemu-system-x86_64 "$@"\n')
            os.chmod(wrapper, 0o755)
            xml = plain.domain("wrapped").replace("/usr/bin/qemu-system-x86_64", wrapper)
            daemon.connect().defineXML(xml).createWithFlags(PAUSED)
            pid = daemon.qemu_pid("wrapped")
            daemon.restart()
            domain = daemon.connect().lookupByName("wrapped")
            self.ok(domain.isActive() and daemon.qemu_pid("wrapped") == pid, "a wrapped QEMU is found again")
            if domain.isActive():
                domain.destroy()
            self.equal(daemon.qemu_pids(), [], "and can be ended")

    def asked_after_restart(self, daemon, count):
        daemon.restart()
        conn = daemon.connect()
        conn.lookupByName("counted").XMLDesc()
        conn.getDomainCapabilities(daemon.path("img", "counting-qemu"))
        return os.path.getsize(count)

    def spoil(self, daemon):
        top = daemon.path("cache")
        for folder, _, names in os.walk(top):
            for name in names:
                if name.endswith(".json"):
                    with open(os.path.join(folder, name), "r+") as f:
                        f.truncate(1000)


def run(out, args, mode):
    for name in args.names:
        try:
            getattr(Test(out, args, mode), "test_" + name)()
        except DaemonError as e:
            out.ok(False, "%s: %s: the daemon is there" % (mode, name), e)
        except Exception:
            out.error("%s: %s" % (mode, name))


if __name__ == "__main__":
    sys.exit(suite.main("host", __doc__, Test, run))
