"""Images and chains, made with qemu-img."""

import json
import os
import subprocess


# What QEMU says when it has measured no processor time while it made a key, as happens on virtual machines under load
UNMEASURED = "Unable to get accurate CPU usage"


class ImageError(Exception):
    pass


def measured(call, *args, tries=30):
    """What @call gives, which may have to make a key."""
    while True:
        try:
            return call(*args)
        except Exception as e:
            tries -= 1
            if UNMEASURED not in str(e) or not tries:
                raise


def qemu_img(*args, cwd=None):
    return measured(qemu_img_once, args, cwd)


def qemu_img_once(args, cwd):
    done = subprocess.run(["qemu-img"] + list(args), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          cwd=cwd)
    if done.returncode != 0:
        raise ImageError("qemu-img %s: %s" % (" ".join(args), done.stdout.strip()))
    return done.stdout


def qemu_io(path, fmt, *commands):
    """Runs qemu-io commands on an image that nobody has open."""
    argv = ["qemu-io", "-f", fmt]
    for command in commands:
        argv += ["-c", command]
    done = subprocess.run(argv + [path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0 or "failed" in done.stdout:
        raise ImageError("%s: %s" % (" ".join(argv), done.stdout.strip()))
    return done.stdout


def make_chain(folder, names, size="64M", base_format="qcow2", relative=False, fill=None):
    """Images @names, base first, each backed by the one before. @fill(index, path, format) writes data into each
    before the next one is put over it. Gives the paths, base first."""
    paths = [os.path.join(folder, name) for name in names]
    for index, path in enumerate(paths):
        fmt = base_format if index == 0 else "qcow2"
        args = ["create", "-q", "-f", fmt]
        if index:
            below = names[index - 1] if relative else paths[index - 1]
            args += ["-b", below, "-F", base_format if index == 1 else "qcow2"]
        args.append(path)
        if not index:
            args.append(str(size))
        qemu_img(*args, cwd=folder)
        if fill:
            fill(index, path, fmt)
    return paths


def deep_chain(folder, depth, size="64M"):
    """@depth qcow2 images vda.000, vda.001, ... each backed by the one before: copies with another backing name of the
    same length, for qemu-img would need its time for each. Gives the paths, base first."""
    names = ["vda.%03d" % n for n in range(depth)]
    paths = make_chain(folder, names[:2], size, relative=True)
    if depth > 2:
        with open(paths[1], "rb") as f:
            overlay = f.read()
        assert overlay.count(names[0].encode()) == 1
        for below, name in zip(names[1:], names[2:]):
            with open(os.path.join(folder, name), "wb") as f:
                f.write(overlay.replace(names[0].encode(), below.encode()))
    return [os.path.join(folder, name) for name in names]


def info(path):
    return json.loads(qemu_img("info", "-U", "--output=json", path))


def backing(path):
    """The backing name in the image's header, None when there is none."""
    return info(path).get("backing-filename")


def consistent(path, fmt):
    """Text of what `qemu-img check` finds wrong; raw has no structure to check. Leaked clusters are no damage."""
    if fmt == "raw":
        return ""
    done = subprocess.run(["qemu-img", "check", "-q", "-f", fmt, path], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    return "" if done.returncode in (0, 3) else done.stdout.strip() or "exit code %d" % done.returncode
