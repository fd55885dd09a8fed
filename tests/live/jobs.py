"""Waiting for what a block job does, as a client sees it."""

import threading
import time
import xml.etree.ElementTree as ElementTree

import libvirt

STATUS = {libvirt.VIR_DOMAIN_BLOCK_JOB_COMPLETED: "completed", libvirt.VIR_DOMAIN_BLOCK_JOB_FAILED: "failed",
          libvirt.VIR_DOMAIN_BLOCK_JOB_CANCELED: "canceled", libvirt.VIR_DOMAIN_BLOCK_JOB_READY: "ready"}
TYPE = {1: "pull", 2: "copy", 3: "commit", 4: "active-commit", 5: "backup"}


class Events:
    """All block job and life cycle events of a connection, in the order in which they came."""

    def __init__(self, conn):
        self.conn = conn
        self.got = []            # (domain name, kind, ...)
        self.changed = threading.Condition()
        self.ids = [
            conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_BLOCK_JOB, self.on_job, "job"),
            conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2, self.on_job, "job2"),
            conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self.on_lifecycle, None),
            conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_RTC_CHANGE, self.on_rtc, None),
            conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON, self.on_error, None)]

    def add(self, record):
        with self.changed:
            self.got.append(record)
            self.changed.notify_all()

    def on_job(self, _conn, domain, disk, kind, status, which):
        self.add((domain.name(), which, disk, TYPE.get(kind, kind), STATUS.get(status, status)))

    def on_lifecycle(self, _conn, domain, event, detail, _opaque):
        self.add((domain.name(), "lifecycle", event, detail))

    def on_rtc(self, _conn, domain, offset, _opaque):
        self.add((domain.name(), "rtc", offset))

    def on_error(self, _conn, domain, path, alias, action, reason, _opaque):
        self.add((domain.name(), "error", path, alias, action, reason))

    def of(self, domain, kind=None):
        with self.changed:
            return [e for e in self.got if e[0] == domain and (kind is None or e[1] == kind)]

    def mark(self):
        with self.changed:
            return len(self.got)

    def wait(self, test, timeout=30, since=0):
        """The first event from number @since on for which test(event) holds, or None."""
        deadline = time.monotonic() + timeout
        with self.changed:
            while True:
                for event in self.got[since:]:
                    if test(event):
                        return event
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                self.changed.wait(left)

    def wait_job(self, domain, disk, status, timeout=30, since=0):
        return self.wait(lambda e: e[0] == domain and e[1] == "job2" and e[2] == disk and e[4] == status,
                         timeout, since)


def disk_element(xml, target):
    for disk in ElementTree.fromstring(xml).iter("disk"):
        if disk.find("target") is not None and disk.find("target").get("dev") == target:
            return disk
    return None


def source_of(element):
    source = element.find("source")
    if source is None:
        return None
    return source.get("file") or source.get("dev") or source.get("name")


def chain(xml, target):
    """([path, ...] active first, whether the chain's end is stated)"""
    element = disk_element(xml, target)
    paths, ended = [], False
    while element is not None:
        path = source_of(element)
        if path is None:
            ended = element.tag == "backingStore"
            break
        paths.append(path)
        element = element.find("backingStore")
    return paths, ended


def indexes(xml, target):
    """[index attribute or None, ...] active first."""
    element = disk_element(xml, target)
    out = [element.find("source").get("index")]
    element = element.find("backingStore")
    while element is not None and element.find("source") is not None:
        out.append(element.get("index"))
        element = element.find("backingStore")
    return out


def mirror(xml, target):
    """None, or (job, ready attribute or None, path)."""
    element = disk_element(xml, target).find("mirror")
    if element is None:
        return None
    return element.get("job"), element.get("ready"), source_of(element)


def wait_for(test, timeout=30, pause=0.02):
    """Polls until test() is true; gives its last value."""
    deadline = time.monotonic() + timeout
    while True:
        value = test()
        if value or time.monotonic() >= deadline:
            return value
        time.sleep(pause)


def recorded(status):
    """Whether a status file has a block job. It follows what clients are told (jobstates.rst: "soon")."""
    return "<blockjob " in status or "<qbj:job " in status


def wait_ready(domain, target, timeout=60):
    return wait_for(lambda: (mirror(domain.XMLDesc(0), target) or (0, 0))[1] == "yes", timeout)


def wait_gone(domain, target, timeout=60):
    return wait_for(lambda: not domain.blockJobInfo(target, 0), timeout)


def wait_off(domain, timeout=60):
    return wait_for(lambda: not domain.isActive(), timeout)
