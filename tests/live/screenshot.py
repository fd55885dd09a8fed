"""Pictures of a VM's display, as virDomainScreenshot gives them."""

import struct
import zlib


class Picture:
    """A PNG of 8 bits for each of red, green, blue, as QEMU makes them."""

    def __init__(self, data):
        self.data = data
        if data[:8] != b"\x89PNG\r\n\x1a\n":
            raise ValueError("no PNG: %r" % data[:16])
        chunks, at = {}, 8
        while at < len(data):
            length, kind = struct.unpack(">I4s", data[at:at + 8])
            chunks[kind] = chunks.get(kind, b"") + data[at + 8:at + 8 + length]
            at += 12 + length
        self.width, self.height, depth, colours, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
        if (depth, colours, interlaced) != (8, 2, 0) or b"IEND" not in chunks:
            raise ValueError("another PNG than QEMU makes: depth %d, kind %d" % (depth, colours))
        raw = zlib.decompress(chunks[b"IDAT"])
        step = 1 + 3 * self.width
        if len(raw) != step * self.height:
            raise ValueError("%d bytes for %dx%d" % (len(raw), self.width, self.height))
        self.rows = [raw[n:n + step] for n in range(0, len(raw), step)]

    @property
    def size(self):
        return "%dx%d" % (self.width, self.height)

    def detail(self):
        """In how many rows not all pixels are alike. (A row holds differences to its neighbours, unless its filter is
        0: in a plain one they are 0 behind the first pixel. The first row has no neighbour above and is left out.)"""
        def plain(row):
            return row[1:] == row[1:4] * self.width if row[0] == 0 else not any(row[4:])

        return sum(not plain(row) for row in self.rows[1:])


def take(conn, domain, screen=0):
    """(MIME type, Picture)"""
    stream = conn.newStream(0)
    kind = domain.screenshot(stream, screen, 0)
    data = b""
    while True:
        part = stream.recv(65536)
        if not part:
            break
        data += part
    stream.finish()
    return kind, Picture(data)
