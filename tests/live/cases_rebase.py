"""Cases of the differential runs: all combinations of the flags of a rebase with COPY (01/Y5, Y9 to Y16, Y35), against
what may be at its destination: nothing, an image, a block device.
"""

import itertools
import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree

import libvirt

import images
import jobs
from cases_copy import COPY, COPY_BYTES, COPY_DEV, COPY_RAW, REUSE, SHALLOW
from cases_copymore import loop_device

BYTES_INFO = libvirt.VIR_DOMAIN_BLOCK_JOB_INFO_BANDWIDTH_BYTES
FLAGS = (("shallow", SHALLOW), ("reuse", REUSE), ("raw", COPY_RAW), ("dev", COPY_DEV))
BANDWIDTHS = ((0, 0), (4096, 0), (10 ** 10, COPY_BYTES))

CASES = []


def case(function):
    CASES.append(function)
    return function


def combinations():
    """label, flags, bandwidth of each; all units of the bandwidth come up."""
    for number, chosen in enumerate(itertools.product((False, True), repeat=len(FLAGS))):
        given = [flag for flag, there in zip(FLAGS, chosen) if there]
        bandwidth, unit = BANDWIDTHS[number % len(BANDWIDTHS)]
        yield " ".join(name for name, _ in given) or "no flags", sum(bit for _, bit in given) | COPY | unit, bandwidth


def fill(destination, flags, below):
    """What a caller of REUSE_EXT has made there."""
    if flags & COPY_RAW:
        images.qemu_img("create", "-q", "-f", "raw", destination, "64M")
    elif flags & SHALLOW:
        images.qemu_img("create", "-q", "-f", "qcow2", "-b", below, "-F", "qcow2", destination)
    else:
        images.qemu_img("create", "-q", "-f", "qcow2", destination, "64M")


def made(r, destination, mark):
    """What a client sees of a copy that has started: the chain it would pivot to, and the image. Indexes count calls
    that failed, too: they are left out."""
    r.ready()
    mirror = jobs.disk_element(r.domain.XMLDesc(0), "vda").find("mirror")
    text = ElementTree.tostring(mirror, encoding="unicode").replace(destination, "$DESTINATION")
    seen = {"bandwidth": r.domain.blockJobInfo("vda", BYTES_INFO)["bandwidth"],
            "mirror": r.normal(re.sub(r" index=.\d+.", "", text))}
    r.domain.blockJobAbort("vda", 0)
    r.final("canceled", since=mark)
    image = images.info(destination)
    seen["image"] = [image["format"], image["virtual-size"], r.normal(image.get("backing-filename", "none"))]
    return seen


def walk(r, prepare):
    """@prepare(flags, image below the disk's active one): the destination's path."""
    paths = r.d(3)
    for label, flags, bandwidth in combinations():
        destination = prepare(flags, paths[1])
        mark = r.events.mark()
        value = r.outcome(r.domain.blockRebase, "vda", destination, bandwidth, flags)
        if isinstance(value, dict):
            value["message"] = value["message"].replace(destination, "$DESTINATION")
        else:
            value = made(r, destination, mark)
        r.note(label, value)
    r.note_chain()


@case
def rebase_flags_to_nothing(r):
    def prepare(flags, below):
        path = os.path.join(r.folder, "new")
        if os.path.exists(path):
            os.unlink(path)
        return path

    walk(r, prepare)


@case
def rebase_flags_to_an_image(r):
    def prepare(flags, below):
        path = os.path.join(r.folder, "there")
        fill(path, flags, below)
        r.daemon.own(path)
        return path

    walk(r, prepare)


@case
def rebase_flags_to_a_device(r):
    raw, large = loop_device(r, 64), loop_device(r, 80)

    def prepare(flags, below):
        if flags & COPY_RAW:
            return raw
        if flags & REUSE:
            fill(large, flags, below)
        return large

    try:
        walk(r, prepare)
        r.domain.destroy()
    finally:
        for device in (raw, large):
            subprocess.run(["losetup", "-d", device], check=False)
