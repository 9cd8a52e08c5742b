"""The links that are compared, as flags of both ends; and how long a recording is."""

import struct
from dataclasses import dataclass

_PAIRS_MAGIC = b"HTPAIRS1"
_LENGTHS = struct.Struct("<II")

NO_LINK = "no-link"  # one httptp between the load and the origin
# Whose processor time the others are compared with: what an end of ours sends over v0, and what a
# Go end sends.
REFERENCES = ("v0-flate1", "v0-flate6")


@dataclass(frozen=True)
class Link:
    flags: tuple = ()  # of both ends, as "Protocol=v0" for -outProtocol and -inProtocol
    memory: str = None  # of both ends
    v2: bool = True  # what the ends must have spoken
    codec: str = None  # its name in the table of link_codec

    def near_flags(self, delay):
        return self._flags("out", delay)

    def far_flags(self, delay):
        return self._flags("in", delay)

    def _flags(self, side, delay):
        flags = [f"-{side}Delay={delay}", *(f"-{side}{flag}" for flag in self.flags)]
        return flags + ([f"-linkMemory={self.memory}"] if self.memory else [])


def _v0(compression, codec=None):
    return Link(("Protocol=v0", f"Compress={compression}"), v2=False, codec=codec)


# The first one has no flag at all: it is what two ends agree on when nobody says anything.
LINKS = {
    "v2": Link(codec="v2"),
    "v2-large": Link(memory="large", codec="v2-large"),
    "v2-small": Link(memory="small", codec="v2-small"),
    "v2-none": Link(("Protocol=v2", "Compress=none")),
    "v0-flate1": _v0("flate:1", "v0-flate1"),
    "v0-flate6": _v0("flate:6", "zlib6"),
    "v0-snappy": _v0("snappy", "v0-snappy"),
    "v0-none": _v0("none"),
}
NAMES = (NO_LINK, *LINKS)


def count_pairs(path):
    """How many requests a recording holds (bench/load/pairs.h). ValueError when it is none."""
    count = 0
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        if file.read(len(_PAIRS_MAGIC)) != _PAIRS_MAGIC:
            raise ValueError(f"{path} does not begin with {_PAIRS_MAGIC.decode()}")
        while file.tell() < size:
            lengths = file.read(_LENGTHS.size)
            if len(lengths) < _LENGTHS.size or file.tell() + sum(_LENGTHS.unpack(lengths)) > size:
                raise ValueError(f"{path} ends inside a pair")
            file.seek(sum(_LENGTHS.unpack(lengths)), 1)
            count += 1
    if count == 0:
        raise ValueError(f"{path} holds no pair")
    return count
