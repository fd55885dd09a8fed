"""Domains without an operating system, for tests that need many, or only a monitor to talk to."""

import os

from images import make_chain

DOMAIN = """<domain type='qemu'>
  <name>%(name)s</name>
  <memory unit='MiB'>%(memory)d</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='%(machine)s'>hvm</type></os>
  <features><acpi/><apic/></features>
  <clock offset='utc'/>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
%(disks)s
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
  </devices>
</domain>"""
DISK = """    <disk type='file' device='%(device)s'><driver name='qemu' type='%(format)s'/>%(source)s\
<target dev='%(target)s' bus='%(bus)s'/>%(extra)s</disk>"""


def disk(target, path, fmt="qcow2", extra="", device="disk", bus="virtio"):
    return DISK % {"device": device, "format": fmt, "target": target, "bus": bus, "extra": extra,
                   "source": "<source file='%s'/>" % path if path else ""}


def domain(name, disks=(), machine="pc", memory=32):
    return DOMAIN % {"name": name, "memory": memory, "machine": machine, "disks": "\n".join(disks)}


def folder(daemon, name):
    """A folder for images that QEMU can get at."""
    path = daemon.path("img", name)
    os.makedirs(path)
    os.chmod(path, 0o711)
    daemon.own(path)
    return path


def chain_domain(daemon, name, layers=3, fill=None, **kwargs):
    """(XML of a domain with one disk vda, its images, base first)"""
    paths = make_chain(folder(daemon, name), ["vda.%d" % n for n in range(layers)], fill=fill)
    daemon.own(*paths)
    return domain(name, [disk("vda", paths[-1])], **kwargs), paths
