#!/usr/bin/env python3
"""Unit tests of what bench/link/run reads and computes. Run: bench/link/link_test.py"""

import os
import re
import struct
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "load"))

import links  # noqa: E402
import parse  # noqa: E402
import play  # noqa: E402
import tables  # noqa: E402
import window  # noqa: E402

CODEC_TEXT = """/x/rtb.pairs: 12000 requests, 16 messages a batch
codec            ratio  request B response B encode us decode us  of zlib6
zlib6             5.20      400.5       80.1     40.00      5.00      1.00
v2                8.90      250.0       70.0     10.00      3.00      0.29
"""


def result(answers=100, **more):
    return parse.LoadResult(
        answers=answers,
        latency_us={"p50": 1000.0, "p99": 3000.0},
        failures=more.pop("failures", {}),
        seconds=0.5,
        request_bytes=200000,
        response_bytes=50000,
        received_bytes=51000,
    )


def counters(streams=100):
    def end(raw, wire):
        return {
            "linkBytesRawSent": raw,
            "linkBytesWireSent": wire,
            "linkMessagesSent": 100,
            "linkBatchesSent": 8,
            "linkStreams": streams,
        }

    return {"near": end(210000, 20000), "far": end(55000, 5000)}


def sample(cpu_us=30.0, p50=2000.0, wire=250.0, errors=()):
    return play.Sample(
        errors=list(errors),
        requests=100,
        per_s=200.0,
        latency_us={"p50": p50, "p99": 3 * p50},
        cpu_us={"near": [cpu_us / 4, cpu_us / 4], "far": [cpu_us / 4, cpu_us / 4]},
        http_bytes={"to_far": 2000.0, "to_near": 500.0, "received": 510.0},
        raw_bytes={"to_far": 2100.0, "to_near": 550.0},
        wire_bytes={"to_far": wire - 50, "to_near": 50.0},
        batch={"to_far": 12.5, "to_near": 12.5},
    )


def without_link(cpu_us, p50):
    return play.Sample(
        per_s=300.0, latency_us={"p50": p50, "p99": 2 * p50}, cpu_us={"httptp": [cpu_us, 0.0]}
    )


class Links(unittest.TestCase):
    def test_the_default_has_no_flag_but_the_delay(self):
        self.assertEqual(links.LINKS["v2"].near_flags("1ms"), ["-outDelay=1ms"])
        self.assertEqual(links.LINKS["v2"].far_flags("1ms"), ["-inDelay=1ms"])

    def test_both_ends_get_the_flags_of_their_side(self):
        link = links.LINKS["v0-flate6"]
        self.assertEqual(
            link.near_flags("0"), ["-outDelay=0", "-outProtocol=v0", "-outCompress=flate:6"]
        )
        self.assertEqual(
            link.far_flags("0"), ["-inDelay=0", "-inProtocol=v0", "-inCompress=flate:6"]
        )
        for flags in (links.LINKS["v2-small"].near_flags, links.LINKS["v2-small"].far_flags):
            self.assertEqual(flags("0")[1:], ["-linkMemory=small"])

    def test_every_codec_that_is_named_is_one_of_link_codec(self):
        with open(os.path.join(HERE, "codecs.cc"), encoding="utf-8") as file:
            known = set(re.findall(r'\{"([\w-]+)", \[\]', file.read()))
        named = {link.codec for link in links.LINKS.values() if link.codec}
        self.assertEqual(named - known, set())
        self.assertIn("v2", named)


class Recordings(unittest.TestCase):
    def count(self, content):
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            return links.count_pairs(file.name)

    def test_counts_pairs(self):
        pair = struct.pack("<II", 3, 2) + b"abcde"
        self.assertEqual(self.count(b"HTPAIRS1" + 7 * pair), 7)

    def test_refuses_what_is_no_recording_or_cut(self):
        whole = b"HTPAIRS1" + 2 * (struct.pack("<II", 3, 2) + b"abcde")
        self.assertEqual(self.count(whole[: 8 + 13]), 1)
        for size in [*range(8 + 13), *range(8 + 14, len(whole))]:
            with self.assertRaises(ValueError, msg=size):
                self.count(whole[:size])


class Samples(unittest.TestCase):
    def test_everything_is_by_the_request(self):
        one = play.Sample()
        play.fill_load(one, result(), 100)
        play.fill_link(one, links.LINKS["v2"], counters(), 100)
        self.assertEqual(one.errors, [])
        self.assertEqual(one.per_s, 200)
        self.assertEqual(one.http_bytes, {"to_far": 2000, "to_near": 500, "received": 510})
        self.assertEqual(one.raw_bytes, {"to_far": 2100, "to_near": 550})
        self.assertEqual(one.wire_bytes, {"to_far": 200, "to_near": 50})
        self.assertEqual(one.batch, {"to_far": 12.5, "to_near": 12.5})
        self.assertEqual(one.ratio(), 10)

    def test_a_request_that_was_not_answered_is_an_error(self):
        one = play.Sample()
        play.fill_load(one, result(99, failures={"connection reset": 1}), 100)
        self.assertEqual(
            one.errors, ["load: connection reset 1", "99 of 100 requests were answered"]
        )
        with self.assertRaises(window.Failed):
            play.fill_load(play.Sample(), result(0), 100)

    def test_the_other_version_is_an_error(self):
        for name, streams in (("v2", 0), ("v0-flate1", 100)):
            one = play.Sample()
            play.fill_link(one, links.LINKS[name], counters(streams), 100)
            self.assertEqual(len(one.errors), 1, name)

    def test_there_is_no_ratio_without_a_link(self):
        self.assertIsNone(without_link(10, 10).ratio())


class Tables(unittest.TestCase):
    ROUNDS = [
        {
            links.NO_LINK: without_link(10.0, 500.0),
            "v2": sample(30.0, 2000.0),
            "v0-flate1": sample(40.0, 2500.0, wire=500.0),
        },
        {
            links.NO_LINK: without_link(20.0, 900.0),
            "v2": sample(30.0, 2000.0),
            "v0-flate1": sample(60.0, 2500.0, wire=500.0),
        },
        {
            links.NO_LINK: without_link(20.0, 900.0),
            "v2": sample(5.0, 2000.0, errors=["x"]),
            "v0-flate1": sample(60.0, 2500.0, wire=500.0),
        },
    ]

    def test_pairs_are_of_one_round_and_without_errors(self):
        self.assertEqual(tables.cpu_parts(self.ROUNDS, "v2", "v0-flate1"), [0.75, 0.5])
        self.assertEqual(tables.added_us(self.ROUNDS, "v2", "p50"), [1500, 1100])
        self.assertEqual(tables.added_us(self.ROUNDS, links.NO_LINK, "p50"), [])

    def test_the_codecs_table_is_read(self):
        codec = tables.codec_ratios(CODEC_TEXT)
        self.assertEqual(codec, {"zlib6": 5.2, "v2": 8.9})
        self.assertAlmostEqual(tables.of_codec(self.ROUNDS, "v2", codec), 10 / 8.9)
        self.assertIsNone(tables.of_codec(self.ROUNDS, "v0-flate1", codec))
        for text in ("", "link_codec: cannot read x", CODEC_TEXT.replace("8.90", "many")):
            with self.assertRaises(ValueError, msg=text):
                tables.codec_ratios(text)

    def test_says_whether_the_default_link_is_as_it_must_be(self):
        good, slow = self.ROUNDS[:1], [{**self.ROUNDS[0], "v2": sample(50.0, wire=330.0)}]
        codec = {"v2": 8.9}
        self.assertEqual(
            tables.verdicts(good, codec),
            [
                "ratio of v2: 1.12 of the codec's alone, reaches 0.9",
                "CPU of v2: 0.75 of v0-flate1's, below it",
            ],
        )
        self.assertEqual(
            tables.verdicts(slow, codec),
            [
                "ratio of v2: 0.85 of the codec's alone, **does not reach** 0.9",
                "CPU of v2: 1.25 of v0-flate1's, **not below** it",
            ],
        )

    def test_every_row_has_all_columns_and_errors_are_named(self):
        names = [*self.ROUNDS[0], "v2-large"]
        text = tables.case_text("rtb", self.ROUNDS, names, {"v2": 8.9})
        for line in text.split("\n"):
            if line.startswith("| "):
                self.assertIn(line.count("|"), (19, 7), line)
        self.assertIn("**1 of 3 rounds**", text)
        self.assertIn("- round 3, v2: x", text)
        self.assertNotIn("v2-large", text)

    def test_a_link_that_never_worked_has_a_row_of_nothing(self):
        rounds = [{"v2": play.Sample(errors=["no program"])}]
        text = tables.case_text("rtb", rounds, ["v2"], {"v2": 8.9})
        self.assertIn("| v2 | - | - |", text)
        self.assertIn("- round 1, v2: no program", text)


if __name__ == "__main__":
    unittest.main()
