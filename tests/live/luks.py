"""Encrypted images, all with the same passphrase, which libvirt's secret driver keeps."""

import os
import subprocess

import images

UUID = "6f1c7c52-0000-4000-8000-0000000000aa"
PASSPHRASE = "open-sesame-5271"
ENCRYPTION = "<encryption format='luks'><secret type='passphrase' uuid='%s'/></encryption>" % UUID
OBJECT = ["--object", "secret,id=s,data=" + PASSPHRASE]


def make_chain(folder, names, size, fill=None):
    """Encrypted qcow2 images @names of one length, base first, each backed by the one before; @fill(index, path) writes
    into each. All are copies of one with another backing name, for making a key takes its time. Gives the paths, base
    first."""
    paths = [os.path.join(folder, name) for name in names]
    images.qemu_img("create", "-q", *OBJECT, "-f", "qcow2",
                    "-o", "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10",
                    "-u", "-b", paths[0], "-F", "qcow2", paths[1], size)
    with open(paths[1], "rb") as f:
        overlay = f.read()
    assert overlay.count(paths[0].encode()) == 1
    for below, path in zip([paths[0]] + paths[1:], [paths[0]] + paths[2:]):
        with open(path, "wb") as f:
            f.write(overlay.replace(paths[0].encode(), below.encode()))
    images.qemu_img("rebase", "-u", *OBJECT, "-b", "", "--image-opts", options(paths[0]))
    for index, path in enumerate(paths if fill else []):
        fill(index, path)
    return paths


def options(path):
    """For --image-opts; what is below the image is not opened."""
    return "driver=qcow2,backing=,encrypt.key-secret=s,file.filename=" + path


def qemu_io(path, *commands, stated=None):
    """Runs qemu-io commands on an image of which nobody else has a lock; @stated: its --image-opts, when its backing
    images matter. Gives what is wrong, None when nothing is."""
    argv = ["qemu-io", *OBJECT]
    for command in commands:
        argv += ["-c", command]
    done = subprocess.run(argv + ["--image-opts", stated or options(path)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    return done.stdout if done.returncode or "failed" in done.stdout else None


def stated(xml, paths):
    """Says of each image in the XML of a domain, whose disk names the last one, how it is opened."""
    below = ""
    for path in paths[:-1]:
        below = "<backingStore type='file'><format type='qcow2'/><source file='%s'>%s</source>%s</backingStore>" % \
            (path, ENCRYPTION, below or "<backingStore/>")
    return xml.replace("<source file='%s'/>" % paths[-1],
                       "<source file='%s'>%s</source>%s" % (paths[-1], ENCRYPTION, below))


def define(conn, uuid, value):
    """@value: None: the secret has none."""
    secret = conn.secretDefineXML("<secret ephemeral='no' private='yes'><uuid>%s</uuid><usage type='volume'>"
                                  "<volume>%s</volume></usage></secret>" % (uuid, uuid))
    if value:
        secret.setValue(value.encode(), 0)


def define_secret(conn):
    define(conn, UUID, PASSPHRASE)
