#!/usr/bin/env python3
"""The independent decoder of link version 2 reads the examples of docs/protocol/teleport-v2.md and what
the real encoder writes; the real decoder reads the examples too.

HT_BIN_DIR names the folder of the programs; default: build/release/bin.
"""
import os
import pathlib
import re
import subprocess
import unittest

import teleport_v2

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = pathlib.Path(os.environ.get("HT_BIN_DIR", ROOT / "build/release/bin"))
DOCUMENT = ROOT / "docs/protocol/teleport-v2.md"


def run(mode, text=""):
    return subprocess.run([BIN / "teleport_v2_wire", mode], input=text, capture_output=True,
                          text=True, check=True, timeout=300).stdout


def bytes_of(digits):
    return b"" if digits == "-" else bytes.fromhex(digits)


def examples():
    """The batches of the document: each a table from "wire", "main" and so on to its bytes."""
    section = DOCUMENT.read_text(encoding="utf-8").split("\n## Examples\n")[1]
    found = []
    for block in re.findall(r"^```\n(.*?)^```$", section, re.MULTILINE | re.DOTALL):
        parts = {}
        for line in block.splitlines():
            label = line[:8].strip()
            if label:
                part = label
            parts[part] = parts.get(part, b"") + bytes.fromhex(line[8:].split("|")[0])
        found.append(parts)
    return found


def streams():
    """What the real encoder has recorded: tables, and a list of (wire, frames)."""
    found = []
    for line in run("record").splitlines():
        words = line.split()
        if words[0] == "tables":
            found.append((teleport_v2.Tables(*map(int, words[1:])), []))
        else:
            found[-1][1].append((bytes_of(words[0]), bytes_of(words[1])))
    return found


class Examples(unittest.TestCase):
    def test_are_what_the_independent_decoder_reads(self):
        decoder = teleport_v2.Decoder(teleport_v2.Tables())
        for number, parts in enumerate(examples(), 1):
            with self.subTest(number):
                frames, consumed = decoder.decode(parts["wire"])
                self.assertEqual(consumed, len(parts["wire"]))
                self.assertEqual(frames, parts.get("frames", b""))
                self.assertEqual(decoder.main_part, parts.get("main", frames))
                beside = parts.get("beside", b"")
                self.assertTrue(parts["wire"].endswith(beside))

    def test_have_datagrams_as_they_were_sent(self):
        """Of the last batch but one, which nothing before it changes."""
        frames, _ = teleport_v2.Decoder(teleport_v2.Tables()).decode(examples()[-2]["wire"])
        reader = teleport_v2.Reader(frames)
        found = []
        while not reader.at_end():
            kind, stream = reader.byte(), reader.varint()
            found.append((kind, stream, reader.bytes(reader.varint())))
        self.assertEqual(found[0][:2], (teleport_v2.HEAD, 11))
        self.assertIn(b"CONNECT udp HTTP/1.1\r\n", found[0][2])
        self.assertEqual(found[1:], [(teleport_v2.DATAGRAM, 11, b"where?"),
                                     (teleport_v2.DATAGRAM, 11, b"")])

    def test_are_what_the_real_decoder_reads(self):
        found = examples()
        self.assertGreater(len(found), 5)
        wires = "".join(parts["wire"].hex() + "\n" for parts in found)
        self.assertEqual(run("decode", wires).split(),
                         [parts.get("frames", b"").hex() or "-" for parts in found])


class Streams(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.streams = streams()

    def test_of_the_real_encoder_decode_to_the_frames_sent(self):
        self.assertEqual(len(self.streams), 7)
        zstd_frames = 0
        for tables, batches in self.streams:
            decoder = teleport_v2.Decoder(tables)
            for number, (wire, frames) in enumerate(batches):
                with self.subTest(tables=tables, batch=number):
                    self.assertEqual(decoder.decode(wire), (frames, len(wire)))
                zstd_frames += wire[0] == 3
        self.assertGreater(zstd_frames, 10)

    def test_are_waited_for_wherever_they_are_cut(self):
        tables, batches = self.streams[2]
        decoder = teleport_v2.Decoder(tables)
        for wire, frames in batches[:5]:
            for size in range(len(wire)):
                self.assertEqual(decoder.decode(wire[:size]), (None, 0))
            self.assertEqual(decoder.decode(wire), (frames, len(wire)))

    def test_with_a_wrong_byte_give_nothing_else(self):
        tables, batches = self.streams[2]
        for at in range(len(batches[0][0])):
            wire = bytearray(batches[0][0])
            wire[at] ^= 1 << at % 8
            try:
                frames, _ = teleport_v2.Decoder(tables).decode(bytes(wire) + batches[1][0])
            except teleport_v2.WireError:
                continue
            self.assertIn(frames, (None, batches[0][1]))


if __name__ == "__main__":
    unittest.main()
