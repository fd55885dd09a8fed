#!/usr/bin/python3
"""Can the checks of these tests fail? Feeds them damaged disk contents. Needs no daemon and no root."""

import struct
import sys
import zlib

from guest import BLOCK, MAGIC, Ring
from tap import Tap


def block(ring, seq, run=None, disk=None, slot=None):
    head = MAGIC + struct.pack("<4Q", seq, ring.slot(seq) if slot is None else slot,
                               ring.run if run is None else run, ring.disk if disk is None else disk)
    body = head + bytes((seq + i) & 0xff for i in range(BLOCK - 4 - len(head)))
    return body + struct.pack("<I", zlib.crc32(body))


def disk_after(ring, last):
    """What the disk holds when exactly @last blocks were written."""
    data = bytearray(BLOCK * (ring.base + ring.blocks))
    for seq in range(ring.first, last + 1):
        put(ring, data, ring.slot(seq), block(ring, seq))
    return data


def put(ring, data, slot, content):
    offset = (ring.base + slot) * BLOCK
    data[offset:offset + BLOCK] = content


def main():
    out = Tap("selftest")
    ring = Ring(blocks=16, stride=5, base=3, batch=2)
    good = disk_after(ring, 40)
    out.equal(ring.check(bytes(good), 40), [], "a perfect disk has no problem")
    out.equal(ring.check(bytes(disk_after(ring, 42)), 40), [], "the batch under way may be there")
    out.equal(ring.check(bytes(disk_after(ring, 7)), 7), [], "slots not reached yet may be empty")
    out.equal(ring.check(bytes(disk_after(ring, 60)), 40, final=False), [], "later blocks are fine when it went on")

    def broken(what, change, acked=40):
        data = bytearray(good)
        change(data)
        problems = ring.check(bytes(data), acked)
        out.ok(len(problems) == 1, what + " is found", "\n".join(problems) or "no problem reported")

    slot = ring.slot(40)
    broken("a lost write (old block)", lambda d: put(ring, d, slot, block(ring, 40 - ring.blocks)))
    broken("an empty slot", lambda d: put(ring, d, slot, bytes(BLOCK)))
    broken("garbage", lambda d: put(ring, d, slot, b"x" * BLOCK))
    broken("one flipped bit", lambda d: d.__setitem__((ring.base + slot) * BLOCK + 2000,
                                                      d[(ring.base + slot) * BLOCK + 2000] ^ 1))
    broken("a block in the wrong slot", lambda d: put(ring, d, slot, block(ring, 39)))
    broken("a block of another run", lambda d: put(ring, d, slot, block(ring, 40, run=2)))
    broken("a block of another disk", lambda d: put(ring, d, slot, block(ring, 40, disk=1)))
    broken("a block from the future", lambda d: put(ring, d, slot, block(ring, 40 + ring.blocks)))
    out.ok(ring.check(bytes(good[:-BLOCK]), 40), "an image that is too short is found")
    out.ok(ring.check(bytes(good), 57), "writes that were acknowledged and are not there at all are found")
    return out.done()


if __name__ == "__main__":
    sys.exit(main())
