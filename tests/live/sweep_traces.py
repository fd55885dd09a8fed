"""What a step that fails may not leave behind, looked at before an operation of sweep.py and after it: descriptors of
the daemon and of QEMU, QEMU's nodes, files, and their owners and labels."""

import collections
import errno
import json
import os
import re
import time

import libvirt_qemu

# how a step goes wrong, see crashpoint.c: (how, which steps, with which error)
FAULTS = {
    "fails": ("fails", "change", errno.EIO),
    "cannot create": ("fails", "create", errno.ENOSPC),
    "cannot open": ("fails", "open", errno.EMFILE),
    "cannot write": ("fails", "write", errno.EIO),
    "no space": ("full", "write", errno.ENOSPC),
    "short write": ("short", "write", 0),
    "not permitted": ("fails", "own", errno.EPERM),
    "refused": ("refused", "command", 0),
    "cannot send": ("fails", "command", errno.ENOBUFS),
    "cut off": ("cut", "command", 0),
    "no connection": ("no-connect", "command", errno.ECONNREFUSED),
    "hangs": ("hangs", "command", 0),
}
# seconds in which all has to be closed; the stock driver, which puts nothing off, is not waited for so long
QUIET = {"ours": 6, "stock": 2}


def quiet(daemon):
    return QUIET["stock" if daemon.driver == "stock" else "ours"]


def descriptors(pid):
    """[(fd, what it is)] of a process."""
    found = []
    for fd in os.listdir("/proc/%d/fd" % pid):
        try:
            found.append((fd, os.readlink("/proc/%d/fd/%s" % (pid, fd))))
        except FileNotFoundError:
            pass                  # closed meanwhile
    return found


def rights(path):
    """Owner, mode and labels of a file."""
    status = os.stat(path)
    return status.st_uid, status.st_gid, status.st_mode, tuple(
        (name, os.getxattr(path, name)) for name in sorted(os.listxattr(path)) if "libvirt" in name)


class Traces:
    """Of a @cell."""

    def __init__(self, cell):
        self.cell, self.daemon = cell, cell.daemon
        self.owners = self.rights()                 # before the domain is started
        self.before = None

    def begin(self):
        """The domain runs, without a job; what its start has to write may still be under way."""
        for _ in range(100):
            earlier, self.before = self.before, self.look()
            if self.before == earlier:
                return
            time.sleep(0.05)
        raise RuntimeError("the daemon is not quiet")

    def rights(self):
        return {path: rights(path) for path in self.cell.traced() if os.path.exists(path)}

    def look(self):
        """Of a domain that is shut off there is nothing of QEMU."""
        self.runs = self.cell.lives()
        none = collections.Counter()
        return {"descriptor of the daemon": self.of_daemon(),
                "descriptor of QEMU": self.of_qemu() if self.runs else none,
                "node": self.nodes() if self.runs else none, "file": collections.Counter(self.files()),
                "owner": self.rights(), "runs": self.runs}

    def of_daemon(self):
        return collections.Counter(re.sub(r":\[\d+\]$", "", target) for _, target in descriptors(self.daemon.pid))

    def of_qemu(self):
        found, pid = collections.Counter(), self.daemon.qemu_pids()[0]
        for fd, target in descriptors(pid):
            if target.startswith(self.cell.folder):
                with open("/proc/%d/fdinfo/%s" % (pid, fd)) as f:
                    flags = int(re.search(r"flags:\s+(\d+)", f.read()).group(1), 8)
                found[target, "r" if flags & os.O_ACCMODE == os.O_RDONLY else "rw"] += 1
        return found

    def nodes(self):
        answer = json.loads(libvirt_qemu.qemuMonitorCommand(
            self.cell.domain, json.dumps({"execute": "query-named-block-nodes"}), 0))["return"]
        return collections.Counter((n["node-name"], n["drv"], n["file"], n["ro"]) for n in answer)

    def files(self):
        tops = (self.cell.folder, os.path.dirname(self.daemon.state_dir), self.daemon.path("lib"),
                self.daemon.config_dir)
        for top in tops:
            for folder, folders, names in os.walk(top):
                yield from (os.path.join(folder, name) for name in folders + names)

    # --- after -----------------------------------------------------------------------------------------------

    def left(self, outcome, refused):
        """What is not as before, as texts, once all had the time to close; of the file @refused nothing is said."""
        deadline = time.monotonic() + quiet(self.daemon)
        while True:
            found = [d for d in self.differences(outcome) if not refused or refused not in d]
            if not found or time.monotonic() > deadline:
                return found
            time.sleep(0.05)

    def differences(self, outcome):
        if outcome == "old":
            return self.of_old()
        return self.of_new() if outcome == "new" else []

    def of_old(self):
        cell, now, found = self.cell, self.look(), []
        kept = [cell.target] if cell.may_keep_target() else []
        for kind in ("descriptor of the daemon", "descriptor of QEMU", "node", "file"):
            found += self.compare(kind, now, kept if kind == "file" else [])
        if now["runs"] != self.before["runs"]:
            return found                # left_owners() looks when the domain is off
        return found + ["owner of %s: %s, not %s" % (path, now["owner"].get(path), before)
                        for path, before in self.before["owner"].items() if now["owner"].get(path) != before] + \
            self.foreign(now["owner"], [p for p in kept if p not in self.before["owner"]])

    def of_new(self):
        """Images and nodes are others; what is open, and what belongs to QEMU, are those of the chain."""
        cell, now = self.cell, self.look()
        chain = cell.used()
        found = self.compare("descriptor of the daemon", now, [])
        found += ["file %s" % path for path in now["file"] if path not in self.before["file"] and
                  path not in chain and not cell.may_be_new(path)]
        found += ["descriptor of QEMU: %s %s" % (path, mode) for path, mode in now["descriptor of QEMU"] if
                  path.startswith(cell.folder + "/") and path not in chain and path != cell.line.path]
        return found + self.foreign(now["owner"], [path for path in now["owner"] if path not in chain])

    def compare(self, kind, now, allowed):
        """When QEMU has been started or has ended, only the files that the daemon has open can be compared."""
        same = now["runs"] == self.before["runs"]
        if not same and kind != "descriptor of the daemon":
            return []
        more, less = now[kind] - self.before[kind], self.before[kind] - now[kind]
        return ["%s more: %s" % (kind, what) for what in more if what not in allowed and (same or what[0] == "/")] + \
            ["%s less: %s" % (kind, what) for what in less if same]

    def foreign(self, owners, paths):
        """What is not used any more belongs to whom it belonged before."""
        user, group = next(iter(self.owners.values()))[:2]
        return ["owner of %s: %s" % (path, owners[path]) for path in paths if path in owners and
                owners[path] != self.owners.get(path, (user, group, owners[path][2], ()))]

    def left_owners(self, refused):
        """The domain is off."""
        now = self.rights()
        return self.foreign(now, [path for path in now if os.path.basename(path) != refused])
